"""The stop button, divergence, devices and generators."""

import math
import sys

import pytest
import torch

from rbm_lib import Checkpoint, TrainingDiverged, fit, load_model
from rbm_lib.training import fine_tune
from rbm_lib.training.loop import on_device
from tests.support import random_dbn, random_rbm, random_rows, seeded
from tests.training.support import QUIET, assert_same_parameters, parameters


def stops_in_epoch(number, error):
    """A schedule that raises an error in the middle of this epoch, of two updates each."""
    updates = []

    def schedule(done):
        updates.append(done)
        if len(updates) == 2 * number:
            raise error
        return 1.0

    return schedule


def test_the_stop_button_returns_the_last_whole_epoch(tmp_path):
    stopped = random_rbm("bernoulli")
    whole = random_rbm("bernoulli")
    v = random_rows(stopped, 6)
    options = {"batch_size": 3, "schedule": None} | QUIET
    path = tmp_path / "run.pt"

    schedule = stops_in_epoch(3, KeyboardInterrupt)
    history = fit(
        stopped,
        v,
        epochs=9,
        checkpoint=path,
        generator=seeded(0),
        **options | {"schedule": schedule},
    )
    fit(whole, v, epochs=2, generator=seeded(0), **options)

    assert history.interrupted
    assert [record["epoch"] for record in history.records] == [1, 2]
    assert_same_parameters(stopped, whole)
    assert all(p.grad is None for p in stopped.parameters())


def test_a_run_that_diverges_says_what_and_where(tmp_path):
    model = random_rbm("gaussian")
    v = random_rows(model, 6)
    path = tmp_path / "run.pt"
    options = {"batch_size": 6, "lr": 0.001} | QUIET
    fit(model, v, epochs=2, checkpoint=path, **options)
    kept = load_model(path)

    def explode(done):
        return 1.0 if done < 0.5 else math.inf

    again = Checkpoint(path, resume=True)
    with pytest.raises(
        TrainingDiverged, match=r"not finite in epoch 3.*lr was 0.001"
    ) as error:
        fit(model, v, epochs=4, checkpoint=again, schedule=explode, **options)

    assert f"The last good state is in {path}" in str(error.value)
    assert_same_parameters(load_model(path), kept)
    assert_same_parameters(model, kept)


def test_training_without_a_stderr_shows_no_bar(monkeypatch):
    """As of a service, or of `python script.py 2>&-`."""
    monkeypatch.setattr(sys, "stderr", None)
    model = random_rbm("bernoulli")

    history = fit(model, random_rows(model, 6), epochs=2, device="cpu", progress=True)

    assert history.last["epoch"] == 2


def test_without_a_checkpoint_no_good_state_is_promised():
    model = random_rbm("gaussian")
    before = parameters(model)

    with pytest.raises(TrainingDiverged) as error:
        fit(model, random_rows(model, 6), schedule=lambda done: math.inf, **QUIET)

    assert "last good state" not in str(error.value)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_fine_tuning_stops_in_the_same_way():
    model = random_dbn("bernoulli", (4, 3, 2), n_classes=2)
    v = random_rows(model, 6)
    options = {"epochs": 5, "batch_size": 3} | QUIET

    schedule = stops_in_epoch(2, KeyboardInterrupt)
    history = fine_tune(model, v, [0, 1] * 3, schedule=schedule, **options)
    assert history.interrupted and len(history.records) == 1

    with pytest.raises(TrainingDiverged):
        fine_tune(model, v, [0, 1] * 3, schedule=lambda done: math.inf, **options)


def test_a_generator_on_the_device_is_used_as_it_is(device):
    generator = torch.Generator(device)
    assert on_device(generator, device) is generator


def test_a_generator_elsewhere_gives_the_seed(device):
    draws = [
        torch.rand(3, generator=on_device(seeded(4), device), device=device)
        for _ in range(2)
    ]
    assert torch.equal(*draws)
