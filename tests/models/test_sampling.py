"""Chains leave the machine's distribution unchanged: exactly for small machines, and by counting.

The exact check builds the kernel T(v → v') = Σ_h p(h given v) p(v' given h) from the library's conditionals.
The counting checks start chains at exact draws and compare single-unit and pair statistics with exact
expectations, in standard errors known from the enumeration, with a bound that holds for all together.
"""

import pytest
import torch

from rbm_lib.models.sampling import (
    gibbs,
    independent_machine,
    interpolate,
    sample_independent,
    tempered_gibbs,
)
from tests.support import (
    TIMES,
    World,
    assert_drawn_from,
    exact_samples,
    given,
    machine,
    pairs,
    random_rows,
    seeded,
    spread,
)

N = 20_000 * TIMES
MASK = torch.tensor([True, False, True, True])


def exact_moments(model, observed=None):
    """Mean and variance of `pairs` by enumeration, for Gaussian units of h alone: given h they are normal."""
    if model.kind != "gaussian":
        world = World(model, observed)
        mean = world.mean(pairs)
        return mean, world.mean(lambda v, h: pairs(v, h) ** 2) - mean**2
    W, b, c, s2 = (p.detach() for p in (model.W, model.visible_bias, model.hidden_bias, model.log_variance))
    s2, seen = torch.exp(s2), torch.ones(len(b)).bool() if observed is None else observed
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * model.n_hidden)
    field = h @ W.T
    p = torch.softmax(h @ c + (seen * (field**2 + 2 * b * field) / (2 * s2)).sum(1), 0)
    m = b + field
    raw = [m, m**2 + s2, m**4 + 6 * m**2 * s2 + 3 * s2**2]  # first, second and fourth moments given h
    first, second, fourth = (torch.cat([moment * seen, h], 1) for moment in raw)
    i, j = torch.triu_indices(first.shape[1], first.shape[1])
    product = torch.where(i == j, second[:, i], first[:, i] * first[:, j])
    square = torch.where(i == j, fourth[:, i], second[:, i] * second[:, j])
    mean = p @ torch.cat([first, product], 1)
    return mean, p @ torch.cat([second, square], 1) - mean**2


def transition_matrix(model, observed=None):
    """T[s, s'] over visible states, from the library's conditionals."""
    world = World(model, observed)
    v, h = world.visible_states, world.hidden_states
    p_h = model.prob_h_given_v(v, observed).detach()
    h_given_v = torch.prod(torch.where(h[None] > 0, p_h[:, None], 1 - p_h[:, None]), -1)
    mean = model.mean_v_given_h(h).detach()
    if model.kind == "bernoulli":
        unit = torch.where(v[None] > 0, mean[:, None], 1 - mean[:, None])
    else:
        unit = (v[None] * mean[:, None]).sum(-1)
    unit = unit if observed is None else torch.where(observed, unit, torch.ones_like(unit))
    return world, h_given_v @ unit.prod(-1)


@pytest.mark.parametrize("observed", [None, MASK])
def test_the_kernel_leaves_the_distribution_unchanged(discrete, observed):
    model = machine(discrete)
    world, kernel = transition_matrix(model, observed)
    torch.testing.assert_close(kernel.sum(1), torch.ones(world.n_v, dtype=torch.float64))
    torch.testing.assert_close(world.p_v @ kernel, world.p_v, rtol=1e-10, atol=1e-12)
    flow = world.p_v[:, None] * kernel  # detailed balance of v → h → v'
    torch.testing.assert_close(flow, flow.T, rtol=1e-9, atol=1e-13)


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 4])
def test_a_chain_moves_as_its_kernel_says(discrete, sweeps):
    model, n = machine(discrete, n_visible=3), 40_000 * TIMES
    world, kernel = transition_matrix(model)
    start = random_rows(model, 1)
    v = gibbs(model, start.expand(n, *start.shape[1:]), sweeps, seeded(1))
    states = world.visible_states.flatten(1)
    counts = (v.flatten(1)[:, None] == states).all(-1).double().mean(0)
    row = int((start.flatten(1) == states).all(-1).nonzero())
    p = torch.linalg.matrix_power(kernel, sweeps)[row]
    assert ((counts - p).abs() / torch.sqrt(p * (1 - p) / n)).max() < 4.5


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 4, 16])
@pytest.mark.parametrize("observed", [None, MASK])
def test_chains_started_at_the_distribution_stay_there(kind, sweeps, observed, device):
    model = machine(kind)
    mean, variance = exact_moments(model, observed)
    v, _ = exact_samples(model, N, seed=sweeps, observed=observed)
    mask = None if observed is None else observed.to(device)
    v, h = gibbs(
        model.to(device), v.to(device), sweeps, seeded(sweeps, device), observed=mask, return_hidden=True
    )
    assert_drawn_from(pairs(v.cpu(), h.cpu()), mean, variance)


