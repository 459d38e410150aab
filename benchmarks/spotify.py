"""The tables of results on Spotify's tracks, from the data to the figures.

    python benchmarks/spotify.py               likelihood: gain over the full-covariance Gaussian, nats/track
    python benchmarks/spotify.py --top-n       recommendations for simulated listeners: Recall@20, NDCG@10
    python benchmarks/spotify.py --embeddings  genre and archetype from embeddings

Protocols. Likelihood: random 70/15/15 of the tracks, AudioFeatures fitted on the training part, test part
scored; exact log Z where the first hidden layer has at most 20 units, else AIS with 500 chains. Factor analysis,
mixtures of each kind, RBM and deep model: four settings of each, the best on the validation part is used; all
machines train for 120 epochs. A lead is the mean paired difference, with a 95 % interval over test tracks. Mixtures
are fitted on standardised features: on whitened ones they are worse. Recommendations: 1,000 simulated listeners,
per-listener random 80/20, tracks not heard compete; of each row four settings, and for each simulation the best on
an inner split of its training pairs; songs as points have four settings too, the RBM's those of the likelihood
table; leads are paired, with 95 % intervals by a bootstrap over listeners. Embeddings: logistic regression, five
folds, for each fold the best of four settings on a fifth of its training part; the archetype of a listener from
mean and spread of the songs heard, with intervals over listeners; the 15 most frequent genres of a song, artists
kept together, with intervals over artists. Tables go to standard output, progress to standard error.
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
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    StratifiedKFold,
    train_test_split,
)
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
    "method": PCD(k=5, n_chains=256), "batch_size": 256, "optimizer": torch.optim.Adam, "lr": 0.01,
    "schedule": linear_decay(0.5), "epochs": 120, "progress": False, "callbacks": [Monitor(every=10**6)],
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


def gdbm(rows, sizes, seed=0, first=False, **options):
    """A deep model; `first`: greedy pretraining for half as many epochs before the joint training.

    options: `center` and `posterior` are those of PCD, others those of `fit`.
    """
    model = DBM(
        [rows.shape[1], *sizes], "gaussian", weight_std=0.2, seed=seed
    ).initialize_from(rows)
    generator = torch.Generator().manual_seed(seed)
    settings = {
        name: options.pop(name) for name in ("center", "posterior") if name in options
    }
    recipe = RECIPE | options
    if first:
        pretrain(
            model, rows, generator=generator, **recipe | {"epochs": recipe["epochs"] // 2}
        )
    method = PCD(k=5, n_chains=256, **settings)
    fit(model, rows, generator=generator, **recipe | {"method": method})
    return model


SAMPLED = {"center": True, "posterior": "gibbs"}
# Of each row of the likelihood table four settings are fitted; the validation part chooses.
MIXTURES = {
    "diagonal": [{"n_components": n} for n in (20, 40, 60, 80)],
    "full": [
        {"n_components": n, "reg_covar": reg}
        for n, reg in ((10, 1e-6), (10, 0.01), (20, 0.01), (30, 0.01))
    ],
}
MACHINES = {
    RBM: [
        {"n_hidden": 25},
        {"n_hidden": 64},
        {"n_hidden": 64, "lr": 0.02},
        {"n_hidden": 100},
    ],
    DBM: [{}, {"first": True}, {"center": True}, SAMPLED],
}


@dataclass
class Candidate:
    """A fitted density: log p of rows of the validation part and of the test part."""

    model: str
    setting: str
    parameters: int
    validation: np.ndarray
    test: Callable
    sd_h2: float = np.nan


def mixtures(seed, own, validation, held):
    n_features = own.shape[1]
    for n_factors in (2, 4, 6, 8):
        fitted = FactorAnalysis(n_factors).fit(own)
        yield Candidate(
            "factor analysis", f"n_components={n_factors}", n_features * (n_factors + 2),
            fitted.score_samples(validation), lambda f=fitted: f.score_samples(held),
        )  # fmt: skip
    for kind, settings in MIXTURES.items():
        for setting in settings:
            fitted = GaussianMixture(
                covariance_type=kind[:4],
                n_init=2,
                random_state=seed,
                max_iter=300,
                **setting,
            ).fit(own)
            of_covariance = (
                n_features if kind == "diagonal" else n_features * (n_features + 1) // 2
            )
            yield Candidate(
                f"mixture, {kind}", named(setting),
                fitted.n_components * (1 + n_features + of_covariance) - 1,
                fitted.score_samples(validation), lambda f=fitted: f.score_samples(held),
            )  # fmt: skip


def machines(rows, validation, held, epochs):
    options = {"epochs": epochs}
    for kind, settings in MACHINES.items():
        for setting in settings:
            if kind is RBM:
                name, model = "Gaussian RBM", grbm(rows, **options | setting)
            else:
                name, model = "deep, 16-8", gdbm(rows, [16, 8], **options | setting)
            found = Candidate(
                name, named(setting), sum(p.numel() for p in model.parameters()),
                log_prob(model, rows, validation, n_steps=1000),
                lambda m=model: log_prob(m, rows, held, n_steps=3000),
            )  # fmt: skip
            if kind is DBM:
                found.sd_h2 = float(model.mean_field(held).means[1].std(0).mean())
            yield found


def named(setting):
    return ", ".join(f"{name}={value}" for name, value in setting.items()) or "plain"


def log_prob(model, train, rows, n_steps):
    """log p of each row, exact where the machine is small enough."""
    first = model.n_hidden if isinstance(model, RBM) else model.sizes[1]
    if first <= 20:
        return exact_log_likelihood(model, rows).double().numpy()
    generator = torch.Generator().manual_seed(0)
    log_z = ais_log_partition(model, 500, n_steps, generator, data=train).log_partition
    return (-model.free_energy(rows) - log_z).detach().double().numpy()


def standard_normal(rows):
    return -0.5 * (rows**2 + np.log(2 * np.pi)).sum(1)


def likelihood_split(tracks, seed, epochs=RECIPE["epochs"]):
    """(gains on the test part by model, a column each; one row for each setting tried)"""
    place = np.random.default_rng(seed).permutation(len(tracks))
    parts = np.split(place, [round(0.7 * len(place)), round(0.85 * len(place))])
    tables = [tracks.iloc[part][list(FEATURES)] for part in parts]
    features = AudioFeatures().fit(tables[0])
    plain = AudioFeatures(whiten=False).fit(tables[0])
    whitened = [features.transform(table) for table in tables]
    own = [plain.transform(table) for table in tables]
    rows = [torch.as_tensor(x, dtype=torch.float32) for x in whitened]
    # Two coordinate systems: the slope of the whitening is what lies between their densities.
    slopes = [features.log_jacobian(t) - plain.log_jacobian(t) for t in tables]
    full = [standard_normal(x) for x in whitened]

    gain = {"diagonal Gaussian": standard_normal(own[2]) - slopes[2] - full[2]}
    records, best = [], {}
    for group, slope in (
        (mixtures(seed, *own), slopes),
        (machines(*rows, epochs), [0, 0, 0]),
    ):
        for found in group:
            score = (found.validation - slope[1] - full[1]).mean()
            records.append(
                {"model": found.model, "setting": found.setting, "split": seed,
                 "parameters": found.parameters, "validation": score, "sd_h2": found.sd_h2}
            )  # fmt: skip
            log(f"split {seed}: {found.model}, {found.setting}: {score:+.3f} on validation")
            if found.model not in best or score > best[found.model][0]:
                best[found.model] = score, found, slope[2]
            if found.model == "Gaussian RBM" and found.setting == "n_hidden=25":
                best["… that with 25 units alone"] = score, found, 0
    for name, (_, found, slope) in best.items():
        gain[name] = found.test() - slope - full[2]
        log(f"split {seed}: {name}, {found.setting}: {gain[name].mean():+.3f}")
    return pd.DataFrame(gain, index=parts[2]), pd.DataFrame(records)


def lead_interval(differences):
    """Mean, and half a 95 % interval over tracks, each with all splits that test it."""
    mean = differences.mean()
    of_track = (differences - mean).groupby(level=0).sum()
    return mean, 1.96 * (of_track**2).sum() ** 0.5 / len(differences)


def likelihood_table(splits, of="Gaussian RBM"):
    """splits: what `likelihood_split` returned for each."""
    gains = pd.concat([gain for gain, _ in splits])
    tried = pd.concat([records for _, records in splits])
    n_tried = tried.groupby("model")["setting"].nunique()
    rows = []
    for name in gains.columns:
        lead, half = lead_interval(gains[of] - gains[name])
        rows.append(
            {"model": name, "tries": n_tried.get(name, 1),
             **{f"split {part['split'].iloc[0]}": gain[name].mean() for gain, part in splits},
             "mean": np.mean([gain[name].mean() for gain, _ in splits]),
             f"lead of the {of}": "" if name == of else f"{lead:+.3f} ± {half:.3f}"}
        )  # fmt: skip
    best = tried.loc[
        tried.groupby(["split", "model"])["validation"].transform("max")
        == tried["validation"]
    ]
    settings = tried.groupby(["model", "setting"], sort=False)[
        ["parameters", "validation", "sd_h2"]
    ].mean()
    settings["chosen"] = best.groupby(["model", "setting"]).size()
    settings = settings.fillna({"chosen": 0}).astype({"chosen": int, "parameters": int})
    return pd.DataFrame(rows).set_index("model").round(3), settings.round(3)


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


def song_points(tracks, **options):
    """Songs as points, (n_tracks, n), of each kind by four settings."""
    table = tracks[list(FEATURES)]
    whitened = AudioFeatures().fit(table).transform(table)
    plain = AudioFeatures(whiten=False).fit(table).transform(table)
    rows = torch.as_tensor(whitened, dtype=torch.float32)
    features = {
        "standardised": StandardScaler().fit_transform(table),
        "ranks": table.rank(pct=True).to_numpy() - 0.5,
        "AudioFeatures, not whitened": plain,
        "AudioFeatures": whitened,
    }
    shallow, deep = {}, {}
    for setting in MACHINES[RBM]:
        shallow[named(setting)] = embed(grbm(rows, **options | setting), rows)
        log(f"Gaussian RBM, {named(setting)}: trained")
    for setting in ({}, SAMPLED):
        model = gdbm(rows, [16, 8], **options | setting)
        deep[f"{named(setting)}, layer 1"] = embed(model, rows, layer=1)
        deep[f"{named(setting)}, both layers"] = embed(model, rows)
        log(f"deep, 16-8, {named(setting)}: trained")
    kinds = {"features": features, "Gaussian RBM": shallow, "deep, 16-8": deep}
    return {
        kind: {name: np.asarray(x, dtype=np.float64) for name, x in points.items()}
        for kind, points in kinds.items()
    }


def cosine(points):
    """A recommender: the cosine with the mean of the songs that one has heard."""
    x = torch.as_tensor(points)
    return Given(lambda likes: cosine_scores(preference(x, likes), x))


def recall(split, model):
    table = split.ranking(model, k=20, n_bootstrap=0)
    return table.set_index("metric")["mean"]["Recall@20"]


def top_n_table(tracks, seeds, points, of="RBM on interactions"):
    candidates = {
        name: {str(scorer): scorer for scorer in scorers}
        for name, scorers in CANDIDATES.items()
    }
    for kind, settings in points.items():
        candidates[f"cosine, {kind}"] = {name: cosine(x) for name, x in settings.items()}
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
        for name, settings in candidates.items():
            started = time.monotonic()
            best, _ = evaluate.select(settings, split.train, recall, seeds=(seed + 100,))
            scorers[name] = settings[best]
            choices.setdefault(name, []).append(best)
            log(f"seed {seed}: {name}, {best}, {time.monotonic() - started:.0f} s")
        for name, scorer in scorers.items():
            per_user = split.rank(scorer, k=[10, 20]).per_user[["Recall@20", "NDCG@10"]]
            frames.setdefault(name, []).append(per_user)
    records = []
    for name, parts in frames.items():
        # Each simulation has listeners of its own.
        mean = evaluate.mean_interval(pd.concat(parts, ignore_index=True))
        gaps = [own - other for own, other in zip(frames[of], parts, strict=True)]
        lead = evaluate.mean_interval(pd.concat(gaps, ignore_index=True))
        record = {"model": name, "tries": len(candidates.get(name, [name]))}
        for metric in ("Recall@20", "NDCG@10"):
            record[metric] = interval(mean, metric)
            record[f"{metric}: lead of the {of}"] = (
                "" if name == of else interval(lead, metric)
            )
        records.append(record | {"chosen": "; ".join(choices.get(name, []))})
    return pd.DataFrame(records).set_index("model")


def interval(table, metric):
    row = table.set_index("metric").loc[metric]
    return f"{row['mean']:.4f} [{row.low:.4f}, {row.high:.4f}]"


# ---- what embeddings know ---------------------------------------------------------------------------------


def classifier(several=False):
    """A logistic regression; `several`: one for each column of the labels."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return OneVsRestClassifier(model) if several else model


