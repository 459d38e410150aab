"""The three MovieLens formats: parsed to the letter, or refused by file and line."""

import hashlib
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rbm_lib.data import DataUnavailable, download, load_movielens
from rbm_lib.data.movielens import load as movielens
from rbm_lib.data.movielens.files import FORMATS

FILES = {
    "100k": {
        "u.data": "1\t2\t5\t881250949\n2\t1\t3\t891717742\n1\t1\t1\t0\n",
        "u.item": "1|Misérables, Les (1995)|01-Jan-1995||http://x|0|1|1\n2|unknown||||1|0|0\n",
        "u.user": "1|24|M|technician|85711\n2|53|F|other|T8H1N\n",
        "u.genre": "unknown|0\nAction|1\nComedy|2\n\n",
    },
    "1m": {
        "ratings.dat": "1::2::5::978300760\n2::1::3::978302109\n1::1::1::978301968\n",
        "movies.dat": "1::Misérables: The Film, Les (1995)::Drama|Musical\n2::Nameless::Comedy\n",
        "users.dat": "1::F::1::10::48067\n2::M::56::16::70072-1234\n",
    },
    "latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\n"
        "1,2,5.0,964982703\n2,1,3.5,964981247\n1,1,0.5,964982224\n",
        "movies.csv": 'movieId,title,genres\n1,"Misérables, ""Les"" (1958) (1995)",Drama|Musical\n'
        "2,Nameless (2006–2007),(no genres listed)\n",
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


def write(root, name, changes=None):
    folder = root / FORMATS[name].folder
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in {**FILES[name], **(changes or {})}.items():
        encoding = "utf-8" if name == "latest-small" else "latin-1"
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return folder


def load(root, name="100k", **options):
    return load_movielens(name, root, **{"verbose": False, **options})


@pytest.mark.parametrize("name", FILES)
def test_parsed_to_the_letter(tmp_path, name):
    write(tmp_path, name)
    data = load(tmp_path, name)
    assert (data.name, data.source) == (name, "real") and "files found in the data folder" in data.origin
    assert data.ratings.columns.tolist() == ["user_id", "movie_id", "rating", "timestamp"]
    assert data.ratings.dtypes.astype(str).tolist() == ["int64", "int64", "float64", "int64"]
    low, middle = (0.5, 3.5) if name == "latest-small" else (1, 3)
    assert data.ratings.iloc[:, :3].values.tolist() == [[1, 2, 5], [2, 1, middle], [1, 1, low]]
    title, genres = {
        "100k": ("Misérables, Les (1995)", [["Action", "Comedy"], ["unknown"]]),
        "1m": ("Misérables: The Film, Les (1995)", [["Drama", "Musical"], ["Comedy"]]),
        "latest-small": ('Misérables, "Les" (1958) (1995)', [["Drama", "Musical"], []]),
    }[name]
    assert data.movies.columns.tolist() == ["movie_id", "title", "year", "genres"]
    assert data.movies.title[0] == title and data.movies.genres.tolist() == genres
    assert data.movies.year.dtype == "Int64" and data.movies.year[0] == 1995 and pd.isna(data.movies.year[1])
    assert data.users.user_id.tolist() == [1, 2]
    people = {"100k": [24, "M", "technician", "85711"], "1m": [1, "F", "K-12 student", "48067"]}
    assert data.users.iloc[0, 1:].tolist() == people.get(name, []) and "\n" not in repr(data)


HARMLESS = {
    "byte-order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "CRLF": lambda raw: raw.replace(b"\n", b"\r\n"),
    "no last line end": lambda raw: raw.rstrip(b"\n"),
    "blank last line": lambda raw: raw + b"\n",
    "UTF-8": lambda raw: raw.decode("latin-1").encode() if b"\xe9" in raw else raw,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_harmless_differences_change_nothing(tmp_path, name, change):
    folder = write(tmp_path, name)
    before = load(tmp_path, name)
    for file in folder.iterdir():
        file.write_bytes(change(file.read_bytes()))
    for table in ("ratings", "movies", "users"):
        pd.testing.assert_frame_equal(getattr(before, table), getattr(load(tmp_path, name), table))


ROW_FAULTS = [  # the second row of ratings: user, movie, rating, time, joined by the format's separator
    ("2|2|4", "3 fields, expected 4"), ("2|2|4|1|1", "5 fields, expected 4"), ("2 2 4 1", "1 fields"),
    ("2|2|6|1", "rating '6' is not one of"), ("2|2|0|1", "rating '0' is not one of"),
    ("2|2|-1|1", "rating '-1' is not one of"), ("2|2|3.7|1", "rating '3.7' is not one of"),
    ("2|2||1", "rating '' is not one of"), ("2|2|nan|1", "rating 'nan'"), ("2|2|good|1", "rating 'good'"),
    ("0|2|4|1", "user id '0' is not a whole number above 0"), ("-3|2|4|1", "user id '-3'"),
    ("x|2|4|1", "user id 'x'"), ('"2"|2|4|1', "user id '\"2\"'"), ("2|2.5|4|1", "movie id '2.5'"),
    (f"2|{'9' * 30}|4|1", "movie id '999"), ("2|77|4|1", "movie 77 is not in the table"),
    ("2|2|4|noon", "time 'noon'"), ("2|2|4|-5", "time '-5'"), ("1|2|4|1", "user 1 rated movie 2 already"),
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("row", "message"), ROW_FAULTS)
def test_a_bad_rating_is_named_by_file_and_line(tmp_path, name, row, message):
    file = FORMATS[name].files[0]
    lines = FILES[name][file].splitlines()
    head = len(lines) - 3  # 1 where there is a line of column names
    lines[head + 1] = row.replace("|", FORMATS[name].separator)
    path = write(tmp_path, name, {file: "\n".join(lines) + "\n"}) / file
    with pytest.raises(ValueError, match=re.escape(f"{path}, line {head + 2}: {message}")):
        load(tmp_path, name)


SMALL, HEADERS = "latest-small", ("userId,movieId,rating,timestamp\n", "movieId,title,genres\n")
OTHER_FAULTS = [
    ("100k", "u.data", "", "u.data is empty"),
    ("100k", "u.data", "1\t2\t5\t1\n".encode("utf-16"), "u.data, line 1"),
    ("100k", "u.data", "9\t2\t5\t1\n", "u.data, line 1: user 9 is not in the table"),
    ("100k", "u.data", b"1\t2\t5\t1\n1\t\xff\t5\t1\n", "u.data, line 2: byte 0xff is not UTF-8"),
    ("100k", "u.item", "0|A|||x|0|1|0\n", "u.item, line 1: movie id '0'"),
    ("100k", "u.item", "1|A (1995)|||x|0|1\n", "u.item, line 1: 7 fields, expected 8"),
    ("100k", "u.item", "1|A|||x|0|1|0\n1|B|||x|0|1|0\n", "u.item, line 2: movie id 1 stands already"),
    ("100k", "u.item", "1|A|||x|0|7|0\n", "u.item, line 1: genre flags"),
    ("100k", "u.user", "1|24|M|a|1\n1|24|M|a|1\n", "u.user, line 2: user id 1 stands already in line 1"),
    ("100k", "u.user", "1|24|M|technician\n", "u.user, line 1: 4 fields, expected 5"),
    ("100k", "u.user", "1|x|M|technician|1\n", "u.user, line 1: age 'x'"),
    ("1m", "movies.dat", "1::A::B::Drama\n", "movies.dat, line 1: 4 fields, expected 3"),
    ("1m", "ratings.dat", "\n\n", "ratings.dat is empty"),
    ("1m", "users.dat", "1::F::1::21::48067\n", "users.dat, line 1: occupation '21'"),
    (SMALL, "movies.csv", "movieId,genres,title\n", "line 1: the columns are"),
    (SMALL, "movies.csv", HEADERS[1] + "1,A, B,X\n", "movies.csv, line 2: 4 fields, expected 3"),
    (SMALL, "movies.csv", HEADERS[1] + '1,"A,X\n2,B,X\n', "movies.csv, line"),
    (SMALL, "movies.csv", b"movieId,title,genres\n1,A,X\n2,B\xe9,X\n", "line 3: byte 0xe9 is not UTF-8"),
    (SMALL, "ratings.csv", "1,2,5.0,964982703\n", "line 1: the columns are"),
    (SMALL, "ratings.csv", "userId,rating,movieId,timestamp\n1,2,5,1\n", "line 1: the columns are"),
    (SMALL, "ratings.csv", HEADERS[0], "ratings.csv holds no ratings"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "text", "message"), OTHER_FAULTS)
def test_other_bad_files(tmp_path, name, file, text, message):
    write(tmp_path, name, {file: text})
    with pytest.raises(ValueError, match=f"{re.escape(message)}.*unpack the"):
        load(tmp_path, name)


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
    monkeypatch.setattr(download, "_download", None)  # not to be called
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
