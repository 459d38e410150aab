"""Annealed importance sampling: log Z of machines too large to enumerate, from below and from above.

Chains walk through machines between one with W = 0, whose log Z is known, and the model; the ratios of the
unnormalised probabilities that they meet on the way average to the ratio of the partition functions.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rbm_lib.checks import require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.base import Machine
from rbm_lib.models.batch import Rows, as_mask
from rbm_lib.models.sampling import (
    independent_machine,
    interpolate,
    one_sweep,
    sample_independent,
    start_even,
)


@dataclass(frozen=True)
class AISResult:
    """An estimate of log Z: value and standard error in nats, effective sample size in chains.

    Below a fifth of the chains the effective sample size says that the estimate is not to be believed.
    """

    log_partition: float
    standard_error: float
    effective_sample_size: float


@torch.no_grad()
def ais_log_partition(
    model: Machine, n_chains=100, n_temperatures=1000, generator=None, data=None, observed=None
) -> AISResult:
    """log Z by annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008).

    Chains start as exact draws of a machine with W = 0 (with `data`, anything that `Rows` takes, at its base
    rates) and pass through n_temperatures machines on the way to the model. In expectation exp(estimate) is
    Z, so that the estimate tends to lie low. `observed`: one mask (n_visible,); log Z is that of its machine.
    """
    n_chains = require_whole("n_chains", n_chains, least=2)
    base, observed, betas = _base(model, data, observed, n_temperatures)
    state = sample_independent(base, n_chains, generator)
    log_weight = _anneal(base, model, *state, betas, observed, generator)
    return _ais_result(exact_base_log_partition(base, observed), log_weight, sign=1)


@torch.no_grad()
def reverse_ais_log_partition(
    model: Machine, samples, n_temperatures=1000, generator=None, data=None, observed=None
) -> AISResult:
    """log Z from the other side: from exact draws of the model down to the machine with W = 0.

    In expectation exp(−estimate) is 1/Z, so that the estimate tends to lie high; with `ais_log_partition` it
    brackets log Z (Burda, Grosse & Salakhutdinov 2015). `samples` (n, n_visible[, K]) must be (nearly) exact
    draws: started from anything else, the result bounds nothing. For a deep machine give (v, [h1, h2, …]), as
    `exact_samples` returns them; with v alone the hidden states are drawn by `start_hidden`.
    """
    v, hidden = samples if isinstance(samples, tuple) else (samples, None)
    base, observed, betas = _base(model, data, observed, n_temperatures)
    v, _, _ = Rows(model, v, observed).all()
    require_whole("number of samples", len(v), least=2)
    even = start_even(model, v, hidden, generator, observed)
    log_weight = _anneal(base, model, v, even, betas.flip(0), observed, generator)
    return _ais_result(exact_base_log_partition(base, observed), log_weight, sign=-1)


def exact_base_log_partition(base: Machine, observed: Tensor | None = None) -> Tensor:
    """log Z of a machine without weights: the units' cumulants at zero field, summed."""
    visible = base.visible_units().cumulant(torch.zeros_like(base.visible_bias))
    visible = visible if observed is None else visible[observed]
    sides = (base.odd_units(), base.even_units())
    return visible.sum() + sum(side.cumulant(torch.zeros_like(side.bias)).sum() for side in sides)


def _base(model, data, observed, n_temperatures):
    """The machine without weights, the mask as a tensor, and the temperatures from it to the model."""
    betas = torch.linspace(0, 1, require_whole("n_temperatures", n_temperatures, least=2))
    observed = None if observed is None else as_mask(observed, model)
    if observed is not None and observed.ndim != 1:
        raise ValueError(
            f"observed: got shape {tuple(observed.shape)}, expected one mask ({model.n_visible},): "
            "log Z belongs to a mask, so call once for each."
        )
    if data is None:
        return independent_machine(model), observed, betas
    rows = Rows(model, data, None if isinstance(data, RatingMatrix) else observed)  # ratings bring their own mask
    return independent_machine(model, *rows.all()[:2]), observed, betas


def _anneal(base, model, v, even, betas, observed, generator):
    """Σ over steps of log p*_next − log p*_now of the even side, moved by one sweep of each machine; (B,)."""
    log_weight = v.new_zeros(len(v))
    now = interpolate(base, model, betas[0])
    for beta in betas[1:]:
        following = interpolate(base, model, beta)
        log_weight += now.free_energy_of_even(v, even, observed)
        log_weight -= following.free_energy_of_even(v, even, observed)
        now = following
        v, _, even = one_sweep(now, v, even, generator, observed)
    return log_weight


def _ais_result(log_z_base, log_weight, sign):
    """Mean of the importance weights with its standard error (delta method) and effective sample size."""
    n = len(log_weight)
    log_mean = torch.logsumexp(log_weight, 0) - math.log(n)
    weight = torch.exp(log_weight - log_mean)
    return AISResult(
        log_partition=float(log_z_base + sign * log_mean),
        standard_error=float(weight.std() / math.sqrt(n)),
        effective_sample_size=float(weight.sum() ** 2 / (weight**2).sum()),
    )
