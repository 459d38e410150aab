"""Baselines: means, biases, neighbours, linear and factor models, an autoencoder.

Each takes training ratings and returns an array (n_users, n_items), always the same for the
same ratings. From `likes`, of which every one counts, these are scores for a ranking. From
`ratings` they are expected levels, counted from 0, or P(like) from `logistic_biases` and
`calibrated`. Penalties are above 0.

Examples
--------
>>> ratings = RatingMatrix([1, 1, 2], [7, 8, 7], [4, 2, 4], n_levels=5)
>>> popularity(ratings)[0], item_mean(ratings, smoothing=1)[0].round(2)
(array([2., 1.]), array([3.78, 2.67]))
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, hstack
from scipy.special import expit

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.splits import Scorer, random_split, scores_of

__all__ = [
    "autorec",
    "bias_model",
    "calibrated",
    "ease",
    "global_mean",
    "ials",
    "item_knn",
    "item_knn_ratings",
    "item_mean",
    "logistic_biases",
    "matrix_factorization",
    "popularity",
]


def popularity(likes: RatingMatrix) -> NDArray:
    """Score an item by the number of people who like it, the same for every user."""
    require_ratings("likes", likes, at_least=1)
    return np.tile(likes.item_counts().astype(float), (likes.n_users, 1))


def _penalty(name: str, value: float) -> float:
    """A number above 0: without a penalty, rows without ratings have no solution."""
    return require_number(name, value, least=1e-6, most=1e9)


def item_knn(likes: RatingMatrix, k: int = 200, shrink: float = 10.0) -> NDArray:
    """Sum the cosines between an item and those of its `k` nearest that the user likes.

    The cosine of two columns is a·b / (|a||b| + shrink). (Deshpande and Karypis 2004)
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
    return (x @ similarity).toarray()


def ease(likes: RatingMatrix, l2: float = 300.0) -> NDArray:
    """Regress each item on all others: X B, where B minimises |X - XB|² + l2 |B|².

    B is 0 on the diagonal and -P_ij / P_jj elsewhere, with P = (XᵀX + l2 I)⁻¹. That is the
    conditional mean of a fully visible Gaussian Boltzmann machine. (Steck 2019, eq. 8)
    """
    require_ratings("likes", likes, at_least=1)
    l2 = _penalty("l2", l2)
    x = likes.rated().astype(float)
    if likes.n_users >= likes.n_items:
        weights = _ridge_inverse(x.T @ x, l2)
        weights /= -np.diag(weights)
        np.fill_diagonal(weights, 0)
        return x @ weights
    # XP = (XXᵀ + l2 I)⁻¹ X: only a matrix of users × users has to be inverted.
    x_precision = (x.T @ _ridge_inverse(x @ x.T, l2)).T
    diagonal = (1 - (x * x_precision).sum(0)) / l2
    return x.toarray() - x_precision / diagonal


def _ridge_inverse(gram: Any, l2: float) -> NDArray:
    """(gram + l2 I)⁻¹ by Cholesky, in half the time of a general inverse."""
    matrix = torch.from_numpy(gram.toarray())
    matrix.diagonal().add_(l2)
    return torch.cholesky_inverse(torch.linalg.cholesky(matrix)).numpy()


def ials(
    likes: RatingMatrix, n_factors: int = 64, reg: float = 0.02, alpha: float = 0.2
) -> NDArray:
    """Factorise likes: u·v minimises Σ_likes (1 - u·v)² + alpha Σ_cells (u·v)² + penalty.

    (Hu, Koren and Volinsky 2008; penalty as in Rendle et al. 2022)
    """
    require_ratings("likes", likes, at_least=1)
    n_factors = require_whole("n_factors", n_factors)
    reg = _penalty("reg", reg)
    alpha = _penalty("alpha", alpha)
    draws = np.random.default_rng(0).standard_normal((sum(likes.shape), n_factors))
    items = 0.1 / np.sqrt(n_factors) * draws[likes.n_users :]
    return _factorize(likes.rated().astype(float), items, reg, alpha)


