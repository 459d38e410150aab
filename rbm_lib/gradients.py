"""The gradient of the mean log-likelihood by sampling (CD and persistent chains), and weight decay.

It is a difference of two averages of −∂E/∂θ: over the data (the positive phase) and over the model (the
negative phase). The methods differ only in where the second comes from; `rbm_lib.likelihood.exact_gradient`
enumerates it. All return {parameter name: direction of ascent}. Rows are checked by whoever calls.
"""

import torch
from torch import Tensor

from rbm_lib.inputs import Rows
from rbm_lib.rbm import RBM
from rbm_lib.units import sample_bernoulli

Gradient = dict[str, Tensor]
SHARED_RATE, SHARED_DECAY = 5.0, 0.1  # of the item mean, relative to the items' own ("item_mean")


def _sweeps(model, h, k, observed, visible_offset, generator, mean_last=False):
    """k sweeps from hidden states h: (v, p(h given v), h); mean_last: v of the last sweep is its mean."""
    for sweep in range(k):
        if mean_last and sweep == k - 1:
            v = model.mean_v_given_h(h, visible_offset)
        else:
            v = model.sample_v_given_h(h, visible_offset, generator)
        prob_h = model.prob_h_given_v(v, observed)
        h = sample_bernoulli(prob_h, generator)
    return v, prob_h, h


def _difference(positive, negative) -> Gradient:
    return {name: positive[name] - negative[name] for name in positive}


@torch.no_grad()
def cd_gradient(
    model: RBM, v: Tensor, k=1, observed=None, visible_offset=None, sample_visible=False, generator=None
) -> Gradient:
    """Contrastive divergence: the model's average replaced by k sweeps from the data (Hinton 2002).

    Hidden states that drive a chain are sampled; the last visible states are probabilities unless
    sample_visible (Hinton 2010, section 3): less noise, at the price of a small bias that no k removes, since
    p(h given v) is not linear in v. Gaussian units are always sampled: their mean would lose the variance.
    """
    prob_h = model.prob_h_given_v(v, observed)
    h = sample_bernoulli(prob_h, generator)
    mean_last = not sample_visible and model.kind != "gaussian"
    v_k, prob_h_k, _ = _sweeps(model, h, k, observed, visible_offset, generator, mean_last)
    return _difference(
        model.statistics(v, prob_h, observed, visible_offset),
        model.statistics(v_k, prob_h_k, observed, visible_offset),
    )


@torch.no_grad()
def pcd_gradient(
    model: RBM, v: Tensor, chains: Tensor, k=1, observed=None, visible_offset=None, generator=None
) -> tuple[Gradient, Tensor]:
    """Persistent CD: the model's average over chains that are never reset (Tieleman 2008).

    `chains`: hidden states (chains, n_hidden); with masks or offsets per row, one for each row of v.
    Returns the gradient and the chains' new states.
    """
    positive = model.statistics(v, model.prob_h_given_v(v, observed), observed, visible_offset)
    v_k, prob_h_k, chains = _sweeps(model, chains, k, observed, visible_offset, generator)
    return _difference(positive, model.statistics(v_k, prob_h_k, observed, visible_offset)), chains


@torch.no_grad()
def start_chains(model: RBM, rows: Rows, n_chains=None, generator=None) -> Tensor:
    """Hidden states for persistent chains, (chains, n_hidden), from p(h given v) of training rows in turn.

    Where rows have masks or offsets of their own: one chain per row, whatever n_chains says.
    """
    n = len(rows) if rows.masked else n_chains
    order = torch.arange(n, device=model.W.device) % len(rows)
    batches = (rows.batch(index) for index in order.split(1024))
    return torch.cat([model.sample_h_given_v(v, observed, generator) for v, observed, _ in batches])


class WeightDecay:
    """Weight decay of W, towards "zero" or "item_mean", added to the direction of ascent.

    Towards the item mean: W_i = shared + own_i, where own_i decays at the full rate and the shared part at a
    tenth of it, and the shared part also takes a step of its own along the mean gradient. A rarely observed
    unit thus inherits what the others have learned.
    """

    def __init__(self, model, rows, rate, toward):
        self.model, self.rate, self.counts = model, rate, None
        if toward == "item_mean":
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
            if self.rate:
                gradient["W"] -= self.rate * self.model.W
            return
        shared = (self.counts * self.model.W).sum(0)
        step = SHARED_RATE * gradient["W"].mean(0) - SHARED_DECAY * self.rate * shared
        gradient["W"] += step - self.rate * (self.model.W - shared)
