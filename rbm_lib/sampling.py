"""Markov chains that leave a machine's distribution unchanged: block Gibbs, clamped, and tempered.

Chains are values: states go in, states come out, and nothing is remembered in between. Every draw comes from
the generator passed in (None: torch's own, governed by `torch.manual_seed`).
"""

import copy

import torch
from torch import Tensor

from rbm_lib.rbm import RBM, require_whole


@torch.no_grad()
def gibbs(
    model: RBM,
    v: Tensor,
    sweeps: int,
    generator: torch.Generator | None = None,
    clamp: Tensor | None = None,
    observed: Tensor | None = None,
    visible_offset: Tensor | None = None,
    return_hidden: bool = False,
):
    """Run block Gibbs sampling from v for `sweeps` sweeps; one sweep draws h given v, then v given h.

    Parameters: v (B, n_visible[, K]), one chain per row; `clamp`, boolean (B, n_visible) or (n_visible,),
    units held at their value in v; `observed`, as in `RBM`: the other units are dropped and stay as they are.
    Returns v, or (v, h) with the h that v was drawn from: (v, h) is then a draw of the joint chain.
    Raises ValueError for a negative or fractional number of sweeps, TypeError for a clamp that is not
    boolean.
    """
    sweeps = require_whole("sweeps", sweeps, least=int(return_hidden))
    still = _still_units(model, clamp, observed)
    start, h = v.to(model.W.dtype), None
    v = start
    for _ in range(sweeps):
        h = model.sample_h_given_v(v, observed, generator)
        v = model.sample_v_given_h(h, visible_offset, generator)
        if still is not None:
            v = torch.where(still, start, v)
    return (v, h) if return_hidden else v


def _still_units(model, clamp, observed):
    """Units that a chain must not move, in the shape of v, or None."""
    if clamp is None and observed is None:
        return None
    if clamp is not None and (not isinstance(clamp, Tensor) or clamp.dtype != torch.bool):
        given = clamp.dtype if isinstance(clamp, Tensor) else type(clamp).__name__
        raise TypeError(f"clamp: got {given}, expected a boolean tensor (try `mask.bool()`).")
    missing = torch.zeros((), dtype=torch.bool, device=model.W.device) if observed is None else ~observed
    still = missing if clamp is None else clamp | missing
    return still if model.n_levels is None else still[..., None]


@torch.no_grad()
def interpolate(base: RBM, model: RBM, beta: float) -> RBM:
    """The machine whose every parameter is (1 − beta) · base + beta · model; beta 0 is base, 1 is model."""
    machine = copy.deepcopy(model)
    for p, start, end in zip(machine.parameters(), base.parameters(), model.parameters(), strict=True):
        p.copy_(torch.lerp(start, end, torch.as_tensor(beta, dtype=p.dtype, device=p.device)))
    return machine


@torch.no_grad()
def independent_machine(model: RBM, v: Tensor | None = None, observed: Tensor | None = None) -> RBM:
    """A machine of the same shape with W = 0, from which one can sample exactly and whose log Z is known.

    Its visible bias (and variance) is the model's own, or with data v that of `initialize_from(v)`: base
    rates close to the model's are worth far more than more temperatures (Salakhutdinov & Murray 2008).
    """
    base = copy.deepcopy(model)
    base.W.zero_()
    if v is not None:
        base.initialize_from(v, observed)
    base.hidden_bias.copy_(model.hidden_bias)
    return base


@torch.no_grad()
def sample_independent(base: RBM, n: int, generator: torch.Generator | None = None) -> Tensor:
    """n exact draws of v from a machine with W = 0, (n, n_visible[, K])."""
    return base.sample_v_given_h(base.hidden_bias.new_zeros(n, base.n_hidden), generator=generator)


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
    are not changed.
    """
    betas, sweeps = [float(b) for b in betas], require_whole("sweeps", sweeps, least=0)
    if not betas or len(betas) != len(chains) or sorted(betas) != betas or betas[-1] != 1.0:
        raise ValueError(
            f"betas: got {betas} for {len(chains)} chains, expected as many, rising, the last one 1."
        )
    base = independent_machine(model) if base is None else base
    machines = [interpolate(base, model, beta) for beta in betas]
    chains = list(chains)
    for sweep in range(sweeps):
        chains = [gibbs(machine, v, 1, generator) for machine, v in zip(machines, chains, strict=True)]
        for i in range(sweep % 2, len(chains) - 1, 2):
            cold, warm = chains[i + 1], chains[i]
            log_ratio = (
                machines[i].free_energy(warm) - machines[i].free_energy(cold)
                + machines[i + 1].free_energy(cold) - machines[i + 1].free_energy(warm)
            )  # fmt: skip
            uniform = torch.rand(log_ratio.shape, generator=generator, device=cold.device, dtype=cold.dtype)
            swap = (uniform.log() < log_ratio).view(-1, *[1] * (cold.ndim - 1))
            chains[i], chains[i + 1] = torch.where(swap, cold, warm), torch.where(swap, warm, cold)
    return chains
