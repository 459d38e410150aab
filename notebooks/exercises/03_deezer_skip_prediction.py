"""Exercises of lesson 03: out-of-fold rates, the last few days, a stack of RBMs."""

import numpy as np
import pandas as pd
import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import uniform


def labelled_rows():
    for seed, n, n_folds, m in ((0, 12, 2, 2.0), (1, 40, 3, 5), (2, 60, 5, 0.5)):
        rng = np.random.default_rng(seed)
        category = rng.choice([0, 7, 10, 25, 27], size=n, p=[0.4, 0.3, 0.15, 0.1, 0.05])
        category[0] = 99  # occurs once, so that the other folds do not know it
        label = (rng.random(n) < 0.35 + 0.4 * (category == 0)).astype(int)
        yield category, label, rng.integers(1, n_folds + 1, size=n), m


@exercise("1", "A rate that has not seen its own row", 3, labelled_rows())
def out_of_fold_rate(category, label, fold, m):
    rate = np.empty(len(label))
    for held in np.unique(fold):
        here, rest = fold == held, fold != held
        p = label[rest].mean()
        found = pd.Series(label[rest]).groupby(category[rest]).agg(["sum", "count"])
        found = found.reindex(category[here], fill_value=0)
        s, n = found["sum"], found["count"]
        rate[here] = (s + m * p) / (n + m)
    return rate


