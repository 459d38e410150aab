"""The two Spotify exports: merged without a row too many, every row accounted for, faults named by line."""

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

from rbm_lib.data import DataUnavailable, load_spotify, synthetic_spotify
from rbm_lib.data.spotify import synthetic as spotify_synthetic
from rbm_lib.data.spotify.files import COLUMNS
from rbm_lib.data.spotify.load import FEATURES, HANDLE
from tests.data.spotify.support import FIRST, SECOND, to_csv, track, uri, write


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


def load(root, **options):
    return load_spotify(root, **{"verbose": False, **options})


def rows_by_reason(data):
    return dict(zip(data.report.reason, data.report.rows, strict=True))


def accounted(data):
    counts = data.report.groupby("action").rows.sum()
    gone = counts.get("dropped", 0) + counts.get("merged", 0)
    return len(data.tracks) + gone == sum(map(len, data.exports().values()))


def test_parsed_to_the_letter(tmp_path):
    write(tmp_path, [track(2), track(1, Popularity="0", Artist_Genres="")], [track(2), track(3)])
    data = load(tmp_path)
    assert (data.name, data.source, data.folder) == ("top_10000", "real", tmp_path / "spotify")
    assert data.origin == "Spotify, 3 real tracks, files found in the data folder" and "\n" not in repr(data)
    assert data.tracks.track_uri.tolist() == [uri(1), uri(2), uri(3)]  # in the order of the URI
    features = dict(zip(FEATURES, data.tracks.loc[1, list(FEATURES)], strict=True))
    assert features == {
        "danceability": 0.617, "energy": 2.03e-05, "key": 8, "loudness": -12.305, "mode": 1,
        "speechiness": 0.048, "acousticness": 0.0158, "instrumentalness": 0, "liveness": 0.408,
        "valence": 0.504, "tempo": 111.458, "time_signature": 4, "popularity": 50, "duration_ms": 216270,
    }  # fmt: skip
    whole = {"key", "mode", "time_signature", "popularity", "duration_ms"}
    assert {name for name in FEATURES if data.tracks[name].dtype == "int64"} == whole
    row = data.tracks.loc[1].drop(list(FEATURES)).to_dict()
    assert row == {
        "track_uri": uri(2), "track_name": 'Ôde, to "Nobody" 2', "artist_name": "Nobody",
        "artists": ["Nobody"], "album_name": "Nothing", "release_date": "1992-08-03", "release_year": 1992,
        "release_precision": "day", "explicit": False, "isrc": "QMARG1760056", "genres": ["house", "pop"],
        "in_1960": True, "in_1950": True,
    }  # fmt: skip
    assert data.tracks.genres[0] == [] and data.tracks.popularity[0] == 0
    assert data.tracks.in_1960.tolist() == [True, True, False]
    assert data.tracks.in_1950.tolist() == [False, True, True]
    assert data.tracks.release_year.dtype == "Int64" and data.tracks.explicit.dtype == bool
    assert rows_by_reason(data) == {"its URI is in 1960-now too: one track": 1, "no genres": 1} and accounted(
        data
    )


