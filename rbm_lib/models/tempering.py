"""Between two models: interpolation, and parallel tempering, for chains that get stuck."""

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.batch import Batch, as_batch, require_finite
from rbm_lib.models.random import Rng, random_numbers
from rbm_lib.models.rbm import RBM
from rbm_lib.models.sampling import gibbs_step

__all__ = ["TemperingInfo", "independent_model", "interpolate", "tempered_gibbs"]


@torch.no_grad()
def interpolate(base: RBM, model: RBM, beta: float) -> RBM:
    """The model whose every parameter is (1 - beta) * base + beta * model."""
    for name, one in (("base", base), ("model", model)):
        if not isinstance(one, RBM):
            raise TypeError(f"{name}: got {type(one).__name__}, expected an RBM.")
    beta = require_number("beta", beta, most=1)
    between = copy.deepcopy(model)
    move_between(between, base, model, beta)
    return between


def move_between(between: RBM, base: RBM, model: RBM, beta: float) -> None:
    """Overwrite the parameters of `between`, so that it becomes `interpolate`'s model."""
    pairs = zip(base.parameters(), model.parameters(), strict=True)
    for p, (start, end) in zip(between.parameters(), pairs, strict=True):
        p.copy_(torch.lerp(start, end, beta))


@torch.no_grad()
def independent_model(
    model: BoltzmannMachine, v: Any = None, observed: Any = None
) -> BoltzmannMachine:
    """A model of the same shape with all weights zero.

    It can be sampled exactly, and its log Z is known. Its visible bias (and variance) is
    the model's own, or with data v that of `initialize_from(v)`: a start at the base rates
    is worth far more than more temperatures (Salakhutdinov & Murray 2008).
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
    """Parallel tempering: chains at models between `base` and `model` exchange states.

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
        require_finite(as_batch(model.visible, v, name=f"chains[{i}]"), f"chains[{i}]")
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
            f"betas: got {ladder} for {len(states)} chains, expected as many, rising, the "
            "last one 1."
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
