"""Audio features on a scale that suits Gaussian units, by invertible steps.

The steps are dequantise, squash, standardise, whiten. The logarithm of every slope is kept,
so that log-likelihoods can be brought back: log p(y) = log p(z) + log |det dz/dy|. What
only counts (key, mode, popularity) is given a density first, by adding U(0, 1). Without
that, a model reaches any density by narrowing on the steps; with it, the mean of log p(x +
u) bounds the log-probability of the whole numbers from below (Theis, van den Oord & Bethge
2016, 3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.util import hash_array, hash_pandas_object
from scipy.special import expit, logit

from rbm_lib.checks import as_numbers
from rbm_lib.data.spotify.record import FEATURES

SMALLEST = 1e-6  # an instrumentalness below this is published as 0
EDGE = 0.001  # logit(EDGE + (1 - 2 EDGE) x) is finite at 0 and 1
EIGENVALUE_FLOOR = 1e-9  # relative to the largest; what varies less keeps its scale

Map = Callable[[NDArray], NDArray]


@dataclass(frozen=True)
class Kind:
    """The legal values of a column, and a map of dequantised ones to the real line.

    Whole numbers are dequantised by U(0, 1). Values below `floor` are published as 0, and
    dequantised by U(0, floor).
    """

    expected: str
    low: float
    high: float = np.inf
    forward: Map = lambda y: y
    inverse: Map = lambda y: y
    log_slope: Map = np.zeros_like
    whole: bool = False
    floor: float = 0.0


def _logit_of(top: float) -> tuple[Map, Map, Map]:
    """Logit of EDGE + (1 - 2 EDGE) y / top: the map, its inverse, and its log slope."""
    slope = (1 - 2 * EDGE) / top
    return (
        lambda y: logit(EDGE + slope * y),
        lambda y: (expit(y) - EDGE) / slope,
        lambda y: np.log(slope) - np.log(EDGE + slope * y) - np.log1p(-EDGE - slope * y),
    )


_LOG = np.log, np.exp, lambda y: -np.log(y)
_DECIBEL = lambda y: -np.log(5 - y), lambda y: 5 - np.exp(-y), lambda y: -np.log(5 - y)


def _levels(n: int) -> Kind:
    return Kind(f"a whole number from 0 to {n - 1}", 0, n - 1, whole=True)


_SHARE = Kind("a number from 0 to 1", 0, 1, *_logit_of(1))
_POSITIVE = Kind("a number above 0", np.finfo(float).tiny, np.inf, *_LOG)
_OTHERS = {
    "key": _levels(12),
    "loudness": Kind("a number from -60 to below 5", -60, np.nextafter(5, 0), *_DECIBEL),
    "mode": _levels(2),
    "instrumentalness": Kind("a number from 0 to 1", 0, 1, *_LOG, floor=SMALLEST),
    "tempo": _POSITIVE,
    "time_signature": _levels(8),
    "popularity": Kind("a whole number from 0 to 100", 0, 100, *_logit_of(101), whole=True),
    "duration_ms": _POSITIVE,
}
KINDS = [_OTHERS.get(name, _SHARE) for name in FEATURES]


class AudioFeatures:
    """Map audio features to uncorrelated coordinates with mean 0 and variance 1, and back.

    `fit` and `transform` are used as in scikit-learn. Rows are tracks; columns are the 14
    `FEATURES`, found by name in a DataFrame. The uniform numbers of dequantisation are a
    hash of the seed and the row's values, so a row always gets the same ones, alone or
    among others.

    Parameters
    ----------
    whiten : bool
        Rotate to principal axes and scale them to variance 1. A Gaussian RBM with W = 0 is
        then the full-covariance Gaussian. False stops at standardised columns.
    random_state : int or None
        Seed of the dequantisation.

    Attributes
    ----------
    components_ : (14, 14)
        Principal axes, as rows.
    variance_ : (14,)
        Variance along them. Axes and columns without variance keep their scale.
    scaler_ : StandardScaler

    Examples
    --------
    >>> from rbm_lib.data import synthetic_spotify
    >>> X = synthetic_spotify(n_tracks=200).tracks[list(FEATURES)]
    >>> audio = AudioFeatures().fit(X)
    >>> np.allclose(audio.inverse_transform(audio.transform(X)), X)
    True
    """

    def __init__(self, *, whiten: bool = True, random_state: int | None = 0) -> None:
        self.whiten = whiten
        self.random_state = random_state
        self.scaler_ = None

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn means, scales and axes from two or more rows; `y` is ignored."""
        from sklearn.preprocessing import StandardScaler  # slow to import

        values = _legal_values(X)
        if len(values) < 2:
            raise ValueError(f"X: got {len(values)} rows, expected two or more.")
        self.seed_ = np.random.RandomState(self.random_state).randint(2**31)
        squashed = _squash(self._dequantise(values))
        self.scaler_ = StandardScaler().fit(squashed)
        if self.whiten:
            standardised = np.asarray(self.scaler_.transform(squashed))
            variance, axes = np.linalg.eigh(standardised.T @ standardised / len(values))
            variance, axes = variance[::-1], axes.T[::-1]
            # Eigenvectors have no sign of their own: make the largest entry positive.
            largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
            self.components_ = axes * np.sign(largest)
            varies = variance > EIGENVALUE_FLOOR * variance[0]
            self.variance_ = np.where(varies, variance, 1.0)
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Coordinates of rows in original units, (n, 14)."""
        *_, last = self._steps(X).values()
        return last

    def steps(self, X: ArrayLike) -> dict[str, pd.DataFrame]:
        """X after each step: "dequantised", "squashed", "standardised", "whitened"."""
        index = X.index if isinstance(X, pd.DataFrame) else None
        axes = [f"component{j}" for j in range(1, len(FEATURES) + 1)]
        return {
            name: pd.DataFrame(
                values, index, axes if name == "whitened" else list(FEATURES)
            )
            for name, values in self._steps(X).items()
        }

    def inverse_transform(self, Z: ArrayLike, quantise: bool = True) -> NDArray:
        """Original units of coordinates, (n, 14).

        With `quantise` whole numbers are whole, floored values are 0, and what is outside
        the legal range (as of invented coordinates) is moved to its end. Without, the
        result is a smooth function of Z, the dequantised values.
        """
        scaler = self._fitted()
        z = as_numbers(Z, "Z", (None, len(FEATURES))).double().numpy()
        if self.whiten:
            z = (z * np.sqrt(self.variance_)) @ self.components_
        y = np.column_stack(_by_column("inverse", scaler.inverse_transform(z)))
        return _quantise(y) if quantise else y

    def log_jacobian(self, X: ArrayLike) -> NDArray:
        """log |det dz/dy| in nats, (n,), at the dequantised y of X."""
        scaler = self._fitted()
        y = self._dequantise(_legal_values(X))
        slopes = np.sum(_by_column("log_slope", y), axis=0)
        result = slopes - np.log(np.asarray(scaler.scale_)).sum()
        return result - 0.5 * np.log(self.variance_).sum() if self.whiten else result

    def _steps(self, X: ArrayLike) -> dict[str, NDArray]:
        scaler = self._fitted()
        dequantised = self._dequantise(_legal_values(X))
        squashed = _squash(dequantised)
        standardised = scaler.transform(squashed)
        steps = {
            "dequantised": dequantised,
            "squashed": squashed,
            "standardised": standardised,
        }
        if self.whiten:
            steps["whitened"] = standardised @ self.components_.T / np.sqrt(self.variance_)
        return steps

    def _dequantise(self, X: NDArray) -> NDArray:
        # To nine digits, so that rounding errors do not draw anew; -0.0 becomes 0.0.
        rows = pd.DataFrame(np.char.mod("%.9g", X).astype(float) + 0.0)
        row_hash = hash_pandas_object(rows, index=False).to_numpy()  # pyright: ignore
        y = X.copy()
        for j, kind in enumerate(KINDS):
            stream = np.uint64(0x9E3779B97F4A7C15 * (self.seed_ + (j + 1) * 2**32) % 2**64)
            bits = hash_array(row_hash ^ stream) >> np.uint64(32)  # pyright: ignore
            uniform = (
                bits + 0.5
            ) / 2**32  # strictly inside (0, 1), and x + uniform is exact
            if kind.whole:
                y[:, j] += uniform
            elif kind.floor:
                y[:, j] = np.where(X[:, j] < kind.floor, kind.floor * uniform, X[:, j])
        return y

    def _fitted(self):
        if self.scaler_ is None:
            raise ValueError("AudioFeatures: got no data yet, expected fit(X) first.")
        return self.scaler_


def _by_column(name: str, values: NDArray) -> list[NDArray]:
    """Apply each column's map of that name."""
    return [getattr(kind, name)(values[:, j]) for j, kind in enumerate(KINDS)]


