"""Exercises of lesson 02: what sampling costs, masked free energy, NDCG, conditionals."""

import numpy as np
import torch
from torch.nn.functional import softplus

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@exercise("1", "What sampling costs", 2, [(normal(n, n).sigmoid(),) for n in (1, 7, 40)])
def expected_losses(p):
    return (2 * p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean()


expected_losses.mistakes = {
    "Sampling errs in two ways: truth 1 and prediction 0, or the reverse. Twice p(1−p).": (
        lambda p: (expected_losses(p)[0] / 2, expected_losses(p)[1])
    ),
    "This is how often the threshold is right. The loss is how often it is wrong.": (
        lambda p: (expected_losses(p)[0], torch.maximum(p, 1 - p).mean())
    ),
    "Average last: the mean of 2p(1−p) is not 2p(1−p) of the mean.": (
        lambda p: expected_losses(p.mean())
    ),
}


def masked_rows():
    for seed, rows, n, m in ((0, 4, 5, 3), (10, 6, 3, 2), (20, 2, 4, 4)):
        v = (normal(seed, rows, n) > 0).double()
        observed = normal(seed + 1, rows, n) < 0.3
        observed[0] = False  # a person without ratings
        junk = 3 * normal(seed + 2, rows, n)
        if seed == 20:
            junk[0] = torch.nan
        v = torch.where(observed, v, junk)
        yield v, observed, normal(seed + 3, n, m), normal(seed + 4, n), normal(seed + 5, m)


def free_energy(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum(1)


@exercise("2", "Free energy under a mask", 2, masked_rows())
def masked_free_energy(v, observed, W, b, c):
    return free_energy(torch.where(observed, v, 0.0), W, b, c)


masked_free_energy.mistakes = {
    "What stands in the gaps takes part. Drop the missing units first.": (
        lambda v, observed, *a: free_energy(v, *a),
        lambda v, observed, *a: free_energy(torch.nan_to_num(v), *a),
    ),
    "You filled the gaps with −1, an opinion. A missing unit is in no sum at all.": (
        lambda v, observed, *a: free_energy(torch.where(observed, v, -1.0), *a)
    ),
    "NaN times 0 is NaN, and a gap may contain it. Empty the gaps with torch.where.": (
        lambda v, observed, *a: free_energy(v * observed, *a)
    ),
}

hit_lists = [([1, 0, 1, 0, 0], 2), ([0, 1, 0, 0, 1, 0, 0, 1, 0, 0], 12), ([0, 0, 0], 1)]


def gain(hits, first=2, log=np.log2):
    """Hits discounted by the logarithm of their place, which counts from `first`."""
    return (np.asarray(hits) / log(np.arange(first, first + len(hits)))).sum()


def ideal(hits, relevant):
    return np.ones(min(len(hits), relevant))


@exercise("3", "NDCG", 2, hit_lists)
def ndcg(hits, relevant):
    return gain(hits) / gain(ideal(hits, relevant))


ndcg.mistakes = {
    "Your own hits put in front are not ideal: that has min(len(hits), relevant) hits.": (
        lambda hits, relevant: gain(hits) / gain(np.ones(max(sum(hits), 1))),
        lambda hits, relevant: gain(hits) / gain(sorted(hits, reverse=True)),
    ),
    "The ideal list is no longer than yours: it has min(len(hits), relevant) hits.": (
        lambda hits, relevant: gain(hits) / gain(np.ones(relevant))
    ),
    "Your gain has the natural logarithm, the ideal one log2. Take log2 in both.": (
        lambda hits, relevant: gain(hits, log=np.log) / gain(ideal(hits, relevant))
    ),
    "Places count from 1: the first discount is 1/log2(2), because log2(1) is 0.": (
        lambda hits, relevant: gain(hits, first=1) / gain(ideal(hits, relevant), first=1)
    ),
}

free_energies = [tuple(s * normal(i, 2, 6)) for i, s in enumerate((1, 5, 2000))]


@exercise("4", "The exact conditional", 2, free_energies)
def exact_conditional(f_disliked, f_liked):
    return torch.sigmoid(f_disliked - f_liked)


exact_conditional.mistakes = {
    "The sign is reversed: a low free energy is likely.": lambda d, f: torch.sigmoid(f - d),
    "exp overflows or both become 0 for large values. Use the sigmoid of the difference.": (
        lambda disliked, liked: (-liked).exp() / ((-liked).exp() + (-disliked).exp())
    ),
    "exp(−F) is not a probability yet. Divide by the sum over both.": lambda d, f: (
        -f
    ).exp(),
    "This is the log-odds. Its sigmoid is the probability.": lambda d, f: d - f,
}
