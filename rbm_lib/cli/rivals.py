"""The simple methods that stand beside a model, tuned as it is."""

import copy
from typing import Any

import numpy as np

from rbm_lib.recommend import baselines
from rbm_lib.recommend.probabilities import rating_metrics
from rbm_lib.recommend.scorer import fitted
from rbm_lib.recommend.splits import Split, random_split

LARGEST_EASE = 20_000  # items or people: EASE inverts a matrix of this size
# What `--tune` tries, the default first. The model has six settings.
TRIES = {
    "ItemKNN": ("k", (200, 20, 50, 100, 400, 800, 1600)),
    "EASE": ("l2", (300.0, 30.0, 100.0, 200.0, 500.0, 1000.0, 3000.0)),
    "iALS": ("reg", (1.0, 0.1, 0.3, 0.6, 2.0, 4.0, 8.0)),
    "item mean": ("smoothing", (5.0, 0.5, 1.0, 2.0, 10.0, 20.0, 50.0)),
    "user + item bias": ("penalty", (2.0, 0.25, 0.5, 1.0, 4.0, 8.0, 16.0)),
    "matrix factorisation": ("reg", (0.15, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)),
}


def rivals(task: str, split: Split) -> dict[str, Any]:
    """What the model has to beat."""
    if task == "rate":
        factors = baselines.Calibrated(baselines.MatrixFactorization())
        return {
            "share of likes": baselines.GlobalMean(),
            "item mean": baselines.ItemMean(),
            "user + item bias": baselines.LogisticBias(),
            "matrix factorisation": factors,
        }
    found: dict[str, Any] = {
        "popularity": baselines.Popularity(),
        "ItemKNN": baselines.ItemKNN(),
        "EASE": baselines.EASE(),
        "iALS": baselines.IALS(),
    }
    if min(split.train.shape) > LARGEST_EASE:
        del found["EASE"]
    return found


def tuned(others: dict[str, Any], task: str, split: Split, seed: int) -> dict[str, Any]:
    """The rivals with the setting of `TRIES` that is best on a part of `split.train`.

    The part is the one on which `tune` chooses the settings of the model.
    """
    inner = random_split(split.train, 0.2, seed)
    return {name: _best(name, other, task, inner) for name, other in others.items()}


def _best(name: str, other: Any, task: str, inner: Split) -> Any:
    if name not in TRIES:
        return other
    setting, values = TRIES[name]
    candidates = [_with(other, setting, value) for value in values]
    measured = [_value(copy.deepcopy(model), task, inner) for model in candidates]
    return candidates[int(np.argmax(measured))]


def _with(other: Any, setting: str, value: Any) -> Any:
    """A copy with another setting, in what it calibrates if it is a calibration."""
    copied = copy.deepcopy(other)
    inside = getattr(copied, "model", copied)
    setattr(inside, setting, value)
    return copied


def _value(other: Any, task: str, inner: Split) -> float:
    """NDCG@10, or the negative log-loss."""
    if task == "rank":
        return float(inner.rank(other, 10).per_user["NDCG@10"].to_numpy().mean())
    users, items, label = inner.held_out.triples()
    chance = fitted(other, inner.train).scores_at(users, items).clip(0, 1)
    table = rating_metrics(chance, label, users, n_bootstrap=1).set_index("metric")
    return -float(table.loc["log-loss", "mean"])
