"""Annealed importance sampling: log Z of models that are too large to enumerate.

Chains walk through models between one without weights, whose log Z is known, and the model.
The ratios of unnormalised probabilities on their way average to the ratio of the two Z.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from rbm_lib.checks import require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.likelihood.exact import checked_rows, log_weight_of_h
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.batch import Batch
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import rbm_view
from rbm_lib.models.sampling import gibbs_step
from rbm_lib.models.tempering import independent_model, interpolate, move_between
from rbm_lib.models.visible_data import VisibleData


@dataclass(frozen=True)
class AISResult:
    """An estimate of log Z, and two numbers that can show that it is wrong.

    A high effective sample size proves nothing, because chains that all miss the same mode
    agree with each other: an estimate with 500 of 500 chains was 0.69 nats off. A low one,
    below a fifth of the chains, does disprove an estimate.

    Attributes
    ----------
    log_partition, standard_error : float
        log Z and its standard error in nats.
    effective_sample_size : float
        How many chains of equal weight would be worth as much.
    """

    log_partition: float
    standard_error: float
    effective_sample_size: float


@torch.no_grad()
def ais_log_partition(
    model: BoltzmannMachine,
    n_chains: int = 100,
    n_temperatures: int = 1000,
    generator: Generator | None = None,
    data: Any = None,
    observed: Any = None,
) -> AISResult:
    """Estimate log Z by annealed importance sampling.

    The mean of exp(estimate) over many runs is Z, so an estimate tends to lie low.

    Parameters
    ----------
    model : RBM or DBM
    n_chains, n_temperatures : int
        Number of chains, and of models that each of them passes; at least 2.
    generator : torch.Generator, optional
        Source of the draws.
    data : array_like, RatingMatrix or VisibleData, optional
        Rows at whose base rates the chains start: worth more than many temperatures.
    observed : array_like of bool, shape (n_visible,), optional
        The units that are not missing: one mask, because each has a log Z of its own.

    References
    ----------
    Neal (2001). Annealed importance sampling. Statistics and Computing 11.
    Salakhutdinov & Murray (2008). On the quantitative analysis of deep belief networks.
    """
    n_chains = require_whole("n_chains", n_chains, least=2)
    betas = torch.linspace(0, 1, require_whole("n_temperatures", n_temperatures, least=2))
    base, rows = _base(model, data, observed)
    field = base.W.new_zeros(n_chains, *base.visible.shape)
    start = rows.with_v(base.visible.sample(field, generator))
    return _anneal(base, rbm_view(model).rbm, start, betas, generator)


@torch.no_grad()
def reverse_ais_log_partition(
    model: BoltzmannMachine,
    samples: Any,
    n_temperatures: int = 1000,
    generator: Generator | None = None,
    data: Any = None,
    observed: Any = None,
) -> AISResult:
    """Estimate log Z by chains that start at the model.

    The mean of exp(-estimate) over many runs is 1/Z, so an estimate tends to lie high: with
    `ais_log_partition` it brackets log Z. Other arguments are as there.

    Parameters
    ----------
    samples : array_like, or tuple of array_like and list of Tensor
        Exact draws v, one for each chain, or (v, [h1, h2, …]) as `exact_samples` returns
        them; from anything else the result bounds nothing. Given v alone, a DBM draws its
        hidden states by `sample_hidden`.

    References
    ----------
    Grosse, Ghahramani & Adams (2015). Sandwiching the marginal likelihood using
    bidirectional Monte Carlo. arXiv:1511.02543. Its bound by a reverse run is used here.
    Burda, Grosse & Salakhutdinov (2015). Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing. AISTATS.
    """
    betas = torch.linspace(0, 1, require_whole("n_temperatures", n_temperatures, least=2))
    base, _ = _base(model, data, observed)
    v, hidden = samples if isinstance(samples, tuple) else (samples, None)
    batch = checked_rows(model, v, observed, name="samples")
    require_whole("number of samples", len(batch), least=2)
    view = rbm_view(model)
    if hidden is None:
        upper = view.start_upper(batch, generator=generator)
    else:
        upper = view.checked_upper(hidden, len(batch))
    return _anneal(base, view.rbm, view.join(batch, upper), betas.flip(0), generator)


def _base(model: BoltzmannMachine, data: Any, observed: Any) -> tuple[RBM, Batch]:
    """The model without weights as an RBM, and a row of it with the mask."""
    table = require_boltzmann(model).visible_bias.new_zeros(1, model.n_visible)
    batch = checked_rows(model, table, observed)
    if isinstance(data, (RatingMatrix, VisibleData)):
        observed = None  # they bring their own
    if data is not None and not isinstance(data, VisibleData):
        data = VisibleData(model, data, observed)
        observed = None
    view = rbm_view(independent_model(model, data, observed))
    return view.rbm, view.join(batch, batch.v.new_zeros(1, view.n_upper))


def _anneal(
    base: RBM, model: RBM, state: Batch, betas: Tensor, generator: Generator | None
) -> AISResult:
    """Move chains through the models, and average their importance weights."""
    log_weight = state.v.new_zeros(len(state))
    between = interpolate(base, model, float(betas[0]))
    for beta in betas[1:].tolist():
        log_weight += between.free_energy(state)
        move_between(between, base, model, beta)
        log_weight -= between.free_energy(state)
        state, _ = gibbs_step(between, state, generator)

    n_chains = len(log_weight)
    log_mean = torch.logsumexp(log_weight, 0) - math.log(n_chains)
    weight = torch.exp(log_weight - log_mean)
    # The units of the base are independent: the visible ones are as at h = 0.
    zero = torch.zeros(1, dtype=torch.long, device=weight.device)
    hidden = base.hidden.cumulant(torch.zeros_like(base.hidden_bias))
    log_z = log_weight_of_h(base, state, zero)[0] + hidden.sum()
    return AISResult(
        log_partition=float(log_z + log_mean if betas[0] == 0 else log_z - log_mean),
        # The mean weight is 1, so by the delta method its logarithm has the same error.
        standard_error=float(weight.std() / math.sqrt(n_chains)),
        effective_sample_size=float(weight.sum() ** 2 / (weight**2).sum()),
    )
