"""Monitors by hand."""

import math

import pytest
import torch

from rbm_lib import RBM
from rbm_lib.likelihood.pseudo import exact_log_likelihood, pseudo_log_likelihood
from rbm_lib.models.batch import Rows
from rbm_lib.training.monitoring import History, distinct_codes, monitor, reconstruction_error, saturation
from tests.support import machine, random_mask, random_rows


def test_reconstruction_error_by_hand(kind):
    model, v, mask = machine(kind), random_rows(machine(kind), 6), random_mask(6, 4)
    for observed in (None, mask, mask[5]):
        seen = torch.ones(6, 4, dtype=torch.bool) if observed is None else observed.expand(6, 4)
        mean = model.mean_v_given_h(model.prob_h_given_v(v, observed)).detach()
        total = sum(float(((v[i, j] - mean[i, j]) ** 2).sum()) for i, j in seen.nonzero().tolist())
        assert reconstruction_error(model, v, observed) == pytest.approx(total / int(seen.sum()))
    assert reconstruction_error(model, v, torch.zeros(4, dtype=torch.bool)) == 0


def test_saturation_and_codes():
    p = torch.tensor([[0.001, 0.5, 0.999], [0.2, 0.6, 0.995], [0.009, 0.51, 0.9901], [0.0, 0.4, 0.5]])
    assert saturation(p) == pytest.approx(6 / 12)
    assert distinct_codes(p) == 3


def test_a_record_holds_what_can_be_computed(kind):
    model, v, mask = machine(kind), random_rows(machine(kind), 6), random_mask(6, 4)
    rows, held_out = Rows(model, v, mask), Rows(model, v[:3])
    record = monitor(model, rows, held_out)
    assert record["free_energy"] == pytest.approx(float(model.free_energy(v, mask).mean().detach()))
    assert record["log_likelihood"] == pytest.approx(float(exact_log_likelihood(model, v, mask).mean()))
    expected = float(exact_log_likelihood(model, v[:3]).mean())
    assert record["validation_log_likelihood"] == pytest.approx(expected)
    assert "saturation" in record and "validation_saturation" not in record
    if kind == "gaussian":
        assert "pseudo_log_likelihood" not in record
    else:
        expected = float(pseudo_log_likelihood(model, v, mask).mean())
        assert record["pseudo_log_likelihood"] == pytest.approx(expected)
    assert all(isinstance(value, (int, float)) and math.isfinite(value) for value in record.values())


@pytest.mark.parametrize(
    ("sizes", "exact"),
    [((6, 12), True), ((12, 6), True), ((6, 2000), True), ((2000, 6), True), ((60, 60), False)],
)
def test_the_exact_likelihood_appears_where_the_smaller_layer_is_small(sizes, exact):
    model = RBM(*sizes, seed=0)
    record = monitor(model, Rows(model, torch.zeros(2, sizes[0])))
    assert ("log_likelihood" in record) is exact


def test_history_becomes_a_frame():
    history = History()
    assert history.last == {} and history.to_frame().empty
    history.records += [{"epoch": 1, "free_energy": 2.0}, {"epoch": 2, "free_energy": 1.0}]
    assert history.to_frame()["free_energy"].tolist() == [2.0, 1.0] and history.last["epoch"] == 2