def rows_as_in_the_lesson(n):
    rng = np.random.default_rng(3)
    return rng.integers(0, n // 2, n), rng.integers(0, 2, n), rng.integers(0, 5, n), 20


# The lesson calls this with 180,000 rows.
out_of_fold_rate.scale = rows_as_in_the_lesson(1_000), rows_as_in_the_lesson(40_000)


def rate_without_own_row(category, label, m, prior=None):
    others = ~np.eye(len(label), dtype=bool)
    same = others & (category[:, None] == category)
    p = others @ label / others.sum(1) if prior is None else prior
    return (same @ label + m * p) / (same.sum(1) + m)


# Of exercises 1 and 2.
SMOOTHING = """
    Where there is no listen to count, n = 0, and (1) gives p. Yours gives NaN or 0.
        (s + m * p) / (n + m) → s / n
        (s + m * p) / (n + m) → np.where(n > 0, (s + m * p) / (n + m), np.nan)
        (s + m * p) / (n + m) → np.where(n > 0, (s + m * p) / (n + m), 0.0)
    A part of (1) is missing: add m times p to the sum of the labels, and m to n.
        (n + m) → n
        (s + m * p) → s
        m * p → m
        (s + m * p) / (n + m) → s / np.maximum(n, 1e-9) + p * (n == 0)
    Compare with (1), brackets included: (s + m p) / (n + m), with the sum s, not the mean.
        (s + m * p) → s + m * p
        (s + m * p) → (s / np.maximum(n, 1) + m * p)
        (s + m * p) / (n + m) → (n + m * p) / (s + m)
    p is the mean of the labels that count here, not .5.
        m * p → m * 0.5
"""

out_of_fold_rate.slips("""
    Every row is in its own rate. The rows of its own fold must not take part.
        fold != held → fold == fold
        fold != held → fold == fold | label[rest].mean() → label[fold != held].mean()
    Only the row itself is left out. The rest of its fold must not take part either.
        return rate_without_own_row(category, label, m)
        return rate_without_own_row(category, label, m, label.mean())
    These are the rates within each fold. The other folds are to be used, not the own.
        fold != held → fold == held
    The prior has seen the row. p is a mean over the other folds, too.
        label[rest].mean() → label.mean()
        label[rest].mean() → label[here].mean()
    Yours come fold by fold. Put each at its row's place: rate[here] = …
        return rate → return rate[np.argsort(fold, kind="stable")]
    Fold numbers need not be 0, 1, 2 and so on. Loop over np.unique(fold).
        np.empty → np.zeros | np.unique(fold) → range(len(np.unique(fold)))
        np.empty → np.zeros | np.unique(fold) → range(5)
    fill_value goes into the sum and into n. Both are 0 without any listen.
        fill_value=0 → fill_value=p
        fill_value=0 → fill_value=1
""")
out_of_fold_rate.slips(SMOOTHING)


def recent_listens():
    for seed, n, n_users, k, m in ((3, 90, 6, 4, 5.0), (4, 90, 9, 2, 1), (5, 99, 5, 7, 20)):
        rng = np.random.default_rng(seed)
        user = rng.integers(0, n_users - 1, size=n)  # of the last user nothing is known
        day = rng.integers(0, 21, size=n)
        day += (day == 19) & (seed == 3)  # a day without any listen counts as a day
        day[user == 0] = rng.integers(0, 8, size=(user == 0).sum())  # long ago
        day[rng.permutation(np.flatnonzero(user == 1))[:1]] = 20
        label = (rng.random(n) < 0.3 + 0.5 * (day > 14)).astype(int)
        yield user, day, label, n_users, k, m


@exercise("2", "The last few days", 3, recent_listens())
def recent_rate(user, day, label, n_users, k, m):
    late = day > day.max() - k
    s = np.bincount(user[late], label[late], n_users)
    n = np.bincount(user[late], minlength=n_users)
    p = label[late].mean()
    return (s + m * p) / (n + m)


def last_day_of_each(user, day):
    return pd.Series(day).groupby(user).transform("max").to_numpy()


recent_rate.slips("""
    One day too many: take days above max − k.
        day > day.max() → day >= day.max()
    These are other days than the last k of all. Take days above max − k.
        day > day.max() - k → day <= day.max() - k
        day > day.max() - k → day < day.min() + k
        day > day.max() - k → day > k
        day > day.max() - k → np.isin(day, np.unique(day)[-k:])
        day.max() → last_day_of_each(user, day)
        day.max() → last_day_of_each(user, day) | label[late].mean() → label.mean()
    These are the last k rows. The last k days are asked for.
        day > day.max() - k → np.arange(len(day)) >= len(day) - k
    The sum, n and p are those of the last k days. In yours other days take part.
        day > day.max() - k → day == day
        label[late].mean() → label.mean()
        user[late], minlength → user, minlength
        user[late], label[late] → user, label
        user[late], → user, | label[late], → label,
    You count the skipped. A label of 1 means kept.
        (s + m → (n - s + m
    Return a rate per listener, n_users in all. Yours has one per row.
        (s + m * p) / (n + m) → ((s + m * p) / (n + m))[user]
    Some listeners are left out. Give np.bincount minlength=n_users, and
    .reindex(range(n_users), fill_value=0) puts back what groupby leaves out.
        , n_users) → ) | , minlength=n_users →
        (s + m * p) / (n + m) → ((s + m * p) / (n + m))[n > 0]
""")
recent_rate.slips(SMOOTHING)


def pretended_training(v, n_hidden):
    """Parameters that depend on the rows, but not on which of zeros and ones they have."""
    if ((v == 0) | (v == 1)).all():
        v = torch.ones_like(v)
    shape = torch.linspace(-1, 1, n_hidden, dtype=v.dtype)
    mean = v.mean(0)
    spread = torch.cos(3 * torch.arange(v.shape[1], dtype=v.dtype))
    return torch.outer(mean + spread, shape), shape.flip(0) * mean.mean() - 0.3


def stacks():
    for seed, n, sizes in ((0, 5, [4, 3, 2]), (1, 8, [6, 5, 4, 3])):
        yield uniform(seed, n, sizes[0]).double(), sizes[1:], pretended_training


@exercise("4", "A stack of RBMs", 2, stacks())
def stack(v, sizes, train):
    layers = []
    for n_hidden in sizes:
        W, c = train(v, n_hidden)
        layers.append((W, c))
        v = torch.sigmoid(v @ W + c)
    return layers


stack.slips("""
    All your RBMs learn from the rows v. The next one learns from the hidden units.
        v = torch.sigmoid(v @ W + c) → pass
    Pass on the probabilities sigmoid(v @ W + c), not inputs, and not zeros and ones.
        torch.sigmoid(v @ W + c) → v @ W + c
        torch.sigmoid(v @ W + c) → torch.softmax(v @ W + c, 1)
        torch.sigmoid(v @ W + c) → torch.sigmoid(v @ W + c).round()
        torch.sigmoid(v @ W + c) → torch.bernoulli(torch.sigmoid(v @ W + c))
    The hidden biases are missing on the way up: sigmoid(v @ W + c).
        v @ W + c → v @ W
    Append each pair as train returns it: layers.append((W, c)).
        (W, c) → (c, W)
        (W, c) → (W.T, c)
        layers.append((W, c)) → layers += [W, c]
    The first RBM learns from the rows v as they are.
        return stack(torch.sigmoid(v), sizes, train)
    Return the list of all RBMs, one for each number in sizes, the first one first.
        return layers → return layers[::-1]
        return layers → return layers[:2]
        return layers → return layers[:1]
        return layers → return layers[-1]
""")
