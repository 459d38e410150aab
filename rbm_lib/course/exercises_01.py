"""Exercises of lesson 01: conditionals, free energy, the gradient's two phases, CD-1, log-mean-exp."""

import math

import torch
from torch.nn.functional import softplus

from rbm_lib.course.exercises import Exercise


def _normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _binary(seed, *shape):
    return (_normal(seed, *shape) > 0).double()


def _machine(seed, rows, n_visible, n_hidden):
    return _binary(seed, rows, n_visible), _normal(seed + 1, n_visible, n_hidden), _normal(seed + 2, n_hidden)


def _prob_h(v, W, c):
    return torch.sigmoid(v @ W + c)


PROB_H = Exercise(
    id="1",
    title="Hidden probabilities",
    points=2,
    reference=_prob_h,
    cases=lambda: [_machine(0, 4, 3, 2), _machine(10, 1, 2, 5), _machine(20, 3, 3, 3)],
    mistakes={
        "The hidden bias c is missing: each hidden unit has a liking of its own.": lambda v, W, c: (
            torch.sigmoid(v @ W)
        ),
        "This is the input to the sigmoid, not yet a probability.": lambda v, W, c: v @ W + c,
        "This is a softmax: hidden units would compete. They are independent, each with its own sigmoid.": (
            lambda v, W, c: torch.softmax(v @ W + c, 1)
        ),
        "You rounded: these are the likelier states. The probabilities themselves are asked for.": (
            lambda v, W, c: (v @ W + c > 0).double()
        ),
        "The sign is reversed: this is the probability of h = 0.": lambda v, W, c: torch.sigmoid(
            -(v @ W + c)
        ),
        "The bias c is subtracted. It is added: a larger c makes the unit likelier to be on.": (
            lambda v, W, c: torch.sigmoid(v @ W - c)
        ),
    },
)


