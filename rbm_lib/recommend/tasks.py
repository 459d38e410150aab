"""The two tasks, rank and rate: which model answers which question."""

from collections.abc import Callable
from typing import Any

from rbm_lib.checks import require_choice
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.content_ranking import ContentRankModel
from rbm_lib.recommend.people import is_new_people, new_people, user_rows
from rbm_lib.recommend.ranking import RankModel
from rbm_lib.recommend.rating import RatingModel

TASKS = ("rank", "rate")
ROWS = ("items", "users")

TaskModel = RankModel | RatingModel


def require_task(task: Any, rows: Any, content: Any) -> None:
    """Check the parameters that choose a model."""
    require_choice("task", task, TASKS)
    require_choice("rows", rows, ROWS)
    if task == "rate" and content is not None:
        raise ValueError(
            "content: got a table for task='rate', expected task='rank'. Content is for "
            "lists: leave it out of a model of ratings."
        )


def new_model(task: str, rows: str, content: Any, like_level: int) -> TaskModel:
    """A model without training."""
    if task == "rate":
        return RatingModel(like_level, rows)
    if content is None:
        return RankModel(like_level)
    return ContentRankModel(like_level, content)


def require_same_task(start: TaskModel | None, model: TaskModel) -> None:
    """Raise a ValueError if a warm start would go on with a model of another task."""
    if start is not None and isinstance(start, RankModel) != isinstance(model, RankModel):
        raise ValueError("warm_start: got a model of another task, expected the same.")


def require_fitted(recommender: Any) -> TaskModel:
    """The trained model of a Recommender."""
    if not hasattr(recommender, "_model"):
        raise ValueError("model: got one without training, expected fit(ratings) first.")
    return recommender._model


def require_ranking(recommender: Any, question: str) -> RankModel:
    """The ranking model; a ValueError if this is a model of ratings."""
    model = require_fitted(recommender)
    if not isinstance(model, RankModel):
        raise ValueError(
            f"task: got 'rate', expected 'rank' for {question}. A model of ratings "
            "knows what people think of items they chose, not which they choose, and "
            "its lists are worse than popularity: fit Recommender(task='rank')."
        )
    return model


def require_rating(recommender: Any) -> RatingModel:
    """The rating model; a ValueError if this is a model of lists."""
    model = require_fitted(recommender)
    if not isinstance(model, RatingModel):
        raise ValueError(
            "task: got 'rank', expected 'rate' for predict. The scores of a ranking "
            "model order items and are not chances: fit Recommender(task='rate')."
        )
    return model


def people_of(users: Any, ratings: RatingMatrix, model: RankModel) -> RatingMatrix:
    """The ratings of users, by id or new, over all items that the model can score."""
    if users is None:
        return model.catalogue(ratings)
    if is_new_people(users):
        return new_people(users, model.catalogue(ratings.rows([])))
    return model.catalogue(ratings.rows(user_rows(users, ratings)))


def row_scores(model: RankModel, people: RatingMatrix) -> Callable[[Any], Any]:
    """A function from rows of these people to their scores."""
    return lambda rows: model.scores(people.rows(rows))
