"""What the commands do. Each returns (exit status, a dict, or notes and a DataFrame)."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rbm_lib.cli.dataset import (
    Description,
    Ratings,
    by_text,
    like_level,
    model_input,
    open_ratings,
    read_person,
    split_ratings,
)
from rbm_lib.data.movielens.load import load_movielens
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.rbm import RBM
from rbm_lib.recommend import baselines
from rbm_lib.recommend.metrics import ranking_metrics
from rbm_lib.recommend.probabilities import rating_metrics
from rbm_lib.recommend.scoring import fold_in, score_items
from rbm_lib.recommend.top import top_n
from rbm_lib.training import Checkpoint, fit, linear_decay, load_model, save_model
from rbm_lib.training.saving import CheckpointError, read_checkpoint

Result = tuple[int, Any]


def data(options: Namespace) -> Result:
    """Fetch or check a data set; say what it holds and where it came from."""
    found = load_movielens(options.name, synthetic=not options.no_synthetic, verbose=False)
    ratings = found.ratings
    n_users = ratings["user_id"].nunique()
    n_movies = ratings["movie_id"].nunique()
    return 0, {
        "origin": found.origin,
        "ratings": len(ratings),
        "users": n_users,
        "movies": n_movies,
        "movies never rated": len(found.movies) - n_movies,
        "share of pairs rated": len(ratings) / (n_users * n_movies),
        "mean rating": float(ratings["rating"].to_numpy().mean()),
    }


def train(options: Namespace) -> Result:
    """Train a model and save it; an interrupt saves it as it is."""
    _require_replaceable(options.output)
    description: Description = {
        name: getattr(options, name)
        for name in (
            "data",
            "fold",
            "holdout",
            "seed",
            "levels",
            "like_at_least",
            "unrated",
        )
    }
    description["ratings"] = str(options.ratings.resolve()) if options.ratings else None
    ratings = open_ratings(description, synthetic=not options.no_synthetic)
    print(ratings.origin, file=sys.stderr)
    description["scale"] = ratings.scale
    if options.levels not in (2, len(ratings.scale)):
        raise ValueError(
            f"--levels: got {options.levels}, expected 2 or {len(ratings.scale)} for these "
            "ratings."
        )
    split = split_ratings(ratings, description)
    description["fingerprint"] = ratings.matrix.fingerprint()
    description["item_ids"] = split.train.item_ids.tolist()

    rows = model_input(split.train, description)
    units: dict[str, Any] = {"visible": "categorical", "n_levels": options.levels}
    if options.unrated == "zero":
        units = {}
    model = RBM(split.train.n_items, options.hidden, **units, seed=options.seed)
    model.initialize_from(rows)
    checkpoint = None
    if options.checkpoint:
        checkpoint = Checkpoint(options.checkpoint, resume=options.resume)
    history = fit(
        model,
        rows,
        epochs=options.epochs,
        batch_size=options.batch_size,
        lr=options.lr,
        schedule=linear_decay(),
        weight_decay=options.weight_decay,
        checkpoint=checkpoint,
        generator=torch.Generator().manual_seed(options.seed),
        progress=sys.stderr.isatty(),
    )
    save_model(model.cpu(), options.output, settings=description)
    return 130 if history.interrupted else 0, {
        "data": ratings.origin,
        "ratings for training": split.train.n_ratings,
        "ratings held out": split.held_out.n_ratings,
        **history.last,
        "interrupted": history.interrupted,
        "model": str(options.output),
    }


def _require_replaceable(output: Path) -> None:
    """Before hours of training: may the model be written where it is to go?"""
    if output.exists():
        try:
            read_checkpoint(output)
        except (CheckpointError, FileNotFoundError):
            raise ValueError(
                f"--output: got {output}, which is no saved model, expected a new file or "
                "an older model. Move it away."
            ) from None
    output.parent.mkdir(parents=True, exist_ok=True)


def evaluate(options: Namespace) -> Result:
    """The metric table on the ratings held out when the model was trained."""
    model, description, ratings = _reopen(options.model)
    split = split_ratings(ratings, description)
    if not split.held_out.n_ratings:
        raise ValueError(
            f"{options.model}: got no held-out ratings, expected some. Train with "
            "--holdout."
        )
    like = like_level(description)
    binary = split.train.binarize(like)
    liked = binary.keep(binary.triples()[2] == 1)
    scores = {
        "RBM": _scores(model, description, model_input(split.train, description)),
        "item mean": baselines.ItemMean().fit(binary).scores(),
        "user + item bias": baselines.LogisticBias().fit(binary).scores(),
        "popularity": baselines.Popularity().fit(liked).scores(),
    }
    users, items, levels = split.held_out.triples()
    held_out_likes = split.held_out.likes(like)
    tables = []
    for name, score in scores.items():
        if description["unrated"] == "missing" and name != "popularity":
            probability = score[users, items].clip(0, 1)
            table = rating_metrics(
                probability, levels >= like, users, n_bootstrap=options.bootstrap
            )
            tables.append(table.assign(model=name))
        table = ranking_metrics(
            score, held_out_likes, split.train, [10, 20], n_bootstrap=options.bootstrap
        )
        chosen = table["metric"].isin(["NDCG@10", "Recall@20"])
        tables.append(table[chosen].assign(model=name))
    columns = ["metric", "model", "mean", "low", "high", "n"]
    table = pd.concat(tables).sort_values("metric", kind="stable")
    notes = [
        ratings.origin,
        f"{split.held_out.n_ratings:,} ratings held out; a like is a rating of at least "
        f"{description['like_at_least']:g}",
        "NDCG, Recall: held-out likes among all items without a training rating",
        "low, high: 95 % interval, bootstrap over users",
    ]
    return 0, (notes, table[columns])


def recommend(options: Namespace) -> Result:
    """The n best items that a user of the ratings, or a new person, has not rated."""
    model, description, ratings = _reopen(options.model)
    item_ids = description["item_ids"]
    if options.user is not None:
        matrix = ratings.matrix
        known = by_text(matrix.user_ids.tolist())
        if options.user not in known:
            raise ValueError(
                f"--user: got {options.user}, expected one of {len(known)} users of the "
                "ratings. Pass a new person's ratings with --ratings."
            )
        person = matrix.rows(matrix.user_index([known[options.user]]))
        seen: Any = person.rated()
        score = _scores(model, description, model_input(person, description))
        whom = f"user {options.user}, {person.n_ratings} ratings"
    else:
        levels = read_person(options.ratings, description)
        v, seen = fold_in(model, levels, item_ids)
        score = _scores(model, description, v, seen)
        whom = f"a new person, {len(levels)} ratings"
    items, scores = top_n(score, seen, options.n)
    found = items[0] >= 0
    table = {
        "place": np.arange(1, int(found.sum()) + 1),
        "item_id": [item_ids[item] for item in items[0][found]],
        "p_like": scores[0][found].numpy(),
    }
    if ratings.titles:
        table["title"] = [ratings.titles.get(item, "") for item in table["item_id"]]
    return 0, ([ratings.origin, whom], pd.DataFrame(table))


def _reopen(path: Path) -> tuple[RBM, Description, Ratings]:
    """A model written by `train`, what it remembers, and its ratings."""
    model = load_model(path)
    description = read_checkpoint(path)[0]["settings"]
    if "item_ids" not in description or not isinstance(model, RBM):
        raise ValueError(f"{path}: got another model, expected one written by `train`.")
    ratings = open_ratings(description)
    if ratings.matrix.fingerprint() != description["fingerprint"]:
        raise ValueError(
            f"{path}: got other ratings ({ratings.origin}), expected those of its "
            "training. Train again."
        )
    return model, description, ratings


def _scores(
    model: RBM, description: Description, rows: RatingMatrix | Any, observed: Any = None
) -> np.ndarray:
    """P(like) of every item, (n_users, n_items)."""
    like = like_level(description) if description["levels"] > 2 else None
    return score_items(model, rows, observed, at_least=like).double().numpy()