def macro_auc(labels, prob):
    """The mean AUC of the labels, without those that all rows have, or none."""
    both = labels.any(0) & ~labels.all(0)
    return roc_auc_score(labels[:, both], prob[:, both], average="macro")


def weighted_macro_auc(labels, prob):
    """The same as a function of the rows' weights, for many of them; ties are rare."""
    order = prob.argsort(0)
    positive = np.take_along_axis(labels, order, 0)

    def auc(weight):
        own = weight[order] * positive
        below = np.cumsum(weight[order] * (1 - positive), 0)
        pairs = own.sum(0) * below[-1]
        both = pairs > 0
        return ((own * below).sum(0)[both] / pairs[both]).mean()

    return auc


def out_of_fold(points, labels, folds, inner_split, score):
    """Predictions for all rows, and the setting chosen for each fold.

    `inner_split` cuts rows of a training part in two: four settings are fitted to the
    first, and `score` on the second chooses. The best is fitted to the whole part.
    """
    several = labels.ndim == 2
    predicted, chosen = np.empty(labels.shape, dtype=float if several else labels.dtype), []

    def predict(x, train, test):
        model = classifier(several).fit(x[train], labels[train])
        return model.predict_proba(x[test]) if several else model.predict(x[test])

    for train, test in folds:
        own, held = inner_split(train)
        scores = {
            name: score(labels[held], predict(x, own, held)) for name, x in points.items()
        }
        best = max(scores, key=scores.__getitem__)
        predicted[test] = predict(points[best], train, test)
        chosen.append(best)
    return predicted, chosen


