"""Neighbours against loops."""

import numpy as np
import pytest

from rbm_lib import baselines
from rbm_lib.recommend.baselines import neighbours


@pytest.mark.parametrize("items_at_once", [1024, 5])
def test_item_knn_is_that_of_a_loop(ratings, dense, items_at_once, monkeypatch):
    monkeypatch.setattr(neighbours, "ITEMS_AT_ONCE", items_at_once)
    x = dense[1]
    norm = np.sqrt(x.sum(0))

    model = baselines.ItemKNN(k=3, shrink=2.0).fit(ratings)

    scores = model.scores()
    for item in range(13):
        near = x[:, item] @ x / (norm[item] * norm + 2.0)
        near[item] = 0
        near[near < sorted(near)[-3]] = 0
        np.testing.assert_allclose(scores[:, item], x @ near, atol=1e-12)
    assert model.similarity_.nnz < 13 * 12  # those that are not near are not kept


def test_item_knn_ratings_is_that_of_a_loop(ratings, dense):
    x, rated = dense
    base = baselines.UserItemBias().fit(ratings).scores()
    residual = rated * (x - base)

    scores = baselines.ItemKNNRatings(k=2, shrink=3.0).fit(ratings).scores()

    for user, item in np.ndindex(5, 13):
        near = [(0.0, 0.0)]
        for other in np.flatnonzero(rated[user]):
            both = (rated[:, item] * rated[:, other]) > 0
            a, b = residual[both, item], residual[both, other]
            if other != item and both.any():
                cosine = a @ b / np.sqrt((a @ a) * (b @ b))
                weight = max(cosine * len(a) / (len(a) + 3.0), 0)
                near.append((weight, residual[user, other]))
        weight, value = np.array(sorted(near)[-2:]).T
        expected = base[user, item] + weight @ value / (weight.sum() + 2)
        assert scores[user, item] == pytest.approx(expected, abs=1e-10)
