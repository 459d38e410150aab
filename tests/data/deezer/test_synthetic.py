"""The invented listens have the real ones' rates, counts, leak and covariate shift."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, spearmanr
from sklearn.metrics import roc_auc_score

from rbm_lib.data import synthetic_deezer
from rbm_lib.data.deezer.catalogue import REAL
from rbm_lib.data.deezer.files import COLUMNS, DTYPES, TEST_COLUMNS, oddities

LAST_DAYS = 1_480_118_400  # 2016-11-26 00:00 UTC
SCALE = 200_000 / 7_558_834


@pytest.fixture(scope="module")
def data():
    return synthetic_deezer()


@pytest.fixture(scope="module")
def train(data):
    return data.train


def rates(train, by):
    return train.groupby(by)["is_listened"].mean()


def test_the_schema_is_the_published_one_and_nobody_takes_it_for_real(data, train):
    assert (data.name, data.source) == ("synthetic", "synthetic")
    assert "invented listens" in data.origin
    assert tuple(train.columns) == COLUMNS
    assert tuple(data.test.columns) == TEST_COLUMNS
    for frame in (train, data.test):
        assert all(frame[name].dtype == DTYPES[name] for name in frame)
        assert frame[["media_id", "album_id", "artist_id"]].min().min() >= 1_000_000_000
    assert not train["ts_listen"].is_monotonic_increasing


RATES = {
    "listen_type": {0: 0.721, 1: 0.600}, "platform_family": {0: 0.641, 1: 0.871, 2: 0.808},
    "platform_name": {0: 0.64, 1: 0.705, 2: 0.87}, "user_gender": {0: 0.697, 1: 0.663},
    "user_age": {18: 0.641, 24: 0.683, 30: 0.748},
    "context_type": {1: 0.574, 4: 0.705, 5: 0.528, 6: 0.601, 7: 0.958, 13: 0.540},
}  # fmt: skip
SHARES = {
    "listen_type": {0: 0.693, 1: 0.307}, "platform_family": {0: 0.80, 1: 0.146, 2: 0.055},
    "user_gender": {0: 0.606}, "user_age": dict.fromkeys(range(18, 31), 1 / 13),
    "genre_id": {0: 0.485, 7: 0.123, 10: 0.038, 25: 0.036, 27: 0.025, 14: 0.023},
}  # fmt: skip


@pytest.mark.parametrize("column", RATES)
def test_rates_are_the_real_ones(train, column):
    """The standard error is at most .005."""
    real = RATES[column]
    assert rates(train, column)[list(real)].to_dict() == pytest.approx(real, abs=0.02)


@pytest.mark.parametrize("column", SHARES)
def test_shares_of_rows_are_the_real_ones(train, column):
    real = SHARES[column]
    shares = train[column].value_counts(normalize=True)
    assert shares[list(real)].to_dict() == pytest.approx(real, rel=0.1)


def test_rates_follow_the_hour_and_fall_in_the_last_days(train):
    hour = train["ts_listen"] // 3600 % 24
    by_hour = rates(train, hour)
    late = train["ts_listen"] >= LAST_DAYS

    assert train["is_listened"].mean() == pytest.approx(0.684, abs=0.005)
    assert (by_hour.idxmax(), by_hour.idxmin()) == (3, 22)
    assert by_hour[[3, 22]].tolist() == pytest.approx([0.770, 0.627], abs=0.02)
    assert set(hour.value_counts().index[:2]) == {16, 17}
    assert rates(train, late).tolist() == pytest.approx([0.689, 0.642], abs=0.02)
    assert 0.09 < late.mean() < 0.12
    new = ~train[late]["media_id"].drop_duplicates().isin(train[~late]["media_id"])
    assert new.mean() == pytest.approx(0.20, abs=0.02)


def test_counts_are_the_real_ones_scaled_to_size(train):
    names = {"tracks": "media_id", "albums": "album_id", "artists": "artist_id"}
    for name, column in {**names, "genres": "genre_id"}.items():
        assert train[column].nunique() == pytest.approx(REAL[name] * SCALE, rel=0.1), column
    contexts = train["context_type"].value_counts()
    assert len(contexts) == pytest.approx(74, rel=0.1)
    real = [n * SCALE for n in REAL["context_rows"]]
    assert contexts[range(14)].tolist() == pytest.approx(real, rel=0.1)
    assert (train["listen_type"] == train["context_type"].isin(REAL["flow_contexts"])).all()


def test_durations_release_dates_and_blemishes(train):
    assert train["media_duration"].mean() == pytest.approx(231, rel=0.1)
    assert train["media_duration"].median() == pytest.approx(215, rel=0.1)
    quartiles = train["release_date"].quantile([0.25, 0.5, 0.75]) // 10_000
    assert quartiles.tolist() == pytest.approx([2009, 2014, 2016], abs=1)
    odd = oddities(train)
    assert odd["heard before its release date"].mean() == pytest.approx(0.0045, rel=0.1)
    assert odd["time before 2009: a clock that was wrong"].sum() == round(631 * SCALE)
    assert not odd["release date is no day of the calendar"].any()


def test_users_are_ranked_by_activity_and_skip_as_in_reality(train):
    rows = train["user_id"].value_counts()
    assert sorted(rows.index) == list(range(len(rows)))
    assert spearmanr(rows.index, rows).statistic == pytest.approx(-0.95, abs=0.02)
    quantiles = rows.quantile([0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    # Whole numbers: one more or less is within reach at the lower end.
    np.testing.assert_allclose(quantiles, [3, 18, 54, 135, 374, 669], rtol=0.1, atol=0.5)
    assert (train.groupby("user_id")[["user_age", "user_gender"]].nunique() == 1).all(
        axis=None
    )

    known = train["user_id"].map(rows) >= 20
    skips = 1 - rates(train[known], "user_id")
    levels = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(
        skips.quantile(levels), beta.ppf(levels, 1.18, 2.29), atol=0.035
    )


def test_the_test_rows_are_first_flow_tracks_after_all_that_is_known(data, train):
    test = data.test
    assert len(test) == test["user_id"].nunique() == train["user_id"].nunique()
    assert (test["listen_type"] == 1).all()
    shares = test["context_type"].value_counts(normalize=True).to_dict()
    assert shares == pytest.approx({1: 0.812, 5: 0.166, 20: 0.013, 23: 0.009}, abs=0.002)
    last = train.groupby("user_id")["ts_listen"].max()
    assert (test["ts_listen"].to_numpy() > last[test["user_id"]].to_numpy()).all()
    assert data.test_label.mean() < train["is_listened"].mean() - 0.05


def test_rates_of_users_and_tracks_predict_the_last_days_as_in_reality(data, train):
    """The real areas are .728 and .612."""

    def auc(known, column, of, label):
        groups = known.groupby(column)["is_listened"]
        mean = known["is_listened"].mean()
        smoothed = (groups.sum() + 10 * mean) / (groups.count() + 10)
        return roc_auc_score(label, of[column].map(smoothed).fillna(mean))

    late = train["ts_listen"] >= LAST_DAYS
    before, after = train[~late], train[late]
    user = auc(before, "user_id", after, after["is_listened"])

    assert user == pytest.approx(0.728, abs=0.03)
    track = auc(before, "media_id", after, after["is_listened"])
    assert track == pytest.approx(0.612, abs=0.03)
    assert 0.62 < auc(train, "user_id", data.test, data.test_label) < user


def test_a_seed_decides_everything():
    one, same, other = (synthetic_deezer(seed, 3000) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(one.train, same.train)
    pd.testing.assert_frame_equal(one.test, same.test)
    assert one.test_label.equals(same.test_label)
    assert not one.train.equals(other.train)


def test_sizes_are_exact_or_refused():
    assert len(synthetic_deezer(5, 20_011).train) == 20_011
    for n_rows in (1999, 3000.5, "many"):
        with pytest.raises(ValueError, match="n_rows: got"):
            synthetic_deezer(0, n_rows)
