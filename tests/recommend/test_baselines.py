"""Baselines against loops and against what they minimise."""

import numpy as np
import pytest

from rbm_lib import baselines
from rbm_lib.data import RatingMatrix
from rbm_lib.evaluate import random_split

OF_ANY_RATINGS = sorted({*baselines.__all__} - {"calibrated", "logistic_biases"})


@pytest.fixture
def ratings():
    """25 users, 12 items and one that nobody rated, 5 levels."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((25, 12)) < 0.5)
    levels = rng.integers(0, 5, len(users))
    catalogue = {"user_ids": range(25), "item_ids": range(13)}
    return RatingMatrix(users, items, levels, n_levels=5, **catalogue)


def dense(ratings: RatingMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Levels and rated cells, as arrays of float."""
    v, observed = ratings.batch(slice(None))
    return v.double().numpy(), observed.double().numpy()


@pytest.mark.parametrize("name", OF_ANY_RATINGS)
def test_scores_are_finite_and_the_same_again(name, ratings):
    before = ratings.fingerprint()

    scores = getattr(baselines, name)(ratings)

    assert scores.shape == ratings.shape
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, getattr(baselines, name)(ratings))
    assert ratings.fingerprint() == before


def test_popularity_and_means(ratings):
    x, rated = dense(ratings)
    mean = x.sum() / rated.sum()
    smoothed = (x.sum(0) + 5 * mean) / (rated.sum(0) + 5)

    np.testing.assert_array_equal(baselines.popularity(ratings)[3], rated.sum(0))
    np.testing.assert_allclose(baselines.global_mean(ratings), mean)
    np.testing.assert_allclose(baselines.item_mean(ratings, 5.0)[7], smoothed)


def test_item_knn_is_that_of_a_loop(ratings):
    x = dense(ratings)[1]
    norm = np.sqrt(x.sum(0))

    scores = baselines.item_knn(ratings, k=3, shrink=2.0)

    for item in range(13):
        near = x[:, item] @ x / (norm[item] * norm + 2.0)
        near[item] = 0
        near[near < sorted(near)[-3]] = 0
        np.testing.assert_allclose(scores[:, item], x @ near, atol=1e-12)


@pytest.mark.parametrize("transposed", [False, True])
def test_ease_is_the_ridge_regression_of_each_item_on_the_others(ratings, transposed):
    likes = ratings.T if transposed else ratings  # more items than users, or fewer
    x = dense(likes)[1]

    scores = baselines.ease(likes, l2=1.5)

    for item in range(x.shape[1]):
        rest = np.delete(x, item, axis=1)
        gram = rest.T @ rest + 1.5 * np.eye(rest.shape[1])
        expected = rest @ np.linalg.solve(gram, rest.T @ x[:, item])
        np.testing.assert_allclose(scores[:, item], expected, atol=1e-10)


def alternating_ridge_regressions(target, rated, items, reg, alpha=0.0):
    """All rows' equations at once; weight 1 + alpha on rated cells and alpha on others."""

    def solve(other, target, rated):
        weight = rated + alpha
        matrix = np.einsum("ij,jf,jg->ifg", weight, other, other)
        matrix += reg * weight.sum(1)[:, None, None] * np.eye(other.shape[1])
        return np.einsum("ifg,ig->if", np.linalg.pinv(matrix), (rated * target) @ other)

    for _ in range(15):
        users = solve(items, target, rated)
        items = solve(users, target.T, rated.T)
    return users @ items.T


def test_factor_models_are_alternating_ridge_regressions(ratings):
    x, rated = dense(ratings)
    base = baselines.bias_model(ratings)
    draws = 0.1 * np.random.default_rng(0).standard_normal((25 + 13, 3))

    implicit = baselines.ials(ratings, n_factors=3, reg=0.1, alpha=0.3)
    explicit = baselines.matrix_factorization(ratings, n_factors=3, reg=0.3)

    fit = alternating_ridge_regressions
    expected = fit(rated, rated, draws[25:] / np.sqrt(3), 0.1, 0.3)
    np.testing.assert_allclose(implicit, expected, atol=1e-9)
    expected = base + fit(x - base, rated, draws[:13], 0.3)
    np.testing.assert_allclose(explicit, expected, atol=1e-9)


def test_bias_model_is_a_ridge_regression(ratings):
    users, items, levels = ratings.triples()
    design = np.hstack([np.eye(25)[users], np.eye(13)[items]])
    gram = design.T @ design + 5 * np.eye(25 + 13)
    bias = np.linalg.solve(gram, design.T @ (levels - levels.mean()))

    prediction = baselines.bias_model(ratings, reg=5)

    expected = levels.mean() + bias[:25, None] + bias[25:]
    np.testing.assert_allclose(prediction, expected, atol=1e-6)


def test_logistic_biases_balance_residuals_and_penalty(ratings):
    binary = ratings.binarize(3)
    users, items, levels = binary.triples()

    prob = baselines.logistic_biases(binary, penalty=2.0)

    logit = np.log(prob / (1 - prob))
    residual = levels - prob[users, items]
    slope = np.bincount(users, residual, 25)  # at the optimum 2 · the user's bias
    assert abs(residual.sum()) < 1e-3
    np.testing.assert_allclose((slope - slope[0]) / 2, logit[:, 0] - logit[0, 0], atol=1e-3)


def test_item_knn_ratings_is_that_of_a_loop(ratings):
    x, rated = dense(ratings)
    base = baselines.bias_model(ratings)
    residual = rated * (x - base)

    scores = baselines.item_knn_ratings(ratings, k=2, shrink=3.0)

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


def test_autorec_finds_a_planted_factor():
    rng = np.random.default_rng(1)
    sign = np.outer(rng.choice([-1, 1], 200), rng.choice([-1, 1], 40))
    users, items = np.nonzero(rng.random(sign.shape) < 0.4)
    split = random_split(RatingMatrix(users, items, 2 + 2 * sign[users, items], n_levels=5))
    users, items, levels = split.held_out.triples()

    def rmse(baseline):
        return np.sqrt(np.mean((baseline(split.train)[users, items] - levels) ** 2))

    assert rmse(baselines.bias_model) > 1.9  # biases cannot know the sign
    assert rmse(baselines.autorec) < 1


def test_calibration_recovers_the_probability():
    rng = np.random.default_rng(3)
    truth = rng.beta(2, 2, (300, 50))
    logit = np.log(truth / (1 - truth))
    ratings = RatingMatrix(*np.nonzero(truth), (rng.random(truth.shape) < truth).ravel())

    prob = baselines.calibrated(lambda train: 4 * logit + 7, ratings, 1)

    assert np.abs(prob - truth).mean() < 0.03  # 3,000 held-out ratings fit two numbers


def test_calibration_uses_ratings_that_the_scorer_has_not_seen(ratings):
    def memory(train):  # knows its training ratings and nothing else
        x, rated = dense(train)
        return rated * (x - 2.5)

    prob = baselines.calibrated(memory, ratings, 3)

    assert np.ptp(prob) < 1e-6


def test_input_that_does_not_fit_is_refused(ratings):
    with pytest.raises(ValueError, match="l2: got 0, expected a finite number"):
        baselines.ease(ratings, l2=0)
    with pytest.raises(ValueError, match="ratings: got levels .*, expected 0 and 1, both"):
        baselines.logistic_biases(ratings)
    with pytest.raises(ValueError, match="like_at_least: got 5, expected a level"):
        baselines.calibrated(baselines.item_mean, ratings, 5)
