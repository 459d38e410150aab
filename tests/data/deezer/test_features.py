"""Splits that respect time, features without the row's own answer, who kept what."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import TargetEncoder

from rbm_lib.data import synthetic_deezer
from rbm_lib.data.deezer.features import (
    CATEGORIES,
    day_folds,
    first_flow_split,
    keep_matrix,
    out_of_fold,
    plain_features,
    temporal_split,
    write_submission,
)
from rbm_lib.data.deezer.files import COLUMNS, DTYPES
from tests.data.deezer.support import LISTEN

NOVEMBER, DAY, HOUR = 1_477_958_400, 86_400, 3_600


def table(*changes):
    """One row per dict of changes to an ordinary listen, in the published types."""
    start = {**LISTEN, "ts_listen": NOVEMBER, "release_date": 20150101, "platform_name": 0}
    rows = pd.DataFrame([start | change for change in changes], columns=list(COLUMNS))
    return rows.astype({name: DTYPES[name] for name in COLUMNS})


def at(*times, **changes):
    return table(*({"ts_listen": time, **changes} for time in times))


@pytest.fixture(params=range(3))
def unsorted(request):
    """Listens in no order, of which a third are Flow's, with some wrong clocks."""
    rng = np.random.default_rng(request.param)
    n = 3000
    time = NOVEMBER + 5 * HOUR + rng.integers(0, 28 * DAY, n)
    wrong = [5, NOVEMBER - 1, NOVEMBER + 31 * DAY, 2**32 - 1]
    time = np.where(rng.random(n) < 0.02, rng.choice(wrong, n), time)
    columns = {
        "user_id": rng.integers(0, 400, n),
        "ts_listen": time,
        "listen_type": (rng.random(n) < 0.3).astype("int8"),
    }
    return pd.DataFrame(columns, index=rng.permutation(n) + 7)


@pytest.fixture(scope="module")
def synthetic():
    return synthetic_deezer(0, 60_000).train


# ---- splits


def test_days_begin_at_three_and_wrong_clocks_never_define_the_end():
    cut = NOVEMBER + 27 * DAY + 3 * HOUR
    early = [cut - 1, NOVEMBER, 5, NOVEMBER - 1]
    late = [NOVEMBER + 31 * DAY, 2**32 - 1]

    known, held_out = temporal_split(at(cut, cut + DAY - 1, *early, *late), days=1)

    assert held_out.tolist() == [True, True] + [False] * 6
    assert known.tolist() == [False, False] + [True] * 4 + [False] * 2


@pytest.mark.parametrize("days", [1, 5, 20])
def test_a_temporal_split_does_not_depend_on_the_order_of_the_rows(unsorted, days):
    time = unsorted["ts_listen"].to_numpy()
    known, held_out = temporal_split(unsorted, days)
    assert time[known].max() < time[held_out].min()
    assert 0 < time[held_out].max() - time[held_out].min() < days * DAY
    too_late = time >= NOVEMBER + 31 * DAY
    assert np.array_equal(known.astype(int) + held_out + too_late, np.ones(len(time)))

    order = np.random.default_rng(9).permutation(len(unsorted))
    again = temporal_split(unsorted.iloc[order], days)
    assert np.array_equal(again, np.stack([known, held_out])[:, order])


def test_the_flow_split_holds_out_the_first_one_of_each_user(unsorted):
    known, late = temporal_split(unsorted)
    flow = unsorted[late & (unsorted["listen_type"] == 1)]

    same, held_out = first_flow_split(unsorted)

    assert np.array_equal(same, known)
    chosen = unsorted[held_out].set_index("user_id")["ts_listen"]
    assert chosen.sort_index().equals(flow.groupby("user_id")["ts_listen"].min())
    assert 50 < len(chosen) < len(flow)  # else this says nothing


def test_of_flow_listens_in_one_second_the_first_row_is_held_out():
    late = NOVEMBER + 28 * DAY
    times = np.random.default_rng(0).integers(late, late + 2, 300)

    _, held_out = first_flow_split(at(NOVEMBER, *times, listen_type=1), days=1)

    assert np.flatnonzero(held_out).tolist() == [1 + np.argmin(times)]


def test_what_cannot_be_split_is_refused():
    late = NOVEMBER + 20 * DAY
    with pytest.raises(ValueError, match="days: got 3 of 3, expected fewer"):
        temporal_split(at(late, late + 2 * DAY), days=3)
    with pytest.raises(ValueError, match="days: got 0, expected a whole number"):
        temporal_split(at(late), days=0)
    with pytest.raises(ValueError, match="ts_listen: got no time in November 2016"):
        temporal_split(at(5, NOVEMBER - 1))
    with pytest.raises(
        ValueError, match=r"listen_type: got no 1 \(Flow\) in the last 5 days"
    ):
        first_flow_split(at(NOVEMBER, late))
    with pytest.raises(TypeError, match="listens: got list, expected a DataFrame"):
        temporal_split([1, 2])


