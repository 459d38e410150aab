"""Read a table of text against a schema, and name its first bad row."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

_BLOCK = 2**22  # bytes of a table of numbers that are read at a time
_INTEGER = "[+-]?[0-9]{1,18}"
_REAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_ADVICE = "Correct the file, or get it again."


@dataclass(frozen=True)
class Column:
    """Type of a column and its allowed values: a range, or a list."""

    dtype: str = "str"  # or a NumPy type of numbers
    low: float = -np.inf
    high: float = np.inf
    allowed: tuple = ()
    optional: bool = False  # whether a field may be empty; an empty number becomes NaN

    @property
    def expected(self) -> str:
        """The allowed values, in words."""
        if self.allowed:
            return "one of " + ", ".join(map(str, self.allowed))
        if self.dtype == "str":
            return "text"
        kind = "a whole number" if "int" in self.dtype else "a number"
        return f"{kind} from {self.low} to {self.high}"

    def parse(self, fields: pd.Series) -> tuple[pd.Series, pd.Series]:
        """The values of fields, which are text or integers, and where they are allowed."""
        values = fields
        good = fields.notna()
        if self.dtype != "str" and fields.dtype != "int64":
            is_integer = "int" in self.dtype
            good = fields.str.fullmatch(_INTEGER if is_integer else _REAL)
            values = fields.where(good, "0" if is_integer else "nan")
            values = values.astype("int64" if is_integer else "float64")
        if self.allowed:
            good &= values.isin(self.allowed)
        elif self.dtype == "str":
            good &= values != ""
        else:
            good &= values.between(self.low, self.high) & np.isfinite(values)
        if self.optional:
            good |= fields == ""
        return values.astype(self.dtype), good


TEXT = Column(optional=True)


@dataclass(frozen=True)
class Schema:
    """Layout of a table.

    With commas, it is a CSV file in UTF-8: the first line names the columns, in any order,
    and double quotes may enclose a field. With another separator there is no such line,
    quotes mean nothing, and text that is not UTF-8 is taken for Latin-1.
    """

    columns: Mapping[str, Column]
    key: Sequence[str] = ()  # the columns that together identify a row
    separator: str = ","
    aliases: Mapping[str, str] = field(default_factory=dict)  # other names of columns
    others: Column | None = None  # what further columns hold; by default they are skipped
    min_rows: int = 1


def read_table(path: Path, schema: Schema, n_rows: int | None = None) -> pd.DataFrame:
    """Read the first rows of a table, or all, and check every value.

    A byte-order mark, Windows line ends and blank lines do no harm. The index of the frame
    is the line of the file in which a row begins. Raises ValueError if the file is missing
    or does not fit; the message names the first bad row.
    """
    path = path.expanduser()
    if not path.is_file():
        raise ValueError(f"{path} is missing. Get the whole data set again.")
    names = list(schema.columns)
    line = 1
    parts = []
    with path.open("rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":  # the byte-order mark of UTF-8
            file.seek(0)
        if schema.separator == ",":
            names, schema = _read_header(path, file.readline(), schema)
            line = 2
        has_text = any(column.dtype == "str" for column in schema.columns.values())
        while block := file.read(-1 if has_text else _BLOCK) + file.readline():
            table = None if has_text else _split_digits(block, line, names, schema)
            if table is None:
                table = _split_fields(path, block, line, names, schema)
            parts.append(_parse(path, table, schema))
            line += block.count(b"\n")
            if n_rows is not None and sum(map(len, parts)) >= n_rows:
                break
    if sum(map(len, parts)) < schema.min_rows:
        raise ValueError(f"{path}: got no rows, expected at least one. {_ADVICE}")
    parts = parts or [pd.DataFrame(columns=list(schema.columns))]
    frame = pd.concat(parts).iloc[:n_rows]
    key = list(schema.key)
    if key:
        expected = f"no {' and '.join(key)} of an earlier line"
        check_rows(path, frame, key[-1], ~frame.duplicated(key), expected)
    return frame


def check_rows(path: Path, frame: pd.DataFrame, name: str, good: ArrayLike, expected: str):
    """Raise ValueError for the first row whose value in the column `name` is not good."""
    is_good = np.asarray(good, dtype=bool)
    if not is_good.all():
        line = frame.index[is_good.argmin()]
        raise _bad(path, f"{line}, column {name}", frame.loc[line, name], expected)


def _bad(path: Path, place: object, got: object, expected: str) -> ValueError:
    shown = repr(str(got))[:100]
    return ValueError(f"{path}, line {place}: got {shown}, expected {expected}. {_ADVICE}")


def _read_header(path: Path, raw: bytes, schema: Schema) -> tuple[list[str], Schema]:
    """The names of all columns in the file, and the schema of those to read."""
    text = _decode(path, raw, 1, schema)
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error:
        fields = [text]
    names = [schema.aliases.get(name.strip(), name.strip()) for name in fields]
    columns = dict(schema.columns)
    if schema.others is not None:
        columns |= {name: schema.others for name in names if name not in columns}
    wrong = [name for name in columns if names.count(name) != 1]
    if wrong:
        expected = f"the columns {', '.join(wrong[:5])}, each once"
        raise _bad(path, 1, ",".join(names), expected)
    return names, replace(schema, columns=columns)


def _decode(path: Path, raw: bytes, line: int, schema: Schema) -> str:
    """Decode a block. Raises ValueError for a byte that is not text."""
    at = raw.find(b"\0")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw.decode("latin-1")
        if schema.separator == ",":
            at = error.start
    if at >= 0:
        line += raw.count(b"\n", 0, at)
        raise _bad(path, line, f"the byte {raw[at]:#x}", "text in UTF-8")
    return text


def _split_digits(block: bytes, line: int, names: list[str], schema: Schema):
    """The integers of a block of digits and separators; None if there is more in it."""
    raw = block.replace(b"\r\n", b"\n").replace(schema.separator.encode(), b" ")
    if b" " in block or raw.translate(None, b"0123456789 \n"):
        return None
    raw = raw.removesuffix(b"\n") + b"\n"
    characters = np.frombuffer(raw, dtype=np.uint8)
    row_ends = np.flatnonzero(characters[characters < ord("0")] == ord("\n")) + 1
    expected = np.arange(1, len(row_ends) + 1) * len(names)
    numbers = np.fromstring(raw, dtype=np.int64, sep=" ")
    is_regular = (row_ends == expected).all() and len(numbers) == expected[-1]
    if not is_regular or numbers.max() > 10**18:
        return None  # a line of another length, an empty field, or an overflow
    index = pd.RangeIndex(line, line + len(row_ends), name="line")
    return pd.DataFrame(numbers.reshape(-1, len(names)), index, names)


def _split_fields(path: Path, block: bytes, line: int, names: list[str], schema: Schema):
    """The fields of a block. Raises ValueError if a line cannot be split into them."""
    text = _decode(path, block, line, schema)
    if schema.separator == ",":
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    else:
        lines = io.StringIO(text.replace(schema.separator, "\x1f"), newline="")
        reader = csv.reader(lines, delimiter="\x1f", quoting=csv.QUOTE_NONE)
    rows = {}
    fault = None
    begins = line
    try:
        for fields in reader:
            if fields and len(fields) != len(names):
                fault = _bad(path, begins, f"{len(fields)} fields", f"{len(names)}")
                break
            if fields:
                rows[begins] = fields
            begins = line + reader.line_num
    except csv.Error as error:
        fault = _bad(path, begins, f"{error}", "fields and separators")
    index = pd.Index(list(rows), dtype="int64", name="line")
    table = pd.DataFrame(list(rows.values()), index, names, dtype=str)
    if fault is not None:
        _parse(path, table, schema)  # an earlier line may be bad, too
        raise fault
    return table


def _parse(path: Path, table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The values of a table of fields. Raises ValueError for the first bad row."""
    values, good = {}, {}
    for name, column in schema.columns.items():
        values[name], good[name] = column.parse(pd.Series(table[name]))
    rows = pd.DataFrame(good)
    if not rows.all(axis=None):
        name = rows.loc[rows.all(axis=1).idxmin()].idxmin()
        check_rows(path, table, name, good[name], schema.columns[name].expected)
    return pd.DataFrame(values)
