"""Splits into training and held-out ratings, and choices made on training ratings alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, require_number, require_whole
from rbm_lib.data.masks import assert_no_leak
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.metrics import ranking_metrics, rating_metrics

__all__ = ["Scorer", "Split", "assert_no_leak", "random_split", "select"]

Scorer: TypeAlias = Callable[[RatingMatrix], ArrayLike]


@dataclass(frozen=True)
class Split:
    """Training and held-out ratings of the same users and items, without a common cell.

    A scorer is a function of a RatingMatrix. It gets `train` and cannot see `held_out`.
    """

    train: RatingMatrix
    held_out: RatingMatrix

    def __post_init__(self) -> None:
        require_ratings("train", self.train)
        require_ratings("held_out", self.held_out)
        for ids in ("user_ids", "item_ids"):
            if not np.array_equal(getattr(self.train, ids), getattr(self.held_out, ids)):
                raise ValueError(
                    f"held_out: got other {ids} than train, expected the same."
                )
        assert_no_leak(self.train, self.held_out)

    def ranking(self, scorer: Scorer, k: ArrayLike = 10, **options: Any) -> pd.DataFrame:
        """Compute `ranking_metrics` of a scorer that returns scores (n_users, n_items).

        Held-out ratings of the highest level are relevant.
        """
        relevant = self.held_out.likes(self.held_out.n_levels - 1)
        scores = scores_of(scorer, self.train)
        return ranking_metrics(scores, relevant, self.train, k, **options)

    def rating(
        self, scorer: Scorer, like_at_least: int | None = None, **options: Any
    ) -> pd.DataFrame:
        """Compute `rating_metrics` of a scorer that returns P(like), (n_users, n_items).

        Likes have the level `like_at_least` or a higher one, as in `RatingMatrix.likes`.
        """
        likes = self.held_out.likes(like_at_least).toarray()
        users, items, _ = self.held_out.triples()
        prob = scores_of(scorer, self.train)
        return rating_metrics(prob[users, items], likes[users, items], users, **options)


def random_split(ratings: RatingMatrix, share: float = 0.2, seed: int = 0) -> Split:
    """Hold out a random share of each user's ratings, rounded, but never all of them.

    Examples
    --------
    >>> ratings = RatingMatrix([1] * 5 + [2], [1, 2, 3, 4, 5, 1], [1] * 6)
    >>> random_split(ratings, 0.4).train.user_counts()
    array([3, 1])
    """
    require_ratings("ratings", ratings)
    share = require_number("share", share, least=0.001, most=0.999)
    rng = np.random.default_rng(require_whole("seed", seed, least=0))
    users, _, _ = ratings.triples()
    draws = pd.Series(rng.random(len(users)))
    rank = draws.groupby(users).rank(method="first").to_numpy()
    count = ratings.user_counts()
    n_held_out = np.minimum(np.round(share * count), count - 1)
    held_out = rank <= n_held_out[users]
    return Split(ratings.keep(~held_out), ratings.keep(held_out))


def select(
    candidates: dict[Any, Scorer],
    train: RatingMatrix,
    measure: Callable[[Split, Scorer], float],
    share: float = 0.2,
    seeds: Sequence[int] = (0,),
) -> tuple[Any, pd.DataFrame]:
    """Choose the scorer with the highest mean measure on inner splits of `train`.

    Test ratings cannot take part in the choice, as there is no argument for them. Returns
    the name, among equal ones the first, and a DataFrame of name, seed and value.
    """
    require_ratings("train", train)
    if not isinstance(candidates, dict) or not all(map(callable, candidates.values())):
        raise ValueError("candidates: got others, expected functions by name.")
    if not callable(measure):
        raise TypeError(f"measure: got {measure!r}, expected a function.")
    if not candidates or not seeds:
        raise ValueError("candidates, seeds: got none, expected one or more of each.")
    splits = {seed: random_split(train, share, seed) for seed in seeds}
    records = []
    for name, scorer in candidates.items():
        for seed, split in splits.items():
            value = float(measure(split, scorer))
            if not np.isfinite(value):
                raise ValueError(f"measure: got {value} for {name!r}, expected a number.")
            records.append({"name": name, "seed": seed, "value": value})
    results = pd.DataFrame(records)
    means = results.groupby("name", sort=False)["value"].agg("mean")
    return means.idxmax(), results


def scores_of(scorer: Scorer, ratings: RatingMatrix) -> NDArray:
    """A scorer's numbers, (n_users, n_items)."""
    if not callable(scorer):
        given = type(scorer).__name__
        raise TypeError(f"scorer: got {given}, expected a function of a RatingMatrix.")
    return as_numbers(scorer(ratings), "scorer", ratings.shape, most=np.inf).cpu().numpy()
