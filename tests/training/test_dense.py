"""The gradient on complete Bernoulli rows equals that of the general path."""

import pytest
import torch

from rbm_lib import CD, PCD, RBM
from rbm_lib.models import VisibleData
from rbm_lib.training.dense import DenseCD
from tests.support import random_mask, random_rbm, random_rows, seeded


@pytest.mark.parametrize("sample_visible", [False, True])
@pytest.mark.parametrize("n_rows", [1, 5])
def test_one_sweep_equals_the_general_path(sample_visible, n_rows):
    model = random_rbm("bernoulli")
    data = VisibleData(model, random_rows(model, 7))
    method = CD(1, sample_visible)
    index = torch.arange(n_rows)

    gradient = DenseCD(method, model, data)(index, seeded(0))

    expected = method.gradient(model, data.rows(index), seeded(0))
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value)


@pytest.mark.parametrize("sample_visible", [False, True])
def test_more_sweeps_draw_in_the_same_order(sample_visible):
    model = random_rbm("bernoulli")
    data = VisibleData(model, random_rows(model, 5))
    method = CD(3, sample_visible)
    index = torch.tensor([4, 0, 2])

    gradient = DenseCD(method, model, data)(index, seeded(1))

    expected = method.gradient(model, data.rows(index), seeded(1))
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value)


def test_batches_of_other_sizes_do_not_disturb_each_other():
    model = random_rbm("bernoulli")
    data = VisibleData(model, random_rows(model, 7))
    dense = DenseCD(CD(), model, data)
    first = {name: g.clone() for name, g in dense(torch.arange(4), seeded(0)).items()}

    dense(torch.arange(4, 7), seeded(5))

    for name, value in dense(torch.arange(4), seeded(0)).items():
        torch.testing.assert_close(value, first[name])


def test_no_rows_have_no_gradient():
    model = random_rbm("bernoulli")
    dense = DenseCD(CD(), model, VisibleData(model, random_rows(model, 3)))

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
