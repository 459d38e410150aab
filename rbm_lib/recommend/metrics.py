"""Metrics of rankings, of scores and of lists.

A metric is its expected value over all orders of items with equal scores, so that a
constant scorer does as well as a random one. Report the split, the relevant items and those
that compete, because a result depends on all three.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, require_whole
from rbm_lib.data.masks import Mask, assert_no_leak, sparse_mask
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.bootstrap import mean_interval
from rbm_lib.recommend.lists import in_batches
from rbm_lib.recommend.places import (
    chance_to_be_listed,
    metrics_at,
    places_of_hits,
    places_of_scores,
)

__all__ = ["per_user_ranking", "ranking_metrics"]

LIST_COLUMNS = ("user", "item", "rank")


def per_user_ranking(
    scores: ArrayLike, held_out: Mask, seen: Mask, k: ArrayLike = 10
) -> pd.DataFrame:
    """Compute the metrics of each user with held-out items.

    All unseen items compete. With r relevant items, NDCG is Σ 1 / log2(place + 1) over the
    hits, divided by its maximum; recall hits / r; precision hits / k; MAP the sum of the
    precisions at the hits / min(k, r); MRR 1 / place of the first hit; Hit whether there is
    one; and Novelty the mean of -log2 of the share of users who have seen the listed item.

    Parameters
    ----------
    scores : (n_users, n_items)
        Higher is better. Items with equal scores come in every order, and the metrics are
        expected values.
    held_out, seen : (n_users, n_items)
        Relevant and excluded items: booleans, SciPy sparse, or a RatingMatrix.
    k : whole number or several
        Lengths of lists.

    Examples
    --------
    >>> held_out, seen = [[False, False, True]], [[True, False, False]]
    >>> per_user_ranking([[0.9, 0.5, 0.1]], held_out, seen, k=2)["MAP@2"].tolist()
    [0.5]
    >>> per_user_ranking([[0.5, 0.5, 0.5]], held_out, seen, k=1)["Hit@1"].tolist()
    [0.5]
    """
    return _of_array(scores, held_out, seen, k).per_user


def ranking_metrics(
    scores: ArrayLike,
    held_out: Mask,
    seen: Mask,
    k: ArrayLike = 10,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Average `per_user_ranking` over users with `mean_interval`, and add the coverage.

    Coverage is the share of the items that are on at least one list. It has no interval.
    """
    return _of_array(scores, held_out, seen, k).averages(n_bootstrap)


@dataclass(frozen=True)
class Ranking:
    """The metrics of each user, and those of all lists together."""

    per_user: pd.DataFrame
    coverage: dict[str, float]

    def averages(self, n_bootstrap: int = 1000) -> pd.DataFrame:
        """Columns metric, mean, low, high and n."""
        table = mean_interval(self.per_user, n_bootstrap)
        shares = {"metric": list(self.coverage), "mean": list(self.coverage.values())}
        together = pd.DataFrame(shares).assign(low=np.nan, high=np.nan)
        return pd.concat([table, together.assign(n=len(self.per_user))], ignore_index=True)


def _of_array(scores: ArrayLike, held_out: Mask, seen: Mask, k: ArrayLike) -> Ranking:
    numbers = as_numbers(scores, "scores", (None, None), most=None).cpu().numpy()
    seen = sparse_mask("seen", seen)
    if numbers.shape != seen.shape:
        got = f"shape {seen.shape} for scores {numbers.shape}"
        raise ValueError(f"seen: got {got}, expected equal ones.")
    if np.isnan(numbers).any():
        where = np.argwhere(np.isnan(numbers))[0].tolist()
        raise ValueError(f"scores: got NaN at {where}, expected numbers.")
    return rank_scores(lambda rows: numbers[rows], held_out, seen, k)


