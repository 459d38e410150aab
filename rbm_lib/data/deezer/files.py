"""Deezer's train.csv and test.csv: read in blocks, checked row by row, oddities flagged."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

COLUMNS = (
    "genre_id", "ts_listen", "media_id", "album_id", "context_type", "release_date", "platform_name",
    "platform_family", "media_duration", "listen_type", "user_gender", "user_id", "artist_id", "user_age",
    "is_listened",
)  # fmt: skip
TEST_COLUMNS = ("sample_id", *COLUMNS[:-1])
# The smallest types that hold the values: 44 bytes a row.
DTYPES = {
    **dict.fromkeys(("sample_id", *COLUMNS), "int32"), "ts_listen": "int64", "context_type": "int16",
    **dict.fromkeys(("platform_name", "platform_family", "listen_type", "user_gender"), "int8"),
    **dict.fromkeys(("user_age", "is_listened"), "int8"),
}  # fmt: skip
# Lowest and highest value; whatever the type holds where none is given. ts_listen is in seconds since 1970,
# media_duration in seconds, user_age in years, release_date YYYYMMDD.
RANGES = {
    "ts_listen": (0, 2**32 - 1), "context_type": (0, 999), "platform_name": (0, 99),
    "platform_family": (0, 99), "listen_type": (0, 1), "user_gender": (0, 1), "user_age": (0, 120),
    "is_listened": (0, 1),
}  # fmt: skip
_BLOCK = 2**22  # bytes read at a time
_COMMA = "a comma or a line end within quotes, which no column needed has: leave that column out"
_PLAIN = b'0123456789,-+"\r\n'  # what whole numbers are made of; other bytes are looked at line by line
_QUOTED = re.compile(rb'(?<![^,\n])"[^",\n]*"(?![^,\r\n])')  # a field
MONTH = (1_477_958_400, 1_480_636_800)  # 2016-11-01 to 2016-12-01, end included, UTC


def read_listens(path, columns=COLUMNS, *, n_rows=None, progress=None):
    """The listens in a CSV file, DataFrame with these columns in this order, 44 bytes a row.

    columns: COLUMNS for train.csv, TEST_COLUMNS for test.csv. n_rows: the first ones only. progress: a bar,
    by default when stderr is a terminal. A byte-order mark, Windows line ends, blank lines, quotes, other
    columns and another order of columns do no harm. Raises ValueError naming file and line for what is no
    such file: a column missing, another number of fields, a comma within quotes, a value that is no whole
    number or out of RANGES, a sample_id twice, no rows. Values that are merely odd are kept: see `oddities`.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is no file: expected a CSV with {len(columns)} columns")
    show = sys.stderr.isatty() if progress is None else progress
    parts, header, line, left, rows = [], None, 1, b"", 0
    with (
        path.open("rb") as file,
        tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc=path.name, disable=not show) as bar,
    ):
        while n_rows is None or rows < n_rows:
            block = file.read(_BLOCK)
            bar.update(len(block))
            text = left + block
            if not text:
                break
            cut = text.rfind(b"\n") + 1 if block else len(text)
            text, left = text[:cut], text[cut:]
            if header is None and text:
                top, _, text = text.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
                header, line = _header(path, top, columns), 2
            if text.strip():
                part = _parse(path, line, text, header, columns)
                part = part if n_rows is None else part[: n_rows - rows]
                rows += len(part)
                parts.append([part[name].to_numpy(DTYPES[name]) for name in columns])
            line += text.count(b"\n")
            if not block:
                break
    if not rows:
        raise ValueError(f"{path} holds no listens: download it afresh")
    joined = {}
    for k, name in enumerate(columns):  # a column at a time: the parts of it are let go
        joined[name] = np.concatenate([part[k] for part in parts])
        for part in parts:
            part[k] = None
    frame = pd.DataFrame(joined, copy=False)
    if "sample_id" in columns and (again := frame["sample_id"].duplicated()).any():
        first = again.idxmax()
        raise ValueError(
            f"{path}, row {first + 1} after the header: sample_id {frame['sample_id'][first]} stands there "
            "for the second time. Mend the file, or move it away and download it afresh"
        )
    return frame


def _bad(path, line, what):
    return ValueError(f"{path}, line {line}: {what}. Mend the file, or move it away and download it afresh")


def _header(path, top, columns):
    fields = top.decode("latin-1").split(",")
    if _torn(fields):
        raise _bad(path, 1, _COMMA)
    fields = [field.strip().strip('"') for field in fields]
    if missing := [name for name in columns if name not in fields]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise _bad(path, 1, f"the columns {', '.join(missing[:5])}{more} are missing")
    if twice := [name for name in columns if fields.count(name) > 1]:
        raise _bad(path, 1, f"the column {twice[0]} stands there twice")
    return fields


