"""Shared by all tests: the devices present, and small machines whose every state can be written down.

`World` and `DeepWorld` are the referees: a machine's distribution by explicit loops over joint states, from
the formulas in the docstrings and from nothing in the library but the parameter values.
"""

import itertools
import math
import os
from pathlib import Path
from statistics import NormalDist

import numpy as np
import torch

from rbm_lib import DBM, RBM

ROOT = Path(__file__).resolve().parents[1]

LONG = os.environ.get("RBM_LONG") == "1"  # make test-long
TIMES = 10 if LONG else 1  # samples, examples and kills, as multiples of those in `make test`

KINDS = ("bernoulli", "categorical", "gaussian")
DISCRETE = ("bernoulli", "categorical")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]



def seeded(seed, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def machine(kind, n_visible=4, n_hidden=3, n_levels=3, scale=0.8, seed=0, dtype=torch.float64):
    """A machine with random parameters of size `scale`, float64."""
    levels = n_levels if kind == "categorical" else None
    return _random_biases(RBM(n_visible, n_hidden, kind, levels, weight_std=scale, seed=seed).to(dtype), seed)


def deep_machine(kind, sizes=(2, 3, 2), n_levels=3, scale=0.8, seed=0, dtype=torch.float64):
    """A deep machine with random parameters, weights of size `scale`, float64."""
    levels = n_levels if kind == "categorical" else None
    return _random_biases(DBM(sizes, kind, levels, weight_std=scale, seed=seed).to(dtype), seed)


@torch.no_grad()
def _random_biases(model, seed):
    generator = seeded(seed + 1000)
    for name, p in model.named_parameters():
        if name not in model.weight_names:
            size = 0.5 if name == "log_variance" else 0.7
            p.copy_(size * torch.randn(p.shape, generator=generator))
    return model


def random_rows(model, n, seed=0):
    """n rows that the machine's visible layer can take, of no particular distribution."""
    generator = seeded(seed + 2000)
    if model.kind == "gaussian":
        return 1.5 * torch.randn(n, model.n_visible, generator=generator, dtype=model.visible_bias.dtype)
    level = torch.randint(model.n_levels or 2, (n, model.n_visible), generator=generator)
    if model.kind == "bernoulli":
        return level.to(model.visible_bias.dtype)
    return torch.nn.functional.one_hot(level, model.n_levels).to(model.visible_bias.dtype)


def random_mask(n, n_visible, seed=0, share=0.6):
    """A mask per row; row 0 sees everything and row 1 nothing."""
    mask = torch.rand(n, n_visible, generator=seeded(seed + 3000)) < share
    mask[0] = True
    if n > 1:
        mask[1] = False
    return mask


def spread(mask, v):
    """A mask in the shape of v."""
    return mask if v.ndim == mask.ndim else mask[..., None].expand(v.shape)


def without(model, keep):
    """The machine that has only the visible units `keep`."""
    small = RBM(int(keep.sum()), model.n_hidden, model.kind, model.n_levels).to(model.W.dtype)
    with torch.no_grad():
        small.W.copy_(model.W[keep])
        small.visible_bias.copy_(model.visible_bias[keep])
        small.hidden_bias.copy_(model.hidden_bias)
        if model.log_variance is not None:
            small.log_variance.copy_(model.log_variance[keep])
    return small


@torch.no_grad()
def deep_without(model, keep):
    """The deep machine that has only the visible units `keep`."""
    sizes = [int(keep.sum()), *model.sizes[1:]]
    small = DBM(sizes, model.kind, model.n_levels).to(model.visible_bias.dtype)
    of_units = ("weights.0", "biases.0", "log_variance")
    for name, p in small.named_parameters():
        whole = model.get_parameter(name)
        p.copy_(whole[keep] if name in of_units else whole)
    return small


@torch.no_grad()
def given(model, v, clamp, keep):
    """The machine of the units `keep` while the units `clamp` are held at v: their pull becomes a bias."""
    free = without(model, keep) if isinstance(model, RBM) else deep_without(model, keep)
    W, bias = (model.W, free.hidden_bias) if isinstance(model, RBM) else (model.weights[0], free.biases[1])
    x = v if model.log_variance is None else v / torch.exp(model.log_variance)
    bias += (x * spread(clamp, x)).flatten() @ W.flatten(0, -2)
    return free


def energy_by_loops(model, v, h, observed=None, offset=None):
    """E(v, h) of one row, term by term, in Python numbers."""
    W, b, c = (p.detach().tolist() for p in (model.W, model.visible_bias, model.hidden_bias))
    log_variance = None if model.log_variance is None else model.log_variance.tolist()
    offset = np.broadcast_to(0.0 if offset is None else offset, np.shape(b)).tolist()
    v, h = v.tolist(), h.tolist()
    energy = -sum(c[j] * h[j] for j in range(len(h)))
    for i in range(len(v)):
        if observed is not None and not observed[i]:
            continue
        if model.kind == "bernoulli":
            energy -= (b[i] + offset[i]) * v[i]
            energy -= sum(v[i] * W[i][j] * h[j] for j in range(len(h)))
        elif model.kind == "categorical":
            for k in range(len(v[i])):
                energy -= (b[i][k] + offset[i][k]) * v[i][k]
                energy -= sum(v[i][k] * W[i][k][j] * h[j] for j in range(len(h)))
        else:
            variance = math.exp(log_variance[i])
            energy += (v[i] - b[i] - offset[i]) ** 2 / (2 * variance)
            energy -= sum(v[i] / variance * W[i][j] * h[j] for j in range(len(h)))
    return energy


def deep_energy_by_loops(model, v, hidden, observed=None, offset=None):
    """E of many visible states v, a NumPy array (S, n_visible[, K]), and one joint hidden state, (S,)."""
    W, b = model.weights[0].detach().numpy(), model.biases[0].detach().numpy()
    b = b + np.broadcast_to(0.0 if offset is None else offset, b.shape)
    weights, biases = ([p.tolist() for p in group] for group in (model.weights, model.biases))
    energy = np.zeros(len(v))
    for i in range(model.n_visible):
        if observed is not None and not observed[i]:
            continue
        if model.kind == "gaussian":
            variance = math.exp(model.log_variance[i].item())
            energy += (v[:, i] - b[i]) ** 2 / (2 * variance)
            for j, h in enumerate(hidden[0]):
                energy -= v[:, i] / variance * W[i, j] * h
            continue
        for k in range(model.n_levels or 1):
            unit = (i, k) if model.kind == "categorical" else (i,)
            energy -= v[(slice(None), *unit)] * b[unit]
            for j, h in enumerate(hidden[0]):
                energy -= v[(slice(None), *unit)] * W[(*unit, j)] * h
    for below in range(len(hidden)):
        for i, h in enumerate(hidden[below]):
            energy -= biases[below + 1][i] * h
            if below + 1 < len(hidden):
                for j, g in enumerate(hidden[below + 1]):
                    energy -= h * weights[below + 1][i][j] * g
    return energy


def visible_states(model, W, observed=None, offset=None, points=161):
    """Every state of the visible layer, and the log of a cell's volume (0 for units with levels).

    Units that are not observed are zero and have no states. A Gaussian machine gets a grid over ±9 σ beyond
    its extreme means: the rectangle rule is then exact to rounding, but only one or two visible units can be
    afforded.
    """
    n, kind, weight = model.n_visible, model.kind, 0.0
    seen = [True] * n if observed is None else observed.tolist()
    if kind == "gaussian":
        axes = []
        for i in range(n):
            sigma = math.exp(0.5 * float(model.log_variance[i]))
            shift = 0.0 if offset is None else float(np.broadcast_to(offset, (n,))[i])
            centre = float(model.visible_bias[i]) + shift
            low, high = (float(W[i].clamp(**side).sum()) for side in ({"max": 0}, {"min": 0}))
            axis = np.linspace(centre + low - 9 * sigma, centre + high + 9 * sigma, points)
            axes.append(axis if seen[i] else [0.0])
            weight += math.log(axis[1] - axis[0]) if seen[i] else 0.0
    else:
        axes = [range(model.n_levels or 2) if s else [0] for s in seen]
    v = torch.tensor(list(itertools.product(*axes)), dtype=W.dtype).reshape(-1, n)
    if kind == "categorical":
        v = torch.nn.functional.one_hot(v.long(), model.n_levels).to(W.dtype)
        v[:, [not s for s in seen]] = 0
    return v, weight


class World:
    """Every joint state (v, h) of a machine, its energy by loops, and for Gaussian units a quadrature weight.

    v (S, n_visible[, K]), h (S, n_hidden), p (S,): the joint distribution; log_z.
    """

    @torch.no_grad()
    def __init__(self, model, observed=None, offset=None, points=161):
        v, weight = visible_states(model, model.W, observed, offset, points)
        h = torch.tensor(list(itertools.product([0.0, 1.0], repeat=model.n_hidden)), dtype=model.W.dtype)
        self.n_v, self.n_h = len(v), len(h)
        self.v, self.h = v.repeat_interleave(len(h), 0), h.repeat(len(v), 1)
        if len(self.v) <= 5000:
            energy = [
                energy_by_loops(model, a, b, observed, offset) for a, b in zip(self.v, self.h, strict=True)
            ]
            energy = torch.tensor(energy, dtype=model.W.dtype)
        else:  # quadrature grids: the library's energy, which the loops check elsewhere
            energy = model.energy(
                self.v, self.h, observed, None if offset is None else torch.as_tensor(offset)
            )
        self.log_weight = (weight - energy).detach()
        self.log_z = torch.logsumexp(self.log_weight, 0)
        self.p = torch.exp(self.log_weight - self.log_z)
        self.p_v = self.p.view(self.n_v, self.n_h).sum(1)
        self.p_h = self.p.view(self.n_v, self.n_h).sum(0)
        self.visible_states, self.hidden_states = v, h

    def sample(self, n, seed):
        """n independent draws (v, h) from the joint distribution."""
        index = torch.multinomial(self.p, n, replacement=True, generator=seeded(seed))
        return self.v[index], self.h[index]

    def mean(self, f):
        """Expectation of f(v, h), whose rows are states."""
        value = f(self.v, self.h)
        return (self.p.view(-1, *[1] * (value.ndim - 1)) * value).sum(0)


class DeepWorld:
    """Every joint state of a deep machine, its energy by loops, and for Gaussian units a quadrature weight.

    v (S, n_visible[, K]), hidden [(S, n1), …], p (S,): the joint distribution, also as `joint` (n_v, n_h);
    log_z; log_star (n_v,): log of the sum over hidden states of exp(−E).
    """

    @torch.no_grad()
    def __init__(self, model, observed=None, offset=None, points=61):
        v, weight = visible_states(model, model.weights[0], observed, offset, points)
        layers = [list(itertools.product([0.0, 1.0], repeat=n)) for n in model.sizes[1:]]
        states = list(itertools.product(*layers))
        values = v.numpy()
        energy = [deep_energy_by_loops(model, values, state, observed, offset) for state in states]
        self.energy = torch.from_numpy(np.stack(energy, 1))
        self.log_star = torch.logsumexp(-self.energy, 1)
        self.log_z = torch.logsumexp(weight - self.energy.flatten(), 0)
        self.joint = torch.exp(weight - self.energy - self.log_z)
        self.p, self.n_v, self.n_h = self.joint.flatten(), len(v), len(states)
        self.visible_states = v
        self.hidden_states = [torch.tensor([s[i] for s in states], dtype=v.dtype) for i in range(len(layers))]
        self.v = v.repeat_interleave(len(states), 0)
        self.hidden = [h.repeat(len(v), 1) for h in self.hidden_states]

    def moments(self, statistic):
        """Mean and variance of statistic(v, h1, h2, …), whose rows are states."""
        value = statistic(self.v, *self.hidden)
        mean = self.p @ value
        return mean, self.p @ value**2 - mean**2

    def sample(self, model, n, seed):
        """n independent draws (v, [h1, h2, …]): hidden states by their probability, then v given h1."""
        generator = seeded(seed)
        index = torch.multinomial(self.joint.sum(0), n, replacement=True, generator=generator)
        hidden = [h[index] for h in self.hidden_states]
        if model.kind == "gaussian":
            mean = (model.visible_bias + hidden[0] @ model.weights[0].T).detach()
            noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
            return mean + torch.exp(0.5 * model.log_variance.detach()) * noise, hidden
        v_given_h = (self.joint / self.joint.sum(0)).T[index]
        return self.visible_states[torch.multinomial(v_given_h, 1, generator=generator)[:, 0]], hidden


def exact_samples(model, n, seed, observed=None):
    """n independent draws (v, h): h from its exact marginal, then v given h. Missing units of v are zero."""
    from rbm_lib.likelihood.exact import binary_states

    with torch.no_grad():
        h = binary_states(model.n_hidden, like=model.W)
        cumulant = model.visible_units().cumulant(model.input_to_visible(h))
        if observed is not None:
            cumulant = cumulant * observed
        p = torch.softmax(cumulant.sum(-1) + h @ model.hidden_bias, 0)
        generator = seeded(seed)
        h = h[torch.multinomial(p, n, replacement=True, generator=generator)]
        v = model.sample_v_given_h(h, generator=generator)
    return (
        v if observed is None else torch.where(spread(observed.expand(n, -1), v), v, torch.zeros_like(v))
    ), h


# ---- statistics -------------------------------------------------------------------------------------------


def pairs(v, *hidden):
    """Single-unit and pair statistics of every unit of all layers, (rows, statistics)."""
    x = torch.cat([v.flatten(1), *hidden], 1)
    i, j = torch.triu_indices(x.shape[1], x.shape[1])
    return torch.cat([x, x[:, i] * x[:, j]], 1)


def assert_drawn_from(drawn, mean, variance):
    """Means of the rows `drawn` lie within a Bonferroni bound (one false alarm in 10,000 tests) of `mean`."""
    moving = variance > 1e-12
    z = (drawn.mean(0) - mean)[moving] * torch.sqrt(len(drawn) / variance[moving])
    bound = NormalDist().inv_cdf(1 - 1e-4 / (2 * len(z)))
    assert z.abs().max() < bound, f"z = {z.abs().max():.1f}, bound {bound:.1f}, statistic {z.abs().argmax()}"


def assert_close_in_mean(runs, expected, bound=4.8):
    """The mean of repeated gradients lies within `bound` standard errors of `expected`, entry by entry."""
    for name, target in expected.items():
        draws = torch.stack([run[name] for run in runs])
        spread_of_draws = draws.std(0)
        error = (draws.mean(0) - target).abs()
        still = spread_of_draws < 1e-12
        assert float(error[still].max() if still.any() else 0) < 1e-10, name
        z = error[~still] / spread_of_draws[~still] * len(runs) ** 0.5
        assert float(z.max() if len(z) else 0) < bound, f"{name}: {float(z.max()):.1f} standard errors"
