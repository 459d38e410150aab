"""Sparse ratings: what a machine hears, and contrastive divergence, at a cost that follows the ratings.

The masked machine of Salakhutdinov, Mnih & Hinton (2007) has visible units for the rated items only. So have
these functions: nothing of the size users × items is made. The numbers are those of the dense path.
"""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, to_device


class RatedCells:
    """The n ratings of B users, row by row: row, unit (n,), v (n[, n_levels]); row b: ends[b] : ends[b + 1].

    weight (n · n_levels,): the rows of W, levels side by side, that these touch. told, told_v (n,): the one
    of each rating where v need not be 0, and that v.
    rated: the `RatedRows` of a RatingMatrix; all tensors are on the machine's device.
    """

    def __init__(self, model, rated):
        like, arrays = model.visible_bias, (rated.items, rated.levels, rated.indptr)
        unit, level, ends = (to_device(torch.from_numpy(a), like.device) for a in arrays)
        self.rated, self.n_rows, self.n_levels = rated, len(ends) - 1, model.n_levels or 1
        self.unit, self.ends, self.n_items = unit, ends, model.n_visible
        self.row = torch.repeat_interleave(ends.diff(), output_size=len(unit))
        self.weight = self.told = unit
        if model.n_levels is None:
            self.v = self.told_v = level.to(like)
        else:
            levels = torch.arange(model.n_levels, device=like.device)
            self.weight = (unit[:, None] * model.n_levels + levels).flatten()
            self.told, self.told_v = unit * model.n_levels + level, torch.ones_like(unit, dtype=like.dtype)
            self.v = (level[:, None] == levels).to(like)

    def by_weight(self):
        """The places of `told`, then of `weight`, one list, sorted by the row of W: (ends, row, order).

        ends: where each row of W starts (NumPy); row: whose rating it is, B more in `weight`'s part; order:
        the place in the list.
        """
        import scipy.sparse  # costs a tenth of importing torch, and few need it

        unit, start, n_rows = self.rated.items, self.rated.indptr, self.n_rows
        told, weight, n_levels = unit, unit, self.n_levels
        if n_levels > 1:
            told = unit * n_levels + self.rated.levels
            weight = (unit[:, None] * n_levels + np.arange(n_levels, dtype=unit.dtype)).ravel()
        both = np.concatenate([told, weight])
        ends = np.concatenate([start, start[-1] + n_levels * start[1:]])
        order = np.arange(len(both), dtype=unit.dtype)
        csc = scipy.sparse.csr_array((order, both, ends), shape=(2 * n_rows, self.n_items * n_levels)).tocsc()
        row, order = (to_device(torch.from_numpy(a), self.unit.device) for a in (csc.indices, csc.data))
        return csc.indptr, row, order


def input_to_hidden(model, cells: RatedCells, v: Tensor | None = None) -> Tensor:
    """scaled(v) W summed over each row's rated units, (B, n_hidden); v: cells.v, or other values there."""
    if v is None:
        where, v, start = cells.told, cells.told_v, cells.ends[:-1]
    else:
        where, start = cells.weight, cells.ends[:-1] * cells.n_levels
    if model.log_variance is not None:
        v = v * torch.exp(-model.log_variance)[cells.unit]
    options = {"mode": "sum", "per_sample_weights": v.flatten()}
    return F.embedding_bag(where, model.W.view(-1, model.n_hidden), start, **options)


def input_to_rated(model, cells: RatedCells, h: Tensor) -> Tensor:
    """W h at the rated units alone, in the shape of cells.v."""
    W = model.W.reshape(-1, model.n_hidden)
    if W.is_cuda or torch.backends.mkl.is_available():
        ends = cells.ends * cells.n_levels
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "in beta state"
            zeros = torch.sparse_csr_tensor(
                ends, cells.weight, torch.zeros_like(cells.v).flatten(), (len(h), len(W))
            )
            return torch.sparse.sampled_addmm(zeros, h, W.T).values().view_as(cells.v)
    field, W = [], W.view(model.n_visible, -1)
    block = max(1, BLOCK_ELEMENTS // W.shape[1])
    for unit, row in zip(cells.unit.split(block), cells.row.split(block), strict=True):
        field.append(torch.bmm(W[unit].view(len(unit), -1, model.n_hidden), h[row, :, None]).flatten())
    return torch.cat(field).view_as(cells.v)




