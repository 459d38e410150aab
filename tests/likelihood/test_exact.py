"""Exact sums against brute force, which enumerates both sides and integrates real units."""

import math

import pytest
import torch
from torch import tensor

from rbm_lib.likelihood.exact import (
    binary_states,
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    exact_samples,
    model_statistics,
)
from rbm_lib.models import DBM, DBN, RBM
from tests.likelihood.support import random_model
from tests.support import (
    World,
    assert_drawn_from,
    pairs,
    random_mask,
    random_offsets,
    random_rbm,
    random_rows,
    seeded,
    spread,
    without,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-9}

# RBMs, and DBMs with two, three and four hidden layers. The smaller side is the hidden one
# (of a DBM the layers 1, 3, …) in the first of each, and in the others the visible one,
# unless it has real units.
SIZES = [(3, 2), (3, 5), (3, 3, 2), (3, 4, 1, 3), (3, 2, 2, 2, 1)]


@pytest.fixture(params=SIZES, ids=str)
def model(request, visible):
    """RBMs and DBMs of every visible type."""
    n_visible, *hidden = request.param
    if visible == "gaussian":
        n_visible = 2  # three take too many points
    return random_model(visible, (n_visible, *hidden))


def all_but_the_first(model):
    """A mask; of mixed units it leaves the discrete ones."""
    return torch.arange(model.n_visible) > 0


@pytest.mark.parametrize("masked", [False, True])
def test_log_partition_and_likelihood_are_those_of_brute_force(model, masked):
    observed = all_but_the_first(model) if masked else None
    for offset in random_offsets(model, 1)[:2]:
        world = World(model, observed, offset)

        log_z = exact_log_partition(model, observed, offset)
        log_p = exact_log_likelihood(model, world.visible_states, observed, offset)

        torch.testing.assert_close(log_z, world.log_z, **CLOSE)
        torch.testing.assert_close(log_p, world.log_star - world.log_z, **CLOSE)
        total = torch.logsumexp(log_p + world.log_volume, 0)
        assert total.item() == pytest.approx(0, abs=1e-9)


def test_each_row_belongs_to_the_model_of_its_own_mask_and_offset(model):
    n = 6
    v = random_rows(model, n)
    mask = random_mask(n, model.n_visible)
    mask[5] = mask[4]  # rows that share a model
    _, shared, per_row = random_offsets(model, n)
    for offset in (torch.zeros(1, *model.visible.shape), shared, per_row):
        log_z = exact_log_partition(model, mask, offset)
        log_p = exact_log_likelihood(model, v, mask, offset)

        assert log_z.shape == log_p.shape == (n,)
        for i, own in enumerate(offset.expand_as(v)):
            world = World(model, mask[i], own)
            torch.testing.assert_close(log_z[i], world.log_z, **CLOSE)
            alone = torch.zeros(1).double()  # of nothing observed
            if mask[i].any():
                small = without(model, mask[i])
                kept = spread(model.visible, mask[i])
                row, own = (x[kept].view(1, *small.visible.shape) for x in (v[i], own))
                alone = exact_log_likelihood(small, row, None, own)
            torch.testing.assert_close(log_p[i : i + 1], alone, **CLOSE)

    unmasked = exact_log_partition(model, visible_offset=per_row)
    torch.testing.assert_close(unmasked[0], log_z[0], **CLOSE)  # its mask has every unit


def test_a_mask_of_one_row_stands_for_all_rows_and_hides_what_is_missing(model):
    v = random_rows(model, 3)
    mask = all_but_the_first(model)
    junk = torch.where(spread(model.visible, mask), v, math.nan)

    log_p = exact_log_likelihood(model, junk, mask[None])

    torch.testing.assert_close(log_p, exact_log_likelihood(model, v, mask), **CLOSE)
    for name, slope in exact_gradient(model, junk, mask[None]).items():
        torch.testing.assert_close(slope, exact_gradient(model, v, mask)[name], **CLOSE)


def brute_force_log_likelihood(model, row, observed, offset):
    """log p of one of the states that brute force enumerates, differentiable, and v."""
    world = World(model, observed, offset)
    hidden = world.hidden if isinstance(model, DBM) else world.hidden[0]
    energy = model.energy(world.v, hidden, observed, offset).view(world.n_v, world.n_h)
    log_star = torch.logsumexp(-energy, 1)
    log_z = torch.logsumexp(log_star, 0) + world.log_volume
    row = row % world.n_v
    return log_star[row] - log_z, world.visible_states[row]


@pytest.mark.parametrize("masked", [False, True])
def test_gradient_is_autograd_through_brute_force(model, masked):
    n = 4
    observed = random_mask(n, model.n_visible, seed=1) if masked else None
    offset = random_offsets(model, n)[2] if masked else None
    masks = observed if masked else [None] * n
    offsets = offset if masked else [None] * n
    rows = [
        brute_force_log_likelihood(model, 5 * i, masks[i], offsets[i]) for i in range(n)
    ]
    log_p, v = (torch.stack(values) for values in zip(*rows, strict=True))
    log_p.mean().backward()

    gradient = exact_gradient(model, v, observed, offset)

    parameters = dict(model.named_parameters())
    assert gradient.keys() == parameters.keys()
    for name, slope in gradient.items():
        torch.testing.assert_close(slope, parameters[name].grad, rtol=1e-7, atol=1e-8)


