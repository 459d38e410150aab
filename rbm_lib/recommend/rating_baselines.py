"""Baselines that predict ratings: means, biases, neighbours, factors, an autoencoder.

Each takes training ratings and returns the expected level, counted from 0, of every user and
item, (n_users, n_items); `logistic_biases` and `calibrated` return P(like).

Examples
--------
>>> ratings = RatingMatrix([1, 1, 2], [7, 8, 7], [4, 2, 4], n_levels=5)
>>> item_mean(ratings, smoothing=1)[0].round(2), bias_model(ratings)[1].round(2)
(array([3.78, 2.67]), array([3.44, 3.15]))
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, hstack
from scipy.special import expit

from rbm_lib.checks import as_device, require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.ranking_baselines import require_penalty, ridge_rows
from rbm_lib.recommend.splits import Scorer, random_split, scores_of

__all__ = [
    "autorec",
    "bias_model",
    "calibrated",
    "global_mean",
    "item_knn_ratings",
    "item_mean",
    "logistic_biases",
    "matrix_factorization",
]


def global_mean(ratings: RatingMatrix) -> NDArray:
    """Predict the mean level everywhere."""
    require_ratings("ratings", ratings, at_least=1)
    return np.full(ratings.shape, ratings.triples()[2].mean())


def item_mean(ratings: RatingMatrix, smoothing: float = 5.0) -> NDArray:
    """Predict the item's mean level, with `smoothing` ratings at the global mean added."""
    require_ratings("ratings", ratings, at_least=1)
    smoothing = require_penalty("smoothing", smoothing)
    _, items, levels = ratings.triples()
    mean = levels.mean()
    excess = np.bincount(items, levels - mean, ratings.n_items)
    return np.tile(
        mean + excess / (ratings.item_counts() + smoothing), (ratings.n_users, 1)
    )


def bias_model(
    ratings: RatingMatrix,
    user_reg: float = 5.0,
    item_reg: float = 5.0,
    iterations: int = 15,
) -> NDArray:
    """Predict mean + user bias + item bias, by ridge regression.

    Parameters
    ----------
    ratings : RatingMatrix
    user_reg, item_reg : float, above 0
    iterations : int
        Of alternating least squares.

    References
    ----------
    Koren (2010), Factor in the neighbors, section 2.1.
    """
    mean, user_bias, item_bias = fit_biases(ratings, user_reg, item_reg, iterations)
    return mean + user_bias[:, None] + item_bias


def fit_biases(
    ratings: RatingMatrix, user_reg: float, item_reg: float, iterations: int = 15
) -> tuple[float, NDArray, NDArray]:
    """Mean, user biases and item biases of `bias_model`."""
    require_ratings("ratings", ratings, at_least=1)
    user_reg = require_penalty("user_reg", user_reg)
    item_reg = require_penalty("item_reg", item_reg)
    iterations = require_whole("iterations", iterations)
    users, items, levels = ratings.triples()
    mean = levels.mean()
    residual = levels - mean
    user_bias = np.zeros(ratings.n_users)
    item_bias = np.zeros(ratings.n_items)
    for _ in range(iterations):
        total = np.bincount(items, residual - user_bias[users], ratings.n_items)
        item_bias = total / (ratings.item_counts() + item_reg)
        total = np.bincount(users, residual - item_bias[items], ratings.n_users)
        user_bias = total / (ratings.user_counts() + user_reg)
    return mean, user_bias, item_bias


