"""What a layer is: shared behaviour, and what it takes to add a unit type (one class)."""

import pytest
import torch
from torch import tensor

from rbm_lib import RBM, fit
from rbm_lib.likelihood.exact import exact_log_likelihood
from rbm_lib.models import Bernoulli, Gaussian, Layer, Layers
from rbm_lib.models.layers import refuse
from rbm_lib.models.random import sample_bernoulli
from rbm_lib.models.sampling import gibbs
from rbm_lib.models.units import digits
from tests.support import assert_drawn_from, assert_refused, pairs, random_rbm, seeded


class Spin(Layer):
    """Units in {-1, 1}: energy -b x."""

    type_name = "spin"
    n_levels = 2

    def __init__(self, n_units):
        super().__init__(n_units, (n_units,))

    def energy(self, x):
        return -self.bias * x

    def cumulant(self, field):
        total = self.bias + field
        return torch.logaddexp(total, -total)

    def mean(self, field):
        return torch.tanh(self.bias + field)

    def sample(self, field, generator=None):
        return 2 * sample_bernoulli((1 + self.mean(field)) / 2, generator) - 1

    def fit_parameters(self, x, mask):
        mean = x.sum(0) / mask.sum(0).clamp(min=1)
        return {"bias": torch.atanh(mean.clamp(-0.9, 0.9))}

    def validate(self, values, observed=None, first_column=0, name="data"):
        missing = torch.zeros_like(values).bool() if observed is None else ~observed
        refuse((values.abs() != 1) & ~missing, values, "-1 or 1", first_column, name)

    def log2_states(self, observed=None):
        return self.n_units if observed is None else int(observed.sum())

    def states(self, index, observed=None):
        states = 2 * digits(self, index, observed).to(self.bias.dtype) - 1
        return states if observed is None else states * observed


@pytest.fixture
def spins():
    """A model of three spins, every visible state, and its probability by counting."""
    model = random_rbm(Spin(3), n_hidden=2)
    v = torch.cartesian_prod(*[tensor([-1.0, 1.0])] * 3).double()
    h = torch.cartesian_prod(*[tensor([0.0, 1.0])] * 2).double()
    log_p = v @ model.W @ h.T + (v @ model.visible_bias)[:, None] + h @ model.hidden_bias
    return model, v, log_p.detach().flatten().softmax(0).view(8, 4).sum(1)


def test_a_new_unit_type_has_exact_likelihoods(spins):
    model, v, probability = spins

    torch.testing.assert_close(exact_log_likelihood(model, v).exp(), probability)


def test_a_new_unit_type_is_sampled(spins):
    model, v, probability = spins
    start = v[torch.multinomial(probability, 20_000, replacement=True, generator=seeded(0))]

    drawn = gibbs(model, start, 3, seeded(1))

    mean = probability @ pairs(v)
    assert_drawn_from(pairs(drawn), mean, probability @ pairs(v) ** 2 - mean**2)


@pytest.mark.parametrize("method", ["cd", "exact"])
def test_a_new_unit_type_is_trained_beside_others(method):
    rows = tensor([[1.0, 1, -1, -1, 2.0], [-1, -1, 1, 1, -2.0]]).repeat(20, 1)
    model = RBM(Layers(Spin(4), Gaussian(1)), 2, weight_std=0.1, seed=0)
    model.initialize_from(rows)
    before = exact_log_likelihood(model, rows).mean()

    options = {"epochs": 30, "batch_size": 16, "lr": 0.02, "progress": False}
    fit(model, rows, method, generator=seeded(0), **options)

    assert exact_log_likelihood(model, rows).mean() > before + 2


def test_parameters_are_lent_and_the_layer_stays_as_it_is():
    layer = Bernoulli(2)

    lent = layer.with_parameters(tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))

    assert lent.energy(torch.ones(3, 2)).tolist() == [[-1, -2], [-3, -4], [-5, -6]]
    assert lent.n_features == 2
    assert layer.bias.tolist() == [0.0, 0.0]
    assert list(layer.parts()) == [(layer, slice(0, 2), slice(0, 2))]


def test_the_first_bad_value_is_shown_with_its_row_and_column():
    values = tensor([[1.0, 2.0], [7.0, 8.0]])

    refuse(values > 9, values, "less", 0, "v")
    message = r"v: got 7 at \[1, 10\] \(row first\), expected 0 to 5"
    assert_refused(message, refuse, values > 5, values, "0 to 5", first_column=10, name="v")
