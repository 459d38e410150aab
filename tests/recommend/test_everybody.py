"""Lists for everybody are those of dense scores."""

import numpy as np
import pytest
import torch

from rbm_lib import RBM
from rbm_lib.data import RatingMatrix
from rbm_lib.recommend.everybody import top_n_unseen
from rbm_lib.recommend.scoring import score_items
from rbm_lib.recommend.top import top_n
from tests.support import assert_refused, random_rbm

N_USERS, N_ITEMS = 23, 40


def random_ratings(n_levels):
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((N_USERS, N_ITEMS)) < 0.3)
    kept = (users != 4) & (users != 22)  # no ratings, in the middle and at the end
    levels = rng.integers(0, n_levels, len(users))
    ids = {"user_ids": range(N_USERS), "item_ids": range(N_ITEMS)}
    return RatingMatrix(users[kept], items[kept], levels[kept], n_levels=n_levels, **ids)


@pytest.mark.parametrize(
    ("visible", "n_levels", "at_least"),
    [
        ("bernoulli", 2, None),
        ("categorical", 2, None),
        ("categorical", 2, 1),
        ("categorical", 5, None),
        ("categorical", 5, 3),
        ("gaussian", 2, None),
    ],
)
def test_the_lists_are_those_of_score_items(visible, n_levels, at_least):
    ratings = random_ratings(n_levels)
    model = random_rbm(visible, N_ITEMS, 6, n_levels)

    items, values = top_n_unseen(model, ratings, 30, at_least, batch_size=5)

    scores = score_items(model, ratings, at_least=at_least)
    expected_items, expected_values = top_n(scores, ratings, 30)
    listed = items >= 0  # −1 where a list is shorter
    assert torch.equal(listed, expected_items >= 0)
    # Scores of batches may differ in the last bit, and then two nearly equal ones swap.
    own = scores.gather(1, items.clamp(min=0))[listed]
    torch.testing.assert_close(own, expected_values[listed], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(values, expected_values, rtol=1e-12, atol=1e-12)


def test_nobody_gets_an_empty_table():
    ratings = random_ratings(2).rows([])

    items, values = top_n_unseen(random_rbm("bernoulli", N_ITEMS), ratings, 3)

    assert items.shape == values.shape == (0, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratings": torch.zeros(2, 2)}, "ratings: got Tensor, expected a RatingMatrix"),
        ({"model": RBM(3, 2)}, "got 2 items, expected 3"),
        ({"at_least": 2}, "at_least: got 2, expected 1 to 1"),
        ({"n": 0}, "n: got 0"),
        ({"batch_size": 0}, "batch_size: got 0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    good = {
        "model": RBM(2, 3, "categorical", 2),
        "ratings": RatingMatrix([0, 1], [0, 1], [0, 1]),
    }

    assert_refused(message, top_n_unseen, **good | options)
