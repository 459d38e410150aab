"""Saving, loading and resuming: the same model, the same run, and no code from a file."""

import json
import os
import pickle
import subprocess
import sys
import zipfile
from functools import partial

import pytest
import torch

from rbm_lib import CD, PCD, RBM, Checkpoint, Exact, fit, load_model, save_model
from rbm_lib.training import CheckpointError, ItemMeanDecay, linear_decay
from rbm_lib.training.checkpoint import read_checkpoint
from tests.support import (
    ROOT,
    TIMES,
    random_dbm,
    random_dbn,
    random_mask,
    random_rbm,
    random_rows,
    seeded,
)
from tests.training.support import QUIET, assert_same_parameters, parameters


@pytest.mark.parametrize("build", [random_rbm, random_dbm, random_dbn])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_comes_back(visible, build, dtype, tmp_path, device):
    model = build(visible).to(dtype)
    if model.log_variance is not None:
        model.log_variance.requires_grad_(False)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()

    path = save_model(
        model.to(device), tmp_path / "new" / "model.pt", settings={"note": "σ"}
    )
    loaded = load_model(path, device)

    assert repr(loaded) == repr(model)
    assert_same_parameters(loaded, model)
    for p, q in zip(loaded.parameters(), model.parameters(), strict=True):
        assert p.dtype == dtype and p.requires_grad == q.requires_grad
    assert torch.equal(before, torch.random.get_rng_state())  # loading draws nothing
    assert read_checkpoint(path)[0]["settings"] == {"note": "σ"}
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]


def test_saving_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = save_model(random_rbm("bernoulli"), tmp_path / "model.pt")
    before = path.read_bytes()

    def half(content, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        save_model(random_rbm("gaussian"), path)

    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


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


# Files that are no saved models


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(share, tmp_path):
    path = save_model(random_rbm("gaussian"), tmp_path / "model.pt")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"model.pt: got a file that is damaged"):
        load_model(path)


def test_a_flipped_byte_in_the_tensors_is_noticed(tmp_path):
    model = random_rbm("bernoulli", n_visible=40, n_hidden=30)
    path = save_model(model, tmp_path / "model.pt")
    with zipfile.ZipFile(path) as archive:
        info = max(archive.infolist(), key=lambda i: i.file_size)
    content = bytearray(path.read_bytes())
    content[info.header_offset + 200 + info.file_size // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"format": "rbm_lib 99"},
            "got {'format': 'rbm_lib 99'.*expected format 'rbm_lib 1'",
        ),
        ({"class": "VAE"}, r"'class': 'VAE'.*a class of \['RBM', 'DBM', 'DBN'\]"),
        ({"class": "DBM"}, "tensors that do not fit the header"),
        ({"dtype": "randn"}, "tensors that do not fit the header"),
        ({"fixed": ["forward"]}, "tensors that do not fit the header"),
        ({"shape": None}, "tensors that do not fit the header"),
        (
            {"shape": {"n_visible": 4, "n_hidden": 2, "visible": "bernoulli"}},
            "size mismatch",
        ),
        ({"shape": {"n_visible": 4, "n_hidden": 3, "visible": "gaussian"}}, "log_variance"),
        ({"shape": {"n_visible": 4, "n_hidden": 3, "visible": {"type": "spin"}}}, "spin"),
    ],
)
def test_a_header_that_does_not_fit_says_why(change, message, tmp_path):
    path = save_model(random_rbm("bernoulli"), tmp_path / "model.pt")
    header, content = read_checkpoint(path)
    torch.save(content | {"header": json.dumps(header | change)}, path)
    with pytest.raises(CheckpointError, match=message):
        load_model(path)


@pytest.mark.parametrize(
    "content", [[1, 2, 3], {"model": {}}, {"header": "no json", "model": {}}]
)
def test_other_content_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="damaged or no saved model"):
        load_model(tmp_path / "model.pt")


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (str(self.folder),))


@pytest.mark.parametrize("how", ["pickle", "torch", "inside"])
def test_a_file_with_code_in_it_is_refused_and_runs_nothing(how, tmp_path):
    path = tmp_path / "model.pt"
    trace = tmp_path / "ran"
    model = random_rbm("bernoulli")
    if how == "pickle":
        path.write_bytes(pickle.dumps(Evil(trace)))
    elif how == "torch":
        torch.save(Evil(trace), path)
    else:
        _, content = read_checkpoint(save_model(model, path))
        torch.save(content | {"training": Evil(trace)}, path)

    with pytest.raises(CheckpointError, match="damaged or no saved model"):
        load_model(path)
    with pytest.raises(CheckpointError, match="damaged or no saved model"):
        fit(model, random_rows(model, 3), checkpoint=Checkpoint(path, resume=True), **QUIET)

    assert not trace.exists()


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    for path in (tmp_path / "nothing.pt", tmp_path):
        with pytest.raises(FileNotFoundError, match="got no such file"):
            load_model(path)


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
