"""Units: cumulants by sums and integrals, means as their derivatives, samples by counting."""

import math

import numpy as np
import pytest
import torch

from rbm_lib.models.units import (
    Bernoulli,
    Categorical,
    Gaussian,
    random_numbers,
    sample_bernoulli,
    uniform_,
)
from tests.support import seeded


def layer(kind, n=3, seed=0):
    generator = seeded(seed)
    bias = torch.randn(*((n, 4) if kind == "categorical" else (n,)), generator=generator, dtype=torch.float64)
    if kind == "gaussian":
        return Gaussian(bias, torch.randn(n, generator=generator, dtype=torch.float64))
    return {"bernoulli": Bernoulli, "categorical": Categorical}[kind](bias)


def some_field(units, rows=5, seed=1):
    return torch.randn(rows, *units.bias.shape, generator=seeded(seed), dtype=torch.float64)


def values_and_measure(kind, units):
    """All values of one unit (stacked first) and the measure of each."""
    if kind == "bernoulli":
        return torch.tensor([0.0, 1.0], dtype=torch.float64)[:, None, None], torch.ones(2).double()
    if kind == "categorical":
        return torch.eye(4, dtype=torch.float64)[:, None, None, :], torch.ones(4).double()
    grid = torch.linspace(-40, 40, 16001, dtype=torch.float64)
    return grid[:, None, None], (grid[1] - grid[0]).expand(16001)


def test_cumulant_is_the_logarithm_of_the_sum_over_all_values(kind):
    units = layer(kind)
    field = some_field(units)
    values, measure = values_and_measure(kind, units)
    coupling = units.scaled(values) * field
    coupling = coupling.sum(-1) if kind == "categorical" else coupling
    log_terms = coupling - units.energy(values) + measure.log()[:, None, None]
    torch.testing.assert_close(units.cumulant(field), torch.logsumexp(log_terms, 0), rtol=1e-10, atol=1e-10)


def test_mean_is_the_derivative_of_the_cumulant(kind):
    units = layer(kind)
    field = some_field(units).requires_grad_()
    (slope,) = torch.autograd.grad(units.cumulant(field).sum(), field)
    mean = units.scaled(units.mean(field))  # for Gaussian units the field multiplies v/σ²
    torch.testing.assert_close(slope, mean.detach(), rtol=1e-12, atol=1e-12)


def test_statistics_are_the_derivatives_of_the_energy(kind):
    units = layer(kind)
    v = units.sample(some_field(units), seeded(3))
    bias = units.bias.clone().requires_grad_()
    moved = Gaussian(bias, units.log_variance) if kind == "gaussian" else type(units)(bias)
    (slope,) = torch.autograd.grad(-moved.energy(v).sum(), bias)
    torch.testing.assert_close(units.bias_statistic(v).sum(0), slope, rtol=1e-12, atol=1e-12)


def test_samples_have_the_distribution_of_the_unit(kind):
    units, n = layer(kind), 40_000
    field = some_field(units, rows=1)
    draws = units.sample(field.expand(n, *field.shape[1:]), seeded(4))
    mean = units.mean(field)[0]
    if kind == "gaussian":
        variance = torch.exp(units.log_variance)
        z = (draws.var(0) / variance - 1) * math.sqrt(n / 2)
        assert z.abs().max() < 4
    else:
        variance = mean * (1 - mean)
        assert set(draws.unique().tolist()) <= {0.0, 1.0}
    assert ((draws.mean(0) - mean) * torch.sqrt(n / variance)).abs().max() < 4
    if kind == "categorical":
        assert torch.equal(draws.sum(-1), torch.ones(n, 3, dtype=torch.float64))


def test_samples_come_from_the_generator_alone(kind):
    units = layer(kind)
    field = some_field(units)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first = units.sample(field, seeded(5))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(1)
    assert torch.equal(first, units.sample(field, seeded(5)))
    assert not torch.equal(units.sample(field, seeded(6)), units.sample(field, seeded(7)))


def test_what_is_no_generator_is_named():
    like = torch.zeros(2)
    for draw in (lambda g: random_numbers(torch.rand, (2,), like, g), lambda g: uniform_(like.clone(), g)):
        with pytest.raises(TypeError, match="generator: got str, expected None or torch.Generator"):
            draw("seed")


def test_an_error_that_is_not_the_generator_s_stays_what_it_is():
    def full(*_, **__):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        random_numbers(full, (2,), torch.zeros(2), seeded(0))


def test_certain_units_are_certain():
    p = torch.tensor([0.0, 1.0]).expand(5000, 2)
    assert torch.equal(sample_bernoulli(p, seeded(0)), p)
    units = Categorical(torch.tensor([[-200.0, 0.0, -200.0], [200.0, 0.0, 0.0], [0.0, 0.0, 200.0]]))
    levels = units.sample(torch.zeros(2000, 3, 3), seeded(0)).argmax(-1)
    assert torch.equal(levels, torch.tensor([1, 0, 2]).expand(2000, 3))


@pytest.mark.parametrize("x", [-800.0, -20.0, 0.0, 9.0, 10.5, 15.0, 30.0, 800.0])
def test_the_bernoulli_cumulant_is_exact_at_every_size(x):
    units = Bernoulli(torch.zeros(1, dtype=torch.float64))
    value = float(units.cumulant(torch.tensor([[x]], dtype=torch.float64)))
    assert value == pytest.approx(np.logaddexp(0, x), rel=1e-13, abs=1e-300)


def test_two_levels_are_a_bernoulli_unit():
    bias = torch.randn(3, 2, generator=seeded(8), dtype=torch.float64)
    field = torch.randn(6, 3, 2, generator=seeded(9), dtype=torch.float64)
    two, one = Categorical(bias), Bernoulli(bias[:, 1] - bias[:, 0])
    difference = field[..., 1] - field[..., 0]
    torch.testing.assert_close(two.mean(field)[..., 1], one.mean(difference))
    torch.testing.assert_close(
        two.cumulant(field), one.cumulant(difference) + field[..., 0] + bias[:, 0], rtol=1e-12, atol=1e-12
    )


def test_devices_agree(kind, device):
    units = layer(kind)
    field = some_field(units)
    there = type(units)(*(p.to(device) for p in vars(units).values()))
    for name in ("cumulant", "mean"):
        expected, got = getattr(units, name)(field), getattr(there, name)(field.to(device))
        torch.testing.assert_close(got.cpu(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_draws_small_probabilities_as_they_are(dtype):
    """Uniform numbers of half precision are too few: at 1/1000 they would draw three times too often."""
    n, p = 400_000, torch.tensor(0.001, dtype=dtype)
    draws = sample_bernoulli(p.expand(n), seeded(0))
    assert draws.dtype == dtype
    assert abs(draws.double().mean() - p.double()) < 5 * math.sqrt(0.001 / n)
    field = torch.zeros(1, 3, dtype=dtype)
    for unit in (Categorical(torch.zeros(3, dtype=dtype)), Gaussian(*torch.zeros(2, 3, dtype=dtype))):
        value = field[..., None].expand(1, 3, 3) if isinstance(unit, Categorical) else field
        assert unit.sample(value, seeded(0)).dtype == dtype
