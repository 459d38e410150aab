"""The tables of results on Deezer's listens: will the track be kept for 30 seconds?

    python benchmarks/deezer.py                   models of the next days, and of the first Flow track there
    python benchmarks/deezer.py --rbm             Boltzmann machines beside them (ten minutes a table)
    python benchmarks/deezer.py --fool            three figures that look better than they are
    python benchmarks/deezer.py --scale 7558834   seconds and memory of the whole table, written to disk first

Protocol. The last five days are held out; models know the days before. Features: rates of user, track,
artist, album, genre and context (scikit-learn's TargetEncoder; out of fold over runs of days on the known
rows) and what the row says about itself. First Flow: the same models on each user's first Flow listen of
the held-out days. Intervals 95 %, bootstrap over users; with several seeds, the means over the seeds. Of
each model four settings are fitted to all known days but the last five; the one with the highest AUC on
these five is fitted again to all known days. A lead is that of logistic regression, paired. Without the
real files (see data/README.md) the listens are invented, one table per seed. Of the real ones, rates come
from all rows, and classifiers are fitted on --rows of them; --rbm takes the listens of whole users, --rows
in all, and knows no others. Tables go to standard output, progress to standard error.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from rbm_lib import DBN, RBM, Monitor, fit, pretrain
from rbm_lib.data import DataUnavailable, load_deezer, synthetic_deezer
from rbm_lib.data.deezer.features import (
    CATEGORIES,
    day_folds,
    first_flow_split,
    keep_matrix,
    out_of_fold,
    plain_features,
    temporal_split,
)
from rbm_lib.data.deezer.files import COLUMNS, read_listens
from rbm_lib.evaluate import auc_lead, rating_metrics
from rbm_lib.models import VisibleData
from rbm_lib.recommend import multinomial_covariate, score_items
from rbm_lib.training import ItemMeanDecay, fine_tune, linear_decay

NEIGHBOURS_OF = 50_000  # rows that kNN searches, at most: it is the slowest of all


def log(text):
    print(text, file=sys.stderr, flush=True)


# ---- data, features, models ------------------------------------------------------------------------------


@dataclass
class Case:
    """Known listens and their features, and for each name of a split the same of its held-out listens."""

    known: pd.DataFrame
    features: pd.DataFrame
    held_out: dict


def tables(seeds, rows):
    """(name, listens): the real ones, or invented ones for each seed."""
    try:
        data = load_deezer(synthetic=False, verbose=False)
        yield data.origin, data.train
    except DataUnavailable:
        for seed in seeds:
            data = synthetic_deezer(seed, rows)
            yield data.origin, data.train


def ids(listens, pair=False):
    """The columns whose rates are features; with `pair`, also user and artist together."""
    columns = listens[list(CATEGORIES)]
    if pair:
        columns = columns.assign(
            user_artist=listens["user_id"].astype("int64") * 2**31 + listens["artist_id"]
        )
    return columns


def rates(fit_on, listens=None, smooth=20.0, pair=False):
    """Rates of the ids: of `listens`, as fit_on has them; without, of fit_on itself, out of fold."""
    encoder, x, y = TargetEncoder(smooth=smooth), ids(fit_on, pair), fit_on["is_listened"]
    if listens is None:
        values, listens = out_of_fold(encoder, x, y, day_folds(fit_on)), fit_on
    else:
        values = encoder.fit(x, y).transform(ids(listens, pair))
    names = [f"{name} rate" for name in x]
    return pd.DataFrame(values.astype(np.float32), columns=names, index=listens.index)


def features(fit_on, listens=None, smooth=20.0, pair=False):
    rows = fit_on if listens is None else listens
    return rates(fit_on, listens, smooth, pair).join(plain_features(rows))


def case(listens, splits=None, smooth=20.0):
    """splits: {name: function of listens → (known, held_out)}, all with the same known rows."""
    splits = splits or {"last five days": temporal_split, "first Flow": first_flow_split}
    parts = {name: split(listens) for name, split in splits.items()}
    known = listens[next(iter(parts.values()))[0]]
    held = {name: listens[held_out] for name, (_, held_out) in parts.items()}
    held = {name: (rows, features(known, rows, smooth)) for name, rows in held.items()}
    return Case(known, features(known, smooth=smooth), held)


def scaled(model):
    return make_pipeline(StandardScaler(), model)


def boosting(**settings):
    settings = {
        "learning_rate": 0.05,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 200,
    } | settings
    return HistGradientBoostingClassifier(max_iter=100, random_state=0, **settings)


def forest(leaf=20, trees=100):
    return RandomForestClassifier(
        trees, min_samples_leaf=leaf, max_samples=0.3, random_state=0
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


@dataclass
class Setting:
    """A model to be tried: made by `make`, with rates that are smoothed by so many listens."""

    words: str
    make: Callable
    smooth: float | str = 20.0


def each(word, make, values):
    return [Setting(f"{word} {value}", partial(make, value)) for value in values]


def rate_of(*columns):
    """Rates as they are, or, of several ids, joined by logistic regression."""
    names = [f"{column} rate" for column in columns]

    def joined():
        return make_pipeline(
            ColumnTransformer([("rates", "passthrough", names)]), logistic()
        )

    make = joined if len(columns) > 1 else partial(Rate, *names)
    return [Setting(f"smooth {value}", make, value) for value in ("auto", 5.0, 20.0, 50.0)]


LEADER = "logistic regression"
MODELS = {
    "constant": [Setting("", partial(DummyClassifier, strategy="prior"))],
    "track's rate": rate_of("media_id"),
    "listener's rate": rate_of("user_id"),
    "both rates": rate_of("user_id", "media_id"),
    "k nearest neighbours": each("k", neighbours, (30, 100, 300, 1000)),
    "decision tree": each("leaf", tree, (300, 1000, 2000, 4000)),
    "random forest": each("leaf", forest, (5, 20, 50, 100)),
    "boosted trees": each("leaves", lambda n: boosting(max_leaf_nodes=n), (4, 8, 15, 31)),
    "SGD, log-loss": each("alpha", sgd, (1e-5, 1e-4, 1e-3, 1e-2)),
    "linear SVM, calibrated": each("C", svm, (0.001, 0.01, 0.1, 1.0)),
    LEADER: each("C", logistic, (0.001, 0.01, 0.1, 1.0)),
}


def drawn(x, y, rows):
    """At most so many of the rows, drawn at random."""
    if len(x) <= rows:
        return x, y
    chosen = np.random.default_rng(0).choice(len(x), rows, replace=False)
    return x.iloc[chosen], y.iloc[chosen]


def fitted(name, model, x, y, rows):
    return model.fit(
        *drawn(x, y, min(rows, NEIGHBOURS_OF) if "neighbours" in name else rows)
    )


def chosen(name, inner, rows, number):
    """The setting of the highest AUC on the last of the known days. inner: a Case for each smoothing."""
    settings = MODELS[name]
    if len(settings) == 1:
        return settings[0]
    values = []
    for setting in settings:
        data = inner[setting.smooth]
        model = fitted(name, setting.make(), data.features, data.known["is_listened"], rows)
        held_out, x = data.held_out["inner"]
        values.append(roc_auc_score(held_out["is_listened"], model.predict_proba(x)[:, 1]))
        log(f"table {number}: {name}, {setting.words}: {values[-1]:.4f} on the inner split")
    return settings[int(np.argmax(values))]


def cases(listens, splits, smooths=None):
    """A Case for each smoothing that some setting asks for."""
    smooths = smooths or {
        setting.smooth for settings in MODELS.values() for setting in settings
    }
    return {smooth: case(listens, splits, smooth) for smooth in smooths}


def score(probability, rows, n_bootstrap=500):
    """One line of the table."""
    label = rows["is_listened"].to_numpy()
    frame = rating_metrics(
        probability, label, rows["user_id"].to_numpy(), n_bootstrap=n_bootstrap
    )
    frame = frame.set_index("metric")
    line = {
        "AUC": frame["mean"]["AUC"],
        "low": frame["low"]["AUC"],
        "high": frame["high"]["AUC"],
    }
    line |= {
        name: frame["mean"][name]
        for name in ("log-loss", "ECE", "group AUC")
        if name in frame.index
    }
    accuracy = ((probability >= 0.5) == label).mean()
    return line | {
        "accuracy": accuracy,
        "majority": max(label.mean(), 1 - label.mean()),
        "rows": len(label),
    }


# ---- the table of models ---------------------------------------------------------------------------------


def model_table(seeds, rows):
    records = []
    for number, (origin, listens) in enumerate(tables(seeds, rows)):
        log(origin)
        known = listens[temporal_split(listens)[0]]
        inner = cases(known, {"inner": temporal_split})
        outer = cases(listens, None)
        lines = {}
        for name, settings in MODELS.items():
            setting = chosen(name, inner, rows, number)
            data = outer[setting.smooth]
            model = fitted(
                name, setting.make(), data.features, data.known["is_listened"], rows
            )
            for split, (held_out, x) in data.held_out.items():
                chance = model.predict_proba(x)[:, 1].astype(float)
                line = {
                    "split": split,
                    "model": name,
                    "table": number,
                    "tries": len(settings),
                }
                lines[split, name] = line | score(chance, held_out), chance, held_out
            log(f"table {number}: {name}, {setting.words}: chosen")
        for (split, name), (line, chance, held_out) in lines.items():
            if name != LEADER:
                leader = lines[split, LEADER][1]
                lead = auc_lead(
                    leader, chance, held_out["is_listened"], held_out["user_id"]
                ).loc[0]
                line |= {f"lead {end}": lead[end] for end in ("mean", "low", "high")}
            records.append(line)
    table = summary(records, ["split", "model"])
    return pd.concat([table.loc[[split]] for split in table.index.unique("split")])


def summary(records, index):
    """Means over the tables, and how far their AUCs are apart."""
    frame = pd.DataFrame(records)
    groups = frame.drop(columns="table").groupby(index, sort=False)
    mean = groups.mean()
    if frame["table"].nunique() > 1:
        mean.insert(mean.columns.get_loc("AUC") + 1, "sd over seeds", groups["AUC"].std())
    mean = mean.round(4).round({"seconds": 1})
    return mean.astype({name: int for name in ("tries", "rows", "users") if name in mean})


# ---- how to fool yourself --------------------------------------------------------------------------------


def fool_tables(seeds, rows):
    """Three tables: {title: DataFrame}, means over the seeds."""
    trees, own_rows, at_random = [], [], []
    for number, (origin, listens) in enumerate(tables(seeds, rows)):
        log(origin)
        known, held_out = (listens[part] for part in temporal_split(listens))
        y, truth = known["is_listened"], held_out["is_listened"]
        columns = [name for name in COLUMNS if name != "is_listened"]
        models = {
            "majority class": DummyClassifier(),
            "decision tree": tree(1),
            "random forest": forest(1, 30),
        }
        models["random forest"].max_samples = None  # as it comes
        for name, model in models.items():
            log(f"table {number}: {name}")
            sample = drawn(known[columns], y, rows)
            model.fit(*sample)
            chance = model.predict_proba(held_out[columns])[:, 1]
            trees.append(
                {"model, raw columns": name, "table": number, "accuracy, own rows": model.score(*sample),
                 "accuracy, held out": model.score(held_out[columns], truth),
                 "majority, held out": max(truth.mean(), 1 - truth.mean()),
                 "AUC": roc_auc_score(truth, chance)}
            )  # fmt: skip

        for pair in (False, True):
            later = features(known, held_out, pair=pair)
            own = features(known, known, pair=pair)
            for kind, x in (("own rows", own), ("out of fold", features(known, pair=pair))):
                for name, make in (
                    ("logistic regression", logistic),
                    ("boosted trees", boosting),
                ):
                    model = fitted(name, make(), x, y, rows)
                    log(f"table {number}: rates {kind}, {name}")
                    own_rows.append(
                        {"rates of": "ids, user x artist" if pair else "ids", "from": kind, "model": name,
                         "table": number, "AUC, known rows": roc_auc_score(y, model.predict_proba(x)[:, 1]),
                         "AUC": roc_auc_score(truth, model.predict_proba(later)[:, 1])}
                    )  # fmt: skip

        share = len(held_out) / (len(known) + len(held_out))
        mixed = train_test_split(
            np.arange(len(listens)), test_size=share, random_state=number
        )
        for split, (a, b) in {
            "random": [listens.iloc[part] for part in mixed], "temporal": (known, held_out),
        }.items():  # fmt: skip
            x, x_later = features(a), features(a, b)
            for name, make in {
                "listener's rate": partial(Rate, "user_id rate"),
                "logistic regression": logistic,
                "boosted trees": boosting,
            }.items():
                model = fitted(name, make(), x, a["is_listened"], rows)
                chance = model.predict_proba(x_later)[:, 1]
                log(f"table {number}: {split} split, {name}")
                auc = roc_auc_score(b["is_listened"], chance)
                at_random.append(
                    {"split": split, "model": name, "table": number, "AUC": auc}
                )
    return {
        "Trees on their own rows": summary(trees, "model, raw columns"),
        "Rates of the rows themselves": summary(own_rows, ["rates of", "from", "model"]),
        "A random split": summary(at_random, ["split", "model"]),
    }


# ---- the whole table -------------------------------------------------------------------------------------


def peak(children=False):
    """Most memory that this process (its children) had at a time, GB. Not on Windows."""
    import resource

    used = resource.getrusage(
        resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    ).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / 1e9


def write_invented(path, n_rows):
    synthetic_deezer(0, n_rows).train.to_csv(path, index=False)


def scale_table(n_rows):
    """Seconds of each step, and the most memory up to then: it only grows."""
    records = []

    def step(name, function, *args, **options):
        log(name)
        started = time.monotonic()
        result = function(*args, **options)
        shape = getattr(result, "shape", "")
        records.append(
            {
                "step": name,
                "result": shape,
                "seconds": time.monotonic() - started,
                "GB": peak(),
            }
        )
        return result

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.csv"
        process = get_context("spawn").Process(target=write_invented, args=(path, n_rows))
        step(
            "invent and write (a process of its own)",
            lambda: (process.start(), process.join())[0],
        )
        if process.exitcode:
            raise SystemExit("writing the CSV failed")
        records[-1] |= {
            "result": f"{path.stat().st_size / 1e6:.0f} MB",
            "GB": peak(children=True),
        }
        listens = step("read_listens", read_listens, path)
    parts = step("temporal_split", temporal_split, listens)
    step("first_flow_split", first_flow_split, listens)
    history, later = step(
        "the rows of both parts", lambda: [listens[part] for part in parts]
    )
    everything = [  # kept: a lesson holds them all at once
        step("rates of the known rows, out of fold", rates, history),
        step("rates of the held-out rows", rates, history, later),
        step("plain_features of the known rows", plain_features, history),
        step("keep_matrix, tracks", keep_matrix, history),
        step("keep_matrix, artists", keep_matrix, history, "artist_id"),
    ]
    del everything
    return pd.DataFrame(records).round({"seconds": 1, "GB": 2}).to_string(index=False)


# ---- Boltzmann machines ----------------------------------------------------------------------------------

QUIET = {"schedule": linear_decay(), "device": "cpu", "progress": False}
MIN_PLAYS, BLOCKS = (
    5,
    4,
)  # items with fewer plays are left out; runs of days for columns out of fold


def machine(matrix, decay=0.1, offset=None, bias=None):
    """A masked RBM, two levels per item, a row per user."""
    model = RBM(matrix.n_items, 20, "categorical", 2, weight_std=0.05, seed=0)
    v, observed = matrix.batch(slice(None))
    model.initialize_from(torch.nn.functional.one_hot(v.long(), 2), observed)
    if bias is not None:
        model.visible_bias.data.copy_(bias)
    fit(
        model, VisibleData(model, matrix, visible_offset=offset), epochs=30, batch_size=50, lr=0.05,
        weight_decay=ItemMeanDecay(decay), callbacks=[Monitor(every=10**6)],
        generator=torch.Generator().manual_seed(0), **QUIET,
    )  # fmt: skip
    return model


def log_odds(model, matrix, rows, item, offset=None):
    """Of keeping, for the user and item of each row, given the matrix; NaN for an item that it lacks."""
    person, place = (
        matrix.user_index(rows["user_id"]),
        pd.Index(matrix.item_ids).get_indexer(rows[item]),
    )
    chance = score_items(model, matrix, visible_offset=offset).double().numpy()
    return np.where(place >= 0, logit(chance.clip(1e-6, 1 - 1e-6))[person, place], np.nan)


class Machines(BaseEstimator):
    """A column for each item of `decays`, the log-odds of an RBM. users: all that may occur."""

    def __init__(self, users, decays):
        self.users, self.decays = users, decays

    def fit(self, listens, y=None):
        self.matrices_, self.models_ = {}, {}
        for item, decay in self.decays.items():
            matrix = keep_matrix(listens, item, user_ids=self.users, min_plays=MIN_PLAYS)
            self.matrices_[item], self.models_[item] = matrix, machine(matrix, decay)
        return self

    def transform(self, listens):
        columns = (
            log_odds(m, self.matrices_[item], listens, item)
            for item, m in self.models_.items()
        )
        return np.column_stack(list(columns))


DECAYS = (0.01, 0.03, 0.1, 0.3)


def chosen_decays(known, users, number):
    """{item: decay}, each with the highest AUC on the rows of the last of the known days that the RBM knows."""
    earlier, later = (known[part] for part in temporal_split(known))
    best = {}
    for item in ("media_id", "artist_id"):
        values = []
        for decay in DECAYS:
            column = Machines(users, {item: decay}).fit(earlier).transform(later)[:, 0]
            answered = np.isfinite(column)
            values.append(roc_auc_score(later["is_listened"][answered], column[answered]))
            log(
                f"table {number}: RBM on {item}, decay {decay}: {values[-1]:.4f} on the inner split"
            )
        best[item] = DECAYS[int(np.argmax(values))]
    return best


def belief_network(x, y, x_later, pretrained, lr):
    """P(kept) by a DBN with a classifier on top; columns are cut into eight bins of equal frequency."""
    edges = {name: np.unique(np.quantile(x[name], np.arange(1, 8) / 8)) for name in x}
    bins, bins_later = (
        torch.tensor(
            np.column_stack(
                [np.searchsorted(edges[name], rows[name], side="right") for name in x]
            )
        )
        for rows in (x, x_later)
    )
    std = 0.05 if pretrained else 0.3
    model = DBN(
        [len(edges), 40, 40], "categorical", n_levels=8, n_classes=2, weight_std=std, seed=0
    )
    options = {"batch_size": 100, **QUIET}
    seeded = lambda: torch.Generator().manual_seed(0)  # noqa: E731
    if pretrained:
        unwatched = [Monitor(every=10**6)]
        pretrain(
            model,
            bins,
            epochs=3,
            lr=0.01,
            callbacks=unwatched,
            generator=seeded(),
            **options,
        )
    options |= {"generator": seeded(), "weight_decay": 1e-4}
    fine_tune(model, bins, torch.tensor(y.to_numpy(dtype=int)), epochs=6, lr=lr, **options)
    return model.predict_proba(bins_later)[:, 1].double().numpy()


RATES = (3e-4, 1e-3, 3e-3, 1e-2)


def chosen_rate(inner, pretrained, number):
    """The learning rate of fine-tuning with the highest AUC on the last of the known days."""
    later, x_later = inner.held_out["inner"]
    values = []
    for lr in RATES:
        chance = belief_network(
            inner.features, inner.known["is_listened"], x_later, pretrained, lr
        )
        values.append(roc_auc_score(later["is_listened"], chance))
        log(
            f"table {number}: DBN, {pretrained=}, rate {lr}: {values[-1]:.4f} on the inner split"
        )
    return RATES[int(np.argmax(values))]


def whole_users(listens, rows, seed=0):
    """All listens of users drawn at random, at most so many rows."""
    counts = listens["user_id"].value_counts()
    people = np.random.default_rng(seed).permutation(counts.index)
    return listens[
        listens["user_id"].isin(people[counts[people].cumsum().to_numpy() <= rows])
    ]


def rbm_tables(seeds, rows):
    """Three tables: {title: DataFrame}, means over the seeds."""
    views, leads, cold = [], [], []
    for number, (origin, listens) in enumerate(tables(seeds, rows)):
        log(origin)
        listens = whole_users(listens, rows)
        last = {"last five days": temporal_split}
        outer = cases(listens, last)
        data = outer[20.0]
        known, x, y = data.known, data.features, data.known["is_listened"]
        later, x_later = data.held_out["last five days"]
        truth, person = later["is_listened"].to_numpy(), later["user_id"].to_numpy()
        inner = cases(known, {"inner": temporal_split})

        users = np.unique(listens["user_id"])
        machines = Machines(users, chosen_decays(known, users, number))
        columns = ["RBM, tracks", "RBM, artists"]
        own = out_of_fold(machines, known, y, day_folds(known, BLOCKS))
        own = x.join(pd.DataFrame(own, known.index, columns))
        new = x_later.join(
            pd.DataFrame(machines.fit(known).transform(later), later.index, columns)
        )
        log(f"table {number}: machines")

        linear, trees = LEADER, "boosted trees"
        guess = {
            "RBM on tracks": expit(new[columns[0]]),
            "RBM on artists": expit(new[columns[1]]),
        }
        for name in ("listener's rate", "both rates", linear, trees):
            setting = chosen(name, inner, rows, number)
            part = outer[setting.smooth]
            ahead = part.held_out["last five days"][1]
            guess[name] = setting.make().fit(part.features, y).predict_proba(ahead)[:, 1]
            if name in (linear, trees):
                fill = own.mean() if name == linear else {}
                model = setting.make().fit(own.fillna(fill), y)
                guess[f"{name}, with RBM"] = model.predict_proba(new.fillna(fill))[:, 1]
        for name in ("pretrained", "random start"):
            pretrained = name == "pretrained"
            lr = chosen_rate(inner[20.0], pretrained, number)
            guess[f"DBN, {name}"] = belief_network(x, y, x_later, pretrained, lr)
            log(f"table {number}: DBN, {name}")
        guess = {name: np.asarray(values, dtype=float) for name, values in guess.items()}

        parts = {
            "known items": new[columns].notna().all(axis=1).to_numpy(),
            "all": np.ones(len(later), bool),
        }
        for items, part in parts.items():
            for name, p in guess.items():
                if np.isfinite(p[part]).all():
                    line = score(p[part], later[part])
                    views.append({"items": items, "model": name, "table": number, **line})
        for one, other in (
            ("RBM on tracks", "both rates"), (f"{linear}, with RBM", linear),
            (f"{trees}, with RBM", trees), ("DBN, pretrained", "DBN, random start"),
            ("DBN, random start", linear),
        ):  # fmt: skip
            part = np.isfinite(guess[one])
            line = auc_lead(guess[one][part], guess[other][part], truth[part], person[part])
            line = line.loc[0, ["mean", "low", "high", "n"]].set_axis(
                ["AUC", "low", "high", "rows"]
            )
            leads.append({"model": one, "beyond": other, "table": number, **line})
        cold += [
            {"table": number, **line} for line in cold_start(listens, known, later, number)
        ]
        log(f"table {number}: cold start")
    return {
        "Last five days; machines know items of five plays": summary(
            views, ["items", "model"]
        ),
        "Lead in AUC, paired, on the rows that both can answer": summary(
            leads, ["model", "beyond"]
        ),
        "New users, last five days": summary(cold, ["model", "listens known"]),
    }


def profile(listens, people):
    """Age, gender and platform of each user's first listen."""
    first = (
        listens.sort_values("ts_listen", kind="stable")
        .groupby("user_id")
        .first()
        .reindex(people)
    )
    platform = [first["platform_name"] == number for number in (1, 2)]
    return np.column_stack([first["user_age"], first["user_gender"], *platform])


