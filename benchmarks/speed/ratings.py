"""Invented ratings and likes of a given shape."""

import numpy as np

from rbm_lib.data import RatingMatrix

N_TASTES = 30


def make_ratings(n_users, n_items, n_ratings):
    """A RatingMatrix with long tails of users and items, likes and dislikes at random."""
    generator = np.random.default_rng(0)
    known = np.cumsum(1 / np.arange(1, n_items + 1) ** 0.9)

    def draw(users):
        return np.searchsorted(known, generator.random(len(users)) * known[-1])

    user, item = _cells(n_users, n_items, n_ratings, draw, generator)
    return _matrix(n_users, n_items, user, item, generator.integers(0, 2, n_ratings))


def make_likes(n_users, n_items, n_likes):
    """Likes alone, with the same tails, of users who share a few of N_TASTES tastes."""
    generator = np.random.default_rng(0)
    known = 1 / (50 + np.arange(n_items))
    tastes = known * generator.lognormal(0, 2.0, (N_TASTES, n_items))
    tastes = np.cumsum(tastes / tastes.sum(1, keepdims=True), axis=1)
    own = np.cumsum(generator.dirichlet(np.full(N_TASTES, 0.2), n_users), axis=1)

    def draw(users):
        taste = (generator.random((len(users), 1)) > own[users]).sum(1)
        taste = taste.clip(max=N_TASTES - 1)
        item = np.empty(len(users), np.int64)
        for number, ends in enumerate(tastes):
            chosen = taste == number
            item[chosen] = np.searchsorted(ends, generator.random(chosen.sum()))
        return item.clip(max=n_items - 1)

    user, item = _cells(n_users, n_items, n_likes, draw, generator)
    return _matrix(n_users, n_items, user, item, np.ones(n_likes, np.int64))


def _cells(n_users, n_items, n_cells, draw, generator):
    """Different cells: users with a long tail, and an item for each from `draw`."""
    active = np.cumsum(generator.lognormal(0, 1.3, n_users))
    cell = np.empty(0, np.int64)
    while len(cell) < n_cells:
        more = (n_cells - len(cell)) * 5 // 4 + 1000
        user = np.searchsorted(active, generator.random(more) * active[-1])
        cell = np.sort(np.concatenate([cell, user.astype(np.int64) * n_items + draw(user)]))
        cell = cell[np.concatenate([[True], np.diff(cell) > 0])]
    cell = generator.permutation(cell)[:n_cells]
    return cell // n_items, cell % n_items


def _matrix(n_users, n_items, user, item, level):
    ids = {"user_ids": np.arange(n_users), "item_ids": np.arange(n_items)}
    return RatingMatrix(user, item, level, **ids)
