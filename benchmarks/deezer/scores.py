"""How predictions are scored, and the means over several tables of listens."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.evaluate import rating_metrics

Line = dict[str, Any]


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def kept(model: Any, x: pd.DataFrame) -> NDArray[np.float64]:
    """P(kept) of each row by a classifier of scikit-learn."""
    return model.predict_proba(x)[:, 1].astype(float)


def score(
    probability: NDArray[np.float64], listens: pd.DataFrame, n_bootstrap: int = 500
) -> Line:
    """One line of a table; intervals are over users."""
    label = listens["is_listened"].to_numpy()
    users = listens["user_id"].to_numpy()
    metrics = rating_metrics(probability, label, users, n_bootstrap=n_bootstrap)
    metrics = metrics.set_index("metric")
    auc = metrics.loc["AUC"]
    line = {"AUC": auc["mean"], "low": auc["low"], "high": auc["high"]}
    line |= metrics["mean"].drop("AUC").to_dict()
    line["accuracy"] = ((probability >= 0.5) == label).mean()
    line["majority"] = max(label.mean(), 1 - label.mean())
    line["rows"] = len(label)
    return line


def of_table(number: int, lines: Iterable[Line]) -> list[Line]:
    """The lines, each with the number of the table of listens that it is from."""
    return [{"table": number, **line} for line in lines]


def summary(lines: list[Line], index: list[str]) -> pd.DataFrame:
    """Means over the tables of listens, and how far their AUCs are apart."""
    frame = pd.DataFrame(lines)
    groups = frame.drop(columns="table").groupby(index, sort=False)
    mean = groups.mean()
    if frame["table"].nunique() > 1:
        mean.insert(mean.columns.get_loc("AUC") + 1, "sd over seeds", groups["AUC"].std())
    counts = [name for name in ("tries", "rows", "users") if name in mean]
    return mean.round(4).astype(dict.fromkeys(counts, int))
