"""The Gibbs chains of CD and PCD, from hidden states to hidden states."""

from typing import NamedTuple

import torch
from torch import Tensor

from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.batch import Batch
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import rbm_view
from rbm_lib.models.visible_data import VisibleData


class Chains(NamedTuple):
    """Chains after some sweeps: visible states, hidden means there, hidden draws."""

    state: Batch
    mean_h: Tensor
    h: Tensor


def run_chains(
    rbm: RBM, rows: Batch, h: Tensor, k: int, generator: Rng, mean_last: bool = False
) -> Chains:
    """k sweeps from hidden states h, under the masks and offsets of `rows`.

    With `mean_last` the last visible states are means, where these are enough.
    """
    visible = rbm.visible_at(rows.offset)
    hidden = rbm.hidden
    state = rows
    mean_h = h
    for sweep in range(k):
        field = rbm.field_at_visible(h)
        if mean_last and sweep == k - 1:
            v = visible.mean_or_sample(field, generator)
        else:
            v = visible.sample(field, generator)
        state = rows.with_v(v)
        mean_h = hidden.mean(rbm.input_to_hidden(state))
        h = sample_bernoulli(mean_h, generator)
    return Chains(state, mean_h, h)


@torch.no_grad()
def start_chains(
    model: BoltzmannMachine, data: VisibleData, n_chains: int, generator: Rng
) -> Tensor:
    """Hidden states of persistent chains, drawn given training rows in turn."""
    view = rbm_view(model)
    order = torch.arange(n_chains, device=model.visible_bias.device) % len(data)
    chains = []
    for index in order.split(1024):
        h, _ = view.split_hidden(model.hidden_means(data.rows(index)))
        chains.append(sample_bernoulli(h, generator))
    return torch.cat(chains)
