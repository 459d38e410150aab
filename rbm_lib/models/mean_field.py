"""Mean field: the best independent hidden units, by coordinate ascent of a bound."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class MeanField:
    """The best independent hidden units for each row.

    Attributes
    ----------
    means : list of Tensor, [(B, n1), (B, n2), …]
        q(h = 1).
    bound : Tensor, shape (B,)
        sum_h q(h) log[exp(-E(v, h)) / q(h)] in nats, at most log sum_h exp(-E(v, h)).
        bound - log Z is the ELBO.
    bound_trace : Tensor, shape (sweeps + 1, B)
        The bound at the start and after every sweep.
    sweeps : int
        Number of sweeps made.
    converged : bool
        Whether no mean moved by more than `tol` in the last sweep.
    """

    means: list[Tensor]
    bound: Tensor
    bound_trace: Tensor
    sweeps: int
    converged: bool


def coordinate_ascent(
    means: list[Tensor],
    sweep: Callable[[list[Tensor]], list[Tensor]],
    bound: Callable[[list[Tensor]], Tensor],
    max_sweeps: int,
    tol: float,
) -> MeanField:
    """Sweep until no mean of any row moves by more than `tol`, or `max_sweeps` are made."""
    trace = [bound(means)]
    sweeps = 0
    change = torch.inf
    while sweeps < max_sweeps and change > tol:
        before = means
        means = sweep(means)
        trace.append(bound(means))
        pairs = zip(means, before, strict=True)
        moved = [float((m - b).abs().max()) for m, b in pairs if m.numel()]
        change = max(moved, default=0.0)
        sweeps += 1
    return MeanField(means, trace[-1], torch.stack(trace), sweeps, change <= tol)


def entropy(q: Tensor) -> Tensor:
    """Entropy of independent binary units with means q, in nats, in the shape of q."""
    return torch.special.entr(q) + torch.special.entr(1 - q)