def cold_start(listens, known, later, seed, share=0.3):
    """Lines of AUC of users whom the models have never met, by the number of their last listens shown."""
    users = np.unique(listens["user_id"])
    new = np.random.default_rng(seed).permutation(users)[: round(share * len(users))]
    is_new = known["user_id"].isin(new)
    old, history = known[~is_new], known[is_new].sort_values("ts_listen", kind="stable")
    matrix = keep_matrix(old, min_plays=MIN_PLAYS)
    later = later[later["user_id"].isin(new) & later["media_id"].isin(matrix.item_ids)]
    who = np.unique(later["user_id"])

    x, x_new = profile(listens, matrix.user_ids), profile(listens, who)
    person, _, kept = matrix.triples()
    by_profile = logistic().fit(x[person], kept)
    x, x_new = by_profile.decision_function(x), by_profile.decision_function(x_new)
    x, x_new = x - x.mean(), x_new - x.mean()
    bias, slope = multinomial_covariate(
        matrix, np.repeat(x[:, None], matrix.n_items, axis=1)
    )
    offset, offset_new = (
        torch.tensor(a[:, None, None], dtype=torch.float32) * slope for a in (x, x_new)
    )
    plain, conditional = machine(matrix), machine(matrix, offset=offset, bias=bias)

    track = logit(rates(old, later)["media_id rate"].to_numpy(dtype=float))
    own, overall = x_new[np.searchsorted(who, later["user_id"])], old["is_listened"].mean()
    for n in (0, 1, 3, 10):
        shown = history[history["user_id"].isin(who)].groupby("user_id").tail(n)
        seen = keep_matrix(shown, user_ids=who, item_ids=matrix.item_ids)
        so_far = shown.groupby("user_id")["is_listened"].agg(["sum", "count"])
        so_far = so_far.reindex(later["user_id"], fill_value=0).to_numpy()
        rate = (so_far[:, 0] + 5 * overall) / (so_far[:, 1] + 5)
        for name, score_of_row in {
            "track's rate": track,
            "track's rate and profile": track + own,
            "track's rate and own rate so far": track + logit(rate) - logit(overall),
            "RBM": log_odds(plain, seen, later, "media_id"),
            "RBM and profile": log_odds(conditional, seen, later, "media_id", offset_new),
        }.items():
            line = score(expit(score_of_row), later, n_bootstrap=200)
            line = {key: line[key] for key in ("AUC", "low", "high", "rows")}
            yield {"model": name, "listens known": n, **line, "users": len(who)}


# ---- the command -----------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="invented tables"
    )
    parser.add_argument(
        "--rows", type=int, default=200_000, help="invented, or of the real ones, to fit on"
    )
    parser.add_argument("--rbm", action="store_true", help="Boltzmann machines instead")
    parser.add_argument("--fool", action="store_true", help="how to fool yourself instead")
    parser.add_argument(
        "--scale", type=int, metavar="N", help="N invented rows through every step instead"
    )
    args = parser.parse_args()
    pd.set_option("display.width", 250, "display.max_columns", 20, "display.max_rows", 500)
    if args.scale:
        print(
            f"{args.scale:,} invented listens; GB: most memory so far\n{scale_table(args.scale)}"
        )
        return
    try:
        load_deezer(synthetic=False, n_rows=1, verbose=False)
        print("Deezer DSG17, real listens")
    except DataUnavailable:
        print(f"synthetic listens, seeds {args.seeds}: {args.rows:,} invented listens each")
    if args.fool or args.rbm:
        make = fool_tables if args.fool else rbm_tables
        for title, table in make(args.seeds, args.rows).items():
            print(f"\n{title}:\n{table}")
    else:
        print(model_table(args.seeds, args.rows))


if __name__ == "__main__":
    main()
