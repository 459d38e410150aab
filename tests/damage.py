"""Damaged files: what each loader makes of them. For test_damaged_files.py; run alone, it prints the table.

    python tests/damage.py           as in make test: every cut, a seeded sample of flipped bits
    python tests/damage.py --all     as in make test-long: every cut, every bit

One damage, to one file, per load. What may come of it:

- right: the same as from the good file
- as the bytes say: what an independent reading of the same bytes gives, with Python's csv module and the
  documented meaning of the columns; only for plain text, which cannot tell 1 from 2
- clear error: a type that is documented, and the file is named

and what may not: wrong (any other result), crash (any other error, or a warning), hang (half a minute).
"""

import csv
import datetime
import gzip
import hashlib
import io
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import torch

from rbm_lib import DBM, DBN, RBM, fit, load_model, save_model
from rbm_lib.cli import dataset as sources
from rbm_lib.data import (
    Archetype,
    DataUnavailable,
    load_deezer,
    load_movielens,
    load_spotify,
    read_listeners,
    safe_extract,
    simulate_listeners,
    write_listeners,
)
from rbm_lib.data.deezer.files import COLUMNS, TEST_COLUMNS
from rbm_lib.data.listeners.conditions import Range
from rbm_lib.data.movielens.files import _OCCUPATIONS_1M, FORMATS
from rbm_lib.data.spotify.files import COLUMNS as SPOTIFY
from rbm_lib.data.spotify.files import RANGES, read_export
from rbm_lib.training.checkpoint import CheckpointError, read_checkpoint
from tests.data.deezer import test_deezer
from tests.data.listeners.test_archetypes import TRACKS
from tests.data.movielens import test_movielens
from tests.data.spotify import test_spotify

VERDICTS = ("right", "as the bytes say", "clear error", "wrong", "crash", "hang")
LIMIT = 30  # seconds for one load
FOLDER = object()  # in place of a file
FEATURE = {"Track Duration (ms)": "duration_ms"}
TEXTS = ("track_uri", "track_name", "artist_name", "archetype", "source", "filled_from", "genre", "artist")
DECIMALS = {
    "rating",
    "loudness",
    "tempo",
    *(name.lower() for name, (*_, whole) in RANGES.items() if not whole),
}
AWKWARD = "Say \"Hi\", 'you'\nand;\t|::\\ ’"  # a title
BYTES = b"\",\n\r\t|: \x00\x1a'\\;09-.eE_+A\xff"  # to be inserted


class Unreadable(Exception):
    """The independent reading finds that the bytes are no such file."""


@dataclass(frozen=True)
class Loader:
    """files: {path below the folder: good bytes}; load(folder): what came of it, as plain Python values.

    says(files): the independent reading, which gives the same values or raises Unreadable; None for files
    that carry check sums. tables: {path: how its table is written}. harmless: damages that must leave the
    result right. quick: how many flips, inserted bytes and lost bytes
    of each file are tried where not all are, cuts 25 times as many; 0: none ever, for it is slow.
    """

    name: str
    files: dict
    load: Callable
    says: Callable | None = None
    tables: dict | None = None
    errors: tuple = (ValueError,)
    harmless: tuple = ()
    quick: int = 40


@dataclass(frozen=True)
class Table:
    """separator; header: whether there is one; quotes: whether they mean anything; text: a column of text."""

    separator: str = ","
    header: bool = True
    quotes: bool = True
    text: int | None = None
    encoding: str = "utf-8"

    def rows(self, raw):
        text = raw.decode(self.encoding)
        if self.quotes:
            return list(csv.reader(io.StringIO(text, newline=""), strict=True))
        return [line.split(self.separator) for line in text.split("\n") if line]

    def bytes(self, rows, quoting=csv.QUOTE_MINIMAL):
        if not self.quotes:
            return "".join(self.separator.join(row) + "\n" for row in rows).encode(self.encoding)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n", quoting=quoting).writerows(rows)
        return text.getvalue().encode(self.encoding)


