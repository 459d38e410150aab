"""Resuming: the same run as without an interruption, and no other one."""

import json
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch

from rbm_lib import CD, PCD, RBM, Checkpoint, Exact, fit, load_model, save_model
from rbm_lib.training import CheckpointError, ItemMeanDecay, linear_decay
from rbm_lib.training.saving import read_checkpoint
from tests.support import (
    ROOT,
    TIMES,
    assert_refused,
    random_dbm,
    random_mask,
    random_rbm,
    random_rows,
    seeded,
)
from tests.training.support import QUIET, assert_same_parameters, parameters

RUNS = {
    "cd": lambda: {"method": CD(k=2)},
    "cd, sampled": lambda: {"method": CD(sample_visible=True)},
    "pcd": lambda: {"method": PCD()},
    "exact": lambda: {"method": Exact()},
    "Adam": lambda: {"method": PCD(), "optimizer": torch.optim.Adam},
    "schedule": lambda: {"schedule": linear_decay(0.2)},
    "decay": lambda: {"method": PCD(), "weight_decay": 0.05},
}


class Stop(Exception):
    """Raised in the middle of an epoch."""


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("masked", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one(visible, run, masked, tmp_path, device):
    v = random_rows(random_rbm(visible), 11)
    options = {
        "batch_size": 4,
        "lr": 0.01,
        "epochs": 6,
        "progress": False,
        "device": device,
    }
    if masked:
        options["observed"] = random_mask(11, 4)
    whole = random_rbm(visible)
    expected = fit(whole, v, generator=seeded(1, device), **options, **RUNS[run]())
    checkpoint = Checkpoint(tmp_path / "run.pt", resume=True)

    # Stopped twice. Neither the later generators' seeds nor the model may matter.
    for n_epochs, seed in ((2, 1), (1, 2)):
        settings = RUNS[run]()
        inner = settings.get("schedule") or (lambda done: 1.0)
        updates = []

        def schedule(done, inner=inner, updates=updates, n_epochs=n_epochs):
            updates.append(done)
            if len(updates) > 3 * n_epochs + 1:
                raise Stop
            return inner(done)

        settings["schedule"] = schedule
        model = random_rbm(visible, seed=seed)
        if n_epochs == 2:
            model = random_rbm(visible)
        with pytest.raises(Stop):
            fit(
                model,
                v,
                generator=seeded(seed, device),
                checkpoint=checkpoint,
                **options,
                **settings,
            )
    resumed = random_rbm(visible, seed=7)
    history = fit(
        resumed,
        v,
        generator=seeded(3, device),
        checkpoint=checkpoint,
        **options,
        **RUNS[run](),
    )

    assert_same_parameters(resumed, whole)
    assert history.records == expected.records
    assert_same_parameters(load_model(checkpoint.path), whole.cpu())


def test_a_torch_scheduler_is_resumed(tmp_path):
    v = random_rows(random_rbm("bernoulli"), 8)
    models = []
    for stops in ([6], [2, 4, 6]):
        checkpoint = Checkpoint(tmp_path / f"{len(stops)}.pt", resume=True)
        for epochs in stops:
            model = random_rbm("bernoulli")
            optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
            options = {"optimizer": optimizer, "schedule": schedule, "batch_size": 4}
            fit(
                model,
                v,
                epochs=epochs,
                checkpoint=checkpoint,
                generator=seeded(0),
                **options,
                **QUIET,
            )
        models.append(model)

    assert_same_parameters(*models)


def test_a_checkpoint_is_saved_every_so_many_epochs_and_at_the_end(tmp_path):
    path = tmp_path / "run.pt"
    model = random_rbm("bernoulli")
    saved = []

    def watch(epoch):
        saved.append(read_checkpoint(path)[1]["training"]["epoch"] if path.exists() else 0)

    checkpoint = Checkpoint(path, every=2)
    fit(
        model,
        random_rows(model, 6),
        epochs=5,
        checkpoint=checkpoint,
        callbacks=[watch],
        **QUIET,
    )

    assert saved == [0, 0, 2, 2, 4]
    assert read_checkpoint(path)[1]["training"]["epoch"] == 5
    assert_same_parameters(load_model(path), model)


def test_an_existing_checkpoint_is_not_overwritten(tmp_path):
    path = tmp_path / "run.pt"
    model = random_rbm("bernoulli")
    v = random_rows(model, 6)
    fit(model, v, epochs=1, checkpoint=path, **QUIET)
    before = path.read_bytes()

    with pytest.raises(ValueError, match=r"checkpoint: got .*run.pt, which exists"):
        fit(model, v, epochs=1, checkpoint=path, **QUIET)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": CD(k=2)}, "k was 1, now 2"),
        ({"method": "pcd"}, "method was 'CD', now 'PCD'"),
        ({"lr": 0.5}, "lr was 0.01, now 0.5"),
        ({"batch_size": 4}, "batch_size was 3, now 4"),
        ({"weight_decay": 0.1}, "weight_decay was .* now 'WeightDecay.0.1.'"),
        ({"weight_decay": ItemMeanDecay(0.1)}, "now 'ItemMeanDecay.0.1.'"),
        ({"optimizer": torch.optim.Adam}, "optimizer was .SGD .* now .Adam "),
        ({"optimizer": partial(torch.optim.SGD, momentum=0.5)}, "'momentum': 0.5"),
        ({"observed": torch.ones(6, 4, dtype=torch.bool)}, "data was '.*', now '"),
        ({"data": 1 - random_rows(random_rbm("bernoulli"), 6)}, "data was '.*', now '"),
        (
            {"model": random_rbm("bernoulli", n_hidden=2)},
            "shape was .* now .*'n_hidden': 2",
        ),
        ({"model": random_rbm("bernoulli", dtype=torch.float32)}, "dtype was 'float64'"),
    ],
)
def test_a_run_with_other_settings_or_data_is_refused_untouched(change, message, tmp_path):
    path = tmp_path / "run.pt"
    v = random_rows(random_rbm("bernoulli"), 6)
    arguments = {"epochs": 2, "batch_size": 3, "lr": 0.01} | QUIET
    fit(random_rbm("bernoulli"), v, checkpoint=path, **arguments)
    arguments |= {"model": random_rbm("bernoulli", seed=9), "data": v} | change
    before = parameters(arguments["model"])

    with pytest.raises(CheckpointError, match=message):
        fit(**arguments, checkpoint=Checkpoint(path, resume=True))

    for name, p in arguments["model"].named_parameters():
        assert torch.equal(p, before[name])


