"""What the evaluation asks of a recommender, and the batches in which it asks."""

import copy
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.lists import in_batches


@runtime_checkable
class Scorer(Protocol):
    """A recommender that can score every item for some rows of its ratings."""

    def fit(self, ratings: RatingMatrix) -> Any:
        """Learn from these ratings, and return the recommender."""

    def scores(self, rows: Any) -> Any:
        """Numbers (n_rows, n_items), higher is better, for rows of those ratings."""


class LikesOnly:
    """The base of recommenders to which every rating that they are fitted to is a like.

    To rank ratings of any scale, the evaluation fits them to the likes alone. `Popularity`,
    `ItemKNN`, `EASE` and `IALS` are such, and so is one of your own that inherits from it.
    """


class LikeChances:
    """Recommenders whose scores are P(like), learned from ratings that are like or not.

    To measure them on ratings of any scale, the evaluation cuts the training ratings first.
    `LogisticBias` is such, and so is one of your own that inherits from it.
    """


@runtime_checkable
class Predictor(Protocol):
    """A recommender that says P(like) and the expected rating, such as Recommender."""

    def fit(self, ratings: RatingMatrix) -> Any:
        """Learn from these ratings, and return the recommender."""

    def predict(self, pairs: Any) -> Any:
        """A DataFrame of user, item, like and, where there are stars, rating."""


@runtime_checkable
class HasThreshold(Protocol):
    """A recommender that knows which ratings are likes, such as Recommender."""

    like_at_least: float | None


def require_scorer(name: str, value: object) -> None:
    """Raise a TypeError unless `value` has what a Scorer needs."""
    if not isinstance(value, Scorer) or isinstance(value, type):
        given = value.__name__ if isinstance(value, type) else type(value).__name__
        expected = "expected a recommender with fit(ratings) and scores(rows)"
        raise TypeError(f"{name}: got {given}, {expected}, such as baselines.Popularity().")


def fitted(
    scorer: Scorer, ratings: RatingMatrix, like_at_least: float | None = None
) -> "Fitted":
    """A copy of the recommender, fitted to the ratings; the original stays as it is.

    It takes `like_at_least`, unless it has one of its own.
    """
    require_scorer("scorer", scorer)
    return Fitted(fit_copy(scorer, ratings, like_at_least), ratings)


def fit_copy(model: Any, ratings: RatingMatrix, like_at_least: float | None) -> Any:
    """A fitted copy, which takes `like_at_least` unless it has one of its own."""
    own = copy.deepcopy(model)
    if isinstance(model, HasThreshold) and model.like_at_least is None:
        own.like_at_least = like_at_least
    return own.fit(ratings)


def likes_for(
    scorer: Scorer, ratings: RatingMatrix, like_at_least: float | None
) -> RatingMatrix:
    """What a recommender is fitted to before it ranks: a LikesOnly to the likes alone."""
    if not isinstance(scorer, LikesOnly):
        return ratings
    _, _, levels = ratings.triples()
    return ratings.keep(levels >= ratings.scale.like_level(like_at_least))


class Fitted:
    """A fitted recommender, whose scores are checked before they are used."""

    def __init__(self, model: Scorer, ratings: RatingMatrix) -> None:
        self.model = model
        self.ratings = ratings

    def scores(self, rows: NDArray[np.int64]) -> NDArray:
        """Numbers (n_rows, n_items), without NaN; an item with -inf is on no list."""
        shape = len(rows), self.ratings.n_items
        numbers = self.model.scores(rows)
        checked = as_numbers(numbers, "scorer", shape, most=np.inf)
        return checked.cpu().numpy()

    def scores_at(self, users: ArrayLike, items: ArrayLike) -> NDArray:
        """The score of each pair of a row and a column, (n_pairs,)."""
        users, items = np.asarray(users), np.asarray(items)
        rows, place = np.unique(users, return_inverse=True)
        result = np.empty(len(users))
        order = np.argsort(place, kind="stable")
        start = 0
        for batch in in_batches(rows, self.ratings.n_items):
            stop = start + np.isin(users, batch).sum()
            pairs = order[start:stop]
            own = place[pairs] - place[pairs[0]]
            result[pairs] = self.scores(batch)[own, items[pairs]]
            start = stop
        return result
