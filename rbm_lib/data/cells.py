"""The cells of a rating matrix: which there are, keeping some, and the guard that refuses a leak."""

import numpy as np

from rbm_lib.checks import as_booleans, check_shape

LEAK = (
    "held-out ratings are among the model's input: it would be asked to predict what it was told. (A "
    "common mistake: with it a published recommender scored precision@10 = .592 on MovieLens 100K, without "
    "it .014.) Give the model the training ratings only, as input and for training"
)


def assert_no_leak(observed, held_out) -> None:
    """Raise ValueError where a cell is both observed by a model and held out.

    observed, held_out: boolean (B, n_items) tensors or arrays, SciPy sparse, or RatingMatrix (its rated
    cells).
    """
    observed, held_out = as_sparse(observed, "observed"), as_sparse(held_out, "held_out")
    if observed.shape != held_out.shape:
        raise ValueError(
            f"held_out: got shape {held_out.shape}, expected that of observed, {observed.shape}."
        )
    both = observed.multiply(held_out)
    if both.nnz:
        row, column = (int(i[0]) for i in both.nonzero())
        raise ValueError(
            f"observed: {both.nnz} of {held_out.nnz} {LEAK} (first: row {row}, column {column}; "
            "remove them with `observed & ~held_out`)."
        )


def require_ratings(name, ratings, at_least=0) -> None:
    """TypeError where `ratings` is no RatingMatrix, ValueError where it holds fewer ratings than at_least."""
    if not hasattr(ratings, "csr") or not hasattr(ratings, "n_levels"):
        given = type(ratings).__name__
        raise TypeError(f"{name}: got {given}, expected a RatingMatrix (see RatingMatrix.from_frame).")
    if ratings.n_ratings < at_least:
        raise ValueError(f"{name}: got {ratings.n_ratings} ratings, expected at least {at_least}.")


def keep(ratings, chosen):
    """The RatingMatrix of the chosen ratings: boolean, in the order of the CSR; users and items stay."""
    users, items, levels = cells(ratings)
    return type(ratings)(
        ratings.user_ids[users[chosen]], ratings.item_ids[items[chosen]], levels[chosen],
        n_levels=ratings.n_levels, user_ids=ratings.user_ids, item_ids=ratings.item_ids,
    )  # fmt: skip


def cells(ratings):
    """(users, items, levels) of a RatingMatrix: row, column, level of each rating, integers."""
    require_ratings("ratings", ratings)
    users = np.repeat(np.arange(ratings.n_users), np.diff(ratings.csr.indptr))
    return users, ratings.csr.indices.astype(np.int64), ratings.csr.data.astype(np.int64) - 1


def as_sparse(mask, name):
    """Any kind of mask as a boolean CSR array without stored zeros."""
    import scipy.sparse

    if not hasattr(mask, "csr") and not scipy.sparse.issparse(mask):
        mask = as_booleans(mask, name).cpu()
        check_shape(mask, name, (None, None))
        mask = mask.numpy()
    csr = scipy.sparse.csr_array(getattr(mask, "csr", mask)).astype(bool)
    csr.eliminate_zeros()
    return csr
