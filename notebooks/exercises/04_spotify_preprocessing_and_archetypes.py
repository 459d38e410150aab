"""Exercises of lesson 04: rows of a merge, a scale, an archetype, units and archetypes."""

from collections import Counter
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from rbm_lib.course import exercise
from rbm_lib.course.edge_songs import edge_songs
from rbm_lib.data.listeners import Archetype, simulate_listeners
from rbm_lib.data.listeners.conditions import Range
from rbm_lib.data.spotify import FEATURES

KEYS = [
    ({"Hello": 3, "One": 1, "Heaven": 4}, {"Hello": 2, "Two": 5}),
    ({"a": 1, "b": 2, "c": 1, "d": 2}, {"b": 1, "d": 3, "e": 1, "a": 1}),
    ({"x": 2, "y": 1}, {"z": 3, "w": 2}),
    (Counter({(1, "p"): 2, (2, "q"): 6}), Counter({(2, "q"): 4, (3, "r"): 7})),
]


def pairs(left, right, rows=lambda a, b: a * b):
    return sum(rows(n, right[key]) for key, n in left.items() if key in right)


def alone(left, right):
    """Rows of `left` whose key `right` does not have."""
    return sum(n for key, n in left.items() if key not in right)


@exercise("1", "Rows of a merge", 2, KEYS)
def merged_rows(left, right):
    return pairs(left, right)


merged_rows.mistakes = {
    "A key that occurs a times on the left and b times on the right gives a × b rows.": (
        *(lambda a, b, f=f: pairs(a, b, f) for f in (min, max, lambda n, m: n + m)),
        lambda a, b: sum([*a.values(), *b.values()]),
        lambda a, b: sum(n + b.get(key, 0) for key, n in a.items()),
    ),
    "This is the first key only. Return after the loop.": (
        lambda a, b: next(n * b.get(key, 0) for key, n in a.items())
    ),
    "You multiply the keys with one another. Add them up.": (
        lambda a, b: prod(n * b.get(key, 1) for key, n in a.items()),
        lambda a, b: prod(n * b[key] for key, n in a.items() if key in b),
    ),
    "You multiply all rows by all rows. Multiply key by key, and add up.": (
        lambda a, b: sum(a.values()) * sum(b.values())
    ),
    "You count the rows on one side that find a partner. Each gives a row per partner.": (
        lambda a, b: pairs(a, b, lambda n, m: n),
        lambda a, b: pairs(a, b, lambda n, m: m),
    ),
    "A key that one side lacks gives no row. Use right.get(key, 0).": (
        lambda a, b: sum(n * b.get(key, 1) for key, n in a.items()),
        lambda a, b: pairs(a, b) + alone(a, b),
        lambda a, b: pairs(a, b) + alone(a, b) + alone(b, a),
    ),
    "Count rows, not keys: the dictionaries say how many rows each key has.": (
        lambda a, b: len(a.keys() & b.keys()),
        lambda a, b: len(a.keys() | b.keys()),
    ),
    "Return the sum over the keys, one number.": (
        lambda a, b: {key: n * b[key] for key, n in a.items() if key in b},
        lambda a, b: [n * b.get(key, 0) for key, n in a.items()],
    ),
}

POPULARITIES = [
    (np.array([0.0, 0.0, 50.0, 100.0]), np.array([0.1, 0.9, 0.5, 0.99])),
    (np.array([3.0, 61.0]), np.array([0.25, 0.875])),
    (np.array([12, 0, 77]), np.array([0.5, 0.5, 0.125])),
]


def q_of(x, u, top=101, inner=0.998):
    return (1 - inner) / 2 + inner * (x + u) / top


def logit(q):
    return np.log(q / (1 - q))


def with_q(q):
    """The scale with another share."""
    return lambda x, u: logit(q(x, u))


def with_z(z):
    """Another function of the right share."""
    return lambda x, u: z(q_of(x, u))


