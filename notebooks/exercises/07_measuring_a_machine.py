"""Exercises of lesson 07: a walk of chains, the log of a mean, the effective number."""

import math

import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import normal


def free_energy(v, beta):
    """Of a model with three pixels and one hidden unit."""
    x = beta * v @ torch.tensor([2.0, -1.0, 0.5])
    return -v.sum(1) - torch.nn.functional.softplus(x)


def sweep(v, beta):
    """Without chance, so that walks can be compared. It depends on beta."""
    return (v.roll(1, dims=1) + beta) / 2


WALKS = [
    (free_energy, sweep, normal(0, 4, 3).sigmoid(), torch.linspace(0, 1, 5)),
    (free_energy, sweep, normal(1, 1, 3).sigmoid(), torch.linspace(1, 0, 4)),
    (free_energy, sweep, normal(2, 3, 3).sigmoid(), torch.linspace(0, 1, 8)),
]


@exercise("1", "A walk along the path", 3, WALKS)
def walk(free_energy, sweep, v, betas):
    log_w = torch.zeros(len(v))
    for beta, following in zip(betas[:-1], betas[1:], strict=True):
        change = free_energy(v, beta) - free_energy(v, following)
        log_w = log_w + change
        v = sweep(v, following)
    return log_w


walk.slips("""
    The sign is reversed. Each factor is exp(F at beta, minus F at the following beta).
        log_w + change → log_w - change
    The sweep comes too early. Add the difference first, and take both free energies at the
    pattern before the sweep.
        free_energy(v, → free_energy(sweep(v, following),
        - free_energy(v, → - free_energy(sweep(v, following),
    The sweep is made in the old model. Make it in the following one.
        sweep(v, following) → sweep(v, beta)
    The chains stand still. After each step, v = sweep(v, following).
        v = sweep(v, following) → pass
    Add up the differences of all steps, for each row. They are logarithms already: log_w is
    their plain sum.
        log_w + change → change
        log_w + change → log_w + change.exp()
        torch.zeros → torch.ones | log_w + change → log_w * change
        return log_w → return log_w.exp()
        return log_w → return log_w.sum()
    Only one free energy is added. Add the difference of the two.
        free_energy(v, beta) - free → free
        - free_energy(v, following) →
    A step is missing, or the order is another one. zip(betas[:-1], betas[1:]) gives all
    pairs, and the return stands behind the loop.
        betas[:-1], betas[1:] → betas[:1], betas[1:2]
        betas[:-1], betas[1:] → betas[:-2], betas[1:-1]
        betas[:-1], betas[1:] → betas[1:], betas[:-1]
""")

LOGS = [normal(0, 5), 3 * normal(1, 20), normal(2, 8) + 1000, normal(3, 4) - 2000]
LOGS.append(torch.cat([normal(4, 6), normal(5, 2) + 1000]))  # far apart
LOGS = [(row.double(),) for row in LOGS]


@exercise("2", "The log of a mean", 2, LOGS)
def log_mean_exp(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


log_mean_exp.slips("""
    This is the mean of the logarithms, which is lower than the logarithm of the mean.
        return log_w.mean()
    This is not the log of the mean. Take exp of all, the mean of them, and its logarithm.
        return log_w.sum()
        return log_w.mean().log()
        return log_mean_exp(log_w).exp()
    To divide the sum by the number of chains, subtract math.log(len(log_w)) from its
    logarithm.
        - math.log(len(log_w)) →
        - math.log(len(log_w)) → + math.log(len(log_w))
        - math.log(len(log_w)) → - len(log_w)
        - math.log(len(log_w)) → / len(log_w)
        math.log → math.log10
    You subtracted the largest value and did not add it again at the end.
        return (log_w - log_w.max()).exp().mean().log()
    Infinite, or cut off, for large values, because exp overflows. Use logsumexp in place of
    exp.
        return log_w.exp().mean().log()
        return log_w.clamp(max=700).exp().mean().log()
    Infinite when one value is far above the others. Subtract the largest one, not the mean
    or the smallest.
        return log_w.mean() + (log_w - log_w.mean()).exp().mean().log()
""")


@exercise("3", "The effective number", 2, LOGS)
def effective_number(log_w):
    w = torch.exp(log_w - log_w.max())
    return w.sum() ** 2 / (w**2).sum()


effective_number.slips("""
    Take exp of the logarithms, after subtracting the largest: exp(log_w - log_w.max()).
        torch.exp(log_w - log_w.max()) → log_w
        torch.exp(log_w - log_w.max()) → (log_w - log_w.max())
        log_w - log_w.max() → log_w / log_w.max()
    Not finite for large values, because exp overflows. Subtract the largest first.
        log_w - log_w.max() → log_w
    Not finite when one value is far above the others. Subtract the largest one, not the
    mean or the smallest.
        log_w.max() → log_w.mean()
        log_w.max() → log_w.min()
    The square of the sum stands above the line, and the sum of the squares below it.
        w.sum() ** 2 / (w**2).sum() → (w**2).sum() / w.sum() ** 2
        w.sum() ** 2 → w.sum()
        (w**2).sum() → w.sum() ** 2
    Both are sums, and nothing is divided by the number of chains.
        return w → return 1 / len(w) * w
        w.sum() ** 2 → w.mean() ** 2
        (w**2).sum() → (w**2).mean()
""")
