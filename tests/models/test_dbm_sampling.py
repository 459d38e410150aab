"""Chains of deep machines: even/odd Gibbs leaves the distribution unchanged, all layers at once does not.

For machines of at most 128 joint states the kernels are written down from the library's conditionals, their
stationary distributions solved for, and the library's chains counted against them.
"""

import math

import pytest
import torch

from rbm_lib.course.wrong_updates import parallel_gibbs
from rbm_lib.models.sampling import (
    gibbs,
    independent_machine,
    interpolate,
    sample_independent,
    start_hidden,
)
from tests.support import TIMES, DeepWorld, assert_drawn_from, deep_machine, given, pairs, random_rows, seeded

N = 20_000 * TIMES
SMALL = [(2, 2, 3), (2, 1, 2, 2), (1, 2, 2, 1, 1)]  # 2^7 joint states


@pytest.fixture(params=SMALL, ids=str)
def small(request):
    """A machine with couplings strong enough that neighbouring layers depend on each other."""
    return deep_machine("bernoulli", request.param, scale=2.0, seed=2)


def off_or_on(probability, states):
    """p(state given …) of independent units, (rows, states), from probabilities (rows, units)."""
    return torch.where(states[None] > 0, probability[:, None], 1 - probability[:, None]).prod(-1)


def kernels(model, world, held=False):
    """Transition matrices over all joint states: even/odd, and all hidden layers from the old state.

    held: v stays as it is.
    """
    odd, even = model.split(world.hidden)
    with torch.no_grad():
        to_odd = off_or_on(model.prob_odd_given_even(world.v, even), odd)
        to_visible, to_even = model.input_to_even(odd)
        to_even = off_or_on(model.even_units().mean(to_even), even)
        to_visible = off_or_on(model.visible_units().mean(to_visible), world.v)
    same = (world.v[:, None] == world.v[None]).all(-1).double()
    # v' and even' are drawn given odd', which the new state holds: row s' of these, at column s'
    new_even, new_visible = to_even.diagonal(), same if held else to_visible.diagonal()
    return to_odd * new_even * new_visible, to_odd * to_even * new_visible


def stationary(kernel):
    """The distribution that a kernel leaves unchanged, from the linear equations."""
    n = len(kernel)
    equations = torch.cat([kernel.T - torch.eye(n, dtype=torch.float64), torch.ones(1, n).double()])
    right = torch.zeros(n + 1, 1, dtype=torch.float64)
    right[-1] = 1
    return torch.linalg.lstsq(equations, right, driver="gelsd").solution[:, 0]


def total_variation(p, q):
    return float((p - q).abs().sum() / 2)


def test_even_odd_gibbs_settles_to_the_joint_distribution_and_all_at_once_does_not(small):
    world = DeepWorld(small)
    assert len(world.p) == 128
    even_odd, parallel = kernels(small, world)
    for kernel in (even_odd, parallel):
        torch.testing.assert_close(kernel.sum(1), torch.ones(128, dtype=torch.float64))
    torch.testing.assert_close(world.p @ even_odd, world.p, rtol=0, atol=1e-14)
    assert total_variation(stationary(even_odd), world.p) < 1e-12
    wrong = stationary(parallel)
    assert total_variation(wrong, world.p) > 0.1
    assert total_variation(wrong @ parallel, wrong) < 1e-12


def test_with_v_held_all_at_once_is_the_product_of_the_sides_marginals(small):
    world = DeepWorld(small)
    for row in range(world.n_v):
        own = slice(row * world.n_h, (row + 1) * world.n_h)
        even_odd, parallel = (k[own, own] for k in kernels(small, world, held=True))
        posterior = world.joint[row] / world.joint[row].sum()
        assert total_variation(stationary(even_odd), posterior) < 1e-12
        odd, even = small.split(world.hidden_states)
        marginals = 1.0
        for side in (odd, even):
            alike = (side[:, None] == side[None]).all(-1).double()
            marginals = marginals * (alike @ posterior)
        assert float(marginals.sum()) == pytest.approx(1)
        assert total_variation(stationary(parallel), marginals) < 1e-10
        assert total_variation(marginals, posterior) > 0.01


