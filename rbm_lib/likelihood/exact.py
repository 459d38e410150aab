"""Exact results for small models, by sums over all states.

Everything is written for RBMs, and a DBM is read as one. The layer with fewer states is
enumerated. The other is summed out in closed form, so it may be of any type. A row with
missing units is a row of the model without them, so each mask has a log Z of its own.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor
from torch.utils.checkpoint import checkpoint

from rbm_lib.checks import BLOCK_ELEMENTS, as_booleans, as_numbers, require_whole
from rbm_lib.models.base import BoltzmannMachine, Statistics, require_boltzmann
from rbm_lib.models.batch import Batch
from rbm_lib.models.random import random_numbers
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import RBMView, rbm_view
from rbm_lib.models.visible_data import as_visible_data

MAX_BITS = 25  # at most 2^25 states are enumerated


@torch.no_grad()
def exact_log_partition(
    model: BoltzmannMachine, observed: Any = None, visible_offset: Any = None
) -> Tensor:
    """log Z, of the model without the units that a mask leaves out.

    Parameters
    ----------
    model : RBM or DBM
        With at most 2^25 states of one layer; of a deep model, of every other layer.
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
    batch = _rows_under(require_boltzmann(model), observed, visible_offset)
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
        As in `exact_log_partition`, with at most 25 units in the layers 2, 4, … of a DBM.
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
    are those of `exact_log_likelihood`; there has to be a row.
    """
    batch = checked_rows(require_boltzmann(model), v, observed, visible_offset)
    if len(batch) == 0:
        raise ValueError("v: got no rows, expected at least one.")
    view = rbm_view(model)
    gradient = {name: -statistic for name, statistic in _slopes(model, batch).items()}
    for rows, log_weight in _completed_rows(view, batch):
        weights = torch.softmax(log_weight, 1).flatten() / len(batch)
        h = view.rbm.prob_h_given_v(rows)
        for name, statistic in view.rbm.statistics(rows, h, weights=weights).items():
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
    batch = _rows_under(require_boltzmann(model), observed, visible_offset)
    return rbm_view(model).statistics(_slopes(model, batch))


@torch.no_grad()
def exact_samples(
    model: BoltzmannMachine, n: int, generator: Generator | None = None
) -> tuple[Tensor, Any]:
    """Independent draws (v, hidden), with hidden states as `model.energy` takes them.

    The hidden layer (of a DBM, the layers 1, 3, …), of at most 25 units, is drawn from its
    distribution, then the others given it.

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
            f"model: got {rbm.n_hidden} units in the layers 1, 3, …, expected at most "
            f"{MAX_BITS}. Try `gibbs`."
        )
    index = torch.arange(2**rbm.n_hidden, device=rbm.W.device)
    unmasked = Batch(rbm.visible_bias)
    blocks = [log_weight_of_h(rbm, unmasked, block) for block in index.split(2**16)]

    cumulative = torch.softmax(torch.cat(blocks).double(), 0).cumsum(0)
    uniform = random_numbers(torch.rand, (n,), cumulative, generator)
    drawn = torch.searchsorted(cumulative, uniform * cumulative[-1], right=True)
    h = rbm.hidden.states(drawn.clamp(max=len(index) - 1))
    v = rbm.visible.sample(rbm.field_at_visible(h), generator)
    return view.visible_part(Batch(v), Batch(v)).v, view.hidden(v, h)


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
    end = 2**n if stop is None else require_whole("stop", stop, least=start)
    like = torch.empty(0) if like is None else like
    index = torch.arange(start, end, device=like.device)
    bits = index[:, None] >> torch.arange(n, device=like.device)
    return (bits & 1).to(like.dtype)


def _log_partition(view: RBMView, batch: Batch) -> Tensor:
    """log Z of each row's model, shape (B,)."""
    models, where = _distinct_models(view, batch)
    log_z = [batch.v.new_zeros(0)]
    for rows in models:
        blocks = [log_weight.logsumexp(0) for log_weight in _log_weights(view.rbm, rows)]
        log_z.append(torch.stack(blocks).logsumexp(0, keepdim=True))
    return torch.cat(log_z)[where]


