"""The two exports of Spotify tracks become one table, with an account of every row."""

import re

import numpy as np
import pandas as pd

from rbm_lib.data.spotify.files import FILES, RANGES, read_dates, split_genres

Exports = dict[str, tuple[pd.DataFrame, pd.DataFrame]]  # label -> (rows, problems)
_TEXTS = {
    "Track URI": "track_uri", "Track Name": "track_name", "Artist Name(s)": "artist_name",
    "Album Name": "album_name", "Album Release Date": "release_date", "ISRC": "isrc",
}  # fmt: skip
_NUMBERS = {column: column.lower().replace(" ", "_") for column in RANGES}
_NUMBERS["Track Duration (ms)"] = "duration_ms"
_DATE = ["release_date", "release_year", "release_precision"]
_COLUMNS = ["track_uri", "track_name", "artist_name", "artists", "album_name", *_DATE]
_COLUMNS += ["explicit", "isrc", "genres", *_NUMBERS.values()]
_COMMA = re.compile(r"(?<!\\),\s*")  # between artists; a comma within a name is written \,


def merge_exports(
    exports: Exports, files: dict[str, str] = FILES
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Merge one or two exports to one row per URI: (tracks, problems, report) of `Spotify`.

    Where both have a URI, the values of 1960-now count, except an album name, release date,
    ISRC or list of genres that is missing there. Of a URI that comes again in one file the
    first row counts. Rows that agree in track, artist and album but not in URI stay apart:
    they are listings of their own, with their own popularity and often another master. (To
    keep a recording on one side of a split, group by `isrc`.)

    Rows read = tracks + rows dropped + rows merged.
    """
    tables = {}
    found = []
    for label, (frame, problems) in exports.items():
        found.append(problems)
        dropped = problems.loc[problems["action"] == "dropped", "line"]
        table = _tidy(frame.drop(index=dropped), files[label])
        again = table.duplicated("track_uri")
        reason = "its URI came in an earlier row: that one counts"
        found.append(_cases(table.loc[again], reason, "merged"))
        tables[label] = table.loc[~again].set_index("track_uri", drop=False)
    tracks, *others = tables.values()
    for other in others:
        tracks = _join(tracks, other, list(tables), found)
    if tracks.empty:
        read = " and ".join(files[label] for label in exports)
        why = "; ".join(pd.concat(found)["reason"].unique()[:5])
        raise ValueError(f"{read}: no row can be used ({why}). Download the files again.")

    tracks = tracks.sort_index().reset_index(drop=True)
    twice = tracks.duplicated(["track_name", "artist_name", "album_name"])
    reason = "track, artist and album of another URI: listings of their own, both stay"
    found.append(_cases(tracks.loc[twice], reason, "noted"))
    found = [part for part in found if len(part)] or found[:1]
    problems = pd.concat(found, ignore_index=True)
    tracks = tracks.loc[:, _COLUMNS].copy()
    for label in FILES:
        uris = tables[label].index if label in tables else []
        tracks[f"in_{label[:4]}"] = pd.Series(tracks["track_uri"]).isin(uris)
    return tracks, problems, _report(problems)


def _join(ours: pd.DataFrame, theirs: pd.DataFrame, labels: list[str], found: list):
    """The tracks of both tables, first of all `ours`; what differs goes to `found`."""
    first, second = labels
    shared = ours.index.intersection(theirs.index)
    mine = ours.loc[shared].copy()
    other = theirs.loc[shared]
    found.append(_cases(other, f"its URI is in {first} too: one track", "merged"))
    for column in _COLUMNS:
        if column in ("track_uri", "artists", *_DATE[1:]):
            continue  # the key, and what is derived from another column
        missing = ~_present(mine, column)
        known = _present(other, column)
        fill = missing & known
        reason = f"{column} missing: taken from {second}"
        found.append(_cases(mine.loc[fill], reason, "mended"))
        pairs = zip(mine[column], other[column], strict=True)
        unlike = np.array([a != b for a, b in pairs], dtype=bool) & known & ~missing
        reason = f"{column} differs: that of {first} stays"
        found.append(_cases(mine.loc[unlike], reason, "noted"))
        for part in _DATE if column == "release_date" else [column]:
            mine[part] = mine[part].where(~fill, other[part])
    return pd.concat([mine, ours.drop(shared), theirs.drop(shared)])


def _present(table: pd.DataFrame, column: str) -> pd.Series:
    if column in ("album_name", "genres"):
        return pd.Series([len(entry) > 0 for entry in table[column]], table.index)
    column = "release_year" if column == "release_date" else column
    return pd.Series(table[column].notna())


def _tidy(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """The columns of `Spotify.tracks`, and file and line of each row."""
    tidy = frame.loc[:, list(_TEXTS)].set_axis(list(_TEXTS.values()), axis=1)
    tidy = tidy.assign(file=file, line=frame.index)
    artists = zip(frame["Artist Name(s)"], frame["Artist URI(s)"], strict=True)
    artists = [_artists(*row) for row in artists]
    tidy["artists"] = pd.Series(artists, frame.index, dtype=object)
    tidy["artist_name"] = tidy["artist_name"].str.replace("\\,", ",", regex=False)
    tidy["isrc"] = tidy["isrc"].where(tidy["isrc"] != "")
    dates = read_dates(pd.Series(tidy["release_date"]))
    tidy["release_year"] = dates["year"]
    tidy["release_precision"] = dates["precision"]
    tidy["explicit"] = frame["Explicit"].str.lower() == "true"
    genres = [split_genres(text) for text in frame["Artist Genres"]]
    tidy["genres"] = pd.Series(genres, frame.index, dtype=object)
    for column, name in _NUMBERS.items():
        _, _, whole = RANGES[column]
        tidy[name] = frame[column].astype(float).astype("int64" if whole else "float64")
    return tidy


def _artists(names: str, uris: str) -> list[str]:
    """The artists of a row; with one URI there is one, whatever commas the name has."""
    pieces = _COMMA.split(names) if "," in uris else [names]
    return [name.replace("\\,", ",") for name in pieces]


def _cases(rows: pd.DataFrame, reason: str, action: str) -> pd.DataFrame:
    cases = rows[["file", "line"]].assign(reason=reason, value=rows["track_uri"])
    cases["action"] = action
    return cases.reset_index(drop=True)


def _report(problems: pd.DataFrame) -> pd.DataFrame:
    """One row per reason, the gravest actions first."""
    rows = []
    for _, cases in problems.groupby(["action", "reason"], sort=False):
        first = cases.head(3).to_dict("records")
        examples = [f"{case['file']}:{case['line']} ({case['value']!r})" for case in first]
        what = first[0]["reason"], len(cases), ", ".join(examples), first[0]["action"]
        rows.append(what)
    rows.sort(key=lambda row: ["dropped", "merged", "mended", "noted"].index(row[-1]))
    return pd.DataFrame(rows, columns=["reason", "rows", "example", "action"])
