"""Tables of ratings in any form, as three columns: who, what and how much."""

import contextlib
import csv
import gzip
import itertools
import re
import warnings
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from rbm_lib.checks import plain, require_choice, require_number
from rbm_lib.data.ids import flat_array
from rbm_lib.data.scale import Scale, as_float, require_numbers

# A column may have any name. These are found by themselves.
USUAL_NAMES = {
    "user": ("user", "user_id", "userId"),
    "item": ("item", "item_id", "itemId", "movie_id", "movieId"),
    "rating": ("rating",),
}
DELIMITERS = (",", ";", "\t", "|", "::")
BLANKS = r"\s+"
LINES_AT_ONCE = 2**20


@dataclass(frozen=True)
class TableFormat:
    """How a table of ratings is read: the names of its columns, and repeated pairs.

    `rating` is None where each row is a like.
    """

    user: Any = "user"
    item: Any = "item"
    rating: Any = "rating"
    on_duplicate: str = "error"

    def swapped(self) -> "TableFormat":
        """Users and items in each other's place."""
        return replace(self, user=self.item, item=self.user)

    def names_in(self, frame: Any, *kinds: str) -> list[Any]:
        """The columns of these kinds: named as here, or else as usual."""
        own = {kind: getattr(self, kind) for kind in kinds}
        if isinstance(frame, pd.DataFrame) and {*own.values()} <= {*frame.columns}:
            return require_columns(frame, **own)
        return require_columns(frame, **dict.fromkeys(kinds))


