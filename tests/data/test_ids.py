"""Ids and levels in any form, and the first bad one by name."""

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.data.ids import (
    as_array,
    as_levels,
    flat_array,
    known_places,
    look_up,
    positions,
)


@pytest.mark.parametrize("convert", [list, np.array, pd.Series, torch.tensor])
def test_ids_and_levels_may_be_of_any_usual_type(convert):
    assert flat_array("ids", convert([3, 1])).tolist() == [3, 1]
    assert as_levels(convert([1.0, 0.0])).tolist() == [1, 0]
    assert look_up("user", np.array([1, 3]), convert([3, 1])).tolist() == [1, 0]


@pytest.mark.parametrize(
    "ids",
    [{3: 0, 1: 0}.keys(), {0: 3, 1: 1}.values(), (3, 1), iter([3, 1]), range(3, 0, -2)],
)
def test_ids_may_come_as_anything_that_has_an_order(ids):
    assert flat_array("ids", ids).tolist() == [3, 1]


def test_known_ids_have_a_place_and_others_none():
    assert known_places(["b", "u"], np.array(["a", "b"])).tolist() == [1, -1]
    assert known_places(["1"], np.array([1])).tolist() == [-1]


def test_a_set_has_no_order():
    with pytest.raises(TypeError, match="item_ids: got a set, which has no order"):
        flat_array("item_ids", {3, 1})


def test_the_catalogue_is_a_copy_or_the_sorted_ids():
    catalogue = np.array(["b", "a"])
    index, known = positions("item", np.array(["a"]), catalogue)
    catalogue[:] = "c"

    assert (index.tolist(), known.tolist()) == ([1], ["b", "a"])
    index, known = positions("item", np.array([7, 5, 7]), None)
    assert (index.tolist(), known.tolist()) == ([1, 0, 1], [5, 7])


@pytest.mark.parametrize("wrong", [1.5, np.nan, np.inf, 2.0**60])
def test_levels_have_to_be_whole_numbers(wrong):
    with pytest.raises(ValueError, match="levels: got .* at position 1, expected whole"):
        as_levels([0, wrong])


def test_unknown_ids_are_named_up_to_five():
    with pytest.raises(ValueError, match=r"ids: got \[2, 3, 4, 5, 6\] and 1 more"):
        look_up("user", np.array([1]), [1, 2, 3, 4, 5, 6, 7])


def test_a_sparse_tensor_is_refused():
    with pytest.raises(TypeError, match="ids: got a torch.sparse_coo tensor"):
        as_array("ids", torch.eye(2).to_sparse())


def test_messages_show_plain_numbers():
    with pytest.raises(ValueError, match="item_ids: got 2 twice"):
        positions("item", np.array([2]), np.array([2, 2]))
