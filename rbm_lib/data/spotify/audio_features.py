"""Audio features on a scale that suits Gaussian units, by invertible steps.

The steps are dequantise, squash, standardise, whiten. The logarithm of every slope is kept,
so that log-likelihoods can be brought back: log p(y) = log p(z) + log |det dz/dy|. What
only counts (key, mode, popularity) is given a density first, by adding U(0, 1). Without
that, a model reaches any density by narrowing on the steps; with it, the mean of log p(x +
u) bounds the log-probability of the whole numbers from below (Theis, van den Oord & Bethge
2016, 3.1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from rbm_lib.checks import as_numbers
from rbm_lib.data.spotify.record import FEATURES

SMALLEST = 1e-6  # an instrumentalness below this is published as 0
EDGE = 0.001  # logit(EDGE + (1 - 2 EDGE) x) is finite at 0 and 1
EIGENVALUE_FLOOR = 1e-9  # relative to the largest; what varies less keeps its scale

Map = Callable[[NDArray], NDArray]


@dataclass(frozen=True)
class Kind:
    """The legal values of a column, and an increasing map of dequantised ones to the real line.

    Whole numbers are dequantised by U(0, 1). Values below `floor` are published as 0, and
    dequantised by U(0, floor).
    """

    expected: str
    low: float = -np.inf
    high: float = np.inf
    forward: Map = lambda y: y
    inverse: Map = lambda y: y
    log_slope: Map = np.zeros_like
    whole: bool = False
    floor: float = 0.0


def _logit_of(top: float) -> dict[str, Map]:
    """Logit of EDGE + (1 - 2 EDGE) y / top."""
    slope = (1 - 2 * EDGE) / top
    return {
        "forward": lambda y: logit(EDGE + slope * y),
        "inverse": lambda y: (expit(y) - EDGE) / slope,
        "log_slope": lambda y: (
            np.log(slope) - np.log(EDGE + slope * y) - np.log1p(-EDGE - slope * y)
        ),
    }


_LOG = {"forward": np.log, "inverse": np.exp, "log_slope": lambda y: -np.log(y)}
_DECIBEL = {
    "forward": lambda y: -np.log(5 - y),
    "inverse": lambda y: 5 - np.exp(-y),
    "log_slope": lambda y: -np.log(5 - y),
}
KINDS = {
    "real": Kind("a finite number"),
    "unit": Kind("a number from 0 to 1", 0, 1, **_logit_of(1)),
    "positive": Kind("a number above 0", np.finfo(float).tiny, **_LOG),
    "floored": Kind("a number from 0 to 1", 0, 1, **_LOG, floor=SMALLEST),
    "decibel": Kind("a number from -60 to below 5", -60, np.nextafter(5, 0), **_DECIBEL),
    "percent": Kind("a whole number from 0 to 100", 0, 100, **_logit_of(101), whole=True),
}
AUDIO_KINDS = {  # a number n stands for whole numbers from 0 to n - 1
    "danceability": "unit", "energy": "unit", "key": 12, "loudness": "decibel", "mode": 2,
    "speechiness": "unit", "acousticness": "unit", "instrumentalness": "floored",
    "liveness": "unit", "valence": "unit", "tempo": "positive", "time_signature": 8,
    "popularity": "percent", "duration_ms": "positive",
}  # fmt: skip


class AudioFeatures:
    """Map audio features to coordinates with mean 0, variance 1 and no correlation, and back.

    `fit` and `transform` are used as in scikit-learn. A row is a track. The uniform numbers
    of dequantisation are a hash of the seed and the row's values, so a row always gets the
    same ones, alone or among others.

    Parameters
    ----------
    kinds : dict, optional
        What each column holds: "real", "unit" (0 to 1: logit), "positive" (log), "floored"
        (0 to 1, where 0 stands for all below 1e-6: log), "decibel" (-60 to 5: -log(5 - x)),
        "percent" (whole numbers 0 to 100: logit) or a number n (whole numbers from 0 to n -
        1: as they are). By default `AUDIO_KINDS` for columns with these names and for
        arrays of 14 columns; other data are real.
    whiten : bool
        Rotate to principal axes and scale them to variance 1. A Gaussian RBM with W = 0 is
        then the full-covariance Gaussian. False stops at standardised columns.
    random_state : int or None
        Seed of the dequantisation.

    Attributes
    ----------
    components_ : (n_columns, n_columns)
        Principal axes, as rows.
    variance_ : (n_columns,)
        Variance along them. Axes and columns without variance keep their scale.
    scaler_ : StandardScaler

    Examples
    --------
    >>> X = pd.DataFrame({"key": [0, 7, 11], "tempo": [90.0, 120.0, 128.0]})
    >>> audio = AudioFeatures().fit(X)
    >>> np.allclose(audio.inverse_transform(audio.transform(X)), X)
    True
    """

    def __init__(
        self,
        kinds: Mapping[str, str | int] | None = None,
        *,
        whiten: bool = True,
        random_state: int | None = 0,
    ) -> None:
        self.kinds = kinds
        self.whiten = whiten
        self.random_state = random_state
        self.columns_: list[str] = []  # none before `fit`

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn means, scales and axes from two or more rows; `y` is ignored."""
        from sklearn.preprocessing import StandardScaler  # slow to import

        values = as_numbers(X, "X", (None, None), most=None).double().numpy()
        if len(values) < 2:
            raise ValueError(f"X: got {len(values)} rows, expected two or more.")
        self.columns_ = self._names(X, values.shape[1])
        self.kinds_ = self._choose_kinds()
        self._kinds = [_kind(kind) for kind in self.kinds_]
        self.seed_ = np.random.RandomState(self.random_state).randint(2**31)
        self._check(values)
        squashed = self._squash(self._dequantise(values))
        self.scaler_ = StandardScaler().fit(squashed)
        if self.whiten:
            standardised = self.scaler_.transform(squashed)
            variance, axes = np.linalg.eigh(standardised.T @ standardised / len(values))
            variance, axes = variance[::-1], axes.T[::-1]
            # Eigenvectors have no sign of their own: make the largest entry positive.
            largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
            self.components_ = axes * np.sign(largest)
            varies = variance > EIGENVALUE_FLOOR * variance[0]
            self.variance_ = np.where(varies, variance, 1.0)
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Coordinates of rows in original units, the same shape."""
        *_, last = self._steps(self._read(X)).values()
        return last

    def steps(self, X: ArrayLike) -> dict[str, pd.DataFrame]:
        """X after each step: "dequantised", "squashed", "standardised", "whitened"."""
        index = X.index if isinstance(X, pd.DataFrame) else None
        frames = {}
        for name, values in self._steps(self._read(X)).items():
            columns = self.columns_
            if name == "whitened":
                columns = [f"component{j}" for j in range(1, len(columns) + 1)]
            frames[name] = pd.DataFrame(values, index, columns)
        return frames

    def inverse_transform(self, Z: ArrayLike, quantise: bool = True) -> NDArray:
        """Original units of coordinates, the same shape.

        With `quantise` whole numbers are whole, floored values are 0, and what is outside
        the legal range (as of invented coordinates) is moved to its end. Without, the
        result is a smooth function of Z, the dequantised values.
        """
        self._require_fit()
        z = as_numbers(Z, "Z", (None, len(self.columns_))).double().numpy()
        if self.whiten:
            z = (z * np.sqrt(self.variance_)) @ self.components_
        squashed = self.scaler_.inverse_transform(z)
        y = np.column_stack([k.inverse(squashed[:, j]) for j, k in enumerate(self._kinds)])
        return self._quantise(y) if quantise else y

    def log_jacobian(self, X: ArrayLike) -> NDArray:
        """log |det dz/dy| in nats, (n_rows,), at the dequantised y of X."""
        y = self._dequantise(self._read(X))
        slopes = sum(kind.log_slope(y[:, j]) for j, kind in enumerate(self._kinds))
        result = slopes - np.log(self.scaler_.scale_).sum()
        return result - 0.5 * np.log(self.variance_).sum() if self.whiten else result

    # ---- the steps

    def _steps(self, X: NDArray) -> dict[str, NDArray]:
        dequantised = self._dequantise(X)
        squashed = self._squash(dequantised)
        standardised = self.scaler_.transform(squashed)
        result = {
            "dequantised": dequantised,
            "squashed": squashed,
            "standardised": standardised,
        }
        if self.whiten:
            result["whitened"] = standardised @ self.components_.T / np.sqrt(self.variance_)
        return result

    def _dequantise(self, X: NDArray) -> NDArray:
        rows = pd.DataFrame(X + 0.0)  # -0.0 becomes 0.0
        row_hash = pd.util.hash_pandas_object(rows, index=False).to_numpy()
        y = X.copy()
        for j, kind in enumerate(self._kinds):
            stream = np.uint64(0x9E3779B97F4A7C15 * (self.seed_ + (j + 1) * 2**32) % 2**64)
            bits = pd.util.hash_array(row_hash ^ stream) >> np.uint64(32)
            uniform = (
                bits + 0.5
            ) / 2**32  # strictly inside (0, 1), and x + uniform is exact
            if kind.whole:
                y[:, j] += uniform
            elif kind.floor:
                y[:, j] = np.where(X[:, j] < kind.floor, kind.floor * uniform, X[:, j])
        return y

    def _squash(self, y: NDArray) -> NDArray:
        return np.column_stack([k.forward(y[:, j]) for j, k in enumerate(self._kinds)])

    def _quantise(self, y: NDArray) -> NDArray:
        X = np.empty_like(y)
        for j, kind in enumerate(self._kinds):
            column = np.floor(y[:, j]) if kind.whole else y[:, j]
            if kind.floor:  # halfway between the largest draw and the floor, for rounding
                column = np.where(column < kind.floor * (1 - 2**-34), 0.0, column)
            X[:, j] = np.clip(column, kind.low, kind.high)
        return X

    # ---- validation

    def _names(self, X: ArrayLike, n: int) -> list[str]:
        if isinstance(X, pd.DataFrame):
            return list(X.columns)
        if self.kinds is None and n == len(FEATURES):
            return list(FEATURES)
        return [f"x{j}" for j in range(n)]

    def _choose_kinds(self) -> list[str | int]:
        kinds = self.kinds
        if kinds is None:
            audio = any(str(name).lower() in AUDIO_KINDS for name in self.columns_)
            kinds = AUDIO_KINDS if audio else dict.fromkeys(self.columns_, "real")
        unknown = [name for name in self.columns_ if name not in kinds]
        if unknown:
            raise ValueError(
                f"X: got columns {unknown} of no known kind, expected some of {list(kinds)}. "
                "Leave them out, or give kinds={column: kind}."
            )
        for name in self.columns_:
            kind = kinds[name]
            if kind not in KINDS and not (isinstance(kind, int) and kind >= 1):
                raise ValueError(
                    f"kinds: got {kind!r} for {name}, expected one of {list(KINDS)} or a whole "
                    "number."
                )
        return [kinds[name] for name in self.columns_]

    def _require_fit(self) -> None:
        if not self.columns_:
            raise ValueError(
                "AudioFeatures: got no data yet, expected a call of fit(X) first."
            )

    def _read(self, X: ArrayLike) -> NDArray:
        self._require_fit()
        values = as_numbers(X, "X", (None, len(self.columns_)), most=None).double().numpy()
        if isinstance(X, pd.DataFrame) and list(X.columns) != self.columns_:
            raise ValueError(
                f"X: got columns {list(X.columns)}, expected {self.columns_} as in fit."
            )
        self._check(values)
        return values

    def _check(self, X: NDArray) -> None:
        for j, kind in enumerate(self._kinds):
            x = X[:, j]
            legal = np.isfinite(x) & (x >= kind.low) & (x <= kind.high)
            if kind.whole:
                legal &= x == np.floor(x)
            if not legal.all():
                row = int(np.argmin(legal))
                raise ValueError(
                    f"{self.columns_[j]}: got {x[row]:g} in row {row} (counted from 0), "
                    f"expected {kind.expected}. Fix or drop such rows."
                )


def _kind(kind: str | int) -> Kind:
    if isinstance(kind, str):
        return KINDS[kind]
    return Kind(f"a whole number from 0 to {kind - 1}", 0, kind - 1, whole=True)
