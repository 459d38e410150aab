"""The RBM: energies by hand, conditionals and free energy against all states, peers."""

import numpy as np
import pytest
import torch
from torch import tensor

from rbm_lib.models import RBM
from tests.support import (
    World,
    assert_refused,
    random_hidden,
    random_offsets,
    random_rbm,
    random_rows,
    seeded,
    spread,
)

EXACT = {"rtol": 1e-9, "atol": 1e-9}
MASK = tensor([True, False, True, True])


def test_energy_by_hand():
    model = RBM(2, 1)
    model.visible_bias.data = tensor([-1.5, -1.0])
    model.hidden_bias.data = tensor([-2.5])
    model.W.data = tensor([[3.0], [2.5]])

    energy = model.energy(tensor([[1.0, 1.0]]), tensor([[1.0]]))

    assert energy.item() == -0.5  # -(-1.5 - 1.0) - (-2.5) - (3.0 + 2.5)


def test_gaussian_energy_by_hand():
    model = RBM(1, 1, visible="gaussian")
    model.visible_bias.data = tensor([1.0])
    model.log_variance.data = tensor([4.0]).log()
    model.W.data = tensor([[2.0]])

    energy = model.energy(tensor([[5.0]]), tensor([[1.0]]))

    assert energy.item() == pytest.approx(-0.5)  # (5 - 1)^2 / 8 - 5 / 4 * 2


@pytest.mark.parametrize(
    ("mask", "which_offset"), [(MASK | True, 0), (MASK | True, 1), (MASK, 1)]
)
def test_sums_over_a_layer_are_those_over_its_states(visible, mask, which_offset):
    n_visible = 2 if visible == "gaussian" else 4
    model = random_rbm(visible, n_visible)
    mask = mask[:n_visible]
    offset = random_offsets(model, 1)[which_offset]
    world = World(model, mask, offset)
    v = world.visible_states
    h = world.hidden_states[0]
    likely = world.p_v > 1e-12

    torch.testing.assert_close(model.free_energy(v, mask, offset), -world.log_star, **EXACT)
    h_given_v = world.joint @ h / world.p_v[:, None]
    prob_h = model.prob_h_given_v(v, mask)
    torch.testing.assert_close(prob_h[likely], h_given_v[likely], **EXACT)
    v_given_h = world.joint.T @ v.flatten(1) / world.p_h[:, None]
    mean_v = model.mean_v_given_h(h, offset).flatten(1)
    seen = spread(model.visible, mask).flatten()
    torch.testing.assert_close(mean_v[:, seen], v_given_h[:, seen], **EXACT)


def test_a_row_with_nothing_observed_is_the_prior(visible):
    model = random_rbm(visible)
    v = random_rows(model, 3)
    nothing = torch.zeros(3, 4, dtype=torch.bool)
    c = model.hidden_bias

    torch.testing.assert_close(model.prob_h_given_v(v, nothing), c.sigmoid().expand(3, -1))
    prior = -torch.log(1 + c.exp()).sum().expand(3)
    torch.testing.assert_close(model.free_energy(v, nothing), prior)


def test_draws_come_from_the_conditionals(visible):
    model = random_rbm(visible)
    v = random_rows(model, 3)
    h = random_hidden(model, 3)
    offset = random_offsets(model, 3)[2]

    drawn_h = model.sample_h_given_v(v, MASK, seeded(1))
    drawn_v = model.sample_v_given_h(h, offset, seeded(1))

    field = model.input_to_hidden(v, MASK)
    assert torch.equal(drawn_h, model.hidden.sample(field, seeded(1)))
    field = model.input_to_visible(h)
    expected = model.visible_at(offset).sample(field, seeded(1))
    torch.testing.assert_close(drawn_v, expected)
    assert not (drawn_h.requires_grad or drawn_v.requires_grad)


def test_scikit_learn_agrees():
    from sklearn.neural_network import BernoulliRBM

    model = random_rbm("bernoulli")
    v = random_rows(model, 20)
    peer = BernoulliRBM(n_components=3, n_iter=0, random_state=0).fit(v.numpy())
    peer.components_ = model.W.detach().numpy().T.copy()
    peer.intercept_visible_ = model.visible_bias.detach().numpy().copy()
    peer.intercept_hidden_ = model.hidden_bias.detach().numpy().copy()

    prob_h = model.prob_h_given_v(v).detach().numpy()
    free_energy = model.free_energy(v).detach().numpy()

    np.testing.assert_allclose(prob_h, peer.transform(v.numpy()), rtol=1e-12)
    np.testing.assert_allclose(free_energy, peer._free_energy(v.numpy()), rtol=1e-12)


def test_what_does_not_fit_is_refused_by_name(visible):
    model = random_rbm(visible)
    v = random_rows(model, 3)
    h = random_hidden(model, 3)

    assert_refused("n_hidden: got 0, expected a whole number of at least 1", RBM, 4, 0)
    assert_refused("weight_std: got -1", RBM, 4, 3, weight_std=-1)
    assert_refused(r"h: got shape \(3, 2\), expected \(3, 3\)", model.energy, v, h[:, :2])
    assert_refused(r"h: got shape \(2, 3\), expected \(3, 3\)", model.energy, v, h[:2])
    assert_refused(r"h: got shape \(3,\).* try `h\[None\]`", model.mean_v_given_h, h[0])
    assert_refused("visible_offset: got shape", model.mean_v_given_h, h, v[:2])
    assert_refused("v: got no rows, expected at least one", model.initialize_from, v[:0])
