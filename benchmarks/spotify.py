"""The tables of results on Spotify's tracks, from the data to the figures.

    python benchmarks/spotify.py               likelihood: gain over the full-covariance Gaussian, nats/track
    python benchmarks/spotify.py --top-n       recommendations for simulated listeners: Recall@20, NDCG@10
    python benchmarks/spotify.py --embeddings  genre and archetype from embeddings
    python benchmarks/spotify.py --tune        the RBM on interactions: settings on inner splits

Protocols. Likelihood: random 70/15/15 of the tracks, AudioFeatures fitted on the training part, test part
scored; exact log Z up to 20 odd hidden units, else AIS with 500 chains; se: standard error of the mean
paired difference over test tracks. The mixtures are fitted on standardised features: on whitened ones they
are worse. Recommendations: 1,000 simulated listeners, per-listener random 80/20, tracks not heard compete;
intervals 95 %, bootstrap over listeners. Genre: one-vs-rest logistic regression of the 15 most frequent
genres, five folds, artists kept together. Tables go to standard output, progress to standard error.
"""

import argparse
import sys
import time

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

from rbm_lib import DBM, PCD, RBM, Monitor, baselines, evaluate, fit, pretrain
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
    "batch_size": 50, "lr": 0.005, "weight_decay": 3e-4, "epochs": 40, "optimizer": torch.optim.Adam,
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
        own, _, held = (plain.transform(tracks.iloc[p][list(FEATURES)]) for p in parts)
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
        for name, n, kind in (("20 diagonal", 20, "diag"), ("10 full", 10, "full")):
            mixture = GaussianMixture(
                n, covariance_type=kind, n_init=5, random_state=seed, max_iter=300
            )
            gain[f"mixture of {name}"] = mixture.fit(own).score_samples(held) - slope - full
        sizes, dead = {}, {}
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


def like_rbm(likes, n_hidden=200, seed=0, **settings):
    """Scores of a binary RBM on whole rows: heard or not."""
    rows = torch.as_tensor(likes.rated().toarray(), dtype=torch.float32)
    model = RBM(rows.shape[1], n_hidden, seed=seed).initialize_from(rows)
    fit(model, rows, generator=torch.Generator().manual_seed(seed), **LIKES | settings)
    return score_items(model, rows)


def top_n_table(tracks, seeds):
    features = AudioFeatures().fit(tracks[list(FEATURES)])
    coordinates = torch.as_tensor(
        features.transform(tracks[list(FEATURES)]), dtype=torch.float32
    )
    raw = StandardScaler().fit_transform(tracks[list(FEATURES)])
    small, large, deep = (
        grbm(coordinates, 16),
        grbm(coordinates, 64),
        MACHINES["GDBM 16-8, centred, sampled posterior"](coordinates),
    )
    embeddings = {
        "raw features": torch.as_tensor(raw),
        "AudioFeatures": coordinates.double(),
        "GRBM 16": embed(small, coordinates).double(),
        "GRBM 64": embed(large, coordinates).double(),
        "GDBM h1": embed(deep, coordinates, layer=1).double(),
    }
    frames = []
    for seed in seeds:
        listeners = simulate_listeners(tracks, seed=seed)
        split = evaluate.random_split(matrix(listeners, tracks), seed=seed)
        noise = np.random.default_rng(seed).random((len(listeners.profiles), len(tracks)))
        scorers = {
            "oracle": lambda likes, listeners=listeners, noise=noise: (
                listeners.chance(tracks) + 1e-6 * noise
            ),
            "random": lambda likes, noise=noise: noise,
            "popularity": baselines.popularity,
            "ItemKNN": lambda likes: baselines.item_knn(likes, 1000, 0.0),
            "EASE": lambda likes: baselines.ease(likes, 100.0),
            "RBM on interactions": like_rbm,
        }
        for name, points in embeddings.items():
            scorers[f"cosine, {name}"] = lambda likes, p=points: cosine_scores(
                preference(p, likes), p
            ).numpy()
        for name, scorer in scorers.items():
            started = time.monotonic()
            table = split.ranking(scorer, k=[10, 20])
            log(f"seed {seed}: {name}, {time.monotonic() - started:.0f} s")
            frames.append(table.assign(model=name, seed=seed))
    frame = pd.concat(frames)
    wanted = frame[frame["metric"].isin(["Recall@20", "NDCG@10"])]
    table = wanted.pivot_table(
        index="model", columns="metric", values=["mean", "low", "high"], sort=False
    )
    return table.swaplevel(axis=1).sort_index(axis=1, ascending=[False, False]).round(4)


def tune_table(tracks, seeds):
    """Recall@20 on inner 80/20 splits of the training pairs; no held-out pair takes part."""
    settings = {
        "200 hidden": {},
        "100 hidden": {"n_hidden": 100},
        "100 hidden, rate .01, decay 1e-4": {"n_hidden": 100, "lr": 0.01, "weight_decay": 1e-4},
        "100 hidden, decay 1e-4": {"n_hidden": 100, "weight_decay": 1e-4},
        "100 hidden, rate .01, decay 1e-4, 25 epochs": {
            "n_hidden": 100, "lr": 0.01, "weight_decay": 1e-4, "epochs": 25,
        },
        "SGD, rate .05, decay 3e-3": {"n_hidden": 100, "optimizer": None, "lr": 0.05, "weight_decay": 3e-3},
    }  # fmt: skip
    frames = []
    for seed in seeds:
        outer = evaluate.random_split(
            matrix(simulate_listeners(tracks, seed=seed), tracks), seed=seed
        )
        inner = evaluate.random_split(outer.train, seed=seed + 100)
        for name, chosen in settings.items():
            table = inner.ranking(
                lambda likes, c=chosen: like_rbm(likes, **c), k=20, n_bootstrap=0
            )
            value = table.set_index("metric")["mean"]["Recall@20"]
            log(f"seed {seed}: {name} {value:.4f}")
            frames.append({"settings": name, "seed": seed, "Recall@20": value})
    table = pd.DataFrame(frames).pivot_table(
        index="settings", columns="seed", values="Recall@20", sort=False
    )
    table["mean"] = table.mean(axis=1)
    return table.round(4)


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
        "--tune", action="store_true", help="settings on inner splits instead"
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
    pd.set_option("display.width", 250, "display.max_columns", 20, "display.max_rows", 500)
    if args.top_n:
        print(
            f"Recommendations, splits {args.seeds}:\n{top_n_table(data.tracks, args.seeds)}"
        )
    elif args.tune:
        print(
            f"Inner splits, Recall@20, seeds {args.seeds}:\n{tune_table(data.tracks, args.seeds)}"
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
