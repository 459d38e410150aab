"""Lesson 04's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logit
from sklearn.metrics.pairwise import cosine_similarity

from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_04 import EXERCISES
from rbm_lib.data import Archetype, simulate_listeners
from rbm_lib.data.listeners.conditions import Range
from rbm_lib.recommend.embeddings import cosine_scores, preference


def rows_by_pandas(left, right):
    return len(pd.DataFrame({"key": left}).merge(pd.DataFrame({"key": right}), on="key"))


def rows_by_value_counts(left, right):
    return (pd.Series(left).value_counts() * pd.Series(right).value_counts()).sum()


def genres_by_pandas(genres, more_than, at_most):
    table = pd.Series(genres).explode().dropna().reset_index().drop_duplicates()
    counts = table[0].value_counts()
    return (counts > more_than).sum(), (counts <= at_most).sum()


def genres_by_loop(genres, more_than, at_most):
    names = {name for entry in genres for name in entry}
    counts = [sum(name in entry for entry in genres) for name in names]
    return [len([n for n in counts if n > more_than]), len([n for n in counts if n <= at_most])]


def step_by_autograd(x, u):
    y = torch.tensor(x + u, requires_grad=True)
    z = torch.logit(0.001 + 0.998 * y / 101)
    (slope,) = torch.autograd.grad(z.sum(), y)
    return z, slope.log()


def step_by_scipy(x, u):
    p = 0.001 + 0.998 * (x + u) / 101
    return np.stack([logit(p), np.log(0.998 / 101 / (p * (1 - p)))])


def dancer_by_library(tracks):
    slow = Archetype("Slow Dancer", 0.05, 40, (Range("tempo", None, 100), Range("danceability", 0.8)))
    pool = simulate_listeners(tracks, n_users=1, archetypes=[slow]).profiles["pool_size"].iloc[0]
    return pool, min(1, 20 / (pool - 32))


def dancer_by_mask(tracks):
    pool = len(tracks.query("tempo <= 100 and danceability >= 0.8"))
    return torch.tensor([pool, 1.0 if pool < 52 else 20 / (pool - 32)], dtype=torch.float64)


def cosine_by_library(features, heard):
    features = torch.as_tensor(features)
    scores = cosine_scores(preference(features, heard), features)
    return scores.masked_fill(torch.as_tensor(heard), -2)


def cosine_by_sum(features, heard):  # the length of the mean plays no part in its direction
    return np.where(heard, -2, cosine_similarity(heard @ features, features))


RIGHT = [
    ("1", rows_by_pandas),
    ("1", rows_by_value_counts),
    ("1", lambda left, right: sum(a == b for a in left for b in right)),
    ("2", genres_by_pandas),
    ("2", genres_by_loop),
    ("3", step_by_autograd),
    ("3", step_by_scipy),
    ("4", dancer_by_library),
    ("4", dancer_by_mask),
    ("5", cosine_by_library),
    ("5", cosine_by_sum),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message


def entries_counted(genres, more_than, at_most):
    counts = Counter(name for entry in genres for name in entry).values()
    return sum(n > more_than for n in counts), sum(n <= at_most for n in counts)


def substrings_counted(genres, more_than, at_most):
    names = {name for entry in genres for name in entry}
    counts = [sum(any(name in other for other in entry) for entry in genres) for name in names]
    return sum(n > more_than for n in counts), sum(n <= at_most for n in counts)


def step_with_one_wrong_sign(x, u):
    z, slope = step_by_scipy(x, u)
    return z, slope + 2 * np.log(0.001 + 0.998 * (x + u) / 101)


def dancer_upside_down(tracks):
    fast = Archetype("Slow Dancer", 0.05, 40, (Range("tempo", 100), Range("danceability", 0.8)))
    pool = simulate_listeners(tracks, n_users=1, archetypes=[fast]).profiles["pool_size"].iloc[0]
    return pool, min(1, 20 / (pool - 32))


def cosine_by_columns(features, heard):
    mean = heard @ features / heard.sum(1)[:, None]
    mean, songs = (rows / np.sqrt((rows**2).sum(0)) for rows in (mean, features))
    return np.where(heard, -2, mean @ songs.T)


def mean_of_cosines(features, heard):
    similar = cosine_similarity(features)
    return np.where(heard, -2, heard @ similar / heard.sum(1, keepdims=True))


WRONG = [
    ("1", lambda left, right: len(set(left) & set(right)), "a × b rows, not one"),
    ("1", lambda left, right: len([key for key in left if key in right]), "rows on the left"),
    ("1", lambda left, right: len(left), "not right yet"),
    ("1", lambda left, right: (Counter(left) & Counter(right)).total(), "min(a, b)"),
    ("2", entries_counted, "Count tracks, not entries"),
    ("2", substrings_counted, "Compare names whole"),
    ("2", lambda genres, more, most: genres_by_loop(genres, more, most)[::-1], "wrong order"),
    ("2", lambda genres, more, most: genres_by_loop(genres, more, most - 1), "<=, not <"),
    ("2", lambda genres, more, most: genres_by_loop(genres, more, most)[0], "not right yet"),
    ("3", lambda x, u: step_by_scipy(x, 0), "Dequantise first"),
    ("3", lambda x, u: (step_by_scipy(x, u)[0], -step_by_scipy(x, u)[1]), "slope of the way back"),
    ("3", lambda x, u: step_by_scipy(x, u)[0], "not right yet"),
    ("2", lambda g, a, b: dict(zip(("common", "niche"), genres_by_loop(g, a, b), strict=True)), "not a dict"),
    ("3", lambda x, u: (step_by_scipy(x, u)[0], step_by_scipy(x, u)[1].sum()), "summed over the tracks"),
    ("3", step_with_one_wrong_sign, "the sign of log q"),
    ("4", lambda tracks: dancer_by_library(tracks)[0], "not right yet"),
    ("4", dancer_upside_down, "None, 100"),
    ("4", lambda tracks: (dancer_by_mask(tracks)[0], 20 / (dancer_by_mask(tracks)[0] - 32)), "1 at most"),
    ("5", lambda f, heard: cosine_similarity(heard @ f, f), "still in the race"),
    (
        "5",
        lambda f, heard: cosine_by_library(f, heard).masked_fill(torch.as_tensor(heard), -torch.inf),
        "not −∞",
    ),
    ("5", lambda f, heard: cosine_similarity(heard @ f, f) - 2 * heard, "2 was taken off"),
    ("5", cosine_by_columns, "down the columns"),
    ("5", lambda f, heard: np.where(heard, -2, (heard @ f / heard.sum(1)[:, None]) @ f.T), "dot product"),
    ("5", mean_of_cosines, "mean of the cosines"),
    ("5", lambda f, heard: cosine_by_sum(f, ~heard), "not right yet"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message
