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


def ndcg_by_loop(hits, relevant):
    dcg = sum(hit / math.log2(place + 2) for place, hit in enumerate(hits))
    return dcg / sum(1 / math.log2(place + 2) for place in range(min(len(hits), relevant)))


def ndcg_by_scikit_learn(hits, relevant):
    truth = np.r_[hits, np.ones(max(relevant - sum(hits), 0))]  # the likes that the list missed
    scores = np.r_[np.arange(len(hits), 0, -1.0), np.zeros(len(truth) - len(hits))]
    return ndcg_score([truth], [scores], k=len(hits))


def exact_by_softmax(f_disliked, f_liked):
    return torch.softmax(torch.stack([-f_disliked, -f_liked]), 0)[1]


RIGHT = [
    ("1", losses_by_where),
    ("2", masked_by_library),
    ("2", masked_by_rows),
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
    ("1", lambda p: ((1 - p).mean(), (2 * p * (1 - p)).mean()), "not right yet"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, o | ~o, W, b, c), "What stands in the gaps"),
    ("2", lambda v, o, W, b, c: masked_by_library(v.clamp(min=0), o | ~o, W, b, c), "not right yet"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, ~o, W, b, c), "upside down"),
    ("2", lambda v, o, W, b, c: masked_by_library(v, o, W, b, c).mean(), "not right yet"),
    ("3", lambda hits, relevant: sum(hits) / min(len(hits), relevant), "share of hits"),
    ("3", lambda hits, relevant: sum(h / math.log2(i + 2) for i, h in enumerate(hits)), "This is DCG"),
    ("3", lambda hits, relevant: sum(h / math.log2(i + 1) for i, h in enumerate(hits)), "your code stops"),
    ("4", lambda d, f: torch.sigmoid(f - d), "sign is reversed"),
    ("4", lambda d, f: torch.exp(-f) / (torch.exp(-f) + torch.exp(-d)), "Right for small values only"),
    ("4", lambda d, f: d - f, "log-odds"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message
