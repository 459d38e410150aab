"""What RBM and DBM have in common: energies, masks, offsets, statistics, initialisation."""

import numpy as np
import pytest
import torch

from rbm_lib.models import DBM, DBN, RBM
from rbm_lib.models.base import require_boltzmann, require_visible_model
from tests.support import (
    World,
    assert_refused,
    random_dbm,
    random_hidden,
    random_mask,
    random_offsets,
    random_rbm,
    random_rows,
    seeded,
    spread,
    without,
)

EXACT = {"rtol": 1e-11, "atol": 1e-11}
MASK = torch.tensor([True, False, True, True])
ROWS = random_mask(8, 4)
MASKS_AND_OFFSETS = pytest.mark.parametrize(
    ("mask", "which_offset"),
    [(None, 0), (None, 1), (MASK, 0), (MASK, 2), (ROWS, 0), (ROWS, 2)],
)


@pytest.mark.parametrize(("mask", "which_offset"), [(None, 0), (None, 1), (MASK, 1)])
def test_energies_are_those_of_the_formula(make, visible, mask, which_offset):
    n_visible = 2 if visible == "gaussian" else 4
    model = make(visible, n_visible)
    mask = None if mask is None else mask[:n_visible]
    offset = random_offsets(model, 1)[which_offset]
    world = World(model, mask, offset)
    h = world.hidden[0] if isinstance(model, RBM) else world.hidden

    energy = model.energy(world.v, h, mask, offset)

    torch.testing.assert_close(energy, world.energy.flatten(), **EXACT)


@MASKS_AND_OFFSETS
def test_a_row_does_not_depend_on_the_others(make, visible, mask, which_offset):
    model = make(visible)
    v = random_rows(model, 8)
    before = v.clone()
    batch = model.as_batch(v, mask, random_offsets(model, 8)[which_offset])
    h = random_hidden(model, 8)

    energy = model.energy(batch, h)

    for i in range(8):
        row = batch[torch.tensor([i])]
        own = h[[i]] if isinstance(model, RBM) else [state[[i]] for state in h]
        torch.testing.assert_close(model.energy(row, own), energy[[i]], **EXACT)
    assert torch.equal(v, before)


@pytest.mark.parametrize("junk", [float("nan"), -1.0])
def test_a_masked_model_is_the_model_without_these_units(make, visible, junk):
    """Whatever stands at a missing unit."""
    model = make(visible)
    small = without(model, MASK)
    kept = spread(model.visible, MASK)
    v = random_rows(model, 5)
    h = random_hidden(model, 5)
    own = v[:, kept].view(5, *small.visible.shape)
    v[:, ~kept] = junk

    for mask in (MASK, MASK.expand(5, 4)):
        torch.testing.assert_close(model.energy(v, h, mask), small.energy(own, h))
        torch.testing.assert_close(model.hidden_means(v, mask), small.hidden_means(own))
        statistics = model.statistics(v, h, mask)
        for name, expected in small.statistics(own, h).items():
            whole = statistics[name]
            if name in (model.weight_names[0], model.bias_names[0]):
                assert not whole[~kept].any()
                whole = whole[kept].view_as(expected)
            if name == "log_variance" and visible == "gaussian":
                whole = whole[MASK]
            torch.testing.assert_close(whole, expected)


@MASKS_AND_OFFSETS
@pytest.mark.parametrize("weighted", [False, True])
def test_statistics_are_slopes_of_the_energy(make, visible, mask, which_offset, weighted):
    model = make(visible)
    offset = random_offsets(model, 8)[which_offset]
    batch = model.as_batch(random_rows(model, 8), mask, offset)
    h = random_hidden(model, 8)
    (h if isinstance(model, RBM) else h[-1]).mul_(0.3)  # means are allowed
    weights = torch.rand(8, generator=seeded(1)).double().softmax(0) if weighted else None

    statistics = model.statistics(batch, h, weights=weights)

    energy = model.energy(batch, h)
    (energy.mean() if weights is None else weights @ energy).backward()
    slopes = {name: -p.grad for name, p in model.named_parameters()}
    torch.testing.assert_close(statistics, slopes, **EXACT)


