"""Rated cells against dense rows: the same fields, from the ratings alone."""

import numpy as np
import pytest
import torch

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models import VisibleData
from rbm_lib.models.rated import RatedBatch, input_to_hidden, input_to_rated
from tests.support import random_rbm, seeded

CLOSE = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(
    params=[("bernoulli", 2), ("categorical", 2), ("categorical", 5), ("gaussian", 5)]
)
def case(request):
    """A model, dense rows (users and items without ratings among them), and the ratings."""
    visible, n_levels = request.param
    rng = np.random.default_rng(0)
    known = rng.random((30, 40)) < 0.15
    known[[3, 29]] = False
    known[:, [7, 39]] = False
    users, items = np.nonzero(known)
    levels = rng.integers(0, n_levels, len(users))
    ids = {"user_ids": range(30), "item_ids": range(40)}
    ratings = RatingMatrix(users, items, levels, n_levels=n_levels, **ids)
    model = random_rbm(visible, 40, 6, n_levels)
    data = VisibleData(model, ratings)
    return model, data.all(), RatedBatch(model, data.rated_rows(torch.arange(30)))


@pytest.fixture(params=[True, False], ids=["sampled product", "gathered"])
def either_way(request, monkeypatch):
    if request.param and not torch.backends.mkl.is_available():
        pytest.skip("this build of torch has no sparse products on the CPU")
    monkeypatch.setattr("torch.backends.mkl.is_available", lambda: request.param)
    monkeypatch.setattr("rbm_lib.models.rated.BLOCK_ELEMENTS", 100)  # several blocks


def test_rated_units_are_the_observed_ones(case):
    _, dense, rated = case

    assert torch.equal(torch.stack([rated.row, rated.unit]), dense.observed.nonzero().T)
    assert torch.equal(rated.v, dense.v[rated.row, rated.unit])
    assert rated.ends.diff().tolist() == dense.observed.sum(1).tolist()
    assert len(rated) == len(dense)


def test_the_field_at_the_hidden_units_is_that_of_dense_rows(case):
    model, dense, rated = case

    expected = model.input_to_hidden(dense)

    torch.testing.assert_close(input_to_hidden(model, rated), expected, **CLOSE)
    other = input_to_hidden(model, rated, 0.5 * rated.v)
    torch.testing.assert_close(other, 0.5 * expected, **CLOSE)


@torch.no_grad()
def test_the_field_at_the_rated_units_is_that_of_dense_rows(case, either_way):
    model, _, rated = case
    h = torch.rand(30, 6, generator=seeded(4)).double()

    field = input_to_rated(model, rated, h)

    expected = model.input_to_visible(h)[rated.row, rated.unit]
    torch.testing.assert_close(field, expected, **CLOSE)
    mean = model.mean_v_given_h(h)[rated.row, rated.unit]
    torch.testing.assert_close(rated.layer(model).mean(field), mean, **CLOSE)


def test_places_are_sorted_by_the_row_of_W(case):
    """First those of the units' own states, then those of all levels."""
    _, _, rated = case

    starts, row, order = rated.sorted_by_weight()

    W_rows = torch.cat([rated.active_row, rated.W_rows])
    users = torch.cat([rated.row, 30 + rated.row.repeat_interleave(rated.width)])
    assert torch.equal(order.sort().values.long(), torch.arange(len(W_rows)))
    assert (W_rows[order.long()].diff() >= 0).all()
    assert torch.equal(users[order.long()], row.long())
    counts = torch.bincount(W_rows, minlength=40 * rated.width)
    assert np.diff(starts).tolist() == counts.tolist()