def _factorize(x: Any, items: NDArray, reg: float, alpha: float = 0.0) -> NDArray:
    """u·v fitted to the stored values of x and, with weight alpha, to 0 in every cell.

    The penalty of a row is reg (its stored values + alpha · its cells) · its squared norm.
    """
    users = np.zeros((x.shape[0], items.shape[1]))
    by_item = x.T.tocsr()
    for _ in range(15):  # sweeps of alternating least squares
        users = _ridge_rows(x, items, reg, alpha)
        items = _ridge_rows(by_item, users, reg, alpha)
    return users @ items.T


def _ridge_rows(x: Any, other: NDArray, reg: float, alpha: float) -> NDArray:
    """Each row's factors, given those of the columns."""
    factors = np.zeros((x.shape[0], other.shape[1]))
    gram = alpha * other.T @ other
    penalty = reg * (np.diff(x.indptr) + alpha * len(other))
    for row in np.flatnonzero(penalty):
        stored = slice(*x.indptr[row : row + 2])
        theirs = other[x.indices[stored]]
        matrix = gram + theirs.T @ theirs + penalty[row] * np.eye(other.shape[1])
        factors[row] = np.linalg.solve(matrix, theirs.T @ x.data[stored])
    return factors


def global_mean(ratings: RatingMatrix) -> NDArray:
    """Predict the mean level everywhere."""
    require_ratings("ratings", ratings, at_least=1)
    return np.full(ratings.shape, ratings.triples()[2].mean())


def item_mean(ratings: RatingMatrix, smoothing: float = 5.0) -> NDArray:
    """Predict the item's mean level, with `smoothing` ratings at the global mean added."""
    require_ratings("ratings", ratings, at_least=1)
    smoothing = _penalty("smoothing", smoothing)
    _, items, levels = ratings.triples()
    mean = levels.mean()
    excess = np.bincount(items, levels - mean, ratings.n_items)
    item_means = mean + excess / (ratings.item_counts() + smoothing)
    return np.tile(item_means, (ratings.n_users, 1))


def bias_model(ratings: RatingMatrix, reg: float = 5.0) -> NDArray:
    """Predict mean + user bias + item bias, by ridge regression (Koren 2010, 2.1)."""
    mean, user_bias, item_bias = fit_biases(ratings, reg)
    return mean + user_bias[:, None] + item_bias


def fit_biases(ratings: RatingMatrix, reg: float) -> tuple[float, NDArray, NDArray]:
    """Mean, user biases and item biases of `bias_model`, by alternating least squares."""
    require_ratings("ratings", ratings, at_least=1)
    reg = _penalty("reg", reg)
    users, items, levels = ratings.triples()
    mean = levels.mean()
    user_bias = np.zeros(ratings.n_users)
    item_bias = np.zeros(ratings.n_items)
    for _ in range(15):
        total = np.bincount(items, levels - mean - user_bias[users], ratings.n_items)
        item_bias = total / (ratings.item_counts() + reg)
        total = np.bincount(users, levels - mean - item_bias[items], ratings.n_users)
        user_bias = total / (ratings.user_counts() + reg)
    return mean, user_bias, item_bias


def logistic_biases(ratings: RatingMatrix, penalty: float = 2.0) -> NDArray:
    """Predict P(like) = sigmoid(user bias + item bias) from ratings with levels 0 and 1."""
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    require_ratings("ratings", ratings, at_least=1)
    penalty = _penalty("penalty", penalty)
    users, items, levels = ratings.triples()
    found = np.unique(levels).tolist()
    if found != [0, 1]:
        raise ValueError(f"ratings: got levels {found}, expected 0 and 1, both of them.")
    one_hot = [eye_array(n).tocsr() for n in ratings.shape]
    x = hstack([one_hot[0][users], one_hot[1][items]], format="csr")
    model = LogisticRegression(C=1 / penalty, max_iter=1000, tol=1e-6).fit(x, levels)
    user_bias, item_bias = np.split(model.coef_[0], [ratings.n_users])
    return expit(model.intercept_ + user_bias[:, None] + item_bias)


