"""From ratings to lists and predictions, in the data's own ids."""

import inspect
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import require_choice, require_flag, require_number, require_whole
from rbm_lib.data.levels import Rows
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.lists import list_batches, recommend, write_parts
from rbm_lib.recommend.people import is_new_people, new_people
from rbm_lib.recommend.ranking import RankModel

TASKS = ("rank", "rate")


class Recommender:
    """One object from ratings to lists, which speaks the data's own ids.

    Parameters
    ----------
    task : {"rank", "rate"}
        "rank": which items next? A model of likes against everything else. "rate": will
        they like it, how many stars? A model of rated items alone.
    like_at_least : float, optional
        The lowest rating that is a like. By default the upper quarter of the scale is: 4
        and 5 stars, 8 to 10 of ten.
    n_hidden, epochs, batch_size : int, optional
        Hidden units, most passes over the data, rows in each update. By default they follow
        the counts of users, items and ratings.
    lr, weight_decay : float, optional
        Learning rate, and decay of the weights, which by default follows how densely the
        items are rated.
    validation : float
        Share of the users, at most 500 of them, who are held out to find out when training
        has gone on long enough; 0 trains to the end.
    seed : int
        Of the first weights and all draws.
    device : str or torch.device
        "auto" takes CUDA if there is one, or else the CPU.

    Attributes
    ----------
    ratings_ : RatingMatrix
        The training ratings, with ids and scale.
    settings_ : dict
        The settings that were used.
    history_ : History
        `score`: how high the held-out users' likes stood during the training.

    Examples
    --------
    >>> likes = pd.DataFrame({"user": list("aabbcc"), "item": list("xyxyyz")})
    >>> model = Recommender(epochs=5).fit(RatingMatrix.from_pairs(likes))
    >>> model.recommend("c")[["user", "item", "rank"]]
      user item  rank
    0    c    x     1
    """

    def __init__(
        self,
        task: str = "rank",
        *,
        like_at_least: float | None = None,
        n_hidden: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        validation: float = 0.2,
        seed: int = 0,
        device: Any = "auto",
    ) -> None:
        self.task = task
        self.like_at_least = like_at_least
        self.n_hidden = n_hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.validation = validation
        self.seed = seed
        self.device = device

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters, as scikit-learn's estimators have them."""
        return {name: getattr(self, name) for name in parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters; they count from the next `fit` on."""
        for name, value in parameters.items():
            require_choice("parameter", name, parameter_names())
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if name == "task" or value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def fit(
        self, ratings: RatingMatrix, *, warm_start: bool = False, progress: bool = False
    ) -> Self:
        """Train on these ratings.

        Parameters
        ----------
        ratings : RatingMatrix
            All ratings that are known; a DataFrame is read by `RatingMatrix.from_frame`.
        warm_start : bool
            Go on from the last `fit`, for a quarter of the epochs. `ratings` may have new
            users and items: a new item begins with the average item's weights.
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        Recommender
            The object itself.

        Raises
        ------
        ValueError, TypeError
            For settings or ratings that do not fit, such as ratings without a like.
        """
        require_choice("task", self.task, TASKS)
        if isinstance(ratings, pd.DataFrame):
            ratings = RatingMatrix.from_frame(ratings)
        require_ratings("ratings", ratings, at_least=1)
        options = {
            "validation": require_number("validation", self.validation, most=0.5),
            "seed": require_whole("seed", self.seed, least=0),
            "device": self.device,
            "progress": require_flag("progress", progress),
        }
        start = self._fitted() if require_flag("warm_start", warm_start) else None
        model = RankModel(ratings.scale.like_level(self.like_at_least))
        self.history_ = model.fit(ratings, self._given_settings(), start, **options)
        self.settings_ = model.settings
        self.ratings_ = ratings
        self._model = model
        return self

    def _given_settings(self) -> dict[str, Any]:
        """The settings that are given, checked."""
        given: dict[str, Any] = {}
        for name in ("n_hidden", "epochs", "batch_size"):
            if getattr(self, name) is not None:
                given[name] = require_whole(name, getattr(self, name))
        for name in ("lr", "weight_decay"):
            if getattr(self, name) is not None:
                given[name] = require_number(name, getattr(self, name))
        return given

    def scores(self, rows: Rows) -> NDArray:
        """Log-odds of a like, among all items, for these rows of `ratings_`.

        Returns
        -------
        array, shape (len(rows), n_items)
            They order items; they are not the chance that somebody who tries an item likes
            it, which is what task="rate" predicts.
        """
        return self._ranking("scores").scores(self.ratings_.rows(rows)).cpu().numpy()

    def recommend(
        self,
        users: Any = None,
        n: int = 10,
        filter_items: ArrayLike | None = None,
        allow: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """List the n best items of each user, never one that the user has rated.

        Parameters
        ----------
        users : optional
            An id or a list of ids; by default everybody. Or new people: the ratings of one
            as a dict {item: rating}, of several as a DataFrame or RatingMatrix. Of these,
            items that the model does not know are ignored, with a warning.
        n : int
            Length of a list, or less where fewer items are left.
        filter_items : list of ids, optional
            Items that nobody gets.
        allow : list of ids, optional
            The only items that anybody gets.

        Returns
        -------
        DataFrame
            user, item, rank (from 1) and score, in the data's own ids.
        """
        model = self._ranking("recommend")
        people = self.ratings_
        if is_new_people(users):
            people = new_people(users, self.ratings_)
            users = None

        def scores(rows: Rows) -> Any:
            return model.scores(people.rows(rows))

        return recommend(scores, people, users, n, filter_items, allow)

    def write_lists(self, path: Any, n: int = 10, **options: Any) -> int:
        """Stream the lists of everybody to a .csv, .csv.gz or .parquet file.

        Parameters
        ----------
        path : path
            The file, which appears when it is complete.
        n : int
            Length of a list.
        **options
            `filter_items` and `allow`, as in `recommend`.

        Returns
        -------
        int
            Number of rows written.
        """
        self._ranking("write_lists")
        batches = list_batches(self.scores, self.ratings_, None, n, **options)
        return write_parts(path, batches)

    def explain(self, user: Any, item: Any, n: int = 10) -> pd.DataFrame:
        """Say "because you liked …": which likes move the score of an item most.

        Parameters
        ----------
        user : id or dict
            A user of the ratings, or a new person as in `recommend`.
        item : id
            The item that is to be explained.
        n : int
            How many likes to name.

        Returns
        -------
        DataFrame
            item, and effect: how much the score, a log-odds, falls without this like.
        """
        model = self._ranking("explain")
        place = int(self.ratings_.item_index(item)[0])
        if is_new_people(user):
            person = new_people(user, self.ratings_)
        else:
            person = self.ratings_.rows(self.ratings_.user_index(user))
        liked, effects = model.effects(person, place)
        order = np.argsort(-np.abs(effects), kind="stable")[: require_whole("n", n)]
        ids = self.ratings_.item_ids[liked[order]]
        return pd.DataFrame({"item": ids, "effect": effects[order]})

    def similar_items(self, item: Any, n: int = 10) -> pd.DataFrame:
        """List the items that point most nearly the way of this one.

        Returns
        -------
        DataFrame
            item, and similarity: the cosine of what the two say about the hidden units.
        """
        model = self._fitted()
        place = int(self.ratings_.item_index(item)[0])
        items, cosines = model.similar(place, require_whole("n", n))
        ids = self.ratings_.item_ids[items]
        return pd.DataFrame({"item": ids, "similarity": cosines})

    def _fitted(self) -> RankModel:
        if not hasattr(self, "_model"):
            raise ValueError(
                "model: got one without training, expected fit(ratings) first."
            )
        return self._model

    def _ranking(self, question: str) -> RankModel:
        """The ranking model; a ValueError if this is a model of ratings."""
        model = self._fitted()
        if not isinstance(model, RankModel):
            raise ValueError(
                f"task: got 'rate', expected 'rank' for {question}. A model of ratings "
                "knows what people think of items they chose, not which they choose, and "
                "its lists are worse than popularity: fit Recommender(task='rank')."
            )
        return model


def parameter_names() -> list[str]:
    """Names of the constructor's parameters."""
    return list(inspect.signature(Recommender.__init__).parameters)[1:]
