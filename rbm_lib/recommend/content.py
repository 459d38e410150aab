"""A table of items as columns of numbers, from which a model of content can learn."""

import warnings
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.checks import plain
from rbm_lib.data.frames import USUAL_NAMES
from rbm_lib.data.ids import flat_array, known_places
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.cold import hats

FEWEST = 3  # rated items of a category that gets a column
MOST = 300  # categories of one column of the table
KNOTS = 14  # hat functions of a number, at quantiles of the rated items
FURTHEST = 4.0  # standard deviations of a number from the mean, and beyond as this
BETWEEN = "|"  # several categories in one text
YEAR = pd.Timedelta(days=365.25)
SEVERAL = list | tuple | set | frozenset | np.ndarray


class ItemContent(NamedTuple):
    """What a table says about the items of a catalogue.

    ids : (n_items,), the items of the ratings and then the other ones of the table
    values : float32 (n_items, n_columns); an item that is not in the table has the mean
    described : bool (n_items,), whether the table has the item
    rated : bool (n_items,), whether anybody has rated it
    """

    ids: NDArray
    values: NDArray[np.float32]
    described: NDArray[np.bool_]
    rated: NDArray[np.bool_]

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """Items that are known by their content alone, (n_items,)."""
        return self.described & ~self.rated


def read_content(content: Any, ratings: RatingMatrix) -> ItemContent:
    """Encode a table of items for these ratings.

    A number or a date is standardised, and hat functions at quantiles stand beside it, so
    that a model can like the sixties and the nineties. True and False are taken as they
    are. Of anything else each category gets a column of 0 and 1. A missing number is an
    average one, a missing category none. What a column means is learned from rated items,
    so these alone decide on means, quantiles and categories.

    Parameters
    ----------
    content : DataFrame
        A row for each item. Ids are in the column that is called as in the ratings, or
        item, item_id or the like, or else in the index. Several categories are a list, or
        a text with bars between them: Comedy|Drama.
    ratings : RatingMatrix
        Who rated what.

    Raises
    ------
    TypeError, ValueError
        For ids that occur twice or are not those of the ratings, and if no column is of
        use. Warnings say what is left out.

    Examples
    --------
    >>> ratings = RatingMatrix(["ann", "ann"], ["x", "y"], [1, 1])
    >>> songs = pd.DataFrame({"item": ["x", "y", "z"], "loud": [True, False, True]})
    >>> items = read_content(songs, ratings)
    >>> items.ids.tolist(), items.is_new.tolist(), items.values.ravel().tolist()
    (['x', 'y', 'z'], [False, False, True], [1.0, 0.0, 1.0])
    """
    ids, table = ids_and_columns(content, ratings)
    catalogue = ratings.with_items(ids)
    rated = catalogue.item_counts() > 0
    place = known_places(catalogue.item_ids, ids)
    described = place >= 0
    learned = place[rated & described]
    if not len(learned):
        raise ValueError(
            f"content: got ids such as {plain(ids[0])!r}, none of a rated item, expected "
            f"ids as in the ratings, such as {plain(ratings.item_ids[0])!r}. Numbers and "
            "text are different ids."
        )
    n_missing = int((rated & ~described).sum())
    if n_missing:
        first = plain(catalogue.item_ids[rated & ~described][0])
        warnings.warn(
            f"content: got no row for {n_missing} of {int(rated.sum())} rated items, the "
            f"first {first!r}, expected one for each. They count as average ones.",
            stacklevel=4,
        )
    encoded = encoded_columns(table, learned)
    values = np.tile(encoded[learned].mean(0), (len(place), 1))
    values[described] = encoded[place[described]]
    return ItemContent(catalogue.item_ids, values.astype(np.float32), described, rated)


def ids_and_columns(content: Any, ratings: RatingMatrix) -> tuple[NDArray, pd.DataFrame]:
    """The ids of a table's rows, each once, and its other columns."""
    if not isinstance(content, pd.DataFrame):
        raise TypeError(
            f"content: got {type(content).__name__}, expected a DataFrame with a row for "
            "each item."
        )
    twice = content.columns[content.columns.duplicated()].tolist()
    if twice:
        raise ValueError(f"content: got the column {twice[0]!r} twice, expected it once.")
    names = [ratings.table_format.item, *USUAL_NAMES["item"]]
    there = [name for name in names if name in content.columns]
    if there:
        column = content[there[0]]
        content = content.drop(columns=there[0])
    elif has_plain_index(content):
        raise ValueError(
            f"content: got the columns {content.columns.tolist()[:5]}, expected one of ids "
            f"called {names[0]!r}. Or make the ids the index: content.set_index(…)."
        )
    else:
        column = content.index
    ids = flat_array("content", column)
    again = pd.Index(ids).duplicated()
    if again.any():
        raise ValueError(
            f"content: got item {plain(ids[again][0])!r} twice, expected a row for each "
            "item. Leave one out: content.drop_duplicates(…)."
        )
    if not len(ids):
        raise ValueError("content: got no rows, expected one for each item.")
    return ids, content


