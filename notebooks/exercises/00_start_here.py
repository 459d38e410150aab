"""Exercises of lesson 00: gaps in ratings, and one energy. A warm-up shows a check."""

import numpy as np
import pandas as pd
import torch

from rbm_lib.course import exercise


@exercise("warm-up", "The share of likes", 1, [([4, 5, 1, 3],), ([2, 4],)], graded=False)
def share_of_likes(stars):
    """The share of 4 and 5 stars."""
    return np.mean(np.array(stars) >= 4)


share_of_likes.mistakes = {
    "4 stars are a like too: write >= in place of >.": (
        lambda stars: np.mean(np.array(stars) > 4)
    ),
    "This is the number of likes. Divide by the number of ratings.": (
        lambda stars: np.sum(np.array(stars) >= 4)
    ),
    "This is the mean of the stars. Count those that are at least 4.": np.mean,
}

columns = ["user_id", "movie_id", "rating"]
with_gaps = [(1, 10, 5), (1, 30, 3), (4, 10, 4), (4, 20, 1), (9, 50, 2)]
crowded = [(2, 1, 4), (2, 2, 4), (2, 3, 1), (7, 3, 5), (7, 8, 3)]
tables = [(pd.DataFrame(rows, columns=columns),) for rows in (with_gaps, crowded)]


def n_pairs(ratings):
    return ratings.user_id.nunique() * ratings.movie_id.nunique()


@exercise("1", "How much is missing", 1, tables)
def share_missing(ratings):
    """The share of pairs without a rating, of the people and films that occur."""
    return 1 - len(ratings) / n_pairs(ratings)


share_missing.mistakes = {
    "This is the share of pairs that have a rating. Take it from 1.": (
        lambda r: len(r) / n_pairs(r)
    ),
    "Count the different ids. The largest id is no count, because ids have gaps, and the "
    "number of lines is none, because an id stands in many lines.": (
        lambda r: 1 - len(r) / (len(r.user_id) * len(r.movie_id)),
        lambda r: 1 - len(r) / (r.user_id.max() * r.movie_id.max()),
        lambda r: 1 - len(r) / ((r.user_id.max() + 1) * (r.movie_id.max() + 1)),
    ),
    "You count empty cells in the list of ratings, and none is empty: a missing rating has "
    "no line at all. Count the pairs.": (
        lambda r: r.isna().to_numpy().mean(),
        lambda r: r.isna().mean(),
    ),
    "A share lies between 0 and 1. Divide the missing pairs by all pairs.": (
        lambda r: n_pairs(r) - len(r),
        lambda r: 100 * (1 - len(r) / n_pairs(r)),
    ),
}

uniform = torch.rand(2, 40, 4, generator=torch.Generator().manual_seed(3)).double()
rated = uniform[0] < 0.4
gaps = [((rated & (uniform[1] < 0.6)).double(), rated)]


@exercise("2", "Likes among those who rated", 1, gaps)
def like_share(values, observed):
    """Likes of each film over its ratings."""
    return values.sum(0) / observed.sum(0)


like_share.mistakes = {
    "You count a missing rating as a dislike. Divide by the number of people who rated.": (
        lambda values, observed: values.mean(0)
    ),
    "This is the share of each person. Add up the columns, with .sum(0).": (
        lambda values, observed: values.sum(1) / observed.sum(1)
    ),
    "This is one number for all films together. Add up each column, with .sum(0).": (
        lambda values, observed: values.sum() / observed.sum(),
        lambda values, observed: values[observed].mean(),
    ),
    "Divide the likes of each film by the number of its ratings, in this order.": (
        lambda values, observed: observed.double().mean(0),
        lambda values, observed: observed.sum(0),
        lambda values, observed: values.sum(0),
        lambda values, observed: observed.sum(0) / values.sum(0),
    ),
}


def single_states():
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(40, generator=generator, dtype=torch.float64)
    for n, m in ((2, 1), (3, 2), (4, 3)):
        W = numbers[: n * m].reshape(n, m)
        b, c = numbers[20 : 20 + n], numbers[30 : 30 + m]
        yield torch.ones(n).double(), torch.ones(m).double(), W, b, c
        v, h = torch.zeros(n).double(), torch.ones(m).double()
        v[0] = 1
        h[1:] = 0
        yield v, h, W, b, c


def with_signs(films, tastes, pairs):
    """The energy with other signs of its three terms."""
    return lambda v, h, W, b, c: films * v @ b + tastes * h @ c + pairs * v @ W @ h


@exercise("3", "The energy of a state", 2, single_states())
def energy(v, h, W, b, c):
    """E(v, h) = −b·v − c·h − v·W·h of one state."""
    return -(v @ b) - (h @ c) - (v @ W @ h)


energy.mistakes = {
    "The sign is turned around. Put a minus in front of the whole sum, so that a state "
    "that fits has a low energy.": with_signs(1, 1, 1),
    "Only some of the terms have their minus. Put brackets around the whole sum.": (
        with_signs(-1, 1, 1),
        with_signs(-1, -1, 1),
        with_signs(1, 1, -1),
    ),
    "Something counts although it is off. Multiply each bias by its own unit, and each "
    "weight by both of its ends.": (
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - (v @ W).sum(),
        lambda v, h, W, b, c: -b.sum() - c.sum() - v @ W @ h,
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - W.sum(),
        lambda v, h, W, b, c: -b.sum() - c.sum() - W.sum(),
    ),
    "The weights are missing. Subtract v @ W @ h as well.": with_signs(-1, -1, 0),
}
