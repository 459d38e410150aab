"""A stand-in for Deezer's listens: invented people and tracks, with the real statistics.

It exists so that every lesson runs without a network. Its numbers say nothing about real
people. The logit of a listen is a sum of parts: the user, the user in this week, the track,
the session, and how well the track suits the user. An offset for each context, platform,
age, gender, hour and for the last days is then fitted so that the rates are the real ones
(raking).
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import betaincinv, logit, ndtr, ndtri

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.deezer.catalogue import REAL, make_tracks, release_dates, spread
from rbm_lib.data.deezer.files import COLUMNS, DTYPES, MONTH, flag
from rbm_lib.data.deezer.labels import EFFECTS, draw_labels, planted_taste
from rbm_lib.data.deezer.record import Deezer

# Correlation of a user's logit with taste, use of Flow, and device: much of what a track or
# a platform seems to do to the rate is who uses it.
_TASTE, _FLOW, _DEVICE = 0.5, -0.4, 0.6
_DAY = 86_400
_FIRST_ID = 1_000_000_000  # of tracks, albums and artists: no real one has such an id

Columns = dict[str, NDArray]  # name -> one value per row, user or track


def synthetic_deezer(seed: int = 0, n_rows: int = 200_000, taste: float = 0.0) -> Deezer:
    """Invent n_rows listens of November 2016, and each user's first Flow track after them.

    Tracks, albums, artists and genres are as many per row as in reality; there is a user in
    107 rows, up to 19,918. `test` has a row per user, whose label is in `test_label`. The
    chances behind the labels are in `truth`.

    Parameters
    ----------
    seed : int
        Decides every value.
    n_rows : int
        At least 2,000; 7.5 million need about 2 GB of memory.
    taste : float
        The standard deviation, in the logit, of a taste that is planted in addition: a
        number of the user times a number of the track. Who hears what, and when, stays.

    Examples
    --------
    >>> synthetic_deezer(seed=0, n_rows=2000)
    Deezer(synthetic listens (seed 0): 2,000 invented listens of 19 invented people)
    """
    n_rows = require_whole("n_rows", n_rows, least=2000)
    rng = np.random.Generator(np.random.PCG64(seed))
    people = _people(n_rows, rng)
    rows = _sessions(people, rng)
    tracks = make_tracks(n_rows, len(rows["user"]), rng)
    rows["track"] = _choose_tracks(rows, people, tracks, rng)
    size = require_number("taste", taste)
    planted = planted_taste(size, len(people["rows"]), len(tracks["plays"]), seed)
    label, chances = draw_labels(rows, people, tracks, planted, rng)
    table = _table(rows, people, tracks, label, rng)

    order = rng.permutation(np.flatnonzero(~rows["is_test"]))
    truth = chances.iloc[order].reset_index(drop=True)
    train = pd.DataFrame({name: table[name][order] for name in COLUMNS}, copy=False)
    order = rng.permutation(np.flatnonzero(rows["is_test"]))
    test = pd.DataFrame({name: table[name][order] for name in COLUMNS}, copy=False)
    test_label = test.pop("is_listened")
    test.insert(0, "sample_id", np.arange(len(test), dtype=DTYPES["sample_id"]))
    flags = flag({"synthetic train": train, "synthetic test": test})
    origin = (
        f"synthetic listens (seed {seed}): {len(train):,} invented listens of "
        f"{len(test):,} invented people"
    )
    if taste:
        origin += f", with a planted taste of size {size:g}"
    return Deezer(
        "synthetic", train, test, flags, "synthetic", origin, None, test_label, truth
    )


def _people(n: int, rng: Generator) -> Columns:
    """Rows of each user and what does not change about them; busy users come first."""
    n_users = min(REAL["users"], round(n / 107))
    level = (np.arange(n_users) + 0.5) / n_users
    curve = np.log(REAL["activity"])
    counts = np.exp(np.interp(level, REAL["activity_levels"], curve))
    counts = np.maximum(np.round(counts * n / counts.sum()).astype(int), 1)
    left = n - counts.sum()  # by rounding: the busiest, hence last, users take it
    counts[-1 - np.arange(abs(left)) % n_users] += np.sign(left)
    score = ndtri(level)
    order = np.argsort(-score + 0.3 * rng.standard_normal(n_users), kind="stable")
    counts = counts[order]
    any_order = rng.permutation(n_users)
    # Busy users skip less: .684 of the rows are kept, and .66 by the mean of the Beta.
    habit = 0.15 * score[order] + np.sqrt(1 - 0.15**2) * rng.standard_normal(n_users)
    skip_a, skip_b = REAL["skip_beta"]
    kept = np.clip(betaincinv(skip_b, skip_a, ndtr(habit)), 1e-3, 1 - 1e-3)

    def trait(correlation: float) -> NDArray:
        own = rng.standard_normal(n_users)
        return correlation * habit + np.sqrt(1 - correlation**2) * own

    return {
        "rows": counts,
        "logit": logit(kept),
        "taste": trait(_TASTE),
        "flow": trait(_FLOW),
        "device": trait(_DEVICE),
        "gender": spread(any_order, counts, REAL["gender_shares"]),
        "age": 18 + spread(rng.permutation(n_users), counts, np.ones(13)),
    }


def _sessions(people: Columns, rng: Generator) -> Columns:
    """Who listens when, where and on what, in the order of user and time.

    The last row of each user is the one to be predicted.
    """
    n_users = len(people["rows"])
    user = np.repeat(np.arange(n_users, dtype=np.int32), people["rows"] + 1)
    n = len(user)
    is_test = np.append(user[1:] != user[:-1], True)
    begins = rng.random(n, dtype=np.float32) < 1 / 8
    begins |= is_test | np.insert(is_test[:-1], 0, True)
    first = np.flatnonzero(begins)
    size = np.diff(np.append(first, n))
    owner = user[first]
    time = _times(owner, first, size, n, rng)
    time[is_test] = np.maximum(time[is_test], time[np.flatnonzero(is_test) - 1] + 60)

    # Context and platform belong to a session; users differ in how often they use Flow, and
    # on what.
    context = _contexts(people["flow"][owner], is_test[first], size, n_users, rng)
    score = people["device"][owner] + 0.3 * rng.standard_normal(len(first))
    platform = spread(np.argsort(score, kind="stable"), size, REAL["platform_shares"])
    session = (np.cumsum(begins) - 1).astype(np.int32)
    return {
        "user": user,
        "is_test": is_test,
        "time": time,
        "session": session,
        "mood": EFFECTS["session"] * rng.standard_normal(len(first), dtype=np.float32),
        "context": context[session],
        "platform": platform[session],
    }


def _times(owner, first, size, n: int, rng: Generator) -> NDArray[np.int64]:
    """Seconds since the first of the month, sessions of a user one after the other."""
    # The rows to be predicted are taken from the last days, so these get more to begin
    # with.
    late = 1.37 * REAL["last_days_share"]
    days = 30 - REAL["last_days"], REAL["last_days"]
    volume = np.repeat([(1 - late) / days[0], late / days[1]], days)
    hours = np.array(REAL["hour_volume"]) / np.sum(REAL["hour_volume"])
    start = rng.choice(30, len(first), p=volume) * _DAY
    start = start + rng.choice(24, len(first), p=hours) * 3600
    start = start + rng.integers(0, 3600, len(first))
    start = start[np.lexsort([start, owner])]
    since = np.cumsum(rng.integers(20, 260, n, dtype=np.int32), dtype=np.int64)
    return np.repeat(start - since[first], size) + since


def _contexts(flow, to_test, size, n_users: int, rng: Generator) -> NDArray[np.int32]:
    """The context of each session."""
    known = np.array(REAL["context_rows"], dtype=float)
    flow_rows = dict(zip(REAL["rare_flow_contexts"], REAL["rare_flow_rows"], strict=True))
    rest = [0 if c in flow_rows else 0.93**c for c in range(len(known), REAL["contexts"])]
    rest = np.array(rest)
    left = REAL["rows"] - known.sum() - sum(flow_rows.values())
    share = np.append(known, rest / rest.sum() * left)
    share[list(flow_rows)] = list(flow_rows.values())
    is_flow = np.isin(np.arange(REAL["contexts"]), REAL["flow_contexts"])

    context = np.empty(len(size), dtype=np.int32)
    score = flow + 0.7 * rng.standard_normal(len(size))
    train = np.flatnonzero(~to_test)
    order = np.argsort(score[train], kind="stable")
    in_flow = spread(order, size[train], [share[~is_flow].sum(), share[is_flow].sum()])
    for value in (0, 1):
        among = train[in_flow == value]
        kinds = np.flatnonzero(is_flow == value)
        order = rng.permutation(len(among))
        context[among] = kinds[spread(order, size[among], share[kinds])]
    kinds = np.array(REAL["test_contexts"])
    shares = REAL["test_context_shares"]
    context[to_test] = kinds[spread(rng.permutation(n_users), np.ones(n_users), shares)]
    return context


def _choose_tracks(
    rows: Columns, people: Columns, tracks: Columns, rng: Generator
) -> NDArray:
    """The track of each row: plays and rows are sorted by taste, but for some noise."""

    def noise(n: int) -> NDArray[np.float32]:
        return rng.standard_normal(n, dtype=np.float32)

    copies = np.repeat(np.arange(len(tracks["plays"]), dtype=np.int32), tracks["plays"])
    taste = people["taste"].astype(np.float32)[rows["user"]]
    taste = taste + 0.7 * noise(len(rows["mood"]))[rows["session"]]
    wanted = np.argsort(taste + 0.7 * noise(len(taste)), kind="stable")
    place = tracks["position"].astype(np.float32)[copies]
    offered = np.argsort(place + 0.3 * noise(len(copies)), kind="stable")
    track = np.empty(len(wanted), dtype=np.int32)
    track[wanted] = copies[offered]
    return track


def _table(
    rows: Columns, people: Columns, tracks: Columns, label, rng: Generator
) -> Columns:
    """The published columns in their types, blemishes included."""
    track, user = rows["track"], rows["user"]
    time = rows["time"] + MONTH[0]
    release = release_dates(track, time, tracks, rng)
    n_old = max(round(REAL["old_timestamps"] * len(user) / REAL["rows"]), 1)
    old = rng.choice(np.flatnonzero(~rows["is_test"]), n_old)
    time[old] = rng.integers(0, 330_000_000, n_old)  # clocks that were never set
    table = {
        "genre_id": tracks["genre"][track],
        "ts_listen": time,
        "media_id": _FIRST_ID + track,
        "album_id": _FIRST_ID + tracks["album"][track],
        "context_type": rows["context"],
        "release_date": release[track],
        "platform_name": np.array(REAL["platform_names"])[rows["platform"]],
        "platform_family": np.array(REAL["platform_families"])[rows["platform"]],
        "media_duration": tracks["duration"][track],
        "listen_type": np.isin(rows["context"], REAL["flow_contexts"]),
        "user_gender": people["gender"][user],
        "user_id": user,
        "artist_id": _FIRST_ID + tracks["artist"][track],
        "user_age": people["age"][user],
        "is_listened": label,
    }
    return {name: table[name].astype(DTYPES[name], copy=False) for name in COLUMNS}
