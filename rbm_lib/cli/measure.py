"""How good a model is on ratings held out, beside simple methods and on the same people."""

from typing import Any

import numpy as np
import pandas as pd

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.compare import compare
from rbm_lib.recommend.compare_ratings import compare_ratings
from rbm_lib.recommend.recommender import Recommender
from rbm_lib.recommend.splits import Split, random_split

SHARE = 0.2  # of each person's ratings is held out
RESAMPLES = 500
MODEL = "RBM"
COLUMNS = ["metric", "model", "mean", "low", "high", "ahead", "ahead_low", "ahead_high"]


def held_out(ratings: RatingMatrix, task: str, seed: int, like_level: int = 1) -> Split:
    """A random fifth of each person's ratings apart; a ValueError if it is of no use."""
    split = random_split(ratings, SHARE, seed)
    is_like = split.held_out.triples()[2] >= like_level
    enough = is_like.any() if task == "rank" else len(np.unique(is_like)) == 2
    if not enough:
        what = "likes" if task == "rank" else "likes and other ratings"
        raise ValueError(
            f"ratings: got too few {what} to hold some out, expected people with three or "
            "more. Without that nobody can say whether a model has learned anything."
        )
    return split


def table_of(model: Recommender, others: dict[str, Any], split: Split) -> pd.DataFrame:
    """A model that is fitted to `split.train`, and others that are not, on `held_out`.

    Nobody's list has what they have rated in `train`, liked or not, as with real lists.
    `ahead` is how much better the model is than each of the others, with a 95 % interval of
    the differences between the same people.
    """
    measure = _ranking if model.task == "rank" else _rating
    table: Any = measure(model, others, split)
    return table[COLUMNS]


def _ranking(model: Recommender, others: dict[str, Any], split: Split) -> pd.DataFrame:
    scorers = {MODEL: model.recommend(n=20), **others}
    table: Any = compare(scorers, split, MODEL, [10, 20], model.like_at_least, RESAMPLES)
    return _ahead(table[table["metric"].isin(["NDCG@10", "Recall@20"])])


def _rating(model: Recommender, others: dict[str, Any], split: Split) -> pd.DataFrame:
    predicted = model.predict(split.held_out.to_frame())
    table: Any = compare_ratings(
        {MODEL: predicted, **others}, split, MODEL, model.like_at_least, RESAMPLES
    )
    return _ahead(table[table["metric"].isin(["AUC", "log-loss", "RMSE", "MAE"])])


def _ahead(table: Any) -> pd.DataFrame:
    """The lead of the model over the others, from theirs over the model."""
    own = table["model"] == MODEL
    return table.assign(
        ahead=(-table["lead"]).mask(own),
        ahead_low=(-table["lead_high"]).mask(own),
        ahead_high=(-table["lead_low"]).mask(own),
    )
