"""Markov chains that leave a model's distribution unchanged: block Gibbs and tempering.

A chain is a value: a state goes in, a new state comes out, and nothing is remembered in
between. Every draw comes from the generator passed in.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.batch import Batch, as_row_mask, require_finite
from rbm_lib.models.random import Rng, random_numbers
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import RBMView, rbm_view

__all__ = [
    "GibbsInfo",
    "TemperingInfo",
    "gibbs",
    "gibbs_step",
    "independent_model",
    "interpolate",
    "tempered_gibbs",
]


@dataclass(frozen=True)
class GibbsInfo:
    """What a Gibbs step did, to see whether a chain moves.

    Attributes
    ----------
    h : Tensor, shape (B, n_hidden)
        The hidden states that the step drew.
    """

    rbm: RBM
    before: Batch
    after: Batch
    h: Tensor

    @property
    def flip_rate(self) -> Tensor:
        """Mean |new v - old v| of each row, shape (B,): the share of flipped binary units."""
        return (self.after.v - self.before.v).abs().flatten(1).mean(1)

    @property
    def energy(self) -> Tensor:
        """E(v, h) of the new state, shape (B,)."""
        return self.rbm.energy(self.after, self.h)


@torch.no_grad()
def gibbs_step(rbm: RBM, state: Batch, generator: Rng = None) -> tuple[Batch, GibbsInfo]:
    """Draw h given v, then v given h.

    The visible rows are the whole state, because h is drawn anew from them. Missing units
    stay missing.

    Parameters
    ----------
    rbm : RBM
        The model; a DBM is sampled by `gibbs`.
    state : Batch
        Visible rows, such as `rbm.as_batch(v)`.
    generator : torch.Generator, optional
        Source of the draws.

    Returns
    -------
    (Batch, GibbsInfo)
        The new state, and how the chain moved.

    Examples
    --------
    >>> from rbm_lib import RBM
    >>> rbm = RBM(6, 2, seed=0)
    >>> state = rbm.as_batch(torch.zeros(5, 6))
    >>> state, info = gibbs_step(rbm, state, torch.Generator().manual_seed(0))
    >>> state.v.shape, info.h.shape, info.flip_rate.shape
    (torch.Size([5, 6]), torch.Size([5, 2]), torch.Size([5]))
    """
    h = rbm.hidden.sample(rbm.input_to_hidden(state), generator)
    v = rbm.visible_at(state.offset).sample(rbm.field_at_visible(h), generator)
    new_state = state.with_v(v)
    return new_state, GibbsInfo(rbm, state, new_state, h)


@torch.no_grad()
def gibbs(
    model: BoltzmannMachine,
    v: Any,
    sweeps: int,
    generator: Rng = None,
    clamp: Any = None,
    observed: Any = None,
    visible_offset: Any = None,
    return_hidden: bool = False,
    hidden: Any = None,
) -> Any:
    """Run one chain of block Gibbs sampling from each row of v.

    A sweep draws h given v, then v given h. In a deep model it draws the layers 1, 3, …
    given the others, then the others given these. (Drawing all layers at once from the old
    state is another chain, with another distribution.)

    Parameters
    ----------
    model : RBM or DBM
        The model to sample.
    v : Tensor, shape (B, n_visible) or (B, n_visible, n_levels), or Batch
        Where the chains start.
    sweeps : int
        Number of sweeps.
    generator : torch.Generator, optional
        Source of the draws.
    clamp : bool Tensor, shape (B, n_visible) or (n_visible,), optional
        Units that keep their value in v. The chains sample the others given these.
    observed : bool Tensor, same shapes, optional
        Units that the rows have; the others are dropped from the model and keep their value.
    visible_offset : Tensor, optional
        Added to the visible bias.
    return_hidden : bool
        Whether to return the hidden states of the last sweep too.
    hidden : list of Tensor, optional
        Hidden states that the chains of a deep model go on from; by default they are drawn
        given v. An RBM needs none.

    Returns
    -------
    Tensor, or (Tensor, Tensor or list of Tensor)
        v after the last sweep, and with `return_hidden` the hidden states: a draw of the
        joint chain.

    Raises
    ------
    ValueError, TypeError
        For a number of sweeps that is negative or not whole, values that are not finite,
        and masks or shapes that do not fit.

    Examples
    --------
    >>> from rbm_lib import DBM
    >>> generator = torch.Generator().manual_seed(0)
    >>> v, (h1, h2) = gibbs(DBM([6, 4, 2], seed=0), torch.zeros(5, 6), 10, generator,
    ...                     return_hidden=True)
    >>> v.shape, h1.shape, h2.shape
    (torch.Size([5, 6]), torch.Size([5, 4]), torch.Size([5, 2]))
    """
    require_boltzmann(model)
    sweeps = require_whole("sweeps", sweeps, least=int(return_hidden))
    batch = require_finite(model.as_batch(v, observed, visible_offset))
    view = rbm_view(model)
    if hidden is None:
        upper = view.start_upper(batch, generator=generator)
    else:
        upper = view.checked_upper(hidden, len(batch))
    start = state = view.join(batch, upper)
    held = _held_features(view, model, clamp, len(batch))

    h = None
    for _ in range(sweeps):
        state, info = gibbs_step(view.rbm, state, generator)
        h = info.h
        if held is not None:
            state = state.with_v(torch.where(held, start.v, state.v))

    result = view.visible_part(batch, state.v).v
    if batch.mask is not None and isinstance(v, Tensor):
        result = torch.where(batch.mask, result, v.to(result))
    if h is None or not return_hidden:
        return result
    return result, view.hidden(state.v, h)


def _held_features(
    view: RBMView, model: BoltzmannMachine, clamp: Any, n_rows: int
) -> Tensor | None:
    """The clamped features of states of the view."""
    if clamp is None:
        return None
    clamp = as_row_mask(model.visible, "clamp", clamp, n_rows)
    free = clamp.new_zeros(*clamp.shape[:-1], view.n_upper)
    return view.rbm.visible.spread(torch.cat([clamp, free], -1))


@torch.no_grad()
def interpolate(base: RBM, model: RBM, beta: float) -> RBM:
    """The model whose every parameter is (1 - beta) * base + beta * model."""
    beta = require_number("beta", beta, most=1)
    between = copy.deepcopy(model)
    pairs = zip(base.parameters(), model.parameters(), strict=True)
    for p, (start, end) in zip(between.parameters(), pairs, strict=True):
        p.copy_(
            torch.lerp(start, end, torch.as_tensor(beta, dtype=p.dtype, device=p.device))
        )
    return between


@torch.no_grad()
def independent_model(
    model: BoltzmannMachine, v: Any = None, observed: Any = None
) -> BoltzmannMachine:
    """A model of the same shape with all weights zero.

    It can be sampled exactly, and its log Z is known. Its visible bias (and variance) is the
    model's own, or with data v that of `initialize_from(v)`: a start at the base rates is
    worth far more than more temperatures (Salakhutdinov & Murray 2008).
    """
    base = copy.deepcopy(require_boltzmann(model))
    for name in base.weight_names:
        base.get_parameter(name).zero_()
    if v is not None:
        base.initialize_visible(v, observed)
    return base


class TemperingInfo(NamedTuple):
    """How a tempered run went.

    Attributes
    ----------
    swap_rate : Tensor, shape (n_temperatures - 1,)
        Share of proposed exchanges that were accepted, between neighbours.
    round_trips : Tensor, shape (B,)
        How often a state has travelled from the base model to the model.
    """

    swap_rate: Tensor
    round_trips: Tensor

    @property
    def verdict(self) -> str:
        """ "mixing" if states travel all the way, in most rows; otherwise "stuck".

        "stuck" means that more temperatures or sweeps are needed. "mixing" is no proof.
        """
        travels = (self.round_trips > 0).double().mean() > 0.5
        return "mixing" if travels and bool((self.swap_rate > 0.05).all()) else "stuck"


@torch.no_grad()
def tempered_gibbs(
    model: RBM,
    chains: Iterable[Tensor],
    betas: Iterable[float],
    sweeps: int,
    generator: Rng = None,
    base: RBM | None = None,
) -> tuple[list[Tensor], TemperingInfo]:
    """Parallel tempering: chains at models between `base` and `model` exchange their states.

    After each Gibbs sweep neighbours exchange with probability
    min(1, p_i(v_j) p_j(v_i) / (p_i(v_i) p_j(v_j))), so a state that is stuck in one mode of
    the model can leave it through `base`, which mixes well.

    Parameters
    ----------
    model : RBM
        The model to sample. (Of a deep model, v alone is no state.)
    chains : list of Tensor, each (B, n_visible) or (B, n_visible, n_levels)
        Where the chains start, one for each of `betas`. They are not changed.
    betas : sequence of float
        Rising from 0 (base) and ending in 1 (model).
    sweeps : int
        Number of sweeps.
    generator : torch.Generator, optional
        Source of the draws.
    base : RBM, optional
        `independent_model(model)` by default.

    Returns
    -------
    (list of Tensor, TemperingInfo)
        The chains, of which the last holds draws of the model, and whether to believe it.

    References
    ----------
    Desjardins, Courville, Bengio, Vincent & Delalleau (2010). Tempered Markov chain Monte
    Carlo for training of restricted Boltzmann machines. AISTATS.
    """
    if not isinstance(model, RBM):
        raise TypeError(f"model: got {type(model).__name__}, expected an RBM. Use `gibbs`.")
    sweeps = require_whole("sweeps", sweeps, least=0)
    states = [
        require_finite(model.as_batch(v), name=f"chains[{i}]")
        for i, v in enumerate(_as_list("chains", chains))
    ]
    ladder = [require_number("betas", beta, most=1) for beta in _as_list("betas", betas)]
    n_rows = {len(state) for state in states}
    if (
        not ladder
        or len(ladder) != len(states)
        or sorted(ladder) != ladder
        or ladder[-1] != 1
    ):
        raise ValueError(
            f"betas: got {ladder} for {len(states)} chains, expected as many, rising, the last "
            "one 1."
        )
    if len(n_rows) > 1:
        raise ValueError(f"chains: got {sorted(n_rows)} rows, expected as many in each.")

    start = independent_model(model) if base is None else base
    assert isinstance(start, RBM)
    models = [interpolate(start, model, beta) for beta in ladder]
    journal = _Journal(len(states), len(states[0]), model.W.device)
    for sweep in range(sweeps):
        states = [
            gibbs_step(m, s, generator)[0] for m, s in zip(models, states, strict=True)
        ]
        for i in range(sweep % 2, len(states) - 1, 2):
            warm, cold = states[i], states[i + 1]
            log_ratio = (
                models[i].free_energy(warm)
                - models[i].free_energy(cold)
                + models[i + 1].free_energy(cold)
                - models[i + 1].free_energy(warm)
            )
            uniform = random_numbers(torch.rand, log_ratio.shape, log_ratio, generator)
            swap = uniform.log() < log_ratio
            rows = swap.view(-1, *[1] * (warm.v.ndim - 1))
            states[i] = Batch(torch.where(rows, cold.v, warm.v))
            states[i + 1] = Batch(torch.where(rows, warm.v, cold.v))
            journal.record(i, swap)
    return [state.v for state in states], journal.info()


class _Journal:
    """Follows the states of a tempered run through the temperatures."""

    def __init__(self, n_models: int, n_rows: int, device: torch.device) -> None:
        self.accepted = torch.zeros(max(n_models - 1, 0), device=device)
        self.proposed = torch.zeros_like(self.accepted)
        self.trips = torch.zeros(n_rows, dtype=torch.long, device=device)
        self.from_base = torch.zeros(n_models, n_rows, dtype=torch.bool, device=device)
        self.from_base[0] = True

    def record(self, i: int, swap: Tensor) -> None:
        """States of the models i and i + 1 were exchanged in the rows `swap`."""
        self.accepted[i] += swap.float().mean()
        self.proposed[i] += 1
        warm, cold = self.from_base[i], self.from_base[i + 1]
        marks = torch.where(swap, cold, warm), torch.where(swap, warm, cold)
        self.from_base[i], self.from_base[i + 1] = marks

        # A state is marked at the base, and its mark is counted when it reaches the model.
        self.from_base[0] = True
        self.trips += self.from_base[-1]
        self.from_base[-1] = False

    def info(self) -> TemperingInfo:
        return TemperingInfo(self.accepted / self.proposed.clamp(min=1), self.trips)


def _as_list(name: str, values: Any) -> list[Any]:
    several = isinstance(values, Iterable) and not isinstance(values, (str, dict))
    if not several or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{name}: got {type(values).__name__}, expected a list of several.")
    return list(values)
