"""Contrastive divergence on the rated cells alone: the numbers of `CD`, at their cost."""

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, to_device
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.rated import RatedBatch, input_to_hidden, input_to_rated
from rbm_lib.models.rbm import RBM
from rbm_lib.training.gradients import CD, Gradient


@torch.no_grad()
def sparse_cd(
    method: CD,
    rbm: RBM,
    batch: RatedBatch,
    generator: Rng = None,
    cell_generator: Rng = None,
    out: Gradient | None = None,
) -> Gradient:
    """The gradient of `method` for an RBM with visible units of one discrete type.

    Parameters
    ----------
    method : CD
        Its k and sample_visible.
    rbm : RBM
        The model.
    batch : RatedBatch
        The rated cells.
    generator : torch.Generator, optional
        Source of the hidden draws.
    cell_generator : torch.Generator, optional
        Source of the draws at rated cells; by default `generator`.
    out : dict of str to Tensor, optional
        Where to put the gradient. To make a tensor of the size of W for each batch can take
        longer than all else.
    """
    cell_generator = generator if cell_generator is None else cell_generator
    if out is None:
        out = {name: torch.empty_like(p) for name, p in rbm.named_parameters()}
    hidden = rbm.hidden
    visible = batch.layer(rbm)
    h_data = hidden.mean(input_to_hidden(rbm, batch))
    h = sample_bernoulli(h_data, generator)
    v = batch.v
    h_model = h_data
    for sweep in range(method.k):
        field = input_to_rated(rbm, batch, h)
        if sweep == method.k - 1 and not method.sample_visible:
            v = visible.mean(field)
        else:
            v = visible.sample(field, cell_generator)
        h_model = hidden.mean(input_to_hidden(rbm, batch, v))
        h = sample_bernoulli(h_model, generator)

    scale = 1 / max(batch.n_rows, 1)  # of several processes, one may have no rows
    _put_coupling(out["W"], scale, rbm, batch, v, torch.cat([h_data, h_model]))
    out["visible_bias"].zero_().index_add_(0, batch.unit, (batch.v - v).mul_(scale))
    torch.mul((h_data - h_model).sum(0), scale, out=out["hidden_bias"])
    return out


def _put_coupling(
    out: Tensor, scale: float, rbm: RBM, batch: RatedBatch, v: Tensor, h: Tensor
) -> None:
    """scale * (sum over ratings of data v h - model v h), by rows of W.

    h: hidden means of the data, with those of the model below. Data and chains are one list
    of terms value * h[row], sorted by the row of W that they belong to, so that each row of
    W is written once.
    """
    starts, row, order = batch.sorted_by_weight()
    value = torch.cat([batch.active_value, v.flatten().neg()]).mul_(scale)[order]
    n_hidden = rbm.n_hidden
    block = max(1, BLOCK_ELEMENTS // n_hidden)
    for i, part in enumerate(out.view(-1, n_hidden).split(block)):
        bags = starts[i * block : i * block + len(part) + 1]
        terms = slice(bags[0], bags[-1])
        offsets = to_device(torch.from_numpy(bags[:-1] - bags[0]), row.device)
        weights = value[terms]
        part.copy_(
            F.embedding_bag(row[terms], h, offsets, mode="sum", per_sample_weights=weights)
        )
