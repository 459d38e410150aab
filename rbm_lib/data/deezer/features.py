"""A table of listens (Deezer's columns): splits by time, features, and who kept what.

Three mistakes make models of listens look good: scoring the rows they were fitted on; rates
of users and tracks computed from the very rows they describe (the smoothing of such rates,
today called target encoding, is Micci-Barreca's, 2001); and a random split, in which a
held-out listen lies between known ones of the same session. So `known` rows come before
`held_out` ones, and what is learned from labels is applied out of fold.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import require_whole
from rbm_lib.data.deezer.files import MONTH
from rbm_lib.data.ids import as_array, flat_array
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.files import write_whole

# Columns of ids, whose numbers mean nothing; their rates are features (see `out_of_fold`).
CATEGORIES = ("user_id", "media_id", "artist_id", "album_id", "genre_id", "context_type")
_DAY = 86_400  # seconds
_NIGHT = 10_800  # a day begins at 3:00 UTC, when the fewest listen
_LONGEST, _OLDEST = 3_600, 36_525  # seconds of a track and days since its release, at most

Mask = NDArray[np.bool_]


def temporal_split(listens: pd.DataFrame, days: int = 5) -> tuple[Mask, Mask]:
    """Split rows into `known` and `held_out`, the last days.

    Days begin at 3:00 UTC, so that hardly a session is cut. The last one is that of the
    last listen in November 2016 or on 1 December. Other times are clocks that were wrong:
    rows before November are known, rows after 1 December are in neither part.

    Returns
    -------
    known, held_out : boolean (n,)
    """
    _require_columns(listens, "ts_listen")
    days = require_whole("days", days)
    day, plausible = _days(listens)
    last = day[plausible].max()
    held_out = plausible & (day > last - days)
    if not (plausible & ~held_out).any():
        span = last - day[plausible].min() + 1
        raise ValueError(f"days: got {days} of {span}, expected fewer. Hold out less.")
    return ~held_out & (listens["ts_listen"].to_numpy() < MONTH[1]), held_out


def first_flow_split(listens: pd.DataFrame, days: int = 5) -> tuple[Mask, Mask]:
    """Hold out each user's first Flow listen in the last days, as the published test does.

    `known` is that of `temporal_split`; other listens of the last days are in neither part.
    Of several listens in one second the first row counts.

    Returns
    -------
    known, held_out : boolean (n,)
    """
    _require_columns(listens, "user_id", "listen_type")
    known, late = temporal_split(listens, days)
    flow = np.flatnonzero(late & (listens["listen_type"].to_numpy() == 1))
    if not flow.size:
        raise ValueError(
            f"listen_type: got no 1 (Flow) in the last {days} days, expected one or more. "
            "Use temporal_split."
        )
    flow = flow[np.argsort(listens["ts_listen"].to_numpy()[flow], kind="stable")]
    _, first = np.unique(listens["user_id"].to_numpy()[flow], return_index=True)
    held_out = np.zeros(len(listens), dtype=bool)
    held_out[flow[first]] = True
    return known, held_out


def day_folds(listens: pd.DataFrame, n_folds: int = 5) -> NDArray[np.int64]:
    """Number the folds, 0 to n_folds - 1, which are runs of consecutive days.

    Runs, because what is learned about a user on the days right before and after is fresher
    than it will be for the days to come. Wrong clocks count as the first or the last day.
    """
    _require_columns(listens, "ts_listen")
    day, plausible = _days(listens)
    days = np.unique(day[plausible])
    n_folds = require_whole("n_folds", n_folds, least=2)
    if n_folds > len(days):
        raise ValueError(f"n_folds: got {n_folds}, expected at most {len(days)} (days).")
    return np.searchsorted(days, day.clip(days[0], days[-1])) * n_folds // len(days)


def out_of_fold(estimator, X, y: ArrayLike, folds: ArrayLike) -> NDArray:
    """Apply a scikit-learn estimator to each row after fitting clones on the other folds.

    With a TargetEncoder this gives rates of users and tracks in which the row's own label
    has no part.

    Parameters
    ----------
    X : DataFrame or array, n rows
    y, folds : (n,)

    Returns
    -------
    array, n rows
        Of a classifier of two classes the probability of the second, (n,), of more classes
        all; else what `transform` gives, or `predict`.
    """
    from sklearn.base import clone  # slow to import

    X = X if isinstance(X, pd.DataFrame) else np.asarray(X)
    y = flat_array("y", y)
    folds = flat_array("folds", folds)
    if X.ndim != 2 or not len(X) == len(y) == len(folds):
        got = f"shape {X.shape}, {len(y)} and {len(folds)} entries"
        raise ValueError(f"X, y, folds: got {got}, expected a table and an entry per row.")
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError(f"folds: got {len(numbers)}, expected two or more.")
    # Asked of the object, because its settings decide what an estimator can do.
    methods = ["predict_proba", "transform", "predict"]
    method = next(name for name in methods if hasattr(estimator, name))
    parts = []
    for number in numbers:
        inside = folds == number
        fitted = clone(estimator).fit(X[~inside], y[~inside])
        parts.append(getattr(fitted, method)(X[inside]))
    place = np.argsort(np.argsort(folds, kind="stable"))
    result = np.concatenate(parts)[place]
    if method == "predict_proba" and result.shape[1] == 2:
        return result[:, 1]
    return result


def plain_features(listens: pd.DataFrame) -> pd.DataFrame:
    """What a row says about itself, as float32 columns; no row depends on another.

    hour (0 to 23), hour_sin, hour_cos, weekday (Monday is 0), all UTC; log_duration, of 1 +
    seconds, up to an hour; log_track_age, of 1 + days since release, up to 100 years and 0
    for dates to come; before_release; age (years), gender, flow; platform_name_1,
    platform_name_2, platform_family_2. Times outside the month count as its first or last
    second. Ids are left out, among them user_id, which is ranked by activity over the whole
    month.
    """
    needed = "ts_listen media_duration release_date user_age user_gender listen_type"
    _require_columns(listens, *needed.split(), "platform_name", "platform_family")
    time = listens["ts_listen"].to_numpy().astype(np.int64).clip(MONTH[0], MONTH[1] - 1)
    hour = time // 3600 % 24
    year, rest = np.divmod(listens["release_date"].to_numpy(), 10_000)
    # A date that does not exist, such as 20160230, counts on into the next month.
    month = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    month = month + (rest // 100 - 1)
    release = (month.astype("datetime64[D]") + (rest % 100 - 1)).astype(np.int64)
    age = time // _DAY - release
    columns = {
        "hour": hour,
        "hour_sin": np.sin(hour * (np.pi / 12)),
        "hour_cos": np.cos(hour * (np.pi / 12)),
        "weekday": (time // _DAY + 3) % 7,  # 1970 began on a Thursday
        "log_duration": np.log1p(listens["media_duration"].to_numpy().clip(0, _LONGEST)),
        "log_track_age": np.log1p(age.clip(0, _OLDEST)),
        "before_release": age < 0,
        "age": listens["user_age"],
        "gender": listens["user_gender"],
        "flow": listens["listen_type"],
        "platform_name_1": listens["platform_name"] == 1,
        "platform_name_2": listens["platform_name"] == 2,
        "platform_family_2": listens["platform_family"] == 2,
    }
    columns = {name: np.asarray(values, np.float32) for name, values in columns.items()}
    return pd.DataFrame(columns, index=listens.index, copy=False)


def keep_matrix(
    listens: pd.DataFrame,
    item: str = "media_id",
    user_ids: ArrayLike | None = None,
    item_ids: ArrayLike | None = None,
    min_plays: int = 1,
) -> RatingMatrix:
    """Who kept what: level 1 if at least half of the listens were kept, else 0.

    Parameters
    ----------
    item : str
        The column of the items, such as "artist_id".
    user_ids, item_ids : optional
        The catalogue; listens of others are left out. By default all that occur, sorted.
    min_plays : int
        Instead of item_ids: leave out items with fewer listens.
    """
    _require_columns(listens, "user_id", item, "is_listened")
    if not np.isin(listens["is_listened"], [0, 1]).all():
        raise ValueError("is_listened: got other values, expected 0 and 1.")
    min_plays = require_whole("min_plays", min_plays)
    if min_plays > 1 and item_ids is not None:
        raise ValueError(f"min_plays: got {min_plays} and item_ids, expected one of them.")
    if user_ids is None:
        user_ids = np.unique(listens["user_id"])
    if item_ids is None:
        found, plays = np.unique(listens[item], return_counts=True)
        item_ids = found[plays >= min_plays]
    users = pd.Series(as_array("user_ids", user_ids))
    items = pd.Series(as_array("item_ids", item_ids))
    inside = listens["user_id"].isin(users) & listens[item].isin(items)
    rows = listens.loc[inside, ["user_id", item, "is_listened"]]
    share = rows.groupby(["user_id", item], sort=False)["is_listened"].mean().reset_index()
    kept = share["is_listened"].to_numpy() >= 0.5
    pairs = share["user_id"], share[item]
    return RatingMatrix(*pairs, kept, n_levels=2, user_ids=users, item_ids=items)


def write_submission(
    path: str | Path, sample_id: ArrayLike, probability: ArrayLike
) -> Path:
    """Write the competition's file `sample_id,is_listened`, where the latter is P(kept).

    Every number is read back as it was given, and the file is there whole or not at all.
    """
    ids = flat_array("sample_id", sample_id)
    prob = flat_array("probability", probability)
    if ids.shape != prob.shape or ids.dtype.kind not in "iu" or not pd.Index(ids).is_unique:
        raise ValueError(
            f"sample_id: got {len(set(ids))} {ids.dtype} values for {len(prob)} "
            "probabilities, expected different whole numbers, one for each."
        )
    wrong = np.flatnonzero((prob < 0) | (prob > 1))
    if wrong.size:
        got = f"{prob[wrong[0]]} at position {wrong[0]}"
        raise ValueError(f"probability: got {got}, expected 0 to 1.")
    table = pd.DataFrame({"sample_id": ids, "is_listened": prob})
    path = Path(path).expanduser()
    write_whole(path, table.to_csv(index=False, lineterminator="\n"))
    return path


def _require_columns(listens: pd.DataFrame, *columns: str) -> None:
    """Check that the table has these columns, without missing values."""
    if not isinstance(listens, pd.DataFrame):
        given = type(listens).__name__
        raise TypeError(f"listens: got {given}, expected a DataFrame such as Deezer.train.")
    missing = [name for name in columns if name not in listens]
    if missing:
        raise ValueError(f"listens: got columns {list(listens)}, expected {missing} too.")
    for name in columns:
        if name not in CATEGORIES and not pd.api.types.is_numeric_dtype(listens[name]):
            raise TypeError(f"{name}: got {listens[name].dtype} values, expected numbers.")
        flat_array(name, listens[name])


def _days(listens: pd.DataFrame) -> tuple[NDArray[np.int64], Mask]:
    """Number of the day, which begins at 3:00 UTC, and whether its time is plausible."""
    time = listens["ts_listen"].to_numpy().astype(np.int64)
    plausible = (time >= MONTH[0]) & (time < MONTH[1])
    if not plausible.any():
        raise ValueError("ts_listen: got no time in November 2016, expected seconds.")
    return (time - _NIGHT) // _DAY, plausible
