"""The tables of results on Spotify's tracks, from the data to the figures.

    python benchmarks/spotify.py               likelihood: gain over the full-covariance Gaussian, nats/track
    python benchmarks/spotify.py --top-n       recommendations for simulated listeners: Recall@20, NDCG@10
    python benchmarks/spotify.py --embeddings  genre and archetype from embeddings

Protocols. Likelihood: random 70/15/15 of the tracks, AudioFeatures fitted on the training part, test part
scored; exact log Z up to 20 odd hidden units, else AIS with 500 chains; se: standard error of the mean
paired difference over test tracks. Of the mixtures four of each kind are fitted, and the best on the validation
part is used; each RBM has one setting, 150 epochs, but for GRBM 64: 600 epochs at half the rate. The mixtures
are fitted on standardised features: on whitened ones they are worse. Recommendations: 1,000 simulated listeners,
per-listener random 80/20, tracks not heard compete; of each model four settings, and for each simulation the
best on an inner split of its training pairs; intervals 95 %, bootstrap over listeners. Genre: one-vs-rest logistic regression of the 15 most frequent
genres, five folds, artists kept together. Tables go to standard output, progress to standard error.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import FactorAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rbm_lib import DBM, PCD, RBM, Monitor, evaluate, fit, pretrain
from rbm_lib.baselines import EASE, IALS, Baseline, ItemKNN, Popularity
from rbm_lib.data import AudioFeatures, RatingMatrix, load_spotify, simulate_listeners
from rbm_lib.data.spotify import FEATURES
from rbm_lib.likelihood import ais_log_partition, exact_log_likelihood
from rbm_lib.recommend import cosine_scores, embed, preference, score_items
from rbm_lib.training import linear_decay

RECIPE = {
    "method": PCD(k=5, n_chains=256), "batch_size": 128, "optimizer": torch.optim.Adam, "lr": 0.01,
    "schedule": linear_decay(0.5), "epochs": 150, "progress": False, "callbacks": [Monitor(every=10**6)],
}  # fmt: skip
LIKES = {
    "batch_size": 50, "optimizer": torch.optim.Adam,
    "schedule": linear_decay(), "progress": False, "callbacks": [Monitor(every=10**6)],
}  # fmt: skip


def log(text):
    print(text, file=sys.stderr, flush=True)


# ---- likelihood -------------------------------------------------------------------------------------------


def grbm(rows, n_hidden, seed=0, **options):
    model = RBM(
        rows.shape[1], n_hidden, "gaussian", weight_std=0.2, seed=seed
    ).initialize_from(rows)
    fit(model, rows, generator=torch.Generator().manual_seed(seed), **RECIPE | options)
    return model


def gdbm(rows, sizes, seed=0, first=False, **settings):
    """A deep model; `first`: greedy pretraining for half as many epochs before the joint training.

    settings: of the joint training's PCD.
    """
    model = DBM(
        [rows.shape[1], *sizes], "gaussian", weight_std=0.2, seed=seed
    ).initialize_from(rows)
    generator = torch.Generator().manual_seed(seed)
    if first:
        pretrain(
            model, rows, generator=generator, **RECIPE | {"epochs": RECIPE["epochs"] // 2}
        )
    method = PCD(k=5, n_chains=256, **settings)
    fit(model, rows, generator=generator, **RECIPE | {"method": method})
    return model


MACHINES = {
    "GRBM 16": lambda rows: grbm(rows, 16),
    "GRBM 25": lambda rows: grbm(rows, 25),
    "GRBM 64": lambda rows: grbm(rows, 64, epochs=600, lr=0.005),
    "GDBM 16-8, plain": lambda rows: gdbm(rows, [16, 8]),
    "GDBM 16-8, pretrained": lambda rows: gdbm(rows, [16, 8], first=True),
    "GDBM 16-8, centred": lambda rows: gdbm(rows, [16, 8], center=True),
    "GDBM 16-8, centred, sampled posterior": lambda rows: gdbm(
        rows, [16, 8], center=True, posterior="gibbs"
    ),
}


def mixtures(seed):
    """Four Gaussian mixtures of each kind; the best on the validation part is used."""

    def made(n, kind, reg=1e-6):
        return GaussianMixture(
            n,
            covariance_type=kind,
            reg_covar=reg,
            n_init=2,
            random_state=seed,
            max_iter=300,
        )

    return {
        "diagonal": [made(n, "diag") for n in (20, 40, 60, 80)],
        "full": [made(n, "full", reg) for n, reg in ((10, 1e-6), (10, 0.01), (20, 0.01), (30, 0.01))],
    }  # fmt: skip


def log_prob(model, train, rows):
    """log p of each row, exact where the machine is small enough."""
    if model.n_odd <= 20:
        return exact_log_likelihood(model, rows).double().numpy()
    generator = torch.Generator().manual_seed(0)
    log_z = ais_log_partition(model, 500, 3000, generator, data=train).log_partition
    return (-model.free_energy(rows) - log_z).detach().double().numpy()


def likelihood_table(tracks, seeds, only=""):
    records = []
    for seed in seeds:
        place = np.random.default_rng(seed).permutation(len(tracks))
        parts = np.split(place, [round(0.7 * len(place)), round(0.85 * len(place))])
        features = AudioFeatures().fit(tracks.iloc[parts[0]][list(FEATURES)])
        plain = AudioFeatures(whiten=False).fit(tracks.iloc[parts[0]][list(FEATURES)])
        train, _, test = (features.transform(tracks.iloc[p][list(FEATURES)]) for p in parts)
        own, validation, held = (
            plain.transform(tracks.iloc[p][list(FEATURES)]) for p in parts
        )
        rows, test_rows = (torch.as_tensor(x, dtype=torch.float32) for x in (train, test))
        full = -0.5 * (test**2 + np.log(2 * np.pi)).sum(1)
        # Two coordinate systems: the slope of the whitening is what lies between their densities.
        slope = features.log_jacobian(tracks.iloc[parts[2]][list(FEATURES)])
        slope = slope - plain.log_jacobian(tracks.iloc[parts[2]][list(FEATURES)])
        gain = {
            "diagonal Gaussian": -0.5 * (held**2 + np.log(2 * np.pi)).sum(1) - slope - full,
            "factor analysis, 8": FactorAnalysis(8).fit(own).score_samples(held)
            - slope
            - full,
        }
        sizes, dead = {}, {}
        for name, candidates in mixtures(seed).items():
            fitted = [mixture.fit(own) for mixture in candidates]
            best = max(fitted, key=lambda mixture: mixture.score(validation))
            gain[f"mixture, {name}"] = best.score_samples(held) - slope - full
            n, d = best.n_components, own.shape[1]
            of_covariance = d if name == "diagonal" else d * (d + 1) // 2
            sizes[f"mixture, {name}"] = n * (1 + d + of_covariance) - 1
            log(
                f"split {seed}: mixture, {name}: {n} components, reg {best.reg_covar}, {gain[f'mixture, {name}'].mean():+.3f}"
            )
        for name, make in MACHINES.items():
            if only not in name:
                continue
            started = time.monotonic()
            model = make(rows)
            gain[name] = log_prob(model, rows, test_rows) - full
            sizes[name] = sum(p.numel() for p in model.parameters())
            if model.n_even:
                dead[name] = float(model.mean_field(test_rows).means[1].std(0).mean())
            log(
                f"split {seed}: {name} {gain[name].mean():+.3f}, {time.monotonic() - started:.0f} s"
            )
        for name, values in gain.items():
            error = values.std(ddof=1) / len(values) ** 0.5
            records.append(
                {"model": name, "parameters": sizes.get(name), "sd_h2": dead.get(name), "split": seed,
                 "gain": values.mean(), "se": error}
            )  # fmt: skip
    frame = pd.DataFrame(records)
    table = frame.pivot_table(index="model", columns="split", values="gain", sort=False)
    table["mean"] = table.mean(axis=1)
    rest = frame.groupby("model", sort=False)[["se", "parameters", "sd_h2"]].mean()
    return table.join(rest).round(3)


# ---- recommendations --------------------------------------------------------------------------------------


def matrix(listeners, tracks):
    heard = listeners.interactions
    ones = np.ones(len(heard), dtype=int)
    users, items = (
        listeners.profiles["user_id"].to_numpy(),
        tracks["track_uri"].to_numpy(dtype=object),
    )
    return RatingMatrix(
        heard["user_id"].to_numpy(), heard["track_uri"].to_numpy(dtype=object), ones,
        n_levels=2, user_ids=users, item_ids=items,
    )  # fmt: skip


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
        own = {"lr": self.lr, "weight_decay": self.weight_decay, "epochs": self.epochs}
        fit(model, rows, generator=torch.Generator().manual_seed(0), **LIKES | own)
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


def recall(split, model):
    table = split.ranking(model, k=20, n_bootstrap=0)
    return table.set_index("metric")["mean"]["Recall@20"]


def top_n_table(tracks, seeds, against="EASE"):
    features = AudioFeatures().fit(tracks[list(FEATURES)])
    coordinates = torch.as_tensor(
        features.transform(tracks[list(FEATURES)]), dtype=torch.float32
    )
    raw = StandardScaler().fit_transform(tracks[list(FEATURES)])
    large = grbm(coordinates, 64)
    deep = MACHINES["GDBM 16-8, centred, sampled posterior"](coordinates)
    embeddings = {
        "raw features": torch.as_tensor(raw),
        "GRBM 64": embed(large, coordinates).double(),
        "GDBM h1": embed(deep, coordinates, layer=1).double(),
    }
    frames, choices = {}, {}
    for seed in seeds:
        listeners = simulate_listeners(tracks, seed=seed)
        split = evaluate.random_split(matrix(listeners, tracks), seed=seed)
        noise = np.random.default_rng(seed).random((len(listeners.profiles), len(tracks)))
        chance = listeners.chance(tracks)
        scorers = {
            "oracle": Given(lambda likes, chance=chance: chance),
            "random": Given(lambda likes, noise=noise: noise),
            "popularity": Popularity(),
        }
        for name, candidates in CANDIDATES.items():
            best, _ = evaluate.select(
                dict(enumerate(candidates)), split.train, recall, seeds=(seed + 100,)
            )
            scorers[name] = candidates[best]
            choices.setdefault(name, []).append(str(candidates[best]))
        for name, points in embeddings.items():
            scorers[f"cosine, {name}"] = Given(
                lambda likes, p=points: cosine_scores(preference(p, likes), p)
            )
        for name, scorer in scorers.items():
            started = time.monotonic()
            per_user = split.rank(scorer, k=[10, 20]).per_user[["Recall@20", "NDCG@10"]]
            frames.setdefault(name, []).append(per_user)
            log(f"seed {seed}: {name}, {time.monotonic() - started:.0f} s")
    records = []
    for name, parts in frames.items():
        # Each simulation has listeners of its own.
        mean = evaluate.mean_interval(pd.concat(parts, ignore_index=True)).set_index(
            "metric"
        )
        gaps = [own - other for own, other in zip(parts, frames[against], strict=True)]
        lead = evaluate.mean_interval(pd.concat(gaps, ignore_index=True)).set_index(
            "metric"
        )
        record = {"model": name}
        for metric in ("Recall@20", "NDCG@10"):
            record[metric] = interval(mean.loc[metric])
            record[f"{metric} beyond {against}"] = interval(lead.loc[metric])
        records.append(record | {"chosen": "; ".join(choices.get(name, []))})
    return pd.DataFrame(records).set_index("model")


def interval(row):
    return f"{row['mean']:.4f} [{row.low:.4f}, {row.high:.4f}]"


# ---- what embeddings know ---------------------------------------------------------------------------------


def embedding_table(tracks, seed=0):
    features = AudioFeatures().fit(tracks[list(FEATURES)])
    coordinates = torch.as_tensor(
        features.transform(tracks[list(FEATURES)]), dtype=torch.float32
    )
    points = {
        "raw features": StandardScaler().fit_transform(tracks[list(FEATURES)]),
        "AudioFeatures": coordinates.numpy(),
    }
    for n in (16, 64):
        points[f"GRBM {n}"] = embed(grbm(coordinates, n), coordinates).numpy()
    deep = MACHINES["GDBM 16-8, centred, sampled posterior"](coordinates)
    points["GDBM h1"] = embed(deep, coordinates, layer=1).numpy()
    points["GDBM h1, h2"] = embed(deep, coordinates).numpy()
    points["GDBM h2"] = embed(deep, coordinates, layer=2).numpy()
    listeners = simulate_listeners(tracks, seed=seed)
    heard = matrix(listeners, tracks).rated()
    archetype = listeners.profiles["archetype"].to_numpy()
    genre = tracks["genres"].explode().value_counts().index[:15]
    labels = np.array([[g in own for g in genre] for own in tracks["genres"]])
    known = labels.any(1)
    artist = tracks["artists"].str[0].to_numpy()
    records = []
    for name, x in points.items():
        count = heard.sum(axis=1)[:, None]
        mean = heard.astype(float) @ x / count
        sd = np.sqrt(np.maximum(heard.astype(float) @ x**2 / count - mean**2, 0))
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        guess = cross_val_predict(model, np.hstack([mean, sd]), archetype, cv=folds)
        one = OneVsRestClassifier(
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        )
        prob = cross_val_predict(
            one, x[known], labels[known].astype(int), groups=artist[known], cv=GroupKFold(5),
            method="predict_proba",
        )  # fmt: skip
        records.append(
            {"embedding": name, "numbers": x.shape[1], "archetype accuracy": (guess == archetype).mean(),
             "genre macro-AUC": roc_auc_score(labels[known], prob, average="macro")}
        )  # fmt: skip
        log(records[-1])
    majority = pd.Series(archetype).value_counts(normalize=True).iloc[0]
    records.append(
        {
            "embedding": "nothing",
            "numbers": 0,
            "archetype accuracy": majority,
            "genre macro-AUC": 0.5,
        }
    )
    return pd.DataFrame(records).round(3).to_string(index=False)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--top-n", action="store_true", help="the recommendations instead")
    parser.add_argument(
        "--embeddings", action="store_true", help="genre and archetype instead"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2, 3], help="random splits"
    )
    parser.add_argument(
        "--only", default="", help="likelihood: only machines whose name holds this text"
    )
    args = parser.parse_args()
    data = load_spotify(verbose=False)
    print(data.origin)
    pd.set_option(
        "display.width",
        400,
        "display.max_columns",
        20,
        "display.max_colwidth",
        200,
        "display.max_rows",
        500,
    )
    if args.top_n:
        print(
            f"Recommendations, splits {args.seeds}:\n{top_n_table(data.tracks, args.seeds)}"
        )
    elif args.embeddings:
        print(embedding_table(data.tracks))
    else:
        print(
            f"Gain over the full-covariance Gaussian, nats per test track, splits {args.seeds}:"
        )
        print(likelihood_table(data.tracks, args.seeds, args.only))


if __name__ == "__main__":
    main()
