"""The two exports of Spotify tracks: read, and checked row by row. Merging is in spotify_merge."""

import csv
import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.text import decode

FILES = {"1960-now": "top_10000_1960-now.csv", "1950-now": "top_10000_1950-now.csv"}
COLUMNS = (
    "Track URI", "Track Name", "Artist URI(s)", "Artist Name(s)", "Album URI", "Album Name",
    "Album Artist URI(s)", "Album Artist Name(s)", "Album Release Date", "Album Image URL", "Disc Number",
    "Track Number", "Track Duration (ms)", "Track Preview URL", "Explicit", "Popularity", "ISRC", "Added By",
    "Added At", "Artist Genres", "Danceability", "Energy", "Key", "Loudness", "Mode", "Speechiness",
    "Acousticness", "Instrumentalness", "Liveness", "Valence", "Tempo", "Time Signature", "Album Genres",
    "Label", "Copyrights",
)  # fmt: skip
# column → lowest and highest value, and whether whole numbers only. Tempo in beats per minute, loudness in
# decibels below full scale; a few loud masters are above 0.
RANGES = {
    "Danceability": (0, 1, False), "Energy": (0, 1, False), "Key": (0, 11, True),
    "Loudness": (-70, 4.99, False), "Mode": (0, 1, True), "Speechiness": (0, 1, False),
    "Acousticness": (0, 1, False), "Instrumentalness": (0, 1, False), "Liveness": (0, 1, False),
    "Valence": (0, 1, False), "Tempo": (0, 300, False), "Time Signature": (0, 7, True),
    "Popularity": (0, 100, True), "Track Duration (ms)": (1, 36_000_000, True),
}  # fmt: skip
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = "[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?"
_URI = "spotify:track:[0-9A-Za-z]{22}"
_SHARE, _FEW = 0.05, 10  # a fault in more rows than both allow is one of the file, not of its rows


def read_export(path):
    """(frame, problems) of one export: the raw text of its 35 columns, and what is wrong with which rows.

    frame: one row per track, every value text as published ("" where empty), indexed by the line of the file
    in which the row begins (quoted values may hold line ends). problems: see `check_export`. A byte-order
    mark, Windows line ends, blank lines, other columns and another order of columns do no harm. Raises
    ValueError with file and line for what is no such export: missing columns, another number of fields, a
    broken quote, another encoding than UTF-8, no rows, or one fault in more than 5 percent of the rows.
    """
    path = Path(path)
    text, lines, rows = _text(path), [], []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header, begins = None, 1
    try:
        for fields in reader:
            if header is None and fields:
                header = _header(path, begins, fields)
            elif fields and len(fields) != len(header):
                raise _bad(path, begins, f"{len(fields)} fields, expected {len(header)}")
            elif fields:
                lines.append(begins)
                rows.append(fields)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _bad(path, begins, f"a row begins that is no CSV with commas ({error})") from None
    if not rows:
        raise ValueError(f"{path} holds no tracks: download it afresh")
    frame = pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line"), dtype=str)
    frame = frame[list(COLUMNS)]
    return frame, check_export(frame, path.name)


def _bad(path, line, what):
    return ValueError(f"{path}, line {line}: {what}. Mend the file, or move it away and download it afresh")


def _text(path):
    if not path.is_file():
        raise ValueError(f"{path} is no file: expected a CSV export with {len(COLUMNS)} columns")
    text = decode(path.read_bytes(), partial(_bad, path))
    if not text.strip():
        raise ValueError(f"{path} is empty: download it afresh")
    return text


def _header(path, line, fields):
    if missing := [column for column in COLUMNS if column not in fields]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise _bad(path, line, f"the columns {', '.join(missing[:5])}{more} are missing")
    if twice := [column for column in COLUMNS if fields.count(column) > 1]:
        raise _bad(path, line, f"the column {twice[0]} stands there twice")
    return fields


def check_export(frame, file):
    """What is wrong with which rows of a raw export: DataFrame file, line, reason, value, action.

    action "dropped": the row cannot be used; such a row is listed once, with the first reason found.
    "mended": the row stays, the value named is missing from now on or was put right. "noted": the row stays
    as it is. Raises ValueError where one fault is in more than 5 percent (and more than 10) of the rows.
    """
    found, left = [], np.ones(len(frame), dtype=bool)

    def note(bad, reason, values, action="dropped", usual=False):
        bad = np.asarray(bad, dtype=bool) & left
        if not usual and bad.sum() > max(_FEW, _SHARE * len(frame)):
            cases = ", ".join(f"{n} ({v!r})" for n, v in zip(frame.index[bad][:3], values[bad], strict=False))
            raise ValueError(
                f"{file}: {bad.sum()} of {len(frame)} rows: {reason}, first in the lines {cases}. So many "
                "are a fault of the file: move it away and download it afresh"
            )
        if action == "dropped":
            left[bad] = False
        columns = {"file": file, "line": frame.index[bad], "reason": reason, "value": values[bad].to_numpy()}
        found.append(pd.DataFrame({**columns, "action": action}))

    uri = frame["Track URI"]
    note(frame.duplicated(), "the whole row stands in the file already", uri, usual=True)
    note(~uri.str.fullmatch(_URI), "Track URI is none", uri)
    for column in ("Track Name", "Artist Name(s)"):
        note(frame[column].str.strip() == "", f"{column} is empty", uri)
    explicit = frame["Explicit"]
    note(~explicit.str.lower().isin(["true", "false"]), "Explicit is neither true nor false", explicit)
    lacking = frame[list(RANGES)].eq("")
    note(lacking.any(axis=1), "audio features or popularity missing", uri)
    for column, (low, high, whole) in RANGES.items():
        numeric = frame[column].str.fullmatch(_NUMBER)
        note(~numeric, f"{column} is not a number", frame[column])
        value = frame[column].where(numeric, "0").astype(float)
        kind = "a whole number " if whole else ""
        wrong = ~value.between(low, high) | (whole & (value != np.floor(value)))
        note(wrong, f"{column} is not {kind}from {low} to {high}", frame[column])
        if column == "Tempo":
            note(value == 0, "Tempo is 0: Spotify's analysis failed", uri)
    date = frame["Album Release Date"]
    note(read_dates(date).year.isna(), "release date unreadable: the year is missing", date, "mended")
    genres = frame["Artist Genres"]
    note(genres.str.strip(" ,") == "", "no genres", uri, "noted", usual=True)
    several = genres.map(lambda text: len(split_genres(text)) < len(split_genres(text, unique=False)))
    note(several, "a genre stands twice in the row: once is enough", genres, "mended", usual=True)
    return pd.concat(found, ignore_index=True)


def read_dates(text):
    """DataFrame year (Int64), precision ("day", "month", "year"); both missing where it is no date."""
    size = text.str.len().where(text.str.fullmatch(_DATE), 0)
    whole = text + size.map({4: "-01-01", 7: "-01"}).fillna("")
    date = pd.to_datetime(whole.where(size > 0), format="%Y-%m-%d", errors="coerce")
    year = date.dt.year.where(date.dt.year >= 1860).astype("Int64")  # the year of the first sound recording
    precision = size.map({4: "year", 7: "month", 10: "day"}).where(year.notna())
    return pd.DataFrame({"year": year, "precision": precision})


def split_genres(text, unique=True):
    """The genres in a text with commas; unique: each once, at its first place."""
    genres = [genre.strip() for genre in text.split(",") if genre.strip()]
    return list(dict.fromkeys(genres)) if unique else genres
