"""Lesson 03's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.preprocessing import TargetEncoder

from rbm_lib import RBM
from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_03 import EXERCISES
from rbm_lib.likelihood.exact import binary_states, exact_log_likelihood, exact_log_partition


def first_by_loop(user, time, is_flow, cut):
    best = {}
    for row in range(len(user)):
        if is_flow[row] and time[row] >= cut:
            rival = best.get(user[row])
            if rival is None or time[row] < time[rival]:
                best[user[row]] = row
    return [row in best.values() for row in range(len(user))]


def first_by_pandas(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time})[is_flow & (time >= cut)]
    first = pd.Series(False, index=range(len(user)))
    first[table.groupby("user").time.idxmin()] = True
    return first


def first_by_duplicates(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time, "flow": is_flow}).sort_values("time")
    late = table[table.flow & (table.time >= cut)]
    return (~late.user.duplicated()).reindex(range(len(user)), fill_value=False)


def first_by_tensors(user, time, is_flow, cut):
    user, time = torch.as_tensor(user), torch.as_tensor(time)
    far = torch.where(torch.as_tensor(is_flow) & (time >= cut), time, time.max() + 1)
    earliest = torch.stack([far[user == u].min() for u in user])
    return ((far == earliest) & (far <= time.max())).int()


def rate_by_loops(category, label, fold, m):
    rates = []
    for row in range(len(label)):
        others = [i for i in range(len(label)) if fold[i] != fold[row]]
        same = [label[i] for i in others if category[i] == category[row]]
        p = sum(label[i] for i in others) / len(others)
        rates.append((sum(same) + m * p) / (len(same) + m))
    return rates


def rate_by_pandas(category, label, fold, m):
    table = pd.DataFrame({"category": category, "label": label})
    rate = pd.Series(np.nan, index=table.index)
    for held in np.unique(fold):
        rest, p = table[fold != held], table.label[fold != held].mean()
        stats = rest.groupby("category").label.agg(["sum", "count"])
        known = (stats["sum"] + m * p) / (stats["count"] + m)
        rate[fold == held] = table.category[fold == held].map(known).fillna(p)
    return rate


def rate_by_scikit_learn(category, label, fold, m):
    X, rate = category[:, None], np.empty(len(label))
    for held in np.unique(fold):
        encoder = TargetEncoder(smooth=float(m), target_type="binary").fit(
            X[fold != held], label[fold != held]
        )
        rate[fold == held] = encoder.transform(X[fold == held])[:, 0]
    return rate


def rate_by_subtraction(category, label, fold, m):  # all rows minus the own fold's, in tensors
    category, label, fold = (torch.as_tensor(x) for x in (category, label, fold))
    label = label.double()
    same, own = category[:, None] == category, fold[:, None] == fold
    total, count = same.double() @ label - (same & own).double() @ label, same.sum(1) - (same & own).sum(1)
    p = (label.sum() - own.double() @ label) / (len(label) - own.sum(1))
    return (total + m * p) / (count + m)


def importance_by_frame(score, X, y, column, order):
    table = pd.DataFrame(X).copy()
    table[column] = table[column].to_numpy()[order]
    return score(X, y) - score(table, y)


def importance_by_loop(score, X, y, column, order):
    rows = X.tolist()
    for row, source in zip(rows, order, strict=True):
        row[column] = X[source, column]
    return float(score(X, y)) - float(score(rows, y))


def importance_in_float32(score, X, y, column, order):
    X = torch.as_tensor(X).float()
    permuted = X.clone()
    permuted[:, column] = X[order, column]
    return score(X, y) - score(permuted, y)


def importance_put_back(score, X, y, column, order):
    before, kept = score(X, y), X[:, column].copy()
    X[:, column] = kept[order]
    after = score(X, y)
    X[:, column] = kept
    return torch.tensor(before - after)


RIGHT = [
    ("2", first_by_loop),
    ("2", first_by_pandas),
    ("2", first_by_duplicates),
    ("2", first_by_tensors),
    ("1", rate_by_loops),
    ("1", rate_by_pandas),
    ("1", rate_by_scikit_learn),
    ("1", rate_by_subtraction),
    ("1", lambda *a: np.float32(rate_by_loops(*a))),
    ("3", importance_by_frame),
    ("3", importance_by_loop),
    ("3", importance_in_float32),
    ("3", importance_put_back),
    ("4", lambda W, b, c: [W.T.tolist(), c.tolist(), b.tolist()]),
    ("4", lambda W, b, c: (torch.einsum("ij->ji", W).float(), torch.nn.Parameter(c), b.numpy())),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message
    assert "changes its argument" not in result.message


def machine(W, b, c):
    model = RBM(*W.shape).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    return model


@pytest.mark.parametrize("case", EXERCISES["4"].cases())
def test_the_second_machine_gives_the_hidden_states_the_first_ones_probability(case):
    W, b, c = case
    h = binary_states(W.shape[1]).double()
    v = binary_states(W.shape[0]).double()
    with torch.no_grad():
        joint = v @ W @ h.T + (v @ b)[:, None] + h @ c - exact_log_partition(machine(W, b, c))
        second = machine(*EXERCISES["4"].reference(*case))
        torch.testing.assert_close(exact_log_likelihood(second, h), joint.logsumexp(0))


def first_after_any(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time})[time >= cut]
    return np.isin(np.arange(len(user)), table.groupby("user").time.idxmin()) & is_flow


def sorted_answer(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time}).sort_values(["user", "time"])
    return first_by_pandas(user, time, is_flow, cut)[table.index]


def sorted_by_time(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time, "flow": is_flow}).sort_values("time")
    late = table[table.flow & (table.time >= cut)]
    return (~late.user.duplicated()).reindex(table.index, fill_value=False).to_numpy()


def rows_by_listener(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time})[is_flow & (time >= cut)]
    return table.groupby("user").time.idxmin()


def rows_by_time(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time})[is_flow & (time >= cut)]
    return table.sort_values("time", kind="stable").drop_duplicates("user").index


def rate_with_gaps(category, label, fold, m):
    """Rates by pandas, a category unknown to the other folds left as it is."""
    table = pd.DataFrame({"category": category, "label": label})
    rate = pd.Series(np.nan, index=table.index)
    for held in np.unique(fold):
        rest = table[fold != held]
        stats = rest.groupby("category").label.agg(["sum", "count"])
        known = (stats["sum"] + m * rest.label.mean()) / (stats["count"] + m)
        rate[fold == held] = table.category[fold == held].map(known)
    return rate


def rate_in_integers(category, label, fold, m):
    rate = np.zeros_like(label)
    rate[:] = rate_by_pandas(category, label, fold, m)
    return rate


def permuted_under_two_names(score, X, y, column, order):
    permuted = X  # no copy
    permuted[:, column] = X[order, column]
    return score(X, y) - score(permuted, y)


def changed_in_place(score, X, y, column, order):
    before = score(X, y)
    view = torch.from_numpy(X)
    view[:, column] = view[torch.as_tensor(order), column].clone()
    return before - score(X, y)


def written_to_order(score, X, y, column, order):
    permuted = X.copy()
    permuted[order, column] = X[:, column]
    return score(X, y) - score(permuted, y)


WRONG = [
    ("2", lambda u, t, f, cut: first_by_loop(u, np.arange(len(u)) + cut, f & (t >= cut), cut), "row order"),
    ("2", lambda u, t, f, cut: first_by_loop(u, t, f | ~f, cut), "of any kind"),
    ("2", first_after_any, "hear other things first"),
    ("2", lambda u, t, f, cut: first_by_loop(u, -t, f & (t >= cut), -t.max()), "The last Flow track"),
    ("2", lambda u, t, f, cut: first_by_loop(u, t, f, 0), "cut plays no part"),
    ("2", lambda u, t, f, cut: first_by_pandas(u, t, f, cut + 1), "at the cut itself"),
    ("2", lambda u, t, f, cut: first_by_loop(u, t, f & (t < cut), 0), "side is wrong"),
    ("2", lambda u, t, f, cut: first_by_pandas(0 * u, t, f, cut), "One row in all"),
    ("2", lambda u, t, f, cut: first_by_loop(u, t, f, 0) & (t >= cut), "opened Flow before the cut"),
    ("2", lambda u, t, f, cut: f & (t >= cut), "Every Flow track"),
    ("2", lambda u, t, f, cut: np.isin(t, t[first_by_loop(u, t, f, cut)]), "same second"),
    ("2", sorted_answer, "order of listener and time"),
    ("2", sorted_by_time, "in the order of time"),
    ("2", lambda *a: first_by_pandas(*a).to_numpy().nonzero()[0], "These are row numbers;"),
    ("2", rows_by_listener, "row numbers, listener by listener"),
    ("2", rows_by_time, "row numbers, in the order of time"),
    ("2", lambda u, t, f, cut: first_by_loop(u, t, ~f, cut), "not right yet"),
    ("2", lambda *a: ~first_by_pandas(*a), "not right yet"),
    ("1", lambda c, y, f, m: rate_by_loops(c, y, np.arange(len(f)), m), "Only the row itself"),
    ("1", lambda c, y, f, m: rate_by_pandas(c, y, f, 0), "This is the plain rate; a category"),
    ("1", lambda c, y, f, m: rate_by_loops(c, y, f, 1e-300), "This is the plain rate; a category"),
    ("1", rate_with_gaps, "Some rates are missing"),
    ("1", rate_in_integers, "These are whole numbers"),
    ("1", lambda c, y, f, m: rate_by_pandas(c, y, f, m).groupby(c).mean(), "not right yet"),
    ("1", lambda c, y, f, m: rate_by_loops(c, y, f, 2 * m), "not right yet"),
    ("1", lambda c, y, f, m: rate_by_loops(c, 1 - y, f, m), "not right yet"),
    ("3", lambda *a: -importance_by_frame(*a), "sign is reversed"),
    ("3", changed_in_place, "X itself has changed"),
    ("3", permuted_under_two_names, "Both scores come out the same"),
    ("3", lambda score, X, y, column, order: 0.0, "Both scores come out the same"),
    ("3", written_to_order, "inverse permutation"),
    ("3", lambda score, X, y, column, order: score(X, y) - score(np.delete(X, column, 1), y), "code stops"),
    ("3", lambda *a: abs(importance_by_frame(*a)) + 1, "not right yet"),
    ("4", lambda W, b, c: (W.T, b, c), "did not change places"),
    ("4", lambda W, b, c: (W.numpy(), c.numpy(), b.numpy()), "still lead from v to h"),
    ("4", lambda W, b, c: (W.T, torch.zeros(len(c)), torch.zeros(len(b))), "Both biases are zero"),
    ("4", lambda W, b, c: (W.T, c + 1, b), "off by the same amount"),
    ("4", lambda W, b, c: (W.T + 0.1, c, b), "off by the same amount"),
    ("4", lambda W, b, c: (2 * W.T, c, b), "2 times the right one"),
    ("4", lambda W, b, c: W.T, "3 parts are expected"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message


def test_every_mistake_of_the_rate_is_far_from_the_right_one():
    """Nothing rests on rounding: on some case, the answers differ by more than a hundredth of the rate."""
    exercise = EXERCISES["1"]
    for advice, mistake in exercise.mistakes.items():
        with np.errstate(invalid="ignore"):  # 0/0 is one of the mistakes
            gaps = [np.abs(mistake(*a) - exercise.reference(*a)).max() for a in exercise.cases()]
        assert np.isnan(max(gaps)) or max(gaps) > 0.01, advice