def test_a_saved_model_is_no_run_to_resume(tmp_path):
    model = random_rbm("bernoulli")
    path = save_model(model, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="got a model without training state"):
        fit(model, random_rows(model, 3), checkpoint=Checkpoint(path, resume=True), **QUIET)


COSINE = {"schedule": lambda done: 0.5 * (1 + np.cos(np.pi * done))}
STEP_DOWN = torch.optim.lr_scheduler.LambdaLR
NUMPY = {
    "rate": lambda: {"lr": np.logspace(-4, -1, 4)[1], "optimizer": torch.optim.Adam},
    "rates": lambda: {"lr": torch.tensor(0.1), "weight_decay": np.float32(0.01)},
    "schedule": lambda: COSINE | {"optimizer": torch.optim.Adam},
    "schedule, clipped": lambda: COSINE | {"clip_norm": np.int64(1)},
    "momentum": lambda: {"optimizer": partial(torch.optim.SGD, momentum=np.float64(0.9))},
    "betas": lambda: {
        "optimizer": partial(torch.optim.Adam, betas=(np.float64(0.9), 0.99))
    },
    "flags": lambda: {"method": CD(k=np.int64(2), sample_visible=np.bool_(True))},
    "chains": lambda: {"method": PCD(n_chains=torch.tensor(5)), "batch_size": np.int64(4)},
}


@pytest.mark.parametrize("run", NUMPY)
@pytest.mark.parametrize("build", [random_rbm, random_dbm])
def test_numbers_of_numpy_and_torch_are_taken_and_can_be_resumed(run, build, tmp_path):
    v = random_rows(build("bernoulli"), 8)
    path = tmp_path / "run.pt"
    options = NUMPY[run]() | QUIET

    for epochs in (np.int64(2), 3):
        checkpoint = Checkpoint(path, every=np.int32(1), resume=np.bool_(True))
        model = build("bernoulli")
        fit(model, v, epochs=epochs, checkpoint=checkpoint, **options)

    assert_same_parameters(load_model(path), model)


def test_a_torch_scheduler_with_numbers_of_numpy_can_be_resumed(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", resume=True)
    for epochs in (2, 3):
        model = random_rbm("bernoulli")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = STEP_DOWN(optimizer, lambda n: np.float64(0.9) ** n)
        options = {"optimizer": optimizer, "schedule": schedule, "checkpoint": checkpoint}
        fit(model, random_rows(model, 8), epochs=epochs, **options, **QUIET)

    assert_same_parameters(load_model(checkpoint.path), model)


class OwnRBM(RBM):
    pass


def test_what_cannot_be_saved_is_refused_before_any_work(tmp_path):
    model = OwnRBM(4, 3, seed=0)
    before = parameters(model)
    message = "model: got OwnRBM, expected one of"

    assert_refused(
        message, fit, model, torch.ones(5, 4), checkpoint=tmp_path / "run.pt", **QUIET
    )

    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_epochs_are_the_total_and_a_run_that_has_them_says_so(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", resume=True)
    model = RBM(4, 3, seed=0)
    fit(model, torch.ones(5, 4), epochs=2, checkpoint=checkpoint, **QUIET)

    with pytest.warns(UserWarning, match="epochs: got 2, which 2 epochs .* is the total"):
        again = fit(model, torch.ones(5, 4), epochs=2, checkpoint=checkpoint, **QUIET)

    assert again.last["epoch"] == 2


def test_a_folder_that_begins_with_a_tilde_is_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    fit(RBM(4, 3, seed=0), torch.ones(5, 4), epochs=1, checkpoint="~/run.pt", **QUIET)

    assert (tmp_path / "home" / "run.pt").exists()
    assert not (tmp_path / "~").exists()


def test_a_checkpoint_of_fit_is_a_model_too(tmp_path):
    model = RBM(4, 3, seed=0)
    fit(model, torch.ones(5, 4), epochs=2, checkpoint=tmp_path / "run.pt", **QUIET)
    assert_same_parameters(load_model(tmp_path / "run.pt"), model)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="needs the signals of POSIX")
@pytest.mark.parametrize(
    ("fault", "times"), [("kill", 20), ("interrupt", 10), ("full disk", 10)]
)
def test_faults_at_random_moments_lose_nothing(fault, times, tmp_path):
    command = [sys.executable, "-m", "tests.training.kill_cases", tmp_path, fault]
    command += [str(times * TIMES)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600 * TIMES
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(done.stdout)
    assert count.pop("struck") == times * TIMES
    assert count.pop("saving") > times // 10 or fault == "interrupt"
    assert not any(count.values()), (count, done.stderr)
