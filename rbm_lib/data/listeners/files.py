"""Simulated histories as two CSV files: written whole or not at all, checked on writing and on reading.

UTF-8, a header, commas, `\\n` at every line's end, numbers in the shortest form that reads back exactly.

`interaction_data.csv`, one line per listen, ordered by listener and time:

- user_id: from 1; track_uri, track_name, artist_name: text, the URI is the key (names collide)
- timestamp: UTC, 2023-12-31T23:59:59Z; rating: 1 to 5 in half steps
- archetype: its name; source: taste (the listener's own) or discovery (from anywhere)
- the 14 audio features of `load_spotify`

`user_profiles.csv`, one line per listener, ordered by user_id:

- user_id, archetype; n_tracks, n_discovery: listens of source taste, and discovery
- pool_size: how many tracks meet all conditions; n_filled: listens of taste from outside the pool;
  filled_from: the conditions given up for them, or the genres or artists that stood in; else empty
- genre, artist: the wanted one ("any common": any of several); empty where the archetype asks for none
- <column>_low, <column>_high: the wanted range, for every column that an archetype asks for; empty: open
"""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.listeners.archetypes import ARCHETYPES
from rbm_lib.data.listeners.catalogue import WHOLE
from rbm_lib.data.listeners.simulate import PROFILE, Listeners
from rbm_lib.data.spotify.record import FEATURES
from rbm_lib.data.text import decode, number
from rbm_lib.files import write_whole

FILES = ("interaction_data.csv", "user_profiles.csv")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def _within(low, high=np.inf):
    return lambda x: (x >= low) & (x <= high)


_COUNT = (int, _within(0), "a whole number, 0 or more")
_ID = (int, _within(1), "a whole number, 1 or more")
_TEXT = (str, lambda x: np.ones(len(x), dtype=bool), "text")
_NAME = (str, lambda x: x != "", "text that is not empty")
_SHARE = (float, _within(0, 1), "a number from 0 to 1")
_BOUND = (float, lambda x: ~np.isinf(x), "a number, or empty")
_FEATURE = {
    "key": (int, _within(-1, 11), "a whole number from -1 to 11"),
    "loudness": (float, np.isfinite, "a number"),
    "mode": (int, _within(0, 1), "0 or 1"),
    "tempo": (float, _within(0, 1000), "a number from 0 to 1000"),
    "popularity": (int, _within(0, 100), "a whole number from 0 to 100"),
}
INTERACTIONS = {
    "user_id": _ID,
    "track_uri": _NAME,
    "track_name": _TEXT,
    "artist_name": _TEXT,
    "timestamp": ("time", lambda x: ~np.isnat(x), "a time such as 2023-12-31T23:59:59Z"),
    "rating": (float, lambda x: np.isin(x, np.arange(2, 11) / 2), "one of 1, 1.5, ..., 5"),
    "archetype": _NAME,
    "source": (str, lambda x: np.isin(x, ["taste", "discovery"]), "taste or discovery"),
} | {name: _FEATURE.get(name, _COUNT if name in WHOLE else _SHARE) for name in FEATURES}
_PROFILE = {"user_id": _ID, "archetype": _NAME, "filled_from": _TEXT, "genre": _TEXT, "artist": _TEXT}


def write_listeners(listeners, folder):
    """Write both files into `folder` (made if it is not there); returns their paths.

    Both are read back and compared before either gets its name; each gets it in one step. The same listeners
    give the same bytes. Raises ValueError, and writes nothing, where the tables do not fit the schema.
    """
    folder = Path(folder)
    interactions = listeners.interactions.copy()
    for name in interactions.columns.intersection(["timestamp"]):
        times = interactions[name].dt.tz_convert("UTC").dt.tz_localize(None)
        interactions[name] = [f"{time}Z" for time in times.to_numpy("datetime64[s]")]
    tables = {FILES[0]: interactions, FILES[1]: listeners.profiles}
    texts = {
        name: table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).encode("utf-8")
        for name, table in tables.items()
    }
    back = _parse(texts, folder)
    for name, ours, theirs in zip(FILES, (listeners.interactions, listeners.profiles), back, strict=True):
        for column in ours.columns:
            if not ours[column].reset_index(drop=True).equals(theirs[column]):
                raise ValueError(
                    f"{name}, column {column}: dtype {ours[column].dtype} does not survive writing, "
                    f"expected {theirs[column].dtype}; take the tables as simulate_listeners gives them."
                )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_whole(folder / name, text)
    return tuple(folder / name for name in FILES)


