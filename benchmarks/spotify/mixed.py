"""Tracks with all their columns in one model: features, genres, decade, key and so on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from benchmarks.spotify.embeddings import N_GENRES, macro_auc
from benchmarks.spotify.likelihood import lead_interval, likelihood_table
from benchmarks.spotify.machines import EPOCHS, log, named
from benchmarks.spotify.mixed_models import (
    CATEGORIES,
    ClassMixture,
    Machine,
    TimesMargins,
)
from rbm_lib.data import AudioFeatures
from rbm_lib.data.spotify import FEATURES

NUMBERS = [j for j, name in enumerate(FEATURES) if name not in CATEGORIES]
SHALLOW = "RBM, 16 units"
DEEP = "deep, 16-8"
MARGINS = "full Gaussian, margins"
CLASSES = "mixture, classes"
LOGISTIC = "logistic regression"

# Of each row all settings are fitted; the validation part chooses.
SIZES = {"diag": (20, 40, 60, 80), "full": (10, 15, 20, 30)}
MIXTURES = [(kind, n) for kind, sizes in SIZES.items() for n in sizes]
ROWS = {
    "mixture, margins": (TimesMargins, MIXTURES),
    CLASSES: (ClassMixture, MIXTURES),
    "… as small as the RBM": (ClassMixture, [("diag", 15), ("full", 8)]),
}
MACHINES = {
    SHALLOW: [{}, {"lr": 0.02}, {"center": True}, {"center": True, "lr": 0.02}],
    DEEP: [{}, {"first": True}, {"center": True}, {"center": True, "posterior": "gibbs"}],
}
REGRESSIONS = [{"degree": d, "C": c} for d in (1, 2) for c in (0.1, 1.0)]


@dataclass
class Part:
    """Rows of a part of the tracks; indicators have a pair of columns for each genre."""

    index: pd.Index
    numbers: np.ndarray  # standardised
    whitened: np.ndarray
    genres: np.ndarray
    rest: np.ndarray  # indicators of the categories

    @property
    def indicators(self):
        return np.hstack([self.genres, 1 - self.genres, self.rest])

    @property
    def states(self):
        columns = [self.whitened, self.genres, self.rest]
        return torch.as_tensor(np.hstack(columns), dtype=torch.float32)


def parts_of(tracks, seed):
    """(training, validation and test part, log-slope of the whitening).

    Only tracks with a genre take part: where there is none, it is not known.
    """
    tracks = tracks[tracks["genres"].str.len() > 0]
    order = np.random.default_rng(seed).permutation(len(tracks))
    cuts = [round(0.7 * len(order)), round(0.85 * len(order))]
    tables = [tracks.iloc[rows] for rows in np.split(order, cuts)]
    scale = AudioFeatures(whiten=False).fit(tables[0][list(FEATURES)])
    numbers = [scale.transform(table[list(FEATURES)])[:, NUMBERS] for table in tables]
    axes = PCA(whiten=True).fit(numbers[0])
    names = tables[0]["genres"].explode().value_counts().index[:N_GENRES]
    parts = []
    for table, x in zip(tables, numbers, strict=True):
        genres = np.array([[g in own for g in names] for own in table["genres"]])
        decade = (table["release_year"].astype(int) // 10 - 195).clip(0, 7)
        levels = table.assign(decade=decade)
        hot = [np.eye(n)[levels[name]] for name, n in CATEGORIES.items()]
        columns = x, axes.transform(x), genres * 1.0, np.hstack(hot)
        parts.append(Part(table.index, *columns))
    return parts, -0.5 * np.log(axes.explained_variance_).sum()


def candidates(slope, epochs) -> Iterator[tuple]:
    """(row of the table, setting, model to be fitted)"""
    for name, (make, settings) in ROWS.items():
        for kind, n in settings:
            yield name, f"{kind} {n}", make(kind, n)
    for name, settings in MACHINES.items():
        sizes = [16] if name == SHALLOW else [16, 8]
        for setting in settings:
            yield name, named(setting), Machine(sizes, slope, epochs, **setting)


def mixed_split(tracks, seed, epochs=EPOCHS):
    """(gains over full Gaussian and margins on the test part, settings tried, losses)."""
    (train, validation, test), slope = parts_of(tracks, seed)
    margins = TimesMargins("full", 1).fit(train)
    base = margins.log_prob(validation).mean()
    records = []
    best = {MARGINS: (0.0, margins)}
    for name, setting, model in candidates(slope, epochs):
        score = model.fit(train).log_prob(validation).mean() - base
        log(f"split {seed}: {name}, {setting}: {score:+.3f} on validation")
        record = {"model": name, "setting": setting, "split": seed, "validation": score}
        records.append(record | {"parameters": model.n_parameters})
        records[-1]["sd_h2"] = model.spread_of_h2(test) if name == DEEP else np.nan
        if name not in best or score > best[name][0]:
            best[name] = score, model
    models = {name: model for name, (_, model) in best.items()}
    gain = {name: m.log_prob(test) - margins.log_prob(test) for name, m in models.items()}
    genres = {name: models[name].genres(test) for name in (MARGINS, CLASSES, SHALLOW)}
    regression = chosen_regression(train, validation)
    genres[LOGISTIC] = regression.predict_proba(known_of(test))
    return pd.DataFrame(gain, index=test.index), pd.DataFrame(records), (test, genres)


def known_of(part):
    return np.hstack([part.numbers, part.rest])


def chosen_regression(train, validation):
    """One for each genre, on numbers, squares and products of them, and categories."""
    found = {}
    for setting in REGRESSIONS:
        powers = PolynomialFeatures(setting["degree"], include_bias=False)
        numbers = slice(0, train.numbers.shape[1])
        columns = ColumnTransformer([("numbers", powers, numbers)], remainder="passthrough")
        logistic = LogisticRegression(C=setting["C"], max_iter=1000)
        each = make_pipeline(StandardScaler(), logistic)
        model = make_pipeline(columns, OneVsRestClassifier(each))
        model.fit(known_of(train), train.genres)
        guess = model.predict_proba(known_of(validation))
        loss = log_loss(validation.genres, guess).mean()
        log(f"{LOGISTIC}, {named(setting)}: log-loss {loss:.4f} on validation")
        found[loss] = model
    return found[min(found)]


def log_loss(genres, prob):
    """Of each track the mean over genres."""
    prob = np.clip(prob, 1e-6, 1 - 1e-6)
    return -np.where(genres > 0, np.log(prob), np.log(1 - prob)).mean(1)


def genres_table(parts, of=SHALLOW):
    """Log-loss and macro-AUC of missing genres, with paired leads over tracks."""
    index = np.concatenate([part.index for part, _ in parts])
    truth = np.concatenate([part.genres for part, _ in parts])
    guesses = {
        name: np.concatenate([genres[name] for _, genres in parts]) for name in parts[0][1]
    }
    losses = {n: pd.Series(log_loss(truth, p), index) for n, p in guesses.items()}
    rows = []
    for name, loss in losses.items():
        lead, half = lead_interval(loss - losses[of])
        row = {"model": name, "log-loss": loss.mean().round(4)}
        row["macro-AUC"] = round(macro_auc(truth, guesses[name]), 3)
        row[f"lead of the {of}"] = "" if name == of else f"{lead:+.4f} ± {half:.4f}"
        rows.append(row)
    return pd.DataFrame(rows).set_index("model")


def mixed_tables(tracks, seeds):
    """(likelihood, missing genres, settings tried)"""
    gains, records, genres = zip(
        *[mixed_split(tracks, seed) for seed in seeds], strict=True
    )
    likelihood, settings = likelihood_table(list(zip(gains, records, strict=True)), SHALLOW)
    return likelihood, genres_table(genres), settings
