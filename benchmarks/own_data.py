"""A Recommender with its defaults on data of other kinds than MovieLens's stars.

    python -m benchmarks.own_data            lists and ratings beside baselines
    python -m benchmarks.own_data --tune     the same, settings chosen on an inner split
    python -m benchmarks.own_data --sets plays --tune     one part alone
    python -m benchmarks.own_data --memory   peak memory at the shape of MovieLens 25M

The data sets go through files, as somebody's own would:
- plays: invented listeners with mixtures of twenty tastes, artists of which a few have most
  plays, and play counts with a heavy tail; separated by tabs, ids are text.
- pairs: who rated what in MovieLens 100K, without the ratings; separated by semicolons.
- half stars: 8 levels from .5 to 4, about 13 ratings a user: a thinned MovieLens 100K whose
  stars are moved to another scale with noise; separated by commas.
Lists: a fifth of each user's likes is held out, users with at least five likes. Ratings: a
fifth of each user's ratings, of five draws of the half stars together, as one draw holds
out few. Intervals: 95 %, bootstrap over users, each with all their draws. With --tune, the
Recommender has the settings that tune=True chooses, and each baseline the best of seven
(`rbm_lib.cli.rivals.TRIES`) on the inner split by which tune=True chooses.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.speed.ratings import make_ratings
from benchmarks.speed.tasks import RATINGS
from rbm_lib import RatingMatrix, Recommender, evaluate
from rbm_lib.baselines import (
    EASE,
    IALS,
    ItemKNN,
    ItemKNNRatings,
    LogisticBias,
    MatrixFactorization,
    Popularity,
    UserItemBias,
)
from rbm_lib.cli import rivals
from rbm_lib.data import load_movielens
from rbm_lib.recommend.compare_ratings import predictions

# Lists of three, and P(like) of the last.
SETS = ["plays", "pairs", "half stars", "ratings"]


def plays_file(path, n_users=1800, n_items=3000, seed=0):
    """Listeners with one to three of twenty tastes; artists have one main taste."""
    rng = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, n_items + 1) ** 0.8
    genre = rng.dirichlet(np.full(20, 0.05), n_items)
    taste = rng.dirichlet(np.full(20, 0.08), n_users)
    frames = []
    for user in range(n_users):
        chance = popularity * (0.01 + genre @ taste[user]) ** 2
        n = int(np.clip(rng.lognormal(3.4, 0.8), 5, 400))
        items = rng.choice(n_items, n, replace=False, p=chance / chance.sum())
        counts = np.ceil(rng.lognormal(3, 1.7, n)).astype(int)
        frames.append(
            pd.DataFrame({"who": f"u-{user:04}", "artist": items, "plays": counts})
        )
    table = pd.concat(frames)
    table["artist"] = "artist " + table["artist"].astype(str)
    table.to_csv(path, sep="\t", index=False)


def pairs_file(path):
    ratings = load_movielens("100k", verbose=False).ratings
    table = pd.DataFrame({"user": ratings["user_id"], "item": ratings["movie_id"]})
    table.to_csv(path, sep=";", index=False)


def half_stars_file(path, seed=0):
    rng = np.random.default_rng(seed)
    ratings = load_movielens("100k", verbose=False).ratings.sample(
        12_000, random_state=seed
    )
    moved = ratings["rating"] * 0.875 - 0.375 + rng.normal(0, 0.3, len(ratings))
    stars = (moved * 2).round().clip(1, 8) / 2
    table = pd.DataFrame(
        {"user": ratings["user_id"], "item": ratings["movie_id"], "rating": stars}
    )
    table.to_csv(path, index=False)


def read_all(folder):
    """{name: RatingMatrix}, through files."""
    plays_file(folder / "plays.tsv")
    pairs_file(folder / "pairs.csv")
    half_stars_file(folder / "half.csv")
    options = {"user": "who", "item": "artist", "rating": "plays"}
    return {
        "plays": RatingMatrix.from_csv(folder / "plays.tsv", **options),
        "pairs": RatingMatrix.from_csv(folder / "pairs.csv"),
        "half stars": RatingMatrix.from_csv(folder / "half.csv"),
    }


def half_star_draws(folder, n_draws):
    """The half stars again, each time of other ratings."""
    for seed in range(n_draws):
        half_stars_file(folder / "half.csv", seed)
        yield RatingMatrix.from_csv(folder / "half.csv")


def likes_alone(ratings, fewest=5):
    """The likes of users with at least five, and the items and users that have some."""
    users, items, levels = ratings.triples()
    liked = levels >= ratings.scale.like_level()
    enough = np.bincount(users, liked, ratings.n_users)[users] >= fewest
    return RatingMatrix.from_pairs(ratings.keep(liked & enough).to_frame())


def tuned(models, split):
    """The models with the settings that are best on an inner split of the training part."""
    others = dict(models)
    model, _ = evaluate.tune(others.pop("Recommender"), split.train, progress=False)
    others = rivals.tuned(others, model, split)
    own = {n: model.get_params()[n] for n in ("weight_decay", "n_hidden")}
    print(
        f"  chosen: Recommender {own}, {', '.join(map(repr, others.values()))}", flush=True
    )
    return others | {"Recommender": model}


def lists(likes, with_tuning):
    models = {
        "popularity": Popularity(),
        "ItemKNN": ItemKNN(),
        "EASE": EASE(),
        "iALS": IALS(),
        "Recommender": Recommender("rank"),
    }
    split = evaluate.random_split(likes, seed=0)
    if with_tuning:
        models = tuned(models, split)
    table = evaluate.compare(models, split, "Recommender", k=10, n_bootstrap=500)
    table = table[table["metric"] == "NDCG@10"]
    for row in table.itertuples():
        beyond = f"{-row.lead:+.4f} [{-row.lead_high:+.4f}, {-row.lead_low:+.4f}]"
        print(
            f"  {row.model:22} NDCG@10 {row.mean:.4f} [{row.low:.4f}, {row.high:.4f}]"
            f"  the Recommender beyond it {'' if row.model == 'Recommender' else beyond}"
        )


def rating_models():
    return {
        "user + item bias, likes": LogisticBias(),
        "user + item bias": UserItemBias(),
        "ItemKNN on residuals": ItemKNNRatings(),
        "matrix factorisation": MatrixFactorization(),
        "Recommender": Recommender("rate"),
    }


def rated(draws, with_tuning):
    """Predictions of held-out ratings of some draws, and the Recommender's lead."""
    found, label, users, stars = {}, [], [], []
    for ratings in draws:
        split = evaluate.random_split(ratings, seed=0)
        row, _, level = split.held_out.triples()
        label.append(level >= ratings.scale.like_level())
        users.append(ratings.user_ids[row])
        stars.append(np.asarray(ratings.scale.steps)[level])
        models = rating_models()
        if with_tuning:
            models = tuned(models, split)
        for name, model in models.items():
            found.setdefault(name, []).append(predictions(model, split, None))
    label, users, stars = map(np.concatenate, (label, users, stars))
    label = label.astype(int)
    own = np.concatenate([part.like for part in found["Recommender"]])
    for name, parts in found.items():
        prob = np.concatenate([part.like for part in parts])
        errors = {}
        if parts[0].rating is not None:
            errors = {"rating": stars}
            errors["predicted"] = np.concatenate([part.rating for part in parts])
        table = evaluate.rating_metrics(prob, label, users, n_bootstrap=0, **errors)
        value = table.set_index("metric")["mean"]
        lead = evaluate.auc_lead(own, prob, label, users).iloc[0]
        error = f"RMSE {value['RMSE']:.4f}" if "RMSE" in value else ""
        beyond = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*lead[["mean", "low", "high"]])
        print(
            f"  {name:23} AUC {value['AUC']:.4f}  log-loss {value['log-loss']:.4f}"
            f"  {error:11}  AUC of the Recommender beyond it {beyond}"
        )


