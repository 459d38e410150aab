"""Optimisers, schedules and weight decay."""

import math

import pytest
import torch

from rbm_lib.models import VisibleData
from rbm_lib.training.optimization import (
    ItemMeanDecay,
    WeightDecay,
    linear_decay,
    make_optimizer,
    put_gradient,
    require_schedule,
    require_trainable,
    set_rates,
    take_step,
)
from tests.support import random_dbm, random_mask, random_rbm, random_rows, seeded

MASK = torch.tensor([True, False, True, True])


def random_gradient(model, seed=0):
    generator = seeded(seed)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    return {n: torch.randn(s, generator=generator).double() for n, s in shapes.items()}


@torch.no_grad()
def test_a_step_ascends_and_variances_take_half_of_it():
    model = random_rbm("gaussian")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    gradient = random_gradient(model)
    optimizer = make_optimizer(model, torch.optim.SGD, 0.1)

    put_gradient(model, {name: g.clone() for name, g in gradient.items()})
    take_step(optimizer, None, model.log_variance)

    for name, p in model.named_parameters():
        rate = 0.05 if name == "log_variance" else 0.1
        torch.testing.assert_close(p, before[name] + rate * gradient[name])


@torch.no_grad()
def test_momentum_by_default():
    model = random_rbm("bernoulli")
    start = model.W.detach().clone()
    optimizer = make_optimizer(model, None, 0.1)
    velocity = torch.zeros_like(start)
    expected = start
    for seed in range(3):
        gradient = random_gradient(model, seed)
        velocity = 0.9 * velocity + gradient["W"]
        expected = expected + 0.1 * velocity
        put_gradient(model, gradient)
        take_step(optimizer, None)

    torch.testing.assert_close(model.W.detach(), expected)


@torch.no_grad()
def test_clipping_shortens_the_whole_gradient():
    model = random_rbm("gaussian")
    gradient = random_gradient(model)
    norm = torch.cat([g.flatten() for g in gradient.values()]).norm()

    put_gradient(model, {name: g.clone() for name, g in gradient.items()}, clip_norm=0.5)

    for name, p in model.named_parameters():
        torch.testing.assert_close(
            p.grad, -gradient[name] * 0.5 / norm, rtol=1e-5, atol=1e-8
        )


@torch.no_grad()
def test_a_variance_stays_above_its_floor():
    model = random_rbm("gaussian")
    optimizer = make_optimizer(model, torch.optim.SGD, 100.0)
    gradient = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    gradient["log_variance"] -= 1

    put_gradient(model, gradient)
    take_step(optimizer, None, model.log_variance)

    assert model.log_variance.exp().min() == pytest.approx(1e-6)


def test_linear_decay_by_hand():
    assert [linear_decay()(done) for done in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]
    assert [linear_decay(0.5)(done) for done in (0.25, 0.5, 0.75)] == [1.0, 1.0, 0.5]
    assert [linear_decay(1.0)(done) for done in (0.0, 0.5, 1.0)] == [1.0, 1.0, 0.0]


def test_a_schedule_multiplies_the_first_rates():
    model = random_rbm("gaussian")
    optimizer = make_optimizer(model, torch.optim.Adam, 0.4)

    for done in (0.0, 0.5):
        set_rates(optimizer, linear_decay(), done)

    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.1]


@pytest.mark.parametrize("schedule", ["linear", 0.5, [1], torch.optim.lr_scheduler.StepLR])
def test_a_schedule_that_cannot_work_is_refused(schedule):
    optimizer = make_optimizer(random_rbm("bernoulli"), None, 0.1)
    with pytest.raises(TypeError, match="schedule: got .*expected a function"):
        require_schedule(schedule, optimizer)


@pytest.mark.parametrize("factor", ["half", None, [0.1], -0.1, math.nan])
def test_what_a_schedule_returns_is_checked(factor):
    optimizer = make_optimizer(random_rbm("bernoulli"), None, 0.1)
    with pytest.raises(ValueError, match="schedule: got .* at 0 of the updates, expected"):
        set_rates(optimizer, lambda done: factor, 0.0)