# ---- damages ----------------------------------------------------------------------------------------------


def damages(loader, everything):
    """(harm, path, the damaged bytes, None where the file is gone, or FOLDER)."""
    for path, raw in loader.files.items():
        rng = random.Random(f"{loader.name} {path}")
        cuts, bits = range(len(raw)), range(8 * len(raw))
        places = [(at, byte) for at in range(len(raw) + 1) for byte in BYTES]
        lost, numbers = range(len(raw)), [len(raw), 8 * len(raw), 5000, len(raw)]
        if not everything or not loader.quick:
            numbers = [25 * loader.quick, loader.quick, loader.quick, loader.quick]
        cuts, bits, places, lost = (
            rng.sample(some, min(len(some), n))
            for some, n in zip((cuts, bits, places, lost), numbers, strict=True)
        )
        for at in cuts:
            yield "truncated", path, raw[:at]
        for bit in bits:
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            yield "bit flipped", path, bytes(flipped)
        for at, byte in places:
            yield "byte inserted", path, raw[:at] + bytes([byte]) + raw[at:]
        for at in lost:
            yield "byte lost", path, raw[:at] + raw[at + 1 :]
        yield "bytes appended", path, raw + b"\x00" * 64
        yield "twice in one", path, raw + raw
        yield from ((harm, path, other) for harm, other in _other_files(raw))
        if path in (loader.tables or {}):
            table = loader.tables[path]
            found = [*_encodings(raw, table), *_tables(raw, table, everything)]
            yield from ((harm, path, damaged) for harm, damaged in found if damaged != raw)


def _other_files(raw):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("file", raw)
    yield "missing", None
    yield "a folder", FOLDER
    yield "empty", b""
    yield "line ends only", b"\n\r\n"
    yield "zip", packed.getvalue()
    yield "gzip", gzip.compress(raw, mtime=0)
    yield "PNG", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + raw[:100]
    yield "zeros", bytes(len(raw))
    yield "a web page", b"<!DOCTYPE html>\n<html><body>Sign in, please</body></html>\n"


def _encodings(raw, table):
    text = raw.decode(table.encoding)
    yield "UTF-8", text.encode()
    yield "Latin-1", text.encode("latin-1", "replace")
    yield "cp1252", text.replace("é", "’").encode("cp1252", "replace")
    yield "byte-order mark", b"\xef\xbb\xbf" + text.encode()
    yield "UTF-16", text.encode("utf-16")
    yield "UTF-16 without a mark", text.encode("utf-16-le")
    yield "UTF-32", text.encode("utf-32")
    yield "CRLF", raw.replace(b"\n", b"\r\n")
    yield "CR", raw.replace(b"\n", b"\r")
    yield "CR CRLF", raw.replace(b"\n", b"\r\r\n")
    yield "no last line end", raw.rstrip(b"\n")
    yield "blank last line", raw + b"\n"
    yield "blank lines", raw.replace(b"\n", b"\n\n")
    yield "blank first line", b"\n" + raw


