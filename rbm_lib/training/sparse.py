"""Contrastive divergence on sparse ratings."""

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, to_device
from rbm_lib.models.base import UNITS
from rbm_lib.models.rated import RatedCells, input_to_hidden, input_to_rated
from rbm_lib.models.units import sample_bernoulli


@torch.no_grad()
def cd_gradient(
    model, cells: RatedCells, k=1, sample_visible=False, generator=None, cell_generator=None,
    into=None, keep=0.0, scale=1.0,
) -> dict[str, Tensor]:  # fmt: skip
    """`gradients.cd_gradient` for an RBM with Bernoulli or categorical units and rated cells.

    cell_generator: what rated units are drawn from, if not from `generator`.
    into[name] ← keep · into[name] + scale · gradient, which is returned; default: new zeros, by parameter
    name. To make a tensor of the size of W at each batch can take longer than all else.
    """
    cell_generator = generator if cell_generator is None else cell_generator
    if into is None:
        into = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    hidden, layer = model.hidden_units(), UNITS[model.kind](model.visible_bias[cells.unit])
    h_0 = hidden.mean(input_to_hidden(model, cells))
    h = sample_bernoulli(h_0, generator)
    for sweep in range(k):
        field = input_to_rated(model, cells, h)
        mean_last = sweep == k - 1 and not sample_visible
        v_k = layer.mean(field) if mean_last else layer.sample(field, cell_generator)
        h_k = hidden.mean(input_to_hidden(model, cells, v_k))
        h = sample_bernoulli(h_k, generator)
    scale = scale / max(cells.n_rows, 1)  # of several processes, one may have no rows
    _add_coupling(into["W"], keep, scale, model, cells, v_k, torch.cat([h_0, h_k]))
    into["visible_bias"].mul_(keep).index_add_(0, cells.unit, (cells.v - v_k).mul_(scale))
    into["hidden_bias"].mul_(keep).add_((h_0 - h_k).sum(0), alpha=scale)
    return into


def _add_coupling(into, keep, scale, model, cells, v_k, h):
    """into ← keep · into + scale · Σ over each unit's raters of v h_0 − v_k h_k; h: h_0 with h_k below it.

    Data and chains are one list of terms value · h[row], sorted by the row of W they belong to, so that each
    row is summed and added once.
    """
    ends, row, order = cells.by_weight()
    value = torch.cat([cells.told_v, v_k.flatten().neg()])[order]
    block = max(1, BLOCK_ELEMENTS // model.n_hidden)
    for i, part in enumerate(into.view(-1, model.n_hidden).split(block)):
        bags = ends[i * block : i * block + len(part) + 1]
        terms, start = slice(bags[0], bags[-1]), to_device(torch.from_numpy(bags[:-1] - bags[0]), row.device)
        options = {"mode": "sum", "per_sample_weights": value[terms]}
        part.mul_(keep).add_(F.embedding_bag(row[terms], h, start, **options), alpha=scale)
