"""Exact sums of deep machines against enumeration, quadrature and autograd; AIS of every machine."""

import math

import pytest
import torch

from rbm_lib import DBM, RBM
from rbm_lib.likelihood.exact import binary_states, log2_states, model_statistics
from rbm_lib.likelihood.pseudo import (
    ais_log_partition,
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    reverse_ais_log_partition,
)
from rbm_lib.likelihood.pseudo import exact_samples as library_samples
from tests.support import (
    DeepWorld,
    deep_machine,
    deep_without,
    exact_samples,
    machine,
    random_mask,
    random_rows,
    seeded,
)

EXACT = {"rtol": 1e-10, "atol": 1e-10}
# Two, three and four hidden layers. Enumerated is the smaller side: the odd layers in the first and the last;
# in the others, for units with levels, the visible and the even ones.
SHAPES = [(2, 3, 2), (1, 4, 2), (2, 4, 1, 3), (2, 2, 2, 1, 2)]


@pytest.fixture(params=SHAPES, ids=str)
def sizes(request):
    return request.param


def shifts(model, n, seed=5):
    return torch.randn(n, *model.visible_bias.shape, generator=seeded(seed), dtype=torch.float64)


# ---- log Z and likelihood ---------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
def test_log_partition_by_enumeration_and_quadrature(kind, sizes, masked, shifted):
    model = deep_machine(kind, sizes)
    mask = torch.arange(sizes[0]) != 0 if masked else None
    shift = shifts(model, 1)[0] if shifted else None
    world = DeepWorld(model, mask, None if shift is None else shift.numpy())
    log_z = exact_log_partition(model, mask, shift)
    torch.testing.assert_close(log_z, world.log_z, rtol=1e-9, atol=1e-9)
    v, even = world.visible_states, binary_states(model.n_even, like=model.visible_bias)
    all_v, all_even = v.repeat_interleave(len(even), 0), even.repeat(len(v), 1)
    by_even = -model.free_energy_of_even(all_v, all_even, mask, shift).detach()  # the other side
    cell = world.log_z - torch.logsumexp(-world.energy.flatten(), 0)
    torch.testing.assert_close(log_z, torch.logsumexp(by_even, 0) + cell, rtol=1e-9, atol=1e-9)
    log_p = exact_log_likelihood(model, v, mask, shift)
    torch.testing.assert_close(log_p, world.log_star - world.log_z, rtol=1e-8, atol=1e-8)
    assert float(torch.logsumexp(log_p, 0) + cell) == pytest.approx(0, abs=1e-9)  # p sums to one


def test_which_side_is_enumerated_is_the_smaller_one(discrete):
    bits = 2 * math.log2(3) if discrete == "categorical" else 2
    assert log2_states(deep_machine(discrete, (2, 3, 2))) == 3
    assert log2_states(deep_machine(discrete, (2, 6, 1, 3))) == pytest.approx(bits + 1)
    seen = torch.tensor([True, False])
    assert log2_states(deep_machine(discrete, (2, 6, 1, 3)), seen) == pytest.approx(bits / 2 + 1)


def test_every_mask_and_offset_has_its_own_machine(kind):
    model, n = deep_machine(kind, (4, 3, 2, 2)), 6
    v, mask = random_rows(model, n), random_mask(n, 4)
    mask[5] = mask[4]  # rows that share a machine are grouped
    for shift in (None, shifts(model, n), shifts(model, 1)[0]):
        log_z, log_p = exact_log_partition(model, mask, shift), exact_log_likelihood(model, v, mask, shift)
        assert log_z.shape == log_p.shape == (n,)
        for i, keep in enumerate(mask):
            if not keep.any():
                assert abs(float(log_p[i])) < 1e-10  # nothing was observed: probability one
                continue
            small = deep_without(model, keep)
            own = None if shift is None else shift.expand(n, *model.visible_bias.shape)[i, keep]
            torch.testing.assert_close(log_z[i], exact_log_partition(small, None, own), **EXACT)
            alone = exact_log_likelihood(small, v[i : i + 1, keep], None, own)[0]
            torch.testing.assert_close(log_p[i], alone, **EXACT)