def _slopes(model: BoltzmannMachine, batch: Batch) -> Statistics:
    """The RBM's average of -dE/d(parameter), averaged over rows: the slope of log Z."""
    view = rbm_view(model)
    parameters = dict(view.rbm.named_parameters())
    learned = [p.requires_grad for p in parameters.values()]
    try:
        view.rbm.requires_grad_()  # fixed parameters have a slope too
        with torch.enable_grad():
            log_z = _log_partition(view, batch).mean()
        slopes = torch.autograd.grad(log_z, list(parameters.values()))
    finally:
        for p, was_learned in zip(parameters.values(), learned, strict=True):
            p.requires_grad_(was_learned)
    return dict(zip(parameters, slopes, strict=True))


def _distinct_models(view: RBMView, batch: Batch) -> tuple[list[Batch], Tensor]:
    """A row of the RBM for each distinct pair of mask and offset, and the place of each."""
    rows = view.join(batch, batch.v.new_zeros(len(batch), view.n_upper))
    if rows.shares_model:
        return [rows], torch.zeros(len(rows), dtype=torch.long, device=rows.v.device)

    values = ((rows.observed, 2), (rows.offset, rows.v.ndim))
    per_row = [x for x, n_axes in values if x is not None and x.ndim == n_axes]
    keys = [x.to(rows.v.dtype).flatten(1).expand(len(rows), -1) for x in per_row]
    distinct, where = torch.unique(torch.cat(keys, 1), dim=0, return_inverse=True)
    example = where.new_zeros(len(distinct))
    example[where] = torch.arange(len(rows), device=where.device)
    return [rows[row[None]] for row in example], where


def _log_weights(rbm: RBM, rows: Batch) -> Iterator[Tensor]:
    """Log-weights of all states of the layer that has fewer, in blocks."""
    bits = min(rbm.n_hidden, rbm.visible.log2_states(_only_mask(rows)))
    if bits > MAX_BITS:
        raise ValueError(
            f"model: got about 2^{bits:.0f} states to sum over ({rbm}), expected at most "
            f"2^{MAX_BITS}. Estimate log Z by `ais_log_partition`."
        )
    of_states = log_weight_of_h if rbm.n_hidden == bits else _log_weight_of_v
    n_states = round(2**bits)
    size = max(1, BLOCK_ELEMENTS // max(rbm.visible.n_features, rbm.n_hidden))
    for start in range(0, n_states, size):
        index = torch.arange(start, min(start + size, n_states), device=rbm.W.device)
        if size >= n_states:
            yield of_states(rbm, rows, index)
        else:
            # A derivative computes each block once more, instead of keeping all of them.
            yield checkpoint(of_states, rbm, rows, index, use_reentrant=False)


def _only_mask(rows: Batch) -> Tensor | None:
    return None if rows.observed is None else rows.observed.flatten()


def log_weight_of_h(rbm: RBM, rows: Batch, index: Tensor) -> Tensor:
    """log sum_v exp(-E(v, h)) for the states h with these numbers."""
    h = rbm.hidden.states(index)
    cumulant = rbm.visible_at(rows.offset).cumulant(rbm.field_at_visible(h))
    if rows.observed is not None:
        cumulant = cumulant[:, _only_mask(rows)]
    return cumulant.sum(-1) + h @ rbm.hidden_bias


def _log_weight_of_v(rbm: RBM, rows: Batch, index: Tensor) -> Tensor:
    """log sum_h exp(-E(v, h)) for the states v with these numbers."""
    v = rbm.visible.states(index, _only_mask(rows))
    return -rbm.free_energy(rows.with_v(v))


def _completed_rows(view: RBMView, batch: Batch) -> Iterator[tuple[Batch, Tensor]]:
    """Rows with each state of the upper units, and their -F (rows, states), in blocks."""
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
        yield rows, -view.rbm.free_energy(rows).view(len(index), len(upper))


def checked_rows(
    model: Any, v: Any, observed: Any, visible_offset: Any = None, name: str = "v"
) -> Batch:
    """All rows of the data as a batch, checked; a Batch is returned as it is."""
    if isinstance(v, Batch):
        return v
    return as_visible_data(model, v, observed, visible_offset, name).all()


def _rows_under(model: BoltzmannMachine, observed: Any, visible_offset: Any) -> Batch:
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
    return checked_rows(model, table, observed, visible_offset)