@torch.no_grad()
def test_gradient_is_finite_differences(model):
    v = random_rows(model, 4)
    mask = random_mask(4, model.n_visible)
    offset = random_offsets(model, 4)[2]

    gradient = exact_gradient(model, v, mask, offset)

    step = 1e-5
    for name, parameter in model.named_parameters():
        flat = parameter.view(-1)
        for i, slope in enumerate(gradient[name].flatten().tolist()):
            sides = []
            for move in (-step, 2 * step):
                flat[i] += move
                sides.append(exact_log_likelihood(model, v, mask, offset).mean().item())
            flat[i] -= step
            difference = (sides[1] - sides[0]) / (2 * step)
            assert slope == pytest.approx(difference, rel=1e-6, abs=1e-8), name


def test_gradient_is_data_minus_model(visible):
    model = random_rbm(visible)
    if model.log_variance is not None:
        model.log_variance.requires_grad_(False)  # a fixed parameter has a gradient too
    mask = random_mask(5, 4)
    offset = random_offsets(model, 5)[2]
    batch = model.as_batch(random_rows(model, 5), mask, offset)

    gradient = exact_gradient(model, batch)
    negative = model_statistics(model, mask, offset)

    positive = model.statistics(batch, model.prob_h_given_v(batch))
    assert gradient.keys() == negative.keys() == positive.keys()
    for name, slope in gradient.items():
        torch.testing.assert_close(slope, positive[name] - negative[name], **CLOSE)


def test_blocks_of_states_add_up(model, monkeypatch):
    v = random_rows(model, 5)
    mask = random_mask(5, model.n_visible)
    log_p = exact_log_likelihood(model, v, mask)
    gradient = exact_gradient(model, v, mask)

    monkeypatch.setattr("rbm_lib.likelihood.exact.BLOCK_ELEMENTS", 20)

    torch.testing.assert_close(exact_log_likelihood(model, v, mask), log_p)
    for name, slope in exact_gradient(model, v, mask).items():
        torch.testing.assert_close(slope, gradient[name])


def test_the_smaller_side_is_enumerated():
    few = torch.arange(40) < 10
    wide = random_rbm("bernoulli", 40, 30)

    log_z = exact_log_partition(wide, few)

    torch.testing.assert_close(log_z, exact_log_partition(without(wide, few)), **CLOSE)
    assert exact_log_partition(DBM([3, 20, 2, 20])).isfinite()


def test_a_model_that_is_too_large_is_refused():
    deep = DBM([30, 20, 30, 20])
    for call, message in [
        (lambda: exact_log_partition(RBM(40, 30)), r"2\^30 states.*2\^25.*ais_log_part"),
        (lambda: model_statistics(RBM(3, 26, "gaussian")), r"got about 2\^26 states"),
        (lambda: exact_log_partition(deep), r"got about 2\^40 states"),
        (lambda: exact_log_likelihood(deep, torch.zeros(1, 30)), "30 units in .* 2, 4, …"),
        (lambda: exact_samples(deep, 3), "got 40 units in the layers 1, 3, …"),
    ]:
        with pytest.raises(ValueError, match=f"model: .*{message}"):
            call()


def test_binary_states_count_up_from_the_first_unit():
    states = binary_states(3)

    assert (states @ tensor([1.0, 2.0, 4.0])).tolist() == list(range(8))
    assert torch.equal(binary_states(3, 2, 5), states[2:5])
    assert binary_states(0).shape == (1, 0)
    assert binary_states(1, like=tensor(0.0).double()).dtype == torch.float64


@pytest.mark.grows
def test_samples_have_the_moments_of_the_model(model):
    v, hidden = exact_samples(model, 20_000, seeded(0))

    layers = hidden if isinstance(hidden, list) else [hidden]
    assert_drawn_from(pairs(v, *layers), *World(model).moments(pairs))
    assert torch.equal(v, exact_samples(model, 20_000, seeded(0))[0])
    assert exact_samples(model, 0)[0].shape == (0, *model.visible.shape)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"observed": [[1, 0, 1, 1]]}, "observed: got a mask of int64"),
        ({"observed": torch.ones(3, 5).bool()}, r"observed: got shape \(3, 5\)"),
        ({"visible_offset": torch.ones(2, 3)}, r"visible_offset: got shape \(2, 3\)"),
        ({"visible_offset": [math.nan] * 4}, "visible_offset: got nan"),
    ],
)
def test_masks_and_offsets_that_do_not_fit_are_refused(arguments, message):
    model = random_rbm("bernoulli")
    with pytest.raises((ValueError, TypeError), match=message):
        exact_log_partition(model, **arguments)
    with pytest.raises((ValueError, TypeError), match=message):
        exact_gradient(model, torch.zeros(3, 4), **arguments)


def test_without_rows_there_is_no_gradient():
    with pytest.raises(ValueError, match="v: got no rows, expected at least one"):
        exact_gradient(RBM(4, 3), torch.zeros(0, 4))


def test_a_belief_network_is_refused():
    v = torch.zeros(2, 4)
    for function in (exact_log_likelihood, exact_gradient, exact_samples, model_statistics):
        with pytest.raises(TypeError, match="model: got DBN, expected an RBM or DBM"):
            function(DBN([4, 3, 2]), v)


def test_devices_agree(model, device):
    v = random_rows(model, 6)
    mask = random_mask(6, model.n_visible)
    expected = exact_gradient(model, v, mask)

    gradient = exact_gradient(model.to(device), v, mask)

    for name, slope in gradient.items():
        torch.testing.assert_close(slope.cpu(), expected[name], **CLOSE)
    assert exact_samples(model, 5, seeded(0, device))[0].device.type == device.type


def test_fixed_parameters_have_a_gradient_and_stay_fixed():
    model = random_rbm("gaussian")
    v = random_rows(model, 3)
    expected = exact_gradient(model, v)
    model.log_variance.requires_grad_(False)

    gradient = exact_gradient(model, v)

    torch.testing.assert_close(gradient, expected)
    fixed = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert fixed == ["log_variance"]
