"""Chains: they leave the model's distribution unchanged, single units and pairs alike.

Chains start at exact draws. The means of all units and of all pairs of units are compared
with the sums over all states, in standard errors that are known from these sums.
"""

import pytest
import torch
from torch import tensor

from rbm_lib.models import DBN, RBM
from rbm_lib.models.sampling import gibbs, gibbs_step
from tests.support import (
    TIMES,
    World,
    assert_drawn_from,
    assert_refused,
    exact_samples,
    pairs,
    random_dbm,
    random_hidden,
    random_offsets,
    random_rows,
    seeded,
    spread,
    without,
)

N = 10_000 * TIMES


def run(model, v, sweeps, device="cpu", hidden=None, **masks):
    """Chains from v and, in a DBM, from hidden; their ends (v, [h1, h2, …]) on the CPU."""
    if isinstance(hidden, list):
        hidden = [h.to(device) for h in hidden]
    masks = {name: mask.to(device) for name, mask in masks.items()}
    options = {"hidden": hidden, "return_hidden": True, **masks}
    v, h = gibbs(model.to(device), v.to(device), sweeps, seeded(sweeps, device), **options)
    return v.cpu(), [state.cpu() for state in ([h] if isinstance(model, RBM) else h)]


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 8])
def test_gibbs_leaves_the_distribution_unchanged(make, visible, sweeps, device):
    model = make(visible, 2 if visible == "gaussian" else 3, scale=1.2)
    moments = World(model).moments(pairs)
    v, hidden = exact_samples(model, N, seed=sweeps)

    v, hidden = run(model, v, sweeps, device, hidden)

    assert_drawn_from(pairs(v, *hidden), *moments)


@torch.no_grad()
def test_layers_drawn_at_once_are_noticed():
    """A control: this sampler is wrong, as no layer sees what the other has drawn."""
    model = random_dbm("bernoulli", (3, 2, 2), scale=1.2)
    W1, W2 = model.weights
    b, c1, c2 = model.biases
    rng = seeded(0)
    v, (h1, h2) = exact_samples(model, N, seed=0)

    for _ in range(8):
        p1 = torch.sigmoid(v @ W1 + c1 + h2 @ W2.T)
        p2 = torch.sigmoid(h1 @ W2 + c2)
        h1, h2 = (p.bernoulli(generator=rng) for p in (p1, p2))
        v = torch.sigmoid(h1 @ W1.T + b).bernoulli(generator=rng)

    with pytest.raises(AssertionError):
        assert_drawn_from(pairs(v, h1, h2), *World(model).moments(pairs))


@pytest.mark.grows
def test_gibbs_forgets_where_it_started(make, visible):
    model = make(visible, 2)
    start = random_rows(model, 1).expand(N, *model.visible.shape)

    v, hidden = run(model, start, 60)

    assert_drawn_from(pairs(v, *hidden), *World(model).moments(pairs))


@torch.no_grad()
def given(model, row, clamp, free):
    """The model of the free units while the clamped ones have the values of the row.

    What the clamped units send to the first hidden layer becomes a part of its bias.
    """
    conditional = without(model, free)
    if clamp.any():
        held = without(model, clamp)
        x = row[spread(model.visible, clamp)].view(1, *held.visible.shape)
        conditional.get_parameter(model.bias_names[1]).add_(held.input_to_hidden(x)[0])
    return conditional


@pytest.mark.grows
@pytest.mark.parametrize("held", ["clamp", "observed", "both"])
def test_held_chains_have_the_conditional_distribution(make, visible, held, device):
    """Clamped units act on the others; units that are not observed do not exist."""
    model = make(visible, 4)
    clamp = tensor([held != "observed", False, False, False])
    observed = tensor([True, visible != "gaussian", True, held == "clamp"])
    free = observed & ~clamp
    row = random_rows(model, 1)[0]
    conditional = given(model, row, clamp, free)
    features = spread(model.visible, free)
    start = row.expand(N, *model.visible.shape).clone()
    own, hidden = exact_samples(conditional, N, seed=3)
    start[:, features] = own.flatten(1)

    own_clamp = clamp if held == "both" else clamp.expand(N, 4)
    masks = {"clamp": own_clamp, "observed": observed}
    v, hidden = run(model, start, 8, device, hidden, **masks)

    assert torch.equal(v[:, ~features], start[:, ~features])
    assert_drawn_from(pairs(v[:, features], *hidden), *World(conditional).moments(pairs))


def test_missing_units_keep_what_they_hold_and_never_matter(make, visible):
    model = make(visible)
    observed = tensor([True, False, True, True])
    present = spread(model.visible, observed)
    v = random_rows(model, 8)
    start = torch.where(present, v, torch.nan)

    clean = gibbs(model, v, 3, seeded(0), observed=observed)
    holes = gibbs(model, start, 3, seeded(0), observed=observed)

    assert torch.equal(clean[:, ~present], v[:, ~present])
    expected = torch.where(present, clean, torch.nan)
    torch.testing.assert_close(holes, expected, equal_nan=True)


def test_an_offset_moves_the_visible_bias_of_a_chain_and_of_its_start(make, visible):
    model = make(visible)
    moved = make(visible)
    offset = random_offsets(model, 6)[1]
    moved.visible_bias.data += offset
    v = random_rows(model, 6)

    shifted = gibbs(model, v, 3, seeded(0), visible_offset=offset)

    torch.testing.assert_close(shifted, gibbs(moved, v, 3, seeded(0)))


def test_a_chain_is_a_value_and_goes_on_where_it_stopped(make, visible):
    model = make(visible)
    v = random_rows(model, 6)
    before = v.clone()
    hidden = random_hidden(model, 6)
    state = torch.random.get_rng_state()
    generator = seeded(1)

    whole = gibbs(model, v, 5, seeded(1), hidden=hidden)
    half, between = gibbs(model, v, 2, generator, hidden=hidden, return_hidden=True)
    rest = gibbs(model, half, 3, generator, hidden=between)

    assert torch.equal(whole, rest)
    assert torch.equal(gibbs(model, v, 0, generator), before)
    assert torch.equal(v, before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_step_reports_flips_and_energy():
    model = RBM(4, 2, seed=0)
    model.visible_bias.data = tensor([50.0, 50.0, -50.0, -50.0])

    state, info = gibbs_step(model, model.as_batch(torch.zeros(3, 4)), seeded(0))

    assert state.v.tolist() == [[1.0, 1.0, 0.0, 0.0]] * 3
    assert info.flip_rate.tolist() == [0.5] * 3
    torch.testing.assert_close(info.energy, model.energy(state.v, info.h))


def test_what_does_not_fit_is_refused_by_name():
    model = RBM(4, 3)
    v = torch.zeros(2, 4)
    mask = torch.ones(4)
    assert_refused("sweeps: got -1, expected .* at least 0", gibbs, model, v, -1)
    assert_refused("at least 1", gibbs, model, v, 0, return_hidden=True)
    assert_refused("clamp: got a torch.float32 tensor, exp", gibbs, model, v, 1, clamp=mask)
    assert_refused("v: got a value that is not finite", gibbs, model, v + torch.nan, 1)
    assert_refused("model: got DBN, expected an RBM or DBM", gibbs, DBN([4, 3, 2]), v, 1)