@pytest.mark.parametrize(
    "use", [temporal_split, first_flow_split, day_folds, plain_features]
)
def test_a_missing_column_and_a_missing_value_are_named(use):
    frame = at(NOVEMBER, NOVEMBER)
    with pytest.raises(ValueError, match=r"expected \['ts_listen'\] too"):
        use(frame.drop(columns="ts_listen"))
    with pytest.raises(ValueError, match="ts_listen: got a missing value at position 1"):
        use(frame.assign(ts_listen=[NOVEMBER, None]))
    with pytest.raises(TypeError, match="ts_listen: got .* values, expected numbers"):
        use(frame.assign(ts_listen=["noon", "midnight"]))


@pytest.mark.parametrize("n_folds", [2, 5, 7])
def test_folds_are_runs_of_whole_days(unsorted, n_folds):
    time = unsorted["ts_listen"]
    fold = pd.Series(day_folds(unsorted, n_folds), unsorted.index)
    inside = time.between(NOVEMBER, NOVEMBER + 31 * DAY - 1)

    per_day = fold[inside].groupby((time[inside] - 3 * HOUR) // DAY)

    assert (per_day.nunique() == 1).all()
    assert per_day.first().is_monotonic_increasing
    sizes = per_day.first().value_counts()
    assert set(sizes.index) == set(range(n_folds))
    assert sizes.max() - sizes.min() <= 1
    assert set(fold[time < NOVEMBER]) == {0}
    assert set(fold[time >= NOVEMBER + 31 * DAY]) == {n_folds - 1}
    with pytest.raises(ValueError, match="n_folds: got 99, expected at most"):
        day_folds(unsorted, 99)


# ---- features


def test_out_of_fold_is_what_each_fold_gets_from_the_others():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 3))
    y = rng.integers(0, 2, 90)
    folds = rng.integers(3, 6, 90)
    expected = np.empty(90)
    for k in (3, 4, 5):
        fitted = LogisticRegression().fit(X[folds != k], y[folds != k])
        expected[folds == k] = fitted.predict_proba(X[folds == k])[:, 1]

    for rows in (X, pd.DataFrame(X, index=rng.permutation(90)), X.tolist()):
        assert out_of_fold(LogisticRegression(), rows, y, folds) == pytest.approx(expected)
    three = rng.integers(0, 3, 90)
    assert out_of_fold(LogisticRegression(), X, three, folds).shape == (90, 3)
    line = X @ [1.0, 2, 3]
    assert out_of_fold(LinearRegression(), X, line, folds) == pytest.approx(line)


def test_a_rows_own_label_has_no_part_in_its_rates(synthetic):
    rows = synthetic.iloc[:6000]
    X = rows[list(CATEGORIES)]
    y = rows["is_listened"].to_numpy().copy()
    folds = day_folds(rows)
    encoder = TargetEncoder(smooth=20.0)
    rates = out_of_fold(encoder, X, y, folds)

    y[17] = 1 - y[17]
    again = out_of_fold(encoder, X, y, folds)

    own_fold = folds == folds[17]
    assert np.array_equal(again[own_fold], rates[own_fold])
    assert not np.array_equal(again[~own_fold], rates[~own_fold])


def test_out_of_fold_leaves_the_estimator_as_it_was():
    """One that goes on from its last fit would know the labels of every fold."""
    rng = np.random.default_rng(0)
    X, y, folds = rng.standard_normal((30, 2)), np.arange(30) % 2, np.arange(30) % 3

    for estimator in (LogisticRegression(warm_start=True), TargetEncoder()):
        before = dict(vars(estimator))
        out_of_fold(estimator, X, y, folds)

        assert vars(estimator) == before


def test_out_of_fold_refuses_what_does_not_fit():
    X, y, folds = np.zeros((6, 1)), [0, 1, 0, 1, 0, 0], [0, 0, 1, 1, 2, 2]
    with pytest.raises(
        ValueError, match=r"X, y, folds: got shape \(5, 1\), 6 and 6 entries"
    ):
        out_of_fold(LogisticRegression(), X[:5], y, folds)
    with pytest.raises(ValueError, match="folds: got 1, expected two or more"):
        out_of_fold(LogisticRegression(), X, y, np.zeros(6))


