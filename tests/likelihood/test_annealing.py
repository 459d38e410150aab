"""Annealed importance sampling against exact sums, in standard errors."""

import math

import pytest
import torch

from rbm_lib.data import RatingMatrix
from rbm_lib.likelihood import (
    ais_log_partition,
    exact_log_partition,
    reverse_ais_log_partition,
)
from rbm_lib.models import DBN, RBM, VisibleData
from tests.likelihood.support import random_model
from tests.support import exact_samples, random_dbm, random_rbm, seeded, spread

RUNS = 20


def anneal(model, reverse, seed, n_chains, n_temperatures, observed=None):
    if reverse:
        samples = exact_samples(model, n_chains, 500 + seed, observed)
        return reverse_ais_log_partition(
            model, samples, n_temperatures, seeded(seed), observed=observed
        )
    return ais_log_partition(
        model, n_chains, n_temperatures, seeded(seed), observed=observed
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("sizes", "scale", "masked"),
    [
        ((4, 3), 1.4, False),
        ((4, 3), 1.4, True),
        ((4, 3, 2), 1.3, True),
        ((3, 3, 2, 2), 1.0, False),
    ],
)
def test_estimates_are_within_their_errors(visible, sizes, scale, masked, reverse):
    """With few temperatures and strong weights, so that there are errors to see."""
    model = random_model(visible, sizes, scale=scale)
    observed = torch.arange(sizes[0]) != 1 if masked else None

    runs = [anneal(model, reverse, seed, 64, 25, observed) for seed in range(RUNS)]

    error = torch.tensor([run.log_partition for run in runs]).double()
    error -= exact_log_partition(model, observed)
    reported = torch.tensor([run.standard_error for run in runs])
    assert 0.005 < reported.mean() < 0.5
    assert (error.abs() < 3 * reported).sum() >= 0.9 * RUNS
    # The logarithm of a mean is low by half its variance.
    bias = 4 * error.std() / math.sqrt(RUNS) + error.var() / 2
    assert error.mean().abs() < bias + 0.005
    # The mean of 20 squared errors is rarely (1 in 10,000) a quarter, or four times, this.
    assert 0.25 < (error**2).mean() / (reported**2).mean() < 4
    assert all(1 <= run.effective_sample_size <= 64.001 for run in runs)


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("visible", "sizes"),
    [("bernoulli", (6, 5)), ("mixed", (5, 4)), ("gaussian", (5, 4, 3))],
)
def test_a_thousand_temperatures_are_good_to_a_twentieth_of_a_nat(visible, sizes, reverse):
    model = random_model(visible, sizes)

    result = anneal(model, reverse, 0, 100, 1000)

    error = abs(result.log_partition - exact_log_partition(model).item())
    assert error < 3 * result.standard_error < 0.15
    assert error < 0.05
    assert result.effective_sample_size > 80


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [(4, 3), (3, 2, 2)])
def test_without_weights_an_estimate_is_exact(visible, sizes, reverse):
    model = random_model(visible, sizes, scale=0.0)

    result = anneal(model, reverse, 0, 10, 3)

    exact = exact_log_partition(model).item()
    assert result.log_partition == pytest.approx(exact, abs=1e-10)
    assert result.standard_error < 1e-10
    assert result.effective_sample_size == pytest.approx(10)


@pytest.mark.parametrize("n_hidden", [63, 64, 65, 200])
def test_a_layer_may_have_more_units_than_a_whole_number_has_bits(n_hidden):
    model = RBM(4, n_hidden, weight_std=0.1, seed=0).double()

    result = ais_log_partition(model, 200, 200, seeded(0))

    error = result.log_partition - exact_log_partition(model).item()
    assert abs(error) < 4 * result.standard_error + 1e-10


@pytest.mark.parametrize(
    ("visible", "sizes"),
    [("bernoulli", (4, 3, 2)), ("gaussian", (6, 3)), ("mixed", (6, 3))],
)
def test_a_start_at_the_base_rates_of_the_observed_units_helps(visible, sizes):
    model = random_model(visible, sizes)
    observed = torch.arange(sizes[0]) != 1
    data, _ = exact_samples(model, 400, 1)
    data = torch.where(spread(model.visible, observed), data, math.nan)

    def standard_error(data):
        runs = [
            ais_log_partition(model, 100, 20, seeded(i), data, observed) for i in range(5)
        ]
        for run in runs:
            error = abs(run.log_partition - exact_log_partition(model, observed).item())
            assert error < 4 * run.standard_error
        return sum(run.standard_error for run in runs)

    assert standard_error(data) < standard_error(None)


def test_ratings_bring_their_own_mask():
    model = random_rbm("bernoulli")
    level = torch.randint(2, (30, 4), generator=seeded(0))
    mask = torch.rand(30, 4, generator=seeded(1)) < 0.5
    users, items = mask.nonzero().T
    ratings = RatingMatrix(users, items, level[mask], user_ids=range(30), item_ids=range(4))

    def estimate(data):
        observed = torch.arange(4) != 1  # of log Z, not of the data
        run = ais_log_partition(model, 20, 20, seeded(1), data, observed)
        return pytest.approx(run.log_partition, rel=1e-9), run.log_partition

    about, _ = estimate(ratings)
    assert about == estimate(VisibleData(model, level, mask))[1]
    assert about != estimate(level * mask)[1]


def test_a_high_effective_sample_size_proves_nothing():
    model = RBM(10, 1).double()
    with torch.no_grad():
        model.W.fill_(8.0)
        model.visible_bias.fill_(-4.0)
        model.hidden_bias.fill_(-40.0)  # all units off, or all on: two modes of equal mass

    result = ais_log_partition(model, 500, 1000, seeded(0))

    error = exact_log_partition(model).item() - result.log_partition
    assert error == pytest.approx(math.log(2), abs=1e-6)
    assert result.standard_error < 1e-6
    assert result.effective_sample_size == pytest.approx(500)


def test_hidden_states_of_a_deep_model_are_drawn_if_none_are_given():
    model = random_dbm("bernoulli", (4, 3, 2))
    v, _ = exact_samples(model, 400, seed=0)

    result = reverse_ais_log_partition(model, v, 300, seeded(1))

    exact = exact_log_partition(model).item()
    assert abs(result.log_partition - exact) < 4 * result.standard_error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_chains": 1}, "n_chains: got 1, expected .* at least 2"),
        ({"n_temperatures": 1}, "n_temperatures: got 1, expected .* at least 2"),
        ({"observed": torch.ones(3, 4).bool()}, r"observed: got shape \(3, 4\)"),
        ({"data": torch.full((3, 4), 5.0)}, "data: got 5 at"),
        ({"model": DBN([4, 3, 2])}, "model: got DBN, expected an RBM or DBM"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ais_log_partition(**{"model": RBM(4, 3)} | arguments)


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match="samples: got 1, expected .* at least 2"):
        reverse_ais_log_partition(RBM(4, 3), torch.zeros(1, 4))


def test_devices_agree(visible, device):
    model = random_dbm(visible, (4, 3, 2)).to(device)

    result = ais_log_partition(model, 200, 50, seeded(0, device))

    exact = exact_log_partition(model).item()
    assert abs(result.log_partition - exact) < 4 * result.standard_error
