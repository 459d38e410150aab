"""The files of MovieLens 100K, 1M and latest-small."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from rbm_lib.data.tables import TEXT, Column, Schema, check_rows, read_table

_GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
_MIRROR = "https://huggingface.co/datasets/Recommenders/MovieLens/resolve/main/"


@dataclass(frozen=True)
class Format:
    """Where one set comes from and which files it has."""

    title: str
    folder: str  # and the name of the zip
    sha256: str
    files: tuple[str, ...]  # ratings, movies, then the other ones needed
    extra: tuple[str, ...]
    mirrors: tuple[str, ...] = (_GROUPLENS, _MIRROR)
    stand_in: tuple[int, ...] = ()  # users, movies, ratings; by default those of 100K


FORMATS = {
    "100k": Format(
        "MovieLens 100K", "ml-100k",
        "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        ("u.data", "u.item", "u.user", "u.genre"),
        ("README", *(f"u{k}.{part}" for k in range(1, 6) for part in ("base", "test"))),
    ),
    "1m": Format(
        "MovieLens 1M", "ml-1m",
        "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        ("ratings.dat", "movies.dat", "users.dat"), ("README",),
        stand_in=(6040, 3706, 1_000_209),
    ),
    "latest-small": Format(
        "MovieLens latest-small", "ml-latest-small",
        "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
        ("ratings.csv", "movies.csv"), ("README.txt",), (_GROUPLENS,),
    ),
}  # fmt: skip
_OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist",
    "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip
_ID = Column("int64", 1, 10**18)
_COUNT = Column("int64", 0, 10**18)
_STARS = Column("float64", allowed=(1, 2, 3, 4, 5))
_HALF_STARS = Column("float64", allowed=(0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5))
_RATING = {"user_id": _ID, "movie_id": _ID, "rating": _STARS, "timestamp": _COUNT}
_MOVIE = {"movie_id": _ID, "title": TEXT, "genres": TEXT}
_ITEM = {"movie_id": _ID, "title": TEXT, "released": TEXT, "video": TEXT, "url": TEXT}
_USER = {"user_id": _ID, "age": _ID, "gender": TEXT, "occupation": TEXT, "zip_code": TEXT}
_JOB = Column("int64", 0, len(_OCCUPATIONS_1M) - 1)
_USER_1M = {"user_id": _ID, "gender": TEXT, **_USER, "occupation": _JOB}
_PAIR = ("user_id", "movie_id")
_NAMES = {"userId": "user_id", "movieId": "movie_id"}
_SCHEMAS = {
    "u.data": Schema(_RATING, _PAIR, "\t"),
    "u.item": Schema(_ITEM, ["movie_id"], "|"),
    "u.user": Schema(_USER, ["user_id"], "|"),
    "u.genre": Schema({"genre": Column(), "number": _COUNT}, ["number"], "|"),
    "ratings.dat": Schema(_RATING, _PAIR, "::"),
    "movies.dat": Schema(_MOVIE, ["movie_id"], "::"),
    "users.dat": Schema(_USER_1M, ["user_id"], "::"),
    "ratings.csv": Schema(_RATING | {"rating": _HALF_STARS}, _PAIR, aliases=_NAMES),
    "movies.csv": Schema(_MOVIE, ["movie_id"], aliases=_NAMES),
}  # fmt: skip


def read_movies(folder: Path, form: Format) -> pd.DataFrame:
    """Read movie_id, title, year (may be missing) and genres (list of str) of movies."""
    path = folder / form.files[1]
    schema = _SCHEMAS[path.name]
    if path.name == "u.item":
        listed = read_table(folder / "u.genre", _SCHEMAS["u.genre"]).sort_values("number")
        names = listed["genre"].tolist()
        columns = _ITEM | dict.fromkeys(names, Column("int64", 0, 1))
        table = read_table(path, replace(schema, columns=columns))
        flags = table[names].to_numpy(dtype=bool)
        genres = [[names[k] for k in row.nonzero()[0]] for row in flags]
    else:
        table = read_table(path, schema)
        genres = [text.split("|") for text in table["genres"]]
        genres = [[] if names == ["(no genres listed)"] else names for names in genres]
    movies = table[["movie_id", "title"]].reset_index(drop=True)
    year = pd.Series(movies["title"]).str.extract(r"(?s)^.*\(([0-9]{4})\)", expand=False)
    return movies.assign(year=year.astype("float64").astype("Int64"), genres=genres)


def read_users(folder: Path, form: Format) -> pd.DataFrame | None:
    """Read user_id, age, gender, occupation, zip_code; None if there is no table."""
    if form.files[-1] == "movies.csv":
        return None
    path = folder / form.files[2]
    users = read_table(path, _SCHEMAS[path.name]).reset_index(drop=True)
    if path.name == "users.dat":
        jobs = [_OCCUPATIONS_1M[code] for code in users["occupation"]]
        users["occupation"] = jobs
    return users.loc[:, list(_USER)]


def read_ratings(
    path: Path, form: Format, users: Collection[int] | None, movies: Collection[int]
) -> pd.DataFrame:
    """Read user_id, movie_id, rating, timestamp of all ratings, or of a published fold.

    Raises ValueError if the file does not fit, or for an id not among `users` or `movies`.
    """
    ratings = read_table(path, _SCHEMAS[form.files[0]])
    for name, known in {"user_id": users, "movie_id": movies}.items():
        if known is not None:
            expected = f"one from the table of {name[:-3]}s"
            check_rows(path, ratings, name, ratings[name].isin(known), expected)
    return ratings.reset_index(drop=True)
