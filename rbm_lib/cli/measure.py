"""How good a model is on ratings held out, beside simple methods and on the same people."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.bootstrap import bootstrap
from rbm_lib.recommend.compare import compare
from rbm_lib.recommend.probabilities import auc_lead, rating_metrics
from rbm_lib.recommend.recommender import Recommender
from rbm_lib.recommend.scorer import fitted
from rbm_lib.recommend.splits import Split, random_split

SHARE = 0.2  # of each person's ratings is held out
RESAMPLES = 500
MODEL = "RBM"
COLUMNS = ["metric", "model", "mean", "low", "high", "ahead", "ahead_low", "ahead_high"]


def held_out(ratings: RatingMatrix, task: str, seed: int) -> Split:
    """A random fifth of each person's ratings apart; a ValueError if there is none."""
    split = random_split(ratings, SHARE, seed)
    found = np.unique(split.held_out.triples()[2])
    if len(found) < (1 if task == "rank" else 2):
        what = "likes" if task == "rank" else "likes and other ratings"
        raise ValueError(
            f"ratings: got too few {what} to hold some out, expected people with three or "
            "more. Without that nobody can say whether a model has learned anything."
        )
    return split


def table_of(model: Recommender, others: dict[str, Any], split: Split) -> pd.DataFrame:
    """A model that is fitted to `split.train`, and others that are not, on `held_out`.

    `ahead` is how much better the model is than each of the others, with a 95 % interval of
    the differences between the same people.
    """
    measure = _ranking if model.task == "rank" else _rating
    table: Any = measure(model, others, split)
    return table[COLUMNS]


def _ranking(model: Recommender, others: dict[str, Any], split: Split) -> pd.DataFrame:
    scorers = {MODEL: model.recommend(n=20), **others}
    table: Any = compare(scorers, split, MODEL, k=[10, 20], n_bootstrap=RESAMPLES)
    table = table[table["metric"].isin(["NDCG@10", "Recall@20"])]
    own = table["model"] == MODEL
    return table.assign(
        ahead=(-table["lead"]).mask(own),
        ahead_low=(-table["lead_high"]).mask(own),
        ahead_high=(-table["lead_low"]).mask(own),
    )


def _rating(model: Recommender, others: dict[str, Any], split: Split) -> pd.DataFrame:
    users, items, label = split.held_out.triples()
    ours = model.predict(split.held_out.to_frame())["like"].to_numpy()
    chances = {MODEL: ours}
    for name, other in others.items():
        chances[name] = fitted(other, split.train).scores_at(users, items).clip(0, 1)
    tables = []
    for name, chance in chances.items():
        table = rating_metrics(chance, label, users, n_bootstrap=RESAMPLES)
        table = table[table["metric"].isin(["AUC", "log-loss"])].assign(model=name)
        if name == MODEL:
            tables.append(table.assign(ahead=np.nan, ahead_low=np.nan, ahead_high=np.nan))
            continue
        auc = auc_lead(ours, chance, label, users, n_bootstrap=RESAMPLES)
        loss = _loss_lead(ours, chance, label, users)
        leads = pd.concat([auc, loss])[["mean", "low", "high"]].to_numpy()
        names = ["ahead", "ahead_low", "ahead_high"]
        tables.append(table.assign(**dict(zip(names, leads.T, strict=True))))
    return pd.concat(tables).sort_values("metric", kind="stable", ignore_index=True)


def _loss_lead(ours: NDArray, other: NDArray, label: NDArray, users: NDArray) -> Any:
    """By how much the log-loss of `ours` is lower, with the people drawn anew."""
    group = np.unique(users, return_inverse=True)[1]
    saved = _loss(other, label) - _loss(ours, label)

    def lead(weight: NDArray) -> dict[str, float]:
        return {"log-loss lead": weight[group] @ saved / weight[group].sum()}

    return bootstrap(lead, group, RESAMPLES)


def _loss(chance: NDArray, label: NDArray) -> NDArray:
    likelihood = np.where(label == 1, chance, 1 - chance)
    return -np.log(likelihood.clip(np.finfo(float).eps, 1))
