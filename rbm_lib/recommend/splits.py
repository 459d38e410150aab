"""Splits into training and held-out ratings."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import require_flag, require_number, require_whole
from rbm_lib.data.ids import Ids
from rbm_lib.data.masks import assert_no_leak
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.metrics import Ranking, rank_lists, rank_scores
from rbm_lib.recommend.probabilities import rating_metrics
from rbm_lib.recommend.scorer import Scorer, fitted, likes_for

__all__ = [
    "Split",
    "assert_no_leak",
    "k_folds",
    "leave_one_out",
    "random_split",
    "split_by_time",
]

ISO_8601 = re.compile(r"\d{4}-\d\d|\d{8}(T|$)")


@dataclass(frozen=True)
class Split:
    """Training and held-out ratings of the same users and items, without a common cell.

    A recommender is fitted to `train` and cannot see `held_out`. It is copied first, so the
    one that is passed in stays as it is.
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
        if self.train.scale != self.held_out.scale:
            raise ValueError(
                f"held_out: got ratings on {self.held_out.scale}, expected "
                f"{self.train.scale}, as in train. Give both the same scale=."
            )
        assert_no_leak(self.train, self.held_out)

    def rank(
        self,
        scorer: Scorer | pd.DataFrame,
        k: ArrayLike = 10,
        like_at_least: float | None = None,
    ) -> Ranking:
        """Rank by a recommender, or by lists made elsewhere; see `ranking`."""
        relevant = self.held_out.likes(self.held_out.scale.like_level(like_at_least))
        if isinstance(scorer, pd.DataFrame):
            return rank_lists(scorer, relevant, self.train, k)
        ratings = likes_for(scorer, self.train, like_at_least)
        model = fitted(scorer, ratings, like_at_least)
        return rank_scores(model.scores, relevant, self.train, k)

    def ranking(
        self,
        scorer: Scorer | pd.DataFrame,
        k: ArrayLike = 10,
        like_at_least: float | None = None,
        n_bootstrap: int = 1000,
    ) -> pd.DataFrame:
        """Compute `ranking_metrics` of a recommender, a batch of users at a time.

        Parameters
        ----------
        scorer : recommender, or DataFrame
            Something with `fit(ratings)` and `scores(rows)`, or lists made elsewhere from
            `train`, with the columns user, item and rank. It is fitted to all ratings of
            `train`, and a recommender to which every rating is a like (`Popularity`,
            `ItemKNN`, `EASE`, `IALS`) to the likes among them. Nobody gets an item that
            they have rated in `train`, liked or not.
        k : whole number or several
        like_at_least : float, optional
            The lowest rating that is relevant, as in `Recommender`: by default the upper
            quarter of the scale is. A recommender without a `like_at_least` of its own
            takes this one.
        n_bootstrap : int
            As in `mean_interval`.
        """
        return self.rank(scorer, k, like_at_least).averages(n_bootstrap)

    def rating(
        self, scorer: Scorer, like_at_least: float | None = None, **options: Any
    ) -> pd.DataFrame:
        """Compute `rating_metrics` of a recommender whose scores are P(like).

        Likes are ratings of at least `like_at_least`, as in `ranking`.
        """
        users, items, levels = self.held_out.triples()
        likes = levels >= self.held_out.scale.like_level(like_at_least)
        prob = fitted(scorer, self.train, like_at_least).scores_at(users, items)
        return rating_metrics(prob, likes, users, **options)


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
    return _hold_out_first(ratings, _draws(ratings, seed), _rounded(ratings, share))


def leave_one_out(ratings: RatingMatrix, seed: int = 0) -> Split:
    """Hold out one random rating of each user who has two or more.

    Examples
    --------
    >>> ratings = RatingMatrix([1] * 5 + [2], [1, 2, 3, 4, 5, 1], [1] * 6)
    >>> leave_one_out(ratings).held_out.user_counts()
    array([1, 0])
    """
    require_ratings("ratings", ratings)
    n_held_out = np.minimum(1, ratings.user_counts() - 1)
    return _hold_out_first(ratings, _draws(ratings, seed), n_held_out)


def k_folds(ratings: RatingMatrix, n_folds: int = 5, seed: int = 0) -> list[Split]:
    """Hold out each rating once: a user's ratings are dealt out to the folds at random.

    Examples
    --------
    >>> ratings = RatingMatrix([1] * 5 + [2], [1, 2, 3, 4, 5, 1], [1] * 6)
    >>> [split.held_out.n_ratings for split in k_folds(ratings, 2)]
    [3, 3]
    """
    require_ratings("ratings", ratings)
    n_folds = require_whole("n_folds", n_folds, least=2)
    users, _, _ = ratings.triples()
    order = np.lexsort([_draws(ratings, seed), users])
    fold = np.empty(len(users), dtype=np.int64)
    # Going on from user to user keeps the folds equally large.
    fold[order] = np.arange(len(users)) % n_folds
    return [Split(ratings.keep(fold != n), ratings.keep(fold == n)) for n in range(n_folds)]


