"""CD and PCD: what each phase is, and that both tend to the exact gradient."""

import pytest
import torch

from rbm_lib.likelihood.pseudo import exact_gradient
from rbm_lib.models.batch import Rows
from rbm_lib.models.units import sample_bernoulli
from rbm_lib.training.gradients import WeightDecay, cd_gradient, pcd_gradient, start_chains
from tests.support import (
    assert_close_in_mean,
    exact_samples,
    machine,
    random_mask,
    random_rows,
    seeded,
    spread,
)

MASK = torch.tensor([True, False, True, True])


@pytest.mark.parametrize("observed", [None, MASK])
def test_cd_with_many_sweeps_is_the_exact_gradient_in_expectation(kind, observed):
    model = machine(kind, scale=0.5)
    v = random_rows(model, 5)
    big, exact = v.repeat(400, *[1] * (v.ndim - 1)), exact_gradient(model, v, observed)
    generator = seeded(1)
    runs = [cd_gradient(model, big, 15, observed, None, True, generator) for _ in range(40)]
    assert_close_in_mean(runs, exact)
    if kind != "gaussian":  # with the mean as the last visible states only their own bias is free of bias
        runs = [cd_gradient(model, big, 15, observed, None, False, generator) for _ in range(40)]
        assert_close_in_mean(
            [{"visible_bias": run["visible_bias"]} for run in runs], {"visible_bias": exact["visible_bias"]}
        )
        with pytest.raises(AssertionError, match="W: "):
            assert_close_in_mean(runs, exact)


