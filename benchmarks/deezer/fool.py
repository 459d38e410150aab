"""How to fool yourself: three results that look better than they are."""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from benchmarks.deezer.listens import features, tables
from benchmarks.deezer.models import LINEAR, TREES, Rate, boosting, drawn, logistic, tree
from benchmarks.deezer.scores import Line, kept, log, of_table, summary
from rbm_lib.data.deezer.features import temporal_split
from rbm_lib.data.deezer.files import COLUMNS


def fool_tables(seeds: Iterable[int], n_rows: int) -> dict[str, pd.DataFrame]:
    """Three tables by their titles, means over the seeds."""
    trees, own_rates, splits = [], [], []
    for number, (origin, listens) in enumerate(tables(seeds, n_rows)):
        log(origin)
        known, held_out = (listens[part] for part in temporal_split(listens))
        trees += of_table(number, trees_on_raw_columns(known, held_out, n_rows))
        own_rates += of_table(number, rates_of_own_rows(known, held_out, n_rows))
        at_random = random_split(listens, len(known), len(held_out), seed=number)
        for name, parts in {"random": at_random, "temporal": (known, held_out)}.items():
            splits += of_table(number, scores_of_split(name, *parts, n_rows))
    return {
        "Trees on their own rows": summary(trees, ["model, raw columns"]),
        "Rates of the rows themselves": summary(own_rates, ["rates of", "from", "model"]),
        "A random split": summary(splits, ["split", "model"]),
    }


def trees_on_raw_columns(
    known: pd.DataFrame, held_out: pd.DataFrame, n_rows: int
) -> Iterator[Line]:
    """Ids as if they were numbers: right on the rows of the training alone."""
    columns = [name for name in COLUMNS if name != "is_listened"]
    truth = held_out["is_listened"]
    sample = drawn(known[columns], known["is_listened"], n_rows)
    models = {
        "majority class": DummyClassifier(),
        "decision tree": tree(1),
        "random forest": RandomForestClassifier(30, random_state=0),
    }
    for name, model in models.items():
        log(f"raw columns: {name}")
        model.fit(*sample)
        yield {
            "model, raw columns": name,
            "accuracy, own rows": model.score(*sample),
            "accuracy, held out": model.score(held_out[columns], truth),
            "majority, held out": max(truth.mean(), 1 - truth.mean()),
            "AUC": roc_auc_score(truth, kept(model, held_out[columns])),
        }


def rates_of_own_rows(
    known: pd.DataFrame, held_out: pd.DataFrame, n_rows: int
) -> Iterator[Line]:
    """Rates in which a row's own label has a part, beside rates out of fold."""
    y = known["is_listened"]
    for pair in (False, True):
        later = features(known, held_out, pair=pair)
        kinds = {
            "own rows": features(known, known, pair=pair),
            "out of fold": features(known, pair=pair),
        }
        for kind, x in kinds.items():
            for name, make in {LINEAR: logistic, TREES: boosting}.items():
                log(f"rates {kind}: {name}")
                model = make().fit(*drawn(x, y, n_rows))
                yield {
                    "rates of": "ids, user x artist" if pair else "ids",
                    "from": kind,
                    "model": name,
                    "AUC, known rows": roc_auc_score(y, kept(model, x)),
                    "AUC": roc_auc_score(held_out["is_listened"], kept(model, later)),
                }


def random_split(
    listens: pd.DataFrame, n_known: int, n_held_out: int, seed: int
) -> list[pd.DataFrame]:
    """Known and held-out rows at random, in the same shares as those of the days."""
    share = n_held_out / (n_known + n_held_out)
    parts = train_test_split(np.arange(len(listens)), test_size=share, random_state=seed)
    return [listens.iloc[part] for part in parts]


def scores_of_split(
    split: str, known: pd.DataFrame, held_out: pd.DataFrame, n_rows: int
) -> Iterator[Line]:
    """The AUC of three models on the held-out rows of a split."""
    x = features(known)
    later = features(known, held_out)
    models = {
        "listener's rate": partial(Rate, "user_id rate"),
        LINEAR: logistic,
        TREES: boosting,
    }
    for name, make in models.items():
        log(f"{split} split: {name}")
        model = make().fit(*drawn(x, known["is_listened"], n_rows))
        auc = roc_auc_score(held_out["is_listened"], kept(model, later))
        yield {"split": split, "model": name, "AUC": auc}
