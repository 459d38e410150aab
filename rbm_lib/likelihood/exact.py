"""Exact sums over the states of small machines: log Z, log-likelihood, its gradient, and independent draws.

log Z belongs to a mask: a row with missing units is a row of the machine without these units, so every
function that takes `observed` (or a per-row `visible_offset`) normalises each row by its own machine.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, require_whole
from rbm_lib.models.base import Machine
from rbm_lib.models.batch import Rows, as_mask, as_offset
from rbm_lib.models.units import random_numbers

MAX_BITS = 25  # largest side that is enumerated: 2^25 states


def binary_states(n: int, start: int = 0, stop: int | None = None, like: Tensor | None = None) -> Tensor:
    """States start … stop−1 of n binary units, (stop − start, n); unit 0 is the lowest bit."""
    n, start = require_whole("n", n, least=0), require_whole("start", start, least=0)
    stop = 2**n if stop is None else require_whole("stop", stop, least=start)
    index = torch.arange(start, stop, device=None if like is None else like.device)
    return _bits(index, n, torch.get_default_dtype() if like is None else like.dtype)


def _bits(index, n, dtype):
    return ((index[:, None] >> torch.arange(n, device=index.device)) & 1).to(dtype)


def log2_states(model: Machine, observed: Tensor | None = None) -> float:
    """log₂ of the number of states of the smaller side, which is what exact sums enumerate."""
    if observed is not None and (observed := as_mask(observed, model)).ndim != 1:
        raise ValueError(
            f"observed: got shape {tuple(observed.shape)}, expected one mask ({model.n_visible},)."
        )
    return min(model.n_odd, _log2_visible(model, observed) + model.n_even)


def _log2_visible(model, observed):
    n_visible = model.n_visible if observed is None else int(observed.sum())
    return math.inf if model.kind == "gaussian" else n_visible * math.log2(model.n_levels or 2)


def _visible_states(model, index, units):
    """The states with numbers `index` of the visible units `units`, zeros elsewhere, in the shape of v."""
    levels = model.n_levels or 2
    digits = (index[:, None] // levels ** torch.arange(len(units), device=index.device)) % levels
    values = digits if model.n_levels is None else torch.nn.functional.one_hot(digits, levels)
    v = model.visible_bias.new_zeros(len(index), *model.unit_shape)
    v[:, units] = values.to(v.dtype)
    return v


def _weighted_states(model: Machine, observed, visible_offset, means=True) -> Iterator:
    """Blocks (v, hidden, log_weight): Σ exp(log_weight) is Z of one mask, weighted statistics are exact.

    Enumerates the smaller side (an RBM's are v and h) and takes the other's mean given it. For Gaussian units
    v is the pair mean ± σ, which has the first two moments, and energies need no more. Without `means`, which
    log Z does not need, v and hidden are None.
    """
    units = torch.arange(model.n_visible, device=model.visible_bias.device)
    units = units if observed is None else units[observed]
    bits = log2_states(model, observed)
    if bits > MAX_BITS:
        hidden = (
            f"{model.n_odd} odd and {model.n_even} even hidden" if model.n_even else f"{model.n_odd} hidden"
        )
        raise ValueError(
            f"model: a machine of {hidden} and {len(units)} {model.kind} visible units is too large to sum "
            f"exactly: its smaller side has about 2^{bits:.0f} states, expected at most 2^{MAX_BITS}. Try "
            "ais_log_partition" + (" or pseudo_log_likelihood." if not model.n_even else ".")
        )
    over_odd = model.n_odd <= bits
    n_visible_states = (model.n_levels or 2) ** len(units) if not over_odd else 1
    n_states = 2**model.n_odd if over_odd else n_visible_states * 2**model.n_even
    widest = max(model.visible_bias.numel(), model.n_odd, model.n_even)
    block = max(1, BLOCK_ELEMENTS // widest)
    layer, odd_bias = model.visible_units(visible_offset), model.odd_units().bias
    for start in range(0, n_states, block):
        stop = min(start + block, n_states)
        if not over_odd:
            index = torch.arange(start, stop, device=units.device)
            v = _visible_states(model, index % n_visible_states, units)
            even = _bits(index // n_visible_states, model.n_even, v.dtype)
            log_weight = -model.free_energy_of_even(v, even, observed, visible_offset)
            if means:
                yield v, model.join(model.prob_odd_given_even(v, even, observed), even), log_weight
            else:
                yield None, None, log_weight
            continue
        odd = binary_states(model.n_odd, start, stop, like=model.visible_bias)
        to_visible, to_even = model.input_to_even(odd)
        cumulant = layer.cumulant(to_visible)
        log_weight = odd @ odd_bias + (cumulant if observed is None else cumulant[:, units]).sum(-1)
        if model.n_even:
            log_weight = log_weight + model.even_units().cumulant(to_even).sum(-1)
        if not means:
            yield None, None, log_weight
            continue
        v, even = layer.mean(to_visible), model.even_units().mean(to_even)
        if model.kind == "gaussian":
            sigma = torch.exp(0.5 * model.log_variance)
            v, odd, even = torch.cat([v - sigma, v + sigma]), odd.repeat(2, 1), even.repeat(2, 1)
            log_weight = log_weight.repeat(2) - math.log(2)
        yield v, model.join(odd, even), log_weight


def _posterior_states(model, v, observed, visible_offset):
    """Per block of rows (rows, v, hidden, log_weight (b, S)): log Σ exp(log_weight) over S is log p*(v).

    All S states of the even hidden layers, with the mean of the odd ones given them; an RBM has S = 1.
    v and hidden have b·S rows. Raises ValueError where there are too many states.
    """
    if model.n_even > MAX_BITS:
        raise ValueError(
            f"model: has {model.n_even} units in its even hidden layers, too many to sum over exactly "
            f"(expected at most {MAX_BITS}); `model.mean_field(v).bound` is a lower bound."
        )
    n_states = 2**model.n_even
    even = binary_states(model.n_even, like=model.visible_bias)
    block = max(1, BLOCK_ELEMENTS // (n_states * max(model.visible_bias.numel(), model.n_odd)))
    for rows in torch.arange(len(v), device=v.device).split(block):

        def repeat(value, per_row, rows=rows):
            value = value[rows] if per_row and len(value) > 1 else value
            return value.repeat_interleave(n_states, 0) if per_row and len(value) > 1 else value

        all_v, all_even = v[rows].repeat_interleave(n_states, 0), even.repeat(len(rows), 1)
        mask = None if observed is None else repeat(observed, observed.ndim == 2)
        offset = visible_offset
        if offset is not None:
            offset = repeat(offset, offset.ndim > model.visible_bias.ndim)
        log_weight = -model.free_energy_of_even(all_v, all_even, mask, offset)
        odd = model.prob_odd_given_even(all_v, all_even, mask)
        yield all_v, model.join(odd, all_even), mask, offset, log_weight.view(len(rows), n_states)


def _groups(model, observed, visible_offset):
    """Distinct (mask, offset) pairs of the rows: a list of pairs, and each row's position in it."""
    observed = None if observed is None else as_mask(observed, model)
    if visible_offset is not None:
        n_rows = len(observed) if observed is not None and observed.ndim == 2 else None
        visible_offset = as_offset(visible_offset, model, n_rows)
    per_row_offset = visible_offset is not None and visible_offset.ndim > model.visible_bias.ndim
    keys = [] if observed is None or observed.ndim == 1 else [observed.to(model.visible_bias.dtype)]
    if per_row_offset:
        keys.append(visible_offset.to(model.visible_bias.dtype).flatten(1))
    if not keys:
        return [(observed, visible_offset)], None
    n_rows = max(map(len, keys))
    keys = torch.cat([key.expand(n_rows, -1) for key in keys], 1)
    _, where = torch.unique(keys, dim=0, return_inverse=True)
    first = [int((where == g).nonzero()[0, 0]) for g in range(int(where.max()) + 1)] if len(where) else []

    def pick(value, per_row, row):
        return value[row if len(value) > 1 else 0] if per_row else value

    per_row_mask = observed is not None and observed.ndim == 2
    return [
        (pick(observed, per_row_mask, row), pick(visible_offset, per_row_offset, row)) for row in first
    ], where


@torch.no_grad()
def exact_log_partition(model: Machine, observed=None, visible_offset: Tensor | None = None) -> Tensor:
    """log Z by summing over every state of the smaller layer; a scalar, or (B,) for masks or offsets per row.

    observed: boolean (n_visible,) or (B, n_visible); visible_offset: broadcastable to v.
    Raises ValueError when both layers have more than 2^25 states, and for a mask that does not fit.
    """
    groups, where = _groups(model, observed, visible_offset)
    log_z = []
    for mask, offset in groups:
        total = model.visible_bias.new_tensor(-math.inf)
        for _, _, log_weight in _weighted_states(model, mask, offset, means=False):
            total = torch.logaddexp(total, torch.logsumexp(log_weight, 0))
        log_z.append(total)
    if where is None:
        return log_z[0]
    return torch.stack(log_z)[where] if log_z else model.visible_bias.new_zeros(0)


@torch.no_grad()
def exact_log_likelihood(model: Machine, v, observed=None, visible_offset=None) -> Tensor:
    """log p(v) per row, (B,), in nats: −F(v) − log Z of the row's own mask. As `exact_log_partition`."""
    rows = Rows(model, v, observed, visible_offset)
    v, observed, offset = rows.all()
    return _log_unnormalized(model, v, observed, offset) - exact_log_partition(model, observed, offset)


@torch.no_grad()
def _log_unnormalized(model, v, observed=None, visible_offset=None):
    """log p*(v) = log Σ over the hidden layers of exp(−E), (B,)."""
    states = _posterior_states(model, v, observed, visible_offset)
    parts = [log_weight.logsumexp(1) for *_, log_weight in states]
    return torch.cat(parts) if parts else v.new_zeros(0)


@torch.no_grad()
def exact_gradient(model: Machine, v, observed=None, visible_offset=None) -> dict[str, Tensor]:
    """Gradient of the mean log-likelihood of the rows, {parameter name: tensor}; the direction of ascent.

    Statistics on the data minus statistics under the model, the latter by enumeration.
    """
    v, observed, offset = Rows(model, v, observed, visible_offset).all()
    positive = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for all_v, hidden, mask, all_offset, log_weight in _posterior_states(model, v, observed, offset):
        weights = (torch.softmax(log_weight, 1) / len(v)).flatten()
        for name, statistic in model.statistics(all_v, hidden, mask, all_offset, weights).items():
            positive[name] += statistic
    negative = model_statistics(model, observed, offset)
    return {name: positive[name] - negative[name] for name in positive}


@torch.no_grad()
def model_statistics(model: Machine, observed=None, visible_offset=None) -> dict[str, Tensor]:
    """The model's exact average of −∂E/∂θ, averaged over the rows' masks and offsets: the negative phase."""
    groups, where = _groups(model, observed, visible_offset)
    share = [1.0] if where is None else (torch.bincount(where).double() / len(where)).tolist()
    result = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for (mask, offset), weight in zip(groups, share, strict=True):
        total, log_z = {}, model.visible_bias.new_tensor(-math.inf)
        for block_v, hidden, log_weight in _weighted_states(model, mask, offset):
            block_log_z = torch.logsumexp(log_weight, 0)
            weights = torch.exp(log_weight - block_log_z)
            block = model.statistics(block_v, hidden, mask, offset, weights)
            new_log_z = torch.logaddexp(log_z, block_log_z)
            keep, add = torch.exp(log_z - new_log_z), torch.exp(block_log_z - new_log_z)
            total = {name: add * s + (keep * total[name] if total else 0) for name, s in block.items()}
            log_z = new_log_z
        for name, statistic in total.items():
            result[name] += weight * statistic
    return result


@torch.no_grad()
def exact_samples(model: Machine, n: int, generator: torch.Generator | None = None):
    """n independent draws (v, hidden) of a small machine: the odd side from its exact distribution, then the
    even one given it.

    v (n, n_visible[, K]); hidden as `energy` takes it. Raises ValueError for more than 2^25 odd states.
    """
    n = require_whole("n", n, least=0)
    if model.n_odd > MAX_BITS:
        raise ValueError(
            f"model: got {model.n_odd} odd hidden units, expected at most {MAX_BITS}; try gibbs."
        )
    blocks = binary_states(model.n_odd, like=model.visible_bias).split(2**16)
    units, even_units = model.visible_units(), model.even_units()
    log_weight = []
    for odd in blocks:
        to_visible, to_even = model.input_to_even(odd)
        cumulant = units.cumulant(to_visible).sum(-1) + even_units.cumulant(to_even).sum(-1)
        log_weight.append(cumulant + odd @ model.odd_units().bias)
    cumulative = torch.softmax(torch.cat(log_weight).double(), 0).cumsum(0)
    uniform = random_numbers(torch.rand, (n,), cumulative, generator)
    index = torch.searchsorted(cumulative, uniform * cumulative[-1], right=True).clamp(
        max=len(cumulative) - 1
    )
    odd = _bits(index, model.n_odd, model.visible_bias.dtype)
    v, even = model.sample_even_given_odd(odd, generator=generator)
    return v, model.join(odd, even)
