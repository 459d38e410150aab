"""Exercises of lesson 05: log σ², a deep energy, mean field, stationarity, a clamped draw."""

import torch

from rbm_lib.course.exercises import Exercise


def _normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _binary(seed, *shape):
    return (_normal(seed, *shape) > 0).double()


def _unit(seed, *shape):
    return torch.sigmoid(_normal(seed, *shape))


# ---- 1: the gradient of log σ² --------------------------------------------------------------------------


def _log_variance(v, h, W, b, log_variance):
    variance = torch.exp(log_variance)
    return (v - b) ** 2 / (2 * variance) - v / variance * (h @ W.T)


def _gaussian_cases():
    return [
        (
            _normal(s, rows, n),
            _binary(s + 1, rows, m),
            _normal(s + 2, n, m),
            _normal(s + 3, n),
            _normal(s + 4, n),
        )
        for s, rows, n, m in ((0, 5, 3, 2), (20, 1, 4, 3), (40, 3, 3, 3))
    ]


LOG_VARIANCE = Exercise(
    id="1",
    title="Both terms of log σ²",
    points=2,
    reference=_log_variance,
    cases=_gaussian_cases,
    mistakes={
        "The second term is missing: the coupling v/σ² · W h depends on σ², too.": lambda v, h, W, b, s: (
            (v - b) ** 2 / (2 * torch.exp(s))
        ),
        "The coupling has the wrong sign: a larger σ² weakens it, which raises E where the coupling is "
        "positive.": (lambda v, h, W, b, s: (v - b) ** 2 / (2 * torch.exp(s)) + v / torch.exp(s) * (h @ W.T)),
        "The sign is reversed: this is +∂E/∂log σ². The positive phase needs −∂E/∂log σ².": (
            lambda v, h, W, b, s: -_log_variance(v, h, W, b, s)
        ),
        "This is the derivative by σ². The parameter is log σ²: multiply by σ² (chain rule).": (
            lambda v, h, W, b, s: _log_variance(v, h, W, b, s) / torch.exp(s)
        ),
        "This is the derivative by log σ. log σ² is twice that, so its derivative is half of it.": (
            lambda v, h, W, b, s: 2 * _log_variance(v, h, W, b, s)
        ),
        "The coupling of this energy is v/σ² · W h with v itself, not with v − b.": lambda v, h, W, b, s: (
            (v - b) ** 2 / (2 * torch.exp(s)) - (v - b) / torch.exp(s) * (h @ W.T)
        ),
        "You divide by σ; the energy divides by σ².": lambda v, h, W, b, s: _log_variance(v, h, W, b, s / 2),
        "log_variance is log σ², not σ² itself: take its exponential.": lambda v, h, W, b, s: (
            (v - b) ** 2 / (2 * s) - v / s * (h @ W.T)
        ),
    },
)

# ---- 2: the energy of a deep machine --------------------------------------------------------------------


def _deep_energy(v, h1, h2, W1, W2, b, c1, c2, log_variance):
    variance = torch.exp(log_variance)
    visible = ((v - b) ** 2 / (2 * variance)).sum(1) - ((v / variance) @ W1 * h1).sum(1)
    return visible - (h1 @ W2 * h2).sum(1) - h1 @ c1 - h2 @ c2


def _deep_cases():
    cases = []
    for s, rows, n, m1, m2 in ((0, 5, 3, 2, 4), (30, 1, 4, 3, 2), (60, 3, 2, 3, 3)):
        layers = _normal(s, rows, n), _binary(s + 1, rows, m1), _binary(s + 2, rows, m2)
        weights = _normal(s + 3, n, m1), _normal(s + 4, m1, m2)
        cases.append((*layers, *weights, *(_normal(s + 5 + i, k) for i, k in enumerate((n, m1, m2, n)))))
    return cases


def _instead(**changed):
    """The deep energy with some arguments replaced: name → function of all of them."""
    names = ("v", "h1", "h2", "W1", "W2", "b", "c1", "c2", "log_variance")

    def energy(*arguments):
        given = dict(zip(names, arguments, strict=True))
        return _deep_energy(**given | {name: new(given) for name, new in changed.items()})

    return energy