HARMLESS = {
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n").encode(),
    "no quotes": lambda text: re.sub('(?<=[,\n])"([^",\n]*)"', r"\1", text).encode(),
    "other columns, other order": lambda text: to_csv(
        [{**row, "Rank": "7"} for row in csv.DictReader(io.StringIO(text))], ["Rank", *reversed(COLUMNS)]
    ).encode(),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_harmless_differences_change_nothing(tmp_path, change):
    rows = [track(1), track(2, Artist_Genres="")]
    write(tmp_path, rows, rows)
    before = load(tmp_path)
    write(tmp_path, change(to_csv(rows)), change(to_csv(rows)))
    pd.testing.assert_frame_equal(load(tmp_path).tracks, before.tracks)


def test_rows_are_merged_by_uri_and_never_multiplied(tmp_path):
    same = {"Track_Name": "Twice", "Artist_Genres": "pop,rock,pop"}  # one name, artist and album, two URIs
    first = [
        track(1, **same),
        track(2, **same),
        track(2, **same),
        track(3, Popularity="9", Label="x"),
        track(3),
    ]
    second = [track(1, **same), track(2, **same), track(4)]
    write(tmp_path, first, second)
    data = load(tmp_path)
    assert data.tracks.track_uri.tolist() == [uri(k) for k in (1, 2, 3, 4)]
    assert data.tracks.popularity[2] == 9  # of a URI with two unlike rows in one file the first counts
    assert data.tracks.genres[0] == ["pop", "rock"]
    assert rows_by_reason(data) == {
        "the whole row stands in the file already": 1,
        "its URI came in an earlier row: that one counts": 1,
        "its URI is in 1960-now too: one track": 2,
        "a genre stands twice in the row: once is enough": 4,
        "track, artist and album of another URI: listings of their own, both stay": 1,
    } and accounted(data)
    naive = data.exports()["1960-now"].merge(data.exports()["1950-now"], on=["Track Name", "Artist Name(s)"])
    assert len(naive) == 6  # what a merge on names would have made of the two songs
    assert data.report.action.tolist() == ["dropped", "merged", "merged", "mended", "noted"]
    assert data.report.example[0] == f"{FIRST}:4 ('{uri(2)}')"


def test_the_first_file_counts_unless_it_has_nothing(tmp_path):
    bare = {"Album_Name": "", "Album_Release_Date": "", "ISRC": "", "Artist_Genres": " , "}
    first = [track(1, Popularity="70", Tempo="90"), track(2, **bare), track(3), track(4, Tempo="0")]
    second = [track(1, Popularity="60"), track(2, Album_Release_Date="1981"), track(3, **bare), track(4)]
    write(tmp_path, first, second)
    data = load(tmp_path)
    assert data.tracks.popularity.tolist() == [70, 50, 50, 50] and data.tracks.tempo[0] == 90
    filled = data.tracks.loc[1, ["album_name", "release_date", "release_year", "release_precision", "isrc"]]
    assert filled.tolist() == ["Nothing", "1981", 1981, "year", "QMARG1760056"]
    assert data.tracks.genres.tolist() == [["house", "pop"]] * 4
    assert data.tracks.release_year.tolist() == [1992, 1981, 1992, 1992]
    assert data.tracks.in_1960.tolist() == [True, True, True, False]  # the first file's row 4 cannot be used
    reasons = rows_by_reason(data)
    for column in ("album_name", "release_date", "isrc", "genres"):
        assert reasons[f"{column} missing: taken from 1950-now"] == 1
    assert {reason for reason in reasons if "differs" in reason} == {
        "popularity differs: that of 1960-now stays", "tempo differs: that of 1960-now stays"
    }  # fmt: skip
    assert accounted(data)


@pytest.mark.parametrize(("there", "lacks"), [(FIRST, "in_1950"), (SECOND, "in_1960")])
def test_one_file_alone_works_and_is_said_to_be_alone(tmp_path, there, lacks):
    rows = [track(1), track(1), track(2)]
    write(tmp_path, rows if there == FIRST else None, rows if there == SECOND else None)
    data = load(tmp_path)
    assert data.origin == f"Spotify, 2 real tracks, files found in the data folder; only {there} is there"
    assert len(data.tracks) == 2 and not data.tracks[lacks].any() and len(data.exports()) == 1
    assert accounted(data)


@pytest.mark.parametrize(
    ("text", "year", "precision"),
    [
        ("1992-08-03", 1992, "day"), ("1981-05", 1981, "month"), ("1981", 1981, "year"),
        ("2024-02-29", 2024, "day"),
        ("0000", None, None), ("", None, None), ("2023-02-29", None, None), ("1981-13", None, None),
        ("1992-8-3", None, None), ("03/08/1992", None, None), ("1992-08-03T00:00", None, None),
        ("1981\n", None, None), ("19811", None, None), ("١٩٨١", None, None), ("0001-01-01", None, None),
    ],
)  # fmt: skip
def test_dates_of_three_precisions(tmp_path, text, year, precision):
    write(tmp_path, [track(1, Album_Release_Date=text), track(2)])
    data = load(tmp_path)
    row = data.tracks.loc[0]
    assert row.release_date == text
    if year is not None:
        assert (row.release_year, row.release_precision) == (year, precision) and data.report.empty
    else:  # the row stays: no model of the sound needs the date
        assert pd.isna(row.release_year) and pd.isna(row.release_precision)
        assert data.report.values.tolist() == [
            ["release date unreadable: the year is missing", 1, f"{FIRST}:2 ({text!r})", "mended"]
        ]


@pytest.mark.parametrize(
    ("names", "uris", "artists"),
    [
        ("Nobody", "a", ["Nobody"]), ("A, B", "a, b", ["A", "B"]), ("A,B", "a,b", ["A", "B"]),
        ("Wind\\, Rain & Sons, B", "a, b", ["Wind, Rain & Sons", "B"]), ("Wind, Rain", "a", ["Wind, Rain"]),
    ],
)  # fmt: skip
def test_artists_are_told_apart(tmp_path, names, uris, artists):
    write(tmp_path, [track(1, **{"Artist Name(s)": names, "Artist URI(s)": uris})])
    row = load(tmp_path).tracks.loc[0]
    assert row.artists == artists and row.artist_name == names.replace("\\,", ",")


def test_most_dates_unreadable_is_a_fault_of_the_file_and_no_track_left_is_an_error(tmp_path):
    write(tmp_path, [track(k, Album_Release_Date="0000") for k in range(20)])
    with pytest.raises(ValueError, match="20 of 20 rows: release date unreadable"):
        load(tmp_path)
    write(tmp_path, [track(k, Tempo="0") for k in range(3)])
    with pytest.raises(ValueError, match="no row can be used: Tempo is 0"):
        load(tmp_path)


def test_packed_files_and_folders_are_not_passed_over(tmp_path):
    (tmp_path / "spotify" / FIRST).mkdir(parents=True)
    with pytest.raises(ValueError, match="is no file"):
        load(tmp_path)
    (tmp_path / "spotify" / FIRST).rmdir()
    (tmp_path / "spotify" / "archive.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="archive.zip is still packed"):
        load(tmp_path)


def fake_kagglehub(monkeypatch, download):
    monkeypatch.delenv("RBM_OFFLINE")
    module = types.ModuleType("kagglehub")
    module.dataset_download = download
    monkeypatch.setitem(sys.modules, "kagglehub", module)


def test_a_download_lands_in_the_folder(tmp_path, monkeypatch, capfd):
    def download(handle):
        assert handle == HANDLE == "joebeachcapital/top-10000-spotify-songs-1960-now"
        (tmp_path / "cache").mkdir()
        write(tmp_path / "cache", [track(1)])
        return str(tmp_path / "cache")

    fake_kagglehub(monkeypatch, download)
    load(tmp_path, verbose=True)
    expected = f"Spotify, 1 real tracks, downloaded with kagglehub; only {FIRST} is there\n"
    assert capfd.readouterr() == (expected, "")
    assert os.listdir(tmp_path / "spotify") == [FIRST]
    assert "files found" in load(tmp_path).origin  # and is not fetched again


@pytest.mark.parametrize("kind", ["raises", "absent", "empty", "offline", "download=False"])
def test_without_files_and_download_a_stand_in_that_says_so(tmp_path, monkeypatch, capfd, kind):
    def download(handle):
        if kind == "raises":
            raise RuntimeError("403")
        (tmp_path / "cache").mkdir(exist_ok=True)
        return tmp_path / "cache"

    fake_kagglehub(monkeypatch, download)
    if kind == "absent":
        monkeypatch.setitem(sys.modules, "kagglehub", None)
    if kind == "offline":
        monkeypatch.setenv("RBM_OFFLINE", "1")
    options = {"download": kind != "download=False"}
    small = synthetic_spotify(0, 200)
    monkeypatch.setattr(spotify_synthetic, "synthetic_spotify", lambda: small)  # the usual one takes longer
    why = {
        "raises": "kagglehub failed with RuntimeError", "absent": "kagglehub is not installed",
        "empty": "the download holds neither", "offline": "RBM_OFFLINE is set",
        "download=False": "download=False",
    }[kind]  # fmt: skip
    with pytest.raises(DataUnavailable) as error:
        load(tmp_path, synthetic=False, **options)
    assert error.value.reason.startswith(why)
    for step in (
        f"kaggle.com/datasets/{HANDLE}",
        FIRST,
        SECOND,
        str(tmp_path / "spotify"),
        "pip install kagglehub",
    ):
        assert step in str(error.value)
    data = load(tmp_path, verbose=True, **options)
    out, err = capfd.readouterr()
    origin, steps = out.splitlines()
    assert origin == data.origin and why in origin and "synthetic catalogue (seed 0)" in origin and err == ""
    assert HANDLE in steps and str(tmp_path) not in out and data.source == "synthetic" and data.folder is None
    assert not (tmp_path / "spotify").exists()


def test_a_bad_download_is_an_error_not_a_stand_in(tmp_path, monkeypatch):
    def download(handle):
        (tmp_path / "cache").mkdir()
        write(tmp_path / "cache", "no, table")
        return tmp_path / "cache"

    fake_kagglehub(monkeypatch, download)
    with pytest.raises(ValueError, match=f"{FIRST}, line 1: the columns"):
        load(tmp_path)


from tests.support import ROOT  # noqa: E402

REAL = Path(os.environ.get("RBM_DATA") or ROOT / "data")


@pytest.mark.skipif(not (REAL / "spotify" / FIRST).is_file(), reason="the Spotify files are not here")
def test_the_real_files():
    """The published pair, or any other issue of it: nothing is lost, and the known shares hold."""
    data = load(REAL.resolve())
    tracks = data.tracks
    assert data.source == "real" and accounted(data) and tracks.track_uri.is_unique
    assert tracks[list(FEATURES)].notna().all(axis=None) and (tracks.tempo > 0).all()
    assert len(tracks) > 8000 and 0.8 < tracks.track_name.nunique() / len(tracks) < 0.9
    shares = [
        (tracks.instrumentalness == 0).mean(),
        (tracks.popularity == 0).mean(),
        (tracks.time_signature == 4).mean(),
    ]
    np.testing.assert_allclose(shares, [0.41, 0.24, 0.95], atol=0.02)
    assert (tracks.genres.map(len) == tracks.genres.map(lambda genres: len(set(genres)))).all()
    dropped = data.report[data.report.action == "dropped"]
    assert (
        dropped.rows.sum() < 300 and dropped.reason.str.contains("whole row|Tempo is 0|missing|empty").all()
    )
    if data.exports()["1960-now"].shape[0] == 8376:  # the files that the figures of this project come from
        assert (len(tracks), tracks.track_name.nunique()) == (8572, 7194)
        assert rows_by_reason(data)["Tempo is 0: Spotify's analysis failed"] == 2
        assert rows_by_reason(data)["the whole row stands in the file already"] == 75
        assert rows_by_reason(data)["its URI is in 1960-now too: one track"] == 8079
        assert tracks.artists.map(lambda artists: "Earth, Wind & Fire" in artists).sum() == 3
