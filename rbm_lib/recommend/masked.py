"""A masked softmax RBM of the rated cells alone, with the row's own bias as a covariate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.rated import RatedBatch, input_to_hidden
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.recommend.covariates import RowBias, multinomial_covariate
from rbm_lib.recommend.settings import Settings
from rbm_lib.training import History, ItemMeanDecay, Monitor, fit, linear_decay
from rbm_lib.training.gradients import Gradient
from rbm_lib.training.optimization import WeightDecay

PAIRS_AT_ONCE = 2**11  # their weights stay in the cache
BIAS_PENALTY = 4.0  # of each unit's own bias, as in `multinomial_covariate`

Ints = NDArray[np.int64]


class ShrunkBias(WeightDecay):
    """Another decay, and each unit's bias drawn to the mean of all.

    Without it the biases of units with few ratings run away from where
    `multinomial_covariate` has put them.
    """

    def __init__(self, decay: WeightDecay, bias: Tensor, rate: float) -> None:
        super().__init__(rate)
        self.decay = decay
        self.shared = bias.mean(0)

    def prepare(self, model: BoltzmannMachine, data: VisibleData) -> None:
        self.decay.prepare(model, data)
        self.shared = self.shared.to(model.visible_bias)

    def add_to(self, gradient: Gradient, model: BoltzmannMachine) -> None:
        self.decay.add_to(gradient, model)
        pull = model.visible_bias - self.shared
        gradient["visible_bias"].sub_(pull, alpha=self.rate)

    def __repr__(self) -> str:
        return f"ShrunkBias({self.decay!r}, {self.rate})"


@dataclass
class MaskedModel:
    """One RBM whose rows are items (or users) and whose units are users (or items).

    Attributes
    ----------
    rbm : RBM
        Categorical units.
    coefficient : Tensor, shape (n_levels,)
        What the row's bias adds to the visible bias of each level.
    bias : RowBias
        The covariate.
    penalty : float
        Of the weights of a unit, beside the log-likelihood of all rows.
    """

    rbm: RBM
    coefficient: Tensor
    bias: RowBias
    penalty: float

    @classmethod
    def start(
        cls, rows: RatingMatrix, settings: Settings, seed: int = 0
    ) -> tuple["MaskedModel", VisibleData]:
        """A model without hidden units' help: biases and covariate are fitted; its data."""
        bias = RowBias.fit(rows)
        x = bias.left_out(rows)
        visible_bias, coefficient = multinomial_covariate(rows, x, BIAS_PENALTY)
        std = 0.05 if settings["by_item_mean"] else 0.01
        size = rows.n_items, settings["n_hidden"]
        rbm = RBM(*size, "categorical", rows.n_levels, weight_std=std, seed=seed)
        rbm.visible_bias.data.copy_(visible_bias)
        offset = torch.from_numpy(x)[:, None] * coefficient
        model = cls(rbm, coefficient, bias, settings["weight_decay"] * len(rows))
        return model, VisibleData(rbm, rows, rating_offset=offset)

    def train(
        self,
        data: VisibleData,
        settings: Settings,
        callbacks: list[Any],
        seed: int = 0,
        **options: Any,
    ) -> History:
        """Train on the data of `start`."""
        decay_of = ItemMeanDecay if settings["by_item_mean"] else WeightDecay
        decay = decay_of(settings["weight_decay"])
        bias = self.rbm.visible_bias.detach()
        return fit(
            self.rbm,
            data,
            epochs=settings["epochs"],
            batch_size=settings["batch_size"],
            lr=settings["lr"],
            weight_decay=ShrunkBias(decay, bias, BIAS_PENALTY / len(data)),
            schedule=linear_decay(),
            callbacks=[Monitor(every=settings["epochs"]), *callbacks],
            generator=torch.Generator().manual_seed(seed),
            **options,
        )

    @torch.no_grad()
    def hidden_field(self, rows: RatingMatrix) -> Tensor:
        """Field at the hidden units from all ratings of each row, (n_rows, n_hidden)."""
        batch = RatedBatch(self.rbm, rows.rated_rows(slice(None)))
        return (input_to_hidden(self.rbm, batch) + self.rbm.hidden_bias).cpu()

    @torch.no_grad()
    def probabilities(self, rows: RatingMatrix, row: Ints, unit: Ints) -> Tensor:
        """P(level) of some cells, (n_cells, n_levels), from the row's *other* ratings.

        A row −1 has no ratings, and a unit −1 is the average unit.
        """
        field = torch.cat([self.hidden_field(rows), self.rbm.hidden_bias.cpu()[None]])
        W = with_average(self.rbm.W)
        bias = with_average(self.rbm.visible_bias)
        coefficient = self.coefficient.cpu()
        level = rows.levels_at(row, unit)
        x = torch.from_numpy(self.bias.of_cells(rows, row, unit, level))
        parts = [torch.zeros(0, rows.n_levels)]
        for index in torch.arange(len(row)).split(PAIRS_AT_ONCE):
            units = torch.from_numpy(unit)[index]
            own = torch.from_numpy(level)[index]
            weights = W[units]
            to_hidden = field[torch.from_numpy(row)[index]]
            rated = own >= 0
            to_hidden[rated] -= weights[rated, own[rated]]
            logits = torch.einsum("pkh,ph->pk", weights, torch.sigmoid(to_hidden))
            offset = x[index, None] * coefficient
            parts.append(torch.softmax(logits + bias[units] + offset, -1))
        return torch.cat(parts)

    def bias_score(self, rows: RatingMatrix, row: Ints, unit: Ints) -> NDArray:
        """The mean level with the biases of row and unit, from the row's other ratings."""
        bias = self.bias
        row_bias = bias.of_cells(rows, row, unit, rows.levels_at(row, unit)) * bias.spread
        return bias.mean + row_bias + np.append(bias.unit_bias, 0.0)[unit]

    def bias_of_new_unit(
        self, rows: RatingMatrix, row: Ints, level: Ints, wanted: Ints
    ) -> NDArray:
        """The same of a new unit, given its levels at some rows."""
        bias = self.bias
        base = bias.mean + np.append(bias.of_rows(rows) * bias.spread, 0.0)
        own = (level - base[row]).sum() / (len(row) + bias.reg)
        return base[wanted] + own

    def of_new_unit(
        self, rows: RatingMatrix, row: Ints, level: Ints, wanted: Ints
    ) -> Tensor:
        """P(level) of a new unit at the rows `wanted`, given its levels at some rows.

        The hidden units are those that the other units give, so the weights of the new one
        are a small convex problem. They are drawn to the mean of the others'.
        """
        mean_weights = self.rbm.W.detach().mean(0).cpu()
        mean_bias = self.rbm.visible_bias.detach().mean(0).cpu()
        field = torch.cat(
            [self.hidden_field(rows), self.rbm.hidden_bias.detach().cpu()[None]]
        )
        hidden = torch.sigmoid(field)
        x = torch.from_numpy(np.append(self.bias.of_rows(rows), np.float32(0)))[:, None]
        base = hidden @ mean_weights.T + mean_bias + x * self.coefficient.cpu()
        own = torch.zeros_like(mean_weights, requires_grad=True)
        own_bias = torch.zeros_like(mean_bias, requires_grad=True)
        optimizer = torch.optim.LBFGS([own, own_bias], max_iter=50)
        given = torch.from_numpy(row)
        target = torch.from_numpy(level)

        def closure() -> Tensor:
            optimizer.zero_grad()
            logits = base[given] + hidden[given] @ own.T + own_bias
            loss = F.cross_entropy(logits, target, reduction="sum")
            loss = loss + self.penalty / 2 * own.square().sum()
            loss = loss + BIAS_PENALTY / 2 * own_bias.square().sum()
            loss.backward()
            return loss

        if len(row):
            optimizer.step(closure)
        places = torch.from_numpy(wanted)
        with torch.no_grad():
            logits = base[places] + hidden[places] @ own.T + own_bias
            return torch.softmax(logits, -1)


def with_average(values: Tensor) -> Tensor:
    """The values of all units and, last, their mean, which the index −1 finds."""
    values = values.detach().cpu()
    return torch.cat([values, values.mean(0, keepdim=True)])
