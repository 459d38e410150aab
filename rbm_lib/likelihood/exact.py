"""Exact results for small models, by sums over all states.

Everything is written for an RBM, and a DBM is read as one. Of the two layers of that RBM the
one with fewer states is enumerated. The other is summed out in closed form, so it may be of
any type. A row with missing units is a row of the model without these units; therefore log Z
belongs to a mask, and each row is normalised by its own.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, as_booleans, as_numbers, require_whole
from rbm_lib.models.base import (
    BoltzmannMachine,
    Statistics,
    VisibleModel,
    require_boltzmann,
)
from rbm_lib.models.batch import Batch
from rbm_lib.models.visible_data import VisibleData, as_visible_data
from rbm_lib.models.random import random_numbers
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import RBMView, rbm_view

MAX_BITS = 25  # at most 2^25 states are enumerated


@torch.no_grad()
def exact_log_partition(
    model: BoltzmannMachine, observed: Any = None, visible_offset: Any = None
) -> Tensor:
    """log Z, of the model without the units that a mask leaves out.

    Parameters
    ----------
    model : RBM or DBM
        With at most 2^25 states of its hidden layer or of its visible one; of a deep model
        those of the layers 1, 3, … or of the others.
    observed : array_like of bool, shape (n_visible,) or (B, n_visible), optional
        The units that are not missing.
    visible_offset : array_like, broadcastable to v, optional
        Added to the visible bias.

    Returns
    -------
    Tensor
        A scalar, or shape (B,) for masks or offsets per row.

    Raises
    ------
    ValueError, TypeError
        For a model that is too large, and for masks and offsets that do not fit.

    Examples
    --------
    >>> exact_log_partition(RBM(3, 2, weight_std=0.0)).exp().item()  # 2^5 states, energy 0
    32.0
    """
    batch = rows_under(require_boltzmann(model), observed, visible_offset)
    log_z = _log_partition(rbm_view(model), batch)
    return log_z[0] if batch.shares_model else log_z


@torch.no_grad()
def exact_log_likelihood(
    model: BoltzmannMachine, v: Any, observed: Any = None, visible_offset: Any = None
) -> Tensor:
    """log p(v) of each row under the model of its own mask, in nats, shape (B,).

    Parameters
    ----------
    model : RBM or DBM
        As in `exact_log_partition`; the layers 2, 4, … of a deep model have at most 25 units.
    v, observed, visible_offset
        Rows as `VisibleData` takes them, or a VisibleData or Batch.

    Examples
    --------
    >>> model = RBM(2, 3, seed=0)
    >>> round(exact_log_likelihood(model, binary_states(2)).exp().sum().item(), 5)
    1.0
    """
    batch = checked_rows(require_boltzmann(model), v, observed, visible_offset)
    view = rbm_view(model)
    blocks = _completed_rows(view, batch)
    log_unnormalized = torch.cat([log_weight.logsumexp(1) for _, log_weight in blocks])
    return log_unnormalized - _log_partition(view, batch)


@torch.no_grad()
def exact_gradient(
    model: BoltzmannMachine, v: Any, observed: Any = None, visible_offset: Any = None
) -> Statistics:
    """Gradient of the mean log-likelihood, by parameter name: the direction of ascent.

    It is the average of -dE/d(parameter) over the data minus that over the model. Arguments
    are those of `exact_log_likelihood`.

    Examples
    --------
    >>> gradient = exact_gradient(RBM(2, 3, weight_std=0.0), torch.ones(5, 2))
    >>> gradient["visible_bias"]  # all ones in the data, one half in the model
    tensor([0.5000, 0.5000])
    """
    batch = checked_rows(require_boltzmann(model), v, observed, visible_offset)
    view = rbm_view(model)
    gradient = {name: -s for name, s in _model_statistics(view, batch).items()}
    for states, log_weight in _completed_rows(view, batch):
        weights = torch.softmax(log_weight, 1) / len(batch)
        for name, statistic in states.statistics(weights.flatten()).items():
            gradient[name] += statistic
    return view.statistics(gradient)


@torch.no_grad()
def model_statistics(
    model: BoltzmannMachine, observed: Any = None, visible_offset: Any = None
) -> Statistics:
    """The model's average of -dE/d(parameter), by parameter name: the negative phase.

    With masks or offsets per row it is averaged over their models. Arguments are those of
    `exact_log_partition`.
    """
    batch = rows_under(require_boltzmann(model), observed, visible_offset)
    view = rbm_view(model)
    return view.statistics(_model_statistics(view, batch))


@torch.no_grad()
def exact_samples(
    model: BoltzmannMachine, n: int, generator: Generator | None = None
) -> tuple[Tensor, Any]:
    """Independent draws (v, hidden) of a model with at most 25 hidden units.

    The hidden layer (of a deep model the layers 1, 3, …) is drawn from its exact
    distribution, then the others given it. Hidden states are as `model.energy` takes them.

    Examples
    --------
    >>> v, h = exact_samples(RBM(4, 2, seed=0), 5, torch.Generator().manual_seed(0))
    >>> v.shape, h.shape
    (torch.Size([5, 4]), torch.Size([5, 2]))
    """
    view = rbm_view(require_boltzmann(model))
    rbm = view.rbm
    n = require_whole("n", n, least=0)
    if rbm.n_hidden > MAX_BITS:
        raise ValueError(
            f"model: got {rbm.n_hidden} units in the hidden layers 1, 3, …, expected at most "
            f"{MAX_BITS}. Try `gibbs`."
        )
    index = torch.arange(2**rbm.n_hidden, device=rbm.W.device)
    unmasked = Batch(rbm.visible_bias)
    blocks = index.split(2**16)
    log_weight = torch.cat([_HiddenStates(rbm, unmasked, b).log_weight for b in blocks])

    cumulative = torch.softmax(log_weight.double(), 0).cumsum(0)
    uniform = random_numbers(torch.rand, (n,), cumulative, generator)
    drawn = torch.searchsorted(cumulative, uniform * cumulative[-1], right=True)
    h = rbm.hidden.states(drawn.clamp(max=len(index) - 1))
    v = rbm.visible.sample(rbm.field_at_visible(h), generator)
    return view.visible_part(Batch(v), Batch(v)).v, view.hidden(v, h)


def log2_states(model: BoltzmannMachine, observed: Any = None) -> float:
    """log2 of the number of states that log Z sums over, for the largest of several masks."""
    batch = rows_under(require_boltzmann(model), observed)
    view = rbm_view(model)
    models, _ = _distinct_models(view, batch)
    return max((_log2_states(view.rbm, rows) for rows in models), default=0.0)


def binary_states(
    n: int, start: int = 0, stop: int | None = None, like: Tensor | None = None
) -> Tensor:
    """The states start, …, stop - 1 of n binary units, in the dtype and device of `like`.

    Examples
    --------
    >>> binary_states(2).tolist()  # unit 0 is the lowest bit
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    n = require_whole("n", n, least=0)
    start = require_whole("start", start, least=0)
    stop = 2**n if stop is None else require_whole("stop", stop, least=start)
    like = torch.empty(0) if like is None else like
    index = torch.arange(start, stop, device=like.device)
    bits = index[:, None] >> torch.arange(n, device=like.device)
    return (bits & 1).to(like.dtype)


