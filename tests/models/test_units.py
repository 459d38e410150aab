"""Unit types: energies by hand, sums and samples against counting, and what they accept."""

import math

import numpy as np
import pytest
import torch
from torch import tensor

from rbm_lib.models import Bernoulli, Categorical, Gaussian
from rbm_lib.models.units import as_described, as_layer
from tests.support import (
    World,
    assert_drawn_from,
    assert_refused,
    pairs,
    random_rbm,
    random_rows,
    seeded,
    visible_layer,
)


def test_energies_by_hand():
    binary = Bernoulli(2).with_parameters(tensor([1.0, -2.0]))
    assert binary.energy(tensor([[1.0, 1.0], [0.0, 1.0]])).tolist() == [[-1, 2], [0, 2]]

    levels = Categorical(2, 3).with_parameters(tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert levels.energy(levels.encode(tensor([[0.0, 2.0]]))).tolist() == [[-1.0, -6.0]]

    real = Gaussian(1).with_parameters(tensor([1.0]), tensor([4.0]).log())
    assert real.energy(tensor([[5.0]])).item() == pytest.approx(2.0)  # (5 - 1)^2 / (2 * 4)
    assert real.scaled(tensor([[5.0]])).item() == pytest.approx(1.25)  # 5 / 4


def test_the_cumulant_is_the_log_of_the_sum_over_all_states(visible):
    model = random_rbm(visible, n_visible=3)
    world = World(model)
    (h,) = world.hidden_states

    cumulant = model.visible.cumulant(model.field_at_visible(h)).sum(-1)

    expected = torch.logsumexp(-world.energy, 0) + world.log_volume - h @ model.hidden_bias
    torch.testing.assert_close(cumulant, expected, rtol=1e-11, atol=1e-11)


def test_the_mean_is_the_derivative_of_the_cumulant(visible):
    model = random_rbm(visible)
    field = random_rows(model, 5).requires_grad_()
    layer = model.visible

    (slope,) = torch.autograd.grad(layer.cumulant(field).sum(), field)

    torch.testing.assert_close(layer.scaled(layer.mean(field)), slope)


def test_samples_have_the_conditional_distribution(visible):
    model = random_rbm(visible, n_visible=2)
    world = World(model)
    field = model.field_at_visible(world.hidden_states[0])[5].detach()

    drawn = model.visible.sample(field.expand(40_000, *field.shape), seeded(4))

    p = world.joint[:, 5] / world.p_h[5]
    mean = p @ pairs(world.visible_states)
    variance = p @ pairs(world.visible_states) ** 2 - mean**2
    assert_drawn_from(pairs(drawn), mean, variance)


def test_only_real_units_need_a_sample_in_place_of_their_mean(visible):
    """The statistic of log s^2 is quadratic in x: for others the mean is enough."""
    layer = random_rbm(visible).visible
    field = random_rows(random_rbm(visible), 5)

    same = (layer.mean_or_sample(field, seeded(2)) == layer.mean(field)).flatten(1)

    for part, features, _ in layer.parts():
        assert same[:, features].all() != isinstance(part, Gaussian)


@pytest.mark.parametrize("x", [-800.0, -20.0, 0.0, 9.0, 10.5, 15.0, 30.0, 39.0, 800.0])
def test_the_bernoulli_cumulant_is_exact_at_every_size(x):
    layer = Bernoulli(1).with_parameters(torch.zeros(1).double())

    cumulant = layer.cumulant(tensor([[x]]).double()).item()

    assert cumulant == pytest.approx(np.logaddexp(0, x), rel=1e-13, abs=1e-300)


def test_biases_from_counts_take_half_a_row_for_none():
    levels = tensor([[1.0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]])
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[1, 2] = False
    mask[:, 3] = False

    one_hot = Categorical(4, n_levels=3).encode(levels) * mask[..., None]

    odds = Bernoulli(4).fit_parameters(levels * mask, mask)["bias"].exp()
    frequencies = Categorical(4, n_levels=3).fit_parameters(one_hot, mask)["bias"].exp()

    torch.testing.assert_close(odds, tensor([4 / 0.5, 1 / 3, 2 / 1, 0.5 / 0.5]))
    counts = tensor([[0.5, 4, 0.5], [3, 1, 0.5], [1, 2, 0.5], [0.5, 0.5, 0.5]])
    torch.testing.assert_close(frequencies, counts / counts.sum(1, keepdim=True))


def test_parameters_of_real_units_are_mean_and_variance_and_1_for_a_constant_column():
    x = tensor([[1.0, 5, 0, 7], [7, 5, 0, 0], [0, 5, 0, 0]])
    mask = tensor([[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 0]]).bool()

    parameters = Gaussian(4).fit_parameters(x, mask)

    assert parameters["bias"].tolist() == [4.0, 5.0, 0.0, 7.0]
    variance = parameters["log_variance"].exp()
    torch.testing.assert_close(variance, tensor([9.0, 1.0, 1.0, 1.0]))


def test_values_that_no_state_has_are_refused():
    levels = Categorical(3, n_levels=4)
    table = torch.zeros(2, 3).double()
    for layer, value, message in [
        (Bernoulli(3), -1.0, "a value between 0 and 1; mark missing entries in observed="),
        (Bernoulli(3), 1.5, "a value between 0 and 1"),
        (levels, 4.0, "a whole level 0 … 3"),
        (levels, -1.0, "a whole level 0 … 3"),
        (levels, 0.5, "a whole level 0 … 3"),
        (Gaussian(3), 1e20, r"a number of at most 1e\+15"),
    ]:
        layer.validate(table)
        bad = table.clone()
        bad[1, 2] = value
        message = rf"data: got {value:g} at \[1, 2\] \(row first\), expected {message}"
        assert_refused(message.replace("e+20", r"e\+20"), layer.validate, bad)


@pytest.mark.parametrize("levels", [[1.0, 1, 0], [-1.0, 1, 1], [0.0, 0, 0], [0.5, 0, 0.4]])
def test_levels_have_to_sum_to_one_unless_the_unit_is_missing(levels):
    layer = Categorical(2, n_levels=3)
    x = tensor([[[0.2, 0.3, 0.5], levels]])

    layer.validate(x, tensor([[True, False]]))
    assert_refused(r"at \[0, 1, 0\].*levels that sum to 1 \(one-hot\)", layer.validate, x)


def test_every_state_has_one_number(discrete):
    layer = visible_layer(discrete, 4)
    for observed in (None, tensor([True, False, True, True])):
        n_states = round(2 ** layer.log2_states(observed))
        states = layer.states(torch.arange(n_states), observed)

        assert n_states == layer.n_levels ** (4 if observed is None else 3)
        assert len(states.unique(dim=0)) == n_states
        layer.validate(states, None if observed is None else observed.expand(n_states, 4))
    assert not states[:, 1].any()


def test_real_units_have_no_list_of_states():
    assert Gaussian(2).log2_states() == math.inf
    assert Gaussian(2).log2_states(tensor([False, False])) == 0
    assert_refused("layer: got gaussian units", Gaussian(2).states, torch.arange(4))


def test_names_and_descriptions_are_read_as_layers(visible):
    assert repr(as_layer(np.int64(4))) == "Bernoulli(4)"
    assert repr(as_layer(4.0, "categorical", 5.0)) == "Categorical(4, n_levels=5)"
    layer = visible_layer(visible, 5)

    assert as_layer(layer) is as_layer(5, layer) is layer
    assert repr(as_described(layer.description())) == repr(layer)
    assert as_described("gaussian") == "gaussian"


def test_a_layer_that_cannot_be_built_is_refused():
    assert_refused("visible: got 'softmax', expected one of bern", as_layer, 4, "softmax")
    assert_refused("n_levels: got None with categorical units", as_layer, 4, "categorical")
    assert_refused("n_levels: got 3 with bernoulli units", as_layer, 4, "bernoulli", 3)
    assert_refused("n_levels: got 1, expected a whole num", as_layer, 4, "categorical", 1)
    assert_refused("n_visible: got 0, expected a whole number of at least 1", as_layer, 0)
    assert_refused("n_visible: got 'four', expected a whole", as_layer, "four")
    assert_refused("n_visible: got 4, expected 3, the number", as_layer, 4, Bernoulli(3))