def test_blocks_of_states_add_up(kind, monkeypatch):
    for sizes in ((4, 3, 2), (2, 5, 2)):
        model = deep_machine(kind, sizes)
        v, mask = random_rows(model, 5), random_mask(5, sizes[0])
        shift = shifts(model, 5)
        whole = exact_log_likelihood(model, v, mask, shift), exact_gradient(model, v, mask, shift)
        with monkeypatch.context() as patch:
            patch.setattr("rbm_lib.likelihood.exact.BLOCK_ELEMENTS", 45)
            torch.testing.assert_close(exact_log_likelihood(model, v, mask, shift), whole[0], **EXACT)
            for name, gradient in exact_gradient(model, v, mask, shift).items():
                torch.testing.assert_close(gradient, whole[1][name], **EXACT)


def test_too_large_a_machine_is_refused_and_says_how_large():
    model = DBM([30, 20, 30, 20], seed=0)
    with pytest.raises(ValueError, match=r"40 odd and 30 even hidden and 30 .* about 2\^40 .* ais_log"):
        exact_log_partition(model)
    with pytest.raises(ValueError, match=r"has 30 units in its even hidden layers.*mean_field\(v\).bound"):
        exact_log_likelihood(model, torch.zeros(1, 30))
    with pytest.raises(ValueError, match="got 40 odd hidden units, expected at most 25; try gibbs"):
        library_samples(model, 3)


def test_no_rows_have_no_likelihood(kind):
    model = deep_machine(kind)
    v, mask = random_rows(model, 3), random_mask(3, 2)
    assert exact_log_likelihood(model, v[:0], mask[:0]).shape == (0,)
    assert exact_log_likelihood(model, v[:0]).shape == (0,)
    with pytest.raises(ValueError, match="data: got nan"):
        exact_log_likelihood(model, v * math.nan)


# ---- gradient ---------------------------------------------------------------------------------------------


def log_likelihood_by_autograd(model, v, masks, shift):
    """Mean log-likelihood in plain torch from the formulas: all hidden states at once, v summed out."""
    h = [binary_states(n, like=model.visible_bias) for n in model.sizes[1:]]
    index = torch.cartesian_prod(*[torch.arange(len(states)) for states in h])
    h = [states[column] for states, column in zip(h, index.T, strict=True)]
    prior = sum(states @ c for states, c in zip(h, list(model.biases)[1:], strict=True))
    for below, above, W in zip(h, h[1:], list(model.weights)[1:], strict=False):
        prior = prior + ((below @ W) * above).sum(1)
    W1, b, total = model.weights[0], model.biases[0], 0.0
    for row, keep, s in zip(v, masks, shift, strict=True):
        bias = (b + s)[keep]
        field = torch.einsum("hj,i...j->hi...", h[0], W1[keep])
        if model.kind == "gaussian":
            s2 = torch.exp(model.log_variance[keep])
            log_p = prior - ((row[keep] - bias) ** 2 / (2 * s2)).sum() + (row[keep] * field / s2).sum(1)
            normaliser = (torch.log(2 * math.pi * s2) / 2 + (field**2 + 2 * bias * field) / (2 * s2)).sum(1)
        else:
            log_p = prior + (row[keep] * bias).sum() + (row[keep] * field).flatten(1).sum(1)
            zero = torch.zeros_like(field)
            levels = torch.stack([zero, bias + field], -1) if model.kind == "bernoulli" else bias + field
            normaliser = torch.logsumexp(levels, -1).sum(1)
        total = total + torch.logsumexp(log_p, 0) - torch.logsumexp(prior + normaliser, 0)
    return total / len(v)


@pytest.mark.parametrize("masked", [None, "shared", "per row"])
@pytest.mark.parametrize("shifted", [None, "shared", "per row"])
def test_gradient_is_autograd(kind, sizes, masked, shifted):
    model, n = deep_machine(kind, sizes), 6
    v, mask, shift = random_rows(model, n), random_mask(n, sizes[0]), shifts(model, n)
    mask = {None: None, "shared": torch.arange(sizes[0]) == 0, "per row": mask}[masked]
    shift = {None: None, "shared": shift[0], "per row": shift}[shifted]
    every_mask = torch.ones(n, sizes[0]).bool() if mask is None else mask.expand(n, -1)
    every_shift = torch.zeros_like(shifts(model, n)) if shift is None else shift.expand_as(shifts(model, n))
    value = log_likelihood_by_autograd(model, v, every_mask, every_shift)
    mean = exact_log_likelihood(model, v, mask, shift).mean()
    torch.testing.assert_close(mean, value.detach(), **EXACT)
    hand = exact_gradient(model, v, mask, shift)
    assert set(hand) == {name for name, _ in model.named_parameters()}
    auto = torch.autograd.grad(value, list(model.parameters()))
    for (name, _), slope in zip(model.named_parameters(), auto, strict=True):
        torch.testing.assert_close(
            hand[name], slope, rtol=1e-8, atol=1e-8, msg=lambda m, name=name: f"{name}: {m}"
        )


