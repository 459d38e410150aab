"""Bags of items: what each person has, in no order, as one long list."""

from dataclasses import dataclass
from typing import Any

import scipy.sparse
import torch
from torch import Tensor

from rbm_lib.checks import as_numbers
from rbm_lib.data.ratings import RatingMatrix


@dataclass(frozen=True)
class Bags:
    """A bag of items for each person; person i has those from start[i] to start[i + 1].

    Parameters
    ----------
    start : long Tensor, shape (n_people + 1,)
        Where each person's items begin, and at last the number of all of them.
    items : long Tensor, shape (n_entries,)
        Numbers of the items, person by person. An item may occur several times.

    Examples
    --------
    >>> bags = Bags.from_lists([[0, 2], [], [2, 2, 1]])
    >>> bags.lengths, bags.people
    (tensor([2, 0, 3]), tensor([0, 0, 2, 2, 2]))
    >>> bags[torch.tensor([2])].items
    tensor([2, 2, 1])
    """

    start: Tensor
    items: Tensor

    @classmethod
    def from_lists(cls, lists: Any) -> "Bags":
        """Bags from a list of item numbers for each person."""
        lengths = torch.tensor([0, *map(len, lists)])
        items = torch.tensor([item for one in lists for item in one], dtype=torch.long)
        return cls(lengths.cumsum(0), items)

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def lengths(self) -> Tensor:
        """Number of items of each person, shape (n_people,)."""
        return self.start.diff()

    @property
    def people(self) -> Tensor:
        """The person of each entry, shape (n_entries,)."""
        return torch.arange(len(self), device=self.start.device).repeat_interleave(
            self.lengths
        )

    def __getitem__(self, rows: Tensor) -> "Bags":
        """The bags of these people."""
        lengths = self.lengths[rows]
        start = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        shift = (self.start[rows] - start[:-1]).repeat_interleave(lengths)
        entries = torch.arange(len(shift), device=shift.device) + shift
        return Bags(start, self.items[entries])

    def keep(self, chosen: Tensor) -> "Bags":
        """The same people with a part of their entries, bool (n_entries,)."""
        start = self.start.clone()
        start[1:] = self.per_person(chosen.long()[:, None])[:, 0].cumsum(0)
        return Bags(start, self.items[chosen])

    def to(self, device: Any) -> "Bags":
        """The same bags on another device."""
        return Bags(self.start.to(device), self.items.to(device))

    def per_person(self, values: Tensor) -> Tensor:
        """The sum of each person's rows of values (n_entries, n), shape (n_people, n)."""
        total = values.new_zeros(len(self), values.shape[1])
        return total.index_add_(0, self.people, values)

    def per_item(self, values: Tensor, n_items: int) -> Tensor:
        """The sum of each item's rows of values (n_entries, n), shape (n_items, n)."""
        total = values.new_zeros(n_items, values.shape[1])
        return total.index_add_(0, self.items, values)


def as_bags(histories: Any, n_items: int, name: str = "histories") -> Bags:
    """Checked bags from likes.

    Parameters
    ----------
    histories : Bags, RatingMatrix, SciPy sparse or array_like, (n_people, n_items)
        Of a RatingMatrix with two levels the likes; or how often each person has each item.
    n_items : int
        Number of items that are known.

    Raises
    ------
    ValueError
        For another number of items, and for counts that are negative or not whole.

    Examples
    --------
    >>> as_bags([[1, 0, 1], [0, 2, 0]], 3).items
    tensor([0, 2, 1, 1])
    """
    if isinstance(histories, Bags):
        items = histories.items
        outside = items[(items < 0) | (items >= n_items)]
        if len(outside):
            got = f"item {outside[0]}"
            raise ValueError(f"{name}: got {got}, expected 0 to {n_items - 1}.")
        return histories
    if isinstance(histories, RatingMatrix):
        if histories.n_levels > 2:
            got = f"ratings with {histories.n_levels} levels"
            raise ValueError(f"{name}: got {got}, expected likes. Call binarize first.")
        histories = histories.likes()
    if scipy.sparse.issparse(histories):
        histories = histories.toarray().astype("float32")
    elif isinstance(histories, Tensor) and not histories.is_complex():
        histories = histories.float()
    counts = as_numbers(histories, name, (None, n_items))
    if (counts < 0).any() or (counts != counts.round()).any():
        raise ValueError(
            f"{name}: got other values than 0, 1, …, expected counts of items."
        )
    rows, items = counts.nonzero(as_tuple=True)
    times = counts[rows, items].long()
    lengths = counts.sum(1).long()
    start = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    return Bags(start, items.repeat_interleave(times))
