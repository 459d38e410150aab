"""The two files of simulated listeners: exact there and back, or refused by line."""

import csv
from dataclasses import replace

import pandas as pd
import pytest

from rbm_lib.data import read_listeners, write_listeners
from rbm_lib.data.listeners.files import FILES
from tests.data.listeners.two_listeners import LISTENERS

INTERACTIONS, PROFILES = FILES


@pytest.fixture
def folder(tmp_path):
    write_listeners(LISTENERS, tmp_path / "new")
    return tmp_path / "new"


def test_there_and_back(folder):
    back = read_listeners(folder)
    pd.testing.assert_frame_equal(
        back.interactions, LISTENERS.interactions, check_exact=True
    )
    pd.testing.assert_frame_equal(back.profiles, LISTENERS.profiles, check_exact=True)
    assert back.origin.startswith("2 simulated listeners of 2 archetypes")
    before = [(folder / name).read_bytes() for name in FILES]
    paths = write_listeners(back, folder)
    assert [path.read_bytes() for path in paths] == before
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = write_listeners(LISTENERS, "~/new")

    assert [path.parent for path in paths] == [tmp_path / "new"] * 2
    assert len(read_listeners("~/new").profiles) == len(LISTENERS.profiles)


WRONG = [
    (INTERACTIONS, 1, "rating", "3.7", "one of 1, 1.5, 2"),
    (INTERACTIONS, 1, "user_id", "x", "a whole number from 0"),
    (INTERACTIONS, 1, "timestamp", "2023-02-30T00:00:00Z", "a time like 2023-"),
    (INTERACTIONS, 2, "timestamp", "2022-12-31T23:59:59Z", "an order by user_id and time"),
    (INTERACTIONS, 2, "source", "luck", "one of taste, discovery"),
    (INTERACTIONS, 1, "track_uri", "", "text"),
    (INTERACTIONS, 4, "loudness", "inf", "a number from -inf to inf"),
    (INTERACTIONS, 4, "archetype", "C", "that of the user in user_profiles.csv"),
    (PROFILES, 1, "energy_low", "much", "a number"),
    (PROFILES, 1, "n_tracks", "7", "the number of lines in interaction_data.csv"),
    (PROFILES, 2, "user_id", "1", "one above that of the line before"),
]


@pytest.mark.parametrize(("file", "row", "column", "text", "expected"), WRONG)
def test_a_wrong_field_is_named(folder, file, row, column, text, expected):
    with open(folder / file, newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    rows[row][rows[0].index(column)] = text
    with open(folder / file, "w", newline="", encoding="utf-8") as lines:
        csv.writer(lines, quoting=csv.QUOTE_ALL).writerows(rows)
    message = f"{file}, line .*, column {column}: got '{text}', expected {expected}"
    with pytest.raises(ValueError, match=message):
        read_listeners(folder)


CHANGES = [
    (lambda table: table.assign(rating=6.0), "column rating: got '6.0'"),
    (lambda table: table.drop(columns="valence"), "the columns valence, each once"),
    (lambda table: table.iloc[::-1], "column timestamp"),
    (lambda table: table.iloc[:3], "column n_tracks: got '2'"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_nothing_is_written_of_tables_that_do_not_fit(folder, change, message):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    listeners = replace(LISTENERS, interactions=change(LISTENERS.interactions))
    with pytest.raises(ValueError, match=message):
        write_listeners(listeners, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
