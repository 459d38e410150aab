"""Where files of a Kaggle page are looked for, and what takes their place."""

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from rbm_lib.data import DataUnavailable
from rbm_lib.data.kaggle import KaggleFiles

SONGS = KaggleFiles(
    what="The songs",
    folder="songs",
    getter="dataset_download",
    handle="somebody/songs",
    files=("a.csv", "b.csv"),
    needed=("a.csv",),
    by_hand="put a.csv into {place}",
)


@dataclass(frozen=True)
class Record:
    text: str
    origin: str


def load(root, download=True, synthetic=True, verbose=False):
    def read(folder, origin):
        return Record((folder / "a.csv").read_text(), origin)

    def invent():
        return Record("", "invented songs")

    options = {"download": download, "synthetic": synthetic, "verbose": verbose}
    return SONGS.load(read, invent, root, **options)


@pytest.fixture
def kagglehub(monkeypatch, tmp_path):
    """A kagglehub whose download is the folder `cache`."""
    cache = tmp_path / "cache"
    cache.mkdir()

    def download(handle):
        assert handle == "somebody/songs"
        return str(cache)

    module = ModuleType("kagglehub")
    module.dataset_download = download
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    monkeypatch.delenv("RBM_OFFLINE", raising=False)
    return cache


def test_files_in_the_folder_come_first(tmp_path, kagglehub):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "a.csv").write_text("mine")
    (kagglehub / "a.csv").write_text("theirs")

    assert load(tmp_path) == Record("mine", "files found in the data folder")


def test_a_download_stays_in_the_folder(tmp_path, kagglehub, capsys):
    (kagglehub / "a.csv").write_text("theirs")

    assert load(tmp_path, verbose=True) == Record("theirs", "downloaded with kagglehub")
    assert capsys.readouterr().out == "downloaded with kagglehub\n"
    assert load(tmp_path).origin == "files found in the data folder"


def test_an_archive_has_to_be_unpacked_first(tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "songs.zip").touch()

    with pytest.raises(ValueError, match="songs.zip: got an archive"):
        load(tmp_path)


def test_a_stand_in_says_that_it_is_one_and_how_to_get_the_real_files(tmp_path, capsys):
    data = load(tmp_path, download=False, verbose=True)

    assert data.origin == "The songs are not here (download=False): invented songs"
    steps = (
        "For the real ones: put a.csv into the folder data/songs (see data/README.md).\n"
    )
    assert capsys.readouterr().out == f"{data.origin}\n{steps}"
    assert not (tmp_path / "songs").exists()


def test_an_empty_download_and_a_missing_network_are_reasons(
    tmp_path, kagglehub, monkeypatch
):
    assert "the download holds no a.csv" in load(tmp_path).origin

    monkeypatch.setenv("RBM_OFFLINE", "1")
    assert "RBM_OFFLINE is set" in load(tmp_path).origin


def test_without_a_stand_in_the_error_says_what_to_do(tmp_path):
    with pytest.raises(
        DataUnavailable, match=f"By hand: put a.csv into {tmp_path}"
    ) as error:
        load(tmp_path, download=False, synthetic=False)

    assert error.value.reason == "download=False"
