"""The gradient of the mean log-likelihood by sampling (CD and persistent chains), and weight decay.

It is a difference of two averages of −∂E/∂θ: over the data (the positive phase) and over the model (the
negative phase). The methods differ only in where the second comes from; `rbm_lib.likelihood.exact_gradient`
enumerates it. All return {parameter name: direction of ascent}. Rows are checked by whoever calls.
"""

import torch
from torch import Tensor

from rbm_lib.models.base import Machine
from rbm_lib.models.batch import Rows
from rbm_lib.models.sampling import start_hidden
from rbm_lib.models.units import sample_bernoulli

Gradient = dict[str, Tensor]
POSTERIOR_SWEEPS = 5  # of clamped sampling in the positive phase, posterior="gibbs"
SHARED_RATE, SHARED_DECAY = 5.0, 0.1  # of the item mean, relative to the items' own ("item_mean")


def _sweeps(model, odd, k, observed, visible_offset, generator, mean_last=False):
    """k sweeps from the odd hidden layers: (v, hidden with the mean of the odd side, odd states).

    mean_last: v of the last sweep is its mean.
    """
    for sweep in range(k):
        if mean_last and sweep == k - 1:
            to_visible, to_even = model.input_to_even(odd)
            v = model.visible_units(visible_offset).mean(to_visible)
            even = sample_bernoulli(model.even_units().mean(to_even), generator) if model.n_even else to_even
        else:
            v, even = model.sample_even_given_odd(odd, visible_offset, generator)
        prob_odd = model.prob_odd_given_even(v, even, observed)
        odd = sample_bernoulli(prob_odd, generator)
    return v, model.join(prob_odd, even), odd


def _difference(positive, negative) -> Gradient:
    return {name: positive[name] - negative[name] for name in positive}


def _data_hidden(model, v, observed, visible_offset, posterior, generator):
    """Hidden states or means given the data, for the positive phase of a deep machine or an RBM."""
    if posterior == "mean_field" or not model.n_even:
        return model.posterior_means(v, observed, visible_offset)
    hidden = start_hidden(model, v, generator, observed, visible_offset, POSTERIOR_SWEEPS)
    _, even = model.split(hidden)
    return model.join(model.prob_odd_given_even(v, even, observed), even)


@torch.no_grad()
def centered(model: Machine, gradient: Gradient, positive: Gradient) -> Gradient:
    """The gradient as if every layer were measured from its mean over the data (Montavon & Müller 2012).

    Instead of h1·W2·h2, (h1 − μ1)·W2·(h2 − μ2): the same machines, in parameters in which the weights do not
    also do the biases' work. μ is the mean over the batch, read off the `positive` statistics. The result is
    a direction of ascent for the parameters as they are.
    """
    weights, biases = model.weight_names, model.bias_names
    means = [positive[name] for name in biases]
    if model.log_variance is not None:  # its statistic is (v − b)/σ², the weights' is v/σ²
        means[0] = means[0] + model.visible_units().scaled(model.visible_bias)
    result, n = dict(gradient), len(weights)
    flat = [means[0].flatten(), *means[1:]]
    steps = [gradient[name].flatten() for name in biases]
    for i, name in enumerate(weights):
        moved = torch.outer(flat[i], steps[i + 1]) + torch.outer(steps[i], flat[i + 1])
        result[name] = gradient[name] - moved.view_as(gradient[name])
    for i, name in enumerate(biases):
        below = flat[i - 1] @ result[weights[i - 1]].flatten(0, -2) if i > 0 else 0
        above = result[weights[i]].flatten(0, -2) @ flat[i + 1] if i < n else 0
        result[name] = gradient[name] - (below + above).view_as(gradient[name])
    return result


