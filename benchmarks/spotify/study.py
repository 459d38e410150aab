"""Which new songs a listener would like: one protocol, and studies of several models."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from benchmarks.cold.scores import over_people
from benchmarks.spotify.machines import log
from benchmarks.spotify.songs import heard_by
from rbm_lib.data import simulate_listeners
from rbm_lib.recommend.cold import ColdTask, cold_task

METRICS = ["Recall@20", "NDCG@10"]

Grids = dict[str, tuple[Callable[..., np.ndarray], list[dict[str, Any]]]]
Tasks = dict[str, ColdTask]  # the same draw with other columns


@dataclass(frozen=True)
class Study:
    """What is compared: columns by name, models with settings, and controls of the reference.

    The reference comes last among the models, so that controls may use them all.
    Scores of the models in `log_odds` are log p(song given listener) up to a constant.
    """

    columns: Callable[[pd.DataFrame], dict[str, np.ndarray]]
    grids: Grids
    reference: str
    controls: Callable[..., Iterator[tuple[str, np.ndarray]]]
    log_odds: tuple[str, ...] = ()


# ---- settings -----------------------------------------------------------------------------


def all_scores(
    study: Study, tasks: Tasks, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(scores, setting) by model; the inner draw of the known songs chooses settings."""
    inner = {name: task.inner(1000 + seed) for name, task in tasks.items()}
    rng = np.random.default_rng([2012, seed])
    some = next(iter(tasks.values()))
    scores = {"random": rng.random(some.relevant.shape)}
    chosen = {}
    for name, (model, settings) in study.grids.items():
        values = [quality(inner, model, setting) for setting in settings]
        best = settings[int(np.argmax(values))]
        scores[name] = scored(tasks, model, best)
        chosen[name] = ", ".join(map(str, best.values()))
        log(f"simulation {seed}: {name}, {chosen[name]} of {len(settings)}")
        if name == study.reference:
            scores.update(study.controls(tasks, scores, best, rng))
    return scores, chosen


def scored(tasks: Tasks, model: Callable[..., np.ndarray], setting: dict) -> np.ndarray:
    rest = {name: value for name, value in setting.items() if name != "columns"}
    return model(given(tasks, setting), **rest)


def given(tasks: Tasks, setting: dict) -> ColdTask | tuple[ColdTask, ...]:
    """The task with the columns of a setting; several, in a tuple, if they are a tuple."""
    columns = setting["columns"]
    if isinstance(columns, tuple):
        return tuple(tasks[name] for name in columns)
    return tasks[columns]


def quality(tasks: Tasks, model: Callable[..., np.ndarray], setting: dict) -> float:
    """Recall@20 + NDCG@10, over listeners."""
    some = next(iter(tasks.values()))
    return float(some.per_person(scored(tasks, model, setting)).mean().sum())


# ---- the table ----------------------------------------------------------------------------


def cold_table(
    study: Study, tracks: pd.DataFrame, seeds: list[int], n_users: int = 1000
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(a line for each model, the settings chosen); each seed has listeners of its own."""
    columns = study.columns(tracks)
    found: dict[str, list[pd.DataFrame]] = {}
    choices = {}
    for seed in seeds:
        started = time.process_time()
        listeners = simulate_listeners(tracks, n_users, seed=seed)
        heard = heard_by(listeners, tracks).rated().toarray().astype(float)
        # The draw of songs has a stream of its own, [2008, seed]. With default_rng(seed)
        # it would begin like the simulation, which shuffles archetypes with it.
        base = cold_task(heard, next(iter(columns.values())), seed)
        tasks = {name: base.with_content(values) for name, values in columns.items()}
        scores, choices[seed] = all_scores(study, tasks, seed)
        chance = listeners.chance(tracks)[np.ix_(base.people, base.new)]
        scores["oracle"] = chance + 1e-6 * scores["random"]  # equals in random order
        for name, values in scores.items():
            measured = base.per_person(values)
            if name in study.log_odds:
                measured["nats"] = nats(base, values)
            measured.index = measured.index + seed * n_users  # other people
            found.setdefault(name, []).append(measured)
            log(f"simulation {seed}: {name}, {measured['Recall@20'].mean():.4f}")
        log(f"simulation {seed}: {time.process_time() - started:.0f} s of one core")
    return summary(study, found), pd.DataFrame(choices)


def nats(task: ColdTask, scores: np.ndarray) -> np.ndarray:
    """log p of a new song that a listener heard, beyond a uniform guess; its mean for each."""
    gain = log_softmax(scores, axis=1) + np.log(scores.shape[1])
    n_heard = task.relevant.sum(1)
    some = n_heard > 0
    return (gain * task.relevant).sum(1)[some] / n_heard[some]


def summary(study: Study, found: dict[str, list[pd.DataFrame]]) -> pd.DataFrame:
    """Means, and the lead of the reference, paired, with intervals over listeners."""
    oracle = over_people([pd.Series(frame["Recall@20"]) for frame in found["oracle"]])[2]
    metrics = [*METRICS, "nats"] if study.log_odds else METRICS
    records = []
    for name, frames in found.items():
        record: dict[str, Any] = {"model": name}
        record["tries"] = len(study.grids[name][1]) if name in study.grids else ""
        known = [metric for metric in metrics if metric in frames[0]]
        for metric in known:
            low, high, mean = over_people([pd.Series(frame[metric]) for frame in frames])
            record[metric] = f"{mean:.4f} [{low:.4f}, {high:.4f}]"
            if metric == "Recall@20":
                record["of the oracle's"] = f"{mean / oracle:.3f}"
        for metric in known if name != study.reference else ():
            pairs = zip(found[study.reference], frames, strict=True)
            low, high, mean = over_people(
                [pd.Series(a[metric] - b[metric]) for a, b in pairs]
            )
            record[f"lead {metric}"] = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        means = [f"{frame['Recall@20'].mean():.4f}" for frame in frames]
        record["Recall@20 by simulation"] = " ".join(means)
        records.append(record)
    return pd.DataFrame(records).set_index("model").fillna("")
