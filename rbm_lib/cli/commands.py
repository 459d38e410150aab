"""What ``python -m rbm_lib`` does: one function per command.

Each takes the parsed options and returns (exit status, result): a dict, or (notes, DataFrame) for a table.
"""

import os
import sys
from functools import partial

import numpy as np
import pandas as pd
import torch

from rbm_lib import RBM, fit, save_model
from rbm_lib.cli import dataset as sources
from rbm_lib.data import load_movielens
from rbm_lib.models.batch import Rows
from rbm_lib.recommend import baselines
from rbm_lib.recommend.evaluate import Split, ranking_metrics, rating_metrics
from rbm_lib.recommend.scoring import fold_in, predict, top_n
from rbm_lib.training.checkpoint import CheckpointError, read_checkpoint
from rbm_lib.training.fit import linear_decay

SPLIT = ("fold", "split_seed", "levels", "like_at_least", "rows", "unrated")
TRAINING = ("hidden", "method", "k", "epochs", "batch_size", "lr", "constant_lr", "momentum", "weight_decay",
            "decay_toward", "weight_std", "seed")  # fmt: skip
STARS_OF = {  # the baselines: training levels → expected level
    "global rate": baselines.global_mean,
    "item mean": baselines.item_mean,
    "user + item bias": baselines.bias_model,
}
LIKES_OF = STARS_OF | {"user + item bias": baselines.logistic_biases}  # two levels → P(like)


def data(chosen):
    """Fetch or check a data set; say what it holds and where it came from."""
    found = load_movielens(chosen.name, synthetic=not chosen.no_synthetic, verbose=False)
    n, users, movies = len(found.ratings), found.ratings.user_id.nunique(), found.ratings.movie_id.nunique()
    return 0, {
        "origin": found.origin, "source": found.source, "folder": found.folder and str(found.folder),
        "ratings": n, "users": users, "movies": movies, "movies never rated": len(found.movies) - movies,
        "share of pairs rated": n / (users * movies), "mean rating": float(found.ratings.rating.mean()),
    }  # fmt: skip


# ---- train ------------------------------------------------------------------------------------------------


def train(chosen):
    """Train a machine and save it; an interrupt saves it as it is."""
    _check_files(chosen)
    device = _device(chosen.device)
    about, source, split = _prepare(chosen)
    rows = sources.machine_input(split.train, about)
    units = ("bernoulli", None) if chosen.unrated == "zero" else ("categorical", chosen.levels)
    model = RBM(rows.shape[1], chosen.hidden, *units, chosen.weight_std, chosen.seed)
    model.initialize_from(*Rows(model, rows).all()[:2])
    history = fit(
        model, rows, method=chosen.method, k=chosen.k, epochs=chosen.epochs, batch_size=chosen.batch_size,
        optimizer=partial(torch.optim.SGD, momentum=chosen.momentum), lr=chosen.lr,
        schedule=None if chosen.constant_lr else linear_decay(), weight_decay=chosen.weight_decay,
        decay_toward=chosen.decay_toward, generator=torch.Generator().manual_seed(chosen.seed), device=device,
        checkpoint=chosen.checkpoint, resume=chosen.resume, progress=chosen.progress or sys.stderr.isatty(),
    )  # fmt: skip
    save_model(model.cpu(), chosen.output, settings=about)
    if history.interrupted:
        epoch = history.last.get("epoch", 0)
        print(f"interrupted after epoch {epoch}; the machine as it is: {chosen.output}", file=sys.stderr)
    return 130 if history.interrupted else 0, {
        "data": source.origin, "ratings for training": split.train.n_ratings,
        "ratings held out": split.held_out.n_ratings, "rows": len(rows),
        "visible units": model.n_visible, "hidden units": model.n_hidden, **history.last,
        "interrupted": history.interrupted, "model": str(chosen.output),
    }  # fmt: skip


