"""Lists by a semi-restricted Boltzmann machine: couplings of items, and hidden tastes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.models.semi_restricted import SemiRestrictedRBM
from rbm_lib.recommend.baselines.base import Baseline, penalty
from rbm_lib.recommend.scorer import LikesOnly
from rbm_lib.training import linear_decay
from rbm_lib.training.gradients import Gradient
from rbm_lib.training.optimization import (
    make_optimizer,
    put_gradient,
    set_rates,
    take_step,
)

BATCH_SIZE = 50
RATE = 0.05
KEPT = 0.7  # of a person's likes, from which the model predicts
FEWEST = 3  # likes of an item that has weights to the hidden units
ZERO = 0.15  # the weight of an item without a like, beside 1 of one with a like


@dataclass
class SemiRestricted(LikesOnly, Baseline):
    """Rank by a `SemiRestrictedRBM` of likes, 1 for a like and 0 for everything else.

    The couplings between items are their partial correlations, in closed form. The hidden
    units are trained by one-step prediction: from a random part of a person's likes,
    predict all of them. Both add up to the log-odds of a like. Items with one or two likes
    have couplings alone.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units.
    scale : float
        The couplings are the `partial_correlations` times this.
    l2 : float
        The penalty of `partial_correlations`.
    weight_decay : float
        Decay of the weights of the hidden units.
    epochs : int
        Passes through the people.
    seed : int
        Of the first weights and of the parts to predict from.

    References
    ----------
    Steck, H. (2019). Embarrassingly shallow autoencoders for sparse data. WWW.
    Osindero & Hinton (2008). Modeling image patches with a directed hierarchy of Markov
    random fields. NIPS.
    """

    n_hidden: int = 150
    scale: float = 15.0
    l2: float = 50.0
    weight_decay: float = 0.009
    epochs: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        self.n_hidden = require_whole("n_hidden", self.n_hidden, least=0)
        self.scale = require_number("scale", self.scale)
        self.l2 = penalty("l2", self.l2)
        self.weight_decay = require_number("weight_decay", self.weight_decay)
        self.epochs = require_whole("epochs", self.epochs)
        self.seed = require_whole("seed", self.seed, least=0)

    @torch.no_grad()
    def _fit(self, ratings: RatingMatrix) -> None:
        self.rated_: Any = ratings.rated().astype(np.float32)
        likes = torch.from_numpy(self.rated_.toarray())
        model = SemiRestrictedRBM(ratings.n_items, self.n_hidden, weight_std=0.0)
        n_likes = likes.sum(0).clamp(min=0.5)
        model.visible_bias.copy_(torch.log(n_likes / ZERO / (len(likes) + 1 - n_likes)))
        often = torch.nonzero(n_likes >= FEWEST).flatten()
        if len(often):
            own = SemiRestrictedRBM(len(often), self.n_hidden, seed=self.seed)
            own.visible_bias.copy_(model.visible_bias[often])
            fit_hidden(own, likes[:, often], self.epochs, self.weight_decay, self.seed)
            model.W[often] = own.W
            model.visible_bias[often] = own.visible_bias
            model.hidden_bias.copy_(own.hidden_bias)
        model.set_lateral(self.scale * partial_correlations(ratings, self.l2))
        self.model_ = model

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        v = torch.from_numpy(self.rated_[rows].toarray())
        return one_step_log_odds(self.model_, v).numpy()


def partial_correlations(
    likes: RatingMatrix, l2: float = 50.0, frequency: float = 2.33, exponent: float = 0.5
) -> Tensor:
    r"""Correlations of each pair of items given all other items, in closed form.

    They are -P_ij / sqrt(P_ii P_jj) off the diagonal and 0 on it, with
    P = (X^T D X + l2 I + frequency diag(X^T D X))^-1, where X holds 1 for a like and D the
    weights n^-exponent of people with n likes.

    Parameters
    ----------
    likes : RatingMatrix
        Every rating is a like.
    l2 : float
        Penalty of each item.
    frequency : float
        Penalty of an item for each of its likes. It stands for training from rows of which
        a random part is hidden, a share p/(1 - p): 2.33 for p = .7.
    exponent : float
        How much less a like counts of a person who has many.

    Returns
    -------
    Tensor, shape (n_items, n_items)
        Symmetric, with a zero diagonal, double precision.

    Notes
    -----
    **EASE is the Gaussian case without hidden units.** Let the units be real and
    :math:`E(v) = \frac{1}{2} v^T P v = \sum_i \frac{P_{ii}}{2} v_i^2 - \frac{1}{2} v^T L v`
    with :math:`L_{ij} = -P_{ij}` off the diagonal: a Boltzmann machine in which every pair
    of units is coupled. It is the normal distribution with mean 0 and precision P, so given
    the others each unit has the mean :math:`\sum_{j \ne i} v_j L_{ij} / P_{ii}` and the
    variance :math:`1 / P_{ii}`. Fitted to likes by second moments and a ridge,
    :math:`P = (X^T X + \lambda I)^{-1}` up to a factor, which cancels in these means. They
    are X B with :math:`B_{ji} = -P_{ji} / P_{ii}`, which is EASE (Steck 2019, equation 8).

    B is not symmetric because each unit divides by a variance of its own. L is symmetric,
    and so are the couplings of units measured in their conditional standard deviations,
    :math:`u_i = v_i \sqrt{P_{ii}}`, which are the partial correlations. A binary unit has
    no variance to divide by, so an energy of binary units has to take a symmetric coupling.

    References
    ----------
    Steck, H. (2019). Embarrassingly shallow autoencoders for sparse data. WWW.
    Steck, H. (2020). Autoencoders that don't overfit towards the identity. NeurIPS. (For
    the penalty by frequency.)

    Examples
    --------
    >>> likes = RatingMatrix([1, 1, 2, 3], [1, 2, 3, 3], [1] * 4)
    >>> partial_correlations(likes, l2=1.0, frequency=0.0).round(decimals=2).tolist()
    [[0.0, 0.41, 0.0], [0.41, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    require_ratings("likes", likes, at_least=1)
    l2 = penalty("l2", l2)
    frequency = require_number("frequency", frequency)
    exponent = require_number("exponent", exponent, most=1)
    x: Any = likes.rated().astype(float)
    weights = np.maximum(likes.user_counts(), 1.0) ** -exponent
    gram = torch.from_numpy((x.T @ x.multiply(weights[:, None])).toarray())
    gram.diagonal().mul_(1 + frequency).add_(l2)
    precision = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    own = precision.diagonal().rsqrt()
    lateral = -own[:, None] * precision * own
    lateral = (lateral + lateral.T) / 2  # equal to the last bit
    return lateral.fill_diagonal_(0)


@torch.no_grad()
def one_step_log_odds(model: SemiRestrictedRBM, v: Tensor) -> Tensor:
    """Log-odds of each unit given the rest, to second order in its own weights.

    With q = p(h given v), b_i + (L v)_i + sum_j [q_j W_ij + q_j (1 - q_j) W_ij² / 2]. For a
    unit that is off this is `log_odds_given_rest` up to terms of third order in W_i, at the
    cost of three products of matrices.

    Parameters
    ----------
    model : SemiRestrictedRBM
    v : Tensor, shape (B, n_visible)

    Returns
    -------
    Tensor, shape (B, n_visible)
    """
    hidden = _from_hidden(model, model.prob_h_given_v(v))
    return model.visible_bias + v @ model.L + hidden


def _from_hidden(model: SemiRestrictedRBM, q: Tensor) -> Tensor:
    """What hidden units with the means q add to the log-odds of units that are off."""
    return q @ model.W.T + 0.5 * (q * (1 - q)) @ (model.W**2).T


@torch.no_grad()
def prediction_gradient(
    model: SemiRestrictedRBM,
    given: Tensor,
    target: Tensor,
    weights: Tensor,
    lateral: bool = True,
) -> Gradient:
    """Gradient of the weighted log-likelihood of `target` in one step from `given`.

    Parameters
    ----------
    model : SemiRestrictedRBM
    given, target : Tensor, shape (B, n_visible)
        What is known of each row, and the states to predict.
    weights : Tensor, shape (B, n_visible)
        Of each cell in the sum. The log-odds are `one_step_log_odds` of `given`.
    lateral : bool
        Whether the visible units are coupled. Without, L takes no part.

    Returns
    -------
    dict of str to Tensor
        The direction of ascent by parameter name.
    """
    q = model.prob_h_given_v(given)
    spread = q * (1 - q)
    # The slope by each log-odds: what was there minus what was expected.
    log_odds = model.visible_bias + _from_hidden(model, q)
    if lateral:
        log_odds = log_odds + given @ model.L
    error = weights * (target - torch.sigmoid(log_odds))
    by_q = error @ model.W + 0.5 * (error @ model.W**2) * (1 - 2 * q)
    by_field = by_q * spread
    above = error.T @ q + model.W * (error.T @ spread)
    gradient = {
        "W": above + given.T @ by_field,
        "visible_bias": error.sum(0),
        "hidden_bias": by_field.sum(0),
    }
    if lateral:
        gradient["L"] = (given.T @ error + error.T @ given).fill_diagonal_(0)
    return gradient


@torch.no_grad()
def fit_hidden(
    model: SemiRestrictedRBM, likes: Tensor, epochs: int, weight_decay: float, seed: int
) -> None:
    """Train all but L in place: from a random part of each row's likes predict the row.

    A like weighs 1 and anything else `ZERO`, and rows with many likes weigh less. Visible
    units are not coupled meanwhile. Lists were no better where couplings took part in the
    training, and a step costs several times as much.
    """
    likes = likes[likes.any(1)]
    row_weights = likes.sum(1, keepdim=True) ** -0.5
    row_weights /= row_weights.mean()
    generator = torch.Generator().manual_seed(seed)
    model.L.requires_grad_(False)
    optimizer = make_optimizer(model, None, RATE)
    schedule = linear_decay()
    n_updates = epochs * math.ceil(len(likes) / BATCH_SIZE)
    update = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(likes), generator=generator).split(BATCH_SIZE):
            set_rates(optimizer, schedule, update / n_updates)
            target = likes[rows]
            given = target * (torch.rand(target.shape, generator=generator) < KEPT)
            weights = (ZERO + (1 - ZERO) * target) * row_weights[rows] / len(rows)
            gradient = prediction_gradient(model, given, target, weights, lateral=False)
            gradient["W"] -= weight_decay * model.W
            put_gradient(model, gradient)
            take_step(optimizer, schedule)
            update += 1
    model.L.requires_grad_()
