"""The invented listens have the real ones' marginals, counts, leak and covariate shift."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, spearmanr
from sklearn.metrics import roc_auc_score

from rbm_lib.data import load_deezer, synthetic_deezer
from rbm_lib.data.deezer.files import COLUMNS, DTYPES, TEST_COLUMNS, oddities

FLOW = (1, 4, 5, 6, 7, 13, 20, 23, 24)
LAST_DAYS = 1_480_118_400  # 2016-11-26 00:00 UTC
SCALE = 200_000 / 7_558_834


@pytest.fixture(scope="module")
def data():
    return synthetic_deezer()


@pytest.fixture(scope="module")
def train(data):
    return data.train


def rates(train, column):
    return train.groupby(column).is_listened.mean()


def shares(frame, column):
    return frame[column].value_counts(normalize=True)


def test_the_schema_is_the_published_one_and_nobody_takes_it_for_real(data, train):
    assert (data.name, data.source, data.folder) == ("synthetic", "synthetic", None)
    assert data.origin == "synthetic listens (seed 0): 200,000 invented listens of 1,869 invented people"
    assert "synthetic" in repr(data) and data.flags.file.str.startswith("synthetic ").all()
    assert tuple(train.columns) == COLUMNS and tuple(data.test.columns) == TEST_COLUMNS
    assert len(train) == 200_000
    for frame in (train, data.test):
        assert {name: str(kind) for name, kind in frame.dtypes.items()}.items() <= DTYPES.items()
        assert frame[["media_id", "album_id", "artist_id"]].min().min() >= 1_000_000_000
    assert train.memory_usage(index=False).sum() * 7_558_834 / len(train) < 350e6
    assert not train.ts_listen.is_monotonic_increasing and not train.user_id.is_monotonic_increasing


# The real rates. Labels are drawn so that the sums over contexts and hours hardly vary; the others' standard
# error is at most .005. Ages and genders follow a rate that was rounded, like the others.
RATES = {
    "listen_type": {0: 0.721, 1: 0.600},
    "platform_family": {0: 0.641, 1: 0.871, 2: 0.808},
    "platform_name": {0: 0.64, 1: 0.705, 2: 0.87},
    "user_gender": {0: 0.697, 1: 0.663},
    "user_age": dict(zip(range(18, 31), [
        0.641, 0.642, 0.639, 0.653, 0.640, 0.653, 0.683, 0.675, 0.695, 0.707, 0.727, 0.745, 0.748,
    ], strict=True)),
    "context_type": {1: 0.574, 4: 0.705, 5: 0.528, 6: 0.601, 7: 0.958, 13: 0.540},
}  # fmt: skip


@pytest.mark.parametrize("column", RATES)
def test_rates_are_the_real_ones(train, column):
    got = rates(train, column)
    assert {level: got[level] for level in RATES[column]} == pytest.approx(RATES[column], abs=0.02)


def test_rates_overall_by_hour_and_in_the_last_days(train):
    assert train.is_listened.mean() == pytest.approx(0.684, abs=0.005)
    hour = rates(train, train.ts_listen // 3600 % 24)
    assert hour.idxmax() == 3 and hour.idxmin() == 22
    assert hour[[3, 22]].tolist() == pytest.approx([0.770, 0.627], abs=0.02)
    volume = train.groupby(train.ts_listen // 3600 % 24).size()
    assert set(volume.nlargest(2).index) == {16, 17}
    late = train.ts_listen >= LAST_DAYS
    assert rates(train, late).tolist() == pytest.approx([0.689, 0.642], abs=0.02)
    assert 0.09 < late.mean() < 0.12  # what .684, .689 and .642 imply
    new = ~train[late].media_id.drop_duplicates().isin(train[~late].media_id)
    assert new.mean() == pytest.approx(0.20, abs=0.02)


def test_shares_of_rows_are_the_real_ones(train):
    for column, want in {
        "listen_type": {0: 0.693, 1: 0.307},
        "platform_family": {0: 0.80, 1: 0.146, 2: 0.055},
        "user_gender": {0: 0.606},
        "user_age": dict.fromkeys(range(18, 31), 1 / 13),
        "genre_id": {0: 0.485, 7: 0.123, 10: 0.038, 25: 0.036, 27: 0.025, 14: 0.023},
    }.items():
        got = shares(train, column)
        assert {level: got[level] for level in want} == pytest.approx(want, rel=0.1), column
    assert shares(train, "genre_id").index[:6].tolist() == [0, 7, 10, 25, 27, 14]
    assert (train.listen_type == train.context_type.isin(FLOW)).all()  # the context says it
    assert ((train.platform_name == 2) == (train.platform_family == 1)).all()


CONTEXT_ROWS = [
    3198365, 1617653, 1052844, 433456, 230259, 167428, 98523, 97645, 79330, 71572, 71026, 68775, 58460, 55830,
]  # fmt: skip


def test_counts_are_the_real_ones_scaled_to_size(train):
    for column, real in {
        "media_id": 452_975, "album_id": 151_471, "artist_id": 67_142, "genre_id": 2_922,
    }.items():  # fmt: skip
        assert train[column].nunique() == pytest.approx(real * SCALE, rel=0.1), column
    assert train.media_id.value_counts().iloc[0] == pytest.approx(20_148 * SCALE, rel=0.1)
    contexts = train.context_type.value_counts()
    assert len(contexts) == pytest.approx(74, rel=0.1)
    assert contexts[range(14)].tolist() == pytest.approx([n * SCALE for n in CONTEXT_ROWS], rel=0.1)
    for part, whole in (("media_id", "album_id"), ("album_id", "artist_id"), ("album_id", "genre_id")):
        assert train.groupby(part)[whole].nunique().max() == 1  # an album has one artist, and one genre


def test_durations_and_release_dates(train):
    duration = train.media_duration
    assert duration.mean() == pytest.approx(231, rel=0.1) and duration.median() == pytest.approx(215, rel=0.1)
    assert duration.between(1, 2822).all() and duration.max() > 1500
    quartiles = train.release_date.quantile([0.25, 0.5, 0.75]) // 10_000
    assert quartiles.tolist() == pytest.approx([2009, 2014, 2016], abs=1)
    odd = oddities(train)
    assert odd["heard before its release date"].mean() == pytest.approx(0.0045, rel=0.1)
    assert odd["time before 2009: a clock that was wrong"].sum() == pytest.approx(631 * SCALE, abs=1)
    assert (train.release_date == 30_000_101).any()
    assert not odd["release date is no day of the calendar"].any()


def test_users_rows_rank_and_skip_rates(train):
    rows = train.user_id.value_counts()
    quantiles = rows.quantile([0.05, 0.25, 0.5, 0.75, 0.95, 0.99]).to_numpy()
    # Whole numbers: one more or less is within reach at the lower end.
    np.testing.assert_allclose(quantiles, [3, 18, 54, 135, 374, 669], rtol=0.1, atol=0.5)
    assert rows.head(len(rows) // 10).sum() / len(train) == pytest.approx(0.42, abs=0.02)
    assert spearmanr(rows.index, rows).statistic == pytest.approx(-0.95, abs=0.02)
    assert sorted(rows.index) == list(range(len(rows)))
    for column in ("user_age", "user_gender"):
        assert train.groupby("user_id")[column].nunique().max() == 1
    # Of those with 20 rows or more, whose own rate is known to .1.
    skips = 1 - rates(train[train.user_id.map(rows) >= 20], "user_id")
    levels = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(skips.quantile(levels), beta.ppf(levels, 1.18, 2.29), atol=0.035)
    assert skips.mean() == pytest.approx(1.18 / 3.47, abs=0.03)


def test_the_first_flow_test_is_elsewhere(data, train):
    test = data.test
    assert len(test) == test.user_id.nunique() == train.user_id.nunique()
    assert test.sample_id.tolist() == list(range(len(test))) and (test.listen_type == 1).all()
    got = shares(test, "context_type").to_dict()
    assert got == pytest.approx({1: 0.812, 5: 0.166, 20: 0.013, 23: 0.009}, abs=0.002)
    assert shares(train, "context_type")[[1, 5]].tolist() == pytest.approx([0.214, 0.022], rel=0.1)
    last = train.groupby("user_id").ts_listen.max()
    assert (test.ts_listen.to_numpy() > last[test.user_id].to_numpy()).all()  # after all that is known
    assert "is_listened" not in test and len(data.test_label) == len(test)
    assert set(data.test_label) == {0, 1} and data.test_label.index.equals(test.index)
    assert data.test_label.mean() < train.is_listened.mean() - 0.05


def smoothed(known, column, of, k=10):
    """The rate of each user or track among the known rows, drawn to the mean by k rows."""
    groups, mean = known.groupby(column).is_listened, known.is_listened.mean()
    return of[column].map((groups.sum() + k * mean) / (groups.count() + k)).fillna(mean)


def test_what_a_rate_tells_is_about_what_it_tells_in_reality(data, train):
    """The rates of users and tracks predict the last days about as well as the real ones: .728 and .612."""
    late = train.ts_listen >= LAST_DAYS
    before, after = train[~late], train[late]
    user, track = (
        roc_auc_score(after.is_listened, smoothed(before, column, after))
        for column in ("user_id", "media_id")
    )
    assert user == pytest.approx(0.728, abs=0.03) and track == pytest.approx(0.612, abs=0.03)
    first = roc_auc_score(data.test_label, smoothed(train, "user_id", data.test))
    assert 0.62 < first < user  # harder there, as in reality, but the truth belongs to the rows


def test_a_seed_decides_everything():
    one, same, other = (synthetic_deezer(seed, 3000) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.train, same.train)
    pd.testing.assert_frame_equal(one.test, same.test)
    assert one.test_label.equals(same.test_label)
    assert not one.train.equals(other.train) and len(other.train) == 3000
    state = np.random.get_state()[1].copy()
    synthetic_deezer(0, 2000)
    assert np.array_equal(np.random.get_state()[1], state)  # the global generator is left alone


@pytest.mark.parametrize("n_rows", [2000, 20_011])
def test_small_sizes_are_exact_and_keep_the_main_rates(n_rows):
    train = synthetic_deezer(5, n_rows).train
    assert len(train) == n_rows and train.user_id.nunique() == round(n_rows / 107)
    assert train.is_listened.mean() == pytest.approx(0.684, abs=0.03)
    assert train.listen_type.mean() == pytest.approx(0.307, abs=0.03)


@pytest.mark.parametrize("n_rows", [1999, 0, -5, 3000.5, "many", None, True])
def test_impossible_sizes_are_refused(n_rows):
    with pytest.raises(ValueError, match="n_rows is .* expected a whole number, 2000 or more"):
        synthetic_deezer(0, n_rows)


def test_written_to_files_it_is_read_as_the_same_rows(tmp_path):
    data = synthetic_deezer(3, 3000)
    (tmp_path / "deezer").mkdir()
    data.train.to_csv(tmp_path / "deezer" / "train.csv", index=False)
    data.test.to_csv(tmp_path / "deezer" / "test.csv", index=False)
    again = load_deezer(tmp_path, verbose=False)
    pd.testing.assert_frame_equal(again.train, data.train)
    pd.testing.assert_frame_equal(again.test, data.test)
    assert again.flags.rows.tolist() == data.flags.rows.tolist() and again.test_label is None
