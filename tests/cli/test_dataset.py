"""Files of ratings: ids, scales, and the first bad line."""

import numpy as np
import pytest

from rbm_lib.cli.dataset import open_ratings, read_person
from tests.cli.support import write
from tests.support import assert_refused

TWO = {"levels": 2, "like_at_least": 4, "scale": [1.0, 2, 3, 4, 5], "item_ids": [7, 9, 11]}
FIVE = TWO | {"levels": 5}


def opened(path, text):
    return open_ratings({"ratings": str(write(path, text))})


def test_ids_are_numbers_if_all_are_and_the_scale_is_that_of_the_ratings(tmp_path):
    whole = opened(tmp_path / "r.csv", "userId,movieId,rating\n3,10,1\n3,2,5\n")
    half = opened(tmp_path / "h.csv", "\ufeffuser_id,item_id,rating\n01,a,4.5\n1,2,5\n")

    assert whole.item_ids.tolist() == [2, 10]
    assert whole.scale == [1, 2, 3, 4, 5]
    assert whole.matrix.triples()[2].tolist() == [4, 0]
    assert half.user_ids.tolist() == ["01", "1"]
    assert half.item_ids.tolist() == ["2", "a"]
    np.testing.assert_allclose(half.scale, np.arange(1, 11) / 2)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1,2,3\n1,3,7\n", "line 3, column rating: got '7'"),
        ("1,2,3.7\n", "line 2, column rating: got '3.7', expected one of 0.5, 1"),
        ("1,2,nan\n", "line 2, column rating: got 'nan'"),
        ("1,2,3\n4,2,3\n\n1,2,4\n", "line 5, column item_id: got '2', expected no user_id"),
        ("1,2,3\n,2,3\n", "line 3, column user_id: got ''"),
        ("1,2\n", "line 2: got '2 fields', expected 3"),
        ("", "got no rows"),
    ],
)
def test_the_first_bad_line_is_named(lines, message, tmp_path):
    text = "user_id,item_id,rating\n" + lines

    assert_refused(f"r.csv.*{message}", opened, tmp_path / "r.csv", text)


def test_a_person_is_read_as_levels_by_the_ids_of_the_model(tmp_path):
    me = write(tmp_path / "me.csv", "rating,item_id\n5,9\n3,7\n")
    half = write(tmp_path / "half.csv", "item_id,rating\n9,3.5\nx,4\n")
    empty = write(tmp_path / "empty.csv", "item_id,rating\n")

    assert read_person(me, TWO) == {9: 1, 7: 0}
    assert read_person(me, FIVE) == {9: 4, 7: 2}
    assert read_person(me, FIVE | {"item_ids": ["7", "9", "x"]}) == {"9": 4, "7": 2}
    assert read_person(half, TWO) == {9: 0, "x": 1}  # `fold_in` refuses unknown ids
    assert read_person(empty, FIVE) == {}
    assert_refused("line 2, column rating: got '3.5'", read_person, half, FIVE)
