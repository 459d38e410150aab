"""A user's own mean rating as a covariate of the visible bias, fitted before the model."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rbm_lib.checks import as_numbers, require_number
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.baselines.means import fit_biases

__all__ = ["RowBias", "left_out_bias", "multinomial_covariate"]


@dataclass(frozen=True)
class RowBias:
    """How a row rates beyond what its units get: a covariate of the visible bias.

    Σ residuals / (n + reg) over the row's n ratings, in units of its standard deviation
    over the rated cells. At a rated cell that rating is left out: with it inside, a model
    trusts its covariate too much (target leakage).

    Attributes
    ----------
    mean : float
        Of all levels.
    unit_bias : array, shape (n_items,)
        What each item gets beyond it.
    spread, reg : float
        The standard deviation, and the number of ratings at which a row counts half.
    """

    mean: float
    unit_bias: NDArray[np.float64]
    spread: float
    reg: float

    @classmethod
    def fit(cls, ratings: RatingMatrix, reg: float = 5.0) -> Self:
        """Fit the biases to ratings; rows are users."""
        require_ratings("ratings", ratings, at_least=2)
        mean, _, unit_bias = fit_biases(ratings, reg)
        unscaled = cls(float(mean), unit_bias, 1.0, reg)
        spread = float(unscaled.left_out(ratings).std())
        if not spread > 0:
            raise ValueError(
                "ratings: got no user with other ratings that differ, expected some."
            )
        return replace(unscaled, spread=spread)

    def of_rows(self, ratings: RatingMatrix) -> NDArray[np.float32]:
        """The covariate of each row's unrated cells, (n_users,)."""
        rows = np.arange(ratings.n_users)
        return self.of_cells(ratings, rows, 0 * rows, 0 * rows - 1)

    def left_out(self, ratings: RatingMatrix) -> NDArray[np.float32]:
        """The covariate of each rated cell, (n_ratings,), in the order of `triples`."""
        return self.of_cells(ratings, *ratings.triples())

    def of_cells(
        self, ratings: RatingMatrix, rows: NDArray, units: NDArray, levels: NDArray
    ) -> NDArray[np.float32]:
        """The covariate of some cells, whose levels are −1 where there is no rating.

        A row −1 is nobody's, and has 0.
        """
        users, items, rated = ratings.triples()
        residual = rated - self.mean - self.unit_bias[items]
        total = np.append(np.bincount(users, residual, ratings.n_users), 0.0)
        count = np.append(ratings.user_counts(), 0)
        own = np.where(levels >= 0, levels - self.mean - self.unit_bias[units], 0.0)
        x = (total[rows] - own) / (count[rows] - (levels >= 0) + self.reg)
        return (x / self.spread).astype(np.float32)


def left_out_bias(ratings: RatingMatrix, reg: float = 5.0) -> NDArray[np.float32]:
    """Measure how each user rates beyond the items' biases, without the rating itself.

    Returns the covariate of `RowBias` for every cell, (n_users, n_items). For rows of items
    use `ratings.T`.
    """
    bias = RowBias.fit(ratings, reg)
    users, items, _ = ratings.triples()
    x = np.repeat(bias.of_rows(ratings)[:, None], ratings.n_items, axis=1)
    x[users, items] = bias.left_out(ratings)
    return x


def multinomial_covariate(
    ratings: RatingMatrix, x: ArrayLike, l2: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Fit p(level) = softmax(bias of the item + coefficient · x) to the rated cells.

    Returns the biases (n_items, n_levels), where the RBM's visible bias starts, and the
    coefficients (n_levels,), for its ``visible_offset = x[..., None] * coefficients``.

    Parameters
    ----------
    x : (n_users, n_items), or (n_ratings,)
        The covariate of every cell, or of the rated ones in the order of `triples`.
    l2 : float
        Penalty of each item's deviation from a shared bias.
    """
    require_ratings("ratings", ratings, at_least=1)
    l2 = require_number("l2", l2)
    users, items, levels = (torch.from_numpy(index) for index in ratings.triples())
    rated_only = np.ndim(x) == 1  # type: ignore
    covariate = as_numbers(x, "x", users.shape if rated_only else ratings.shape).cpu()
    covariate = (covariate if rated_only else covariate[users, items]).float()[:, None]
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
