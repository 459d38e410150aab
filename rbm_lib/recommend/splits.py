"""Splits into training and held-out ratings, and a choice of model that sees training only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, check_shape, require_number, require_whole
from rbm_lib.data.masks import assert_no_leak
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.metrics import ranking_metrics, rating_metrics

__all__ = ["Scorer", "Split", "assert_no_leak", "random_split", "select"]

Scorer: TypeAlias = Callable[[RatingMatrix], ArrayLike]


@dataclass(frozen=True)
class Split:
    """Training and held-out ratings over the same users and items.

    A scorer is a function of the training ratings, so it cannot see the held-out ones.

    Parameters
    ----------
    train, held_out : RatingMatrix

    Raises
    ------
    ValueError
        If users or items differ, or a cell is in both.
    """

    train: RatingMatrix
    held_out: RatingMatrix

    def __post_init__(self) -> None:
        require_ratings("train", self.train)
        require_ratings("held_out", self.held_out)
        for ids in ("user_ids", "item_ids"):
            if not np.array_equal(getattr(self.train, ids), getattr(self.held_out, ids)):
                raise ValueError(
                    f"held_out: got other {ids} than those of train, expected the same. "
                    f"Build both with the same {ids}=."
                )
        assert_no_leak(self.train, self.held_out)

    def ranking(
        self, scorer: Scorer, k: int | Sequence[int] = 10, **options
    ) -> pd.DataFrame:
        """Compute `ranking_metrics` of the scores (n_users, n_items) that a scorer returns.

        Held-out ratings of the highest level are relevant; all unseen items compete.
        """
        relevant = self.held_out.likes(self.held_out.n_levels - 1)
        scores = scores_of(scorer, self.train)
        return ranking_metrics(scores, relevant, self.train, k, **options)

    def rating(
        self, scorer: Scorer, like_at_least: int | None = None, **options
    ) -> pd.DataFrame:
        """Compute `rating_metrics` of a scorer on the held-out ratings, grouped by user.

        The scorer returns P(like), (n_users, n_items), or P(level), (n_users, n_items,
        n_levels), which gives the RMSE too. A rating is a like if its level, counted from 0,
        is `like_at_least` or higher; with two levels that is 1 by default.
        """
        likes = self.held_out.likes(like_at_least).toarray()
        users, items, levels = self.held_out.triples()
        prob = scores_of(scorer, self.train)[users, items]
        if prob.ndim == 2:
            options |= {"predicted": prob @ np.arange(prob.shape[1]), "rating": levels}
            prob = prob[:, like_at_least or 1 :].sum(1)
        return rating_metrics(prob, likes[users, items], users, **options)


def random_split(ratings: RatingMatrix, share: float = 0.2, seed: int = 0) -> Split:
    """Hold out a random share of each user's ratings.

    Parameters
    ----------
    ratings : RatingMatrix
    share : float, above 0 and below 1
        Rounded for each user, who keeps at least one rating for training.
    seed : int

    Examples
    --------
    >>> ratings = RatingMatrix([1] * 5 + [2], [1, 2, 3, 4, 5, 1], [1] * 6)
    >>> random_split(ratings, 0.4).train.user_counts()
    array([3, 1])
    """
    require_ratings("ratings", ratings)
    share = require_number("share", share, most=1)
    if not 0 < share < 1:
        raise ValueError(f"share: got {share}, expected a number between 0 and 1.")
    rng = np.random.default_rng(require_whole("seed", seed, least=0))

    users, _, _ = ratings.triples()
    draws = pd.Series(rng.random(len(users)))
    rank = draws.groupby(users).rank(method="first").to_numpy()
    count = ratings.user_counts()
    n_held_out = np.minimum(np.round(share * count), count - 1)
    held_out = rank <= n_held_out[users]
    return Split(ratings.keep(~held_out), ratings.keep(held_out))


def select(
    candidates: dict[str, Scorer],
    train: RatingMatrix,
    measure: Callable[[Split, Scorer], float],
    share: float = 0.2,
    seeds: Sequence[int] = (0,),
) -> tuple[str, pd.DataFrame]:
    """Choose among scorers by their mean result on inner splits of the training ratings.

    There is no argument for test ratings, so that they cannot take part in the choice.

    Parameters
    ----------
    candidates : dict
        Scorers by name.
    train : RatingMatrix
    measure : function of an inner split and a scorer
        Higher is better, such as the NDCG@10 of ``split.ranking(scorer)``.
    share, seeds
        Of the inner splits, as in `random_split`.

    Returns
    -------
    best : name of the best candidate, among equal ones the first
    results : DataFrame of name, seed and value
    """
    if not isinstance(candidates, dict) or not candidates:
        raise ValueError(f"candidates: got {candidates!r:.60}, expected {{name: scorer}}.")
    if len(seeds) == 0:
        raise ValueError("seeds: got none, expected one or more.")
    splits = {seed: random_split(train, share, seed) for seed in seeds}
    records = []
    for name, scorer in candidates.items():
        for seed, split in splits.items():
            value = float(measure(split, scorer))
            if not np.isfinite(value):
                raise ValueError(f"measure: got {value} for {name!r}, expected a number.")
            records.append({"name": name, "seed": seed, "value": value})
    results = pd.DataFrame(records)
    means = results.groupby("name", sort=False)["value"].mean()
    return means.index[means.argmax()], results


def scores_of(scorer: Scorer, ratings: RatingMatrix) -> NDArray:
    """A scorer's checked scores, (n_users, n_items), or of levels (n_users, n_items, n_levels)."""
    if not callable(scorer):
        given = type(scorer).__name__
        raise TypeError(f"scorer: got {given}, expected a function of a RatingMatrix.")
    scores = as_numbers(scorer(ratings), "scorer's scores", most=None).cpu()
    n_levels = (ratings.n_levels,) if scores.ndim == 3 else ()
    check_shape(scores, "scorer's scores", (*ratings.shape, *n_levels))
    if torch.isnan(scores).any():
        raise ValueError("scorer's scores: got NaN, expected numbers.")
    return scores.numpy()