def test_plain_features_by_hand():
    """14 November 2016 was a Monday."""
    monday = NOVEMBER + 13 * DAY
    frame = table(
        {
            "ts_listen": monday + 6 * HOUR + 59,
            "release_date": 20161113,
            "media_duration": 0,
        },
        {
            "ts_listen": monday + 18 * HOUR,
            "release_date": 20161115,
            "media_duration": 65_535,
        },
        {"ts_listen": 77, "release_date": 19000101, "listen_type": 1, "user_gender": 0},
        {"release_date": 30000101, "platform_name": 2, "platform_family": 1},
        {
            "release_date": 20160230,
            "platform_name": 1,
            "platform_family": 2,
            "user_age": 30,
        },
    )
    frame.index = list("abcde")
    expected = {
        "hour": [6, 18, 0, 0, 0],
        "hour_sin": [1, -1, 0, 0, 0],
        "hour_cos": [0, 0, 1, 1, 1],
        "weekday": [0, 0, 1, 1, 1],
        "log_duration": np.log1p([0, 3600, 223, 223, 223]),
        "log_track_age": np.log1p([1, 0, 36_525, 0, 245]),
        "before_release": [0, 1, 0, 1, 0],
        "age": [29, 29, 29, 29, 30],
        "gender": [1, 1, 0, 1, 1],
        "flow": [0, 0, 1, 0, 0],
        "platform_name_1": [0, 0, 0, 0, 1],
        "platform_name_2": [0, 0, 0, 1, 0],
        "platform_family_2": [0, 0, 0, 0, 1],
    }

    expected = pd.DataFrame(expected, index=frame.index).astype("float32")
    pd.testing.assert_frame_equal(plain_features(frame), expected, atol=1e-6)


# ---- who kept what


def test_kept_means_at_least_half_of_the_listens():
    rows = [(1, 5, 1), (1, 5, 0), (1, 6, 0), (2, 5, 1), (2, 5, 0), (2, 5, 0), (3, 9, 1)]
    frame = pd.DataFrame(rows, columns=["user_id", "media_id", "is_listened"])

    matrix = keep_matrix(frame)

    assert matrix.n_levels == 2
    assert matrix.to_frame().to_numpy().tolist() == [
        [1, 5, 1],
        [1, 6, 0],
        [2, 5, 0],
        [3, 9, 1],
    ]
    part = keep_matrix(frame, user_ids=[3, 1], item_ids=[9, 5])
    assert part.to_frame().to_numpy().tolist() == [[3, 9, 1], [1, 5, 1]]


def test_rare_items_can_be_left_out(synthetic):
    rows = synthetic.iloc[:4000]
    plays = rows["artist_id"].value_counts()

    matrix = keep_matrix(rows, "artist_id", min_plays=5)

    assert matrix.item_ids.tolist() == sorted(plays[plays >= 5].index)
    assert matrix.user_ids.tolist() == sorted(rows["user_id"].unique())
    with pytest.raises(ValueError, match="min_plays: got 2 and item_ids"):
        keep_matrix(rows, item_ids=[1], min_plays=2)
    with pytest.raises(ValueError, match="is_listened: got other values"):
        keep_matrix(rows.assign(is_listened=2))


def test_a_submission_reads_back_exactly(tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.permutation(500)
    prob = rng.random(500)
    prob[:3] = [0, 1, 1e-12]

    path = write_submission(tmp_path / "new" / "submission.csv", ids, prob)

    header, *lines = path.read_text().splitlines()
    assert header == "sample_id,is_listened"
    pairs = [line.split(",") for line in lines]
    assert [(int(i), float(p)) for i, p in pairs] == list(zip(ids, prob, strict=True))


def test_a_tilde_in_the_path_of_a_submission_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    path = write_submission("~/s.csv", [7], [0.5])

    assert path == tmp_path / "s.csv" and path.is_file()


@pytest.mark.parametrize(
    ("ids", "prob", "message"),
    [
        ([0, 1], [0.5, np.nan], "probability: got a missing value at position 1"),
        ([0, 1], [0.5, 1.01], "probability: got 1.01 at position 1, expected 0 to 1"),
        ([0, 1], [-0.01, 0.5], "probability: got -0.01 at position 0"),
        ([3, 4, 3], [0.5, 0.5, 0.5], "sample_id: got 2 int64 values for 3 probabilities"),
        ([0, 1], [0.5], "sample_id: got 2 int64 values for 1 probabilities"),
        ([0.5, 1], [0.5, 0.5], "sample_id: got 2 float64 values"),
    ],
)
def test_a_bad_submission_is_refused_and_the_old_one_stays(tmp_path, ids, prob, message):
    path = write_submission(tmp_path / "s.csv", [7], [0.5])

    with pytest.raises(ValueError, match=message):
        write_submission(path, ids, prob)

    assert path.read_text() == "sample_id,is_listened\n7,0.5\n"
