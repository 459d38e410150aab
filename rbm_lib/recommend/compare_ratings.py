"""Several recommenders predict the same ratings: how likely a like, how many stars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from rbm_lib.checks import require_choice
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.baselines.calibrated import Calibrated
from rbm_lib.recommend.bootstrap import bootstrap
from rbm_lib.recommend.probabilities import statistics_of
from rbm_lib.recommend.scorer import (
    LikeChances,
    Predictor,
    fit_copy,
    fitted,
    require_scorer,
)
from rbm_lib.recommend.splits import Split

__all__ = ["compare_ratings"]

HIGHER_IS_BETTER = ("AUC", "group AUC")


def compare_ratings(
    scorers: Mapping[str, Any],
    split: Split,
    against: str | None = None,
    like_at_least: float | None = None,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Predict held-out ratings by several recommenders, and compare each with one of them.

    Every recommender is fitted to the training ratings on their own scale, and asked for
    P(like) and the expected rating of each held-out one.

    Parameters
    ----------
    scorers : {name: recommender, or predictions}
        With `predict(pairs)`, such as `Recommender(task="rate")`, or with scores. Scores
        are expected levels, counted from 0, which `Calibrated` turns into P(like). Those of
        a `LikeChances`, such as `LogisticBias`, are P(like) already, and it is fitted to
        ratings that are like or not. Predictions made elsewhere from `split.train` are a
        DataFrame of user, item, like and, if there is one, rating.
    split : Split
        Of ratings on any scale.
    against : str, optional
        The name of the one that others have to beat. By default the first.
    like_at_least : float, optional
        The lowest rating that is a like. By default the upper quarter of the scale is. A
        recommender without a `like_at_least` of its own takes this one.
    n_bootstrap : int
        Number of resamples of users.

    Returns
    -------
    DataFrame
        A row for each metric of `rating_metrics` and recommender, with the columns of
        `mean_interval`, and lead, lead_low and lead_high: how much better it is than
        `against`, that is higher in AUC and lower in losses and errors, with a 95 %
        interval in which both face the same users. RMSE and MAE are in units of the scale,
        and only there if it has more than two ratings.

    Examples
    --------
    >>> from rbm_lib import evaluate
    >>> from rbm_lib.baselines import ItemMean, UserItemBias
    >>> users, items = np.indices((20, 10)).reshape(2, -1)
    >>> ratings = RatingMatrix(users, items, (users + items) % 5)
    >>> models = {"item mean": ItemMean(), "bias": UserItemBias()}
    >>> table = compare_ratings(models, evaluate.random_split(ratings, 0.3), n_bootstrap=9)
    >>> table["metric"].unique().tolist()
    ['AUC', 'log-loss', 'ECE', 'group AUC', 'RMSE', 'MAE']
    """
    if not isinstance(scorers, Mapping) or not scorers:
        raise ValueError("scorers: got none, expected recommenders by name.")
    if not isinstance(split, Split):
        raise TypeError(f"split: got {type(split).__name__}, expected a Split.")
    against = next(iter(scorers)) if against is None else against
    against = require_choice("against", against, list(scorers))
    for name, scorer in scorers.items():
        if not isinstance(scorer, pd.DataFrame | Predictor):
            require_scorer(f"scorers[{name!r}]", scorer)
    users, _, levels = split.held_out.triples()
    like = levels >= split.held_out.scale.like_level(like_at_least)
    if like.all() or not like.any():
        what = "a like" if like.any() else "no like"
        raise ValueError(
            f"split: got only held-out ratings that are {what}, expected both."
        )
    group = np.unique(users, return_inverse=True)[1]
    rating = np.asarray(split.held_out.scale.steps)[levels]
    measures = {}
    for name, scorer in scorers.items():
        found = predictions(scorer, split, like_at_least)
        error = None if found.rating is None else found.rating - rating
        measures[name] = statistics_of(found.like, like.astype(int), group, error)

    def statistics(weight: NDArray) -> dict[Any, float]:
        values = {name: measure(weight) for name, measure in measures.items()}
        result: dict[Any, float] = {}
        for name, own in values.items():
            for metric, value in own.items():
                other = values[against].get(metric, np.nan)
                if metric not in HIGHER_IS_BETTER:
                    result[metric, name, "lead"] = other - value
                else:
                    result[metric, name, "lead"] = value - other
                result[metric, name, "mean"] = value
        return result

    return _table(bootstrap(statistics, group, n_bootstrap))


