"""A data set for one model: checked once, and served in mini-batches."""

import copy
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Generator, Tensor

from rbm_lib.checks import LARGEST, as_booleans, as_numbers, to_device
from rbm_lib.data.ratings import RatedRows, RatingMatrix
from rbm_lib.models.batch import Batch, as_offset, as_row_mask, as_sparse_states
from rbm_lib.models.data_checks import checked_names, require_same_labels
from rbm_lib.models.layers import Layer
from rbm_lib.models.units import Bernoulli, Categorical

MOST_AT_ONCE = 2**25  # numbers in the rows that are looked at together


class VisibleData:
    """A data set for one model: checked once, and served in mini-batches.

    Parameters
    ----------
    model : RBM, DBM or DBN
        The model whose visible layer takes the data.
    data : array_like, RatingMatrix or SciPy sparse array
        Rows of states, shape (N, n_visible) or (N, n_visible, n_levels), or a table with
        one column for each unit: 0 or 1, a level from 0 to n_levels - 1, or a real number.
        A tensor, array, list or DataFrame; it is never changed. A RatingMatrix, with its
        own mask, or a sparse array (what is not stored is 0) is made dense by the batch.
    observed : array_like of bool, shape (N, n_visible) or (n_visible,), optional
        False where a unit is missing. Values there are never looked at.
    visible_offset : array_like, broadcastable to the states, optional
        Added to the visible bias.
    rating_offset : array_like, shape (n_ratings,) or (n_ratings, n_levels), optional
        The same for the rated cells of a RatingMatrix alone, in the order of `triples`.
    name : str
        What messages call the data.

    Raises
    ------
    ValueError, TypeError
        For shapes, types or values that do not fit; the message shows the first one.

    Examples
    --------
    >>> from rbm_lib import RBM
    >>> model = RBM(2, 4, visible="categorical", n_levels=3)
    >>> ratings = torch.tensor([[2.0, torch.nan], [0.0, 1.0]])
    >>> VisibleData(model, ratings, ~ratings.isnan()).all().v
    tensor([[[0., 0., 1.],
             [0., 0., 0.]],
    <BLANKLINE>
            [[1., 0., 0.],
             [0., 1., 0.]]])
    """

    def __init__(
        self,
        model: Any,
        data: Any,
        observed: Any = None,
        visible_offset: Any = None,
        name: str = "data",
        rating_offset: Any = None,
    ) -> None:
        layer = getattr(model, "visible", None)
        if not isinstance(layer, Layer):
            given = type(model).__name__
            raise TypeError(f"model: got {given}, expected an RBM, DBM or DBN.")
        self.layer: Layer = layer
        self.name = name
        self.names = checked_names(name, data, model)
        self.ratings: RatingMatrix | None = None
        self.stored: Any = None  # a boolean csr_array
        if isinstance(data, RatingMatrix):
            self._require_fitting_ratings(data, observed)
            self.ratings = data
            n_rows = data.n_users
            self._batch = self._no_rows(n_rows)
        elif issparse(data):
            self.stored = as_sparse_states(self.layer, data, observed, name)
            n_rows = self.stored.shape[0]
            self._batch = self._no_rows(n_rows)
        else:
            self._batch = self._checked_rows(data, observed)
            n_rows = len(self._batch)
        if visible_offset is not None:
            offset = as_numbers(visible_offset, "visible_offset", most=LARGEST)
            offset = as_offset(self.layer, offset.to(self.layer.bias), n_rows)
            self._batch = replace(self._batch, offset=offset)
        self.rating_offset: Tensor | None = None
        if rating_offset is not None:
            if self.ratings is None:
                raise ValueError("rating_offset: got it for dense rows, expected ratings.")
            shape = (self.ratings.n_ratings, *self.layer.shape[1:])
            offset = as_numbers(rating_offset, "rating_offset", shape)
            self.rating_offset = offset.to(self.layer.bias)

    def __len__(self) -> int:
        return len(self._batch)

    def _no_rows(self, n_rows: int) -> Batch:
        """Keeps the number of rows that are made when they are needed."""
        return Batch(self.layer.bias.new_zeros(n_rows, *(0,) * len(self.layer.shape)))

    @property
    def shares_model(self) -> bool:
        """Whether all rows have one mask and one offset, and hence one log Z."""
        return self.ratings is None and self._batch.shares_model

    @property
    def observed(self) -> Tensor | None:
        """The mask of rows that are no RatingMatrix."""
        return self._batch.observed

    @property
    def has_offset(self) -> bool:
        return self._batch.offset is not None

    def rows(self, index: Tensor) -> Batch:
        """The rows with these numbers, on the model's device."""
        device = self.layer.bias.device
        if self.stored is not None:
            dense = torch.from_numpy(self.stored[index.cpu().numpy()].toarray())
            v = to_device(dense, device).to(self.layer.bias.dtype)
            return Batch(v, offset=self._offset_of_rows(index))
        if self.ratings is None:
            return self._batch[index]
        values, rated = self.ratings.batch(index.cpu())
        observed = to_device(rated, device)
        v = self.layer.encode(to_device(values, device).to(self.layer.bias.dtype))
        offset = self._offset_of_rows(index)
        of_ratings = self.offset_of_ratings(index)
        if of_ratings is not None:
            # What is not rated is dropped, so its offset does not matter.
            offset = torch.zeros_like(v) if offset is None else offset.expand_as(v).clone()
            offset[observed] += of_ratings
        mask = self.layer.spread(observed).to(v.dtype)
        return Batch(v * mask, observed, offset, mask)

    def _offset_of_rows(self, index: Tensor) -> Tensor | None:
        """The offset of these rows, without that of single ratings."""
        offset = self._batch.offset
        if offset is None or offset.ndim < self._batch.v.ndim:
            return offset
        return offset[index]

    def rated_rows(self, index: Tensor) -> RatedRows:
        """The ratings alone of these rows of a RatingMatrix."""
        assert self.ratings is not None
        return self.ratings.rated_rows(index.cpu().numpy())

    def offset_of_ratings(self, index: Tensor) -> Tensor | None:
        """The rows of `rating_offset` that belong to `rated_rows(index)`."""
        if self.rating_offset is None:
            return None
        count = self.rating_counts(torch.arange(len(self)))
        own = count[index.cpu()]
        shift = (count.cumsum(0) - count)[index.cpu()] - (own.cumsum(0) - own)
        place = torch.repeat_interleave(shift, own) + torch.arange(int(own.sum()))
        return self.rating_offset[place.to(self.rating_offset.device)]

    def rating_counts(self, index: Tensor) -> Tensor:
        """Number of ratings in each of these rows of a RatingMatrix."""
        assert self.ratings is not None
        return torch.from_numpy(self.ratings.user_counts())[index.cpu()]

    def all(self) -> Batch:
        """Every row."""
        if self.ratings is None and self.stored is None:
            return self._batch
        return self.rows(torch.arange(len(self)))

    def evenly_spaced(self, most: int) -> Tensor:
        """Numbers of at most `most` rows (fewer of wide ones), the same at each call."""
        most = max(1, min(most, MOST_AT_ONCE // self.layer.n_features))
        step = max(1, -(-len(self) // most))
        return torch.arange(0, len(self), step, device=self.layer.bias.device)

    def batches(self, size: int, generator: Generator | None = None) -> Iterator[Batch]:
        """All rows once, in random order, or in their own with generator None."""
        device = self.layer.bias.device
        order = torch.arange(len(self), device=device)
        if generator is not None:
            order = torch.randperm(len(self), generator=generator, device=device)
        for index in order.split(size):
            yield self.rows(index)

    def fit_parameters(self) -> dict[str, Tensor]:
        """The parameters of the layer that describe the data if units were independent."""
        layer = self.layer
        if self.ratings is not None and isinstance(layer, (Bernoulli, Categorical)):
            return layer.fit_counts(
                torch.as_tensor(self.ratings.level_counts()).to(layer.bias)
            )
        if self.stored is not None and isinstance(layer, Bernoulli):
            ones = torch.from_numpy(self.stored.astype(np.int64).sum(0)).to(layer.bias)
            return layer.fit_counts(torch.stack([len(self) - ones, ones], 1))
        batch = self.all()
        mask = torch.ones(
            len(batch), layer.n_units, dtype=torch.bool, device=batch.v.device
        )
        if batch.observed is not None:
            mask = batch.observed.expand_as(mask)
        return layer.fit_parameters(batch.v, mask)

    def to(self, device: torch.device) -> "VisibleData":
        """The same data, with dense rows moved to the device of the model."""
        moved = copy.copy(self)
        moved._batch = self._batch.to(device)
        return moved

    def fingerprint(self) -> str:
        """A short SHA-256 of the data, to recognise them when a run is resumed."""
        digest = hashlib.sha256()
        if self.ratings is not None:
            digest.update(self.ratings.fingerprint().encode())
        if self.stored is not None:
            for part in (self.stored.indptr, self.stored.indices, self.stored.data):
                digest.update(np.ascontiguousarray(part).tobytes())
        batch = self._batch
        for values in (batch.v, batch.observed, batch.offset, self.rating_offset):
            if values is not None:
                digest.update(str(tuple(values.shape)).encode())
                digest.update(np.ascontiguousarray(values.cpu().numpy()).tobytes())
        return digest.hexdigest()[:16]

    def _checked_rows(self, data: Any, observed: Any) -> Batch:
        layer = self.layer
        v = as_numbers(data, self.name, most=None).to(layer.bias)
        table = (layer.n_units,)
        shapes = (table, layer.shape)
        if v.ndim < 2 or tuple(v.shape[1:]) not in shapes:
            expected = f"(rows, {', '.join(map(str, layer.shape))})"
            if layer.shape != table:
                expected += f" or a table (rows, {layer.n_units})"
            raise ValueError(
                f"{self.name}: got shape {tuple(v.shape)}, expected {expected}."
            )
        if observed is not None:
            require_same_labels(self.name, data, observed)
            observed = as_booleans(observed, "observed").to(v.device)
            observed = as_row_mask(layer, "observed", observed, len(v))
            seen = observed if tuple(v.shape[1:]) == table else layer.spread(observed)
            v = torch.where(seen, v, 0.0)
        if not torch.isfinite(v).all():
            where = (~torch.isfinite(v)).nonzero()[0].tolist()
            raise ValueError(
                f"{self.name}: got {v[tuple(where)]:g} at {where} (row first), expected a "
                "number. Mark missing values with observed= (as df.notna())."
            )
        per_row = None if observed is None else observed.expand(len(v), layer.n_units)
        layer.validate(v, per_row, name=self.name)
        batch = Batch(layer.encode(v), observed)
        if observed is None:
            return batch
        mask = layer.spread(observed).to(batch.v.dtype)
        return replace(batch, mask=mask).with_v(batch.v)

    def _require_fitting_ratings(self, ratings: RatingMatrix, observed: Any) -> None:
        layer = self.layer
        if observed is not None:
            raise ValueError(
                "observed: got a mask beside a RatingMatrix, expected None. It has its own."
            )
        if ratings.n_items != layer.n_units:
            raise ValueError(
                f"{self.name}: got {ratings.n_items} items, expected {layer.n_units} "
                "(n_visible)."
            )
        if layer.n_levels not in (None, ratings.n_levels):
            raise ValueError(
                f"{self.name}: got {ratings.n_levels} levels, expected {layer.n_levels} "
                f"for {layer.type_name} units. Try `ratings.binarize(at_least)`, or "
                f"RBM(…, 'categorical', n_levels={ratings.n_levels})."
            )


def as_visible_data(
    model: Any,
    data: Any,
    observed: Any = None,
    visible_offset: Any = None,
    name: str = "data",
) -> VisibleData:
    """A VisibleData as it is, or a new one for these rows."""
    if not isinstance(data, VisibleData):
        return VisibleData(model, data, observed, visible_offset, name)
    if observed is not None or visible_offset is not None:
        raise ValueError(
            "observed: got a mask beside VisibleData, expected None. It has its own."
        )
    return data
