"""Classifiers of a listen, four settings of each, and the choice of one."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from benchmarks.deezer.listens import Case, Smoothing
from benchmarks.deezer.scores import kept, log


def scaled(model):
    return make_pipeline(StandardScaler(), model)


def boosting(leaves=15):
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=leaves,
        min_samples_leaf=200,
        random_state=0,
    )


def forest(leaf=20):
    return RandomForestClassifier(
        100, min_samples_leaf=leaf, max_samples=0.3, random_state=0
    )


def tree(leaf=1000):
    return DecisionTreeClassifier(min_samples_leaf=leaf, random_state=0)


def sgd(alpha=1e-4):
    return scaled(SGDClassifier(loss="log_loss", alpha=alpha, average=True, random_state=0))


def svm(c=0.01):
    return CalibratedClassifierCV(scaled(LinearSVC(C=c, dual=False)), cv=3)


def neighbours(k=100):
    return scaled(KNeighborsClassifier(k))


def logistic(c=1.0):
    return scaled(LogisticRegression(C=c, max_iter=1000))


def joined_rates(columns):
    """Logistic regression on these columns alone."""
    chosen = ColumnTransformer([("rates", "passthrough", columns)])
    return make_pipeline(chosen, logistic())


class Rate(ClassifierMixin, BaseEstimator):
    """The chance is a feature, the rate of one id."""

    def __init__(self, column):
        self.column = column

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        rate = x[self.column].to_numpy(dtype=float)
        return np.column_stack([1 - rate, rate])


def drawn(x: pd.DataFrame, y: pd.Series, n_rows: int) -> tuple[pd.DataFrame, pd.Series]:
    """At most so many of the rows, drawn at random."""
    if len(x) <= n_rows:
        return x, y
    rows = np.random.default_rng(0).choice(len(x), n_rows, replace=False)
    return x.iloc[rows], y.iloc[rows]


@dataclass
class Setting:
    """A model to be tried, made by `make`, and how its rates are smoothed."""

    words: str
    make: Callable
    smooth: Smoothing = 20.0
    most_rows: int = sys.maxsize

    def fit(self, x: pd.DataFrame, y: pd.Series, n_rows: int):
        return self.make().fit(*drawn(x, y, min(n_rows, self.most_rows)))


def each(word, make, values, **options):
    return [Setting(f"{word} {value}", partial(make, value), **options) for value in values]


def rate_of(*columns):
    """Rates as they are, or, of several ids, joined by logistic regression."""
    names = [f"{column} rate" for column in columns]
    make = partial(Rate, *names) if len(names) == 1 else partial(joined_rates, names)
    return [Setting(f"smooth {value}", make, value) for value in ("auto", 5.0, 20.0, 50.0)]


LINEAR = "logistic regression"
TREES = "boosted trees"
LEADER = LINEAR  # whose lead beyond the others the table shows

# kNN searches no more rows: it is the slowest of all.
NEIGHBOURS_OF = 50_000

MODELS = {
    "constant": [Setting("", partial(DummyClassifier, strategy="prior"))],
    "track's rate": rate_of("media_id"),
    "listener's rate": rate_of("user_id"),
    "both rates": rate_of("user_id", "media_id"),
    "k nearest neighbours": each(
        "k", neighbours, (30, 100, 300, 1000), most_rows=NEIGHBOURS_OF
    ),
    "decision tree": each("leaf", tree, (300, 1000, 2000, 4000)),
    "random forest": each("leaf", forest, (5, 20, 50, 100)),
    TREES: each("leaves", boosting, (4, 8, 15, 31)),
    "SGD, log-loss": each("alpha", sgd, (1e-5, 1e-4, 1e-3, 1e-2)),
    "linear SVM, calibrated": each("C", svm, (0.001, 0.01, 0.1, 1.0)),
    LINEAR: each("C", logistic, (0.001, 0.01, 0.1, 1.0)),
}


def smoothings(models: dict[str, list[Setting]]) -> set[Smoothing]:
    """All that some setting asks for."""
    return {setting.smooth for settings in models.values() for setting in settings}


def chosen(
    name: str, settings: list[Setting], inner: dict[Smoothing, Case], n_rows: int
) -> Setting:
    """The setting of the highest AUC on the last of the known days."""
    if len(settings) == 1:
        return settings[0]
    aucs = []
    for setting in settings:
        data = inner[setting.smooth]
        model = setting.fit(data.features, data.known["is_listened"], n_rows)
        later, x = data.held_out["inner"]
        aucs.append(roc_auc_score(later["is_listened"], kept(model, x)))
        log(f"{name}, {setting.words}: {aucs[-1]:.4f} on the inner split")
    best = settings[int(np.argmax(aucs))]
    log(f"{name}, {best.words}: chosen")
    return best