@pytest.mark.parametrize("masked", [None, "shared", "per row"])
def test_pcd_at_the_distribution_is_the_exact_gradient_in_expectation(kind, masked):
    model = machine(kind)
    n = 1500
    v, mask = random_rows(model, 5), random_mask(5, 4)
    mask = {None: None, "shared": MASK, "per row": mask}[masked]
    big = v.repeat(n // 5, *[1] * (v.ndim - 1))
    big_mask = mask if mask is None or mask.ndim == 1 else mask.repeat(n // 5, 1)
    generator, runs = seeded(2), []
    for seed in range(40):
        if masked == "per row":
            h = torch.empty(n, 3, dtype=torch.float64)
            for row in range(5):
                h[row::5] = exact_samples(model, n // 5, 100 * seed + row, mask[row])[1]
        else:
            h = exact_samples(model, n, seed, mask)[1]
        gradient, chains = pcd_gradient(model, big, h, 1, big_mask, None, generator)
        runs.append(gradient)
    assert chains.shape == (n, 3) and set(chains.unique().tolist()) == {0.0, 1.0}
    assert_close_in_mean(runs, exact_gradient(model, v, mask))


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("sample_visible", [False, True])
def test_cd_step_by_step(kind, k, sample_visible):
    """Positive phase: data with probabilities. Negative phase: sampled chain, its last visible states a mean
    (sampled on request, and always for Gaussian units), and p(h given those very states)."""
    model, v, mask = machine(kind), random_rows(machine(kind), 6), random_mask(6, 4)
    got = cd_gradient(model, v, k, mask, None, sample_visible, seeded(3))
    generator = seeded(3)
    h = sample_bernoulli(model.prob_h_given_v(v, mask), generator)
    for sweep in range(k):
        if sweep == k - 1 and not sample_visible and kind != "gaussian":
            v_k = model.mean_v_given_h(h)
        else:
            v_k = model.sample_v_given_h(h, generator=generator)
        h = sample_bernoulli(model.prob_h_given_v(v_k, mask), generator)
    positive = model.statistics(v, model.prob_h_given_v(v, mask), mask)
    negative = model.statistics(v_k, model.prob_h_given_v(v_k, mask), mask)
    for name in got:
        torch.testing.assert_close(got[name], positive[name] - negative[name])


def test_pcd_step_by_step_and_its_chains_are_values(kind):
    model, v = machine(kind), random_rows(machine(kind), 6)
    chains = random_rows(machine("bernoulli", n_visible=3), 9)  # hidden states; nine of them, not six
    before = chains.clone()
    got, after = pcd_gradient(model, v, chains, 2, generator=seeded(4))
    generator, h = seeded(4), chains
    for _ in range(2):
        v_k = model.sample_v_given_h(h, generator=generator)
        h = sample_bernoulli(model.prob_h_given_v(v_k), generator)
    assert torch.equal(chains, before) and torch.equal(after, h) and not torch.equal(after, before)
    positive = model.statistics(v, model.prob_h_given_v(v))
    negative = model.statistics(v_k, model.prob_h_given_v(v_k))
    for name in got:
        torch.testing.assert_close(got[name], positive[name] - negative[name])


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_missing_values_never_matter_and_get_no_gradient(kind, method):
    model, v, mask = machine(kind), random_rows(machine(kind), 6), random_mask(6, 4)
    mask[:, 2] = False
    spoilt = torch.where(spread(mask, v), v, torch.full_like(v, float("nan")))
    h = random_rows(machine("bernoulli", n_visible=3), 6)
    both = [
        cd_gradient(model, x, 2, mask, generator=seeded(5))
        if method == "cd"
        else pcd_gradient(model, x, h, 2, mask, generator=seeded(5))[0]
        for x in (v, spoilt)
    ]
    for name in both[0]:
        assert torch.equal(both[0][name], both[1][name])
        assert name == "hidden_bias" or not both[0][name][2].any()


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_the_offset_is_part_of_the_bias(kind, method):
    model, moved, v = machine(kind), machine(kind), random_rows(machine(kind), 6)
    shift = torch.randn(model.visible_bias.shape, generator=seeded(3), dtype=torch.float64)
    with torch.no_grad():
        moved.visible_bias += shift
    h = random_rows(machine("bernoulli", n_visible=3), 6)
    per_row = shift.expand(6, *shift.shape)
    for offset in (shift, per_row):
        if method == "cd":
            a = cd_gradient(model, v, 2, None, offset, generator=seeded(5))
            b = cd_gradient(moved, v, 2, generator=seeded(5))
        else:
            a, _ = pcd_gradient(model, v, h, 2, None, offset, generator=seeded(5))
            b, _ = pcd_gradient(moved, v, h, 2, generator=seeded(5))
        for name in a:
            torch.testing.assert_close(a[name], b[name])


def test_chains_start_at_the_data():
    model = machine("bernoulli", scale=8.0)
    v = random_rows(model, 4)
    free = start_chains(model, Rows(model, v), 10, seeded(0))
    assert free.shape == (10, 3)
    p = model.prob_h_given_v(v)[torch.arange(10) % 4].detach()
    sure = (p < 1e-4) | (p > 1 - 1e-4)
    assert sure.double().mean() > 0.2 and torch.equal(free[sure], p.round()[sure])
    own = start_chains(model, Rows(model, v, random_mask(4, 4)), None, seeded(0))
    assert own.shape == (4, 3)


def test_weight_decay_by_its_formula(kind):
    model = machine(kind)
    rows, mask = random_rows(model, 6), random_mask(6, 4)
    generator = torch.randn(model.W.shape, generator=seeded(1), dtype=torch.float64)
    W = model.W.detach()
    for data in (Rows(model, rows), Rows(model, rows, mask), Rows(model, rows, MASK)):
        gradient = {"W": generator.clone(), "visible_bias": torch.zeros(4)}
        WeightDecay(model, data, 0.1, "zero").add_to(gradient)
        torch.testing.assert_close(gradient["W"], generator - 0.1 * W)
        counts = torch.full((4,), 6.0) if data.observed is None else data.observed.expand(6, 4).sum(0)
        share = (counts / counts.sum()).double()
        shared = sum(share[i] * W[i] for i in range(4))
        mean_gradient = sum(generator[i] for i in range(4)) / 4
        gradient = {"W": generator.clone()}
        WeightDecay(model, data, 0.1, "item_mean").add_to(gradient)
        expected = [
            generator[i] - 0.1 * (W[i] - shared) + 5 * mean_gradient - 0.1 * 0.1 * shared for i in range(4)
        ]
        torch.testing.assert_close(gradient["W"], torch.stack(expected))
