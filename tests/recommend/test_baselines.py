"""rbm_lib.recommend.baselines and rbm_lib.recommend.covariates against tiny brute force and against what the methods minimise."""

import numpy as np
import pytest
import scipy.sparse
import torch

from rbm_lib.data import RatingMatrix
from rbm_lib.recommend import baselines, covariates
from rbm_lib.recommend.evaluate import cells, random_split, select

EVERY = [
    baselines.popularity, baselines.item_knn, baselines.ease, baselines.ials, baselines.global_mean,
    baselines.item_mean, baselines.bias_model, baselines.item_knn_ratings,
    baselines.matrix_factorization, baselines.autorec,
]  # fmt: skip


@pytest.fixture
def ratings():
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((25, 12)) < 0.5)
    levels = rng.integers(0, 5, len(users))
    return RatingMatrix(
        users, items, levels, n_levels=5, user_ids=range(25), item_ids=range(13)
    )  # one never rated


@pytest.fixture
def likes(ratings):
    users, items, levels = cells(ratings)
    liked = levels >= 3
    ones = np.ones(liked.sum())
    return RatingMatrix(users[liked], items[liked], ones, user_ids=range(25), item_ids=range(13))


def dense(ratings):
    """(x with NaN where missing, 0/1 rated)"""
    stored = ratings.csr.toarray().astype(float)
    return np.where(stored > 0, stored - 1, np.nan), (stored > 0).astype(float)


@pytest.mark.parametrize("method", EVERY)
def test_every_baseline_gives_finite_scores_and_leaves_its_input_alone(method, ratings, likes):
    given = ratings if "rating" in method.__code__.co_varnames[0] else likes
    before = given.fingerprint()
    scores = method(given)
    assert scores.shape == given.shape and np.isfinite(scores).all() and given.fingerprint() == before
    np.testing.assert_array_equal(scores, method(given))


def test_popularity_and_means(ratings, likes):
    x, rated = dense(ratings)
    np.testing.assert_array_equal(baselines.popularity(likes)[3], dense(likes)[1].sum(0))
    np.testing.assert_allclose(baselines.global_mean(ratings), np.nanmean(x))
    expected = (np.nansum(x, 0) + 5 * np.nanmean(x)) / (rated.sum(0) + 5)
    np.testing.assert_allclose(baselines.item_mean(ratings, 5.0)[7], expected)
    assert expected[12] == pytest.approx(np.nanmean(x))


def test_item_knn_against_loops(likes):
    x, k, shrink = dense(likes)[1], 3, 2.0
    scores = baselines.item_knn(likes, k, shrink)
    n = x.shape[1]
    for item in range(n):
        norm = np.sqrt(x[:, item].sum())
        near = [
            0 if j == item else x[:, item] @ x[:, j] / (norm * np.sqrt(x[:, j].sum()) + shrink)
            for j in range(n)
        ]
        least = sorted(near)[-k]
        near = np.where(np.array(near) >= least, near, 0)
        np.testing.assert_allclose(scores[:, item], x @ near, atol=1e-12)


def test_ease_is_the_regression_of_each_item_on_the_others(likes):
    x, l2 = dense(likes)[1], 1.5
    weights = baselines.ease_weights(x, l2)
    for item in range(x.shape[1]):
        rest = [j for j in range(x.shape[1]) if j != item]
        expected = np.linalg.solve(
            x[:, rest].T @ x[:, rest] + l2 * np.eye(len(rest)), x[:, rest].T @ x[:, item]
        )
        np.testing.assert_allclose(weights[rest, item], expected, atol=1e-10)
    assert (np.diag(weights) == 0).all()
    for part in (likes, likes.T):  # more items than users, and fewer
        x = dense(part)[1]
        np.testing.assert_allclose(baselines.ease(part, l2), x @ baselines.ease_weights(x, l2), atol=1e-12)
    with pytest.raises(ValueError, match="l2"):
        baselines.ease_weights(x, 0)


