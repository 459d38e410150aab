"""A synthetic stand-in for Deezer's DSG17 listens: invented people and tracks, the real marginals.

It exists so that every lesson runs without a network. Figures computed on it say nothing about real people.
Method: a listen's logit is the sum of a user's own, of the user in this week, of the track, of the session
and of how well the track suits the user; an offset for each context, platform, age, gender, hour and for the
last days is then fitted so that the rates are the real ones (raking).
"""

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import beta, norm

from rbm_lib.data.deezer import marginals as real
from rbm_lib.data.deezer.catalogue import make_tracks, release_dates, spread
from rbm_lib.data.deezer.files import COLUMNS, DTYPES, flag
from rbm_lib.data.deezer.load import Deezer

# Spread of the parts of the logit. Found by hand: a user's rate, and a track's, then predict as in reality.
USER, WEEK, TRACK, SESSION, SUITS = 1.15, 1.7, 0.8, 0.9, 0.2
# Correlation of a user's own logit with taste and with the use of Flow and devices: much of what a track or a
# platform seems to do to the rate is who uses it. Without, models would gain more than in reality.
TASTE, FLOW, DEVICE = 0.5, -0.4, 0.6
_START = 1_477_958_400  # 2016-11-01 00:00 UTC, in seconds; the month has 30 days
_DAY, _INVENTED = 86_400, 1_000_000_000  # ids from here on: no real track, album or artist has them
_RAKED_ON = 400_000  # rows that the offsets are fitted on, at most


def synthetic_deezer(seed=0, n_rows=200_000):
    """Invent n_rows listens of November 2016, and the first Flow track of each user after them.

    Deterministic in `seed`. Tracks, albums, artists and genres are as many per row as in reality; users are
    one in 107 rows, at most 19,918. Returns Deezer with source "synthetic", a `test` of one row per user
    without label, and its truth in `test_label`. Ids of tracks, albums and artists begin at 1,000,000,000.
    7.5 million rows need about 2 GB of memory. Raises ValueError for fewer than 2,000 rows.
    """
    if isinstance(n_rows, bool) or not isinstance(n_rows, int | np.integer) or n_rows < 2000:
        raise ValueError(f"n_rows is {n_rows!r}: expected a whole number, 2000 or more")
    rng = np.random.Generator(np.random.PCG64(seed))
    people = _people(int(n_rows), rng)
    rows = _sessions(people, rng)
    tracks = make_tracks(int(n_rows), len(rows["user"]), rng)
    _choose_tracks(rows, people, tracks, rng)
    label = _labels(rows, people, tracks, rng)
    table = _table(rows, people, tracks, label, rng)
    del rows
    is_test = table.pop("is_test")
    order = rng.permutation(np.flatnonzero(~is_test))
    train = pd.DataFrame({name: table[name][order] for name in COLUMNS}, copy=False)
    order = rng.permutation(np.flatnonzero(is_test))
    test = pd.DataFrame({name: table[name][order] for name in COLUMNS}, copy=False)
    truth = test.pop("is_listened")
    test.insert(0, "sample_id", np.arange(len(test), dtype=DTYPES["sample_id"]))
    flags = flag({"synthetic train": train, "synthetic test": test})
    origin = (
        f"synthetic listens (seed {seed}): {len(train):,} invented listens of {len(test):,} invented people"
    )
    return Deezer("synthetic", train, test, flags, "synthetic", origin, None, truth)


def _people(n, rng):
    """Rows of each user and what does not change about them, ranked by activity but for some noise."""
    n_users = min(real.USERS, round(n / 107))
    level = (np.arange(n_users) + 0.5) / n_users
    counts = np.exp(np.interp(level, real.ACTIVITY_LEVELS, np.log(real.ACTIVITY)))
    counts = np.maximum(np.round(counts * n / counts.sum()).astype(int), 1)
    left = n - counts.sum()  # by rounding: the busiest, hence last, users take it
    counts[-1 - np.arange(abs(left)) % n_users] += np.sign(left)
    score = norm.ppf(level)
    order = np.argsort(-score + 0.3 * rng.standard_normal(n_users), kind="stable")
    counts, score = counts[order], score[order]
    any_order = rng.permutation(n_users)
    # Busy users skip a little less: hence .684 by rows, where the mean of the Beta distribution is .66.
    habit = 0.15 * score + np.sqrt(1 - 0.15**2) * rng.standard_normal(n_users)

    def trait(correlation):
        """Normal; who skips little differs in it from who skips much."""
        return correlation * habit + np.sqrt(1 - correlation**2) * rng.standard_normal(n_users)

    return {
        "rows": counts,
        "logit": logit(np.clip(beta.ppf(norm.cdf(habit), *real.SKIP_BETA[::-1]), 1e-3, 1 - 1e-3)),
        "taste": trait(TASTE),
        "flow": trait(FLOW),
        "device": trait(DEVICE),
        "gender": spread(any_order, counts, real.GENDERS),
        "age": 18 + spread(rng.permutation(n_users), counts, np.ones(13)),
    }


