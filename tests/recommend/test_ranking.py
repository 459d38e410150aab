"""The ranking RBM: its scores, what moves them, and how it grows."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from rbm_lib import RatingMatrix
from rbm_lib.recommend.ranking import (
    RankModel,
    grown,
    like_effects,
    like_log_odds,
    place_score,
)
from rbm_lib.recommend.scoring import predict
from tests.recommend.support import N_ITEMS, taste_ratings
from tests.support import random_rbm

MODEL = random_rbm("bernoulli", 8, 5)
LIKES = csr_array(np.random.default_rng(0).random((6, 8)) < 0.4)
FEW = {"epochs": 2, "n_hidden": 3}


def test_scores_of_items_that_are_not_liked_are_the_log_odds_of_predict():
    dense = torch.from_numpy(LIKES.toarray()).double()

    scores = like_log_odds(MODEL, LIKES)

    expected = torch.logit(predict(MODEL, dense))
    torch.testing.assert_close(scores[dense == 0], expected[dense == 0])


def test_nobody_and_somebody_without_likes_have_scores():
    assert like_log_odds(MODEL, csr_array((0, 8), dtype=bool)).shape == (0, 8)
    prior = like_log_odds(MODEL, csr_array((2, 8), dtype=bool))
    expected = torch.logit(predict(MODEL, torch.zeros(2, 8, dtype=torch.float64)))
    torch.testing.assert_close(prior, expected)


def test_an_effect_is_what_the_score_loses_without_the_like():
    liked = np.array([1, 3, 6])
    row = np.zeros((1, 8), dtype=bool)
    row[0, liked] = True

    effects = like_effects(MODEL, liked, 4)

    whole = like_log_odds(MODEL, csr_array(row))[0, 4]
    for item, effect in zip(liked, effects, strict=True):
        without = row.copy()
        without[0, item] = False
        assert effect == pytest.approx(
            whole - like_log_odds(MODEL, csr_array(without))[0, 4]
        )


def test_the_likes_that_move_a_score_most_are_named_first_down_or_up():
    model = RankModel(1)
    model.rbm = MODEL
    person = RatingMatrix(["ann"] * 6, [0, 1, 2, 3, 5, 6], [1] * 6, item_ids=range(8))

    every = model.explain(person, 4, 6)
    few = model.explain(person, 4, 3)

    effects = every["effect"]
    assert (effects < 0).any() and (effects > 0).any()
    assert effects.abs().is_monotonic_decreasing
    pd.testing.assert_frame_equal(few, every[:3])


def test_a_new_item_has_the_mean_weights_and_the_bias_of_its_likes():
    places = np.array([0, 2, 3, 4, 5, 6, 7, -1])  # 1 is new, the last item is gone
    likes = csr_array(np.ones((4, 8), dtype=bool)[:, :8])

    larger = grown(MODEL.float(), places, likes)

    assert torch.equal(larger.W[places[:-1]], MODEL.W[:-1])
    torch.testing.assert_close(larger.W[1], MODEL.W.mean(0))
    assert larger.visible_bias[1] > 0
    assert torch.equal(larger.hidden_bias, MODEL.hidden_bias)
    MODEL.double()


def test_training_finds_the_taste_and_stops_on_held_out_likes():
    ratings = taste_ratings()
    model = RankModel(ratings.scale.like_level())

    history = model.fit(ratings, {}, seed=0)

    scores = model.scores(ratings).numpy()
    own = np.arange(N_ITEMS) >= N_ITEMS // 2  # the items b…, which users of taste 1 like
    taste = np.array([int(name.split()[1]) % 2 for name in ratings.user_ids])
    gap = scores[:, own].mean(1) - scores[:, ~own].mean(1)
    assert ((gap > 0) == (taste == 1)).mean() > 0.95
    assert history.to_frame()["score"].max() > 0.4


def test_the_place_score_is_the_discount_of_hidden_likes_among_unseen_items():
    scores = torch.tensor([[5.0, 4, 3, 2, 1], [1.0, 2, 3, 4, 5]])
    shown = csr_array(np.array([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]], dtype=bool))
    hidden = csr_array(np.array([[0, 1, 0, 1, 0], [0, 1, 0, 0, 0]], dtype=bool))

    expected = np.mean(1 / np.log2(1 + np.array([1, 3, 3])))
    assert place_score(scores, shown, hidden) == pytest.approx(expected)


def test_settings_that_are_given_replace_the_defaults():
    ratings = taste_ratings()
    model = RankModel(4)

    history = model.fit(ratings, FEW, seed=0, validation=0.0)

    assert (model.settings["epochs"], model.rbm.n_hidden) == (2, 3)
    assert "score" not in history.last


def test_ratings_without_a_like_are_refused():
    low = taste_ratings().keep(taste_ratings().triples()[2] < 3)

    with pytest.raises(ValueError, match=r"ratings: got none that is a like .at least 4"):
        RankModel(3).fit(low, FEW)