def rank_scores(
    scores: Callable[[NDArray[np.int64]], NDArray], held_out: Mask, seen: Mask, k: ArrayLike
) -> Ranking:
    """The ranking by a function of row numbers that returns (n_rows, n_items)."""
    lengths = _lengths(k)
    relevant, excluded, users = _checked(held_out, seen)
    information = _information(excluded)
    never_listed = {length: np.zeros(excluded.shape[1]) for length in lengths}
    tables = []
    for rows in in_batches(users, excluded.shape[1]):
        batch = np.where(excluded[rows].toarray(), -np.inf, scores(rows))
        is_relevant = relevant[rows].toarray()
        places = places_of_scores(batch, is_relevant, max(lengths))
        columns = metrics_at(places, is_relevant.sum(1), lengths)
        for length in lengths:
            listed = chance_to_be_listed(batch, places, length)
            novelty = listed @ information / np.maximum(listed.sum(1), 1e-300)
            columns[f"Novelty@{length}"] = novelty
            with np.errstate(divide="ignore"):
                never_listed[length] += np.log1p(-listed).sum(0)
        tables.append(pd.DataFrame(columns, index=pd.Index(rows, name="user")))
    coverage = {
        f"Coverage@{length}": float(1 - np.exp(never).mean())
        for length, never in never_listed.items()
    }
    return Ranking(pd.concat(tables), coverage)


def rank_lists(
    lists: pd.DataFrame, held_out: Mask, seen: RatingMatrix, k: ArrayLike
) -> Ranking:
    """The ranking by lists made elsewhere: a table with the columns user, item and rank.

    A user without a list has no hits. What a list holds beyond the longest k is ignored.
    """
    lengths = _lengths(k)
    relevant, excluded, users = _checked(held_out, seen)
    items = _list_array(lists, seen, max(lengths))[users]
    row = np.repeat(users, items.shape[1])
    hits = relevant[row, items.ravel()].reshape(items.shape) & (items >= 0)
    columns = metrics_at(places_of_hits(hits), _row_sums(relevant)[users], lengths)
    information = _information(excluded)
    coverage = {}
    for length in lengths:
        top = items[:, :length]
        n_listed = np.maximum((top >= 0).sum(1), 1)
        total = np.where(top >= 0, information[top], 0).sum(1)
        columns[f"Novelty@{length}"] = total / n_listed
        n_different = len(np.unique(top[top >= 0]))
        coverage[f"Coverage@{length}"] = n_different / excluded.shape[1]
    return Ranking(pd.DataFrame(columns, index=pd.Index(users, name="user")), coverage)


def _lengths(k: ArrayLike) -> list[int]:
    lengths = [require_whole("k", length) for length in np.atleast_1d(k)]
    require_whole("k", max(lengths, default=0))
    return lengths


def _checked(held_out: Mask, seen: Mask) -> tuple[Any, Any, NDArray]:
    """Both masks, sparse, and the users with something relevant."""
    excluded = sparse_mask("seen", seen)
    assert_no_leak(excluded, held_out)
    relevant = sparse_mask("held_out", held_out)
    users = np.flatnonzero(_row_sums(relevant))
    if not len(users):
        raise ValueError("held_out: got no item, expected one or more.")
    return relevant, excluded, users


def _row_sums(mask: Any) -> NDArray:
    return np.diff(mask.indptr)


def _information(seen: Any) -> NDArray:
    """-log2 of the share of users who have seen an item; one person more has seen all."""
    count = np.bincount(seen.indices, minlength=seen.shape[1])
    return -np.log2((count + 1) / (seen.shape[0] + 1))


def _list_array(lists: pd.DataFrame, ratings: RatingMatrix, longest: int) -> NDArray:
    """Columns of the listed items, (n_users, longest), -1 where there is none."""
    if not isinstance(lists, pd.DataFrame) or not {*LIST_COLUMNS} <= {*lists.columns}:
        given = (
            list(lists.columns) if isinstance(lists, pd.DataFrame) else type(lists).__name__
        )
        raise ValueError(f"lists: got {given}, expected a table with {list(LIST_COLUMNS)}.")
    for columns in (["user", "item"], ["user", "rank"]):
        twice = lists[lists.duplicated(columns)]
        if len(twice):
            pair = twice.iloc[0][columns].to_dict()
            raise ValueError(f"lists: got {pair} more than once, expected it once.")
    rank = as_numbers(lists["rank"], "lists", (None,)).numpy()
    if ((rank < 1) | (rank != np.round(rank))).any():
        raise ValueError("lists: got ranks that are not 1, 2, …, expected whole numbers.")
    items = np.full((ratings.n_users, longest), -1)
    kept = rank <= longest
    row = ratings.user_index(lists["user"][kept])
    items[row, rank[kept].astype(int) - 1] = ratings.item_index(lists["item"][kept])
    return items
