"""New people as rows over the items that a model knows."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import RatingMatrix
from rbm_lib.data.frames import TableFormat
from rbm_lib.data.scale import Scale
from rbm_lib.recommend.people import (
    is_new_people,
    new_people,
    pair_columns,
    require_person,
    user_rows,
)

STARS = Scale((1, 2, 3, 4, 5))
KNOWN = RatingMatrix(["a"], ["x"], [4], scale=STARS, item_ids=["x", "y", "z"])
TABLE = pd.DataFrame(
    {"user": ["p", "p", "q"], "item": ["z", "x", "z"], "rating": [1, 5, 4]}
)


def test_a_person_is_a_dict_in_ratings_of_the_scale():
    person = new_people({"z": 1, "x": 5}, KNOWN)

    assert (person.user_ids.tolist(), person.item_ids.tolist()) == (["new"], list("xyz"))
    assert person.triples()[1].tolist() == [0, 2]
    assert person.triples()[2].tolist() == [4, 0]


@pytest.mark.parametrize("form", [TABLE, RatingMatrix.from_frame(TABLE)])
def test_several_people_are_a_table_or_a_matrix(form):
    people = new_people(form, KNOWN)

    assert people.user_ids.tolist() == ["p", "q"]
    assert [part.tolist() for part in people.triples()] == [[0, 0, 1], [0, 2, 2], [4, 0, 3]]


def test_a_table_has_the_columns_of_the_training():
    names = {"user": "who", "item": "film", "rating": "stars"}
    known = RatingMatrix.from_frame(TABLE.rename(columns=names), **names)
    people = new_people(TABLE.rename(columns=names), known)

    assert people.user_ids.tolist() == ["p", "q"]
    assert pair_columns(TABLE.rename(columns=names), known.table_format)[1].tolist() == [
        "z", "x", "z"
    ]  # fmt: skip
    again = pd.concat([TABLE, TABLE.assign(rating=2)])  # of a repeated pair, the last
    assert new_people(again, known).triples()[2].tolist() == [1, 1, 1]


PAIRS = TableFormat()


@pytest.mark.parametrize(
    "pairs",
    [
        [("p", 1), ("q", 2)],
        [["p", 1], ["q", 2]],
        np.array([("p", 1), ("q", 2)], dtype=object),
        zip("pq", [1, 2], strict=True),
        pd.DataFrame({"user": ["p", "q"], "item": [1, 2]}),
    ],
)
def test_pairs_may_have_any_form(pairs):
    users, items = pair_columns(pairs, PAIRS)

    assert (users.tolist(), items.tolist()) == (["p", "q"], [1, 2])


@pytest.mark.parametrize(
    ("pairs", "got"),
    [
        ("ada", "'ada', expected a list"),
        (3, "3, expected a list"),
        (("ada", "film"), "'ada' at position 0, expected"),
        (["ab", "cd"], "'ab' at position 0, expected"),
        ([("ada", "film"), ("ada",)], r"\('ada',\) at position 1, expected"),
    ],
)
def test_what_is_no_pair_is_named_with_the_right_form(pairs, got):
    with pytest.raises(ValueError, match=f"pairs: got {got}.*Give .*, or items alone"):
        pair_columns(pairs, PAIRS)
    assert pair_columns([], PAIRS)[0].tolist() == []


def test_a_person_is_a_dict():
    require_person({"x": 5})
    with pytest.raises(TypeError, match="person: got 'film-3', expected a dict"):
        require_person("film-3")


def test_unknown_items_are_left_out_and_counted():
    with pytest.warns(UserWarning, match="got 2 items .* ignored: 'u', 'v'"):
        person = new_people({"v": 3, "x": 5, "u": 1}, KNOWN)

    assert person.triples()[1].tolist() == [0]
    with pytest.warns(UserWarning, match="got 1 item that"):
        assert new_people({"v": 3}, KNOWN).shape == (1, 3)
    assert new_people({}, KNOWN).shape == (1, 3)


def test_a_rating_off_the_scale_names_its_item():
    with pytest.raises(ValueError, match="rating: got .*7.* in row z .* expected one of"):
        new_people({"x": 5, "z": 7}, KNOWN)
    with pytest.raises(ValueError, match="users: got ratings on .* expected"):
        new_people(RatingMatrix([1], ["x"], [1]), KNOWN)


def test_a_threshold_of_plays_holds_for_a_new_person():
    known = RatingMatrix(["a"], ["x"], [1], scale=Scale.cut(10), item_ids=["x", "y"])

    assert new_people({"x": 9, "y": 300}, known).triples()[2].tolist() == [0, 1]


def test_unknown_users_are_refused_with_a_way_out():
    assert user_rows("a", KNOWN).tolist() == [0]
    with pytest.raises(
        ValueError, match=r"users: got \['eve'\], expected ids of the ratings"
    ):
        user_rows(["a", "eve"], KNOWN)


def test_ids_are_not_new_people():
    assert [is_new_people(users) for users in (None, "a", ["a"], {}, TABLE, KNOWN)] == [
        False, False, False, True, True, True,
    ]  # fmt: skip
