"""AudioFeatures: steps can be undone, have the right slope, and draw uniform numbers."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from rbm_lib.data import AudioFeatures
from rbm_lib.data.spotify.audio_features import KINDS
from rbm_lib.data.spotify.record import FEATURES
from tests.support import TIMES

SHARES = ["danceability", "energy", "speechiness", "acousticness", "liveness", "valence"]
COUNTED = ["key", "mode", "time_signature", "popularity"]
ENDS = {name: (kind.low, kind.high) for name, kind in zip(FEATURES, KINDS, strict=True)}
ENDS |= {"tempo": (1e-3, 1e4), "duration_ms": (1.0, 1e8)}


def tracks(n=300, seed=0):
    """Invented tracks in the published units and roundings."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.beta(2, 3, n).round(3) for name in SHARES})
    frame["key"] = rng.integers(0, 12, n)
    frame["mode"] = rng.integers(0, 2, n)
    frame["time_signature"] = rng.choice([1, 3, 4, 5], n, p=[0.02, 0.05, 0.9, 0.03])
    frame["popularity"] = np.where(rng.random(n) < 0.3, 0, rng.integers(0, 101, n))
    loudness = -20 * (1 - frame["energy"]) + rng.normal(0, 2, n)
    frame["loudness"] = loudness.clip(-60, 4).round(3)
    small = 1e-6 * 10 ** rng.uniform(0, 5.9, n)
    frame["instrumentalness"] = np.where(rng.random(n) < 0.4, 0, small)
    frame["tempo"] = rng.uniform(50, 210, n).round(3)
    frame["duration_ms"] = rng.integers(30_000, 900_000, n)
    return frame[list(FEATURES)].astype(float)


def legal(name):
    low, high = ENDS[name]
    if name in COUNTED:
        return st.integers(int(low), int(high)).map(float)
    if name == "instrumentalness":
        return st.sampled_from([0.0, 1e-6]) | st.floats(1e-6, high)
    return st.floats(low, min(high, 4.99) if name == "loudness" else high)


rows = st.lists(st.fixed_dictionaries({name: legal(name) for name in FEATURES}), min_size=2)


def assert_restored(audio, X, rtol=1e-9, atol=1e-9):
    """inverse_transform undoes transform: whole numbers exactly, the rest to rounding."""
    Z = audio.transform(X)
    back = pd.DataFrame(audio.inverse_transform(Z), columns=list(FEATURES))

    assert np.isfinite(Z).all()
    assert np.isfinite(audio.log_jacobian(X)).all()
    assert np.array_equal(back[COUNTED], X[COUNTED])
    np.testing.assert_allclose(back, X, rtol=rtol, atol=atol)


@pytest.fixture(scope="module")
def fitted():
    return AudioFeatures().fit(tracks())


@settings(max_examples=30 * TIMES)
@given(rows, st.booleans(), st.integers(0, 5))
def test_the_inverse_undoes_the_map_for_all_legal_values(rows, whiten, seed):
    audio = AudioFeatures(whiten=whiten, random_state=seed).fit(tracks(60))

    assert_restored(audio, pd.DataFrame(rows)[list(FEATURES)])


@settings(max_examples=30 * TIMES)
@given(rows)
def test_whatever_it_is_fitted_on_nothing_becomes_nan(rows):
    """Equal rows too, and more columns than directions in which rows differ."""
    X = pd.DataFrame(rows)[list(FEATURES)]

    assert_restored(AudioFeatures().fit(X), X, rtol=1e-7, atol=1e-7)


def test_the_ends_of_every_range_are_restored(fitted):
    assert_restored(fitted, pd.DataFrame(ENDS)[list(FEATURES)].astype(float), rtol=1e-6)


def test_the_squashing_is_the_published_one():
    X = tracks(5)
    steps = AudioFeatures().fit(X).steps(X)
    y, squashed = steps["dequantised"], steps["squashed"]

    def logit(p):
        return np.log(p / (1 - p))

    expected = {name: logit(0.001 + 0.998 * X[name]) for name in SHARES}
    expected["popularity"] = logit(0.001 + 0.998 * y["popularity"] / 101)
    expected["loudness"] = -np.log(5 - X["loudness"])
    expected |= {
        name: np.log(y[name]) for name in ("tempo", "duration_ms", "instrumentalness")
    }
    expected |= {name: y[name] for name in ("key", "mode", "time_signature")}
    np.testing.assert_allclose(squashed, pd.DataFrame(expected)[list(FEATURES)])


def test_whitening_whitens_and_the_steps_end_in_the_transform():
    X = tracks().set_index(np.arange(300) + 1000)
    audio = AudioFeatures().fit(X)
    steps = audio.steps(X)
    Z = audio.transform(X)

    assert list(steps) == ["dequantised", "squashed", "standardised", "whitened"]
    assert all((frame.index == X.index).all() for frame in steps.values())
    np.testing.assert_array_equal(Z, steps["whitened"])
    np.testing.assert_allclose(Z.mean(0), 0, atol=1e-10)
    np.testing.assert_allclose(Z.T @ Z / len(Z), np.eye(14), atol=1e-10)
    assert (np.diff(audio.variance_) <= 0).all()
    plain = AudioFeatures(whiten=False).fit(X)
    np.testing.assert_array_equal(plain.transform(X), steps["standardised"])


def test_invented_coordinates_come_back_legal(fitted):
    Z = 6 * np.random.default_rng(0).standard_normal((500, 14))

    X = fitted.inverse_transform(Z)

    fitted.transform(X)  # refuses what is not legal
    key = FEATURES.index("key")
    assert {0, 11} <= set(X[:, key])
    assert (fitted.inverse_transform(Z, quantise=False)[:, key] < 0).any()