def _tables(raw, table, everything):
    rows = table.rows(raw)
    for at in range(0, len(rows[0]), 1 if everything else 1 + len(rows[0]) // 6):
        yield "column missing", table.bytes([row[:at] + row[at + 1 :] for row in rows])
        yield "column twice", table.bytes([row[: at + 1] + row[at:] for row in rows])
        yield "field missing", table.bytes([*rows[:-1], rows[-1][:at] + rows[-1][at + 1 :]])
        yield "field added", table.bytes([*rows[:-1], [*rows[-1][:at], "7", *rows[-1][at:]]])
        if at:
            swapped = [[*row[: at - 1], row[at], row[at - 1], *row[at + 1 :]] for row in rows]
            yield "columns swapped", table.bytes(swapped)
            yield "fields swapped", table.bytes([*rows[:-1], swapped[-1]])
            yield "header swapped", table.bytes([swapped[0], *rows[1:]])
    name = ["extra"] if table.header else ["7"]
    for extra in ("7", "x", "", *(["1,2", AWKWARD] if table.quotes else [])):
        kind = "column of text added" if len(extra) > 1 else "column added"
        yield kind, table.bytes([rows[0] + name, *([*row, extra] for row in rows[1:])])
        yield kind, table.bytes([name + rows[0], *([extra, *row] for row in rows[1:])])
    if table.quotes:  # columns shift for who takes every comma for one between fields, or only some rows
        for last in (["1,2", *rows[-1], "3"], ["1", "2", *rows[-1], "1"], ["1,2", *rows[-1]]):
            both = [["a,b", *rows[0], "c"], *(["1,2", *row, "1"] for row in rows[1:-1]), last]
            yield "commas within quotes", table.bytes(both)
    yield "columns reversed", table.bytes([row[::-1] for row in rows])
    yield "header again", table.bytes([*rows[:-1], rows[0], rows[-1]])
    yield "header missing", table.bytes(rows[1:])
    yield "row twice", table.bytes([*rows, rows[-1]])
    yield "rows reversed", table.bytes([*rows[: table.header], *rows[table.header :][::-1]])
    yield "header only", table.bytes(rows[:1])
    if table.quotes:
        yield "all quoted", table.bytes(rows, csv.QUOTE_ALL)
        yield "spaces", table.bytes([[f" {field} " for field in row] for row in rows])
    if table.text is not None:
        for title in (AWKWARD if table.quotes else "\"Say\" 'Hi', you; \\", "", " ", "NA", "x" * 200_000):
            last = [*rows[-1][: table.text], title, *rows[-1][table.text + 1 :]]
            yield "awkward title", table.bytes([*rows[:-1], last])
        for title in ('"', '"open', '"a"b', 'a"b', "a,b", "a|b", "a::b", "a\nb", "a\rb", "a\0b"):
            last = table.separator.join([*rows[-1][: table.text], title, *rows[-1][table.text + 1 :]])
            yield "title not quoted", table.bytes(rows[:-1]) + f"{last}\n".encode(table.encoding)


# ---- one load ---------------------------------------------------------------------------------------------


class Hang(BaseException):
    pass


def _hang(*_):
    raise Hang


def put(folder, path, raw):
    """The file at folder/path, whatever was there before."""
    target = Path(folder) / path
    if target.is_dir():
        target.rmdir()
    if raw is None:
        target.unlink(missing_ok=True)
    elif raw is FOLDER:
        target.unlink()
        target.mkdir()
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)


def attempt(loader, folder, files, good):
    """(verdict, why) of one load of `files`, which lie in the folder; good: what the undamaged ones give."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _hang)
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
    result = error = None
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = loader.load(Path(folder))
        except Hang:
            return "hang", f"still busy after {LIMIT} s"
        except Exception as raised:
            error = raised
        finally:
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, 0)
    if said:
        return "crash", f"a warning: {said[0].message}"
    if error is not None:
        named = any(Path(path).name in str(error) for path in loader.files)
        if type(error) in loader.errors and named and len(str(error)) < 2000:
            return "clear error", f"{type(error).__name__}: {error}"
        return "crash", "".join(traceback.format_exception(error))[-1500:]
    if result == good:
        return "right", ""
    if loader.says is None:
        return "wrong", f"got {result}"
    try:
        expected = loader.says(files)
    except Unreadable as reason:
        return "wrong", f"got {result}, but the bytes are unreadable: {reason}"
    return ("as the bytes say" if result == expected else "wrong"), f"got {result}, bytes say {expected}"


def run(loader, everything=False):
    """({harm: Counter of verdicts}, [(harm, path, bytes, verdict, why) of what must not be])."""
    counts, bad = {}, []
    with tempfile.TemporaryDirectory(prefix="rbm_damage_") as folder:
        for path, raw in loader.files.items():
            put(folder, path, raw)
        good = loader.load(Path(folder))
        assert loader.says is None or loader.says(loader.files) == good, loader.says(loader.files)
        for harm, path, damaged in damages(loader, everything):
            put(folder, path, damaged)
            verdict, why = attempt(loader, folder, {**loader.files, path: damaged}, good)
            put(folder, path, loader.files[path])
            counts.setdefault(harm, Counter())[verdict] += 1
            if verdict in VERDICTS[3:] or (harm in loader.harmless and verdict != "right"):
                bad.append((harm, path, damaged, verdict, why))
    return counts, bad


# ---- the independent readings -----------------------------------------------------------------------------


def text_of(raw, *also, returns=True):
    """The text in UTF-8 or in one of `also`, unless there is none."""
    if not isinstance(raw, bytes) or b"\0" in raw:
        raise Unreadable("no text file")
    for encoding in ("utf-8", *also):
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode(encoding)
        except UnicodeDecodeError:
            continue
        if not returns and "\r" in (text := text.replace("\r\n", "\n")):
            raise Unreadable("a carriage return of its own")
        return text
    raise Unreadable("the encoding")


def table_of(text, width=None, **options):
    """The rows that are not blank, read by the csv module."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True, **options))
    except csv.Error as error:
        raise Unreadable(error) from None
    rows = [row for row in rows if row]
    if not rows or any(len(row) != (width or len(rows[0])) for row in rows):
        raise Unreadable("another number of fields")
    return rows