def frequencies(world, v, hidden):
    """How often each joint state occurs among the rows."""
    rows, states = (torch.cat([a, *b], 1) for a, b in ((v, hidden), (world.v, world.hidden)))
    value = 2.0 ** torch.arange(rows.shape[1], dtype=torch.float64)  # a joint state read as a binary number
    counts = torch.bincount((rows @ value).long(), minlength=len(states))
    return counts[(states @ value).long()].double() / len(v)


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 3])
@pytest.mark.parametrize("chain", ["gibbs", "gibbs, v held", "parallel", "parallel, v held"])
def test_chains_move_as_their_kernels_say(small, sweeps, chain):
    world, n, row = DeepWorld(small), 40_000 * TIMES, 77
    held = chain.endswith("held")
    v = world.v[row].expand(n, -1)
    hidden = [h[row].expand(n, -1) for h in world.hidden]
    if chain.startswith("gibbs"):
        clamp = torch.ones(small.n_visible, dtype=torch.bool) if held else None
        got = gibbs(small, v, sweeps, seeded(1), clamp, return_hidden=True, hidden=hidden)
    else:
        got = parallel_gibbs(small, v, hidden, sweeps, seeded(1), clamp_visible=held)
    kernel = kernels(small, world, held)[int(chain.startswith("parallel"))]
    p = torch.linalg.matrix_power(kernel, sweeps)[row]
    z = (frequencies(world, *got) - p) / torch.sqrt((p * (1 - p)).clamp(min=1e-9) / n)
    likely = p * n > 10
    assert float(z[likely].abs().max()) < 4.8
    assert not frequencies(world, *got)[p == 0].any()


# ---- stationarity -----------------------------------------------------------------------------------------


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 4, 16])
@pytest.mark.parametrize("sizes", [(2, 3, 2), (2, 2, 2, 2)])
def test_chains_started_at_the_distribution_stay_there(kind, sweeps, sizes, device):
    model = deep_machine(kind, sizes, scale=1.2)
    world = DeepWorld(model)
    mean, variance = world.moments(pairs)
    v, hidden = world.sample(model, N, seed=sweeps)
    hidden = [h.to(device) for h in hidden]
    v, hidden = gibbs(
        model.to(device), v.to(device), sweeps, seeded(sweeps, device), hidden=hidden, return_hidden=True
    )
    assert_drawn_from(pairs(v.cpu(), *(h.cpu() for h in hidden)), mean, variance)


def test_chains_all_at_once_do_not_stay(kind):
    """The same test finds the wrong sampler out."""
    model = deep_machine(kind, (2, 3, 2), scale=2.0)
    model.weights[0].data.mul_(0.3)  # what h1 hears from above then matters
    world = DeepWorld(model)
    v, hidden = parallel_gibbs(model, *world.sample(model, N, seed=0), 16, seeded(0))
    with pytest.raises(AssertionError, match="z = "):
        assert_drawn_from(pairs(v, *hidden), *world.moments(pairs))


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 16])
@pytest.mark.parametrize("held", ["clamp", "observed", "both"])
def test_held_chains_have_the_conditional_distribution(kind, sweeps, held, device):
    """Clamped units pull as a bias would; units that are not observed are as if they did not exist."""
    model = deep_machine(kind, (4, 2, 2), scale=1.2)
    clamp = torch.tensor([held != "observed", False, False, False])
    observed = torch.tensor([True, True, True, held == "clamp"])
    free = observed & ~clamp
    if kind == "gaussian":  # quadrature affords two units
        free[1] = False
        observed[1] = False
    row = random_rows(model, 1)
    conditional = given(model, row[0], clamp, free)
    world = DeepWorld(conditional)
    v = row.expand(N, *model.unit_shape).clone()
    v[:, free], hidden = world.sample(conditional, N, seed=3)
    got, hidden = gibbs(
        model.to(device), v.to(device), sweeps, seeded(4, device), clamp=clamp.to(device).expand(N, 4),
        observed=observed.to(device), hidden=[h.to(device) for h in hidden], return_hidden=True,
    )  # fmt: skip
    got, hidden = got.cpu(), [h.cpu() for h in hidden]
    assert torch.equal(got[:, ~free], v[:, ~free])
    assert_drawn_from(pairs(got[:, free], *hidden), *world.moments(pairs))


