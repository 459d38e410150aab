"""Sparse ratings: what a machine hears, and contrastive divergence, at a cost that follows the ratings.

The masked machine of Salakhutdinov, Mnih & Hinton (2007) has visible units for the rated items only. So have
these functions: nothing of the size users × items is made. The numbers are those of the dense path.
"""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.machine import BLOCK_ELEMENTS, UNITS
from rbm_lib.units import sample_bernoulli


class RatedCells:
    """The n ratings of B users, row by row: row, unit (n,), v (n[, n_levels]); row b: ends[b] : ends[b + 1].

    weight (n · n_levels,): the rows of W, levels side by side, that these touch.
    rated: CSR rows of level + 1, as a RatingMatrix holds them; all tensors are on the machine's device.
    """

    def __init__(self, model, rated):
        like, arrays = model.visible_bias, (rated.indices, rated.data, rated.indptr)
        unit, level, ends = (torch.from_numpy(a.astype("int64")).to(like.device) for a in arrays)
        self.n_rows, self.unit, self.ends = len(ends) - 1, unit, ends
        self.row = torch.repeat_interleave(ends.diff(), output_size=len(unit))
        level, self.weight = level - 1, unit
        self.v = level.to(like) if model.n_levels is None else F.one_hot(level, model.n_levels).to(like)
        if model.n_levels is not None:
            levels = torch.arange(model.n_levels, device=like.device)
            self.weight = (unit[:, None] * model.n_levels + levels).flatten()


def input_to_hidden(model, cells: RatedCells, v: Tensor | None = None) -> Tensor:
    """scaled(v) W summed over each row's rated units, (B, n_hidden); v: cells.v, or other values there."""
    v = cells.v if v is None else v
    if model.log_variance is not None:
        v = v * torch.exp(-model.log_variance)[cells.unit]
    start = cells.ends[:-1] * (model.n_levels or 1)
    options = {"mode": "sum", "per_sample_weights": v.flatten()}
    return F.embedding_bag(cells.weight, model.W.view(-1, model.n_hidden), start, **options)


def input_to_rated(model, cells: RatedCells, h: Tensor) -> Tensor:
    """W h at the rated units alone, in the shape of cells.v."""
    W = model.W.reshape(-1, model.n_hidden)
    if W.is_cuda or torch.backends.mkl.is_available():
        ends = cells.ends * (model.n_levels or 1)
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


@torch.no_grad()
def cd_gradient(model, cells: RatedCells, k=1, sample_visible=False, generator=None) -> dict[str, Tensor]:
    """`gradients.cd_gradient` for an RBM with Bernoulli or categorical units and rated cells."""
    hidden, layer = model.hidden_units(), UNITS[model.kind](model.visible_bias[cells.unit])
    h_0 = hidden.mean(input_to_hidden(model, cells))
    h = sample_bernoulli(h_0, generator)
    for sweep in range(k):
        field = input_to_rated(model, cells, h)
        mean_last = sweep == k - 1 and not sample_visible
        v_k = layer.mean(field) if mean_last else layer.sample(field, generator)
        h_k = hidden.mean(input_to_hidden(model, cells, v_k))
        h = sample_bernoulli(h_k, generator)
    gradient = {
        "W": _coupling(model, cells, v_k, h_0, h_k),
        "visible_bias": torch.zeros_like(model.visible_bias).index_add_(0, cells.unit, cells.v - v_k),
        "hidden_bias": (h_0 - h_k).sum(0),
    }
    return {name: value.div_(cells.n_rows) for name, value in gradient.items()}


def _coupling(model, cells, v_k, h_0, h_k):
    """Σ over each unit's raters of v h_0 − v_k h_k, in the shape of W."""
    unit, order = cells.unit.sort()
    unit, raters = torch.unique_consecutive(unit, return_counts=True)
    start, row = raters.cumsum(0) - raters, cells.row[order]
    total = torch.zeros_like(model.W)
    flat = total.view(model.n_visible, -1, model.n_hidden)
    for level in range(flat.shape[1]):
        data, ours = (
            F.embedding_bag(row, h, start, mode="sum", per_sample_weights=v.view(len(v), -1)[order, level])
            for v, h in ((cells.v, h_0), (v_k, h_k))
        )
        flat[unit, level] = data.sub_(ours)
    return total
