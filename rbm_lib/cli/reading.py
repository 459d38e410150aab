"""Ratings and titles for the commands: from any delimited file, or a MovieLens set."""

import contextlib
import sys
import zlib
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rbm_lib.cli.columns import NUMBER, Columns, fields_of, find_columns, usual_column
from rbm_lib.data.frames import delimiter_of, first_lines, read_delimited, require_no_json
from rbm_lib.data.movielens.load import load_movielens
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.data.scale import Scale, as_float

SETS = ("100k", "1m", "latest-small")
NO_RATING = ("", "na", "n/a", "nan", "null", "none")
MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", r"\s+": "blanks"}


@dataclass
class Data:
    """What a command works on."""

    ratings: RatingMatrix
    titles: dict[Any, str]
    like_at_least: float | None  # on the scale of the ratings

    @property
    def like_level(self) -> int:
        return self.ratings.scale.like_level(self.like_at_least)

    def facts(self) -> dict[str, Any]:
        """What was read, by name."""
        scale = self.ratings.scale
        at_least = scale.threshold
        if at_least is None:
            at_least = scale.steps[self.like_level]
        return {
            "people": self.ratings.n_users,
            "items": self.ratings.n_items,
            "ratings": self.ratings.n_ratings,
            "scale": list(scale.steps) if scale.threshold is None else None,
            "like_at_least": at_least,
            "likes": int(self.ratings.likes(self.like_level).nnz),
        }


def say(text: str) -> None:
    """A message that is not a result."""
    print(text, file=sys.stderr, flush=True)


def read_data(options: Namespace) -> Data:
    """Ratings and titles as the options of `train` and `evaluate` describe them."""
    if options.file in SETS:
        found = load_movielens(options.file, verbose=False)
        say(found.origin)
        frame: Any = found.ratings[["user_id", "movie_id", "rating"]]
        columns = Columns({"user": "user_id", "item": "movie_id", "rating": "rating"})
        movies = found.movies
        titles = dict(zip(movies["movie_id"].tolist(), movies["title"], strict=True))
    else:
        path = Path(options.file).expanduser()
        said = {"said": options.columns, "header": options.header}
        frame, columns = read_table(path, options.sep, **said)
        titles = _titles_beside(frame, columns.kinds)
    data = _as_data(frame, columns, options)
    data.titles = titles
    if options.titles is not None:
        data.titles = read_titles(options.titles, data.ratings)
    say(summary(data))
    return data


def read_table(path: Path, sep: str | None = None, **options: Any) -> tuple[Any, Columns]:
    """A delimited file of ratings, and what its columns are; says how it was read.

    Options are those of `find_columns`.
    """
    line, *more = lines_of(path, 20)
    sep = delimiter_of(line) if sep is None else sep.replace("\\t", "\t")
    columns = find_columns(line, sep, more=more, **options)
    # 4,5 is how half of Europe writes 4.5.
    frame: Any = read_delimited(path, sep, columns.names, "." if sep == "," else ",")
    if frame.empty:
        raise ValueError(f"{path.name}: got no lines, expected at least one rating.")
    used = ", ".join(f"{kind} = {name}" for kind, name in columns.kinds.items())
    unused = f"; not used: {', '.join(columns.unused)}" if columns.unused else ""
    header = "" if columns.names is None else "no header, "
    say(f"{path.name}: {header}{MARKS.get(sep, sep)} between columns; {used}{unused}")
    return frame, columns


def lines_of(path: Path, n: int | None = 1) -> list[str]:
    """So many first lines of a table, or all."""
    if not path.is_file():
        sets = ", ".join(SETS)
        raise ValueError(f"{path}: got no such file, expected a table, or one of {sets}.")
    try:
        lines = first_lines(path, n)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path}: got a damaged file, expected a table ({error})."
        ) from None
    if not lines[0].strip():
        raise ValueError(f"{path}: got a file that begins with an empty line.")
    require_no_json(path, lines[0])
    return lines


def _as_data(frame: Any, columns: Columns, options: Namespace) -> Data:
    """Ratings on their scale; a threshold cuts plays, and leaves stars as they are."""
    kinds = {k: name for k, name in columns.kinds.items() if k != "title"}
    frame = without_blanks(frame, kinds)
    if "rating" not in kinds:
        pairs = RatingMatrix.from_pairs(frame, like_at_least=options.like_at_least, **kinds)
        return Data(pairs, {}, None)
    given: dict[str, Any] = {"on_duplicate": options.on_duplicate}
    like = options.like_at_least
    if options.like_quantile is not None:
        given["like_quantile"] = options.like_quantile
        like = None
    elif options.scale is not None:
        given["scale"] = options.scale
    elif (
        columns.has_plays
        or options.on_duplicate == "sum"
        or (like is not None and not _has_scale(frame[kinds["rating"]]))
    ):
        given["like_at_least"] = 1.0 if like is None else like
        like = None
    ratings = RatingMatrix.from_frame(frame, **kinds, **given)
    return Data(ratings, {}, like)


