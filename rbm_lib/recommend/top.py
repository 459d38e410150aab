"""The best items of each row of a table of scores."""

from typing import Any

import scipy.sparse
import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import as_booleans, as_numbers, require_whole
from rbm_lib.data.ratings import RatingMatrix


def top_n(scores: Any, seen: Any, n: int = 10) -> tuple[Tensor, Tensor]:
    """The n best unseen units of each row, best first.

    Parameters
    ----------
    scores : Tensor or array, shape (B, n_visible)
        Higher is better. Equal scores: lowest index first.
    seen : bool array_like, SciPy sparse, or RatingMatrix (its rated cells)
        What a row never gets back; nor does it get a unit with score −inf.
    n : int
        How many units for each row.

    Returns
    -------
    (Tensor, Tensor)
        Items and scores, both (B, n). A row with fewer than n units left is filled up with
        item −1 and score −inf.

    Raises
    ------
    ValueError
        For shapes that differ, NaN scores, or n < 1.

    Examples
    --------
    >>> items, scores = top_n([[0.1, 0.9, 0.5]], [[False, True, False]], n=2)
    >>> items
    tensor([[2, 0]])
    """
    n = require_whole("n", n)
    scores = as_numbers(scores, "scores", most=None)
    seen = as_dense_mask(seen, "seen").to(scores.device)
    if scores.ndim != 2 or scores.shape != seen.shape:
        raise ValueError(
            f"seen: got shape {tuple(seen.shape)} for scores {tuple(scores.shape)}, "
            "expected equal ones."
        )
    if torch.isnan(scores).any():
        where = torch.isnan(scores).nonzero()[0].tolist()
        raise ValueError(f"scores: got NaN at {where}, expected numbers.")
    return filled_up(*highest(scores.masked_fill(seen, -torch.inf), n), n)


def as_dense_mask(mask: Any, name: str) -> Tensor:
    """A mask of any kind as a dense boolean tensor."""
    if isinstance(mask, RatingMatrix):
        mask = mask.rated()
    if scipy.sparse.issparse(mask):
        mask = (mask != 0).toarray()
    return as_booleans(mask, name)


def highest(values: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The n highest values of each row and their places, equal ones by place.

    Far faster than sorting whole rows, which only those need where equal values lie on both
    sides of the cut.
    """
    top, place = values.topk(min(n + 1, values.shape[1]), dim=1)
    tied = (top[:, n - 1 : n] == top[:, n:]) & (top[:, n:] > -torch.inf)
    place, order = place[:, :n].sort(dim=1)
    top, order = top[:, :n].gather(1, order).sort(dim=1, descending=True, stable=True)
    place = place.gather(1, order)
    for rows in tied.any(1).nonzero()[:, 0].split(256):
        whole, order = values[rows].sort(dim=1, descending=True, stable=True)
        top[rows] = whole[:, :n]
        place[rows] = order[:, :n]
    return top, place


def filled_up(values: Tensor, items: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """(items, values): item −1 where the value is −inf, and up to n columns."""
    items = items.masked_fill(torch.isneginf(values), -1)
    missing = (0, n - values.shape[1])
    return F.pad(items, missing, value=-1), F.pad(values, missing, value=-torch.inf)
