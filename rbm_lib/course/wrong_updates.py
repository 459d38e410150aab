"""Updates that are wrong, to be shown beside the right ones.

Both are found in public code, and both update all hidden layers at once from their old
states. Neighbouring layers of a DBM depend on each other, so one is not coordinate ascent
and the other is not Gibbs sampling.
"""

from typing import Any

import torch
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.batch import require_finite
from rbm_lib.models.dbm import DBM
from rbm_lib.models.mean_field import MeanField
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.rbm_view import DBMView


@torch.no_grad()
def parallel_mean_field(
    model: DBM,
    v: Any,
    observed: Any = None,
    max_sweeps: int = 50,
    tol: float = 1e-6,
    start: list[Tensor] | None = None,
) -> MeanField:
    """`DBM.mean_field` with all hidden layers updated at once.

    The bound may fall, and the means may alternate forever between two states.

    Parameters
    ----------
    model : DBM
        The model.
    v, observed, max_sweeps, tol, start
        As in `DBM.mean_field`.

    Returns
    -------
    MeanField
        As of `DBM.mean_field`.
    """
    max_sweeps = require_whole("max_sweeps", max_sweeps, least=0)
    tol = require_number("tol", tol)
    batch = model.as_batch(v, observed)
    view = DBMView(model)
    field = model.mean_field(batch, max_sweeps=0, start=start)
    means = field.means
    trace = [field.bound]
    sweeps = 0
    change = torch.inf
    while sweeps < max_sweeps and change > tol:
        before = means
        odd, even = view.split_hidden(before)
        new_odd = view.rbm.prob_h_given_v(view.join(batch, even))
        visible_and_even = view.rbm.mean_v_given_h(odd)
        means = list(view.hidden(visible_and_even, new_odd))
        trace.append(model.mean_field(batch, max_sweeps=0, start=means).bound)
        moved = zip(means, before, strict=True)
        change = max(float((new - old).abs().max()) for new, old in moved)
        sweeps += 1
    return MeanField(means, trace[-1], torch.stack(trace), sweeps, change <= tol)


@torch.no_grad()
def parallel_gibbs(
    model: DBM,
    v: Tensor,
    hidden: list[Tensor],
    sweeps: int,
    generator: Rng = None,
    clamp_visible: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """`sampling.gibbs` with all hidden layers drawn at once, then v given the new h1.

    The chain settles to a distribution in which single units are nearly right and their
    covariances are not. With `clamp_visible`, the layers 1, 3, … become independent of the
    layers 2, 4, ….

    Parameters
    ----------
    model : DBM
        The model.
    v, hidden
        Where the chains start: rows, and [h1, h2, …].
    sweeps : int
        Number of sweeps.
    generator : torch.Generator, optional
        Source of the draws.
    clamp_visible : bool
        Whether v keeps its value.

    Returns
    -------
    (Tensor, list of Tensor)
        v and [h1, h2, …] after the last sweep.
    """
    sweeps = require_whole("sweeps", sweeps, least=0)
    batch = require_finite(model.as_batch(v))
    view = DBMView(model)
    odd, even = view.split_hidden(model.checked_hidden(hidden, len(batch)))
    state = view.join(batch, even)
    for _ in range(sweeps):
        new_odd = view.rbm.sample_h_given_v(state, generator=generator)
        even_mean = view.rbm.mean_v_given_h(odd)[:, -view.n_upper :]
        even = sample_bernoulli(even_mean, generator)
        visible = state.v[:, : -view.n_upper]
        if not clamp_visible:
            # It draws the even layers too, given the new odd ones. They are not used.
            drawn = view.rbm.sample_v_given_h(new_odd, generator=generator)
            visible = drawn[:, : -view.n_upper]
        state = state.with_v(torch.cat([visible, even], 1))
        odd = new_odd
    return view.visible_part(batch, state).v, list(view.hidden(state.v, odd))
