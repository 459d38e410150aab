"""The tables of results on MovieLens 100K, from the data to the figures.

    python -m benchmarks.movielens             ratings: like = rating >= 4, and RMSE; mean of folds u1-u5
    python -m benchmarks.movielens --like 3    the same for like = rating >= 3
    python -m benchmarks.movielens --stack     ratings by several RBMs at their defaults, joined by one layer
    python -m benchmarks.movielens --top-n     ranking: likes >= 4, per-user random 80/20, three splits

Protocols. Ratings: every rating of u*.test is predicted; users and movies of the whole set are known.
Ranking: users with at least five likes; a fifth of each user's likes is held out, and every movie that is not
among the user's training likes is a candidate; metrics are expected values over ties. Settings: for each fold or
split anew, the best of four on an inner split of its training ratings (80/20 per user), as many for every model;
the column `chosen` says which. So no test rating takes part in a choice. The values tried were set down before,
by people who had seen earlier tables of this data set. Intervals: 95 %, bootstrap over users, and of differences
by the same users. The layer that joins models learns its weights on an inner split of the training ratings.
Tables go to standard output, progress to standard error.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from rbm_lib import Recommender, evaluate
from rbm_lib.baselines import (
    EASE,
    IALS,
    AutoRec,
    Calibrated,
    GlobalMean,
    ItemKNN,
    ItemKNNRatings,
    ItemMean,
    LogisticBias,
    MatrixFactorization,
    Popularity,
    UserItemBias,
)
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.recommend import SemiRestricted
from rbm_lib.recommend.blend import linear_layer, log_odds, logistic_layer

# What a layer joins: first what it joins in Recommender(task="rate").
STACKS = {
    "item rows, 5 levels, biases": ("item rows", "5 levels", "bias of stars"),
    "item rows, 5 levels, user rows": ("item rows", "5 levels", "user rows"),
    "all of them": ("item rows", "5 levels", "user rows", "bias of stars", "bias of likes"),
}


# ---- what is tried: four settings for each model ----------------------------------------------------------


def named(make, **grid):
    """{text: make(setting)} for one setting per value of each; all have as many values."""
    settings = [
        dict(zip(grid, values, strict=True)) for values in zip(*grid.values(), strict=True)
    ]
    return {", ".join(f"{k} {v}" for k, v in s.items()): make(**s) for s in settings}


def rating_models():
    """{name: (which ratings, {setting: model})} of the models of P(like)."""

    def rbm(rows):
        return lambda **settings: Recommender("rate", rows=rows, validation=0.0, **settings)

    return {
        "item mean": ("likes", named(ItemMean, smoothing=(2, 5, 10, 20))),
        "user + item bias": ("likes", named(LogisticBias, penalty=(1, 2, 4, 8))),
        "ItemKNN on residuals": ("levels", named(ItemKNNRatings, k=(20, 40, 40, 80), shrink=(20, 20, 50, 50))),
        "matrix factorisation": ("levels", named(MatrixFactorization, n_factors=(10, 20, 20, 20), reg=(0.15, 0.1, 0.15, 0.2))),
        "AutoRec, item rows": ("levels", named(lambda **s: AutoRec(**s, by_item=True), n_hidden=(50, 50, 100, 100), reg=(3, 10, 3, 10))),
        "RBM, user rows": ("likes", named(rbm("users"), weight_decay=(0.02, 0.03, 0.04, 0.03), n_hidden=(30, 30, 30, 60))),
        "RBM, item rows": ("likes", named(rbm("items"), weight_decay=(0.01, 0.015, 0.02, 0.015), n_hidden=(100, 100, 100, 200))),
    }  # fmt: skip


def ranking_models():
    """{name: {setting: model}} of the models of likes."""

    decays = {"weight_decay": (0.01, 0.02, 0.03, 0.04), "n_hidden": (200,) * 4}
    semi = {"scale": (10, 15, 20, 15), "weight_decay": (0.012, 0.012, 0.012, 0.016)}
    return {
        "popularity": {"": Popularity()},
        "ItemKNN": named(ItemKNN, k=(50, 100, 200, 200), shrink=(10, 10, 10, 50)),
        "EASE": named(EASE, l2=(100, 200, 300, 500)),
        "iALS": named(IALS, alpha=(0.2, 0.5, 0.5, 1.0), reg=(1.0, 0.7, 1.0, 1.0)),
        "RBM": named(lambda **s: Recommender("rank", validation=0.0, **s), **decays),
        "semi-restricted RBM": named(SemiRestricted, **semi),
    }


# ---- ratings ----------------------------------------------------------------------------------------------


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


def chosen(candidates, train, measure, seed):
    """The best candidate on an inner split of the training set, and its name."""
    if len(candidates) == 1:
        return next(iter(candidates.values())), ""
    best, _ = evaluate.select(candidates, train, measure, seeds=(1000 + seed,))
    return candidates[best], best


def predicted(model, split):
    """P(like) and expected level of the held-out ratings by a Recommender."""
    found = model.fit(split.train).predict(split.held_out.to_frame())
    return found["like"].to_numpy(), found["rating"].to_numpy() - split.train.scale.steps[0]


def rating_fold(data, fold, like):
    """{model: (P(like), expected level or None)} on the test ratings of a fold; users, levels, choices."""
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
        log(
            f"fold {fold}  {name.strip():40} {choices[name]:30} {time.perf_counter() - start:6.1f} s"
        )
    return result, users, levels, choices


def rating_table(data, folds, like, jobs, of_fold, against):
    """Mean over folds; intervals are of all test ratings together, bootstrapped over users."""
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
        paired = {
            f"AUC beyond {against}": f"{lead['mean']:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]"
        }
        tried = {"chosen": "; ".join(part[3].get(name, "") for part in parts)}
        records.append(
            {"model": name, **intervals(mean, table.set_index("metric")), **paired, **tried}
        )
    return pd.DataFrame(records).set_index("model").fillna("")


def intervals(mean, frame):
    """{metric: "mean [low, high]"}, the interval of `frame` moved to lie around `mean`."""
    shift = mean - frame["mean"]
    low, high = frame["low"] + shift, frame["high"] + shift
    return {m: f"{mean[m]:.4f} [{low[m]:.3f}, {high[m]:.3f}]" for m in mean.index}


def metrics(prob, expected, users, levels, like, n_bootstrap):
    return evaluate.rating_metrics(
        prob,
        (levels >= like - 1).astype(int),
        users,
        predicted=expected,
        rating=levels,
        n_bootstrap=n_bootstrap,
    )


# ---- ratings by several models together ---------------------------------------------------------------------


def opinions_of(model, split):
    """What the models of two and of five levels say of the held-out ratings."""
    users, items, _ = split.held_out.triples()
    rating_model = model.fit(split.train)._model
    row, unit = (items, users) if model.rows == "items" else (users, items)
    return rating_model.opinions(rating_model._rows(split.train), row, unit)


def stack_columns(opinions, split, like):
    """{name: column} of the models; likes as log-odds, stars as expected levels."""
    rows, others = opinions["items"], opinions["users"]
    users, items, _ = split.held_out.triples()
    likes = split.train.binarize(like)
    return {
        "stars": rows.stars - split.train.scale.steps[0],
        "item rows": log_odds(rows.like),
        "5 levels": log_odds(rows.stars_like),
        "user rows": log_odds(others.like),
        "bias of stars": UserItemBias().fit(split.train).scores()[users, items],
        "bias of likes": log_odds(LogisticBias().fit(likes).scores()[users, items]),
    }


def stacked(names, known, wanted, levels, like):
    """P(like) and level by a logistic and a linear layer over some columns.

    Their weights are learned on `known`, whose levels are given.
    """
    inside, outside = (
        np.column_stack([columns[name] for name in ("stars", *names)])
        for columns in (known, wanted)
    )
    layer = logistic_layer(inside[:, 1:], (levels >= like).astype(int))
    log(
        "  weights: "
        + ", ".join(f"{n} {w:.2f}" for n, w in zip(names, layer.weights, strict=True))
    )
    expected = linear_layer(inside, levels)(outside)
    return expit(layer(outside[:, 1:])), expected.clip(0, levels.max())


def stack_fold(data, fold, like):
    """As `rating_fold`: the models at their defaults, one by one and joined."""
    torch.set_num_threads(1)
    split = ratings_of(data, fold)
    users, _, levels = split.held_out.triples()
    inner = evaluate.random_split(split.train, seed=1000 + fold)
    inner_levels = inner.held_out.triples()[2]
    steps = split.train.scale.steps
    start = time.perf_counter()
    known, opinions = {}, {}
    for kind in ("items", "users"):
        model = Recommender("rate", rows=kind, like_at_least=steps[like], validation=0.0)
        known[kind] = opinions_of(model, inner)
        opinions[kind] = opinions_of(model, split)
    inside = stack_columns(known, inner, like)
    outside = stack_columns(opinions, split, like)
    biases = expit(outside["bias of likes"]), outside["bias of stars"]
    result = {"user + item bias": biases}
    for kind, found in opinions.items():
        result[f"RBM, {kind[:-1]} rows"] = found.like, found.stars - steps[0]
    for name, columns in STACKS.items():
        result[name] = stacked(columns, inside, outside, inner_levels, like)
    log(f"fold {fold} {time.perf_counter() - start:6.1f} s")
    return result, users, levels, {}


# ---- ranking ----------------------------------------------------------------------------------------------


def likes_of(data, at_least=4, fewest=5):
    liked = data.ratings[data.ratings.rating >= at_least]
    liked = liked[liked.groupby("user_id").movie_id.transform("size") >= fewest]
    return RatingMatrix.from_frame(
        liked, like_at_least=at_least, item_ids=np.sort(data.movies.movie_id)
    )


def ndcg(split, model):
    return split.ranking(model, k=10, n_bootstrap=0)["mean"][0]


def ranking_split(data, seed):
    """Per model the metrics of each user on one random split, and what was chosen."""
    torch.set_num_threads(1)
    split = evaluate.random_split(likes_of(data), seed=seed)
    result, choices, scores = {}, {}, {}

    def keep(name, table):
        result[name] = evaluate.per_user_ranking(
            table, split.held_out, split.train, [10, 20]
        )
        value = result[name]["NDCG@10"].mean()
        log(f"split {seed}  {name:12} {choices.get(name, ''):34} NDCG@10 {value:.4f}")

    for name, candidates in ranking_models().items():
        model, choices[name] = chosen(candidates, split.train, ndcg, seed)
        scores[name] = model.fit(split.train).scores()
        keep(name, scores[name])
    # A sum of scores only imitates a semi-restricted RBM: EASE's weights are not symmetric, so they belong to no
    # energy of binary units. SemiRestricted has symmetric ones.
    for name in ("RBM", "iALS"):
        both = scores[name], scores["EASE"]
        keep(f"{name} + EASE", sum(table / table.std() for table in both))
    return result, choices


def ranking_table(data, seeds, jobs, rivals=("EASE", "iALS")):
    """Mean over users and splits; the bootstrap draws users, each with all its splits."""
    per_split = spread(jobs, ranking_split, [(data, seed) for seed in seeds])
    records = []
    of_users = {
        name: pd.concat([frames[name] for frames, _ in per_split]).groupby(level=0).mean()
        for name in per_split[0][0]
    }
    for name, per_user in of_users.items():
        frame = evaluate.mean_interval(per_user).set_index("metric")
        frame = frame.loc[["NDCG@10", "Recall@20", "Precision@10", "MAP@10"]]
        paired = {}
        for rival in rivals:
            beyond = evaluate.mean_interval(per_user - of_users[rival]).set_index("metric")
            for m in ("NDCG@10", "Recall@20"):
                lead = beyond.loc[m, ["mean", "low", "high"]]
                paired[f"{m} beyond {rival}"] = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*lead)
        tried = {"chosen": "; ".join(choices.get(name, "") for _, choices in per_split)}
        records.append(
            {"model": name, **intervals(frame["mean"], frame), **paired, **tried}
        )
    return pd.DataFrame(records).set_index("model")


# ---- the command ------------------------------------------------------------------------------------------


def spread(jobs, function, arguments):
    """[function(*args) for args in arguments], in `jobs` processes."""
    if jobs == 1:
        return [function(*args) for args in arguments]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return [f.result() for f in [pool.submit(function, *args) for args in arguments]]


def log(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folds", type=int, nargs="+", default=[1, 2, 3, 4, 5], choices=range(1, 6)
    )
    parser.add_argument(
        "--like", type=int, default=4, choices=(3, 4), help="lowest rating that is a like"
    )
    parser.add_argument("--stack", action="store_true", help="models of ratings joined")
    parser.add_argument("--top-n", action="store_true", help="the ranking table instead")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1, 2],
        help="random splits of the ranking table",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()
    data = load_movielens("100k", verbose=False)
    print(data.origin)
    pd.set_option(
        "display.width", 400, "display.max_columns", 20, "display.max_colwidth", 200
    )
    if args.top_n:
        print(f"Ranking, likes >= 4, splits {args.seeds}, per-user random 80/20:")
        print(ranking_table(data, args.seeds, args.jobs))
    else:
        print(f"Ratings, like = rating >= {args.like}, folds {args.folds}:")
        of_fold, against = rating_fold, "AutoRec, item rows"
        if args.stack:
            of_fold, against = stack_fold, "RBM, item rows"
        print(rating_table(data, args.folds, args.like, args.jobs, of_fold, against))


if __name__ == "__main__":
    main()
