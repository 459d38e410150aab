"""Baselines: means, biases, neighbours, linear and factor models, an autoencoder.

Each is fitted to training ratings, always with the same result for the same ratings, and
scores or lists items for their users. To `Popularity`, `ItemKNN`, `EASE` and `IALS` every
rating that they are fitted to is a like, and scores are for a ranking; `evaluate` gives
them the likes alone (`LikesOnly`). Scores of the others are expected levels, counted from
0, or P(like) with `LogisticBias` and `Calibrated`. Penalties are above 0.
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
from rbm_lib.recommend.scorer import LikeChances, LikesOnly

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
    "LikeChances",
    "LikesOnly",
    "LogisticBias",
    "MatrixFactorization",
    "Popularity",
    "UserItemBias",
]
