"""What is measured beside updates: import, exact log Z, masked ratings, and likes alone.

`import_time`, `log_z`, `masked_ratings` and `likes_only` start processes; the functions in
TASKS run in them.
"""

import statistics
import subprocess
import sys
import time
from functools import partial

from benchmarks.speed.checking import time_rated_cells, train_with_checks
from benchmarks.speed.machine import environment, peak_memory
from benchmarks.speed.processes import alone

# Users, items, ratings: MovieLens 1M and 25M.
RATINGS = [(6040, 3706, 1_000_209), (162_541, 59_047, 25_000_095)]
# Users, items, likes of MovieLens 1M and those that are held out.
LIKES = (6040, 3706, 625_000)
LIKES_MODELS = ("popularity", "ItemKNN", "EASE", "iALS", "RBM")
IMPORT_BAR = 1.05  # of `import rbm_lib`; names are imported when they are used
ALL_BAR = 1.3  # with everything that a Recommender needs
IMPORT = """
import time, sys
start = time.perf_counter()
import {}
seconds = time.perf_counter() - start
modules = {{name.split(".")[0] for name in sys.modules}}
print(seconds, *sorted(modules - sys.stdlib_module_names))
"""


# Import


def import_time(repeats):
    """Seconds that importing torch and rbm_lib take, and their ratios: medians.

    Each is imported in a fresh process, in turn: `rbm_lib` alone, and all of it.
    """
    imported("rbm_lib.recommend")  # the files are then in memory, and compiled
    names = ("torch", "rbm_lib", "rbm_lib.recommend")
    rounds = [[imported(name) for name in names] for _ in range(repeats)]
    seconds = [[own for own, _ in found] for found in rounds]
    further = rounds[0][2][1] - rounds[0][0][1]
    torch, package, everything = map(statistics.median, zip(*seconds, strict=True))
    return {
        "repeats": repeats,
        "torch_seconds": torch,
        "package_seconds": package,
        "package_ratio": statistics.median(own[1] / own[0] for own in seconds),
        "package_bar": IMPORT_BAR,
        "rbm_lib_seconds": everything,
        "ratio": statistics.median(own[2] / own[0] for own in seconds),
        "bar": ALL_BAR,
        "further_modules": sorted(n for n in further if not n.startswith("_")),
    }


def imported(module):
    """(seconds, packages that are loaded then) in a fresh process."""
    command = [sys.executable, "-c", IMPORT.format(module)]
    printed = subprocess.check_output(command, text=True, env=environment(1))
    seconds, *modules = printed.split()
    return float(seconds), set(modules)


# Exact log Z


def log_z(visible, hidden, threads=1):
    """Exact log Z of one machine: seconds and peak memory."""
    return alone("log_z", (visible, hidden), threads)


def compute_log_z(visible, hidden, threads):
    from rbm_lib import RBM
    from rbm_lib.likelihood import exact_log_partition

    model = RBM(visible, hidden, weight_std=0.1, seed=0)
    before = peak_memory()
    start = time.perf_counter()
    value = float(exact_log_partition(model))
    return {
        "visible": visible,
        "hidden": hidden,
        "threads": threads,
        "log_z": value,
        "seconds": time.perf_counter() - start,
        "peak_mb": peak_memory(),
        "setup_mb": before,
    }


# Masked ratings


def masked_ratings(shape, threads):
    """One epoch of masked CD-1 on invented ratings, and lists for everybody."""
    return alone("masked_ratings", shape, threads)


def train_on_ratings(n_users, n_items, n_ratings, threads, n_hidden=100):
    from benchmarks.speed.ratings import make_ratings
    from rbm_lib import RBM, fit
    from rbm_lib.recommend import top_n_unseen

    ratings = make_ratings(n_users, n_items, n_ratings)
    model = RBM(n_items, n_hidden, "categorical", 2, seed=0).initialize_from(ratings)
    batch_size = max(100, n_users // 160)
    options = {"epochs": 1, "batch_size": batch_size, "progress": False, "device": "cpu"}
    fit(model, ratings.rows(slice(0, batch_size)), **options)  # not counted
    before = peak_memory()
    start = time.perf_counter()
    fit(model, ratings, **options)
    trained = time.perf_counter()
    top_n_unseen(model, ratings, 20)
    listed = time.perf_counter()
    return {
        "users": n_users,
        "items": n_items,
        "ratings": n_ratings,
        "hidden": n_hidden,
        "threads": threads,
        "batch": batch_size,
        "epoch_seconds": trained - start,
        "ns_per_rating": (trained - start) / n_ratings * 1e9,
        "top_20_seconds": listed - trained,
        "peak_mb": peak_memory(),
        "setup_mb": before,
    }


# Likes alone


def likes_only(shape, name, threads):
    """Scores for everybody by one of LIKES_MODELS, from likes alone."""
    return alone(f"likes, {name}", shape, threads)


def score_likes(name, n_users, n_items, n_likes, threads):
    from benchmarks.speed.ratings import make_likes
    from rbm_lib import Recommender, baselines, evaluate

    models = {
        "popularity": baselines.Popularity(),
        "ItemKNN": baselines.ItemKNN(),
        "EASE": baselines.EASE(),
        "iALS": baselines.IALS(),
        "RBM": Recommender("rank", device="cpu"),
    }
    split = evaluate.random_split(make_likes(n_users, n_items, n_likes))
    before = peak_memory()
    start = time.perf_counter()
    start_cpu = time.process_time()
    scores = models[name].fit(split.train).scores()
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - start_cpu
    peak_mb = peak_memory()
    metrics = evaluate.per_user_ranking(scores, split.held_out, split.train)
    return {
        "model": name,
        "users": n_users,
        "items": n_items,
        "likes": split.train.n_ratings,
        "threads": threads,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "ndcg": float(metrics["NDCG@10"].mean()),
        "peak_mb": peak_mb,
        "setup_mb": before,
    }


TASKS = {"log_z": compute_log_z, "masked_ratings": train_on_ratings}
TASKS |= {f"likes, {name}": partial(score_likes, name) for name in LIKES_MODELS}
TASKS |= {"rated_cells": time_rated_cells}
TASKS |= {f"checking, {t}": partial(train_with_checks, t) for t in ("rank", "rate")}
