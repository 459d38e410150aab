"""AudioFeatures: every step is inverted, its Jacobian checked by finite differences, its draws counted."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, lognorm, norm
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from rbm_lib.data import AudioFeatures
from rbm_lib.data.spotify.audio_features import AUDIO_KINDS
from rbm_lib.data.spotify.load import FEATURES

SHARES = ("danceability", "energy", "speechiness", "acousticness", "liveness", "valence")


def tracks(n=300, seed=0):
    """n invented tracks in the published units and roundings; some energy columns go together."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.beta(2, 3, n).round(3) for name in SHARES})
    frame["key"], frame["mode"] = rng.integers(0, 12, n), rng.integers(0, 2, n)
    frame["time_signature"] = rng.choice([1, 3, 4, 5], n, p=[0.02, 0.05, 0.9, 0.03])
    frame["popularity"] = np.where(rng.random(n) < 0.3, 0, rng.integers(0, 101, n))
    frame["loudness"] = (-20 * (1 - frame.energy) + rng.normal(0, 2, n)).clip(-60, 4).round(3)
    frame["instrumentalness"] = np.where(rng.random(n) < 0.4, 0, 1e-6 * 10 ** rng.uniform(0, 5.9, n))
    frame["tempo"], frame["duration_ms"] = rng.uniform(50, 210, n).round(3), rng.integers(3e4, 9e5, n)
    return frame[list(FEATURES)]


EDGES = {name: (0.0, 1.0) for name in (*SHARES, "instrumentalness")} | {
    "key": (0, 11), "loudness": (-60.0, np.nextafter(5, 0)), "mode": (0, 1), "tempo": (1e-3, 1e4),
    "time_signature": (0, 7), "popularity": (0, 100), "duration_ms": (1, 1e8),
}  # fmt: skip


def legal(name):
    """Values of one column, ends included."""
    low, high = EDGES[name]
    if name in ("key", "mode", "time_signature", "popularity"):
        return st.integers(low, high)
    if name == "instrumentalness":
        return st.sampled_from([0.0, 1e-6]) | st.floats(1e-6, high)
    if name == "loudness":
        return st.sampled_from([low, 0.0]) | st.floats(low, 4.99)
    return st.floats(low, high)


row_of_features = st.fixed_dictionaries({name: legal(name) for name in FEATURES})


def frame_of(rows):
    return pd.DataFrame(rows, columns=list(FEATURES)).astype(float)


def assert_restored(model, X, rtol=1e-9, atol=1e-9):
    """inverse_transform ∘ transform: whole numbers exactly, the rest to rounding."""
    Z = model.transform(X)
    assert np.isfinite(Z).all() and np.isfinite(model.log_jacobian(X)).all()
    back = pd.DataFrame(model.inverse_transform(Z), columns=X.columns)
    whole = [name for name, kind in AUDIO_KINDS.items() if kind == "percent" or isinstance(kind, int)]
    assert (back[whole].to_numpy() == X[whole].to_numpy()).all()
    np.testing.assert_allclose(back.to_numpy(), X.to_numpy(dtype=float), rtol=rtol, atol=atol)


@pytest.fixture(scope="module")
def fitted():
    return AudioFeatures().fit(tracks())


# ---- the maps ---------------------------------------------------------------------------------------------


@given(st.lists(row_of_features, min_size=1, max_size=8), st.booleans(), st.integers(0, 5))
def test_the_inverse_undoes_the_map_for_all_legal_values(rows, whiten, seed):
    assert_restored(AudioFeatures(whiten=whiten, random_state=seed).fit(tracks(60)), frame_of(rows))


@given(st.lists(row_of_features, min_size=2, max_size=20))
def test_whatever_it_is_fitted_on_nothing_becomes_nan(rows):
    """Few rows, equal rows, columns without variance: more columns than directions in which rows differ."""
    X = frame_of(rows)
    assert_restored(AudioFeatures().fit(X), X, rtol=1e-7, atol=1e-7)


