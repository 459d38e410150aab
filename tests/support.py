"""Small random models of every visible type, and a referee that knows their distributions.

`World` follows the energies in the docstrings of `RBM` and `DBM`. From the library it takes
the parameters and the order of the units, and no formula.
"""

import itertools
import os
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import pytest
import torch

from rbm_lib.models import DBM, DBN, RBM, Bernoulli, Categorical, Gaussian, Layer, Layers
from rbm_lib.models.units import as_layer

ROOT = Path(__file__).resolve().parents[1]

LONG = os.environ.get("RBM_LONG") == "1"  # make test-long
TIMES = 10 if LONG else 1  # samples, examples and kills, as multiples of `make test`

VISIBLE = ("bernoulli", "categorical", "gaussian", "mixed")
DISCRETE = ("bernoulli", "categorical")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def seeded(seed, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


# Models, rows, masks and offsets


def visible_layer(visible, n_units, n_levels=3):
    """The layer of this name; a mixed one has real, binary and categorical units."""
    if isinstance(visible, Layer):
        return visible
    if visible != "mixed":
        return as_layer(n_units, visible, n_levels if visible == "categorical" else None)
    binary = [Bernoulli(n_units - 2)] if n_units > 2 else []
    return Layers(*[Gaussian(1), *binary, Categorical(1, n_levels)][-n_units:])


def random_rbm(visible, n_visible=4, n_hidden=3, n_levels=3, **options):
    """An RBM with random parameters; `visible` is a name or a layer."""
    return _randomise(RBM(visible_layer(visible, n_visible, n_levels), n_hidden), **options)


def random_dbm(visible, sizes=(2, 3, 2), n_levels=3, **options):
    """A DBM with random parameters; `visible` is a name or a layer."""
    layer = visible_layer(visible, sizes[0], n_levels)
    return _randomise(DBM([layer, *sizes[1:]]), **options)


@torch.no_grad()
def _randomise(model, scale=0.8, seed=0, dtype=torch.float64):
    weights = seeded(seed)
    biases = seeded(seed + 1000)
    for name, p in model.named_parameters():
        if name in model.weight_names:
            p.copy_(scale * torch.randn(p.shape, generator=weights))
        else:
            size = 0.5 if name == "log_variance" else 0.7
            p.copy_(size * torch.randn(p.shape, generator=biases))
    return model.to(dtype)


def random_dbn(visible, sizes=(2, 3, 2), n_classes=None, scale=0.8, seed=0):
    """A DBN made of random RBMs; `visible` is a name or a layer."""
    layer = visible_layer(visible, sizes[0])
    model = DBN([layer, *sizes[1:]], n_classes=n_classes, weight_std=scale, seed=seed)
    for i, rbm in enumerate(model.layers):
        size = rbm.n_hidden
        model.rbms[i] = random_rbm(rbm.visible, 0, size, scale=scale, seed=10 * seed + i)
    return model.double()


def random_rows(model, n, seed=0):
    """n rows that the visible layer can take, of no particular distribution."""
    generator = seeded(seed + 2000)
    pieces = []
    for part, _, _ in model.visible.parts():
        shape = (n, part.n_units)
        if isinstance(part, Gaussian):
            dtype = model.visible_bias.dtype
            values = 1.5 * torch.randn(shape, generator=generator, dtype=dtype)
        else:
            values = torch.randint(part.n_levels, shape, generator=generator)
        if isinstance(part, Categorical):
            values = torch.nn.functional.one_hot(values, part.n_levels)
        pieces.append(values.flatten(1))
    return torch.cat(pieces, 1).to(model.visible_bias.dtype).view(n, *model.visible.shape)


def random_hidden(model, n, seed=0):
    """n random hidden states, as the model's `energy` takes them."""
    generator = seeded(seed + 4000)
    draws = [torch.randint(2, (n, m), generator=generator) for m in hidden_sizes(model)]
    states = [h.to(model.visible_bias.dtype) for h in draws]
    return states[0] if isinstance(model, RBM) else states


def random_mask(n, n_visible, seed=0, share=0.6):
    """A mask for each row; row 0 sees everything and row 1 nothing."""
    mask = torch.rand(n, n_visible, generator=seeded(seed + 3000)) < share
    mask[0] = True
    mask[1:2] = False
    return mask


def random_offsets(model, n):
    """No offset, one for all rows, and one for each of n rows."""
    generator = seeded(7)
    shapes = (model.visible.shape, (n, *model.visible.shape))
    return [None, *(torch.randn(shape, generator=generator).double() for shape in shapes)]


def hidden_sizes(model):
    return [model.n_hidden] if isinstance(model, RBM) else model.sizes[1:]


def spread(layer, mask):
    """A mask of units, (…, n_units), as one of features, (…, *layer.shape)."""
    pieces = [
        mask[..., units].repeat_interleave(part.n_features // part.n_units, -1)
        for part, _, units in layer.parts()
    ]
    return torch.cat(pieces, -1).view(*mask.shape[:-1], *layer.shape)


@torch.no_grad()
def without(model, keep):
    """The RBM or DBM that has only the visible units `keep`."""
    parts = [(part, keep[units]) for part, _, units in model.visible.parts()]
    kept = [
        visible_layer(part.type_name, int(own.sum()), part.n_levels)
        for part, own in parts
        if own.any()
    ]
    layer = Layers(*kept) if isinstance(model.visible, Layers) else kept[0]
    sizes = [layer, *hidden_sizes(model)]
    small = RBM(*sizes) if isinstance(model, RBM) else DBM(sizes)
    for name, p in small.to(model.visible_bias.dtype).named_parameters():
        whole = model.get_parameter(name)
        if name == "log_variance":
            whole = whole[torch.cat([own for part, own in parts if part.n_variances])]
        elif name in (model.weight_names[0], model.bias_names[0]):
            whole = whole[spread(model.visible, keep)].view_as(p)
        p.copy_(whole)
    return small


# The referee


class UnitTable(NamedTuple):
    """The states of one visible unit, and the terms of E that have it."""

    states: torch.Tensor  # (S, width)
    energy: torch.Tensor  # (S, n_h), for every hidden state
    log_volume: float  # of a state: real units have a grid, others 0


def level_table(bias, field):
    """-b x - x W h for each level; field is W h, (width, n_h)."""
    width = len(bias)
    x = (torch.eye(width) if width > 1 else torch.tensor([[0.0], [1.0]])).double()
    return UnitTable(x, -(x @ bias)[:, None] - x @ field, 0.0)


def real_table(bias, field, variance, points=41):
    """(x - b)^2 / 2s^2 - x W h / s^2 on a grid that goes 8 s beyond the extreme means."""
    low = bias + field.min() - 8 * variance.sqrt()
    high = bias + field.max() + 8 * variance.sqrt()
    step = (high - low) / (points - 1)  # small enough that sums are exact to rounding
    x = low + step * torch.arange(points).double()[:, None]
    energy = (x - bias) ** 2 / (2 * variance) - x * field / variance
    return UnitTable(x, energy, float(step.log()))


def hidden_states(model):
    """Every joint state of the hidden layers, [(n_h, n1), …]."""
    layers = [itertools.product((0.0, 1.0), repeat=n) for n in hidden_sizes(model)]
    return [torch.tensor(h).double() for h in zip(*itertools.product(*layers), strict=True)]


@torch.no_grad()
def energy_tables(model, hidden, observed=None, offset=None):
    """A table for each visible unit, and the energy of the hidden layers alone, (n_h,)."""
    biases = [model.get_parameter(name).cpu().double() for name in model.bias_names]
    weights = [model.get_parameter(name).cpu().double() for name in model.weight_names]
    bias = biases[0] if offset is None else biases[0] + torch.as_tensor(offset)
    field = weights[0].flatten(0, -2) @ hidden[0].T
    variances = iter([] if model.log_variance is None else model.log_variance.exp().cpu())
    tables = []
    for part, features, _ in model.visible.parts():
        width = part.n_features // part.n_units
        pieces = (x[features].split(width) for x in (bias.flatten(), field))
        for own in zip(*pieces, strict=True):
            real = isinstance(part, Gaussian)
            tables.append(real_table(*own, next(variances)) if real else level_table(*own))
    for i, (x, energy, _) in enumerate(tables):
        if observed is not None and not observed[i]:
            tables[i] = UnitTable(0 * x[:1], 0 * energy[:1], 0.0)

    alone = -sum(h @ c for h, c in zip(hidden, biases[1:], strict=True))
    for W, (below, above) in zip(weights[1:], itertools.pairwise(hidden), strict=True):
        alone = alone - ((below @ W) * above).sum(1)
    return tables, alone


class World:
    """The distribution of a small RBM or DBM, from the energies of all its joint states.

    visible_states, hidden_states : (n_v, *shape) and [(n_h, n1), …]; missing units zero
    energy, joint : (n_v, n_h), E and probabilities (of grid cells, for real units)
    p_v, p_h, log_z : the marginals of `joint`, and log of the sum of exp(-E)
    log_star : (n_v,), log of the sum over hidden states of exp(-E)
    v, hidden, p : all joint states as rows, and their probabilities
    """

    def __init__(self, model, observed=None, offset=None):
        self.hidden_states = hidden_states(model)
        tables, alone = energy_tables(model, self.hidden_states, observed, offset)
        axes = [torch.arange(len(table.states)) for table in tables]
        places = [place.flatten() for place in torch.meshgrid(*axes, indexing="ij")]
        own = [table.states[place] for table, place in zip(tables, places, strict=True)]
        self.visible_states = torch.cat(own, 1).view(-1, *model.visible.shape)
        self.log_volume = sum(table.log_volume for table in tables)
        self.energy = alone.repeat(len(places[0]), 1)
        for table, place in zip(tables, places, strict=True):
            self.energy += table.energy[place]

        self.n_v, self.n_h = self.energy.shape
        self.log_star = torch.logsumexp(-self.energy, 1)
        self.log_z = self.log_volume + torch.logsumexp(self.log_star, 0)
        self.joint = torch.exp(self.log_volume - self.energy - self.log_z)
        self.p_v = self.joint.sum(1)
        self.p_h = self.joint.sum(0)
        self.p = self.joint.flatten()
        self.v = self.visible_states.repeat_interleave(self.n_h, 0)
        self.hidden = [h.repeat(self.n_v, 1) for h in self.hidden_states]

    def moments(self, statistic):
        """Mean and variance of statistic(v, h1, h2, …), whose rows are states."""
        value = statistic(self.v, *self.hidden)
        mean, square = (torch.tensordot(self.p, x, 1) for x in (value, value**2))
        return mean, square - mean**2


def exact_samples(model, n, seed, observed=None):
    """n independent draws (v, h): h, then each visible unit given h, on a grid if real."""
    hidden = hidden_states(model)
    tables, alone = energy_tables(model, hidden, observed)
    log_p = -alone + sum(torch.logsumexp(-table.energy, 0) for table in tables)
    generator = seeded(seed)
    h = torch.multinomial(log_p.softmax(0), n, replacement=True, generator=generator)
    own = []
    for table in tables:
        p = torch.softmax(-table.energy, 0).T[h]
        own.append(table.states[torch.multinomial(p, 1, generator=generator)[:, 0]])
    v = torch.cat(own, 1).view(n, *model.visible.shape)
    drawn = [states[h] for states in hidden]
    return v, drawn[0] if len(drawn) == 1 else drawn


# Assertions


def assert_refused(message, call, *arguments, **options):
    """The call raises a ValueError or TypeError that says this."""
    with pytest.raises((ValueError, TypeError), match=message):
        call(*arguments, **options)


def pairs(v, *hidden):
    """Single-unit and pair statistics of the units of all layers, (rows, statistics)."""
    x = torch.cat([v.flatten(1), *hidden], 1)
    i, j = torch.triu_indices(x.shape[1], x.shape[1])
    return torch.cat([x, x[:, i] * x[:, j]], 1)


def assert_drawn_from(drawn, mean, variance):
    """The rows `drawn` have this mean, but for a false alarm in one of 10,000 tests."""
    moving = variance > 1e-12
    z = (drawn.mean(0) - mean)[moving] * torch.sqrt(len(drawn) / variance[moving])
    bound = NormalDist().inv_cdf(1 - 1e-4 / (2 * len(z)))
    assert z.abs().max() < bound, f"z = {z.abs().max():.1f} at statistic {z.abs().argmax()}"


def assert_close_in_mean(runs, expected, bound=4.8):
    """Repeated gradients average to `expected` within `bound` standard errors."""
    for name, target in expected.items():
        draws = torch.stack([run[name] for run in runs])
        standard_error = draws.std(0) / len(runs) ** 0.5
        error = (draws.mean(0) - target).abs()
        assert (error < bound * standard_error + 1e-10).all(), name
