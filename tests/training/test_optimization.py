"""Momentum beside torch's SGD, and what is saved of it."""

import pytest
import torch

from rbm_lib.training.optimization import (
    Momentum,
    linear_decay,
    make_optimizer,
    put_gradient,
    set_rates,
    take_step,
)
from tests.support import machine, seeded


def random_gradients(model, n, seed=0):
    generator, shapes = seeded(seed), {name: p.shape for name, p in model.named_parameters()}
    return [
        {name: torch.randn(shape, generator=generator).double() for name, shape in shapes.items()}
        for _ in range(n)
    ]


@torch.no_grad()
def train(model, optimizer, gradients, schedule=None):
    for i, gradient in enumerate(gradients):
        set_rates(optimizer, schedule, i / len(gradients))
        put_gradient(model, {name: g.clone() for name, g in gradient.items()}, optimizer)
        take_step(model, optimizer, schedule)


def test_a_decay_that_starts_at_the_end_is_none_until_there():
    assert [linear_decay(1.0)(done) for done in (0.0, 0.5, 1.0)] == [1.0, 1.0, 0.0]
    assert [linear_decay(0.5)(done) for done in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]


@pytest.mark.parametrize("schedule", [None, linear_decay()])
@pytest.mark.parametrize("clip_norm", [None, 1e9])  # which is for `fit` to apply, and chooses the class
def test_momentum_is_that_of_torch(kind, schedule, clip_norm):
    """Also the variance at half the rate, and the rates of a schedule."""
    ours, theirs = machine(kind), machine(kind)
    gradients = random_gradients(ours, 5)
    train(ours, make_optimizer(ours, None, 0.03, schedule, clip_norm), gradients, schedule)
    rates = {"log_variance": 0.015}
    groups = [{"params": [p], "lr": rates.get(name, 0.03)} for name, p in theirs.named_parameters()]
    sgd = torch.optim.SGD(groups, momentum=0.9)
    train(theirs, make_optimizer(theirs, sgd, 7.0, schedule), gradients, schedule)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14, msg=lambda m, name=name: f"{name}: {m}")


def test_a_parameter_that_is_fixed_stays():
    model = machine("gaussian")
    model.log_variance.requires_grad_(False)
    before = model.log_variance.clone()
    train(model, make_optimizer(model, None, 0.1, None), random_gradients(model, 3))
    assert torch.equal(model.log_variance, before) and model.log_variance.grad is None


def test_a_saved_velocity_goes_on_where_it_was():
    whole, halves = machine("bernoulli"), machine("bernoulli")
    gradients = random_gradients(whole, 6)
    train(whole, make_optimizer(whole, None, 0.1, None), gradients)
    first = make_optimizer(halves, None, 0.1, None)
    train(halves, first, gradients[:3])
    saved = {name: [v.clone() for v in values] for name, values in first.state_dict().items()}
    second = make_optimizer(halves, None, 0.1, None)
    second.load_state_dict(saved)
    train(halves, second, gradients[3:])
    for p, q in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(p, q)
    with pytest.raises(ValueError):
        second.load_state_dict({"velocity": saved["velocity"][:1]})


def test_the_norm_that_is_clipped_is_the_gradients():
    """Not the velocity's: with clip_norm the default is torch's SGD, which keeps the two apart."""
    model = machine("bernoulli")
    assert isinstance(make_optimizer(model, None, 0.1, None), Momentum)
    assert isinstance(make_optimizer(model, None, 0.1, None, clip_norm=1.0), torch.optim.SGD)