def _parse(path, line, text, header, columns):
    """The rows of a block whose first line is line number `line`; columns of 64 bits."""
    plain = not text.translate(None, _PLAIN)  # pandas takes 1e3 for a whole number
    if not (plain and _well_formed(text, len(header))) and (
        fault := _fault(path, line, text, header, columns)
    ):
        raise fault
    try:
        part = pd.read_csv(
            io.BytesIO(text), header=None, names=range(len(header)), index_col=False, na_filter=False,
            usecols=[header.index(name) for name in columns], dtype="int64",
        )  # fmt: skip
    except (ValueError, OverflowError):  # in which line, pandas does not say
        what = "a block begins that pandas cannot read"
        raise _fault(path, line, text, header, columns) or _bad(path, line, what) from None
    part = part.rename(columns=dict(enumerate(header)))[list(columns)]
    for name in columns:
        low, high = _range(name)
        if part[name].min() < low or part[name].max() > high:
            raise _fault(path, line, text, header, columns)
    return part


def _torn(fields):
    """Whether a comma within quotes has been taken for one between fields."""
    return any(field.count('"') % 2 for field in fields)


def _range(name):
    return RANGES.get(name, (0, np.iinfo(DTYPES[name]).max))


def _well_formed(text, n_fields):
    """Whether every line is blank or has the right number of commas. Fast, for pandas forgives some."""
    if b'"' in text and b'"' in _QUOTED.sub(b"", text):
        return False
    raw = np.frombuffer(text if text.endswith(b"\n") else text + b"\n", dtype=np.uint8)
    ends = np.flatnonzero(raw == 10)
    starts = np.append(0, ends[:-1] + 1)
    commas = np.add.reduceat(raw == 44, starts, dtype=np.int64)
    blank = (ends == starts) | ((ends == starts + 1) & (raw[starts] == 13))
    return bool(((commas == n_fields - 1) | blank).all())


def _fault(path, line, text, header, columns):
    """The error for the first bad line of a block; None where there is none."""
    for number, row in enumerate(text.split(b"\n"), line):
        if not row.strip(b"\r"):
            continue
        fields = [field.strip(" \t") for field in row.rstrip(b"\r").decode("latin-1").split(",")]
        if len(fields) != len(header):
            return _bad(path, number, f"{len(fields)} fields, expected {len(header)}")
        for name in columns:
            value, (low, high) = fields[header.index(name)], _range(name)
            if not re.fullmatch('[+-]?[0-9]+|"[+-]?[0-9]+"', value):
                return _bad(path, number, f"{name} is {value!r}, expected a whole number")
            if not low <= int(value.strip('"')) <= high:
                return _bad(path, number, f"{name} is {value}, expected {low} to {high}")
        if _torn(fields):
            return _bad(path, number, _COMMA)
    return None


def oddities(frame):
    """{reason: boolean array, one entry per row}: what is odd about real listens, and yet kept.

    A row may have several. frame: listens with the published columns, with or without is_listened.
    """
    time, release = frame["ts_listen"].to_numpy(), frame["release_date"].to_numpy()
    seconds = frame["media_duration"].to_numpy()
    days = np.arange(time.max() // 86_400 + 1).astype("datetime64[D]")  # of each day since 1970, its YYYYMMDD
    today = pd.DatetimeIndex(days).strftime("%Y%m%d").astype("int32").to_numpy()[time // 86_400]
    known, at = np.unique(release, return_inverse=True)
    year, month, day = known // 10_000, known // 100 % 100, known % 100
    # By hand: 30000101 is a date, though a placeholder, and pandas 2 ends in 2262.
    months = (year.astype(np.int64) - 1970) * 12 + month - 1
    first, after = (m.astype("datetime64[M]").astype("datetime64[D]") for m in (months, months + 1))
    length = (after - first).astype(int)
    valid = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    found = {
        "heard before its release date": release > today,
        "release date in 2100 or later: a placeholder": release >= 21_000_101,
        "release date is no day of the calendar": ~valid[at],
        "time before 2009: a clock that was wrong": time < 1_230_768_000,
        "time after 2008, but not November 2016 or 1 December": (time >= 1_230_768_000)
        & ((time < MONTH[0]) | (time >= MONTH[1])),
        "track of 0 seconds": seconds == 0,
        "track of 65535 seconds: the largest number of 16 bits": seconds == 65_535,
        "same user, second and track as an earlier row": frame.duplicated(
            ["user_id", "ts_listen", "media_id"]
        ).to_numpy(),
    }
    if "is_listened" in frame:
        short = (seconds < 30) & (frame["is_listened"].to_numpy() == 1)
        found["listened to for 30 seconds, but the track is shorter"] = short
    return found


def flag(frames):
    """DataFrame file, reason, rows, share (of the file's rows), example (the first such line).

    frames: {name of the file: listens}. The header is line 1; blank lines are not counted.
    """
    found = []
    for file, frame in frames.items():
        for reason, odd in oddities(frame).items():
            if n := int(odd.sum()):
                found.append((file, reason, n, n / len(frame), f"{file}:{int(odd.argmax()) + 2}"))
    return pd.DataFrame(found, columns=["file", "reason", "rows", "share", "example"])
