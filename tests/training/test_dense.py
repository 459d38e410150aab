"""The gradient on complete Bernoulli rows equals that of the general path."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from rbm_lib import CD, PCD, RBM
from rbm_lib.models import VisibleData
from rbm_lib.training.dense import DenseCD, SparseRowsCD
from tests.support import random_mask, random_rbm, random_rows, seeded


@pytest.fixture(params=[DenseCD, SparseRowsCD])
def kind(request):
    """The class that computes the gradient."""
    return request.param


def data_for(kind, model, n_rows):
    """Random rows as the class wants them; the sparse ones have a stored 0 and a pair."""
    rows = random_rows(model, n_rows)
    if kind is DenseCD:
        return VisibleData(model, rows)
    user, unit = rows.numpy().nonzero()
    zero = np.argwhere(rows.numpy() == 0)[0]
    values = np.append(np.ones(len(user) + 1), 0)
    columns = np.concatenate([unit, unit[:1], zero[1:]])
    order = np.argsort(np.concatenate([user, user[:1], zero[:1]]), kind="stable")
    counts = np.bincount(np.concatenate([user, user[:1], zero[:1]]), minlength=n_rows)
    starts = np.append(0, counts.cumsum())
    stored = csr_array((values[order], columns[order], starts), shape=rows.shape)
    assert np.array_equal(stored.toarray() > 0, rows.numpy() > 0)
    return VisibleData(model, stored)


@pytest.mark.parametrize("sample_visible", [False, True])
@pytest.mark.parametrize("n_rows", [1, 5])
def test_one_sweep_equals_the_general_path(sample_visible, n_rows, kind):
    model = random_rbm("bernoulli")
    data = data_for(kind, model, 7)
    method = CD(1, sample_visible)
    index = torch.arange(n_rows)

    gradient = kind(method, model, data)(index, seeded(0))

    expected = method.gradient(model, data.rows(index), seeded(0))
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value)


@pytest.mark.parametrize("sample_visible", [False, True])
def test_more_sweeps_draw_in_the_same_order(sample_visible, kind):
    model = random_rbm("bernoulli")
    data = data_for(kind, model, 5)
    method = CD(3, sample_visible)
    index = torch.tensor([4, 0, 2])

    gradient = kind(method, model, data)(index, seeded(1))

    expected = method.gradient(model, data.rows(index), seeded(1))
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value)


def test_batches_of_other_sizes_do_not_disturb_each_other(kind):
    model = random_rbm("bernoulli")
    data = data_for(kind, model, 7)
    dense = kind(CD(), model, data)
    first = {name: g.clone() for name, g in dense(torch.arange(4), seeded(0)).items()}

    dense(torch.arange(4, 7), seeded(5))

    for name, value in dense(torch.arange(4), seeded(0)).items():
        torch.testing.assert_close(value, first[name])


def test_no_rows_have_no_gradient(kind):
    model = random_rbm("bernoulli")
    dense = kind(CD(), model, data_for(kind, model, 3))

    gradient = dense(torch.arange(0), seeded(0))

    assert not any(value.any() for value in gradient.values())


def test_where_it_fits():
    class Tied(RBM):
        pass

    model = random_rbm("bernoulli")
    v = random_rows(model, 5)
    plain = VisibleData(model, v)

    assert DenseCD.fits(CD(), model, plain)
    assert not DenseCD.fits(PCD(), model, plain)
    assert not DenseCD.fits(CD(center=True), model, plain)
    assert not DenseCD.fits(CD(), model, VisibleData(model, v, random_mask(5, 4)))
    assert not DenseCD.fits(
        CD(), model, VisibleData(model, v, visible_offset=torch.ones(4))
    )
    assert not DenseCD.fits(CD(), Tied(4, 3), plain)
    gaussian = random_rbm("gaussian")
    assert not DenseCD.fits(CD(), gaussian, VisibleData(gaussian, random_rows(gaussian, 5)))
