"""Which model answers which question, and what is said where none does."""

import pandas as pd
import pytest

from rbm_lib import Recommender
from rbm_lib.recommend.content_ranking import ContentRankModel
from rbm_lib.recommend.ranking import RankModel
from rbm_lib.recommend.rating import RatingModel
from rbm_lib.recommend.tasks import (
    new_model,
    people_of,
    require_fitted,
    require_ranking,
    require_rating,
    require_same_task,
    require_task,
    row_scores,
)
from tests.recommend.support import taste_ratings

TABLE = pd.DataFrame({"item": ["x"], "year": [2000]})


@pytest.mark.parametrize(
    ("task", "content", "kind"),
    [
        ("rank", None, RankModel),
        ("rank", TABLE, ContentRankModel),
        ("rate", None, RatingModel),
    ],
)
def test_the_parameters_choose_the_model(task, content, kind):
    require_task(task, "items", content)

    assert type(new_model(task, "items", content, 1)) is kind


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (("list", "items", None), "task: got 'list', expected one of"),
        (("rate", "films", None), "rows: got 'films', expected one of"),
        (("rate", "items", TABLE), "content: got a table for task='rate', expected"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        require_task(*parameters)


def test_a_warm_start_stays_with_the_task():
    ranking, rating = RankModel(1), RatingModel(1, "items")

    require_same_task(None, rating)
    require_same_task(ranking, ContentRankModel(1, TABLE))
    with pytest.raises(ValueError, match="warm_start: got a model of another task"):
        require_same_task(ranking, rating)


def test_each_question_has_its_model():
    quick = {"epochs": 1, "n_hidden": 2, "validation": 0.0}
    ranker, rater = (Recommender(t, **quick).fit(taste_ratings()) for t in ("rank", "rate"))

    assert require_ranking(ranker, "lists") is require_fitted(ranker)
    assert require_rating(rater) is require_fitted(rater)
    with pytest.raises(ValueError, match="task: got 'rate', expected 'rank' for lists"):
        require_ranking(rater, "lists")
    with pytest.raises(ValueError, match="task: got 'rank', expected 'rate' for predict"):
        require_rating(ranker)
    with pytest.raises(ValueError, match="model: got one without training"):
        require_fitted(Recommender())


def test_people_are_everybody_some_or_new_ones():
    ratings = taste_ratings()
    model = Recommender(epochs=1, n_hidden=2, validation=0.0).fit(ratings)._model

    assert people_of(None, ratings, model) is ratings
    some = people_of(["user 3", "user 1"], ratings, model)
    assert some.user_ids.tolist() == ["user 3", "user 1"]
    new = people_of({"a00": 5}, ratings, model)
    assert (new.n_users, new.n_items, new.n_ratings) == (1, ratings.n_items, 1)
    assert row_scores(model, some)([1]).shape == (1, ratings.n_items)
