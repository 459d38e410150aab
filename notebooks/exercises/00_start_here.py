"""Exercises of lesson 00: missing entries, an energy, a bias. A warm-up shows a check."""

import math

import pandas as pd
import torch

from rbm_lib.course import exercise

energies = [(0.0, -1.0), (2.0, 0.5), (1.0, 1.0), (-0.5, 1.5)]


@exercise("warm-up", "The probability of one of two states", 1, energies, graded=False)
def prob_on(off, on):
    """p(on) = exp(−E_on) / (exp(−E_off) + exp(−E_on))."""
    return 1 / (1 + math.exp(on - off))


prob_on.mistakes = {
    "This is the probability of the other state. The state of lower energy is the likelier "
    "one: each energy goes into exp with a minus sign.": lambda off, on: prob_on(on, off),
    "This is exp(−E), a weight. Divide by the sum of both.": lambda off, on: math.exp(-on),
    "This is the ratio of the two weights. Divide by their sum instead.": (
        lambda off, on: math.exp(off - on)
    ),
}

columns = ["user_id", "movie_id", "rating"]
with_gaps = [(1, 10, 5), (1, 30, 3), (4, 10, 4), (4, 20, 1), (9, 50, 2)]
crowded = [(2, 1, 4), (2, 2, 4), (2, 3, 1), (7, 3, 5), (7, 8, 3)]
tables = [(pd.DataFrame(rows, columns=columns),) for rows in (with_gaps, crowded)]


@exercise("1", "How much is missing", 1, tables)
def share_missing(ratings):
    """The share of pairs without a rating, of the users and movies that occur."""
    return 1 - len(ratings) / (ratings.user_id.nunique() * ratings.movie_id.nunique())


share_missing.mistakes = {
    "This is the share of pairs that have a rating. Take it from 1.": (
        lambda r: 1 - share_missing(r)
    ),
    "The largest id is not the number of ids, because ids have gaps. Count them.": (
        lambda r: 1 - len(r) / (r.user_id.max() * r.movie_id.max()),
        lambda r: 1 - len(r) / ((r.user_id.max() + 1) * (r.movie_id.max() + 1)),
    ),
    "You count empty cells in the list of ratings, and none is empty: a missing rating has "
    "no row at all. Count the pairs.": (
        lambda r: r.isna().to_numpy().mean(),
        lambda r: r.isna().mean(),
    ),
}


def configurations():
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    for rows, n, m in ((1, 2, 1), (4, 3, 2), (5, 4, 3)):
        v = (normal(rows, n) > 0).double()
        h = (normal(rows, m) > 0).double()
        v[0] = 1  # a row in which every term counts
        h[0] = 1
        yield v, h, normal(n, m), normal(n), normal(m)


@exercise("2", "The energy of a configuration", 2, configurations())
def energy(v, h, W, b, c):
    """E(v, h) = −b·v − c·h − v·W·h for every row, (B,)."""
    return -(v @ b) - (h @ c) - ((v @ W) * h).sum(-1)


energy.mistakes = {
    "The signs are flipped. A likely configuration has a low energy.": lambda *a: (
        -energy(*a)
    ),
    "v @ W @ h.T pairs every row of v with every row of h. Sum (v @ W) * h by rows.": (
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - v @ W @ h.T
    ),
    "You add up the rows. Each row is a configuration of its own: use .sum(-1).": (
        lambda *a: energy(*a).sum(),
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - ((v @ W) * h).sum(),
    ),
}

uniform = torch.rand(2, 40, 4, generator=torch.Generator().manual_seed(3)).double()
rated = uniform[0] < 0.4
ratings = [((rated & (uniform[1] < 0.6)).double(), rated)]


@exercise("3", "A bias from ratings with gaps", 2, ratings)
def like_bias(likes, observed):
    """log(p / (1 − p)), with p each film's share of likes among those who rated it."""
    return torch.logit(likes.sum(0) / observed.sum(0))


like_bias.mistakes = {
    "You count a missing rating as a dislike. Divide by the number of people who rated.": (
        lambda likes, observed: torch.logit(likes.mean(0))
    ),
    "This is the share of likes itself. The bias is its log-odds, log(p / (1 − p)).": (
        lambda likes, observed: likes.sum(0) / observed.sum(0)
    ),
    "This is log p. The bias is log(p / (1 − p)), which is 0 at p = 1/2.": (
        lambda likes, observed: torch.log(likes.sum(0) / observed.sum(0))
    ),
}