def split_by_time(
    ratings: RatingMatrix,
    users: Ids,
    items: Ids,
    times: ArrayLike,
    share: float = 0.2,
    per_user: bool = True,
) -> Split:
    """Hold out the latest ratings.

    Parameters
    ----------
    ratings : RatingMatrix
    users, items, times : (n_ratings,)
        When each rating was given, such as the columns of the table that `ratings` was made
        from, in any order. Times are numbers, datetimes, or ISO 8601 text such as
        2022-06-05. Other dates are for `pandas.to_datetime` first.
    share : float
        How much is held out.
    per_user : bool
        True: of each user the latest share, as in `random_split`. Other people's later
        ratings are then in the training part. False: everything after one moment, as when a
        model goes into use; newcomers after it have no training ratings. Ratings of equal
        times stay together.

    Examples
    --------
    >>> ratings = RatingMatrix(["ann", "ann", "bob"], [7, 8, 7], [1, 1, 1])
    >>> times = pd.to_datetime(["2026-01-03", "2026-01-01", "2026-01-02"])
    >>> split = split_by_time(ratings, ["ann", "ann", "bob"], [7, 8, 7], times)
    """
    require_ratings("ratings", ratings, at_least=2)
    share = require_number("share", share, least=0.001, most=0.999)
    per_user = require_flag("per_user", per_user)
    when = _times_of(ratings, users, items, times)
    order = np.argsort(when, kind="stable")
    if per_user:
        place = np.empty(len(when))
        place[order] = -np.arange(len(when))
        return _hold_out_first(ratings, place, _rounded(ratings, share))
    first = when[order[round((1 - share) * len(when))]]
    late = when >= first
    if late.all():
        raise ValueError("times: got one moment for too many ratings, expected more.")
    return Split(ratings.keep(~late), ratings.keep(late))


def _draws(ratings: RatingMatrix, seed: int) -> NDArray:
    """A random number for each rating."""
    rng = np.random.default_rng(require_whole("seed", seed, least=0))
    return rng.random(ratings.n_ratings)


def _rounded(ratings: RatingMatrix, share: float) -> NDArray:
    """How many of each user's ratings are that share; never all of them."""
    count = ratings.user_counts()
    return np.minimum(np.round(share * count), count - 1)


def _hold_out_first(ratings: RatingMatrix, order: NDArray, n_held_out: NDArray) -> Split:
    """Hold out so many of each user's ratings, lowest numbers first."""
    users, _, _ = ratings.triples()
    rank = pd.Series(order).groupby(users).rank(method="first").to_numpy()
    held_out = rank <= n_held_out[users]
    return Split(ratings.keep(~held_out), ratings.keep(held_out))


def _times_of(ratings: RatingMatrix, users: Ids, items: Ids, times: ArrayLike) -> NDArray:
    """The time of each rating in the order of `triples`, as float64 or int64."""
    rows, columns = ratings.user_index(users), ratings.item_index(items)
    when = pd.Series(np.asarray(times)).infer_objects()
    if not len(rows) == len(columns) == len(when):
        got = f"{len(when)} for {len(rows)} users and {len(columns)} items"
        raise ValueError(f"times: got {got}, expected one of each per rating.")
    if when.isna().any():
        raise ValueError("times: got missing values, expected none. Leave them out.")
    if not pd.api.types.is_numeric_dtype(when):
        when = _moments(when)
    cells = pd.Series(when.to_numpy(), rows * ratings.n_items + columns)
    if not cells.index.is_unique:
        raise ValueError(
            "times: got two for a pair of user and item, expected one. Keep the last of "
            "each pair with DataFrame.drop_duplicates([user, item], keep='last')."
        )
    own_users, own_items, _ = ratings.triples()
    found = cells.reindex(own_users * ratings.n_items + own_items)
    if found.isna().any():
        raise ValueError(f"times: got none for {found.isna().sum()} ratings, expected all.")
    return found.to_numpy()


def _moments(when: pd.Series) -> pd.Series:
    """Datetimes and ISO 8601 text as int64: in other text, days and months look alike."""
    wrong = when.map(lambda time: isinstance(time, str) and not ISO_8601.match(time))
    if not (wrong.any() or pd.api.types.is_timedelta64_dtype(when)):
        dates = pd.to_datetime(when, format="ISO8601", utc=True, errors="coerce")
        if dates.notna().all():
            return dates.astype("int64")
        wrong = dates.isna()
    raise ValueError(
        f"times: got {when[wrong.to_numpy().argmax()]!r}, expected numbers, datetimes, or "
        "ISO 8601 text such as 2022-06-05. Convert them by pandas.to_datetime(times, "
        "dayfirst=True), or without dayfirst where the month comes first."
    )
