"""Covariates of the visible bias: how a person's (or an item's) own mean enters a machine.

Fitted on training ratings alone, before the machine; then `visible_offset` of `fit` and `predict`.
"""

import numpy as np
import torch
import torch.nn.functional as F

from rbm_lib.checks import as_numbers, require_number
from rbm_lib.data.ratings import require_ratings
from rbm_lib.recommend.baselines import biases


def left_out_bias(ratings, item_reg=5.0, user_reg=5.0):
    """How each user rates beyond the items' biases, without the rating itself; (n_users, n_items), sd 1.

    Σ residuals / (n + user_reg) over the user's *other* ratings. With the rating itself inside, a model
    learns to trust its covariate too much (target leakage). For item rows: `left_out_bias(ratings.T)`.
    """
    require_ratings("ratings", ratings, at_least=2)
    users, items, levels = ratings.triples()
    mean, _, item_bias = biases(ratings, user_reg, item_reg)
    residual = levels - mean - item_bias[items]
    total, count = (
        np.bincount(users, residual, ratings.n_users),
        np.bincount(users, minlength=ratings.n_users),
    )
    x = np.repeat((total / (count + user_reg))[:, None], ratings.n_items, axis=1)
    x[users, items] = (total[users] - residual) / (count[users] - 1 + user_reg)
    spread = x[users, items].std()
    if not spread > 0:
        raise ValueError("ratings: got none of which the user has others that differ, expected some.")
    return (x / spread).astype(np.float32)


def multinomial_covariate(ratings, x, l2=2.0):
    """(bias (n_items, n_levels), coefficient (n_levels,)) of p(level) = softmax(bias_item + coefficient · x).

    x: (n_users, n_items). Multinomial logistic regression on the rated cells, `l2` on the items' deviation
    from the shared bias, by L-BFGS. For an RBM: visible_bias starts at `bias`, and visible_offset = x[...,
    None] · coefficient.
    """
    require_ratings("ratings", ratings, at_least=1)
    l2, x = require_number("l2", l2), as_numbers(x, "x", ratings.shape).cpu().float()
    users, items, levels = (torch.as_tensor(a) for a in ratings.triples())
    x = x[users, items, None]
    counts = torch.bincount(levels, minlength=ratings.n_levels).float().clamp(min=0.5)
    shared = torch.log(counts / counts.sum()).requires_grad_()
    own = torch.zeros(ratings.n_items, ratings.n_levels, requires_grad=True)
    coefficient = torch.zeros(ratings.n_levels, requires_grad=True)
    optimizer = torch.optim.LBFGS([shared, own, coefficient], max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        logits = (shared + own)[items] + coefficient * x
        loss = F.cross_entropy(logits, levels, reduction="sum") + l2 / 2 * (own**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    if not torch.isfinite(own).all():
        raise ValueError(f"l2: got {l2:g}, with which the fit diverged; expected a penalty of about 1.")
    return (shared + own).detach(), coefficient.detach()