def has_plain_index(frame: pd.DataFrame) -> bool:
    """Whether the index only counts the rows, from 0."""
    index = frame.index
    counts = isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1
    return counts and index.name is None


def encoded_columns(table: pd.DataFrame, learned: NDArray[np.int64]) -> NDArray:
    """Columns of numbers, (n_rows, n_columns); they differ among the rows `learned`."""
    parts = []
    useless = []
    for name in table.columns:
        part = encoded_column(pd.Series(table[name]), learned, name)
        part = part[:, np.ptp(part[learned], axis=0) > 0]
        parts.append(part)
        if not part.shape[1]:
            useless.append(name)
    if len(useless) == len(parts):
        raise ValueError(
            f"content: got the columns {useless[:5]}, none of use, expected numbers, "
            f"True and False or categories which at least {FEWEST} rated items share, and "
            "which differ between items."
        )
    if useless:
        warnings.warn(
            f"content: got {useless[:5]}, expected columns in which rated items differ, or "
            f"which have categories of at least {FEWEST} items. They are ignored.",
            stacklevel=5,
        )
    return np.hstack(parts)


def encoded_column(column: pd.Series, learned: NDArray[np.int64], name: Any) -> NDArray:
    """One column of a table as numbers without gaps, (n_rows, n)."""
    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(column):
        column = (column - column.min()) / YEAR
    if not kinds.is_numeric_dtype(column) or kinds.is_complex_dtype(column):
        return categories(column, learned)
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(numbers).any():
        raise ValueError(
            f"content: got an infinite number in {name!r}, expected finite ones. Make it "
            "missing."
        )
    there = np.isfinite(numbers)
    known = numbers[learned[there[learned]]]
    if not len(known):
        return np.zeros((len(numbers), 1))
    if kinds.is_bool_dtype(column):
        values = numbers[:, None]
    else:
        values = in_parts(numbers, known)
    values[~there] = values[learned[there[learned]]].mean(0)
    return values


def in_parts(numbers: NDArray, known: NDArray) -> NDArray:
    """Standardised numbers, and hat functions that let a model bend the line."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(known[:, None])
    line = np.clip(np.asarray(scaler.transform(numbers[:, None])), -FURTHEST, FURTHEST)
    knots = np.unique(np.quantile(known, np.linspace(0, 1, KNOTS)))
    return np.hstack([line, hats(numbers, knots.tolist())])


def categories(column: pd.Series, learned: NDArray[np.int64]) -> NDArray:
    """A column of 0 and 1 for each category of enough of the rows `learned`."""
    from sklearn.preprocessing import MultiLabelBinarizer

    names = [names_in(value) for value in column]
    count = Counter(name for row in learned for name in names[row])
    kept = {name for name, n in count.most_common(MOST) if n >= FEWEST}
    if not kept:
        return np.zeros((len(names), 1))
    binarizer = MultiLabelBinarizer(classes=sorted(kept))
    return np.asarray(binarizer.fit_transform([row & kept for row in names]), float)


def names_in(value: Any) -> set[str]:
    """The categories of one cell."""
    if isinstance(value, SEVERAL):
        return {str(name) for name in value}
    if pd.isna(value):
        return set()
    texts: Iterable[str] = str(value).split(BETWEEN)
    return {text.strip() for text in texts if text.strip()}


# ---- in a file -------------------------------------------------------------------------


def frame_as_json(frame: pd.DataFrame) -> dict[str, Any]:
    """A table as JSON has it: numbers, booleans, text, lists of text, and None."""
    index = None if has_plain_index(frame) else list(map(cell, frame.index))
    return {
        "names": [plain(name) for name in frame.columns],
        "dtypes": [stored_dtype(pd.Series(frame[name])) for name in frame.columns],
        "columns": [[cell(value) for value in frame[name]] for name in frame.columns],
        "index": index,
        "index_name": plain(frame.index.name),
    }


def stored_dtype(column: pd.Series) -> str | None:
    """The type of a column of numbers, booleans or dates; None for anything else."""
    kinds = pd.api.types
    if kinds.is_complex_dtype(column):
        return None
    if kinds.is_numeric_dtype(column) or kinds.is_datetime64_any_dtype(column):
        return str(column.dtype)
    return None


def cell(value: Any) -> Any:
    """One value of a table as JSON has it."""
    if isinstance(value, SEVERAL):
        return [plain(name) for name in value]
    if pd.isna(value):
        return None
    value = plain(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def frame_from_json(stored: dict[str, Any]) -> pd.DataFrame:
    """The table again."""
    columns = zip(stored["names"], stored["columns"], stored["dtypes"], strict=True)
    series = {name: pd.Series(values, dtype=dtype) for name, values, dtype in columns}
    frame = pd.DataFrame(series)
    if stored["index"] is not None:
        frame.index = pd.Index(stored["index"], name=stored["index_name"])
    return frame
