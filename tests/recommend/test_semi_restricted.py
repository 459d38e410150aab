"""Lists by a semi-restricted machine: its closed form, its gradient, its scores."""

import numpy as np
import pytest
import torch

from rbm_lib.baselines import EASE
from rbm_lib.data import RatingMatrix
from rbm_lib.evaluate import random_split
from rbm_lib.models import SemiRestrictedRBM
from rbm_lib.recommend import SemiRestricted, partial_correlations, semi_restricted
from rbm_lib.recommend.semi_restricted import one_step_log_odds, prediction_gradient
from tests.recommend.support import taste_ratings
from tests.support import seeded

N_USERS, N_ITEMS = 30, 7


@pytest.fixture
def likes():
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((N_USERS, N_ITEMS)) < 0.4)
    ids = {"user_ids": range(N_USERS), "item_ids": range(N_ITEMS)}
    return RatingMatrix(users, items, np.ones(len(users)), **ids)


def dense(likes):
    return likes.rated().toarray().astype(float)


@torch.no_grad()
def random_semi(scale=1.0):
    model = SemiRestrictedRBM(N_ITEMS, 3).double()
    generator = seeded(0)
    for name, p in model.named_parameters():
        size = scale if name == "W" else 1.0
        p.copy_(size * torch.randn(p.shape, generator=generator))
    matrix = model.L.triu(1)
    model.set_lateral(matrix + matrix.T)
    return model


# ---- couplings in closed form ------------------------------------------------------------


def second_moments(likes, l2, frequency, exponent):
    """The covariance of which the couplings are partial correlations."""
    x = dense(likes)
    gram = x.T @ (x / np.maximum(x.sum(1, keepdims=True), 1) ** exponent)
    return gram + np.diag(l2 + frequency * np.diag(gram))


@pytest.mark.parametrize(("l2", "frequency", "exponent"), [(1, 0, 0), (0.5, 2.33, 0.5)])
def test_couplings_are_correlations_of_what_the_other_items_leave(
    likes, l2, frequency, exponent
):
    moments = second_moments(likes, l2, frequency, exponent)

    lateral = partial_correlations(likes, l2, frequency, exponent).numpy()

    assert np.array_equal(lateral, lateral.T) and not lateral.diagonal().any()
    for i in range(N_ITEMS):
        for j in range(i):
            pair = [i, j]
            rest = np.setdiff1d(np.arange(N_ITEMS), pair)
            explained = moments[np.ix_(pair, rest)] @ np.linalg.solve(
                moments[np.ix_(rest, rest)], moments[np.ix_(rest, pair)]
            )
            left = moments[np.ix_(pair, pair)] - explained
            expected = left[0, 1] / np.sqrt(left[0, 0] * left[1, 1])
            np.testing.assert_allclose(lateral[i, j], expected, atol=1e-12)


def test_ease_is_the_conditional_mean_of_a_gaussian_machine(likes):
    x = dense(likes)
    covariance = x.T @ x + 3.0 * np.eye(N_ITEMS)
    scores = EASE(l2=3.0).fit(likes).scores()

    for i in range(N_ITEMS):
        rest = np.delete(np.arange(N_ITEMS), i)
        given_rest = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, i])
        np.testing.assert_allclose(scores[:, i], x[:, rest] @ given_rest, atol=1e-12)

    # The same by the couplings: units are measured in their conditional deviations.
    own = np.sqrt(np.diag(np.linalg.inv(covariance)))
    lateral = partial_correlations(likes, 3.0, frequency=0.0, exponent=0.0).numpy()
    np.testing.assert_allclose(scores, (x * own) @ lateral / own, atol=1e-12)


# ---- one-step prediction -----------------------------------------------------------------


def test_one_step_is_exact_for_units_that_are_off_up_to_third_order():
    v = torch.randint(2, (20, N_ITEMS), generator=seeded(1)).double()
    error = []
    for scale in (0.1, 0.05):
        model = random_semi(scale)
        difference = one_step_log_odds(model, v) - model.log_odds_given_rest(v)
        error.append(difference[v == 0].abs().max().item())

    assert error[0] < 0.01
    assert error[0] / error[1] > 6  # 2³ = 8


