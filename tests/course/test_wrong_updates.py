"""The updates that are wrong on purpose are wrong in the way that is told of them."""

import pytest
import torch

from rbm_lib import DBM
from rbm_lib.course.wrong_updates import parallel_gibbs, parallel_mean_field
from tests.support import DeepWorld, deep_machine, random_rows, seeded


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
    assert float(DeepWorld(model).log_star[0]) == pytest.approx(3.742, abs=5e-4)


def test_the_blackboard_case_all_at_once_flips_for_ever():
    model, v, start = two_units()
    for sweeps in (49, 50):
        field = parallel_mean_field(model, v, max_sweeps=sweeps, start=start)
        side = 0.071 if sweeps % 2 else 0.929
        assert field.sweeps == sweeps and not field.converged
        assert [float(m) for m in field.means] == pytest.approx([side, side], abs=5e-4)
    assert float(field.bound) == pytest.approx(0.905, abs=5e-4)
    assert float(field.bound_trace.max()) > float(field.bound)  # it fell


def test_all_layers_at_once_by_hand(kind):
    model = deep_machine(kind, (2, 3, 2, 2))
    W2, W3 = (W.detach() for W in list(model.weights)[1:])
    c1, c2, c3 = (b.detach() for b in list(model.biases)[1:])
    v = random_rows(model, 5)
    old = [torch.rand(5, n, generator=seeded(n)).double() for n in (3, 2, 2)]
    field = parallel_mean_field(model, v, max_sweeps=1, start=old)
    expected = [
        torch.sigmoid(model.input_to_hidden(v).detach() + c1 + old[1] @ W2.T),
        torch.sigmoid(old[0] @ W2 + c2 + old[2] @ W3.T),
        torch.sigmoid(old[1] @ W3 + c3),
    ]
    for got, mean in zip(field.means, expected, strict=True):
        torch.testing.assert_close(got, mean)
    bounds = [model.mean_field(v, max_sweeps=0, start=m).bound for m in (old, expected)]
    torch.testing.assert_close(field.bound_trace, torch.stack(bounds))


def test_parallel_chains_keep_what_is_clamped_and_their_start(kind):
    model = deep_machine(kind, (3, 2, 2))
    v = random_rows(model, 6)
    hidden = [torch.zeros(6, 2).double(), torch.zeros(6, 2).double()]

    moved, _ = parallel_gibbs(model, v, hidden, 4, seeded(0))
    held, _ = parallel_gibbs(model, v, hidden, 4, seeded(0), clamp_visible=True)

    assert torch.equal(held, v) and not torch.equal(moved, v)
    assert not torch.cat(hidden).any()
