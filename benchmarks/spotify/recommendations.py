"""Lists of songs for simulated listeners."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from benchmarks.spotify.machines import log
from benchmarks.spotify.songs import heard_by, interval
from rbm_lib import RBM, Monitor, evaluate, fit
from rbm_lib.baselines import EASE, IALS, Baseline, ItemKNN, Popularity
from rbm_lib.data import simulate_listeners
from rbm_lib.recommend import cosine_scores, preference, score_items
from rbm_lib.training import linear_decay

METRICS = ["Recall@20", "NDCG@10"]


@dataclass
class LikesRBM(Baseline):
    """Log-odds of a listen by a binary RBM of whole rows: heard or not."""

    n_hidden: int = 100
    lr: float = 0.01
    weight_decay: float = 1e-4
    epochs: int = 40

    def _fit(self, ratings):
        rows = torch.as_tensor(ratings.rated().toarray(), dtype=torch.float32)
        model = RBM(rows.shape[1], self.n_hidden, seed=0).initialize_from(rows)
        fit(
            model,
            rows,
            epochs=self.epochs,
            batch_size=50,
            optimizer=torch.optim.Adam,
            lr=self.lr,
            schedule=linear_decay(),
            weight_decay=self.weight_decay,
            callbacks=[Monitor(every=10**6)],
            generator=torch.Generator().manual_seed(0),
            progress=False,
        )
        # P(like) rounds to 1, and then to ties; log-odds do not.
        self.table_ = torch.logit(score_items(model, rows).double(), eps=1e-12).numpy()

    def _scores(self, rows):
        return self.table_[rows]


@dataclass
class Given(Baseline):
    """Scores that are a function of the ratings, (n_users, n_items)."""

    function: Callable

    def _fit(self, ratings):
        self.table_ = np.asarray(self.function(ratings))

    def _scores(self, rows):
        return self.table_[rows]


def fixed(scores):
    return Given(lambda ratings: scores)


def cosine(points):
    """The cosine with the mean of the songs that one has heard."""
    x = torch.as_tensor(points)
    return Given(lambda ratings: cosine_scores(preference(x, ratings), x))


# Four settings of each; the best on an inner split of the training pairs is used.
CANDIDATES = {
    "ItemKNN": [ItemKNN(k, shrink) for k in (200, 1000) for shrink in (0, 10)],
    "EASE": [EASE(l2) for l2 in (10, 30, 100, 300)],
    "iALS": [IALS(alpha=alpha, reg=reg) for alpha in (0.05, 0.2) for reg in (0.5, 1.0)],
    "RBM on interactions": [
        LikesRBM(),
        LikesRBM(lr=0.005),
        LikesRBM(epochs=25),
        LikesRBM(n_hidden=200, lr=0.005, weight_decay=3e-4),
    ],
}


def top_n_table(
    tracks,
    seeds,
    points,
    of="RBM on interactions",
    models=CANDIDATES,
    stream=0,
    n_users=1000,
):
    """A line for each recommender; each seed is a simulation with listeners of its own.

    `stream` is added to it for the splits, so that their numbers are not the simulation's.
    """
    candidates = {}
    for name, scorers in models.items():
        candidates[name] = {str(scorer): scorer for scorer in scorers}
    for kind, settings in points.items():
        candidates[f"cosine, {kind}"] = {name: cosine(x) for name, x in settings.items()}

    measured = {}
    choices = {name: [] for name in candidates}
    for seed in seeds:
        listeners = simulate_listeners(tracks, n_users, seed=seed)
        split = evaluate.random_split(heard_by(listeners, tracks), seed=stream + seed)
        scorers = unfitted(listeners, tracks, seed)
        for name, settings in candidates.items():
            best = chosen(name, settings, split, stream + seed)
            choices[name].append(best)
            scorers[name] = settings[best]
        for name, scorer in scorers.items():
            per_user = split.rank(scorer, k=[10, 20]).per_user[METRICS]
            measured.setdefault(name, []).append(per_user)
            log(f"seed {seed}: {name}, {per_user['Recall@20'].mean():.4f}")

    measured = {name: pd.concat(p, ignore_index=True) for name, p in measured.items()}
    records = []
    for name, per_user in measured.items():
        mean = evaluate.mean_interval(per_user)
        lead = evaluate.mean_interval(measured[of] - per_user)
        record = {"model": name, "tries": len(candidates.get(name, [name]))}
        for metric in METRICS:
            record[metric] = interval(mean, metric)
            title = f"{metric}: lead of the {of}"
            record[title] = "" if name == of else interval(lead, metric)
        records.append(record | {"chosen": "; ".join(choices.get(name, []))})
    return pd.DataFrame(records).set_index("model")


def unfitted(listeners, tracks, seed):
    """Recommenders without settings."""
    shape = len(listeners.profiles), len(tracks)
    return {
        "oracle": fixed(listeners.chance(tracks)),
        "random": fixed(np.random.default_rng(seed).random(shape)),
        "popularity": Popularity(),
    }


def chosen(name, settings, split, seed):
    """The setting with the highest recall on an inner split of the training pairs."""
    started = time.monotonic()
    best, _ = evaluate.select(settings, split.train, recall, seeds=(seed + 100,))
    log(f"seed {seed}: {name}, {best}, {time.monotonic() - started:.0f} s")
    return best


def recall(split, model):
    table = split.ranking(model, k=20, n_bootstrap=0)
    return table.set_index("metric")["mean"]["Recall@20"]
