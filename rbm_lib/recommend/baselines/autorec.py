"""AutoRec: an autoencoder of residuals, whose loss counts rated cells only."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.checks import require_flag, require_number, require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.baselines.base import Baseline
from rbm_lib.recommend.baselines.means import UserItemBias

BATCH = 50


@dataclass
class AutoRec(Baseline):
    """Add to `UserItemBias` what an autoencoder reconstructs from the row's residuals.

    Parameters
    ----------
    n_hidden : int
    reg : float
        Weight decay.
    epochs : int
    by_item : bool
        Whether a row is an item and not a user. All rows are then scored at once.

    References
    ----------
    Sedhain, S. et al. (2015). AutoRec: autoencoders meet collaborative filtering. WWW.
    """

    n_hidden: int = 50
    reg: float = 3.0
    epochs: int = 60
    by_item: bool = False

    def __post_init__(self) -> None:
        self.n_hidden = require_whole("n_hidden", self.n_hidden)
        self.reg = require_number("reg", self.reg, most=100)  # AdamW diverges beyond 2 / lr
        self.epochs = require_whole("epochs", self.epochs)
        self.by_item = require_flag("by_item", self.by_item)

    def _fit(self, ratings: RatingMatrix) -> None:
        self.rows_ = ratings.T if self.by_item else ratings
        self.bias_ = UserItemBias().fit(self.rows_)
        generator = torch.Generator().manual_seed(0)
        n_visible = self.rows_.n_items
        sizes = (n_visible, self.n_hidden), (self.n_hidden, n_visible)
        weights = [
            torch.randn(size, generator=generator) / size[0] ** 0.5 for size in sizes
        ]
        self.parameters_ = [*weights, *(torch.zeros(size[1]) for size in sizes)]
        for parameter in self.parameters_:
            parameter.requires_grad_()
        decayed = {"params": weights, "weight_decay": self.reg}
        rest = {"params": self.parameters_[2:]}
        optimizer = torch.optim.AdamW([decayed, rest], lr=3e-3, weight_decay=0)
        for _ in range(self.epochs):
            order = torch.randperm(len(self.rows_), generator=generator)
            for rows in order.split(BATCH):
                residual, observed = self._residuals(rows.numpy())
                error = (self._reconstruct(residual) - residual) * observed
                loss = (error**2).sum() / len(rows)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def _residuals(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """What the biases leave, 0 where missing, and the mask."""
        v, observed = self.rows_.batch(rows)
        base = torch.from_numpy(self.bias_.scores(rows)).float()
        return torch.where(observed, v - base, 0), observed

    def _reconstruct(self, residual: Tensor) -> Tensor:
        encoder, decoder, hidden_bias, visible_bias = self.parameters_
        hidden = torch.sigmoid(residual @ encoder + hidden_bias)
        return hidden @ decoder + visible_bias

    @torch.no_grad()
    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        chosen = np.arange(len(self.rows_)) if self.by_item else rows
        change = self._reconstruct(self._residuals(chosen)[0]).double().numpy()
        prediction = self.bias_.scores(chosen) + change
        return prediction.T[rows] if self.by_item else prediction