def test_the_ends_of_every_range_and_columns_without_variance(fitted):
    ends = frame_of([{name: EDGES[name][end] for name in FEATURES} for end in (0, 1)])
    assert_restored(fitted, ends, rtol=1e-6)
    assert fitted.steps(ends)["squashed"].loudness[0] == pytest.approx(-np.log(65))
    still = tracks(50).assign(energy=0.3, tempo=120.0, loudness=-60.0, valence=0.0, acousticness=1.0)
    model = AudioFeatures().fit(still)
    assert_restored(model, still)
    np.testing.assert_array_equal(model.scaler_.scale_[[FEATURES.index("energy"), 10]], 1)
    variances = np.sort(model.transform(still).var(0))
    np.testing.assert_allclose(variances, [0] * 5 + [1] * 9, atol=1e-9)
    few = AudioFeatures().fit(tracks(5))  # five rows differ in four directions
    assert (few.variance_ == 1).sum() == 10 and np.abs(few.transform(tracks(100))).max() < 100


def test_the_squashing_is_the_published_one():
    x = tracks(5).iloc[0]
    steps = {name: frame.iloc[0] for name, frame in AudioFeatures().fit(tracks(5)).steps(tracks(5)).items()}
    y, squashed = steps["dequantised"], steps["squashed"]
    for name in SHARES:
        p = 0.001 + 0.998 * x[name]
        assert squashed[name] == pytest.approx(np.log(p / (1 - p)))
    p = 0.001 + 0.998 * y.popularity / 101
    assert squashed.popularity == pytest.approx(np.log(p / (1 - p)))
    assert squashed.loudness == pytest.approx(-np.log(5 - x.loudness))
    for name in ("tempo", "duration_ms", "instrumentalness"):
        assert squashed[name] == pytest.approx(np.log(y[name]))
    for name in ("key", "mode", "time_signature"):
        assert squashed[name] == y[name] != x[name]


def test_steps_end_in_the_transform_and_whitening_whitens():
    X = tracks().set_index(np.arange(300) + 1000)
    model = AudioFeatures().fit(X)
    steps = model.steps(X)
    assert list(steps) == ["dequantised", "squashed", "standardised", "whitened"]
    assert all((frame.index == X.index).all() for frame in steps.values())
    Z = model.transform(X)
    np.testing.assert_array_equal(Z, steps["whitened"])
    np.testing.assert_allclose(Z.mean(0), 0, atol=1e-10)
    np.testing.assert_allclose(Z.T @ Z / len(Z), np.eye(14), atol=1e-10)
    assert (np.take_along_axis(model.components_, np.abs(model.components_).argmax(1)[:, None], 1) > 0).all()
    assert (np.diff(model.variance_) <= 0).all() and model.variance_.sum() == pytest.approx(14)
    standardised = AudioFeatures(whiten=False).fit(X)
    np.testing.assert_array_equal(standardised.transform(X), steps["standardised"])
    np.testing.assert_allclose(steps["standardised"].std(ddof=0), 1)
    assert list(steps["whitened"].columns[:2]) == ["component1", "component2"]
    assert list(standardised.get_feature_names_out()) == list(FEATURES)


def test_invented_coordinates_come_back_legal(fitted):
    Z = 6 * np.random.default_rng(0).standard_normal((500, 14))
    X = pd.DataFrame(fitted.inverse_transform(Z), columns=list(FEATURES))
    for name, (low, high) in EDGES.items():
        if name not in ("tempo", "duration_ms"):  # positive, and no more
            assert X[name].between(low, high).all(), name
    assert {0, 100} <= set(X.popularity) and (X.popularity % 1 == 0).all()
    assert ((X.instrumentalness == 0) | (X.instrumentalness >= 1e-6)).all()
    fitted.transform(X)  # and are accepted
    y = fitted.inverse_transform(Z, quantise=False)
    assert (y[:, FEATURES.index("key")] < 0).any(), "without quantising nothing is moved"


