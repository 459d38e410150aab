"""The simple methods that stand beside a model, tuned as it is."""

import copy
from typing import Any

import numpy as np

from rbm_lib.recommend import baselines
from rbm_lib.recommend.compare_ratings import predictions
from rbm_lib.recommend.recommender import Recommender
from rbm_lib.recommend.splits import Split, random_split

LARGEST_EASE = 20_000  # items or people: EASE inverts a matrix of this size
LARGEST_KNN = 6_000  # items: neighbours of ratings hold six matrices of this size
# What `--tune` tries, the default first. The model has six settings.
TRIES = {
    "ItemKNN": ("k", (200, 20, 50, 100, 400, 800, 1600)),
    "EASE": ("l2", (300.0, 30.0, 100.0, 200.0, 500.0, 1000.0, 3000.0)),
    "IALS": ("reg", (1.0, 0.1, 0.3, 0.6, 2.0, 4.0, 8.0)),
    "ItemMean": ("smoothing", (5.0, 0.5, 1.0, 2.0, 10.0, 20.0, 50.0)),
    "UserItemBias": ("reg", (5.0, 0.5, 1.0, 2.0, 10.0, 20.0, 50.0)),
    "LogisticBias": ("penalty", (2.0, 0.25, 0.5, 1.0, 4.0, 8.0, 16.0)),
    "ItemKNNRatings": ("k", (40, 10, 20, 60, 80, 160, 320)),
    "MatrixFactorization": ("reg", (0.15, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)),
}


def rivals(task: str, split: Split) -> dict[str, Any]:
    """What the model has to beat, and what can be fitted to so many people and items."""
    found: dict[str, Any]
    if task == "rate":
        found = {
            "share of likes": baselines.GlobalMean(),
            "item mean": baselines.ItemMean(),
            "user + item bias": baselines.UserItemBias(),
            "ItemKNN": baselines.ItemKNNRatings(),
            "matrix factorisation": baselines.MatrixFactorization(),
        }
        if split.train.n_levels == 2:  # of likes alone
            found["user + item bias"] = baselines.LogisticBias()
        if split.train.n_items > LARGEST_KNN:
            del found["ItemKNN"]
        return found
    found = {
        "popularity": baselines.Popularity(),
        "ItemKNN": baselines.ItemKNN(),
        "EASE": baselines.EASE(),
        "iALS": baselines.IALS(),
    }
    if min(split.train.shape) > LARGEST_EASE:
        del found["EASE"]
    return found


def tuned(others: dict[str, Any], model: Recommender, split: Split) -> dict[str, Any]:
    """The rivals with the setting of `TRIES` that is best on a part of `split.train`.

    The part is the one on which `tune` chooses the settings of the model.
    """
    inner = random_split(split.train, 0.2, model.seed)
    return {name: _best(other, model, inner) for name, other in others.items()}


def chosen_text(others: dict[str, Any]) -> str:
    """The setting of each rival that has one, and whether it is the default."""
    texts = []
    for name, other in others.items():
        if type(other).__name__ in TRIES:
            setting, values = TRIES[type(other).__name__]
            value = getattr(other, setting)
            usual = " (the default)" if value == values[0] else ""
            texts.append(f"{name} with {setting} {value:g}{usual}")
    return ", ".join(texts)


def _best(other: Any, model: Recommender, inner: Split) -> Any:
    if type(other).__name__ not in TRIES:
        return other
    setting, values = TRIES[type(other).__name__]
    candidates = [copy.deepcopy(other) for _ in values]
    for candidate, value in zip(candidates, values, strict=True):
        setattr(candidate, setting, value)
    return max(candidates, key=lambda candidate: _value(candidate, model, inner))


def _value(other: Any, model: Recommender, inner: Split) -> float:
    """NDCG@10, or the negative log-loss."""
    if model.task == "rank":
        ranking = inner.rank(other, 10, model.like_at_least)
        return float(ranking.per_user["NDCG@10"].to_numpy().mean())
    like = inner.train.scale.like_level(model.like_at_least)
    label = inner.held_out.triples()[2] >= like
    chance = predictions(other, inner, model.like_at_least).like
    return float(np.log(np.where(label, chance, 1 - chance).clip(1e-12)).mean())
