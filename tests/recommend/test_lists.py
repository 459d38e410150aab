"""Lists with the data's own ids, in batches."""

import numpy as np
import pytest

from rbm_lib.data import RatingMatrix
from rbm_lib.recommend import lists
from rbm_lib.recommend.lists import in_batches, recommend

LIKES = RatingMatrix(
    ["ada", "ada", "bob"], ["x", "y", "y"], [1, 1, 1], item_ids=list("xyz")
)


def test_lists_have_ids_ranks_and_no_item_of_the_past():
    table = recommend(lambda rows: np.tile([1.0, 2.0, 3.0], (len(rows), 1)), LIKES)

    assert table.values.tolist() == [
        ["ada", "z", 1, 3.0],
        ["bob", "z", 1, 3.0],
        ["bob", "x", 2, 1.0],
    ]


def test_minus_infinity_keeps_an_item_off_the_list():
    table = recommend(
        lambda rows: np.tile([1.0, 2.0, -np.inf], (len(rows), 1)), LIKES, ["bob", "ada"]
    )

    assert table[["user", "item"]].values.tolist() == [["bob", "x"]]


@pytest.mark.parametrize("cells", [1, 7, 2**23])
def test_batches_are_small_and_together_all_rows(cells, monkeypatch):
    monkeypatch.setattr(lists, "CELLS_AT_ONCE", cells)

    parts = list(in_batches(np.arange(10), 3))

    assert np.concatenate(parts).tolist() == list(range(10))
    assert max(map(len, parts)) == min(10, max(1, cells // 3))