def test_ials_steps_solve_the_weighted_ridge_regressions(likes):
    x = dense(likes)[1]
    rng = np.random.default_rng(0)
    items, reg, alpha = rng.standard_normal((x.shape[1], 3)), 0.1, 0.2
    users = baselines._implicit_step(scipy.sparse.csr_array(x), items, reg, alpha)

    def loss(u, row):
        penalty = reg * (row.sum() + alpha * len(row))
        return (row * (1 - items @ u) ** 2).sum() + alpha * ((items @ u) ** 2).sum() + penalty * u @ u

    for user, row in enumerate(x):
        here = loss(users[user], row)
        assert all(loss(users[user] + 1e-3 * rng.standard_normal(3), row) > here for _ in range(10))


def test_biases_minimise_the_penalised_squared_error(ratings):
    users, items, levels = cells(ratings)
    mean, user_bias, item_bias = baselines.biases(ratings, 3.0, 4.0, iterations=200)
    design = np.zeros((len(users), 25 + 13))
    design[np.arange(len(users)), users] = design[np.arange(len(users)), 25 + items] = 1
    penalty = np.diag(np.r_[np.full(25, 3.0), np.full(13, 4.0)])
    exact = np.linalg.solve(design.T @ design + penalty, design.T @ (levels - levels.mean()))
    np.testing.assert_allclose(np.r_[user_bias, item_bias], exact, atol=1e-8)
    prediction = baselines.bias_model(ratings, 3.0, 4.0, 200)
    np.testing.assert_allclose(prediction[4, 6], mean + exact[4] + exact[25 + 6], atol=1e-8)


def test_logistic_biases_balance_the_books(ratings):
    binary = ratings.binarize(3)
    users, items, levels = cells(binary)
    prob = baselines.logistic_biases(binary, penalty=2.0)
    logit = np.log(prob / (1 - prob))
    residual = levels - prob[users, items]
    assert abs(residual.sum()) < 1e-3  # the intercept's gradient
    gradient = np.bincount(
        users, residual, 25
    )  # = penalty · user bias, which differs between users as logits do
    difference = logit[:, 0] - logit[0, 0]
    np.testing.assert_allclose((gradient - gradient[0]) / 2.0, difference, atol=1e-3)


def test_item_knn_for_ratings_against_loops(ratings):
    x, rated = dense(ratings)
    base = baselines.bias_model(ratings)
    residual = np.where(rated > 0, x - base, 0)
    scores = baselines.item_knn_ratings(ratings, k=2, shrink=3.0, ridge=0.5)
    for user in range(0, 25, 4):
        for item in range(13):
            near = []
            for j in np.flatnonzero(rated[user]):
                both = (rated[:, item] * rated[:, j]) > 0
                a, b = residual[both, item], residual[both, j]
                norm = np.sqrt((a**2).sum() * (b**2).sum())
                if j != item and norm > 0:
                    near.append((max(a @ b / norm * len(a) / (len(a) + 3.0), 0), residual[user, j]))
            near = sorted(near)[-2:]
            expected = sum(w * r for w, r in near) / (sum(w for w, _ in near) + 0.5)
            assert scores[user, item] - base[user, item] == pytest.approx(expected, abs=1e-10)


def test_matrix_factorization_steps_are_ridge_regressions(ratings):
    x, rated = dense(ratings)
    base = baselines.bias_model(ratings)
    items = np.random.default_rng(0).standard_normal((13, 3))
    users = baselines._explicit_step(baselines._residuals(ratings, base), items, 0.3)
    for user in range(25):
        seen = rated[user] > 0
        gradient = items[seen].T @ (x[user, seen] - base[user, seen] - items[seen] @ users[user])
        np.testing.assert_allclose(gradient, 0.3 * seen.sum() * users[user], atol=1e-10)


