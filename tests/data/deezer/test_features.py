"""Listens: splits that respect time, features without the row's own answer, who kept what, the submission."""

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import TargetEncoder

from rbm_lib.data import load_deezer, synthetic_deezer
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

NOVEMBER, DAY, HOUR = 1_477_958_400, 86_400, 3_600
BASE = {
    "genre_id": 7, "ts_listen": NOVEMBER, "media_id": 11, "album_id": 21, "context_type": 0,
    "release_date": 20150101, "platform_name": 0, "platform_family": 0, "media_duration": 200,
    "listen_type": 0, "user_gender": 1, "user_id": 1, "artist_id": 31, "user_age": 20, "is_listened": 1,
}  # fmt: skip


def table(*changes):
    """One row per dict of changes to BASE, in the published types."""
    return pd.DataFrame([{**BASE, **c} for c in changes], columns=list(COLUMNS)).astype(
        {name: DTYPES[name] for name in COLUMNS}
    )


def at(*times, **changes):
    return table(*({"ts_listen": t, **changes} for t in times))


def random_listens(seed, n=3000, users=40):
    """In no order, clocks wrong here and there, a third Flow."""
    rng = np.random.default_rng(seed)
    time = NOVEMBER + 5 * HOUR + rng.integers(0, 28 * DAY, n)
    time[rng.random(n) < 0.02] = rng.choice([5, NOVEMBER - 1, NOVEMBER + 31 * DAY, 2**32 - 1])
    return pd.DataFrame(
        {
            "user_id": rng.integers(0, users, n), "media_id": rng.integers(0, 100, n), "ts_listen": time,
            "listen_type": (rng.random(n) < 0.3).astype("int8"), "is_listened": rng.integers(0, 2, n),
        },
        index=rng.permutation(n) + 7,
    )  # fmt: skip


@pytest.fixture(scope="module")
def synthetic():
    return synthetic_deezer(0, 60_000).train


# ---- splits ----------------------------------------------------------------------------------------------


def test_the_last_days_begin_at_three_and_wrong_clocks_never_define_the_end():
    cut = NOVEMBER + 27 * DAY + 3 * HOUR  # the last listen is of the day from 28 November, 3:00
    frame = at(cut, cut - 1, NOVEMBER, 5, NOVEMBER - 1, NOVEMBER + 31 * DAY, 2**32 - 1, cut + DAY - 1)
    known, held_out = temporal_split(frame, days=1)
    assert held_out.tolist() == [True] + 6 * [False] + [True]
    assert known.tolist() == [False, True, True, True, True, False, False, False]
    assert temporal_split(at(cut - 1, cut), days=1)[1].tolist() == [False, True]
    known, held_out = temporal_split(frame, days=2)
    assert held_out[:3].tolist() == [True, True, False]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("days", [1, 5, 20])
def test_temporal_split_of_unsorted_listens(seed, days):
    frame = random_listens(seed)
    known, held_out = temporal_split(frame, days)
    time = frame.ts_listen.to_numpy()
    assert known.dtype == held_out.dtype == bool and known.shape == (len(frame),)
    assert not (known & held_out).any() and held_out.any()
    assert time[known].max() < time[held_out].min()
    assert 0 < time[held_out].max() - time[held_out].min() < days * DAY
    assert (known | held_out | (time >= NOVEMBER + 31 * DAY)).all()
    order = np.random.default_rng(9).permutation(len(frame))
    for a, b in zip(temporal_split(frame.iloc[order], days), (known, held_out), strict=True):
        assert np.array_equal(a, b[order])
    assert frame.equals(random_listens(seed))  # and nothing was changed in place


@pytest.mark.parametrize("seed", range(3))
def test_first_flow_is_one_per_user_and_the_earliest(seed):
    frame = random_listens(seed, users=400)
    known, held_out = first_flow_split(frame)
    late = temporal_split(frame)[1]
    assert np.array_equal(known, temporal_split(frame)[0]) and not (known & held_out).any()
    chosen = frame[held_out]
    assert chosen.user_id.is_unique and (chosen.listen_type == 1).all()
    flow = frame[late & (frame.listen_type == 1)]
    assert (
        chosen.set_index("user_id").ts_listen.to_dict() == flow.groupby("user_id").ts_listen.min().to_dict()
    )
    assert 50 < len(chosen) < len(flow)  # else the test says nothing


