"""Exercises of lesson 07: a walk of chains, the log of a mean, the effective number."""

import math

import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def free_energy(v, beta):
    """Of a model with three pixels and one hidden unit."""
    return -v.sum(1) - torch.nn.functional.softplus(
        beta * v @ torch.tensor([2.0, -1.0, 0.5])
    )


def sweep(v, beta):
    """Without chance, so that walks can be compared. It depends on beta."""
    return (v.roll(1, dims=1) + beta) / 2


WALKS = [
    (free_energy, sweep, normal(seed, rows, 3).sigmoid(), torch.linspace(start, end, n))
    for seed, rows, start, end, n in (
        (0, 4, 0.0, 1.0, 5),
        (1, 1, 1.0, 0.0, 4),
        (2, 3, 0.0, 1.0, 8),
    )
]


def walk_with(
    sign=1,
    sweep_first=False,
    old=False,
    still=False,
    only_last=False,
    total=False,
    two=False,
    product=False,
):
    """The walk. The arguments make mistakes."""

    def walk(free_energy, sweep, v, betas):
        log_w = torch.full((len(v),), float(product))
        for beta, following in zip(betas[:-1], betas[1:], strict=True):
            moved = sweep(v, beta if old else following)
            before = moved if sweep_first else v
            after = moved if sweep_first or two else v
            change = sign * (free_energy(before, beta) - free_energy(after, following))
            if product:
                log_w = log_w * change
            else:
                log_w = change if only_last else log_w + change
            v = v if still else moved
        return log_w.sum() if total else log_w

    return walk


def last_chains(free_energy, sweep, v, betas):
    for beta in betas[1:]:
        v = sweep(v, beta)
    return v


walk = exercise("1", "A walk along the path", 3, WALKS)(walk_with())
walk.mistakes = {
    "The sign is reversed. Each factor is exp(F at beta, minus F at the following beta).": (
        walk_with(sign=-1)
    ),
    "The sweep comes too early. Add the difference for the pattern before the sweep.": (
        walk_with(sweep_first=True)
    ),
    "The sweep is made in the old model. Make it in the following one.": walk_with(
        old=True
    ),
    "The chains stand still. After each step, v = sweep(v, following).": (
        walk_with(still=True)
    ),
    "Only the last step is left. Add up the differences of all steps.": (
        walk_with(only_last=True)
    ),
    "You add up all chains. Return one number for each row.": walk_with(total=True),
    "The two free energies belong to different patterns. Take both at the pattern before "
    "the sweep.": walk_with(two=True),
    "The differences are multiplied. They are logarithms, so add them up.": (
        walk_with(product=True)
    ),
    "This is w. Return its logarithm, the sum itself.": lambda *a: walk(*a).exp(),
    "You return after the first step. Put the return behind the loop, not inside.": (
        lambda F, sweep, v, betas: walk(F, sweep, v, betas[:2])
    ),
    "The last step is missing. zip(betas[:-1], betas[1:]) gives all pairs.": (
        lambda F, sweep, v, betas: walk(F, sweep, v, betas[:-1])
    ),
    "You average over the chains. Return one number for each row.": (
        lambda *a: walk(*a).mean()
    ),
    "The sweep comes too early, and in the old model. Add the difference first, and then "
    "sweep in the following model.": walk_with(sweep_first=True, old=True),
    "These are the chains at the end of the walk. Return log_w.": last_chains,
}

LOGS = [normal(0, 5), 3 * normal(1, 20), normal(2, 8) + 1000, normal(3, 4) - 2000]
LOGS = [row.double() for row in LOGS]


@exercise("2", "The log of a mean", 2, [(row,) for row in LOGS])
def log_mean_exp(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


log_mean_exp.mistakes = {
    "This is the mean of the logarithms, which is lower than the logarithm of the mean.": (
        lambda w: w.mean()
    ),
    "This is the log of the sum. For the mean subtract log(len(log_w)).": (
        lambda w: w.logsumexp(0),
        lambda w: w.logsumexp(0) + math.log(len(w)),
    ),
    "You subtracted the largest value and did not add it again at the end.": (
        lambda w: (w - w.max()).exp().mean().log()
    ),
    "This is the largest value, not the log of the mean.": lambda w: w.max(),
    "This is the sum of the logarithms, which is the log of a product.": lambda w: w.sum(),
    "The number of chains stands outside the logarithm. Subtract log(len(log_w)).": (
        lambda w: w.logsumexp(0) / len(w),
        lambda w: w.logsumexp(0) - len(w),
    ),
    "This is the mean itself. Return its logarithm.": lambda w: log_mean_exp(w).exp(),
    "These are logarithms already. Leave them first, and take the mean of exp(log_w).": (
        lambda w: w.mean().log()
    ),
    "Infinite for large values. Do not leave the logarithm: use logsumexp.": (
        lambda w: w.exp().mean().log(),
        lambda w: (w.exp().sum() / len(w)).log(),
    ),
}


@exercise("3", "The effective number", 2, [(row,) for row in LOGS])
def effective_number(log_w):
    w = torch.exp(log_w - log_w.max())
    return w.sum() ** 2 / (w**2).sum()


effective_number.mistakes = {
    "The logarithms themselves are used. Take exp first, after subtracting the largest.": (
        lambda w: w.sum() ** 2 / (w**2).sum()
    ),
    "Not finite for large values, because exp overflows. Subtract the largest first.": (
        lambda w: w.exp().sum() ** 2 / (w.exp() ** 2).sum()
    ),
    "This is upside down. The square of the sum is divided by the sum of the squares.": (
        lambda w: 1 / effective_number(w)
    ),
    "This is the share of the chains. Return how many they are, without dividing by M.": (
        lambda w: effective_number(w) / len(w)
    ),
    "This is another number: the spread is measured by the sum of the squares.": (
        lambda w: 1 / w.softmax(0).max(),
        lambda w: torch.exp(-(w.softmax(0) * w.log_softmax(0)).sum()),
        lambda w: len(w) / ((w - w.max()).exp() ** 2).sum(),
    ),
    "The sum in the numerator is not squared.": (
        lambda w: (w - w.max()).exp().sum() / ((w - w.max()).exp() ** 2).sum()
    ),
    "This is always 1. Square each w before you add them up below.": (
        lambda w: torch.ones(())
    ),
    "This is the logarithm of the effective number.": lambda w: effective_number(w).log(),
}
