"""Deezer's two files: read to the letter, or refused by file and line; what is odd is flagged and stays."""

import csv
import io
import os
import re
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import DataUnavailable, load_deezer, synthetic_deezer
from rbm_lib.data.deezer import files as deezer_files
from rbm_lib.data.deezer import synthetic as deezer_synthetic
from rbm_lib.data.deezer.files import COLUMNS, DTYPES, TEST_COLUMNS, oddities, read_listens
from rbm_lib.data.deezer.load import HANDLE

LISTEN = {
    "genre_id": 25471, "ts_listen": 1480597215, "media_id": 135203384, "album_id": 14435980,
    "context_type": 12, "release_date": 20040704, "platform_name": 1, "platform_family": 0,
    "media_duration": 223, "listen_type": 0, "user_gender": 1, "user_id": 9241, "artist_id": 1670355,
    "user_age": 29, "is_listened": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


def listen(k, **changes):
    return {**LISTEN, "user_id": k, **changes}


def to_csv(rows, columns=COLUMNS):
    return "".join(
        ",".join(map(str, row)) + "\n" for row in [columns, *([row[c] for c in columns] for row in rows)]
    )


def write(root, train=None, test=None):
    """Rows, text or bytes into root/deezer. The rows of the test get sample_id 0, 1, ..."""
    folder = Path(root) / "deezer"
    folder.mkdir(exist_ok=True)
    if isinstance(test, list):
        test = to_csv([{"sample_id": k, **row} for k, row in enumerate(test)], TEST_COLUMNS)
    for file, content in (("train.csv", train), ("test.csv", test)):
        if content is not None:
            content = to_csv(content) if isinstance(content, list) else content
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def load(root, **options):
    return load_deezer(root, **{"verbose": False, **options})


def test_parsed_to_the_letter(tmp_path):
    write(tmp_path, [listen(1), listen(2, is_listened=1)], [listen(2, listen_type=1)])
    data = load(tmp_path)
    assert (data.name, data.source, data.folder) == ("dsg17", "real", tmp_path / "deezer")
    assert data.origin == "Deezer DSG17, 2 real listens, files found in the data folder"
    assert "\n" not in repr(data) and data.test_label is None and data.flags.empty
    assert data.train.to_dict("records") == [listen(1), listen(2, is_listened=1)]
    assert list(data.train) == list(COLUMNS) and list(data.test) == list(TEST_COLUMNS)
    row = {"sample_id": 0, **listen(2, listen_type=1)}
    assert data.test.to_dict("records") == [{c: row[c] for c in TEST_COLUMNS}]
    for frame in (data.train, data.test):
        assert {name: str(kind) for name, kind in frame.dtypes.items()}.items() <= DTYPES.items()
    assert data.train.memory_usage(index=False).sum() == 2 * 44  # 7,558,834 rows: 333 MB


HARMLESS = {
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n").encode(),
    "quotes": lambda text: re.sub("([^,\n]+)", r'"\1"', text).encode(),
    "other columns, other order": lambda text: to_csv(
        [{**row, "rank": "x7"} for row in csv.DictReader(io.StringIO(text))], ["rank", *reversed(COLUMNS)]
    ).encode(),
}


@pytest.mark.parametrize("block", [64, 2**22])
@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_harmless_differences_and_blocks_change_nothing(tmp_path, monkeypatch, change, block):
    rows = [listen(k, ts_listen=1_478_000_000 + k) for k in range(40)]
    monkeypatch.setattr(deezer_files, "_BLOCK", block)  # bytes: less than a line, or everything
    write(tmp_path, change(to_csv(rows)))
    assert load(tmp_path).train.to_dict("records") == rows


def test_the_first_rows_alone_and_a_bar(tmp_path, monkeypatch, capfd):
    rows = [listen(k) for k in range(40)]
    path = write(tmp_path, rows, [listen(1), listen(2)]) / "train.csv"
    monkeypatch.setattr(deezer_files, "_BLOCK", 500)
    data = load(tmp_path, n_rows=7)
    assert data.train.to_dict("records") == rows[:7] and len(data.test) == 2
    assert data.origin == "Deezer DSG17, the first 7 real listens, files found in the data folder"
    assert "the first" not in load(tmp_path, n_rows=41).origin and len(load(tmp_path, n_rows=41).train) == 40
    assert capfd.readouterr() == ("", "")
    assert len(read_listens(path, progress=True)) == 40
    assert "train.csv: 100%" in capfd.readouterr().err
    for n in (0, -1, 2.5, "all", True):
        with pytest.raises(ValueError, match="n_rows is .* expected a whole number, 1 or more, or None"):
            load(tmp_path, n_rows=n)


def test_without_test_csv_it_says_so_and_without_train_csv_it_stops(tmp_path):
    write(tmp_path, [listen(1)])
    data = load(tmp_path)
    assert data.test is None and data.origin.endswith("; test.csv is not there")
    (tmp_path / "deezer" / "train.csv").unlink()
    write(tmp_path, None, [listen(1)])
    with pytest.raises(ValueError, match="lacks train.csv"):
        load(tmp_path)


BAD_VALUES = [
    ("genre_id", "", "genre_id is '', expected a whole number"), ("media_id", "abc", "media_id is 'abc'"),
    ("media_duration", "2.5", "media_duration is '2.5'"), ("user_id", "1e3", "user_id is '1e3'"),
    ("user_id", "nan", "user_id is 'nan'"), ("album_id", "1_0", "album_id is '1_0'"),
    ("album_id", "1\x002", "album_id is '1.x002'"), ("album_id", "1\r2", "album_id is '1.r2'"),
    ("album_id", '"1', "album_id is '\"1'"),
    ("artist_id", "-1", "artist_id is -1, expected 0 to 2147483647"),
    ("media_id", "2147483648", "media_id is 2147483648, expected 0 to 2147483647"),
    ("media_id", "18446744073709551615", "media_id is 18446744073709551615, expected"),
    ("media_id", "9" * 30, "media_id is 9+, expected"), ("ts_listen", "-5", "ts_listen is -5, expected"),
    ("ts_listen", "1480597215000", "ts_listen is 1480597215000, expected 0 to 4294967295"),
    ("listen_type", "2", "listen_type is 2, expected 0 to 1"), ("user_age", "121", "user_age is 121, expec"),
    ("is_listened", "-1", "is_listened is -1, expected 0 to 1"), ("user_gender", "2", "user_gender is 2"),
    ("is_listened", "300", "is_listened is 300"), ("context_type", "1000", "context_type is 1000"),
    ("is_listened", "0,1", "16 fields, expected 15"), ("is_listened", "1,", "16 fields, expected 15"),
]  # fmt: skip


@pytest.mark.parametrize("place", [0, 3, 39])
@pytest.mark.parametrize(("column", "value", "message"), BAD_VALUES)
def test_the_first_impossible_row_is_named(tmp_path, monkeypatch, column, value, message, place):
    rows = [listen(k) for k in range(40)]
    rows[place] = {**rows[place], column: value}
    folder = write(tmp_path, to_csv(rows).replace("\n", "\n\n", 1))  # a blank line counts as one
    for block in (500, 2**22):
        monkeypatch.setattr(deezer_files, "_BLOCK", block)
        expected = f"{re.escape(str(folder / 'train.csv'))}, line {place + 3}: .*{message}"
        with pytest.raises(ValueError, match=expected):
            load(tmp_path)


GOOD = to_csv([listen(1), listen(2)])
OTHER_FAULTS = {
    "empty": ("", "holds no listens"),
    "header alone": (to_csv([]), "holds no listens"),
    "a column missing": (GOOD.replace("user_age,", "", 1), "line 1: the columns user_age are missing"),
    "a column twice": (GOOD.replace("genre_id", "genre_id,user_age", 1), "user_age stands there twice"),
    "a web page": ("<!doctype html>\n<html></html>\n", "line 1: the columns genre_id,.* and 10 more"),
    "the test file": (to_csv([{"sample_id": 0, **LISTEN}], TEST_COLUMNS), "columns is_listened are missing"),
    "a field less": (GOOD.replace("135203384,", "", 1), "line 2: 14 fields, expected 15"),
    "cut": (GOOD[:-20], "line 3: 9 fields, expected 15"),
    "semicolons": (GOOD.replace(",", ";"), "line 1: the columns"),
    "UTF-16": (GOOD.encode("utf-16"), "line 1: the columns"),
}


@pytest.mark.parametrize(("content", "message"), OTHER_FAULTS.values(), ids=OTHER_FAULTS)
def test_what_is_no_such_file_is_refused_by_file_and_line(tmp_path, content, message):
    path = write(tmp_path, content, [listen(1)]) / "train.csv"
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
        load(tmp_path)


def test_a_sample_twice_packed_files_and_folders_are_refused(tmp_path):
    twice = [{"sample_id": k, **LISTEN} for k in (4, 5, 4)]
    write(tmp_path, [listen(1)], to_csv(twice, TEST_COLUMNS))
    with pytest.raises(ValueError, match="test.csv, row 3 after the header: sample_id 4 .*second time"):
        load(tmp_path)
    other = tmp_path / "other"
    (other / "deezer" / "train.csv").mkdir(parents=True)
    with pytest.raises(ValueError, match="train.csv is no file"):
        load(other)
    (other / "deezer" / "train.csv").rmdir()
    (other / "deezer" / "archive.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="archive.zip is still packed"):
        load(other)


def test_with_any_bit_flipped_it_is_refused_or_read_as_it_stands(tmp_path):
    content, path = GOOD.encode(), tmp_path / "flipped.csv"
    rng, read = np.random.default_rng(0), 0
    for place in range(content.index(b"\n"), len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            frame = read_listens(path)
        except ValueError as error:
            assert type(error) is ValueError and path.name in str(error)
            continue
        said = list(csv.DictReader(io.StringIO(flipped.decode(), newline="")))
        assert frame.to_dict("records") == [{c: int(row[c]) for c in COLUMNS} for row in said]
        read += 1
    assert read > 30


ODD = {
    "heard before its release date": {"release_date": 20161202},
    "release date in 2100 or later: a placeholder": {"release_date": 30000101},
    "release date is no day of the calendar": {"release_date": 20160230},
    "time before 2009: a clock that was wrong": {"ts_listen": 316_179_665},
    "time after 2008, but not November 2016 or 1 December": {"ts_listen": 1_480_636_800},
    "track of 0 seconds": {"media_duration": 0},
    "track of 65535 seconds: the largest number of 16 bits": {"media_duration": 65_535},
    "listened to for 30 seconds, but the track is shorter": {"media_duration": 29, "is_listened": 1},
    "same user, second and track as an earlier row": {"user_id": 3},
}


@pytest.mark.parametrize("reason", ODD)
def test_an_oddity_is_flagged_and_kept(tmp_path, reason):
    rows = [listen(k) for k in range(20)]
    rows[6] = {**rows[6], **ODD[reason]}
    write(tmp_path, rows, rows[:8])
    data = load(tmp_path)
    assert data.train.to_dict("records") == rows
    flags = data.flags[data.flags.reason == reason]
    files = ["train.csv"] if "listened to" in reason else ["train.csv", "test.csv"]  # the test has no label
    assert flags.file.tolist() == files and (flags.rows == 1).all()
    assert flags.example.tolist() == [f"{file}:8" for file in files]
    assert flags.share.tolist() == [1 / n for n in (20, 8)[: len(files)]]
    assert np.flatnonzero(oddities(data.train)[reason]).tolist() == [6]
    also = {"release date in 2100 or later: a placeholder", "time before 2009: a clock that was wrong"}
    more = {"heard before its release date"} if reason in also else set()  # both are before the release, too
    assert set(data.flags.reason) == {reason} | more


def test_the_edges_of_what_is_odd(tmp_path):
    rows = [
        listen(1, ts_listen=1_477_958_400, release_date=20161101),  # the first second, released on that day
        listen(2, ts_listen=1_480_636_799, release_date=20161201),  # the last one
        listen(3, media_duration=30, is_listened=1),
        listen(4, media_duration=1, is_listened=0),
        listen(5, release_date=19000101),
        listen(5, ts_listen=1_480_597_216),  # the same user and track, a second later
    ]
    write(tmp_path, rows)
    assert load(tmp_path).flags.empty
    write(tmp_path, [{**rows[0], "ts_listen": 1_477_958_399}])  # the day before
    assert len(load(tmp_path).flags) == 2


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


@pytest.mark.skipif(not (REAL / "sample_rows.csv").is_file(), reason="no sample of real rows")
def test_rows_as_published_have_no_fault_and_their_oddities_are_found():
    """500 rows picked because they were heard before their release date."""
    train = read_listens(REAL / "sample_rows.csv")
    pd.testing.assert_frame_equal(train.astype("int64"), pd.read_csv(REAL / "sample_rows.csv"))
    odd = oddities(train)
    assert len(train) == 500 and odd["heard before its release date"].all()
    assert odd["time before 2009: a clock that was wrong"].sum() == 36
    assert (train.listen_type[train.context_type.isin([1, 4, 6, 7, 13])] == 1).all()
    assert (train.listen_type[~train.context_type.isin([1, 4, 6, 7, 13])] == 0).all()
