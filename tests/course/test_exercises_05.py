"""Lesson 05's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import multivariate_normal, sem

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


def gain_by_torch(log_p, z):
    gains = log_p - torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    return torch.stack([gains.mean(), 1.96 * gains.std(unbiased=False) / len(gains) ** 0.5])


def gain_by_scipy(log_p, z):
    reference = multivariate_normal(np.zeros(z.shape[1])).logpdf(z.numpy())
    gains = log_p.numpy() - reference
    return float(gains.mean()), 1.96 * sem(gains)


def sweep_by_loops(v, q1, q2, W1, W2, c1, c2, log_variance):
    v, q2, W1, W2, c1, c2, s = (x.numpy() for x in (v, q2, W1, W2, c1, c2, log_variance))
    q1 = np.array(
        [
            [expit(x / np.exp(s) @ W1[:, j] + W2[j] @ y + c1[j]) for j in range(len(c1))]
            for x, y in zip(v, q2, strict=True)
        ]
    )
    return [q1, expit(q1 @ W2 + c2)]


def sweep_by_library(v, q1, q2, W1, W2, c1, c2, log_variance):
    model = DBM([W1.shape[0], *W2.shape], "gaussian").double()
    parameters = *model.weights, *model.biases[1:], model.log_variance
    for parameter, value in zip(parameters, (W1, W2, c1, c2, log_variance), strict=True):
        parameter.data = value
    return model.mean_field(v, max_sweeps=1, start=[q1, q2]).means


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
    ("2", gain_by_torch),
    ("2", gain_by_scipy),
    ("2", lambda log_p, z: gain_by_torch(log_p.float(), z.float())),
    ("3", sweep_by_loops),
    ("3", sweep_by_library),
    ("3", lambda *arguments: EXERCISES["3"].reference(*(x.float() for x in arguments))),
    ("4", lambda p, T: np.maximum(p.numpy() @ T.numpy() - p.numpy(), 0).sum()),
    ("4", lambda p, T: sum(abs(float(p @ T[:, s] - p[s])) for s in range(len(p))) / 2),
    ("5", held_by_numpy),
    ("5", held_in_place),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message


def parallel_sweep(v, q1, q2, W1, W2, c1, c2, s):
    """Layer 2 from the layer 1 that was there before."""
    return sweep_by_loops(v, q1, q2, W1, W2, c1, c2, s)[0], expit((q1 @ W2 + c2).numpy())


def half_gain(log_p, z):
    gain, half = gain_by_torch(log_p, z)
    return gain, half / 1.96


WRONG = [
    ("1", lambda v, h, W, b, s: (v - b) ** 2 / 2 / s.exp(), "second term is missing"),
    ("1", lambda v, h, W, b, s: -log_variance_by_autograd(v, h, W, b, s), "sign is reversed"),
    ("1", lambda v, h, W, b, s: log_variance_by_autograd(v, h, W, b, s) / s.exp(), "derivative by σ²"),
    (
        "1",
        lambda v, h, W, b, s: 2 * log_variance_by_autograd(v, h, W, b, s) / (s / 2).exp(),
        "derivative by σ.",
    ),
    ("1", lambda v, h, W, b, s: log_variance_by_autograd(v, h, W, b, s.exp()), "not right yet"),
    ("1", lambda v, h, W, b, s: log_variance_by_autograd(v, h, W, b, s).mean(0), "not right yet"),
    ("2", lambda p, z: (-gain_by_torch(p, z)[0], gain_by_torch(p, z)[1]), "wrong way round"),
    ("2", lambda p, z: gain_by_torch(p - 0.5 * z.shape[1] * math.log(2 * math.pi), z), "lacks its constant"),
    ("2", lambda p, z: (p.mean(), 1.96 * p.std() / len(p) ** 0.5), "of the machine itself"),
    ("2", lambda p, z: (gain_by_torch(p, z)[0], gain_by_torch(p, z)[1] * len(z) ** 0.5), "divide by √B"),
    ("2", half_gain, "standard error"),
    ("2", lambda p, z: gain_by_torch(p, z)[0], "not right yet"),
    ("3", parallel_sweep, "at once"),
    ("3", lambda v, q1, q2, *a: sweep_by_loops(v, q1, 0 * q2, *a), "does not hear layer 2"),
    ("3", lambda v, *a: sweep_by_loops(2 * v, *a), "Doubling"),
    ("3", lambda *a: sweep_by_loops(*a[:5], 0 * a[5], 0 * a[6], a[7]), "biases"),
    ("3", lambda *a: sweep_by_loops(*a[:7], 0 * a[7]), "divided by σ²"),
    ("3", lambda *a: sweep_by_library(*a)[0], "not right yet"),
    ("4", lambda p, T: (T @ p - p).abs().sum() / 2, "Transposed"),
    ("4", lambda p, T: (p @ T - p).abs().sum(), "factor ½"),
    ("4", lambda p, T: (p @ T - p).abs().max(), "one state"),
    ("4", lambda p, T: (p @ T - p).norm() / 2, "half the Euclidean"),
    ("4", lambda p, T: p @ T - p, "not right yet"),
    ("5", lambda v, o, *rest: held_by_numpy(v, ~o, *rest), "upside down"),
    ("5", lambda v, o, *rest: held_by_numpy(v, o & ~o, *rest), "must stay"),
    ("5", lambda v, o, h, W, b, s, e: held_by_numpy(v, o, h, W, b, s, 0 * e), "without noise"),
    ("5", lambda v, o, h, W, b, s, e: held_by_numpy(v, o, h, W, b, 2 * s, e), "σ²"),
    (
        "5",
        lambda v, o, h, W, b, s, e: held_by_numpy(v, o, h, W * s.exp()[:, None], b, s, e),
        "multiplied by σ²",
    ),
    ("5", lambda v, o, h, W, b, s, e: torch.where(o, v, torch.zeros_like(v)), "not right yet"),
    ("5", lambda v, o, h, W, b, s, e: torch.where(o, v, h @ W + b), "your code stops with"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message
