"""Levels of ratings as a sparse matrix; dense rows are made one batch at a time."""

import hashlib
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from torch import Tensor

from rbm_lib.checks import require_whole
from rbm_lib.data.frames import TableFormat
from rbm_lib.data.ids import (
    Ids,
    as_array,
    as_levels,
    flat_array,
    known_places,
    look_up,
    positions,
    require_pairs_once,
)
from rbm_lib.data.scale import Scale

Rows = Ids | slice
Ints = NDArray[np.int64]


class RatedRows(NamedTuple):
    """The ratings of some rows; row b has those from indptr[b] to indptr[b + 1]."""

    indptr: Ints
    items: Ints
    levels: Ints


class LevelMatrix:
    """The levels of the rated cells, and the ids of rows and columns.

    The base of RatingMatrix, which documents the parameters.
    """

    table_format = TableFormat()  # of the table that the ratings come from

    def __init__(
        self,
        users: Ids,
        items: Ids,
        levels: Ids,
        *,
        n_levels: int | None = None,
        scale: Scale | None = None,
        user_ids: Ids | None = None,
        item_ids: Ids | None = None,
    ) -> None:
        users, items = flat_array("users", users), flat_array("items", items)
        levels = as_levels(levels)
        if not users.shape == items.shape == levels.shape:
            got = f"shape {levels.shape} for {len(users)} users and {len(items)} items"
            raise ValueError(f"levels: got {got}, expected one of each per rating.")
        if n_levels is None:
            n_levels = max(2, int(levels.max(initial=0)) + 1)
        n_levels = require_whole("n_levels", n_levels, least=2)
        if n_levels > 255:  # level + 1 is stored in one byte
            raise ValueError(f"n_levels: got {n_levels}, expected at most 255.")
        self.scale = Scale(tuple(range(n_levels))) if scale is None else scale
        outside = np.flatnonzero((levels < 0) | (levels >= self.n_levels))
        if outside.size:
            got = f"{levels[outside[0]]} at position {outside[0]}"
            raise ValueError(f"levels: got {got}, expected 0 to {self.n_levels - 1}.")

        rows, self.user_ids = positions("user", users, user_ids)
        columns, self.item_ids = positions("item", items, item_ids)
        require_pairs_once(users, items, rows * max(self.n_items, 1) + columns)
        # Level + 1, because SciPy drops stored zeros in sums and products.
        stored = (levels + 1).astype(np.uint8)
        self._csr = csr_array((stored, (rows, columns)), shape=self.shape)
        self._csr.sort_indices()

    def _with(self, csr: csr_array, **changed) -> Self:
        """Parts that are known to be right; those not given are this matrix's own."""
        result = object.__new__(type(self))
        result.__dict__.update(self.__dict__, _csr=csr, **changed)
        csr.sort_indices()
        return result

    @property
    def n_levels(self) -> int:
        return self.scale.n_levels

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def n_ratings(self) -> int:
        return self._csr.nnz

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_users, self.n_items

    def __len__(self) -> int:
        return self.n_users

    def __repr__(self) -> str:
        size = f"{self.n_users} users x {self.n_items} items, {self.n_ratings} ratings"
        return f"{type(self).__name__}({size}, {self.n_levels} levels)"

    def batch(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Dense rows: v, float32 (B, n_items), 0 where missing, and the mask `observed`.

        `rows` are whole numbers, a boolean mask or a slice. Both tensors are new.
        """
        stored = torch.from_numpy(self._csr[self._index(rows)].toarray())
        observed = stored != 0
        return stored.to(torch.float32).sub_(1).clamp_(min=0), observed

    def rated_rows(self, rows: Rows) -> RatedRows:
        """The ratings of these rows, without a dense block."""
        part = self._csr[self._index(rows)]
        stored = part.indptr, part.indices, part.data
        indptr, items, levels = (array.astype(np.int64) for array in stored)
        return RatedRows(indptr, items, levels - 1)

    def triples(self) -> tuple[Ints, Ints, Ints]:
        """Row, column and level of every rating, row by row."""
        indptr, items, levels = self.rated_rows(slice(None))
        return np.repeat(np.arange(self.n_users), np.diff(indptr)), items, levels

    def levels_at(self, rows: Ints, columns: Ints) -> Ints:
        """The level of each of these cells, −1 where there is no rating or no cell."""
        users, items, levels = self.triples()
        cells = users * self.n_items + items  # in increasing order
        wanted = rows * self.n_items + columns
        place = np.searchsorted(cells, wanted).clip(max=max(len(cells) - 1, 0))
        if not len(cells):
            return np.full(len(wanted), -1)
        found = (cells[place] == wanted) & (rows >= 0) & (columns >= 0)
        return np.where(found, levels[place], -1)

    def rated(self) -> csr_array:
        """True at the rated cells, boolean (n_users, n_items)."""
        return csr_array(self._csr, dtype=bool)

    def likes(self, at_least: int | None = None) -> csr_array:
        """True where the level is `at_least` or higher, boolean (n_users, n_items).

        With two levels `at_least` is 1 by default; with more it has to be given.
        """
        default = 1 if self.n_levels == 2 else None
        return self._csr > self._like_level(default if at_least is None else at_least)

    def keep(self, chosen: ArrayLike) -> Self:
        """Only the chosen ratings, a boolean for each in the order of `triples`."""
        chosen = as_array("chosen", chosen)
        if chosen.dtype != bool or chosen.shape != (self.n_ratings,):
            given = f"{chosen.dtype} of shape {chosen.shape}"
            raise ValueError(f"chosen: got {given}, expected {self.n_ratings} booleans.")
        users, items, _ = self.triples()
        stored = self._csr.data[chosen], (users[chosen], items[chosen])
        return self._with(csr_array(stored, shape=self.shape))

    def rows(self, rows: Rows) -> Self:
        """These users only, in this order; the items stay."""
        index = self._index(rows)
        return self._with(self._csr[index], user_ids=self.user_ids[index])

    def with_items(self, item_ids: Ids) -> Self:
        """The same ratings over more items; ids that are not there yet come last."""
        ids = pd.unique(flat_array("item_ids", item_ids))
        new = ids[known_places(ids, self.item_ids) < 0]
        if not len(new):
            return self
        shape = self.n_users, self.n_items + len(new)
        stored = self._csr.data, self._csr.indices, self._csr.indptr
        both = [self.item_ids, new]
        if self.item_ids.dtype.kind != new.dtype.kind:  # NumPy would make text of numbers
            both = [ids.astype(object) for ids in both]
        item_ids = np.concatenate(both)
        return self._with(csr_array(stored, shape=shape), item_ids=item_ids)

    @property
    def T(self) -> Self:
        """Users and items swapped: one row per item."""
        csr = self._csr.T.tocsr()
        swapped: dict[str, Any] = {"user_ids": self.item_ids, "item_ids": self.user_ids}
        return self._with(csr, table_format=self.table_format.swapped(), **swapped)

    def binarize(self, at_least: int) -> Self:
        """Two levels: 1 where the level is `at_least` or higher, else 0."""
        level = self._like_level(at_least)
        csr = self._csr.copy()
        csr.data = (csr.data > level).astype(np.uint8) + np.uint8(1)
        scale = self.scale
        if scale.threshold is None:
            scale = Scale.cut(scale.steps[level])
        return self._with(csr, scale=scale)

    def user_counts(self) -> Ints:
        """Ratings per user, (n_users,)."""
        return np.diff(self._csr.indptr).astype(np.int64)

    def item_counts(self) -> Ints:
        """Ratings per item, (n_items,)."""
        return np.bincount(self._csr.indices, minlength=self.n_items)

    def level_counts(self) -> Ints:
        """Ratings per item and level, (n_items, n_levels)."""
        _, items, levels = self.rated_rows(slice(None))
        cells = items * self.n_levels + levels
        counts = np.bincount(cells, minlength=self.n_items * self.n_levels)
        return counts.reshape(self.n_items, self.n_levels)

    def user_index(self, ids: Ids) -> Ints:
        """Rows of these external user ids; a ValueError names unknown ones."""
        return look_up("user", self.user_ids, ids)

    def item_index(self, ids: Ids) -> Ints:
        """Columns of these external item ids; a ValueError names unknown ones."""
        return look_up("item", self.item_ids, ids)

    def fingerprint(self) -> str:
        """16 hexadecimal digits of a SHA-256, which change with any rating, id or size."""
        digest = hashlib.sha256(f"{self.shape} {self.n_levels}".encode())
        for ids in (self.user_ids, self.item_ids):
            digest.update("\n".join(map(repr, ids.tolist())).encode() + b"\n\n")
        for part in (self._csr.indptr, self._csr.indices, self._csr.data):
            digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

    def _like_level(self, at_least: int | None) -> int:
        if at_least is not None:
            at_least = require_whole("at_least", at_least, least=0)
        if at_least is None or at_least not in range(1, self.n_levels):
            raise ValueError(
                f"at_least: got {at_least}, expected 1 to {self.n_levels - 1}."
            )
        return at_least

    def _index(self, rows: Rows) -> Ints:
        """Any way to name rows as whole numbers."""
        if not isinstance(rows, slice):
            rows = np.atleast_1d(as_array("rows", rows))
            rows = rows if rows.size else rows.astype(np.int64)
        try:
            index = np.arange(self.n_users)[rows]
        except IndexError as error:
            text = f"rows: got {rows!r}, expected rows of {self} ({error})."
            raise ValueError(text) from None
        return flat_array("rows", index)
