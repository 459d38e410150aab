"""What songs as points say about the archetype of a listener and the genre of a song."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    StratifiedKFold,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.spotify.machines import SHALLOW, log
from benchmarks.spotify.songs import heard_by, interval
from rbm_lib import evaluate
from rbm_lib.data import simulate_listeners
from rbm_lib.recommend.bootstrap import bootstrap

N_GENRES = 15  # the most frequent ones


def embedding_tables(tracks, points, seed=0, of=SHALLOW):
    """(archetypes of listeners, genres of songs)"""
    listeners = simulate_listeners(tracks, seed=seed)
    heard = heard_by(listeners, tracks).rated()
    archetypes = archetypes_table(listeners, heard, points, of, seed)
    return archetypes, genres_table(tracks, points, of)


def archetypes_table(listeners, heard, points, of, seed=0):
    """Accuracy by mean and spread of the songs heard; intervals are over listeners."""
    archetype = listeners.profiles["archetype"].to_numpy(dtype=object)
    share = heard.astype(float) / heard.sum(axis=1)[:, None]

    def inner_split(rows):
        return train_test_split(
            rows, test_size=0.2, random_state=seed, stratify=archetype[rows]
        )

    correct = {}
    chosen = {}
    for kind, settings in points.items():
        described = {name: mean_and_spread(share, x) for name, x in settings.items()}
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        folds = folds.split(archetype, archetype)
        guess, chosen[kind] = out_of_fold(
            described, archetype, folds, inner_split, accuracy
        )
        correct[kind] = (guess == archetype).astype(float)
        log(f"archetype: {kind}, {correct[kind].mean():.3f}")

    records = []
    for kind, own in correct.items():
        both = pd.DataFrame({"accuracy": own, "lead": correct[of] - own})
        table = evaluate.mean_interval(both)
        record = {"points": kind, "tries": len(points[kind])}
        record["accuracy"] = interval(table, "accuracy")
        record[f"lead of the {of}"] = "" if kind == of else interval(table, "lead")
        records.append(record | {"chosen": "; ".join(chosen[kind])})
    majority = pd.Series(archetype).value_counts(normalize=True).iloc[0]
    records.append({"points": "majority", "tries": 1, "accuracy": f"{majority:.4f}"})
    return pd.DataFrame(records).fillna("").set_index("points")


def mean_and_spread(share, x):
    """Of the points x of the songs that each listener heard, with these shares."""
    mean = share @ x
    sd = np.sqrt(np.maximum(share @ x**2 - mean**2, 0))
    return np.hstack([mean, sd])


def accuracy(label, guess):
    return (label == guess).mean()


def genres_table(tracks, points, of, n_bootstrap=1000):
    """Mean AUC over genres; artists are kept together, and intervals are over them."""
    genre = tracks["genres"].explode().value_counts().index[:N_GENRES]
    labels = np.array([[g in own for g in genre] for own in tracks["genres"]]).astype(int)
    known = labels.any(1)
    labels = labels[known]
    artist = pd.factorize(tracks["artists"].str[0].to_numpy()[known])[0]

    def inner_split(rows):
        cut = GroupShuffleSplit(1, test_size=0.2, random_state=0)
        return [rows[part] for part in next(cut.split(rows, groups=artist[rows]))]

    aucs = {}
    chosen = {}
    for kind, settings in points.items():
        own = {name: x[known] for name, x in settings.items()}
        folds = GroupKFold(5).split(labels, groups=artist)
        prob, chosen[kind] = out_of_fold(own, labels, folds, inner_split, macro_auc)
        aucs[kind] = weighted_macro_auc(labels, prob)
        log(f"genre: {kind}, {macro_auc(labels, prob):.3f}")

    def statistics(weight):
        found = {kind: auc(weight[artist]) for kind, auc in aucs.items()}
        return found | {f"lead, {kind}": found[of] - auc for kind, auc in found.items()}

    table = bootstrap(statistics, artist, n_bootstrap)
    records = []
    for kind, settings in points.items():
        record = {"points": kind, "tries": len(settings)}
        record["macro-AUC"] = interval(table, kind)
        lead = interval(table, f"lead, {kind}")
        record[f"lead of the {of}"] = "" if kind == of else lead
        records.append(record | {"chosen": "; ".join(chosen[kind])})
    return pd.DataFrame(records).set_index("points")


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
    predicted = np.empty(labels.shape, dtype=float if labels.ndim == 2 else labels.dtype)
    chosen = []
    for train, test in folds:
        own, held = inner_split(train)
        scores = {}
        for name, x in points.items():
            guess = prediction(x, labels, own, held)
            scores[name] = score(labels[held], guess)
        best = max(scores, key=scores.__getitem__)
        predicted[test] = prediction(points[best], labels, train, test)
        chosen.append(best)
    return predicted, chosen


def prediction(x, labels, train, test):
    """By logistic regression: the label, or the probability of each of several ones."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    if labels.ndim == 1:
        return model.fit(x[train], labels[train]).predict(x[test])
    model = OneVsRestClassifier(model).fit(x[train], labels[train])
    return model.predict_proba(x[test])