def archetypes_table(listeners, heard, points, of, seed=0):
    archetype = listeners.profiles["archetype"].to_numpy(dtype=object)
    share = heard.astype(float) / heard.sum(axis=1)[:, None]
    correct, chosen = {}, {}
    for kind, settings in points.items():
        described = {}
        for name, x in settings.items():
            mean = share @ x
            sd = np.sqrt(np.maximum(share @ x**2 - mean**2, 0))
            described[name] = np.hstack([mean, sd])
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        guess, chosen[kind] = out_of_fold(
            described, archetype, folds.split(archetype, archetype),
            lambda rows: train_test_split(
                rows, test_size=0.2, random_state=seed, stratify=archetype[rows]
            ),
            lambda label, guess: (label == guess).mean(),
        )  # fmt: skip
        correct[kind] = (guess == archetype).astype(float)
        log(f"archetype: {kind}, {correct[kind].mean():.3f}")
    records = []
    for kind, own in correct.items():
        both = pd.DataFrame({"accuracy": own, "lead": correct[of] - own})
        table = evaluate.mean_interval(both)
        records.append(
            {"points": kind, "tries": len(points[kind]), "accuracy": interval(table, "accuracy"),
             f"lead of the {of}": "" if kind == of else interval(table, "lead"),
             "chosen": "; ".join(chosen[kind])}
        )  # fmt: skip
    majority = pd.Series(archetype).value_counts(normalize=True).iloc[0]
    records.append({"points": "majority", "tries": 1, "accuracy": f"{majority:.4f}"})
    return pd.DataFrame(records).fillna("").set_index("points")


