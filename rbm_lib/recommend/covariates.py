"""A user's own mean rating as a covariate of the visible bias, fitted before the model."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rbm_lib.checks import as_numbers, require_number
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.baselines.means import fit_biases

__all__ = ["left_out_bias", "multinomial_covariate"]


def left_out_bias(ratings: RatingMatrix, reg: float = 5.0) -> NDArray[np.float32]:
    """Measure how each user rates beyond the items' biases, without the rating itself.

    Returns Σ residuals / (n + reg) over the user's n *other* ratings, (n_users, n_items),
    scaled to standard deviation 1 over the rated cells. With the rating itself inside, a
    model trusts its covariate too much (target leakage). For rows of items use `ratings.T`.
    """
    require_ratings("ratings", ratings, at_least=2)
    mean, _, item_bias = fit_biases(ratings, reg)
    users, items, levels = ratings.triples()
    residual = levels - mean - item_bias[items]
    total = np.bincount(users, residual, ratings.n_users)
    count = ratings.user_counts()
    x = np.repeat((total / (count + reg))[:, None], ratings.n_items, axis=1)
    x[users, items] = (total[users] - residual) / (count[users] - 1 + reg)
    spread = x[users, items].std()
    if not spread > 0:
        raise ValueError(
            "ratings: got no user with other ratings that differ, expected some."
        )
    return (x / spread).astype(np.float32)


def multinomial_covariate(
    ratings: RatingMatrix, x: ArrayLike, l2: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Fit p(level) = softmax(bias of the item + coefficient · x) to the rated cells.

    Returns the biases (n_items, n_levels), where the RBM's visible bias starts, and the
    coefficients (n_levels,), for its ``visible_offset = x[..., None] * coefficients``.

    Parameters
    ----------
    x : (n_users, n_items)
    l2 : float
        Penalty of each item's deviation from a shared bias.
    """
    require_ratings("ratings", ratings, at_least=1)
    l2 = require_number("l2", l2)
    users, items, levels = (torch.from_numpy(index) for index in ratings.triples())
    covariate = as_numbers(x, "x", ratings.shape).cpu().float()[users, items, None]
    counts = torch.bincount(levels, minlength=ratings.n_levels).float().clamp(min=0.5)
    shared = torch.log(counts / counts.sum()).requires_grad_()
    own = torch.zeros(ratings.n_items, ratings.n_levels, requires_grad=True)
    coefficient = torch.zeros(ratings.n_levels, requires_grad=True)
    parameters = [shared, own, coefficient]
    optimizer = torch.optim.LBFGS(parameters, max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = (shared + own)[items] + coefficient * covariate
        loss = F.cross_entropy(logits, levels, reduction="sum") + l2 / 2 * (own**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    if not own.isfinite().all():
        raise ValueError(f"l2: got {l2:g}, with which the fit diverges, expected about 1.")
    return (shared + own).detach(), coefficient.detach()