def test_of_two_flow_listens_in_one_second_it_is_the_first_row():
    late = NOVEMBER + 28 * DAY
    frame = at(NOVEMBER, late + 9, late, late, late, listen_type=1)
    frame.loc[2, "listen_type"] = 0
    assert first_flow_split(frame, 1)[1].tolist() == [False, False, False, True, False]
    times = np.random.default_rng(0).integers(late, late + 2, 300)  # enough to mix up an unstable sort
    many = at(NOVEMBER, *times, listen_type=1)
    assert np.flatnonzero(first_flow_split(many, 1)[1]).tolist() == [1 + np.argmin(times)]


def test_what_cannot_be_split_is_refused():
    late = NOVEMBER + 20 * DAY
    with pytest.raises(ValueError, match="days: got 5, but these listens span 3: none would be known"):
        temporal_split(at(late, late + 2 * DAY, 5))  # a wrong clock alone is no known part
    with pytest.raises(ValueError, match="days: got 3, but these listens span 3"):
        temporal_split(at(late, late + 2 * DAY), days=3)
    assert temporal_split(at(late, late + 2 * DAY), days=2)[0].tolist() == [True, False]
    for days in (0, -1, 2.5, True, "5"):
        with pytest.raises(ValueError, match="days: got .*, expected a whole number, 1 or more"):
            temporal_split(at(late), days=days)
    with pytest.raises(ValueError, match="no listen is of November 2016"):
        temporal_split(at(5, NOVEMBER - 1))
    with pytest.raises(ValueError, match="no listen of the last 5 days is Flow's"):
        first_flow_split(pd.concat([at(NOVEMBER, listen_type=1), at(late)]))
    with pytest.raises(TypeError, match="listens: got list, expected a DataFrame"):
        temporal_split([1, 2])


@pytest.mark.parametrize(
    "function", [temporal_split, first_flow_split, day_folds, plain_features, keep_matrix]
)
def test_a_missing_column_is_named(function):
    frame = at(NOVEMBER).drop(columns=["ts_listen", "is_listened", "listen_type"])
    with pytest.raises(ValueError, match="has no column .*only .*see load_deezer"):
        function(frame)