def test_without_weights_above_likelihood_and_gradient_are_the_rbms(kind, sizes):
    model = deep_machine(kind, sizes)
    rbm = RBM(sizes[0], sizes[1], kind, model.n_levels).double()
    names = {"W": "weights.0", "visible_bias": "biases.0", "hidden_bias": "biases.1"}
    names |= {"log_variance": "log_variance"} if kind == "gaussian" else {}
    with torch.no_grad():
        for W in list(model.weights)[1:]:
            W.zero_()
        for name, deep in names.items():
            rbm.get_parameter(name).copy_(model.get_parameter(deep))
    v, mask = random_rows(model, 6), random_mask(6, sizes[0])
    for observed in (None, mask):
        torch.testing.assert_close(
            exact_log_likelihood(model, v, observed), exact_log_likelihood(rbm, v, observed), **EXACT
        )
        mine, theirs = exact_gradient(model, v, observed), exact_gradient(rbm, v, observed)
        for name, deep in names.items():
            torch.testing.assert_close(mine[deep], theirs[name], **EXACT)


def test_gradient_of_a_fixed_variance_and_of_nothing_observed(kind):
    model = deep_machine(kind)
    if kind == "gaussian":
        model.log_variance.requires_grad_(False)
    v = random_rows(model, 4)
    gradient = exact_gradient(model, v)
    assert set(gradient) == {name for name, _ in model.named_parameters()}
    nothing = exact_gradient(model, v, torch.zeros(2, dtype=torch.bool))
    assert all(float(g.abs().max()) < 1e-14 for g in nothing.values())


def test_model_statistics_are_expectations(discrete, sizes):
    model = deep_machine(discrete, sizes)
    world, got = DeepWorld(model), model_statistics(model)
    layers = [world.v.flatten(1), *world.hidden]
    for i, layer in enumerate(layers):
        torch.testing.assert_close(got[f"biases.{i}"].flatten(), world.p @ layer, **EXACT)
    for i, (below, above) in enumerate(zip(layers, layers[1:], strict=False)):
        product = below.T @ (world.p[:, None] * above)
        torch.testing.assert_close(got[f"weights.{i}"].view_as(product), product, **EXACT)


# ---- AIS --------------------------------------------------------------------------------------------------

MACHINES = {
    "RBM": lambda: machine("bernoulli", 6, 5, scale=1.0),
    "Gaussian RBM": lambda: machine("gaussian", 5, 4, scale=0.8),
    "DBM": lambda: deep_machine("bernoulli", (6, 4, 3), scale=1.0),
    "Gaussian DBM": lambda: deep_machine("gaussian", (5, 4, 3), scale=0.8),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MACHINES)
def test_ais_is_good_to_a_twentieth_of_a_nat(name):
    """100 chains × 1000 temperatures, both directions: each within 3 standard errors, rmse at most .05."""
    model = MACHINES[name]()
    exact, errors = float(exact_log_partition(model)), []
    samples = library_samples(model, 100, seeded(50))
    for result in (
        ais_log_partition(model, 100, 1000, seeded(0)),
        reverse_ais_log_partition(model, samples if model.n_even else samples[0], 1000, seeded(90)),
    ):
        errors.append(result.log_partition - exact)
        assert abs(errors[-1]) < 3 * result.standard_error < 0.15
        assert 80 < result.effective_sample_size <= 100 * (1 + 1e-9)
    assert math.sqrt(sum(e**2 for e in errors) / len(errors)) <= 0.05


