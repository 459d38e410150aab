"""Settings that follow the counts of users, items and ratings, so that they carry over."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.training import History

Settings = dict[str, Any]

VALIDATION_USERS = 500  # at most
FEWEST_LIKES = 5  # of a user whose likes are held out
FEW_TO_JOIN = 5_000  # held-out ratings; with fewer, all ratings are held out in turn
TURNS = 4  # for the ratings that were not held out at first


def ranking_defaults(likes: Any) -> Settings:
    """Settings for a ranking model of these likes, a sparse array of users × items."""
    n_users = max(1, likes.shape[0])
    n_items = max(1, len(np.unique(likes.indices)))
    batch_size = int(np.clip(n_users // 20, 10, 50 if n_users < 10_000 else 128))
    updates_per_epoch = math.ceil(n_users / batch_size)
    return {
        "n_hidden": int(np.clip(n_items // 8, 20, 200)),
        "epochs": int(np.clip(1600 // updates_per_epoch, 20, 200)),
        "batch_size": batch_size,
        "lr": 0.05,
        "weight_decay": round(ranking_decay(likes.nnz, n_users, n_items), 6),
    }


def ranking_decay(n_likes: int, n_users: int, n_items: int) -> float:
    """A decay that carries over: the smaller one of two.

    The first is the geometric mean of a penalty per user, which weighs less beside more
    users, and the share of users who like an item, with which the gradient grows. On parts
    of MovieLens that differ in users and likes, the best decay was within a factor of 1.5.

    The second keeps what the data can show in small catalogues: near W = 0 a direction
    grows if a quarter of its variance exceeds the decay, and chance alone makes variances
    up to p (1 - p) (1 + sqrt(items / users))², the edge of Marchenko and Pastur (1967).
    """
    share = n_likes / (n_users * n_items)
    geometric_mean = 5 * math.sqrt(share / n_users)
    return min(geometric_mean, noise_edge(share, n_users, n_items) / 4)


def noise_edge(share: float, n_rows: int, n_units: int) -> float:
    """The largest variance that chance makes among independent units, on so often."""
    return share * (1 - share) * (1 + math.sqrt(n_units / n_rows)) ** 2


def content_defaults(n_people: int) -> Settings:
    """Settings for a tied model of content, of the likes of so many people.

    The size and the decay are those that inner draws of MovieLens films chose most often.
    Its 900 people take 40 epochs of ten updates; fewer people take about as many updates,
    and many take fewer epochs.
    """
    batch_size = int(np.clip(n_people // 9, 5, 100))
    updates_per_epoch = math.ceil(n_people / batch_size)
    return {
        "n_taste": 128,
        "epochs": int(np.clip(400 // updates_per_epoch, 10, 80)),
        "batch_size": batch_size,
        "lr": 0.01,
        "weight_decay": 0.003,
    }


def rating_defaults(rows: RatingMatrix, by_item_mean: bool) -> Settings:
    """Settings for a masked model of these ratings; its rows are items or users.

    The decay follows `ranking_decay`; half of the ratings count as one of the levels.
    Decayed towards the items' mean weights, a model needs fewer hidden units.
    """
    n_rows = max(1, rows.n_users)
    n_units = max(1, rows.n_items)
    batch_size = int(np.clip(n_rows // 20, 10, 50))
    share = rows.n_ratings / (n_rows * n_units)
    factor = 4.0 if by_item_mean else 2.7 if rows.n_levels == 2 else 1.8
    most = noise_edge(share / 2, n_rows, n_units) / 4
    n_hidden = 30 if by_item_mean else 200 if rows.n_levels == 2 else 100
    return {
        "n_hidden": min(n_hidden, max(20, rows.n_ratings // 400)),
        "epochs": int(np.clip(1400 // math.ceil(n_rows / batch_size), 20, 60)),
        "batch_size": batch_size,
        "lr": 0.05,
        "weight_decay": round(min(factor * math.sqrt(share / n_rows), most), 6),
        "by_item_mean": by_item_mean,
    }


def last_good_epoch(history: History, near: float) -> int:
    """The last epoch with at least this share of the best score: in between is noise."""
    scored = [record for record in history.records if "score" in record]
    best = max(record["score"] for record in scored)
    return int([r["epoch"] for r in scored if r["score"] >= near * best][-1])


def in_turn(chosen: NDArray[np.bool_], seed: int) -> list[NDArray[np.bool_]]:
    """The ratings that are held out first and, where these are few, the others in turn."""
    if chosen.sum() >= FEW_TO_JOIN:
        return [chosen]
    turn = np.random.default_rng(seed).integers(TURNS, size=len(chosen))
    return [chosen, *(~chosen & (turn == number) for number in range(TURNS))]


def hold_out_users(
    likes: Any, share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], csr_array, csr_array]:
    """Choose users to score a model with that has not been trained on them.

    Returns
    -------
    (array, csr_array, csr_array)
        Their rows, the likes by which a model gets to know them, and the likes that it has
        to find, a fifth of each user's.
    """
    counts = np.diff(likes.indptr)
    able = np.flatnonzero(counts >= FEWEST_LIKES)
    n_chosen = min(VALIDATION_USERS, math.ceil(share * len(able)))
    rows = np.sort(rng.choice(able, n_chosen, replace=False))
    theirs = csr_array(likes[rows])
    draws = pd.Series(rng.random(theirs.nnz))
    users = np.repeat(np.arange(n_chosen), np.diff(theirs.indptr))
    rank = draws.groupby(users).rank(method="first").to_numpy()
    hidden = rank <= (counts[rows] / 5).round()[users]

    def part(chosen: NDArray[np.bool_]) -> csr_array:
        cells = users[chosen], theirs.indices[chosen]
        return csr_array((np.ones(chosen.sum(), bool), cells), shape=theirs.shape)

    return rows, part(~hidden), part(hidden)
