"""Ratings as a sparse matrix with its ids; dense rows are made one batch at a time."""

import hashlib
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from torch import Tensor

from rbm_lib.checks import require_whole
from rbm_lib.data.ids import as_array, as_levels, flat_array, look_up, positions

_MOST_LEVELS = 255  # level + 1 is stored in one byte


class RatedRows(NamedTuple):
    """The ratings of some rows, row by row: row b has those from indptr[b] to indptr[b + 1]."""

    indptr: NDArray[np.int64]
    items: NDArray[np.int64]
    levels: NDArray[np.int64]


class RatingMatrix:
    """Users' ratings of items; what was not rated is missing.

    Parameters
    ----------
    users, items : (n_ratings,)
        External ids, numbers or strings.
    levels : (n_ratings,)
        Whole numbers from 0 to n_levels - 1.
    n_levels : int, optional
        By default the highest level + 1, and at least 2.
    user_ids, item_ids : optional
        The catalogue, in the order of rows and columns, which a training and a test matrix
        can share. By default the ids that occur, sorted.

    Raises
    ------
    ValueError
        For unequal lengths, missing values, levels out of range, a pair that is rated twice,
        or an id outside the catalogue.

    Examples
    --------
    >>> ratings = RatingMatrix(["ann", "ann", "bob"], [7, 9, 7], [4, 0, 2], n_levels=5)
    >>> ratings
    RatingMatrix(2 users x 2 items, 3 ratings, 5 levels)
    >>> v, observed = ratings.batch([1])
    >>> v, observed
    (tensor([[2., 0.]]), tensor([[ True, False]]))
    """

    # The storage is CSR of uint8 level + 1, because SciPy drops stored zeros on many ways.
    _csr: csr_array
    user_ids: NDArray
    item_ids: NDArray
    n_levels: int

    def __init__(
        self,
        users: ArrayLike,
        items: ArrayLike,
        levels: ArrayLike,
        *,
        n_levels: int | None = None,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
    ) -> None:
        users = flat_array("users", users)
        items = flat_array("items", items)
        whole = as_levels(as_array("levels", levels))
        if not users.shape == items.shape == whole.shape:
            raise ValueError(
                f"levels: got shape {whole.shape} for {len(users)} users and {len(items)} "
                "items, expected one of each per rating."
            )
        if n_levels is None:
            n_levels = max(2, int(whole.max(initial=0)) + 1)
        self.n_levels = require_whole("n_levels", n_levels, least=2)
        if self.n_levels > _MOST_LEVELS:
            raise ValueError(f"n_levels: got {n_levels}, expected at most {_MOST_LEVELS}.")
        outside = (whole < 0) | (whole >= self.n_levels)
        if outside.any():
            first = int(np.argmax(outside))
            raise ValueError(
                f"levels: got {whole[first]} at position {first}, expected 0 to "
                f"{self.n_levels - 1}. RatingMatrix.from_frame turns ratings into levels."
            )

        rows, self.user_ids = positions("user", users, user_ids)
        columns, self.item_ids = positions("item", items, item_ids)
        again = pd.Index(rows * max(self.n_items, 1) + columns).duplicated()
        if again.any():
            second = int(np.argmax(again))
            pair = (rows == rows[second]) & (columns == columns[second])
            raise ValueError(
                f"users, items: got user {users[second]} and item {items[second]} at positions "
                f"{np.argmax(pair)} and {second}, expected a pair once. Keep one of the "
                "ratings, for example with DataFrame.drop_duplicates."
            )
        stored = (whole + 1).astype(np.uint8)
        self._csr = csr_array((stored, (rows, columns)), shape=self.shape)
        self._csr.sort_indices()

    @classmethod
    def from_frame(
        cls,
        ratings: pd.DataFrame,
        *,
        like_at_least: float | None = None,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        user_column: str = "user_id",
        item_column: str = "movie_id",
        rating_column: str = "rating",
        scale: ArrayLike | None = None,
    ) -> Self:
        """Make a matrix from a table with one rating per row.

        Parameters
        ----------
        like_at_least : float, optional
            Gives two levels: 1 where the rating is at least this, else 0. Without it, the
            level is the place of the rating on `scale`.
        scale : increasing numbers, optional
            The possible ratings. By default 1 to 5 if all ratings are whole, else 0.5, 1, ...,
            5; give it where two tables have to agree.

        Raises
        ------
        ValueError
            For a column that is missing, or a rating that is not on the scale.

        Examples
        --------
        >>> stars = pd.DataFrame({"user_id": [1, 2], "movie_id": [50, 50], "rating": [5, 3]})
        >>> RatingMatrix.from_frame(stars, like_at_least=4).to_frame()
           user_id  item_id  level
        0        1       50      1
        1        2       50      0
        """
        wanted = [user_column, item_column, rating_column]
        missing = [name for name in wanted if name not in ratings.columns]
        if missing:
            raise ValueError(
                f"ratings: got the columns {list(ratings.columns)}, expected {missing} too. "
                "Name your own with user_column=, item_column=, rating_column=."
            )
        numbers = pd.to_numeric(ratings[rating_column], errors="coerce")
        value = numbers.to_numpy(dtype=float, na_value=np.nan)
        if scale is None:
            whole = (value == np.round(value)).all()
            scale = np.arange(1, 6) if whole else np.arange(1, 11) / 2
        scale = np.asarray(scale, dtype=float)
        if scale.ndim != 1 or len(scale) < 2 or not (np.diff(scale) > 0).all():
            raise ValueError(
                f"scale: got {scale.tolist()}, expected two or more increasing numbers."
            )
        level = np.searchsorted(scale, value).clip(max=len(scale) - 1)
        on_scale = scale[level] == value
        if not on_scale.all():
            first = int(np.argmin(on_scale))
            raise ValueError(
                f"{rating_column}: got {ratings[rating_column].iloc[first]!r} in row "
                f"{ratings.index[first]} (position {first}), expected one of {scale.tolist()}. "
                "Fix the row, or give scale=."
            )
        n_levels = len(scale)
        if like_at_least is not None:
            level = (value >= like_at_least).astype(np.int64)
            n_levels = 2
        return cls(
            ratings[user_column],
            ratings[item_column],
            level,
            n_levels=n_levels,
            user_ids=user_ids,
            item_ids=item_ids,
        )

    def _with(self, csr: csr_array, **changed) -> Self:
        """Parts that are known to be right; those not given are this matrix's own."""
        result = object.__new__(type(self))
        result.__dict__.update(self.__dict__, _csr=csr, **changed)
        csr.sort_indices()
        return result

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_users, self.n_items

    @property
    def n_ratings(self) -> int:
        return self._csr.nnz

    def __len__(self) -> int:
        return self.n_users

    def __repr__(self) -> str:
        return (
            f"RatingMatrix({self.n_users} users x {self.n_items} items, "
            f"{self.n_ratings} ratings, {self.n_levels} levels)"
        )

    # ---- dense rows and sparse cells

    def batch(self, rows: ArrayLike | slice) -> tuple[Tensor, Tensor]:
        """Dense rows: `v`, float32 (B, n_items), 0 where missing, and `observed`, bool.

        `rows` are whole numbers, a boolean mask or a slice. Both tensors are new.
        """
        stored = torch.from_numpy(self._csr[self._index(rows)].toarray())
        observed = stored != 0
        return stored.to(torch.float32).sub_(1).clamp_(min=0), observed

    def rated_rows(self, rows: ArrayLike | slice) -> RatedRows:
        """The ratings of these rows, without a dense block."""
        part = self._csr[self._index(rows)]
        return RatedRows(
            part.indptr.astype(np.int64),
            part.indices.astype(np.int64),
            part.data.astype(np.int64) - 1,
        )

    def triples(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Row, column and level of every rating, row by row.

        Examples
        --------
        >>> users, items, levels = RatingMatrix([3, 3, 1], [8, 9, 9], [0, 4, 2]).triples()
        >>> users, items, levels
        (array([0, 1, 1]), array([1, 0, 1]), array([2, 0, 4]))
        """
        indptr, items, levels = self.rated_rows(slice(None))
        return np.repeat(np.arange(self.n_users), np.diff(indptr)), items, levels

    def rated(self) -> csr_array:
        """True at the rated cells: boolean (n_users, n_items)."""
        return self._csr.astype(bool)

    def likes(self, at_least: int | None = None) -> csr_array:
        """True where the level is `at_least` or higher: boolean (n_users, n_items).

        With two levels `at_least` is 1 by default; with more it has to be given.
        """
        if at_least is None and self.n_levels == 2:
            at_least = 1
        return self._csr > self._like_level(at_least)

    # ---- other matrices

    def keep(self, chosen: ArrayLike) -> Self:
        """Only the chosen ratings, a boolean for each in the order of `triples`."""
        chosen = as_array("chosen", chosen)
        if chosen.dtype != bool or chosen.shape != (self.n_ratings,):
            raise ValueError(
                f"chosen: got {chosen.dtype} of shape {chosen.shape}, expected a boolean for "
                f"each of {self.n_ratings} ratings."
            )
        users, items, _ = self.triples()
        cells = users[chosen], items[chosen]
        return self._with(csr_array((self._csr.data[chosen], cells), shape=self.shape))

    def rows(self, rows: ArrayLike | slice) -> Self:
        """These users only, in this order; the items stay."""
        index = self._index(rows)
        return self._with(self._csr[index], user_ids=self.user_ids[index])

    @property
    def T(self) -> Self:
        """Users and items swapped: one row per item."""
        csr = self._csr.T.tocsr()
        return self._with(csr, user_ids=self.item_ids, item_ids=self.user_ids)

    def binarize(self, at_least: int) -> Self:
        """Two levels: 1 where the level is `at_least` or higher, else 0."""
        csr = self._csr.copy()
        csr.data = (csr.data > self._like_level(at_least)).astype(np.uint8) + np.uint8(1)
        return self._with(csr, n_levels=2)

    def _like_level(self, at_least: int | None) -> int:
        if at_least not in range(1, self.n_levels):
            raise ValueError(
                f"at_least: got {at_least}, expected a level from 1 to {self.n_levels - 1}."
            )
        return int(at_least)

    # ---- counts and ids

    def user_counts(self) -> NDArray[np.int64]:
        """Ratings per user, (n_users,)."""
        return np.diff(self._csr.indptr).astype(np.int64)

    def item_counts(self) -> NDArray[np.int64]:
        """Ratings per item, (n_items,)."""
        return np.bincount(self._csr.indices, minlength=self.n_items)

    def level_counts(self) -> NDArray[np.int64]:
        """Ratings per item and level, (n_items, n_levels)."""
        _, items, levels = self.rated_rows(slice(None))
        shape = self.n_items, self.n_levels
        cell = items * self.n_levels + levels
        return np.bincount(cell, minlength=self.n_items * self.n_levels).reshape(shape)

    def user_index(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Rows of these external user ids; a ValueError names unknown ones."""
        return look_up("user", self.user_ids, ids)

    def item_index(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Columns of these external item ids; a ValueError names unknown ones."""
        return look_up("item", self.item_ids, ids)

    def to_frame(self) -> pd.DataFrame:
        """A table user_id, item_id, level with one rating per row, in the order of `triples`."""
        users, items, levels = self.triples()
        ids = {"user_id": self.user_ids[users], "item_id": self.item_ids[items]}
        return pd.DataFrame({**ids, "level": levels})

    def fingerprint(self) -> str:
        """16 hexadecimal digits of a SHA-256, which change with any rating, id or size."""
        digest = hashlib.sha256(f"{self.shape} {self.n_levels}".encode())
        for ids in (self.user_ids, self.item_ids):
            digest.update("\n".join(map(repr, ids.tolist())).encode() + b"\n\n")
        for part in (self._csr.indptr, self._csr.indices, self._csr.data):
            digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

    def _index(self, rows: ArrayLike | slice) -> NDArray[np.int64]:
        """Any way to name rows as whole numbers."""
        if isinstance(rows, slice):
            return np.arange(self.n_users)[rows]
        index = np.atleast_1d(as_array("rows", rows))
        if index.dtype == bool and index.shape == (self.n_users,):
            return np.flatnonzero(index)
        if index.ndim != 1 or index.dtype == bool:
            raise ValueError(
                f"rows: got {index.dtype} of shape {index.shape}, expected a flat list or a "
                f"mask of the {self.n_users} users."
            )
        if index.size and not np.issubdtype(index.dtype, np.integer):
            raise TypeError(
                f"rows: got {index.dtype}, expected whole numbers, a mask or a slice."
            )
        if index.size and not -self.n_users <= index.min() <= index.max() < self.n_users:
            raise ValueError(
                f"rows: got {index.min()} to {index.max()}, expected numbers within "
                f"{self.n_users} users."
            )
        return index.astype(np.int64)


def require_ratings(name: str, value: object, at_least: int = 0) -> None:
    """Check that `value` is a RatingMatrix with at least so many ratings."""
    if not isinstance(value, RatingMatrix):
        raise TypeError(
            f"{name}: got {type(value).__name__}, expected a RatingMatrix. "
            "Make one with RatingMatrix.from_frame."
        )
    if value.n_ratings < at_least:
        raise ValueError(
            f"{name}: got {value.n_ratings} ratings, expected at least {at_least}."
        )
