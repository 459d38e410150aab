"""Exercises of lesson 04: rows of a merge, a scale, an archetype, units and archetypes."""

from collections import Counter
from dataclasses import dataclass
from math import prod  # noqa: F401, for the slips

import numpy as np
import torch
from torch import Tensor

from rbm_lib.course import exercise
from rbm_lib.course.slips import normal, switches
from rbm_lib.data.listeners import Archetype
from rbm_lib.data.listeners.conditions import Range
from rbm_lib.data.spotify import FEATURES

KEYS = [
    ({"Hello": 3, "One": 1, "Heaven": 4}, {"Hello": 2, "Two": 5}),
    ({"a": 1, "b": 2, "c": 1, "d": 2}, {"b": 1, "d": 3, "e": 1, "a": 1}),
    ({"x": 2, "y": 1}, {"z": 3, "w": 2}),
    (Counter({(1, "p"): 2, (2, "q"): 6}), Counter({(2, "q"): 4, (3, "r"): 7})),
]


@exercise("1", "Rows of a merge", 2, KEYS)
def merged_rows(left, right):
    return sum(n * right.get(key, 0) for key, n in left.items())


merged_rows.slips("""
    A key that occurs a times on the left and b times on the right gives a × b rows.
        n * right.get(key, 0) → min(n, right.get(key, 0))
        n * right.get(key, 0) → n + right.get(key, 0)
        n * right.get(key, 0) → (key in right) * (n + right.get(key, 0))
    This is the first key only. Return after the loop.
        sum( → next(
    You multiply the keys with one another. Add them up.
        sum( → prod( | get(key, 0) → get(key, 1)
    You count the rows on one side that find a partner. Each gives a row per partner.
        n * right.get(key, 0) → n * (key in right)
        n * right.get(key, 0) → right.get(key, 0)
    A key that one side lacks gives no row. Use right.get(key, 0).
        get(key, 0) → get(key, 1)
""")

POPULARITIES = [
    (np.array([0.0, 0.0, 50.0, 100.0]), np.array([0.1, 0.9, 0.5, 0.99])),
    (np.array([3.0, 61.0]), np.array([0.25, 0.875])),
    (np.array([12, 0, 77]), np.array([0.5, 0.5, 0.125])),
]


# Single precision has few digits left of 1 − q at the upper end: a wide tolerance.
@exercise("2", "A scale without a spike", 2, POPULARITIES, tolerance=1e-4)
def scale(x, u):
    y = x + u
    q = 0.001 + 0.998 * y / 101
    return np.log(q / (1 - q))


scale.slips("""
    Dequantise first: add u to x, then compute q.
        x + u → x
        x + u → x - u
    The range of y ends at 101, since u comes on top of 100.
        101 → 100
    The share q has two parts: .001, and .998 y/101.
        0.001 + 0.998 * y / 101 → y / 101
        0.001 + →
        0.001 + 0.998 * y → (0.001 + 0.998 * y)
    There are three steps: y = x + u, then q from y, then z from q. Yours leaves one out.
        return x + u
        np.log(q / (1 - q)) → q
    z is the natural logarithm of q/(1 − q). Yours is another function of q.
        np.log →
        np.log → np.log10
        np.log → -np.log
        (1 - q) → (1 + q)
        np.log(q / (1 - q)) → np.log(q) / (1 - q)
""")


@exercise("3", "A thirteenth archetype", 2, [()])
def slow_dancer():
    conditions = Range("tempo", None, 100), Range("danceability", 0.8, None)
    return Archetype("Slow Dancer", 0.05, 40, conditions)


# On the edges of both ranges, inside and outside; the other features are 0 or 1.
SONGS = {name: switches(i, 90).numpy() for i, name in enumerate(FEATURES)}
SONGS["tempo"] = np.resize([60, 99.5, 100, 100.5, 180], 90)
SONGS["danceability"] = np.repeat([0.1, 0.799, 0.8, 0.805, 0.9, 1], 15)


