"""A batch of sparse ratings: an RBM on the rated cells alone, at a cost that follows them.

The masked model of Salakhutdinov, Mnih & Hinton (2007) has visible units for the rated
items only, and so have these functions: nothing of the size users times items is made. The
numbers are those of a dense `Batch`.
"""

import warnings

import numpy as np
import scipy.sparse
import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, to_device
from rbm_lib.data.ratings import RatedRows
from rbm_lib.models.layers import Layer
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData

# Share of rated cells below which the rated cells alone are faster than dense rows. On the
# CPU, `make bench` measures it; without MKL the products of the rated cells are slower.
SPARSE_BELOW = {"cpu": 0.3 if torch.backends.mkl.is_available() else 0.1, "cuda": 0.01}


def reads_rated_cells(model: object, data: VisibleData) -> bool:
    """Whether an RBM reads these ratings faster from the rated cells alone."""
    if data.ratings is None or data.has_offset:
        return False
    if not isinstance(model, RBM) or model.visible.n_levels is None:
        return False
    if data.rating_offset is not None:  # it is stored for the rated cells alone
        return True
    below = SPARSE_BELOW.get(model.W.device.type, 0.01)
    return data.ratings.n_ratings < below * len(data) * model.n_visible


class RatedBatch:
    """The n ratings of B users, row by row.

    Parameters
    ----------
    rbm : RBM
        A model with visible units of one type.
    rated : RatedRows
        Some rows of a RatingMatrix.
    offset : Tensor, shape of v, optional
        Added to the visible bias of each rated unit.

    Attributes
    ----------
    row, unit : Tensor, shape (n,)
        Whose rating it is, and of which visible unit.
    ends : Tensor, shape (B + 1,)
        Row b has the ratings ends[b] to ends[b + 1].
    v : Tensor, shape (n,) or (n, n_levels)
        The state of each rated unit.
    W_rows : Tensor, shape (n * n_levels,)
        The rows of W, flattened over levels, that these units use.
    active_row, active_value : Tensor, shape (n,)
        Of each unit, the only row of W whose state is not zero, and that state.
    """

    def __init__(self, rbm: RBM, rated: RatedRows, offset: Tensor | None = None) -> None:
        like = rbm.visible_bias
        arrays = (rated.items, rated.levels, rated.indptr)
        unit, level, ends = (to_device(torch.from_numpy(a), like.device) for a in arrays)
        self.rated = rated
        self.offset = offset
        self.n_rows = len(ends) - 1
        self.n_units = rbm.n_visible
        self.width = like.shape[1:].numel()
        self.unit = unit
        self.ends = ends
        self.row = torch.repeat_interleave(ends.diff(), output_size=len(unit))
        if like.ndim == 1:
            self.v = level.to(like)
            self.W_rows = unit
            self.active_row = unit
            self.active_value = self.v
        else:
            levels = torch.arange(self.width, device=like.device)
            self.v = (level[:, None] == levels).to(like)
            self.W_rows = (unit[:, None] * self.width + levels).flatten()
            self.active_row = unit * self.width + level
            self.active_value = torch.ones_like(unit, dtype=like.dtype)

    def __len__(self) -> int:
        return self.n_rows

    def layer(self, rbm: RBM) -> Layer:
        """The visible layer at the rated units: one unit for each rating."""
        layer = rbm.visible
        variance = None if layer.log_variance is None else layer.log_variance[self.unit]
        bias = layer.bias[self.unit]
        if self.offset is not None:
            bias = bias + self.offset
        return layer.with_parameters(bias, variance)

    def sorted_by_weight(self) -> tuple[np.ndarray, Tensor, Tensor]:
        """The places of `active_row`, then of `W_rows`, one list, sorted by the row of W.

        Returns
        -------
        starts : array
            Where each row of W starts in the sorted list.
        row : Tensor
            Whose rating it is; B more in the part of `W_rows`.
        order : Tensor
            The place in the unsorted list.
        """
        unit = self.rated.items
        start = self.rated.indptr
        width = self.width
        active = unit
        every = unit
        if width > 1:
            active = unit * width + self.rated.levels
            every = (unit[:, None] * width + np.arange(width, dtype=unit.dtype)).ravel()
        columns = np.concatenate([active, every])
        ends = np.concatenate([start, start[-1] + width * start[1:]])
        order = np.arange(len(columns), dtype=unit.dtype)

        # SciPy's conversion from rows to columns is the fastest sort at hand.
        shape = (2 * self.n_rows, self.n_units * width)
        by_column = scipy.sparse.csr_array((order, columns, ends), shape=shape).tocsc()
        arrays = (by_column.indices, by_column.data)
        row, order = (to_device(torch.from_numpy(a), self.unit.device) for a in arrays)
        return by_column.indptr, row, order


def input_to_hidden(rbm: RBM, batch: RatedBatch, v: Tensor | None = None) -> Tensor:
    """scaled(v) W summed over each row's rated units, (B, n_hidden).

    v: other states of the rated units than their own, in the shape of `batch.v`.
    """
    if v is None:
        rows = batch.active_row
        values = batch.active_value
        start = batch.ends[:-1]
    else:
        rows = batch.W_rows
        values = v
        start = batch.ends[:-1] * batch.width
    if rbm.log_variance is not None:
        values = batch.layer(rbm).scaled(values)
    return F.embedding_bag(
        rows,
        rbm.W.view(-1, rbm.n_hidden),
        start,
        mode="sum",
        per_sample_weights=values.flatten(),
    )


def input_to_rated(rbm: RBM, batch: RatedBatch, h: Tensor) -> Tensor:
    """W h at the rated units alone, in the shape of `batch.v`."""
    W = rbm.W.reshape(-1, rbm.n_hidden)
    if W.is_cuda or torch.backends.mkl.is_available():
        zeros = torch.zeros_like(batch.v).flatten()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "in beta state"
            where = torch.sparse_csr_tensor(
                batch.ends * batch.width, batch.W_rows, zeros, (len(h), len(W))
            )
            return torch.sparse.sampled_addmm(where, h, W.T).values().view_as(batch.v)

    field = []
    by_unit = W.view(rbm.n_visible, -1)
    block = max(1, BLOCK_ELEMENTS // by_unit.shape[1])
    for unit, row in zip(batch.unit.split(block), batch.row.split(block), strict=True):
        weights = by_unit[unit].view(len(unit), -1, rbm.n_hidden)
        field.append(torch.bmm(weights, h[row, :, None]).flatten())
    return torch.cat(field).view_as(batch.v)