@torch.no_grad()
def cd_gradient(
    model: Machine, v: Tensor, k=1, observed=None, visible_offset=None, sample_visible=False, generator=None,
    posterior="mean_field", center=False,
) -> Gradient:  # fmt: skip
    """Contrastive divergence: the model's average replaced by k sweeps from the data (Hinton 2002).

    Hidden states that drive a chain are sampled; the last visible states are probabilities unless
    sample_visible (Hinton 2010, section 3): less noise, at the price of a small bias that no k removes, since
    p(h given v) is not linear in v. Gaussian units are always sampled: their mean would lose the variance.
    posterior, center: as in `fit`.
    """
    means = _data_hidden(model, v, observed, visible_offset, posterior, generator)
    odd = sample_bernoulli(model.split(means)[0], generator)
    mean_last = not sample_visible and model.kind != "gaussian"
    v_k, means_k, _ = _sweeps(model, odd, k, observed, visible_offset, generator, mean_last)
    positive = model.statistics(v, means, observed, visible_offset)
    gradient = _difference(positive, model.statistics(v_k, means_k, observed, visible_offset))
    return centered(model, gradient, positive) if center else gradient


@torch.no_grad()
def pcd_gradient(
    model: Machine, v: Tensor, chains: Tensor, k=1, observed=None, visible_offset=None, generator=None,
    posterior="mean_field", center=False, chain_generator=None, shares=None,
) -> tuple[Gradient, Tensor]:  # fmt: skip
    """Persistent CD: the model's average over chains that are never reset (Tieleman 2008).

    `chains`: states of the odd hidden layers (chains, n_odd), for an RBM its hidden ones; with masks or
    offsets per row, one for each row of v. posterior, center: as in `fit`. chain_generator: what the chains
    draw from, if not from `generator`; shares: what the two averages count, if v and chains are parts of a
    larger batch. Returns the gradient and the chains' new states.
    """
    means = _data_hidden(model, v, observed, visible_offset, posterior, generator)
    positive = model.statistics(v, means, observed, visible_offset)
    generator = generator if chain_generator is None else chain_generator
    v_k, means_k, chains = _sweeps(model, chains, k, observed, visible_offset, generator)
    negative = model.statistics(v_k, means_k, observed, visible_offset)
    if shares is not None:
        for phase, share in zip((positive, negative), shares, strict=True):
            for statistic in phase.values():
                statistic.mul_(share)
    gradient = _difference(positive, negative)
    return (centered(model, gradient, positive) if center else gradient), chains


@torch.no_grad()
def start_chains(model: Machine, rows: Rows, n_chains=None, generator=None) -> Tensor:
    """Odd hidden states for persistent chains, (chains, n_odd), drawn given training rows in turn.

    Where rows have masks or offsets of their own: one chain per row, whatever n_chains says.
    """
    n = len(rows) if rows.masked else n_chains
    order = torch.arange(n, device=model.visible_bias.device) % len(rows)
    chains = []
    for index in order.split(1024):
        odd, _ = model.split(model.posterior_means(*rows.batch(index)))
        chains.append(sample_bernoulli(odd, generator))
    return torch.cat(chains)


class WeightDecay:
    """Weight decay, towards "zero" or (RBM only) "item_mean", added to the direction of ascent.

    Towards the item mean: W_i = shared + own_i, where own_i decays at the full rate and the shared part at a
    tenth of it, and the shared part also takes a step of its own along the mean gradient. A rarely observed
    unit thus inherits what the others have learned.
    """

    def __init__(self, model, rows, rate, toward):
        self.model, self.rate, self.counts = model, rate, None
        if toward == "item_mean":
            if model.n_even:
                raise ValueError("decay_toward: got 'item_mean', expected 'zero' for a deep machine.")
            if rows.ratings is not None:
                counts = torch.as_tensor(rows.ratings.item_counts())
            elif rows.observed is not None:
                counts = rows.observed.expand(len(rows), -1).sum(0)
            else:
                counts = torch.ones(model.n_visible)
            counts = counts.to(model.W)
            self.counts = (counts / counts.sum().clamp(min=1)).view(-1, *[1] * (model.W.ndim - 1))

    def add_to(self, gradient):
        if self.counts is None:
            for name in self.model.weight_names if self.rate else ():
                gradient[name] -= self.rate * self.model.get_parameter(name)
            return
        shared = (self.counts * self.model.W).sum(0)
        step = SHARED_RATE * gradient["W"].mean(0) - SHARED_DECAY * self.rate * shared
        gradient["W"] += step - self.rate * (self.model.W - shared)
