"""Who stands at each place of a list, when items with equal scores come in every order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Places:
    """The places of lists; all arrays are (n_users, n_places).

    `size` items share the `score` of a place; `relevant` of them are relevant, and `offset`
    places before it have the same score. An empty place has score -inf.
    """

    score: NDArray
    size: NDArray
    relevant: NDArray
    offset: NDArray


def places_of_hits(hits: NDArray) -> Places:
    """Lists whose order is known: True at each place that holds a relevant item."""
    zero = np.zeros(hits.shape)
    return Places(zero, zero + 1, hits.astype(float), zero)


def places_of_scores(scores: NDArray, is_relevant: NDArray, n_places: int) -> Places:
    """Lists by scores (n_users, n_items); an item with score -inf is on no list."""
    n_places = min(n_places, scores.shape[1])
    best = np.argpartition(-scores, n_places - 1, axis=1)[:, :n_places]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
    best = np.take_along_axis(best, order, 1)
    score = np.take_along_axis(scores, best, 1)
    hits = np.take_along_axis(is_relevant, best, 1)

    # A group is a run of places with the same score, from `first` to `last`.
    place = np.arange(n_places)
    edge = np.ones((len(scores), 1), dtype=bool)
    changes = score[:, 1:] != score[:, :-1]
    starts = np.where(np.hstack([edge, changes]), place, 0)
    first = np.maximum.accumulate(starts, axis=1)
    ends = np.where(np.hstack([changes, edge]), place, n_places)
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    size = last - first + 1
    hits_before = np.hstack([0 * edge, np.cumsum(hits, axis=1)])
    relevant = np.take_along_axis(hits_before, last + 1, 1)
    relevant = relevant - np.take_along_axis(hits_before, first, 1)

    # The last group may have more items than places.
    lowest = score[:, -1:]
    tied = scores == lowest
    size = np.where(score == lowest, tied.sum(1, keepdims=True), size)
    n_relevant = (tied & is_relevant).sum(1, keepdims=True)
    relevant = np.where(score == lowest, n_relevant, relevant)
    empty = np.isneginf(score)
    size = np.where(empty, 1, size).astype(float)
    relevant = np.where(empty, 0, relevant).astype(float)
    return Places(score, size, relevant, np.where(empty, 0, place - first))


def metrics_at(
    places: Places, n_relevant: NDArray, lengths: list[int]
) -> dict[str, NDArray]:
    """The expected NDCG, recall, precision, MAP, MRR and hit rate of each user."""
    size, relevant, offset = places.size, places.relevant, places.offset
    place = np.arange(1, size.shape[1] + 1)
    hit = relevant / size

    # Expected hits before a place, given a hit there: all of the groups before its own, and
    # of its own each of the others with the same chance.
    before = np.cumsum(hit, axis=1) - hit * (offset + 1)
    others = (relevant - 1) / np.maximum(size - 1, 1)
    precision_at_hit = (1 + before + offset * others) / place
    # The chance that no place so far has a hit, drawing without replacement.
    no_hit = np.cumprod(np.clip(1 - relevant / (size - offset), 0, 1), axis=1)
    first_hit = -np.diff(no_hit, axis=1, prepend=1.0)

    columns = {}
    for length in lengths:
        discount = 1 / np.log2(np.arange(length) + 2)
        most_hits = np.minimum(length, n_relevant)
        n_places = min(length, size.shape[1])
        shown = slice(n_places)
        n_hits = hit[:, shown].sum(1)
        gain = hit[:, shown] @ discount[shown]
        total_precision = (precision_at_hit * hit)[:, shown].sum(1)
        columns[f"NDCG@{length}"] = gain / np.cumsum(discount)[most_hits - 1]
        columns[f"Recall@{length}"] = n_hits / n_relevant
        columns[f"Precision@{length}"] = n_hits / length
        columns[f"MAP@{length}"] = total_precision / most_hits
        columns[f"MRR@{length}"] = first_hit[:, shown] @ (1 / place[shown])
        columns[f"Hit@{length}"] = 1 - no_hit[:, n_places - 1]
    return columns


def chance_to_be_listed(scores: NDArray, places: Places, length: int) -> NDArray:
    """The chance of each item to stand at the first `length` places, (n_users, n_items)."""
    cut = min(length, places.score.shape[1]) - 1
    lowest = places.score[:, cut, None]
    chance = (places.offset[:, cut, None] + 1) / places.size[:, cut, None]
    chance = np.where(np.isneginf(lowest), 0.0, chance)
    return (scores > lowest) + (scores == lowest) * chance
