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


def difference(before, after):
    return before - after


def neighbours(betas):
    return zip(betas[:-1], betas[1:], strict=True)


def walk_with(
    change=difference,
    pairs=neighbours,
    sweep_first=False,
    old=False,
    still=False,
    only_last=False,
    two=False,
    product=False,
):
    """The walk. The arguments make mistakes."""

    def walk(free_energy, sweep, v, betas):
        log_w = torch.full((len(v),), float(product))
        for beta, following in pairs(betas):
            moved = sweep(v, beta if old else following)
            before = moved if sweep_first else v
            after = moved if sweep_first or two else v
            step = change(free_energy(before, beta), free_energy(after, following))
            if product:
                log_w = log_w * step
            else:
                log_w = step if only_last else log_w + step
            v = v if still else moved
        return log_w

    return walk


def last_chains(free_energy, sweep, v, betas):
    for beta in betas[1:]:
        v = sweep(v, beta)
    return v


walk = exercise("1", "A walk along the path", 3, WALKS)(walk_with())
walk.mistakes = {
    "The sign is reversed. Each factor is exp(F at beta, minus F at the following beta).": (
        walk_with(lambda before, after: after - before)
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
    "You add up all chains. Return one number for each row.": lambda *a: walk(*a).sum(),
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
    "The first step is missing. zip(betas[:-1], betas[1:]) gives all pairs.": walk_with(
        pairs=lambda betas: neighbours(betas[1:])
    ),
    "The pairs are swapped, so the walk goes backwards. Each pair is (betas[t], betas[t + "
    "1]).": walk_with(pairs=lambda betas: zip(betas[1:], betas[:-1], strict=True)),
    "These are the wrong betas: use the argument, which may also lead downwards.": (
        lambda F, sweep, v, betas: walk(F, sweep, v, torch.linspace(0, 1, len(betas)))
    ),
    "You add up the factors. Add up their logarithms, which are the differences.": (
        walk_with(lambda before, after: (before - after).exp())
    ),
    "F is a logarithm already. Take the plain difference, without log and quotient.": (
        walk_with(lambda before, after: (before / after).log())
    ),
    "Only one free energy is added. Add the difference of the two.": (
        walk_with(lambda before, after: after),
        walk_with(lambda before, after: before),
    ),
    "log_w has one number for each row: start with torch.zeros(len(v)).": (
        lambda F, sweep, v, betas: torch.zeros_like(v).add_(F(v, betas[0])),
        lambda F, sweep, v, betas: torch.zeros(len(v), dtype=int).add_(F(v, betas[0])),
        lambda F, sweep, v, betas: betas.clone().__setitem__(0, F(v, betas[0])),
    ),
    "The index goes one step too far. There is one step fewer than there are betas.": (
        lambda F, sweep, v, betas: betas[len(betas)]
    ),
    "This sweep(v, beta) takes two arguments and has its random numbers inside.": (
        lambda F, sweep, v, betas: sweep(v, betas[0], None)
    ),
    "The first argument must be all rows at once. Write free_energy(v, beta), without a "
    "loop over the rows.": (
        lambda F, sweep, v, betas: F(v[0], betas[0]),
        lambda F, sweep, v, betas: F(betas[0], v),
    ),
    "These are the differences of every step. Add them up over the steps.": (
        lambda F, sweep, v, betas: torch.stack(
            [
                walk(F, sweep, v, betas[: t + 1]) - walk(F, sweep, v, betas[:t])
                for t in range(1, len(betas))
            ]
        )
    ),
}

LOGS = [normal(0, 5), 3 * normal(1, 20), normal(2, 8) + 1000, normal(3, 4) - 2000]
LOGS.append(torch.cat([normal(4, 6), normal(5, 2) + 1000]))  # far apart
LOGS = [row.double() for row in LOGS]


@exercise("2", "The log of a mean", 2, [(row,) for row in LOGS])
def log_mean_exp(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


log_mean_exp.mistakes = {
    "This is the mean of the logarithms, which is lower than the logarithm of the mean.": (
        lambda w: w.mean()
    ),
    "This is the log of the sum. For the mean subtract log(len(log_w)).": (
        lambda w: w.logsumexp(0)
    ),
    "You add log(len(log_w)). To divide by the number of chains, subtract it.": (
        lambda w: w.logsumexp(0) + math.log(len(w))
    ),
    "You subtracted the largest value and did not add it again at the end.": (
        lambda w: (w - w.max()).exp().mean().log()
    ),
    "This is the largest value, not the log of the mean.": lambda w: w.max(),
    "This is the sum of the logarithms, which is the log of a product.": lambda w: w.sum(),
    "You divide the logarithm. To divide the sum, subtract log(len(log_w)).": (
        lambda w: w.logsumexp(0) / len(w),
        lambda w: (w / len(w)).logsumexp(0),
    ),
    "You subtract the number of chains. Subtract its logarithm.": (
        lambda w: w.logsumexp(0) - len(w)
    ),
    "math.log is the natural logarithm, which is meant here. log10 is another one.": (
        lambda w: w.logsumexp(0) - math.log10(len(w)),
        lambda w: log_mean_exp(w) / math.log(10),
    ),
    "The number of chains is len(log_w) here, and not always 100.": (
        lambda w: w.logsumexp(0) - math.log(100)
    ),
    "softmax adds up to 1, so its mean does not depend on log_w. Use logsumexp.": (
        lambda w: w.softmax(0).mean().log()
    ),
    "This is the mean itself. Return its logarithm.": lambda w: log_mean_exp(w).exp(),
    "These are logarithms already. Leave them first, and take the mean of exp(log_w).": (
        lambda w: w.mean().log()
    ),
    "Infinite for large values, because exp overflows. Use logsumexp in place of exp.": (
        lambda w: w.exp().mean().log(),
        lambda w: (w.exp().sum() / len(w)).log(),
    ),
    "Large values are cut off. Use logsumexp, which needs no clamp.": (
        lambda w: w.clamp(max=80).exp().mean().log(),
        lambda w: w.clamp(max=88).exp().mean().log(),
        lambda w: w.clamp(max=100).exp().mean().log(),
        lambda w: w.clamp(max=700).exp().mean().log(),
    ),
    "Infinite when one value is far above the others. Subtract the largest one, not the "
    "mean or the smallest.": (
        lambda w: w.mean() + (w - w.mean()).exp().mean().log(),
        lambda w: w.min() + (w - w.min()).exp().mean().log(),
        lambda w: w.median() + (w - w.median()).exp().mean().log(),
    ),
}


@exercise("3", "The effective number", 2, [(row,) for row in LOGS])
def effective_number(log_w):
    w = torch.exp(log_w - log_w.max())
    return w.sum() ** 2 / (w**2).sum()


def quotient(w):
    return w.sum() ** 2 / (w**2).sum()


effective_number.mistakes = {
    "The logarithms themselves are used. Take exp first, after subtracting the largest.": (
        quotient
    ),
    "Not finite for large values, because exp overflows. Subtract the largest first.": (
        lambda w: quotient(w.exp())
    ),
    "This is upside down. The square of the sum is divided by the sum of the squares.": (
        lambda w: 1 / effective_number(w)
    ),
    "This is the share of the chains. Return how many they are, without dividing by the "
    "number of chains.": lambda w: effective_number(w) / len(w),
    "There is a mean above or below in place of a sum. Both are sums.": (
        lambda w: effective_number(w) / len(w) ** 2,
        lambda w: effective_number(w) * len(w),
    ),
    "Not finite when one value is far above the others. Subtract the largest one, not the "
    "mean or the smallest.": (
        lambda w: quotient((w - w.mean()).exp()),
        lambda w: quotient((w - w.min()).exp()),
        lambda w: quotient((w - w.median()).exp()),
    ),
    "The exp is missing after the subtraction. Take exp(log_w - log_w.max()).": (
        lambda w: quotient(w - w.max())
    ),
    "To divide w by its largest value, subtract in the logarithm: log_w - log_w.max().": (
        lambda w: quotient((w / w.max()).exp())
    ),
    "You count the chains above a bound. The formula has no bound.": (
        lambda w: ((w - w.max()).exp() > 0.5).sum(),
        lambda w: ((w - w.max()).exp() > 0.1).sum(),
        lambda w: (w.softmax(0) > 1 / len(w)).sum(),
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
