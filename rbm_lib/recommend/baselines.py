"""What a machine has to beat: popularity, biases, neighbours, linear and factor models, an autoencoder.

Each is a function of training ratings (a RatingMatrix) and settings that returns one number per user and
item, a NumPy array (n_users, n_items): a score for ranking (`likes`: every stored cell counts as 1) or an
expected level (`ratings`). They suit `rbm_lib.recommend.evaluate.select` and `Split` as they are; none of them sees
anything but what it is given.
"""

import functools
import inspect
import itertools

import numpy as np
import scipy.sparse
import torch

from rbm_lib.checks import as_device, as_numbers, require_number, require_whole
from rbm_lib.data.ratings import require_ratings
from rbm_lib.recommend.evaluate import random_split, scores_of

COUNTS = ("k", "n_factors", "n_hidden", "iterations", "epochs", "batch_size")  # settings; others are numbers


def _checked(baseline):
    """A baseline with a door: a RatingMatrix with ratings, settings that make sense, and a finite result."""
    signature = inspect.signature(baseline)

    @functools.wraps(baseline)
    def door(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        (name, ratings), *settings = bound.arguments.items()
        require_ratings(name, ratings, at_least=1)
        for name, value in settings:
            if name in COUNTS or name == "seed":
                bound.arguments[name] = require_whole(name, value, least=int(name in COUNTS))
            elif name != "device":
                bound.arguments[name] = require_number(name, value)
        try:
            with np.errstate(all="ignore"):
                result = baseline(*bound.args, **bound.kwargs)
            finite = all(np.isfinite(part).all() for part in (result if type(result) is tuple else [result]))
        except (np.linalg.LinAlgError, torch.linalg.LinAlgError, ZeroDivisionError):
            finite = False
        if not finite:
            given = ", ".join(f"{name}={value!r}" for name, value in settings)
            raise ValueError(
                f"{baseline.__name__}: got {given}, which lead to no finite numbers; expected "
                "penalties above 0 and a small rate."
            )
        return result

    return door


# ---- ranking from likes -----------------------------------------------------------------------------------


@_checked
def popularity(likes):
    """How many people like the item, the same for every user."""
    return np.tile(likes.item_counts().astype(float), (likes.n_users, 1))


@_checked
def item_knn(likes, k=200, shrink=10.0):
    """Sum of the cosines between the item and those of its k nearest that the person likes.

    Cosine: a·b / (|a||b| + shrink), over columns of likes (Deshpande & Karypis 2004; shrinkage as in Ferrari
    Dacrema et al. 2019).
    """
    x = _ones(likes)
    similarity, norm = (x.T @ x).tocsc(), np.sqrt(x.sum(0))
    for item, (start, stop) in enumerate(itertools.pairwise(similarity.indptr)):
        near, other = similarity.data[start:stop], similarity.indices[start:stop]
        near /= norm[item] * norm[other] + shrink
        near[other == item] = 0
        if stop - start > k:
            near[near < np.partition(near, -k)[-k]] = 0
    similarity.eliminate_zeros()
    return (x @ similarity).toarray()


def ease_weights(x, l2=300.0):
    """EASE: B (n_items, n_items), zero diagonal, minimising |X − XB|² + l2 |B|² (Steck 2019, eq. 8).

    B_ij = −P_ij / P_jj with P = (XᵀX + l2 I)⁻¹: the conditional mean of a fully visible Gaussian Boltzmann
    machine. x: (n_users, n_items), an array or SciPy sparse.
    """
    if require_number("l2", l2) == 0:
        raise ValueError(f"l2: got {l2}, expected a positive number.")
    x = x if scipy.sparse.issparse(x) else as_numbers(x, "x", (None, None)).cpu().double().numpy()
    weights = _cholesky_inverse(x.T @ x, l2)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0)
    return weights


@_checked
def ease(likes, l2=300.0):
    """Scores X B of EASE (`ease_weights`).

    Where there are more items than users, without B: X P = (XXᵀ + l2 I)⁻¹ X, so that only a matrix of users
    × users is inverted.
    """
    x = _ones(likes)
    if l2 <= 0 or x.shape[0] >= x.shape[1]:
        return x @ ease_weights(x, l2)
    x_precision = (x.T @ _cholesky_inverse(x @ x.T, l2)).T
    diagonal = (1 - (x * x_precision).sum(0)) / l2
    return x - x_precision / diagonal


@_checked
def ials(likes, n_factors=64, reg=0.02, alpha=0.2, iterations=15, seed=0):
    """Implicit ALS: Σ likes (1 − u·v)² + alpha Σ all cells (u·v)² + penalty (Hu, Koren & Volinsky 2008).

    The penalty of a row with c likes is reg (c + alpha × cells in the row): frequency-scaled (Rendle et al.
    2022).
    """
    x = _ones(likes)
    rng = np.random.default_rng(seed)
    users, items = (0.1 / np.sqrt(n_factors) * rng.standard_normal((n, n_factors)) for n in x.shape)
    by_item = x.T.tocsr()
    for _ in range(iterations):
        users = _implicit_step(x, items, reg, alpha)
        items = _implicit_step(by_item, users, reg, alpha)
    return users @ items.T


