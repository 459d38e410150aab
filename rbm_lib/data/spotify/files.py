"""The two exports of Spotify tracks: their columns, and which rows cannot be used."""

from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.tables import TEXT, Column, Schema, read_table

FILES = {"1960-now": "top_10000_1960-now.csv", "1950-now": "top_10000_1950-now.csv"}
COLUMNS = (
    "Track URI", "Track Name", "Artist URI(s)", "Artist Name(s)", "Album URI", "Album Name",
    "Album Artist URI(s)", "Album Artist Name(s)", "Album Release Date", "Album Image URL",
    "Disc Number", "Track Number", "Track Duration (ms)", "Track Preview URL", "Explicit",
    "Popularity", "ISRC", "Added By", "Added At", "Artist Genres", "Danceability", "Energy",
    "Key", "Loudness", "Mode", "Speechiness", "Acousticness", "Instrumentalness",
    "Liveness", "Valence", "Tempo", "Time Signature", "Album Genres", "Label", "Copyrights",
)  # fmt: skip
# Lowest and highest value, and whether whole numbers only. Tempo in beats per minute,
# loudness in decibels below full scale; a few loud masters are above 0.
RANGES = {
    "Danceability": (0, 1, False), "Energy": (0, 1, False), "Key": (0, 11, True),
    "Loudness": (-70, 4.99, False), "Mode": (0, 1, True), "Speechiness": (0, 1, False),
    "Acousticness": (0, 1, False), "Instrumentalness": (0, 1, False),
    "Liveness": (0, 1, False), "Valence": (0, 1, False), "Tempo": (0, 300, False),
    "Time Signature": (0, 7, True), "Popularity": (0, 100, True),
    "Track Duration (ms)": (1, 36_000_000, True),
}  # fmt: skip


def read_export(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read an export: the text of its 35 columns by line, and its problems.

    Raises ValueError if it is no such export, or as `check_export`.
    """
    frame = read_table(Path(path), Schema(dict.fromkeys(COLUMNS, TEXT)))
    return frame, check_export(frame, Path(path).name)


def check_export(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """List what is wrong with which rows of an export: file, line, reason, value, action.

    The action is "dropped" if the row cannot be used (it is listed once, with the first
    reason), "mended" if the value named is missing from now on or was put right, "noted" if
    the row stays as it is. Raises ValueError if one fault is in more than 5 % of the rows
    and in more than ten: then it is one of the file.
    """
    problems = []
    kept = np.ones(len(frame), dtype=bool)

    def note(bad, reason, column="Track URI", action="dropped", usual=False):
        rows = frame[kept & np.asarray(bad, dtype=bool)]
        if not usual and len(rows) > max(10, len(frame) / 20):
            raise ValueError(
                f"{file}: got {len(rows)} of {len(frame)} rows: {reason}, first in lines "
                f"{rows.index[:3].tolist()}, expected at most 5 %. Get the file again."
            )
        if action == "dropped":
            kept[frame.index.isin(rows.index)] = False
        columns = {"file": file, "line": rows.index, "reason": reason}
        columns |= {"value": np.asarray(rows[column]), "action": action}
        problems.append(pd.DataFrame(columns))

    note(frame.duplicated(), "the whole row stands in the file already", usual=True)
    is_uri = frame["Track URI"].str.fullmatch("spotify:track:[0-9A-Za-z]{22}")
    note(~is_uri, "Track URI is none")
    note(frame["Track Name"].str.strip() == "", "Track Name is empty")
    note(frame["Artist Name(s)"].str.strip() == "", "Artist Name(s) is empty")
    is_bool = frame["Explicit"].str.lower().isin(["true", "false"])
    note(~is_bool, "Explicit is neither true nor false", "Explicit")
    lacking = frame[list(RANGES)].eq("").any(axis=1)
    note(lacking, "audio features or popularity missing")
    for name, (low, high, whole) in RANGES.items():
        values, good = Column("float64", low, high).parse(pd.Series(frame[name]))
        good &= (values % 1 == 0) | (not whole)
        kind = "a whole number" if whole else "a number"
        note(~good, f"{name} is not {kind} from {low} to {high}", name)
        if name == "Tempo":
            note(good & (values == 0), "Tempo is 0: Spotify's analysis failed")
    date = "Album Release Date"
    no_year = read_dates(pd.Series(frame[date]))["year"].isna()
    note(no_year, "release date unreadable: the year is missing", date, "mended")
    texts = frame["Artist Genres"]
    note(texts.str.strip(" ,") == "", "no genres", action="noted", usual=True)
    again = texts.map(lambda text: split_genres(text) != split_genres(text, unique=False))
    reason = "a genre stands twice in the row: once is enough"
    note(again, reason, "Artist Genres", "mended", usual=True)
    return pd.concat(problems, ignore_index=True)


def read_dates(text: pd.Series) -> pd.DataFrame:
    """Parse 1992-08-03, 1992-08 or 1992: the year (Int64) and the precision, or missing."""
    is_date = text.str.fullmatch("[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
    size = text.str.len().where(is_date, 0)
    whole = text + size.map({4: "-01-01", 7: "-01"}).fillna("")
    date = pd.to_datetime(whole.where(size > 0), format="%Y-%m-%d", errors="coerce")
    year = date.dt.year.where(date.dt.year >= 1860).astype("Int64")  # no sound is older
    precision = size.map({4: "year", 7: "month", 10: "day"}).where(year.notna())
    return pd.DataFrame({"year": year, "precision": precision})


def split_genres(text: str, unique: bool = True) -> list[str]:
    """Split a text at its commas; with `unique`, each genre once, at its first place."""
    genres = [genre.strip() for genre in text.split(",") if genre.strip()]
    return list(dict.fromkeys(genres)) if unique else genres
