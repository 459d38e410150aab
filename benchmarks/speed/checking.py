"""What early stopping costs of a training with defaults, and where dense rows win."""

import statistics
import time

from benchmarks.speed.processes import alone

CHECKING_BAR = 0.10  # of the training time
EPOCHS = 3
# Task, users, items, ratings, and how many times as many users the real data have.
# MovieLens 100K, 1M and 25M. The last has fewer users here, but all its items, so that a
# check costs as much as there, or less by the same factor as an epoch.
CHECKED = [
    ("rank", 943, 1682, 100_000, 1),
    ("rate", 943, 1682, 100_000, 1),
    ("rank", 6040, 3706, 1_000_209, 1),
    ("rate", 6040, 3706, 1_000_209, 1),
    ("rank", 10_240, 59_047, 1_575_000, 16),
    ("rate", 8127, 59_047, 1_250_000, 1),
]
# Shares of known cells: that of MovieLens 1M, and those about where dense rows win.
SHARES = (0.045, 0.1, 0.2, 0.3, 0.4)
N_BATCHES = 5


class Enough(Exception):
    """Ends a training from within."""


def checking(task, n_users, n_items, n_ratings, scale, threads):
    """The share of a training that the checks of early stopping take, in a process."""
    return alone(f"checking, {task}", (n_users, n_items, n_ratings, scale), threads)


def train_with_checks(task, n_users, n_items, n_ratings, scale, threads):
    """Some epochs with a check after each; the share is that at the default interval."""
    from benchmarks.speed.ratings import make_ratings
    from rbm_lib import EarlyStopping, Recommender
    from rbm_lib.recommend import ranking, rating, settings

    ratings = make_ratings(n_users, n_items, n_ratings)
    if task == "rank":
        epochs = settings.ranking_defaults(ratings.likes())["epochs"]
        every = max(1, epochs // ranking.CHECKS)
    else:
        epochs = settings.rating_defaults(ratings.T, False)["epochs"]
        every = max(1, epochs // rating.CHECKS)
    times = []
    check = EarlyStopping.__call__

    def timed(self, epoch):
        start = time.perf_counter()
        check(self, epoch)
        times.append((start, time.perf_counter()))
        if len(times) == EPOCHS:
            raise Enough

    EarlyStopping.__call__ = timed
    try:
        Recommender(task, epochs=EPOCHS, device="cpu").fit(ratings)
    except Enough:
        pass
    finally:
        EarlyStopping.__call__ = check
    of_check = statistics.median(end - start for start, end in times)
    pairs = zip(times[1:], times[:-1], strict=True)
    of_epoch = statistics.median(later[0] - earlier[1] for later, earlier in pairs)
    return {
        "task": task,
        "users": n_users,
        "items": n_items,
        "ratings": n_ratings,
        "threads": threads,
        "every": every,
        "scale": scale,
        "check_seconds": of_check,
        "epoch_seconds": of_epoch,
        "share": of_check / (of_check + every * scale * of_epoch),
        "bar": CHECKING_BAR,
    }


def rated_cells(n_users, n_items, n_hidden, threads=1):
    """Updates from the rated cells alone over those from dense rows, at some shares."""
    return alone("rated_cells", (n_users, n_items, n_hidden), threads)


def time_rated_cells(n_users, n_items, n_hidden, threads):
    import torch

    from benchmarks.speed.ratings import make_ratings
    from rbm_lib import CD, RBM
    from rbm_lib.models import VisibleData
    from rbm_lib.models.rated import SPARSE_BELOW, RatedBatch
    from rbm_lib.training.sparse import sparse_cd

    method = CD()
    model = RBM(n_items, n_hidden, "categorical", 2, seed=0)
    out = {name: torch.empty_like(p) for name, p in model.named_parameters()}
    batches = torch.arange(n_users).split(-(-n_users // N_BATCHES))
    rows = []
    for share in SHARES:
        ratings = make_ratings(n_users, n_items, int(share * n_users * n_items))
        data = VisibleData(model, ratings)

        def of_cells(index, data=data):
            batch = RatedBatch(model, data.rated_rows(index))
            sparse_cd(method, model, batch, out=out)

        def of_rows(index, data=data):
            method.gradient(model, data.rows(index))

        pairs = []
        for index in [batches[0], *batches]:
            start = time.perf_counter()
            of_cells(index)
            middle = time.perf_counter()
            of_rows(index)
            pairs.append((middle - start, time.perf_counter() - middle))
        own = statistics.median(cells for cells, _ in pairs[1:])
        ratio = statistics.median(cells / dense for cells, dense in pairs[1:])
        ns = own / ratings.n_ratings * len(batches) * 1e9
        rows.append({"share": share, "ratio": ratio, "ns_per_rating": ns})
    return {
        "batch": len(batches[0]),
        "items": n_items,
        "hidden": n_hidden,
        "threads": threads,
        "below": SPARSE_BELOW["cpu"],
        "rows": rows,
    }
