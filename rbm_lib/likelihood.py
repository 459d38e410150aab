"""Likelihoods: exact for small machines, pseudo-likelihood, and (from `annealing`) estimates for large ones.

log Z belongs to a mask: a row with missing units is a row of the machine without these units, so every
function that takes `observed` (or a per-row `visible_offset`) normalises each row by its own machine.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from rbm_lib.annealing import AISResult, ais_log_partition, reverse_ais_log_partition
from rbm_lib.inputs import Rows, as_mask
from rbm_lib.rbm import RBM

__all__ = [
    "AISResult", "ais_log_partition", "binary_states", "conditional_log_prob", "exact_gradient",
    "exact_log_likelihood", "exact_log_partition", "log2_states", "model_statistics", "pseudo_log_likelihood",
    "reverse_ais_log_partition",
]  # fmt: skip

MAX_BITS = 25  # largest layer that is enumerated: 2^25 states
BLOCK_ELEMENTS = 2**22  # numbers held at once while enumerating


# ---- exact ------------------------------------------------------------------------------------------------


def binary_states(n: int, start: int = 0, stop: int | None = None, like: Tensor | None = None) -> Tensor:
    """States start … stop−1 of n binary units, (stop − start, n); unit 0 is the lowest bit."""
    index = torch.arange(start, 2**n if stop is None else stop, device=None if like is None else like.device)
    states = (index[:, None] >> torch.arange(n, device=index.device)) & 1
    return states.to(torch.get_default_dtype() if like is None else like.dtype)


def log2_states(model: RBM, observed: Tensor | None = None) -> float:
    """log₂ of the number of states of the smaller layer, which is what exact sums enumerate."""
    n_visible = model.n_visible if observed is None else int(observed.sum())
    bits_v = math.inf if model.kind == "gaussian" else n_visible * math.log2(model.n_levels or 2)
    return min(model.n_hidden, bits_v)


def _visible_states(model, index, units):
    """The states with numbers `index` of the visible units `units`, zeros elsewhere, in the shape of v."""
    levels = model.n_levels or 2
    digits = (index[:, None] // levels ** torch.arange(len(units), device=index.device)) % levels
    values = digits if model.n_levels is None else torch.nn.functional.one_hot(digits, levels)
    v = torch.zeros(len(index), *model.visible_bias.shape, dtype=model.W.dtype, device=index.device)
    v[:, units] = values.to(v.dtype)
    return v


def _weighted_states(model: RBM, observed: Tensor | None, visible_offset: Tensor | None) -> Iterator[tuple]:
    """Blocks (v, h, log_weight) with Σ exp(log_weight) = Z of one mask, whose weighted statistics are exact.

    Enumerates the smaller layer: v with h = p(h given v), or h with v = its mean given h. For Gaussian units
    v is the pair mean ± σ, which has the first two moments, and energies need no more.
    """
    units = torch.arange(model.n_visible, device=model.W.device)
    units = units if observed is None else units[observed]
    bits = log2_states(model, observed)
    if bits > MAX_BITS:
        sizes = f"{model.n_hidden} hidden and {len(units)} {model.kind} visible units"
        raise ValueError(
            f"model: a machine of {sizes} is too large to sum exactly: its smaller layer has about "
            f"2^{bits:.0f} states, expected at most 2^{MAX_BITS}. Try ais_log_partition or "
            "pseudo_log_likelihood."
        )
    over_h = model.n_hidden <= bits
    n_states = 2**model.n_hidden if over_h else (model.n_levels or 2) ** len(units)
    block = max(1, BLOCK_ELEMENTS // max(model.visible_bias.numel(), model.n_hidden))
    layer = model.visible_units(visible_offset)
    for start in range(0, n_states, block):
        stop = min(start + block, n_states)
        if not over_h:
            v = _visible_states(model, torch.arange(start, stop, device=model.W.device), units)
            yield v, model.prob_h_given_v(v, observed), -model.free_energy(v, observed, visible_offset)
            continue
        h = binary_states(model.n_hidden, start, stop, like=model.W)
        field = model.input_to_visible(h)
        cumulant = layer.cumulant(field)
        log_weight = h @ model.hidden_bias + (cumulant if observed is None else cumulant[:, units]).sum(-1)
        v = layer.mean(field)
        if model.kind == "gaussian":
            sigma = torch.exp(0.5 * model.log_variance)
            v, h = torch.cat([v - sigma, v + sigma]), torch.cat([h, h])
            log_weight = torch.cat([log_weight, log_weight]) - math.log(2)
        yield v, h, log_weight


def _groups(model, observed, visible_offset):
    """Distinct (mask, offset) pairs of the rows: a list of pairs, and each row's position in it."""
    per_row_offset = visible_offset is not None and visible_offset.ndim > model.visible_bias.ndim
    keys = [] if observed is None or observed.ndim == 1 else [observed.to(model.W.dtype)]
    if per_row_offset:
        keys.append(visible_offset.to(model.W.dtype).flatten(1))
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
def exact_log_partition(model: RBM, observed=None, visible_offset: Tensor | None = None) -> Tensor:
    """log Z by summing over every state of the smaller layer; a scalar, or (B,) for masks or offsets per row.

    observed: boolean (n_visible,) or (B, n_visible); visible_offset: broadcastable to v.
    Raises ValueError when both layers have more than 2^25 states, and for a mask that does not fit.
    """
    observed = None if observed is None else as_mask(observed, model)
    groups, where = _groups(model, observed, visible_offset)
    log_z = []
    for mask, offset in groups:
        total = model.W.new_tensor(-math.inf)
        for _, _, log_weight in _weighted_states(model, mask, offset):
            total = torch.logaddexp(total, torch.logsumexp(log_weight, 0))
        log_z.append(total)
    if where is None:
        return log_z[0]
    return torch.stack(log_z)[where] if log_z else model.W.new_zeros(0)