def songs_of(archetype):
    """How many songs the archetype hears, and which of SONGS it likes."""
    if not isinstance(archetype, Archetype):
        raise TypeError(f"an Archetype is expected, got a {type(archetype).__name__}")
    if archetype.share > 1:
        raise ValueError(f"a share is at most 1, such as .05, got {archetype.share:g}")
    liked = np.ones(90, bool)
    for condition in archetype.conditions:
        column = condition.column
        if type(condition) is not Range:
            raise TypeError(
                "use Range, since a DrawnRange differs from listener to listener"
            )
        if column not in SONGS:
            raise ValueError(f"the songs have no column {column!r}")
        low, high = condition.ends
        if low > high:
            text = f"Range({column!r}, low, high)"
            raise ValueError(f"{text} has its low end {low:g} above its high end {high:g}")
        liked &= ~(SONGS[column] < low) & ~(SONGS[column] > high)
    return archetype.n_tracks, liked


slow_dancer.read = songs_of
slow_dancer.parts = ("the number of songs", "the songs that are liked, as 0 or 1")
slow_dancer.slips("""
    At most 100 is the second end of a range, Range('tempo', None, 100), and at least .8 the
    first one, Range('danceability', 0.8).
        None, 100 → 100, None
        0.8, None → None, 0.8
        None, 100 → 100, None | 0.8, None → None, 0.8
    Only one of the two conditions is there. A slow dancer asks for both.
        "tempo", None, 100 → "tempo", 0
        "danceability", 0.8, None → "danceability", 0
    The ends belong to the range: a tempo of 100 and a danceability of .8 are fine.
        100 → 99
        0.8 → 0.801
    A condition is on another column. The two columns are tempo and danceability.
        danceability → energy
    Danceability runs from 0 to 1.
        0.8 → 80
        0.8 → 8
""")


@dataclass
class SmallModel:
    """What the lesson's RBM offers here, with weights to try."""

    W: Tensor
    hidden_bias: Tensor

    def prob_h_given_v(self, v):
        v = torch.as_tensor(v, dtype=self.W.dtype)
        return torch.sigmoid(v @ self.W + self.hidden_bias)


def units_case(seed, kind, n_songs, n_units):
    model = SmallModel(normal(seed, n_songs, n_units), normal(seed + 1, n_units))
    return model, switches(seed + 2, len(kind), n_songs), torch.tensor(kind)


UNITS = [
    units_case(0, [2, 0, 1, 1, 0, 2, 2, 1, 0, 2, 2], 5, 4),
    units_case(10, [1, 1, 0, 1, 0, 1], 4, 3),
    units_case(20, [0, 1, 2, 3, 3, 2, 1, 1], 6, 2),
]


@exercise("4", "Units and archetypes", 2, UNITS)
def unit_table(model, rows, kind):
    p = model.prob_h_given_v(rows)
    columns = [p[kind == k].mean(0) for k in range(int(kind.max()) + 1)]
    return torch.stack(columns, dim=1)


unit_table.slips("""
    Rows are units, columns archetypes: torch.stack(columns, dim=1), not reshape.
        dim=1 → dim=0
        columns, dim=1) → columns).reshape(p.shape[1], -1)
    Average over the listeners of an archetype, and nothing else: p[kind == k].mean(0).
        mean(0) → sum(0)
        mean(0) → sum(0) / len(rows)
        mean(0) → mean() | dim=1 → dim=0
        [kind == k] →
        return model.prob_h_given_v(rows).T
    Average the probabilities themselves, not the inputs v @ W + c or the rounded ones.
        (rows) → (rows).logit()
        (rows) → (rows).logit() | dim=1) → dim=1).sigmoid()
        (rows) → (rows).round()
    The hidden bias is missing. model.prob_h_given_v adds it for you.
        model.prob_h_given_v(rows) → torch.sigmoid(rows @ model.W)
        model.prob_h_given_v(rows) → rows @ model.W
    There are kind.max() + 1 archetypes, counted from 0. They need not be twelve.
        int(kind.max()) + 1 → 12
        int(kind.max()) + 1 → int(kind.max())
""")
