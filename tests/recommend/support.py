"""Ratings with a known taste, on which popularity says nothing."""

import numpy as np
import pandas as pd

from rbm_lib.data import RatingMatrix

N_USERS, N_ITEMS = 80, 24


def taste_frame(seed=0, n_users=N_USERS):
    """Users of taste 0 like the items a…, those of taste 1 the items b…, and rate both."""
    rng = np.random.default_rng(seed)
    records = []
    for user in range(n_users):
        for item in rng.choice(N_ITEMS, 14, replace=False):
            liked = (item % 2 == user % 2) != (rng.random() < 0.05)
            stars = rng.integers(4, 6) if liked else rng.integers(1, 4)
            records.append((f"user {user}", f"{'ab'[item % 2]}{item:02}", stars))
    return pd.DataFrame(records, columns=["user", "item", "rating"])


def taste_ratings(seed=0, n_users=N_USERS):
    """The same as a RatingMatrix."""
    return RatingMatrix.from_frame(taste_frame(seed, n_users))