def genres_table(tracks, points, of, n_bootstrap=1000):
    genre = tracks["genres"].explode().value_counts().index[:15]
    labels = np.array([[g in own for g in genre] for own in tracks["genres"]]).astype(int)
    known = labels.any(1)
    labels = labels[known]
    artist = pd.factorize(tracks["artists"].str[0].to_numpy()[known])[0]

    def inner_split(rows):
        cut = GroupShuffleSplit(1, test_size=0.2, random_state=0)
        return [rows[part] for part in next(cut.split(rows, groups=artist[rows]))]

    prob, chosen = {}, {}
    for kind, settings in points.items():
        own = {name: x[known] for name, x in settings.items()}
        folds = GroupKFold(5).split(labels, groups=artist)
        prob[kind], chosen[kind] = out_of_fold(own, labels, folds, inner_split, macro_auc)
        log(f"genre: {kind}, {macro_auc(labels, prob[kind]):.3f}")
    rng = np.random.default_rng(0)
    n_artists = artist.max() + 1
    aucs = {kind: weighted_macro_auc(labels, p) for kind, p in prob.items()}
    resampled = []
    for _ in range(n_bootstrap):
        times = np.bincount(rng.integers(n_artists, size=n_artists), minlength=n_artists)
        resampled.append({kind: auc(times[artist]) for kind, auc in aucs.items()})
    resampled = pd.DataFrame(resampled)
    records = []
    for kind, p in prob.items():
        record = {"points": kind, "tries": len(points[kind])}
        record["macro-AUC"] = between(macro_auc(labels, p), resampled[kind])
        gap = macro_auc(labels, prob[of]) - macro_auc(labels, p)
        lead = between(gap, resampled[of] - resampled[kind])
        record[f"lead of the {of}"] = "" if kind == of else lead
        records.append(record | {"chosen": "; ".join(chosen[kind])})
    return pd.DataFrame(records).set_index("points")


