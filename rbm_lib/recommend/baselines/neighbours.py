"""Item neighbours, for likes and for ratings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, hstack

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.baselines.base import Baseline
from rbm_lib.recommend.baselines.means import UserItemBias
from rbm_lib.recommend.scorer import LikesOnly

ITEMS_AT_ONCE = 1024  # columns of the similarities before all but the nearest are dropped


@dataclass
class ItemKNN(LikesOnly, Baseline):
    """Sum the cosines between an item and those of its `k` nearest that the user likes.

    The cosine of two columns is a·b / (|a||b| + shrink). Similarities are kept sparse.

    References
    ----------
    Deshpande, M. and Karypis, G. (2004). Item-based top-N recommendation algorithms.
    ACM TOIS 22.
    """

    k: int = 200
    shrink: float = 10.0

    def __post_init__(self) -> None:
        self.k = require_whole("k", self.k)
        self.shrink = require_number("shrink", self.shrink)

    def _fit(self, ratings: RatingMatrix) -> None:
        self.rated_: Any = ratings.rated().astype(float)
        starts = range(0, ratings.n_items, ITEMS_AT_ONCE)
        blocks = [self._nearest(slice(at, at + ITEMS_AT_ONCE)) for at in starts]
        self.similarity_: Any = hstack(blocks, format="csc")

    def _nearest(self, block: slice) -> Any:
        """The similarities of all items to those of the block, k in each column."""
        x = self.rated_
        norm = np.sqrt(x.sum(0))
        similarity: Any = csc_array(x.T @ x[:, block])
        for column in range(similarity.shape[1]):
            item = block.start + column
            stored = slice(*similarity.indptr[column : column + 2])
            other = similarity.indices[stored]
            cosine = similarity.data[stored]  # a view: what follows edits the matrix
            cosine /= norm[item] * norm[other] + self.shrink
            cosine[other == item] = 0
            if len(cosine) > self.k:
                cosine[cosine < np.partition(cosine, -self.k)[-self.k]] = 0
        similarity.eliminate_zeros()
        return similarity

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return (self.rated_[rows] @ self.similarity_).toarray()


@dataclass
class ItemKNNRatings(Baseline):
    """Add to `UserItemBias` the mean residual of the user's `k` most similar items.

    Residuals are weighted by similarity: the cosine of the items' residuals over the n who
    rated both, times n / (n + shrink), and at least 0.

    References
    ----------
    Koren, Y. (2010). Factor in the neighbors. ACM TKDD 4, section 2.2.
    """

    k: int = 40
    shrink: float = 20.0

    def __post_init__(self) -> None:
        self.k = require_whole("k", self.k)
        self.shrink = require_number("shrink", self.shrink)

    def _fit(self, ratings: RatingMatrix) -> None:
        self.bias_ = UserItemBias().fit(ratings)
        self.residual_ = residual_matrix(self.bias_, ratings)
        residual = self.residual_
        rated: Any = ratings.rated().astype(float)
        n_both = (rated.T @ rated).toarray()
        squares = (residual.multiply(residual).T @ rated).toarray()
        dot = (residual.T @ residual).toarray()
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = dot / np.sqrt(squares * squares.T)
            weight = cosine * n_both / (n_both + self.shrink)
        self.similarity_ = np.nan_to_num(weight).clip(min=0)
        np.fill_diagonal(self.similarity_, 0)

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        result = self.bias_.scores(rows)
        residual = self.residual_
        for place, row in enumerate(rows):
            stored = slice(*residual.indptr[row : row + 2])
            weight = self.similarity_[residual.indices[stored]]
            if len(weight) > self.k:
                weight[weight < np.partition(weight, -self.k, axis=0)[-self.k]] = 0
            # The 2 pulls the mean of few or dissimilar neighbours towards 0.
            result[place] += residual.data[stored] @ weight / (weight.sum(0) + 2)
        return result


def residual_matrix(bias: UserItemBias, ratings: RatingMatrix) -> Any:
    """What the biases leave of each rating, (n_users, n_items)."""
    users, items, _ = ratings.triples()
    return csr_array((bias.residuals(ratings), (users, items)), shape=ratings.shape)
