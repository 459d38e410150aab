"""From ratings to lists and predictions, in the data's own ids."""

from pathlib import Path
from typing import Any, Self

import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import require_choice, require_flag, require_whole
from rbm_lib.data.levels import Rows
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.lists import list_batches, recommend, write_parts
from rbm_lib.recommend.parameters import (
    Parameters,
    given_settings,
    training_options,
)
from rbm_lib.recommend.people import is_new_people, item_place, new_people, user_rows
from rbm_lib.recommend.ranking import RankModel
from rbm_lib.recommend.rating import RatingModel, predict_pairs
from rbm_lib.recommend.storage import read_recommender, write_recommender
from rbm_lib.recommend.tuning import tune as choose

TASKS = ("rank", "rate")


class Recommender(Parameters):
    """One object from ratings to lists, which speaks the data's own ids.

    Parameters
    ----------
    task : {"rank", "rate"}
        "rank": which items next? A model of likes against everything else. "rate": will
        they like it, how many stars? A model of rated items alone.
    rows : {"items", "users"}
        For task="rate", what a row of the model is. With rows of items, which predict a
        little better, the weights of a new person are fitted to their ratings.
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
        Share of the users, at most 500, or for task="rate" of the ratings, at most 20,000.
        They are held out to find out when training has gone on long enough, and how far to
        trust a model of ratings beside the biases. 0 trains to the end, and joins nothing.
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
        rows: str = "items",
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
        self.rows = rows
        self.like_at_least = like_at_least
        self.n_hidden = n_hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.validation = validation
        self.seed = seed
        self.device = device
        self.titles: dict[Any, str] = {}  # by item, for people; the file keeps them

    def fit(
        self,
        ratings: RatingMatrix,
        *,
        tune: bool = False,
        warm_start: bool = False,
        progress: bool = False,
    ) -> Self:
        """Train on these ratings.

        Parameters
        ----------
        ratings : RatingMatrix
            All ratings that are known; a DataFrame is read by `RatingMatrix.from_frame`,
            and by a warm start as in the last `fit`.
        tune : bool
            Choose the decay and the hidden units on these ratings first, which takes as
            long as seven trainings: see `rbm_lib.evaluate.tune`.
        warm_start : bool
            Go on from the last `fit`, for a quarter of the epochs. `ratings` may have new
            users and items: a new item begins with the average item's weights.
        progress : bool
            Whether to show a progress bar.

        Raises
        ------
        ValueError, TypeError
            For settings or ratings that do not fit, such as ratings without a like.
        """
        require_choice("task", self.task, TASKS)
        require_choice("rows", self.rows, ("items", "users"))
        start = self._fitted() if require_flag("warm_start", warm_start) else None
        if isinstance(ratings, pd.DataFrame):
            read = RatingMatrix.from_frame if start is None else self.ratings_.from_similar
            ratings = read(ratings)
        require_ratings("ratings", ratings, at_least=1)
        options = training_options(self.get_params(), progress)
        like_level = ratings.scale.like_level(self.like_at_least)
        model: Any = RankModel(like_level)
        if self.task == "rate":
            model = RatingModel(like_level, self.rows)
        if start is not None and type(start) is not type(model):
            raise ValueError("warm_start: got a model of another task, expected the same.")
        chosen: Any = self
        if require_flag("tune", tune):
            chosen, _ = choose(self, ratings, seed=self.seed, progress=progress)
        given = given_settings(chosen.get_params())
        self.history_ = model.fit(ratings, given, start, **options)
        self.settings_ = model.settings
        self.ratings_ = ratings
        self._model = model
        return self

    def scores(self, rows: Rows = slice(None)) -> NDArray:
        """Score every item for these rows of `ratings_`.

        Returns
        -------
        array, shape (len(rows), n_items)
            For task="rank" log-odds of a like among all items: they order items, and are
            not the chance that somebody who tries an item likes it. That chance is what
            task="rate" gives.
        """
        model = self._fitted()
        if isinstance(model, RankModel):
            return model.scores(self.ratings_.rows(rows)).cpu().numpy()
        return model.scores(self.ratings_, self.ratings_._index(rows))

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
            as a dict {item: rating}, of several as a DataFrame like the one of the training
            or a RatingMatrix. Of these, unknown items are ignored, with a warning.
        n : int
            Length of a list, or less where fewer items are left.
        filter_items, allow : list of ids, optional
            Items that nobody gets, and the only ones that anybody gets. Unknown ids are
            ignored, with a warning, and refused if there are no others.

        Returns
        -------
        DataFrame
            user, item, rank (from 1) and score, in the data's own ids.
        """
        model = self._ranking("recommend")
        people = self._people(users)

        def scores(rows: Rows) -> Any:
            return model.scores(people.rows(rows))

        return recommend(scores, people, None, n, filter_items, allow)

    def write_lists(self, path: Any, n: int = 10, **options: Any) -> int:
        """Stream everybody's lists to a .csv, .csv.gz or .parquet file; count its rows.

        The file appears when it is complete. Options are those of `recommend`.
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
            The item to be explained, by at most n likes.

        Returns a DataFrame of item and effect: how much the score, a log-odds, falls
        without this like. It is empty, with a warning, for somebody without likes.
        """
        model = self._ranking("explain")
        place = item_place(item, self.ratings_)
        return model.explain(self._people(user), place, require_whole("n", n))

    def predict(self, pairs: Any, person: dict[Any, float] | None = None) -> pd.DataFrame:
        """Predict what people think of items that they choose to rate.

        Parameters
        ----------
        pairs : DataFrame, or list of (user, item)
            Users and items; a DataFrame has the columns of the training's. An unknown user
            is taken for the average one, and an unknown item for one without ratings.
        person : dict, optional
            The ratings {item: rating} of somebody new; `pairs` are then items.

        Returns
        -------
        DataFrame
            user, item, like (the chance that the rating is at least `like_at_least`), and,
            where the scale has more than two ratings, the rating that is expected.
        """
        model = self._fitted()
        if not isinstance(model, RatingModel):
            raise ValueError(
                "task: got 'rank', expected 'rate' for predict. The scores of a ranking "
                "model order items and are not chances: fit Recommender(task='rate')."
            )
        return predict_pairs(model, self.ratings_, pairs, person)

    def similar_items(self, item: Any, n: int = 10) -> pd.DataFrame:
        """List the items that say most nearly the same about the hidden units.

        Returns a DataFrame of item and similarity, a cosine.
        """
        model = self._fitted()
        place = item_place(item, self.ratings_)
        items, cosines = model.similar(self.ratings_, place, require_whole("n", n))
        ids = self.ratings_.item_ids[items]
        return pd.DataFrame({"item": ids, "similarity": cosines})

    def save(self, path: Any) -> Path:
        """Write everything to one file: ratings, ids, scale, settings and weights."""
        self._fitted()
        return write_recommender(self, path)

    @classmethod
    def load(cls, path: Any) -> Self:
        """Read a recommender that `save` has written; loading runs no code of the file."""
        return read_recommender(cls, path)

    def _people(self, users: Any) -> RatingMatrix:
        """The ratings of users, by id or new, over the items of the model."""
        if users is None:
            return self.ratings_
        if is_new_people(users):
            return new_people(users, self.ratings_)
        return self.ratings_.rows(user_rows(users, self.ratings_))

    def _fitted(self) -> RankModel | RatingModel:
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