def test_hidden_states_are_those_that_v_was_drawn_from():
    model = machine(
        "gaussian", n_visible=3, n_hidden=2, scale=20.0
    )  # far apart: v tells which h it came from
    with torch.no_grad():
        model.log_variance.zero_()
    v, h = gibbs(model, random_rows(model, 200), 1, seeded(0), return_hidden=True)
    assert (v - model.mean_v_given_h(h).detach()).abs().max() < 6


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 4, 16])
@pytest.mark.parametrize("observed", [None, MASK])
def test_clamped_chains_have_the_conditional_distribution(kind, sweeps, observed, device):
    model, clamp = machine(kind), torch.tensor([True, False, False, False])
    free = ~clamp if observed is None else observed & ~clamp
    conditional = given(model, random_rows(model, 1)[0], clamp, free)
    start = random_rows(model, 1).expand(N, *model.unit_shape).clone()
    start[:, free] = exact_samples(conditional, N, seed=3)[0]
    masks = {"clamp": clamp.expand(N, 4), "observed": observed}
    masks = {name: mask if mask is None else mask.to(device) for name, mask in masks.items()}
    v, h = gibbs(
        model.to(device), start.to(device), sweeps, seeded(sweeps, device), return_hidden=True, **masks
    )
    v, h = v.cpu(), h.cpu()
    assert torch.equal(v[:, ~free], start[:, ~free])
    assert_drawn_from(pairs(v[:, free], h), *exact_moments(conditional))


def test_missing_units_stay_as_they_are_and_never_matter(kind):
    model = machine(kind)
    v = random_rows(model, 8)
    junk = torch.where(spread(MASK.expand(8, 4), v), v, torch.full_like(v, float("nan")))
    a, b = (gibbs(model, x, 3, seeded(0), observed=MASK) for x in (v, junk))
    assert torch.equal(a[:, MASK], b[:, MASK]) and torch.equal(a[:, ~MASK], v[:, ~MASK])


def test_chains_are_values(kind):
    model = machine(kind)
    v = random_rows(model, 6)
    before, state = v.clone(), torch.random.get_rng_state()
    first = gibbs(model, v, 5, seeded(1))
    assert torch.equal(v, before) and torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(5)
    assert torch.equal(first, gibbs(model, v, 5, seeded(1)))
    generator = seeded(1)
    two = gibbs(model, gibbs(model, v, 2, generator), 3, generator)
    assert torch.equal(first, two) and torch.equal(gibbs(model, v, 0, generator), v)


def test_the_offset_reaches_the_chain(kind):
    model, moved, v = machine(kind), machine(kind), random_rows(machine(kind), 6)
    shift = torch.randn(model.visible_bias.shape, generator=seeded(3), dtype=torch.float64)
    with torch.no_grad():
        moved.visible_bias += shift
    assert torch.equal(gibbs(model, v, 3, seeded(0), visible_offset=shift), gibbs(moved, v, 3, seeded(0)))


# ---- tempering --------------------------------------------------------------------------------------------


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 4, 16])
def test_tempered_chains_stay_at_their_distributions(kind, sweeps):
    model = machine(kind, scale=1.2)
    base, betas = independent_machine(model), [0.0, 0.5, 1.0]
    machines = [interpolate(base, model, beta) for beta in betas]
    chains = [exact_samples(m, N, seed=10 * sweeps + i)[0] for i, m in enumerate(machines)]
    for m, v in zip(machines, tempered_gibbs(model, chains, betas, sweeps, seeded(sweeps)), strict=True):
        h = m.sample_h_given_v(v, generator=seeded(1))
        assert_drawn_from(pairs(v, h), *exact_moments(m))