# ---- the Jacobian -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("whiten", [True, False])
def test_the_jacobian_is_that_of_finite_differences(whiten):
    X = tracks(60)
    model = AudioFeatures(whiten=whiten).fit(X)
    Z = model.transform(X)
    dequantised = model.inverse_transform(Z, quantise=False)
    np.testing.assert_allclose(dequantised, model.steps(X)["dequantised"], rtol=1e-9, atol=1e-11)
    step, slopes = 1e-5, np.empty((len(X), 14, 14))
    for j in range(14):  # dy/dz, whose logarithmic determinant is minus that of dz/dy
        moved = step * np.eye(14)[j]
        ends = [model.inverse_transform(Z + side * moved, quantise=False) for side in (1, -1)]
        slopes[:, :, j] = (ends[0] - ends[1]) / (2 * step)
    sign, log_det = np.linalg.slogdet(slopes)
    assert (sign != 0).all()
    np.testing.assert_allclose(model.log_jacobian(X), -log_det, atol=1e-6)


def test_a_log_normal_column_gets_its_own_density():
    x = np.random.default_rng(0).lognormal(1.5, 0.7, (200, 1))
    model = AudioFeatures({"x0": "positive"}).fit(x)
    log_density = norm.logpdf(model.transform(x)[:, 0]) + model.log_jacobian(x)
    s, scale = np.log(x).std(), np.exp(np.log(x).mean())
    np.testing.assert_allclose(log_density, lognorm.logpdf(x[:, 0], s, scale=scale), atol=1e-10)


# ---- the draws of dequantisation --------------------------------------------------------------------------


def test_draws_are_uniform_and_independent_of_columns_and_values():
    X = tracks(8000)
    y = AudioFeatures().fit(X).steps(X)["dequantised"]
    zero, counted = X.instrumentalness == 0, ["key", "mode", "time_signature", "popularity"]
    u = (y - X)[counted].assign(instrumentalness=y.instrumentalness / 1e-6)[zero]
    assert all(kstest(u[name], "uniform").pvalue > 1e-3 for name in u)
    seen = X[zero].drop(columns="instrumentalness")
    correlation = np.corrcoef(np.hstack([u, seen]).T)[:5] - np.eye(5, 18)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(u))
    untouched = [name for name in FEATURES if name not in u]
    np.testing.assert_array_equal(y[untouched], X[untouched])
    np.testing.assert_array_equal(y.instrumentalness[~zero], X.instrumentalness[~zero])


def test_a_row_has_its_draws_wherever_it_stands(fitted):
    X = tracks()
    Z = fitted.transform(X)
    np.testing.assert_array_equal(fitted.transform(X[::-7]), Z[::-7])
    np.testing.assert_allclose(fitted.transform(X.iloc[[3]])[0], Z[3], rtol=0, atol=1e-12)
    again = AudioFeatures().fit(X.iloc[::-1])
    np.testing.assert_array_equal(again.steps(X)["dequantised"], fitted.steps(X)["dequantised"])
    twice = fitted.steps(X.iloc[[5, 5]])["dequantised"]
    assert (twice.iloc[0] == twice.iloc[1]).all()
    zero = X.iloc[[5, 5]].assign(valence=[0.0, -0.0])
    assert len(fitted.steps(zero)["dequantised"].drop_duplicates()) == 1


def test_the_seed_decides_the_draws():
    X = tracks(100)
    keys = [AudioFeatures(random_state=seed).fit(X).steps(X)["dequantised"].key - X.key for seed in (0, 1)]
    assert np.abs(np.corrcoef(keys)[0, 1]) < 0.45  # 4.5 standard errors
    fresh = [AudioFeatures(random_state=None).fit(X).seed_ for _ in range(2)]
    assert fresh[0] != fresh[1]


# ---- the doors --------------------------------------------------------------------------------------------


