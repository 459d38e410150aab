"""Simulated histories as two CSV files, checked on writing and on reading.

`interaction_data.csv` has one line per listen, ordered by user_id and timestamp, with the
columns of `Listeners.interactions`: times in UTC such as 2023-12-31T23:59:59Z, ratings from
1 to 5 in half steps, and the source "taste" (their own) or "discovery" (any track).

`user_profiles.csv` has one line per listener, ordered by user_id, with the columns of
`Listeners.profiles`. <column>_low and <column>_high are the range that a listener wants;
an open end is empty.
"""

import csv
import tempfile
from pathlib import Path

import pandas as pd

from rbm_lib.data.listeners.archetypes import ARCHETYPES
from rbm_lib.data.listeners.simulate import Listeners
from rbm_lib.data.spotify.record import FEATURES
from rbm_lib.data.tables import TEXT, Column, Schema, check_rows, read_table
from rbm_lib.files import write_whole

FILES = ("interaction_data.csv", "user_profiles.csv")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NAME = Column()
_COUNT = Column("int64", 0, 10**18)
_STARS = Column("float64", allowed=(1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5))
_INTERACTIONS = {
    "user_id": _COUNT, "track_uri": _NAME, "track_name": TEXT, "artist_name": TEXT,
    "timestamp": _NAME, "rating": _STARS, "archetype": _NAME,
    "source": Column(allowed=("taste", "discovery")),
    **dict.fromkeys(FEATURES, Column("float64", 0, 1)),
    "key": Column("int64", -1, 11), "loudness": Column("float64"),
    "mode": Column("int64", 0, 1), "tempo": Column("float64", 0, 1000),
    "time_signature": _COUNT, "popularity": Column("int64", 0, 100), "duration_ms": _COUNT,
}  # fmt: skip
_PROFILES = {
    "user_id": _COUNT, "archetype": _NAME, "n_tracks": _COUNT, "n_discovery": _COUNT,
    "pool_size": _COUNT, "n_filled": _COUNT, "filled_from": TEXT, "genre": TEXT,
    "artist": TEXT,
}  # fmt: skip
_RANGE = Column("float64", optional=True)


def write_listeners(listeners: Listeners, folder: str | Path) -> tuple[Path, ...]:
    """Write both files into `folder`, which is made if necessary.

    The same listeners give the same bytes.

    Returns
    -------
    tuple of Path

    Raises
    ------
    ValueError
        If the tables do not fit together or their columns; then nothing is written.
    """
    times = listeners.interactions["timestamp"].dt.strftime(_TIME)
    tables = (listeners.interactions.assign(timestamp=times), listeners.profiles)
    style = {"index": False, "lineterminator": "\n", "quoting": csv.QUOTE_NONNUMERIC}
    paths = tuple(Path(folder, name).expanduser() for name in FILES)
    with tempfile.TemporaryDirectory() as scratch:
        for path, table in zip(paths, tables, strict=True):
            table.to_csv(Path(scratch, path.name), **style)
        read_listeners(scratch)
        for path in paths:
            write_whole(path, Path(scratch, path.name).read_bytes())
    return paths


def read_listeners(folder: str | Path, archetypes: tuple = ARCHETYPES) -> Listeners:
    """Read what `write_listeners` has written.

    Parameters
    ----------
    folder : str or Path
    archetypes : tuple of Archetype
        The table that the listeners came from, for `Listeners.pool` and `Listeners.chance`.

    Raises
    ------
    ValueError
        If a value is not allowed, the order is another, or the files do not agree on the
        archetype of a listener or the number of lines. The message names the first bad row.
    """
    paths = [Path(folder, name).expanduser() for name in FILES]
    listens = read_table(paths[0], Schema(_INTERACTIONS))
    profiles = read_table(paths[1], Schema(_PROFILES, others=_RANGE))
    times = pd.to_datetime(listens["timestamp"], format=_TIME, errors="coerce", utc=True)
    good = times.dt.strftime(_TIME) == listens["timestamp"]
    check_rows(paths[0], listens, "timestamp", good, "a time like 2023-12-31T23:59:59Z")
    users = pd.Series(listens["user_id"])
    same_user = users == users.shift()
    good = (users > users.shift(fill_value=0)) | (same_user & (times >= times.shift()))
    check_rows(paths[0], listens, "timestamp", good, "an order by user_id and timestamp")
    ids = pd.Series(profiles["user_id"])
    good = ids > ids.shift(fill_value=0)
    check_rows(paths[1], profiles, "user_id", good, "one above that of the line before")
    known = dict(zip(ids, profiles["archetype"], strict=True))
    good = listens["archetype"] == users.map(known)
    check_rows(paths[0], listens, "archetype", good, f"that of the user in {FILES[1]}")
    for column, source in {"n_tracks": "taste", "n_discovery": "discovery"}.items():
        counts = users.loc[listens["source"] == source].value_counts().to_dict()
        good = profiles[column] == ids.map(counts).fillna(0)
        check_rows(paths[1], profiles, column, good, f"the number of lines in {FILES[0]}")

    listens["timestamp"] = times.dt.as_unit("s")
    listens, profiles = (table.reset_index(drop=True) for table in (listens, profiles))
    n_archetypes = len(set(known.values()))
    origin = (
        f"{len(ids)} simulated listeners of {n_archetypes} archetypes, read from {FILES[0]}"
    )
    return Listeners(listens, profiles, origin, tuple(archetypes))
