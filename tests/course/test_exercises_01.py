"""Lesson 01's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp
from torch.nn.functional import softplus

from rbm_lib import RBM
from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_01 import EXERCISES


def prob_h_by_loops(v, W, c):
    def one(row, j):
        return 1 / (1 + math.exp(-float(c[j]) - sum(x * float(W[i, j]) for i, x in enumerate(row))))

    return [[one(row, j) for j in range(len(c))] for row in v.tolist()]


def sampled(p):
    return torch.bernoulli(p, generator=torch.Generator().manual_seed(len(p)))


def free_energy_by_logaddexp(v, W, b, c):
    v, W, b, c = (x.numpy() for x in (v, W, b, c))
    return -v @ b - np.logaddexp(0, v @ W + c).sum(1)


def free_energy_by_enumeration(v, W, b, c):
    model = RBM(*W.shape).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    return model.free_energy(v)  # carries a graph: the check detaches it


def gradient_by_loops(v_data, h_data, v_model, h_model):
    result = np.zeros((v_data.shape[1], h_data.shape[1]))
    for v, h in zip(v_data, h_data, strict=True):
        result += np.outer(v, h) / len(v_data)
    for v, h in zip(v_model, h_model, strict=True):
        result -= np.outer(v, h) / len(v_model)
    return result


def cd_by_the_library(v, W, b, c, uniform):
    model = RBM(*W.shape).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    h_data = model.prob_h_given_v(v)
    v_1 = model.mean_v_given_h((uniform < h_data).double())
    data, back = model.statistics(v, h_data), model.statistics(v_1, model.prob_h_given_v(v_1))
    return data["W"] - back["W"]


def cd_in_numpy(v, W, b, c, uniform, stale=False, counted=False):
    v, W, b, c, uniform = (x.numpy() for x in (v, W, b, c, uniform))
    p = expit(v @ W + c)
    h = uniform < p
    v_1 = expit(h @ W.T + b)
    p_1 = p if stale else expit(v_1 @ W + c)
    counts = h if counted else p
    return (v.T @ counts - v_1.T @ p_1) / len(v)


RIGHT = [
    ("1", prob_h_by_loops),
    ("1", lambda v, W, c: expit((v @ W + c).numpy())),
    ("1", lambda v, W, c: (1 / (1 + torch.exp(-(v @ W + c)))).float()),
    ("2", free_energy_by_logaddexp),
    ("2", free_energy_by_enumeration),
    ("2", lambda v, W, b, c: torch.stack([-x @ b - softplus(x @ W + c).sum() for x in v])),
    ("3", gradient_by_loops),
    ("3", lambda v, h, v_m, h_m: torch.einsum("bi,bj->ij", v, h) / len(v) - v_m.T @ h_m / len(h_m)),
    ("4", cd_by_the_library),
    ("4", cd_in_numpy),
    ("5", lambda w: logsumexp(w.numpy(), b=1 / len(w))),
    ("5", lambda w: w.max() + torch.log(torch.exp(w - w.max()).mean())),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message


WRONG = [
    ("1", lambda v, W, c: torch.sigmoid(v @ W), "hidden bias c is missing"),
    ("1", lambda v, W, c: v @ W + c, "not yet a probability"),
    ("1", lambda v, W, c: torch.softmax(v @ W + c, -1), "softmax"),
    ("1", lambda v, W, c: 1 - torch.sigmoid(v @ W + c), "probability of h = 0"),
    ("1", lambda v, W, c: (torch.sigmoid(v @ W + c) > 0.5).double(), "You rounded"),
    ("1", lambda v, W, c: torch.sigmoid(v @ W + c).round().int(), "You rounded"),
    ("1", lambda v, W, c: sampled(torch.sigmoid(v @ W + c)), "zeros and ones only"),
    ("1", lambda v, W, c: sampled(torch.sigmoid(v @ W + c)).bool(), "zeros and ones only"),
    ("1", lambda v, W, c: torch.sigmoid(W @ v + c), "your code stops with"),
    ("2", lambda v, W, b, c: -v @ b - torch.log1p(torch.exp(v @ W + c)).sum(1), "overflows"),
    ("2", lambda v, W, b, c: v @ b + softplus(v @ W + c).sum(1), "sign is reversed"),
    ("2", lambda v, W, b, c: -v @ b + softplus(v @ W + c).sum(1), "The softplus is added"),
    ("2", lambda v, W, b, c: -v @ b - softplus(v @ W + c).sum(), "not right yet"),
    ("2", lambda v, W, b, c: -v @ b - torch.relu(v @ W + c).sum(1), "in place of log(1 + exp(x))"),
    ("2", lambda v, W, b, c: -v @ b - (v @ W + c).clamp(min=0).sum(1), "in place of log(1 + exp(x))"),
    ("2", lambda v, W, b, c: -v @ b - (v @ W + c).clamp(max=50).exp().log1p().sum(1), "3 right"),
    ("3", lambda v, h, v_m, h_m: v_m.T @ h_m / len(v_m) - v.T @ h / len(v), "sign is reversed"),
    ("3", lambda v, h, v_m, h_m: v.T @ h - v_m.T @ h_m, "These are sums"),
    ("3", lambda v, h, v_m, h_m: (v.T @ h - v_m.T @ h_m) / len(v_m), "The data's phase is divided"),
    ("3", lambda v, h, v_m, h_m: (v.T @ h - v_m.T @ h_m) / (len(v) + len(v_m)), "total number of rows"),
    ("3", lambda v, h, v_m, h_m: v.T @ h / len(h) - h_m.T @ v_m / len(h_m), "your code stops with"),
    ("1", lambda v, W, c: torch.sigmoid(v @ W - c), "c is subtracted"),
    ("2", lambda v, W, b, c: -v @ b - softplus(v @ W).sum(1), "c is missing"),
    (
        "3",
        lambda v, h, v_m, h_m: np.outer(v.mean(0), h.mean(0)) - np.outer(v_m.mean(0), h_m.mean(0)),
        "products",
    ),
    ("4", lambda v, W, b, c, u: cd_in_numpy(v, W, b, c, u).T, "transpose"),
    ("4", lambda v, W, b, c, u: -cd_in_numpy(v, W, b, c, u), "sign is reversed"),
    ("4", lambda v, W, b, c, u: cd_in_numpy(v, W, b, c, u) * len(v), "These are sums"),
    ("4", lambda v, W, b, c, u: cd_in_numpy(v, W, b, c, 1 - u), "not right yet"),
    ("4", lambda v, W, b, c, u: cd_in_numpy(v, W, b, c, u, stale=True), "must come from the new v"),
    ("4", lambda v, W, b, c, u: cd_in_numpy(v, W, b, c, u, counted=True), "drawn h is counted"),
    ("4", lambda v, W, b, c, u: cd_in_numpy(v, W, 0 * b, c, u), "visible bias b is missing"),
    ("4", lambda v, W, b, c, u: torch.sigmoid(v @ W + c), "shape"),
    ("5", lambda w: torch.exp(w - w.max()).mean().log(), "did not add it back"),
    ("5", lambda w: torch.logsumexp(w, 0) + math.log(len(w)), "You add log M"),
    ("5", lambda w: w.mean(), "Jensen"),
    ("5", lambda w: np.log(np.exp(w.numpy()).mean()), "do not leave the logarithm"),
    ("5", lambda w: torch.logsumexp(w, 0), "subtract log M"),
    ("5", lambda w: torch.logsumexp(w, 0) / len(w), "divide the log by M"),
    ("5", lambda w: torch.logsumexp(w, 0) - len(w), "You subtract M"),
    ("5", lambda w: torch.exp(w).mean(), "not right yet"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message