@parametrize_with_checks([AudioFeatures(), AudioFeatures(whiten=False)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "column, value, expected",
    [
        ("danceability", 1.2, "got 1.2 in row 3 .*a number from 0 to 1"),
        ("valence", -0.1, "got -0.1 in row 3"),
        ("key", -1, "got -1 in row 3 .*a whole number from 0 to 11"),
        ("key", 12, "got 12"),
        ("mode", 0.5, "got 0.5 .*from 0 to 1"),
        ("loudness", 5, "got 5 .*from -60 to below 5"),
        ("loudness", -60.1, "got -60.1"),
        ("instrumentalness", 1.01, "got 1.01"),
        ("tempo", 0, "got 0 .*a number above 0"),
        ("popularity", 101, "got 101 .*whole number from 0 to 100"),
        ("duration_ms", np.nan, "got NaN"),
        ("duration_ms", np.inf, "got inf"),
    ],
)
def test_what_is_out_of_range_is_named(fitted, column, value, expected):
    X = tracks(10).astype(float)
    X.iloc[3, FEATURES.index(column)] = value
    for use in (AudioFeatures().fit, fitted.transform, fitted.steps, fitted.log_jacobian):
        with pytest.raises(ValueError, match=f"^{column}: {expected}"):
            use(X)


def test_columns_find_their_kinds():
    X = tracks(40)
    assert tuple(AUDIO_KINDS) == FEATURES
    assert AudioFeatures().fit(X).kinds_ == list(AUDIO_KINDS.values())
    assert AudioFeatures().fit(X.to_numpy(dtype=float)).kinds_ == list(AUDIO_KINDS.values())
    assert AudioFeatures().fit(X[["tempo", "key"]]).kinds_ == ["positive", 12]
    assert AudioFeatures().fit(X[["tempo", "key"]].to_numpy(dtype=float)).kinds_ == ["real", "real"]
    assert AudioFeatures().fit(X[["tempo"]].rename(columns={"tempo": "t"})).kinds_ == ["real"]
    for wrong in (
        X.rename(columns={"key": "Key"}),
        X.add_prefix("x_").join(X.tempo),
        X.rename(columns=str.title),
    ):
        with pytest.raises(ValueError, match="X: got columns .* of no known kind"):
            AudioFeatures().fit(wrong)
    with pytest.raises(ValueError, match="kinds: got 'units' for tempo, expected one of"):
        AudioFeatures({"tempo": "units"}).fit(X[["tempo"]])
    with pytest.raises(ValueError, match="kinds: got 0 for tempo"):
        AudioFeatures({"tempo": 0}).fit(X[["tempo"]])
    model = clone(AudioFeatures({"tempo": "real"}, whiten=False)).fit(X[["tempo"]])
    assert model.transform(X[["tempo"]])[:, 0].std() == pytest.approx(1)


def test_what_does_not_fit_is_refused(fitted):
    with pytest.raises(ValueError, match="Z: got 3 columns, expected 14"):
        fitted.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        AudioFeatures().fit(tracks(1))
    with pytest.raises(ValueError, match="NaN"):
        fitted.inverse_transform(np.full((2, 14), np.nan))


from tests.support import ROOT  # noqa: E402

REAL = Path(os.environ.get("RBM_DATA") or ROOT / "data") / "spotify"
REAL = REAL / "top_10000_1960-now.csv"


@pytest.mark.skipif(not REAL.is_file(), reason="the Spotify tracks are not here")
def test_the_real_tracks():
    raw = pd.read_csv(REAL).rename(columns=lambda name: name.lower().replace(" ", "_"))
    X = raw.rename(columns={"track_duration_(ms)": "duration_ms"})[list(FEATURES)]
    X = X[X.tempo > 0].dropna()
    model = AudioFeatures().fit(X)
    assert_restored(model, X)
    assert model.variance_.min() > 0.1, "no direction is nearly empty"
