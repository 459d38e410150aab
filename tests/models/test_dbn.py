"""The belief network: means going up, samples coming down, and the classifier on top."""

import pytest
import torch

from rbm_lib.models import DBN, RBM, Categorical
from rbm_lib.models.dbn import require_classifier
from tests.support import (
    World,
    assert_drawn_from,
    assert_refused,
    pairs,
    random_dbn,
    random_mask,
    random_rows,
    seeded,
)


def test_means_and_logits_are_the_formulas(visible):
    model = random_dbn(visible, (3, 4, 2, 3), n_classes=3)
    v = random_rows(model, 5)
    mask = random_mask(5, 3)
    first, second, third = model.layers

    means = model.hidden_means(v, mask)
    proba = model.predict_proba(v, mask, batch_size=2)

    h1 = first.prob_h_given_v(v, mask)
    h2 = 1 / (1 + torch.exp(-(h1 @ second.W + second.hidden_bias)))
    h3 = 1 / (1 + torch.exp(-(h2 @ third.W + third.hidden_bias)))
    logits = h3 @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(means, [h1, h2, h3])
    torch.testing.assert_close(model.logits(v, mask), logits)
    torch.testing.assert_close(proba, logits.softmax(1))
    assert logits.requires_grad and not proba.requires_grad


@pytest.mark.grows
@pytest.mark.parametrize("sizes", [(2, 3), (2, 3, 2), (2, 2, 1, 2, 2)], ids=str)
def test_samples_have_the_moments_of_the_network(visible, sizes, device):
    """p(v) = sum over h1, h2, … of p(v given h1) p(h1 given h2) … p(h_{L-1})."""
    model = random_dbn(visible, sizes, seed=3)
    *below, top = [World(rbm) for rbm in model.layers]
    p = top.p_v
    for world in reversed(below):
        p = world.joint / world.p_h @ p
    states = pairs(World(model.layers[0]).visible_states)

    drawn = model.to(device).sample(20_000, 30, seeded(1, device)).cpu()

    mean = p @ states
    assert_drawn_from(pairs(drawn), mean, p @ states**2 - mean**2)


def test_a_generator_decides_the_samples(visible):
    model = random_dbn(visible, (3, 2, 2))

    drawn = model.sample(9, 3, seeded(1))

    assert torch.equal(drawn, model.sample(9, 3, seeded(1)))
    assert not torch.equal(drawn, model.sample(9, 3, seeded(2)))
    assert model.sample(0, 3).shape == (0, *model.visible.shape)


def test_sizes_of_the_parameters():
    model = DBN([Categorical(9, 5), 8, 8, 8], n_classes=3, seed=1)

    assert repr(model) == "DBN(Categorical(9, n_levels=5), hidden=[8, 8, 8], n_classes=3)"
    assert [W.shape for W in model.weights] == [(9, 5, 8), (8, 8), (8, 8)]
    assert not torch.equal(
        model.weights[1], model.weights[2]
    )  # each has numbers of its own


def test_what_does_not_fit_is_refused_by_name():
    model = random_dbn("bernoulli", (4, 3, 2), n_classes=2)
    headless = random_dbn("bernoulli", (4, 3, 2))
    v = random_rows(model, 3)

    assert_refused("n_classes: got 1, expected a whole number", DBN, [4, 3, 2], n_classes=1)
    assert_refused("model: got a DBN without a head, expected DBN", headless.logits, v)
    assert_refused("model: got DBN.*, expected a DBN with", require_classifier, headless)
    assert_refused("model: got RBM.*, expected a DBN with", require_classifier, RBM(4, 3))
    assert_refused("batch_size: got 0", model.predict_proba, v, batch_size=0)
    assert_refused("v: got .* between 0 and 1", model.predict_proba, v + 1)
    assert_refused("n: got -1", model.sample, -1, 3)
