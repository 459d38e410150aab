"""Markov chains that leave a machine's distribution unchanged: block Gibbs, clamped, and tempered.

Chains are values: states go in, states come out, and nothing is remembered in between. Every draw comes from
the generator passed in (None: torch's own, governed by `torch.manual_seed`).
"""

import copy

import torch
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.base import Machine
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import random_numbers, sample_bernoulli


@torch.no_grad()
def gibbs(
    model: Machine,
    v: Tensor,
    sweeps: int,
    generator: torch.Generator | None = None,
    clamp: Tensor | None = None,
    observed: Tensor | None = None,
    visible_offset: Tensor | None = None,
    return_hidden: bool = False,
    hidden=None,
):
    """Run block Gibbs sampling from v for `sweeps` sweeps.

    A sweep draws the odd layers given the even ones, then the even ones given the odd: for an RBM h given v,
    then v given h. (Drawing all layers of a deep machine at once from the old state is another chain, with
    another distribution.)

    Parameters: v (B, n_visible[, K]), one chain per row; `clamp`, boolean (B, n_visible) or (n_visible,),
    units held at their value in v; `observed`, as in `RBM`: the other units are dropped and stay as they are;
    `hidden`, the hidden states that a deep machine's chains go on from (default: `start_hidden`; an RBM needs
    none). Returns v, or (v, hidden) with the states after the last sweep: a draw of the joint chain.
    Raises ValueError for a negative or fractional number of sweeps, TypeError for a clamp that is not
    boolean.
    """
    sweeps = require_whole("sweeps", sweeps, least=int(return_hidden))
    start = v = model.finite_rows(v, observed, visible_offset)
    still = _still_units(model, clamp, observed, len(v))
    odd, even = None, start_even(model, v, hidden, generator, observed, visible_offset)
    for _ in range(sweeps):
        v, odd, even = one_sweep(model, v, even, generator, observed, visible_offset)
        if still is not None:
            v = torch.where(still, start, v)
    return (v, model.join(odd, even)) if return_hidden else v


@torch.no_grad()
def one_sweep(model: Machine, v, even, generator=None, observed=None, visible_offset=None):
    """(v, odd, even) after one sweep from the even side (v, even); what `gibbs` repeats."""
    odd = sample_bernoulli(model.prob_odd_given_even(v, even, observed), generator)
    v, even = model.sample_even_given_odd(odd, visible_offset, generator)
    return v, odd, even


@torch.no_grad()
def start_hidden(model: Machine, v, generator=None, observed=None, visible_offset=None, sweeps=20):
    """Hidden states for rows v: draws of p(hidden given v), for a deep machine nearly so.

    There chains start at draws from mean field and make `sweeps` sweeps with v held.
    """
    sweeps = require_whole("sweeps", sweeps, least=0)
    means = model.posterior_means(model.finite_rows(v, observed, visible_offset), observed, visible_offset)
    odd, even = (sample_bernoulli(side, generator) for side in model.split(means))
    for _ in range(sweeps if model.n_even else 0):
        odd = sample_bernoulli(model.prob_odd_given_even(v, even, observed), generator)
        even = sample_bernoulli(model.even_units().mean(model.input_to_even(odd)[1]), generator)
    return model.join(odd, even)


def start_even(model, v, hidden, generator, observed=None, visible_offset=None):
    """The even hidden layers that a chain starts from; an RBM has none."""
    if not model.n_even:
        return v.new_zeros(len(v), 0)
    if hidden is None:
        hidden = start_hidden(model, v, generator, observed, visible_offset)
    return model.split(hidden)[1]


def _still_units(model, clamp, observed, n_rows):
    """Units that a chain must not move, in the shape of v, or None."""
    if clamp is None and observed is None:
        return None
    clamp = None if clamp is None else model.checked_mask("clamp", clamp, n_rows)
    held = [mask for mask in (clamp, None if observed is None else ~observed) if mask is not None]
    still = held[0] if len(held) == 1 else held[0] | held[1]
    return still if model.n_levels is None else still[..., None]


