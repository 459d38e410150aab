"""Lists of the best items in the data's own ids, from scores in batches of users."""

import warnings
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from rbm_lib.checks import plain, require_whole
from rbm_lib.data.ids import Ids, as_array, flat_array, known_places
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.top import top_n

CELLS_AT_ONCE = 2**23  # of users × items: 64 MB of float64


def in_batches(rows: NDArray[np.int64], n_items: int) -> Iterator[NDArray[np.int64]]:
    """These rows, as many at a time as may be scored at once."""
    size = max(1, CELLS_AT_ONCE // max(n_items, 1))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def recommend(
    scores: Callable[[NDArray[np.int64]], Any],
    ratings: RatingMatrix,
    users: Ids | None = None,
    n: int = 10,
    filter_items: Ids | None = None,
    allow: Ids | None = None,
) -> pd.DataFrame:
    """List the n best items that a user has not rated.

    Parameters
    ----------
    scores : function of row numbers
        Returns (n_rows, n_items); −inf keeps an item off the list.
    ratings : RatingMatrix
        What users have rated, and the ids.
    users : ids, optional
        By default everybody.
    n : int
        A list is shorter where fewer items are left.
    filter_items : ids, optional
        Items that nobody gets.
    allow : ids, optional
        The only items that anybody gets. Ids that the ratings do not have are ignored, with
        a warning.

    Returns
    -------
    DataFrame
        user, item, rank (from 1) and score.

    Raises
    ------
    ValueError
        If all ids of `allow` or `filter_items` are unknown.
    """
    tables = list(list_batches(scores, ratings, users, n, filter_items, allow))
    return pd.concat(tables, ignore_index=True)


def list_batches(
    scores: Callable[[NDArray[np.int64]], Any],
    ratings: RatingMatrix,
    users: Ids | None = None,
    n: int = 10,
    filter_items: Ids | None = None,
    allow: Ids | None = None,
) -> Iterator[pd.DataFrame]:
    """The table of `recommend` in parts, of which only one is in memory."""
    n = require_whole("n", n)
    rows = np.arange(ratings.n_users) if users is None else ratings.user_index(users)
    closed = torch.from_numpy(_closed_items(ratings, filter_items, allow))
    yield _table(ratings, rows[:0], np.full((0, 0), -1), np.zeros((0, 0)))
    for part in in_batches(rows, ratings.n_items):
        found = torch.as_tensor(scores(part)).cpu().masked_fill(closed, -torch.inf)
        items, values = top_n(found, ratings.rows(part), min(n, ratings.n_items))
        yield _table(ratings, part, items.numpy(), values.double().numpy())


def _table(
    ratings: RatingMatrix, rows: NDArray, items: NDArray, values: NDArray
) -> pd.DataFrame:
    """One line for each item of a list; an item −1 is a place without one."""
    listed = items >= 0
    row, place = np.nonzero(listed)
    return pd.DataFrame(
        {
            "user": ratings.user_ids[rows[row]],
            "item": ratings.item_ids[items[listed]],
            "rank": place + 1,
            "score": values[listed],
        }
    )


def _closed_items(
    ratings: RatingMatrix, filter_items: Ids | None, allow: Ids | None
) -> NDArray[np.bool_]:
    """True for the items that nobody may get, (n_items,)."""
    closed = np.zeros(ratings.n_items, dtype=bool)
    if allow is not None:
        closed[:] = True
        closed[_known_items("allow", ratings, allow)] = False
    if filter_items is not None:
        closed[_known_items("filter_items", ratings, filter_items)] = True
    return closed


def _known_items(name: str, ratings: RatingMatrix, ids: Ids) -> NDArray[np.int64]:
    """The places of those ids that the ratings have; a warning counts the others."""
    ids = flat_array(name, np.atleast_1d(as_array(name, ids)))
    places = known_places(ids, ratings.item_ids)
    unknown = pd.unique(ids[places < 0])
    if len(unknown):
        first, known = plain(unknown[0]), plain(ratings.item_ids[0])
        got = f"{name}: got {len(unknown)} unknown of {len(ids)} ids, the first {first!r}"
        expected = f"expected item ids of the ratings, such as {known!r}"
        if (places < 0).all():
            raise ValueError(f"{got}, {expected}. Numbers and text are different ids.")
        warnings.warn(f"{got}, {expected}. They are ignored.", stacklevel=6)
    return places[places >= 0]


def write_parts(path: Any, parts: Iterator[pd.DataFrame]) -> int:
    """Stream tables to one file, .csv, .csv.gz or .parquet; the number of rows."""
    path = Path(path).expanduser()
    kinds = (".csv", ".gz", ".parquet")
    if path.suffix not in kinds:
        raise ValueError(f"path: got {path.name}, expected a name that ends in {kinds}.")
    unfinished = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        write = _write_parquet if path.suffix == ".parquet" else _write_csv
        n_rows = write(unfinished, parts)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_rows


def _write_csv(path: Path, parts: Iterator[pd.DataFrame]) -> int:
    n_rows = 0
    for number, frame in enumerate(parts):
        n_rows += len(frame)
        mode = "a" if number else "w"
        frame.to_csv(path, mode=mode, header=not number, index=False)
    return n_rows


def _write_parquet(path: Path, parts: Iterator[pd.DataFrame]) -> int:
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ValueError(
            "path: got a .parquet file without pyarrow, expected a .csv file. Or install "
            "it: pip install pyarrow."
        ) from error
    n_rows = 0
    first = next(parts)
    while first.empty:  # where text has no type yet
        following = next(parts, None)
        if following is None:
            break
        first = following
    schema = pyarrow.Schema.from_pandas(first, preserve_index=False)
    with parquet.ParquetWriter(path, schema) as writer:
        for frame in chain([first], parts):
            n_rows += len(frame)
            writer.write_table(pyarrow.Table.from_pandas(frame, schema, False))
    return n_rows
