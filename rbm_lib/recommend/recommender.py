"""From ratings to lists and predictions, in the data's own ids."""

from pathlib import Path
from typing import Any, Self

import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import require_flag, require_whole
from rbm_lib.data.levels import Rows
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.lists import list_batches, recommend, write_parts
from rbm_lib.recommend.parameters import Parameters, given_settings, training_options
from rbm_lib.recommend.people import item_place
from rbm_lib.recommend.ranking import RankModel
from rbm_lib.recommend.rating import predict_pairs
from rbm_lib.recommend.storage import read_recommender, write_recommender
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
from rbm_lib.recommend.tuning import tune as choose


class Recommender(Parameters):
    """One object from ratings to lists, which speaks the data's own ids.

    Parameters
    ----------
    task : {"rank", "rate"}
        "rank": which items next? A model of likes against everything else. "rate": will
        they like it, how many stars? A model of rated items alone.
    content : DataFrame, optional
        For task="rank", what is known about each item: numbers, dates, True and False, or
        categories such as genres. Then items that nobody has rated can be recommended, too.
        Ids are in a column or the index, see `rbm_lib.recommend.content.read_content`.
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
        content: pd.DataFrame | None = None,
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
        self.content = content
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
            Choose decay and hidden units first, which takes as long as seven trainings:
            see `rbm_lib.evaluate.tune`.
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
        require_task(self.task, self.rows, self.content)
        start = require_fitted(self) if require_flag("warm_start", warm_start) else None
        if isinstance(ratings, pd.DataFrame):
            read = RatingMatrix.from_frame if start is None else self.ratings_.from_similar
            ratings = read(ratings)
        require_ratings("ratings", ratings, at_least=1)
        options = training_options(self.get_params(), progress)
        like_level = ratings.scale.like_level(self.like_at_least)
        model: Any = new_model(self.task, self.rows, self.content, like_level)
        require_same_task(start, model)
        chosen: Any = self
        if require_flag("tune", tune):
            chosen, _ = choose(self, ratings, seed=self.seed, progress=progress)
        settings = given_settings(chosen.get_params())
        self.history_ = model.fit(ratings, settings, start, **options)
        self.settings_ = model.settings
        self.ratings_ = ratings
        self._model = model
        return self

    def scores(self, rows: Rows = slice(None), new_items: bool = False) -> NDArray:
        """Score every item for these rows of `ratings_`.

        Returns
        -------
        array, shape (len(rows), n_items)
            With `new_items` of `new_item_ids` instead of the items of `ratings_`.
            For task="rank" log-odds of a like among all items: they order items, and are
            not the chance that somebody who tries an item likes it. That chance is what
            task="rate" gives.
        """
        model = require_fitted(self)
        if require_flag("new_items", new_items):
            model = require_ranking(self, "new_items")
        if not isinstance(model, RankModel):
            return model.scores(self.ratings_, self.ratings_._index(rows))
        columns = model.new_columns() if new_items else slice(self.ratings_.n_items)
        return model.scores(self.ratings_.rows(rows)).cpu().numpy()[:, columns]

    @property
    def new_item_ids(self) -> NDArray:
        """Items of `content` that nobody has rated, in the order of `scores`."""
        model = require_ranking(self, "new items")
        return model.catalogue(self.ratings_).item_ids[model.new_columns()]

    def recommend(
        self,
        users: Any = None,
        n: int = 10,
        filter_items: ArrayLike | None = None,
        allow: ArrayLike | None = None,
        new_items: bool = False,
    ) -> pd.DataFrame:
        """List the n best items of each user, never one that the user has rated.

        Parameters
        ----------
        users : optional
            An id or a list of ids; by default everybody. Or new people: the ratings of one
            as a dict {item: rating}, of several as a DataFrame like the one of the training
            or a RatingMatrix. Of these, unknown items are ignored, with a warning.
        n : int
            Length of a list, which is shorter where fewer items are left.
        filter_items, allow : list of ids, optional
            Items that nobody gets, and the only ones that anybody gets. Unknown ids are
            ignored, with a warning, and refused if there are no others.
        new_items : bool
            List only `new_item_ids`, items of `content` that nobody has rated. Without it
            they are not listed unless they are in `allow`, beside rated items or alone.

        Returns
        -------
        DataFrame
            user, item, rank (from 1) and score, in the data's own ids.
        """
        model = require_ranking(self, "recommend")
        people = people_of(users, self.ratings_, model)
        scores = row_scores(model, people)
        allow = model.allowed(allow, require_flag("new_items", new_items))
        return recommend(scores, people, None, n, filter_items, allow)

    def write_lists(
        self,
        path: Any,
        n: int = 10,
        filter_items: ArrayLike | None = None,
        allow: ArrayLike | None = None,
        new_items: bool = False,
    ) -> int:
        """Stream everybody's lists to a .csv, .csv.gz or .parquet file; count its rows.

        The file appears when it is complete. Filters are those of `recommend`.
        """
        model = require_ranking(self, "write_lists")
        people = people_of(None, self.ratings_, model)
        scores = row_scores(model, people)
        allow = model.allowed(allow, require_flag("new_items", new_items))
        lists = list_batches(scores, people, None, n, filter_items, allow)
        return write_parts(path, lists)

    def explain(self, user: Any, item: Any, n: int = 10) -> pd.DataFrame:
        """Say "because you liked …": which likes move the score of an item most.

        Parameters
        ----------
        user : id or dict
            A user of the ratings, or a new person as in `recommend`.
        item : id
            The item to be explained, by at most n likes.

        Returns a DataFrame of item and effect: how much the score, a log-odds, falls
        without this like. A like with an effect below 0 speaks against the item. A warning
        says so if no like speaks for it, and if there are no likes, as the table is empty.
        """
        model = require_ranking(self, "explain")
        person = people_of(user, self.ratings_, model)
        return model.explain(person, item_place(item, person), require_whole("n", n))

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
        return predict_pairs(require_rating(self), self.ratings_, pairs, person)

    def similar_items(self, item: Any, n: int = 10) -> pd.DataFrame:
        """List the items that say most nearly the same about the hidden units.

        Returns a DataFrame of item and similarity, a cosine. With `content`, new items
        stand among them.
        """
        model = require_fitted(self)
        known = model.catalogue(self.ratings_)
        place = item_place(item, known)
        items, cosines = model.similar(known, place, require_whole("n", n))
        return pd.DataFrame({"item": known.item_ids[items], "similarity": cosines})

    def save(self, path: Any) -> Path:
        """Write everything to one file: ratings, ids, scale, settings and weights."""
        require_fitted(self)
        return write_recommender(self, path)

    @classmethod
    def load(cls, path: Any) -> Self:
        """Read a recommender that `save` has written; loading runs no code of the file."""
        return read_recommender(cls, path)
