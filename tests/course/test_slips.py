"""Mistakes written as edits of the right answer."""

import pytest
import torch

from rbm_lib.course.slips import normal, slips_of


def weighted_sum(v, b):
    total = v @ b
    return -total


TABLE = """
    The sign is reversed, because
    a larger bias lowers the energy.
        -total → total
    Add up the products.
        @ → * | -total → -total.mean()
        v @ b →  v - b
        return v.max() - b
"""


def test_an_edit_changes_the_right_answer_and_a_body_replaces_it():
    (sign, (reversed_sign,)), (products, others) = slips_of(weighted_sum, TABLE).items()

    v, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    assert sign == "The sign is reversed, because a larger bias lowers the energy."
    assert products == "Add up the products."
    assert reversed_sign(v, b) == 11
    results = [answer(v, b).tolist() for answer in others]
    assert results == [-5.5, [2, 2], [-1, -2]]


def test_an_edit_of_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="got 'v @ c', expected a part of"):
        slips_of(weighted_sum, "Another bias.\n    v @ c → v")


def test_random_cases_are_the_same_at_each_call():
    assert normal(3, 2, 4).equal(normal(3, 2, 4)) and normal(3, 2, 4).shape == (2, 4)