# Single precision has few digits left of 1 − q at the upper end: a wide tolerance.
scale = exercise("2", "A scale without a spike", 2, POPULARITIES, 1e-4)(with_q(q_of))
scale.mistakes = {
    "Dequantise first: add u to x, then compute q.": with_q(lambda x, u: q_of(x, 0)),
    "You subtract u. The sum is y = x + u.": with_q(lambda x, u: q_of(x, -u)),
    "The range of y ends at 101, since u comes on top of 100.": (
        with_q(lambda x, u: q_of(x, u, 100)),
        with_q(lambda x, u: (x + u) / 100),
    ),
    "The share q has two parts: .001, and .998 y/101.": (
        with_q(lambda x, u: (x + u) / 101),
        with_q(lambda x, u: 0.998 * (x + u) / 101),
        with_q(lambda x, u: 0.001 + (x + u) / 101 * 0.999),
        with_q(lambda x, u: (0.001 + 0.998 * (x + u)) / 101),
        with_q(lambda x, u: (0.001 + 0.998) * (x + u) / 101),
    ),
    "This is y = x + u, or an S-shaped function of it. Compute q from y, then z from q.": (
        lambda x, u: x + u,
        lambda x, u: 1 / (1 + np.exp(-x - u)),
        lambda x, u: 1 / (1 + np.exp(-q_of(x, u))),
    ),
    "This is the share q. Take log(q/(1 − q)) of it.": q_of,
    "This is q/(1 − q). Take its logarithm.": with_z(lambda q: q / (1 - q)),
    "Take np.log, not np.log10 or np.log2.": (
        with_z(lambda q: logit(q) / np.log(10)),
        with_z(lambda q: logit(q) / np.log(2)),
    ),
    "z is the logit, log(q/(1 − q)). Yours is another function of q.": (
        *(with_z(z) for z in (np.log, lambda q: np.log(q / (1 + q)), lambda q: -logit(q))),
        with_z(lambda q: np.log(q) / (1 - q)),
        with_z(lambda q: np.log(q) / np.log(1 - q)),
    ),
    "These are two results. Return z only.": lambda x, u: (q_of(x, u), scale(x, u)),
}


CATALOGUES = [edge_songs(0, 112), edge_songs(1, 47)]


def slow(tempo=(None, 100), danceability=(0.8, None), n_tracks=40, other="danceability"):
    """The archetype; None leaves a condition out, and `other` is another column."""
    named = {"tempo": tempo, other: danceability}
    conditions = [Range(column, *ends) for column, ends in named.items() if ends]
    return Archetype("Slow Dancer", 0.05, n_tracks, tuple(conditions))


def variants(**options):
    """Wrong archetypes, one for each value of the option."""
    ((name, values),) = options.items()
    return tuple(lambda value=value: slow(**{name: value}) for value in values)


@exercise("3", "A thirteenth archetype", 2, [()])
def slow_dancer():
    return slow()


def pools_of(archetype):
    """How many songs the archetype hears, and which are in its pool."""
    if not isinstance(archetype, Archetype):
        raise TypeError(f"an Archetype is expected, got a {type(archetype).__name__}")
    if any(type(condition) is not Range for condition in archetype.conditions):
        raise TypeError("use Range, since a DrawnRange differs from listener to listener")
    if archetype.share > 1:
        raise ValueError(f"a share is at most 1, such as .05, got {archetype.share:g}")
    for condition in archetype.conditions:
        low, high = condition.low, condition.high
        if None not in (low, high) and low > high:
            text = f"Range({condition.column!r}, low, high)"
            raise ValueError(f"{text} has its low end {low:g} above its high end {high:g}")
    one = [simulate_listeners(x, 1, archetypes=[archetype]) for x in CATALOGUES]
    pools = [listener.pool(x)[0] for listener, x in zip(one, CATALOGUES, strict=True)]
    return archetype.n_tracks, *pools


slow_dancer.read = pools_of
slow_dancer.mistakes = {
    "A slow dancer hears 40 songs.": variants(n_tracks=(1, 20, 30, 32, 50, 60, 70, 80)),
    "The tempo is at most 100, the second end of the range: Range('tempo', None, 100).": (
        variants(tempo=[(100, None), (100, 100)])
    ),
    "The danceability is at least .8, the first end: Range('danceability', 0.8).": (
        variants(danceability=[(None, 0.8), (0.8, 0.8)])
    ),
    "Both ranges are the wrong way round.": lambda: slow((100, None), (None, 0.8)),
    "It accepts every danceability, not .8 and more.": variants(danceability=[None]),
    "It accepts every tempo, not only up to 100.": variants(tempo=[None]),
    "The ends belong to the range: a tempo of 100 and a danceability of .8 are fine.": (
        *variants(tempo=[(None, 99.999), (None, 99)]),
        *variants(danceability=[(0.8001, None), (0.81, None)]),
        lambda: slow((None, 99), (0.81, None)),
    ),
    "A condition is on another column. The two columns are tempo and danceability.": (
        variants(other=[f for f in FEATURES if f not in ("tempo", "danceability")])
    ),
    "Danceability runs from 0 to 1.": variants(danceability=[(80, None), (8, None)]),
}


