"""The DBM: energies and mean field against sums over all joint states."""

import math

import pytest
from torch import tensor

from rbm_lib.models import DBM
from tests.support import (
    World,
    assert_drawn_from,
    assert_refused,
    pairs,
    random_dbm,
    random_hidden,
    random_rows,
    seeded,
)

EXACT = {"rtol": 1e-11, "atol": 1e-11}


@pytest.fixture(params=[(2, 3, 2), (2, 2, 1, 3), (1, 2, 2, 1, 2)], ids=str)
def sizes(request):
    """Two, three and four hidden layers."""
    return request.param


def test_energy_by_hand():
    model = DBM([1, 1, 1])
    for p, value in zip(model.parameters(), [2.0, 3.0, 0.5, -1.0, 0.25], strict=True):
        p.data.fill_(value)
    one = tensor([[1.0]])

    energy = model.energy(one, [one, one])

    assert energy.item() == -4.75  # -(0.5 - 1.0 + 0.25) - 2.0 - 3.0


def test_hidden_draws_given_v_come_close_to_the_posterior(discrete):
    """After 20 sweeps; the mean-field draws that they start from are found out."""
    model = random_dbm(discrete, scale=1.2)
    world = World(model)
    v = world.visible_states[1].expand(20_000, *model.visible.shape)
    posterior = world.joint[1] / world.p_v[1]
    states = pairs(world.hidden_states[0], world.hidden_states[1])
    mean = posterior @ states
    variance = posterior @ states**2 - mean**2

    assert_drawn_from(pairs(*model.sample_hidden(v, 20, seeded(0))), mean, variance)
    with pytest.raises(AssertionError, match="z = "):
        assert_drawn_from(pairs(*model.sample_hidden(v, 0, seeded(0))), mean, variance)


def test_what_does_not_fit_is_refused_by_name(visible):
    model = random_dbm(visible)
    v = random_rows(model, 3)
    h1, h2 = random_hidden(model, 3)

    assert_refused(r"got \[4, 3\], expected .* with one hidden layer use RBM", DBM, [4, 3])
    assert_refused("h: got Tensor, expected a list of 2", model.energy, v, h1)
    assert_refused("h: got 1 layers, expected a list of 2", model.energy, v, [h1])
    assert_refused(r"h\[1\]: got shape \(3, 3\), expected", model.energy, v, [h1, h1])
    assert_refused(r"h\[1\]: got shape \(2, 2\), expected", model.energy, v, [h1, h2[:2]])
    assert_refused(r"h1: got shape \(3, 2\), expected \(B, 3\)", model.input_to_visible, h2)
    assert_refused("max_sweeps: got -1", model.mean_field, v, max_sweeps=-1)
    assert_refused("tol: got nan", model.mean_field, v, tol=math.nan)
    assert_refused("start: got 1 layers", model.mean_field, v, start=[h1])