@pytest.mark.grows
def test_hidden_states_start_nearly_at_the_posterior(discrete):
    """Twenty sweeps with v held: within sampling error of p(hidden given v), and not mean field's product."""
    model = deep_machine(discrete, (2, 3, 2), scale=1.2)
    world = DeepWorld(model)
    row = 1
    p = world.joint[row] / world.joint[row].sum()
    world.p = torch.zeros_like(world.p)
    world.p[row * world.n_h : (row + 1) * world.n_h] = p
    mean, variance = world.moments(lambda v, *hidden: pairs(hidden[0], *hidden[1:]))
    v = world.visible_states[row].expand(N, *model.unit_shape)
    assert_drawn_from(pairs(*start_hidden(model, v, seeded(0))), mean, variance)
    with pytest.raises(AssertionError, match="z = "):
        assert_drawn_from(pairs(*start_hidden(model, v, seeded(0), sweeps=0)), mean, variance)


def test_chains_without_hidden_states_start_at_those(kind):
    model = deep_machine(kind, (3, 2, 2))
    v, generator = random_rows(model, 6), seeded(2)
    hidden = start_hidden(model, v, generator)
    expected = gibbs(model, v, 3, generator, hidden=hidden)
    assert torch.equal(gibbs(model, v, 3, seeded(2)), expected)
    assert [h.shape for h in hidden] == [(6, 2), (6, 2)] and set(hidden[1].unique().tolist()) <= {0.0, 1.0}


@pytest.mark.grows
def test_the_librarys_exact_samples_follow_the_distribution(kind, device):
    from rbm_lib.likelihood.pseudo import exact_samples

    model = deep_machine(kind, (2, 2, 2, 2), scale=1.2)
    world = DeepWorld(model)
    v, hidden = exact_samples(model.to(device), N, seeded(1, device))
    v, hidden = v.cpu(), [h.cpu() for h in hidden]
    assert_drawn_from(pairs(v, *hidden), *world.moments(pairs))
    if kind == "bernoulli":  # the chi-square of all 256 states, within five standard deviations
        p = world.p
        expected = N * p
        chi2 = float(((N * frequencies(world, v, hidden) - expected) ** 2 / expected).sum())
        variance = 2 * 255 + float((1 / p).sum() - 256**2 - 2 * 256 + 2) / N
        assert abs(chi2 - 255) < 5 * math.sqrt(variance)


# ---- values -----------------------------------------------------------------------------------------------


def test_chains_are_values_and_go_on_where_they_stopped(kind):
    model = deep_machine(kind, (3, 2, 2))
    v = random_rows(model, 6)
    hidden = start_hidden(model, v, seeded(0))
    state, generator = torch.random.get_rng_state(), seeded(1)
    whole = gibbs(model, v, 5, seeded(1), hidden=hidden, return_hidden=True)
    assert torch.equal(torch.random.get_rng_state(), state)
    half, between = gibbs(model, v, 2, generator, hidden=hidden, return_hidden=True)
    rest = gibbs(model, half, 3, generator, hidden=between, return_hidden=True)
    assert torch.equal(whole[0], rest[0])
    assert all(torch.equal(a, b) for a, b in zip(whole[1], rest[1], strict=True))


def test_the_offset_reaches_the_chain_and_its_start(kind):
    model, moved = deep_machine(kind, (3, 2, 2)), deep_machine(kind, (3, 2, 2))
    v = random_rows(model, 6)
    shift = torch.randn(model.visible_bias.shape, generator=seeded(3), dtype=torch.float64)
    with torch.no_grad():
        moved.biases[0].add_(shift)
    assert torch.equal(gibbs(model, v, 3, seeded(0), visible_offset=shift), gibbs(moved, v, 3, seeded(0)))


@pytest.mark.grows
def test_machines_between_two(kind):
    model, data = deep_machine(kind, (3, 2, 2)), random_rows(deep_machine(kind, (3, 2, 2)), 30)
    base = independent_machine(model, data)
    assert not any(W.any() for W in base.weights) and torch.equal(base.biases[1], model.biases[1])
    expected = deep_machine(kind, (3, 2, 2)).initialize_from(data)
    torch.testing.assert_close(base.visible_bias, expected.visible_bias)
    half = interpolate(base, model, 0.5)
    for p, q, r in zip(half.parameters(), base.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(p, (q + r) / 2)
    v, even = sample_independent(base, N, seeded(0))
    p = torch.sigmoid(model.biases[2].detach())
    assert_drawn_from(even, p, p * (1 - p))
    mean = base.visible_units().mean(torch.zeros_like(base.visible_bias)).detach().flatten()
    variance = torch.exp(base.log_variance.detach()) if kind == "gaussian" else mean * (1 - mean)
    assert_drawn_from(v.flatten(1), mean, variance)
