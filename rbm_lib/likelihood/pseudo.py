"""The pseudo-likelihood: how well each unit is predicted by the others."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS
from rbm_lib.likelihood.exact import checked_rows
from rbm_lib.models.base import require_boltzmann
from rbm_lib.models.batch import Batch
from rbm_lib.models.rbm import RBM


@torch.no_grad()
def conditional_log_prob(
    model: RBM, v: Any, observed: Any = None, visible_offset: Any = None
) -> Tensor:
    """log p(v_i = k given the row's other observed units), (B, n_visible, n_levels).

    It is exact and needs no log Z. Bernoulli units have two levels.

    Parameters
    ----------
    model : RBM
        With Bernoulli or categorical visible units; ValueError for others.
    v, observed, visible_offset
        Rows as `VisibleData` takes them, or a VisibleData or Batch. A missing unit is added
        to its row's model when it is asked for.

    Examples
    --------
    >>> conditional_log_prob(RBM(1, 2, weight_std=0.0), torch.ones(1, 1)).exp()
    tensor([[[0.5000, 0.5000]]])
    """
    batch = _discrete_rows(model, v, observed, visible_offset)
    states, W, bias = _by_level(model, batch)
    rest = model.hidden_bias + states.flatten(1) @ W.flatten(0, 1)

    # The other units' input to each hidden unit, plus what level k of unit i would add.
    log_weight = torch.empty_like(states)
    size = max(1, BLOCK_ELEMENTS // max(1, len(states) * W[0].numel()))
    for start in range(0, model.n_visible, size):
        units = slice(start, start + size)
        own = torch.einsum("bik,ikh->bih", states[:, units], W[units])
        field = (rest[:, None] - own)[:, :, None] + W[units]
        log_weight[:, units] = F.softplus(field, threshold=40).sum(-1)
    return torch.log_softmax(log_weight + bias, -1)


@torch.no_grad()
def pseudo_log_likelihood(
    model: RBM, v: Any, observed: Any = None, visible_offset: Any = None
) -> Tensor:
    """Sum over a row's observed units of log p(v_i given the others), in nats, shape (B,).

    Arguments are those of `conditional_log_prob`.

    References
    ----------
    Besag (1975). Statistical analysis of non-lattice data. The Statistician 24.
    """
    batch = _discrete_rows(model, v, observed, visible_offset)
    states, _, _ = _by_level(model, batch)
    return (states * conditional_log_prob(model, batch)).sum((1, 2))


def _discrete_rows(model: RBM, v: Any, observed: Any, visible_offset: Any) -> Batch:
    require_boltzmann(model)
    if not isinstance(model, RBM) or model.visible.n_levels is None:
        raise ValueError(
            f"model: got {type(model).__name__} with {model.visible.type_name} units, "
            "expected an RBM with units of one discrete type. Compare other models by "
            "`exact_log_likelihood`, or by `free_energy` and `ais_log_partition`."
        )
    return checked_rows(model, v, observed, visible_offset)


def _by_level(model: RBM, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """States, W and bias with an axis for levels."""
    v = batch.v
    W = model.W
    bias = model.visible_at(batch.offset).bias
    if v.ndim == 2:  # level 0 of a Bernoulli unit has no weights and no bias
        v = torch.stack([1 - v, v], -1)
        W = torch.stack([torch.zeros_like(W), W], 1)
        bias = torch.stack([torch.zeros_like(bias), bias], -1)
    if batch.observed is not None:
        v = v * batch.observed[..., None]
    return v, W, bias