@dataclass
class SmallModel:
    """What the lesson's RBM offers here, with weights to try."""

    W: Tensor
    hidden_bias: Tensor

    def prob_h_given_v(self, v):
        return torch.sigmoid(inputs(self, v))


def inputs(model, rows):
    return torch.as_tensor(rows, dtype=model.W.dtype) @ model.W + model.hidden_bias


def units_case(seed, kind, n_songs, n_units):
    rng = torch.Generator().manual_seed(seed)
    shapes = (n_songs, n_units), (n_units,)
    model = SmallModel(*(torch.randn(*shape, generator=rng) for shape in shapes))
    rows = (torch.rand(len(kind), n_songs, generator=rng) < 0.4).float()
    return model, rows, torch.tensor(kind)


UNITS = [
    units_case(0, [2, 0, 1, 1, 0, 2, 2, 1, 0, 2, 2], 5, 4),
    units_case(1, [1, 1, 0, 1, 0, 1], 4, 3),
    units_case(2, [0, 1, 2, 3, 3, 2, 1, 1], 6, 2),
]


def table_of(numbers=SmallModel.prob_h_given_v, average=lambda x: x.mean(0), n=None, dim=1):
    """The table, with other numbers, another average, or so many columns."""

    def answer(model, rows, kind):
        x = numbers(model, rows)
        kinds = range(n or int(kind.max()) + 1)
        return torch.stack([average(x[kind == k]) for k in kinds], dim=dim)

    return answer


songs_heard = table_of(lambda model, rows: rows)
unit_table = exercise("4", "Units and archetypes", 2, UNITS)(table_of())
unit_table.mistakes = {
    "Rows are units, columns archetypes: torch.stack(columns, dim=1).": table_of(dim=0),
    "Your rows and columns are mixed up. Turn the table with .T, not with reshape.": (
        lambda *case: unit_table(*case).T.reshape(len(case[0].hidden_bias), -1)
    ),
    "Rows need not sum to 1. Do not divide by their sums.": (
        lambda *case: unit_table(*case) / unit_table(*case).sum(1, keepdim=True)
    ),
    "Columns need not sum to 1. Do not divide by their sums.": (
        lambda *case: unit_table(*case) / unit_table(*case).sum(0)
    ),
    "These are sums. Take averages.": table_of(average=lambda x: x.sum(0)),
    "Average over listeners only: mean(0).": table_of(average=lambda x: x.mean(), dim=0),
    "You divide by the number of all listeners. Divide by those of the archetype.": (
        table_of(
            lambda model, rows: model.prob_h_given_v(rows) / len(rows), lambda x: x.sum(0)
        )
    ),
    "Your average comes before the sigmoid. Average the probabilities.": (
        lambda model, rows, kind: model.prob_h_given_v(songs_heard(model, rows, kind).T).T
    ),
    "These are averages of the inputs v @ W + c. Take the probabilities.": (
        table_of(inputs),
        table_of(lambda model, rows: rows @ model.W),
    ),
    "The hidden bias is missing. model.prob_h_given_v adds it for you.": (
        table_of(lambda model, rows: torch.sigmoid(rows @ model.W))
    ),
    "You rounded to on and off. Average the probabilities themselves.": (
        table_of(lambda model, rows: model.prob_h_given_v(rows).round()),
    ),
    "This is the probability that the unit is off.": lambda *case: 1 - unit_table(*case),
    "This has a column for each listener. Average over the listeners of an archetype.": (
        lambda model, rows, kind: model.prob_h_given_v(rows).T,
        lambda model, rows, kind: model.prob_h_given_v(rows),
    ),
    "This averages over all listeners. Use those of one archetype: p[kind == k].": (
        lambda model, rows, kind: model.prob_h_given_v(rows).mean(0),
        table_of(
            lambda model, rows: model.prob_h_given_v(rows).mean(0).expand(len(rows), -1)
        ),
    ),
    "There are kind.max() + 1 archetypes, counted from 0. They need not be twelve.": (
        lambda *case: unit_table(*case)[:, :-1],
        lambda *case: unit_table(*case)[:, 1:],
        lambda *case: table_of(n=int(case[2].max()) + 2)(*case)[:, 1:],
        table_of(n=12),
    ),
    "These are songs, not units. Pass the rows through the model.": songs_heard,
}
