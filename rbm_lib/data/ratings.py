"""Ratings as a sparse matrix with its id maps; dense blocks are made one batch at a time."""

import hashlib

import numpy as np
import pandas as pd
import scipy.sparse
import torch

from rbm_lib.checks import require_whole

_MOST_LEVELS = 255  # level + 1 is stored in one byte


class RatingMatrix:
    """Who rated what how: n_users rows, n_items columns, levels 0 .. n_levels-1, the rest missing.

    users, items: external ids (numbers or strings), one per rating; levels: whole numbers. user_ids,
    item_ids: the catalogue, in the order of rows and columns, so that a training and a test matrix can share
    it; default: the ids that occur, sorted. n_levels: default max(levels) + 1, at least 2. Stored as SciPy
    CSR of uint8 **level + 1**: SciPy drops stored zeros in `+` and `.multiply`, so none is kept.

    Raises ValueError for unequal lengths, missing values, levels that are not whole numbers in range, a pair
    rated twice, an id outside the catalogue. The arrays given are never changed.
    """

    def __init__(self, users, items, levels, *, n_levels=None, user_ids=None, item_ids=None):
        users, items, levels = as_array(users), as_array(items), as_array(levels)
        for name, values in (("users", users), ("items", items), ("levels", levels)):
            if values.ndim != 1:
                raise ValueError(f"{name} has shape {values.shape}: give a flat list, one of each per rating")
        levels = _whole_numbers(levels)
        if not len(users) == len(items) == len(levels):
            raise ValueError(
                f"users, items and levels have {len(users)}, {len(items)} and {len(levels)} entries: "
                "give one of each per rating"
            )
        self.n_levels = max(2, int(levels.max(initial=0)) + 1) if n_levels is None else n_levels
        self.n_levels = require_whole("n_levels", self.n_levels, least=2)
        if not 2 <= self.n_levels <= _MOST_LEVELS:
            raise ValueError(f"n_levels is {self.n_levels}: expected 2 to {_MOST_LEVELS}")
        wrong = np.flatnonzero((levels < 0) | (levels >= self.n_levels))
        if wrong.size:
            raise ValueError(
                f"level {levels[wrong[0]]} at position {wrong[0]} is outside 0 .. {self.n_levels - 1}: "
                "levels count from 0 (RatingMatrix.from_frame turns ratings into levels)"
            )
        rows, self.user_ids = _codes(users, user_ids, "user")
        columns, self.item_ids = _codes(items, item_ids, "item")
        _refuse_duplicates(rows * max(self.n_items, 1) + columns, users, items)
        stored = (levels + 1).astype(np.uint8)
        self.csr = scipy.sparse.csr_array((stored, (rows, columns)), shape=self.shape)
        self.csr.sort_indices()

    @classmethod
    def from_frame(
        cls, ratings, *, like_at_least=None, user_ids=None, item_ids=None,
        user_column="user_id", item_column="movie_id", rating_column="rating", scale=None,
    ):  # fmt: skip
        """From a DataFrame with one rating per row.

        like_at_least=4: two levels, 1 where rating >= 4. Without: the level is the rating's place on `scale`,
        an increasing list; default 1, 2, 3, 4, 5 when all ratings are whole numbers, else 0.5, 1, ..., 5.
        Give `scale` where two frames must agree. Raises ValueError for a missing column or a rating not on
        the scale.
        """
        missing = [name for name in (user_column, item_column, rating_column) if name not in ratings.columns]
        if missing:
            raise ValueError(
                f"the frame has no column {missing}, only {list(ratings.columns)}: name it by ..._column="
            )
        value = pd.to_numeric(ratings[rating_column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        if scale is None:
            scale = np.arange(1, 6) if (value == np.round(value)).all() else np.arange(1, 11) / 2
        scale = np.asarray(scale, dtype=float)
        if scale.ndim != 1 or len(scale) < 2 or not (np.diff(scale) > 0).all():
            raise ValueError(f"scale is {scale.tolist()}: expected two or more increasing numbers")
        level = np.searchsorted(scale, value).clip(max=len(scale) - 1)
        wrong = np.flatnonzero(scale[level] != value)
        if wrong.size:
            raise ValueError(
                f"row {ratings.index[wrong[0]]} (position {wrong[0]}): rating "
                f"{ratings[rating_column].iloc[wrong[0]]!r} is not on the scale {scale.tolist()}: "
                "mend the row, or give scale="
            )
        if like_at_least is not None:
            level, n_levels = value >= like_at_least, 2
        else:
            n_levels = len(scale)
        ids = {"user_ids": user_ids, "item_ids": item_ids}
        return cls(ratings[user_column], ratings[item_column], level, n_levels=n_levels, **ids)

    @classmethod
    def _of(cls, csr, user_ids, item_ids, n_levels):
        """From parts that are known to be right."""
        matrix = cls.__new__(cls)
        matrix.csr, matrix.user_ids, matrix.item_ids, matrix.n_levels = csr, user_ids, item_ids, n_levels
        matrix.csr.sort_indices()
        return matrix

    n_users = property(lambda self: len(self.user_ids))
    n_items = property(lambda self: len(self.item_ids))
    shape = property(lambda self: (self.n_users, self.n_items))
    n_ratings = property(lambda self: self.csr.nnz)

    def __len__(self):
        return self.n_users

    def __repr__(self):
        size = (
            f"{self.n_users} users x {self.n_items} items, {self.n_ratings} ratings, {self.n_levels} levels"
        )
        return f"RatingMatrix({size})"

    def batch(self, rows):
        """Dense block of these rows: v, float32 (B, n_items), 0 where missing; observed, bool (B, n_items).

        rows: integer indices (array, tensor, list), a boolean mask, or a slice. Both tensors are new, on the
        CPU.
        """
        block = torch.from_numpy(self.csr[self._index(rows)].toarray())
        observed = block != 0
        return block.to(torch.float32).sub_(1).clamp_(min=0), observed

    def rows(self, index):
        """The RatingMatrix of these users only, in this order; the items stay."""
        index = self._index(index)
        return self._of(self.csr[index], self.user_ids[index], self.item_ids, self.n_levels)

    @property
    def T(self):
        """Users and items swapped: one row per item."""
        return self._of(self.csr.T.tocsr(), self.item_ids, self.user_ids, self.n_levels)

    def binarize(self, at_least):
        """Two levels: 1 where level >= at_least (a level, counted from 0), else 0."""
        if at_least not in range(1, self.n_levels):
            raise ValueError(f"at_least is {at_least}: expected a level from 1 to {self.n_levels - 1}")
        csr = self.csr.copy()
        csr.data = (csr.data > at_least).astype(np.uint8) + np.uint8(1)
        return self._of(csr, self.user_ids, self.item_ids, 2)

    def item_counts(self):
        """Ratings per item, integers (n_items,)."""
        return np.bincount(self.csr.indices, minlength=self.n_items)

    def level_counts(self):
        """Ratings per item and level, integers (n_items, n_levels)."""
        cell = self.csr.indices.astype(np.int64) * self.n_levels + self.csr.data - 1
        return np.bincount(cell, minlength=self.n_items * self.n_levels).reshape(self.n_items, -1)

    def user_index(self, ids):
        """Rows of these external user ids. Raises ValueError naming the unknown ones."""
        return _lookup(self.user_ids, ids, "user")

    def item_index(self, ids):
        """Columns of these external item ids. Raises ValueError naming the unknown ones."""
        return _lookup(self.item_ids, ids, "item")

    def to_frame(self):
        """DataFrame user_id, item_id, level, one row per rating, in the order of the matrix."""
        rows = np.repeat(np.arange(self.n_users), np.diff(self.csr.indptr))
        columns = {"user_id": self.user_ids[rows], "item_id": self.item_ids[self.csr.indices]}
        return pd.DataFrame({**columns, "level": self.csr.data.astype(np.int64) - 1})

    def fingerprint(self):
        """16 hexadecimal digits that change with any rating, id, or size: the start of a SHA-256."""
        digest = hashlib.sha256(f"{self.shape} {self.n_levels}".encode())
        for ids in (self.user_ids, self.item_ids):
            digest.update("\n".join(map(repr, ids.tolist())).encode() + b"\n\n")
        for part in (self.csr.indptr, self.csr.indices, self.csr.data):
            digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

    def _index(self, rows):
        if isinstance(rows, slice):
            return np.arange(self.n_users)[rows]
        rows = np.atleast_1d(as_array(rows))
        if rows.dtype == bool:
            if rows.shape != (self.n_users,):
                raise ValueError(
                    f"rows: a mask of shape {rows.shape} was given for {self.n_users} users: "
                    "expected one value each"
                )
            return np.flatnonzero(rows)
        if rows.size and not np.issubdtype(rows.dtype, np.integer):
            raise TypeError(f"rows are {rows.dtype}: expected whole numbers, a mask or a slice")
        if rows.ndim != 1 or (rows.size and not -self.n_users <= rows.min() <= rows.max() < self.n_users):
            raise ValueError(
                f"rows {rows} do not fit {self.n_users} users: expected a flat list within 0 .. n_users-1"
            )
        return rows.astype(np.int64)


def as_array(values):
    """A list, array, Series or tensor as an array."""
    if isinstance(values, torch.Tensor):
        if values.is_meta or values.layout != torch.strided:
            raise TypeError(
                f"ids, levels, rows: got a {values.layout} tensor on {values.device}, expected a dense one"
            )
        values = values.detach().cpu()
    return np.asarray(values)


def _whole_numbers(levels):
    """levels as int64, or ValueError naming the first that is missing or no whole number."""
    given = levels
    if given.dtype.kind in "iub":
        return given.astype(np.int64)
    if given.dtype.kind == "c":
        raise TypeError("levels are complex: expected whole numbers")
    value = pd.to_numeric(pd.Series(given), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = np.flatnonzero(~(value == np.round(value)) | (np.abs(value) > 2**53))
    if wrong.size:
        raise ValueError(
            f"level {given[wrong[0]]!r} at position {wrong[0]} is not a whole number: levels are 0 .. "
            "n_levels-1 without gaps; leave a missing rating out"
        )
    return value.astype(np.int64)


def _codes(given, catalogue, what):
    """Position of each id in the catalogue (by default the sorted ids themselves), and the catalogue."""
    absent = np.flatnonzero(pd.isna(given))
    if absent.size:
        raise ValueError(f"the {what} id at position {absent[0]} is missing: leave such ratings out")
    if catalogue is None:
        codes, catalogue = pd.factorize(given, sort=True)
        return codes.astype(np.int64), np.asarray(catalogue)
    catalogue = np.array(as_array(catalogue))  # a copy: the caller may change theirs
    if pd.isna(catalogue).any() or not pd.Index(catalogue).is_unique:
        raise ValueError(f"{what}_ids holds an id twice or a missing one: give every id once")
    return _lookup(catalogue, given, what), catalogue


def _lookup(catalogue, ids, what):
    ids = np.atleast_1d(as_array(ids))
    if ids.ndim != 1 or any(isinstance(i, (dict, list, set)) for i in (ids if ids.dtype == object else ())):
        raise ValueError(
            f"{what} ids of shape {ids.shape} and type {ids.dtype} were given: expected a flat list"
        )
    index = pd.Index(catalogue).get_indexer(pd.Index(ids)).astype(np.int64)
    if (index < 0).any():
        unknown = pd.unique(ids[index < 0])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ValueError(
            f"unknown {what} ids {unknown[:5].tolist()}{more}: the catalogue holds {len(catalogue)} {what}s; "
            f"leave these out, or give {what}_ids with them in"
        )
    return index


def _refuse_duplicates(key, users, items):
    order = np.argsort(key, kind="stable")
    again = order[1:][key[order][1:] == key[order][:-1]]
    if again.size:
        second = again.min()
        first = np.flatnonzero(key == key[second])[0]
        raise ValueError(
            f"user {users[second]} rated item {items[second]} twice, at positions {first} and {second}: "
            "keep one, for example with DataFrame.drop_duplicates"
        )