def _sessions(people, rng):
    """Who listens when, where and on what: arrays by row, in the order of user and time.

    The last row of each user is the one to be predicted.
    """
    n_users = len(people["rows"])
    user = np.repeat(np.arange(n_users, dtype=np.int32), people["rows"] + 1)
    n = len(user)
    is_test = np.append(user[1:] != user[:-1], True)
    begins = rng.random(n, dtype=np.float32) < 1 / 8
    begins |= is_test | np.insert(is_test[:-1], 0, True)
    first = np.flatnonzero(begins)
    session = (np.cumsum(begins) - 1).astype(np.int32)
    size, of = np.diff(np.append(first, n)), user[first]

    # The rows to be predicted are the last ones, and taken from the last days: these get more to begin with.
    days, late = (30 - real.LAST_DAYS, real.LAST_DAYS), 1.37 * real.LAST_DAYS_SHARE
    volume = np.repeat([(1 - late) / days[0], late / days[1]], days)
    hours = np.array(real.HOUR_VOLUME) / np.sum(real.HOUR_VOLUME)
    start = rng.choice(30, len(first), p=volume) * _DAY + rng.choice(24, len(first), p=hours) * 3600
    start = start + rng.integers(0, 3600, len(first))
    start = start[np.lexsort([start, of])]
    step = rng.integers(20, 260, n, dtype=np.int32)
    since = np.cumsum(step, dtype=np.int64)
    time = np.repeat(start - since[first], size) + since
    time[is_test] = np.maximum(time[is_test], time[np.flatnonzero(is_test) - 1] + 60)

    # Context and platform belong to a session; the users differ in how often they use Flow, and on what.
    known = np.array(real.CONTEXT_ROWS, dtype=float)
    rest = np.array([0 if c in real.FLOW_ROWS else 0.93**c for c in range(len(known), real.CONTEXTS)])
    share = np.append(known, rest / rest.sum() * (real.ROWS - known.sum() - sum(real.FLOW_ROWS.values())))
    share[list(real.FLOW_ROWS)] = list(real.FLOW_ROWS.values())
    flows = np.isin(np.arange(real.CONTEXTS), real.FLOW_CONTEXTS)
    to_test, context = is_test[first], np.empty(len(first), dtype=np.int32)
    score = people["flow"][of] + 0.7 * rng.standard_normal(len(first))
    train = np.flatnonzero(~to_test)
    is_flow = spread(
        np.argsort(score[train], kind="stable"), size[train], [share[~flows].sum(), share[flows].sum()]
    )
    for value in (0, 1):
        among, kinds = train[is_flow == value], np.flatnonzero(flows == value)
        part = spread(rng.permutation(len(among)), size[among], share[kinds])
        context[among] = kinds[part]
    one = np.ones(n_users)
    kinds = np.array(list(real.TEST_CONTEXTS))
    context[to_test] = kinds[spread(rng.permutation(n_users), one, list(real.TEST_CONTEXTS.values()))]
    score = people["device"][of] + 0.3 * rng.standard_normal(len(first))
    platform = spread(np.argsort(score, kind="stable"), size, [share for share, _ in real.PLATFORMS.values()])
    mood = SESSION * rng.standard_normal(len(first), dtype=np.float32)
    return {
        "user": user, "is_test": is_test, "time": time, "session": session, "of": of, "mood": mood,
        "context": context[session], "platform": platform[session],
    }  # fmt: skip


def _choose_tracks(rows, people, tracks, rng):
    """Adds which track a row plays: plays and rows are both sorted by taste, but for some noise."""
    copies = np.repeat(np.arange(len(tracks["plays"]), dtype=np.int32), tracks["plays"])

    def noise(size, n):
        return size * rng.standard_normal(n, dtype=np.float32)

    wanted = people["taste"].astype(np.float32)[rows["user"]] + noise(0.7, len(rows["of"]))[rows["session"]]
    wanted = np.argsort(wanted + noise(0.7, len(wanted)), kind="stable")
    offered = np.argsort(
        tracks["position"].astype(np.float32)[copies] + noise(0.3, len(copies)), kind="stable"
    )
    rows["track"] = np.empty(len(wanted), dtype=np.int32)
    rows["track"][wanted] = copies[offered]


