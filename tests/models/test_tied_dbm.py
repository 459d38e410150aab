"""Inference in the deep tied model against sums over all hidden states."""

import pytest
import torch

from rbm_lib.models.bags import Bags
from rbm_lib.models.tied_dbm import TiedDBM
from rbm_lib.models.tied_rbm import TiedRBM
from tests.support import assert_drawn_from, assert_refused, pairs, seeded
from tests.tied_support import HISTORIES, TiedWorld, random_tied

EXACT = {"rtol": 1e-11, "atol": 1e-11}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_bound_is_a_bound_and_rises_to_a_fixed_point(scale, seed):
    model = random_tied("deep", scale=scale, seed=seed)
    exact = model.log_weights(HISTORIES).logsumexp(1)

    field = model.mean_field(HISTORIES, max_sweeps=500)

    assert field.converged
    assert (field.bound_trace.diff(dim=0) > -1e-9).all()
    assert (field.bound_trace <= exact + 1e-9).all()
    means = [mean.requires_grad_() for mean in field.means]
    slopes = torch.autograd.grad(model.energy(HISTORIES, means).sum(), means)
    for mean, slope in zip(means, slopes, strict=True):
        torch.testing.assert_close(mean, torch.sigmoid(-slope), rtol=0, atol=1e-5)


@pytest.mark.parametrize("sweeps", [0, 1, 3])
def test_the_bound_by_its_definition(sweeps):
    """sum q log [exp(-E) / q] over all joint states of h and H."""
    model = random_tied("deep", scale=2.0)
    world = TiedWorld(model, 2)
    bags = Bags.from_lists(world.sequences)

    field = model.mean_field(bags, max_sweeps=sweeps, tol=0)

    hidden, taste = field.means
    hidden = hidden.view(len(bags), 1, 1, -1)
    states = world.hidden.flatten(1)[:, None]
    q = torch.where(states > 0, hidden, 1 - hidden).prod(-1)
    taste = taste[:, None, None]
    q = q * torch.where(world.taste > 0, taste, 1 - taste).prod(-1)
    bound = (torch.special.entr(q) - q * world.energy).sum((1, 2))
    torch.testing.assert_close(field.bound, bound, **EXACT)


def test_mean_field_starts_at_the_upward_pass():
    model = random_tied("deep")

    start = model.mean_field(HISTORIES, max_sweeps=0).means

    torch.testing.assert_close(start[1], model.upward_pass(HISTORIES), **EXACT)
    features = torch.sigmoid(model.hidden_field())[HISTORIES.items]
    torch.testing.assert_close(start[0], features, **EXACT)


def test_the_upward_pass_is_a_shallow_model_on_features():
    model = random_tied("deep")
    features = torch.sigmoid(model.hidden_field()).detach()

    shallow = TiedRBM(features, model.n_taste).double()
    with torch.no_grad():
        shallow.W.copy_(model.W2)
        shallow.residual.copy_(model.residual)
        # Both centre the features, but at another mean, which moves the bias of the taste.
        moved = features.mean(0) - model.hidden_mean
        shallow.taste_bias.copy_(model.taste_bias + moved @ model.W2)

    torch.testing.assert_close(
        shallow.upward_pass(HISTORIES), model.upward_pass(HISTORIES), rtol=0, atol=1e-5
    )


@torch.no_grad()
def test_mean_field_is_nearer_to_the_posterior_than_the_upward_pass():
    errors = []
    for seed in range(10):
        model = random_tied("deep", scale=0.5, seed=seed)
        exact = model.log_weights(HISTORIES).softmax(1) @ model.tastes()
        means = model.upward_pass(HISTORIES), model.mean_field(HISTORIES).means[1]
        errors.append([float((mean - exact).abs().mean()) for mean in means])

    upward, mean_field = torch.tensor(errors).mean(0)
    assert mean_field < 0.6 * upward


def test_without_feedback_the_posterior_is_the_upward_pass_of_no_coupling():
    model = random_tied("deep")
    with torch.no_grad():
        model.W2.zero_()

    field = model.mean_field(HISTORIES)

    exact = model.log_weights(HISTORIES)
    torch.testing.assert_close(field.bound, exact.logsumexp(1), **EXACT)
    torch.testing.assert_close(field.means[1], exact.softmax(1) @ model.tastes(), **EXACT)


def test_clamped_sampling_reaches_the_posterior():
    model = random_tied("deep", scale=0.8)
    world = TiedWorld(model, 2)
    number = world.sequences.index([0, 2])
    n = 20_000

    hidden, taste = model.sample_hidden(
        Bags.from_lists([[0, 2]] * n), sweeps=30, generator=seeded(0)
    )

    p = (world.p[number] / world.p[number].sum()).flatten()
    states = [torch.cat([h, one]) for h in world.hidden.flatten(1) for one in world.taste]
    expected = pairs(torch.stack(states))
    mean = p @ expected
    drawn = pairs(hidden.view(n, -1), taste)
    assert_drawn_from(drawn, mean, p @ expected**2 - mean**2)


def test_scores_at_a_taste_sum_the_item_units_out():
    model = random_tied("deep")
    taste = model.mean_field(HISTORIES).means[1]

    known = model.content + model.content_mean
    own = taste @ model.residual.T + model.item_bias
    new = model.scores_at(taste, known)

    torch.testing.assert_close(model.scores_at(taste), model.item_logits(taste))
    torch.testing.assert_close(model.scores_at(taste) - own, new, **EXACT)


def test_what_does_not_fit_is_refused():
    model = random_tied("deep")

    assert_refused("n_hidden: got 0", TiedDBM, [[1.0]], 0, 2)
    assert_refused("content_std: got -1", TiedDBM, [[1.0]], 2, 2, content_std=-1)
    assert_refused("max_sweeps: got -1", model.mean_field, HISTORIES, max_sweeps=-1)
    assert_refused("sweeps: got 0.5", model.sample_hidden, HISTORIES, sweeps=0.5)
