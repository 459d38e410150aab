"""Base classes of the models: the visible layer, and what a Boltzmann machine can do."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Generator, Tensor, nn

from rbm_lib.checks import plain, require_whole
from rbm_lib.models.batch import Batch, as_batch
from rbm_lib.models.data_checks import require_names, require_spread
from rbm_lib.models.layers import Layer
from rbm_lib.models.visible_data import VisibleData

Statistics = dict[str, Tensor]  # by parameter name


class VisibleModel(nn.Module, ABC):
    """A model with a visible layer. It owns the parameters and lends them to the layer."""

    visible_bias: Tensor
    log_variance: Tensor | None
    unit_names: list[str] | None  # of the visible units, from the data met first

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.unit_names = None
        self._layer = layer
        self.n_visible = layer.n_units

    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """Arguments of the constructor that build a model of the same shapes."""

    @property
    def visible(self) -> Layer:
        """The visible layer with the model's parameters."""
        return self.visible_at(None)

    def visible_at(self, offset: Tensor | None) -> Layer:
        """The visible layer with its bias moved by an offset that has been checked."""
        bias = self.visible_bias
        log_variance = self.log_variance
        if offset is not None:
            return self._layer.with_parameters(bias + offset, log_variance)
        if self._layer.bias is not bias or self._layer.log_variance is not log_variance:
            self._layer = self._layer.with_parameters(bias, log_variance)
        return self._layer

    def name_units(self, data: VisibleData) -> None:
        """Remember the columns of the data, so that others are refused from now on."""
        require_names(data.name, data.names, self.unit_names)
        self.unit_names = self.unit_names or data.names

    def as_batch(self, v: Any, observed: Any = None, visible_offset: Any = None) -> Batch:
        """Rows of states as a checked and masked batch; a Batch is returned as it is."""
        if isinstance(v, Batch):
            return v
        return as_batch(self.visible, v, observed, visible_offset)


class BoltzmannMachine(VisibleModel):
    """What an RBM and a DBM have in common.

    Methods take v as a tensor with `observed` and `visible_offset`, of which only shapes,
    types and devices are checked, or as a `Batch`, which brings its own. A missing unit is
    dropped from its row's model: it adds nothing to energies, conditionals and gradients,
    whatever v holds there.
    """

    weight_names: list[str]  # of the parameters, from the bottom up
    bias_names: list[str]

    @abstractmethod
    def energy(
        self, v: Any, h: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """E(v, h), shape (B,)."""

    @abstractmethod
    def hidden_means(
        self,
        v: Any,
        observed: Any = None,
        visible_offset: Any = None,
        precise: bool = False,
    ) -> list[Tensor]:
        """Means of the hidden layers given v, [(B, n1), …]; in a DBM by mean field."""

    @torch.no_grad()
    def statistics(
        self,
        v: Any,
        h: Any,
        observed: Any = None,
        visible_offset: Any = None,
        weights: Tensor | None = None,
    ) -> Statistics:
        """-dE/d(parameter), averaged over rows: one phase of the gradient.

        The gradient of the mean log-likelihood is these statistics on data minus the same
        statistics under the model.

        Parameters
        ----------
        v : Tensor or Batch
            Visible states.
        h : Tensor, shape (B, n_hidden), or list of Tensor, [(B, n1), …]
            Hidden states, of a DBM one tensor for each layer. Layers that are independent
            given the rest may hold means: E is linear in each, so means give its average.
        observed, visible_offset
            As everywhere, if v is a tensor.
        weights : Tensor, shape (B,), optional
            Weights of the rows, which sum to one; by default all alike.

        Returns
        -------
        dict of str to Tensor
            By parameter name.
        """
        batch = self.as_batch(v, observed, visible_offset)
        return self.batch_statistics(batch, self.checked_hidden(h, len(batch)), weights)

    @abstractmethod
    def batch_statistics(
        self, batch: Batch, h: Any, weights: Tensor | None = None
    ) -> Statistics:
        """`statistics` of rows and hidden states that need no check."""

    @abstractmethod
    def checked_hidden(self, h: Any, n_rows: int, name: str = "h") -> Any:
        """Hidden states for so many rows, in the dtype of the model."""

    @torch.no_grad()
    def initialize_visible(self, v: Any, observed: Any = None) -> None:
        """Set the visible bias and variance from data, as `initialize_from` documents."""
        data = v if isinstance(v, VisibleData) else VisibleData(self, v, observed, name="v")
        if len(data) == 0:
            raise ValueError("v: got no rows, expected at least one.")
        require_spread(data)
        self.name_units(data)
        parameters = data.fit_parameters()
        self.visible_bias.copy_(parameters["bias"])
        if self.log_variance is not None:
            self.log_variance.copy_(parameters["log_variance"])

    def balanced_bias(self, W: Tensor) -> Tensor:
        """The bias at which each unit above W would, alone, be on half of the time."""
        layer = self.visible
        off = layer.cumulant(torch.zeros_like(layer.bias)).sum(-1)
        on = layer.cumulant(W.movedim(-1, 0)).sum(-1)
        return off - on

    def _visible_energy(self, batch: Batch) -> Tensor:
        energy = self.visible_at(batch.offset).energy(batch.v)
        if batch.observed is not None:
            # A masked v is not enough: a Gaussian unit at zero has energy b^2 / (2 s^2).
            energy = energy * batch.observed
        return energy.sum(-1)

    def _visible_statistics(
        self, batch: Batch, h: Tensor, weights: Tensor, W: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Statistics of the weights between v and h, and of the visible layer."""
        layer = self.visible_at(batch.offset)
        scaled = layer.scaled(batch.v).flatten(1)
        coupling = (scaled.T @ (h * weights[:, None])).view_as(W)
        product = None
        if layer.log_variance is not None:
            # The average of scaled(v) * field needs no product of its own.
            product = (W * coupling).sum(-1)
        return coupling, layer.statistics(batch.v, batch.mask, weights, product)


def require_boltzmann(model: Any) -> BoltzmannMachine:
    """The model; TypeError for anything but an RBM or DBM."""
    if not isinstance(model, BoltzmannMachine):
        fix = "Pass the model itself."
        if isinstance(model, VisibleModel):
            fix = (
                "Its RBMs are in `model.rbms`; `pretrain` and `fine_tune` train all of it."
            )
        raise TypeError(f"model: got {type(model).__name__}, expected an RBM or DBM. {fix}")
    return model


def require_visible_model(model: Any) -> VisibleModel:
    """The model; TypeError for anything but an RBM, DBM or DBN."""
    if not isinstance(model, VisibleModel):
        raise TypeError(
            f"model: got {type(model).__name__}, expected an RBM, DBM or DBN. Pass the "
            "model itself."
        )
    return model


def layer_sizes(sizes: Any, least: int, expected: str) -> list[Any]:
    """The sizes of a deep model as whole numbers; the first may be a layer."""
    sizes = list(map(plain, sizes if isinstance(sizes, Iterable) else [sizes]))
    if len(sizes) < least:
        raise ValueError(f"sizes: got {sizes}, expected {expected}.")
    whole = [
        size if i == 0 and isinstance(size, Layer) else require_whole(f"sizes[{i}]", size)
        for i, size in enumerate(sizes)
    ]
    return whole


def seeded(seed: int | None) -> Generator | None:
    """A generator with this seed; None, torch's own, for None."""
    if seed is None:
        return None
    return Generator().manual_seed(require_whole("seed", seed, least=0))