def _implicit_step(x, other, reg, alpha):
    gram, eye = alpha * other.T @ other, np.eye(other.shape[1])
    result = np.zeros((x.shape[0], other.shape[1]))
    for row, (start, stop) in enumerate(itertools.pairwise(x.indptr)):
        theirs = other[x.indices[start:stop]]
        penalty = reg * (len(theirs) + alpha * len(other))
        result[row] = np.linalg.solve(gram + theirs.T @ theirs + penalty * eye, theirs.sum(0))
    return result


# ---- expected levels --------------------------------------------------------------------------------------


@_checked
def global_mean(ratings):
    """The mean level, everywhere."""
    return np.full(ratings.shape, ratings.triples()[2].mean())


@_checked
def item_mean(ratings, smoothing=5.0):
    """The item's mean level, with `smoothing` ratings at the global mean added."""
    _, items, levels = ratings.triples()
    total = np.bincount(items, levels - levels.mean(), ratings.n_items)
    return np.tile(levels.mean() + total / (ratings.item_counts() + smoothing), (ratings.n_users, 1))


@_checked
def biases(ratings, user_reg=5.0, item_reg=5.0, iterations=15):
    """(mean, user_bias, item_bias): ridge regression by alternating least squares (Koren 2010, 2.1)."""
    users, items, levels = ratings.triples()
    mean = levels.mean() if len(levels) else 0.0
    per_user, per_item = np.bincount(users, minlength=ratings.n_users), ratings.item_counts()
    user_bias, item_bias = np.zeros(ratings.n_users), np.zeros(ratings.n_items)
    for _ in range(iterations):
        item_bias = np.bincount(items, levels - mean - user_bias[users], ratings.n_items) / (
            per_item + item_reg
        )
        user_bias = np.bincount(users, levels - mean - item_bias[items], ratings.n_users) / (
            per_user + user_reg
        )
    return mean, user_bias, item_bias


@_checked
def bias_model(ratings, user_reg=5.0, item_reg=5.0, iterations=15):
    """mean + user bias + item bias (`biases`)."""
    mean, user_bias, item_bias = biases(ratings, user_reg, item_reg, iterations)
    return mean + user_bias[:, None] + item_bias


@_checked
def logistic_biases(likes_or_not, penalty=2.0):
    """P(like) = sigmoid(user bias + item bias), two levels, ridge `penalty`, by scikit-learn."""
    from sklearn.linear_model import LogisticRegression

    users, items, levels = likes_or_not.triples()
    if set(np.unique(levels)) != {0, 1}:
        raise ValueError(f"likes_or_not: got levels {np.unique(levels).tolist()}, expected 0 and 1, both.")
    n_users, n_items = likes_or_not.shape
    rows = np.arange(len(users))
    index = np.r_[rows, rows], np.r_[users, n_users + items]
    x = scipy.sparse.csr_array((np.ones(2 * len(users)), index), shape=(len(users), n_users + n_items))
    model = LogisticRegression(C=1 / penalty, max_iter=1000, tol=1e-6).fit(x, levels)
    logit = model.intercept_ + model.coef_[0, :n_users, None] + model.coef_[0, n_users:]
    return 1 / (1 + np.exp(-logit))


@_checked
def item_knn_ratings(ratings, k=40, shrink=20.0, ridge=2.0):
    """Bias model plus the weighted mean residual of the user's ratings among the item's k nearest.

    Cosine of residuals over people who rated both, × n/(n + shrink); the weights' sum gets `ridge` added
    (Koren 2010, section 2.2).
    """
    base = bias_model(ratings)
    residual = _residuals(ratings, base)
    rated = ratings.rated().astype(float)
    both = (rated.T @ rated).toarray()
    norms = (residual.multiply(residual).T @ rated).toarray()
    near = np.clip(
        _shrunk((residual.T @ residual).toarray(), np.sqrt(norms * norms.T), both, shrink), 0, None
    )
    for user, (start, stop) in enumerate(itertools.pairwise(residual.indptr)):
        seen = residual.indices[start:stop]  # the k most similar among those that the user rated
        weight = _nearest(near[seen], k)
        base[user] += residual.data[start:stop] @ weight / (weight.sum(0) + ridge)
    return base


@_checked
def matrix_factorization(ratings, n_factors=20, reg=0.15, iterations=15, seed=0):
    """Biased matrix factorisation by ALS: bias model plus u·v on its residuals.

    The penalty of a row is reg × its number of ratings (Zhou et al. 2008, ALS-WR).
    """
    base = bias_model(ratings)
    residual = _residuals(ratings, base)
    by_item = residual.T.tocsr()
    rng = np.random.default_rng(seed)
    items = 0.1 * rng.standard_normal((ratings.n_items, n_factors))
    for _ in range(iterations):
        users = _explicit_step(residual, items, reg)
        items = _explicit_step(by_item, users, reg)
    base += users @ items.T
    return base


