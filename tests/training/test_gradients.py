"""CD, PCD and the exact gradient: what each phase is, and that all tend to the same."""

import pytest
import torch

from rbm_lib import CD, PCD, Exact
from rbm_lib.likelihood import exact_gradient
from rbm_lib.models.random import sample_bernoulli
from rbm_lib.training.gradients import as_method
from tests.support import (
    assert_close_in_mean,
    exact_samples,
    random_dbm,
    random_mask,
    random_rbm,
    random_rows,
    seeded,
    spread,
)

MASK = torch.tensor([True, False, True, True])
DEEP = (3, 4, 3, 2)


def repeated(v, n):
    return v.repeat(n, *[1] * (v.ndim - 1))


@pytest.mark.parametrize("observed", [None, MASK])
def test_cd_with_many_sweeps_is_the_exact_gradient_in_expectation(visible, observed):
    model = random_rbm(visible, scale=0.5)
    v = random_rows(model, 5)
    rows = model.as_batch(repeated(v, 400), observed)
    generator = seeded(1)

    runs = [CD(15, sample_visible=True).gradient(model, rows, generator) for _ in range(40)]

    assert_close_in_mean(runs, exact_gradient(model, v, observed))


def test_means_as_last_visible_states_have_a_small_bias(discrete):
    model = random_rbm(discrete, scale=0.5)
    v = random_rows(model, 5)
    rows = model.as_batch(repeated(v, 400))
    exact = exact_gradient(model, v)
    generator = seeded(1)

    runs = [CD(15).gradient(model, rows, generator) for _ in range(40)]

    own = [{"visible_bias": run["visible_bias"]} for run in runs]
    assert_close_in_mean(own, {"visible_bias": exact["visible_bias"]})
    with pytest.raises(AssertionError, match="W"):
        assert_close_in_mean(runs, exact)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("sample_visible", [False, True])
def test_cd_step_by_step(visible, k, sample_visible):
    model = random_rbm(visible)
    v = random_rows(model, 6)
    mask = random_mask(6, 4)

    got = CD(k, sample_visible).gradient(model, model.as_batch(v, mask), seeded(3))

    generator = seeded(3)
    h = sample_bernoulli(model.prob_h_given_v(v, mask), generator)
    for sweep in range(k):
        field = model.input_to_visible(h)
        if sweep == k - 1 and not sample_visible:
            v_k = model.visible.mean_or_sample(field, generator)
        else:
            v_k = model.sample_v_given_h(h, generator=generator)
        h = sample_bernoulli(model.prob_h_given_v(v_k, mask), generator)
    positive = model.statistics(v, model.prob_h_given_v(v, mask), mask)
    negative = model.statistics(v_k, model.prob_h_given_v(v_k, mask), mask)
    for name in got:
        torch.testing.assert_close(got[name], positive[name] - negative[name])


@pytest.mark.parametrize("masked", [None, "shared", "per row"])
def test_pcd_at_the_distribution_is_the_exact_gradient_in_expectation(visible, masked):
    model = random_rbm(visible)
    n = 1500
    v = random_rows(model, 5)
    mask = {None: None, "shared": MASK, "per row": random_mask(5, 4)}[masked]
    per_row = masked == "per row"
    big_mask = mask.repeat(n // 5, 1) if per_row else mask
    rows = model.as_batch(repeated(v, n // 5), big_mask)
    generator = seeded(2)
    method = PCD()
    runs = []
    for seed in range(40):
        method.chains = torch.empty(n, 3, dtype=torch.float64)
        for row in range(5):
            own = mask[row] if per_row else mask
            method.chains[row::5] = exact_samples(model, n // 5, 100 * seed + row, own)[1]
        runs.append(method.gradient(model, rows, generator))

    assert_close_in_mean(runs, exact_gradient(model, v, mask))


def test_pcd_step_by_step_with_more_chains_than_rows(visible):
    model = random_rbm(visible)
    v = random_rows(model, 6)
    method = PCD(k=2)
    method.chains = random_rows(random_rbm("bernoulli", n_visible=3), 9)
    h = method.chains.clone()

    got = method.gradient(model, model.as_batch(v), seeded(4))

    generator = seeded(4)
    for _ in range(2):
        v_k = model.sample_v_given_h(h, generator=generator)
        h = sample_bernoulli(model.prob_h_given_v(v_k), generator)
    assert torch.equal(method.chains, h)
    positive = model.statistics(v, model.prob_h_given_v(v))
    negative = model.statistics(v_k, model.prob_h_given_v(v_k))
    for name in got:
        torch.testing.assert_close(got[name], positive[name] - negative[name])


@pytest.mark.parametrize("method", [CD(2), PCD(2)])
def test_missing_values_never_matter_and_get_no_gradient(visible, method):
    model = random_rbm(visible)
    v = random_rows(model, 6)
    mask = random_mask(6, 4)
    mask[:, 2] = False
    spoilt = torch.where(spread(model.visible, mask), v, torch.nan)
    gradients = []
    for rows in (v, spoilt):
        if isinstance(method, PCD):
            method.chains = random_rows(random_rbm("bernoulli", n_visible=3), 6)
        gradients.append(method.gradient(model, model.as_batch(rows, mask), seeded(5)))

    missing = ~spread(model.visible, mask)[0]
    clean, same = gradients
    for name in clean:
        assert torch.equal(clean[name], same[name])
    missing = spread(model.visible, torch.arange(4) == 2)
    assert not clean["W"][missing].any()
    assert not clean["visible_bias"][missing].any()


@pytest.mark.parametrize("method", [CD(2), PCD(2)])
def test_the_offset_is_part_of_the_bias(visible, method):
    model = random_rbm(visible)
    moved = random_rbm(visible)
    v = random_rows(model, 6)
    shift = torch.randn(model.visible.shape, generator=seeded(3)).double()
    with torch.no_grad():
        moved.visible_bias += shift

    def gradient(which, offset=None):
        if isinstance(method, PCD):
            method.chains = random_rows(random_rbm("bernoulli", n_visible=3), 6)
        return method.gradient(which, which.as_batch(v, None, offset), seeded(5))

    expected = gradient(moved)
    for offset in (shift, shift.expand(6, *shift.shape)):
        for name, value in gradient(model, offset).items():
            torch.testing.assert_close(value, expected[name])


def test_exact_is_the_exact_gradient(visible):
    model = random_dbm(visible)
    v = random_rows(model, 4)

    gradient = Exact().gradient(model, model.as_batch(v))

    for name, value in exact_gradient(model, v).items():
        torch.testing.assert_close(gradient[name], value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CD(k=0), "k: got 0, expected a whole number of at least 1"),
        (lambda: PCD(n_chains=0), "n_chains: got 0"),
        (lambda: CD(posterior="exact"), "posterior: got 'exact', expected one of"),
        (
            lambda: CD(sample_visible="no"),
            "sample_visible: got 'no', expected True or False",
        ),
        (lambda: PCD(center="no"), "center: got 'no', expected True or False"),
        (lambda: as_method("gibbs"), "method: got 'gibbs', expected 'cd', 'pcd', 'exact'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
