"""Deezer's train.csv and test.csv: their columns, and what is odd in them."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.tables import Column, Schema, read_table

_ID = Column("int32", 0, 2**31 - 1)
_CODE = Column("int8", 0, 99)
_FLAG = Column("int8", 0, 1)
# The smallest types that hold the values: 44 bytes a row. Times are in seconds since 1970,
# durations in seconds, release dates YYYYMMDD.
_SCHEMA = {
    "sample_id": _ID, "genre_id": _ID, "ts_listen": Column("int64", 0, 2**32 - 1),
    "media_id": _ID, "album_id": _ID, "context_type": Column("int16", 0, 999),
    "release_date": _ID, "platform_name": _CODE, "platform_family": _CODE,
    "media_duration": _ID, "listen_type": _FLAG, "user_gender": _FLAG, "user_id": _ID,
    "artist_id": _ID, "user_age": Column("int8", 0, 120), "is_listened": _FLAG,
}  # fmt: skip
DTYPES = {name: column.dtype for name, column in _SCHEMA.items()}
TEST_COLUMNS = tuple(_SCHEMA)[:-1]
COLUMNS = tuple(_SCHEMA)[1:]
MONTH = (1_477_958_400, 1_480_636_800)  # 2016-11-01 to 2016-12-01, end included, UTC


def read_listens(
    path: Path, columns: Sequence[str] = COLUMNS, *, n_rows: int | None = None
) -> pd.DataFrame:
    """Read a file of listens; values that are merely odd are kept (see `oddities`).

    columns: COLUMNS for train.csv, TEST_COLUMNS for test.csv. Raises ValueError that names
    the first bad row.
    """
    key = ["sample_id"] if "sample_id" in columns else []
    schema = Schema({name: _SCHEMA[name] for name in columns}, key)
    return read_table(Path(path), schema, n_rows).reset_index(drop=True)


def oddities(listens: pd.DataFrame) -> dict[str, np.ndarray]:
    """Find what is odd about listens: {reason: boolean array, one entry per row}."""
    time = listens["ts_listen"].to_numpy()
    release = listens["release_date"].to_numpy()
    seconds = listens["media_duration"].to_numpy()
    days = np.arange(time.max() // 86_400 + 1).astype("datetime64[D]")
    dates = pd.DatetimeIndex(days).strftime("%Y%m%d").astype("int32").to_numpy()
    released, place = np.unique(release, return_inverse=True)
    is_date = np.array([_is_date(number) for number in released.tolist()])
    after_2008 = time >= 1_230_768_000
    in_month = (time >= MONTH[0]) & (time < MONTH[1])
    again = listens.duplicated(["user_id", "ts_listen", "media_id"]).to_numpy()
    found = {
        "heard before its release date": release > dates[time // 86_400],
        "release date in 2100 or later: a placeholder": release >= 21_000_101,
        "release date is no day of the calendar": ~is_date[place],
        "time before 2009: a clock that was wrong": ~after_2008,
        "time after 2008, but not November 2016 or 1 December": after_2008 & ~in_month,
        "track of 0 seconds": seconds == 0,
        "track of 65535 seconds: the largest number of 16 bits": seconds == 65_535,
        "same user, second and track as an earlier row": again,
    }
    if "is_listened" in listens:
        short = (seconds < 30) & (listens["is_listened"].to_numpy() == 1)
        found["listened to for 30 seconds, but the track is shorter"] = short
    return found


def flag(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the oddities of each file: file, reason, rows, share of its rows, first line.

    The example is right if no line is blank.
    """
    counts = []
    for file, listens in frames.items():
        for reason, odd in oddities(listens).items():
            if n := int(odd.sum()):
                example = f"{file}:{int(odd.argmax()) + 2}"
                counts.append((file, reason, n, n / len(listens), example))
    return pd.DataFrame(counts, columns=["file", "reason", "rows", "share", "example"])


def _is_date(number: int) -> bool:
    """Whether YYYYMMDD is a day of the calendar."""
    try:
        datetime.date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return False
    return True
