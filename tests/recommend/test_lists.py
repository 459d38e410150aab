"""Lists in the data's own ids, in memory and in files."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import RatingMatrix
from rbm_lib.recommend import lists

RATINGS = RatingMatrix(
    ["ann", "bob", "bob"], [7, 7, 9], [1, 1, 0], item_ids=[9, 8, 7], user_ids=["ann", "bob"]
)
SCORES = np.array([[0.1, 0.3, 0.9], [0.2, 0.1, 0.3]])


def scores(rows):
    return SCORES[rows]


def listed(frame):
    return list(zip(frame["user"], frame["item"], frame["rank"], strict=True))


def test_nobody_gets_what_they_have_rated_and_the_best_comes_first():
    frame = lists.recommend(scores, RATINGS, n=5)

    assert listed(frame) == [("ann", 8, 1), ("ann", 9, 2), ("bob", 8, 1)]
    assert frame["score"].tolist() == [0.3, 0.1, 0.1]
    assert listed(lists.recommend(scores, RATINGS, "bob", 1)) == [("bob", 8, 1)]


@pytest.mark.parametrize(
    "options", [{"filter_items": [8]}, {"allow": [9]}, {"allow": [8, 9], "filter_items": 8}]
)
def test_items_can_be_closed_for_everybody(options):
    assert listed(lists.recommend(scores, RATINGS, **options)) == [("ann", 9, 1)]


def test_unknown_ids_are_named():
    with pytest.raises(
        ValueError, match="filter_items: got 1 unknown of 1 ids, the first '9', expected"
    ):
        lists.recommend(scores, RATINGS, filter_items=["9"])
    with pytest.raises(ValueError, match="allow: got 2 unknown of 2 ids, the first 1,"):
        lists.recommend(scores, RATINGS, allow=[1, 2])
    with pytest.raises(ValueError, match="expected user ids of the catalogue"):
        lists.recommend(scores, RATINGS, ["eve"])
    with pytest.raises(ValueError, match="n: got 0"):
        lists.recommend(scores, RATINGS, n=0)


@pytest.mark.parametrize("name", ["allow", "filter_items"])
def test_unknown_items_are_ignored_with_one_warning_that_counts_them(name, monkeypatch):
    expected = lists.recommend(scores, RATINGS, **{name: [9, 7]})
    monkeypatch.setattr(lists, "CELLS_AT_ONCE", 1)  # a batch for each user

    with pytest.warns(
        UserWarning, match=f"{name}: got 2 unknown of 4 ids, the first 1,"
    ) as w:
        found = lists.recommend(scores, RATINGS, **{name: [9, 1, 7, 2]})

    assert len(w) == 1
    assert found.equals(expected)


def test_batches_give_the_same_lists(monkeypatch):
    whole = lists.recommend(scores, RATINGS)
    monkeypatch.setattr(lists, "CELLS_AT_ONCE", 1)

    assert lists.recommend(scores, RATINGS).equals(whole)
    assert len(lists.recommend(scores, RATINGS, [])) == 0


@pytest.mark.parametrize("name", ["lists.csv", "lists.csv.gz"])
def test_a_file_gets_every_part_once(tmp_path, name):
    parts = lists.list_batches(scores, RATINGS)

    assert lists.write_parts(tmp_path / name, parts) == 3
    assert listed(pd.read_csv(tmp_path / name)) == listed(lists.recommend(scores, RATINGS))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_parquet_has_the_types_of_the_frame(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "lists.parquet"

    lists.write_parts(path, lists.list_batches(scores, RATINGS))

    assert listed(pd.read_parquet(path)) == listed(lists.recommend(scores, RATINGS))


def test_parquet_has_text_in_all_parts_although_an_empty_one_has_no_type(
    tmp_path, monkeypatch
):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(lists, "CELLS_AT_ONCE", 1)
    path = tmp_path / "lists.parquet"
    whole = lists.recommend(scores, RATINGS)

    def titled(users=None):
        for part in lists.list_batches(scores, RATINGS, users):
            yield part.assign(title=[f"title of {item}" for item in part["item"]])

    assert lists.write_parts(path, titled()) == len(whole)
    expected = whole.assign(title=[f"title of {item}" for item in whole["item"]])
    pd.testing.assert_frame_equal(pd.read_parquet(path), expected, check_dtype=False)
    assert lists.write_parts(path, titled([])) == 0
    assert list(pd.read_parquet(path)) == list(expected)


def test_an_interrupted_file_is_not_left_behind(tmp_path):
    def parts():
        yield lists.recommend(scores, RATINGS)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lists.write_parts(tmp_path / "lists.csv", parts())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="path: got lists.xls"):
        lists.write_parts(tmp_path / "lists.xls", parts())


def test_minus_infinity_keeps_an_item_off_the_list():
    table = lists.recommend(
        lambda rows: np.tile([1.0, -np.inf, 2.0], (len(rows), 1)), RATINGS, ["bob", "ann"]
    )

    assert listed(table) == [("ann", 9, 1)]


@pytest.mark.parametrize("cells", [1, 7, 2**23])
def test_batches_are_small_and_together_all_rows(cells, monkeypatch):
    monkeypatch.setattr(lists, "CELLS_AT_ONCE", cells)

    parts = list(lists.in_batches(np.arange(10), 3))

    assert np.concatenate(parts).tolist() == list(range(10))
    assert max(map(len, parts)) == min(10, max(1, cells // 3))
