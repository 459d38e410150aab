"""Shared by all tests: the devices present, and small machines whose every state can be written down.

`World` is the referee: a machine's distribution by explicit loops over joint states, from the formulas in the
docstrings and from nothing in the library but the parameter values.
"""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import Phase, settings

from rbm_lib import RBM

sys.path.insert(0, str(Path(__file__).parent))  # for `import faults`

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("faults", settings.get_profile("fixed"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("fixed")  # the same examples in every run; for `make faults` without shrinking
torch.set_warn_always(True)  # a warning then appears whatever the order of the tests

KINDS = ("bernoulli", "categorical", "gaussian")
DISCRETE = ("bernoulli", "categorical")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request):
    """Every device present."""
    return torch.device(request.param)


@pytest.fixture(params=KINDS)
def kind(request):
    """Every kind of visible unit."""
    return request.param


@pytest.fixture(params=DISCRETE)
def discrete(request):
    """The kinds whose visible states can be enumerated."""
    return request.param


def seeded(seed, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def machine(kind, n_visible=4, n_hidden=3, n_levels=3, scale=0.8, seed=0, dtype=torch.float64):
    """A machine with random parameters of size `scale`, float64."""
    levels = n_levels if kind == "categorical" else None
    model = RBM(n_visible, n_hidden, kind, levels, weight_std=scale, seed=seed).to(dtype)
    generator = seeded(seed + 1000)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name != "W":
                size = 0.5 if name == "log_variance" else 0.7
                p.copy_(size * torch.randn(p.shape, generator=generator))
    return model


def random_rows(model, n, seed=0):
    """n rows that the machine's visible layer can take, of no particular distribution."""
    generator = seeded(seed + 2000)
    if model.kind == "gaussian":
        return 1.5 * torch.randn(n, model.n_visible, generator=generator, dtype=model.W.dtype)
    level = torch.randint(model.n_levels or 2, (n, model.n_visible), generator=generator)
    if model.kind == "bernoulli":
        return level.to(model.W.dtype)
    return torch.nn.functional.one_hot(level, model.n_levels).to(model.W.dtype)


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


class World:
    """Every joint state (v, h) of a machine, its energy by loops, and for Gaussian units a quadrature weight.

    v (S, n_visible[, K]), h (S, n_hidden), p (S,): the joint distribution; log_z. Units that are not observed
    are zero and have no states. A Gaussian machine gets a grid over ±12 σ beyond its extreme means: the
    rectangle rule is then exact to rounding, but only one or two visible units can be afforded.
    """

    @torch.no_grad()
    def __init__(self, model, observed=None, offset=None, points=161):
        n, kind = model.n_visible, model.kind
        seen = [True] * n if observed is None else observed.tolist()
        weight = 0.0
        if kind == "gaussian":
            axes = []
            for i in range(n):
                sigma = math.exp(0.5 * float(model.log_variance[i]))
                shift = 0.0 if offset is None else float(np.broadcast_to(offset, (n,))[i])
                centre = float(model.visible_bias[i]) + shift
                low, high = (float(model.W[i].clamp(**side).sum()) for side in ({"max": 0}, {"min": 0}))
                axis = np.linspace(centre + low - 9 * sigma, centre + high + 9 * sigma, points)
                axes.append(axis if seen[i] else [0.0])
                weight += math.log(axis[1] - axis[0]) if seen[i] else 0.0
        else:
            axes = [range(model.n_levels or 2) if s else [0] for s in seen]
        v = torch.tensor(list(itertools.product(*axes)), dtype=model.W.dtype).reshape(-1, n)
        if kind == "categorical":
            v = torch.nn.functional.one_hot(v.long(), model.n_levels).to(model.W.dtype)
            v[:, [not s for s in seen]] = 0
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


def exact_samples(model, n, seed, observed=None):
    """n independent draws (v, h): h from its exact marginal, then v given h. Missing units of v are zero."""
    from rbm_lib.likelihood import binary_states

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
