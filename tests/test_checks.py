"""Argument validation: what is accepted becomes a plain value, what is not is named."""

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.checks import (
    as_booleans,
    as_device,
    as_numbers,
    plain_tree,
    require_choice,
    require_flag,
    require_generator,
    require_number,
    require_whole,
)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), torch.tensor(3)])
def test_whole_numbers_of_any_type_become_ints(value):
    assert type(require_whole("k", value)) is int
    assert require_whole("k", value) == 3


@pytest.mark.parametrize("value", [0, 1.5, "3", None, True + 0j, np.nan, torch.ones(2)])
def test_what_is_no_whole_number_is_named(value):
    with pytest.raises(ValueError, match="k: got .*expected a whole number of at least 1"):
        require_whole("k", value)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), torch.tensor(0.5), np.array(0.5)])
def test_numbers_of_any_type_become_floats(value):
    assert type(require_number("lr", value)) is float
    assert require_number("lr", value) == 0.5


@pytest.mark.parametrize("value", [-1, 2, np.inf, np.nan, "0.5", None, [1, 2]])
def test_a_number_outside_its_range_is_named(value):
    with pytest.raises(ValueError, match="lr: got .*at least 0 and at most 1"):
        require_number("lr", value, most=1)


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True)])
def test_flags_of_any_type_become_bools(value):
    assert require_flag("center", value) is True


@pytest.mark.parametrize("value", ["no", 1, 0, None])
def test_what_is_no_flag_is_named(value):
    with pytest.raises(TypeError, match="center: got .*expected True or False"):
        require_flag("center", value)


def test_choices_devices_and_generators():
    assert require_choice("method", "cd", ("cd", "pcd")) == "cd"
    assert as_device("cpu").type == "cpu"
    require_generator(torch.Generator())
    require_generator(None)

    with pytest.raises(ValueError, match="method: got 'x', expected one of"):
        require_choice("method", "x", ("cd", "pcd"))
    with pytest.raises(ValueError, match="device: got 'abacus'"):
        as_device("abacus")
    with pytest.raises(TypeError, match="generator: got int"):
        require_generator(7)


@pytest.mark.parametrize("wrap", [list, np.array, torch.tensor, pd.Series])
def test_numbers_from_any_container(wrap):
    numbers = as_numbers(wrap([1.0, 2.5]), "x", (2,))

    assert numbers.tolist() == [1.0, 2.5]


def test_pandas_missing_values_become_nan():
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})

    numbers = as_numbers(frame, "x", most=None)

    assert numbers[0] == 1 and numbers[1].isnan()


def test_a_tree_of_numbers_becomes_plain_python():
    tree = {np.int64(1): (np.float32(0.5), [np.bool_(True)]), "ids": np.arange(2)}

    assert repr(plain_tree(tree)) == "{1: (0.5, [True]), 'ids': [0, 1]}"


def test_the_callers_array_is_copied():
    array = np.ones(3)
    as_numbers(array, "x")[0] = 5
    assert array[0] == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1e20], "x: got 1e.20 at"),
        ([np.nan], "x: got nan at"),
        ([[1.0]], r"x: got shape \(1, 1\), expected \(any\)"),
        ("a", "x: got str"),
        ([1j], "x: got list, expected numbers"),
        (np.ma.masked_equal([1.0, 0.0], 0), "x: got a masked array"),
        ([np.ma.masked_equal([1.0, 0.0], 0)] * 2, "x: got a masked array"),
        (torch.ones(2).to_sparse(), "x: got a torch.float32 tensor"),
    ],
)
def test_what_are_no_numbers_is_named(value, message):
    with pytest.raises((ValueError, TypeError), match=message):
        as_numbers(value, "x", (None,))


@pytest.mark.parametrize("wrap", [list, np.array, torch.tensor, pd.Series])
def test_masks_from_any_container(wrap):
    assert as_booleans(wrap([True, False]), "mask").tolist() == [True, False]


@pytest.mark.parametrize("value", [[0, 1], torch.ones(2), np.array(["a"]), [[True], []]])
def test_what_is_no_mask_is_named(value):
    with pytest.raises(TypeError, match="mask: got"):
        as_booleans(value, "mask")
