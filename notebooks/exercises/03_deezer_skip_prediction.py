"""Exercises of lesson 03: out-of-fold rates, the last few days, a stack of RBMs."""

import numpy as np
import pandas as pd
import torch

from rbm_lib.course import exercise


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
        by_category = pd.Series(label[rest]).groupby(category[rest]).agg(["sum", "count"])
        found = by_category.reindex(category[here], fill_value=0)
        rate[here] = smoothed(found["sum"], found["count"], m, p)
    return rate


def rows_as_in_the_lesson(n):
    rng = np.random.default_rng(3)
    return rng.integers(0, n // 2, n), rng.integers(0, 2, n), rng.integers(0, 5, n), 20


# The lesson calls this with 180,000 rows.
out_of_fold_rate.scale = rows_as_in_the_lesson(1_000), rows_as_in_the_lesson(40_000)


def other_folds(fold):
    """(n, n): row i may use the label of row j where the folds differ."""
    return fold[:, None] != fold


def all_rows(fold):
    return all_but_itself(fold) | True


def own_fold(fold):
    return ~other_folds(fold)


def all_but_itself(fold):
    return ~np.eye(len(fold), dtype=bool)


def smoothed(s, n, m, p):
    return (s + m * p) / (n + m)


def rate_from(rows, prior_from, formula=smoothed):
    def rate(category, label, fold, m):
        prior = prior_from(fold) @ label / prior_from(fold).sum(1)
        same = (category[:, None] == category) & rows(fold)
        return formula(same @ label, same.sum(1), m, prior)

    return rate


# Of both exercises: what they do with the sum s, the count n, m and p.
FORMULAS = {
    "NaN: there may be no listens to count. n = 0 in (1) gives p.": (
        lambda s, n, m, p: s / n,
        lambda s, n, m, p: np.where(n > 0, smoothed(s, n, m, p), np.nan),
        lambda s, n, m, p: (s / n + m * p) / (n + m),
    ),
    "m is missing below. (1) divides by n + m.": (lambda s, n, m, p: (s + m * p) / n,),
    "The rates are not smoothed. Add m times p to the sum, and m to n.": (
        lambda s, n, m, p: smoothed(s, n, 1e-9, p),
    ),
    "You add m p to the mean. (1) adds it to the sum of the labels.": (
        lambda s, n, m, p: (s / np.maximum(n, 1) + m * p) / (n + m),
    ),
    "m p is missing above. (1) adds it to the sum.": (lambda s, n, m, p: s / (n + m),),
    "You add m to the sum. (1) adds m times p.": (lambda s, n, m, p: (s + m) / (n + m),),
    "Mind the brackets: (sum + m p) / (n + m).": (lambda s, n, m, p: s + m * p / (n + m),),
    "The sum and n have changed places.": (lambda s, n, m, p: smoothed(n, s, m, p),),
    "p is the mean of the labels that count here, not .5.": (
        lambda s, n, m, p: smoothed(s, n, m, 0.5),
    ),
    "Without any listen you give 0. n = 0 in (1) gives p.": (
        lambda s, n, m, p: np.where(n > 0, smoothed(s, n, m, p), 0.0),
    ),
    "fill_value goes into the sum and into n. Both are 0 without any listen.": (
        lambda s, n, m, p: np.where(n > 0, smoothed(s, n, m, p), smoothed(p, p, m, p)),
        lambda s, n, m, p: np.where(n > 0, smoothed(s, n, m, p), smoothed(1, 1, m, p)),
    ),
}


def with_formulas(make):
    """The mistakes of FORMULAS in an answer that `make` makes with a formula."""
    return {advice: tuple(map(make, wrong)) for advice, wrong in FORMULAS.items()}


def fold_by_fold(category, label, fold, m):
    return out_of_fold_rate(category, label, fold, m)[np.argsort(fold, kind="stable")]


out_of_fold_rate.mistakes = {
    "Every row is in its own rate. The rows of its own fold must not take part.": (
        rate_from(all_rows, all_rows),
        rate_from(all_rows, other_folds),
    ),
    "Only the row itself is left out. The rest of its fold must not take part either.": (
        *(rate_from(all_but_itself, p) for p in (all_but_itself, all_rows, other_folds)),
    ),
    "These are the rates within each fold. The other folds are to be used, not the own.": (
        rate_from(own_fold, own_fold),
        rate_from(own_fold, all_rows),
    ),
    "The prior has seen the row. p is a mean over the other folds, too.": (
        rate_from(other_folds, all_rows),
        rate_from(other_folds, own_fold),
    ),
    "Yours come fold by fold. Put each at its row's place: rate[here] = …": fold_by_fold,
    "Fold numbers need not be 0, 1, 2 and so on. Loop over np.unique(fold).": tuple(
        lambda c, y, fold, m, n=n: np.where(
            fold < (n or len(np.unique(fold))), out_of_fold_rate(c, y, fold, m), 0.0
        )
        for n in (None, 5)
    ),
    **with_formulas(lambda formula: rate_from(other_folds, other_folds, formula)),
}


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
    return rate_of(late_days)(user, day, label, n_users, k, m)


def rate_of(choose, prior=None, formula=smoothed, count=None):
    """`recent_rate` with other rows, a prior p from others, or a count of others."""

    def rate(user, day, label, n_users, k, m):
        rows = choose(user, day, k)
        mean = label[prior(user, day, k) if prior else rows].mean()
        heard = np.bincount(user[count(user, day, k) if count else rows], None, n_users)
        return formula(np.bincount(user[rows], label[rows], n_users), heard, m, mean)

    return rate


def late_days(user, day, k):
    return day > day.max() - k


def any_day(user, day, k):
    return day > -1


def last_listens(user, day, k):
    return pd.Series(day).groupby(user).rank("first", ascending=False).to_numpy() <= k


def own_last_days(user, day, k):
    return day > pd.Series(day).groupby(user).transform("max").to_numpy() - k


recent_rate.mistakes = {
    "One day too many: take days above max − k.": rate_of(lambda u, d, k: d >= d.max() - k),
    "These are other days than the last k. Take days above max − k.": (
        rate_of(lambda u, d, k: d <= d.max() - k),
        rate_of(lambda u, d, k: d < d.min() + k),
        rate_of(lambda u, d, k: d > k),
    ),
    "All days take part. Only the last k days should.": (
        rate_of(any_day),
        rate_of(any_day, late_days),
    ),
    "These are the last k rows. The last k days are asked for.": (
        rate_of(lambda u, d, k: np.arange(len(d)) >= len(d) - k),
        rate_of(lambda u, d, k: pd.Series(d).rank(method="first") > len(d) - k),
    ),
    "A day without any listen is a day, too. Take days above max − k.": (
        rate_of(lambda u, d, k: np.isin(d, np.unique(d)[-k:]))
    ),
    "You count the listens of all days. n is that of the last k days, too.": (
        rate_of(late_days, None, smoothed, any_day)
    ),
    "Return a rate per listener, n_users in all. Yours has one per row.": (
        lambda user, *case: recent_rate(user, *case)[user]
    ),
    "These are each listener's last k listens. The last k days are asked for.": tuple(
        rate_of(last_listens, prior) for prior in (None, any_day, late_days)
    ),
    "You count back from each listener's last day. Count from the last day of all.": tuple(
        rate_of(own_last_days, prior) for prior in (None, any_day, late_days)
    ),
    "p is taken over all days. It should be the mean label of the last k days.": rate_of(
        late_days, any_day
    ),
    "You count the skipped. A label of 1 means kept.": rate_of(
        late_days, None, lambda s, n, m, p: (n - s + m * p) / (n + m)
    ),
    **with_formulas(lambda formula: rate_of(late_days, None, formula)),
}


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
        generator = torch.Generator().manual_seed(seed)
        v = torch.rand(n, sizes[0], generator=generator).double()
        yield v, sizes[1:], pretended_training


@exercise("4", "A stack of RBMs", 2, stacks())
def stack(v, sizes, train):
    return stack_with(lambda v, W, c: torch.sigmoid(v @ W + c))(v, sizes, train)


def stack_with(up):
    """Greedy training with another step upwards."""

    def build(v, sizes, train):
        layers = []
        for place, n_hidden in enumerate(sizes):
            W, c = train(v, n_hidden)
            layers.append((W, c))
            if place < len(sizes) - 1:
                v = up(v, W, c)
        return layers

    return build


stack.mistakes = {
    "All your RBMs learn from the rows v. The next one learns from the hidden units.": (
        lambda v, sizes, train: [train(v, n_hidden) for n_hidden in sizes]
    ),
    "The next RBM needs probabilities: take the sigmoid of v @ W + c.": (
        stack_with(lambda v, W, c: v @ W + c),
        stack_with(lambda v, W, c: v @ W),
        stack_with(lambda v, W, c: torch.softmax(v @ W + c, 1)),
    ),
    "The hidden biases are missing on the way up: sigmoid(v @ W + c).": (
        stack_with(lambda v, W, c: torch.sigmoid(v @ W))
    ),
    "You pass on zeros and ones. Pass on the probabilities p(h), not states.": (
        stack_with(lambda v, W, c: (torch.sigmoid(v @ W + c) > 0.5).to(v.dtype)),
        stack_with(lambda v, W, c: torch.bernoulli(torch.sigmoid(v @ W + c))),
    ),
    "The pairs are the wrong way round. W comes first, then c.": (
        lambda *case: [(c, W) for W, c in stack(*case)]
    ),
    "train expects tensors. Take torch.sigmoid, and keep v a tensor.": (
        lambda v, sizes, train: stack(v.numpy(), sizes, train)
    ),
    "W is visible × hidden, as train returns it. Do not transpose it.": (
        lambda *case: [(W.T, c) for W, c in stack(*case)],
        stack_with(lambda v, W, c: torch.sigmoid(v @ W.T + c)),
    ),
    "The order is reversed. The first RBM comes first.": lambda *case: stack(*case)[::-1],
    "Append each pair: layers.append((W, c)). Yours is one flat list.": (
        lambda *case: [x for pair in stack(*case) for x in pair]
    ),
    "The first RBM learns from the rows v as they are.": (
        lambda v, *case: stack(torch.sigmoid(v), *case)
    ),
    "Yours are two RBMs always. Make one for each number in sizes.": (
        lambda *case: stack(*case)[:2]
    ),
    "One RBM only is returned. Return the list of all, after the loop.": (
        *(lambda *case, i=i: stack(*case)[i] for i in (0, -1)),
        *(lambda *case, i=i: [stack(*case)[i]] for i in (0, -1)),
    ),
}
