"""The updates that are wrong on purpose are wrong in the way that the lesson says."""

import pytest
import torch

from rbm_lib import DBM
from rbm_lib.course.wrong_updates import parallel_gibbs, parallel_mean_field
from tests.support import World, random_dbm, random_rows, seeded


def two_units():
    """Two hidden units in two layers, coupling −6, biases 3. The visible unit is apart."""
    model = DBM([1, 1, 1], seed=0).double()
    with torch.no_grad():
        model.weights[0].zero_()
        model.weights[1].fill_(-6.0)
        model.biases[1].fill_(3.0)
        model.biases[2].fill_(3.0)
    start = torch.full((1, 1), 0.6).double()
    return model, torch.zeros(1, 1).double(), [start, start]


def test_the_blackboard_case_layer_by_layer():
    model, v, start = two_units()

    field = model.mean_field(v, start=start)

    assert field.converged
    assert [float(m) for m in field.means] == pytest.approx([0.071, 0.929], abs=5e-4)
    assert float(field.bound) == pytest.approx(3.117, abs=5e-4)
    assert (field.bound_trace.diff(dim=0) >= 0).all()
    assert float(World(model).log_star[0]) == pytest.approx(3.742, abs=5e-4)


@pytest.mark.parametrize(("sweeps", "mean"), [(49, 0.071), (50, 0.929)])
def test_the_blackboard_case_all_at_once_alternates_forever(sweeps, mean):
    model, v, start = two_units()

    field = parallel_mean_field(model, v, max_sweeps=sweeps, start=start)

    assert field.sweeps == sweeps
    assert not field.converged
    assert [float(m) for m in field.means] == pytest.approx([mean, mean], abs=5e-4)
    assert float(field.bound) == pytest.approx(0.905, abs=5e-4)
    assert field.bound_trace.max() > field.bound  # it fell


def test_mean_field_of_all_layers_at_once_by_hand(visible):
    model = random_dbm(visible, (2, 3, 2, 2)).requires_grad_(False)
    _, W2, W3 = model.weights
    _, c1, c2, c3 = model.biases
    v = random_rows(model, 5)
    old = [torch.rand(5, n, generator=seeded(n)).double() for n in (3, 2, 2)]

    field = parallel_mean_field(model, v, max_sweeps=1, start=old)

    expected = [
        torch.sigmoid(model.input_to_hidden(v) + c1 + old[1] @ W2.T),
        torch.sigmoid(old[0] @ W2 + c2 + old[2] @ W3.T),
        torch.sigmoid(old[1] @ W3 + c3),
    ]
    torch.testing.assert_close(field.means, expected)
    bounds = [model.mean_field(v, max_sweeps=0, start=m).bound for m in (old, expected)]
    torch.testing.assert_close(field.bound_trace, torch.stack(bounds))


def test_layers_drawn_at_once_with_v_held_are_independent():
    model = random_dbm("bernoulli", (2, 1, 1), scale=2.0).requires_grad_(False)
    n = 20_000
    v = torch.ones(n, 2).double()
    hidden = [torch.ones(n, 1).double(), torch.ones(n, 1).double()]

    held, (h1, h2) = parallel_gibbs(model, v, hidden, 30, seeded(0), clamp_visible=True)

    world = World(model)
    given_v = torch.softmax(-world.energy[-1], 0)  # of (1, 1), the last visible state
    a, b = (h[:, 0] for h in world.hidden_states)
    right = given_v @ (a * b) - (given_v @ a) * (given_v @ b)
    drawn = (h1 * h2).mean() - h1.mean() * h2.mean()
    assert torch.equal(held, v)
    assert abs(float(right)) > 0.05
    assert abs(float(drawn)) < 0.02
    assert float(h1.mean()) == pytest.approx(float(given_v @ a), abs=0.02)


def test_parallel_chains_move_and_leave_their_start_alone(visible):
    model = random_dbm(visible, (3, 2, 2))
    v = random_rows(model, 6)
    hidden = [torch.zeros(6, 2).double(), torch.zeros(6, 2).double()]

    moved, _ = parallel_gibbs(model, v, hidden, 4, seeded(0))

    assert moved.shape == v.shape
    assert not torch.equal(moved, v)
    assert not any(h.any() for h in hidden)