def test_initialisation_describes_the_data_without_the_weights(make, visible):
    model = make(visible)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    v = random_rows(model, 30)
    mask = random_mask(30, 4)

    assert model.initialize_from(v, mask) is model

    expected = model.visible.fit_parameters(v * spread(model.visible, mask), mask)
    torch.testing.assert_close(model.visible_bias.detach(), expected["bias"])
    has_variances = model.log_variance is not None
    if has_variances:
        torch.testing.assert_close(model.log_variance.detach(), expected["log_variance"])
    for name in (*model.weight_names, *model.bias_names[1:]):
        balanced = has_variances and name == model.bias_names[1]
        assert torch.equal(model.get_parameter(name), before[name]) != balanced


@pytest.mark.parametrize("visible", ["gaussian", "mixed"])
def test_beside_real_units_a_hidden_unit_alone_starts_on_half_of_the_time(visible):
    deep = random_dbm(visible, (2, 1, 1))
    deep.weights[1].data.zero_()
    for model in (random_rbm(visible, 2, n_hidden=1), deep):
        world = World(model.initialize_from(random_rows(model, 30)))

        assert world.p_h @ world.hidden_states[0] == pytest.approx(0.5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_devices_and_number_types_agree(make, visible, device, dtype):
    model = make(visible)
    other = make(visible, dtype=dtype).to(device)
    batch = model.as_batch(random_rows(model, 8), random_mask(8, 4))
    h = random_hidden(model, 8)
    close = EXACT if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}

    there = other.as_batch(batch.v.to(device), batch.observed.to(device))
    to = {"device": device, "dtype": dtype}
    h_there = h.to(**to) if isinstance(model, RBM) else [state.to(**to) for state in h]
    values = [other.energy(there, h_there), *other.statistics(there, h_there).values()]

    expected = [model.energy(batch, h), *model.statistics(batch, h).values()]
    for value, own in zip(values, expected, strict=True):
        assert value.dtype == dtype
        torch.testing.assert_close(value.cpu().double(), own, **close)


@pytest.mark.parametrize(
    "build",
    [
        lambda seed: RBM(90, 80, weight_std=0.5, seed=seed),
        lambda seed: DBM([90, 80, 70], weight_std=0.5, seed=seed),
        lambda seed: DBN([90, 80, 70], n_classes=50, weight_std=0.5, seed=seed),
    ],
)
def test_a_seed_makes_the_same_model_and_leaves_torch_alone(build):
    before = torch.random.get_rng_state()

    model, again, other = (dict(build(seed).named_parameters()) for seed in (1, 1, 2))

    assert torch.equal(torch.random.get_rng_state(), before)
    for name, p in model.items():
        is_weight = p.ndim > 1
        assert p.detach().std().item() == pytest.approx(0.5 * is_weight, rel=0.1)
        assert torch.equal(p, again[name])
        assert torch.equal(p, other[name]) != is_weight


def test_what_is_not_a_model_or_makes_none_is_refused_by_name():
    for build in (DBM, DBN):
        assert_refused(r"sizes: got \[4\], expected \[n_visible, n_hidden_1, ", build, [4])
        assert_refused(r"sizes: got \[4\]", build, 4)
        assert_refused(r"sizes: got \[4\]", build, np.array([4]))
        assert_refused(r"sizes\[1\]: got 0, expected a whole number", build, [4, 0, 2])
        assert_refused(r"sizes\[0\]: got 'four'", build, ["four", 3, 2])
    assert_refused("model: got DBN, expected an RBM or DBM", require_boltzmann, DBN([4, 3]))
    assert_refused("model: got str, expected an RBM or DBM. Pass", require_boltzmann, "RBM")
    assert_refused("got str, expected an RBM, DBM or DBN", require_visible_model, "RBM")