def test_one_step_without_hidden_units_is_exact():
    model = SemiRestrictedRBM(N_ITEMS, 0).double()
    model.set_lateral(random_semi().L)
    v = torch.randint(2, (20, N_ITEMS), generator=seeded(1)).double()

    torch.testing.assert_close(one_step_log_odds(model, v), model.log_odds_given_rest(v))


@pytest.mark.parametrize("lateral", [True, False])
def test_the_gradient_of_one_step_prediction_by_hand_is_that_of_autograd(lateral):
    model = random_semi()
    given = torch.randint(2, (5, N_ITEMS), generator=seeded(1)).double()
    target = torch.randint(2, (5, N_ITEMS), generator=seeded(2)).double()
    weights = torch.rand(5, N_ITEMS, generator=seeded(3)).double()
    gradient = prediction_gradient(model, given, target, weights, lateral)

    q = torch.sigmoid(given @ model.W + model.hidden_bias)
    hidden = q @ model.W.T + (q * (1 - q) / 2) @ (model.W**2).T
    log_odds = model.visible_bias + hidden
    if lateral:
        log_odds = log_odds + given @ model.L
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        log_odds, target, weights, reduction="sum"
    )
    (-loss).backward()

    assert ("L" in gradient) == lateral
    for name, slope in gradient.items():
        expected = model.get_parameter(name).grad
        if name == "L":  # both places of a pair move together
            expected = (expected + expected.T).fill_diagonal_(0)
        torch.testing.assert_close(slope, expected)
        assert slope.abs().max() > 0


# ---- the recommender ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def split():
    ratings = taste_ratings()
    return random_split(ratings.keep(ratings.triples()[2] >= 3), 0.3)


@pytest.fixture(scope="module")
def fitted(split):
    return SemiRestricted(n_hidden=4, l2=5.0, epochs=60).fit(split.train)


def test_it_learns_a_taste(split, fitted):
    found = split.ranking(SemiRestricted(n_hidden=4, l2=5.0), n_bootstrap=0)

    ndcg = found.set_index("metric")["mean"]["NDCG@10"]
    assert ndcg > 0.5  # no taste: about a third of 17 items left are relevant


def test_the_rate_falls_to_zero_over_the_training(split, monkeypatch):
    rates = []

    def step(optimizer, schedule):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()

    monkeypatch.setattr(semi_restricted, "take_step", step)
    SemiRestricted(epochs=3).fit(split.train)

    n = len(rates)
    expected = semi_restricted.RATE * (1 - np.arange(n) / n)
    assert n >= 3 and rates == pytest.approx(expected.tolist())


def test_the_same_seed_gives_the_same_scores(split, fitted):
    again = SemiRestricted(n_hidden=4, l2=5.0, epochs=60).fit(split.train)
    other = SemiRestricted(n_hidden=4, l2=5.0, epochs=60, seed=1).fit(split.train)

    assert np.array_equal(again.scores(), fitted.scores())
    assert not np.allclose(other.scores(), fitted.scores())


def test_scores_are_the_log_odds_of_one_energy(split, fitted):
    model = fitted.model_
    v = torch.from_numpy(split.train.rated().toarray()).float()

    assert torch.equal(model.L, model.L.T) and not model.L.diagonal().any()
    scores = torch.from_numpy(fitted.scores())
    exact = model.log_odds_given_rest(v)
    apart = (scores - exact)[v == 0].abs().max()
    assert apart < 0.02 * exact[v == 0].std()


def test_the_couplings_are_scaled_partial_correlations(split, fitted):
    expected = 15 * partial_correlations(split.train, 5.0)

    torch.testing.assert_close(fitted.model_.L, expected.float())


@pytest.mark.parametrize("setting", ["l2", "scale", "weight_decay", "n_hidden", "epochs"])
def test_every_setting_matters(split, fitted, setting):
    other = SemiRestricted(n_hidden=4, l2=5.0, epochs=60)
    setattr(other, setting, 2 * getattr(other, setting))

    assert not np.allclose(other.fit(split.train).scores(), fitted.scores(), atol=1e-5)


def test_people_and_items_without_likes_have_finite_scores():
    likes = RatingMatrix(
        [0, 0, 1], [0, 1, 1], [1] * 3, user_ids=range(3), item_ids=range(4)
    )

    scores = SemiRestricted(n_hidden=2, epochs=3).fit(likes).scores()

    assert scores.shape == (3, 4) and np.isfinite(scores).all()
    assert scores[2].argmax() == 1  # nothing known of the person: the item with most likes
