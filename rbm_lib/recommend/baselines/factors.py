"""Matrix factorisation by alternating least squares, for likes and for ratings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.baselines.base import Baseline, penalty
from rbm_lib.recommend.baselines.means import UserItemBias
from rbm_lib.recommend.baselines.neighbours import residual_matrix
from rbm_lib.recommend.scorer import LikesOnly

NUMBERS_AT_ONCE = 2**21  # of the factors that the rows solved together look at


@dataclass
class IALS(LikesOnly, Baseline):
    """Factorise likes: u·v minimises Σ_likes (1 - u·v)² + alpha Σ_cells (u·v)² + penalty.

    Parameters
    ----------
    n_factors : int
    reg, exponent : float
        The penalty of a user or item with n likes is reg · n^exponent · |factors|². It does
        not depend on the size of the catalogue, so that one value does for several data
        sets. An exponent of 0 is the penalty of Hu et al., 1 that of Zhou et al.
    alpha : float
        The weight of a cell without a like, beside 1 + alpha of one with a like.
    sweeps : int
        Of alternating least squares.

    References
    ----------
    Hu, Y., Koren, Y. and Volinsky, C. (2008). Collaborative filtering for implicit feedback
    datasets. ICDM.
    Rendle, S. et al. (2022). Revisiting the performance of iALS on item recommendation
    benchmarks. RecSys. (For exponents between 0 and 1.)
    """

    n_factors: int = 64
    reg: float = 1.0
    alpha: float = 0.5
    sweeps: int = 15
    exponent: float = 0.5

    def __post_init__(self) -> None:
        self.n_factors = require_whole("n_factors", self.n_factors)
        self.reg = penalty("reg", self.reg)
        self.alpha = penalty("alpha", self.alpha)
        self.sweeps = require_whole("sweeps", self.sweeps)
        self.exponent = require_number("exponent", self.exponent, most=1)

    def _fit(self, ratings: RatingMatrix) -> None:
        x: Any = ratings.rated().astype(float)
        counts = ratings.user_counts(), ratings.item_counts()
        items = 0.1 / np.sqrt(self.n_factors) * _draws(ratings.n_items, self.n_factors)
        items[counts[1] == 0] = 0  # nobody knows them, and they are to change nothing
        weights = [self.reg * count.astype(float) ** self.exponent for count in counts]
        factors = _alternate(x, items, weights, self.alpha, self.sweeps)
        self.user_factors_, self.item_factors_ = factors

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return self.user_factors_[rows] @ self.item_factors_.T


@dataclass
class MatrixFactorization(Baseline):
    """Add to `UserItemBias` factors u·v of its residuals.

    The penalty of a user or item with n ratings is reg · n · |factors|².

    References
    ----------
    Zhou, Y. et al. (2008). Large-scale parallel collaborative filtering for the Netflix
    prize. AAIM.
    """

    n_factors: int = 20
    reg: float = 0.15
    sweeps: int = 15

    def __post_init__(self) -> None:
        self.n_factors = require_whole("n_factors", self.n_factors)
        self.reg = penalty("reg", self.reg)
        self.sweeps = require_whole("sweeps", self.sweeps)

    def _fit(self, ratings: RatingMatrix) -> None:
        self.bias_ = UserItemBias().fit(ratings)
        residual = residual_matrix(self.bias_, ratings)
        items = 0.1 * _draws(ratings.n_items, self.n_factors)
        weights = [self.reg * ratings.user_counts(), self.reg * ratings.item_counts()]
        factors = _alternate(residual, items, weights, 0.0, self.sweeps)
        self.user_factors_, self.item_factors_ = factors

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return self.bias_.scores(rows) + self.user_factors_[rows] @ self.item_factors_.T


def _draws(n_items: int, n_factors: int) -> NDArray:
    """Where the items' factors start; an item's place does not change those of others."""
    return np.random.default_rng(0).standard_normal((n_items, n_factors))


def _alternate(
    x: Any, items: NDArray, penalties: list[NDArray], alpha: float, sweeps: int
) -> tuple[NDArray, NDArray]:
    """u·v fitted to the stored values of x and, with weight alpha, to 0 in every cell.

    `penalties` are those of the squared norms of each row's and each column's factors.
    """
    by_item = x.T.tocsr()
    users = np.zeros((x.shape[0], items.shape[1]))
    for _ in range(sweeps):
        users = _ridge_rows(x, items, penalties[0], alpha)
        items = _ridge_rows(by_item, users, penalties[1], alpha)
    return users, items


def _ridge_rows(x: Any, other: NDArray, penalties: NDArray, alpha: float) -> NDArray:
    """Each row's factors, given those of the columns; 0 for a row without values."""
    n_factors = other.shape[1]
    columns = torch.from_numpy(np.vstack([other, np.zeros(n_factors)]))  # the last pads
    gram = alpha * columns.T @ columns
    diagonal = torch.eye(n_factors, dtype=torch.float64)
    result = np.zeros((x.shape[0], n_factors))
    for rows, places, values in _padded(x, n_factors):
        theirs = columns[places]
        matrices = theirs.mT @ theirs + gram
        matrices += torch.from_numpy(penalties[rows])[:, None, None] * diagonal
        targets = theirs.mT @ values[..., None]
        lower = torch.linalg.cholesky(matrices)
        result[rows] = torch.cholesky_solve(targets, lower)[..., 0].numpy()
    return result


def _padded(x: Any, n_factors: int) -> Iterator[tuple[NDArray, Tensor, Tensor]]:
    """Rows of about equal length, padded: (rows, columns, values), together few numbers.

    A place that pads has column n_columns and value 0. Rows without values are left out.
    """
    count = np.diff(x.indptr)
    order = np.argsort(count, kind="stable")
    order = order[count[order] > 0]
    while len(order):
        longest = count[order[-1]]
        n_rows = int(max(1, NUMBERS_AT_ONCE // (longest * n_factors + n_factors**2)))
        rows, order = order[-n_rows:], order[:-n_rows]
        inside = np.arange(longest) < count[rows, None]
        places = np.full(inside.shape, x.shape[1])
        values = np.zeros(inside.shape)
        stored = x.indptr[rows, None] + np.arange(longest)
        places[inside] = x.indices[stored[inside]]
        values[inside] = x.data[stored[inside]]
        yield rows, torch.from_numpy(places), torch.from_numpy(values)
