"""Bad input to what stands between data and machines: ratings, listens, metrics, baselines."""

from dataclasses import is_dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from rbm_lib.data.deezer.files import MONTH
from tests import test_bad_input
from tests.bad_input import ELSEWHERE, PARTS, Call, Seed, array, property_of, public_names, ratings_of
from tests.support import machine, random_mask, random_rows, seeded

USERS, ITEMS, LEVELS = 8, 6, 3


def ratings(n_levels=LEVELS, share=0.7):
    level = torch.randint(n_levels, (USERS, ITEMS), generator=seeded(0)).numpy()
    return ratings_of(level, random_mask(USERS, ITEMS, share=share).numpy(), n_levels)


def split(n_levels=LEVELS):
    from rbm_lib.recommend.evaluate import random_split

    return random_split(ratings(n_levels), 0.4)


def scorer(given):
    """A number per user and item, and a different one for each."""
    return np.arange(given.n_users * given.n_items).reshape(given.shape) % 11 / 11.0


def probabilities(given):
    return np.stack([np.full(given.shape, p) for p in (0.2, 0.3, 0.5)], -1)


def eighths(*shape, seed=0):
    return torch.randint(0, 9, shape, generator=seeded(seed)).double() / 8


def listens(n=60):
    rng = np.random.default_rng(0)

    def draw(high):
        return rng.integers(high, size=n)

    return pd.DataFrame({
        "ts_listen": np.linspace(MONTH[0] + 1, MONTH[1] - 1e6, n).astype(np.int64), "user_id": draw(6),
        "media_id": draw(5), "artist_id": draw(3), "genre_id": draw(3), "album_id": draw(4),
        "context_type": draw(3), "media_duration": 100 + draw(200), "release_date": 20100101 + draw(20),
        "user_age": 18 + draw(10), "user_gender": draw(2), "listen_type": draw(2), "platform_name": draw(3),
        "platform_family": draw(3), "is_listened": draw(2),
    })  # fmt: skip


def of(**arguments):
    """A function (kind, masked) → the arguments; those that are functions of nothing are called."""
    return lambda *_: {
        k: v() if getattr(v, "__name__", "") == "<lambda>" else v for k, v in arguments.items()
    }


def rbm(kind, masked, *names, **more):
    model = machine(kind, dtype=torch.float32)
    v = (8 * random_rows(model, 4)).round() / 8
    offset = torch.randint(-4, 5, model.visible_bias.shape, generator=seeded(5)) / 8
    every = {"v": v, "observed": random_mask(4, 4), "visible_offset": offset}
    return {"model": model} | {n: every[n] if masked or n == "v" else None for n in names} | more


def with_model(*names, **more):
    return lambda kind, masked: rbm(kind, masked, *names, **more)


def rated(kind, _):
    return {
        "model": machine("categorical", n_visible=ITEMS, dtype=torch.float32),
        "ratings": ratings(), "n": 3, "like_at_least": 1, "batch_size": 3,
    }  # fmt: skip


def person(kind, _):
    return {
        "model": machine(kind, dtype=torch.float32),
        "ratings": {50: 1, 52: 0},
        "item_ids": np.arange(50, 54),
    }


def songs(kind, _):
    model = machine("gaussian", dtype=torch.float32)
    return {"model": model, "songs": eighths(9, 4, seed=1), "start": torch.tensor([0, 3]), "length": 2,
            "sweeps": 2, "exclude": torch.eye(9)[4].bool(), "generator": Seed(0)}  # fmt: skip


def ranked(**more):
    return of(scores=lambda: eighths(USERS, ITEMS).numpy(), held_out=lambda: array(held()),
              seen=lambda: array(~held() & (eighths(USERS, ITEMS, seed=3) > 0.5)), **more)  # fmt: skip


def held():
    return eighths(USERS, ITEMS, seed=2) > 0.5


N = 24
PROBABILITY = {"probability": lambda: eighths(N).numpy(), "label": lambda: np.arange(N) % 2}
BOOTSTRAP = {"n_bootstrap": 5, "level": 0.9, "seed": 0}
BOOTSTRAP_KINDS = {"n_bootstrap": "count from 0", "level": "fraction", "seed": "seed"}
ROWS = {"v": "rows", "observed": "mask", "visible_offset": "offset"}
DATA = {"v": ("data",), "songs": ("data",)}
FRAME = {"listens": "listens"}
TIME = {
    "listens": (
        "ts_listen",
        "user_id",
        "listen_type",
        "is_listened",
        "media",
        "release_date",
        "days",
        "folds",
        "level",
        "user",
        "item",
        "column",
        "genre",
        "artist",
        "album",
        "context",
        "platform",
    )
}
CATALOGUE = {"ratings": ("item", "level", "user", "held_out", "data"), "likes": ("item", "level")}