DEEP_ENERGY = Exercise(
    id="2",
    title="The energy of a deep machine",
    points=2,
    reference=_deep_energy,
    cases=_deep_cases,
    mistakes={
        "The coupling of the two hidden layers, −h1·W2·h2, is missing.": _instead(W2=lambda a: 0 * a["W2"]),
        "The hidden biases are missing: −c1·h1 − c2·h2.": _instead(
            c1=lambda a: 0 * a["c1"], c2=lambda a: 0 * a["c2"]
        ),
        "The bias of the top layer, −c2·h2, is missing.": _instead(c2=lambda a: 0 * a["c2"]),
        "The first coupling lacks its 1/σ²: it is (v/σ²)·W1·h1.": lambda v, h1, h2, W1, W2, b, c1, c2, s: (
            _deep_energy(v, h1, h2, W1 * torch.exp(s)[:, None], W2, b, c1, c2, s)
        ),
        "The square lacks its ½.": lambda v, h1, h2, W1, W2, b, c1, c2, s: (
            _deep_energy(v, h1, h2, W1, W2, b, c1, c2, s) + ((v - b) ** 2 / (2 * torch.exp(s))).sum(1)
        ),
        "You divide by σ; the energy divides by σ².": _instead(log_variance=lambda a: a["log_variance"] / 2),
        "The couplings are added. What fits lowers the energy: both have a minus sign.": _instead(
            W1=lambda a: -a["W1"], W2=lambda a: -a["W2"]
        ),
        "The sign of the whole is reversed.": lambda *a: -_deep_energy(*a),
        "The rows are added up: return one energy per row, shape (B,).": lambda *a: _deep_energy(*a).sum(),
        "The rows are averaged: return one energy per row, shape (B,).": lambda *a: _deep_energy(*a).mean(),
    },
)

# ---- 3: one sweep of mean field -------------------------------------------------------------------------


def _sweep(below, q2, W2, c1, c2):
    q1 = torch.sigmoid(below + q2 @ W2.T + c1)
    return q1, torch.sigmoid(q1 @ W2 + c2)


def _sweep_cases():
    return [
        (
            _normal(s, rows, m1),
            _unit(s + 1, rows, m2),
            _normal(s + 2, m1, m2),
            _normal(s + 3, m1),
            _normal(s + 4, m2),
        )
        for s, rows, m1, m2 in ((0, 4, 3, 2), (20, 1, 2, 5), (40, 3, 3, 3))
    ]


def _without_below(below, q2, W2, c1, c2):
    return _sweep(torch.zeros_like(below), q2, W2, c1, c2)


SWEEP = Exercise(
    id="3",
    title="One sweep of mean field",
    points=2,
    reference=_sweep,
    cases=_sweep_cases,
    mistakes={
        "Layer 2 hears nothing of the new layer 1: use the q1 that you have just computed.": (
            lambda below, q2, W2, c1, c2: (
                torch.sigmoid(below + q2 @ W2.T + c1),
                torch.sigmoid(torch.sigmoid(below + c1) @ W2 + c2),
            )
        ),
        "Layer 1 does not hear layer 2: its input is below + W2 q2 + c1.": lambda below, q2, W2, c1, c2: (
            torch.sigmoid(below + c1),
            torch.sigmoid(torch.sigmoid(below + c1) @ W2 + c2),
        ),
        "Layer 1 does not hear the data: its input is below + W2 q2 + c1.": _without_below,
        "The biases c1 and c2 are missing.": lambda below, q2, W2, c1, c2: _sweep(below, q2, W2, 0, 0),
        "These are the inputs of the sigmoid; q is the sigmoid of them.": lambda below, q2, W2, c1, c2: (
            below + q2 @ W2.T + c1,
            (below + q2 @ W2.T + c1) @ W2 + c2,
        ),
        "You rounded: mean field keeps the probabilities themselves.": lambda *a: tuple(
            q.round() for q in _sweep(*a)
        ),
        "Doubling the input from below belongs to pretraining. Here layer 2 speaks for itself.": (
            lambda below, q2, W2, c1, c2: _sweep(2 * below, q2, W2, c1, c2)
        ),
    },
)

