"""Exercises of lesson 04: rows of a merge, a step, an archetype, units and archetypes."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from rbm_lib.course import exercise
from rbm_lib.data.listeners import Archetype, simulate_listeners
from rbm_lib.data.listeners.conditions import Range
from rbm_lib.data.spotify import FEATURES

KEYS = [
    ({"Hello": 3, "One": 1, "Heaven": 4}, {"Hello": 2, "Two": 5}),
    ({"a": 1, "b": 2, "c": 1, "d": 2}, {"b": 1, "d": 3, "e": 1, "a": 1}),
    ({"x": 2, "y": 1}, {"z": 3, "w": 2}),
    (Counter({(1, "p"): 2, (2, "q"): 6}), Counter({(2, "q"): 4, (3, "r"): 7})),
]


def alone(left, right):
    """Rows of `left` whose key `right` does not have."""
    return sum(n for key, n in left.items() if key not in right)


def inner_rows(left, right, pair=lambda a, b: a * b):
    return sum(pair(n, right[key]) for key, n in left.items() if key in right)


@exercise("1", "Rows of a merge", 2, KEYS)
def merged_rows(left, right):
    inner = inner_rows(left, right)
    return inner, inner + alone(left, right) + alone(right, left)


def merged_with(inner=inner_rows, outer=None):
    """A wrong answer: another inner count, or other rows beside it."""

    def wrong(left, right):
        n = inner(left, right)
        rest = alone(left, right) + alone(right, left)
        return n, n + rest if outer is None else outer(left, right)

    return wrong


def n_rows(keys):
    return sum(keys.values())


def minimum(left, right):
    return inner_rows(left, right, min)


def maximum(left, right):
    return inner_rows(left, right, max)


def added(left, right):
    return inner_rows(left, right, lambda a, b: a + b)


def get_one(left, right):
    return sum(n * right.get(key, 1) for key, n in left.items())


def shared_keys(left, right):
    return len(left.keys() & right.keys())


merged_rows.mistakes = {
    "A key that occurs a times on the left and b times on the right gives a × b rows.": (
        *(merged_with(inner) for inner in (minimum, maximum, added, shared_keys)),
        *(
            merged_with(inner, lambda left, right: merged_rows(left, right)[1])
            for inner in (minimum, maximum, added, shared_keys)
        ),
    ),
    "Count rows, not keys: the dictionaries say how many rows each key has.": (
        merged_with(outer=lambda a, b: len(a.keys() | b.keys())),
        merged_with(shared_keys, lambda a, b: len(a.keys() | b.keys())),
        merged_with(lambda a, b: len(a) * len(b), lambda a, b: len(a) + len(b)),
    ),
    "A key that one side lacks gives no row of the inner merge: right.get(key, 0).": (
        merged_with(get_one, lambda a, b: merged_rows(a, b)[1]),
        merged_with(get_one, lambda a, b: get_one(a, b) + alone(b, a)),
        merged_with(get_one),
    ),
    "The outer merge is not left + right − inner, and not the larger of the two. It has "
    "the rows of the inner merge and the rows without a partner.": (
        merged_with(outer=lambda a, b: n_rows(a) + n_rows(b) - inner_rows(a, b)),
        merged_with(outer=lambda a, b: max(n_rows(a), n_rows(b))),
        merged_with(
            outer=lambda a, b: sum(max(a.get(k, 0), b.get(k, 0)) for k in {**a, **b})
        ),
    ),
    "You count the rows on the left that find a partner. Each gives a row per partner.": (
        merged_with(lambda left, right: inner_rows(left, right, lambda a, b: a)),
    ),
    "The outer merge keeps the rows without a partner of both sides, not of one.": (
        merged_with(outer=lambda a, b: inner_rows(a, b) + alone(a, b)),
        merged_with(outer=lambda a, b: inner_rows(a, b) + alone(b, a)),
    ),
    "A key without a partner keeps all its rows in the outer merge, not one.": (
        merged_with(outer=lambda a, b: inner_rows(a, b) + len(a.keys() ^ b.keys())),
    ),
    "The outer merge has the rows of the inner one, too, not only the lonely ones.": (
        merged_with(outer=lambda a, b: alone(a, b) + alone(b, a)),
    ),
    "These are the rows of both files together. A merge pairs rows of the same key.": (
        merged_with(outer=lambda a, b: n_rows(a) + n_rows(b)),
        lambda a, b: (n_rows(a) + n_rows(b), n_rows(a) + n_rows(b)),
    ),
    "You pair every row with every row. Only rows of the same key are paired.": (
        merged_with(lambda a, b: n_rows(a) * n_rows(b)),
        lambda a, b: (n_rows(a) * n_rows(b), merged_rows(a, b)[1]),
    ),
    "Your first number is the outer merge. Return the inner one first.": (
        lambda left, right: merged_rows(left, right)[::-1]
    ),
    "Return two numbers: the rows of the inner merge, and of the outer one.": (
        inner_rows,
        lambda left, right: merged_rows(left, right)[1],
        lambda left, right: sum(merged_rows(left, right)),
    ),
}

POPULARITIES = [
    (np.array([0.0, 0.0, 50.0, 100.0]), np.array([0.1, 0.9, 0.5, 0.99])),
    (np.array([3.0, 61.0]), np.array([0.25, 0.875])),
    (np.array([12, 0, 77]), np.array([0.5, 0.5, 0.125])),
]


def share(x, u):
    return 0.001 + 0.998 * (x + u) / 101


def logit_and(log_slope):
    def answer(x, u):
        q = share(x, u)
        return np.log(q / (1 - q)), log_slope(q)

    return answer


def log_slope(q):
    return np.log(0.998 / 101) - np.log(q) - np.log(1 - q)


step = exercise("2", "A step and its slope", 3, POPULARITIES)(logit_and(log_slope))
step.mistakes = {
    "Dequantise first: add u to x, then compute q.": lambda x, u: step(x, 0),
    "The chain rule: q itself has the slope .998/101, and you left it out.": (
        logit_and(lambda q: -np.log(q) - np.log(1 - q)),
        logit_and(lambda q: np.log(1 / 101) - np.log(q) - np.log(1 - q)),
        logit_and(lambda q: np.log(0.998) - np.log(q) - np.log(1 - q)),
        logit_and(lambda q: 1 / (q * (1 - q))),
    ),
    "np.gradient compares neighbouring songs. Use the formula, which needs one song.": (
        lambda x, u: (step(x, u)[0], np.log(np.gradient(step(x, u)[0], x + u))),
        lambda x, u: (step(x, u)[0], np.log(np.gradient(step(x, u)[0]))),
    ),
    "z is right, and the second result is the slope. Return its logarithm.": (
        logit_and(lambda q: np.exp(log_slope(q)))
    ),
    "z is right, the log-slope has the wrong sign: it is that of the way back.": (
        logit_and(lambda q: -log_slope(q)),
        logit_and(lambda q: np.exp(-log_slope(q))),
    ),
    "1/(q (1 − q)) becomes −log q − log(1 − q): both are subtracted.": (
        logit_and(lambda q: np.log(0.998 / 101) + np.log(q) + np.log(1 - q)),
        logit_and(lambda q: np.log(0.998 / 101) - np.log(q) + np.log(1 - q)),
        logit_and(lambda q: np.log(0.998 / 101) - np.log(q)),
    ),
    "q is .001 + .998 y / 101. Yours leaves out the .001 and .998, or divides by 100.": (
        lambda x, u: logit_of((x + u) / 101, 1 / 101),
        lambda x, u: logit_of(0.001 + 0.998 * (x + u) / 100, 0.998 / 100),
        lambda x, u: logit_of(0.998 * (x + u) / 101, 0.998 / 101),
    ),
    "z is log(q/(1 − q)). Yours is the other way round, log((1 − q)/q).": (
        lambda x, u: (-step(x, u)[0], step(x, u)[1])
    ),
    "z is the logit, log(q/(1 − q)). Yours is another function of q.": (
        lambda x, u: (1 / (1 + np.exp(-share(x, u))), step(x, u)[1]),
        lambda x, u: (np.log(share(x, u) / (1 + share(x, u))), step(x, u)[1]),
        lambda x, u: (share(x, u), step(x, u)[1]),
        lambda x, u: (share(x, u), np.full(len(x), np.log(0.998 / 101))),
        lambda x, u: (np.exp(step(x, u)[0]), step(x, u)[1]),
        lambda x, u: (np.log(share(x, u)), step(x, u)[1]),
    ),
    "These are logarithms of base 10. np.log is the natural one.": (
        lambda x, u: tuple(part / np.log(10) for part in step(x, u))
    ),
    "The two results are swapped. z comes first.": lambda x, u: step(x, u)[::-1],
    "Return two results: z, and the logarithm of its slope.": (lambda x, u: step(x, u)[0]),
    "Each song has a log-slope of its own. Do not add them up or average them.": (
        lambda x, u: (step(x, u)[0], step(x, u)[1].sum()),
        lambda x, u: (step(x, u)[0], step(x, u)[1].mean()),
    ),
}


def logit_of(q, slope):
    return np.log(q / (1 - q)), np.log(slope) - np.log(q) - np.log(1 - q)


def catalogue(seed, n_pool, n_other=150):
    """Invented songs, `n_pool` of them in the pool, seven of these on an edge or two."""
    rng = np.random.default_rng(seed)
    n = n_pool + n_other
    names = [f"{i:03d}" for i in range(n)]
    tracks = pd.DataFrame({feature: rng.integers(0, 2, n) for feature in FEATURES})
    tracks = tracks.assign(track_uri=names, track_name=names, artist_name="A")
    tracks = tracks.assign(release_year=2000, genres=[["pop"]] * n, artists=[["A"]] * n)

    # 0: in the pool, 1: too fast, 2: too stiff, 3: both.
    fails = np.where(np.arange(n) < n_pool, 0, rng.integers(1, 4, n))
    tracks["tempo"] = rng.integers(60, 100, n) + 80 * (fails % 2)
    tracks["danceability"] = rng.integers(801, 950, n) / 1000 - 0.6 * (fails >= 2)
    tracks.loc[:3, "tempo"] = 100
    tracks.loc[2:6, "danceability"] = 0.8
    return tracks.sample(frac=1, random_state=seed, ignore_index=True)


CATALOGUES = [catalogue(0, 112), catalogue(1, 47)]


def slow(tempo=(None, 100), danceability=(0.8, None), n_tracks=40):
    named = {"tempo": tempo, "danceability": danceability}
    conditions = [Range(column, *ends) for column, ends in named.items() if ends]
    return Archetype("Slow Dancer", 0.05, n_tracks, tuple(conditions))


def slow_by(column):
    """The archetype with another column in the place of the danceability."""
    return Archetype("", 0.05, 40, (Range("tempo", None, 100), Range(column, 0.8)))


@exercise("3", "A thirteenth archetype", 2, [()])
def slow_dancer():
    return slow()


def pools_of(archetype):
    """How many songs the archetype hears, and which are in its pool."""
    if isinstance(archetype, type) or not isinstance(archetype, Archetype):
        what = type(archetype).__name__
        raise TypeError(f"an Archetype is expected, this is of type {what}")
    one = [simulate_listeners(x, 1, archetypes=[archetype]) for x in CATALOGUES]
    pools = [listener.pool(x)[0] for listener, x in zip(one, CATALOGUES, strict=True)]
    return archetype.n_tracks, *pools


slow_dancer.read = pools_of
slow_dancer.mistakes = {
    "A slow dancer hears 40 songs: n_tracks=40.": tuple(
        lambda n=n: slow(n_tracks=n) for n in (1, 20, 30, 32, 50, 60, 70, 80, 100)
    ),
    "The tempo is at most 100, the second end of the range: Range('tempo', None, 100).": (
        lambda: slow(tempo=(100, None)),
        lambda: slow(tempo=(100, 100)),
    ),
    "The danceability is at least .8, the first end: Range('danceability', 0.8).": (
        lambda: slow(danceability=(None, 0.8)),
        lambda: slow(danceability=(0.8, 0.8)),
    ),
    "Both ranges are the wrong way round. A Range has its low end first.": (
        lambda: slow((100, None), (None, 0.8)),
    ),
    "Your archetype accepts every danceability. It is at least .8.": lambda: slow(
        danceability=None
    ),
    "Your archetype accepts every tempo. It is at most 100.": lambda: slow(tempo=None),
    "The ends belong to the range: a tempo of 100 and a danceability of .8 are fine.": (
        lambda: slow(tempo=(None, 99.999)),
        lambda: slow(tempo=(None, 99)),
        lambda: slow(danceability=(0.8001, None)),
        lambda: slow(danceability=(0.81, None)),
        lambda: slow((None, 99), (0.81, None)),
    ),
    "A condition is on another column. The two columns are tempo and danceability.": tuple(
        lambda f=f: slow_by(f) for f in FEATURES if f not in ("tempo", "danceability")
    ),
    "Danceability runs from 0 to 1. Write .8, not 80 or 8.": (
        lambda: slow(danceability=(80, None)),
        lambda: slow(danceability=(8, None)),
    ),
}


@dataclass
class SmallModel:
    """What the lesson's RBM offers here, with weights to try."""

    W: Tensor
    hidden_bias: Tensor
    visible_bias: Tensor

    def prob_h_given_v(self, v):
        return torch.sigmoid(inputs(self, v))