def test_factor_models_and_the_autoencoder_find_a_planted_factor():
    rng = np.random.default_rng(1)
    taste, kind = rng.choice([-1, 1], 200), rng.choice([-1, 1], 40)
    users, items = np.nonzero(rng.random((200, 40)) < 0.4)
    levels = 2 + 2 * taste[users] * kind[items]
    split = random_split(RatingMatrix(users, items, levels, n_levels=5))
    u, i, level = cells(split.held_out)

    def rmse(prediction):
        return np.sqrt(np.mean((prediction[u, i] - level) ** 2))

    assert rmse(baselines.bias_model(split.train)) > 1.9  # biases cannot know
    for method in (baselines.matrix_factorization, baselines.item_knn_ratings, baselines.autorec):
        assert rmse(method(split.train)) < 1.0, method.__name__
    liked = RatingMatrix(
        users[levels == 4], items[levels == 4], np.ones((levels == 4).sum()), user_ids=range(200)
    )
    split = random_split(liked)

    def precision(scores):
        return split.ranking(lambda train: scores, k=3, n_bootstrap=0).set_index("metric")["mean"][
            "Precision@3"
        ]

    # Half of the popular items are of the wrong kind: who knows the taste is right twice as often.
    by_popularity = precision(baselines.popularity(split.train))
    for method in (baselines.item_knn, baselines.ease, lambda likes: baselines.ials(likes, 8)):
        assert precision(method(split.train)) > 1.5 * by_popularity


def test_calibration_recovers_the_probability(ratings):
    rng = np.random.default_rng(3)
    logit = rng.standard_normal((300, 50)) * 1.5 - 0.5
    levels = (rng.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(int)
    users, items = np.indices(logit.shape).reshape(2, -1)
    matrix = RatingMatrix(users, items, levels.ravel())
    prob = baselines.calibrated(lambda train: 4 * logit + 7, matrix, 1)  # the right order on the wrong scale
    # 3,000 inner held-out cells: a standard error of about .06 on the logit
    assert np.abs(np.log(prob / (1 - prob)) - logit).mean() < 0.2


def test_calibration_is_fitted_on_ratings_that_the_scorer_has_not_seen(ratings):
    def memory(train):  # knows what it was given and nothing else
        return np.where(train.csr.toarray() > 0, train.csr.toarray() - 3.5, 0.0)

    prob = baselines.calibrated(memory, ratings, 3)
    assert (
        prob.max() - prob.min() < 1e-6
    )  # worthless on the inner held-out cells, whatever it says of known ones


def test_left_out_bias_against_loops(ratings):
    users, items, levels = cells(ratings)
    x = covariates.left_out_bias(ratings)
    mean, _, item_bias = baselines.biases(ratings)
    expected = np.zeros(ratings.shape)
    for user in range(25):
        for item in range(13):
            others = (users == user) & (items != item)
            residual = levels[others] - mean - item_bias[items[others]]
            expected[user, item] = residual.sum() / (others.sum() + 5)
    expected /= expected[users, items].std()
    np.testing.assert_allclose(x, expected, atol=1e-5)


def test_multinomial_covariate_finds_the_coefficients():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((400, 10)).astype(np.float32)
    bias, coefficient = rng.standard_normal((10, 3)), np.array([-1.0, 0.2, 0.8])
    prob = torch.softmax(torch.tensor(bias + coefficient * x[..., None]), -1)
    levels = (
        torch.multinomial(prob.reshape(-1, 3), 1, generator=torch.Generator().manual_seed(0)).numpy().ravel()
    )
    users, items = np.indices(x.shape).reshape(2, -1)
    fitted, slope = covariates.multinomial_covariate(
        RatingMatrix(users, items, levels, n_levels=3), x, l2=0.01
    )
    # identified up to a constant over levels; 4,000 cells: standard errors about .05
    np.testing.assert_allclose(slope - slope.mean(), coefficient - coefficient.mean(), atol=0.15)
    centred = fitted - fitted.mean(1, keepdim=True)
    assert np.corrcoef(centred.ravel(), (bias - bias.mean(1, keepdims=True)).ravel())[0, 1] > 0.98


def test_baselines_can_be_selected_among(likes):
    def recall(split, scorer):
        return split.ranking(scorer, k=3, n_bootstrap=0).set_index("metric")["mean"]["Recall@3"]

    candidates = {f"l2={l2}": lambda train, l2=l2: baselines.ease(train, l2) for l2 in (1.0, 10.0)}
    best, frame = select(candidates, likes, recall)
    assert best in candidates and len(frame) == 2