def _check_files(chosen):
    """Before hours of training: are the inputs there, and may the model be written where it is to go?"""
    for name in ("ratings", "titles"):
        path = getattr(chosen, name)
        if path and not path.is_file():
            raise FileNotFoundError(f"--{name}: there is no file {path}")
    output = chosen.output
    if chosen.checkpoint and chosen.checkpoint.resolve() == output.resolve():
        raise ValueError("--output and --checkpoint name the same file, expected two.")
    try:
        if output.exists():
            read_checkpoint(output)
    except (CheckpointError, FileNotFoundError):
        raise ValueError(f"--output: {output} exists and is no saved machine; move it away.") from None
    output.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(output.parent, os.W_OK):
        raise ValueError(f"--output: the folder {output.parent} cannot be written to.")


def _prepare(chosen):
    """(about, source, split): the ratings, and what the model file is to remember."""
    about = {name: getattr(chosen, name) for name in SPLIT}
    about["training"] = {name: getattr(chosen, name) for name in TRAINING}
    about["data"] = None if chosen.ratings else chosen.data
    for name in ("ratings", "titles"):
        about[name] = getattr(chosen, name) and str(getattr(chosen, name).resolve())
    about["holdout"] = None if chosen.fold else chosen.holdout
    source = sources.load_source(about, synthetic=not chosen.no_synthetic)
    print(source.origin, file=sys.stderr)
    about |= {"kind": source.kind, "origin": source.origin, "scale": source.scale}
    sources.like_level(about)
    if chosen.levels not in (2, len(about["scale"])):
        most = len(about["scale"])
        raise ValueError(f"--levels: got {chosen.levels}, expected 2 or, for these ratings, {most}.")
    split = sources.split_of(source, about)
    about |= {"item_ids": source.item_ids.tolist(), "fingerprints": sources.fingerprints(split)}
    return about, source, split


# ---- evaluate ---------------------------------------------------------------------------------------------


def evaluate(chosen):
    """The metric table on the held-out ratings of the split that the model was trained with."""
    model, about = sources.open_model(chosen.model, _device(chosen.device))
    source, split = sources.reopen(about, chosen.trained_on)
    if not split.held_out.n_ratings:
        raise ValueError(f"{chosen.model}: nothing was held out; train with --fold, or --holdout above 0.")
    like, scale = sources.like_level(about), np.array(about["scale"])
    binary = Split(split.train.binarize(like), split.held_out.binarize(like))
    users, items, levels = split.held_out.triples()
    rating, ranking = [], []
    for name in ("RBM", *STARS_OF, "popularity"):  # each of them sees training ratings only
        stars = None
        if name == "RBM":
            prob, stars = _predict(model, about, sources.machine_input(split.train, about))
        elif name == "popularity":
            prob = baselines.popularity(binary.train.keep(binary.train.triples()[2] == 1))
        else:
            prob = LIKES_OF[name](binary.train)
            if about["levels"] > 2:
                stars = scale[0] + (scale[1] - scale[0]) * STARS_OF[name](split.train)
        if about["unrated"] == "missing" and name != "popularity":
            extra = {} if stars is None else {"predicted": stars[users, items], "rating": scale[levels]}
            frame = rating_metrics(
                prob[users, items].clip(0, 1), (levels >= like).astype(int), users,
                n_bootstrap=chosen.bootstrap, **extra,
            )  # fmt: skip
            rating.append(frame.assign(model=name))
        if name != "global rate":  # which puts no item before another
            frame = ranking_metrics(
                prob, binary.held_out.likes(), split.train, [10, 20], n_bootstrap=chosen.bootstrap
            )
            ranking.append(frame[frame.metric.isin(["NDCG@10", "Recall@20"])].assign(model=name))
    table = pd.concat(rating + ranking, ignore_index=True)[["metric", "model", "mean", "low", "high", "n"]]
    table = pd.concat(rows for _, rows in table.groupby("metric", sort=False))
    part = f"fold {about['fold']}" if about["fold"] else f"{about['holdout']:.0%} of each user's, at random"
    like = f"a like is a rating of at least {about['like_at_least']:g}"
    return 0, (
        [
            source.origin,
            f"held out: {part}, {split.held_out.n_ratings:,} ratings; {like}",
            "NDCG, Recall: held-out likes among all items without a training rating",
            "low, high: 95 % interval, bootstrap over users",
        ],
        table,
    )


