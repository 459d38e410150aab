"""Songs that others have heard, for simulated listeners, with what is known of the songs."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from benchmarks.cold.by_content import standard
from benchmarks.spotify.cold import columns_of
from benchmarks.spotify.recommendations import CANDIDATES
from rbm_lib.baselines import EASE, Baseline
from rbm_lib.models import TiedDBM, TiedRBM
from rbm_lib.training import fit_tied

ALONE, RESIDUAL = "tied model, content alone", "tied model, content and residual"


@dataclass
class FromContent(Baseline):
    """Scores from content, (n_items, n_content), with a row for each song."""

    columns: str
    content: np.ndarray = field(repr=False)

    def _scores(self, rows):
        return self.table_[rows]


@dataclass
class Ridge(FromContent):
    """A regression for each listener, as one map from what was heard."""

    l2: float = 100.0

    def _fit(self, ratings):
        heard = ratings.rated().toarray().astype(float)
        x = self.content - self.content.mean(0)
        inverse = np.linalg.inv(x.T @ x + self.l2 * np.eye(x.shape[1]))
        self.table_ = (heard @ x) @ inverse @ x.T + heard.mean(1, keepdims=True)


@dataclass
class Tied(FromContent):
    """A tied model, deep if it has item units; without residual it knows no song itself."""

    item_units: int = 0
    residual: bool = False
    decay: float = 1e-3
    epochs: int = 30

    def _fit(self, ratings):
        heard = ratings.rated().toarray().astype(np.float32)
        options = {"n_taste": 64, "residual": self.residual, "seed": 0}
        if self.item_units:
            model = TiedDBM(self.content, self.item_units, **options)
        else:
            model = TiedRBM(self.content, **options)
        fit_tied(
            model,
            heard,
            epochs=self.epochs,
            weight_decay=self.decay,
            generator=torch.Generator().manual_seed(0),
            progress=False,
        )
        # As new songs they have the scores of their content, without a bias of their own.
        content = None if self.residual else self.content
        self.table_ = model.scores(heard, content).numpy()


@dataclass
class Sum(Baseline):
    """Scores of two models, each at deviation 1 for each listener."""

    first: Baseline
    second: Baseline
    weight: float = 1.0  # of the second

    def _fit(self, ratings):
        scores = [standard(one.fit(ratings).scores()) for one in (self.first, self.second)]
        self.table_ = scores[0] + self.weight * scores[1]

    def _scores(self, rows):
        return self.table_[rows]


def with_content(tracks: pd.DataFrame) -> dict[str, list[Baseline]]:
    """Recommenders by name, with the settings to choose from: two of the slow tied models."""
    columns = columns_of(tracks)

    def ridge(name: str, l2: float) -> Ridge:
        return Ridge(name, columns[name], l2)

    def tied(residual: bool) -> list[Baseline]:
        return [
            Tied("line", columns["line"], item_units=128, residual=residual),
            Tied("artists doubled", columns["artists doubled"], residual=residual),
        ]

    ridges = [ridge(name, l2) for name in ("hats", "artists doubled") for l2 in (100, 1000)]
    weights = (0.3, 1.0, 3.0)
    best = ridge("artists doubled", 100)
    return {
        "EASE": CANDIDATES["EASE"],
        "iALS": CANDIDATES["iALS"],
        "ridge per listener": ridges,
        "EASE + ridge": [Sum(EASE(100), best, weight) for weight in weights],
        ALONE: tied(residual=False),
        RESIDUAL: tied(residual=True),
    }