RUNS = 20


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("sizes", "masked"), [((4, 3, 2), True), ((3, 3, 2, 2), False)])
def test_ais_of_a_deep_machine_is_within_its_own_standard_error(kind, reverse, sizes, masked):
    model = deep_machine(kind, sizes, scale=1.3)
    observed = torch.arange(sizes[0]) != 1 if masked else None
    exact, runs = float(exact_log_partition(model, observed)), []
    for seed in range(RUNS):
        if reverse:
            small = model if observed is None else deep_without(model, observed)
            v, hidden = library_samples(small, 64, seeded(500 + seed))
            full = torch.zeros(64, *model.unit_shape, dtype=torch.float64)
            full[:, torch.ones(sizes[0]).bool() if observed is None else observed] = v
            samples = (full, hidden)
            runs.append(reverse_ais_log_partition(model, samples, 25, seeded(seed), observed=observed))
        else:
            runs.append(ais_log_partition(model, 64, 25, seeded(seed), observed=observed))
    error = torch.tensor([r.log_partition for r in runs]) - exact
    reported = torch.tensor([r.standard_error for r in runs])
    assert (error.abs() < 3 * reported).sum() >= 0.9 * RUNS
    noise = 4 * float(error.std()) / math.sqrt(RUNS)
    assert float(error.mean().abs()) < noise + 0.5 * float(error.var()) + 0.005
    assert 0.5 < float((error**2).mean().sqrt() / reported.mean()) < 2  # calibrated
    assert 0.005 < float(reported.mean()) < 0.5  # a hard enough case to be a test


def test_reverse_ais_draws_hidden_states_where_none_are_given():
    model = deep_machine("bernoulli", (4, 3, 2))
    v, _ = library_samples(model, 400, seeded(0))
    result = reverse_ais_log_partition(model, v, 300, seeded(1))
    assert abs(result.log_partition - float(exact_log_partition(model))) < 4 * result.standard_error
    assert math.isfinite(reverse_ais_log_partition(model, v[:2], 300, seeded(1)).standard_error)


def test_one_row_of_offsets_stands_for_all(kind):
    model = deep_machine(kind)
    v, offset = random_rows(model, 3), 0.5 * random_rows(model, 1, seed=1)
    one, all_ = (exact_log_likelihood(model, v, visible_offset=o) for o in (offset, offset.expand_as(v)))
    torch.testing.assert_close(one, all_)


def test_ais_is_exact_without_couplings_and_takes_base_rates(kind):
    model = deep_machine(kind, (3, 2, 2))
    data = library_samples(model, 200, seeded(1))[0]
    started = ais_log_partition(model, 100, 50, seeded(2), data=data)
    assert abs(started.log_partition - float(exact_log_partition(model))) < 4 * started.standard_error
    with torch.no_grad():
        for W in model.weights:
            W.zero_()
    exact = float(exact_log_partition(model))
    samples = library_samples(model, 10, seeded(0))
    for result in (
        ais_log_partition(model, 10, 3, seeded(0)),
        reverse_ais_log_partition(model, samples, 3, seeded(0)),
    ):
        assert result.log_partition == pytest.approx(exact, abs=1e-10)
        assert result.standard_error < 1e-10 and result.effective_sample_size == pytest.approx(10)


def test_the_librarys_exact_samples_of_an_rbm_are_the_referees(kind):
    """One distribution, drawn twice: means within 4.5 standard errors of each other."""
    model, n = machine(kind), 20_000
    a, b = (torch.cat([v.flatten(1), h], 1) for v, h in (
        library_samples(model, n, seeded(0)), exact_samples(model, n, seed=1)
    ))  # fmt: skip
    z = (a.mean(0) - b.mean(0)) / torch.sqrt((a.var(0) + b.var(0)) / n)
    assert float(z.abs().max()) < 4.5
    none, hidden = library_samples(model, 0)
    assert none.shape == (0, *model.visible_bias.shape) and hidden.shape == (0, model.n_hidden)


def test_devices_agree(kind, device):
    model = deep_machine(kind, (4, 3, 2))
    v, mask = random_rows(model, 6), random_mask(6, 4)
    expected = [exact_log_likelihood(model, v, mask), *exact_gradient(model, v, mask).values()]
    model.to(device)
    got = [exact_log_likelihood(model, v, mask), *exact_gradient(model, v, mask).values()]
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, **EXACT)
    result = ais_log_partition(model, 200, 50, seeded(0, device))
    assert abs(result.log_partition - float(exact_log_partition(model))) < 4 * result.standard_error
    v, hidden = library_samples(model, 50, seeded(0, device))
    assert v.device.type == hidden[1].device.type == device.type