KNOBS = {  # the settings of the baselines, and what they are
    "popularity": {}, "item_knn": {"k": 2, "shrink": 10.0}, "ease": {"l2": 3.0},
    "ials": {"n_factors": 2, "reg": 0.1, "alpha": 0.2, "iterations": 2, "seed": 0},
    "global_mean": {}, "item_mean": {"smoothing": 5.0},
    "biases": {"user_reg": 5.0, "item_reg": 5.0, "iterations": 2},
    "bias_model": {"user_reg": 5.0, "item_reg": 5.0, "iterations": 2},
    "logistic_biases": {"penalty": 2.0}, "item_knn_ratings": {"k": 2, "shrink": 20.0, "ridge": 2.0},
    "matrix_factorization": {"n_factors": 2, "reg": 0.1, "iterations": 2, "seed": 0},
    "autorec": {
        "n_hidden": 3, "reg": 3.0, "epochs": 2, "lr": 0.01, "batch_size": 4, "seed": 0, "device": "cpu",
    },
}  # fmt: skip
WHOLE = ("k", "n_factors", "iterations", "n_hidden", "epochs", "batch_size")
FIRST = {"popularity": "likes", "item_knn": "likes", "ease": "likes", "ials": "likes",
         "logistic_biases": "likes_or_not"}  # fmt: skip


def baseline(name):
    knobs, first = KNOBS[name], FIRST.get(name, "ratings")
    levels = 2 if first != "ratings" else LEVELS
    kinds = {k: "count" if k in WHOLE else k if k in ("seed", "device") else "number" for k in knobs}
    return Call(f"baselines.{name}", lambda *_: {first: ratings(levels)} | knobs, {first: "ratings"} | kinds,
                says=CATALOGUE)  # fmt: skip