def without_blanks(frame: Any, kinds: dict[str, str]) -> Any:
    """The lines that have a user, an item and a rating; says how many do not."""
    for kind in ("user", "item", "rating"):
        if kind not in kinds:
            continue
        column = frame[kinds[kind]]
        values = pd.Series(column.unique())
        blank = values.isna()
        if kind == "rating":  # somebody may be called NA
            blank |= values.astype("str").str.strip().str.lower().isin(NO_RATING)
        blank = column.isin(values[blank])
        n_blank = int(blank.sum())
        if n_blank == len(frame):
            raise ValueError(f"{column.name}: got no {kind}s, expected at least one.")
        if n_blank:
            lines, verb = ("line", "is") if n_blank == 1 else ("lines", "are")
            what = "an item" if kind == "item" else f"a {kind}"
            say(f"{n_blank:,} {lines} without {what} {verb} left out")
            # Whole numbers beside blanks are objects.
            frame = frame[~blank].infer_objects()
    return frame


def _has_scale(values: pd.Series) -> bool:
    """Whether these are stars or marks on a usual scale, and not plays."""
    with contextlib.suppress(ValueError):
        return Scale.detect(as_float(values)).threshold is None
    return False


def summary(data: Data) -> str:
    """What was read, in one sentence."""
    facts = data.facts()
    counts = "{people:,} people, {items:,} items, {ratings:,} ratings".format(**facts)
    scale = facts["scale"]
    where = f" from {scale[0]:g} to {scale[-1]:g}" if scale else ""
    if not scale and facts["likes"] == facts["ratings"]:
        return f"{counts}, each a like"
    like = f"{facts['likes']:,} of them likes (at least {facts['like_at_least']:g})"
    return f"{counts}{where}, {like}"


def _titles_beside(frame: Any, kinds: dict[str, str]) -> dict[Any, str]:
    """Titles from a column of the ratings."""
    if "title" not in kinds:
        return {}
    known = frame[[kinds["item"], kinds["title"]]].dropna().drop_duplicates(kinds["item"])
    items, titles = (known[name].tolist() for name in (kinds["item"], kinds["title"]))
    return dict(zip(items, map(str, titles), strict=True))


def read_titles(path: Path, ratings: RatingMatrix) -> dict[Any, str]:
    """Titles by item, from the column with the items' ids and the one with their titles.

    The latter has a usual name, or else it is the first whose texts nearly all differ.
    """
    line = lines_of(path)[0]
    sep = delimiter_of(line)
    names = first = fields_of(line, sep)
    ids = {str(item): item for item in ratings.item_ids.tolist()}
    has_header = not any(NUMBER.fullmatch(text) or text in ids for text in first)
    if not has_header:
        names = [f"column {n + 1}" for n in range(len(first))]
    frame: Any = read_delimited(path, sep, None if has_header else names)
    known = {name: frame[name].astype(str).isin(list(ids)) for name in names}
    # Flags of 0 and 1 are ids of some sets, too: the most different ids count.
    item = max(names, key=lambda name: frame[name][known[name]].nunique())
    others = [name for name in names if name != item]
    texts = [n for n in others if not frame[n].astype(str).str.fullmatch(NUMBER).all()]
    # Titles differ from item to item, as authors and genres do not.
    n_different = {name: frame[name].nunique() for name in texts}
    most = max(n_different.values(), default=0)
    distinct = (name for name in texts if n_different[name] >= 0.9 * most)
    title = usual_column("title", others) or next(distinct, None)
    if not known[item].any() or title is None:
        raise ValueError(
            f"--titles: got {path.name} with the columns {', '.join(names)}, expected one "
            "with the ids of the items in the ratings, and one with their titles."
        )
    kept = frame[known[item]].dropna(subset=[title])
    found = {
        ids[str(key)]: str(text) for key, text in zip(kept[item], kept[title], strict=True)
    }
    say(f"{path.name}: titles of {len(found):,} of {len(ids):,} items, from {title}")
    return found
