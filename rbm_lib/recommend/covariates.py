"""A user's own mean rating as a covariate of the visible bias.

Fit it on training ratings before the model, and give it to `fit` and `predict` as
`visible_offset`.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rbm_lib.checks import as_numbers, require_number
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.rating_baselines import fit_biases

__all__ = ["left_out_bias", "multinomial_covariate"]


def left_out_bias(
    ratings: RatingMatrix, item_reg: float = 5.0, user_reg: float = 5.0
) -> NDArray[np.float32]:
    """How each user rates beyond the items' biases, without the rating itself.

    The mean residual Σ / (n + user_reg) runs over the user's *other* ratings. With the rating
    itself inside, a model learns to trust its covariate too much (target leakage). For rows
    of items: ``left_out_bias(ratings.T)``.

    Returns
    -------
    array, shape (n_users, n_items)
        With standard deviation 1 over the rated cells.
    """
    require_ratings("ratings", ratings, at_least=2)
    mean, _, item_bias = fit_biases(ratings, user_reg, item_reg)
    users, items, levels = ratings.triples()
    residual = levels - mean - item_bias[items]
    total = np.bincount(users, residual, ratings.n_users)
    count = ratings.user_counts()

    x = np.repeat((total / (count + user_reg))[:, None], ratings.n_items, axis=1)
    x[users, items] = (total[users] - residual) / (count[users] - 1 + user_reg)
    spread = x[users, items].std()
    if not spread > 0:
        raise ValueError(
            "ratings: got none whose user has other ratings that differ, expected some."
        )
    return (x / spread).astype(np.float32)


def multinomial_covariate(
    ratings: RatingMatrix, x: ArrayLike, l2: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Fit p(level) = softmax(bias of the item + coefficient · x) to the rated cells.

    Start the RBM's visible bias at `bias`, and set ``visible_offset = x[..., None] *
    coefficient``.

    Parameters
    ----------
    ratings : RatingMatrix
    x : array, shape (n_users, n_items)
        A covariate such as `left_out_bias`.
    l2 : float
        Penalty of the items' deviations from a shared bias; about 1.

    Returns
    -------
    bias : Tensor, shape (n_items, n_levels)
    coefficient : Tensor, shape (n_levels,)
    """
    require_ratings("ratings", ratings, at_least=1)
    l2 = require_number("l2", l2)
    users, items, levels = (torch.as_tensor(index) for index in ratings.triples())
    covariate = as_numbers(x, "x", ratings.shape).cpu().float()[users, items, None]

    counts = torch.bincount(levels, minlength=ratings.n_levels).float().clamp(min=0.5)
    shared = torch.log(counts / counts.sum()).requires_grad_()
    own = torch.zeros(ratings.n_items, ratings.n_levels, requires_grad=True)
    coefficient = torch.zeros(ratings.n_levels, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [shared, own, coefficient], max_iter=60, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = (shared + own)[items] + coefficient * covariate
        loss = F.cross_entropy(logits, levels, reduction="sum") + l2 / 2 * (own**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    if not torch.isfinite(own).all():
        raise ValueError(f"l2: got {l2:g}, with which the fit diverged; expected about 1.")
    return (shared + own).detach(), coefficient.detach()
