"""Means with intervals over people and over films, and the lead of the tied model."""

import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from rbm_lib import evaluate

REFERENCE = "TiedRBM"
SHARE = 0.2  # of the films is held out
START = time.perf_counter()


def table(results: dict[str, dict[int, pd.DataFrame]]) -> pd.DataFrame:
    """Means, and the lead of the tied model, with their intervals."""
    records = []
    for name, frames in results.items():
        record: dict[str, Any] = {"model": name}
        for metric in ("Recall@20", "NDCG@10"):
            low, high, mean = over_people([frame[metric] for frame in frames.values()])
            record[metric] = f"{mean:.3f} [{low:.3f}, {high:.3f}]"
        for metric in ("Recall@20", "NDCG@10"):
            record[f"lead {metric}"] = lead(results.get(REFERENCE, {}), frames, metric)
        per_draw = [f"{frame['Recall@20'].mean():.3f}" for frame in frames.values()]
        records.append(record | {"Recall@20 by draw": " ".join(per_draw)})
    return pd.DataFrame(records).set_index("model")


def lead(
    reference: dict[int, pd.DataFrame], frames: dict[int, pd.DataFrame], metric: str
) -> str:
    """By how much the tied model is ahead: mean, interval over people, ± over films."""
    common = sorted(reference.keys() & frames.keys())
    if not common:
        return ""
    leads = [reference[seed][metric] - frames[seed][metric] for seed in common]
    low, high, mean = over_people(leads)
    half = over_films([one.mean() for one in leads])
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}] ± {half:.3f}"


def over_people(columns: list[pd.Series]) -> tuple[float, float, float]:
    """Low, high and mean: the mean of the draws, by a bootstrap over people."""
    mean = float(np.mean([column.mean() for column in columns]))
    per_person = pd.concat(columns).groupby(level=0).mean().to_frame("x")
    row = evaluate.mean_interval(per_person).iloc[0]
    return row["low"] - row["mean"] + mean, row["high"] - row["mean"] + mean, mean


def over_films(means: list[float]) -> float:
    """Half the interval over draws of films; infinite for one draw."""
    n = len(means)
    if n < 2:
        return float("inf")
    spread = np.var(means, ddof=1) * (1 / n + SHARE / (1 - SHARE))
    return float(student.ppf(0.975, n - 1) * np.sqrt(spread))


def log(text: str) -> None:
    print(f"{time.perf_counter() - START:6.0f} s  {text}", file=sys.stderr, flush=True)
