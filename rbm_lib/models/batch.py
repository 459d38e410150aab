"""Visible rows with their mask and offset: checked and masked once, where data enter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from rbm_lib.checks import as_booleans, describe
from rbm_lib.models.layers import Layer


@dataclass(frozen=True)
class Batch:
    """Checked and masked rows of the visible layer.

    Parameters
    ----------
    v : Tensor, shape (B, *layer.shape)
        States; zero at missing units.
    observed : bool Tensor, shape (n_units,) or (B, n_units), or None
        The units that a row has. The others are dropped from the row's model.
    offset : Tensor, broadcastable to v, or None
        Added to the visible bias.
    mask : Tensor, broadcastable to v, or None
        `observed` as numbers, in the shape of v.
    """

    v: Tensor
    observed: Tensor | None = None
    offset: Tensor | None = None
    mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.v)

    def __getitem__(self, rows: Tensor) -> "Batch":
        v = self.v[rows]
        observed = self.observed
        offset = self.offset
        mask = self.mask
        if observed is not None and mask is not None and observed.ndim == 2:
            observed = observed[rows]
            mask = mask[rows]
        if offset is not None and offset.ndim == v.ndim:
            offset = offset[rows]
        return Batch(v, observed, offset, mask)

    def to(self, device: torch.device) -> "Batch":
        """The same rows on another device."""
        values = (self.v, self.observed, self.offset, self.mask)
        return Batch(*(None if x is None else x.to(device) for x in values))  # type: ignore

    @property
    def shares_model(self) -> bool:
        """Whether all rows have one mask and one offset, and hence one log Z."""
        one_mask = self.observed is None or self.observed.ndim == 1
        return one_mask and (self.offset is None or self.offset.ndim < self.v.ndim)

    def with_v(self, v: Tensor) -> "Batch":
        """New states under the same masks and offsets."""
        if self.mask is not None:
            v = v * self.mask
        return Batch(v, self.observed, self.offset, self.mask)


def as_batch(
    layer: Layer, v: Any, observed: Any = None, visible_offset: Any = None, name: str = "v"
) -> Batch:
    """Check shapes, types and devices of rows of states, and mask them.

    Values are not looked at: this stands inside loops. A Batch has been here before and is
    returned as it is.
    """
    if isinstance(v, Batch):
        return v
    v = as_states(layer, name, v, layer.shape)
    if observed is None and visible_offset is None:
        return Batch(v)

    offset = None
    if visible_offset is not None:
        offset = as_offset(layer, visible_offset, len(v))
    if observed is None:
        return Batch(v, offset=offset)
    observed = as_row_mask(layer, "observed", observed, len(v))
    mask = layer.spread(observed)
    v = torch.where(mask, v, 0.0)  # a missing unit may hold NaN
    return Batch(v, observed, offset, mask.to(v.dtype))


def as_states(
    layer: Layer, name: str, value: Any, shape: tuple[int, ...], n_rows: int | None = None
) -> Tensor:
    """A tensor (n_rows, *shape) in the dtype of the layer; n_rows None: any number."""
    require_tensor(layer, name, value)
    given = tuple(value.shape)
    if given[1:] == shape and given and n_rows in (None, given[0]):
        return value.to(layer.bias.dtype)
    sizes = ", ".join(map(str, shape))
    fix = f" For a single row try `{name}[None]`." if given == shape else ""
    rows = "B" if n_rows is None else n_rows
    raise ValueError(f"{name}: got shape {given}, expected ({rows}, {sizes}).{fix}")


def as_sparse_states(layer: Layer, data: Any, observed: Any, name: str) -> csr_array:
    """Complete rows of zeros and ones, stored sparsely, as a boolean array."""
    if observed is not None:
        raise ValueError(
            "observed: got a mask beside a sparse array, expected None. What it does not "
            "store is 0; use a RatingMatrix where it is missing."
        )
    if layer.n_levels != 2 or data.shape[1:] != layer.shape:
        raise ValueError(
            f"{name}: got a sparse array of shape {data.shape} for {layer}, expected "
            f"Bernoulli units and {layer.n_units} columns."
        )
    csr = csr_array(data)
    if not np.isin(csr.data, (0, 1)).all():
        raise ValueError(f"{name}: got stored values beside 0 and 1, expected these.")
    ones = csr_array(csr, dtype=bool, copy=True)
    ones.sum_duplicates()
    ones.eliminate_zeros()
    return ones


def as_row_mask(layer: Layer, name: str, mask: Any, n_rows: int | None) -> Tensor:
    """A mask (n_units,) or (n_rows, n_units), checked; one row for many loses its axis."""
    if not isinstance(mask, Tensor):
        mask = as_booleans(mask, name)
    if mask.dtype != torch.bool or mask.layout != torch.strided:
        raise TypeError(
            f"{name}: got {describe(mask)}, expected a boolean tensor. Try `mask.bool()`."
        )
    _require_device(layer, name, mask)
    n_units = layer.n_units
    shape = tuple(mask.shape)
    fits = len(shape) == 2 and shape[1] == n_units and n_rows in (None, shape[0])
    if not fits and shape not in ((n_units,), (1, n_units)):
        rows = "B" if n_rows is None else n_rows
        raise ValueError(
            f"{name}: got shape {shape}, expected ({rows}, {n_units}) or ({n_units},)."
        )
    return mask[0] if not fits and len(shape) == 2 else mask


def as_offset(layer: Layer, offset: Any, n_rows: int | None = None) -> Tensor:
    """A tensor broadcastable to n_rows rows of v; n_rows None: any number of rows."""
    if isinstance(offset, (float, int)):
        offset = torch.as_tensor(offset, device=layer.bias.device)
    require_tensor(layer, "visible_offset", offset)
    shape = tuple(offset.shape)
    n_axes = len(layer.shape)
    pairs = zip(shape[::-1], layer.shape[::-1], strict=False)
    fits = len(shape) <= n_axes + 1 and all(given in (1, size) for given, size in pairs)
    if fits and len(shape) > n_axes and n_rows is not None:
        fits = shape[0] in (1, n_rows)
    if not fits:
        full = ("B" if n_rows is None else n_rows, *layer.shape)
        raise ValueError(
            f"visible_offset: got shape {shape}, expected one broadcastable to {full}."
        )
    offset = offset.to(layer.bias.dtype)
    one_for_many = len(shape) > n_axes and shape[0] != n_rows
    return offset[0] if one_for_many and n_rows is not None else offset


def require_tensor(layer: Layer, name: str, value: Any) -> None:
    """Raise TypeError or ValueError unless `value` is a dense real tensor on the device."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}: got {describe(value)}, expected a tensor. Try `torch.as_tensor(…)`."
        )
    if value.is_complex() or value.layout != torch.strided:
        raise TypeError(f"{name}: got {describe(value)}, expected dense real numbers.")
    _require_device(layer, name, value)


def _require_device(layer: Layer, name: str, value: Tensor) -> None:
    device = layer.bias.device
    if value.device != device:
        raise ValueError(
            f"{name}: got a tensor on {value.device}, expected one on {device}, like the "
            f"model. Try `{name}.to('{device}')`."
        )


def require_finite(batch: Batch, name: str = "v") -> Batch:
    """The batch; ValueError if a value of a state or an offset is not finite."""
    for what, values in ((name, batch.v), ("visible_offset", batch.offset)):
        if values is not None and not torch.isfinite(values).all():
            raise ValueError(
                f"{what}: got a value that is not finite, expected numbers. Mark missing "
                "ones in observed=."
            )
    return batch
