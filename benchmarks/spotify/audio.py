"""Songs that nobody has heard, known by their sound alone: what depth is worth."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.cold.by_content import cosine, ridge
from benchmarks.cold.by_taste import of_shuffled_content, scores_of
from benchmarks.cold.tries import grid
from benchmarks.spotify.cold import quarter
from benchmarks.spotify.study import Study, Tasks
from rbm_lib.data.spotify import FEATURES
from rbm_lib.models import TiedDBM, TiedRBM
from rbm_lib.recommend.cold import ColdTask
from rbm_lib.recommend.content import in_parts

REFERENCE = "TiedDBM, 64 item units"
N_TASTE = 64
HATS = "hat functions"


def columns_of(tracks: pd.DataFrame) -> dict[str, np.ndarray]:
    """The fourteen features as they are, or with hat functions; all at deviation 1/2."""
    numbers = tracks[list(FEATURES)].to_numpy(float)
    bent = np.hstack([in_parts(column, column) for column in numbers.T])
    return {"features": 2 * quarter(numbers), HATS: 2 * quarter(bent)}


def tied_rbm(task: ColdTask, decay: float, n_taste: int = N_TASTE) -> np.ndarray:
    return scores_of(TiedRBM(task.content, n_taste, residual=False, seed=0), task, decay)


def tied_dbm(task: ColdTask, decay: float) -> np.ndarray:
    return scores_of(deep(task.content), task, decay)


def deep(content: np.ndarray) -> TiedDBM:
    sizes = {"n_hidden": 64, "n_taste": N_TASTE}
    return TiedDBM(content, **sizes, residual=False, content_std=2.0, seed=0)


def tied_rbm_of_equal_size(task: ColdTask, decay: float) -> np.ndarray:
    """So many tastes that it has as many parameters as the TiedDBM, or a few more."""
    n_items, n_content = task.content.shape
    n_parameters = sum(p.numel() for p in deep(task.content).parameters())
    biases = n_items + n_content
    n_taste = -(-(n_parameters - biases) // (n_content + 1))
    return tied_rbm(task, decay, n_taste)


def controls(
    tasks: Tasks,
    scores: dict[str, np.ndarray],
    setting: dict[str, Any],
    rng: np.random.Generator,
) -> Iterator[tuple[str, np.ndarray]]:
    task = tasks[setting["columns"]]
    yield "  with shuffled content", of_shuffled_content(task, rng)


DECAYS = (3e-4, 1e-3, 3e-3)
SOUND, BENT = ("features",), (HATS,)
AUDIO = Study(
    columns=columns_of,
    grids={
        "cosine of mean content": (
            partial(cosine, rare=False),
            grid(columns=("features", HATS), centre=(False, True)),
        ),
        "ridge per listener": (ridge, grid(columns=SOUND, l2=(10, 100, 1000))),
        "ridge on hat functions": (ridge, grid(columns=BENT, l2=(10, 100, 1000))),
        "TiedRBM": (tied_rbm, grid(columns=SOUND, decay=DECAYS)),
        "TiedRBM of equal size": (
            tied_rbm_of_equal_size,
            grid(columns=SOUND, decay=DECAYS),
        ),
        "TiedRBM on hat functions": (tied_rbm, grid(columns=BENT, decay=DECAYS)),
        REFERENCE: (tied_dbm, grid(columns=SOUND, decay=DECAYS)),
    },
    reference=REFERENCE,
    controls=controls,
    log_odds=(
        REFERENCE,
        "TiedRBM",
        "TiedRBM of equal size",
        "TiedRBM on hat functions",
    ),
)
