"""A Recommender with its defaults on data of other kinds than MovieLens's stars.

    python -m benchmarks.own_data            three data sets: lists and ratings beside baselines
    python -m benchmarks.own_data --tune     the same with tune=True
    python -m benchmarks.own_data --memory   peak memory at the shape of MovieLens 25M

The data sets go through files, as somebody's own would:
- plays: invented listeners with mixtures of twenty tastes, artists of which a few have most plays, and
  play counts with a heavy tail; separated by tabs, ids are text.
- pairs: who rated what in MovieLens 100K, without the ratings; separated by semicolons.
- half stars: 8 levels from .5 to 4, about 12 ratings a user: a thinned MovieLens 100K whose stars are moved to
  another scale with noise; separated by commas.
Lists: a fifth of each user's likes is held out, users with at least five likes. Ratings: a fifth of each user's
ratings, of five draws of the half stars together, as one draw holds out few. Intervals: 95 %, bootstrap over users,
each with all their draws.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_array

from rbm_lib import RatingMatrix, Recommender, evaluate
from rbm_lib.baselines import (
    EASE,
    IALS,
    Calibrated,
    ItemKNN,
    ItemKNNRatings,
    LogisticBias,
    MatrixFactorization,
    Popularity,
    UserItemBias,
)
from rbm_lib.data import load_movielens
from rbm_lib.recommend.lists import list_batches

RATINGS_25M = 162_541, 59_047, 12_500_000  # users, items, likes


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


class Tuned:
    """A recommender that chooses its settings on whatever it is fitted to."""

    def __init__(self, task):
        self.model = Recommender(task)

    def fit(self, ratings):
        self.model.fit(ratings, tune=True)
        return self

    def scores(self, rows=slice(None)):
        return self.model.scores(rows)


def lists(likes, tuned):
    models = {
        "popularity": Popularity(),
        "ItemKNN": ItemKNN(),
        "EASE": EASE(),
        "iALS": IALS(),
        "Recommender": Tuned("rank") if tuned else Recommender("rank"),
    }
    split = evaluate.random_split(likes, seed=0)
    for against in ("popularity", "ItemKNN"):
        table = evaluate.compare(models, split, against, n_bootstrap=500)
        table = table[table["metric"] == "NDCG@10"].round(4)
        if against == "popularity":
            print(table[["model", "mean", "low", "high"]].to_string(index=False))
        ours = table[table["model"] == "Recommender"].iloc[0]
        print(
            f"  beyond {against}: {ours['lead']:+.4f} [{ours.lead_low:+.4f}, {ours.lead_high:+.4f}]"
        )


def rating_models(like, tuned):
    """{name: (whether it learns from likes alone, model)}."""
    return {
        "user + item bias": (True, LogisticBias()),
        "the same, all levels": (False, Calibrated(UserItemBias(), like)),
        "ItemKNN on residuals": (False, Calibrated(ItemKNNRatings(), like)),
        "matrix factorisation": (False, Calibrated(MatrixFactorization(), like)),
        "Recommender": (False, Tuned("rate") if tuned else Recommender("rate")),
    }


def rated(draws, tuned):
    """P(like) of held-out ratings of some draws, and by how much the Recommender is ahead."""
    found, label, users = {}, [], []
    for ratings in draws:
        split = evaluate.random_split(ratings, seed=0)
        level = ratings.scale.like_level()
        cells = split.held_out.triples()
        label.append(cells[2] >= level)
        users.append(ratings.user_ids[cells[0]])
        models = rating_models(ratings.scale.steps[level], tuned)
        for name, (likes_alone, model) in models.items():
            train = split.train.binarize(level) if likes_alone else split.train
            found.setdefault(name, []).append(model.fit(train).scores()[cells[:2]])
    label, users = np.concatenate(label).astype(int), np.concatenate(users)
    found = {name: np.concatenate(parts) for name, parts in found.items()}
    for name, prob in found.items():
        table = evaluate.rating_metrics(prob, label, users, n_bootstrap=0)
        value = table.set_index("metric")["mean"]
        lead = evaluate.auc_lead(found["Recommender"], prob, label, users).iloc[0]
        print(
            f"  {name:22} AUC {value['AUC']:.4f}  log-loss {value['log-loss']:.4f}"
            f"  AUC of the Recommender beyond it {lead['mean']:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]"
        )


def memory():
    """Some batches of the ranking model, and lists for some users, at the shape of MovieLens 25M."""
    n_users, n_items, n_likes = RATINGS_25M
    rng = np.random.default_rng(0)
    items = (n_items * rng.random(n_likes) ** 4).astype(np.int32)
    users = np.sort(rng.integers(0, n_users, n_likes, dtype=np.int32))
    stored = csr_array(
        (np.ones(n_likes, np.uint8), (users, items)), shape=(n_users, n_items)
    )
    stored.data[:] = 1
    ratings = RatingMatrix.from_csr(stored)
    del stored, items, users
    print(ratings, f"in memory: peak {peak():.2f} GB")
    start = time.perf_counter()
    few = ratings.rows(np.arange(128 * 30))
    model = Recommender(n_hidden=200, epochs=1, batch_size=128, validation=0.0).fit(few)
    seconds = (time.perf_counter() - start) / 30
    print(f"30 batches of 128 users, {seconds:.2f} s each: peak {peak():.2f} GB")
    model.ratings_ = ratings
    start = time.perf_counter()
    batches = list_batches(model.scores, ratings, ratings.user_ids[:10_000])
    n_rows = sum(len(table) for table in batches)
    seconds = time.perf_counter() - start
    print(
        f"lists of ten for 10,000 users ({n_rows:,} rows) in {seconds:.0f} s: peak {peak():.2f} GB"
    )


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tune", action="store_true", help="choose the settings on each training set"
    )
    parser.add_argument("--draws", type=int, default=5, help="of the half stars")
    parser.add_argument("--memory", action="store_true", help="peak memory instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.memory:
        memory()
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, ratings in read_all(Path(folder)).items():
            likes = likes_alone(ratings)
            print(f"\n{name}: {ratings}; lists from {likes}")
            lists(likes, args.tune)
        print(f"\nhalf stars, ratings of {args.draws} draws:")
        rated(half_star_draws(Path(folder), args.draws), args.tune)


if __name__ == "__main__":
    main()
