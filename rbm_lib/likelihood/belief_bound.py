"""The variational bound of a belief network."""

import itertools

import torch
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS
from rbm_lib.likelihood.exact import binary_states, exact_log_likelihood
from rbm_lib.models.batch import Rows
from rbm_lib.models.dbn import DBN

BOUND_BITS = 20  # exact_bound: of the first layer's states, and of the pairs of states of two layers


@torch.no_grad()
def exact_bound(model: DBN, v, observed=None) -> Tensor:
    """The variational lower bound on log p(v) with q = the posteriors of the RBMs going up, (B,), in nats.

    bound(v) = −F1(v) + Σ_h q(h given v) [−log Σ_v' exp(−E1(v', h)) + bound_above(h)], where the top RBM's
    bound is its log-likelihood; exact, by summing over all states of the layers between (Hinton, Osindero &
    Teh 2006, section 4). v' runs over the observed units. With two or more hidden layers a unit dropped is a
    unit summed out: given h1 the visible units are independent.
    Raises ValueError for layers of more than 2^20 states, or pairs of states of neighbours between.
    """
    rows, between = Rows(model, v, observed), model.sizes[1:-1]
    bits = max([0, *between[:1], *map(sum, itertools.pairwise(between))])
    if bits > BOUND_BITS:
        raise ValueError(
            f"model: layers {between}, between the visible and the top one, are too large to sum over "
            f"exactly: 2^{bits} states or pairs of states, expected at most 2^{BOUND_BITS}."
        )
    return _bound(list(model.machines), *rows.all()[:2])


def _bound(machines, v, mask=None):
    bottom, above = machines[0], machines[1:]
    if not above:
        return exact_log_likelihood(bottom, v, mask)
    h = binary_states(bottom.n_hidden, like=bottom.W)
    cumulant = bottom.visible_units().cumulant(bottom.input_to_visible(h))  # (states, n_visible)
    value = _bound(above, h) - h @ bottom.hidden_bias
    parts = []
    for rows in torch.arange(len(v), device=v.device).split(max(1, BLOCK_ELEMENTS // len(h))):
        own = mask[rows] if mask is not None and mask.ndim == 2 else mask
        field = bottom.input_to_hidden(v[rows], own)
        log_q = (field + bottom.hidden_bias) @ h.T - bottom.hidden_units().cumulant(field).sum(-1)[:, None]
        seen = cumulant.sum(-1) if own is None else own.to(cumulant) @ cumulant.T
        inside = (log_q.exp() * (value - seen)).sum(-1)
        parts.append(inside - bottom.free_energy(v[rows], own))
    return torch.cat(parts)