CALLS = [
    Call(
        "recommend.predict",
        with_model(*ROWS, method="mean_field", batch_size=3),
        ROWS | {"model": "machine", "method": "choice", "batch_size": "count"},
        says=DATA,
    ),
    Call(
        "recommend.score_items",
        with_model(*ROWS, like_at_least=1),
        ROWS | {"like_at_least": "level"},
        says=DATA,
        units=("categorical",),
    ),
    Call(
        "recommend.top_n",
        of(scores=lambda: eighths(4, ITEMS), seen=lambda: array(random_mask(4, ITEMS)), n=3),
        {"scores": "scores", "seen": "cells", "n": "count"},
        infinite=True,
    ),
    Call(
        "recommend.top_n_unseen",
        rated,
        {
            "model": "machine",
            "ratings": "ratings",
            "n": "count",
            "like_at_least": "level",
            "batch_size": "count",
        },
        says={"ratings": ("data",)},
        infinite=True,
    ),
    Call(
        "recommend.as_cells",
        of(cells=lambda: array(random_mask(4, ITEMS)), name="cells"),
        {"cells": "cells of any shape"},
    ),
    Call(
        "recommend.fold_in",
        person,
        {"model": "machine", "ratings": "levels of a person", "item_ids": "ids"},
        says={"ratings": ("data",)},
        units=("bernoulli", "categorical"),
    ),
    Call(
        "recommend.similar_items",
        with_model(item=1, n=2),
        {"model": "machine", "item": "index", "n": "count"},
    ),
    Call(
        "embeddings.embed",
        with_model("v", "observed", layer=1, batch_size=3),
        {"v": "rows", "observed": "mask", "layer": "level", "batch_size": "count"},
        says=DATA,
    ),
    Call(
        "embeddings.embed",
        with_model("v", center=eighths(3)),
        {"v": "rows", "center": "offset of embeddings"},
        says=DATA,
    ),
    Call(
        "embeddings.preference",
        of(embedding=lambda: eighths(ITEMS, 2), heard=lambda: array(random_mask(4, ITEMS))),
        {"embedding": "matrix of any width", "heard": "cells"},
    ),
    Call(
        "embeddings.cosine_scores",
        of(listeners=lambda: eighths(4, 2), embedding=lambda: eighths(ITEMS, 2)),
        {"listeners": "matrix", "embedding": "matrix"},
        says={"listeners": ("embedding",)},
    ),
    Call(
        "embeddings.blend",
        of(scores=lambda: [eighths(4, 5), eighths(4, 5, seed=1)], weights=[0.5, 0.5]),
        {"scores": "list of matrices", "weights": "weights"},
    ),
    Call(
        "embeddings.playlist",
        songs,
        {
            "songs": "rows",
            "start": "songs",
            "length": "count",
            "sweeps": "count",
            "exclude": "flags",
            "generator": "generator",
        },
        says=DATA,
        units=("gaussian",),
    ),
    Call(
        "covariates.left_out_bias",
        of(ratings=lambda: ratings(), item_reg=5.0, user_reg=5.0),
        {"ratings": "ratings", "item_reg": "number", "user_reg": "number"},
    ),
    Call(
        "covariates.multinomial_covariate",
        of(ratings=lambda: ratings(), x=lambda: eighths(USERS, ITEMS).numpy(), l2=2.0),
        {"ratings": "ratings", "x": "matrix", "l2": "number"},
        says={"ratings": ("x",)},
    ),
    # evaluation
    Call(
        "evaluate.random_split",
        of(ratings=lambda: ratings(), share=0.4, seed=0),
        {"ratings": "ratings", "share": "share", "seed": "seed"},
    ),
    Call(
        "evaluate.Split",
        of(train=lambda: split().train, held_out=lambda: split().held_out),
        {"train": "ratings", "held_out": "ratings"},
        says={"train": ("held_out",)},
    ),
    Call(
        "evaluate.Split.ranking",
        of(self=lambda: split(), scorer=scorer, k=2),
        {"scorer": "scorer", "k": "counts"},
        says={"scorer": ("scores",)},
    ),
    Call(
        "evaluate.Split.rating",
        of(self=lambda: split(), scorer=probabilities, like_at_least=2),
        {"scorer": "scorer", "like_at_least": "level"},
        says={"scorer": ("probability",), "like_at_least": ("label",)},
    ),
    Call(
        "evaluate.select",
        of(
            candidates={"a": scorer},
            train=lambda: split().train,
            share=0.3,
            seeds=(0, 1),
            measure=lambda: lambda s, f: float(f(s.train).size),
        ),
        {"train": "ratings", "share": "share"},
        says={"train": ("ratings",)},
    ),
    Call(
        "evaluate.per_user_ranking",
        ranked(k=2),
        {"scores": "scores", "held_out": "cells", "seen": "cells", "k": "counts"},
        says={"seen": ("observed", "held_out"), "held_out": ("observed",), "scores": ("seen",)},
    ),
    Call(
        "evaluate.ranking_metrics",
        ranked(k=2, **BOOTSTRAP),
        BOOTSTRAP_KINDS | {"scores": "scores", "held_out": "cells", "seen": "cells", "k": "counts"},
        says={"seen": ("observed", "held_out"), "held_out": ("observed",), "scores": ("seen",)},
    ),
    Call(
        "evaluate.mean_interval",
        of(per_user=lambda: pd.DataFrame(eighths(5, 2).numpy()), **BOOTSTRAP),
        BOOTSTRAP_KINDS | {"per_user": "frame"},
    ),
    Call(
        "evaluate.rating_metrics",
        of(
            **PROBABILITY,
            **BOOTSTRAP,
            groups=lambda: np.arange(N) % 5,
            predicted=lambda: eighths(N, seed=1).numpy(),
            rating=lambda: eighths(N, seed=2).numpy(),
            n_bins=4,
        ),
        BOOTSTRAP_KINDS
        | {
            "probability": "column",
            "label": "labels",
            "groups": "groups",
            "predicted": "column",
            "rating": "column",
            "n_bins": "count",
        },
    ),
    Call(
        "evaluate.auc_lead",
        of(**PROBABILITY, other=lambda: eighths(N, seed=1).numpy(), **BOOTSTRAP),
        BOOTSTRAP_KINDS | {"probability": "column", "other": "column", "label": "labels"},
        says={"other": ("probability",)},
    ),
    Call(
        "evaluate.calibration_curve",
        of(**PROBABILITY, n_bins=4),
        {"probability": "column", "label": "labels", "n_bins": "count"},
    ),
    # baselines
    *map(baseline, KNOBS),
    Call(
        "baselines.ease_weights",
        of(x=lambda: eighths(USERS, ITEMS).numpy(), l2=3.0),
        {"x": "matrix of any size", "l2": "number"},
    ),
    Call(
        "baselines.calibrated",
        of(scorer=scorer, ratings=lambda: ratings(), like_at_least=1, share=0.4, seed=0),
        {
            "scorer": "scorer",
            "ratings": "ratings",
            "like_at_least": "level",
            "share": "share",
            "seed": "seed",
        },
        says=CATALOGUE | {"scorer": ("scores",)},
    ),
    # listens
    Call(
        "listens.temporal_split", of(listens=lambda: listens(), days=3), FRAME | {"days": "days"}, says=TIME
    ),
    Call(
        "listens.first_flow_split", of(listens=lambda: listens(), days=3), FRAME | {"days": "days"}, says=TIME
    ),
    Call(
        "listens.day_folds", of(listens=lambda: listens(), n_folds=3), FRAME | {"n_folds": "days"}, says=TIME
    ),
    Call("listens.plain_features", of(listens=lambda: listens()), FRAME, says=TIME),
    Call(
        "listens.keep_matrix",
        of(listens=lambda: listens(), item="media_id", min_plays=2),
        FRAME | {"item": "column's name", "min_plays": "count"},
        says=TIME | {"item": ("listens",)},
    ),
    Call(
        "listens.keep_matrix",
        of(listens=lambda: listens(), user_ids=np.arange(6), item_ids=np.arange(5)),
        {"user_ids": "ids", "item_ids": "ids"},
    ),
    Call(
        "listens.out_of_fold",
        of(
            estimator=LogisticRegression(),
            X=lambda: eighths(N, 2).numpy(),
            y=lambda: np.arange(N) % 2,
            folds=lambda: np.arange(N) // 2 % 3,
        ),
        {"X": "table", "y": "labels of any kind", "folds": "folds"},
        says={"y": ("levels",), "folds": ("levels",)},
    ),
    # ratings
    Call(
        "data.ratings.RatingMatrix",
        of(
            users=lambda: np.arange(N) % 6,
            items=lambda: np.arange(N) // 6,
            levels=lambda: np.arange(N) % 3,
            n_levels=3,
        ),
        {"users": "id column", "items": "id column", "levels": "column", "n_levels": "count"},
        says={"users": ("user", "ids, levels"), "items": ("item", "ids, levels"), "levels": ("level",)},
    ),
    Call(
        "data.ratings.RatingMatrix.batch",
        of(self=lambda: ratings(), rows=[0, 2]),
        {"rows": "rows of ratings"},
    ),
    Call(
        "data.ratings.RatingMatrix.rows",
        of(self=lambda: ratings(), index=[0, 2]),
        {"index": "rows of ratings"},
        says={"index": ("rows", "mask")},
    ),
    Call("data.ratings.RatingMatrix.binarize", of(self=lambda: ratings(), at_least=1), {"at_least": "level"}),
    Call(
        "data.ratings.RatingMatrix.user_index", of(self=lambda: ratings(), ids=[0, 2]), {"ids": "known ids"}
    ),
    Call(
        "data.ratings.RatingMatrix.item_index", of(self=lambda: ratings(), ids=[0, 2]), {"ids": "known ids"}
    ),
]


