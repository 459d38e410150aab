"""Block Gibbs sampling: Markov chains that leave a model's distribution unchanged.

A chain is a value: a state goes in, a new state comes out, and nothing is remembered in
between. Every draw comes from the generator passed in.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rbm_lib.checks import require_whole
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.batch import Batch, as_row_mask, require_finite
from rbm_lib.models.random import Rng
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import RBMView, rbm_view

__all__ = ["GibbsInfo", "gibbs", "gibbs_step"]


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
        """Mean |new v - old v| of each row, (B,): the share of flipped binary units."""
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
        Units that the rows have; the others are dropped and keep their value.
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

    result = view.visible_part(batch, state).v
    if batch.mask is not None and isinstance(v, Tensor):
        result = torch.where(batch.mask > 0, result, v.to(result))
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
