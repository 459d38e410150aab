"""Saving, loading and resuming: the same machine, the same run bit for bit, and no code from a file."""

import io
import json
import os
import pickle
import stat
import subprocess
import sys
import zipfile
from functools import partial

import pytest
import torch

from rbm_lib import RBM, fit, load_model, save_model
from rbm_lib.training.checkpoint import CheckpointError, read_checkpoint
from rbm_lib.training.fit import linear_decay
from tests.support import ROOT, TIMES, machine, random_mask, random_rows, seeded

QUIET = {"progress": False, "device": "cpu"}


def assert_equal(model, other):
    assert repr(model) == repr(other)
    for (name, p), q in zip(model.named_parameters(), other.parameters(), strict=True):
        assert p.dtype == q.dtype and p.requires_grad == q.requires_grad and torch.equal(p, q), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_machine_comes_back(kind, dtype, tmp_path, device):
    model = machine(kind, dtype=dtype)
    if kind == "gaussian":
        model.log_variance.requires_grad_(False)
    path = save_model(model.to(device), tmp_path / "deep" / "model.pt", settings={"note": "σ"})
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert_equal(load_model(path, device), model)
    assert torch.equal(before, torch.random.get_rng_state())  # loading draws nothing
    assert load_model(path).W.device.type == "cpu"
    header, _ = read_checkpoint(path)
    assert header["settings"] == {"note": "σ"} and header["class"] == "RBM" and header["version"]
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]