def _predict(model, about, rows, observed=None):
    """(P(like), expected stars where there are more than two levels), NumPy (n_users, n_items)."""
    prob, stars = predict(model, rows, observed), None
    if model.n_levels is not None:
        if model.n_levels > 2:
            stars = prob @ torch.tensor(about["scale"], dtype=prob.dtype, device=prob.device)
        prob = prob[..., 1 if model.n_levels == 2 else sources.like_level(about) :].sum(-1)
    both = [None if x is None else x.cpu().double().numpy() for x in (prob, stars)]
    return [x.T if about["rows"] == "items" and x is not None else x for x in both]


# ---- recommend --------------------------------------------------------------------------------------------


def recommend(chosen):
    """The n best items that a user, or a new person, has not rated."""
    model, about = sources.open_model(chosen.model, _device(chosen.device))
    if chosen.user is not None:
        prob, stars, seen, notes = _known_user(chosen, model, about)
    else:
        prob, stars, seen, notes = _new_person(chosen, model, about)
    best, _ = top_n(prob, seen, min(chosen.n, prob.shape[1]))
    best = best[0][best[0] >= 0].numpy()
    ids = [about["item_ids"][item] for item in best]
    table = {"place": range(1, len(best) + 1), "item_id": ids, "p_like": prob[0, best]}
    if stars is not None:
        table["stars"] = stars[0, best]
    try:
        titles = sources.titles_of(about, chosen.titles)
    except (ValueError, OSError) as error:
        if chosen.titles:
            raise
        titles = {}
        print(f"without titles: {error}", file=sys.stderr)
    if titles:
        table["title"] = [titles.get(item, "") for item in ids]
    return 0, (notes, pd.DataFrame(table))


def _known_user(chosen, model, about):
    source, _ = sources.reopen(about, chosen.trained_on)
    ratings = source.matrix(source.ratings, about["scale"])
    user = sources.like_those(ratings.user_ids.tolist(), chosen.user)
    if user not in set(ratings.user_ids.tolist()):
        raise ValueError(f"--user: {user} is not among the {ratings.n_users} users of {source.origin}.")
    row = int(ratings.user_index([user])[0])
    seen = ratings.rows([row])
    rows = sources.machine_input(seen if about["rows"] == "users" else ratings, about)
    answers = _predict(model, about, rows)
    if about["rows"] == "items":
        answers = [x if x is None else x[row : row + 1] for x in answers]
    return *answers, seen, [source.origin, f"user {user}, {seen.n_ratings} ratings"]


def _new_person(chosen, model, about):
    if about["rows"] == "items":
        raise ValueError(
            "--ratings: a machine trained with --rows items has the people as visible units, and a new one "
            "needs a new training; train with --rows users."
        )
    scale = sources.HALF_STARS if about["levels"] == 2 else about["scale"]
    given = sources.read_ratings(chosen.ratings, ["item_id"], scale)
    level = (lambda r: int(r >= about["like_at_least"])) if about["levels"] == 2 else about["scale"].index
    levels = {sources.like_those(about["item_ids"], item): level(r) for (item,), r in given.items()}
    v, observed = fold_in(model, levels, about["item_ids"])
    notes = [about["origin"], f"a new person, {len(given)} ratings"]
    return *_predict(model, about, v, observed), observed.cpu(), notes


# ---- parts ------------------------------------------------------------------------------------------------


def _device(name):
    """A device that works, or ValueError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device: {name!r} cannot be used here ({str(error).splitlines()[0]})") from None
