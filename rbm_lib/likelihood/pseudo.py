"""Likelihoods: exact for small machines (`exact`), estimated (`annealing`), and pseudo-likelihood."""

import torch
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS
from rbm_lib.likelihood.annealing import AISResult, ais_log_partition, reverse_ais_log_partition
from rbm_lib.likelihood.exact import (
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    exact_samples,
)
from rbm_lib.models.base import Machine
from rbm_lib.models.batch import Rows

__all__ = [
    "AISResult", "ais_log_partition", "conditional_log_prob", "exact_gradient", "exact_log_likelihood",
    "exact_log_partition", "exact_samples", "pseudo_log_likelihood", "reverse_ais_log_partition",
]  # fmt: skip


@torch.no_grad()
def conditional_log_prob(model: Machine, v, observed=None, visible_offset=None) -> Tensor:
    """log p(v_i = k given the row's other observed units), (B, n_visible, K); K = 2 for Bernoulli units.

    Exact, by free-energy differences: the other units' input to each hidden unit, plus what level k would
    add. A missing unit is added to its row's machine for this question. Raises ValueError for Gaussian units.
    """
    if model.kind == "gaussian" or model.n_even:
        raise ValueError(
            f"model: got {type(model).__name__} with {model.kind} units, expected an RBM whose visible units "
            "have levels."
        )
    v, observed, offset = Rows(model, v, observed, visible_offset).all()
    weights, bias = model.W, model.visible_units(offset).bias
    if model.kind == "bernoulli":  # two levels, of which level 0 is the reference
        weights = torch.stack([torch.zeros_like(weights), weights], 1)
        bias = torch.stack([torch.zeros_like(bias), bias], -1)
        v = torch.stack([1 - v, v], -1)
    if observed is not None:
        v = v * observed[..., None]
    rest = model.hidden_bias + v.flatten(1) @ weights.flatten(0, 1)
    result = v.new_empty(v.shape)
    step = max(1, BLOCK_ELEMENTS // max(1, len(v) * weights.shape[1] * weights.shape[2]))
    for start in range(0, model.n_visible, step):
        part = slice(start, start + step)
        own = torch.einsum("bik,ikh->bih", v[:, part], weights[part])
        field = (rest[:, None] - own)[:, :, None] + weights[part]
        result[:, part] = torch.nn.functional.softplus(field, threshold=40).sum(-1)
    return torch.log_softmax(result + bias, -1)


@torch.no_grad()
def pseudo_log_likelihood(model: Machine, v, observed=None, visible_offset=None) -> Tensor:
    """Σ over observed i of log p(v_i given the others), (B,) (Besag 1975). No log Z; no Gaussian units."""
    log_prob = conditional_log_prob(model, v, observed, visible_offset)
    v, observed, _ = Rows(model, v, observed, visible_offset).all()
    v = torch.stack([1 - v, v], -1) if model.kind == "bernoulli" else v
    per_unit = (v * log_prob).sum(-1)
    return per_unit.sum(-1) if observed is None else (per_unit * observed).sum(-1)