def columns_of(text, names, aliases=None):
    """{name: its values}, wherever in the table the column stands, as long as it stands there once."""
    header, *rows = table_of(text)
    header = [(aliases or {}).get(name.strip(), name.strip()) for name in header]
    if any(header.count(name) != 1 for name in names):
        raise Unreadable("the header")
    return {name: [row[header.index(name)] for row in rows] for name in names}


def number(text, kind=int):
    """The number that a field holds: digits, and no _ between them."""
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        return kind(text)
    except ValueError:
        raise Unreadable(f"{text!r} is no {kind.__name__}") from None


def movielens_says(name):
    form, at = FORMATS[name], f"{FORMATS[name].folder}/"

    def fields(files, file, width, separator, *also):
        rows = text_of(files[at + file], *also, returns=False).split("\n")
        rows = [row.split(separator) for row in rows if row]
        if any(len(row) != width for row in rows):
            raise Unreadable("another number of fields")
        return rows

    def headed(files, file, width, header):
        first, *rows = table_of(text_of(files[at + file], returns=False), width)
        if ",".join(first) != header:
            raise Unreadable("the header")
        return rows

    def genres(text):
        return [] if text == "(no genres listed)" else text.split("|")

    def says(files):
        users, extra = None, ("latin-1",)
        if name == "100k":
            rows = fields(files, "u.data", 4, "\t")
            genre = fields(files, "u.genre", 2, "|", *extra)
            if [number(k) for _, k in genre] != list(range(len(genre))):
                raise Unreadable("genres out of order")
            items = fields(files, "u.item", 5 + len(genre), "|", *extra)
            movies = [
                (i[0], i[1], [g[0] for g, flag in zip(genre, i[5:], strict=True) if flag == "1"])
                for i in items
            ]
            users = fields(files, "u.user", 5, "|", *extra)
            users = [(number(u[0]), number(u[1]), *u[2:]) for u in users]
        elif name == "1m":
            rows = fields(files, "ratings.dat", 4, "::")
            movies = [(i, t, genres(g)) for i, t, g in fields(files, "movies.dat", 3, "::", *extra)]
            jobs = _OCCUPATIONS_1M
            users = [
                (number(u), number(age), sex, jobs[number(job)], code)
                for u, sex, age, job, code in fields(files, "users.dat", 5, "::", *extra)
            ]
        else:
            rows = headed(files, "ratings.csv", 4, form.header)
            movies = [(i, t, genres(g)) for i, t, g in headed(files, "movies.csv", 3, "movieId,title,genres")]
        ratings = [(number(u), number(m), number(r, float), number(t)) for u, m, r, t in rows]
        years = [re.findall(r"\(([0-9]{4})\)", title) for _, title, _ in movies]
        movies = [
            (number(i), title, int(year[-1]) if year else None, genre)
            for (i, title, genre), year in zip(movies, years, strict=True)
        ]
        return ratings, movies, users or [(user,) for user in sorted({row[0] for row in ratings})]

    return says


