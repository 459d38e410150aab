"""The two CSV files of simulated listeners: exact there and back, and refused by file, line and column."""

import csv
import hashlib
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import Archetype, read_listeners, simulate_listeners, write_listeners
from rbm_lib.data.listeners import files as listening_files
from rbm_lib.data.listeners.conditions import OneOf, Range
from rbm_lib.data.spotify.load import FEATURES
from tests.data.listeners.test_archetypes import TRACKS

# Names that a careless writer would break.
AWKWARD = ['Say "Hi"', "One, Two", "Línea\nnueva", "", "NA", " blank ", "007", "ré\rturn", "=1+1"]
NAMED = TRACKS.assign(track_name=[AWKWARD[i % len(AWKWARD)] for i in range(len(TRACKS))])
LISTENERS = simulate_listeners(NAMED, 40, seed=1)
INTERACTIONS, PROFILES = listening_files.FILES


@pytest.fixture
def folder(tmp_path):
    write_listeners(LISTENERS, tmp_path)
    return tmp_path


@pytest.fixture
def plain(tmp_path):
    """Names without line breaks, so that lines can be counted; the files' lines, to be tampered with."""
    write_listeners(simulate_listeners(TRACKS, 40, seed=1), tmp_path)
    return tmp_path


def test_there_and_back(folder):
    back = read_listeners(folder)
    pd.testing.assert_frame_equal(back.interactions, LISTENERS.interactions)
    pd.testing.assert_frame_equal(back.profiles, LISTENERS.profiles)
    assert (back.chance(NAMED) == LISTENERS.chance(NAMED)).all() and "40 simulated" in back.origin
    assert set(back.interactions.track_name) == set(AWKWARD)
    assert sorted(path.name for path in folder.iterdir()) == sorted(listening_files.FILES)


def test_the_documented_columns(folder):
    def header(name):
        return (folder / name).read_text(encoding="utf-8").split("\n", 1)[0].replace('"', "").split(",")

    of_listens = "user_id track_uri track_name artist_name timestamp rating archetype source".split()
    assert header(INTERACTIONS) == of_listens + list(FEATURES)
    first = "user_id archetype n_tracks n_discovery pool_size n_filled filled_from genre artist".split()
    ranges = "acousticness danceability energy instrumentalness liveness popularity release_year".split()
    ranges = [f"{name}_{end}" for name in (*ranges, "speechiness", "valence") for end in ("low", "high")]
    assert header(PROFILES) == first + ranges
    assert all(name in listening_files.__doc__ for name in [*first, *of_listens, "_low"])


def test_the_same_bytes_twice(tmp_path):
    def digests(name, tracks, seed):
        paths = write_listeners(simulate_listeners(tracks, 40, seed), tmp_path / name)
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    one = digests("one", NAMED, 1)
    assert one == digests("two", NAMED, 1) == digests("three", NAMED.iloc[::-1], 1)
    assert not {*one} & {*digests("four", NAMED, 2)}
    raw = (tmp_path / "one" / PROFILES).read_bytes()
    assert b"\r" not in raw and raw.endswith(b"\n") and raw.count(b"\n") == 41
    rows = write_listeners(read_listeners(tmp_path / "one"), tmp_path / "five")
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in rows] == one


def test_numbers_read_back_exactly(tmp_path):
    """0.1 + 0.2, the smallest number, and 17 digits: as they were."""
    tracks = TRACKS.assign(energy=np.resize([0.1 + 0.2, 5e-324, 1 / 3, 0.1], len(TRACKS)))
    result = simulate_listeners(tracks, 20)
    write_listeners(result, tmp_path)
    assert read_listeners(tmp_path).interactions.energy.tolist() == result.interactions.energy.tolist()
    assert result.interactions.energy.nunique() == 4


