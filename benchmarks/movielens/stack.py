"""Ratings by several RBMs together, joined by one layer."""

import time

import numpy as np
import torch
from scipy.special import expit

from benchmarks.movielens.folds import log
from benchmarks.movielens.ratings import ratings_of
from rbm_lib import Recommender, evaluate
from rbm_lib.baselines import LogisticBias, UserItemBias
from rbm_lib.recommend.blend import linear_layer, log_odds, logistic_layer

# What a layer joins: first what it joins in Recommender(task="rate").
STACKS = {
    "item rows, 5 levels, biases": ("item rows", "5 levels", "bias of stars"),
    "item rows, 5 levels, user rows": ("item rows", "5 levels", "user rows"),
    "all of them": ("item rows", "5 levels", "user rows", "bias of stars", "bias of likes"),
}


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
