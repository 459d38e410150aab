"""The exercises of lesson 00 (missing entries, an energy, a bias) and a warm-up that shows what checks do."""

import math

import pandas as pd
import torch

from rbm_lib.course.exercises import Exercise

# ---- warm-up: the probability of one of two states -----------------------------------------------------


def prob_on(energy_off, energy_on):
    """p(on) = exp(−E_on) / (exp(−E_off) + exp(−E_on))."""
    return 1 / (1 + math.exp(energy_on - energy_off))


def _warm_up_cases():
    return [(0.0, -1.0), (2.0, 0.5), (1.0, 1.0), (-0.5, 1.5)]


WARM_UP = Exercise(
    id="warm-up",
    title="The probability of one of two states",
    points=1,
    reference=prob_on,
    cases=_warm_up_cases,
    mistakes={
        "This is the probability of the other state. The state of lower energy is the likelier one: "
        "each energy goes into exp with a minus sign.": lambda off, on: 1 - prob_on(off, on),
        "This is exp(−E), a weight. Divide by the sum of the two weights.": lambda off, on: math.exp(-on),
        "This is the ratio of the two weights. Divide by their sum instead.": (
            lambda off, on: math.exp(off - on)
        ),
    },
)


# ---- 1: how much is missing ----------------------------------------------------------------------------


def share_missing(ratings):
    """The share of (user, movie) pairs without a rating, among users and movies that occur."""
    pairs = ratings.user_id.nunique() * ratings.movie_id.nunique()
    return 1 - len(ratings) / pairs


def _frames():
    small = {"user_id": [1, 1, 4, 4, 9], "movie_id": [10, 30, 10, 20, 50], "rating": [5, 3, 4, 1, 2]}
    wide = {"user_id": [2, 2, 2, 7, 7], "movie_id": [1, 2, 3, 3, 8], "rating": [4, 4, 1, 5, 3]}
    return [(pd.DataFrame(small),), (pd.DataFrame(wide),)]


def _pairs(r):
    return r.user_id.nunique() * r.movie_id.nunique()


_missing = Exercise(
    id="1",
    title="How much is missing",
    points=1,
    reference=share_missing,
    cases=_frames,
    mistakes={
        "This is the share of pairs that have a rating. Take it from 1.": lambda r: len(r) / _pairs(r),
        "This is in per cent. Give the share, a number between 0 and 1.": lambda r: 100 * share_missing(r),
        "This is the number of missing pairs. Divide by the number of all pairs.": (
            lambda r: _pairs(r) - len(r)
        ),
        "You divide the missing pairs by the ratings. Divide by all pairs, users times movies.": (
            lambda r: (_pairs(r) - len(r)) / len(r)
        ),
        "The largest id is not the number of ids: ids may have gaps. Count the different ones.": (
            lambda r: 1 - len(r) / (r.user_id.max() * r.movie_id.max())
        ),
        "Your table has a row and a column for every number from 0 to the largest id. Ids may have gaps: "
        "count the different ones.": lambda r: 1 - len(r) / ((r.user_id.max() + 1) * (r.movie_id.max() + 1)),
        "You take one length, the largest id and one more, for users and for movies. They differ, and ids "
        "may have gaps: count the different ones.": (
            lambda r: 1 - len(r) / (max(r.user_id.max(), r.movie_id.max()) + 1) ** 2
        ),
        "You count empty cells in the list of ratings, and none is empty: a missing rating has no row at "
        "all. Count the pairs.": lambda r: r.isna().to_numpy().mean(),
        "You count empty cells in each column of the list, and none is empty: a missing rating has no row "
        "at all. Count the pairs.": lambda r: r.isna().mean(),
        "You count every row as a user and as a movie. A user has many rows: count the different ids.": (
            lambda r: 1 - len(r) / len(r) ** 2
        ),
        "You count ratings of the lowest value. A missing rating has no row at all.": (
            lambda r: (r.rating == 1).mean()
        ),
    },
)


# ---- 2: the energy -------------------------------------------------------------------------------------


def energy(v, h, W, b, c):
    """E(v, h) = −b·v − c·h − v·W·h for every row, (B,)."""
    return -(v @ b) - (h @ c) - ((v @ W) * h).sum(-1)


def _configurations():
    generator = torch.Generator().manual_seed(0)

    def case(rows, n_visible, n_hidden):
        def bits(n):
            return (torch.rand(rows, n, generator=generator, dtype=torch.float64) < 0.5).double()

        v, h = bits(n_visible), bits(n_hidden)
        v[0], h[0] = 1, 1  # a row in which every term counts
        W = torch.randn(n_visible, n_hidden, generator=generator, dtype=torch.float64)
        b = torch.randn(n_visible, generator=generator, dtype=torch.float64)
        c = torch.randn(n_hidden, generator=generator, dtype=torch.float64)
        return v, h, W, b, c

    return [case(1, 2, 1), case(4, 3, 2), case(5, 4, 3)]


