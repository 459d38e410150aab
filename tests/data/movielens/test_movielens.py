"""Where MovieLens comes from: the folder, the archive, a download, or a stand-in."""

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rbm_lib.data import DataUnavailable, load_movielens
from rbm_lib.data.movielens import load as movielens
from rbm_lib.data.movielens.files import FORMATS
from tests.data.movielens.support import FILES, write


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


def load(root, name="100k", **options):
    return load_movielens(name, root, **{"verbose": False, **options})


def test_split_reads_the_published_folds(tmp_path):
    folder = write(tmp_path, "100k")
    data = load(tmp_path)
    with pytest.raises(ValueError, match="u1.base is missing"):
        data.split(1)
    first, rest = FILES["100k"]["u.data"].split("\n", 1)
    (folder / "u1.base").write_text(rest), (folder / "u1.test").write_text(first)
    train, test = data.split(1)
    assert test.values.tolist() == [[1, 2, 5, 881250949]] and len(train) == 2
    (folder / "u1.test").write_text("1\t2\t4\t881250949\n")
    with pytest.raises(ValueError, match="do not add up"):
        data.split(1)
    with pytest.raises(ValueError, match="fold is 6"):
        data.split(6)
    write(tmp_path, "1m")
    with pytest.raises(ValueError, match="no published folds"):
        load(tmp_path, "1m").split(1)


def put_archive(root, monkeypatch, pinned=True):
    path = root / "ml-100k.zip"
    with zipfile.ZipFile(path, "w") as target:
        for file in (*FORMATS["100k"].files, *FORMATS["100k"].extra):
            target.writestr(f"ml-100k/{file}", FILES["100k"].get(file, "").encode("latin-1"))
    if pinned:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(FORMATS, "100k", replace(FORMATS["100k"], sha256=digest))
    return path


def test_the_archive_lying_there_is_used(tmp_path, monkeypatch, capsys):
    put_archive(tmp_path, monkeypatch)
    assert len(load(tmp_path, verbose=True).ratings) == 3
    assert capsys.readouterr().out == "MovieLens 100K, real, archive found in the data folder\n"
    assert load(tmp_path).origin == "MovieLens 100K, real, files found in the data folder"
    assert sorted(os.listdir(tmp_path)) == ["ml-100k", "ml-100k.zip"]


def test_what_is_there_but_wrong_is_refused_and_kept(tmp_path, monkeypatch):
    content = put_archive(tmp_path, monkeypatch, pinned=False).read_bytes()
    with pytest.raises(ValueError, match="Move it away"):
        load(tmp_path)
    assert (tmp_path / "ml-100k.zip").read_bytes() == content and os.listdir(tmp_path) == ["ml-100k.zip"]
    (write(tmp_path, "100k") / "u.item").unlink()
    with pytest.raises(ValueError, match="lacks u.item"):
        load(tmp_path)


def test_a_download_lands_in_the_folder(tmp_path, monkeypatch, capfd):
    (tmp_path / "elsewhere").mkdir()
    source = put_archive(tmp_path / "elsewhere", monkeypatch)
    asked = []

    def fetch(filename, urls, sha256, folder):
        asked.extend(urls), Path(folder).mkdir()
        return source.rename(Path(folder) / filename)

    monkeypatch.setattr(movielens, "fetch", fetch)
    assert len(load(tmp_path / "data", verbose=True).ratings) == 3
    assert capfd.readouterr() == ("MovieLens 100K, real, downloaded, SHA-256 verified\n", "")
    assert asked[0] == "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
    assert asked[1] == "https://huggingface.co/datasets/Recommenders/MovieLens/resolve/main/ml-100k.zip"


def test_without_files_and_network_a_stand_in_that_says_so(tmp_path, monkeypatch, capfd):
    data = load(tmp_path, verbose=True)
    out, err = capfd.readouterr()
    assert out == data.origin + "\n" and err == "" and out.count("\n") == 1
    assert "synthetic stand-in (seed 0)" in out and "RBM_OFFLINE is set" in out and str(tmp_path) not in out
    assert data.source == "synthetic" and data.name == "100k" and len(data.split(2)[1]) == 20_000
    with pytest.raises(ValueError, match="no published folds"):
        load(tmp_path, "latest-small").split(1)
    with pytest.raises(DataUnavailable, match="put it at .*ml-100k.zip"):
        load(tmp_path, synthetic=False)
    with pytest.raises(ValueError, match="100k, 1m, latest-small"):
        load(tmp_path, "20m")
    monkeypatch.delenv("RBM_OFFLINE")
    monkeypatch.setattr("pooch.retrieve", None)  # not to be called
    assert "download=False" in load(tmp_path, download=False).origin
    assert os.listdir(tmp_path) == []


from tests.support import ROOT  # noqa: E402

REAL = Path(os.environ.get("RBM_DATA") or ROOT / "data")


@pytest.mark.skipif(not (REAL / "ml-100k" / "u.data").is_file(), reason="MovieLens 100K is not here")
def test_the_real_set():
    data = load(REAL.resolve())
    assert len(data.ratings) == 100_000 and data.source == "real"
    assert (len(data.users), len(data.movies), data.movies.year.isna().sum()) == (943, 1682, 1)
    assert data.movies.genres[0] == ["Animation", "Children's", "Comedy"]  # Toy Story
    assert data.users.gender.value_counts().to_dict() == {"M": 670, "F": 273}
    for fold in range(1, 6):  # the published folds are consecutive fifths, as the stand-in's are
        same = data.ratings[20_000 * (fold - 1) : 20_000 * fold]
        same = same.sort_values(["user_id", "movie_id"], ignore_index=True)
        pd.testing.assert_frame_equal(data.split(fold)[1], same)
