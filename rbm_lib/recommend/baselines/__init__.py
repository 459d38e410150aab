"""Baselines: means, biases, neighbours, linear and factor models, an autoencoder.

Each is fitted to training ratings, always with the same result for the same ratings, and
scores or lists items for their users. If likes are what it is fitted to, every one of them
counts, and scores are for a ranking. Those of ratings are expected levels, counted from 0,
or P(like) with `LogisticBias` and `Calibrated`. Penalties are above 0.
"""

from rbm_lib.recommend.baselines.autorec import AutoRec
from rbm_lib.recommend.baselines.base import Baseline
from rbm_lib.recommend.baselines.calibrated import Calibrated
from rbm_lib.recommend.baselines.factors import IALS, MatrixFactorization
from rbm_lib.recommend.baselines.linear import EASE
from rbm_lib.recommend.baselines.means import (
    GlobalMean,
    ItemMean,
    LogisticBias,
    Popularity,
    UserItemBias,
)
from rbm_lib.recommend.baselines.neighbours import ItemKNN, ItemKNNRatings

__all__ = [
    "EASE",
    "IALS",
    "AutoRec",
    "Baseline",
    "Calibrated",
    "GlobalMean",
    "ItemKNN",
    "ItemKNNRatings",
    "ItemMean",
    "LogisticBias",
    "MatrixFactorization",
    "Popularity",
    "UserItemBias",
]