def test_no_sweeps_leave_tempered_chains_as_they_are(kind):
    model = machine(kind)
    chains = [random_rows(model, 3), random_rows(model, 3, seed=1)]
    for before, after in zip(chains, tempered_gibbs(model, chains, [0.5, 1.0], 0, seeded(0)), strict=True):
        assert torch.equal(before, after)


def test_tempering_finds_the_other_mode_and_gibbs_does_not():
    model = machine("bernoulli", n_visible=8, n_hidden=1)
    with torch.no_grad():  # all on or all off, equally often
        model.W.fill_(6.0), model.visible_bias.fill_(-3.0), model.hidden_bias.fill_(-24.0)
    v = torch.zeros(400, 8, dtype=torch.float64)
    stuck = gibbs(model, v, 200, seeded(0))
    base = machine("bernoulli", n_visible=8, n_hidden=1)
    for p in base.parameters():
        p.detach().zero_()
    chains = tempered_gibbs(model, [v] * 8, torch.linspace(0, 1, 8), 200, seeded(0), base=base)
    assert float(stuck.mean()) < 0.15 and 0.35 < float(chains[-1].mean()) < 0.65
    assert not v.any()


def test_interpolation_ends_at_both_machines(kind):
    model = machine(kind)
    base = independent_machine(model)
    for beta, end in ((0.0, base), (1.0, model)):
        for p, q in zip(interpolate(base, model, beta).parameters(), end.parameters(), strict=True):
            assert torch.equal(p, q)
    half = interpolate(base, model, 0.5)
    torch.testing.assert_close(half.W, model.W / 2)


@pytest.mark.grows
def test_independent_machines_are_sampled_exactly(kind):
    model, data = machine(kind), random_rows(machine(kind), 30)
    base = independent_machine(model, data)
    assert not base.W.any() and torch.equal(base.hidden_bias, model.hidden_bias)
    torch.testing.assert_close(base.visible_bias, machine(kind).initialize_from(data).visible_bias)
    assert torch.equal(independent_machine(model).visible_bias, model.visible_bias)
    v, _ = sample_independent(base, N, seeded(0))
    h = base.sample_h_given_v(v, generator=seeded(1))
    assert_drawn_from(pairs(v, h), *exact_moments(base))


# ---- doors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sweeps": -1}, ValueError, "sweeps: got -1, expected a whole number of at least 0"),
        ({"sweeps": 1.5}, ValueError, "sweeps: got 1.5"),
        (
            {"sweeps": 0, "return_hidden": True},
            ValueError,
            "sweeps: got 0, expected a whole number of at least 1",
        ),
        ({"clamp": torch.ones(4)}, TypeError, "clamp: got a torch.float32 tensor, expected a boolean"),
        ({"clamp": [True] * 4}, TypeError, "clamp: got list, expected a boolean"),
        ({"observed": torch.ones(4, dtype=torch.int64)}, TypeError, "observed: got a torch.int64"),
    ],
)
def test_gibbs_refuses_what_does_not_fit(arguments, error, message):
    model = machine("bernoulli")
    with pytest.raises(error, match=message):
        gibbs(model, random_rows(model, 2), **{"sweeps": 1} | arguments)


@pytest.mark.parametrize("betas", [[0.0], [1.0, 0.0], [0.0, 0.9], []])
def test_tempering_refuses_betas_that_do_not_fit(betas):
    model = machine("bernoulli")
    with pytest.raises(
        ValueError, match="betas: got .* for 2 chains, expected as many, rising, the last one 1"
    ):
        tempered_gibbs(model, [random_rows(model, 2)] * 2, betas, 1)


def test_tempering_refuses_falling_betas_and_chains_of_different_lengths():
    model = machine("bernoulli")
    with pytest.raises(ValueError, match="betas: got .* for 3 chains, expected as many, rising"):
        tempered_gibbs(model, [random_rows(model, 2)] * 3, [0.5, 0.2, 1.0], 1)
    with pytest.raises(ValueError, match=r"chains: got \[3, 2\] rows, expected as many in each"):
        tempered_gibbs(model, [random_rows(model, 3), random_rows(model, 2)], [0.5, 1.0], 1)