_energy = Exercise(
    id="2",
    title="The energy of a configuration",
    points=2,
    reference=energy,
    cases=_configurations,
    mistakes={
        "The signs are flipped. All three terms have a minus: a likely configuration has a low energy.": (
            lambda v, h, W, b, c: -energy(v, h, W, b, c)
        ),
        "The coupling v·W·h has the wrong sign: it is subtracted like the two bias terms.": (
            lambda v, h, W, b, c: energy(v, h, -W, b, c)
        ),
        "The coupling v·W·h is missing.": lambda v, h, W, b, c: energy(v, h, 0 * W, b, c),
        "The visible bias term b·v is missing.": lambda v, h, W, b, c: energy(v, h, W, 0 * b, c),
        "The hidden bias term c·h is missing.": lambda v, h, W, b, c: energy(v, h, W, b, 0 * c),
        "Both bias terms are missing.": lambda v, h, W, b, c: energy(v, h, W, 0 * b, 0 * c),
        "The two bias terms have the wrong sign.": lambda v, h, W, b, c: energy(v, h, W, -b, -c),
        "This is exp(−E). The energy itself is asked for.": (
            lambda v, h, W, b, c: torch.exp(-energy(v, h, W, b, c))
        ),
        "You add up the rows. Each row is a configuration of its own: give one energy for each.": (
            lambda v, h, W, b, c: energy(v, h, W, b, c).sum()
        ),
        "You average over the rows. Each row is a configuration of its own: give one energy for each.": (
            lambda v, h, W, b, c: energy(v, h, W, b, c).mean()
        ),
        "You divide by the number of rows. An energy does not depend on how many rows stand beside it.": (
            lambda v, h, W, b, c: energy(v, h, W, b, c) / len(v)
        ),
        "v @ W @ h.T pairs every row of v with every row of h. Take (v @ W) * h and sum along the row.": (
            lambda v, h, W, b, c: -(v @ b) - (h @ c) - v @ W @ h.T
        ),
        "You sum the coupling over all rows at once. Sum along each row: .sum(-1).": (
            lambda v, h, W, b, c: -(v @ b) - (h @ c) - ((v @ W) * h).sum()
        ),
    },
)


# ---- 3: a bias from ratings with gaps ------------------------------------------------------------------


def like_bias(likes, observed):
    """log(p / (1 − p)), where p is each film's share of likes among the people who rated it."""
    p = likes.sum(0) / observed.sum(0)
    return torch.log(p / (1 - p))


def _ratings_with_gaps():
    likes = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0.0]], dtype=torch.float64)
    observed = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 0]]).bool()
    generator = torch.Generator().manual_seed(3)
    many = torch.rand(40, 4, generator=generator, dtype=torch.float64) < 0.6
    seen = torch.rand(40, 4, generator=generator, dtype=torch.float64) < 0.4
    return [(likes, observed), ((many & seen).double(), seen)]


def _log_odds(p):
    return torch.log(p / (1 - p))


_bias = Exercise(
    id="3",
    title="A bias from ratings with gaps",
    points=2,
    reference=like_bias,
    cases=_ratings_with_gaps,
    mistakes={
        "You count every missing rating as a dislike. Divide by the number of people who rated the film.": (
            lambda likes, observed: _log_odds(likes.mean(0))
        ),
        "This is the share of likes itself. The bias is its log-odds, log(p / (1 − p)).": (
            lambda likes, observed: likes.sum(0) / observed.sum(0)
        ),
        "You take the sigmoid of the share. The share is already a probability: the bias is what the sigmoid "
        "turns into it, log(p / (1 − p)).": (
            lambda likes, observed: torch.sigmoid(likes.sum(0) / observed.sum(0))
        ),
        "This is log p. The bias is log(p / (1 − p)): at p = 1/2 it is 0.": (
            lambda likes, observed: torch.log(likes.sum(0) / observed.sum(0))
        ),
        "The sign is flipped: a film that most people like has a positive bias.": (
            lambda likes, observed: -like_bias(likes, observed)
        ),
        "This is p / (1 − p), the odds. Take the logarithm.": (
            lambda likes, observed: torch.exp(like_bias(likes, observed))
        ),
        "This uses how often a film was rated, not how often it was liked by those who rated it.": (
            lambda likes, observed: _log_odds(observed.double().mean(0))
        ),
        "One share for all films together: give each film its own.": (
            lambda likes, observed: _log_odds(likes.sum() / observed.sum())
        ),
        "This has one value per person. Sum over the people, the first axis: one value per film.": (
            lambda likes, observed: _log_odds(likes.sum(1) / observed.sum(1))
        ),
        "This is the logarithm to base 10. The course uses the natural one.": (
            lambda likes, observed: torch.log10(torch.exp(like_bias(likes, observed)))
        ),
    },
)


EXERCISES = {exercise.id: exercise for exercise in (_missing, _energy, _bias)}
