"""Files of listens are read to the letter; what is odd in them is flagged and kept."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data.deezer import files
from rbm_lib.data.deezer.files import TEST_COLUMNS, flag, oddities, read_listens
from tests.data.deezer.support import LISTEN, listen, to_csv, write


def read(folder, rows, **options):
    return read_listens(write(folder, rows) / "train.csv", **options)


def test_values_and_types(tmp_path):
    rows = [listen(1), listen(2, is_listened=1)]
    train = read(tmp_path, rows)
    assert train.to_dict("records") == rows
    assert list(train) == list(files.COLUMNS)
    assert train.dtypes.astype(str).to_dict().items() <= files.DTYPES.items()
    assert train.memory_usage(index=False).sum() == 2 * 44  # 7,558,834 rows: 333 MB
    test = read_listens(write(tmp_path, test=rows) / "test.csv", TEST_COLUMNS)
    assert test["sample_id"].tolist() == [0, 1]
    assert len(read(tmp_path, rows, n_rows=1)) == 1


BAD_VALUES = [
    ("artist_id", "-1", "a whole number from 0 to 2147483647"),
    ("ts_listen", 1480597215000, "a whole number from 0 to 4294967295"),
    ("is_listened", "2", "a whole number from 0 to 1"),
]


@pytest.mark.parametrize(("column", "value", "expected"), BAD_VALUES)
def test_an_impossible_value_is_named(tmp_path, column, value, expected):
    rows = [listen(1), listen(2, **{column: value}), listen(3)]
    message = f"line 3, column {column}: got '{value}', expected {expected}"
    with pytest.raises(ValueError, match=message):
        read(tmp_path, rows)


def test_a_sample_must_not_come_twice(tmp_path):
    test = to_csv([{"sample_id": k, **LISTEN} for k in (4, 5, 4)], TEST_COLUMNS)
    with pytest.raises(ValueError, match="test.csv, line 4, column sample_id: got '4'"):
        read_listens(write(tmp_path, test=test) / "test.csv", TEST_COLUMNS)


ODD = {
    "heard before its release date": {"release_date": 20161202},
    "release date in 2100 or later: a placeholder": {"release_date": 30000101},
    "release date is no day of the calendar": {"release_date": 20160230},
    "time before 2009: a clock that was wrong": {"ts_listen": 316_179_665},
    "time after 2008, but not November 2016 or 1 December": {"ts_listen": 1_480_636_800},
    "track of 0 seconds": {"media_duration": 0},
    "track of 65535 seconds: the largest number of 16 bits": {"media_duration": 65_535},
    "listened to for 30 seconds, but the track is shorter": {"is_listened": 1},
    "same user, second and track as an earlier row": {"user_id": 3},
}


@pytest.mark.parametrize("reason", ODD)
def test_an_oddity_is_flagged(reason):
    seconds = 29 if "shorter" in reason else 200
    rows = [listen(k, media_duration=seconds) for k in range(20)]
    rows[6] = {**rows[6], **ODD[reason]}
    listens = pd.DataFrame(rows)
    assert np.flatnonzero(oddities(listens)[reason]).tolist() == [6]
    flags = flag({"train.csv": listens}).set_index("reason").loc[reason]
    assert flags.tolist() == ["train.csv", 1, 1 / 20, "train.csv:8"]


def test_the_edges_of_what_is_odd():
    rows = [
        listen(1, ts_listen=1_477_958_400, release_date=20161101),  # both on the first day
        listen(2, ts_listen=1_480_636_799, release_date=20161201),  # both on the last one
        listen(3, media_duration=30, is_listened=1),
        listen(3, ts_listen=1_480_597_216),  # the same user and track, a second later
    ]
    assert flag({"train.csv": pd.DataFrame(rows)}).empty
    day_before = pd.DataFrame([{**rows[0], "ts_listen": 1_477_958_399}])
    assert len(flag({"train.csv": day_before})) == 2


REAL = Path(os.environ.get("RBM_DATA", "data"), "deezer", "sample_rows.csv")


@pytest.mark.skipif(not REAL.is_file(), reason="the sample of real rows is not here")
def test_rows_as_published():
    listens = read_listens(REAL)
    pd.testing.assert_frame_equal(listens.astype("int64"), pd.read_csv(REAL))
    odd = oddities(listens)
    assert odd["heard before its release date"].all()
    assert odd["time before 2009: a clock that was wrong"].sum() == 36