# ---- 4: does a chain leave p alone? ---------------------------------------------------------------------


def _drift(p, T):
    return 0.5 * (p @ T - p).abs().sum()


def _chain_cases():
    cases = []
    for s, n in ((0, 4), (10, 7), (20, 2)):
        cases.append((torch.softmax(_normal(s, n), 0), torch.softmax(2 * _normal(s + 1, n, n), 1)))
    return cases


DRIFT = Exercise(
    id="4",
    title="Does the chain leave p alone?",
    points=2,
    reference=_drift,
    cases=_chain_cases,
    mistakes={
        "Transposed: T[s, t] leads from s to t, so the next distribution is p T, not T p.": lambda p, T: (
            0.5 * (T @ p - p).abs().sum()
        ),
        "The factor ½ is missing: total variation lies between 0 and 1.": lambda p, T: (
            (p @ T - p).abs().sum()
        ),
        "This is the largest difference of one state; total variation is half the sum.": lambda p, T: (
            (p @ T - p).abs().max()
        ),
        "This is the mean difference; total variation is half the sum.": lambda p, T: (
            (p @ T - p).abs().mean()
        ),
        "Without absolute values the differences cancel: both distributions sum to 1.": lambda p, T: (
            0.5 * (p @ T - p).sum()
        ),
        "This is the Euclidean distance; total variation is half the sum of absolute differences.": (
            lambda p, T: (p @ T - p).norm()
        ),
    },
)

# ---- 5: hold what is known, draw the rest ---------------------------------------------------------------


def _held(v, observed, h, W, b, log_variance, noise):
    drawn = b + h @ W.T + torch.exp(0.5 * log_variance) * noise
    return torch.where(observed, v, drawn)


def _held_cases():
    cases = []
    for s, rows, n, m in ((0, 5, 3, 2), (20, 2, 4, 3), (40, 3, 3, 3)):
        observed = _normal(s + 5, rows, n) > 0
        observed[0, 0], observed[0, 1] = True, False
        machine = _normal(s + 2, n, m), _normal(s + 3, n), _normal(s + 4, n)
        cases.append(
            (_normal(s, rows, n), observed, _binary(s + 1, rows, m), *machine, _normal(s + 6, rows, n))
        )
    return cases


HELD = Exercise(
    id="5",
    title="Hold what is known",
    points=2,
    reference=_held,
    cases=_held_cases,
    mistakes={
        "The mask is upside down: what was observed stays, the rest is drawn.": lambda v, o, h, W, b, s, e: (
            _held(v, ~o, h, W, b, s, e)
        ),
        "Everything is drawn afresh: what was observed must stay.": lambda v, o, h, W, b, s, e: _held(
            v, torch.zeros_like(o), h, W, b, s, e
        ),
        "This is the mean, without noise: of draws made so the spread says nothing.": (
            lambda v, o, h, W, b, s, e: _held(v, o, h, W, b, s, 0 * e)
        ),
        "The noise is multiplied by σ²; a draw has standard deviation σ: exp(log_variance / 2).": (
            lambda v, o, h, W, b, s, e: _held(v, o, h, W, b, 2 * s, e)
        ),
        "The noise has standard deviation 1; multiply it by σ: exp(log_variance / 2).": (
            lambda v, o, h, W, b, s, e: _held(v, o, h, W, b, 0 * s, e)
        ),
        "The bias b is missing: the mean given h is b + W h.": lambda v, o, h, W, b, s, e: _held(
            v, o, h, W, 0 * b, s, e
        ),
        "W h is missing: the mean given h is b + W h.": lambda v, o, h, W, b, s, e: _held(
            v, o, 0 * h, W, b, s, e
        ),
        "W h is divided by σ². In this convention the mean given h is b + W h, whatever σ is.": (
            lambda v, o, h, W, b, s, e: _held(v, o, h, W * torch.exp(-s)[:, None], b, s, e)
        ),
    },
)

EXERCISES = {e.id: e for e in (LOG_VARIANCE, DEEP_ENERGY, SWEEP, DRIFT, HELD)}