def deezer_says(files):
    if files["deezer/train.csv"] is None:
        raise Unreadable("no listens")
    found = {}
    for path, names in (("deezer/train.csv", COLUMNS), ("deezer/test.csv", TEST_COLUMNS)):
        if files[path] is None:
            found[path] = None
            continue
        if not isinstance(files[path], bytes):
            raise Unreadable("no file")
        text = files[path].removeprefix(b"\xef\xbb\xbf").decode("latin-1")  # what is needed is ASCII
        found[path] = {name: [number(v) for v in values] for name, values in columns_of(text, names).items()}
    return found


def exports_say(files):
    """{path: [(line in which the row begins, *the 35 values)]} of the exports that are there."""
    found = {}
    for path, raw in files.items():
        if raw is None:
            continue
        reader, begins, rows = csv.reader(io.StringIO(text_of(raw), newline=""), strict=True), 1, []
        try:
            for row in reader:
                rows += [(begins, row)] if row else []
                begins = reader.line_num + 1
        except csv.Error as error:
            raise Unreadable(error) from None
        header = rows.pop(0)[1] if rows else []
        if any(header.count(name) != 1 for name in SPOTIFY) or any(len(r) != len(header) for _, r in rows):
            raise Unreadable("the header, or another number of fields")
        places = [header.index(name) for name in SPOTIFY]
        found[path] = [(line, *(row[at] for at in places)) for line, row in rows]
    return found


def spotify_says(files):
    """The tracks as dictionaries, by the table of rules in data/README.md."""
    kept = {}
    for path, rows in exports_say(files).items():
        seen = set()
        for _, *values in rows:
            row = dict(zip(SPOTIFY, values, strict=True))
            if tuple(values) not in seen and _usable(row):
                kept.setdefault(row["Track URI"], {}).setdefault(path, _track(row))
            seen.add(tuple(values))
    tracks = []
    for uri in sorted(kept):
        first, *others = (kept[uri][path] for path in files if path in kept[uri])
        for other in others:
            for name in ("album_name", "genres", "isrc"):
                first[name] = first[name] or other[name]
            if first["release_year"] is None and other["release_year"] is not None:
                first |= {k: other[k] for k in ("release_date", "release_year", "release_precision")}
        tracks.append(first | {f"in_{path[-12:-8]}": path in kept[uri] for path in files})
    return tracks


def _usable(row):
    names = row["Track Name"].strip() and row["Artist Name(s)"].strip()
    if not (re.fullmatch("spotify:track:[0-9A-Za-z]{22}", row["Track URI"]) and names):
        return False
    if row["Explicit"].lower() not in ("true", "false") or row["Tempo"] == "0":
        return False
    for name, (low, high, whole) in RANGES.items():
        if not re.fullmatch("[-+.0-9eE]+", row[name]):
            return False
        try:
            value = float(row[name])
        except ValueError:
            return False
        if not low <= value <= high or (whole and value % 1) or (name == "Tempo" and value == 0):
            return False
    return True


