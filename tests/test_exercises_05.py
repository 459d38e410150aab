"""Lesson 05's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from rbm_lib import DBM, RBM
from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_05 import EXERCISES


def log_variance_by_autograd(v, h, W, b, log_variance):
    rows = log_variance.expand(v.shape).clone().requires_grad_()
    energy = (v - b) ** 2 / (2 * rows.exp()) - v / rows.exp() * (h @ W.T)
    return -torch.autograd.grad(energy.sum(), rows)[0]


def log_variance_by_library(v, h, W, b, log_variance):
    model = RBM(*W.shape, visible="gaussian").double()
    model.W.data, model.visible_bias.data, model.log_variance.data = W, b, log_variance
    return torch.stack([model.statistics(v[[i]], h[[i]])["log_variance"] for i in range(len(v))])


def deep_energy_by_library(v, h1, h2, W1, W2, b, c1, c2, log_variance):
    model = DBM([W1.shape[0], *W2.shape], "gaussian").double()
    for p, value in zip([*model.weights, *model.biases], (W1, W2, b, c1, c2), strict=True):
        p.data = value
    model.log_variance.data = log_variance
    return model.energy(v, [h1, h2])  # carries a graph: the check detaches it


def deep_energy_by_rows(v, h1, h2, W1, W2, b, c1, c2, log_variance):
    s2, rows = torch.exp(log_variance), []
    for x, y, z in zip(v, h1, h2, strict=True):
        square = float((0.5 * (x - b) ** 2 / s2).sum())
        rows.append(square - float(x / s2 @ W1 @ y) - float(y @ W2 @ z) - float(c1 @ y) - float(c2 @ z))
    return rows


def sweep_by_loops(below, q2, W2, c1, c2):
    below, q2, W2, c1, c2 = (x.numpy() for x in (below, q2, W2, c1, c2))
    q1 = np.array(
        [[expit(x[j] + W2[j] @ y + c1[j]) for j in range(len(c1))] for x, y in zip(below, q2, strict=True)]
    )
    return [q1, expit(q1 @ W2 + c2)]


def held_by_numpy(v, observed, h, W, b, log_variance, noise):
    v, observed, h, W, b, log_variance, noise = (
        x.numpy() for x in (v, observed, h, W, b, log_variance, noise)
    )
    return np.where(observed, v, b + h @ W.T + np.sqrt(np.exp(log_variance)) * noise)


def held_in_place(v, observed, h, W, b, log_variance, noise):
    """Right, but it writes into its argument."""
    v[~observed] = (b + h @ W.T + torch.exp(log_variance / 2) * noise)[~observed]
    return v


RIGHT = [
    ("1", log_variance_by_autograd),
    ("1", log_variance_by_library),
    ("1", lambda v, h, W, b, s: (((v - b) ** 2 / 2 - v * (h @ W.T)) * torch.exp(-s)).float()),
    ("2", deep_energy_by_library),
    ("2", deep_energy_by_rows),
    ("3", sweep_by_loops),
    (
        "3",
        lambda below, q2, W2, c1, c2: EXERCISES["3"].reference(*(x.float() for x in (below, q2, W2, c1, c2))),
    ),
    ("4", lambda p, T: np.maximum(p.numpy() @ T.numpy() - p.numpy(), 0).sum()),
    ("4", lambda p, T: sum(abs(float(p @ T[:, s] - p[s])) for s in range(len(p))) / 2),
    ("5", held_by_numpy),
    ("5", held_in_place),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message


def parallel_sweep(below, q2, W2, c1, c2):
    """Layer 2 from a layer 1 that has not been updated: its mean at the biases."""
    return torch.sigmoid(below + q2 @ W2.T + c1), torch.sigmoid(torch.sigmoid(c1).expand_as(below) @ W2 + c2)


WRONG = [
    ("1", lambda v, h, W, b, s: (v - b) ** 2 / 2 / s.exp(), "second term is missing"),
    ("1", lambda v, h, W, b, s: -log_variance_by_autograd(v, h, W, b, s), "sign is reversed"),
    ("1", lambda v, h, W, b, s: log_variance_by_autograd(v, h, W, b, s) / s.exp(), "derivative by σ²"),
    ("1", lambda v, h, W, b, s: log_variance_by_autograd(v, h, W, b, s.exp()), "not right yet"),
    ("1", lambda v, h, W, b, s: log_variance_by_autograd(v, h, W, b, s).mean(0), "not right yet"),
    ("2", lambda v, h1, h2, W1, W2, *r: deep_energy_by_library(v, h1, h2, W1, 0 * W2, *r), "is missing"),
    ("2", lambda *a: -deep_energy_by_library(*a), "sign of the whole"),
    ("2", lambda *a: deep_energy_by_library(*a).sum(), "rows are added"),
    (
        "2",
        lambda v, h1, h2, W1, W2, b, c1, c2, s: deep_energy_by_rows(v, h1, h2, W1, W2, b, c1, c2, 0 * s),
        "not",
    ),
    ("3", parallel_sweep, "not right yet"),
    ("3", lambda below, q2, W2, c1, c2: sweep_by_loops(below, 0 * q2, W2, c1, c2), "does not hear layer 2"),
    ("3", lambda below, q2, W2, c1, c2: sweep_by_loops(2 * below, q2, W2, c1, c2), "Doubling"),
    ("3", lambda below, q2, W2, c1, c2: sweep_by_loops(below, q2, W2, 0 * c1, 0 * c2), "biases"),
    ("3", lambda below, q2, W2, c1, c2: torch.sigmoid(below + q2 @ W2.T + c1), "not right yet"),
    ("4", lambda p, T: (T @ p - p).abs().sum() / 2, "Transposed"),
    ("4", lambda p, T: (p @ T - p).abs().sum(), "factor ½"),
    ("4", lambda p, T: (p @ T - p).abs().max(), "one state"),
    ("4", lambda p, T: p @ T - p, "not right yet"),
    ("5", lambda v, o, *rest: held_by_numpy(v, ~o, *rest), "upside down"),
    ("5", lambda v, o, *rest: held_by_numpy(v, o & ~o, *rest), "must stay"),
    ("5", lambda v, o, h, W, b, s, e: held_by_numpy(v, o, h, W, b, s, 0 * e), "without noise"),
    ("5", lambda v, o, h, W, b, s, e: held_by_numpy(v, o, h, W, b, 2 * s, e), "σ²"),
    ("5", lambda v, o, h, W, b, s, e: torch.where(o, v, torch.zeros_like(v)), "not right yet"),
    ("5", lambda v, o, h, W, b, s, e: torch.where(o, v, h @ W + b), "your code stops with"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message
