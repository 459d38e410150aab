"""Masks of users and items in any form, and the guard against held-out ratings as input."""

import scipy.sparse
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from torch import Tensor

from rbm_lib.checks import as_booleans, check_shape
from rbm_lib.data.ratings import RatingMatrix

Mask = ArrayLike | Tensor | csr_array | RatingMatrix


def sparse_mask(name: str, mask: Mask) -> csr_array:
    """A mask as a boolean CSR array; of a RatingMatrix the rated cells."""
    if isinstance(mask, RatingMatrix):
        return mask.rated()
    if not scipy.sparse.issparse(mask):
        mask = as_booleans(mask, name).cpu()
        check_shape(mask, name, (None, None))
        mask = mask.numpy()
    csr = csr_array(mask, dtype=bool)
    csr.eliminate_zeros()
    return csr


def assert_no_leak(observed: Mask, held_out: Mask) -> None:
    """Check that a model observes none of the held-out cells.

    With such a leak the model is asked to predict its own input. One published recommender
    scored a precision@10 of .592 on MovieLens 100K this way, and .014 without.

    Parameters
    ----------
    observed, held_out : boolean (n_users, n_items)
        Tensors, arrays or SciPy sparse arrays; of a RatingMatrix, the rated cells count.

    Raises
    ------
    ValueError
        If the shapes differ, or a cell is in both.

    Examples
    --------
    >>> assert_no_leak([[True, False]], [[False, True]])
    """
    observed, held_out = (
        sparse_mask("observed", observed),
        sparse_mask("held_out", held_out),
    )
    if observed.shape != held_out.shape:
        wanted = f"the shape of observed, {observed.shape}"
        raise ValueError(f"held_out: got shape {held_out.shape}, expected {wanted}.")
    both = observed.multiply(held_out)
    if both.nnz:
        row, column = (int(index[0]) for index in both.nonzero())
        raise ValueError(
            f"observed: got {both.nnz} of {held_out.nnz} held-out ratings (first: row "
            f"{row}, column {column}), expected none. Give the model the training ratings "
            "only, or remove them with `observed & ~held_out`."
        )