def memory(folder):
    """One epoch of the ranking model, and everybody's lists, at the shape of MovieLens 25M.

    Further epochs take as much memory as the first.
    """
    clock = Clock()
    ratings = make_ratings(*RATINGS[-1])
    clock.says(f"{ratings} invented")
    model = Recommender("rank", epochs=1).fit(ratings)
    clock.says(f"an epoch of {model.settings_['n_hidden']} hidden units")
    rows = model.write_lists(folder / "lists.csv")
    clock.says(f"everybody's lists, {rows:,} rows, in a file")


class Clock:
    """Says what is done, after how many seconds, and the peak memory until then."""

    def __init__(self):
        self.start = time.perf_counter()

    def says(self, what):
        seconds = time.perf_counter() - self.start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{what}: {seconds:.0f} s, peak {peak:.2f} GB", flush=True)
        self.start = time.perf_counter()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tune",
        action="store_true",
        help="choose the settings of all models on each training set",
    )
    parser.add_argument(
        "--sets", nargs="+", choices=SETS, default=SETS, help="which parts (default: all)"
    )
    parser.add_argument("--draws", type=int, default=5, help="of the half stars")
    parser.add_argument("--memory", action="store_true", help="peak memory instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if args.memory:
            memory(Path(folder))
            return
        for name, ratings in read_all(Path(folder)).items():
            if name not in args.sets:
                continue
            start = time.perf_counter()
            likes = likes_alone(ratings)
            print(f"\n{name}: {ratings}; lists from {likes}", flush=True)
            lists(likes, args.tune)
            print(f"  {time.perf_counter() - start:.0f} s", flush=True)
        if "ratings" in args.sets:
            start = time.perf_counter()
            print(f"\nhalf stars, ratings of {args.draws} draws:", flush=True)
            rated(half_star_draws(Path(folder), args.draws), args.tune)
            print(f"  {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
