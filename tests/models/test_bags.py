"""Bags of items against lists."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.bags import Bags, as_bags
from tests.support import assert_refused

LISTS = [[0, 2, 2], [1], [], [3, 0]]


def as_lists(bags):
    return [part.tolist() for part in bags.items.split(bags.lengths.tolist())]


def test_people_and_lengths_of_lists():
    bags = Bags.from_lists(LISTS)

    assert as_lists(bags) == LISTS
    assert len(bags) == 4
    assert bags.people.tolist() == [0, 0, 0, 1, 3, 3]


@pytest.mark.parametrize("rows", [[3, 0], [2], [], [0, 0, 1]], ids=str)
def test_the_bags_of_some_people(rows):
    chosen = Bags.from_lists(LISTS)[torch.tensor(rows, dtype=torch.long)]

    assert as_lists(chosen) == [LISTS[row] for row in rows]


def test_a_part_of_the_entries():
    kept = Bags.from_lists(LISTS).keep(torch.tensor([1, 0, 1, 0, 0, 1]).bool())

    assert as_lists(kept) == [[0, 2], [], [], [0]]


def test_sums_per_person_and_per_item():
    bags = Bags.from_lists(LISTS)
    values = torch.arange(12.0).view(6, 2)

    assert bags.per_person(values).tolist() == [[6, 9], [6, 7], [0, 0], [18, 20]]
    assert bags.per_item(values, 4).tolist() == [[10, 12], [6, 7], [6, 8], [8, 9]]


COUNTS = [[1, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]


@pytest.mark.parametrize(
    "make",
    [list, np.array, torch.tensor, lambda x: torch.tensor(x).float(), csr_array],
    ids=["list", "numpy", "whole tensor", "tensor", "sparse"],
)
def test_counts_of_any_kind(make):
    bags = as_bags(make(COUNTS), 4)

    assert [sorted(items) for items in as_lists(bags)] == [sorted(one) for one in LISTS]
    assert as_bags(bags, 4) is bags


def test_likes_count_and_dislikes_do_not():
    ratings = RatingMatrix([1, 1, 2], [5, 6, 6], [1, 0, 1])

    assert as_lists(as_bags(ratings, 2)) == [[0], [1]]


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ([[1, -1]], "expected counts"),
        ([[0.5, 0]], "expected counts"),
        ([[1, 0, 1]], r"got shape \(1, 3\), expected \(any, 2\)"),
        (Bags.from_lists([[0, 2]]), "got item 2, expected 0 to 1"),
        (Bags.from_lists([[-1]]), "got item -1, expected 0 to 1"),
    ],
)
def test_other_histories_are_refused(histories, message):
    assert_refused(message, as_bags, histories, 2)
