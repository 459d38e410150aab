"""Popularity, means and biases: what a model has to beat before anything else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import eye_array, hstack
from scipy.special import expit

from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.baselines.base import Baseline, penalty
from rbm_lib.recommend.scorer import LikeChances, LikesOnly


@dataclass
class Popularity(LikesOnly, Baseline):
    """Score an item by the number of people who rated it, the same for every user.

    Examples
    --------
    >>> likes = RatingMatrix(["ann", "ann", "bob"], [7, 8, 7], [1, 1, 1])
    >>> Popularity().fit(likes).recommend(["bob"])
      user  item  rank  score
    0  bob     8     1    1.0
    """

    def _fit(self, ratings: RatingMatrix) -> None:
        self.count_ = ratings.item_counts().astype(float)

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return np.tile(self.count_, (len(rows), 1))


@dataclass
class GlobalMean(Baseline):
    """Predict the mean level everywhere."""

    def _fit(self, ratings: RatingMatrix) -> None:
        self.mean_ = float(ratings.triples()[2].mean())
        self.n_items_ = ratings.n_items

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return np.full((len(rows), self.n_items_), self.mean_)


@dataclass
class ItemMean(Baseline):
    """Predict the item's mean level, with `smoothing` ratings at the global mean added.

    Examples
    --------
    >>> ratings = RatingMatrix([1, 1, 2], [7, 8, 7], [4, 2, 4], n_levels=5)
    >>> ItemMean(smoothing=1).fit(ratings).scores([0]).round(2)
    array([[3.78, 2.67]])
    """

    smoothing: float = 5.0

    def __post_init__(self) -> None:
        self.smoothing = penalty("smoothing", self.smoothing)

    def _fit(self, ratings: RatingMatrix) -> None:
        _, items, levels = ratings.triples()
        mean = levels.mean()
        excess = np.bincount(items, levels - mean, ratings.n_items)
        self.means_ = mean + excess / (ratings.item_counts() + self.smoothing)

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return np.tile(self.means_, (len(rows), 1))


@dataclass
class UserItemBias(Baseline):
    """Predict mean + user bias + item bias, by ridge regression.

    References
    ----------
    Koren, Y. (2010). Factor in the neighbors. ACM TKDD 4, section 2.1.
    """

    reg: float = 5.0

    def __post_init__(self) -> None:
        self.reg = penalty("reg", self.reg)

    def _fit(self, ratings: RatingMatrix) -> None:
        self.mean_, self.user_bias_, self.item_bias_ = fit_biases(ratings, self.reg)

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return self.mean_ + self.user_bias_[rows, None] + self.item_bias_

    def residuals(self, ratings: RatingMatrix) -> NDArray:
        """Levels minus predictions, in the order of `ratings.triples()`."""
        users, items, levels = ratings.triples()
        prediction = self.mean_ + self.user_bias_[users] + self.item_bias_[items]
        return levels - prediction


def fit_biases(ratings: RatingMatrix, reg: float) -> tuple[float, NDArray, NDArray]:
    """Mean, user biases and item biases, by alternating least squares."""
    require_ratings("ratings", ratings, at_least=1)
    reg = penalty("reg", reg)
    users, items, levels = ratings.triples()
    mean = levels.mean()
    user_bias = np.zeros(ratings.n_users)
    item_bias = np.zeros(ratings.n_items)
    for _ in range(15):
        total = np.bincount(items, levels - mean - user_bias[users], ratings.n_items)
        item_bias = total / (ratings.item_counts() + reg)
        total = np.bincount(users, levels - mean - item_bias[items], ratings.n_users)
        user_bias = total / (ratings.user_counts() + reg)
    return mean, user_bias, item_bias


@dataclass
class LogisticBias(LikeChances, Baseline):
    """Predict P(like) = sigmoid(user bias + item bias) from ratings with levels 0 and 1."""

    penalty: float = 2.0

    def __post_init__(self) -> None:
        self.penalty = penalty("penalty", self.penalty)

    def _fit(self, ratings: RatingMatrix) -> None:
        from sklearn.linear_model import LogisticRegression  # takes a second to import

        users, items, levels = ratings.triples()
        found = np.unique(levels).tolist()
        if found != [0, 1]:
            raise ValueError(
                f"ratings: got levels {found}, expected 0 and 1, both of them. Cut them by "
                "ratings.binarize(ratings.scale.like_level())."
            )
        one_hot = [eye_array(n).tocsr() for n in ratings.shape]
        x = hstack([one_hot[0][users], one_hot[1][items]], format="csr")
        model: Any = LogisticRegression(C=1 / self.penalty, max_iter=1000, tol=1e-6)
        model.fit(x, levels)
        self.intercept_ = float(model.intercept_[0])
        self.user_bias_, self.item_bias_ = np.split(model.coef_[0], [ratings.n_users])

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return expit(self.intercept_ + self.user_bias_[rows, None] + self.item_bias_)
