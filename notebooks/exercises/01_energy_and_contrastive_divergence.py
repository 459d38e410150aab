"""Exercises of lesson 01: conditionals, free energy, two phases, CD-1, log-mean-exp."""

import math

import torch
from torch.nn.functional import softplus

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def binary(seed, *shape):
    return (normal(seed, *shape) > 0).double()


def model(seed, rows, n, m):
    """Rows v, and W, b and c of a model."""
    v = binary(seed, rows, n)
    return v, normal(seed + 1, n, m), normal(seed + 2, n), normal(seed + 3, m)


models = [model(0, 5, 3, 2), model(30, 1, 4, 3), model(60, 3, 2, 2)]


@exercise("1", "Hidden probabilities", 2, [(v, W, c) for v, W, b, c in models])
def prob_h(v, W, c):
    return torch.sigmoid(v @ W + c)


prob_h.mistakes = {
    "The hidden bias c is missing.": lambda v, W, c: torch.sigmoid(v @ W),
    "This is the input to the sigmoid, not yet a probability.": lambda v, W, c: v @ W + c,
    "You rounded. Give the probabilities themselves.": lambda *a: prob_h(*a).round(),
}

v, W, b, c = models[0]
where_exp_overflows = torch.ones_like(v), W.abs() * 1000, b, c


@exercise("2", "Free energy", 2, [*models, where_exp_overflows])
def free_energy(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum(1)


free_energy.mistakes = {
    "Infinite for large inputs: exp(x) overflows in log(1 + exp(x)). Use softplus.": (
        lambda v, W, b, c: -(v @ b) - torch.log(1 + torch.exp(v @ W + c)).sum(1)
    ),
    "The sign is reversed: F is minus the log of the unnormalised probability.": (
        lambda *a: -free_energy(*a)
    ),
    "You sum over all rows. Each row has a free energy of its own, so use .sum(1).": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).sum(),
        lambda *a: free_energy(*a).sum(),
    ),
    "This is the energy at h = p(h given v). The sum over all h adds their entropy.": (
        lambda v, W, b, c: -(v @ b) - (prob_h(v, W, c) * (v @ W + c)).sum(1)
    ),
}

phases = [
    (binary(s, n, 3), binary(s + 1, n, 2) / 2, binary(s + 2, m, 3), binary(s + 3, m, 2) / 4)
    for s, n, m in ((0, 4, 6), (40, 5, 2), (80, 3, 7))
]


@exercise("3", "The two phases", 2, phases)
def weight_gradient(v_data, h_data, v_model, h_model):
    return v_data.T @ h_data / len(v_data) - v_model.T @ h_model / len(v_model)


weight_gradient.mistakes = {
    "The sign is reversed: this goes downhill. Uphill is data minus model.": (
        lambda *a: -weight_gradient(*a)
    ),
    "These are sums. Divide each phase by its own number of rows.": (
        lambda v, h, v_m, h_m: v.T @ h - v_m.T @ h_m
    ),
    "Both are divided by the number of data rows. Divide each phase by its own.": (
        lambda v, h, v_m, h_m: (v.T @ h - v_m.T @ h_m) / len(v)
    ),
    "This multiplies the averages of v and h. Average the products v_i h_j of the rows.": (
        lambda v, h, v_m, h_m: v.mean(0).outer(h.mean(0)) - v_m.mean(0).outer(h_m.mean(0))
    ),
}


def cd_1_with(draw=True, new_h=True, count_states=False):
    """CD-1 for W, with the means of the visible units. The arguments make mistakes."""

    def cd_1(v, W, b, c, uniform):
        p = prob_h(v, W, c)
        h = (uniform < p).to(v.dtype) if draw else p
        v_1 = torch.sigmoid(h @ W.T + b)
        p_1 = prob_h(v_1, W, c) if new_h else p
        return weight_gradient(v, h if count_states else p, v_1, p_1)

    return cd_1


with_noise = [
    (v, W, b, c, torch.sigmoid(normal(9, len(v), len(c)))) for v, W, b, c in models
]
cd_1 = exercise("4", "One step of contrastive divergence", 2, with_noise)(cd_1_with())
cd_1.mistakes = {
    "The last hidden probabilities come from the data. They must come from the new v.": (
        cd_1_with(new_h=False)
    ),
    "The drawn h is counted in the data's phase. It only drives the chain: count p.": (
        cd_1_with(count_states=True)
    ),
    "No hidden state is drawn. Draw h = 1 where uniform < p.": cd_1_with(draw=False),
}

log_weights = [normal(0, 5), 3 * normal(1, 20), normal(2, 8) + 1000, normal(3, 4) - 2000]


@exercise("5", "The log of a mean", 2, [(row,) for row in log_weights])
def log_mean_exp(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


log_mean_exp.mistakes = {
    "This is the mean of the logs, lower than the log of the mean.": lambda w: w.mean(),
    "This is the log of the sum. For the mean subtract log M.": lambda w: w.logsumexp(0),
    "Infinite for large weights. Do not leave the logarithm: use logsumexp.": (
        lambda w: w.exp().mean().log()
    ),
}
