"""Exercises of lesson 00: missing ratings, and the energy of a state."""

import pandas as pd
import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import normal

COLUMNS = ["user_id", "movie_id", "rating"]
WITH_GAPS = [(1, 10, 5), (1, 30, 4), (4, 10, 4), (4, 20, 1), (9, 50, 2)]
CROWDED = [(2, 1, 4), (2, 2, 2), (2, 3, 1), (7, 3, 5), (7, 8, 3)]
TABLES = [(pd.DataFrame(rows, columns=COLUMNS),) for rows in (WITH_GAPS, CROWDED)]


@exercise("1", "How much is missing", 1, TABLES)
def share_missing(ratings):
    n_pairs = ratings.user_id.nunique() * ratings.movie_id.nunique()
    return 1 - len(ratings) / n_pairs


share_missing.slips("""
    This is the share of pairs that have a rating. Take it from 1.
        1 - len(ratings) → len(ratings)
    Count the different ids in the table. The largest id is no count, because ids have gaps,
    and the number of lines is none, because an id stands in many lines.
        nunique() → max()
        nunique() → size
        return 1 - len(ratings) / (ratings.user_id.max() + 1) / (ratings.movie_id.max() + 1)
        return 1 - len(ratings) / (943 * 1682)
    You count empty cells in the list of ratings, and none is empty: a missing rating has no
    line at all. Count the pairs.
        return ratings.isna().mean()
    This is the share of dislikes, or of likes, among the ratings. A white pair has no
    rating.
        return (ratings.rating < 4).mean()
        return (ratings.rating >= 4).mean()
    Count every rating once, a dislike too: len(ratings).
        len(ratings) → ratings.size
        len(ratings) → (ratings.rating >= 4).sum()
    The matrix has a cell for each person and each film. Multiply the number of people by
    the number of films.
        .movie_id → .user_id
        ratings.user_id.nunique() * →
        nunique() * → nunique() +
    A share lies between 0 and 1. Divide the missing pairs by all pairs.
        return 1 - len(ratings) / n_pairs → return n_pairs - len(ratings)
        return 1 - len(ratings) / n_pairs → return 100 * (1 - len(ratings) / n_pairs)
""")


def states():
    """The two states of the lesson, of negative and of positive energy, and random ones."""
    W = torch.tensor([[3.0], [2.5]]).double()
    b, c = torch.tensor([-1.5, -1.0]).double(), torch.tensor([-2.5]).double()
    yield torch.tensor([1.0, 1.0]).double(), torch.tensor([1.0]).double(), W, b, c
    yield torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0]).double(), W, b, c

    for seed, (n, m) in enumerate([(2, 1), (3, 2), (4, 3)]):
        W, b, c = (normal(seed, *shape).double() for shape in ((n, m), (n,), (m,)))
        yield torch.ones(n).double(), torch.ones(m).double(), W, b, c
        yield torch.eye(n)[0].double(), torch.eye(m)[0].double(), W, b, c


@exercise("2", "The energy of a state", 2, states())
def energy(v, h, W, b, c):
    return -(v @ b) - (h @ c) - (v @ W @ h)


energy.slips("""
    The sign is turned around. Put a minus in front of the whole sum, so that a state that
    fits has a low energy.
        return v @ b + h @ c + v @ W @ h
    Put a minus in front of the sum in place of abs. Energies can be negative.
        return abs(v @ b + h @ c + v @ W @ h)
    Only some of the terms have their minus. Put brackets around the whole sum.
        - (h @ c) - (v → + (h @ c) + (v
        - (v @ W → + (v @ W
        -(v @ b) - (h → (v @ b) + (h
    Something counts although it is off. Multiply each bias by its own unit, and each weight
    by both of its ends.
        (v @ W @ h) → (v @ W).sum()
        (v @ W @ h) → (W @ h).sum()
        (v @ W @ h) → W.sum()
        (v @ b) - (h @ c) → b.sum() - c.sum()
    Something counts more than once. Only the weights need a loop in a loop: give each kind
    of bias a loop of its own, and count each weight once.
        (h @ c) → len(v) * (h @ c)
        -(v @ b) → -len(h) * (v @ b)
        (v @ W → 2 * (v @ W
    Your loop ends after its first round. Put the return behind the loop.
        return -b[0] * v[0] - c[0] * h[0] - v[0] * W[0, 0] * h[0]
    This is e to the power of -E. Return E itself.
        return (v @ b + h @ c + v @ W @ h).exp()
    A term is missing. E subtracts three things: v @ b, h @ c and v @ W @ h.
        (v @ b) → 0
        (h @ c) → 0
        (v @ W @ h) → 0
""")
