"""Exercises of lesson 05: log σ², a gain, mean field, stationarity, a clamped draw."""

import math

import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def model(s, rows, n, m):
    """Rows v and h, and W, b and log σ² of a Gaussian model."""
    h = (normal(s + 1, rows, m) > 0).double()
    return normal(s, rows, n), h, normal(s + 2, n, m), normal(s + 3, n), normal(s + 4, n)


models = [model(0, 5, 3, 2), model(20, 1, 4, 3), model(40, 3, 3, 3)]


@exercise("1", "Both terms of log σ²", 2, models)
def log_variance_statistic(v, h, W, b, log_variance):
    return ((v - b) ** 2 / 2 - v * (h @ W.T)) / torch.exp(log_variance)


log_variance_statistic.mistakes = {
    "The second term is missing: the coupling v/σ² · W h depends on σ², too.": (
        lambda v, h, W, b, s: (v - b) ** 2 / (2 * torch.exp(s))
    ),
    "The sign is reversed: this is +∂E/∂log σ². The positive phase needs −∂E/∂log σ².": (
        lambda *a: -log_variance_statistic(*a)
    ),
    "This is the derivative by σ². That by log σ² is σ² times as large (chain rule).": (
        lambda *a: log_variance_statistic(*a) / torch.exp(a[-1])
    ),
}


def standard_normal(z):
    """log N(z; 0, 1), (B,)."""
    return -0.5 * (z**2).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def log_densities(seed, rows, n):
    """(log p, z) of so many rows that dividing by B or by B − 1 is within the tolerance."""
    z = normal(seed, rows, n)
    return standard_normal(z) + 0.8 + 0.5 * normal(seed + 1, rows) + 0.2 * z[:, 0], z


tracks = [log_densities(0, 8000, 3), log_densities(20, 6000, 2)]


@exercise("2", "A gain and its interval", 2, tracks, tolerance=3e-4)
def gain(log_p, z):
    gains = log_p - standard_normal(z)
    return gains.mean(), 1.96 * gains.std() / len(gains) ** 0.5


gain.mistakes = {
    "The normal density lacks its constant: −n/2 · log 2π for n dimensions.": (
        lambda log_p, z: gain(log_p - z.shape[1] / 2 * math.log(2 * math.pi), z)
    ),
    "Take the standard deviation of the differences: both densities are of one track.": (
        lambda log_p, z: (gain(log_p, z)[0], 1.96 * log_p.std() / len(z) ** 0.5)
    ),
    "This interval is for single tracks. That of the mean is narrower: divide by √B.": (
        lambda log_p, z: (gain(log_p, z)[0], gain(log_p, z)[1] * len(z) ** 0.5)
    ),
    "This is the standard error. 1.96 of them to each side cover 95 %.": (
        lambda log_p, z: (gain(log_p, z)[0], gain(log_p, z)[1] / 1.96)
    ),
}


def deep_models():
    for s, rows, n, m1, m2 in ((0, 4, 4, 3, 2), (20, 1, 3, 2, 5), (40, 3, 3, 3, 3)):
        means = normal(s + 1, rows, m1).sigmoid(), normal(s + 2, rows, m2).sigmoid()
        weights = normal(s + 3, n, m1), normal(s + 4, m1, m2)
        others = normal(s + 5, m1), normal(s + 6, m2), normal(s + 7, n)
        yield normal(s, rows, n), *means, *weights, *others


@exercise("3", "One sweep of mean field", 2, deep_models())
def sweep(v, q1, q2, W1, W2, c1, c2, log_variance):
    q1 = torch.sigmoid(v / torch.exp(log_variance) @ W1 + q2 @ W2.T + c1)
    return q1, torch.sigmoid(q1 @ W2 + c2)


def sweep_at_once(v, q1, q2, W1, W2, c1, c2, log_variance):
    return sweep(v, q1, q2, W1, W2, c1, c2, log_variance)[0], torch.sigmoid(q1 @ W2 + c2)


def sweep_from_layer_2(v, q1, q2, W1, W2, c1, c2, log_variance):
    q2 = torch.sigmoid(q1 @ W2 + c2)
    return sweep(v, q1, q2, W1, W2, c1, c2, log_variance)[0], q2


sweep.mistakes = {
    "Both layers move at once. Layer 2 needs the q1 that you just computed.": sweep_at_once,
    "You begin with layer 2. It climbs, too, but layer 1 comes first.": sweep_from_layer_2,
    "v is not divided by σ²: the input of layer 1 is W1ᵀ (v/σ²).": (
        lambda *a: sweep(*a[:-1], 0 * a[-1])
    ),
}

chains = [(normal(n, n).softmax(0), (2 * normal(10, n, n)).softmax(1)) for n in (2, 4, 7)]


@exercise("4", "Does the chain leave p alone?", 2, chains)
def drift(p, T):
    return 0.5 * (p @ T - p).abs().sum()


drift.mistakes = {
    "T[s, t] leads from s to t: the next distribution is p T.": lambda p, T: drift(p, T.T),
    "The ½ is missing: total variation is at most 1.": lambda p, T: 2 * drift(p, T),
    "This is the largest difference of one state. Total variation is half the sum.": (
        lambda p, T: (p @ T - p).abs().max()
    ),
}

with_masks = [(v, normal(60, *v.shape) > 0, *x, normal(61, *v.shape)) for v, *x in models]


@exercise("5", "Hold what is known", 2, with_masks)
def clamped_draw(v, observed, h, W, b, log_variance, noise):
    return torch.where(observed, v, b + h @ W.T + torch.exp(log_variance / 2) * noise)


clamped_draw.mistakes = {
    "The mask is upside down: what was observed stays, the rest is drawn.": (
        lambda v, observed, *a: clamped_draw(v, ~observed, *a)
    ),
    "Everything is drawn anew, but what was observed must stay.": (
        lambda v, observed, *a: clamped_draw(v, observed & ~observed, *a)
    ),
    "The noise has the wrong size: a draw has standard deviation exp(log_variance / 2).": (
        lambda *a: clamped_draw(*a[:-2], 2 * a[-2], a[-1]),
        lambda *a: clamped_draw(*a[:-2], 0 * a[-2], a[-1]),
    ),
}
