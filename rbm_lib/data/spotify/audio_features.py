"""Audio features on a scale where a Gaussian machine can live: dequantise → squash → standardise → whiten.

Every step is a fixed or fitted invertible map, and the logarithm of its slope is kept: log-likelihoods in
the new coordinates can be brought back to the old ones, log p(x) = log p(z) + log |det dz/dx|. What only
counts (key, mode, popularity) is given a density first, by adding U(0, 1): without that a model can reach
any density by narrowing on the steps, and the mean of log p(x + u) bounds the log-probability of the whole
numbers from below (Theis, van den Oord & Bethge 2016, section 3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from rbm_lib.data.spotify.load import FEATURES

SMALLEST = 1e-6  # instrumentalness below this is published as 0
EDGE = 0.001  # logit(EDGE + (1 − 2 EDGE) x): finite at 0 and 1
EIGENVALUE_FLOOR = 1e-9  # relative to the largest: what varies less is left unscaled


@dataclass(frozen=True)
class Kind:
    """What one column holds: legal values low … high, and a smooth increasing map to the real line.

    forward and inverse are that map and its inverse, log_slope the logarithm of its derivative, all of the
    dequantised value. whole: whole numbers, dequantised by U(0, 1). floor: smaller values are published as
    0 and dequantised by U(0, floor).
    """

    expected: str
    low: float = -np.inf
    high: float = np.inf
    forward: Callable = lambda y: y
    inverse: Callable = lambda y: y
    log_slope: Callable = np.zeros_like
    whole: bool = False
    floor: float = 0.0


def _logit_of(top):
    """Logit of EDGE + (1 − 2 EDGE) y / top: forward, inverse and log-slope."""
    slope = (1 - 2 * EDGE) / top
    return {
        "forward": lambda y: logit(EDGE + slope * y),
        "inverse": lambda y: (expit(y) - EDGE) / slope,
        "log_slope": lambda y: np.log(slope) - np.log(EDGE + slope * y) - np.log1p(-EDGE - slope * y),
    }


_LOG = {"forward": np.log, "inverse": np.exp, "log_slope": lambda y: -np.log(y)}
_TINY = np.finfo(float).tiny
KINDS = {
    "real": Kind("a finite number"),
    "unit": Kind("a number from 0 to 1", 0, 1, **_logit_of(1)),
    "positive": Kind("a number above 0", _TINY, **_LOG),
    "floored": Kind("a number from 0 to 1", 0, 1, **_LOG, floor=SMALLEST),
    "decibel": Kind(
        "a number of decibels from -60 to below 5", -60, np.nextafter(5, 0),
        lambda y: -np.log(5 - y), lambda y: 5 - np.exp(-y), lambda y: -np.log(5 - y),
    ),
    "percent": Kind("a whole number from 0 to 100", 0, 100, **_logit_of(101), whole=True),
}  # fmt: skip


def _levels(n):
    return Kind(f"a whole number from 0 to {n - 1}", 0, n - 1, whole=True)


AUDIO_KINDS = {  # a number n: whole numbers 0 … n − 1
    "danceability": "unit", "energy": "unit", "key": 12, "loudness": "decibel", "mode": 2,
    "speechiness": "unit", "acousticness": "unit", "instrumentalness": "floored", "liveness": "unit",
    "valence": "unit", "tempo": "positive", "time_signature": 8, "popularity": "percent",
    "duration_ms": "positive",
}  # fmt: skip


class AudioFeatures(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Tracks' audio features → coordinates with mean 0, variance 1 and no correlation; invertible.

    kinds: what each column holds, {column name: kind}. A kind is "real", "unit" (0 … 1: logit), "positive"
      (log), "floored" (0 … 1, where 0 stands for all below 1e-6: log), "decibel" (-60 … 5: −log(5 − x)),
      "percent" (whole numbers 0 … 100: logit) or a number n (whole numbers 0 … n − 1: as they are). Default:
      `AUDIO_KINDS` for columns of these names, and for an array of as many columns, in the order of
      `FEATURES`; data none of whose columns is named so is taken as real.
    whiten: rotate to principal axes and scale them to variance 1. A Gaussian RBM with W = 0 is then the
      full-covariance Gaussian. False: stop at standardised columns.
    random_state: seed of the dequantisation (an int, a RandomState or None, as in scikit-learn).

    The uniform numbers of dequantisation are a hash of the seed and the row's own values: a row always gets
    the same ones, alone or among others, in any order; rows that are equal in all columns share theirs.

    Fitted: n_features_in_, feature_names_in_, kinds_ (one per column), seed_, scaler_, components_
    (n_columns, n_columns), rows are the principal axes, and variance_ (n_columns,) along them; columns and
    axes without variance keep their scale, so that nothing becomes NaN.

    fit, transform, steps and log_jacobian raise ValueError naming column, row and value where one is not
    legal for its kind. A row is a track.
    """

    def __init__(self, kinds=None, *, whiten=True, random_state=0):
        self.kinds = kinds
        self.whiten = whiten
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn means, scales and axes from X (n_tracks, n_columns), at least 2 rows; y is ignored."""
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=2)
        self.kinds_ = self._choose_kinds()
        self.seed_ = check_random_state(self.random_state).randint(2**31)
        squashed = self._squash(self._dequantise(self._check_values(X)))
        self.scaler_ = StandardScaler().fit(squashed)
        if self.whiten:
            standardised = self.scaler_.transform(squashed)
            variance, axes = np.linalg.eigh(standardised.T @ standardised / len(X))
            variance, axes = variance[::-1], axes.T[::-1]
            largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
            self.components_ = axes * np.sign(largest)  # eigenvectors have no sign of their own
            self.variance_ = np.where(variance > EIGENVALUE_FLOOR * variance[0], variance, 1.0)
        return self

    def transform(self, X):
        """(n_tracks, n_columns) in original units → coordinates, the same shape."""
        return list(self._steps(self._read(X)).values())[-1]

    def steps(self, X):
        """{"dequantised", "squashed", "standardised", "whitened"}: X after each step, as DataFrames."""
        index = X.index if hasattr(X, "iloc") else None
        names = {"whitened": self.get_feature_names_out()} if self.whiten else {}
        return {
            name: pd.DataFrame(values, index, names.get(name, self._names()))
            for name, values in self._steps(self._read(X)).items()
        }

    def inverse_transform(self, Z, quantise=True):
        """Coordinates (n, n_columns) → original units, an array of the same shape.

        quantise: whole numbers where X had them, 0 for floored values, and what lies outside the legal range
        (only invented coordinates do) moved to its end. False: the dequantised values, a smooth map of Z.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float64, input_name="Z")
        if Z.shape[1] != self.n_features_in_:
            raise ValueError(f"Z: got {Z.shape[1]} columns, expected {self.n_features_in_} as in fit.")
        if self.whiten:
            Z = (Z * np.sqrt(self.variance_)) @ self.components_
        squashed = self.scaler_.inverse_transform(Z)
        y = np.column_stack([k.inverse(squashed[:, j]) for j, k in self._columns])
        return self._quantise(y) if quantise else y

    def log_jacobian(self, X):
        """log |det dz/dy| in nats, (n_tracks,), at the dequantised y of X: log p_Y(y) = log p_Z(z) + this."""
        y = self._dequantise(self._read(X))
        slopes = sum(k.log_slope(y[:, j]) for j, k in self._columns)
        result = slopes - np.log(self.scaler_.scale_).sum()
        return result - 0.5 * np.log(self.variance_).sum() if self.whiten else result

    def get_feature_names_out(self, input_features=None):
        """Names of the coordinates: the columns' own, or component1, component2, … when whitened."""
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        if not self.whiten:
            return names
        return np.array([f"component{j + 1}" for j in range(len(names))], dtype=object)

    # ---- the steps --------------------------------------------------------------------------------------

    def _steps(self, X):
        result = {"dequantised": self._dequantise(X)}
        result["squashed"] = self._squash(result["dequantised"])
        result["standardised"] = self.scaler_.transform(result["squashed"])
        if self.whiten:
            result["whitened"] = result["standardised"] @ self.components_.T / np.sqrt(self.variance_)
        return result

    def _dequantise(self, X):
        row_hash = pd.util.hash_pandas_object(pd.DataFrame(X + 0.0), index=False).to_numpy()  # −0.0 is 0.0
        y = X.copy()
        for j, kind in self._columns:
            stream = np.uint64(0x9E3779B97F4A7C15 * (self.seed_ + (j + 1) * 2**32) % 2**64)
            bits = pd.util.hash_array(row_hash ^ stream) >> np.uint64(32)
            uniform = (bits + 0.5) / 2**32  # strictly inside (0, 1), and x + uniform is exact
            if kind.whole:
                y[:, j] += uniform
            elif kind.floor:
                y[:, j] = np.where(X[:, j] < kind.floor, kind.floor * uniform, X[:, j])
        return y

    def _squash(self, y):
        return np.column_stack([k.forward(y[:, j]) for j, k in self._columns])

    def _quantise(self, y):
        X = np.empty_like(y)
        for j, kind in self._columns:
            column = np.floor(y[:, j]) if kind.whole else y[:, j]
            if kind.floor:  # halfway between the largest draw and the floor itself, for rounding's sake
                column = np.where(column < kind.floor * (1 - 2**-34), 0.0, column)
            X[:, j] = np.clip(column, kind.low, kind.high)
        return X

    # ---- doors ------------------------------------------------------------------------------------------

    def _names(self):
        return OneToOneFeatureMixin.get_feature_names_out(self)

    def _choose_kinds(self):
        names, kinds = list(self._names()), self.kinds
        if kinds is None:
            unnamed = not hasattr(self, "feature_names_in_")
            if unnamed and len(names) == len(FEATURES):
                names = list(FEATURES)
            some = any(name.lower() in AUDIO_KINDS for name in names)
            kinds = AUDIO_KINDS if some else dict.fromkeys(names, "real")
        unknown = [name for name in names if name not in kinds]
        if unknown:
            raise ValueError(
                f"X: got columns {unknown} of no known kind, expected some of {list(kinds)}; "
                "leave them out, or give kinds={column: kind}."
            )
        for name in names:
            if not (kinds[name] in KINDS or isinstance(kinds[name], int) and kinds[name] >= 1):
                raise ValueError(
                    f"kinds: got {kinds[name]!r} for {name}, expected one of {list(KINDS)} or a whole number."
                )
        return [kinds[name] for name in names]

    @property
    def _columns(self):
        """Number and Kind of each column."""
        return enumerate(KINDS[k] if k in KINDS else _levels(k) for k in self.kinds_)

    def _read(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite=False, reset=False)
        return self._check_values(X)

    def _check_values(self, X):
        for j, kind in self._columns:
            x = X[:, j]
            wrong = ~np.isfinite(x) | (x < kind.low) | (x > kind.high) | (kind.whole & (x != np.floor(x)))
            if wrong.any():
                row = int(wrong.argmax())
                value = "NaN" if np.isnan(x[row]) else f"{x[row]:g}"
                raise ValueError(
                    f"{self._names()[j]}: got {value} in row {row} (counted from 0), expected "
                    f"{kind.expected}; drop or mend such rows."
                )
        return X
