"""log Z, likelihood and gradient against enumeration, quadrature, autograd and finite differences; AIS."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rbm_lib import RBM
from rbm_lib.likelihood.exact import binary_states, log2_states, model_statistics
from rbm_lib.likelihood.pseudo import (
    ais_log_partition,
    conditional_log_prob,
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    pseudo_log_likelihood,
    reverse_ais_log_partition,
)
from tests.support import World, exact_samples, machine, random_mask, random_rows, seeded, spread, without

EXACT = {"rtol": 1e-10, "atol": 1e-10}
MASK = torch.tensor([True, False, True, True])


def shifts(model, n, seed=5):
    return torch.randn(n, *model.visible_bias.shape, generator=seeded(seed), dtype=torch.float64)


# ---- log Z ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(4, 3), (3, 5), (5, 2), (1, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_log_partition_by_enumeration_of_v_and_h(discrete, sizes, masked):
    """Both branches: the library sums over the smaller layer, the referee over both."""
    model = machine(discrete, *sizes)
    mask = random_mask(3, sizes[0])[2] if masked else None
    world = World(model, mask)
    torch.testing.assert_close(exact_log_partition(model, mask), world.log_z, **EXACT)
    by_v = torch.logsumexp(-model.free_energy(world.visible_states, mask), 0)  # the other layer summed first
    torch.testing.assert_close(exact_log_partition(model, mask), by_v.detach(), **EXACT)


@pytest.mark.parametrize("n_visible", [1, 2])
@pytest.mark.parametrize("shifted", [False, True])
def test_gaussian_log_partition_by_quadrature(n_visible, shifted):
    model = machine("gaussian", n_visible, 2)
    shift = shifts(model, 1)[0] if shifted else None
    world = World(model, offset=shift)
    torch.testing.assert_close(
        exact_log_partition(model, visible_offset=shift), world.log_z, rtol=1e-9, atol=1e-9
    )
    states = world.visible_states
    total = exact_log_likelihood(model, states, None, shift)
    cell = float((world.log_weight[0] + model.energy(world.v[:1], world.h[:1], None, shift)[0]).detach())
    assert float(torch.logsumexp(total, 0)) + cell == pytest.approx(0, abs=1e-9)  # p integrates to one


def test_likelihoods_of_all_states_sum_to_one(discrete):
    model = machine(discrete, n_visible=3)
    world = World(model)
    torch.testing.assert_close(
        torch.exp(exact_log_likelihood(model, world.visible_states)), world.p_v, **EXACT
    )


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["bernoulli", "categorical", "gaussian"]),
    masks=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=5),
    seed=st.integers(0, 99),
    shifted=st.booleans(),
)
def test_every_mask_has_its_own_machine(kind, masks, seed, shifted):
    model, mask = machine(kind, seed=seed), torch.tensor(masks)
    v, shift = random_rows(model, len(mask), seed), shifts(model, len(mask)) if shifted else None
    log_z = exact_log_partition(model, mask, shift)
    log_p = exact_log_likelihood(model, v, mask, shift)
    assert log_z.shape == log_p.shape == (len(mask),)
    for i, keep in enumerate(mask):
        if not keep.any():
            expected = torch.nn.functional.softplus(model.hidden_bias).sum().detach()
            torch.testing.assert_close(log_z[i], expected, **EXACT)
            assert abs(float(log_p[i])) < 1e-10  # nothing was observed: probability one
            continue
        small = without(model, keep)
        row_shift = None if shift is None else shift[i, keep]
        torch.testing.assert_close(log_z[i], exact_log_partition(small, visible_offset=row_shift), **EXACT)
        alone = exact_log_likelihood(small, v[i : i + 1, keep], None, row_shift)[0]
        torch.testing.assert_close(log_p[i], alone, **EXACT)


def test_blocks_of_states_add_up(kind, monkeypatch):
    model, v, mask = machine(kind), random_rows(machine(kind), 4), random_mask(4, 4)
    whole = exact_log_partition(model, mask), exact_gradient(model, v, mask)
    monkeypatch.setattr("rbm_lib.likelihood.exact.BLOCK_ELEMENTS", 24)
    torch.testing.assert_close(exact_log_partition(model, mask), whole[0], **EXACT)
    for name, gradient in exact_gradient(model, v, mask).items():
        torch.testing.assert_close(gradient, whole[1][name], **EXACT)


def test_too_large_a_machine_is_refused_and_says_how_large():
    model = RBM(40, 30, seed=0)
    with pytest.raises(
        ValueError, match=r"30 hidden and 40 bernoulli visible units .* about 2\^30 .* at most 2\^25"
    ):
        exact_log_partition(model)
    few = torch.arange(40) < 10
    assert log2_states(model) == 30 and log2_states(model, few) == 10
    small = without(model, few)
    torch.testing.assert_close(
        exact_log_partition(model, few), exact_log_partition(small)
    )  # 2^10 states will do
    with pytest.raises(ValueError, match=r"2\^26"):
        exact_gradient(RBM(3, 26, "gaussian"), torch.zeros(1, 3))


def test_masks_and_rows_are_checked_at_the_door(kind):
    model, v = machine(kind), random_rows(machine(kind), 3)
    with pytest.raises(ValueError, match=r"visible_offset: got shape \(2, 4\), expected .* \(3, 4\)"):
        exact_log_partition(machine("bernoulli"), random_mask(3, 4), torch.ones(2, 4))
    with pytest.raises(TypeError, match="observed: got a mask of torch.int64, expected booleans"):
        exact_log_partition(model, torch.ones(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"observed: got shape \(3, 5\), expected \(rows, 4\) or \(4,\)"):
        exact_log_partition(model, torch.ones(3, 5, dtype=torch.bool))
    for f in (exact_log_likelihood, exact_gradient):
        with pytest.raises(ValueError, match=r"observed: got shape \(2, 4\), expected \(3, 4\)"):
            f(model, v, torch.ones(2, 4, dtype=torch.bool))
        with pytest.raises(ValueError, match="data: got nan"):
            f(model, v * math.nan)
    assert exact_log_likelihood(model, v[:0], random_mask(3, 4)[:0]).shape == (0,)


def test_binary_states_are_all_states():
    states = binary_states(3)
    assert states.shape == (8, 3) and len(torch.unique(states, dim=0)) == 8
    assert torch.equal(binary_states(3, 2, 5), states[2:5])
    assert binary_states(0).shape == (1, 0)


# ---- gradient ---------------------------------------------------------------------------------------------


def log_likelihood_by_autograd(model, v, masks, shift):
    """Mean log-likelihood in plain torch from the formulas: differentiable, independent of the library."""
    W, b, c, log_variance = model.W, model.visible_bias, model.hidden_bias, model.log_variance
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * model.n_hidden)
    total = 0.0
    for row, keep, s in zip(v, masks, shift, strict=True):
        bias = (b + s)[keep]
        if model.kind == "gaussian":
            s2 = torch.exp(log_variance[keep])
            field = h @ W[keep].T
            log_p = h @ c - ((row[keep] - bias) ** 2 / (2 * s2)).sum() + (row[keep] * field / s2).sum(1)
            normaliser = (torch.log(2 * math.pi * s2) / 2 + (field**2 + 2 * bias * field) / (2 * s2)).sum(1)
        else:
            field = torch.einsum("hj,i...j->hi...", h, W[keep])
            log_p = h @ c + (row[keep] * bias).sum() + (row[keep] * field).flatten(1).sum(1)
            zero = torch.zeros_like(field)
            levels = torch.stack([zero, bias + field], -1) if model.kind == "bernoulli" else bias + field
            normaliser = torch.logsumexp(levels, -1).sum(1)
        total = total + torch.logsumexp(log_p, 0) - torch.logsumexp(h @ c + normaliser, 0)
    return total / len(v)


@pytest.mark.parametrize("masked", [None, "shared", "per row"])
@pytest.mark.parametrize("shifted", [None, "shared", "per row"])
@pytest.mark.parametrize("sizes", [(4, 3), (3, 5)])
def test_gradient_is_autograd_and_finite_differences(kind, masked, shifted, sizes):
    model = machine(kind, *sizes)
    n = 6
    v, mask, shift = random_rows(model, n), random_mask(n, sizes[0]), shifts(model, n)
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    shift = {None: None, "shared": shift[0], "per row": shift}[shifted]
    every_mask = torch.ones(n, sizes[0]).bool() if mask is None else mask.expand(n, -1)
    every_shift = torch.zeros(n, 1) if shift is None else shift.expand(n, *model.visible_bias.shape)
    every_shift = every_shift.view(n, *every_shift.shape[1:])
    if shift is None:
        every_shift = torch.zeros(n, *model.visible_bias.shape, dtype=torch.float64)
    hand = exact_gradient(model, v, mask, shift)
    value = log_likelihood_by_autograd(model, v, every_mask, every_shift)
    mean = exact_log_likelihood(model, v, mask, shift).mean()
    torch.testing.assert_close(mean, value.detach(), **EXACT)
    auto = torch.autograd.grad(value, list(model.parameters()))
    step = 1e-5
    for (name, p), slope in zip(model.named_parameters(), auto, strict=True):
        torch.testing.assert_close(hand[name], slope, msg=lambda m, name=name: f"{name}: {m}", **EXACT)
        if masked == "shared" or shifted == "shared":
            continue  # finite differences of the plain and of the per-row cases will do
        flat = p.detach().view(-1)
        differences = torch.empty_like(flat)
        for i in range(len(flat)):
            old, sides = float(flat[i]), []
            for sign in (1, -1):
                flat[i] = old + sign * step
                sides.append(float(exact_log_likelihood(model, v, mask, shift).mean()))
            flat[i] = old
            differences[i] = (sides[0] - sides[1]) / (2 * step)
        torch.testing.assert_close(hand[name].view(-1), differences, rtol=1e-6, atol=1e-8)


def test_gradient_has_zeros_where_nothing_was_observed(kind):
    model, v = machine(kind), random_rows(machine(kind), 6)
    gradient, small = exact_gradient(model, v, MASK), exact_gradient(without(model, MASK), v[:, MASK])
    for name, g in gradient.items():
        if name == "hidden_bias":
            torch.testing.assert_close(g, small[name], **EXACT)
        else:
            torch.testing.assert_close(g[MASK], small[name], **EXACT)
            assert not g[~MASK].any()
    nothing = exact_gradient(model, v, torch.zeros(4, dtype=torch.bool))
    assert all(float(g.abs().max()) < 1e-14 for g in nothing.values())


def test_values_at_missing_places_never_matter(kind):
    model, v, mask = machine(kind), random_rows(machine(kind), 6), random_mask(6, 4)
    expected = exact_log_likelihood(model, v, mask), exact_gradient(model, v, mask)
    for junk in (math.nan, -1.0, 99.0):
        spoilt = torch.where(spread(mask, v), v, torch.full_like(v, junk))
        assert torch.equal(exact_log_likelihood(model, spoilt, mask), expected[0])
        gradient = exact_gradient(model, spoilt, mask)
        assert all(torch.equal(gradient[name], expected[1][name]) for name in gradient)


def test_model_statistics_are_expectations(discrete):
    model = machine(discrete)
    world = World(model)
    got = model_statistics(model)
    torch.testing.assert_close(got["hidden_bias"], world.mean(lambda v, h: h), **EXACT)
    torch.testing.assert_close(got["visible_bias"], world.mean(lambda v, h: v), **EXACT)
    product = world.mean(lambda v, h: v.flatten(1)[:, :, None] * h[:, None])
    torch.testing.assert_close(got["W"], product.view(model.W.shape), **EXACT)


# ---- AIS --------------------------------------------------------------------------------------------------

RUNS = 20


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("observed", [None, MASK])
def test_ais_is_within_its_own_standard_error(kind, reverse, observed):
    model = machine(kind, scale=1.5)
    exact, runs = float(exact_log_partition(model, observed)), []
    for seed in range(RUNS):
        if reverse:
            samples, _ = exact_samples(model, 64, seed=500 + seed, observed=observed)
            runs.append(reverse_ais_log_partition(model, samples, 25, seeded(seed), observed=observed))
        else:
            runs.append(ais_log_partition(model, 64, 25, seeded(seed), observed=observed))
    error = torch.tensor([r.log_partition for r in runs]) - exact
    reported = torch.tensor([r.standard_error for r in runs])
    assert (error.abs() < 3 * reported).sum() >= 0.9 * RUNS
    assert (
        float(error.mean().abs())
        < 4 * float(error.std()) / math.sqrt(RUNS) + 0.5 * float(error.var()) + 0.005
    )
    assert 0.5 < float((error**2).mean().sqrt() / reported.mean()) < 2  # calibrated
    assert all(0 < r.effective_sample_size <= 64 * (1 + 1e-9) for r in runs)
    assert 0.005 < float(reported.mean()) < 0.5  # a hard enough case to be a test


def test_ais_and_reverse_ais_are_exact_without_couplings(kind):
    model = machine(kind)
    with torch.no_grad():
        model.W.zero_()
    exact = float(exact_log_partition(model))
    samples, _ = exact_samples(model, 10, seed=0)
    for result in (
        ais_log_partition(model, 10, 3, seeded(0)),
        reverse_ais_log_partition(model, samples, 3, seeded(0)),
    ):
        assert result.log_partition == pytest.approx(exact, abs=1e-10)
        assert result.standard_error < 1e-10 and result.effective_sample_size == pytest.approx(10)


def test_a_start_at_the_datas_base_rates_helps_and_stays_right(kind):
    model = machine(kind, n_visible=6, scale=1.5)
    data, _ = exact_samples(model, 400, seed=1)
    exact = float(exact_log_partition(model))
    plain = [ais_log_partition(model, 100, 20, seeded(s)) for s in range(5)]
    started = [ais_log_partition(model, 100, 20, seeded(s), data=data) for s in range(5)]
    assert sum(r.standard_error for r in started) < sum(r.standard_error for r in plain)
    assert all(abs(r.log_partition - exact) < 4 * r.standard_error for r in started)
    holes = data.clone()
    mask = torch.arange(6) != 2
    holes[:, 2] = math.nan  # a unit that is missing has no base rate, and needs none
    result = ais_log_partition(model, 100, 100, seeded(0), data=holes, observed=mask)
    assert abs(result.log_partition - float(exact_log_partition(model, mask))) < 4 * result.standard_error


def test_ais_takes_the_base_rates_of_ratings_under_their_mask():
    from rbm_lib.data.ratings import RatingMatrix

    model, generator = machine("bernoulli"), seeded(0)
    level = torch.randint(2, (30, 4), generator=generator)
    mask = torch.rand(30, 4, generator=generator) < 0.5
    users, items = mask.nonzero().T
    ratings = RatingMatrix(users, items, level[mask], user_ids=range(30), item_ids=range(4))
    a = ais_log_partition(model, 20, 20, seeded(1), data=ratings)
    v, observed = ratings.batch(slice(None))
    base = machine("bernoulli").initialize_from(v, observed)
    from rbm_lib.models.sampling import independent_machine

    torch.testing.assert_close(independent_machine(model, v, observed).visible_bias, base.visible_bias)
    b = ais_log_partition(model, 20, 20, seeded(1), data=v * 1.0)
    assert a.log_partition != b.log_partition  # missing is not disliked
    assert abs(a.log_partition - float(exact_log_partition(model))) < 4 * a.standard_error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_chains": 1}, "n_chains: got 1, expected a whole number of at least 2"),
        ({"n_temperatures": 1}, "n_temperatures: got 1"),
        (
            {"observed": torch.ones(3, 4, dtype=torch.bool)},
            r"observed: got shape \(3, 4\), expected one mask \(4,\)",
        ),
        ({"data": torch.full((3, 4), 5.0)}, "data: got 5 at"),
    ],
)
def test_ais_refuses_what_does_not_fit(arguments, message):
    model = machine("bernoulli")
    with pytest.raises(ValueError, match=message):
        ais_log_partition(model, **{"n_chains": 4, "n_temperatures": 4} | arguments)
    if "n_chains" not in arguments:
        with pytest.raises(ValueError, match=message):
            reverse_ais_log_partition(model, random_rows(model, 4), **{"n_temperatures": 4} | arguments)


# ---- conditionals of single units, pseudo-likelihood -------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
def test_conditionals_of_single_units_by_enumeration(discrete, masked, shifted):
    model, n, levels = machine(discrete), 5, 2 if discrete == "bernoulli" else 3
    v, mask = random_rows(model, n), random_mask(n, 4) if masked else torch.ones(n, 4, dtype=torch.bool)
    shift = shifts(model, n) if shifted else None
    expected = torch.empty(n, 4, levels, dtype=torch.float64)
    for row in range(n):
        for unit in range(4):
            keep, state = mask[row].clone(), v[row].clone()
            keep[unit] = True  # a missing unit joins its row's machine for the question
            energies = []
            for level in range(levels):
                state[unit] = level if discrete == "bernoulli" else torch.eye(3).double()[level]
                shift_row = None if shift is None else shift[row : row + 1]
                energies.append(model.free_energy(state[None], keep[None], shift_row)[0].detach())
            expected[row, unit] = torch.log_softmax(-torch.stack(energies), 0)
    given_mask = mask if masked else None
    torch.testing.assert_close(conditional_log_prob(model, v, given_mask, shift), expected, **EXACT)
    chosen = (torch.stack([1 - v, v], -1) if discrete == "bernoulli" else v) * expected
    expected = (chosen.sum(-1) * mask).sum(-1)
    torch.testing.assert_close(pseudo_log_likelihood(model, v, given_mask, shift), expected, **EXACT)


def test_pseudo_likelihood_of_a_masked_row_is_that_of_the_small_machine(discrete, monkeypatch):
    model, v = machine(discrete), random_rows(machine(discrete), 6)
    expected = pseudo_log_likelihood(without(model, MASK), v[:, MASK])
    torch.testing.assert_close(pseudo_log_likelihood(model, v, MASK), expected, **EXACT)
    monkeypatch.setattr("rbm_lib.likelihood.BLOCK_ELEMENTS", 1)  # unit by unit
    junk = torch.where(spread(MASK.expand(6, 4), v), v, torch.full_like(v, -1))
    torch.testing.assert_close(pseudo_log_likelihood(model, junk, MASK), expected, **EXACT)


def test_pseudo_likelihood_is_exact_without_couplings_and_refuses_gaussian_units():
    model = machine("bernoulli")
    with torch.no_grad():
        model.W.zero_()
    v = random_rows(model, 6)
    torch.testing.assert_close(pseudo_log_likelihood(model, v), exact_log_likelihood(model, v), **EXACT)
    with pytest.raises(ValueError, match="model: got RBM with gaussian units, expected an RBM whose"):
        pseudo_log_likelihood(machine("gaussian"), random_rows(machine("gaussian"), 2))


def test_devices_agree(kind, device):
    model, v, mask = machine(kind), random_rows(machine(kind), 6), random_mask(6, 4)
    expected = [exact_log_partition(model, mask), *exact_gradient(model, v, mask).values()]
    if kind != "gaussian":
        expected.append(pseudo_log_likelihood(model, v, mask))
    model.to(device)
    got = [exact_log_partition(model, mask.to(device)), *exact_gradient(model, v, mask).values()]
    if kind != "gaussian":
        got.append(pseudo_log_likelihood(model, v.to(device), mask.to(device)))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, **EXACT)
    result = ais_log_partition(model, 200, 50, seeded(0, device))
    assert abs(result.log_partition - float(exact_log_partition(model))) < 4 * result.standard_error
