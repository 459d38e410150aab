"""Masks in every form, and the guard against leaks."""

import numpy as np
import pytest
import scipy.sparse
import torch

from rbm_lib.data.masks import assert_no_leak, sparse_mask
from rbm_lib.data.ratings import RatingMatrix

MASK = np.array([[True, False, True], [False, False, False]])
RATED = RatingMatrix([0, 0], [0, 2], [0, 1], user_ids=[0, 1], item_ids=[0, 1, 2])
FORMS = [MASK, MASK.tolist(), torch.tensor(MASK), scipy.sparse.coo_array(MASK), RATED]


@pytest.mark.parametrize("mask", FORMS)
def test_every_form_gives_the_same_mask(mask):
    csr = sparse_mask("mask", mask)

    assert csr.dtype == bool
    assert csr.nnz == 2
    assert np.array_equal(csr.toarray(), MASK)


def test_stored_zeros_are_not_part_of_a_mask():
    stored = scipy.sparse.csr_array(([0.0, 1.0], ([0, 0], [0, 1])), shape=(1, 2))

    assert sparse_mask("mask", stored).nnz == 1


def test_what_is_no_mask_is_refused():
    with pytest.raises(TypeError, match="mask: got a mask of int64, expected booleans"):
        sparse_mask("mask", [[0, 1]])
    with pytest.raises(ValueError, match=r"mask: got shape \(2,\)"):
        sparse_mask("mask", [True, False])


@pytest.mark.parametrize("observed", FORMS)
def test_a_leaked_cell_is_named(observed):
    held_out = np.zeros((2, 3), dtype=bool)
    held_out[1] = True
    assert_no_leak(observed, held_out)

    held_out[0, 2] = True
    with pytest.raises(
        ValueError, match=r"got 1 of 4 held-out ratings \(first: row 0, column 2\)"
    ):
        assert_no_leak(observed, held_out)


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"held_out: got shape \(2, 2\)"):
        assert_no_leak(MASK, MASK[:, :2])
