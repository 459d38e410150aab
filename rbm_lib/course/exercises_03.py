"""Exercises of lesson 03: out-of-fold rates, first Flow tracks, permutation importance, a second machine."""

import numpy as np
import torch

from rbm_lib.course.exercises import Exercise

# ---- 2: each listener's first Flow track ----------------------------------------------------------------


def _earliest(user, key, eligible):
    """True at each user's eligible row with the smallest key."""
    rows = np.flatnonzero(eligible)
    rows = rows[np.argsort(key[rows])]
    first = np.zeros(len(user), dtype=bool)
    first[rows[np.unique(user[rows], return_index=True)[1]]] = True
    return first


def _first_flow(user, time, is_flow, cut):
    return _earliest(user, time, is_flow & (time >= cut))


def _row_order(user):
    return np.arange(len(user))


def _row_numbers(first, key):
    rows = np.flatnonzero(first)
    return rows[np.argsort(key[rows], kind="stable")]


def _listens():
    cases = [
        (
            np.array([7, 7, 3, 3, 7, 3, 7, 9, 9, 3]),
            np.array([50, 40, 60, 10, 30, 40, 70, 80, 20, 50]),
            np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 1], dtype=bool),
            40,
        )
    ]
    for seed, users, n in ((0, [2, 5, 11, 40], 30), (1, [1, 3, 4, 8, 9, 20, 21], 60)):
        rng = np.random.default_rng(seed)
        places = rng.permutation(len(users) * 14)[:n]  # 14 seconds; a user is at most once in each
        start = 1_478_000_000
        cases.append(
            (np.array(users)[places // 14], start + places % 14, rng.random(n) < 0.5, start + 4 + seed)
        )
    return cases


FIRST_FLOW = Exercise(
    id="2",
    title="Each listener's first Flow track",
    points=2,
    reference=_first_flow,
    cases=_listens,
    mistakes={
        "The first in row order is marked; the rows come in any order, and the earliest is asked for.": (
            lambda u, t, flow, cut: _earliest(u, _row_order(u), flow & (t >= cut))
        ),
        "The first row of any kind is marked: only Flow tracks count.": (
            lambda u, t, flow, cut: _earliest(u, t, t >= cut)
        ),
        "Someone may hear other things first: the Flow track that follows is still the first Flow track.": (
            lambda u, t, flow, cut: _earliest(u, t, t >= cut) & flow
        ),
        "The last Flow track is marked, not the first.": (
            lambda u, t, flow, cut: _earliest(u, -t, flow & (t >= cut))
        ),
        "The cut plays no part: what was heard before it is known.": (
            lambda u, t, flow, cut: _earliest(u, t, flow)
        ),
        "A track heard at the cut itself counts too.": (
            lambda u, t, flow, cut: _earliest(u, t, flow & (t > cut))
        ),
        "The side is wrong: tracks from the cut on are asked for, not those before it.": (
            lambda u, t, flow, cut: _earliest(u, t, flow & (t < cut))
        ),
        "One row in all is marked; every listener has a first Flow track of their own.": (
            lambda u, t, flow, cut: _earliest(np.zeros_like(u), t, flow & (t >= cut))
        ),
        "Whoever opened Flow before the cut is left out here: they too have a first Flow track after it.": (
            lambda u, t, flow, cut: _earliest(u, t, flow) & (t >= cut)
        ),
        "Every Flow track after the cut is marked; the first of each listener is asked for.": (
            lambda u, t, flow, cut: flow & (t >= cut)
        ),
        "Two listeners may hear something in the same second: the time alone does not tell whose it is.": (
            lambda u, t, flow, cut: np.isin(t, t[_first_flow(u, t, flow, cut)])
        ),
        "This is in the order of time; answer in the order in which the rows came.": (
            lambda u, t, flow, cut: _first_flow(u, t, flow, cut)[np.argsort(t, kind="stable")],
            lambda u, t, flow, cut: _first_flow(u, t, flow, cut)[np.argsort(t)],  # may move equal times
        ),
        "This is in the order of listener and time; answer in the order in which the rows came.": (
            lambda u, t, flow, cut: _first_flow(u, t, flow, cut)[np.lexsort((t, u))]
        ),
        "These are row numbers; True or False for every row is asked for.": (
            lambda u, t, flow, cut: np.flatnonzero(_first_flow(u, t, flow, cut))
        ),
        "These are row numbers, listener by listener; True or False for every row is asked for.": (
            lambda u, t, flow, cut: _row_numbers(_first_flow(u, t, flow, cut), u)
        ),
        "These are row numbers, in the order of time; True or False for every row is asked for.": (
            lambda u, t, flow, cut: _row_numbers(_first_flow(u, t, flow, cut), t)
        ),
    },
)

# ---- 1: a rate that has not seen its own row ------------------------------------------------------------


def _others(fold):
    """(n, n): row i may hear row j where the folds differ."""
    return fold[:, None] != fold


def _own(fold):
    return fold[:, None] == fold


def _all_rows(fold):
    return np.ones((len(fold), len(fold)), dtype=bool)


def _all_but_one(fold):
    return ~np.eye(len(fold), dtype=bool)


def _mean(label, fold, heard=_others):
    return heard(fold) @ label / heard(fold).sum(1)


def _rate(category, label, fold, m, sums=_others, counts=_others, prior=None):
    same = category[:, None] == category
    prior = _mean(label, fold) if prior is None else prior
    return ((same & sums(fold)) @ label + m * prior) / ((same & counts(fold)).sum(1) + m)


def _heard_from(heard):
    """The whole rate, prior included, from the rows that ``heard`` lets through."""
    return lambda category, label, fold, m: _rate(
        category, label, fold, m, heard, heard, _mean(label, fold, heard)
    )


def _bare_rate(category, label, fold, m):
    """Not smoothed; the prior only for a category that the other folds do not know."""
    rate = _rate(category, label, fold, 0)
    return np.where(np.isnan(rate), _mean(label, fold), rate)


def _gaps_where_new(category, label, fold, m):
    known = ((category[:, None] == category) & _others(fold)).any(1)
    return np.where(known, _rate(category, label, fold, m), np.nan)


def _encodings():
    cases = []
    for seed, n, folds, m in ((0, 12, [0, 1], 2.0), (1, 40, [1, 2, 3], 5), (2, 60, [0, 1, 2, 3, 4], 0.5)):
        rng = np.random.default_rng(seed)
        category = rng.choice([0, 7, 10, 25, 27], size=n, p=[0.4, 0.3, 0.15, 0.1, 0.05])
        category[0] = 99  # heard once: the other folds do not know it
        label = (rng.random(n) < 0.35 + 0.4 * (category == 0)).astype(int)
        cases.append((category, label, rng.choice(folds, size=n), m))
    return cases


OUT_OF_FOLD_RATE = Exercise(
    id="1",
    title="A rate that has not seen its own row",
    points=2,
    reference=_rate,
    cases=_encodings,
    mistakes={
        "Every row is in its own rate: the rows of its own fold must not take part.": (
            lambda c, y, f, m: _rate(c, y, f, m, _all_rows, _all_rows)
        ),
        "Every row is in its own rate, and in its prior: its own fold must not take part in either.": (
            _heard_from(_all_rows)
        ),
        "Only the row itself is left out; the rest of its fold still takes part.": _heard_from(_all_but_one),
        "This is the rate within the row's own fold: the other folds are asked for.": _heard_from(_own),
        "This is the plain rate; a category with few rows is drawn towards p by m.": _bare_rate,
        "This is the plain rate, and a category that the other folds do not know has none: smooth it by m.": (
            lambda c, y, f, m: _rate(c, y, f, 0)
        ),
        "Some rates are missing (NaN): the other folds do not know the category; with n = 0, (1) gives p.": (
            _gaps_where_new
        ),
        "These are whole numbers: an array made like label holds integers; make it one of floats.": (
            lambda c, y, f, m: np.trunc(_rate(c, y, f, m))
        ),
        "The prior has seen the row: p is a mean over the other folds, too.": (
            lambda c, y, f, m: _rate(c, y, f, m, prior=y.mean())
        ),
        "The counts are of all rows, the sums of the other folds only: both belong to the same rows.": (
            lambda c, y, f, m: _rate(c, y, f, m, counts=_all_rows)
        ),
        "The prior is one half here; p is the mean label of the other folds.": (
            lambda c, y, f, m: _rate(c, y, f, m, prior=0.5)
        ),
        "This draws small categories towards 0: the sum is smoothed as well as the count.": (
            lambda c, y, f, m: _rate(c, y, f, m, prior=0.0)
        ),
    },
)

# ---- 3: permutation importance --------------------------------------------------------------------------


def _with_column(X, column, values):
    changed = X.copy()
    changed[:, column] = values
    return changed


def _importance(score, X, y, column, order):
    return score(X, y) - score(_with_column(X, column, X[order, column]), y)


def _importance_in_place(score, X, y, column, order):
    before = score(X, y)
    X[:, column] = X[order, column]
    return before - score(X, y)


def _relative(score, X, y, column, order):
    return _importance(score, X, y, column, order) / score(X, y)


def _log_likelihood(weights):
    def score(X, y):
        sign = 2 * np.asarray(y) - 1
        return -np.logaddexp(0, -sign * (np.asarray(X) @ weights)).mean()

    return score


def _accuracy(weights):
    return lambda X, y: ((np.asarray(X) @ weights > 0) == np.asarray(y)).mean()


def _columns():
    """The columns of one table in turn, so that an answer that changes the table fails at the second."""
    cases = []
    for seed, n, d, make in ((0, 40, 3, _log_likelihood), (6, 60, 4, _accuracy)):
        rng = np.random.default_rng(seed)
        X, weights = rng.standard_normal((n, d)) + 0.5, rng.permutation(np.arange(d) + 1.0)
        y = (rng.random(n) < 1 / (1 + np.exp(-X @ weights))).astype(int)
        cases += [(make(weights), X, y, column, rng.permutation(n)) for column in range(d)]
    return cases


IMPORTANCE = Exercise(
    id="3",
    title="Permutation importance",
    points=2,
    reference=_importance,
    cases=_columns,
    tolerance=1e-5,  # a table kept in float32 moves the scores a little
    mistakes={
        "The sign is reversed: where permuting costs score, the importance is positive.": (
            lambda score, X, y, column, order: -_importance(score, X, y, column, order)
        ),
        "The label is permuted; that breaks the tie with every column at once.": (
            lambda score, X, y, column, order: score(X, y) - score(X, y[order])
        ),
        "All columns are permuted; only the given one loses its place.": (
            lambda score, X, y, column, order: score(X, y) - score(X[order], y)
        ),
        "After the call X itself has changed, so that the importance of the next column is wrong.": (
            _importance_in_place
        ),
        "Both scores come out the same: either the table scored first is the changed one too (a second "
        "name is no copy), or the label moved along with the column.": (
            lambda score, X, y, column, order: 0.0
        ),
        "This is the inverse permutation: row i gets what stood in row order[i].": (
            lambda score, X, y, column, order: _importance(score, X, y, column, np.argsort(order))
        ),
        "This is the drop as a share of the score; the drop itself is asked for.": _relative,
        "The column is set to its mean; permuted it keeps its distribution and loses only its tie to the "
        "row.": (
            lambda score, X, y, column, order: (
                score(X, y) - score(_with_column(X, column, X[:, column].mean()), y)
            )
        ),
        "This is the score of the permuted table; the drop from the untouched one is asked for.": (
            lambda score, X, y, column, order: score(_with_column(X, column, X[order, column]), y)
        ),
    },
)

# ---- 4: the second machine, at the start ----------------------------------------------------------------


def _second_machine(W, b, c):
    return W.T, c, b


def _machines():
    cases = []
    for seed, shape in ((0, (5, 4)), (1, (3, 4)), (2, (6, 2))):  # never square: a W left as it is shows
        g = torch.Generator().manual_seed(seed)
        sizes = shape, shape[:1], shape[1:]
        cases.append(tuple(torch.randn(*size, generator=g, dtype=torch.float64) for size in sizes))
    return cases


SECOND_MACHINE = Exercise(
    id="4",
    title="The second machine, at the start",
    points=2,
    reference=_second_machine,
    cases=_machines,
    mistakes={
        "This is the first machine again; in the second one the two layers change places.": (
            lambda W, b, c: (W, b, c)
        ),
        "The weights still lead from v to h: a row of the second W belongs to one of its visible units.": (
            lambda W, b, c: (W, c, b)
        ),
        "The biases did not change places: each stays with its units, whichever layer these are now.": (
            lambda W, b, c: (W.T, b, c)
        ),
        "Both biases are zero: the weights are right, but h gets another probability.": (
            lambda W, b, c: (W.T, 0 * c, 0 * b)
        ),
        "The hidden biases are zero: what biased v in the first machine is missing.": (
            lambda W, b, c: (W.T, c, 0 * b)
        ),
        "The visible biases are zero: what biased h in the first machine is missing.": (
            lambda W, b, c: (W.T, 0 * c, b)
        ),
        "The weights have the opposite sign: what attracted now repels.": lambda W, b, c: (-W.T, c, b),
        "The weights are zero: then the units of h are independent; in the first machine they are not.": (
            lambda W, b, c: (0 * W.T, c, b)
        ),
    },
)

EXERCISES = {e.id: e for e in (OUT_OF_FOLD_RATE, FIRST_FLOW, IMPORTANCE, SECOND_MACHINE)}
