"""Lesson 00's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import RBM
from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_00 import EXERCISES, WARM_UP, energy, like_bias

# ---- right answers -------------------------------------------------------------------------------------


def missing_by_table(ratings):
    table = ratings.pivot(index="user_id", columns="movie_id", values="rating")
    return table.isna().to_numpy().mean()


def missing_by_sets(ratings):
    users, movies = set(ratings["user_id"]), set(ratings["movie_id"])
    return 1 - ratings.shape[0] / (len(users) * len(movies))


def missing_changing_its_argument(ratings):
    ratings["rating"] = 0
    return missing_by_sets(ratings)


def energy_by_loops(v, h, W, b, c):
    result = []
    for row, hidden in zip(v.tolist(), h.tolist(), strict=True):
        e = -sum(x * float(y) for x, y in zip(row, b, strict=True))
        e -= sum(x * float(y) for x, y in zip(hidden, c, strict=True))
        e -= sum(x * y * float(W[i, j]) for i, x in enumerate(row) for j, y in enumerate(hidden))
        result.append(e)
    return result


def energy_by_einsum(v, h, W, b, c):
    v, h, W, b, c = (x.numpy() for x in (v, h, W, b, c))
    return -v @ b - h @ c - np.einsum("bi,ij,bj->b", v, W, h)


def energy_in_single_precision(v, h, W, b, c):
    return energy(*(x.float() for x in (v, h, W, b, c)))


def energy_by_library(v, h, W, b, c):
    model = RBM(*W.shape).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    return model.energy(v, h)


def energy_as_column(v, h, W, b, c):
    return energy(v, h, W, b, c)[:, None]


def bias_by_difference_of_logs(likes, observed):
    return likes.sum(0).log() - (observed.sum(0) - likes.sum(0)).log()


def bias_by_logit(likes, observed):
    return torch.logit((likes * observed).sum(0) / observed.sum(0))


def bias_by_nan(likes, observed):
    values = np.where(observed.numpy(), likes.numpy(), np.nan)
    p = np.nanmean(values, axis=0)
    return np.log(p) - np.log1p(-p)


def bias_by_library(likes, observed):
    return RBM(likes.shape[1], 1).double().initialize_from(likes, observed).visible_bias


RIGHT = [
    ("1", missing_by_table),
    ("1", missing_by_sets),
    ("1", missing_changing_its_argument),
    ("2", energy_by_loops),
    ("2", energy_by_einsum),
    ("2", energy_in_single_precision),
    ("2", energy_by_library),
    ("2", energy_as_column),
    ("3", bias_by_difference_of_logs),
    ("3", bias_by_logit),
    ("3", bias_by_nan),
    ("3", bias_by_library),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points == EXERCISES[exercise].points, result.message
    assert "right" in result.message


def test_a_right_answer_that_changes_its_argument_is_told():
    assert "work on a copy" in check(EXERCISES["1"], missing_changing_its_argument).message


# ---- wrong answers, written as a learner would write them ----------------------------------------------

WRONG = [
    ("1", lambda r: len(r) / (r.user_id.nunique() * r.movie_id.nunique()), "Take it from 1"),
    ("1", lambda r: 100 * missing_by_sets(r), "between 0 and 1"),
    ("1", lambda r: r.user_id.nunique() * r.movie_id.nunique() - len(r), "number of missing pairs"),
    ("1", lambda r: 1 - len(r) / (r.user_id.max() * r.movie_id.max()), "ids may have gaps"),
    ("1", lambda r: r.user_id.nunique() * r.movie_id.nunique() / len(r) - 1, "Divide by all pairs"),
    ("1", lambda r: 1 - len(r) / (len(r.user_id) * len(r.movie_id)), "count the different ids"),
    ("1", lambda r: (r["rating"] == 1).sum() / len(r), "no row at all"),
    ("1", lambda r: r.isna().mean().mean(), "none is empty"),
    ("1", lambda r: r["rating"].isna().mean(), "none is empty"),
    ("1", lambda r: r.isna().mean(), "none is empty"),
    ("1", lambda r: 1 - len(r) / np.prod(r[["user_id", "movie_id"]].max() + 1), "from 0 to the largest id"),
    ("1", lambda r: 1 - len(r) / (r[["user_id", "movie_id"]].max().max() + 1) ** 2, "You take one length"),
    ("1", lambda r: 0.5, "yours is 0.5"),
    ("2", lambda v, h, W, b, c: v @ b + h @ c + (v @ W * h).sum(1), "signs are flipped"),
    ("2", lambda v, h, W, b, c: -v @ b - h @ c + (v @ W * h).sum(1), "the wrong sign"),
    ("2", lambda v, h, W, b, c: -v @ b - h @ c, "v·W·h is missing"),
    ("2", lambda v, h, W, b, c: -h @ c - (v @ W * h).sum(1), "b·v is missing"),
    ("2", lambda v, h, W, b, c: -v @ b - (v @ W * h).sum(1), "c·h is missing"),
    ("2", lambda v, h, W, b, c: -(v @ W * h).sum(1), "Both bias terms are missing"),
    ("2", lambda v, h, W, b, c: v @ b + h @ c - (v @ W * h).sum(1), "bias terms have the wrong sign"),
    ("2", lambda v, h, W, b, c: torch.exp(v @ b + h @ c + (v @ W * h).sum(1)), "exp(−E)"),
    ("2", lambda v, h, W, b, c: energy(v, h, W, b, c).sum(), "You add up the rows"),
    ("2", lambda v, h, W, b, c: energy(v, h, W, b, c).mean(), "You average over the rows"),
    ("2", lambda v, h, W, b, c: energy(v, h, W, b, c) / v.shape[0], "does not depend on how many rows"),
    ("2", lambda v, h, W, b, c: -v @ b - h @ c - v @ W @ h.T, "every row of v with every row of h"),
    ("2", lambda v, h, W, b, c: -v @ b - h @ c - (v @ W * h).sum(), "Sum along each row"),
    ("2", lambda v, h, W, b, c: energy(v, h, W, b, c) + 1, "the right value"),
    ("2", lambda v, h, W, b, c: v @ W.T, "your code stops with"),
    ("3", lambda likes, observed: torch.logit(likes.mean(0)), "every missing rating as a dislike"),
    ("3", lambda likes, observed: likes.sum(0) / observed.sum(0), "share of likes itself"),
    ("3", lambda likes, observed: torch.log(likes.sum(0) / observed.sum(0)), "This is log p."),
    ("3", lambda likes, observed: 1 / (1 + torch.exp(-likes.sum(0) / observed.sum(0))), "take the sigmoid"),
    ("3", lambda likes, observed: -like_bias(likes, observed), "sign is flipped"),
    ("3", lambda likes, observed: torch.exp(like_bias(likes, observed)), "the odds"),
    ("3", lambda likes, observed: torch.logit(observed.double().mean(0)), "how often a film was rated"),
    ("3", lambda likes, observed: torch.logit(likes[observed].mean()), "give each film its own"),
    ("3", lambda likes, observed: torch.logit(likes.sum(1) / observed.sum(1)), "one value per person"),
    ("3", lambda likes, observed: like_bias(likes, observed) / math.log(10), "base 10"),
    ("3", lambda likes, observed: 2 * like_bias(likes, observed), "2 times the right one"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message


def test_cases_are_new_at_each_call():
    frame = EXERCISES["1"].cases()[0][0]
    frame["rating"] = 0
    assert EXERCISES["1"].cases()[0][0].rating.sum() > 0
    likes = EXERCISES["3"].cases()[0][0]
    likes.zero_()
    assert EXERCISES["3"].cases()[0][0].sum() > 0


def test_the_references_hold_by_hand():
    ratings = pd.DataFrame({"user_id": [1, 2, 2], "movie_id": [7, 7, 8], "rating": [5, 4, 3]})
    assert EXERCISES["1"].reference(ratings) == pytest.approx(0.25)
    one = torch.ones(1, 1)
    parameters = torch.tensor([[2.0]]), torch.tensor([-1.0]), torch.tensor([0.5])
    assert float(EXERCISES["2"].reference(one, one, *parameters)) == pytest.approx(-2 + 1 - 0.5)
    likes, observed = torch.tensor([[1.0], [1], [0], [0]]), torch.tensor([[True], [True], [True], [False]])
    assert float(EXERCISES["3"].reference(likes, observed)) == pytest.approx(math.log(2))
    assert float(WARM_UP.reference(0.0, -1.0)) == pytest.approx(math.e / (1 + math.e))
