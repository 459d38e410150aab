"""Saving and loading: the same model, no code from a file, and nothing that cannot load."""

import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import RBM, Checkpoint, fit, load_model, save_model
from rbm_lib.training import CheckpointError
from rbm_lib.training.saving import read_checkpoint
from tests.support import assert_refused, random_dbm, random_dbn, random_rbm, random_rows
from tests.tied_support import FORMS, HISTORIES, random_tied
from tests.training.support import QUIET, assert_same_parameters


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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("residual", [True, False])
def test_a_tied_model_comes_back_with_its_content(form, residual, tmp_path):
    model = random_tied(form, residual)
    new = [[0.5, -1.0], [2.0, 0.0]]

    loaded = load_model(save_model(model, tmp_path / "model.pt"))

    assert type(loaded) is type(model)
    assert loaded.architecture() == model.architecture()
    assert_same_parameters(loaded, model)
    for content in (None, new):
        torch.testing.assert_close(
            loaded.scores(HISTORIES, content), model.scores(HISTORIES, content)
        )


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


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        ({"n": np.int64(3), np.int64(7): np.float32(0.5)}, {"n": 3, "7": 0.5}),
        ({"folder": Path("data"), "on": np.bool_(True)}, {"folder": "data", "on": True}),
        (
            {"ids": np.array([[1, 2]]), "names": pd.Index(["a"])},
            {"ids": [[1, 2]], "names": ["a"]},
        ),
        (
            {"t": torch.tensor([1.5]), "deep": [{"x": (np.int8(1),)}]},
            {"t": [1.5], "deep": [{"x": [1]}]},
        ),
    ],
)
def test_settings_become_plain_values(given, saved, tmp_path):
    path = save_model(random_rbm("bernoulli"), tmp_path / "model.pt", settings=given)

    assert read_checkpoint(path)[0]["settings"] == saved


class OwnRBM(RBM):
    pass


def with_buffer():
    model = RBM(4, 3)
    model.register_buffer("mean", torch.zeros(4))
    return model


def parametrized():
    return torch.nn.utils.parametrizations.weight_norm(RBM(4, 3), "W")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.compile's imports
@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (lambda: OwnRBM(4, 3), None, "model: got OwnRBM, expected one of"),
        (lambda: torch.nn.Sequential(RBM(4, 3)), None, "model: got Sequential, expected"),
        pytest.param(  # imports a compiler
            lambda: torch.compile(RBM(4, 3)),
            None,
            "model: got OptimizedModule, expected",
            marks=pytest.mark.long,
        ),
        (parametrized, None, "model: got ParametrizedRBM, expected one of"),
        (with_buffer, None, r'cannot be loaded again(.|\n)* "mean"'),
        (lambda: RBM(4, 3), [1, 2], "settings: got list, expected a dict"),
        (lambda: RBM(4, 3), {"x": {1}}, "settings: got set, expected what JSON can hold"),
        (lambda: RBM(4, 3), {"x": [{(1, 2): 3}]}, r"settings: got the name \(1, 2\)"),
    ],
)
def test_what_could_not_be_loaded_is_refused_and_the_older_file_stays(
    make, settings, message, tmp_path
):
    path = save_model(random_rbm("bernoulli"), tmp_path / "model.pt")
    before = path.read_bytes()

    assert_refused(message, save_model, make(), path, settings=settings)

    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


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
        ({"class": "VAE"}, r"'class': 'VAE'.*a class of \['RBM', 'DBM', 'DBN', "),
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