def test_saving_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = save_model(machine("bernoulli"), tmp_path / "model.pt")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(
        _plain(tmp_path).stat().st_mode
    )  # shared as any file
    before = path.read_bytes()

    def half(content, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        save_model(machine("gaussian"), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def _plain(folder):
    (folder / "plain").write_text("")
    return folder / "plain"


# ---- resuming ---------------------------------------------------------------------------------------------

RUNS = {
    "cd": {"method": "cd", "k": 2},
    "cd, sampled": {"method": "cd", "sample_visible": True},
    "pcd": {"method": "pcd", "n_chains": 5},
    "exact": {"method": "exact"},
    "Adam": {"method": "pcd", "optimizer": torch.optim.Adam},
    "schedule": {"method": "cd", "schedule": linear_decay(0.2)},
    "decay": {"method": "pcd", "weight_decay": 0.05, "decay_toward": "item_mean"},
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("masked", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one(kind, run, masked, tmp_path, device):
    v = random_rows(machine(kind), 11)
    arguments = RUNS[run] | {"batch_size": 4, "lr": 0.01, "epochs": 6, "progress": False, "device": device}
    if masked:
        arguments |= {"observed": random_mask(11, 4)}
        arguments.pop("n_chains", None)
    whole = machine(kind)
    expected = fit(whole, v, generator=seeded(1, device), **arguments)

    class Stop(Exception):
        pass

    def stopped_after(epochs):
        inner, updates = arguments.get("schedule") or (lambda done: 1.0), []

        def schedule(done):
            updates.append(done)
            if len(updates) > 3 * epochs + 1:  # in the middle of the epoch after
                raise Stop
            return inner(done)

        return schedule

    path = tmp_path / "run.pt"
    checkpoint = {"checkpoint": path, "resume": True}
    for epochs, seed in ((2, 1), (1, 2)):  # stopped twice; the second generator's own seed must not matter
        with pytest.raises(Stop):
            fit(
                machine(kind), v, generator=seeded(seed, device), **checkpoint,
                **arguments | {"schedule": stopped_after(epochs)},
            )  # fmt: skip
    resumed = machine(kind, seed=7)  # nor what the machine held before
    history = fit(resumed, v, generator=seeded(3, device), **checkpoint, **arguments)
    assert_equal(resumed, whole)
    assert history.records == expected.records
    assert_equal(load_model(path), whole.cpu())
    again = fit(machine(kind), v, **checkpoint, **arguments)  # a finished run has nothing left to do
    assert again.records == expected.records


def test_checkpoint_every(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr("rbm_lib.training.save_training", lambda *_: saved.append(_[-1]["epoch"]))
    v = random_rows(machine("bernoulli"), 6)
    fit(
        machine("bernoulli"),
        v,
        epochs=5,
        batch_size=6,
        checkpoint=tmp_path / "run.pt",
        checkpoint_every=2,
        progress=False,
    )
    assert saved == [2, 4, 5]


def test_a_torch_scheduler_is_resumed(tmp_path):
    v, models = random_rows(machine("bernoulli"), 8), []
    for stops in ([6], [2, 4, 6]):
        path = tmp_path / f"{len(stops)}.pt"
        for epochs in stops:
            model = machine("bernoulli")
            optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
            fit(
                model, v, epochs=epochs, batch_size=4, optimizer=optimizer, schedule=schedule,
                generator=seeded(0), checkpoint=path, resume=True, **QUIET,
            )  # fmt: skip
        models.append(model)
    assert_equal(*models)


def test_an_existing_checkpoint_is_not_overwritten(tmp_path):
    path, v = tmp_path / "run.pt", random_rows(machine("bernoulli"), 6)
    fit(machine("bernoulli"), v, epochs=1, batch_size=3, checkpoint=path, **QUIET)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="checkpoint: .*run.pt exists; pass resume=True"):
        fit(machine("bernoulli"), v, epochs=1, batch_size=3, checkpoint=path, **QUIET)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 2}, "k was 1, now 2"),
        ({"method": "pcd"}, "method was 'cd', now 'pcd'"),
        ({"lr": 0.5}, "lr was 0.01, now 0.5"),
        ({"batch_size": 4}, "batch_size was 3, now 4"),
        ({"weight_decay": 0.1}, "weight_decay was 0.0, now 0.1"),
        ({"optimizer": torch.optim.Adam}, "optimizer was .Momentum .* now .Adam "),
        (
            {"optimizer": partial(torch.optim.SGD, momentum=0.5)},
            "was .Momentum .*0.9.* now .SGD .*': 0.5",
        ),
        ({"observed": torch.ones(6, 4, dtype=torch.bool)}, "data was '.*', now '"),
        ({"data": 1 - random_rows(machine("bernoulli"), 6)}, "data was '.*', now '"),
        ({"model": machine("bernoulli", n_hidden=2)}, "shape was .*'n_hidden': 3.* now .*'n_hidden': 2"),
        ({"model": machine("bernoulli", dtype=torch.float32)}, "dtype was 'float64', now 'float32'"),
    ],
)
def test_a_run_with_other_settings_or_data_is_refused_untouched(change, message, tmp_path):
    path, v = tmp_path / "run.pt", random_rows(machine("bernoulli"), 6)
    arguments = {"epochs": 2, "batch_size": 3, "lr": 0.01, "checkpoint": path} | QUIET
    fit(machine("bernoulli"), v, **arguments)
    change = {"model": machine("bernoulli", seed=9), "data": v} | change
    model, data = change.pop("model"), change.pop("data")
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(CheckpointError, match=message):
        fit(model, data, resume=True, **arguments | change)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_a_saved_machine_is_no_run_to_resume(tmp_path):
    path = save_model(machine("bernoulli"), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="holds no training state"):
        fit(
            machine("bernoulli"), random_rows(machine("bernoulli"), 3), epochs=1, batch_size=3,
            checkpoint=path, resume=True, **QUIET,
        )  # fmt: skip


# ---- files that are no checkpoints ------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused(share, tmp_path):
    path = save_model(machine("gaussian"), tmp_path / "model.pt")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="model.pt: not a saved machine, or damaged"):
        load_model(path)


