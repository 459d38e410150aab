"""RBMs of who kept what, as columns of log-odds."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import BaseEstimator
from sklearn.metrics import roc_auc_score

from benchmarks.deezer.scores import log
from rbm_lib import RBM, Monitor, RatingMatrix, fit
from rbm_lib.data.deezer.features import keep_matrix, temporal_split
from rbm_lib.models import VisibleData
from rbm_lib.recommend import score_items
from rbm_lib.training import ItemMeanDecay, linear_decay

ITEMS = {"RBM on tracks": "media_id", "RBM on artists": "artist_id"}
MIN_PLAYS = 5  # items with fewer plays are left out
DECAYS = (0.01, 0.03, 0.1, 0.3)

# How everything here is trained, belief networks too.
QUIET = {"schedule": linear_decay(), "device": "cpu", "progress": False}


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def unwatched() -> list[Monitor]:
    """For a training whose progress nobody looks at."""
    return [Monitor(every=10**6)]


def machine(
    matrix: RatingMatrix,
    decay: float = 0.1,
    offset: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
) -> RBM:
    """A masked RBM, two levels per item, a row per user."""
    model = RBM(matrix.n_items, 20, "categorical", 2, weight_std=0.05, seed=0)
    v, observed = matrix.batch(slice(None))
    model.initialize_from(torch.nn.functional.one_hot(v.long(), 2), observed)
    if bias is not None:
        model.visible_bias.data.copy_(bias)
    fit(
        model,
        VisibleData(model, matrix, visible_offset=offset),
        epochs=30,
        batch_size=50,
        lr=0.05,
        weight_decay=ItemMeanDecay(decay),
        callbacks=unwatched(),
        generator=seeded(),
        **QUIET,
    )
    return model


def log_odds(
    model: RBM,
    matrix: RatingMatrix,
    rows: pd.DataFrame,
    item: str,
    offset: torch.Tensor | None = None,
) -> NDArray[np.float64]:
    """Of keeping, for each row's user and item, given the matrix; NaN for unknown items."""
    person = matrix.user_index(rows["user_id"])
    place = pd.Index(matrix.item_ids).get_indexer(rows[item])
    chance = score_items(model, matrix, visible_offset=offset).double().numpy()
    odds = logit(chance.clip(1e-6, 1 - 1e-6))
    return np.where(place >= 0, odds[person, place], np.nan)


class Machines(BaseEstimator):
    """A column for each item of `decays`: the log-odds of an RBM on all `users`."""

    def __init__(self, users, decays):
        self.users = users
        self.decays = decays

    def fit(self, listens, y=None):
        self.matrices_ = {}
        self.models_ = {}
        for item, decay in self.decays.items():
            matrix = keep_matrix(listens, item, user_ids=self.users, min_plays=MIN_PLAYS)
            self.matrices_[item] = matrix
            self.models_[item] = machine(matrix, decay)
        return self

    def transform(self, listens):
        columns = [
            log_odds(model, self.matrices_[item], listens, item)
            for item, model in self.models_.items()
        ]
        return np.column_stack(columns)


def chosen_decays(known: pd.DataFrame, users: NDArray) -> dict[str, float]:
    """For each item the decay with the highest AUC on the last of the known days.

    Rows whose item the RBM does not know are left out.
    """
    earlier, later = (known[part] for part in temporal_split(known))
    best = {}
    for item in ITEMS.values():
        aucs = []
        for decay in DECAYS:
            column = Machines(users, {item: decay}).fit(earlier).transform(later)[:, 0]
            answered = np.isfinite(column)
            truth = later["is_listened"][answered]
            aucs.append(roc_auc_score(truth, column[answered]))
            log(f"RBM on {item}, decay {decay}: {aucs[-1]:.4f} on the inner split")
        best[item] = DECAYS[int(np.argmax(aucs))]
    return best