def inputs(model, rows):
    return torch.as_tensor(rows, dtype=model.W.dtype) @ model.W + model.hidden_bias


def units_case(seed, kind, n_songs, n_units):
    rng = torch.Generator().manual_seed(seed)
    shapes = (n_songs, n_units), (n_units,), (n_songs,)
    model = SmallModel(*(torch.randn(*shape, generator=rng) for shape in shapes))
    rows = (torch.rand(len(kind), n_songs, generator=rng) < 0.4).float()
    return model, rows, torch.tensor(kind)


UNITS = [
    units_case(0, [2, 0, 1, 1, 0, 2, 2, 1, 0, 2, 2], 5, 4),
    units_case(1, [1, 1, 0, 1, 0, 1], 4, 3),
    units_case(2, [0, 1, 2, 3, 3, 2, 1, 1], 6, 2),
]


def averaged(p, kind, average=lambda x: x.mean(0)):
    columns = [average(p[kind == k]) for k in range(int(kind.max()) + 1)]
    return torch.stack(columns, dim=1)


@exercise("4", "Units and archetypes", 2, UNITS)
def unit_table(model, rows, kind):
    return averaged(model.prob_h_given_v(rows), kind)


def table_of(change, average=lambda x: x.mean(0)):
    return lambda model, rows, kind: averaged(change(model, rows), kind, average)