def _track(row):
    date, size = row["Album Release Date"], len(row["Album Release Date"])
    try:
        if not re.fullmatch("[0-9]{4}(-[0-9]{2}){0,2}", date):
            raise ValueError
        year = datetime.date.fromisoformat(date + "-01" * ((10 - size) // 3)).year
    except ValueError:
        year = 0
    year = year if year >= 1860 else None
    artists = row["Artist Name(s)"]
    several = re.split(r"(?<!\\),\s*", artists) if "," in row["Artist URI(s)"] else [artists]
    genres = [genre.strip() for genre in row["Artist Genres"].split(",")]
    return {
        "track_uri": row["Track URI"], "track_name": row["Track Name"],
        "artist_name": artists.replace("\\,", ","), "artists": [one.replace("\\,", ",") for one in several],
        "album_name": row["Album Name"], "release_date": date, "release_year": year,
        "release_precision": {4: "year", 7: "month", 10: "day"}[size] if year else None,
        "explicit": row["Explicit"].lower() == "true", "isrc": row["ISRC"] or None,
        "genres": [genre for i, genre in enumerate(genres) if genre and genre not in genres[:i]],
        **{FEATURE.get(name, name.lower().replace(" ", "_")): float(row[name]) for name in RANGES},
    }  # fmt: skip


def listeners_say(files):
    found = {}
    for path, raw in files.items():
        text = text_of(raw)
        header, *_ = table_of(text)
        columns = columns_of(text, header)
        for name in columns:
            if name in TEXTS:
                continue
            if name == "timestamp":
                columns[name] = [_time(value) for value in columns[name]]
            elif name.endswith(("_low", "_high")):
                columns[name] = [number(value, float) if value else None for value in columns[name]]
            else:
                kind = float if name in DECIMALS else int
                columns[name] = [number(value, kind) for value in columns[name]]
        found[path] = columns
    return found


def _time(text):
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").isoformat() + "Z"
    except ValueError:
        raise Unreadable(text) from None


def ratings_say(files):
    alias = {"userId": "user_id", "movieId": "item_id", "movie_id": "item_id"}
    columns = columns_of(text_of(files["ratings.csv"]), ("user_id", "item_id", "rating"), alias)
    users, items, stars = ([value.strip() for value in values] for values in columns.values())
    pairs = list(zip(users, items, strict=True))
    if len(set(pairs)) < len(pairs):
        raise Unreadable("a pair twice")
    return [(*pair, number(rating, float)) for pair, rating in zip(pairs, stars, strict=True)]


def titles_say(files):
    alias = {"movieId": "item_id", "movie_id": "item_id"}
    items, titles = columns_of(text_of(files["titles.csv"]), ("item_id", "title"), alias).values()
    pairs = {(item.strip(), title.strip()) for item, title in zip(items, titles, strict=True)}
    if len({item for item, _ in pairs}) < len(pairs):
        raise Unreadable("an item with two titles")
    return dict(pairs)


# ---- the loaders ------------------------------------------------------------------------------------------


def plain(value):
    """Tensors, machines, frames and what holds them, as plain values that can be compared."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, pd.DataFrame):
        return {name: plain(value[name].tolist()) for name in value}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if pd.isna(value) else value


def movielens(folder, name):
    data = load_movielens(name, folder, download=False, synthetic=False, verbose=False)
    tables = (data.ratings, data.movies, data.users)
    return tuple([tuple(plain(row)) for row in table.itertuples(index=False)] for table in tables)


def deezer(folder):
    data = load_deezer(folder, download=False, synthetic=False, verbose=False)
    tables = {"deezer/train.csv": data.train, "deezer/test.csv": data.test}
    return {path: None if table is None else plain(table) for path, table in tables.items()}


def export(frame):
    return [(line, *row) for line, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]


def one_export(folder):
    return {EXPORT[0]: export(read_export(folder / EXPORT[0])[0])}


def spotify(folder):
    data = load_spotify(folder, download=False, synthetic=False, verbose=False)
    return [plain(row) for row in data.tracks.to_dict("records")]


def listeners(folder):
    data = read_listeners(folder)
    heard, form = data.interactions, "%Y-%m-%dT%H:%M:%SZ"
    heard = heard.assign(timestamp=heard["timestamp"].dt.strftime(form))
    return {"interaction_data.csv": plain(heard), "user_profiles.csv": plain(data.profiles)}


def ratings(folder):
    frame = sources.load_source({"ratings": folder / "ratings.csv"}).ratings
    return [(str(user), str(item), rating) for user, item, rating in frame.itertuples(index=False)]


def titles(folder):
    found = sources.titles_of({"item_ids": [1]}, folder / "titles.csv")
    return {str(item): title for item, title in found.items()}


def archive(folder):
    """The MovieLens archive, unpacked where nothing may be left of a damaged one."""
    target = folder / "unpacked" / "ml-100k"
    try:
        safe_extract(folder / "set.zip", target, MEMBERS)
    except Exception:
        assert not target.exists() and not any(target.parent.iterdir()), "something was left"
        raise
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    shutil.rmtree(target)
    return found


def pinned(folder):
    """The same through load_movielens, which knows its SHA-256."""
    known = {"100k": replace(FORMATS["100k"], sha256=hashlib.sha256(ZIP).hexdigest())}
    with patch.dict(FORMATS, known), patch.dict(os.environ, RBM_OFFLINE="1"):
        try:
            return movielens(folder, "100k")
        finally:
            shutil.rmtree(folder / "ml-100k", ignore_errors=True)


def model(folder):
    machine = load_model(folder / "model.pt")
    header, content = read_checkpoint(folder / "model.pt")
    parameters = [(name, p.requires_grad, plain(p)) for name, p in machine.named_parameters()]
    return repr(machine), parameters, header, plain(content["training"])


def _good_zip():
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as target:
        for member in MEMBERS:
            text = test_movielens.FILES["100k"].get(Path(member).name, "")
            target.writestr(zipfile.ZipInfo(member), text.encode("latin-1"))
    return raw.getvalue()


def _good_models():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        gaussian = RBM(3, 2, "gaussian", seed=0, weight_std=1)
        gaussian.log_variance.requires_grad_(False)
        nested = {"note": "σ", "deep": [{"scale": [0.5, 1.0], "none": None}, True]}
        yield "model file, RBM", save_model(gaussian, path, settings=nested).read_bytes()
        deep = DBM([3, 2, 2], "categorical", 3, seed=0, weight_std=1)
        yield "model file, DBM", save_model(deep, path).read_bytes()
        yield "model file, DBN", save_model(DBN([3, 2, 2], n_classes=2, seed=0), path).read_bytes()
        path.unlink()
        fit(
            RBM(3, 2, seed=0), torch.eye(3), method="pcd", n_chains=2, epochs=2, batch_size=2,
            generator=torch.Generator().manual_seed(0), checkpoint=path, device="cpu", progress=False,
        )  # fmt: skip
        yield "checkpoint of a training", path.read_bytes()


def _good_listeners():
    tracks = TRACKS.assign(track_name=[f"Chanson {k}, é’s" for k in range(len(TRACKS))])
    table = (
        Archetype("A", 1, 2, (Range("energy", 0.5),)),
        Archetype("B", 1, 1, (Range("valence", 0.1, 0.5),)),
    )
    with tempfile.TemporaryDirectory() as folder:
        made = simulate_listeners(tracks, 2, archetypes=table, discovery_share=0.5, n_discovery=1)
        return {path.name: path.read_bytes() for path in write_listeners(made, folder)}


def _spotify_files():
    track = test_spotify.track
    first = [track(1, Track_Name="Misérables’"), track(2, ISRC="", Artist_Genres="")]
    second = [track(2, Album_Release_Date="1981-05"), track(3, Album_Name="A, B")]
    pairs = zip(EXPORT, (first, second), strict=True)
    return {path: Table().bytes([SPOTIFY, *([r[c] for c in SPOTIFY] for r in rows)]) for path, rows in pairs}


EXPORT = ("spotify/top_10000_1960-now.csv", "spotify/top_10000_1950-now.csv")
MEMBERS = [f"ml-100k/{file}" for file in (*FORMATS["100k"].files, *FORMATS["100k"].extra)]
ZIP = _good_zip()
LATIN = {"quotes": False, "header": False, "encoding": "latin-1"}
SAME = ("byte-order mark", "CRLF", "no last line end", "blank last line")
HEADED = (*SAME, "blank lines", "all quoted", "column added", "columns reversed")


def _movielens(name, tables, **options):
    at = f"{FORMATS[name].folder}/"
    files = {
        at + file: text.encode(tables[file].encoding) for file, text in test_movielens.FILES[name].items()
    }
    tables = {at + file: table for file, table in tables.items()}
    load = partial(movielens, name=name)
    return Loader(f"MovieLens {name}", files, load, movielens_says(name), tables, harmless=SAME, **options)


def _deezer():
    """train.csv has a column of text more; test.csv has quotes."""
    rows = [test_deezer.listen(k, ts_listen=90_000 * k) for k in range(1, 4)]
    rows = [{"sample_id": k, "title": f"Été {k}"} | row for k, row in enumerate(rows)]
    train = test_deezer.to_csv(rows, ["title", *COLUMNS]).encode()
    test = Table().bytes([TEST_COLUMNS, *([r[c] for c in TEST_COLUMNS] for r in rows)], csv.QUOTE_ALL)
    files = {"deezer/train.csv": train, "deezer/test.csv": test}
    tables = {"deezer/train.csv": Table(text=0), "deezer/test.csv": Table()}
    return Loader("Deezer", files, deezer, deezer_says, tables, harmless=HEADED)


def _loaders():
    yield _movielens("100k", {
        "u.data": Table("\t", **LATIN), "u.item": Table("|", text=1, **LATIN),
        "u.user": Table("|", text=4, **LATIN), "u.genre": Table("|", text=0, **LATIN),
    })  # fmt: skip
    yield _movielens("1m", {
        "ratings.dat": Table("::", **LATIN), "movies.dat": Table("::", text=1, **LATIN),
        "users.dat": Table("::", text=4, **LATIN),
    })  # fmt: skip
    yield _movielens("latest-small", {"ratings.csv": Table(quotes=False), "movies.csv": Table(text=1)})
    yield _deezer()
    files = _spotify_files()
    tables = {path: Table(text=1) for path in files}
    one = {EXPORT[0]: files[EXPORT[0]]}
    yield Loader("Spotify, one file", one, one_export, exports_say, tables, quick=8)
    yield Loader("Spotify, merged", files, spotify, spotify_says, tables, harmless=HEADED, quick=0)
    files = _good_listeners()
    tables = dict(zip(files, (Table(text=2), Table(text=6)), strict=True))
    yield Loader("interactions and profiles", files, listeners, listeners_say, tables, harmless=SAME[:3])
    files = {"ratings.csv": 'user_id,item_id,rating\n1,2,3\né,"a,b",0.5\n7,2,4.5\n'.encode()}
    errors = (ValueError, FileNotFoundError, IsADirectoryError)
    tables, options = {"ratings.csv": Table(text=1)}, {"errors": errors, "harmless": HEADED}
    yield Loader("ratings of one's own", files, ratings, ratings_say, tables, **options)
    tables = {"titles.csv": Table(text=1)}
    files = {"titles.csv": 'item_id,title\n1,"Film, é"\n2,’s\n'.encode()}
    yield Loader("titles of one's own", files, titles, titles_say, tables, **options)
    errors = (ValueError, FileNotFoundError, IsADirectoryError, DataUnavailable)
    yield Loader("MovieLens zip, unpacked", {"set.zip": ZIP}, archive, errors=errors)
    yield Loader("MovieLens zip, by its SHA-256", {"ml-100k.zip": ZIP}, pinned, errors=errors)
    for name, raw in _good_models():
        yield Loader(name, {"model.pt": raw}, model, errors=(CheckpointError, FileNotFoundError))


LOADERS = {loader.name: loader for loader in _loaders()}


def main(everything):
    print(f"{'':32}{'loads':>7}" + "".join(f"{verdict:>19}" for verdict in VERDICTS))
    failed = 0
    for loader in LOADERS.values():
        counts, bad = run(loader, everything)
        total = sum(counts.values(), Counter())
        print(f"{loader.name:32}{total.total():7}" + "".join(f"{total[v]:>19}" for v in VERDICTS), flush=True)
        for harm, path, _, verdict, why in bad[:20]:
            print(f"    {harm}, {path}: {verdict}: {why[:1000]}")
        failed += len(bad)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main("--all" in sys.argv[1:]))