def _explicit_step(residual, other, reg):
    result, eye = np.zeros((residual.shape[0], other.shape[1])), np.eye(other.shape[1])
    for row, (start, stop) in enumerate(itertools.pairwise(residual.indptr)):
        theirs = other[residual.indices[start:stop]]
        if len(theirs):
            target = theirs.T @ residual.data[start:stop]
            result[row] = np.linalg.solve(theirs.T @ theirs + reg * len(theirs) * eye, target)
    return result


@_checked
def autorec(ratings, n_hidden=50, reg=3.0, epochs=60, lr=3e-3, batch_size=50, seed=0, device="cpu"):
    """AutoRec: an autoencoder of each user's row, loss on the rated cells only (Sedhain et al. 2015).

    Input and target: what the bias model leaves (0 where missing). For item rows: `autorec(ratings.T).T`.
    AdamW: each update also shrinks the weights by lr · reg.
    """
    device = as_device(device)
    base = torch.as_tensor(bias_model(ratings), dtype=torch.float32, device=device)
    v, observed = (t.to(device) for t in ratings.batch(slice(None)))
    residual = torch.where(observed, v - base, 0)
    generator = torch.Generator().manual_seed(seed)
    sizes = (ratings.n_items, n_hidden), (n_hidden, ratings.n_items)
    w_in, w_out = (
        (torch.randn(s, generator=generator) / s[0] ** 0.5).to(device).requires_grad_() for s in sizes
    )
    b_in, b_out = (torch.zeros(s[1], device=device, requires_grad=True) for s in sizes)

    def reconstruct(x):
        return torch.sigmoid(x @ w_in + b_in) @ w_out + b_out

    groups = [{"params": [w_in, w_out], "weight_decay": reg}, {"params": [b_in, b_out]}]
    optimizer = torch.optim.AdamW(groups, lr=lr, weight_decay=0)
    for _ in range(epochs):
        for rows in torch.randperm(len(v), generator=generator).split(batch_size):
            x, mask = residual[rows], observed[rows]
            loss = ((reconstruct(x) - x) ** 2 * mask).sum() / len(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (base + reconstruct(residual)).cpu().double().numpy()


# ---- calibration ----------------------------------------------------------------------------------------


def calibrated(scorer, ratings, like_at_least, share=0.2, seed=0):
    """P(like) from scores: sigmoid(a · score + b), fitted on an inner split of `ratings`; (n_users, n_items).

    scorer: a function of a RatingMatrix. It runs twice: on the inner training part, to fit a and b on the
    inner held-out cells (Platt 1999), and on all of `ratings`.
    """
    from sklearn.linear_model import LogisticRegression

    split = random_split(ratings, share, seed)
    users, items, levels = split.held_out.triples()
    like = levels >= require_whole("like_at_least", like_at_least)
    if like.all() or not like.any():
        raise ValueError(
            f"like_at_least: got {like_at_least}, with which the held-out ratings are all likes or none is; "
            "expected a level that divides them."
        )
    score = scores_of(scorer, split.train)[users, items, None]
    platt = LogisticRegression(C=np.inf).fit(score, like)
    logit = platt.coef_[0, 0] * scores_of(scorer, ratings) + platt.intercept_[0]
    return 1 / (1 + np.exp(-logit))


# ---- parts ------------------------------------------------------------------------------------------------


def _ones(likes):
    return likes.rated().astype(float)


def _cholesky_inverse(gram, l2):
    """(gram + l2 I)⁻¹, an array: of a symmetric positive matrix half the work of a general inverse."""
    gram = gram.toarray() if scipy.sparse.issparse(gram) else gram
    gram = torch.from_numpy(np.asarray(gram, dtype=float))
    gram.diagonal().add_(l2)
    return torch.cholesky_inverse(torch.linalg.cholesky(gram)).numpy()


def _residuals(ratings, base):
    """level − base at the rated cells alone: CSR (n_users, n_items)."""
    users, items, levels = ratings.triples()
    return scipy.sparse.csr_array((levels - base[users, items], (users, items)), shape=ratings.shape)


def _shrunk(dot, norms, both, shrink):
    """dot / norms · both / (both + shrink), zero where undefined and on the diagonal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        similarity = np.nan_to_num(dot / norms * both / (both + shrink))
    np.fill_diagonal(similarity, 0)
    return similarity


def _nearest(similarity, k):
    """Each column's k largest entries, the others zero."""
    if k >= len(similarity):
        return similarity
    return similarity * (similarity >= np.partition(similarity, -k, axis=0)[-k])