def test_a_flipped_byte_in_the_tensors_is_noticed(tmp_path):
    path = save_model(machine("bernoulli", n_visible=40, n_hidden=30), tmp_path / "model.pt")
    with zipfile.ZipFile(path) as archive:
        info = max(archive.infolist(), key=lambda i: i.file_size)
    content = bytearray(path.read_bytes())
    content[info.header_offset + 200 + info.file_size // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(path)


def header_of(model, **change):
    shape = {
        "n_visible": model.n_visible,
        "n_hidden": model.n_hidden,
        "visible": model.kind,
        "n_levels": None,
    }
    header = {
        "format": "rbm_lib 1",
        "class": "RBM",
        "shape": shape,
        "dtype": "float64",
        "fixed": [],
        "settings": {},
    }
    return json.dumps(header | change)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2, 3], "not a saved machine"),
        ({"model": {}}, "not a saved machine, or damaged .KeyError"),
        ({"header": "no json", "model": {}}, "not a saved machine"),
        ({"header": "[1]", "model": {}}, r"got \[1\], expected format 'rbm_lib 1'"),
        (
            {"format": "rbm_lib 99"},
            "got {'format': 'rbm_lib 99', 'class': 'RBM'}, expected format 'rbm_lib 1'",
        ),
        ({"class": "VAE"}, r"'class': 'VAE'.*expected .* a class of \['RBM', 'DBM', 'DBN'\]"),
        ({"class": "DBM"}, "its tensors do not fit its header"),  # with the shape of an RBM
        (
            {"class": "DBM", "shape": {"sizes": [4, 3, 2], "visible": "bernoulli", "n_levels": None}},
            "(?s)its tensors do not fit its header.*weights.0",
        ),
        ({"class": "RBM", "shape": {"sizes": [4, 3]}}, "its tensors do not fit its header"),
        ({"dtype": "randn"}, "its tensors do not fit its header"),
        ({"dtype": "nothing"}, "its tensors do not fit its header"),
        ({"fixed": ["forward"]}, "its tensors do not fit its header"),
        (
            {"shape": {"n_visible": 4, "n_hidden": 2, "visible": "bernoulli", "n_levels": None}},
            "size mismatch",
        ),
        ({"shape": {"n_visible": 4, "n_hidden": 3, "visible": "gaussian", "n_levels": None}}, "log_variance"),
        ({"shape": {"n_visible": -4, "n_hidden": 3, "visible": "bernoulli"}}, "n_visible: got -4"),
        ({"shape": None}, "its tensors do not fit its header"),
    ],
)
def test_a_file_that_does_not_fit_says_why(content, message, tmp_path):
    model, path = machine("bernoulli"), tmp_path / "model.pt"
    if isinstance(content, dict) and not {"model", "header"} & set(content):
        content = {"header": header_of(model, **content), "model": model.state_dict(), "training": None}
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        load_model(path)


def test_a_file_without_tensors_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"header": header_of(machine("bernoulli"))}, path)
    with pytest.raises(CheckpointError, match="its tensors do not fit its header"):
        load_model(path)


class Evil:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (str(self.folder),))


@pytest.mark.parametrize("how", ["pickle", "torch", "inside"])
def test_a_file_with_code_in_it_is_refused_and_runs_nothing(how, tmp_path):
    path, trace = tmp_path / "model.pt", tmp_path / "ran"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Evil(trace)))
        pickle.load(io.BytesIO(path.read_bytes()))
        assert trace.exists()  # the weapon works
        trace.rmdir()
    else:
        model = machine("bernoulli")
        content = {"header": header_of(model), "model": model.state_dict(), "training": Evil(trace)}
        torch.save(Evil(trace) if how == "torch" else content, path)
    for load in (
        lambda: load_model(path),
        lambda: fit(
            machine("bernoulli"), random_rows(machine("bernoulli"), 3), epochs=1, batch_size=3,
            checkpoint=path, resume=True, **QUIET,
        ),
    ):  # fmt: skip
        with pytest.raises(CheckpointError, match="not a saved machine, or damaged"):
            load()
    assert not trace.exists()


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    for path in (tmp_path / "nothing.pt", tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no such file; save one with save_model"):
            load_model(path)


def test_a_checkpoint_of_fit_is_a_machine_too(tmp_path):
    model = RBM(4, 3, seed=0)
    fit(model, torch.ones(5, 4), epochs=2, batch_size=2, checkpoint=tmp_path / "run.pt", **QUIET)
    assert_equal(load_model(tmp_path / "run.pt"), model)


@pytest.mark.grows
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("fault", "times"), [("kill", 50), ("interrupt", 20), ("full disk", 20)])
def test_faults_at_random_moments_lose_nothing(fault, times, tmp_path):
    """Many of them while saving: the file is whole, nothing is left beside it, and the end is the same."""
    command = [sys.executable, "-m", "tests.training.kill_cases", tmp_path, fault]
    done = subprocess.run(
        [*command, str(times * TIMES)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(done.stdout)
    assert count.pop("struck") == times * TIMES
    assert count.pop("saving") > times // 10 or fault == "interrupt"
    assert not any(count.values()), (count, done.stderr)
