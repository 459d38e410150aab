"""What all baselines have in common: fit, scores and lists."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.checks import require_number
from rbm_lib.data.ids import Ids
from rbm_lib.data.levels import Rows
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.lists import recommend


class Baseline(ABC):
    """A recommender that is fitted to a RatingMatrix and scores its users' items."""

    def fit(self, ratings: RatingMatrix) -> Self:
        """Fit to these ratings, from which every later answer follows.

        Parameters
        ----------
        ratings : RatingMatrix
            With at least one rating. To a `LikesOnly` baseline, every rating is a like.

        Returns
        -------
        Self
        """
        require_ratings("ratings", ratings, at_least=1)
        self._fit(ratings)
        self.ratings_ = ratings
        return self

    def scores(self, rows: Rows = slice(None)) -> NDArray:
        """Score all items for some users.

        Parameters
        ----------
        rows : whole numbers, boolean mask or slice
            Rows of the ratings that `fit` was given. By default all of them.

        Returns
        -------
        (n_rows, n_items) array of float
        """
        return self._scores(self._fitted()._index(rows))

    def recommend(self, users: Ids | None = None, n: int = 10) -> pd.DataFrame:
        """List the n best items that a user has not rated.

        Parameters
        ----------
        users : ids, optional
            By default everybody. An unknown one is a ValueError.
        n : int
            A list is shorter where fewer items are left.

        Returns
        -------
        DataFrame with the columns user, item, rank (from 1) and score
        """
        return recommend(self.scores, self._fitted(), users, n)

    def _fitted(self) -> RatingMatrix:
        ratings = getattr(self, "ratings_", None)
        if ratings is None:
            raise ValueError(f"{self!r}: got no ratings yet. Call fit(ratings) first.")
        return ratings

    @abstractmethod
    def _fit(self, ratings: RatingMatrix) -> None:
        """Learn from ratings that have been checked."""

    @abstractmethod
    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        """The scores of these rows, (n_rows, n_items)."""


def penalty(name: str, value: Any) -> float:
    """A number above 0: without a penalty, rows without ratings have no solution."""
    return require_number(name, value, least=1e-6, most=1e9)