def _squash(y: NDArray) -> NDArray:
    return np.column_stack(_by_column("forward", y))


def _quantise(y: NDArray) -> NDArray:
    X = np.empty_like(y)
    for j, kind in enumerate(KINDS):
        column = np.floor(y[:, j]) if kind.whole else y[:, j]
        if kind.floor:  # halfway between the largest draw and the floor, for rounding
            column = np.where(column < kind.floor * (1 - 2**-34), 0.0, column)
        X[:, j] = np.clip(column, kind.low, kind.high)
    return X


def _as_published(X: ArrayLike) -> NDArray:
    """The numbers of X as float64: of single precision, the decimals they stand for.

    A tempo of 120.034 is 120.03399658203125 in single precision. As that number it would
    be dequantised by other uniform numbers than the tempo itself, and the row would move.
    """
    values = as_numbers(X, "X", (None, len(FEATURES)), most=None).double().cpu().numpy()
    types = X.dtypes if isinstance(X, pd.DataFrame) else [getattr(X, "dtype", float)]
    names = [str(dtype).removeprefix("torch.").lower() for dtype in types]
    if {"float16", "bfloat16"} & {*names}:
        raise TypeError(
            "X: got half precision, expected float32 or float64. A tempo or a duration "
            "does not fit into it: read the values again."
        )
    single = np.broadcast_to([name == "float32" for name in names], len(FEATURES))
    values[:, single] = values[:, single].astype(np.float32).astype(str).astype(float)
    return values


def _legal_values(X: ArrayLike) -> NDArray:
    """The values of the columns FEATURES, each within its range."""
    if isinstance(X, pd.DataFrame):
        missing = [name for name in FEATURES if name not in X]
        if missing:
            raise ValueError(f"X: got columns {list(X)}, expected {missing} too.")
        X = X[list(FEATURES)]
    values = _as_published(X)
    for j, kind in enumerate(KINDS):
        x = values[:, j]
        legal = np.isfinite(x) & (x >= kind.low) & (x <= kind.high)
        if kind.whole:
            legal &= x == np.floor(x)
        if not legal.all():
            row = int(np.argmin(legal))
            raise ValueError(
                f"{FEATURES[j]}: got {x[row]:g} in row {row} (counted from 0), expected "
                f"{kind.expected}. Fix or drop such rows."
            )
    return values
