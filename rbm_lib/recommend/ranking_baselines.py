"""Baselines that rank items by likes: popularity, neighbours, a linear and a factor model.

Each takes training ratings, of which every one counts as a like, and returns scores
(n_users, n_items) for `ranking_metrics`, `Split.ranking` and `select`.

Examples
--------
>>> likes = RatingMatrix([1, 1, 2, 2, 3], [7, 8, 7, 8, 7], [1] * 5)
>>> popularity(likes)[0], item_knn(likes, shrink=0)[2]
(array([3., 2.]), array([0.        , 0.81649658]))
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix, require_ratings

__all__ = ["ease", "ials", "item_knn", "popularity"]


def popularity(likes: RatingMatrix) -> NDArray:
    """Score an item by the number of people who like it, the same for every user."""
    require_ratings("likes", likes, at_least=1)
    return np.tile(likes.item_counts().astype(float), (likes.n_users, 1))


def item_knn(likes: RatingMatrix, k: int = 200, shrink: float = 10.0) -> NDArray:
    """Sum the cosines between an item and those of its nearest items that the user likes.

    Parameters
    ----------
    likes : RatingMatrix
    k : int
        Number of neighbours of each item.
    shrink : float, at least 0
        Added to the denominator of the cosine a·b / (|a||b| + shrink).

    References
    ----------
    Deshpande and Karypis (2004), Item-based top-N recommendation algorithms.
    Ferrari Dacrema et al. (2019), Are we really making much progress? (the shrinkage)
    """
    require_ratings("likes", likes, at_least=1)
    k = require_whole("k", k)
    shrink = require_number("shrink", shrink)
    x = likes.rated().astype(float)
    norm = np.sqrt(x.sum(0))
    similarity = (x.T @ x).tocsc()
    for item in range(likes.n_items):
        column = slice(*similarity.indptr[item : item + 2])
        other = similarity.indices[column]
        cosine = similarity.data[column]  # a view: what follows edits the matrix
        cosine /= norm[item] * norm[other] + shrink
        cosine[other == item] = 0
        if len(cosine) > k:
            cosine[cosine < np.partition(cosine, -k)[-k]] = 0
    similarity.eliminate_zeros()
    return (x @ similarity).toarray()


def ease(likes: RatingMatrix, l2: float = 300.0) -> NDArray:
    """Regress each item on all others: scores X B, where B minimises |X - XB|² + l2 |B|².

    B has a zero diagonal, and B_ij = -P_ij / P_jj with P = (XᵀX + l2 I)⁻¹. That is the
    conditional mean of a fully visible Gaussian Boltzmann machine.

    Parameters
    ----------
    likes : RatingMatrix
    l2 : float, above 0

    References
    ----------
    Steck (2019), Embarrassingly shallow autoencoders for sparse data, eq. 8.
    """
    require_ratings("likes", likes, at_least=1)
    l2 = require_penalty("l2", l2)
    x = likes.rated().astype(float)
    if likes.n_users >= likes.n_items:
        weights = _ridge_inverse(x.T @ x, l2)
        weights /= -np.diag(weights)
        np.fill_diagonal(weights, 0)
        return x @ weights
    # XP = (XXᵀ + l2 I)⁻¹ X needs the inverse of a matrix of users × users only.
    x_precision = (x.T @ _ridge_inverse(x @ x.T, l2)).T
    diagonal = (1 - (x * x_precision).sum(0)) / l2
    return x.toarray() - x_precision / diagonal


def ials(
    likes: RatingMatrix,
    n_factors: int = 64,
    reg: float = 0.02,
    alpha: float = 0.2,
    iterations: int = 15,
    seed: int = 0,
) -> NDArray:
    """Factorise likes: u·v minimises Σ_likes (1 - u·v)² + alpha Σ_cells (u·v)² + penalty.

    Parameters
    ----------
    likes : RatingMatrix
    n_factors, iterations, seed : int
    reg : float, above 0
        The penalty of a row is reg · (its likes + alpha · its cells) times its squared norm.
    alpha : float, above 0

    References
    ----------
    Hu, Koren and Volinsky (2008), Collaborative filtering for implicit feedback datasets.
    Rendle et al. (2022), Revisiting the performance of iALS (the penalty).
    """
    require_ratings("likes", likes, at_least=1)
    n_factors = require_whole("n_factors", n_factors)
    iterations = require_whole("iterations", iterations)
    reg = require_penalty("reg", reg)
    alpha = require_penalty("alpha", alpha)
    rng = np.random.default_rng(require_whole("seed", seed, least=0))

    def solve(x: csr_array, other: NDArray) -> NDArray:
        penalty = reg * (np.diff(x.indptr) + alpha * len(other))
        return ridge_rows(x, other, penalty, alpha * other.T @ other)

    by_user = likes.rated().astype(float)
    by_item = by_user.T.tocsr()
    scale = 0.1 / np.sqrt(n_factors)
    rng.standard_normal(
        (likes.n_users, n_factors)
    )  # keeps the items' draws where they were
    items = scale * rng.standard_normal((likes.n_items, n_factors))
    users = np.zeros((likes.n_users, n_factors))
    for _ in range(iterations):
        users = solve(by_user, items)
        items = solve(by_item, users)
    return users @ items.T


def ridge_rows(
    x: csr_array, other: NDArray, penalty: NDArray, gram: NDArray | float = 0.0
) -> NDArray:
    """Each row's regression of its stored values on their factors; 0 without a penalty."""
    factors = np.zeros((x.shape[0], other.shape[1]))
    for row in np.flatnonzero(penalty):
        stored = slice(*x.indptr[row : row + 2])
        theirs = other[x.indices[stored]]
        matrix = gram + theirs.T @ theirs + penalty[row] * np.eye(other.shape[1])
        factors[row] = np.linalg.solve(matrix, theirs.T @ x.data[stored])
    return factors


def require_penalty(name: str, value: float) -> float:
    """A number above zero: without a penalty, rows without ratings have no solution."""
    return require_number(name, value, least=1e-6, most=1e9)


def _ridge_inverse(gram: csr_array, l2: float) -> NDArray:
    """(gram + l2 I)⁻¹ by Cholesky, which takes half the time of a general inverse."""
    matrix = torch.from_numpy(gram.toarray())
    matrix.diagonal().add_(l2)
    return torch.cholesky_inverse(torch.linalg.cholesky(matrix)).numpy()
