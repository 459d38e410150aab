"""Means and biases against what they are by definition."""

import numpy as np
import pytest

from rbm_lib import baselines


def test_popularity_and_means(ratings, dense):
    x, rated = dense
    mean = x.sum() / rated.sum()
    smoothed = (x.sum(0) + 5 * mean) / (rated.sum(0) + 5)

    popularity = baselines.Popularity().fit(ratings)
    np.testing.assert_array_equal(popularity.scores([3])[0], rated.sum(0))
    np.testing.assert_allclose(baselines.GlobalMean().fit(ratings).scores(), mean)
    np.testing.assert_allclose(baselines.ItemMean(5.0).fit(ratings).scores()[7], smoothed)


def test_biases_are_a_ridge_regression(ratings):
    users, items, levels = ratings.triples()
    design = np.hstack([np.eye(25)[users], np.eye(13)[items]])
    gram = design.T @ design + 5 * np.eye(25 + 13)
    bias = np.linalg.solve(gram, design.T @ (levels - levels.mean()))

    prediction = baselines.UserItemBias(reg=5).fit(ratings).scores()

    expected = levels.mean() + bias[:25, None] + bias[25:]
    np.testing.assert_allclose(prediction, expected, atol=1e-6)


def test_logistic_biases_balance_residuals_and_penalty(ratings):
    binary = ratings.binarize(3)
    users, items, levels = binary.triples()

    prob = baselines.LogisticBias(penalty=2.0).fit(binary).scores()

    logit = np.log(prob / (1 - prob))
    residual = levels - prob[users, items]
    slope = np.bincount(users, residual, 25)  # at the optimum 2 · the user's bias
    assert abs(residual.sum()) < 1e-3
    np.testing.assert_allclose((slope - slope[0]) / 2, logit[:, 0] - logit[0, 0], atol=1e-3)


def test_logistic_biases_need_likes_and_dislikes(ratings):
    with pytest.raises(ValueError, match="ratings: got levels .*, expected 0 and 1, both"):
        baselines.LogisticBias().fit(ratings)