def test_a_step_that_waits_for_an_argument_is_refused():
    model = random_rbm("bernoulli")
    with pytest.raises(TypeError, match="optimizer: got LBFGS, expected"):
        make_optimizer(model, torch.optim.LBFGS, 0.1)
    optimizer = make_optimizer(model, None, 0.1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(TypeError, match="schedule: got ReduceLROnPlateau"):
        require_schedule(schedule, optimizer)


def test_a_parameter_without_a_gradient_is_named():
    model = random_rbm("bernoulli")
    gradient = random_gradient(model)
    del gradient["hidden_bias"]
    with pytest.raises(ValueError, match="model: got the parameter 'hidden_bias'"):
        put_gradient(model, gradient)


def test_a_schedule_of_another_optimizer_is_refused():
    model = random_rbm("bernoulli")
    other = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(other, 0.9)
    with pytest.raises(ValueError, match="schedule: got one of another optimizer"):
        require_schedule(schedule, make_optimizer(model, None, 0.1))


def test_an_optimizer_of_other_parameters_is_refused():
    other = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1)
    with pytest.raises(ValueError, match="optimizer: got one with other parameters"):
        make_optimizer(random_rbm("bernoulli"), other, 0.1)
    with pytest.raises(TypeError, match="optimizer: got 'Adam'"):
        make_optimizer(random_rbm("bernoulli"), "Adam", 0.1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(dtype):
    with pytest.raises(TypeError, match="model: got .* in which small steps are lost"):
        require_trainable(random_rbm("bernoulli").to(dtype))


def test_parameters_that_are_not_finite_are_refused():
    model = random_rbm("bernoulli")
    model.W.data[0, 0] = torch.inf
    with pytest.raises(ValueError, match="model: got a value in W that is not finite"):
        require_trainable(model)


def test_weight_decay_pulls_weights_and_not_biases(visible):
    model = random_dbm(visible)
    gradient = {name: torch.zeros_like(p) for name, p in model.named_parameters()}

    WeightDecay(0.1).add_to(gradient, model)

    for name, p in model.named_parameters():
        rate = 0.1 if name in model.weight_names else 0.0
        torch.testing.assert_close(gradient[name], -rate * p)


@pytest.mark.parametrize(
    "mask", [None, MASK, random_mask(6, 4)], ids=["all", "one", "per row"]
)
def test_item_mean_decay_by_its_formula(discrete, mask):
    model = random_rbm(discrete)
    start = random_gradient(model)
    W = model.W.detach()
    counts = torch.full((4,), 6.0) if mask is None else mask.expand(6, 4).sum(0)
    share = (counts / counts.sum()).double()
    shared = sum(share[i] * W[i] for i in range(4))
    mean_gradient = start["W"].mean(0)
    own = [start["W"][i] - 0.1 * (W[i] - shared) for i in range(4)]
    expected = torch.stack(own) + 5 * mean_gradient - 0.1 * 0.1 * shared

    decay = ItemMeanDecay(0.1)
    decay.prepare(model, VisibleData(model, random_rows(model, 6), mask))
    gradient = {name: g.clone() for name, g in start.items()}
    decay.add_to(gradient, model)

    torch.testing.assert_close(gradient["W"], expected)
    assert torch.equal(gradient["hidden_bias"], start["hidden_bias"])


def test_item_mean_decay_is_for_rbms():
    model = random_dbm("bernoulli")
    with pytest.raises(ValueError, match="weight_decay: got ItemMeanDecay"):
        ItemMeanDecay(0.1).prepare(model, VisibleData(model, random_rows(model, 3)))


def test_an_optimiser_that_would_go_the_wrong_way_is_refused():
    model = random_rbm("bernoulli")
    upwards = torch.optim.SGD(model.parameters(), lr=0.1, maximize=True)

    with pytest.raises(ValueError, match="optimizer: got one with maximize=True"):
        make_optimizer(model, upwards, 0.1)
