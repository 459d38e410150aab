"""Mixed layers: each part keeps its own features, units and parameters."""

import math

import pytest
import torch
from torch import tensor

from rbm_lib.models import Bernoulli, Categorical, Gaussian, Layers
from tests.support import (
    assert_refused,
    random_hidden,
    random_mask,
    random_rbm,
    random_rows,
    seeded,
)

PARTS = (Categorical(2, 3), Gaussian(2), Bernoulli(1), Gaussian(1))  # 6 units, 10 features
FEATURES = (slice(0, 6), slice(6, 8), slice(8, 9), slice(9, 10))
UNITS = (slice(0, 2), slice(2, 4), slice(4, 5), slice(5, 6))
VARIANCES = (None, slice(0, 2), None, slice(2, 3))


@pytest.fixture
def model():
    return random_rbm(Layers(*PARTS))


def own_layers(model):
    """Each part with its own pieces of the model's parameters, cut out by hand."""
    for part, features, variances in zip(PARTS, FEATURES, VARIANCES, strict=True):
        bias = model.visible_bias[features].view(part.shape)
        yield part.with_parameters(bias, variances and model.log_variance[variances])


def test_parts_come_with_their_features_units_and_parameters(model):
    layer = model.visible

    assert (layer.n_units, layer.n_features, layer.n_variances) == (6, 10, 3)
    parts = zip(layer.parts(), own_layers(model), FEATURES, UNITS, strict=True)
    for (part, features, units), own, own_features, own_units in parts:
        assert (repr(part), features, units) == (repr(own), own_features, own_units)
        assert torch.equal(part.bias, own.bias)
    nested = Layers(PARTS[0], Layers(*PARTS[1:]))
    assert repr(nested) == repr(layer)


@pytest.mark.parametrize("name", ["energy", "cumulant", "mean", "scaled"])
def test_values_are_those_of_the_parts(model, name):
    x = random_rows(model, 4)
    values = getattr(model.visible, name)(x)
    places = UNITS if name in ("energy", "cumulant") else FEATURES

    for layer, features, own in zip(own_layers(model), FEATURES, places, strict=True):
        expected = getattr(layer, name)(x[:, features].view(4, *layer.shape))
        torch.testing.assert_close(values[:, own], expected.flatten(1))


@pytest.mark.parametrize("name", ["sample", "mean_or_sample"])
def test_parts_draw_one_after_the_other(model, name):
    field = random_rows(model, 4)
    drawn = getattr(model.visible, name)(field, seeded(3))
    generator = seeded(3)

    for layer, features in zip(own_layers(model), FEATURES, strict=True):
        own = getattr(layer, name)(field[:, features].view(4, *layer.shape), generator)
        torch.testing.assert_close(drawn[:, features], own.flatten(1))


def test_statistics_are_the_derivatives_of_the_energy(model):
    v = random_rows(model, 8)
    h = random_hidden(model, 8)
    mask = random_mask(8, 6)

    statistics = model.statistics(v, h, mask)

    model.energy(v, h, mask).mean().backward()
    slopes = {name: -p.grad for name, p in model.named_parameters()}
    torch.testing.assert_close(statistics, slopes)


def test_parameters_from_data_are_those_of_the_parts(model):
    v = random_rows(model, 30)

    model.initialize_from(v)

    mask = torch.ones(30, 2, dtype=torch.bool)
    for part, features, variances in zip(PARTS, FEATURES, VARIANCES, strict=True):
        x = v[:, features].view(30, *part.shape)
        own = part.fit_parameters(x, mask[:, : part.n_units])
        torch.testing.assert_close(model.visible_bias[features], own["bias"].flatten())
        if variances:
            torch.testing.assert_close(model.log_variance[variances], own["log_variance"])


def test_states_run_through_every_combination():
    layer = Layers(Bernoulli(2), Categorical(1, n_levels=3), Bernoulli(1))
    for observed, n_states in ((None, 24), (tensor([True, False, True, False]), 6)):
        states = layer.states(torch.arange(n_states), observed)

        assert 2 ** layer.log2_states(observed) == pytest.approx(n_states)
        assert len(states.unique(dim=0)) == n_states
    assert not states[:, [1, 5]].any()
    assert Layers(*PARTS).log2_states() == math.inf
    assert Layers(*PARTS).log2_states(tensor([True] * 2 + [False] * 4)) == math.log2(9)


def test_a_table_has_a_column_for_each_unit():
    layer = Layers(Gaussian(2), Bernoulli(1), Categorical(1, n_levels=3))
    states = layer.encode(tensor([[0.5, -1.0, 1.0, 2.0]]))

    assert states.tolist() == [[0.5, -1.0, 1.0, 0.0, 0.0, 1.0]]
    layer.validate(states)
    for row, message in [
        ([0.5, -1.0, 2.0, 0.0], r"got 2 at \[0, 2\].*between 0 and 1"),
        ([0.5, -1.0, 1.0, 3.0], r"got 3 at \[0, 3\].*whole level 0 … 2"),
        ([0.5, -1.0, 1.0, 0.0, 0.0, 0.0], "expected levels that sum to 1"),
    ]:
        assert_refused(message, layer.validate, tensor([row]))


def test_parts_have_to_be_layers():
    assert_refused("parts: got nothing, expected layers", Layers)
    assert_refused("parts: got Bernoulli, int, expected layers", Layers, Bernoulli(1), 3)
