"""What decides whether an invented listen is kept, and the labels drawn from it."""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit, logit

from rbm_lib.data.deezer.catalogue import REAL

# By how much the parts of the logit are multiplied, found by hand: a user's rate, and a
# track's, then predict as in reality. All but the user's have standard deviation 1 before.
EFFECTS = {"user": 1.15, "week": 1.7, "track": 0.8, "session": 0.9, "suits": 0.2}
_DAY = 86_400
_LATE = (30 - REAL["last_days"]) * _DAY
_RAKED_ON = 400_000  # rows that the offsets are fitted on, at most

Columns = dict[str, NDArray]  # name -> one value per row, user or track


def draw_labels(
    rows: Columns, people: Columns, tracks: Columns, taste: Columns, rng: Generator
) -> tuple[NDArray[np.int8], pd.DataFrame]:
    """Draw is_listened for every row, as the top of `synthetic` describes.

    Parameters
    ----------
    taste : dict
        The planted taste: a number for every "user" and every "track", whose product is
        added to the logit.

    Returns
    -------
    (array, DataFrame)
        The labels, and the chances behind them: "chance", and "stable", which leaves out
        the week and the session.
    """
    user, track, time = rows["user"], rows["track"], rows["time"]
    n_users = len(people["rows"])
    week = EFFECTS["week"] * rng.standard_normal((n_users, 6), dtype=np.float32)
    value = (EFFECTS["user"] * people["logit"]).astype(np.float32)[user]
    value += week[user, time // (7 * _DAY)]
    value += EFFECTS["track"] * tracks["effect"].astype(np.float32)[track]
    value += rows["mood"][rows["session"]]
    distance = np.abs(people["taste"][user] - tracks["position"][track])
    value -= EFFECTS["suits"] * distance.astype(np.float32)
    value += (taste["user"][user] * taste["track"][track]).astype(np.float32)

    levels = _levels(rows, people)
    fit_on = np.flatnonzero(~rows["is_test"])
    if len(fit_on) > _RAKED_ON:
        fit_on = rng.choice(fit_on, _RAKED_ON, replace=False)
    offsets = _rake(value[fit_on], {name: level[fit_on] for name, level in levels.items()})
    for name, level in levels.items():
        value += offsets[name].astype(np.float32)[level]
    passing = week[user, time // (7 * _DAY)] + rows["mood"][rows["session"]]
    truth = pd.DataFrame({"chance": expit(value), "stable": expit(value - passing)})

    # Systematic sampling: each row has its own chance, but the sums over contexts and hours
    # hardly vary.
    group = rows["context"] * 24 + time // 3600 % 24
    order = np.argsort(group + rng.random(len(value)), kind="stable")
    total = np.cumsum(expit(value[order]), dtype=float) + rng.random()
    label = np.empty(len(value), dtype=np.int8)
    label[order] = np.diff(np.floor(total), prepend=0)
    return label, truth


def planted_taste(size: float, n_users: int, n_tracks: int, seed: int) -> Columns:
    """A number for each user and each track; the products have standard deviation `size`.

    They come from a generator of their own, so that nothing else depends on them.
    """
    rng = np.random.Generator(np.random.PCG64([seed, n_users]))
    users, tracks = rng.standard_normal(n_users), rng.standard_normal(n_tracks)
    return {"user": size * users, "track": tracks}


def _levels(rows: Columns, people: Columns) -> Columns:
    """The level of each row in everything that has a rate of its own in reality."""
    own_rate = REAL["flow_contexts"][:-3]
    group = np.full(REAL["contexts"], len(own_rate) + 1)
    group[REAL["flow_contexts"]] = len(own_rate)
    group[own_rate] = np.arange(len(own_rate))
    user = rows["user"]
    return {
        "hour": rows["time"] // 3600 % 24,
        "age": people["age"][user] - 18,
        "gender": people["gender"][user],
        "late": (rows["time"] >= _LATE).astype(int),
        "context": group[rows["context"]],
        "platform": rows["platform"],
    }


def _rake(value: NDArray, levels: Columns) -> Columns:
    """Offsets by level with which the mean chance in every level is the given rate."""
    offsets = {name: np.zeros(len(REAL["rates"][name])) for name in levels}
    value = value.astype(float)
    for _ in range(25):
        for name, level in levels.items():
            rates = REAL["rates"][name]
            n = np.bincount(level, minlength=len(rates))
            mean = np.bincount(level, expit(value), len(rates)) / np.maximum(n, 1)
            step = logit(rates) - logit(np.clip(mean, 1e-6, 1 - 1e-6))
            step = np.where(n > 0, step, 0)
            offsets[name] += step
            value += step[level]
    return offsets
