"""Which column of a table is which: said by --columns, or told from names and places."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rbm_lib.data.frames import TableFormat

KINDS = ("user", "item", "rating", "title")

# Usual names, in small letters and without anything between them.
USUAL = {
    "user": """user userid username uid person personid who customer customerid member
        memberid reader readerid listener listenerid visitor visitorid reviewer reviewerid
        account accountid""",
    "item": """item itemid id movie movieid film filmid song songid track trackid artist
        artistid album albumid book bookid isbn product productid asin game gameid article
        articleid""",
    "rating": "rating ratings stars star score vote votes overall",
    "title": """title titles name movietitle moviename filmtitle filmname itemtitle itemname
        artistname trackname songname songtitle booktitle productname gametitle""",
}
PLAYS = "plays playcount playcounts count counts listens clicks views weight quantity"
TIMES = "time times timestamp date datetime ts when unixtime day"
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")
# Dates in any usual order, and seconds or milliseconds since 1970.
DATE = r"(\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4})([T ].*)?"
MOMENT = re.compile(rf"{DATE}|([89]\d{{8}}|1\d{{9}}|1\d{{12}})(\.\d+)?")
TYPED = re.compile(r"(.+):(token|float|token_seq|float_seq)")  # RecBole's headers


@dataclass
class Columns:
    """The name of each kind of column; `names` are those of a file without a header."""

    kinds: dict[str, str]
    names: list[str] | None = None
    unused: list[str] = field(default_factory=list)

    @property
    def has_plays(self) -> bool:
        return _key(self.kinds.get("rating", "")) in PLAYS.split()


def find_columns(
    line: str,
    sep: str,
    said: str | None = None,
    header: bool | None = None,
    needed: tuple[str, ...] = ("user", "item"),
    more: Sequence[str] = (),
    trained: TableFormat | None = None,
) -> Columns:
    """The columns of a file with this first line; `said` is the text of --columns.

    `more` are lines after it, and `trained` are the columns of the training ratings, whose
    names one person's file may have.
    """
    first = fields_of(line, sep)
    if header is None:
        header = not any(_content([text]) in ("number", "time") for text in first)
    names = first if header else [f"column {n + 1}" for n in range(len(first))]
    rows = [fields_of(text, sep) for text in (more if header else (line, *more))]
    columns = zip(*(row for row in rows if len(row) == len(names)), strict=True)
    contents = dict(zip(names, map(_content, columns), strict=False))
    times = {n for n in names if contents.get(n) == "time" or _key(n) in TIMES.split()}
    order, mapping = _parsed(said)
    if order is not None:
        if len(order) > len(names):
            raise ValueError(
                f"--columns: got {len(order)} names, expected at most {len(names)}, one "
                "for each column of the file."
            )
        kinds = {name: names[k] for k, name in enumerate(order) if name in KINDS}
    else:
        kinds = {kind: _place(kind, text, names) for kind, text in mapping.items()}
    taken = set(kinds.values())
    if not header and order is None and not mapping:
        kinds = dict(zip((*needed, "rating"), names, strict=False))
        if kinds.get("rating") in times:
            del kinds["rating"]
    elif header and order is None:
        for kind in KINDS:
            free = [name for name in names if name not in taken]
            found = getattr(trained, kind, None)
            found = found if found in free else usual_column(kind, free)
            if kind not in kinds and found:
                kinds[kind] = found
                taken.add(found)
        if "user" not in needed and "item" not in kinds and "title" in kinds:
            kinds["item"] = kinds.pop("title")  # a person's own ratings by title
    unused = [name for name in names if name not in kinds.values()]
    of_unknown_use = [name for name in unused if name not in times]
    is_sure = order is not None or bool(mapping) or not of_unknown_use
    if not set(needed) <= kinds.keys() or not ("rating" in kinds or is_sure):
        if "user" not in needed:
            raise _unclear_person(names, trained)
        free = [name for name in unused if name not in times]
        raise _unclear(names, header, _example(kinds, free, contents))
    return Columns(kinds, None if header else names, unused)


def fields_of(line: str, sep: str) -> list[str]:
    """The fields of a line as pandas would split it."""
    if sep == r"\s+":
        return line.split()
    if len(sep) > 1:
        return line.split(sep)
    return next(csv.reader([line], delimiter=sep), [])


def _parsed(said: str | None) -> tuple[list[str] | None, dict[str, str]]:
    """--columns as names in order, or as a column for each kind."""
    if said is None:
        return None, {}
    parts = [part.strip() for part in said.split(",")]
    if not any("=" in part for part in parts):
        if len(set(parts) & set(KINDS)) < len([p for p in parts if p in KINDS]):
            raise ValueError(f"--columns: got {said!r}, expected each name once.")
        if not {"user", "item"} <= set(parts):
            raise ValueError(
                f"--columns: got {said!r}, expected the columns in order, such as "
                "user,item,rating, or which is which, such as user=who,item=film."
            )
        return parts, {}
    mapping = {}
    for part in parts:
        kind, _, name = part.partition("=")
        if kind.strip() not in KINDS or not name.strip() or kind.strip() in mapping:
            raise ValueError(
                f"--columns: got {part!r}, expected user=…, item=…, rating=… or title=…, "
                "each once, with the name or the number of a column."
            )
        mapping[kind.strip()] = name.strip()
    return None, mapping


def _place(kind: str, text: str, names: list[str]) -> str:
    """The column that has this name, or this number, counted from 1."""
    for same in (str, str.casefold, _key):
        found = [name for name in names if same(name) == same(text)]
        if len(found) == 1 and same(text):
            return found[0]
    if text.isascii() and text.isdigit() and 1 <= int(text) <= len(names):
        return names[int(text) - 1]
    raise ValueError(
        f"--columns: got {kind}={text}, expected one of {', '.join(names)}, or a number "
        f"from 1 to {len(names)}."
    )


def usual_column(kind: str, names: list[str]) -> str | None:
    """The only column with a usual name; of several, the only one that ends in id."""
    usual = USUAL[kind].split() + (PLAYS.split() if kind == "rating" else [])
    found = [name for name in names if _key(name) in usual]
    if len(found) > 1:
        found = [name for name in found if _key(name).endswith("id")]
    return found[0] if len(found) == 1 else None


def _content(texts: Iterable[str]) -> str | None:
    """What all of these texts are that are not empty."""
    given = [text.strip() for text in texts if text.strip()]
    for kind, pattern in (("time", MOMENT), ("number", NUMBER), ("text", re.compile(".*"))):
        if given and all(pattern.fullmatch(text) for text in given):
            return kind
    return None


def _example(kinds: dict[str, str], free: list[str], contents: dict[str, Any]) -> str:
    """What to give to --columns; a column of texts is not proposed as the rating."""
    example = {}
    for kind in ("user", "item", "rating"):
        fit = [n for n in free if kind != "rating" or contents.get(n) in (None, "number")]
        if kind in kinds or fit:
            example[kind] = kinds.get(kind) or fit[0]
            free = [name for name in free if name != example[kind]]
    return ",".join(f"{kind}={name}" for kind, name in example.items())


def _unclear(names: list[str], header: bool, example: str) -> ValueError:
    likes = "without rating= if a line is a like"
    if "rating=" not in example:
        likes = "and rating= if a column has ratings"
    text = (
        f"columns: got {', '.join(names)}, expected names such as user, item and rating. "
        f"Say which is which, for example: --columns {example!r}, {likes}."
    )
    if header:
        text += " If the first line is no header, add --no-header."
    return ValueError(text)


def _unclear_person(names: list[str], trained: TableFormat | None) -> ValueError:
    own = [str(getattr(trained, kind, "column")) for kind in ("item", "rating")]
    known = [name for name in own if not name.startswith(("column", "None"))]
    return ValueError(
        f"--ratings: got {', '.join(names)}, expected the columns item (or title) and "
        "rating. Name them so in the first line of the file, or as in the training "
        f"ratings{': ' * bool(known)}{', '.join(known)}."
    )


def _key(name: str) -> str:
    """A name without the type that RecBole adds, in small letters alone."""
    typed = TYPED.fullmatch(name.strip())
    return re.sub(r"[\W_]", "", (typed[1] if typed else name).casefold())
