"""An export of tracks is read as it stands, and the rows that cannot be used are listed."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest

from rbm_lib.data.spotify.files import COLUMNS, read_dates, read_export, split_genres
from tests.data.spotify.support import FIRST, track, write


def read(folder, rows):
    return read_export(write(folder, rows) / FIRST)


def test_text_is_kept_and_lines_are_known(tmp_path):
    rows = [track(1, Album_Name="two\nlines"), track(2, Album_Name=" NA ")]
    frame, problems = read(tmp_path, rows)
    for column in COLUMNS:
        assert frame[column].tolist() == [row[column] for row in rows]
    assert frame.index.tolist() == [2, 4]
    assert problems.empty


BAD_VALUES = [
    ("Tempo", "0", "Tempo is 0: Spotify's analysis failed"),
    ("Tempo", "1e999", "Tempo is not a number from 0 to 300"),
    ("Key", "4.5", "Key is not a whole number from 0 to 11"),
    ("Liveness", "", "audio features or popularity missing"),
    ("Explicit", "maybe", "Explicit is neither true nor false"),
    ("Track URI", "spotify:local:x", "Track URI is none"),
    ("Track Name", " ", "Track Name is empty"),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD_VALUES)
def test_an_impossible_value_drops_its_row(tmp_path, column, value, reason):
    fine = [track(k) for k in range(30)]
    bad = [track(50 + k, **{column: value}) for k in range(11)]
    _, problems = read(tmp_path, [*fine[:3], bad[0], *fine[3:]])
    assert problems[["line", "reason"]].values.tolist() == [[5, reason]]
    assert problems["action"].tolist() == ["dropped"]
    with pytest.raises(ValueError, match=re.escape(f"got 11 of 41 rows: {reason}")):
        read(tmp_path, [*fine, *bad])  # so many are a fault of the file


def test_what_is_noted_or_put_right(tmp_path):
    rows = [
        track(1),
        track(1),
        track(2, Artist_Genres=" , "),
        track(3, Artist_Genres="pop,rock,pop"),
        track(4, Album_Release_Date="0000"),
        track(5, Key="8.0", Explicit="TRUE", Tempo="+1.1E2"),  # as other programs save them
    ]
    _, problems = read(tmp_path, rows)
    assert problems["line"].tolist() == [3, 6, 4, 5]
    assert problems["action"].tolist() == ["dropped", "mended", "noted", "mended"]
    assert problems["value"].tolist()[1:] == ["0000", rows[2]["Track URI"], "pop,rock,pop"]
    assert split_genres(" pop, rock,,pop") == ["pop", "rock"]
    assert split_genres("pop,pop", unique=False) == ["pop", "pop"]


@pytest.mark.parametrize("bad", ["", "0000", "1859", "2023-02-29", "1992-8-3", "1981\n"])
def test_dates_of_three_precisions(bad):
    dates = read_dates(pd.Series(["1992-08-03", "1981-05", "1981", bad]))
    assert dates["year"].tolist()[:3] == [1992, 1981, 1981]
    assert dates["precision"].tolist()[:3] == ["day", "month", "year"]
    assert dates.iloc[3].isna().all()


REAL = Path(os.environ.get("RBM_DATA", "data"), "spotify", "raw_sample.csv")


@pytest.mark.skipif(not REAL.is_file(), reason="the sample of raw rows is not here")
def test_rows_as_published():
    frame, problems = read_export(REAL)
    assert frame.shape == (199, 35)
    assert problems["action"].value_counts().to_dict() == {"mended": 16, "noted": 13}