def require_columns(frame: Any, **names: str | None) -> list[str]:
    """The column of each kind: the one that is named, or the one with a usual name."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"ratings: got {type(frame).__name__}, expected a DataFrame.")
    found = []
    for kind, name in names.items():
        wanted = USUAL_NAMES[kind] if name is None else (name,)
        there = [column for column in frame.columns if column in wanted]
        if len(there) != 1:
            got = there or frame.columns.tolist()
            expected = " or ".join(map(repr, wanted))
            fix = f"Name the column with {kind}= in RatingMatrix.from_frame."
            if kind == "rating" and not there:
                fix += " Pairs without a rating: RatingMatrix.from_pairs."
            raise ValueError(
                f"ratings: got the columns {got}, expected one column {expected}. {fix}"
            )
        found.append(there[0])
    return found


def scale_of(
    ratings: pd.Series,
    scale: Any,
    like_at_least: Any,
    like_quantile: Any,
    are_plays: bool = False,
) -> Scale:
    """The scale that is given, or described, or found in the ratings.

    If they are plays, no usual scale is looked for: sums up to 5 are not stars.
    """
    given = [x is not None for x in (scale, like_at_least, like_quantile)]
    if like_quantile is not None:
        if sum(given) > 1:
            raise ValueError(
                "like_quantile: got it beside another, expected one of scale, "
                "like_at_least and like_quantile."
            )
        require_numbers(ratings)
        quantile = require_number("like_quantile", like_quantile, most=1)
        return Scale.cut(float(np.quantile(as_float(ratings), quantile)))
    if scale is not None and not isinstance(scale, Scale):
        scale = Scale(tuple(np.atleast_1d(scale).tolist()))
    if like_at_least is not None:
        if scale is not None:
            scale.levels(ratings)  # refuses what is off the scale
        cut = Scale.cut(like_at_least)
        lowest, highest = _ends(ratings, scale)
        if like_at_least > highest:
            raise ValueError(
                f"like_at_least: got {plain(like_at_least)}, expected at most {highest:g}: "
                "nothing on the scale would be a like."
            )
        if like_at_least < lowest:
            raise ValueError(
                f"like_at_least: got {plain(like_at_least)}, expected at least {lowest:g}: "
                "it lies below the scale, and everything would be a like."
            )
        return cut
    if scale is not None:
        return scale
    require_numbers(ratings)
    if ratings.empty:
        return Scale((1, 2, 3, 4, 5))
    return Scale.detect(as_float(ratings), are_plays)


def _ends(ratings: pd.Series, scale: Scale | None) -> tuple[float, float]:
    """The ends of the scale, or else of the usual one that has all ratings.

    Plays and the like have no lower end. Any number below them makes each one a like.
    """
    values = as_float(ratings)
    with contextlib.suppress(ValueError):  # of no usual scale
        scale = scale or Scale.detect(values)
    if scale is None or scale.threshold is not None:
        return -np.inf, values.max(initial=-np.inf)
    return scale.steps[0], scale.steps[-1]


def joined_on_scale(
    users: Any, items: Any, ratings: pd.Series, on_duplicate: str, *scale_options: Any
) -> tuple[Any, Any, pd.Series, Scale]:
    """One rating for each user and item, and their scale.

    Plays are added up before the scale is looked for. A mean is of ratings on the scale,
    and rounded to it.
    """
    require_choice("on_duplicate", on_duplicate, ("error", "last", "mean", "sum"))
    if on_duplicate == "sum":
        table = once_per_pair(users, items, ratings, on_duplicate)
        return *table, scale_of(table[2], *scale_options, are_plays=True)
    scale = scale_of(ratings, *scale_options)
    if on_duplicate != "mean":
        return *once_per_pair(users, items, ratings, on_duplicate), scale
    scale.levels(ratings)  # refuses what is off the scale
    users, items, means = once_per_pair(users, items, ratings, on_duplicate)
    nearest = pd.Series(scale.nearest(as_float(means)), means.index, name=means.name)
    return users, items, nearest, scale


def once_per_pair(
    users: Any, items: Any, ratings: pd.Series, on_duplicate: str
) -> tuple[Any, Any, pd.Series]:
    """One rating for each user and item: the last, the mean, or the sum."""
    if on_duplicate == "error":
        return users, items, ratings
    users, items = flat_array("users", users), flat_array("items", items)
    user_codes, _ = pd.factorize(users)
    item_codes, _ = pd.factorize(items)
    pairs = pd.Series(user_codes * (item_codes.max(initial=0) + 1) + item_codes)
    last = ~pairs.duplicated(keep="last").to_numpy()
    if last.all():
        return users, items, ratings
    if on_duplicate != "last":
        require_numbers(ratings)
        values = pd.Series(as_float(ratings))
        joined = values.groupby(pairs.to_numpy()).transform(on_duplicate).to_numpy()
        ratings = pd.Series(joined, ratings.index, name=ratings.name)
    return users[last], items[last], pd.Series(ratings[last])


def read_delimited(
    path: Any, sep: str | None, columns: list[str] | None, decimal: str = "."
) -> pd.DataFrame:
    """A delimited file, plain or gzipped, as a DataFrame; ids stay as they are written.

    A column of ids is read as text, and becomes numbers if each is written as Python would
    write it: so 007 stays apart from 7.
    """
    path = Path(path).expanduser()
    require_choice("decimal", decimal, (".", ","))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: got no such file, expected a table of ratings.")
    line = ""
    with contextlib.suppress(EOFError, OSError, zlib.error):  # a damaged file fails below
        line = first_lines(path)[0]
    require_no_json(path, line)
    try:
        if sep is None:
            sep = delimiter_of(line)
        if columns is None:
            require_names_once(line, sep)
        try:
            parts = _parts(path, sep, columns, "utf-8")
        except UnicodeDecodeError:
            parts = _parts(path, sep, columns, "latin-1")
    except (ValueError, pd.errors.ParserWarning, EOFError, OSError, zlib.error) as error:
        reason = str(error).strip()
        raise ValueError(
            f"{path.name}: got a file that does not read as a table, expected the same "
            f"columns in every line ({reason}). Give sep=, or columns= without a header."
        ) from error
    joined = {
        name: union_categoricals([part[name] for part in parts])
        for name in parts[0].columns
    }
    return pd.DataFrame({name: _plain(column, decimal) for name, column in joined.items()})


def _parts(path: Path, sep: str, columns: list[str] | None, encoding: str) -> list[Any]:
    """The table a million lines at a time, as categories of text."""
    options: dict[str, Any] = {"sep": sep, "names": columns, "encoding": encoding}
    options["header"] = "infer" if columns is None else None
    if len(sep) > 1 and sep != BLANKS:
        options |= {"sep": re.escape(sep), "engine": "python"}
    parts = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # columns left over
        for part in pd.read_csv(
            path,
            dtype=str,
            index_col=False,
            chunksize=LINES_AT_ONCE,
            keep_default_na=False,  # somebody may be called NA
            na_values=[""],
            **options,
        ):
            parts.append(part.astype("category"))  # texts in full would fill the memory
    return parts


def require_names_once(line: str, sep: str) -> None:
    """Raise a ValueError if a header has a name twice: pandas would rename the second."""
    if len(sep) == 1:
        names = next(csv.reader([line], delimiter=sep), [])
    else:
        names = line.split(None if sep == BLANKS else sep)
    again = [name for i, name in enumerate(names) if name.strip() and name in names[:i]]
    if again:
        raise ValueError(f"the column {again[0]!r} is there twice")


def first_lines(path: Path, n: int | None = 1) -> list[str]:
    """So many lines of a file, plain or gzipped, in UTF-8 or else Latin-1; None: all."""
    opener: Any = gzip.open if path.suffix == ".gz" else open

    def read(encoding: str) -> list[str]:
        with opener(path, "rt", encoding=encoding) as file:
            return [line.rstrip("\r\n") for line in itertools.islice(file, n)]

    try:
        lines = read("utf-8-sig")
    except UnicodeDecodeError:
        lines = read("latin-1")
    return lines or [""]


def require_no_json(path: Path, line: str) -> None:
    """Raise a ValueError if this first line is of a JSON file."""
    if re.match(r'\s*(\[\s*)?\{\s*("|$)|\s*\[\s*$', line):
        raise ValueError(
            f"{path.name}: got JSON, expected a delimited table. Read it with "
            "pandas.read_json, and RatingMatrix.from_frame."
        )


def delimiter_of(line: str) -> str:
    """The most frequent one of DELIMITERS in the line, or any white space."""
    count, delimiter = max((line.count(mark), mark) for mark in DELIMITERS)
    return delimiter if count else BLANKS


def _plain(column: pd.Categorical, decimal: str) -> pd.Series:
    """Texts as whole numbers, if each is written as Python would write it.

    Numbers with a decimal comma get a point, if all of the column are numbers.
    """
    texts = pd.Series(column.categories).astype(str)
    if decimal == "," and texts.str.fullmatch(r"-?\d+(,\d+)?").all():
        texts = texts.str.replace(",", ".")
    if texts.str.fullmatch(r"(0|-?[1-9]\d{0,14})\.0").all():
        texts = texts.str[:-2]  # pandas writes 1000 as 1000.0 if there are blanks
    values = texts.to_numpy(dtype=object)
    if texts.str.fullmatch(r"0|-?[1-9]\d{0,17}").all():
        values = texts.astype("int64").to_numpy()
    codes = np.asarray(column.codes)
    if (codes < 0).any():
        values = np.append(values.astype(object), np.nan)
    return pd.Series(values[codes])
