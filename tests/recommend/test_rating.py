"""The rating model: chances and stars of pairs, for known and for new people."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib import Recommender
from rbm_lib.baselines import LogisticBias
from rbm_lib.data import RatingMatrix
from rbm_lib.evaluate import random_split, rating_metrics
from rbm_lib.recommend.masked import MaskedModel
from tests.recommend.support import taste_frame, taste_ratings


@pytest.fixture(scope="module", params=["items", "users"])
def fitted(request):
    split = random_split(taste_ratings(n_users=150), 0.2)
    model = Recommender(task="rate", rows=request.param, epochs=30, seed=1)
    return model.fit(split.train), split


def test_held_out_likes_are_told_from_dislikes(fitted):
    model, split = fitted
    frame = split.held_out.to_frame()

    found = model.predict(frame)

    liked = (frame["rating"] >= 4).to_numpy()
    table = rating_metrics(found["like"], liked, n_bootstrap=0).set_index("metric")["mean"]
    assert table["AUC"] > 0.9
    assert list(found) == ["user", "item", "like", "rating"]
    assert found["rating"].between(1, 5).all()
    assert np.corrcoef(found["rating"], frame["rating"])[0, 1] > 0.6


def test_a_new_person_is_predicted_by_their_taste(fitted):
    model, _ = fitted
    person = {f"a{i:02}": 5 for i in range(0, 12, 2)} | {
        f"b{i:02}": 1 for i in range(1, 12, 2)
    }

    found = model.predict(["a20", "a22", "b21", "b23"], person)

    assert found["like"][:2].min() > found["like"][2:].max() + 0.3
    assert found["rating"][:2].min() > found["rating"][2:].max()


def test_unknown_users_and_items_are_average_ones(fitted):
    model, split = fitted
    known = split.train.user_ids[0]

    with pytest.warns(
        UserWarning, match="got 1 user .* does not know, took the average instead"
    ):
        found = model.predict([("eve", "a00"), (known, "a00")])

    assert 0.2 < found["like"][0] < 0.8
    with pytest.warns(UserWarning, match="got 1 item"):
        assert model.predict([(known, "zzz")])["like"].between(0, 1).all()


def test_scores_are_chances_and_similar_items_share_a_taste(fitted):
    model, split = fitted

    scores = model.scores([0, 1])

    pairs = [(split.train.user_ids[1], item) for item in split.train.item_ids]
    np.testing.assert_allclose(scores[1], model.predict(pairs)["like"], rtol=1e-5)
    assert {item[0] for item in model.similar_items("a00", 4)["item"]} == {"a"}


def test_each_task_refuses_the_questions_of_the_other(fitted):
    model, _ = fitted

    for ask in (model.recommend, lambda: model.explain("user 0", "a00")):
        with pytest.raises(ValueError, match=r"fit Recommender\(task='rank'\)"):
            ask()
    rank = Recommender(epochs=1, validation=0).fit(taste_ratings())
    with pytest.raises(ValueError, match=r"fit Recommender\(task='rate'\)"):
        rank.predict([("user 0", "a00")])


def test_two_levels_have_no_stars_and_likes_alone_are_refused():
    votes = RatingMatrix.from_frame(taste_frame(), like_at_least=4)
    model = Recommender(task="rate", epochs=2).fit(votes)

    assert list(model.predict([("user 0", "a00")])) == ["user", "item", "like"]
    with pytest.raises(ValueError, match="got only ratings that are a like"):
        Recommender(task="rate").fit(RatingMatrix.from_pairs(taste_frame()))


def test_what_is_no_pair_and_no_person_is_refused():
    model = Recommender("rate", epochs=1, validation=0).fit(taste_ratings())

    with pytest.raises(TypeError, match=r"person: got 'a00', .* predict\(\[\(user, item"):
        model.predict("user 0", "a00")
    with pytest.raises(ValueError, match="pairs: got 'a00' at position 0, expected"):
        model.predict(["a00", "b01"])
    with pytest.raises(ValueError, match="pairs: got 'user 0', expected a list"):
        model.predict("user 0")
    assert model.predict("a00", {"b01": 5})["item"].tolist() == ["a00"]


def test_ratings_that_say_when_to_stop_are_no_input_of_what_is_scored(monkeypatch):
    probabilities = MaskedModel.probabilities
    rated = []

    def watched(model, rows, row, unit):
        rated.append((rows.levels_at(row, unit) >= 0).sum())
        return probabilities(model, rows, row, unit)

    monkeypatch.setattr(MaskedModel, "probabilities", watched)
    Recommender(task="rate", epochs=4).fit(taste_ratings())

    assert len(rated) > 1
    assert sum(rated) == 0


def test_without_validation_and_after_a_warm_start_no_new_weights_are_learned():
    ratings = taste_ratings(n_users=100)
    alone = Recommender(task="rate", epochs=4, validation=0.0).fit(ratings)
    model = Recommender(task="rate", epochs=4).fit(ratings)
    before = model._model.blend

    model.fit(ratings, warm_start=True)

    assert alone._model.blend is None
    assert model._model.blend is before


@pytest.mark.parametrize("rows", ["items", "users"])
def test_a_person_of_the_training_is_predicted_alike_when_they_are_new(rows):
    ratings = taste_ratings(n_users=150)
    model = Recommender(task="rate", rows=rows, epochs=30).fit(ratings)
    frame = ratings.to_frame()
    own = frame[frame["user"] == "user 1"]
    others = sorted(set(ratings.item_ids) - set(own["item"]))

    known = model.predict([("user 1", item) for item in others])
    new = model.predict(others, dict(zip(own["item"], own["rating"], strict=True)))

    np.testing.assert_allclose(new["like"], known["like"], atol=0.1)
    np.testing.assert_allclose(new["rating"], known["rating"], atol=0.4)


def test_few_ratings_a_person_are_predicted_no_worse_than_by_biases():
    """Four ratings a person, by two biases alone: nothing else is there to be learned."""
    rng = np.random.default_rng(0)
    user, item = np.divmod(rng.choice(400 * 150, 2400, replace=False), 150)
    level = rng.normal(0, 1, 400)[user] + rng.normal(0, 1, 150)[item]
    stars = np.clip(np.round(3 + level + rng.normal(0, 0.7, 2400)), 1, 5)
    frame = pd.DataFrame({"user": user, "item": item, "rating": stars})
    split = random_split(RatingMatrix.from_frame(frame), 0.25)
    users, items, levels = split.held_out.triples()
    label = levels >= 3

    model = Recommender("rate").fit(split.train)

    def auc(scores):
        table = rating_metrics(scores, label, n_bootstrap=0).set_index("metric")
        return table["mean"]["AUC"]

    bias = LogisticBias().fit(split.train.binarize(3)).scores()[users, items]
    assert auc(model.scores()[users, items]) > auc(bias) - 0.005


def test_a_warm_start_keeps_what_was_learned_of_old_units():
    first = Recommender(task="rate", seed=1).fit(taste_ratings(n_users=100))
    more = pd.concat(
        [taste_frame(n_users=100), taste_frame(3, 6).replace("user", "new", regex=True)]
    )

    warm = first.fit(more, warm_start=True)

    found = warm.predict(
        [(f"new {user}", item) for user in (0, 2) for item in ("a00", "b01")]
    )
    assert (found["like"][::2].to_numpy() > found["like"][1::2].to_numpy()).all()
