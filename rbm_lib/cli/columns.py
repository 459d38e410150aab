"""Which column of a table is which: said by --columns, or told from names and places."""

import csv
import re
from dataclasses import dataclass, field

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
) -> Columns:
    """The columns of a file with this first line; `said` is the text of --columns."""
    first = fields_of(line, sep)
    if header is None:
        header = not any(NUMBER.fullmatch(text.strip()) for text in first)
    names = first if header else [f"column {n + 1}" for n in range(len(first))]
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
    elif header and order is None:
        for kind in KINDS:
            free = [name for name in names if name not in taken]
            if kind not in kinds and (found := usual_column(kind, free)):
                kinds[kind] = found
                taken.add(found)
        if "user" not in needed and "item" not in kinds and "title" in kinds:
            kinds["item"] = kinds.pop("title")  # a person's own ratings by title
    unused = [name for name in names if name not in kinds.values()]
    of_unknown_use = [name for name in unused if _key(name) not in TIMES.split()]
    is_sure = order is not None or bool(mapping) or not of_unknown_use
    if not set(needed) <= kinds.keys() or not ("rating" in kinds or is_sure):
        raise _unclear(names, header, (*needed, "rating"))
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


def _unclear(names: list[str], header: bool, kinds: tuple[str, ...]) -> ValueError:
    example = ",".join(f"{k}={n}" for k, n in zip(kinds, names, strict=False))
    usual = " and ".join([", ".join(kinds[:-1]), kinds[-1]])
    text = (
        f"columns: got {', '.join(names)}, expected names such as {usual}. Say which is "
        f"which, for example: --columns {example!r}, without rating= if a line is a like."
    )
    if header:
        text += " If the first line is no header, add --no-header."
    return ValueError(text)


def _key(name: str) -> str:
    """A name without the type that RecBole adds, in small letters alone."""
    typed = TYPED.fullmatch(name.strip())
    return re.sub(r"[\W_]", "", (typed[1] if typed else name).casefold())