def _free_energy(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum(1)


def _free_energy_cases():
    cases = []
    for seed, (rows, n_visible, n_hidden) in ((0, (5, 3, 2)), (30, (1, 4, 3)), (60, (3, 2, 2))):
        v, W, c = _machine(seed, rows, n_visible, n_hidden)
        cases.append((v, W, _normal(seed + 3, n_visible), c))
    v, W, b, c = cases[0]
    return [*cases, (torch.ones_like(v), W.abs() * 1000, b, c)]  # large inputs, where exp overflows


def _mean_field_energy(v, W, b, c):
    h = _prob_h(v, W, c)
    return -(v @ b) - (h * (v @ W + c)).sum(1)


FREE_ENERGY = Exercise(
    id="2",
    title="Free energy",
    points=2,
    reference=_free_energy,
    cases=_free_energy_cases,
    mistakes={
        "Right for small inputs, infinite for large ones: log(1 + exp(x)) overflows. Use softplus.": (
            lambda v, W, b, c: -(v @ b) - torch.log(1 + torch.exp(v @ W + c)).sum(1)
        ),
        "The sign is reversed: F is minus the log of the unnormalised probability.": (
            lambda v, W, b, c: -_free_energy(v, W, b, c)
        ),
        "The softplus is added. It is subtracted, like b·v: whatever makes v likelier lowers F.": (
            lambda v, W, b, c: -(v @ b) + softplus(v @ W + c).sum(1)
        ),
        "This is max(0, x) in place of log(1 + exp(x)): close for large x, too small near 0. Use softplus.": (
            lambda v, W, b, c: -(v @ b) - torch.relu(v @ W + c).sum(1)
        ),
        "The term of the visible bias, −b·v, is missing.": lambda v, W, b, c: -softplus(v @ W + c).sum(1),
        "The hidden bias c is missing inside the softplus.": lambda v, W, b, c: (
            -(v @ b) - softplus(v @ W).sum(1)
        ),
        "This is the energy at h = p(h given v). The free energy sums over all h, which adds their entropy: "
        "softplus.": (_mean_field_energy),
        "The rows are added up: return one free energy per row, shape (B,).": (
            lambda v, W, b, c: _free_energy(v, W, b, c).sum()
        ),
        "The rows are averaged: return one free energy per row, shape (B,).": (
            lambda v, W, b, c: _free_energy(v, W, b, c).mean()
        ),
    },
)


def _weight_gradient(v_data, h_data, v_model, h_model):
    return v_data.T @ h_data / len(v_data) - v_model.T @ h_model / len(v_model)


def _gradient_cases():
    cases = []
    for seed, (n_data, n_model) in ((0, (4, 6)), (40, (5, 2)), (80, (3, 7))):
        v_data, h_data = _binary(seed, n_data, 3), torch.sigmoid(_normal(seed + 1, n_data, 2))
        v_model, h_model = _binary(seed + 2, n_model, 3), torch.sigmoid(_normal(seed + 3, n_model, 2))
        cases.append((v_data, h_data, v_model, h_model))
    return cases


WEIGHT_GRADIENT = Exercise(
    id="3",
    title="The two phases",
    points=2,
    reference=_weight_gradient,
    cases=_gradient_cases,
    mistakes={
        "The sign is reversed: this goes downhill. Uphill is data minus model.": (
            lambda v, h, v_m, h_m: -_weight_gradient(v, h, v_m, h_m)
        ),
        "These are sums. Divide each phase by its own number of rows.": lambda v, h, v_m, h_m: (
            v.T @ h - v_m.T @ h_m
        ),
        "The model's phase is divided by the number of data rows; divide it by its own.": (
            lambda v, h, v_m, h_m: (v.T @ h - v_m.T @ h_m) / len(v)
        ),
        "The data's phase is divided by the number of model rows; divide it by its own.": (
            lambda v, h, v_m, h_m: (v.T @ h - v_m.T @ h_m) / len(v_m)
        ),
        "Both phases are divided by the total number of rows; divide each by its own.": (
            lambda v, h, v_m, h_m: (v.T @ h - v_m.T @ h_m) / (len(v) + len(v_m))
        ),
        "The phases are added. The gradient is their difference.": (
            lambda v, h, v_m, h_m: v.T @ h / len(v) + v_m.T @ h_m / len(v_m)
        ),
        "This is the positive phase alone: the weights would grow without end.": lambda v, h, v_m, h_m: (
            v.T @ h / len(v)
        ),
        "This is (n_hidden, n_visible); W is (n_visible, n_hidden): transpose.": (
            lambda v, h, v_m, h_m: _weight_gradient(v, h, v_m, h_m).T
        ),
        "This multiplies the averages of v and of h. Average the products: v_i h_j row by row.": (
            lambda v, h, v_m, h_m: torch.outer(v.mean(0), h.mean(0)) - torch.outer(v_m.mean(0), h_m.mean(0))
        ),
    },
)


def _cd_1(
    v, W, b, c, uniform, draw=lambda p, u: (u < p).double(), stale=False, counted=None, visible=torch.sigmoid
):
    """CD-1 for W with mean visible units. The keyword arguments put in the usual mistakes."""
    p = torch.sigmoid(v @ W + c)
    h = draw(p, uniform)
    v_1 = visible(h @ W.T + b)
    p_1 = p if stale else torch.sigmoid(v_1 @ W + c)
    return _weight_gradient(v, h if counted == "drawn" else p, v_1, p_1)


def _cd_cases():
    cases = []
    for seed, (rows, n_visible, n_hidden) in ((0, (6, 3, 2)), (50, (1, 4, 3)), (90, (5, 2, 4))):
        v, W, c = _machine(seed, rows, n_visible, n_hidden)
        uniform = torch.rand(rows, n_hidden, generator=torch.Generator().manual_seed(seed)).double()
        cases.append((v, W, _normal(seed + 3, n_visible), c, uniform))
    return cases


CD_1 = Exercise(
    id="4",
    title="One step of contrastive divergence",
    points=2,
    reference=lambda v, W, b, c, uniform: _cd_1(v, W, b, c, uniform),
    cases=_cd_cases,
    mistakes={
        "The sign is reversed: this goes downhill. Uphill is data minus model.": lambda *a: -_cd_1(*a),
        "The last hidden probabilities come from the data. They must come from the new v.": (
            lambda *a: _cd_1(*a, stale=True)
        ),
        "The drawn h is counted in the data's phase. It only drives the chain; count its probability p.": (
            lambda *a: _cd_1(*a, counted="drawn")
        ),
        "No hidden state is drawn: the chain is driven by p itself. Draw h = 1 where uniform < p.": (
            lambda *a: _cd_1(*a, draw=lambda p, u: p)
        ),
        "Hidden units are on where uniform > p, so with probability 1 − p. On is uniform < p.": (
            lambda *a: _cd_1(*a, draw=lambda p, u: (u > p).double())
        ),
        "Hidden units are on where p > ½. Draw them: on where uniform < p.": (
            lambda *a: _cd_1(*a, draw=lambda p, u: (p > 0.5).double())
        ),
        "The visible units are rounded. For what is only counted take the probabilities.": (
            lambda *a: _cd_1(*a, visible=lambda x: (x > 0).double())
        ),
        "The new v is the input to the sigmoid, not yet a probability.": (
            lambda *a: _cd_1(*a, visible=lambda x: x)
        ),
        "The visible bias b is missing in the way back.": lambda v, W, b, c, u: _cd_1(v, W, 0 * b, c, u),
        "The hidden bias c is missing.": lambda v, W, b, c, u: _cd_1(v, W, b, 0 * c, u),
        "These are sums. Divide by the number of rows.": lambda v, *a: len(v) * _cd_1(v, *a),
        "This is (n_hidden, n_visible); W is (n_visible, n_hidden): transpose.": lambda *a: _cd_1(*a).T,
    },
)


def _log_mean_exp(log_weights):
    return torch.logsumexp(log_weights, 0) - math.log(len(log_weights))


LOG_MEAN_EXP = Exercise(
    id="5",
    title="The log of a mean",
    points=2,
    reference=_log_mean_exp,
    cases=lambda: [(_normal(0, 5),), (3 * _normal(1, 20),), (_normal(2, 8) + 1000,), (_normal(3, 4) - 2000,)],
    mistakes={
        "This is the mean of the logs, which is lower than the log of the mean (Jensen).": lambda w: w.mean(),
        "This is the log of the sum; for the mean subtract log M.": lambda w: torch.logsumexp(w, 0),
        "You divide the log by M. Dividing the sum by M means subtracting log M from its log.": (
            lambda w: torch.logsumexp(w, 0) / len(w)
        ),
        "You subtract M. Dividing the sum by M means subtracting log M from its log.": (
            lambda w: torch.logsumexp(w, 0) - len(w)
        ),
        "Right for small weights, infinite for large ones: do not leave the logarithm. Use logsumexp.": (
            lambda w: torch.log(torch.exp(w).mean())
        ),
        "This is the largest weight alone.": lambda w: w.max(),
        "You took the largest weight out of the exponentials and did not add it back.": lambda w: torch.log(
            torch.exp(w - w.max()).mean()
        ),
        "You add log M. Dividing the sum by M means subtracting log M.": lambda w: (
            torch.logsumexp(w, 0) + math.log(len(w))
        ),
    },
)

EXERCISES = {e.id: e for e in (PROB_H, FREE_ENERGY, WEIGHT_GRADIENT, CD_1, LOG_MEAN_EXP)}
