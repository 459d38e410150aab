"""Fine-tuning a belief network as a classifier."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss, roc_auc_score

from rbm_lib import DBN, RBM, pretrain
from rbm_lib.training import fine_tune, linear_decay
from tests.support import random_dbn, random_mask, random_rows, seeded
from tests.training.support import QUIET, parameters, sgd


def cross_entropy(model, v, labels, mask=None):
    """By its definition, a Python number."""
    probability = model.predict_proba(v, mask)
    own = [math.log(probability[i, label]) for i, label in enumerate(labels.tolist())]
    return -sum(own) / len(labels)


@pytest.mark.parametrize("masked", [False, True])
def test_a_step_goes_down_the_slope_of_the_cross_entropy(visible, masked):
    """Finite differences in every number of every parameter; decay of weights only."""
    model = random_dbn(visible, (2, 3, 2), n_classes=3)
    v = random_rows(model, 7)
    labels = torch.tensor([0, 1, 2, 2, 1, 0, 1])
    mask = random_mask(7, 2) if masked else None
    start = parameters(model)
    slopes = {}
    for name, p in model.named_parameters():
        flat = p.data.view(-1)
        slope = torch.zeros_like(flat)
        for i in range(len(flat)):
            kept = float(flat[i])
            ends = []
            for shift in (1e-5, -1e-5):
                flat[i] = kept + shift
                ends.append(cross_entropy(model, v, labels, mask))
            flat[i] = kept
            slope[i] = (ends[0] - ends[1]) / 2e-5
        slopes[name] = slope.view_as(p)
    loss = cross_entropy(model, v, labels, mask)

    options = {"epochs": 1, "optimizer": sgd, "lr": 0.1, "weight_decay": 0.3} | QUIET
    history = fine_tune(model, v, labels, observed=mask, **options)

    assert history.last == {"epoch": 1, "loss": pytest.approx(loss, abs=1e-12)}
    for name, p in model.named_parameters():
        decay = 0.3 * start[name] if name.endswith(("W", "head.weight")) else 0
        rate = 0.05 if name == "log_variance" else 0.1
        expected = start[name] - rate * (slopes[name] + decay)
        torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-9)
        assert torch.equal(p, start[name]) == name.endswith("visible_bias"), name


def test_the_numbers_of_the_history_by_their_definitions():
    model = random_dbn("bernoulli", (4, 3, 2), n_classes=2)
    v = random_rows(model, 11)
    labels = torch.arange(11) % 2
    held_out = random_rows(model, 9, seed=1)
    truth = (torch.arange(9) % 3 == 0).long()
    mask = random_mask(9, 4)

    options = {"epochs": 3, "batch_size": 4, "lr": 1e-12, "generator": seeded(0)} | QUIET
    history = fine_tune(model, v, labels, validation=(held_out, truth, mask), **options)

    # At this rate nothing moves: the loss over batches, the short one too, is that of all
    # rows.
    probability = model.predict_proba(held_out, mask).numpy()
    accuracy = (probability.argmax(1) == truth.numpy()).mean()
    last = history.last
    assert list(history.to_frame()["epoch"]) == [1, 2, 3]
    assert last["loss"] == pytest.approx(cross_entropy(model, v, labels), abs=1e-9)
    assert last["validation_loss"] == pytest.approx(log_loss(truth, probability), abs=1e-9)
    assert last["validation_auc"] == pytest.approx(roc_auc_score(truth, probability[:, 1]))
    assert last["validation_accuracy"] == pytest.approx(accuracy)


def test_one_class_has_no_auc():
    model = random_dbn("bernoulli", (4, 3, 2), n_classes=2)
    v = random_rows(model, 6)

    history = fine_tune(model, v, [0, 1] * 3, validation=(v, [0] * 6), epochs=1, **QUIET)

    assert "validation_auc" not in history.last


def test_rates_follow_the_schedule_and_what_is_fixed_stays():
    model = random_dbn("gaussian", (3, 2, 2), n_classes=2)
    fixed = model.layers[1].W.requires_grad_(False)
    before = fixed.clone()
    rates = []
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    optimizer.register_step_pre_hook(
        lambda *_: rates.append(optimizer.param_groups[0]["lr"])
    )

    v = random_rows(model, 5)
    options = {"epochs": 2, "batch_size": 3, "schedule": linear_decay()} | QUIET
    fine_tune(model, v, [0, 1, 1, 0, 1], optimizer=optimizer, **options)

    assert rates == pytest.approx([0.5, 0.375, 0.25, 0.125])
    assert torch.equal(fixed, before)


def test_a_seed_decides_the_run():
    heads = []
    for seed in (1, 1, 2):
        model = random_dbn("bernoulli", (3, 2, 2), n_classes=2)
        v = random_rows(model, 10)
        options = {"epochs": 2, "batch_size": 3, "generator": seeded(seed)} | QUIET
        fine_tune(model, v, [0, 1] * 5, **options)
        heads.append(model.head.weight.detach())

    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.mark.slow
def test_pretraining_helps_where_labels_are_few():
    """Scanned digits: 1,297 rows of which 100 have a label, and 500 held out."""
    pixels, label = load_digits(return_X_y=True)
    pixels = pixels / 16
    losses = []
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(pixels))
        held_out, rest = order[:500], order[500:]
        for weight_std, pretrained in ((0.01, True), (0.3, False)):
            model = DBN([64, 100, 100], n_classes=10, weight_std=weight_std, seed=seed)
            if pretrained:
                recipe = {
                    "epochs": 20,
                    "batch_size": 32,
                    "lr": 0.05,
                    "generator": seeded(seed),
                }
                pretrain(model, pixels[rest], **recipe, **QUIET)
            recipe = {"epochs": 60, "batch_size": 20, "lr": 3e-3, "generator": seeded(seed)}
            validation = (pixels[held_out], label[held_out])
            few = rest[:100]
            history = fine_tune(
                model, pixels[few], label[few], validation=validation, **recipe, **QUIET
            )
            losses.append(history.last["validation_loss"])

    # Over eight seeds the loss was lower by .06 to .12.
    assert max(np.subtract(losses[::2], losses[1::2])) < -0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0, 1]}, r"labels: got shape \(2,\), expected \(3,\)"),
        ({"labels": [0, 1, 2]}, "labels: got 2 in row 2, expected a whole number 0 … 1"),
        ({"labels": [0.5, 1, 1]}, "labels: got 0.5 in row 0"),
        ({"labels": [0, 1, math.nan]}, "labels: got nan in row 2"),
        ({"labels": ["a", "b", "a"]}, "labels: got list, expected numbers"),
        ({"validation": torch.zeros(3, 4)}, r"validation: got Tensor, expected a tuple"),
        ({"weight_decay": -1}, "weight_decay: got -1"),
        ({"schedule": "linear"}, "schedule: got 'linear'"),
        ({"model": RBM(4, 3)}, "model: got RBM.*expected a DBN with a head"),
        ({"model": DBN([4, 3])}, "model: got DBN.*expected a DBN with a head"),
        ({"data": torch.zeros(0, 4), "labels": []}, "data: got no rows"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, message):
    model = random_dbn("bernoulli", (4, 3, 2), n_classes=2)
    defaults = {"model": model, "data": random_rows(model, 3), "labels": [0, 1, 1]}
    with pytest.raises((ValueError, TypeError), match=message):
        fine_tune(**defaults | {"epochs": 1} | QUIET | arguments)
