"""Models of taste that score a new film: iALS mapped from content, and tied models."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.cold.by_content import kernel_map
from rbm_lib import Recommender
from rbm_lib.data import RatingMatrix
from rbm_lib.models import TiedDBM, TiedRBM
from rbm_lib.recommend import baselines
from rbm_lib.recommend.cold import ColdTask, predict_from_content
from rbm_lib.training import fit_tied


def ials(task: ColdTask, alpha: float, reg: float) -> np.ndarray:
    """u.v of the known films. A linear map of the v is the same map of these."""

    def compute() -> np.ndarray:
        users, films = task.likes.nonzero()
        ids = {"user_ids": range(len(task.likes)), "item_ids": range(len(task.content))}
        likes = RatingMatrix(users, films, np.ones(len(users), int), **ids)
        return baselines.IALS(reg=reg, alpha=alpha).fit(likes).scores()

    return remembered(task, ("ials", alpha, reg), compute)


def ials_ridge(task: ColdTask, alpha: float, reg: float, l2: float) -> np.ndarray:
    return predict_from_content(ials(task, alpha, reg), task, l2)


def ials_kernel(
    task: ColdTask, alpha: float, reg: float, l2: float, width: float
) -> np.ndarray:
    return ials(task, alpha, reg) @ remembered(
        task, ("kernel", l2, width), lambda: kernel_map(task, l2, width)
    )


def remembered(task: ColdTask, key: Any, compute: Callable[[], Any]) -> Any:
    """What several settings need, computed once for each task."""
    cache = vars(task).setdefault("cache", {})
    if key not in cache:
        cache[key] = compute()
    return cache[key]


def scores_of(model: Any, task: ColdTask, decay: float, method: Any = None) -> np.ndarray:
    """Train a tied model and score the new films."""
    rng = torch.Generator().manual_seed(0)
    fit_tied(model, task.likes, method, weight_decay=decay, generator=rng, progress=False)
    vars(task)["model"] = model
    return model.scores(task.likes, task.new_content).numpy()


def tied_rbm(
    task: ColdTask, n_taste: int, decay: float, residual: bool = True, method: Any = None
) -> np.ndarray:
    model = TiedRBM(task.content, n_taste, residual=residual, seed=0)
    return scores_of(model, task, decay, method)


def tied_dbm(task: ColdTask, n_taste: int, decay: float) -> np.ndarray:
    return scores_of(TiedDBM(task.content, 64, n_taste, seed=0), task, decay)


def of_shuffled_content(task: ColdTask, rng: np.random.Generator) -> np.ndarray:
    """The scores of the model trained last, if new items get each other's content."""
    shuffled = rng.permutation(task.new_content)
    return vars(task)["model"].scores(task.likes, shuffled).numpy()


def recommender(task: ColdTask, films: pd.DataFrame) -> np.ndarray:
    """What a user of the library gets by a table of genres and dates, with defaults."""
    users, items = task.likes.nonzero()
    ones = np.ones(len(users), int)
    likes = RatingMatrix(users, task.known[items], ones, item_ids=task.known)
    table = films.rename_axis("item").reset_index()
    # New films have scores of the tied model alone, so the RBM's training may be short.
    model = Recommender(
        content=table.iloc[[*task.known, *task.new]], epochs=1, validation=0
    )
    model.fit(likes)
    return model.scores(new_items=True)
