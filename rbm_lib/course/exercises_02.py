"""Exercises of lesson 02: what sampling costs, the masked free energy, NDCG, the exact conditional."""

import numpy as np
import torch
from torch.nn.functional import softplus

from rbm_lib.course.exercises import Exercise


def _generator(seed):
    return torch.Generator().manual_seed(seed)


def _losses(p):
    return (2 * p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean()


EXPECTED_LOSSES = Exercise(
    id="1",
    title="What sampling costs",
    points=2,
    reference=_losses,
    cases=lambda: [(torch.rand(n, generator=_generator(n), dtype=torch.float64),) for n in (1, 7, 40)],
    mistakes={
        "The sampled prediction can be wrong in two ways: truth 1 and prediction 0, or the reverse. "
        "Twice p(1−p).": (lambda p: ((p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean())),
        "Thresholding is wrong with probability 1 − p only where p ≥ ½; elsewhere with probability p.": (
            lambda p: ((2 * p * (1 - p)).mean(), (1 - p).mean())
        ),
        "The two are in the wrong order: first sampling, then thresholding.": lambda p: _losses(p)[::-1],
        'The share of p ≥ ½ is how often it says "like", not how often it is wrong.': (
            lambda p: ((2 * p * (1 - p)).mean(), (p >= 0.5).double().mean())
        ),
        "Average last: the mean of 2p(1−p) is not 2p(1−p) of the mean.": lambda p: _losses(p.mean()),
        "Return the mean over p of each, two numbers.": lambda p: (2 * p * (1 - p), torch.minimum(p, 1 - p)),
    },
)


def _masked_free_energy(v, observed, W, b, c):
    v = torch.where(observed, v, torch.zeros_like(v))
    return -(v @ b) - softplus(v @ W + c).sum(1)


def _masked_cases():
    cases = []
    for seed, (rows, n_visible, n_hidden) in ((0, (4, 5, 3)), (1, (6, 3, 2)), (2, (2, 4, 4))):
        g = _generator(seed)
        v = (torch.rand(rows, n_visible, generator=g, dtype=torch.float64) < 0.5).double()
        observed = torch.rand(rows, n_visible, generator=g) < 0.6
        observed[0] = False  # a person without ratings
        W, b, c = (
            torch.randn(*shape, generator=g, dtype=torch.float64)
            for shape in ((n_visible, n_hidden), (n_visible,), (n_hidden,))
        )
        junk = 3 * torch.randn(rows, n_visible, generator=g, dtype=torch.float64)
        cases.append((torch.where(observed, v, junk), observed, W, b, c))
    cases[-1][0][0] = torch.nan  # the person without ratings: nothing but gaps
    return cases


def _with_value(value):
    def free_energy(v, observed, W, b, c):
        v = torch.where(observed, v, torch.full_like(v, value))
        return -(v @ b) - softplus(v @ W + c).sum(1)

    return free_energy


def _summed_over_the_batch(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum()


MASKED_FREE_ENERGY = Exercise(
    id="2",
    title="Free energy under a mask",
    points=2,
    reference=_masked_free_energy,
    cases=_masked_cases,
    mistakes={
        "What stands in the gaps takes part. Drop the missing units first.": (
            lambda v, o, W, b, c: -(v @ b) - softplus(v @ W + c).sum(1)
        ),
        "The missing units still send their weights; the mask belongs into the input of the hidden units "
        "too.": (lambda v, o, W, b, c: -((v * o) @ b) - softplus(v @ W + c).sum(1)),
        "The missing units still have their bias term; the mask belongs there too.": (
            lambda v, o, W, b, c: -(v @ b) - softplus((v * o) @ W + c).sum(1)
        ),
        "Right as long as no gap holds NaN: NaN times 0 is NaN. Empty the gaps with torch.where.": (
            lambda v, o, W, b, c: -((v * o) @ b) - softplus((v * o) @ W + c).sum(1)
        ),
        "The hidden units' biases c are missing from their input.": (
            lambda v, o, W, b, c: _masked_free_energy(v, o, W, b, torch.zeros_like(c))
        ),
        "Sum softplus over each row's hidden units, not over the whole batch: one number per row.": (
            lambda v, o, W, b, c: _summed_over_the_batch(torch.where(o, v, torch.zeros_like(v)), W, b, c)
        ),
        "You filled the gaps with ½. A missing unit is in no sum at all.": _with_value(0.5),
        "You filled the gaps with likes. A missing unit is in no sum at all.": _with_value(1.0),
        "The mask is upside down: observed is True where there is a rating.": (
            lambda v, o, W, b, c: _masked_free_energy(v, ~o, W, b, c)
        ),
        "The sign is reversed.": lambda v, o, W, b, c: -_masked_free_energy(v, o, W, b, c),
    },
)


def _ndcg(hits, relevant, first=2, ideal=None):
    best = min(len(hits), relevant) if ideal is None else ideal(hits, relevant)
    discount = 1 / np.log2(np.arange(first, max(len(hits), best) + first))
    return (np.asarray(hits) * discount[: len(hits)]).sum() / discount[:best].sum()


def _dcg(hits):
    return (np.asarray(hits) / np.log2(np.arange(2, len(hits) + 2))).sum()


NDCG = Exercise(
    id="3",
    title="NDCG",
    points=2,
    reference=_ndcg,
    cases=lambda: [
        ([1, 0, 1, 0, 0], 2),
        ([0, 1, 0, 0, 1, 0, 0, 1, 0, 0], 12),
        ([0, 0, 0], 1),
        ([1, 1, 0, 1], 3),
    ],
    mistakes={
        "The ideal list has min(len(hits), relevant) hits, not len(hits).": (
            lambda hits, relevant: _ndcg(hits, relevant, ideal=lambda h, r: len(h))
        ),
        "The ideal list is no longer than yours: it has min(len(hits), relevant) hits, not relevant.": (
            lambda hits, relevant: _ndcg(hits, relevant, ideal=lambda h, r: r)
        ),
        "The ideal list has min(len(hits), relevant) hits; those found, put in front, reward finding few.": (
            lambda hits, relevant: _ndcg(hits, relevant, ideal=lambda h, r: max(sum(h), 1))
        ),
        "You divide by the number of hits found. Divide by what an ideal list would give.": (
            lambda hits, relevant: _dcg(hits) / max(sum(hits), 1)
        ),
        "Places count from 1: the first discount is 1/log2(2). log2(1) is 0.": (
            lambda hits, relevant: _ndcg(hits, relevant, first=1)
        ),
        "The discount at place 1 is 1/log2(2) = 1: places count from 1, and one is added.": (
            lambda hits, relevant: _ndcg(hits, relevant, first=3)
        ),
        "This is the share of hits; NDCG gives an early hit more.": (
            lambda hits, relevant: sum(hits) / min(len(hits), relevant)
        ),
        "This is DCG: divide by its value for an ideal list.": lambda hits, relevant: _dcg(hits),
        "The discount is a logarithm of the place, not the place.": (
            lambda hits, relevant: (
                (np.asarray(hits) / np.arange(1, len(hits) + 1)).sum()
                / (1 / np.arange(1, min(len(hits), relevant) + 1)).sum()
            )
        ),
    },
)


def _exact(f_disliked, f_liked):
    return torch.sigmoid(f_disliked - f_liked)


def _free_energies():
    cases = []
    for seed, scale in ((0, 1.0), (1, 5.0), (2, 2000.0)):
        cases.append(tuple(scale * torch.randn(2, 6, generator=_generator(seed), dtype=torch.float64)))
    return cases


EXACT_CONDITIONAL = Exercise(
    id="4",
    title="The exact conditional",
    points=2,
    reference=_exact,
    cases=_free_energies,
    mistakes={
        "The sign is reversed: a low free energy is likely.": lambda off, on: torch.sigmoid(on - off),
        "Right for small values only: exp overflows or both become 0. Use the sigmoid of the difference.": (
            lambda off, on: torch.exp(-on) / (torch.exp(-on) + torch.exp(-off))
        ),
        "exp(−F) is not a probability yet: divide by the sum over both levels.": (
            lambda off, on: torch.exp(-on)
        ),
        "This is the log-odds; the sigmoid of it is the probability.": lambda off, on: off - on,
        "These are the odds; the probability is odds / (1 + odds), the sigmoid of the difference.": (
            lambda off, on: torch.exp(off - on)
        ),
        "Free energies are no weights: exponentiate them, with a minus.": lambda off, on: off / (off + on),
        "Free energies are no weights: exponentiate −F, and a low free energy is likely.": (
            lambda off, on: on / (off + on)
        ),
    },
)

EXERCISES = {e.id: e for e in (EXPECTED_LOSSES, MASKED_FREE_ENERGY, NDCG, EXACT_CONDITIONAL)}
