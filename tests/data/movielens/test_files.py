"""The files of three MovieLens sets, read to the letter or refused by line."""

import re

import pytest

from rbm_lib.data.movielens.files import FORMATS, read_movies, read_ratings, read_users
from tests.data.movielens.support import FILES, write


def read(folder, name):
    form = FORMATS[name]
    movies = read_movies(folder, form)
    users = read_users(folder, form)
    known = None if users is None else users["user_id"]
    ratings = read_ratings(folder / form.files[0], form, known, movies["movie_id"])
    return ratings, movies


FIRST_AND_LAST = [
    ("100k", 1, "Misérables, Les (1995)", [["Action", "Comedy"], ["unknown"]]),
    ("1m", 1, "Misérables: The Film, Les (1995)", [["Drama", "Musical"], ["Comedy"]]),
    ("latest-small", 0.5, 'Misérables, "Les" (1958) (1995)', [["Drama", "Musical"], []]),
]


@pytest.mark.parametrize(("name", "lowest", "title", "genres"), FIRST_AND_LAST)
def test_ratings_and_movies(tmp_path, name, lowest, title, genres):
    ratings, movies = read(write(tmp_path, name), name)
    assert list(ratings) == ["user_id", "movie_id", "rating", "timestamp"]
    assert ratings.dtypes.astype(str).tolist() == ["int64", "int64", "float64", "int64"]
    assert ratings["user_id"].tolist() == [1, 2, 1]
    assert ratings["movie_id"].tolist() == [2, 1, 1]
    assert ratings["rating"].tolist()[::2] == [5, lowest]
    assert list(movies) == ["movie_id", "title", "year", "genres"]
    assert movies["title"][0] == title
    assert movies["genres"].tolist() == genres
    assert [movies["year"].dtype, *movies["year"].fillna(0)] == ["Int64", 1995, 0]


def test_users(tmp_path):
    users = {name: read_users(write(tmp_path, name), FORMATS[name]) for name in FILES}
    assert list(users["1m"]) == ["user_id", "age", "gender", "occupation", "zip_code"]
    assert users["100k"].iloc[0].tolist() == [1, 24, "M", "technician", "85711"]
    assert users["1m"].iloc[0].tolist() == [1, 1, "F", "K-12 student", "48067"]
    assert users["latest-small"] is None


BAD_RATINGS = [  # the last but one row, with | for the separator
    ("2|2|3.7|1", "column rating: got '3.7', expected one of"),
    ("0|2|4|1", "column user_id: got '0', expected a whole number from 1"),
    ("2|2|4|noon", "column timestamp: got 'noon'"),
    ("2|77|4|1", "column movie_id: got '77', expected one from the table of movies"),
    ("1|2|4|1", "column movie_id: got '2', expected no user_id and movie_id of an earlier"),
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("row", "message"), BAD_RATINGS)
def test_a_bad_rating_is_named(tmp_path, name, row, message):
    file = FORMATS[name].files[0]
    lines = FILES[name][file].splitlines()
    lines[-2] = row.replace("|", {"100k": "\t", "1m": "::", "latest-small": ","}[name])
    folder = write(tmp_path, name, {file: "\n".join(lines)})
    message = f"{folder / file}, line {len(lines) - 1}.*{re.escape(message)}"
    with pytest.raises(ValueError, match=message):
        read(folder, name)


BAD_ROWS = [
    (
        "100k",
        "u.data",
        "9\t2\t5\t1\n",
        "column user_id: got '9', expected one from the tab",
    ),
    ("100k", "u.item", "1|A (1995)|||x|0|1\n", "line 1: got '7 fields', expected 8"),
    (
        "100k",
        "u.item",
        "1|A|||x|0|1|0\n1|B|||x|0|1|0\n",
        "line 2, column movie_id: got '1'",
    ),
    ("100k", "u.item", "1|A|||x|0|7|0\n", "line 1, column Action: got '7'"),
    ("100k", "u.genre", "A|0\nB|0\n", "line 2, column number: got '0'"),
    ("100k", "u.user", "1|x|M|technician|1\n", "line 1, column age: got 'x'"),
    ("1m", "users.dat", "1::F::1::21::48067\n", "line 1, column occupation: got '21'"),
    ("latest-small", "movies.csv", "movieId,genres\n", "expected the columns title, each"),
]


@pytest.mark.parametrize(("name", "file", "text", "message"), BAD_ROWS)
def test_other_bad_rows_are_named(tmp_path, name, file, text, message):
    folder = write(tmp_path, name, {file: text})
    with pytest.raises(ValueError, match=f"{folder / file}.*{message}"):
        read(folder, name)