def mean_rows(rows, kind):
    return torch.stack([rows[kind == k].mean(0) for k in range(int(kind.max()) + 1)])


def probabilities(model, rows):
    return model.prob_h_given_v(rows)


unit_table.mistakes = {
    "The table is turned. Each hidden unit has a row, and each archetype a column.": (
        lambda *case: unit_table(*case).T
    ),
    "These are sums. Take the average over the listeners of each archetype.": (
        table_of(probabilities, lambda x: x.sum(0))
    ),
    "You divide by the number of all listeners. Divide by those of the archetype.": (
        lambda model, rows, kind: averaged(
            model.prob_h_given_v(rows) / len(rows), kind, lambda x: x.sum(0)
        )
    ),
    "Your average comes before the sigmoid. Average the probabilities.": (
        lambda model, rows, kind: model.prob_h_given_v(mean_rows(rows, kind)).T
    ),
    "These are averages of the inputs v @ W + c. Take the probabilities.": (
        table_of(inputs),
        table_of(lambda model, rows: rows @ model.W),
    ),
    "The hidden bias is missing. model.prob_h_given_v adds it for you.": (
        table_of(lambda model, rows: torch.sigmoid(rows @ model.W)),
    ),
    "You rounded to on and off. Average the probabilities themselves.": (
        table_of(lambda model, rows: (model.prob_h_given_v(rows) > 0.5).float()),
        lambda *case: (unit_table(*case) > 0.5).float(),
        lambda *case: unit_table(*case).round(),
    ),
    "This is the probability that the unit is off.": lambda *case: 1 - unit_table(*case),
    "This has a column for each listener. Average over the listeners of an archetype.": (
        lambda model, rows, kind: model.prob_h_given_v(rows).T,
        lambda model, rows, kind: model.prob_h_given_v(rows),
    ),
    "This averages over all listeners. Use those of one archetype: p[kind == k].": (
        lambda model, rows, kind: model.prob_h_given_v(rows).mean(0),
        lambda model, rows, kind: (
            model.prob_h_given_v(rows).mean(0)[:, None].expand(-1, int(kind.max()) + 1)
        ),
    ),
    "The average runs over the units. Use .mean(0), over the listeners.": (
        lambda model, rows, kind: torch.stack(
            [
                model.prob_h_given_v(rows)[kind == k].mean()
                for k in range(int(kind.max()) + 1)
            ]
        ),
    ),
    "The last archetype is missing. There are kind.max() + 1 of them, from 0.": (
        lambda *case: unit_table(*case)[:, :-1]
    ),
    "There are kind.max() + 1 archetypes, which need not be twelve.": (
        lambda model, rows, kind: torch.stack(
            [model.prob_h_given_v(rows)[kind == k].mean(0) for k in range(12)], dim=1
        ),
    ),
    "The first archetype is missing. They count from 0.": (
        lambda *case: unit_table(*case)[:, 1:]
    ),
    "You averaged the songs the listeners heard. Pass the rows through the model.": (
        lambda model, rows, kind: mean_rows(rows, kind).T,
        lambda model, rows, kind: mean_rows(rows, kind),
    ),
    "These are standard deviations or medians. Take the mean.": (
        table_of(probabilities, lambda x: x.median(0).values),
        table_of(probabilities, lambda x: x.std(0)),
        table_of(probabilities, lambda x: x.max(0).values),
    ),
}
