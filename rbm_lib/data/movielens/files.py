"""The three formats of the MovieLens files: read quickly, and the first wrong row is named."""

import csv
import io
import re
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from rbm_lib.data.text import decode

_GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
_MIRROR = "https://huggingface.co/datasets/Recommenders/MovieLens/resolve/main/"  # byte-identical copies
_FOLDS = [f"u{k}.{part}" for k in range(1, 6) for part in ("base", "test")]


@dataclass(frozen=True)
class Format:
    """Where one set comes from and how its files are written."""

    title: str
    folder: str  # and the name of the zip
    sha256: str
    files: tuple  # ratings, movies, then the other ones needed
    separator: str
    extra: tuple = ()
    mirrors: tuple = (_GROUPLENS, _MIRROR)
    header: str = ""
    scale: tuple = (1, 2, 3, 4, 5)
    stand_in: tuple = ()  # users, movies, ratings of the stand-in, where not those of 100K


FORMATS = {
    "100k": Format(
        "MovieLens 100K", "ml-100k", "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        ("u.data", "u.item", "u.user", "u.genre"), "\t", extra=("README", *_FOLDS),
    ),
    "1m": Format(
        "MovieLens 1M", "ml-1m", "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        ("ratings.dat", "movies.dat", "users.dat"), "::", extra=("README",), stand_in=(6040, 3706, 1_000_209),
    ),
    "latest-small": Format(
        "MovieLens latest-small", "ml-latest-small",
        "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436", ("ratings.csv", "movies.csv"),
        ",", extra=("README.txt",), mirrors=(_GROUPLENS,), header="userId,movieId,rating,timestamp",
        scale=tuple(np.arange(1, 11) / 2),
    ),
}  # fmt: skip
# A whole file of ratings, a space for the separator. Left to itself, pandas takes 1E9 for a whole number.
_RATINGS = r"(?:(?:\d{1,18} \d{1,18} \d+(?:\.\d+)? \d{1,18})?(?:\n|\Z))*+"
_OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer",
    "programmer", "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer",
    "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip


