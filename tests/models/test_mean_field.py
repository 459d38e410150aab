"""Mean field of a DBM against sums over all joint states."""

import pytest
import torch
from torch import tensor

from tests.support import (
    World,
    random_dbm,
    random_mask,
    random_offsets,
    random_rows,
    seeded,
)

EXACT = {"rtol": 1e-11, "atol": 1e-11}


@pytest.fixture(params=[(2, 3, 2), (2, 2, 1, 3), (1, 2, 2, 1, 2)], ids=str)
def sizes(request):
    """Two, three and four hidden layers."""
    return request.param


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("start", ["biases", "random"])
def test_the_bound_is_a_bound_and_rises_to_a_fixed_point(visible, sizes, scale, start):
    model = random_dbm(visible, sizes, scale=scale, seed=1)
    offset = random_offsets(model, 1)[1]
    world = World(model, offset=offset)
    few = slice(None, None, max(1, world.n_v // 50))  # of a grid
    v = world.visible_states[few]
    random = [torch.rand(len(v), n, generator=seeded(n)).double() for n in sizes[1:]]
    start = random if start == "random" else None

    field = model.mean_field(v, max_sweeps=200, visible_offset=offset, start=start)

    assert field.converged
    assert field.bound_trace.shape == (field.sweeps + 1, len(v))
    assert torch.equal(field.bound_trace[-1], field.bound)
    assert (field.bound_trace.diff(dim=0) > -1e-9).all()
    assert (field.bound_trace <= world.log_star[few] + 1e-9).all()
    means = [mean.requires_grad_() for mean in field.means]
    energy = model.energy(v, means, visible_offset=offset).sum()
    for mean, slope in zip(means, torch.autograd.grad(energy, means), strict=True):
        torch.testing.assert_close(mean, torch.sigmoid(-slope), rtol=0, atol=1e-5)


@pytest.mark.parametrize("sweeps", [0, 1, 3])
def test_the_bound_by_its_definition(visible, sizes, sweeps):
    """sum_h q(h) log [exp(-E) / q(h)] over all joint hidden states."""
    model = random_dbm(visible, sizes, scale=2.0)
    mask = tensor([True, False])[: sizes[0]]
    offset = random_offsets(model, 1)[1]
    world = World(model, mask, offset)
    batch = model.as_batch(world.visible_states, mask, offset)

    field = model.mean_field(batch, max_sweeps=sweeps, tol=0)

    q = torch.ones(world.n_v, world.n_h).double()
    for mean, states in zip(field.means, world.hidden_states, strict=True):
        q = q * torch.where(states > 0, mean[:, None], 1 - mean[:, None]).prod(-1)
    bound = (torch.special.entr(q) - q * world.energy).sum(1)
    torch.testing.assert_close(field.bound, bound, **EXACT)
    assert field.sweeps == sweeps


def test_a_sweep_updates_the_layers_1_3_and_then_2_from_these(visible):
    model = random_dbm(visible, (2, 3, 2, 2))
    _, W2, W3 = model.weights
    _, c1, c2, c3 = model.biases
    v = random_rows(model, 5)
    start = [torch.rand(5, n, generator=seeded(n)).double() for n in (3, 2, 2)]

    means = model.mean_field(v, max_sweeps=1, start=start).means

    h1 = torch.sigmoid(model.input_to_hidden(v) + c1 + start[1] @ W2.T)
    h3 = torch.sigmoid(start[1] @ W3 + c3)
    h2 = torch.sigmoid(h1 @ W2 + c2 + h3 @ W3.T)
    for mean, expected in zip(means, (h1, h2, h3), strict=True):
        torch.testing.assert_close(mean, expected, **EXACT)
    for mean, c in zip(model.mean_field(v, max_sweeps=0).means, (c1, c2, c3), strict=True):
        torch.testing.assert_close(mean, c.sigmoid().expand(5, -1), **EXACT)


def test_rows_are_independent_and_may_be_none(visible, sizes):
    """Sweeps are counted for a batch as a whole, so their number is held fixed here."""
    model = random_dbm(visible, sizes)
    v = random_rows(model, 4)
    mask = random_mask(4, sizes[0])

    bound = model.mean_field(v, mask, max_sweeps=7, tol=0).bound

    for i in range(4):
        alone = model.mean_field(v[[i]], mask[i], max_sweeps=7, tol=0)
        torch.testing.assert_close(alone.bound, bound[[i]], **EXACT)
        assert not alone.converged
    none = model.mean_field(v[:0])
    assert none.bound_trace.shape == (none.sweeps + 1, 0)
    assert [mean.shape for mean in none.means] == [(0, n) for n in sizes[1:]]
