"""Ratings: will this person like this film, and with how many stars?"""

import time

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from benchmarks.movielens.folds import intervals, log, spread
from benchmarks.movielens.tries import chosen, rating_models
from rbm_lib import Recommender, evaluate
from rbm_lib.baselines import Calibrated, GlobalMean, ItemMean, UserItemBias
from rbm_lib.data import RatingMatrix


def ratings_of(data, fold):
    ids = {
        "user_ids": np.sort(data.users.user_id),
        "item_ids": np.sort(data.movies.movie_id),
    }
    return evaluate.Split(
        *(RatingMatrix.from_frame(part, **ids) for part in data.split(fold))
    )


def auc(like):
    def measure(split, model):
        users, items, levels = split.held_out.triples()
        score = model.fit(split.train).scores()[users, items]
        label = (levels >= min(like, split.train.n_levels - 1)).astype(int)
        return evaluate.rating_metrics(expit(score - score.mean()), label, n_bootstrap=0)[
            "mean"
        ][0]

    return measure


def predicted(model, split):
    """P(like) and expected level of the held-out ratings by a Recommender."""
    found = model.fit(split.train).predict(split.held_out.to_frame())
    return found["like"].to_numpy(), found["rating"].to_numpy() - split.train.scale.steps[0]


def rating_fold(data, fold, like):
    """{model: (P(like), expected level or None)}, users, levels and choices of a fold."""
    torch.set_num_threads(1)
    split = ratings_of(data, fold)
    train, likes = split.train, split.train.binarize(like)
    users, items, levels = split.held_out.triples()
    result, choices = {}, {}

    def keep(name, prob, expected=None):
        expected = None if expected is None else expected[users, items]
        result[name] = np.clip(prob[users, items], 0, 1), expected

    keep(
        "always the same",
        GlobalMean().fit(likes).scores(),
        GlobalMean().fit(train).scores(),
    )
    stars = {"item mean": ItemMean(), "user + item bias": UserItemBias()}
    for name, (which, candidates) in rating_models().items():
        start = time.perf_counter()
        ratings = likes if which == "likes" else train
        model, choices[name] = chosen(candidates, ratings, auc(like), fold)
        if isinstance(model, Recommender):  # chosen on likes, it predicts stars as well
            model.set_params(like_at_least=train.scale.steps[like])
            result[name] = predicted(model, split)
        elif which == "levels":
            calibrated = Calibrated(model, train.scale.steps[like]).fit(ratings)
            keep(name, calibrated.scores(), calibrated.model_.scores())
        else:
            keep(name, model.fit(ratings).scores(), stars[name].fit(train).scores())
        seconds = time.perf_counter() - start
        log(f"fold {fold}  {name:40} {choices[name]:30} {seconds:6.1f} s")
    return result, users, levels, choices


def rating_table(data, folds, like, jobs, of_fold, against):
    """Mean over folds; intervals are of all test ratings together, over users."""
    parts = spread(jobs, of_fold, [(data, fold, like - 1) for fold in folds])
    users, levels = (np.concatenate([part[j] for part in parts]) for j in (1, 2))
    label = (levels >= like - 1).astype(int)

    def pooled(name):
        return np.concatenate([part[0][name][0] for part in parts])

    records = []
    for name in parts[0][0]:
        frames = [metrics(*result[name], u, y, like, 0) for result, u, y, _ in parts]
        mean = pd.concat(frames).groupby("metric", sort=False)["mean"].mean()
        prob, expected = zip(*[part[0][name] for part in parts], strict=True)
        expected = None if expected[0] is None else np.concatenate(expected)
        table = metrics(np.concatenate(prob), expected, users, levels, like, 300)
        lead = evaluate.auc_lead(pooled(name), pooled(against), label, users, 300).iloc[0]
        beyond = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*lead[["mean", "low", "high"]])
        paired = {f"AUC beyond {against}": beyond}
        tried = {"chosen": "; ".join(part[3].get(name, "") for part in parts)}
        records.append(
            {"model": name, **intervals(mean, table.set_index("metric")), **paired, **tried}
        )
    return pd.DataFrame(records).set_index("model").fillna("")


def metrics(prob, expected, users, levels, like, n_bootstrap):
    return evaluate.rating_metrics(
        prob,
        (levels >= like - 1).astype(int),
        users,
        predicted=expected,
        rating=levels,
        n_bootstrap=n_bootstrap,
    )