def _text(path, strict=False):
    """The text, without byte-order mark and carriage returns. strict: UTF-8 only, else Latin-1 too."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: unpack the whole archive")
    text = decode(path.read_bytes(), partial(_bad, path), None if strict else "latin-1")
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise ValueError(f"{path} is empty: unpack the archive afresh")
    if "\r" in text:
        line = text[: text.index("\r")].count("\n") + 1
        raise _bad(path, line, "a carriage return, and no line feed after it")
    return text


def _bad(path, line, what):
    return ValueError(f"{path}, line {line}: {what}. Mend the line, or unpack the archive afresh")


def _identifier(path, line, field, what):
    if not re.fullmatch(r"\d{1,18}", field, re.ASCII) or int(field) == 0:
        raise _bad(path, line, f"{what} {field!r} is not a whole number above 0")
    return int(field)


def _identifiers(path, rows, what):
    """The ids of a table given as (line, id) pairs, each of them once."""
    seen = {}
    for line, field in rows:
        number = _identifier(path, line, field, what)
        if seen.setdefault(number, line) != line:
            raise _bad(path, line, f"{what} {number} stands already in line {seen[number]}")
    return np.array(list(seen), dtype=np.int64)


def _rows(path, separator, least, header=""):
    """(line number, fields) of each line of a small table, quotes resolved in comma-separated files."""
    text = _text(path, strict=separator == ",")
    if separator == ",":
        reader = csv.reader(io.StringIO(text), strict=True)
        rows = ((reader.line_num, fields) for fields in reader)
    else:
        rows = ((n, line.split(separator)) for n, line in enumerate(text.split("\n"), 1) if line)
    try:
        for line, fields in rows:
            if header:
                if ",".join(fields) != header:
                    raise _bad(path, 1, f"the columns are {','.join(fields)!r}, expected {header!r}")
                header = ""
            elif fields and len(fields) != least:
                raise _bad(path, line, f"{len(fields)} fields, expected {least}")
            elif fields:
                yield line, fields
    except csv.Error as error:
        raise _bad(path, reader.line_num, str(error)) from None


def read_movies(folder, form):
    """DataFrame movie_id, title, year, genres. Raises ValueError naming the first wrong line."""
    path = folder / form.files[1]
    if form.separator == "\t":
        names = []
        for line, (genre, place) in _rows(folder / "u.genre", "|", 2):
            if place != str(len(names)):
                what = f"the number of the genre is {place!r}, expected {len(names)}"
                raise _bad(folder / "u.genre", line, what)
            names.append(genre)
        table = []
        for line, fields in _rows(path, "|", 5 + len(names)):
            if not set(fields[5:]) <= {"0", "1"}:
                raise _bad(path, line, f"genre flags {'|'.join(fields[5:])!r} are not all 0 or 1")
            genres = [name for name, flag in zip(names, fields[5:], strict=True) if flag == "1"]
            table.append((line, *fields[:2], genres))
    else:
        header = "movieId,title,genres" if form.header else ""
        table = [(line, *f[:2], f[2].split("|")) for line, f in _rows(path, form.separator, 3, header)]
    years = [(re.findall(r"\((\d{4})\)", title) or [None])[-1] for _, _, title, _ in table]
    columns = {
        "movie_id": _identifiers(path, [row[:2] for row in table], "movie id"),
        "title": [title for _, _, title, _ in table],
        "year": pd.array([None if year is None else int(year) for year in years], dtype="Int64"),
        "genres": [[] if genres == ["(no genres listed)"] else genres for _, _, _, genres in table],
    }
    return pd.DataFrame(columns)


def read_users(folder, form):
    """DataFrame user_id, age, gender, occupation, zip_code; None for a set that has no such table."""
    if form.separator == ",":
        return None
    path, columns = folder / form.files[2], ["user_id", "age", "gender", "occupation", "zip_code"]
    if form.separator == "\t":
        rows = [(line, *fields) for line, fields in _rows(path, "|", 5)]
    else:
        rows = [(line, user, age, gender, *rest) for line, (user, gender, age, *rest) in _rows(path, "::", 5)]
    users = _identifiers(path, [row[:2] for row in rows], "user id")
    people = []
    for user, (line, _, age, gender, job, code) in zip(users, rows, strict=True):
        if form.separator == "::":
            if not (job.isdecimal() and int(job) < len(_OCCUPATIONS_1M)):
                raise _bad(path, line, f"occupation {job!r} is not 0 to {len(_OCCUPATIONS_1M) - 1}")
            job = _OCCUPATIONS_1M[int(job)]
        people.append((user, _identifier(path, line, age, "age"), gender, job, code))
    return pd.DataFrame(people, columns=columns).astype({"user_id": "int64", "age": "int64"})


def read_ratings(path, form, users, movies):
    """DataFrame user_id, movie_id, rating, timestamp. Raises ValueError naming the first wrong line."""
    text = _text(path, strict=True)
    if form.header:
        first, _, text = text.partition("\n")
        if first != form.header:
            raise _bad(path, 1, f"the columns are {first!r}, expected {form.header!r}")
    names = ["user_id", "movie_id", "rating", "timestamp"]
    if not text.strip():
        raise ValueError(f"{path} holds no ratings: unpack the archive afresh")
    kinds = {"user_id": "int64", "movie_id": "int64", "rating": "float64", "timestamp": "int64"}
    if re.fullmatch(_RATINGS.replace(" ", form.separator), text, re.ASCII):
        table = io.StringIO(text.replace("::", "\t"))
        separator = form.separator.replace("::", "\t")
        frame = pd.read_csv(table, sep=separator, names=names, dtype=kinds, na_filter=False)
        fine = frame.rating.isin(form.scale) & (frame.user_id > 0) & frame.movie_id.isin(movies)
        fine &= ~frame.duplicated(["user_id", "movie_id"])
        if fine.all() and (users is None or frame.user_id.isin(users).all()):
            return frame
    _first_wrong(path, text, form, None if users is None else set(users), set(movies))
    raise ValueError(f"{path} could not be read as ratings: unpack the archive afresh")


def _first_wrong(path, text, form, users, movies):
    """Line by line, which is slow, and so only done for a file that is known to be wrong."""
    seen, separator = {}, form.separator
    for line, row in enumerate(text.split("\n"), 2 if form.header else 1):
        if not row:
            continue
        fields = row.split(separator)
        if len(fields) != 4:
            raise _bad(path, line, f"{len(fields)} fields, expected 4: user, movie, rating, time")
        user = _identifier(path, line, fields[0], "user id")
        movie = _identifier(path, line, fields[1], "movie id")
        if not re.fullmatch(r"\d+(\.\d+)?", fields[2], re.ASCII) or float(fields[2]) not in form.scale:
            scale = ", ".join(f"{x:g}" for x in form.scale)
            raise _bad(path, line, f"rating {fields[2]!r} is not one of {scale}")
        if not re.fullmatch(r"\d{1,18}", fields[3], re.ASCII):
            raise _bad(path, line, f"time {fields[3]!r} is not a whole number of seconds")
        if movie not in movies:
            raise _bad(path, line, f"movie {movie} is not in the table of movies")
        if users is not None and user not in users:
            raise _bad(path, line, f"user {user} is not in the table of users")
        if seen.setdefault((user, movie), line) != line:
            raise _bad(path, line, f"user {user} rated movie {movie} already in line {seen[user, movie]}")
