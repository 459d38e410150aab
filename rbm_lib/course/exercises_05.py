"""Exercises of lesson 05: log σ², a gain, mean field, stationarity, a clamped draw."""

import math

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
        "This is the derivative by σ. The parameter is log σ²: multiply by σ/2 (chain rule).": (
            lambda v, h, W, b, s: 2 * _log_variance(v, h, W, b, s) / torch.exp(s / 2)
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

# ---- 2: a gain and its interval ------------------------------------------------------------------------


def _reference(z):
    return -0.5 * (z**2).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def _interval(gains):
    return gains.mean(), 1.96 * gains.std() / len(gains) ** 0.5


def _gain(log_p, z):
    return _interval(log_p - _reference(z))


def _gain_cases():
    """So many rows that dividing by B or by B − 1 makes no difference (see tolerance)."""
    cases = []
    for s, rows, n in ((0, 8000, 3), (20, 6000, 2), (40, 10_000, 5)):
        z = _normal(s, rows, n)
        cases.append((_reference(z) + 0.8 + 0.5 * _normal(s + 1, rows) + 0.2 * z[:, 0], z))
    return cases


def _apart(log_p, z):
    reference = _reference(z)
    spread = (log_p.var() + reference.var()).sqrt()
    return (log_p - reference).mean(), 1.96 * spread / len(z) ** 0.5


GAIN = Exercise(
    id="2",
    title="A gain and its interval",
    points=2,
    reference=_gain,
    cases=_gain_cases,
    tolerance=3e-4,
    mistakes={
        "The wrong way round: a gain is the machine's log density minus the reference's.": lambda p, z: (
            _interval(_reference(z) - p)
        ),
        "This is the mean log density of the machine itself: subtract the standard normal's.": lambda p, z: (
            _interval(p)
        ),
        "The normal density lacks its constant: −n/2 · log 2π for n dimensions.": lambda p, z: _interval(
            p + 0.5 * (z**2).sum(1)
        ),
        "The constant is that of one dimension: −½ log 2π stands there once for each of n.": lambda p, z: (
            _interval(p + 0.5 * (z**2).sum(1) + 0.5 * math.log(2 * math.pi))
        ),
        "The square in the normal density lacks its ½.": lambda p, z: _interval(
            p - _reference(z) + 0.5 * (z**2).sum(1)
        ),
        "Both stand on the same tracks: take the standard deviation of the differences, track by track.": (
            _apart
        ),
        "This interval is for single tracks. That of the mean is narrower: divide by √B.": lambda p, z: (
            (p - _reference(z)).mean(),
            1.96 * (p - _reference(z)).std(),
        ),
        "You divide by B; the error of a mean falls with √B.": lambda p, z: (
            (p - _reference(z)).mean(),
            1.96 * (p - _reference(z)).std() / len(z),
        ),
        "This is the variance; the interval needs its square root, the standard deviation.": lambda p, z: (
            (p - _reference(z)).mean(),
            1.96 * (p - _reference(z)).var() / len(z) ** 0.5,
        ),
        "This is the standard error; 1.96 of them to each side hold 95 %.": lambda p, z: (
            (p - _reference(z)).mean(),
            (p - _reference(z)).std() / len(z) ** 0.5,
        ),
        "This is the whole width; the half-width is asked for.": lambda p, z: (
            (p - _reference(z)).mean(),
            2 * 1.96 * (p - _reference(z)).std() / len(z) ** 0.5,
        ),
        "These are the ends of the interval; return the mean and the half-width.": lambda p, z: (
            _gain(p, z)[0] - _gain(p, z)[1],
            _gain(p, z)[0] + _gain(p, z)[1],
        ),
        "This is the sum over tracks; a gain is a mean, per track.": lambda p, z: (
            (p - _reference(z)).sum(),
            1.96 * (p - _reference(z)).std() / len(z) ** 0.5,
        ),
    },
)

# ---- 3: one sweep of mean field -------------------------------------------------------------------------


def _hears(v, W1, s):
    return v / torch.exp(s) @ W1


def _sweep(v, q1, q2, W1, W2, c1, c2, s):
    q1 = torch.sigmoid(_hears(v, W1, s) + q2 @ W2.T + c1)
    return q1, torch.sigmoid(q1 @ W2 + c2)


def _sweep_cases():
    cases = []
    for s, rows, n, m1, m2 in ((0, 4, 4, 3, 2), (20, 1, 3, 2, 5), (40, 3, 3, 3, 3)):
        means = _unit(s + 1, rows, m1), _unit(s + 2, rows, m2)
        weights = _normal(s + 3, n, m1), _normal(s + 4, m1, m2)
        cases.append((_normal(s, rows, n), *means, *weights, *(_normal(s + k, k) for k in (m1, m2, n))))
    return cases


def _both_from_old(v, q1, q2, W1, W2, c1, c2, s):
    return torch.sigmoid(_hears(v, W1, s) + q2 @ W2.T + c1), torch.sigmoid(q1 @ W2 + c2)


def _layer_2_first(v, q1, q2, W1, W2, c1, c2, s):
    q2 = torch.sigmoid(q1 @ W2 + c2)
    return torch.sigmoid(_hears(v, W1, s) + q2 @ W2.T + c1), q2


def _one_more(v, q1, q2, W1, W2, c1, c2, s):
    q1, q2 = _sweep(v, q1, q2, W1, W2, c1, c2, s)
    return torch.sigmoid(_hears(v, W1, s) + q2 @ W2.T + c1), q2


def _inputs(v, q1, q2, W1, W2, c1, c2, s):
    q1 = _hears(v, W1, s) + q2 @ W2.T + c1
    return q1, q1 @ W2 + c2


SWEEP = Exercise(
    id="3",
    title="One sweep of mean field",
    points=2,
    reference=_sweep,
    cases=_sweep_cases,
    mistakes={
        "Both layers move at once: layer 2 uses the old q1. Use the q1 that you have just computed.": (
            _both_from_old
        ),
        "You begin with layer 2. That climbs as well, but here layer 1 comes first.": _layer_2_first,
        "Layer 1 is updated twice: one sweep is layer 1, then layer 2.": _one_more,
        "v is not divided by σ²: layer 1 hears W1ᵀ (v/σ²).": lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(
            v, q1, q2, W1, W2, c1, c2, 0 * s
        ),
        "You divide v by σ; it is v/σ².": lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(
            v, q1, q2, W1, W2, c1, c2, s / 2
        ),
        "log_variance is log σ², not σ² itself: take its exponential.": (
            lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(v / s, q1, q2, W1, W2, c1, c2, 0 * s)
        ),
        "Layer 1 does not hear layer 2: W2 q2 is missing.": lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(
            v, q1, 0 * q2, W1, W2, c1, c2, s
        ),
        "Layer 1 does not hear the data: W1ᵀ (v/σ²) is missing.": lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(
            0 * v, q1, q2, W1, W2, c1, c2, s
        ),
        "The biases c1 and c2 are missing.": lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(
            v, q1, q2, W1, W2, 0, 0, s
        ),
        "These are the inputs of the sigmoid; q is the sigmoid of them.": _inputs,
        "You rounded: mean field keeps the probabilities themselves.": lambda *a: tuple(
            q.round() for q in _sweep(*a)
        ),
        "Doubling the input from v belongs to pretraining. Here layer 2 speaks for itself.": (
            lambda v, q1, q2, W1, W2, c1, c2, s: _sweep(2 * v, q1, q2, W1, W2, c1, c2, s)
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
        "This is half the Euclidean distance; total variation is half the sum of absolute differences.": (
            lambda p, T: 0.5 * (p @ T - p).norm()
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
        "W h is multiplied by σ². In this convention the mean given h is b + W h, whatever σ is.": (
            lambda v, o, h, W, b, s, e: _held(v, o, h, W * torch.exp(s)[:, None], b, s, e)
        ),
    },
)

EXERCISES = {e.id: e for e in (LOG_VARIANCE, GAIN, SWEEP, DRIFT, HELD)}