@torch.no_grad()
def interpolate(base: Machine, model: Machine, beta: float) -> Machine:
    """The machine whose every parameter is (1 − beta) · base + beta · model; beta 0 is base, 1 is model."""
    beta, machine = require_number("beta", beta, most=1), copy.deepcopy(model)
    for p, start, end in zip(machine.parameters(), base.parameters(), model.parameters(), strict=True):
        p.copy_(torch.lerp(start, end, torch.as_tensor(beta, dtype=p.dtype, device=p.device)))
    return machine


@torch.no_grad()
def independent_machine(model: Machine, v: Tensor | None = None, observed: Tensor | None = None) -> Machine:
    """A machine of the same shape with all weights 0: it can be sampled exactly, and its log Z is known.

    Its visible bias (and variance) is the model's own, or with data v that of `initialize_from(v)`: base
    rates close to the model's are worth far more than more temperatures (Salakhutdinov & Murray 2008).
    """
    base = copy.deepcopy(model)
    for name in model.weight_names:
        base.get_parameter(name).zero_()
    if v is not None:
        base.initialize_visible(v, observed)
    return base


@torch.no_grad()
def sample_independent(base: Machine, n: int, generator: torch.Generator | None = None):
    """n exact draws (v, even) of the even side of a machine without weights."""
    n = require_whole("n", n, least=0)
    return base.sample_even_given_odd(base.visible_bias.new_zeros(n, base.n_odd), generator=generator)


@torch.no_grad()
def tempered_gibbs(
    model: RBM,
    chains: list[Tensor],
    betas: Tensor,
    sweeps: int,
    generator: torch.Generator | None = None,
    base: RBM | None = None,
) -> list[Tensor]:
    """Parallel tempering: chains at several machines between `base` and `model`, exchanging their states.

    `betas` rises and ends in 1; `chains[i]`, (B, n_visible[, K]), belongs to betas[i], so that the last
    holds draws of the model. A sweep is one Gibbs sweep of each, then exchanges between neighbours, accepted
    with probability min(1, p_i(v_j) p_j(v_i) / (p_i(v_i) p_j(v_j))) (Desjardins et al. 2010). `base`: a
    machine that mixes well, `independent_machine(model)` by default. Returns the chains; the ones passed in
    are not changed. RBMs only: of a deep machine v alone is no state.
    """
    if model.n_even:
        raise TypeError(f"model: got {type(model).__name__}, expected an RBM.")
    sweeps, chains = require_whole("sweeps", sweeps, least=0), _list_of("chains", chains)
    betas = [require_number("betas", beta, most=1) for beta in _list_of("betas", betas)]
    if not betas or len(betas) != len(chains) or sorted(betas) != betas or betas[-1] != 1.0:
        raise ValueError(
            f"betas: got {betas} for {len(chains)} chains, expected as many, rising, the last one 1."
        )
    chains = [model.finite_rows(v, name=f"chains[{i}]") for i, v in enumerate(chains)]
    if len({len(v) for v in chains}) > 1:
        raise ValueError(f"chains: got {[len(v) for v in chains]} rows, expected as many in each.")
    base = independent_machine(model) if base is None else base
    machines = [interpolate(base, model, beta) for beta in betas]
    for sweep in range(sweeps):
        chains = [gibbs(machine, v, 1, generator) for machine, v in zip(machines, chains, strict=True)]
        for i in range(sweep % 2, len(chains) - 1, 2):
            cold, warm = chains[i + 1], chains[i]
            log_ratio = (
                machines[i].free_energy(warm) - machines[i].free_energy(cold)
                + machines[i + 1].free_energy(cold) - machines[i + 1].free_energy(warm)
            )  # fmt: skip
            uniform = random_numbers(torch.rand, log_ratio.shape, log_ratio, generator)
            swap = (uniform.log() < log_ratio).view(-1, *[1] * (cold.ndim - 1))
            chains[i], chains[i + 1] = torch.where(swap, cold, warm), torch.where(swap, warm, cold)
    return chains


def _list_of(name, values):
    if isinstance(values, (str, dict)) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{name}: got {type(values).__name__}, expected a list of several.")
    return list(values)
