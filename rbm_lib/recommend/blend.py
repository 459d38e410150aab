"""A last layer: the rating models and the biases in one prediction.

Its few weights are learned on ratings that the models have not seen. So they say how far
each model can be trusted on these data: where people rate few items, the biases get most of
the weight.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

PENALTY = 4.0  # of each correction, beside the log-likelihood of all ratings
FEWEST = 20  # ratings of each kind; with fewer the models stay as they are


@dataclass(frozen=True)
class Layer:
    """A linear function of columns.

    Attributes
    ----------
    intercept : float
        The value where all columns are 0.
    weights : array, shape (n_columns,)
        What each column adds.
    """

    intercept: float
    weights: NDArray[np.float64]

    def __call__(self, columns: NDArray) -> NDArray:
        """Its value for each row of columns, (n,)."""
        return self.intercept + columns @ self.weights


def logistic_layer(columns: NDArray, label: NDArray, penalty: float = PENALTY) -> Layer:
    """Fit log-odds of the label 1 that correct the first column, log-odds themselves.

    The corrections, one for the intercept and one for each standardised column, are drawn
    to 0, where the first column stays as it is.

    Examples
    --------
    >>> layer = logistic_layer(np.array([[-2.0], [2.0]]), np.array([0, 1]), penalty=1e6)
    >>> layer(np.array([[1.0]])).round(3)
    array([1.])
    """
    from scipy.optimize import minimize  # here, as it takes a third of the import's time

    z, mean, std = _standardised(columns)
    own = columns[:, 0]

    def loss(correction: NDArray) -> tuple[float, NDArray]:
        odds = own + z @ correction
        value = np.logaddexp(0, np.where(label == 1, -odds, odds)).sum()
        gradient = z.T @ (expit(odds) - label)
        pull = penalty * correction
        return value + pull @ correction / 2, gradient + pull

    correction = minimize(loss, np.zeros(z.shape[1]), jac=True, method="BFGS").x
    return _layer(correction, mean, std)


def linear_layer(columns: NDArray, target: NDArray, penalty: float = PENALTY) -> Layer:
    """Fit numbers that correct the first column, by least squares, in the same way."""
    z, mean, std = _standardised(columns)
    gram = z.T @ z + penalty * np.eye(z.shape[1])
    correction = np.linalg.solve(gram, z.T @ (target - columns[:, 0]))
    return _layer(correction, mean, std)


def _standardised(columns: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Ones and the columns in units of their standard deviations; mean and deviation."""
    mean = columns.mean(0)
    std = columns.std(0)
    std = np.where(std > 0, std, 1.0)
    return np.column_stack([np.ones(len(columns)), (columns - mean) / std]), mean, std


def _layer(correction: NDArray, mean: NDArray, std: NDArray) -> Layer:
    """The layer of the columns as they are."""
    weights = correction[1:] / std
    intercept = correction[0] - mean @ weights
    weights[0] += 1.0
    return Layer(float(intercept), weights)


@dataclass(frozen=True)
class Opinions:
    """What each model says of some ratings.

    Attributes
    ----------
    like : array, shape (n,)
        P(like) of the model with two levels.
    bias : array, shape (n,)
        The mean rating and the two biases.
    stars_like, stars : array, shape (n,), optional
        P(like) and the expected rating by the model with all levels.
    """

    like: NDArray
    bias: NDArray
    stars_like: NDArray | None = None
    stars: NDArray | None = None

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Those of several parts of the ratings, one after the other."""
        columns = {}
        for field in fields(cls):
            values = [getattr(part, field.name) for part in parts]
            columns[field.name] = None if values[0] is None else np.concatenate(values)
        return cls(**columns)

    def of_like(self) -> NDArray:
        """The columns that tell of a like, (n, 2 or 3)."""
        columns = [log_odds(self.like), self.bias]
        if self.stars_like is not None:
            columns.append(log_odds(self.stars_like))
        return np.column_stack(columns)

    def of_rating(self) -> NDArray | None:
        """The columns that tell of the rating, (n, 4), if there is a model of it."""
        if self.stars is None:
            return None
        return np.column_stack([self.stars, self.of_like()])


@dataclass(frozen=True)
class Blend:
    """Two layers over the opinions of the models: for a like, and for the rating."""

    like: Layer
    rating: Layer | None = None

    @classmethod
    def fit(cls, opinions: Opinions, rating: NDArray, like: NDArray) -> Self | None:
        """Fit the layers to held-out ratings; None if these are too few."""
        if min(like.sum(), (~like).sum()) < FEWEST:
            return None
        columns = opinions.of_rating()
        stars = None if columns is None else linear_layer(columns, rating)
        return cls(logistic_layer(opinions.of_like(), like.astype(int)), stars)

    def predict(self, opinions: Opinions) -> tuple[NDArray, NDArray | None]:
        """P(like) and, where there is a model with all levels, the expected rating."""
        like = expit(self.like(opinions.of_like()))
        columns = opinions.of_rating()
        if self.rating is None or columns is None:
            return like, None
        return like, self.rating(columns)


def log_odds(probability: NDArray) -> NDArray:
    """Log-odds, of at most 14 either way."""
    return logit(np.clip(probability.astype(float), 1e-6, 1 - 1e-6))
