"""Covariates against a loop and against planted coefficients."""

import numpy as np
import torch

from rbm_lib.data import RatingMatrix
from rbm_lib.recommend import left_out_bias, multinomial_covariate
from rbm_lib.recommend.baselines.means import fit_biases


def test_left_out_bias_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    cells = np.nonzero(rng.random((25, 13)) < 0.5)
    ratings = RatingMatrix(*cells, rng.integers(0, 5, len(cells[0])), n_levels=5)
    users, items, levels = ratings.triples()

    x = left_out_bias(ratings)

    mean, _, item_bias = fit_biases(ratings, 5.0)
    expected = np.zeros(ratings.shape)
    for user, item in np.ndindex(ratings.shape):
        others = (users == user) & (items != item)
        residual = levels[others] - mean - item_bias[items[others]]
        expected[user, item] = residual.sum() / (others.sum() + 5)
    np.testing.assert_allclose(x, expected / expected[users, items].std(), atol=1e-5)


def test_multinomial_covariate_finds_planted_coefficients():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((400, 10)).astype(np.float32)
    bias = rng.standard_normal((10, 3))
    bias -= bias.mean(1, keepdims=True)
    coefficient = np.array([-1.0, 0.2, 0.8])
    prob = torch.softmax(torch.tensor(bias + coefficient * x[..., None]), -1).flatten(0, 1)
    levels = torch.multinomial(prob, 1, generator=torch.Generator().manual_seed(0)).ravel()
    users, items = np.indices(x.shape).reshape(2, -1)
    ratings = RatingMatrix(users, items, levels, n_levels=3)

    fitted, slope = multinomial_covariate(ratings, x, l2=0.01)
    shared, _ = multinomial_covariate(ratings, x, l2=1e6)

    # Both are identified up to a constant over levels; standard errors are about .05.
    np.testing.assert_allclose(slope - slope.mean(), coefficient, atol=0.15)
    centred = fitted - fitted.mean(1, keepdim=True)
    assert np.corrcoef(centred.flatten(), bias.ravel())[0, 1] > 0.98
    assert shared.std(0).max() < 0.01
