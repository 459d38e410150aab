"""Greedy pretraining: what each RBM is, and what goes back into the model."""

import copy
import math

import pytest
import torch

from rbm_lib import CD, DBM, DBN, RBM, Monitor, pretrain
from rbm_lib.likelihood import exact_log_likelihood, exact_samples
from rbm_lib.models.units import as_layer
from rbm_lib.training import linear_decay
from rbm_lib.training.pretraining import TiedRBM
from tests.support import random_dbm, random_mask, random_rows, seeded, visible_layer
from tests.training.support import QUIET

STILL = {"epochs": 1, "lr": 0.0} | QUIET


def test_a_tied_rbm_is_an_rbm_with_equal_copies():
    W = torch.randn(4, 3, generator=seeded(0))
    rbm = TiedRBM(W, as_layer(4), (2, 2))

    assert rbm.W.shape == (8, 6)
    assert torch.equal(rbm.W, torch.cat([torch.cat([W, W], 1)] * 2))
    torch.testing.assert_close(rbm.single("W"), W)


def test_statistics_of_a_tied_rbm_are_averages_over_copies(visible):
    layer = visible_layer(visible, 3)
    W = torch.randn(layer.n_features, 4, generator=seeded(0)).double()
    rbm = TiedRBM(W.view(*layer.shape, 4), layer, (2, 1))
    v = random_rows(rbm, 5)
    h = torch.rand(5, 4, generator=seeded(1)).double()

    statistics = rbm.statistics(v, h)

    plain = RBM.statistics(rbm, v, h)["W"].flatten(0, -2)
    n = len(plain) // 2
    expected = (plain[:n] + plain[n:]) / 2
    torch.testing.assert_close(
        statistics["W"].flatten(0, -2), torch.cat([expected, expected])
    )


def test_at_rate_zero_weights_stay_and_biases_come_from_the_data(visible):
    model = random_dbm(visible, (4, 3, 2), dtype=torch.float32)
    before = copy.deepcopy(model)
    v = random_rows(model, 30)

    histories = pretrain(model, v, generator=seeded(0), **STILL)

    assert len(histories) == 2
    for W, old in zip(model.weights, before.weights, strict=True):
        torch.testing.assert_close(W, old)
    described = copy.deepcopy(before).initialize_from(v)
    torch.testing.assert_close(model.visible_bias, described.visible_bias)
    if model.log_variance is not None:
        torch.testing.assert_close(model.log_variance, described.log_variance)


def test_a_fixed_variance_stays():
    model = random_dbm("gaussian", (4, 3, 2))
    model.log_variance.requires_grad_(False)
    before = model.log_variance.clone()

    pretrain(model, random_rows(model, 20), epochs=2, lr=0.01, generator=seeded(0), **QUIET)

    assert torch.equal(model.log_variance, before)


def test_a_mask_is_that_of_the_visible_layer(visible):
    model = random_dbm(visible, (4, 3, 2))
    twin = copy.deepcopy(model)
    v = random_rows(model, 12)
    mask = random_mask(12, 4)
    spoilt = torch.where(model.visible.spread(mask).bool(), v, torch.nan)

    for each, rows in ((model, v), (twin, spoilt)):
        pretrain(each, rows, observed=mask, epochs=2, generator=seeded(0), **QUIET)

    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p, q)


def test_tied_copies_come_closer_to_a_deep_teacher_than_plain_rbms():
    teacher = random_dbm("bernoulli", (6, 3, 2), scale=2.0, seed=4)
    v, _ = exact_samples(teacher, 2000, seeded(0))
    recipe = {
        "method": "exact",
        "optimizer": torch.optim.Adam,
        "lr": 0.03,
        "batch_size": 2000,
        "epochs": 200,
        "schedule": linear_decay(0.5),
        "callbacks": [Monitor(every=1000)],
    } | QUIET
    tied = DBM([6, 3, 2], weight_std=0.3, seed=3).double()
    halved = copy.deepcopy(tied)

    pretrain(tied, v, generator=seeded(0), **recipe)
    halved.load_state_dict(tied.state_dict())
    for W in halved.weights:
        W.data.mul_(0.5)

    best = float(exact_log_likelihood(teacher, v).mean())
    loss = {m: best - float(exact_log_likelihood(m, v).mean()) for m in (tied, halved)}
    assert loss[tied] < 0.1
    assert loss[halved] > loss[tied] + 0.1  # doubling and halving would count twice


def test_contrastive_divergence_can_lower_the_likelihood_and_exact_gradients_do_not():
    v = torch.tensor([[0, 0, 0], [1, 1, 1]]).double().repeat(200, 1)
    ends = {}
    for method in (CD(k=1), "exact"):
        model = DBM([3, 3, 2], weight_std=0.1, seed=0).double()
        start = float(exact_log_likelihood(model, v).mean())
        recipe = {"epochs": 200, "lr": 0.03, "batch_size": 100, "generator": seeded(0)}
        recipe |= {"callbacks": [Monitor(every=1000)]} | QUIET
        pretrain(model, v, method=method, **recipe)
        ends[str(method)] = float(exact_log_likelihood(model, v).mean())

    cd, exact = ends.values()
    assert -2.09 < start < -2.07
    assert cd < -3
    assert -0.8 < exact < -math.log(2)


def test_a_belief_network_is_pretrained_layer_by_layer():
    model = DBN([6, 4, 3], seed=0)
    v = (torch.rand(40, 6, generator=seeded(0)) < 0.3).float()

    histories = pretrain(model, v, epochs=3, lr=0.05, generator=seeded(1), **QUIET)

    assert len(histories) == 2
    bottom = DBN([6, 4, 3], seed=0).layers[0]
    assert not torch.equal(model.layers[0].W, bottom.W)
    odds = torch.log(v.mean(0) / (1 - v.mean(0)))
    assert (model.layers[0].visible_bias.detach() - odds).abs().max() < 0.5


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (RBM(4, 3), {}, "model: got RBM, expected a DBM or DBN"),
        (
            DBM([4, 3, 2]),
            {"checkpoint": "run.pt"},
            "checkpoint: got one for several models",
        ),
        (DBM([4, 2, 2]), {"schedule": "linear"}, "schedule: got 'linear'"),
    ],
)
def test_what_does_not_fit_is_refused(model, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        pretrain(model, torch.zeros(3, 4), epochs=1, **options, **QUIET)