def item_knn_ratings(ratings: RatingMatrix, k: int = 40, shrink: float = 20.0) -> NDArray:
    """Add to `bias_model` the mean residual of the user's `k` most similar items.

    Residuals are weighted by similarity: the cosine of the items' residuals over the n who
    rated both, times n / (n + shrink), and at least 0. (Koren 2010, 2.2)
    """
    k = require_whole("k", k)
    shrink = require_number("shrink", shrink)
    result = bias_model(ratings)
    residual = _residuals(ratings, result)
    rated = ratings.rated().astype(float)
    n_both = (rated.T @ rated).toarray()
    squares = (residual.multiply(residual).T @ rated).toarray()
    dot = (residual.T @ residual).toarray()
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = dot / np.sqrt(squares * squares.T)
        similarity = np.nan_to_num(cosine * n_both / (n_both + shrink)).clip(min=0)
    np.fill_diagonal(similarity, 0)
    for user in range(ratings.n_users):
        stored = slice(*residual.indptr[user : user + 2])
        weight = similarity[residual.indices[stored]]
        if len(weight) > k:
            weight[weight < np.partition(weight, -k, axis=0)[-k]] = 0
        # The 2 pulls the mean of few or dissimilar neighbours towards 0.
        result[user] += residual.data[stored] @ weight / (weight.sum(0) + 2)
    return result


def _residuals(ratings: RatingMatrix, base: NDArray) -> csr_array:
    users, items, levels = ratings.triples()
    return csr_array((levels - base[users, items], (users, items)), shape=ratings.shape)


def matrix_factorization(
    ratings: RatingMatrix, n_factors: int = 20, reg: float = 0.15
) -> NDArray:
    """Add to `bias_model` factors u·v of its residuals (ALS-WR: Zhou et al. 2008)."""
    n_factors = require_whole("n_factors", n_factors)
    reg = _penalty("reg", reg)
    base = bias_model(ratings)
    items = 0.1 * np.random.default_rng(0).standard_normal((ratings.n_items, n_factors))
    return base + _factorize(_residuals(ratings, base), items, reg)


def autorec(
    ratings: RatingMatrix, n_hidden: int = 50, reg: float = 3.0, epochs: int = 60
) -> NDArray:
    """Add to `bias_model` what an autoencoder reconstructs from the user's residuals.

    Its loss counts rated cells only. For rows of items, pass `ratings.T`. (Sedhain 2015)
    """
    n_hidden = require_whole("n_hidden", n_hidden)
    reg = require_number("reg", reg, most=100)  # AdamW diverges beyond 2 / lr
    epochs = require_whole("epochs", epochs)
    base = torch.from_numpy(bias_model(ratings)).float()
    v, observed = ratings.batch(slice(None))
    residual = torch.where(observed, v - base, 0)

    generator = torch.Generator().manual_seed(0)
    sizes = (ratings.n_items, n_hidden), (n_hidden, ratings.n_items)
    weights = [torch.randn(size, generator=generator) / size[0] ** 0.5 for size in sizes]
    biases = [torch.zeros(size[1]) for size in sizes]
    for parameter in (*weights, *biases):
        parameter.requires_grad_()
    decayed = {"params": weights, "weight_decay": reg}
    optimizer = torch.optim.AdamW([decayed, {"params": biases}], lr=3e-3, weight_decay=0)

    def reconstruct(x: torch.Tensor) -> torch.Tensor:
        hidden = torch.sigmoid(x @ weights[0] + biases[0])
        return hidden @ weights[1] + biases[1]

    for _ in range(epochs):
        for rows in torch.randperm(len(v), generator=generator).split(50):
            error = (reconstruct(residual[rows]) - residual[rows]) * observed[rows]
            loss = (error**2).sum() / len(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return (base + reconstruct(residual).detach()).double().numpy()


def calibrated(scorer: Scorer, ratings: RatingMatrix, like_at_least: int) -> NDArray:
    """Turn scores into P(like) = sigmoid(a · score + b). (Platt 1999)

    The scorer runs on the training part of an inner `random_split`, whose other part fits a
    and b, and then on all ratings. Likes have the level `like_at_least` or a higher one.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    split = random_split(ratings)
    users, items, levels = split.held_out.triples()
    lowest = require_whole("like_at_least", like_at_least)
    like = levels >= lowest
    if like.all() or not like.any():
        raise ValueError(f"like_at_least: got {lowest}, expected a level that some reach.")
    score = scores_of(scorer, split.train)[users, items, None]
    platt = LogisticRegression(C=np.inf).fit(score, like)
    return expit(platt.coef_[0, 0] * scores_of(scorer, ratings) + platt.intercept_[0])
