"""The last layer: what it learns is what the data say, and without data nothing."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge

from rbm_lib import Recommender
from rbm_lib.evaluate import random_split
from rbm_lib.recommend.blend import (
    Blend,
    Opinions,
    linear_layer,
    log_odds,
    logistic_layer,
)
from tests.recommend.support import taste_ratings


def columns(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 1.5, n)
    return np.column_stack([first, 0.6 * first + rng.normal(3, 1, n), rng.normal(0, 9, n)])


def drawn(odds, seed=1):
    return (np.random.default_rng(seed).random(len(odds)) < expit(odds)).astype(int)


def test_known_weights_are_found():
    x = columns(40_000)
    truth = np.array([0.5, 0.7, 0.03])

    layer = logistic_layer(x, drawn(x @ truth - 2.0))

    np.testing.assert_allclose(layer.weights, truth, atol=0.04)
    assert layer.intercept == pytest.approx(-2.0, abs=0.12)


def test_without_a_penalty_it_is_logistic_regression_and_least_squares():
    x = columns()
    label = drawn(x[:, 1] - 3)
    other = LogisticRegression(C=np.inf, tol=1e-8).fit(x, label)

    layer = logistic_layer(x, label, penalty=0.0)

    np.testing.assert_allclose(layer.weights, other.coef_[0], atol=2e-4)
    assert layer.intercept == pytest.approx(other.intercept_[0], abs=1e-3)
    target = x @ [0.2, 0.4, 0.1] + label
    line = linear_layer(x, target, penalty=0.0)
    np.testing.assert_allclose(line.weights, Ridge(alpha=0).fit(x, target).coef_)


def test_the_gradient_is_zero_where_it_ends():
    x = columns(300)
    label = drawn(0.5 * x[:, 0])
    z = np.column_stack([np.ones(300), (x - x.mean(0)) / x.std(0)])

    layer = logistic_layer(x, label, penalty=4.0)

    correction = (layer.weights - [1, 0, 0]) * x.std(0)
    shift = layer.intercept + x.mean(0) @ (layer.weights - [1, 0, 0])
    pull = 4.0 * np.r_[shift, correction]
    residual = z.T @ (expit(layer(x)) - label)
    np.testing.assert_allclose(residual + pull, 0, atol=2e-3)


def test_a_strong_penalty_leaves_the_first_column_as_it_is():
    x = columns(50)

    for layer in (
        logistic_layer(x, drawn(-x[:, 0]), penalty=1e9),
        linear_layer(x, -x[:, 0], penalty=1e9),
    ):
        np.testing.assert_allclose(layer(x), x[:, 0], atol=1e-5)


def test_a_column_that_never_changes_does_no_harm():
    x = columns(200)
    x[:, 1] = 2.0

    assert np.isfinite(logistic_layer(x, drawn(x[:, 0]))(x)).all()


def test_with_few_ratings_of_a_kind_there_is_no_blend():
    opinions = Opinions(np.full(100, 0.5), np.zeros(100))
    like = np.arange(100) < 19

    assert Blend.fit(opinions, like * 4.0, like) is None
    assert Blend.fit(opinions, like * 4.0, np.arange(100) < 20) is not None


def test_certain_chances_have_finite_log_odds():
    found = log_odds(np.array([0.0, 0.5, 1.0]))

    np.testing.assert_allclose(found, [-13.8155, 0, 13.8155], atol=1e-4)


@pytest.mark.parametrize("rows", ["items", "users"])
def test_models_that_know_nothing_lose_their_weight(rows, monkeypatch):
    """Noise takes the place of their chances; only the biases are left."""
    ratings = taste_ratings(n_users=150)
    noise = np.random.default_rng(0)

    def noisy(model, rows, row, unit):
        odds = torch.from_numpy(noise.normal(0, 2, (len(row), rows.n_levels)))
        return torch.softmax(odds, 1)

    monkeypatch.setattr("rbm_lib.recommend.masked.MaskedModel.probabilities", noisy)
    model = Recommender("rate", rows=rows, epochs=2).fit(ratings)

    weights = model._model.blend.like.weights
    assert np.abs(weights[[0, 2]]).max() < 0.15


@pytest.mark.parametrize("few", [True, False])
def test_it_is_learned_on_ratings_that_the_models_have_not_seen(few, monkeypatch):
    """On a fifth of them, or where these are few on all, which are held out in turn."""
    monkeypatch.setattr("rbm_lib.recommend.settings.FEW_TO_JOIN", 10_000 * few)
    seen = []
    fit = Blend.fit.__func__

    def watched(cls, opinions, rating, like):
        seen.append((opinions, rating, like))
        return fit(cls, opinions, rating, like)

    monkeypatch.setattr(Blend, "fit", classmethod(watched))
    split = random_split(taste_ratings(n_users=150), 0.2)

    model = Recommender("rate", epochs=4).fit(split.train)

    ((opinions, rating, like),) = seen
    share = len(rating) / split.train.n_ratings
    assert share == 1 if few else 0.1 < share < 0.3
    assert ((rating >= 4) == like).all()
    assert len(opinions.of_rating()) == len(rating)
    assert model._model.blend is not None
