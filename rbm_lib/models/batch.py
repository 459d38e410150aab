"""The door where data enters: whatever a person hands in becomes checked rows, given out in batches.

Accepted: tensors, NumPy arrays (read-only ones too), lists, DataFrames and `RatingMatrix`. The caller's data
is never changed. Values are checked here once, and nowhere in a training loop.
"""

import hashlib

import torch
from torch import Tensor

from rbm_lib.checks import LARGEST, as_booleans, as_numbers, to_device
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.base import require_machine
from rbm_lib.models.rated import RatedCells

SPARSE_BELOW = {"cpu": 0.2, "cuda": 0.01}  # share of rated cells; on CUDA a guess
MOST_AT_ONCE = 2**25  # numbers in the rows that are looked at together


class Rows:
    """Visible rows of a machine, with their mask and offset.

    data: (B, n_visible) or one-hot (B, n_visible, n_levels); categorical machines also take whole levels
    (B, n_visible); or a RatingMatrix, which brings its own mask. observed: boolean (B, n_visible) or
    (n_visible,). visible_offset: broadcastable to v. Values at missing units are never looked at.
    Raises ValueError or TypeError that names the argument, what was given, what is expected, and the fix.
    """

    def __init__(self, model, data, observed=None, visible_offset=None):
        self.model, self.ratings = require_machine(model), None
        if isinstance(data, RatingMatrix):
            self.ratings, self.v, self.observed = data, None, None
            self._check_ratings(data, observed)
            self.n = data.n_users
        else:
            self.v = as_tensor(data, "data", model)
            self._check_shape()
            self.n = len(self.v)
            self.observed = None if observed is None else as_mask(observed, model, self.n)
            self._check_values()
        self.offset = None if visible_offset is None else as_offset(visible_offset, model, self.n)

    def __len__(self):
        return self.n

    @property
    def masked(self) -> bool:
        """True where rows differ in what was observed or in their offset, so that each has its own log Z."""
        per_row_offset = self.offset is not None and self.offset.ndim > self.model.visible_bias.ndim
        per_row_mask = self.observed is not None and self.observed.ndim == 2
        return self.ratings is not None or per_row_mask or per_row_offset

    @property
    def sparse(self) -> bool:
        """True where so few cells are rated that the rated ones alone are faster than dense rows."""
        below = SPARSE_BELOW.get(self.model.visible_bias.device.type, 0.01)
        return (
            self.ratings is not None
            and self.offset is None
            and self.model.kind != "gaussian"
            and not self.model.n_even
            and self.ratings.n_ratings < below * self.n * self.model.n_visible
        )

    def cells(self, index):
        """The rated cells of the rows `index`, where `data` is a RatingMatrix: see `rbm_lib.models.rated`."""
        return RatedCells(self.model, self.ratings.rated_rows(index))

    def cell_counts(self, index):
        """How many cells are rated in each of the rows `index`, where `data` is a RatingMatrix, (B,)."""
        return torch.from_numpy(self.ratings.user_counts())[index.cpu()]

    def batch(self, index):
        """(v, observed or None, visible_offset or None) of the rows `index`, on the machine's device."""
        if self.ratings is not None:
            device = self.model.visible_bias.device
            v, observed = (to_device(t, device) for t in self.ratings.batch(index.cpu()))
            v = v.to(self.model.visible_bias.dtype)
        else:
            v, observed = self.v[index], self.observed
            if observed is not None and observed.ndim == 2:
                observed = observed[index]
        if self.model.n_levels is not None and v.ndim == 2:
            v = torch.nn.functional.one_hot(v.long(), self.model.n_levels).to(self.model.visible_bias.dtype)
        offset = self.offset
        if offset is not None and offset.ndim > self.model.visible_bias.ndim and len(offset) > 1:
            offset = offset[index]
        return v, observed, offset

    def all(self):
        """Every row at once: (v, observed, visible_offset)."""
        return self.batch(torch.arange(self.n, device=self.model.visible_bias.device))

    def some(self, most):
        """At most `most` rows (fewer of very wide ones), evenly spaced: the same ones at each call."""
        most = max(1, min(most, MOST_AT_ONCE // self.model.visible_bias.numel()))
        step = max(1, -(-self.n // most))
        return self.batch(torch.arange(0, self.n, step, device=self.model.visible_bias.device))

    def fingerprint(self) -> str:
        """A short SHA-256 of the data, mask and offset, to recognise them when a run is resumed."""
        digest = hashlib.sha256(self.ratings.fingerprint().encode() if self.ratings is not None else b"")
        for tensor in (self.v, self.observed, self.offset):
            if tensor is not None:
                digest.update(str(tuple(tensor.shape)).encode())
                digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]

    # ---- checks -----------------------------------------------------------------------------------------

    def _check_ratings(self, ratings, observed):
        model = self.model
        if observed is not None:
            raise ValueError("observed: a RatingMatrix brings its own mask; pass observed=None.")
        if ratings.n_items != model.n_visible:
            raise ValueError(f"data: got {ratings.n_items} items, expected {model.n_visible} (n_visible).")
        if model.kind == "gaussian":
            return
        levels = model.n_levels or 2
        if ratings.n_levels != levels:
            raise ValueError(
                f"data: has {ratings.n_levels} levels, a {model.kind} machine of this shape takes {levels}; "
                f"try `ratings.binarize(at_least)`, or RBM(…, 'categorical', n_levels={ratings.n_levels})."
            )

    def _check_shape(self):
        model, v, unit_shape = self.model, self.v, tuple(self.model.visible_bias.shape)
        expected = unit_shape[:1] if v.ndim == 2 else unit_shape
        if tuple(v.shape[1:]) != expected or v.ndim != len(expected) + 1:
            raise ValueError(
                f"data: got shape {tuple(v.shape)}, expected (rows, {', '.join(map(str, unit_shape))})"
                + (f" or whole levels (rows, {model.n_visible})." if model.n_levels else ".")
            )

    def _check_values(self):
        model, v, seen = self.model, self.v, None
        if self.observed is not None:
            seen = self.observed.expand(v.shape[:2])
            seen = seen if v.ndim == 2 else seen[..., None]
            v = self.v = torch.where(seen, v, torch.zeros_like(v))
        self._refuse(~torch.isfinite(v), "a number; mark missing values with observed= (as df.notna())")
        if model.kind == "gaussian":
            self._refuse(v.abs() > LARGEST, f"numbers of at most {LARGEST:g}, whose squares can be summed")
        if model.kind == "bernoulli":
            fix = "" if self.observed is not None else "; a missing entry is no −1: pass observed="
            self._refuse((v < 0) | (v > 1), "a value between 0 and 1" + fix)
        elif model.n_levels is not None and v.ndim == 2:
            wrong = (v < 0) | (v >= model.n_levels) | (v != v.floor())
            self._refuse(wrong, f"a whole level 0 … {model.n_levels - 1}")
        elif model.n_levels is not None:
            one_hot = ((v >= 0).all(-1) & ((v.sum(-1) - 1).abs() < 1e-3))[..., None].expand_as(v)
            self._refuse(~one_hot if seen is None else ~one_hot & seen, "levels that sum to 1 (one-hot)")

    def _refuse(self, bad, expected):
        if bad.any():
            where = bad.nonzero()[0].tolist()
            value = self.v[tuple(where)].item()
            raise ValueError(f"data: got {value:g} at {where} (row first), expected {expected}.")






def as_tensor(value, name, model) -> Tensor:
    """`value` as a tensor of the machine's dtype on its device; a copy unless it is one already."""
    numbers = as_numbers(value, name, most=None)
    return numbers.to(device=model.visible_bias.device, dtype=model.visible_bias.dtype)




def as_offset(visible_offset, model, n_rows=None) -> Tensor:
    """`visible_offset` as a tensor that can be broadcast to n_rows rows of v, on the machine's device."""
    offset = model.checked_offset(as_tensor(visible_offset, "visible_offset", model), n_rows)
    if not (offset.abs() <= LARGEST).all():  # not true of NaN either
        limit = f"not finite, or beyond ±{LARGEST:g}"
        raise ValueError(f"visible_offset: got a value that is {limit}; expected numbers.")
    return offset


def as_mask(observed, model, n_rows=None) -> Tensor:
    """`observed` as a boolean tensor (n_rows, n_visible) or (n_visible,) on the machine's device."""
    observed = as_booleans(observed, "observed")
    n, shape = model.n_visible, tuple(observed.shape)
    if shape != (n,) and (len(shape) != 2 or shape[1] != n or n_rows not in (None, shape[0])):
        rows = "rows" if n_rows is None else n_rows
        raise ValueError(f"observed: got shape {shape}, expected ({rows}, {n}) or ({n},).")
    return observed.to(model.visible_bias.device)
