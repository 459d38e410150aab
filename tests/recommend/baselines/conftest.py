"""Ratings for all baselines."""

import numpy as np
import pytest

from rbm_lib.data import RatingMatrix


@pytest.fixture
def ratings():
    """25 users, 12 items and one that nobody rated, 5 levels."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((25, 12)) < 0.5)
    levels = rng.integers(0, 5, len(users))
    catalogue = {"user_ids": range(25), "item_ids": range(13)}
    return RatingMatrix(users, items, levels, n_levels=5, **catalogue)


@pytest.fixture
def dense(ratings):
    """Levels and rated cells of these ratings, as arrays of float."""
    v, observed = ratings.batch(slice(None))
    return v.double().numpy(), observed.double().numpy()