# States of an RBM, of which `rows` holds one mask and one offset


class _HiddenStates:
    """States of the hidden layer, and log sum_v exp(-E(v, h)) of each."""

    def __init__(self, rbm: RBM, rows: Batch, index: Tensor) -> None:
        self.rbm = rbm
        self.rows = rows
        self.layer = rbm.visible_at(rows.offset)
        self.h = rbm.hidden.states(index)
        self.field = rbm.field_at_visible(self.h)
        cumulant = self.layer.cumulant(self.field)
        if rows.observed is not None:
            cumulant = cumulant[:, _only_mask(rows)]
        self.log_weight = cumulant.sum(-1) + self.h @ rbm.hidden_bias

    def statistics(self, weights: Tensor) -> Statistics:
        """-dE/d(parameter), averaged over the states with these weights."""
        moments = self.layer.moments(self.field)
        n_moments = len(moments)
        rows = self.rows.with_v(torch.cat(moments))
        h = self.h.repeat(n_moments, 1)
        weights = weights.repeat(n_moments) / n_moments
        return self.rbm.statistics(rows, h, weights=weights)


class _VisibleStates:
    """States of the visible layer, and log sum_h exp(-E(v, h)) of each."""

    def __init__(self, rbm: RBM, rows: Batch) -> None:
        self.rbm = rbm
        self.rows = rows
        self.log_weight = -rbm.free_energy(rows)

    def statistics(self, weights: Tensor) -> Statistics:
        """-dE/d(parameter), averaged over the states with these weights."""
        h = self.rbm.prob_h_given_v(self.rows)
        return self.rbm.statistics(self.rows, h, weights=weights)


def _only_mask(rows: Batch) -> Tensor | None:
    return None if rows.observed is None else rows.observed.flatten()


def _log2_states(rbm: RBM, rows: Batch) -> float:
    return min(rbm.n_hidden, rbm.visible.log2_states(_only_mask(rows)))


