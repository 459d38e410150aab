"""What is recorded, and what it means."""

import pytest
import torch

from rbm_lib import RBM, History, RatingMatrix
from rbm_lib.likelihood import (
    exact_log_likelihood,
    exact_log_partition,
    pseudo_log_likelihood,
)
from rbm_lib.models import VisibleData, rated
from rbm_lib.training import (
    distinct_codes,
    layer_activity,
    reconstruction_error,
    saturation,
)
from rbm_lib.training.monitoring import monitor
from tests.support import random_dbm, random_mask, random_rbm, random_rows, seeded, spread


def test_reconstruction_error_counts_observed_units_only(visible):
    model = random_rbm(visible)
    v = random_rows(model, 6)
    mask = random_mask(6, 4)

    error = reconstruction_error(model, v, mask)

    mean = model.mean_v_given_h(model.prob_h_given_v(v, mask))
    squared = ((v - mean) ** 2)[spread(model.visible, mask)].sum() / mask.sum()
    assert error == pytest.approx(float(squared.detach()))


def test_one_mask_for_all_rows_counts_in_each_of_them(visible):
    model = random_rbm(visible)
    v = random_rows(model, 6)
    mask = torch.tensor([True, False, True, True])

    error = reconstruction_error(model, v, mask)

    assert error == pytest.approx(reconstruction_error(model, v, mask.repeat(6, 1)))


def test_saturation_and_codes_by_hand():
    prob_h = torch.tensor([[0.001, 0.5], [0.2, 0.999], [0.4, 0.6]])

    assert saturation(prob_h) == pytest.approx(2 / 6)
    assert distinct_codes(prob_h) == 2  # 00 and 01: .5 is off


@pytest.mark.parametrize(
    "wrong", [torch.tensor([[torch.nan]]), torch.tensor([[1.5]]), [0.5]]
)
def test_what_are_no_probabilities_is_refused(wrong):
    with pytest.raises(ValueError, match="prob_h: got"):
        saturation(wrong)


def test_layer_activity_by_hand():
    h1 = torch.tensor([[0.0], [1.0]])
    h2 = torch.tensor([[0.0, 0.5], [1.0, 0.5]])

    record = layer_activity([h1, h2])

    assert record["sd_h2"] == pytest.approx(0.25)  # 0.5 and 0
    assert record["cov_h1_h2"] == pytest.approx((0.25**2 / 2) ** 0.5)


def test_the_record_of_an_rbm(visible):
    model = random_rbm(visible)
    v = random_rows(model, 6)

    record = monitor(model, VisibleData(model, v), VisibleData(model, v[:2]))

    assert record["free_energy"] == pytest.approx(
        float(model.free_energy(v).mean().detach())
    )
    held_out = float(exact_log_likelihood(model, v[:2]).mean())
    assert record["validation_log_likelihood"] == pytest.approx(held_out)
    has_levels = visible in ("bernoulli", "categorical")
    assert ("pseudo_log_likelihood" in record) == has_levels
    if has_levels:
        pseudo = float(pseudo_log_likelihood(model, v).mean())
        assert record["pseudo_log_likelihood"] == pytest.approx(pseudo)


@pytest.mark.parametrize("n_levels", [2, 5])
def test_few_ratings_have_the_record_of_dense_rows(n_levels, monkeypatch):
    rng = seeded(0)
    users, items = (torch.rand(60, 300, generator=rng) < 0.05).nonzero().T
    levels = torch.randint(n_levels, (len(users),), generator=rng)
    ratings = RatingMatrix(
        users, items, levels, n_levels=n_levels, user_ids=range(60), item_ids=range(300)
    )
    visible = "bernoulli" if n_levels == 2 else "categorical"
    options = {} if n_levels == 2 else {"n_levels": n_levels}
    model = RBM(300, 120, visible, weight_std=0.5, seed=0, **options).double()
    model.initialize_from(ratings)
    data = VisibleData(model, ratings)

    record = monitor(model, data, data)

    monkeypatch.setattr(rated, "SPARSE_BELOW", {"cpu": 0.0})
    dense = monitor(model, data, data)
    assert record == pytest.approx(dense, rel=1e-10)
    assert "validation_free_energy" in record and "validation_saturation" not in record


def test_at_most_so_many_rows_are_looked_at():
    model = random_rbm("bernoulli")
    v = random_rows(model, 9)

    record = monitor(model, VisibleData(model, v), rows=3)

    every_third = float(model.free_energy(v[::3]).mean().detach())
    assert record["free_energy"] == pytest.approx(every_third)


def test_the_record_of_a_dbm(visible):
    model = random_dbm(visible)
    v = random_rows(model, 6)

    record = monitor(model, VisibleData(model, v))

    bound = model.mean_field(v).bound.mean()
    assert record["bound"] == pytest.approx(float(bound))
    assert record["elbo"] == pytest.approx(float(bound - exact_log_partition(model)))
    assert record["elbo"] < record["log_likelihood"]
    assert "sd_h2" in record and "free_energy" not in record


@pytest.mark.parametrize(
    ("sizes", "exact"), [((6, 2000), True), ((2000, 6), True), ((60, 60), False)]
)
def test_the_exact_likelihood_appears_where_a_layer_is_small(sizes, exact):
    model = RBM(*sizes, seed=0)

    record = monitor(model, VisibleData(model, torch.zeros(2, sizes[0])))

    assert ("log_likelihood" in record) is exact


def test_history_becomes_a_frame():
    history = History()
    assert history.last == {} and history.to_frame().empty

    history.records += [{"epoch": 1, "free_energy": 2.0}, {"epoch": 2, "free_energy": 1.0}]

    assert history.to_frame()["free_energy"].tolist() == [2.0, 1.0]
    assert history.last["epoch"] == 2