def _table(statistics: pd.DataFrame) -> pd.DataFrame:
    """A row for each metric and recommender, in the order in which they come."""
    keys = pd.MultiIndex.from_tuples(
        statistics["metric"], names=["metric", "model", "what"]
    )
    by_key: Any = statistics.drop(columns="metric").set_index(keys)
    table = by_key.xs("mean", level="what")
    lead = by_key.xs("lead", level="what").drop(columns="n")
    lead = lead.rename(columns={"mean": "lead", "low": "lead_low", "high": "lead_high"})
    table = table.join(lead).reset_index()
    order = pd.Categorical(table["metric"], pd.unique(table["metric"]))
    return table.iloc[np.argsort(order.codes, kind="stable")].reset_index(drop=True)


@dataclass(frozen=True)
class Predictions:
    """What a recommender says of the held-out ratings of a split.

    Attributes
    ----------
    like : array, shape (n,)
        P(like).
    rating : array, shape (n,), optional
        The expected rating, if the recommender and the scale have more than like or not.
    """

    like: NDArray[np.float64]
    rating: NDArray[np.float64] | None = None


def predictions(scorer: Any, split: Split, like_at_least: float | None) -> Predictions:
    """Fit a copy to `split.train`, on the scale of the ratings, and ask it."""
    train = split.train
    if isinstance(scorer, pd.DataFrame):
        return _given(scorer, split)
    if isinstance(scorer, Predictor):
        model = fit_copy(scorer, train, like_at_least)
        pairs = split.held_out.to_frame().iloc[:, :2]  # not what is to be predicted
        return _given(model.predict(pairs), split)
    users, items, _ = split.held_out.triples()
    if isinstance(scorer, LikeChances):
        return Predictions(_chances_of(scorer, train, like_at_least, users, items))
    if not isinstance(scorer, Calibrated):
        scorer = Calibrated(scorer)
    model = fit_copy(scorer, train, like_at_least)
    level = model.fitted_.scores_at(users, items)
    like = expit(model.slope_ * level + model.intercept_)
    if train.n_levels == 2:
        return Predictions(like)
    steps = train.scale.steps
    return Predictions(like, np.interp(level, np.arange(len(steps)), steps))


def _chances_of(
    scorer: Any,
    train: RatingMatrix,
    like_at_least: float | None,
    users: NDArray,
    items: NDArray,
) -> NDArray:
    """P(like) by a recommender that knows like or not alone."""
    if train.n_levels > 2:
        train = train.binarize(train.scale.like_level(like_at_least))
    return fitted(scorer, train).scores_at(users, items).clip(0, 1)


def _given(table: pd.DataFrame, split: Split) -> Predictions:
    """The predictions of a table in the order of the held-out ratings."""
    if not isinstance(table, pd.DataFrame) or not {"user", "item", "like"} <= {*table}:
        got = list(table) if isinstance(table, pd.DataFrame) else type(table).__name__
        raise ValueError(
            f"predictions: got {got}, expected a table with user, item and like."
        )
    held_out = split.held_out
    rows, columns = held_out.user_index(table["user"]), held_out.item_index(table["item"])
    cells = pd.Index(rows * held_out.n_items + columns)
    if not cells.is_unique:
        raise ValueError("predictions: got a pair of user and item twice, expected one.")
    users, items, _ = held_out.triples()
    place = cells.get_indexer(users * held_out.n_items + items)
    if (place < 0).any():
        raise ValueError(
            f"predictions: got none for {(place < 0).sum()} of {len(place)} held-out "
            "ratings, expected one for each."
        )
    like = table["like"].to_numpy(dtype=float)[place]
    if not ((like >= 0) & (like <= 1)).all():
        raise ValueError("predictions: got a like outside 0 to 1, expected chances.")
    if "rating" not in table or held_out.n_levels == 2:
        return Predictions(like)
    rating = table["rating"].to_numpy(dtype=float)[place]
    if not np.isfinite(rating).all():
        raise ValueError("predictions: got a rating that is no number, expected numbers.")
    return Predictions(like, rating)
