"""Wrong on purpose: updates that public code uses, to be shown beside the right ones.

Both move all hidden layers at once from the old state. In a deep machine neighbouring
layers depend on each other, so this is neither coordinate ascent nor Gibbs sampling.
"""

import torch
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.dbm import DBM, MeanField
from rbm_lib.models.units import sample_bernoulli


@torch.no_grad()
def parallel_mean_field(
    model: DBM, v, observed=None, max_sweeps=50, tol=1e-6, start=None
) -> MeanField:
    """`DBM.mean_field` with all layers updated at once.

    The bound may fall, and means may flip for ever.
    """
    max_sweeps, tol = (
        require_whole("max_sweeps", max_sweeps, least=0),
        require_number("tol", tol),
    )
    field = model.mean_field(v, observed, max_sweeps=0, start=start)
    means, trace, change, sweeps = field.means, [field.bound], float("inf"), 0
    while sweeps < max_sweeps and change > tol:
        odd, even = model.split(means)
        new = model.join(
            model.prob_odd_given_even(v, even, observed),
            model.even_units().mean(model.input_to_even(odd)[1]),
        )
        change = max(float((a - b).abs().max()) for a, b in zip(new, means, strict=True))
        means, sweeps = new, sweeps + 1
        trace.append(model.mean_field(v, observed, max_sweeps=0, start=means).bound)
    return MeanField(means, trace[-1], torch.stack(trace), sweeps, change <= tol)


@torch.no_grad()
def parallel_gibbs(
    model: DBM,
    v: Tensor,
    hidden: list[Tensor],
    sweeps: int,
    generator=None,
    clamp_visible=False,
):
    """`sampling.gibbs` with all hidden layers drawn at once from the old ones.

    Then v is drawn given the new h1. Returns (v, hidden). It settles to a distribution in
    which single units are nearly right and their covariances are not; with v held
    (`clamp_visible`), to the product of the two sides' marginals.
    """
    v, sweeps = model.finite_rows(v), require_whole("sweeps", sweeps, least=0)
    for _ in range(sweeps):
        odd, even = model.split(hidden)
        new_odd = sample_bernoulli(model.prob_odd_given_even(v, even), generator)
        even = sample_bernoulli(
            model.even_units().mean(model.input_to_even(odd)[1]), generator
        )
        if not clamp_visible:
            v, _ = model.sample_even_given_odd(new_odd, generator=generator)
        hidden = model.join(new_odd, even)
    return v, hidden
