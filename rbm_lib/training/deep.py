"""The two averages of CD and PCD for a deep model, read as an RBM."""

import torch
from torch import Tensor

from rbm_lib.models.base import Statistics
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbm import DBM
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.rbm_view import DBMView
from rbm_lib.training.chains import run_chains

POSTERIOR_SWEEPS = 5  # of clamped sampling in the positive phase, posterior="gibbs"


@torch.no_grad()
def deep_phases(
    model: DBM,
    batch: Batch,
    posterior: str,
    k: int,
    generator: Rng,
    chains: Tensor | None = None,
    chain_generator: Rng = None,
    mean_last: bool = False,
) -> tuple[Statistics, Statistics, Tensor]:
    """Average over the data, average over chains, and where the chains are now.

    Parameters
    ----------
    model, batch, posterior, k
        As in `CD`.
    generator : torch.Generator
        Source of the draws given the data.
    chains : Tensor, optional
        Where the chains start; by default they are drawn given the data.
    chain_generator : torch.Generator
        Source of the draws of the chains.
    mean_last : bool
        Whether the last visible states are means, where these are enough.
    """
    view = DBMView(model)
    means = _hidden_given(view, batch, posterior, generator)
    positive = model.batch_statistics(batch, means)

    h, upper = view.split_hidden(means)
    h = sample_bernoulli(h, generator) if chains is None else chains
    rows = view.join(batch, upper)
    state, mean_h, h = run_chains(view.rbm, rows, h, k, chain_generator, mean_last)
    own_state = view.visible_part(batch, state)
    return positive, model.batch_statistics(own_state, view.hidden(state.v, mean_h)), h


def _hidden_given(
    view: DBMView, batch: Batch, posterior: str, generator: Rng
) -> list[Tensor]:
    """Hidden means or states given the data."""
    if posterior == "mean_field":
        return view.model.hidden_means(batch)
    rows = view.join(batch, view.start_upper(batch, POSTERIOR_SWEEPS, generator))
    return view.hidden(rows.v, view.rbm.prob_h_given_v(rows))
