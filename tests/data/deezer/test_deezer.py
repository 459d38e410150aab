"""Where Deezer's listens come from: the folder, a download, or a stand-in that says so."""

import os
import sys
import types
from pathlib import Path

import pytest

from rbm_lib.data import DataUnavailable, load_deezer, synthetic_deezer
from rbm_lib.data.deezer import synthetic as deezer_synthetic
from rbm_lib.data.deezer.files import oddities
from rbm_lib.data.deezer.load import HANDLE
from tests.data.deezer.support import listen, write


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


def load(root, **options):
    return load_deezer(root, **{"verbose": False, **options})


def test_without_test_csv_it_says_so_and_without_train_csv_it_stops(tmp_path):
    write(tmp_path, [listen(1)])
    data = load(tmp_path)
    assert data.test is None and data.origin.endswith("; test.csv is not there")
    (tmp_path / "deezer" / "train.csv").unlink()
    write(tmp_path, None, [listen(1)])
    with pytest.raises(ValueError, match="lacks train.csv"):
        load(tmp_path)


def test_the_first_rows_alone(tmp_path):
    write(tmp_path, [listen(k) for k in range(40)], [listen(1), listen(2)])
    data = load(tmp_path, n_rows=7)
    assert data.train.user_id.tolist() == list(range(7)) and len(data.test) == 2
    assert data.origin == "Deezer DSG17, the first 7 real listens, files found in the data folder"
    assert "the first" not in load(tmp_path, n_rows=41).origin
    for n in (0, -1, 2.5, "all", True):
        with pytest.raises(ValueError, match="n_rows is .* expected a whole number, 1 or more"):
            load(tmp_path, n_rows=n)


def test_a_packed_archive_is_not_passed_over(tmp_path):
    (tmp_path / "deezer").mkdir()
    (tmp_path / "deezer" / "archive.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="archive.zip is still packed"):
        load(tmp_path)


def fake_kagglehub(monkeypatch, download):
    monkeypatch.delenv("RBM_OFFLINE")
    module = types.ModuleType("kagglehub")
    module.competition_download = download
    monkeypatch.setitem(sys.modules, "kagglehub", module)


def test_a_download_lands_in_the_folder(tmp_path, monkeypatch, capfd):
    def download(handle):
        assert handle == HANDLE == "dsg17-online-phase"
        (tmp_path / "cache").mkdir()
        write(tmp_path / "cache", [listen(1)], [listen(2)])
        return str(tmp_path / "cache")

    fake_kagglehub(monkeypatch, download)
    load(tmp_path, verbose=True)
    assert capfd.readouterr() == ("Deezer DSG17, 1 real listens, downloaded with kagglehub\n", "")
    assert sorted(os.listdir(tmp_path / "deezer")) == ["test.csv", "train.csv"]
    assert "files found" in load(tmp_path).origin  # and is not fetched again


@pytest.mark.parametrize("kind", ["raises", "absent", "empty", "offline", "download=False"])
def test_without_files_and_download_a_stand_in_that_says_so(tmp_path, monkeypatch, capfd, kind):
    def download(handle):
        if kind == "raises":
            raise RuntimeError("401")
        (tmp_path / "cache").mkdir(exist_ok=True)
        return tmp_path / "cache"

    fake_kagglehub(monkeypatch, download)
    if kind == "absent":
        monkeypatch.setitem(sys.modules, "kagglehub", None)
    if kind == "offline":
        monkeypatch.setenv("RBM_OFFLINE", "1")
    options = {"download": kind != "download=False", "n_rows": 2500}
    why = {
        "raises": "kagglehub failed with RuntimeError", "absent": "kagglehub is not installed",
        "empty": "the download holds no train.csv", "offline": "RBM_OFFLINE is set",
        "download=False": "download=False",
    }[kind]  # fmt: skip
    with pytest.raises(DataUnavailable) as error:
        load(tmp_path, synthetic=False, **options)
    assert error.value.reason == why
    place = str(tmp_path / "deezer")
    for step in (
        f"kaggle.com/c/{HANDLE}",
        "accept the rules",
        "train.csv",
        "test.csv",
        place,
        "kagglehub.login",
    ):
        assert step in str(error.value)
    data = load(tmp_path, verbose=True, **options)
    out, err = capfd.readouterr()
    origin, steps = out.splitlines()
    assert origin == data.origin and why in origin and "synthetic listens (seed 0): 2,500" in origin
    assert err == "" and HANDLE in steps and str(tmp_path) not in out
    assert data.source == "synthetic" and data.folder is None and not (tmp_path / "deezer").exists()


def test_the_stand_in_has_its_usual_size_unless_told(tmp_path, monkeypatch):
    small = synthetic_deezer(0, 2000)
    asked = []
    monkeypatch.setattr(deezer_synthetic, "synthetic_deezer", lambda **size: asked.append(size) or small)
    load(tmp_path)
    load(tmp_path, n_rows=3000)
    assert asked == [{}, {"n_rows": 3000}]


def test_a_bad_download_is_an_error_not_a_stand_in(tmp_path, monkeypatch):
    def download(handle):
        (tmp_path / "cache").mkdir()
        write(tmp_path / "cache", "no, table\n1,2\n")
        return tmp_path / "cache"

    fake_kagglehub(monkeypatch, download)
    with pytest.raises(ValueError, match="train.csv, line 1: the columns"):
        load(tmp_path)


from tests.support import ROOT  # noqa: E402

REAL = Path(os.environ.get("RBM_DATA") or ROOT / "data").resolve() / "deezer"


@pytest.mark.skipif(not (REAL / "train.csv").is_file(), reason="Deezer's train.csv is not here")
def test_the_real_file():
    """Its first million rows have the known shares."""
    data = load(REAL.parent, n_rows=1_000_000)
    train, odd = data.train, oddities(data.train)
    assert data.source == "real" and len(train) == 1_000_000
    assert train.is_listened.mean() == pytest.approx(0.684, abs=0.01)
    assert train.listen_type.mean() == pytest.approx(0.307, abs=0.01)
    assert odd["heard before its release date"].mean() == pytest.approx(0.0045, abs=0.0005)
    if data.test is not None:
        assert len(data.test) == data.test.user_id.nunique() == 19_918
