"""The same ratings predicted by several recommenders: chances and stars, fitted alike."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib import RatingMatrix, Recommender
from rbm_lib.baselines import (
    Calibrated,
    GlobalMean,
    ItemMean,
    LogisticBias,
    MatrixFactorization,
    UserItemBias,
)
from rbm_lib.data.scale import Scale
from rbm_lib.evaluate import auc_lead, compare_ratings, random_split, rating_metrics
from rbm_lib.recommend.compare_ratings import predictions

LIKE = 3.0


def uneven_stars(seed=0):
    """Stars of 60 people for 30 items, from their biases, on a scale with a gap."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 1, (60, 1)) + rng.normal(0, 1, (1, 30))
    level = np.digitize(score + rng.normal(0, 0.7, (60, 30)), [-1, 0, 1])
    users, items = np.nonzero(rng.random((60, 30)) < 0.6)
    scale = Scale((1, 2, 3, 6))
    return RatingMatrix(users, items, level[users, items], scale=scale)


@pytest.fixture(scope="module")
def split():
    return random_split(uneven_stars(), 0.3)


@pytest.fixture(scope="module")
def held_out(split):
    """Users, items, stars and likes that are to be predicted."""
    users, items, level = split.held_out.triples()
    stars = np.asarray(split.held_out.scale.steps)[level]
    return users, items, stars, (stars >= LIKE).astype(int)


class Told:
    """A recommender that says what a function of the training ratings and pairs does."""

    like_at_least = None

    def __init__(self, function):
        self.function = function

    def fit(self, ratings):
        self.ratings_ = ratings
        return self

    def predict(self, pairs):
        return pairs.assign(**self.function(self, pairs))


def test_metrics_are_those_of_rating_metrics(split, held_out):
    users, items, stars, like = held_out
    models = {"item mean": ItemMean(), "bias": UserItemBias()}

    table = compare_ratings(models, split, like_at_least=LIKE, n_bootstrap=50)

    calibrated = Calibrated(UserItemBias(), LIKE).fit(split.train)
    chance = calibrated.scores()[users, items]
    levels = calibrated.model_.scores()[users, items]
    predicted = np.interp(levels, range(4), [1, 2, 3, 6])
    options = {"predicted": predicted, "rating": stars, "n_bootstrap": 50}
    expected = rating_metrics(chance, like, users, **options).set_index("metric")
    own = table[table["model"] == "bias"].set_index("metric")[list(expected)]
    pd.testing.assert_frame_equal(own, expected)
    assert table["metric"].tolist()[:3] == ["AUC", "AUC", "log-loss"]


def test_leads_are_paired_and_positive_for_what_is_better(split, held_out):
    users, items, _, like = held_out
    models = {"item mean": ItemMean(), "bias": UserItemBias(), "again": ItemMean()}

    table = compare_ratings(models, split, like_at_least=LIKE, n_bootstrap=50)

    by_model = table.set_index(["metric", "model"])
    for metric, sign in (("AUC", 1), ("log-loss", -1), ("RMSE", -1), ("MAE", -1)):
        row = by_model.loc[metric, "bias"]
        gap = row["mean"] - by_model.loc[metric, "item mean"]["mean"]
        assert row["lead"] == pytest.approx(sign * gap)
        assert 0 < row["lead_low"] < row["lead"] < row["lead_high"]
        same = by_model.loc[metric, "again"][["lead", "lead_low", "lead_high"]]
        assert same.tolist() == [0, 0, 0]
    chances = [
        Calibrated(model, LIKE).fit(split.train).scores()[users, items]
        for model in (UserItemBias(), ItemMean())
    ]
    lead = auc_lead(*chances, like, users, n_bootstrap=50)[["mean", "low", "high"]]
    own = by_model.loc["AUC", "bias"][["lead", "lead_low", "lead_high"]]
    assert own.tolist() == pytest.approx(lead.to_numpy()[0].tolist())


def test_a_recommender_is_fitted_to_all_levels(split, held_out):
    model = Recommender("rate", epochs=10)

    found = predictions(model, split, LIKE)

    own = Recommender("rate", epochs=10, like_at_least=LIKE).fit(split.train)
    frame = own.predict(split.held_out.to_frame())
    np.testing.assert_array_equal(found.like, frame["like"])
    np.testing.assert_array_equal(found.rating, frame["rating"])
    assert not hasattr(model, "ratings_"), "a copy was fitted"


def test_a_recommender_is_asked_without_the_answers(split):
    seen = []

    def note(own, pairs):
        seen.append((list(pairs), own.like_at_least, own.ratings_.n_levels))
        return {"like": 0.5, "rating": 2.0}

    table = compare_ratings({"told": Told(note)}, split, like_at_least=LIKE, n_bootstrap=0)

    assert seen == [(["user", "item"], LIKE, 4)]
    assert table.set_index("metric").loc["AUC", "mean"] == 0.5


def test_predictions_made_elsewhere_come_in_any_order(split):
    model = Recommender("rate", epochs=5, like_at_least=LIKE)
    frame = model.fit(split.train).predict(split.held_out.to_frame())
    models = {"own": model, "given": frame.sample(frac=1, random_state=0)}

    table = compare_ratings(models, split, like_at_least=LIKE, n_bootstrap=20)

    assert table["lead"].tolist() == [0] * len(table)


def test_the_same_for_all_is_the_share_of_likes(split, held_out):
    found = predictions(GlobalMean(), split, LIKE)

    share = (split.train.triples()[2] >= 2).mean()
    np.testing.assert_allclose(found.like, share)


def test_what_knows_likes_alone_predicts_no_stars(split, held_out):
    users, items, _, _ = held_out
    models = {"stars": MatrixFactorization(), "likes": LogisticBias()}

    table = compare_ratings(models, split, like_at_least=LIKE, n_bootstrap=0)

    likes = LogisticBias().fit(split.train.binarize(2)).scores()[users, items]
    np.testing.assert_array_equal(predictions(LogisticBias(), split, LIKE).like, likes)
    assert set(table[table["model"] == "stars"]["metric"]) >= {"RMSE", "MAE"}
    assert not {*table[table["model"] == "likes"]["metric"]} & {"RMSE", "MAE"}


def test_two_levels_have_no_stars():
    split = random_split(uneven_stars().binarize(2), 0.3)
    models = {"bias": LogisticBias(), "rbm": Recommender("rate", epochs=2)}

    table = compare_ratings(models, split, n_bootstrap=0)

    assert set(table["metric"]) == {"AUC", "log-loss", "ECE", "group AUC"}


def test_what_cannot_be_compared_is_refused(split):
    frame = split.held_out.to_frame().assign(like=0.5)

    def refused(match, scorer, **options):
        with pytest.raises(ValueError, match=match):
            compare_ratings({"a": scorer}, split, n_bootstrap=0, **options)

    refused("expected a table with user, item and like", frame.drop(columns="like"))
    refused("twice", pd.concat([frame, frame[:1]]))
    refused("none for 1 of", frame[1:])
    refused("outside 0 to 1", frame.assign(like=1.5))
    refused("outside 0 to 1", frame.assign(like=np.nan))
    refused("a rating that is no number", frame.assign(rating=np.nan))
    refused("expected 'rate' for predict", Recommender("rank", epochs=1))
    refused("against", frame, against="b")
    likes = RatingMatrix([1] * 5 + [2] * 5, [*range(5)] * 2, [1] * 10)
    with pytest.raises(ValueError, match="only held-out ratings that are a like"):
        compare_ratings({"a": GlobalMean()}, random_split(likes, 0.3))
