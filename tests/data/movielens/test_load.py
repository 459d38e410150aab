"""Where MovieLens is looked for, and what takes its place."""

import hashlib
import zipfile
from dataclasses import replace

import pytest

from rbm_lib.data import DataUnavailable, load_movielens
from rbm_lib.data.movielens import load as module
from rbm_lib.data.movielens.files import FORMATS
from tests.data.movielens.support import FILES, write


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path):
    """A data folder with the files of a tiny 100K set."""
    write(tmp_path, "100k")
    return tmp_path


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A zip with the same files, whose SHA-256 is the one expected."""
    path = tmp_path / "elsewhere.zip"
    with zipfile.ZipFile(path, "w") as target:
        for name in FORMATS["100k"].files + FORMATS["100k"].extra:
            target.writestr(f"ml-100k/{name}", FILES["100k"].get(name, ""))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(FORMATS, "100k", replace(FORMATS["100k"], sha256=digest))
    return path


def load(root, **options):
    return load_movielens(root=root, verbose=False, **options)


def test_files_in_the_folder_come_first(folder, capsys):
    data = load_movielens(root=folder)

    assert data.ratings["rating"].tolist() == [5, 3, 1]
    assert data.movies["genres"].tolist() == [["Action", "Comedy"], ["unknown"]]
    assert (data.name, data.source, data.folder) == ("100k", "real", folder / "ml-100k")
    assert data.origin == "MovieLens 100K, real, files found in the data folder"
    assert capsys.readouterr().out == data.origin + "\n"


def test_an_archive_in_the_folder_is_unpacked(archive, tmp_path):
    archive.rename(tmp_path / "ml-100k.zip")

    assert load(tmp_path).origin == "MovieLens 100K, real, archive found in the data folder"
    assert load(tmp_path).origin == "MovieLens 100K, real, files found in the data folder"


def test_a_download_is_unpacked(archive, tmp_path, monkeypatch):
    def fetch(filename, urls, sha256, folder):
        assert urls[0] == "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
        return archive.rename(folder / filename)

    monkeypatch.setattr(module, "fetch", fetch)

    assert load(tmp_path).origin == "MovieLens 100K, real, downloaded, SHA-256 verified"


def test_a_set_without_users_has_those_of_the_ratings(tmp_path):
    write(tmp_path, "latest-small")

    data = load_movielens("latest-small", tmp_path, verbose=False)

    assert data.users.to_dict("list") == {"user_id": [1, 2]}


def test_a_stand_in_says_that_it_is_one(tmp_path):
    data = load(tmp_path)

    assert (data.name, data.source) == ("100k", "synthetic")
    reason = "MovieLens 100K is not here (RBM_OFFLINE is set): synthetic stand-in"
    assert data.origin.startswith(reason)
    assert "(download=False)" in load(tmp_path, download=False).origin
    with pytest.raises(DataUnavailable, match="ml-100k.zip"):
        load(tmp_path, synthetic=False)


def test_what_is_there_but_wrong_is_never_passed_over(folder):
    (folder / "ml-100k" / "u.item").unlink()
    with pytest.raises(ValueError, match="got no u.item, expected the whole archive"):
        load(folder)
    with pytest.raises(ValueError, match="name: got '20m', expected one of 100k, 1m"):
        load_movielens("20m", folder)