test_a_right_answer_or_an_error_that_helps = property_of(CALLS)


DIFFERENTIABLE = {  # the building blocks, through which one may train in ways of one's own
    "rbm.RBM.energy", "rbm.RBM.free_energy", "rbm.RBM.input_to_hidden", "rbm.RBM.input_to_visible",
    "rbm.RBM.prob_h_given_v", "rbm.RBM.mean_v_given_h", "rbm.RBM.posterior_means", "dbm.DBM.energy",
    "dbm.DBM.input_to_hidden", "dbm.DBM.input_to_visible", "dbn.DBN.hidden_means", "dbn.DBN.logits",
}  # fmt: skip


@pytest.mark.parametrize("call", [*test_bad_input.CALLS, *CALLS], ids=lambda call: call.name)
def test_only_building_blocks_keep_a_graph(call):
    """What others return would keep the memory of all that it was computed from."""
    for kind in call.units:
        found = tensors(call.run(call.good(kind, False)))
        assert any(t.requires_grad for t in found) == (call.name in DIFFERENTIABLE)


def tensors(result):
    """All tensors in what a function returned, but not in a machine."""
    if isinstance(result, torch.Tensor):
        return [result]
    if is_dataclass(result):
        result = vars(result)
    result = list(result.values()) if isinstance(result, dict) else result
    return [t for part in result for t in tensors(part)] if isinstance(result, (list, tuple)) else []


def test_every_public_function_is_in_a_table_or_has_a_reason():
    tested = {call.name for call in CALLS + test_bad_input.CALLS}
    known, found = tested | set(ELSEWHERE), list(public_names())
    assert known <= {above for name in found for above in prefixes(name)}, "a name that is public no more"
    left = [
        name for name in found if not known & set(prefixes(name)[-2:]) and name.split(".")[-1] not in PARTS
    ]
    assert [name for name in left if name.split(".")[0] not in ELSEWHERE] == []


def prefixes(name):
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
