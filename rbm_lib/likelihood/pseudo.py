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
    """log p(v_i = k given the row's other observed units), exact and without log Z.

    Parameters
    ----------
    model : RBM
        Its visible units are Bernoulli or categorical.
    v, observed, visible_offset
        Rows as `VisibleData` takes them, or a VisibleData or Batch. A missing unit is added
        to its row's model when it is asked for.

    Returns
    -------
    Tensor, shape (B, n_visible, n_levels)
        n_levels is 2 for Bernoulli units.

    Raises
    ------
    ValueError, TypeError
        For other models and units, and for rows that do not fit.

    Examples
    --------
    >>> model = RBM(3, 2, weight_std=0.0)
    >>> conditional_log_prob(model, torch.ones(1, 3)).exp()[0, 0]
    tensor([0.5000, 0.5000])
    """
    _require_discrete(model)
    batch = checked_rows(model, v, observed, visible_offset)
    states, W, bias = _by_level(model, batch)
    rest = model.hidden_bias + states.flatten(1) @ W.flatten(0, 1)

    # The other units' input to each hidden unit, plus what level k of unit i would add.
    log_prob = torch.empty_like(states)
    size = max(1, BLOCK_ELEMENTS // max(1, len(states) * W[0].numel()))
    for start in range(0, model.n_visible, size):
        units = slice(start, start + size)
        own = torch.einsum("bik,ikh->bih", states[:, units], W[units])
        field = (rest[:, None] - own)[:, :, None] + W[units]
        log_prob[:, units] = F.softplus(field, threshold=40).sum(-1)
    return torch.log_softmax(log_prob + bias, -1)


@torch.no_grad()
def pseudo_log_likelihood(
    model: RBM, v: Any, observed: Any = None, visible_offset: Any = None
) -> Tensor:
    """Sum over a row's observed units of log p(v_i given the others), in nats, shape (B,).

    Arguments and errors are those of `conditional_log_prob`.

    References
    ----------
    Besag (1975). Statistical analysis of non-lattice data. The Statistician 24.

    Examples
    --------
    >>> pseudo_log_likelihood(RBM(3, 2, weight_std=0.0), torch.ones(1, 3)) / 3
    tensor([-0.6931])
    """
    _require_discrete(model)
    batch = checked_rows(model, v, observed, visible_offset)
    log_prob = conditional_log_prob(model, batch)
    states, _, _ = _by_level(model, batch)
    return (states * log_prob).sum((1, 2))


def _by_level(model: RBM, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """States, W and bias with an axis for levels; those of Bernoulli units have two.

    Level 0 of a Bernoulli unit is the one without bias and weights.
    """
    v = batch.v
    W = model.W.detach()
    bias = model.visible_at(batch.offset).bias
    if v.ndim == 2:
        v = torch.stack([1 - v, v], -1)
        W = torch.stack([torch.zeros_like(W), W], 1)
        bias = torch.stack([torch.zeros_like(bias), bias], -1)
    if batch.observed is not None:
        v = v * batch.observed[..., None]
    return v, W, bias


def _require_discrete(model: RBM) -> None:
    require_boltzmann(model)
    if not isinstance(model, RBM) or model.visible.n_levels is None:
        raise ValueError(
            f"model: got {type(model).__name__} with {model.visible.type_name} units, expected "
            "an RBM whose visible units are Bernoulli or categorical. Compare others by "
            "`exact_log_likelihood`, or by `ais_log_partition` and `free_energy`."
        )