def change(folder, file, line, column, text):
    """Replaces one field of a file that has no line breaks within fields."""
    rows = list(csv.reader((folder / file).read_text(encoding="utf-8").split("\n")))
    rows[line - 1][rows[0].index(column)] = text
    with open(folder / file, "w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows(row for row in rows if row)


@pytest.mark.parametrize(
    ("file", "line", "column", "text", "message"),
    [
        (INTERACTIONS, 7, "rating", "3.7", "'3.7' is not one of 1, 1.5"),
        (INTERACTIONS, 7, "rating", "", "'' is not one of"),
        (INTERACTIONS, 7, "rating", "5.5", "is not one of"),
        (INTERACTIONS, 9, "user_id", "0", "'0' is not a whole number, 1 or more"),
        (INTERACTIONS, 9, "user_id", "1.0", "is not a whole number"),
        (INTERACTIONS, 9, "key", "9" * 30, "is not a whole number"),
        (INTERACTIONS, 3, "timestamp", "2023-02-30T00:00:00Z", "is not a time such as"),
        (INTERACTIONS, 3, "timestamp", "2023-02-28 00:00:00", "is not a time such as"),
        (INTERACTIONS, 4, "source", "luck", "'luck' is not taste or discovery"),
        (INTERACTIONS, 4, "track_uri", "", "'' is not text that is not empty"),
        (INTERACTIONS, 5, "valence", "1.2", "'1.2' is not a number from 0 to 1"),
        (INTERACTIONS, 5, "valence", "nan", "'nan' is not a number from 0 to 1"),
        (INTERACTIONS, 5, "loudness", "loud", "'loud' is not a number"),
        (INTERACTIONS, 5, "loudness", "inf", "'inf' is not a number"),
        (INTERACTIONS, 6, "archetype", "Somebody Else", "is not as in user_profiles.csv"),
        (PROFILES, 5, "n_filled", "-1", "'-1' is not a whole number, 0 or more"),
        (PROFILES, 5, "energy_low", "much", "'much' is not a number, or empty"),
        (PROFILES, 5, "n_tracks", "7", "differs from the"),
        (PROFILES, 5, "n_discovery", "4", "lines of discovery in interaction_data.csv"),
        (PROFILES, 5, "user_id", "2", "is not above that of the line before"),
    ],
)
def test_a_wrong_field_is_named(plain, file, line, column, text, message):
    change(plain, file, line, column, text)
    with pytest.raises(ValueError) as error:
        read_listeners(plain)
    assert f"{file}, line {line}, column {column}: " in str(error.value) and message in str(error.value)


def test_a_shift_of_columns_is_noticed(plain):
    path = plain / INTERACTIONS
    lines = path.read_text(encoding="utf-8").split("\n")
    for wrong, message in {
        lines[6].replace(",", ",,", 1): "line 7: 23 fields, expected 22",
        lines[6].split(",", 1)[1]: "line 7: 21 fields, expected 22",
        '1,"open' + lines[6]: "line",
    }.items():
        path.write_bytes("\n".join([*lines[:6], wrong, *lines[7:]]).encode())
        with pytest.raises(ValueError, match=re.escape(message)):
            read_listeners(plain)
    moved = [",".join(line.split(",")[1:] + line.split(",")[:1]) for line in lines if line]
    for text in ["\n".join(moved), "", lines[0].replace("valence", "valance") + "\n"]:
        path.write_bytes(text.encode())
        with pytest.raises(
            ValueError, match=r"interaction_data.csv, line 1: the columns are .*, expected user_id,"
        ):
            read_listeners(plain)
    change(plain, PROFILES, 1, "energy_high", "energy_top")
    with pytest.raises(ValueError, match=r"line 1: the columns"):
        path.write_bytes("\n".join(lines).encode())
        read_listeners(plain)


def test_order_and_encoding(plain):
    path = plain / INTERACTIONS
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_bytes("\n".join([*lines[:2], lines[3], lines[2], *lines[4:]]).encode())
    with pytest.raises(ValueError, match="line 4, column timestamp: is before"):
        read_listeners(plain)
    path.write_bytes("\n".join(lines).encode().replace(b"Song", b"S\xf8ng", 1))
    with pytest.raises(ValueError, match="line 2: byte 0xf8 is not UTF-8"):
        read_listeners(plain)
    path.write_bytes("\n".join(lines[:-2]).encode() + b"\n")
    with pytest.raises(ValueError, match="user_profiles.csv, line 41, column n_"):
        read_listeners(plain)
    path.unlink()
    with pytest.raises(ValueError, match="interaction_data.csv is missing"):
        read_listeners(plain)


def test_the_line_of_a_fault_after_a_name_of_two_lines(folder):
    raw = (folder / INTERACTIONS).read_bytes()
    at = raw.rindex(b',"taste",')
    (folder / INTERACTIONS).write_bytes(raw[:at] + b",luck," + raw[at + 9 :])
    line = raw[:at].count(b"\n") + raw[:at].count(b"\r") + 1
    with pytest.raises(ValueError, match=f"line {line}, column source"):
        read_listeners(folder)


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda t: t.assign(rating=t.rating.where(t.index != 3, 6.0)), "line 5, column rating: '6.0'"),
        (lambda t: t.assign(rating=t.rating.astype("float32")), "dtype float32 does not survive"),
        (lambda t: t.drop(columns="valence"), "line 1: the columns are"),
        (lambda t: t.iloc[::-1], "line 3, column timestamp"),
    ],
)
def test_nothing_is_written_of_tables_that_do_not_fit(folder, tamper, message):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = simulate_listeners(TRACKS, 40, seed=2)
    with pytest.raises(ValueError, match=re.escape(message)):
        write_listeners(replace(result, interactions=tamper(result.interactions)), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interrupted_write_leaves_the_old_file(folder, monkeypatch):
    before = (folder / INTERACTIONS).read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_listeners(simulate_listeners(TRACKS, 40, seed=2), folder)
    assert (folder / INTERACTIONS).read_bytes() == before and len(list(folder.iterdir())) == 2


def test_archetypes_of_ones_own(tmp_path):
    """The ranges asked for become columns, whatever they are."""
    own = (Archetype("A", 1, 5, (Range("tempo", 90, 130), OneOf("artists", most_frequent=9))),)
    result = simulate_listeners(TRACKS, 4, archetypes=own)
    write_listeners(result, tmp_path / "new" / "folder")
    back = read_listeners(tmp_path / "new" / "folder", own)
    assert back.profiles.columns.tolist()[9:] == ["tempo_low", "tempo_high"]
    assert (back.pool(TRACKS) == result.pool(TRACKS)).all() and back.pool(TRACKS).any()
    nobody = simulate_listeners(TRACKS, 4, archetypes=own).profiles.iloc[:0]
    write_listeners(replace(result, profiles=nobody, interactions=result.interactions.iloc[:0]), tmp_path)
    assert len(read_listeners(tmp_path).interactions) == 0
