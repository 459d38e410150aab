"""The bound of a belief network against sums over tables of probabilities."""

import itertools
import math

import pytest
import torch

from rbm_lib.likelihood import exact_bound, exact_log_likelihood
from rbm_lib.models import DBN, RBM
from tests.support import World, random_dbn, random_mask, random_rows, spread

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def log_p_and_bound(model, mask=None):
    """Both of each visible state, from the top down.

    p(v) = sum_h p(v given h) p(h), and the bound on its logarithm is
    sum_h q(h given v) [log p(v given h) + bound(h) - log q(h given v)].
    """
    masks = [mask, *[None] * (len(model.layers) - 1)]
    *below, top = map(World, model.layers, masks)
    log_p = bound = top.p_v.log() - top.log_volume
    for world in reversed(below):
        q = world.joint / world.p_v[:, None]
        log_p_below = (world.joint / world.p_h).log() - world.log_volume
        log_p = torch.logsumexp(log_p_below + log_p, 1)
        bound = (q * (log_p_below - q.log() + bound)).sum(1)
    return log_p, bound


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sizes", [(2, 3), (2, 3, 2), (2, 2, 3, 2), (2, 2, 1, 2, 2)])
def test_the_bound_is_the_sum_over_all_states_between(visible, sizes, masked):
    model = random_dbn(visible, sizes, scale=1.5)
    mask = torch.tensor([False, True]) if masked else None
    states = World(model.layers[0], mask).visible_states

    bound = exact_bound(model, states, mask)

    log_p, expected = log_p_and_bound(model, mask)
    torch.testing.assert_close(bound, expected, rtol=1e-8, atol=1e-8)
    gap = log_p - bound
    assert (gap > -1e-8).all()
    assert (gap.mean() > 1e-3) == (len(sizes) > 2)  # an RBM's bound is its likelihood


def test_rows_have_masks_of_their_own(visible, monkeypatch):
    monkeypatch.setattr("rbm_lib.likelihood.belief_bound.BLOCK_ELEMENTS", 20)
    model = random_dbn(visible, (4, 3, 2, 2))
    v = random_rows(model, 8)
    mask = random_mask(8, 4)
    junk = torch.where(spread(model.visible, mask), v, math.nan)

    bound = exact_bound(model, junk, mask)

    for i in range(8):
        alone = exact_bound(model, v[i : i + 1], mask[i])
        torch.testing.assert_close(bound[i : i + 1], alone, **CLOSE)
    assert exact_bound(model, v[:0]).shape == (0,)


@torch.no_grad()
@pytest.mark.parametrize("sizes", [(4, 3, 4), (4, 3, 4, 3)])
def test_above_an_rbm_its_transpose_makes_the_bound_exact(sizes):
    """It gives h the same probabilities as the RBM below."""
    model = random_dbn("bernoulli", sizes, scale=1.5)
    for below, above in itertools.pairwise(model.layers):
        above.W.copy_(below.W.T)
        above.visible_bias.copy_(below.hidden_bias)
        above.hidden_bias.copy_(below.visible_bias)
    v = random_rows(model, 8)

    bound = exact_bound(model, v)

    torch.testing.assert_close(bound, exact_log_likelihood(model.layers[0], v), **CLOSE)


def test_other_models_and_large_layers_are_refused():
    with pytest.raises(TypeError, match="model: got RBM, expected a DBN"):
        exact_bound(RBM(4, 3), torch.zeros(1, 4))
    for sizes in ([4, 21, 3], [4, 3, 18, 3, 2]):
        with pytest.raises(ValueError, match=r"model: got 2\^21 states .* at most 2\^20"):
            exact_bound(DBN(sizes), torch.zeros(1, 4))