@pytest.mark.parametrize("n_folds", [2, 5, 7])
def test_folds_are_runs_of_whole_days(n_folds):
    frame = random_listens(1)
    fold, time = day_folds(frame, n_folds), frame.ts_listen.to_numpy()
    plausible = (time >= NOVEMBER) & (time < NOVEMBER + 31 * DAY)
    day = pd.Series((time - 3 * HOUR) // DAY)[plausible]
    assert set(fold) == set(range(n_folds))
    per_day = pd.Series(fold)[plausible].groupby(day)
    assert (per_day.nunique() == 1).all()
    first = per_day.first()
    assert first.is_monotonic_increasing
    assert first.value_counts().max() - first.value_counts().min() <= 1
    assert (fold[time < NOVEMBER] == 0).all() and (fold[time >= NOVEMBER + 31 * DAY] == n_folds - 1).all()


def test_folds_a_session_crosses_midnight_and_bad_numbers():
    midnight = NOVEMBER + 10 * DAY
    frame = at(midnight - 60, midnight + 60, midnight + 2 * DAY)
    assert day_folds(frame, 2).tolist() == [0, 0, 1]
    for n_folds in (1, 3, 2.0, True):
        with pytest.raises(ValueError, match="n_folds: got .* from 2 to 2, as many as days"):
            day_folds(frame, n_folds)


# ---- features --------------------------------------------------------------------------------------------


def test_out_of_fold_is_what_each_fold_gets_from_the_others():
    rng = np.random.default_rng(0)
    X, y, folds = rng.standard_normal((90, 3)), rng.integers(0, 2, 90), rng.integers(3, 6, 90)
    frame = pd.DataFrame(X, index=rng.permutation(90))
    model = LogisticRegression()
    expected = np.empty(90)
    for k in (3, 4, 5):
        expected[folds == k] = (
            LogisticRegression().fit(X[folds != k], y[folds != k]).predict_proba(X)[folds == k, 1]
        )
    for rows in (X, frame, X.tolist()):
        assert out_of_fold(model, rows, y, folds) == pytest.approx(expected)
    assert not hasattr(model, "coef_")
    three = rng.integers(0, 3, 90)
    assert out_of_fold(model, X, three, folds).shape == (90, 3)
    line = out_of_fold(LinearRegression(), X, X @ [1.0, 2, 3], folds)
    assert line == pytest.approx(X @ [1, 2, 3])  # predict, where there is no probability
    assert np.unique(out_of_fold(model, X, y, folds)).size == 90


def test_a_rows_own_label_has_no_part_in_its_rates(synthetic):
    rows = synthetic.iloc[:6000]
    X, y, folds = rows[list(CATEGORIES)], rows.is_listened.to_numpy().copy(), day_folds(rows)
    encoder = TargetEncoder(smooth=20.0)
    rates, own = out_of_fold(encoder, X, y, folds), encoder.fit(X, y).transform(X)
    assert rates.shape == (6000, len(CATEGORIES)) and np.isfinite(rates).all()
    for row in (0, 17, 5999):
        changed = y.copy()
        changed[row] = 1 - y[row]
        again = out_of_fold(encoder, X, changed, folds)
        assert np.array_equal(again[row], rates[row])
        assert np.array_equal(again[folds == folds[row]], rates[folds == folds[row]])
        assert not np.array_equal(again, rates)  # but other rows learn from it
        assert not np.array_equal(encoder.fit(X, changed).transform(X)[row], own[row])  # the mistake


def test_labels_at_random_are_foretold_by_in_sample_rates_only(synthetic):
    """AUC of noise: standard error 1/sqrt(12 n/4) = .0041 at n = 20,000; .5 ± 5 of these."""
    rows = synthetic.iloc[:20_000]
    X, y = rows[["media_id", "album_id"]], np.random.default_rng(0).integers(0, 2, 20_000)
    encoder = TargetEncoder(smooth=5.0)
    honest, own = out_of_fold(encoder, X, y, day_folds(rows)), encoder.fit(X, y).transform(X)
    for j in (0, 1):
        assert abs(roc_auc_score(y, honest[:, j]) - 0.5) < 0.021
        assert roc_auc_score(y, own[:, j]) > 0.6


def test_out_of_fold_refuses_what_does_not_fit():
    X, y, folds = np.zeros((6, 1)), np.array([0, 1, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 2])
    with pytest.raises(ValueError, match=r"got 5 rows and shapes \(6,\), \(6,\)"):
        out_of_fold(LogisticRegression(), X[:5], y, folds)
    with pytest.raises(ValueError, match=r"shapes \(6,\), \(1,\)"):
        out_of_fold(LogisticRegression(), X, y, folds[:1])
    with pytest.raises(ValueError, match="folds: got 1 fold"):
        out_of_fold(LogisticRegression(), X, y, 0 * folds)
    with pytest.raises(ValueError, match=r"without fold 0 only the labels \[0, 1\] are left.*\[0, 1, 2\]"):
        out_of_fold(LogisticRegression(), X, y + (np.arange(6) == 1), folds)


def test_plain_features_by_hand():
    """14 November 2016 was a Monday."""
    frame = table(
        {"ts_listen": NOVEMBER + 13 * DAY + 6 * HOUR + 59, "release_date": 20161113, "media_duration": 0},
        {"ts_listen": NOVEMBER + 13 * DAY + 18 * HOUR, "release_date": 20161115, "media_duration": 65_535},
        {"ts_listen": 77, "release_date": 19000101, "listen_type": 1, "user_gender": 0, "user_age": 30},
        {"release_date": 30000101, "platform_name": 2, "platform_family": 1},
        {"release_date": 20160230, "platform_name": 1, "platform_family": 2},
        {"ts_listen": 2**32 - 1, "release_date": 20161130},
        {"release_date": 0},
        {"release_date": 20161101},
    )
    frame.index = list("abcdefgh")
    plain = plain_features(frame)
    assert plain.index.tolist() == list("abcdefgh") and set(map(str, plain.dtypes)) == {"float32"}
    assert plain.hour.tolist() == [6, 18, 0, 0, 0, 23, 0, 0]
    assert plain.weekday.tolist() == [0, 0, 1, 1, 1, 3, 1, 1]
    assert plain.hour_sin.to_numpy()[:3] == pytest.approx([1, -1, 0], abs=1e-6)
    assert plain.hour_cos.to_numpy()[:3] == pytest.approx([0, 0, 1], abs=1e-6)
    assert np.expm1(plain.log_duration).tolist()[:3] == pytest.approx([0, 3600, 200], rel=1e-5)
    days = [1, 0, 36_525, 0, (pd.Timestamp("2016-11-01") - pd.Timestamp("2016-03-01")).days, 1, 36_525, 0]
    assert np.expm1(plain.log_track_age.to_numpy()) == pytest.approx(days, rel=1e-5)
    assert plain.before_release.tolist() == [0, 1, 0, 1, 0, 0, 0, 0]
    assert plain.flow.tolist()[:3] == [0, 0, 1] and plain.gender.tolist()[:3] == [1, 1, 0]
    assert plain.age.tolist()[:3] == [20, 20, 30]
    assert plain.platform_name_1.tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert plain.platform_name_2.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert plain.platform_family_2.tolist() == [0, 0, 0, 0, 1, 0, 0, 0]


def test_plain_features_know_neither_other_rows_nor_ids_nor_the_answer(synthetic):
    rows = synthetic.iloc[:5000]
    plain = plain_features(rows)
    assert np.isfinite(plain.to_numpy()).all() and not set(plain) & {*CATEGORIES, "is_listened"}
    assert plain_features(rows.iloc[[7, 4000, 3]]).equals(plain.iloc[[7, 4000, 3]])
    other = rows.assign(is_listened=1 - rows.is_listened, **{name: 5 for name in CATEGORIES})
    assert plain_features(other).equals(plain)
    assert plain_features(rows.drop(columns="is_listened")).equals(plain)


# ---- who kept what ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("given", [False, True])
def test_keep_matrix_against_a_loop(seed, given):
    frame = random_listens(seed, n=800, users=12)
    rng = np.random.default_rng(seed)
    ids = {}
    if given:  # not sorted, some unknown to the listens, some of theirs left out
        ids = {"user_ids": rng.permutation(15)[:9], "item_ids": rng.permutation(110)[:60]}
    matrix = keep_matrix(frame, **ids)
    heard = {}
    for user, item, kept in zip(frame.user_id, frame.media_id, frame.is_listened, strict=True):
        heard.setdefault((user, item), []).append(kept)
    if given:
        assert matrix.user_ids.tolist() == ids["user_ids"].tolist()
        assert matrix.item_ids.tolist() == ids["item_ids"].tolist()
    else:
        assert matrix.shape == (12, frame.media_id.nunique())
    known = {(u, i): kept for (u, i), kept in heard.items() if u in matrix.user_ids and i in matrix.item_ids}
    assert matrix.n_ratings == len(known) and matrix.n_levels == 2
    v, observed = matrix.batch(slice(None))
    seen = set()
    for (user, item), kept in known.items():
        row, column = matrix.user_index([user])[0], matrix.item_index([item])[0]
        assert observed[row, column] and v[row, column] == (2 * sum(kept) >= len(kept))
        seen.add((len(kept), sum(kept)))
    assert {(1, 0), (1, 1), (2, 1)} <= seen  # a tie is a keep


def test_keep_matrix_of_artists_of_little_known_items_and_bad_input(synthetic):
    rows = synthetic.iloc[:4000]
    artists = keep_matrix(rows, "artist_id", min_plays=5)
    plays = rows.artist_id.value_counts()
    assert artists.item_ids.tolist() == sorted(plays[plays >= 5].index)
    assert 0 < artists.n_items < rows.artist_id.nunique()
    assert artists.user_ids.tolist() == sorted(rows.user_id.unique())  # also who heard nothing else
    assert keep_matrix(rows.iloc[:0], user_ids=[3, 4], item_ids=[5]).n_ratings == 0
    with pytest.raises(ValueError, match="min_plays: got 2 and item_ids"):
        keep_matrix(rows, item_ids=[1], min_plays=2)
    with pytest.raises(ValueError, match="is_listened: got values other than 0 and 1"):
        keep_matrix(rows.assign(is_listened=2))
    with pytest.raises(ValueError, match="item_ids holds an id twice"):
        keep_matrix(rows, item_ids=[1, 1])


# ---- the submission ---------------------------------------------------------------------------------------


def test_submission_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    ids, prob = rng.permutation(500), rng.random(500)
    prob[:3] = [0, 1, 1e-12]
    path = write_submission(tmp_path / "new" / "submission.csv", ids, prob)
    assert path.read_text().startswith("sample_id,is_listened\n")
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    assert [(int(a), float(b)) for a, b in lines] == list(zip(ids, prob, strict=True))
    assert os.listdir(path.parent) == ["submission.csv"]
    write_submission(path, pd.Series([4], index=[9]), pd.Series([0.25], dtype="float32"))
    assert path.read_text() == "sample_id,is_listened\n4,0.25\n"


BAD = {
    "missing": ([0, 1], [0.5, np.nan], "got nan at position 1"),
    "infinite": ([0, 1], [np.inf, 0.5], "got inf at position 0"),
    "above": ([0, 1], [0.5, 1.01], "got 1.01 at position 1, expected 0 to 1"),
    "below": ([0, 1], [0.5, -0.01], "got -0.01"),
    "twice": ([3, 4, 3], [0.5, 0.5, 0.5], "sample_id: 3 is there twice"),
    "lengths": ([0, 1], [0.5], r"got shapes \(2,\), \(1,\)"),
    "columns": ([0, 1], [[0.5, 0.5], [0.2, 0.8]], r"got shapes \(2,\), \(2, 2\)"),
    "none": ([], [], r"n > 0"),
    "halves": ([0.5, 1], [0.5, 0.5], "sample_id: got float64 values"),
}


@pytest.mark.parametrize(("ids", "prob", "message"), BAD.values(), ids=BAD)
def test_a_submission_that_is_none_is_refused_and_the_old_one_stays(tmp_path, ids, prob, message):
    path = write_submission(tmp_path / "s.csv", [7], [0.5])
    with pytest.raises(ValueError, match=message):
        write_submission(path, ids, prob)
    assert path.read_text() == "sample_id,is_listened\n7,0.5\n" and os.listdir(tmp_path) == ["s.csv"]


def test_a_submission_on_a_full_disk_never_lands(tmp_path, monkeypatch):
    path = write_submission(tmp_path / "s.csv", [7], [0.5])

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: .*s.csv"):
        write_submission(path, [7, 8], [0.5, 0.6])
    assert path.read_text() == "sample_id,is_listened\n7,0.5\n" and os.listdir(tmp_path) == ["s.csv"]


# ---- on listens -------------------------------------------------------------------------------------------


def test_out_of_fold_rates_are_as_good_as_they_will_be_and_in_sample_ones_look_better(synthetic):
    """6,400 held-out rows: the standard error of an AUC is about .007, of the difference of two .008."""
    known, held_out = temporal_split(synthetic)
    history, later = synthetic[known], synthetic[held_out]
    X, y = history[["user_id"]], history.is_listened
    encoder = TargetEncoder(smooth=20.0)
    honest = roc_auc_score(y, out_of_fold(encoder, X, y, day_folds(history))[:, 0])
    encoder.fit(X, y)
    own = roc_auc_score(y, encoder.transform(X)[:, 0])
    truth = roc_auc_score(later.is_listened, encoder.transform(later[["user_id"]])[:, 0])
    assert abs(honest - truth) < 0.03 and own > truth + 0.05


from tests.support import ROOT  # noqa: E402

REAL = Path(os.environ.get("RBM_DATA") or ROOT / "data").resolve() / "deezer"


@pytest.mark.skipif(not (REAL / "train.csv").is_file(), reason="Deezer's train.csv is not here")
def test_the_real_listens_split():
    """Its first million rows: known facts about the last days, loosely."""
    train = load_deezer(REAL.parent, n_rows=1_000_000, verbose=False).train
    known, held_out = temporal_split(train)
    assert 0.03 < held_out.mean() < 0.2
    assert train.is_listened[held_out].mean() < train.is_listened[known].mean()
    assert first_flow_split(train)[1].sum() <= 19_918
