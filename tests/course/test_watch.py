"""Work counted instead of timed."""

import numpy as np
import pytest
import torch

from rbm_lib.course.watch import watch

A = torch.arange(6.0).reshape(2, 3)
B = torch.arange(15.0).reshape(3, 5)


@pytest.mark.parametrize(
    "product",
    [
        lambda: A @ B,
        lambda: torch.mm(A, B),
        lambda: torch.addmm(torch.zeros(5), A, B),
        lambda: torch.nn.functional.linear(A, B.T, torch.zeros(5)),
        lambda: torch.einsum("ij,jk->ik", A, B),
        lambda: torch.stack([row @ B for row in A]),
        lambda: A.to_sparse() @ B,
    ],
)
def test_the_operations_of_a_product_are_counted_in_every_way_to_write_it(product):
    with watch() as work:
        product()

    assert work.operations == 2 * 2 * 3 * 5


def test_the_same_product_is_recognised_and_another_is_not():
    with watch() as work:
        first = A @ B
        again = A.clone() @ B
        other = A @ (B + 1)

    assert first.equal(again) and not first.equal(other)
    assert work.most_repeated == 2


def test_products_with_a_vector_count_as_operations_but_not_as_repeated():
    with watch() as work:
        for _ in range(4):
            _ = A @ torch.ones(3)
            _ = A @ torch.ones(3, 1)

    assert work.operations == 4 * 2 * (2 * 2 * 3)
    assert work.most_repeated == 0


def test_the_largest_tensor_is_the_largest_that_was_made():
    table = torch.zeros(10_000, 4)
    with watch() as work:
        _ = table[torch.tensor([1, 5])]
        _ = table.T  # a view makes nothing
        _ = torch.nn.functional.embedding_bag(
            torch.tensor([1, 5]), table, torch.tensor([0])
        )

    assert work.largest <= 8

    with watch() as work:
        _ = table.nan_to_num()
    assert work.largest == 40_000


def test_the_memory_of_arrays_is_counted_and_that_of_before_is_not():
    before = np.ones(100_000)
    with watch() as work:
        _ = before[:10].copy()
    assert work.bytes < 20_000

    with watch() as work:
        _ = np.zeros(100_000)
    assert work.bytes >= 800_000


def test_a_watch_inside_a_watch_and_an_error_leave_nothing_behind():
    with watch() as outer:
        with pytest.raises(ZeroDivisionError), watch() as inner:
            _ = A @ B
            _ = 1 / 0
    with watch() as after:
        pass

    assert inner.operations == 60
    assert after.operations == 0 and outer.bytes >= 0
