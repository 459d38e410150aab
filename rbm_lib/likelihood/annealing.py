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
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.batch import Batch
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import RBMView, rbm_view
from rbm_lib.models.sampling import gibbs_step
from rbm_lib.models.tempering import independent_model, interpolate


@dataclass(frozen=True)
class AISResult:
    """An estimate of log Z, and two numbers that may show that it is wrong.

    Neither can show that it is right. Chains that all miss the same mode agree with each
    other: an estimate with an effective sample size of 500 out of 500 chains was 0.69 nats
    off. A low effective sample size (below a fifth of the chains) does disprove an estimate.

    Attributes
    ----------
    log_partition : float
        log Z in nats.
    standard_error : float
        Of log Z, in nats, from the spread of the importance weights.
    effective_sample_size : float
        How many equally weighted chains would be worth as much.
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

    The mean of exp(estimate) over many runs is Z, so single estimates tend to lie low.

    Parameters
    ----------
    model : RBM or DBM
        The model; with `observed`, the model of these units.
    n_chains, n_temperatures : int
        Number of chains, and of models that each of them passes, at least 2.
    generator : torch.Generator, optional
        Source of the draws.
    data : array_like, RatingMatrix or VisibleData, optional
        Start at the base rates of these rows. This is worth more than many temperatures.
    observed : array_like of bool, shape (n_visible,), optional
        One mask, because log Z belongs to a mask.

    References
    ----------
    Neal (2001). Annealed importance sampling. Statistics and Computing 11.
    Salakhutdinov & Murray (2008). On the quantitative analysis of deep belief networks. ICML.

    Examples
    --------
    >>> model = RBM(6, 4, weight_std=0.5, seed=0)
    >>> result = ais_log_partition(model, 100, 100, torch.Generator().manual_seed(0))
    >>> round(result.log_partition, 1)
    0.0
    """
    n_chains = require_whole("n_chains", n_chains, least=2)
    path = _Path(model, n_temperatures, data, observed)
    base = path.base
    field = base.W.new_zeros(n_chains, *base.visible.shape)
    start = path.no_rows.with_v(base.visible.sample(field, generator))
    log_weight = path.anneal(start, path.betas, generator)
    return _result(path.base_log_partition(), log_weight, sign=1)


@torch.no_grad()
def reverse_ais_log_partition(
    model: BoltzmannMachine,
    samples: Any,
    n_temperatures: int = 1000,
    generator: Generator | None = None,
    data: Any = None,
    observed: Any = None,
) -> AISResult:
    """Estimate log Z from the other side: from draws of the model to the model without weights.

    The mean of exp(-estimate) over many runs is 1/Z, so single estimates tend to lie high.
    Together with `ais_log_partition` they bracket log Z.

    Parameters
    ----------
    model, n_temperatures, generator, data, observed
        As in `ais_log_partition`.
    samples : array_like, or (array_like, list of Tensor)
        Exact draws of the model, one for each chain: v, or (v, [h1, h2, …]) as
        `exact_samples` returns them. Anything else bounds nothing. For a deep model given v
        alone, hidden states are drawn by `DBM.sample_hidden`.

    References
    ----------
    Burda, Grosse & Salakhutdinov (2015). Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing. AISTATS.
    """
    path = _Path(model, n_temperatures, data, observed)
    v, hidden = samples if isinstance(samples, tuple) else (samples, None)
    batch = VisibleData(model, v, observed).all()
    require_whole("number of samples", len(batch), least=2)
    if hidden is None:
        upper = path.view.start_upper(batch, generator=generator)
    else:
        upper = path.view.checked_upper(hidden, len(batch))
    start = path.view.join(batch, upper)
    log_weight = path.anneal(start, path.betas.flip(0), generator)
    return _result(path.base_log_partition(), log_weight, sign=-1)


class _Path:
    """The RBMs that the chains pass, from `base`, without weights, to `model`."""

    def __init__(
        self, model: BoltzmannMachine, n_temperatures: int, data: Any, observed: Any
    ) -> None:
        self.view = rbm_view(require_boltzmann(model))
        n_temperatures = require_whole("n_temperatures", n_temperatures, least=2)
        self.betas = torch.linspace(0, 1, n_temperatures)
        self.rows = joined(self.view, rows_of_one_model(model, observed))

        brings_mask = isinstance(data, (RatingMatrix, VisibleData))
        base = independent_model(model, data, None if brings_mask else observed)
        self.base = rbm_view(base).rbm
        self.model = self.view.rbm

    def base_log_partition(self) -> Tensor:
        """log Z of the base, in which all units are independent."""
        visible = self.base.visible.cumulant(torch.zeros_like(self.base.visible_bias))
        hidden = self.base.hidden.cumulant(torch.zeros_like(self.base.hidden_bias))
        if self.rows.observed is not None:
            visible = visible[self.rows.observed]
        return visible.sum() + hidden.sum()

    def anneal(self, state: Batch, betas: Tensor, generator: Generator | None) -> Tensor:
        """Log importance weights of chains that start at `state`, shape (B,).

        Each step adds log p*_next(v) - log p*_now(v) and moves v by a sweep of the next.
        """
        log_weight = state.v.new_zeros(len(state))
        now = interpolate(self.base, self.model, float(betas[0]))
        for beta in betas[1:]:
            following = interpolate(self.base, self.model, float(beta))
            log_weight += now.free_energy(state) - following.free_energy(state)
            now = following
            state, _ = gibbs_step(now, state, generator)
        return log_weight


def _result(log_z_base: Tensor, log_weight: Tensor, sign: int) -> AISResult:
    """Mean of the importance weights, with standard error and effective sample size."""
    n_chains = len(log_weight)
    log_mean = torch.logsumexp(log_weight, 0) - math.log(n_chains)
    weight = torch.exp(log_weight - log_mean)
    return AISResult(
        log_partition=float(log_z_base + sign * log_mean),
        # Of a mean of 1, so by the delta method also of its logarithm.
        standard_error=float(weight.std() / math.sqrt(n_chains)),
        effective_sample_size=float(weight.sum() ** 2 / (weight**2).sum()),
    )
