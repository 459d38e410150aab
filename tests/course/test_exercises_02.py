"""Lesson 02's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import ndcg_score

from rbm_lib import RBM
from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_02 import EXERCISES


def losses_by_where(p):
    p = p.numpy()
    return [2 * np.mean(p * (1 - p)), np.where(p >= 0.5, 1 - p, p).mean()]


def masked_by_library(v, observed, W, b, c):
    model = RBM(*W.shape).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    return model.free_energy(v, observed)


def masked_by_rows(v, observed, W, b, c):
    return [
        -float(x[o] @ b[o]) - float(torch.nn.functional.softplus(c + x[o] @ W[o]).sum())
        for x, o in zip(v, observed, strict=True)
    ]


def masked_summed(v, observed, W, b, c):
    v = torch.where(observed, v, 0)
    return -(v @ b) - torch.log1p(torch.exp(v @ W + c)).sum()


def dcg_by_loop(hits):
    return sum(hit / math.log2(place + 2) for place, hit in enumerate(hits))


def ndcg_by_loop(hits, relevant):
    return dcg_by_loop(hits) / dcg_by_loop([1] * min(len(hits), relevant))


def ndcg_by_scikit_learn(hits, relevant):
    truth = np.r_[hits, np.ones(max(relevant - sum(hits), 0))]  # the likes that the list missed
    scores = np.r_[np.arange(len(hits), 0, -1.0), np.zeros(len(truth) - len(hits))]
    return ndcg_score([truth], [scores], k=len(hits))


def exact_by_softmax(f_disliked, f_liked):
    return torch.softmax(torch.stack([-f_disliked, -f_liked]), 0)[1]


def masked_without_nan(v, observed, W, b, c):
    v = torch.nan_to_num(v) * observed
    return masked_by_library(v, observed, W, b, c)


RIGHT = [
    ("1", losses_by_where),
    ("2", masked_by_library),
    ("2", masked_by_rows),
    ("2", masked_without_nan),
    ("3", ndcg_by_loop),
    ("3", ndcg_by_scikit_learn),
    ("4", exact_by_softmax),
    ("4", lambda d, f: expit(d.numpy() - f.numpy())),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message


WRONG = [
    ("1", lambda p: ((p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean()), "wrong in two ways"),
    ("1", lambda p: (2 * p.mean() * (1 - p.mean()), torch.minimum(p.mean(), 1 - p.mean())), "Average last"),
    ("1", lambda p: [2 * np.mean((p * (1 - p)).numpy()), np.mean(p.numpy() >= 0.5)], "how often it says"),
    ("1", lambda p: ((1 - p).mean(), (2 * p * (1 - p)).mean()), "not right yet"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, o | ~o, W, b, c), "What stands in the gaps"),
    ("2", lambda v, o, W, b, c: masked_by_library(v.clamp(min=0), o | ~o, W, b, c), "not right yet"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, ~o, W, b, c), "upside down"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, o, W, b, c).mean(), "not right yet"),
    ("2", lambda v, o, W, b, c: masked_by_library(v * o, o | ~o, W, b, c), "NaN times 0 is NaN"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, o, W, b, 0 * c), "biases c are missing"),
    ("2", lambda v, o, W, b, c: masked_summed(v, o, W, b, c), "not over the whole batch"),
    ("3", lambda hits, relevant: dcg_by_loop(hits) / sum(hits), "your code stops"),
    ("3", lambda hits, relevant: dcg_by_loop(hits) / (sum(hits) or 1), "number of hits found"),
    ("3", lambda hits, relevant: dcg_by_loop(hits) / dcg_by_loop([1] * relevant), "no longer than yours"),
    ("3", lambda hits, relevant: dcg_by_loop(hits) / dcg_by_loop([1] * len(hits)), "not len(hits)"),
    ("3", lambda hits, relevant: np.sum(hits / np.log2(1 + np.arange(len(hits)))), "not finite"),
    ("3", lambda hits, relevant: sum(hits) / min(len(hits), relevant), "share of hits"),
    ("3", lambda hits, relevant: sum(h / math.log2(i + 2) for i, h in enumerate(hits)), "This is DCG"),
    ("3", lambda hits, relevant: sum(h / math.log2(i + 1) for i, h in enumerate(hits)), "your code stops"),
    ("4", lambda d, f: torch.sigmoid(f - d), "sign is reversed"),
    ("4", lambda d, f: torch.exp(-f) / (torch.exp(-f) + torch.exp(-d)), "Right for small values only"),
    ("4", lambda d, f: d - f, "log-odds"),
    ("4", lambda d, f: np.exp(d.numpy() - f.numpy()), "These are the odds"),
    ("4", lambda d, f: f / (f + d), "a low free energy is likely"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message
