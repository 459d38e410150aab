"""The two exports of Spotify tracks become one table: one row per URI, and an account of every row."""

import re

import numpy as np
import pandas as pd

from rbm_lib.data.spotify.files import FILES, RANGES, read_dates, split_genres

_TEXTS = {
    "Track URI": "track_uri", "Track Name": "track_name", "Artist Name(s)": "artist_name",
    "Album Name": "album_name", "Album Release Date": "release_date", "ISRC": "isrc",
}  # fmt: skip
_NUMBERS = {column: column.lower().replace(" ", "_") for column in RANGES}
_NUMBERS["Track Duration (ms)"] = "duration_ms"
_COLUMNS = [
    "track_uri", "track_name", "artist_name", "artists", "album_name", "release_date", "release_year",
    "release_precision", "explicit", "isrc", "genres", *_NUMBERS.values(),
]  # fmt: skip
_COMMA = re.compile(r"(?<!\\),\s*")  # between artists; a comma within one name is written \,


def merge_exports(exports, files=FILES):
    """(tracks, problems, report) of {"1960-now": (frame, problems), "1950-now": ...}, one of them or both.

    One track per URI. Where both files have it, every value is that of 1960-now, except an album name,
    release date, ISRC or list of genres that is missing there. A URI that comes again in one file counts with
    its first row. Rows that agree in track, artist and album but not in URI stay apart: they are listings of
    their own, with their own popularity and often another master, and folding them would catch only part of
    the re-issues. (To keep a recording on one side of a split, group by `isrc`.)
    problems: those of `check_export`, and the rows that were "merged" into others or filled. report: reason,
    rows, example, action. Rows read = tracks + rows dropped + rows merged. files: the names of the files in
    both. Raises ValueError where no row is left.
    """
    tables, found = {}, []
    for label, (frame, problems) in exports.items():
        found.append(problems)
        table = _tidy(frame.drop(problems.line[problems.action == "dropped"]), files[label])
        again = table.duplicated("track_uri")
        found.append(_cases(table[again], "its URI came in an earlier row: that one counts", "merged"))
        tables[label] = table[~again].set_index("track_uri", drop=False)
    tracks, *others = tables.values()
    for other in others:
        tracks = _join(tracks, other, list(tables), found)
    if tracks.empty:
        read, why = " and ".join(files[label] for label in exports), pd.concat(found).reason.unique()[:5]
        raise ValueError(f"{read}: no row can be used: {'; '.join(why)}. Download the files afresh")
    tracks = tracks.sort_index().reset_index(drop=True)
    twice = tracks.duplicated(["track_name", "artist_name", "album_name"])
    reason = "track, artist and album of another URI: listings of their own, both stay"
    found.append(_cases(tracks[twice], reason, "noted"))
    problems = pd.concat([part for part in found if len(part)] or found[:1], ignore_index=True)
    tracks = tracks[_COLUMNS].copy()
    for label in FILES:
        tracks[f"in_{label[:4]}"] = tracks.track_uri.isin(tables[label].index if label in tables else [])
    return tracks, problems, _report(problems)


def _join(ours, theirs, labels, found):
    """The tracks of both tables, by URI: `ours` where both have one. Appends to `found`."""
    first, second = labels
    shared = ours.index.intersection(theirs.index)
    mine, other = ours.loc[shared].copy(), theirs.loc[shared]
    found.append(_cases(other, f"its URI is in {first} too: one track", "merged"))
    for column in _COLUMNS:
        if column in ("track_uri", "artists", "release_year", "release_precision"):
            continue  # the key, and what is derived from another column
        missing = ~_present(mine, column)
        fill = missing & _present(other, column)
        found.append(_cases(mine[fill], f"{column} missing: taken from {second}", "mended"))
        pairs = zip(mine[column], other[column], missing, strict=True)
        unlike = np.array([not gap and a != b for a, b, gap in pairs], dtype=bool)
        unlike &= _present(other, column).to_numpy()
        found.append(_cases(mine[unlike], f"{column} differs: that of {first} stays", "noted"))
        date = ["release_date", "release_year", "release_precision"]
        for part in date if column == "release_date" else [column]:
            mine[part] = mine[part].where(~fill, other[part])
    return pd.concat([mine, ours.drop(shared), theirs.drop(shared)])


def _present(table, column):
    if column in ("album_name", "genres"):
        return table[column].map(len) > 0
    return table["release_year" if column == "release_date" else column].notna()


def _tidy(frame, file):
    """The columns of `Spotify.tracks` from rows that `check_export` left in; and file, line."""
    tidy = frame[list(_TEXTS)].rename(columns=_TEXTS).assign(file=file, line=frame.index)
    artists = zip(frame["Artist Name(s)"], frame["Artist URI(s)"], strict=True)
    tidy["artists"] = pd.Series([_artists(*row) for row in artists], frame.index, dtype=object)
    tidy["artist_name"] = tidy.artist_name.str.replace("\\,", ",", regex=False)
    tidy["isrc"] = tidy.isrc.where(tidy.isrc != "")
    dates = read_dates(tidy.release_date)
    tidy["release_year"], tidy["release_precision"] = dates.year, dates.precision
    tidy["explicit"] = frame["Explicit"].str.lower() == "true"
    genres = [split_genres(text) for text in frame["Artist Genres"]]
    tidy["genres"] = pd.Series(genres, frame.index, dtype=object)
    for column, name in _NUMBERS.items():
        whole = RANGES[column][2]
        tidy[name] = frame[column].astype(float).astype("int64" if whole else "float64")
    return tidy


def _artists(names, uris):
    """The artists of a row. With one URI there is one artist, whatever commas the name holds."""
    pieces = _COMMA.split(names) if "," in uris else [names]
    return [name.replace("\\,", ",") for name in pieces]


def _cases(rows, reason, action):
    columns = {"file": rows.file, "line": rows.line, "reason": reason, "value": rows.track_uri}
    return pd.DataFrame({**columns, "action": action}).reset_index(drop=True)


def _report(problems):
    rows = []
    for (action, reason), cases in problems.groupby(["action", "reason"], sort=False):
        first = zip(cases.file[:3], cases.line[:3], cases.value[:3], strict=True)
        example = ", ".join(f"{file}:{line} ({value!r})" for file, line, value in first)
        rows.append((reason, len(cases), example, action))
    report = pd.DataFrame(rows, columns=["reason", "rows", "example", "action"])
    order = report.action.map({"dropped": 0, "merged": 1, "mended": 2, "noted": 3})
    return report.loc[order.sort_values(kind="stable").index].reset_index(drop=True)
