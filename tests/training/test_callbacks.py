"""Callbacks see every epoch, may stop training, and may fill the record."""

import pytest
import torch

from rbm_lib import EarlyStopping, Monitor, fit
from tests.support import random_rbm, random_rows, seeded
from tests.training.support import QUIET


def test_a_callback_sees_every_epoch_and_may_add_to_the_record():
    model = random_rbm("bernoulli")
    seen = []

    def watch(epoch):
        seen.append((epoch.number, epoch.n_epochs, epoch.model is model))
        epoch.record["norm"] = float(model.W.norm())

    history = fit(model, random_rows(model, 6), epochs=3, callbacks=[watch], **QUIET)

    assert seen == [(1, 3, True), (2, 3, True), (3, 3, True)]
    assert {"norm", "free_energy"} <= set(history.last)


def test_training_stops_when_a_callback_says_so():
    model = random_rbm("bernoulli")

    history = fit(
        model,
        random_rows(model, 6),
        epochs=9,
        callbacks=[lambda epoch: epoch.number == 4],
        **QUIET,
    )

    assert [record["epoch"] for record in history.records] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("epochs", "n_rows", "every", "rows"),
    [(1, 6, 1, 50), (20, 6, 1, 50), (21, 2000, 2, 100), (1000, 10**6, 50, 1000)],
)
def test_without_a_monitor_training_has_few_records_of_few_rows(
    epochs, n_rows, every, rows
):
    sparing = Monitor.sparing(epochs, n_rows)

    assert (sparing.every, sparing.rows) == (every, rows)


def test_the_default_record_comes_every_few_epochs_and_at_the_end():
    model = random_rbm("bernoulli")
    history = fit(model, random_rows(model, 6), epochs=45, **QUIET)

    assert [record["epoch"] for record in history.records] == [*range(3, 46, 3)]


def test_early_stopping_restores_the_best_model():
    model = random_rbm("bernoulli")
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2])
    weights = []

    def score(model):
        weights.append(model.W.detach().clone())
        return next(scores)

    stop = EarlyStopping(score, patience=2)
    history = fit(model, random_rows(model, 6), epochs=9, callbacks=[stop], **QUIET)

    assert history.last["epoch"] == 4  # the second epoch after the best
    assert (stop.best_epoch, stop.best_score) == (2, 0.5)
    assert torch.equal(model.W, weights[1])


def test_early_stopping_restores_the_best_model_at_the_end_too():
    model = random_rbm("bernoulli")
    weights = []

    def score(model):
        weights.append(model.W.detach().clone())
        return -len(weights)

    fit(model, random_rows(model, 6), epochs=3, callbacks=[EarlyStopping(score)], **QUIET)

    assert torch.equal(model.W, weights[0])


def test_early_stopping_scores_every_so_many_epochs_and_the_last():
    model = random_rbm("bernoulli")
    scored = []

    def score(model):
        scored.append(float(model.W.norm()))
        return len(scored)

    stop = EarlyStopping(score, patience=1, every=3)
    history = fit(model, random_rows(model, 6), epochs=8, callbacks=[stop], **QUIET)

    assert stop.best_epoch == 8
    records = [record["epoch"] for record in history.records if "score" in record]
    assert (records, len(scored)) == ([3, 6, 8], 3)


def test_patience_counts_scores_and_not_epochs():
    model = random_rbm("bernoulli")
    scores = iter([0.5, 0.4, 0.6, 0.1, 0.1, 0.1])

    stop = EarlyStopping(lambda model: next(scores), patience=2, every=3)
    history = fit(model, random_rows(model, 6), epochs=30, callbacks=[stop], **QUIET)

    assert stop.best_epoch == 9
    assert history.last["epoch"] == 15  # two scores after the best


def test_early_stopping_can_be_used_again():
    stop = EarlyStopping(lambda model: -float(model.W.norm()), patience=2)
    for scale in (0.0, 1.0):  # the second model never scores as well as the first
        model = random_rbm("bernoulli")
        model.W.data.mul_(scale)
        v = random_rows(model, 6)
        history = fit(model, v, epochs=3, callbacks=[stop, Monitor()], **QUIET)

        assert stop.best_score == history.to_frame()["score"].max()


def test_the_monitor_records_every_so_many_epochs_and_the_last():
    model = random_rbm("bernoulli")
    v = random_rows(model, 6)

    watch = Monitor(every=2, validation=v[:2])
    history = fit(model, v, epochs=5, callbacks=[watch], generator=seeded(0), **QUIET)

    assert history.to_frame()["epoch"].tolist() == [2, 4, 5]
    expected = float(model.free_energy(v[:2]).mean().detach())
    assert history.last["validation_free_energy"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([3], "callbacks: got .* expected functions"),
        ([Monitor(validation=torch.zeros(0, 4))], "validation: got no rows"),
        ([Monitor(validation=torch.zeros(2, 5))], r"data: got shape \(2, 5\)"),
    ],
)
def test_callbacks_that_cannot_work_are_refused(callbacks, message):
    model = random_rbm("bernoulli")
    with pytest.raises((TypeError, ValueError), match=message):
        fit(model, random_rows(model, 6), epochs=1, callbacks=callbacks, **QUIET)
