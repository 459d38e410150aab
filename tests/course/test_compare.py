"""Taking answers apart, comparing them, and saying how they differ."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from rbm_lib.course.compare import (
    align,
    all_numbers,
    column_for_vector,
    describe,
    made_discrete,
    same,
    take_apart,
)

RIGHT = np.arange(1.0, 13).reshape(3, 4) ** 2


def said(got, expected, **options):
    got, expected = take_apart(got), take_apart(expected)
    return describe(align(got, expected), expected, 1e-6, **options)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (-RIGHT, "the size is right, the sign is flipped."),
        (3 * RIGHT, "yours is 3 times the right one, everywhere. An input has this length"),
        (RIGHT / 3, "yours is 0.3333 times the right one, everywhere. An input has"),
        (RIGHT / 7, "yours is 0.1429 times the right one, everywhere."),
        (RIGHT + 0.5, "yours is off by the same amount everywhere: +0.5."),
        (RIGHT.T, "shape (4, 3), the right one (3, 4). The values are right once"),
        (RIGHT[:2], "your result has shape (2, 4), the right one (3, 4)."),
        (RIGHT * np.nan, "values that are not finite"),
        (np.where(RIGHT == 49, 9, RIGHT), "1 of 12 entries differ; at [1, 2] yours is 9"),
        ((RIGHT, 1), "1 result is expected, yours has 2."),
    ],
)
def test_differences_of_arrays_are_named(got, words):
    assert words in said(got, RIGHT, lengths={3, 4})


def test_a_column_in_place_of_a_vector_is_named():
    def named(got, expected):
        return column_for_vector(take_apart(got), take_apart(expected))

    column = RIGHT[:, :1]
    vector = column[:, 0]
    assert "(3,) is asked for, not (3, 1)." in named(column, vector)
    assert (
        named(column, column) == named(vector, column) == named(vector[None], vector) == ""
    )


def test_a_single_result_in_place_of_two_is_shown_by_its_shape():
    words = "2 results are expected, yours has 1. It has shape (4, 3), and the right"

    assert words in said(RIGHT.T, (RIGHT, RIGHT[0]))


def test_the_right_number_of_results_in_another_nesting_is_named():
    said_of_it = said((RIGHT, RIGHT[0], RIGHT), ((RIGHT, RIGHT[0]), RIGHT))

    assert "nested differently" in said_of_it
    assert "[0][0], [0][1], [1] and [0], [1], [2]" in said_of_it


def test_differences_of_numbers_and_parts_are_named():
    assert said(0.75, 0.5) == "yours is 0.75, the right value 0.5."
    assert said((RIGHT, -1), (RIGHT, [1.0, 2.0])).startswith("In part [1]: your result has")


def test_the_tolerance_follows_the_size_and_the_type_of_the_answer():
    def equal(got, expected):
        return same(take_apart(got), take_apart(expected), 1e-6)

    tiny = np.array([1e-9, 2e-9])
    assert not equal(tiny, tiny * (1 + 1e-4))
    assert equal(np.float32([1 + 5e-6]), np.array([1.0]))
    assert not equal(np.float64([1 + 5e-6]), np.array([1.0]))
    assert equal(torch.tensor([1.02]).bfloat16(), np.array([1.0]))


def test_a_dataclass_is_its_fields():
    @dataclass
    class Model:
        W: np.ndarray
        b: float

    assert said([Model(RIGHT, 1.0)], [Model(RIGHT, 2.0)]).startswith(
        "In b of part [0]: yours"
    )
    assert said(Model(RIGHT, 1.0), Model(RIGHT, 2.0)).startswith("In b: yours")


def test_parts_have_names():
    @dataclass
    class Model:
        W: np.ndarray

    got, expected = [Model(RIGHT), Model(RIGHT)], [Model(RIGHT), Model(RIGHT + 1)]
    copies = ("the first copy", "the second copy")

    assert said(got, expected, parts=copies).startswith("In W of the second copy: yours")
    assert said([RIGHT, 1], [RIGHT, 2], parts=("dW", "db")).startswith("In db: yours")
    assert said([RIGHT, 1], [RIGHT, 2], parts=("dW",)).startswith("In part [1]: yours")


def test_lists_stand_for_arrays_and_arrays_for_lists():
    rows = take_apart([torch.ones(4), torch.zeros(4)])
    array = take_apart(np.stack([np.ones(4), np.zeros(4)]))
    ragged = take_apart([np.ones((4, 3)).tolist(), np.ones((4, 2)).tolist()])

    assert same(align(rows, array), array, 0)
    assert same(align(array, rows), rows, 0)
    assert [x.shape for x in ragged.values()] == [(4, 3), (4, 2)]
    assert not same(align(ragged, array), array, 0)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ([0, 1, 1, 0], "zeros and ones only"),
        ([0.12, 0.57, 0.88, 0.25], "the right numbers rounded"),
        ([0.1234, 0.5678, 0.8765, 0.2501], ""),
    ],
)
def test_probabilities_that_became_discrete_are_named(got, words):
    right = np.array([0.1234, 0.5678, 0.8765, 0.2500])

    assert words in made_discrete(np.array(got), right)
    assert bool(made_discrete(np.array(got), right)) == bool(words)


def test_the_numbers_of_several_answers_are_one_vector():
    outputs = [take_apart(np.eye(2)), take_apart((3.0, [4.0]))]

    assert all_numbers(outputs).tolist() == [1, 0, 0, 1, 3, 4]
