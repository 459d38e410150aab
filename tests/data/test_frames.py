"""Tables of ratings: their columns, and what a file says."""

import gzip

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data.frames import read_delimited, require_columns, scale_of
from rbm_lib.data.ratings import RatingMatrix


@pytest.mark.parametrize("item", ["item", "item_id", "movieId"])
def test_usual_names_are_found(item):
    frame = pd.DataFrame(columns=["time", "userId", item, "rating"])

    found = require_columns(frame, user=None, item=None, rating=None)

    assert found == ["userId", item, "rating"]


def test_two_usual_names_have_to_be_told_apart():
    frame = pd.DataFrame(columns=["user", "item", "movie_id"])

    with pytest.raises(ValueError, match=r"got the columns \['item', 'movie_id'\]"):
        require_columns(frame, user=None, item=None)
    assert require_columns(frame, user=None, item="item") == ["user", "item"]
    with pytest.raises(TypeError, match="ratings: got list, expected a DataFrame"):
        require_columns([1], user=None)


def test_a_column_that_is_there_twice_is_named():
    frame = pd.DataFrame([[1, 2, 5, 5]], columns=["user", "item", "rating", "rating"])

    with pytest.raises(ValueError, match=r"got the columns \['rating', 'rating'\]"):
        require_columns(frame, user=None, item=None, rating=None)


@pytest.mark.parametrize("line", ["user,item,rating,user", "user;item;rating;user"])
def test_a_column_that_is_there_twice_in_a_file_is_named(tmp_path, line):
    path = tmp_path / "twice.csv"
    sep = line[4]
    path.write_text(line + "\n" + sep.join("1152") + "\n")

    with pytest.raises(
        ValueError, match="twice.csv: got .*the column 'user' is there twice"
    ):
        read_delimited(path, None, None)


def test_a_threshold_above_all_ratings_may_be_on_the_scale():
    assert scale_of(pd.Series([1, 3]), None, np.float32(4), None).threshold == 4


def test_messages_show_plain_numbers():
    with pytest.raises(ValueError, match="stars: got 9 in row 1"):
        scale_of(pd.Series([1, 9], name="stars"), [1, 2], 2, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((None, 3, 0.5), "like_quantile: got it beside another"),
        (([1, 2], 2, None), "rating: got .*3.* in row 2"),
        ((None, None, 2), "like_quantile: got 2"),
        ((None, 9, None), "like_at_least: got 9, expected at most 5"),
        (([1, 2, 3], 4, None), "like_at_least: got 4, expected at most 3"),
        ((None, 0, None), "like_at_least: got 0, expected at least 1"),
        (([1, 2, 3], 0.5, None), "like_at_least: got 0.5, expected at least 1"),
        ((None, np.nan, None), "like_at_least: got nan"),
        ((None, "4", None), "like_at_least: got '4'"),
    ],
)
def test_scales_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        scale_of(pd.Series([1, 2, 3], name="rating"), *options)


def test_ids_in_a_file_stay_as_they_are_written(tmp_path):
    path = tmp_path / "ids.csv"
    long = "9" * 25
    path.write_text(f"a,b,c,d\n1,007,1.0,{long}\n2,,x,{long}\n")

    frame = read_delimited(path, None, None)

    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]
    assert (frame["b"][0], frame["c"][0], frame["d"][0]) == ("007", "1.0", long)


def test_na_is_an_id_and_an_empty_field_is_missing(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("a,b\nNA,null\n,1\n")

    frame = read_delimited(path, None, None)

    assert frame["a"][0] == "NA" and frame["b"].tolist() == ["null", "1"]
    assert frame["a"].isna().tolist() == [False, True]


def test_a_damaged_archive_is_one_clear_error(tmp_path):
    path = tmp_path / "ids.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 9000)[:-20])

    with pytest.raises(ValueError, match="ids.csv.gz: got a file that does not read"):
        read_delimited(path, None, None)


@pytest.mark.parametrize("start", ['{"user": 1}', "[", "{", '[{"user": 1}]'])
def test_json_is_no_table(start, tmp_path):
    (tmp_path / "log.jsonl").write_text(f"{start}\n{start}\n")
    (tmp_path / "guid.csv").write_text("{3F-1},item\n{3F-2},7\n")

    with pytest.raises(ValueError, match=r"log.jsonl: got JSON, .* pandas.read_json"):
        RatingMatrix.from_csv(tmp_path / "log.jsonl")
    assert len(read_delimited(tmp_path / "guid.csv", None, None)) == 1