@torch.no_grad()
def exact_log_likelihood(model: RBM, v, observed=None, visible_offset=None) -> Tensor:
    """log p(v) per row, (B,), in nats: −F(v) − log Z of the row's own mask. As `exact_log_partition`."""
    rows = Rows(model, v, observed, visible_offset)
    v, observed, offset = rows.all()
    return -model.free_energy(v, observed, offset) - exact_log_partition(model, observed, offset)


@torch.no_grad()
def exact_gradient(model: RBM, v, observed=None, visible_offset=None) -> dict[str, Tensor]:
    """Gradient of the mean log-likelihood of the rows, {parameter name: tensor}; the direction of ascent.

    Statistics on the data minus statistics under the model, the latter by enumeration.
    """
    v, observed, offset = Rows(model, v, observed, visible_offset).all()
    positive = model.statistics(v, model.prob_h_given_v(v, observed), observed, offset)
    negative = model_statistics(model, observed, offset)
    return {name: positive[name] - negative[name] for name in positive}


@torch.no_grad()
def model_statistics(model: RBM, observed=None, visible_offset=None) -> dict[str, Tensor]:
    """The model's exact average of −∂E/∂θ, averaged over the rows' masks and offsets: the negative phase."""
    groups, where = _groups(model, observed, visible_offset)
    share = [1.0] if where is None else (torch.bincount(where).double() / len(where)).tolist()
    result = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for (mask, offset), weight in zip(groups, share, strict=True):
        total, log_z = {}, model.W.new_tensor(-math.inf)
        for block_v, block_h, log_weight in _weighted_states(model, mask, offset):
            block_log_z = torch.logsumexp(log_weight, 0)
            weights = torch.exp(log_weight - block_log_z)
            block = model.statistics(block_v, block_h, mask, offset, weights)
            new_log_z = torch.logaddexp(log_z, block_log_z)
            keep, add = torch.exp(log_z - new_log_z), torch.exp(block_log_z - new_log_z)
            total = {name: add * s + (keep * total[name] if total else 0) for name, s in block.items()}
            log_z = new_log_z
        for name, statistic in total.items():
            result[name] += weight * statistic
    return result


# ---- conditionals and pseudo-likelihood -------------------------------------------------------------------


@torch.no_grad()
def conditional_log_prob(model: RBM, v, observed=None, visible_offset=None) -> Tensor:
    """log p(v_i = k given the row's other observed units), (B, n_visible, K); K = 2 for Bernoulli units.

    Exact, by free-energy differences: the other units' input to each hidden unit, plus what level k would
    add. A missing unit is added to its row's machine for this question. Raises ValueError for Gaussian units.
    """
    if model.kind == "gaussian":
        raise ValueError("model: has Gaussian units, which have no levels: expected others.")
    v, observed, offset = Rows(model, v, observed, visible_offset).all()
    weights, bias = model.W, model.visible_units(offset).bias
    if model.kind == "bernoulli":  # two levels, of which level 0 is the reference
        weights = torch.stack([torch.zeros_like(weights), weights], 1)
        bias = torch.stack([torch.zeros_like(bias), bias], -1)
        v = torch.stack([1 - v, v], -1)
    if observed is not None:
        v = v * observed[..., None]
    rest = model.hidden_bias + v.flatten(1) @ weights.flatten(0, 1)
    result = v.new_empty(v.shape)
    step = max(1, BLOCK_ELEMENTS // max(1, len(v) * weights.shape[1] * weights.shape[2]))
    for start in range(0, model.n_visible, step):
        part = slice(start, start + step)
        own = torch.einsum("bik,ikh->bih", v[:, part], weights[part])
        field = (rest[:, None] - own)[:, :, None] + weights[part]
        result[:, part] = torch.nn.functional.softplus(field).sum(-1)
    return torch.log_softmax(result + bias, -1)


@torch.no_grad()
def pseudo_log_likelihood(model: RBM, v, observed=None, visible_offset=None) -> Tensor:
    """Σ over observed i of log p(v_i given the others), (B,) (Besag 1975). No log Z; no Gaussian units."""
    log_prob = conditional_log_prob(model, v, observed, visible_offset)
    v, observed, _ = Rows(model, v, observed, visible_offset).all()
    v = torch.stack([1 - v, v], -1) if model.kind == "bernoulli" else v
    per_unit = (v * log_prob).sum(-1)
    return per_unit.sum(-1) if observed is None else (per_unit * observed).sum(-1)
