"""Read a deep Boltzmann machine as an RBM, so that one set of algorithms serves both.

The layers 1, 3, … of a DBM are independent of each other once the others are given, and so
are the visible layer and the layers 2, 4, …. A DBM therefore *is* an RBM: its hidden layer
holds the layers 1, 3, … side by side, and its visible layer holds the visible units and the
layers 2, 4, …, here called the upper units. Block Gibbs sampling, exact sums and annealing
are written for RBMs and go through this view.
"""

from typing import Any

import torch
from torch import Tensor

from rbm_lib.models.base import BoltzmannMachine, Statistics
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbm import DBM
from rbm_lib.models.mixed import Layers
from rbm_lib.models.random import Rng
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import Bernoulli


class RBMView:
    """An RBM read as itself: there are no upper units, and nothing needs translation.

    Attributes
    ----------
    rbm : RBM
        The model as an RBM.
    n_upper : int
        Number of upper units, which stand behind the visible ones in states of `rbm`.
    """

    def __init__(self, model: RBM) -> None:
        self.rbm = model
        self.n_upper = 0

    def start_upper(self, batch: Batch, sweeps: int = 20, generator: Rng = None) -> Tensor:
        """Draw the upper units given visible rows, shape (B, n_upper)."""
        return batch.v.new_zeros(len(batch), 0)

    def join(self, batch: Batch, upper: Tensor) -> Batch:
        """Rows of `rbm`, from visible rows and upper units."""
        return batch

    def visible_part(self, batch: Batch, state: Batch) -> Batch:
        """The visible rows in states of `rbm`, with the masks and offsets of `batch`."""
        return state

    def split_hidden(self, h: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The model's hidden layers as hidden states and upper units of `rbm`."""
        return h[0], h[0][:, :0]

    def checked_upper(self, hidden: Any, n_rows: int) -> Tensor:
        """The upper units in hidden states that a caller passed in."""
        return self.rbm.W.new_zeros(n_rows, 0)

    def hidden(self, v: Tensor, h: Tensor) -> Tensor | list[Tensor]:
        """Hidden states of the model, as `energy` takes them, in states (v, h) of `rbm`."""
        return h

    def statistics(self, statistics: Statistics) -> Statistics:
        """Statistics of `rbm` by the names of the model's parameters."""
        return statistics


class UpperUnits(Bernoulli):
    """Hidden units on the visible side: in a chain they are always sampled."""

    def mean_or_sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        return self.sample(field, generator)


class DBMView(RBMView):
    """A DBM read as an RBM."""

    def __init__(self, model: DBM) -> None:
        self.model = model
        self.odd_sizes = model.sizes[1::2]
        self.even_sizes = model.sizes[2::2]
        self.n_upper = sum(self.even_sizes)
        visible = model.visible
        self.n_visible_features = visible.n_features
        layer = Layers(visible, UpperUnits(self.n_upper))
        self.rbm = RBM(layer, sum(self.odd_sizes), weight_std=0.0, seed=0).to(visible.bias)
        with torch.no_grad():
            self._copy_parameters()

    def _copy_parameters(self) -> None:
        biases = list(self.model.biases)
        self.rbm.visible_bias.copy_(torch.cat([biases[0].flatten(), *biases[2::2]]))
        self.rbm.hidden_bias.copy_(torch.cat(biases[1::2]))
        if self.rbm.log_variance is not None and self.model.log_variance is not None:
            self.rbm.log_variance.copy_(self.model.log_variance)
        for i, W in enumerate(self.model.weights):
            self._block(self.rbm.W, i).copy_(W.flatten(0, -2))

    def _block(self, W: Tensor, i: int) -> Tensor:
        """The part of the RBM's W that holds the model's weights number `i`, as a view."""
        n_visible = self.n_visible_features
        rows = W[:n_visible]
        if i > 0:
            upper = W[n_visible:].split(self.even_sizes)
            rows = upper[(i - 1) // 2]
        block = rows.split(self.odd_sizes, 1)[i // 2]
        return block.T if i % 2 else block

    def start_upper(self, batch: Batch, sweeps: int = 20, generator: Rng = None) -> Tensor:
        h = self.model.sample_hidden(batch, sweeps, generator)
        return self.split_hidden(h)[1]

    def join(self, batch: Batch, upper: Tensor) -> Batch:
        v = torch.cat([batch.v.flatten(1), upper], 1)
        observed = batch.observed
        if observed is not None:
            present = observed.new_ones(*observed.shape[:-1], self.n_upper)
            observed = torch.cat([observed, present], -1)
        offset = batch.offset
        if offset is not None:
            visible_shape = self.model.visible_bias.shape
            per_row = offset.shape[:1] if offset.ndim > len(visible_shape) else ()
            offset = offset.expand(*per_row, *visible_shape).flatten(len(per_row))
            offset = torch.cat([offset, offset.new_zeros(*per_row, self.n_upper)], -1)
        if observed is None:
            return Batch(v, offset=offset)
        mask = self.rbm.visible.spread(observed).to(v.dtype)
        return Batch(v, observed, offset, mask)

    def visible_part(self, batch: Batch, state: Batch) -> Batch:
        visible = state.v[:, : self.n_visible_features]
        return batch.with_v(visible.unflatten(1, self.model.visible_bias.shape))

    def split_hidden(self, h: list[Tensor]) -> tuple[Tensor, Tensor]:
        return torch.cat(h[::2], 1), torch.cat(h[1::2], 1)

    def checked_upper(self, hidden: Any, n_rows: int) -> Tensor:
        return self.split_hidden(self.model.checked_hidden(hidden, n_rows, "hidden"))[1]

    def hidden(self, v: Tensor, h: Tensor) -> list[Tensor]:
        upper = v[:, self.n_visible_features :]
        blocks = [h.split(self.odd_sizes, 1), upper.split(self.even_sizes, 1)]
        n_layers = len(self.model.sizes) - 1
        return [blocks[i % 2][i // 2] for i in range(n_layers)]

    def statistics(self, statistics: Statistics) -> Statistics:
        model = self.model
        result = {}
        for i, (name, W) in enumerate(zip(model.weight_names, model.weights, strict=True)):
            result[name] = self._block(statistics["W"], i).reshape(W.shape)
        visible = statistics["visible_bias"]
        widths = [self.n_visible_features, *self.even_sizes]
        even = visible.split(widths)
        odd = statistics["hidden_bias"].split(self.odd_sizes)
        for i, (name, bias) in enumerate(zip(model.bias_names, model.biases, strict=True)):
            own = odd[i // 2] if i % 2 else even[i // 2]
            result[name] = own.view_as(bias)
        if "log_variance" in statistics:
            result["log_variance"] = statistics["log_variance"]
        return result


def rbm_view(model: BoltzmannMachine) -> RBMView:
    """The model read as an RBM."""
    if isinstance(model, DBM):
        return DBMView(model)
    assert isinstance(model, RBM)
    return RBMView(model)