@pytest.mark.parametrize("whiten", [True, False])
def test_the_jacobian_is_that_of_finite_differences(whiten):
    X = tracks(60)
    audio = AudioFeatures(whiten=whiten).fit(X)
    Z = audio.transform(X)
    slopes = np.empty((60, 14, 14))
    for j, step in enumerate(1e-5 * np.eye(14)):
        above = audio.inverse_transform(Z + step, quantise=False)
        below = audio.inverse_transform(Z - step, quantise=False)
        slopes[:, :, j] = (above - below) / 2e-5

    log_jacobian = audio.log_jacobian(X)

    np.testing.assert_allclose(log_jacobian, -np.linalg.slogdet(slopes)[1], atol=1e-6)


def test_draws_are_uniform_and_independent_of_columns_and_values():
    X = tracks(8000)
    y = AudioFeatures().fit(X).steps(X)["dequantised"]
    zero = X["instrumentalness"] == 0
    u = (y - X)[COUNTED].assign(instrumentalness=y["instrumentalness"] / 1e-6)[zero]

    assert all(kstest(u[name], "uniform").pvalue > 1e-3 for name in u)
    both = np.hstack([u, X[zero].drop(columns="instrumentalness")])
    correlation = np.corrcoef(both.T)[:5] - np.eye(5, 18)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(u))
    untouched = [name for name in FEATURES if name not in u]
    np.testing.assert_array_equal(y[untouched], X[untouched])


def test_a_row_has_its_draws_wherever_it_is_and_the_seed_decides_them(fitted):
    X = tracks()
    Z = fitted.transform(X)

    np.testing.assert_allclose(fitted.transform(X[::-7]), Z[::-7], rtol=0, atol=1e-9)
    other = AudioFeatures(random_state=1).fit(X).steps(X)["dequantised"]
    draws = (fitted.steps(X)["dequantised"] - X)["key"], (other - X)["key"]
    assert abs(np.corrcoef(draws)[0, 1]) < 4.5 / np.sqrt(len(X))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("danceability", 1.2, "got 1.2 in row 3 .* a number from 0 to 1"),
        ("key", 12, "got 12 in row 3 .* a whole number from 0 to 11"),
        ("mode", 0.5, "got 0.5 in row 3 .* from 0 to 1"),
        ("loudness", 5, "got 5 in row 3 .* from -60 to below 5"),
        ("tempo", 0, "got 0 in row 3 .* a number above 0"),
        ("popularity", 101, "got 101 in row 3 .* a whole number from 0 to 100"),
        ("duration_ms", np.nan, "got nan in row 3"),
    ],
)
def test_an_impossible_value_is_named(fitted, column, value, expected):
    X = tracks(10)
    X.loc[3, column] = value

    for use in (AudioFeatures().fit, fitted.transform, fitted.steps, fitted.log_jacobian):
        with pytest.raises(ValueError, match=f"^{column}: {expected}"):
            use(X)


def test_what_does_not_fit_is_refused(fitted):
    with pytest.raises(ValueError, match=r"Z: got shape \(2, 3\)"):
        fitted.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"expected \['key'\] too"):
        fitted.transform(tracks().drop(columns="key"))
    with pytest.raises(ValueError, match="X: got 1 rows, expected two or more"):
        AudioFeatures().fit(tracks(1))
    with pytest.raises(ValueError, match="got no data yet"):
        AudioFeatures().transform(tracks())


def single_frame(X):
    return X.astype("float32")


def single_in_some_columns(X):
    return X.astype({"tempo": "float32", "energy": "Float32", "key": "int8"})


def single_array(X):
    return X.to_numpy(dtype=np.float32)


def single_tensor(X):
    return torch.tensor(X.to_numpy(), dtype=torch.float32)


@pytest.mark.parametrize(
    "convert", [single_frame, single_in_some_columns, single_array, single_tensor]
)
def test_single_precision_means_the_published_decimals(convert):
    """At least of up to six digits, which all published values have but odd durations."""
    X = tracks()
    X["instrumentalness"] = X["instrumentalness"].map("{:.3g}".format).astype(float)
    audio = AudioFeatures().fit(X)
    other = AudioFeatures().fit(convert(X))

    # Sums may go another way through another layout; another draw would be off by .1.
    close = {"rtol": 0, "atol": 1e-9}
    found = audio.transform(convert(X))
    np.testing.assert_allclose(found, audio.transform(X), **close)
    np.testing.assert_allclose(
        audio.log_jacobian(convert(X)), audio.log_jacobian(X), **close
    )
    np.testing.assert_allclose(other.components_, audio.components_, **close)


def test_rounding_errors_do_not_move_a_row(fitted):
    X = tracks()
    Z = fitted.transform(X)

    again = fitted.transform(fitted.inverse_transform(Z))
    off = fitted.transform(X.astype(float) * (1 + 1e-15 * (X.to_numpy() % 1 > 0)))

    np.testing.assert_allclose(again, Z, rtol=0, atol=1e-6)
    np.testing.assert_allclose(off, Z, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, torch.float16, torch.bfloat16])
def test_half_precision_is_refused(fitted, dtype):
    X = tracks(5).assign(duration_ms=200.0).to_numpy()
    half = X.astype(dtype) if dtype is np.float16 else torch.tensor(X).to(dtype)

    with pytest.raises(TypeError, match="half precision"):
        fitted.transform(half)
