"""Files of ratings: ids, scales, and the first bad line."""

import pytest

from rbm_lib.cli.dataset import open_ratings, read_person
from tests.support import assert_refused

TWO = {"levels": 2, "like_at_least": 4, "scale": [1.0, 2, 3, 4, 5], "item_ids": [7, 9, 11]}
FIVE = TWO | {"levels": 5}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.csv"


def opened(path, text):
    path.write_text(text, encoding="utf-8")
    return open_ratings({"ratings": str(path)})


def person(path, lines, description):
    path.write_text("item_id,rating\n" + lines, encoding="utf-8")
    return read_person(path, description)


def test_ids_are_numbers_if_all_are_and_the_ratings_tell_the_scale(path):
    whole = opened(path, "userId,movieId,rating\n3,10,1\n3,2,5\n")
    half = opened(path, "\ufeffuser_id,item_id,rating\n01,a,4.5\n1,2,5\n")

    assert (whole.item_ids.tolist(), whole.scale) == ([2, 10], [1, 2, 3, 4, 5])
    assert (half.user_ids.tolist(), half.item_ids.tolist()) == (["01", "1"], ["2", "a"])
    assert half.matrix.n_levels == 10


BAD = {
    "1,2,3\n1,3,7\n": "line 3, column rating: got '7'",
    "1,2,3.7\n": "line 2, column rating: got '3.7', expected one of 0.5, 1",
    "1,2,3\n4,2,3\n\n1,2,4\n": "line 5, column item_id: got '2', expected no user_id",
    "1,2,3\n,2,3\n": "line 3, column user_id: got ''",
    "": "got no rows",
}


@pytest.mark.parametrize(("lines", "message"), BAD.items())
def test_the_first_bad_line_is_named(lines, message, path):
    assert_refused(f"r.csv.*{message}", opened, path, "user_id,item_id,rating\n" + lines)


def test_a_person_has_levels_by_the_ids_of_the_model(path):
    assert person(path, "9,5\n7,3\n", TWO) == {9: 1, 7: 0}
    assert person(path, "9,5\n7,3\n", FIVE) == {9: 4, 7: 2}
    assert person(path, "9,5\n", FIVE | {"item_ids": ["9", "x"]}) == {"9": 4}
    assert person(path, "9,3.5\nx,4\n", TWO) == {9: 0, "x": 1}  # fold_in refuses the "x"
    assert person(path, "", FIVE) == {}
    assert_refused("line 2, column rating: got '3.5'", person, path, "9,3.5\n", FIVE)
