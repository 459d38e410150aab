"""A table of items as columns of numbers: what it learns, and what it refuses."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from rbm_lib import RatingMatrix
from rbm_lib.recommend.content import (
    FEWEST,
    FURTHEST,
    KNOTS,
    MOST,
    encoded_column,
    frame_as_json,
    frame_from_json,
    names_in,
    read_content,
)

RATED = ["a", "b", "c", "d"]
ALL = np.arange(4)


def ratings(items=RATED):
    return RatingMatrix(["u"] * len(items), items, [1] * len(items), n_levels=2)


def table(**columns):
    """Four rated items and a new one."""
    columns = columns or {"year": [1990, 1991, 1992, 1993, 2000]}
    return pd.DataFrame({"item": [*RATED, "new"], **columns})


def encoded(values, learned=ALL):
    return encoded_column(pd.Series(values), learned, "x")


# ---- whose content ---------------------------------------------------------------------


def test_the_catalogue_has_the_rated_items_and_then_the_new_ones():
    content = table().iloc[::-1]  # in any order

    items = read_content(content, ratings())

    assert items.ids.tolist() == [*RATED, "new"]
    assert items.is_new.tolist() == [False] * 4 + [True]
    assert (np.diff(items.values[:, 0]) > 0).all()  # years go up, by the order of the ids
    assert items.values.dtype == np.float32


@pytest.mark.parametrize(
    "content",
    [
        table().rename(columns={"item": "film"}),
        table().rename(columns={"item": "movieId"}),
        table().set_index("item"),
        table().set_index("item").rename_axis(None),
    ],
    ids=["as in the ratings", "a usual name", "a named index", "an index"],
)
def test_ids_are_in_a_column_or_in_the_index(content):
    rated = pd.DataFrame({"user": "u", "film": RATED, "rating": 1})

    items = read_content(content, RatingMatrix.from_frame(rated, item="film"))

    assert items.ids.tolist() == [*RATED, "new"]
    assert items.values.shape[0] == 5


def test_an_item_of_the_catalogue_without_ratings_is_new():
    rated = RatingMatrix(["u"] * 3, RATED[:3], [1] * 3, item_ids=RATED)

    items = read_content(table(), rated)

    assert items.ids[items.is_new].tolist() == ["d", "new"]


def test_a_rated_item_without_content_is_an_average_one():
    content = table(hit=[True, False, True, True, True]).drop(index=3)

    with pytest.warns(UserWarning, match="no row for 1 of 4 rated items, the first 'd'"):
        items = read_content(content, ratings())

    assert items.values[:, 0].tolist() == pytest.approx([1, 0, 1, 2 / 3, 1])
    assert items.described.tolist() == [True] * 3 + [False, True]
    assert not items.is_new[3]


# ---- columns ---------------------------------------------------------------------------


def test_a_number_is_standardised_on_rated_items():
    line = encoded([1.0, 2.0, 3.0, 4.0, 900.0])[:, 0]

    assert line[:4].mean() == pytest.approx(0)
    assert line[:4].std() == pytest.approx(1)
    assert line[4] == FURTHEST


def test_a_number_is_near_one_or_two_knots():
    values = encoded([1.0, 2.0, 4.0, 4.0, 900.0, 3.0], np.arange(5))[:, 1:]

    assert values.sum(1).tolist() == pytest.approx([1] * 6)
    assert (values > 0).sum(1).max() == 2
    assert encoded(np.arange(99.0), np.arange(99)).shape == (99, 1 + KNOTS)
    assert encoded([0, 1] * 9, np.arange(18)).shape[1] < 1 + KNOTS


def test_a_date_is_a_number_of_years():
    dates = encoded(pd.to_datetime([f"{year}-01-01" for year in (1991, 1992, 1993, 1994)]))

    np.testing.assert_allclose(dates, encoded([1991, 1992, 1993, 1994]), atol=0.01)


def test_true_and_false_stay_as_they_are():
    assert encoded([True, False, True, True])[:, 0].tolist() == [1, 0, 1, 1]


def test_a_missing_number_is_the_mean_and_a_missing_category_none():
    truth = pd.array([True, None, False, True], dtype="boolean")

    numbers = encoded([1.0, np.nan, 2.0, 3.0])
    np.testing.assert_allclose(numbers[1], numbers[[0, 2, 3]].mean(0))
    assert encoded(truth)[1] == pytest.approx(2 / 3)
    assert not encoded(["x", "x", "x", None])[3].any()
    assert not encoded([np.nan] * 4).any()


@pytest.mark.parametrize(
    "genres",
    [
        ["rock|pop", "rock", "pop | rock", "pop", "rock|opera"],
        [["rock", "pop"], ["rock"], ("pop", "rock"), {"pop"}, ["rock", "opera"]],
    ],
    ids=["text", "lists"],
)
def test_each_category_of_enough_rated_items_has_a_column(genres):
    values = encoded(genres)

    assert values.tolist() == [[1, 1], [0, 1], [1, 1], [1, 0], [0, 1]]  # pop, rock


def test_rare_categories_have_none_and_very_many_are_cut():
    learned = np.arange(4 * FEWEST)
    kinds = pd.Categorical(["x"] * FEWEST + ["y"] * (FEWEST - 1) + list("mnopqrs"))
    many = np.repeat(np.arange(MOST + 5), FEWEST).astype(str)

    assert encoded(kinds, learned[: len(kinds)]).sum() == FEWEST
    assert encoded(many, np.arange(len(many))).shape[1] == MOST


def test_the_names_in_a_cell():
    assert names_in("a| b|") == {"a", "b"}
    assert names_in(["a", 1]) == {"a", "1"}
    assert names_in(3) == {"3"}
    assert names_in(None) == names_in(float("nan")) == names_in("") == set()


# ---- tables that do not fit ------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ([1, 2], TypeError, "content: got list, expected a DataFrame"),
        (table().iloc[:0], ValueError, "content: got no rows, expected one"),
        (
            pd.concat([table(), table()]),
            ValueError,
            "content: got item 'a' twice, expected a row for each",
        ),
        (
            table().drop(columns="item"),
            ValueError,
            r"content: got the columns \['year'\], expected one of ids called 'item'",
        ),
        (
            table().assign(item=[None, *"bcde"]),
            ValueError,
            "content: got a missing value at position 0",
        ),
        (
            table().assign(item=range(5)),
            ValueError,
            "content: got ids such as 0, none of a rated item, .* such as 'a'",
        ),
        (
            pd.concat([table(), table()[["year"]]], axis=1),
            ValueError,
            "content: got the column 'year' twice",
        ),
        (
            table(year=[1, 2, np.inf, 3, 4]),
            ValueError,
            "content: got an infinite number in 'year'",
        ),
        (
            table(one=[7] * 5, title=list("vwxyz")),
            ValueError,
            r"content: got the columns \['one', 'title'\], none of use, expected",
        ),
        (table().set_index("item")[[]], ValueError, r"got the columns \[\], none of use"),
    ],
    ids=str,
)
def test_a_table_that_does_not_fit_is_refused(content, error, message):
    with pytest.raises(error, match=message):
        read_content(content, ratings())


def test_columns_without_use_are_named_and_ignored():
    content = table().assign(one=1, title=list("vwxyz"))

    with pytest.warns(UserWarning, match=r"content: got \['one', 'title'\], expected col"):
        items = read_content(content, ratings())

    np.testing.assert_array_equal(items.values, read_content(table(), ratings()).values)


def test_the_table_stays_as_it_is():
    content = table(year=[1, 2, 3, None, 5], genres=["x", "x", "x", "y", None])
    before = content.copy(deep=True)

    read_content(content, ratings())

    pd.testing.assert_frame_equal(content, before)


# ---- in a file -------------------------------------------------------------------------


def test_a_table_comes_back_from_json():
    content = pd.DataFrame(
        {
            "item": [1, 2, 3],
            "year": [1990.5, None, 2000.0],
            "hit": [True, False, True],
            "known": pd.array([True, None, False], dtype="boolean"),
            "day": pd.to_datetime(["2001-02-03", None, "2004-05-06"]),
            "kind": ["007", None, "x"],
            "genres": [["a", "b"], ["a"], None],
            7: [np.int32(1), np.int32(2), np.int32(3)],
        }
    )
    for frame in (content, content.set_index("item"), content.set_index("kind")):
        stored = json.loads(json.dumps(frame_as_json(frame), allow_nan=False))

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = frame_from_json(stored)

        pd.testing.assert_frame_equal(again, frame, check_dtype=False)
        assert again["year"].dtype == float and again["hit"].dtype == bool