def logistic_biases(ratings: RatingMatrix, penalty: float = 2.0) -> NDArray:
    """Predict P(like) = sigmoid(bias + user bias + item bias) from ratings of two levels.

    Parameters
    ----------
    ratings : RatingMatrix
        Levels 0 and 1, both of them.
    penalty : float, above 0
        Of the squared biases, halved.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    require_ratings("ratings", ratings, at_least=1)
    penalty = require_penalty("penalty", penalty)
    users, items, levels = ratings.triples()
    found = np.unique(levels).tolist()
    if found != [0, 1]:
        raise ValueError(f"ratings: got levels {found}, expected 0 and 1, both of them.")
    one_hot = [eye_array(n, format="csr") for n in ratings.shape]
    x = hstack([one_hot[0][users], one_hot[1][items]], format="csr")
    model = LogisticRegression(C=1 / penalty, max_iter=1000, tol=1e-6).fit(x, levels)
    user_bias, item_bias = np.split(model.coef_[0], [ratings.n_users])
    return expit(model.intercept_ + user_bias[:, None] + item_bias)


def item_knn_ratings(
    ratings: RatingMatrix, k: int = 40, shrink: float = 20.0, ridge: float = 2.0
) -> NDArray:
    """Add to `bias_model` the weighted mean residual of the most similar items that the user rated.

    Similarity is the cosine of residuals over the n users who rated both items, times
    n / (n + shrink), and at least 0.

    Parameters
    ----------
    ratings : RatingMatrix
    k : int
        Number of neighbours.
    shrink : float, at least 0
    ridge : float, above 0
        Added to the sum of the weights.

    References
    ----------
    Koren (2010), Factor in the neighbors, section 2.2.
    """
    k = require_whole("k", k)
    shrink = require_number("shrink", shrink)
    ridge = require_penalty("ridge", ridge)
    result = bias_model(ratings)
    residual = _residuals(ratings, result)
    similarity = _residual_cosine(ratings, residual, shrink)
    for user in range(ratings.n_users):
        stored = slice(*residual.indptr[user : user + 2])
        weight = similarity[residual.indices[stored]]
        if len(weight) > k:
            weight[weight < np.partition(weight, -k, axis=0)[-k]] = 0
        result[user] += residual.data[stored] @ weight / (weight.sum(0) + ridge)
    return result


def _residual_cosine(ratings: RatingMatrix, residual: csr_array, shrink: float) -> NDArray:
    rated = ratings.rated().astype(float)
    n_both = (rated.T @ rated).toarray()
    squares = (residual.multiply(residual).T @ rated).toarray()
    dot = (residual.T @ residual).toarray()
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = dot / np.sqrt(squares * squares.T)
        similarity = np.nan_to_num(cosine * n_both / (n_both + shrink)).clip(min=0)
    np.fill_diagonal(similarity, 0)
    return similarity


def matrix_factorization(
    ratings: RatingMatrix,
    n_factors: int = 20,
    reg: float = 0.15,
    iterations: int = 15,
    seed: int = 0,
) -> NDArray:
    """Add to `bias_model` the product u·v of factors fitted to its residuals.

    Parameters
    ----------
    ratings : RatingMatrix
    n_factors, iterations, seed : int
    reg : float, above 0
        The penalty of a row is reg times its number of ratings.

    References
    ----------
    Zhou et al. (2008), Large-scale parallel collaborative filtering for the Netflix prize.
    """
    n_factors = require_whole("n_factors", n_factors)
    reg = require_penalty("reg", reg)
    iterations = require_whole("iterations", iterations)
    rng = np.random.default_rng(require_whole("seed", seed, least=0))
    base = bias_model(ratings)
    by_user = _residuals(ratings, base)
    by_item = by_user.T.tocsr()
    users = np.zeros((ratings.n_users, n_factors))
    items = 0.1 * rng.standard_normal((ratings.n_items, n_factors))
    for _ in range(iterations):
        users = ridge_rows(by_user, items, reg * ratings.user_counts())
        items = ridge_rows(by_item, users, reg * ratings.item_counts())
    return base + users @ items.T


def _residuals(ratings: RatingMatrix, base: NDArray) -> csr_array:
    """Level - base at the rated cells, (n_users, n_items)."""
    users, items, levels = ratings.triples()
    return csr_array((levels - base[users, items], (users, items)), shape=ratings.shape)


def autorec(
    ratings: RatingMatrix,
    n_hidden: int = 50,
    reg: float = 3.0,
    epochs: int = 60,
    lr: float = 3e-3,
    batch_size: int = 50,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> NDArray:
    """Add to `bias_model` what an autoencoder reconstructs from the user's residuals.

    The loss counts rated cells only. For rows of items: ``autorec(ratings.T).T``.

    Parameters
    ----------
    ratings : RatingMatrix
    n_hidden, epochs, batch_size, seed : int
    reg, lr : float
        AdamW with learning rate lr; each update also shrinks the weights by lr · reg.
    device : str or torch.device

    References
    ----------
    Sedhain et al. (2015), AutoRec: autoencoders meet collaborative filtering.
    """
    n_hidden = require_whole("n_hidden", n_hidden)
    reg = require_number("reg", reg)
    epochs = require_whole("epochs", epochs)
    lr = require_number("lr", lr)
    batch_size = require_whole("batch_size", batch_size)
    generator = torch.Generator().manual_seed(require_whole("seed", seed, least=0))
    device = as_device(device)
    base = torch.as_tensor(bias_model(ratings), dtype=torch.float32, device=device)
    v, observed = (tensor.to(device) for tensor in ratings.batch(slice(None)))
    residual = torch.where(observed, v - base, 0)

    def weight(n_in: int, n_out: int) -> torch.Tensor:
        initial = torch.randn(n_in, n_out, generator=generator) / n_in**0.5
        return initial.to(device).requires_grad_()

    w_in = weight(ratings.n_items, n_hidden)
    w_out = weight(n_hidden, ratings.n_items)
    b_in = torch.zeros(n_hidden, device=device, requires_grad=True)
    b_out = torch.zeros(ratings.n_items, device=device, requires_grad=True)

    def reconstruct(x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x @ w_in + b_in) @ w_out + b_out

    weights = {"params": [w_in, w_out], "weight_decay": reg}
    biases = {"params": [b_in, b_out], "weight_decay": 0.0}
    optimizer = torch.optim.AdamW([weights, biases], lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(v), generator=generator).split(batch_size):
            error = (reconstruct(residual[rows]) - residual[rows]) * observed[rows]
            loss = (error**2).sum() / len(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        prediction = base + reconstruct(residual)
    if not torch.isfinite(prediction).all():
        raise ValueError(f"lr: got {lr:g}, which diverges, expected less. Try 0.003.")
    return prediction.cpu().double().numpy()


def calibrated(
    scorer: Scorer,
    ratings: RatingMatrix,
    like_at_least: int,
    share: float = 0.2,
    seed: int = 0,
) -> NDArray:
    """Turn scores into P(like) = sigmoid(a · score + b).

    The scorer runs twice: on the training part of an inner split, to fit a and b on the inner
    held-out ratings, and on all ratings.

    Parameters
    ----------
    scorer : function of a RatingMatrix
        Returns scores (n_users, n_items).
    ratings : RatingMatrix
    like_at_least : int
        Lowest level of a like, counted from 0.
    share, seed
        Of the inner split, as in `random_split`.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    like_at_least = require_whole("like_at_least", like_at_least)
    split = random_split(ratings, share, seed)
    users, items, levels = split.held_out.triples()
    like = levels >= like_at_least
    if like.all() or not like.any():
        raise ValueError(
            f"like_at_least: got {like_at_least}, which all of the inner held-out ratings reach "
            "or none, expected a level that divides them."
        )
    score = scores_of(scorer, split.train)[users, items, None]
    platt = LogisticRegression(C=np.inf).fit(score, like)
    return expit(platt.coef_[0, 0] * scores_of(scorer, ratings) + platt.intercept_[0])