def read_listeners(folder, archetypes=ARCHETYPES):
    """The Listeners of `write_listeners`, dtypes included. Raises ValueError naming file, line and column.

    archetypes: the table they came from, for `Listeners.pool` and `chance`; not checked here. Checked are
    every value, the order, and that each listener's archetype and counts are the same in both files.
    """
    texts = {}
    for name in FILES:
        if not (Path(folder) / name).is_file():
            raise ValueError(f"{Path(folder) / name} is missing: write it with write_listeners.")
        texts[name] = (Path(folder) / name).read_bytes()
    interactions, profiles = _parse(texts, Path(folder))
    kinds = profiles["archetype"].nunique()
    origin = f"{len(profiles)} simulated listeners of {kinds} archetypes, read from {FILES[0]}"
    return Listeners(interactions, profiles, origin, tuple(archetypes))


def _parse(texts, folder):
    paths = [folder / name for name in FILES]
    interactions, line = _table(paths[0], texts[FILES[0]], lambda header: INTERACTIONS)
    profiles, profile_line = _table(paths[1], texts[FILES[1]], _profile_schema)
    wrong = np.flatnonzero(np.diff(profiles["user_id"]) <= 0)
    if len(wrong):
        raise _bad(paths[1], profile_line[wrong[0] + 1], "user_id", "is not above that of the line before")
    user, time = interactions["user_id"].to_numpy(), interactions["timestamp"].astype("int64").to_numpy()
    wrong = np.flatnonzero((np.diff(user) < 0) | ((np.diff(user) == 0) & (np.diff(time) < 0)))
    if len(wrong):
        raise _bad(paths[0], line[wrong[0] + 1], "timestamp", "is before that of the line before")
    place = pd.Index(profiles["user_id"]).get_indexer(user)
    known = profiles.set_index("user_id")["archetype"].reindex(user).to_numpy()
    other = known != interactions["archetype"].to_numpy()
    for column, fault in {"user_id": place < 0, "archetype": other}.items():
        if fault.any():
            raise _bad(paths[0], line[np.argmax(fault)], column, f"is not as in {paths[1].name}")
    for column, source in {"n_tracks": "taste", "n_discovery": "discovery"}.items():
        count = np.bincount(place[interactions["source"] == source], minlength=len(profiles))
        wrong = np.flatnonzero(count != profiles[column])
        if len(wrong):
            what = f"differs from the {count[wrong[0]]} lines of {source} in {paths[0].name}"
            raise _bad(paths[1], profile_line[wrong[0]], column, what)
    return interactions, profiles


def _profile_schema(header):
    """The fixed columns, and a pair _low, _high for every range."""
    ranges = dict.fromkeys(name.rpartition("_")[0] for name in header[len(PROFILE) :])
    columns = PROFILE + [f"{name}_{end}" for name in ranges for end in ("low", "high")]
    return {name: _PROFILE.get(name, _COUNT if name in PROFILE else _BOUND) for name in columns}


def _table(path, raw, schema_of):
    """(DataFrame, line number of each row). Raises ValueError for the first thing that does not fit."""
    text = decode(raw, lambda line, what: ValueError(f"{path}, line {line}: {what}."))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, fields) for fields in reader]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}.") from None
    header = rows[0][1] if rows else []
    schema = schema_of(header)
    if header != list(schema):
        raise ValueError(f"{path}, line 1: the columns are {','.join(header)}, expected {','.join(schema)}.")
    for line, fields in rows[1:]:
        if len(fields) != len(schema):
            raise ValueError(f"{path}, line {line}: {len(fields)} fields, expected {len(schema)}.")
    lines = [line for line, _ in rows[1:]]
    columns = list(zip(*(fields for _, fields in rows[1:]), strict=True)) or [()] * len(schema)
    data = {}
    for (name, (kind, fine, expected)), values in zip(schema.items(), columns, strict=True):
        array, good = _values(kind, values, empty_allowed=fine is _BOUND[1])
        good &= fine(array)
        if not good.all():
            first = int(np.argmin(good))
            raise _bad(path, lines[first], name, f"{values[first]!r} is not {expected}")
        data[name] = pd.Series(array, dtype=str if kind is str else None)
        if kind == "time":
            data[name] = data[name].dt.tz_localize("UTC")
    return pd.DataFrame(data), lines


def _values(kind, texts, empty_allowed):
    """(array, which could be read); an empty number is NaN where that is allowed."""
    if kind is str:
        return np.array(texts, dtype=object), np.ones(len(texts), dtype=bool)
    convert, empty, dtype = {
        int: (_whole, 0, np.int64),
        float: (number, np.nan, np.float64),
        "time": (_time, np.datetime64("NaT", "s"), "datetime64[s]"),
    }[kind]
    values, good = [empty] * len(texts), np.ones(len(texts), dtype=bool)
    for i, text in enumerate(texts):
        try:
            if text or not empty_allowed:
                values[i] = convert(text)
        except ValueError:
            good[i] = False
    return np.array(values, dtype=dtype), good


def _whole(text):
    if len(text) > 18:
        raise ValueError
    return number(text, int)


def _time(text):
    if not _TIME.fullmatch(text):
        raise ValueError
    return np.datetime64(text[:-1], "s")


def _bad(path, line, column, what):
    return ValueError(f"{path}, line {line}, column {column}: {what}.")