def between(value, resampled):
    low, high = np.quantile(resampled, [0.025, 0.975])
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def embedding_tables(tracks, points, seed=0, of="Gaussian RBM"):
    listeners = simulate_listeners(tracks, seed=seed)
    heard = matrix(listeners, tracks).rated()
    archetypes = archetypes_table(listeners, heard, points, of, seed)
    return archetypes, genres_table(tracks, points, of)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--top-n", action="store_true", help="the recommendations instead")
    parser.add_argument(
        "--embeddings", action="store_true", help="genre and archetype instead"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+",
        help="random splits; default: 0, of recommendations 0 to 3",
    )  # fmt: skip
    args = parser.parse_args()
    seeds = args.seeds or ([0, 1, 2, 3] if args.top_n else [0])
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
        table = top_n_table(data.tracks, seeds, song_points(data.tracks))
        print(f"Recommendations, splits {seeds}:\n{table}")
    elif args.embeddings:
        archetypes, genres = embedding_tables(
            data.tracks, song_points(data.tracks), seeds[0]
        )
        print(f"Archetype of a listener:\n{archetypes}\n\nGenre of a track:\n{genres}")
    else:
        print(
            f"Gain over the full-covariance Gaussian, nats per test track, splits {seeds}:"
        )
        splits = [likelihood_split(data.tracks, seed) for seed in seeds]
        table, settings = likelihood_table(splits)
        print(f"{table}\n\nSettings tried, mean gain on the validation part:\n{settings}")


if __name__ == "__main__":
    main()
