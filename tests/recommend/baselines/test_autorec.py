"""AutoRec learns what biases cannot."""

import numpy as np

from rbm_lib import baselines
from rbm_lib.data import RatingMatrix
from rbm_lib.evaluate import random_split


def test_autorec_finds_a_planted_factor():
    rng = np.random.default_rng(1)
    sign = np.outer(rng.choice([-1, 1], 200), rng.choice([-1, 1], 40))
    users, items = np.nonzero(rng.random(sign.shape) < 0.4)
    split = random_split(RatingMatrix(users, items, 2 + 2 * sign[users, items], n_levels=5))
    users, items, levels = split.held_out.triples()

    def rmse(model):
        prediction = model.fit(split.train).scores()[users, items]
        return np.sqrt(np.mean((prediction - levels) ** 2))

    assert rmse(baselines.UserItemBias()) > 1.9  # biases cannot know the sign
    assert rmse(baselines.AutoRec()) < 1
    assert rmse(baselines.AutoRec(by_item=True)) < 1


def test_rows_of_items_are_the_transposed_problem(ratings):
    by_item = baselines.AutoRec(epochs=3, by_item=True).fit(ratings).scores()

    transposed = baselines.AutoRec(epochs=3).fit(ratings.T).scores()

    np.testing.assert_allclose(by_item, transposed.T, atol=1e-5)
