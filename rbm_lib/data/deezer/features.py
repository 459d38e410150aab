"""A table of listens (Deezer's columns): splits by time, features that do not know the answer, kept tracks.

Three mistakes make models of listens look good: scoring the rows they were fitted on, rates of users and
tracks computed from the very rows they describe (Micci-Barreca 2001 names the method, target encoding), and a
random split, in which each held-out listen lies between known ones of the same session. Hence: `known` rows
come before `held_out` ones, and what is learned from labels is applied out of fold.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.checks import require_whole
from rbm_lib.data.deezer.files import MONTH
from rbm_lib.data.ratings import RatingMatrix, as_array
from rbm_lib.files import write_whole

# Columns of ids, whose numbers mean nothing: their rates are features (`out_of_fold` of a TargetEncoder).
CATEGORIES = ("user_id", "media_id", "artist_id", "album_id", "genre_id", "context_type")
DAY, NIGHT = 86_400, 10_800  # seconds; a day begins at 3:00 UTC, when the fewest listen
_LONGEST, _OLDEST = 3_600, 36_525  # seconds of a track, days since its release: more counts as this

# ---- splits ----------------------------------------------------------------------------------------------


def temporal_split(listens, days=5):
    """(known, held_out): boolean (n,), two parts of the rows. The last `days` days are held out.

    Days begin at 3:00 UTC, so that hardly a session is cut. The last one is that of the last listen with a
    plausible time, November 2016 or 1 December, as in `deezer_files.oddities`. Other times are clocks that
    were wrong: before November, the row is known (when it really was, nobody knows); after 1 December, it is
    in neither part. Raises TypeError for what is no DataFrame, ValueError for a missing column, `days` that
    is no whole number from 1, no plausible time, or too few days for a known part.
    """
    _need(listens, "ts_listen")
    if isinstance(days, bool) or not isinstance(days, int | np.integer) or days < 1:
        raise ValueError(f"days: got {days!r}, expected a whole number, 1 or more.")
    day, plausible = _days(listens)
    held_out = plausible & (day > day[plausible].max() - days)
    if not (plausible & ~held_out).any():
        n = day[plausible].max() - day[plausible].min() + 1
        raise ValueError(f"days: got {days}, but these listens span {n}: none would be known; hold out less.")
    return ~held_out & (listens["ts_listen"].to_numpy() < MONTH[1]), held_out


def first_flow_split(listens, days=5):
    """(known, held_out): boolean (n,). Held out: each user's first Flow listen in the last `days` days.

    That is the published test's question. `known` and the days are those of `temporal_split`; all other
    listens of the last days are in neither part. A user has one held-out row, or none without such a listen;
    of several in one second it is the first row. Raises what temporal_split does, and ValueError where nobody
    used Flow.
    """
    _need(listens, "user_id", "listen_type")
    known, late = temporal_split(listens, days)
    flow = np.flatnonzero(late & (listens["listen_type"].to_numpy() == 1))
    if not flow.size:
        raise ValueError(f"listen_type: no listen of the last {days} days is Flow's (1); use temporal_split.")
    flow = flow[np.argsort(listens["ts_listen"].to_numpy()[flow], kind="stable")]
    _, first = np.unique(listens["user_id"].to_numpy()[flow], return_index=True)
    held_out = np.zeros(len(listens), dtype=bool)
    held_out[flow[first]] = True
    return known, held_out


def day_folds(listens, n_folds=5):
    """Number of the fold, 0 … n_folds−1, of each row: integers (n,). A fold is a run of consecutive days.

    Runs, not every fifth day: what is learned about a user on the days right before and after is fresher than
    it will be for the days to come. Wrong clocks count as the first or the last day. Raises what
    `temporal_split` does, and ValueError for n_folds that is no whole number from 2 to the number of days.
    """
    _need(listens, "ts_listen")
    day, plausible = _days(listens)
    days = np.unique(day[plausible])
    if (
        isinstance(n_folds, bool)
        or not isinstance(n_folds, int | np.integer)
        or not 2 <= n_folds <= len(days)
    ):
        raise ValueError(
            f"n_folds: got {n_folds!r}, expected a whole number from 2 to {len(days)}, as many as days."
        )
    return np.searchsorted(days, day.clip(days[0], days[-1])) * n_folds // len(days)


# ---- features --------------------------------------------------------------------------------------------


def out_of_fold(estimator, X, y, folds):
    """What `estimator` says about each row when fitted on the other folds: an array in the order of the rows.

    estimator: scikit-learn's, left as it is (clones are fitted). X: DataFrame or array of n rows; y, folds:
    (n,). Of a classifier of two classes: the probability of the second, (n,); of more, `predict_proba`,
    (n, classes); else `transform`, (n, k), else `predict`, (n,). With a TargetEncoder: rates of users and
    tracks in which the row's own label has no part. Raises ValueError for lengths that differ, fewer than two
    folds, or a label that occurs in one fold only.
    """
    from sklearn.base import clone

    y, folds = _flat("y", y), _flat("folds", folds)
    if not hasattr(X, "__len__"):
        raise TypeError(f"X: got {type(X).__name__}, expected a DataFrame or an array of rows.")
    if y.shape != (len(X),) or folds.shape != (len(X),):
        raise ValueError(
            f"X, y, folds: got {len(X)} rows and shapes {y.shape}, {folds.shape}; expected (n,) of each row."
        )
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError(f"folds: got {len(numbers)} fold, expected two or more (see day_folds).")
    result, classes = None, np.unique(y) if hasattr(estimator, "predict_proba") else None
    for number in numbers:
        inside = folds == number
        fitted = clone(estimator).fit(_rows(X, ~inside), y[~inside])
        if classes is not None and not np.array_equal(fitted.classes_, classes):
            raise ValueError(
                f"y: without fold {number} only the labels {fitted.classes_.tolist()} are left, expected "
                f"{classes.tolist()}; choose other folds."
            )
        values = np.asarray(_apply(fitted, _rows(X, inside)))
        if result is None:
            result = np.empty((len(X), *values.shape[1:]), values.dtype)
        result[inside] = values
    return result


def plain_features(listens):
    """What a row says about itself: DataFrame float32, the index of `listens`, no row knowing of another.

    hour 0 … 23, hour_sin, hour_cos and weekday (Monday 0), UTC; log_duration: log(1 + seconds), up to an
    hour; log_track_age: log(1 + days since release), 0 to 100 years, 0 for dates to come; before_release;
    age (years), gender, flow; platform_name_1, platform_name_2, platform_family_2: 0 or 1. A clock before or
    after its month counts as its first or last second. Left out: ids, among them user_id, which is ranked by
    activity over the *whole* month. Raises TypeError for what is no DataFrame, ValueError for a missing
    column.
    """
    _need(
        listens, "ts_listen", "media_duration", "release_date", "user_age", "user_gender", "listen_type",
        "platform_name", "platform_family",
    )  # fmt: skip
    time = listens["ts_listen"].to_numpy().astype(np.int64).clip(MONTH[0], MONTH[1] - 1)
    hour = time // 3600 % 24
    year, rest = np.divmod(listens["release_date"].to_numpy(), 10_000)
    # A date that is none, such as 20160230, counts on into the next month.
    month = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (rest // 100 - 1)
    release = (month.astype("datetime64[D]") + (rest % 100 - 1)).astype(np.int64)
    since = time // DAY - release
    columns = {
        "hour": hour, "hour_sin": np.sin(hour * (np.pi / 12)), "hour_cos": np.cos(hour * (np.pi / 12)),
        "weekday": (time // DAY + 3) % 7,  # 1970 began on a Thursday
        "log_duration": np.log1p(listens["media_duration"].to_numpy().clip(0, _LONGEST)),
        "log_track_age": np.log1p(since.clip(0, _OLDEST)), "before_release": since < 0,
        "age": listens["user_age"], "gender": listens["user_gender"], "flow": listens["listen_type"],
        "platform_name_1": listens["platform_name"] == 1, "platform_name_2": listens["platform_name"] == 2,
        "platform_family_2": listens["platform_family"] == 2,
    }  # fmt: skip
    columns = {name: np.asarray(values, dtype=np.float32) for name, values in columns.items()}
    return pd.DataFrame(columns, index=listens.index, copy=False)


# ---- who kept what ----------------------------------------------------------------------------------------


def keep_matrix(listens, item="media_id", user_ids=None, item_ids=None, min_plays=1):
    """RatingMatrix of users and items: level 1, kept in at least half of the listens, or 0, skipped.

    Not listened to is missing. item: the column of the items, such as artist_id. user_ids, item_ids: the
    catalogue, in the order of rows and columns; listens of others are left out. By default all that occur,
    sorted, but of the items only those with `min_plays` listens or more. Raises TypeError for what is no
    DataFrame, ValueError for a missing column, labels other than 0 and 1, min_plays together with item_ids,
    and an id twice in a catalogue.
    """
    _need(listens, "user_id", item, "is_listened")
    if not listens["is_listened"].isin([0, 1]).all():
        raise ValueError("is_listened: got values other than 0 and 1; leave such rows out.")
    min_plays = require_whole("min_plays", min_plays)
    if min_plays > 1 and item_ids is not None:
        raise ValueError(f"min_plays: got {min_plays} and item_ids; leave one of them out.")
    user_ids = np.unique(listens["user_id"]) if user_ids is None else _flat("user_ids", user_ids)
    item_ids = None if item_ids is None else _flat("item_ids", item_ids)
    if item_ids is None:
        item_ids, plays = np.unique(listens[item], return_counts=True)
        item_ids = item_ids[plays >= min_plays]
    inside = listens["user_id"].isin(user_ids) & listens[item].isin(item_ids)
    rows = listens[["user_id", item, "is_listened"]]
    rows = rows if inside.all() else rows[inside]
    share = rows.groupby(["user_id", item], sort=False)["is_listened"].mean().reset_index()
    return RatingMatrix(
        share["user_id"].to_numpy(), share[item].to_numpy(), share["is_listened"].to_numpy() >= 0.5,
        n_levels=2, user_ids=user_ids, item_ids=item_ids,
    )  # fmt: skip


def write_submission(path, sample_id, probability):
    """Write the competition's file, `sample_id,is_listened`, the latter P(kept): its path.

    sample_id: whole numbers (n,), each once; probability (n,). Every number is read back as it was given. The
    file is there whole or not at all: OSError where it cannot be written. Raises ValueError for lengths that
    differ, no rows, an id twice, or a probability missing or outside 0 … 1.
    """
    path, ids, prob = Path(path), np.asarray(sample_id), np.asarray(probability, dtype=float)
    if ids.ndim != 1 or ids.shape != prob.shape or not len(ids):
        raise ValueError(
            f"sample_id, probability: got shapes {ids.shape}, {prob.shape}, expected two equal (n,), n > 0."
        )
    if ids.dtype.kind not in "iu":
        raise ValueError(f"sample_id: got {ids.dtype} values, expected whole numbers.")
    if (again := pd.Series(ids).duplicated().to_numpy()).any():
        raise ValueError(f"sample_id: {ids[again][0]} is there twice; give one row per id.")
    if not ((prob >= 0) & (prob <= 1)).all():
        wrong = int(np.flatnonzero(~((prob >= 0) & (prob <= 1)))[0])
        raise ValueError(f"probability: got {prob[wrong]} at position {wrong}, expected 0 to 1.")
    rows = zip(ids.tolist(), prob.tolist(), strict=True)  # Python's numbers: their text is exact
    write_whole(path, "\n".join(["sample_id,is_listened", *(f"{i},{p}" for i, p in rows), ""]))
    return path


# ---- parts ------------------------------------------------------------------------------------------------


def _need(listens, *columns):
    if not isinstance(listens, pd.DataFrame):
        raise TypeError(f"listens: got {type(listens).__name__}, expected a DataFrame such as Deezer.train.")
    if missing := [name for name in columns if not isinstance(name, str) or name not in listens]:
        raise ValueError(f"listens: has no column {missing}, only {list(listens)}; see load_deezer.")
    for name in columns:
        values = listens[name]
        if name not in CATEGORIES and not pd.api.types.is_numeric_dtype(values):
            raise TypeError(f"{name}: got {values.dtype} values, expected numbers.")
        if pd.api.types.is_numeric_dtype(values):
            wrong = ~(np.abs(values.to_numpy(dtype=float, na_value=np.nan)) <= 2**53)  # NaN too
        else:  # missing ids, or ids of another type than the first
            types = values.map(type).to_numpy()
            wrong = values.isna().to_numpy() | (types != types[:1])
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"{name}: got {values.iloc[row]!r} at position {row}, expected numbers; leave it out."
            )


def _flat(name, values):
    """A list, array, Series or tensor as an array (n,) without missing values."""
    values = as_array(values)
    if values.ndim != 1 or pd.isna(values).any():
        what = f"shape {values.shape}" if values.ndim != 1 else "a missing value"
        raise ValueError(f"{name}: got {what}, expected a flat list without missing values.")
    return values


def _days(listens):
    """Number of the day since 1970, beginning at 3:00 UTC, and whether its time is plausible, both (n,)."""
    time = listens["ts_listen"].to_numpy().astype(np.int64)
    plausible = (time >= MONTH[0]) & (time < MONTH[1])
    if not plausible.any():
        raise ValueError("ts_listen: no listen is of November 2016; expected seconds since 1970, UTC.")
    return (time - NIGHT) // DAY, plausible


def _rows(X, chosen):
    return X.iloc[chosen] if hasattr(X, "iloc") else np.asarray(X)[chosen]


def _apply(fitted, X):
    if hasattr(fitted, "predict_proba"):
        prob = fitted.predict_proba(X)
        return prob[:, 1] if prob.shape[1] == 2 else prob
    return fitted.transform(X) if hasattr(fitted, "transform") else fitted.predict(X)
