"""Exercises of lesson 03: out-of-fold rates, first Flow tracks, importance, two models."""

import numpy as np
import torch

from rbm_lib.course import exercise


def labelled_rows():
    for seed, n, n_folds, m in ((0, 12, 2, 2.0), (1, 40, 3, 5), (2, 60, 5, 0.5)):
        rng = np.random.default_rng(seed)
        category = rng.choice([0, 7, 10, 25, 27], size=n, p=[0.4, 0.3, 0.15, 0.1, 0.05])
        category[0] = 99  # occurs once, so that the other folds do not know it
        label = (rng.random(n) < 0.35 + 0.4 * (category == 0)).astype(int)
        yield category, label, rng.integers(1, n_folds + 1, size=n), m


def other_folds(fold):
    """(n, n): row i may use the label of row j where the folds differ."""
    return fold[:, None] != fold


def all_rows(fold):
    return np.ones((len(fold), len(fold)), dtype=bool)


def all_but_itself(fold):
    return ~np.eye(len(fold), dtype=bool)


def rate_from(rows, prior_from):
    """The rate from the labels of `rows`, smoothed by the mean label of `prior_from`."""

    def rate(category, label, fold, m):
        prior = prior_from(fold) @ label / prior_from(fold).sum(1)
        same = (category[:, None] == category) & rows(fold)
        return (same @ label + m * prior) / (same.sum(1) + m)

    return rate


@exercise("1", "A rate that has not seen its own row", 2, labelled_rows())
def out_of_fold_rate(category, label, fold, m):
    return rate_from(other_folds, other_folds)(category, label, fold, m)


def rate_with_gaps(category, label, fold, m):
    known = ((category[:, None] == category) & other_folds(fold)).any(1)
    return np.where(known, out_of_fold_rate(category, label, fold, m), np.nan)


out_of_fold_rate.mistakes = {
    "Every row is in its own rate. The rows of its own fold must not take part.": (
        rate_from(all_rows, all_rows),
        rate_from(all_rows, other_folds),
    ),
    "Only the row itself is left out. The rest of its fold must not take part either.": (
        rate_from(all_but_itself, all_but_itself),
        rate_from(all_but_itself, other_folds),
        rate_from(all_but_itself, all_rows),
    ),
    "The prior has seen the row. p is a mean over the other folds, too.": (
        rate_from(other_folds, all_rows)
    ),
    "NaN: the other folds do not know the category. n = 0 in (1) gives p.": rate_with_gaps,
}


def listens():
    user = np.array([7, 7, 3, 3, 7, 3, 7, 9, 9, 3])
    time = np.array([50, 40, 60, 10, 30, 40, 70, 80, 20, 50])
    is_flow = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 1], dtype=bool)
    yield user, time, is_flow, 40

    for seed, users, n in ((0, [2, 5, 11, 40], 30), (1, [1, 3, 4, 8, 9, 20, 21], 60)):
        rng = np.random.default_rng(seed)
        # Of 14 seconds, a user listens to at most one track in each.
        places = rng.permutation(len(users) * 14)[:n]
        user = np.array(users)[places // 14]
        yield user, 1000 + places % 14, rng.random(n) < 0.5, 1004 + seed


def earliest(user, time, eligible):
    """True at each user's eligible row with the smallest time."""
    rows = np.flatnonzero(eligible)
    rows = rows[np.argsort(time[rows])]
    first = np.zeros(len(user), dtype=bool)
    first[rows[np.unique(user[rows], return_index=True)[1]]] = True
    return first


@exercise("2", "Each listener's first Flow track", 2, listens())
def first_flow(user, time, is_flow, cut):
    return earliest(user, time, is_flow & (time >= cut))


first_flow.mistakes = {
    "The first in row order is marked. The earliest is asked for.": (
        lambda u, t, flow, cut: earliest(u, np.arange(len(u)), flow & (t >= cut))
    ),
    "Other things may come first. The Flow track that follows is still the first one.": (
        lambda u, t, flow, cut: earliest(u, t, t >= cut) & flow
    ),
    "You leave out who opened Flow before the cut. They have a first track after it.": (
        lambda u, t, flow, cut: earliest(u, t, flow) & (t >= cut)
    ),
    "Your answer is in sorted order. Give it in the order in which the rows came.": (
        lambda u, t, *rest: first_flow(u, t, *rest)[np.argsort(t, kind="stable")],
        lambda u, t, *rest: first_flow(u, t, *rest)[np.lexsort((t, u))],
    ),
}


def one_table():
    """The columns of one table in turn: if an answer changes it, the second case fails."""
    rng = np.random.default_rng(6)
    weights = [1, 3, 2, 4]
    X = rng.standard_normal((60, 4)) + 0.5
    y = (rng.random(60) < 1 / (1 + np.exp(-X @ weights))).astype(int)

    def score(X, y):
        logits = np.asarray(X) @ weights
        return -np.logaddexp(0, np.where(y, -logits, logits)).mean()

    return [(score, X, y, column, rng.permutation(60)) for column in range(4)]


def with_column(X, column, values):
    changed = X.copy()
    changed[:, column] = values
    return changed


# The tolerance is for tables kept in float32.
@exercise("3", "Permutation importance", 2, one_table(), tolerance=1e-5)
def importance(score, X, y, column, order):
    return score(X, y) - score(with_column(X, column, X[order, column]), y)


def importance_in_place(score, X, y, column, order):
    before = score(X, y)
    X[:, column] = X[order, column]
    return before - score(X, y)


importance.mistakes = {
    "The label is permuted. That breaks the tie with every column at once.": (
        lambda score, X, y, column, order: score(X, y) - score(X, y[order])
    ),
    "X itself has changed: the importance of the next column is off.": importance_in_place,
    "Both scores come out the same: either the table scored first is the changed one too "
    "(a second name is no copy), or the label moved along with the column.": lambda *a: 0.0,
    "The column is set to one value. Permute it: it loses only its tie to the row.": (
        lambda s, X, y, column, _: (
            s(X, y) - s(with_column(X, column, X[:, column].mean()), y)
        ),
        lambda s, X, y, column, _: s(X, y) - s(with_column(X, column, 0), y),
    ),
}


def layers(n, m):
    generator = torch.Generator().manual_seed(n)
    sizes = (n, m), (n,), (m,)
    return [torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


# Never square, so that a W left as it is shows.
@exercise("4", "The second machine, at the start", 2, [layers(5, 4), layers(3, 4)])
def second_model(W, b, c):
    return W.T, c, b


second_model.mistakes = {
    "This is the first machine again.": lambda W, b, c: (W, b, c),
    "The weights still lead from v to h: transpose them.": lambda W, b, c: (W, c, b),
    "The biases did not change places with the layers.": lambda W, b, c: (W.T, b, c),
}