def _labels(rows, people, tracks, rng):
    """Draws is_listened for every row. See the top of the module."""
    user, session, track = rows["user"], rows["session"], rows["track"]
    n_users, hour = len(people["rows"]), rows["time"] // 3600 % 24
    week = WEEK * rng.standard_normal((n_users, 6), dtype=np.float32)
    value = (USER * people["logit"]).astype(np.float32)[user]
    value += week[user, rows["time"] // (7 * _DAY)]
    value += TRACK * tracks["effect"].astype(np.float32)[track]
    value += rows["mood"][session]
    value -= SUITS * np.abs(people["taste"][user] - tracks["position"][track]).astype(np.float32)

    group = np.full(real.CONTEXTS, len(real.CONTEXT_RATE) - 1)
    group[list(real.FLOW_CONTEXTS)] = len(real.CONTEXT_RATE) - 2
    for k, context in enumerate(list(real.CONTEXT_RATE)[:-2]):
        group[context] = k
    late = rows["time"] >= (30 - real.LAST_DAYS) * _DAY
    factors = [
        (hour, real.HOUR_RATE), (people["age"][user] - 18, real.AGE_RATE),
        (people["gender"][user], real.GENDER_RATE), (late.astype(int), real.LAST_DAYS_RATE),
        (group[rows["context"]], list(real.CONTEXT_RATE.values())),
        (rows["platform"], [rate for _, rate in real.PLATFORMS.values()]),
    ]  # fmt: skip
    fit_on = np.flatnonzero(~rows["is_test"])
    if len(fit_on) > _RAKED_ON:
        fit_on = rng.choice(fit_on, _RAKED_ON, replace=False)
    for (level, _), offset in zip(factors, _rake(value[fit_on], factors, fit_on), strict=True):
        value += offset.astype(np.float32)[level]
    # Systematic sampling: each row has its own chance, but the sums over contexts and hours hardly vary.
    order = np.argsort(rows["context"] * 24 + hour + rng.random(len(value)), kind="stable")
    total = np.cumsum(expit(value[order]), dtype=float) + rng.random()
    label = np.empty(len(value), dtype=np.int8)
    label[order] = np.diff(np.floor(total), prepend=0)
    return label


def _rake(value, factors, rows, rounds=25):
    """An offset per factor and level, with which the mean chance in every level is the given rate."""
    levels = [level[rows] for level, _ in factors]
    offsets = [np.zeros(len(rates)) for _, rates in factors]
    value = value.astype(float)
    for _ in range(rounds):
        for k, (_, rates) in enumerate(factors):
            n = np.bincount(levels[k], minlength=len(rates))
            mean = np.bincount(levels[k], expit(value), len(rates)) / np.maximum(n, 1)
            step = np.where(n > 0, logit(rates) - logit(np.clip(mean, 1e-6, 1 - 1e-6)), 0)
            offsets[k] += step
            value += step[levels[k]]
    return offsets


def _table(rows, people, tracks, label, rng):
    """Column → values, in the published types, blemishes included."""
    track, user, time = rows["track"], rows["user"], rows["time"] + _START
    release = release_dates(track, time, tracks, rng)
    old = rng.choice(
        np.flatnonzero(~rows["is_test"]), max(round(real.OLD_TIMESTAMPS * len(user) / real.ROWS), 1)
    )
    time[old] = rng.integers(0, 330_000_000, len(old))  # clocks that were never set
    platform = np.array(list(real.PLATFORMS))
    table = {
        "genre_id": tracks["genre"][track], "ts_listen": time, "media_id": _INVENTED + track,
        "album_id": _INVENTED + tracks["album"][track], "context_type": rows["context"],
        "release_date": release[track], "platform_name": platform[rows["platform"], 0],
        "platform_family": platform[rows["platform"], 1], "media_duration": tracks["duration"][track],
        "listen_type": np.isin(rows["context"], real.FLOW_CONTEXTS), "user_gender": people["gender"][user],
        "user_id": user, "artist_id": _INVENTED + tracks["artist"][track], "user_age": people["age"][user],
        "is_listened": label,
    }  # fmt: skip
    table = {name: table[name].astype(DTYPES[name], copy=False) for name in COLUMNS}
    return {**table, "is_test": rows["is_test"]}
