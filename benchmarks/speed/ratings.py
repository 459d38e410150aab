"""Invented ratings of a given shape, likes and dislikes."""

import numpy as np

from rbm_lib.data import RatingMatrix


def make_ratings(n_users, n_items, n_ratings):
    """A RatingMatrix with long tails of users and items."""
    generator = np.random.default_rng(0)
    active = np.cumsum(generator.lognormal(0, 1.3, n_users))
    known = np.cumsum(1 / np.arange(1, n_items + 1) ** 0.9)
    cell = np.empty(0, np.int64)
    while len(cell) < n_ratings:
        more = (n_ratings - len(cell)) * 5 // 4 + 1000
        user, item = (
            np.searchsorted(total, generator.random(more) * total[-1])
            for total in (active, known)
        )
        cell = np.sort(np.concatenate([cell, user.astype(np.int64) * n_items + item]))
        cell = cell[np.concatenate([[True], np.diff(cell) > 0])]
    cell = generator.permutation(cell)[:n_ratings]
    levels = generator.integers(0, 2, n_ratings)
    ids = {"user_ids": np.arange(n_users), "item_ids": np.arange(n_items)}
    return RatingMatrix(cell // n_items, cell % n_items, levels, **ids)
