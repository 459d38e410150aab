"""The variational bound of a belief network."""

import itertools
from typing import Any

import torch
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS
from rbm_lib.likelihood.exact import binary_states, checked_rows, exact_log_likelihood
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbn import DBN
from rbm_lib.models.rbm import RBM

MAX_BITS = 20  # of the first layer's states, and of pairs of states of two layers


@torch.no_grad()
def exact_bound(model: DBN, v: Any, observed: Any = None) -> Tensor:
    r"""The variational lower bound on log p(v), in nats, shape (B,).

    Its q are the posteriors of the RBMs going up. All their states are summed:

    .. math::
        L(v) = -F_1(v) + \sum_h q(h|v) \, [L_{above}(h) - \log \sum_{v'} e^{-E_1(v', h)}]

    For the top RBM L is its log-likelihood. v' runs over the observed units. With two or
    more hidden layers, dropping a unit is the same as summing it out, because the visible
    units are independent given h1.

    Parameters
    ----------
    model : DBN
        With at most 20 units in its first hidden layer, and in any two neighbours below the
        top one.
    v, observed
        Rows as `VisibleData` takes them.

    References
    ----------
    Hinton, Osindero & Teh (2006). A fast learning algorithm for deep belief nets. Neural
    Computation 18, section 4.
    """
    if not isinstance(model, DBN):
        name = type(model).__name__
        raise TypeError(f"model: got {name}, expected a DBN. Try `exact_log_likelihood`.")
    between = model.sizes[1:-1]
    bits = max([0, *between[:1], *map(sum, itertools.pairwise(between))])
    if bits > MAX_BITS:
        raise ValueError(
            f"model: got 2^{bits} states of one or two of the layers {between} below the "
            f"top, expected at most 2^{MAX_BITS}."
        )
    return _bound(model.layers, checked_rows(model, v, observed))


def _bound(rbms: list[RBM], batch: Batch) -> Tensor:
    bottom, *above = rbms
    if not above:
        return exact_log_likelihood(bottom, batch)

    h = binary_states(bottom.n_hidden, like=bottom.W)
    cumulant = bottom.visible.cumulant(bottom.field_at_visible(h))  # (states, n_visible)
    value = _bound(above, Batch(h)) - h @ bottom.hidden_bias
    bounds = []
    index = torch.arange(len(batch), device=h.device)
    for rows in map(batch.__getitem__, index.split(max(1, BLOCK_ELEMENTS // len(h)))):
        field = bottom.input_to_hidden(rows)
        log_normaliser = bottom.hidden.cumulant(field).sum(-1, keepdim=True)
        log_q = (field + bottom.hidden_bias) @ h.T - log_normaliser
        log_sum = cumulant.sum(-1)
        if rows.observed is not None:
            log_sum = rows.observed.to(cumulant) @ cumulant.T
        inside = (log_q.exp() * (value - log_sum)).sum(-1)
        bounds.append(inside - bottom.free_energy(rows))
    return torch.cat(bounds)