def _all_states(rbm: RBM, rows: Batch) -> Iterator[_HiddenStates | _VisibleStates]:
    """Every state of the layer that has fewer, in blocks."""
    bits = _log2_states(rbm, rows)
    if bits > MAX_BITS:
        raise ValueError(
            f"model: got about 2^{bits:.0f} states to sum over ({rbm.n_hidden} hidden units, "
            f"the visible layer {rbm.visible}), expected at most 2^{MAX_BITS}. Estimate log Z "
            "by `ais_log_partition`."
        )
    n_states = round(2**bits)
    size = max(1, BLOCK_ELEMENTS // max(rbm.visible.n_features, rbm.n_hidden))
    for start in range(0, n_states, size):
        stop = min(start + size, n_states)
        index = torch.arange(start, stop, device=rbm.W.device)
        if rbm.n_hidden == bits:
            yield _HiddenStates(rbm, rows, index)
        else:
            v = rbm.visible.states(index, _only_mask(rows))
            yield _VisibleStates(rbm, rows.with_v(v))


def _completed_rows(view: RBMView, batch: Batch) -> Iterator[tuple[_VisibleStates, Tensor]]:
    """Rows with every state of the upper units, and log-weights (rows, states), in blocks."""
    if view.n_upper > MAX_BITS:
        raise ValueError(
            f"model: got {view.n_upper} units in the layers 2, 4, …, expected at most "
            f"{MAX_BITS}. `model.mean_field(v).bound` is a lower bound."
        )
    upper = binary_states(view.n_upper, like=batch.v)
    width = max(view.rbm.visible.n_features, view.rbm.n_hidden)
    size = max(1, BLOCK_ELEMENTS // (len(upper) * width))
    for index in torch.arange(len(batch), device=batch.v.device).split(size):
        rows = batch[index.repeat_interleave(len(upper))]
        rows = view.join(rows, upper.repeat(len(index), 1))
        states = _VisibleStates(view.rbm, rows)
        yield states, states.log_weight.view(len(index), len(upper))


# Sums over states, for rows that may differ in mask and offset


def _log_partition(view: RBMView, batch: Batch) -> Tensor:
    """log Z of each row's model, shape (B,)."""
    models, where = _distinct_models(view, batch)
    log_z = batch.v.new_full((len(models),), -math.inf)
    for i, rows in enumerate(models):
        for states in _all_states(view.rbm, rows):
            log_z[i] = torch.logaddexp(log_z[i], states.log_weight.logsumexp(0))
    return log_z[where]


def _model_statistics(view: RBMView, batch: Batch) -> Statistics:
    """The RBM's average of -dE/d(parameter) under each row's model, averaged over rows."""
    models, where = _distinct_models(view, batch)
    shares = torch.bincount(where, minlength=len(models)).double() / max(len(where), 1)
    result = {name: torch.zeros_like(p) for name, p in view.rbm.named_parameters()}
    for rows, share in zip(models, shares.tolist(), strict=True):
        log_z = batch.v.new_tensor(-math.inf)
        mean = {name: torch.zeros_like(p) for name, p in result.items()}
        for states in _all_states(view.rbm, rows):
            block_log_z = states.log_weight.logsumexp(0)
            block = states.statistics(torch.exp(states.log_weight - block_log_z))
            log_z = torch.logaddexp(log_z, block_log_z)
            weight = torch.exp(block_log_z - log_z)
            mean = {name: torch.lerp(mean[name], block[name], weight) for name in mean}
        for name in result:
            result[name] += share * mean[name]
    return result


def _distinct_models(view: RBMView, batch: Batch) -> tuple[list[Batch], Tensor]:
    """A row of the RBM for each distinct pair of mask and offset, and the place of each."""
    device = batch.v.device
    rows = view.join(batch, batch.v.new_zeros(len(batch), view.n_upper))
    if rows.shares_model:
        return [rows], torch.zeros(len(rows), dtype=torch.long, device=device)

    values = ((rows.observed, 2), (rows.offset, rows.v.ndim))
    per_row = [x for x, n_axes in values if x is not None and x.ndim == n_axes]
    keys = [x.to(rows.v.dtype).flatten(1).expand(len(rows), -1) for x in per_row]
    distinct, where = torch.unique(torch.cat(keys, 1), dim=0, return_inverse=True)
    example = where.new_zeros(len(distinct))
    example[where] = torch.arange(len(rows), device=device)
    return [rows[row[None]] for row in example], where


# Arguments


def checked_rows(
    model: VisibleModel, v: Any, observed: Any, visible_offset: Any = None
) -> Batch:
    """All rows of the data as a batch, checked; a Batch is returned as it is."""
    if isinstance(v, Batch):
        return v
    return as_visible_data(model, v, observed, visible_offset).all()


def rows_under(model: BoltzmannMachine, observed: Any, visible_offset: Any = None) -> Batch:
    """Rows with these masks and offsets, whatever their values."""
    layer = model.visible
    counts = []
    if observed is not None:
        observed = as_booleans(observed, "observed")
        counts += observed.shape[:-1]
    if visible_offset is not None:
        visible_offset = as_numbers(visible_offset, "visible_offset")
        counts += visible_offset.shape[: -len(layer.shape)]
    table = layer.bias.new_zeros(max(counts, default=1), layer.n_units)
    return VisibleData(model, table, observed, visible_offset).all()
