"""Exercises of lesson 00: missing ratings, and the energy of a state."""

import pandas as pd
import torch

from rbm_lib.course import exercise

columns = ["user_id", "movie_id", "rating"]
with_gaps = [(1, 10, 5), (1, 30, 4), (4, 10, 4), (4, 20, 1), (9, 50, 2)]
crowded = [(2, 1, 4), (2, 2, 2), (2, 3, 1), (7, 3, 5), (7, 8, 3)]
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
    "These are the numbers of MovieLens. Count the people and films of the table that is "
    "given.": lambda r: 1 - len(r) / (943 * 1682),
    "This is the share of dislikes, or of likes, among the ratings. A white pair has no "
    "rating.": (lambda r: (r.rating < 4).mean(), lambda r: (r.rating >= 4).mean()),
    "The size of a table is its number of cells. Its number of lines is len(ratings).": (
        lambda r: 1 - r.size / n_pairs(r)
    ),
    "Count every rating. A dislike is a rating too.": (
        lambda r: 1 - (r.rating >= 4).sum() / n_pairs(r)
    ),
    "The matrix has a cell for each person and each film. Multiply the number of people by "
    "the number of films.": (
        lambda r: 1 - len(r) / r.user_id.nunique() ** 2,
        lambda r: 1 - len(r) / r.user_id.nunique(),
        lambda r: 1 - len(r) / r.movie_id.nunique(),
        lambda r: 1 - len(r) / (r.user_id.nunique() + r.movie_id.nunique()),
    ),
    "A share lies between 0 and 1. Divide the missing pairs by all pairs.": (
        lambda r: n_pairs(r) - len(r),
        lambda r: 100 * (1 - len(r) / n_pairs(r)),
    ),
}


def single_states():
    """The two states of the lesson, of negative and of positive energy, and random ones."""
    W = torch.tensor([[3.0], [2.5]]).double()
    b, c = torch.tensor([-1.5, -1.0]).double(), torch.tensor([-2.5]).double()
    yield torch.tensor([1.0, 1.0]).double(), torch.tensor([1.0]).double(), W, b, c
    yield torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0]).double(), W, b, c

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


@exercise("2", "The energy of a state", 2, single_states())
def energy(v, h, W, b, c):
    """E(v, h) = −b·v − c·h − v·W·h of one state."""
    return -(v @ b) - (h @ c) - (v @ W @ h)


energy.mistakes = {
    "The sign is turned around. Put a minus in front of the whole sum, so that a state "
    "that fits has a low energy.": with_signs(1, 1, 1),
    "Put a minus in front of the sum in place of abs. Energies can be negative.": (
        lambda v, h, W, b, c: abs(v @ b + h @ c + v @ W @ h)
    ),
    "Only some of the terms have their minus. Put brackets around the whole sum.": (
        with_signs(-1, 1, 1),
        with_signs(-1, -1, 1),
        with_signs(1, 1, -1),
    ),
    "Something counts although it is off. Multiply each bias by its own unit, and each "
    "weight by both of its ends.": (
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - (v @ W).sum(),
        lambda v, h, W, b, c: -b.sum() - c.sum() - v @ W @ h,
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - (W @ h).sum(),
        lambda v, h, W, b, c: -(v @ b) - (h @ c) - W.sum(),
        lambda v, h, W, b, c: -b.sum() - c.sum() - W.sum(),
    ),
    "A bias counts more than once. Only the weights need a loop in a loop: give each kind "
    "of bias a loop of its own.": (
        lambda v, h, W, b, c: -(v @ b) - len(v) * (h @ c) - (v @ W @ h),
        lambda v, h, W, b, c: -len(h) * (v @ b) - (h @ c) - (v @ W @ h),
        lambda v, h, W, b, c: -len(h) * (v @ b) - len(v) * (h @ c) - (v @ W @ h),
    ),
    "Your loop ends after its first round. Put the return behind the loop.": (
        lambda v, h, W, b, c: -b[0] * v[0] - c[0] * h[0] - v[0] * W[0, 0] * h[0]
    ),
    "The connections have a factor too many. Each weight counts once.": (
        with_signs(-1, -1, -2),
        with_signs(-1, -1, -0.5),
    ),
    "Leave v and h as they are. A unit that is off is 0 and contributes nothing.": (
        lambda v, h, W, b, c: -(2 * v - 1) @ (b + W @ (2 * h - 1)) - (2 * h - 1) @ c
    ),
    "This is e to the power of -E. Return E itself.": (
        lambda v, h, W, b, c: (v @ b + h @ c + v @ W @ h).exp()
    ),
    "The biases of the films are missing. Subtract v @ b as well.": with_signs(0, -1, -1),
    "The biases of the tastes are missing. Subtract h @ c as well.": with_signs(-1, 0, -1),
    "The weights are missing. Subtract v @ W @ h as well.": with_signs(-1, -1, 0),
}
