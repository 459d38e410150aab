"""The deep Boltzmann machine."""

import itertools
from typing import Any, Self

import torch
from torch import Tensor, nn

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.base import (
    BoltzmannMachine,
    Statistics,
    layer_sizes,
    seeded,
)
from rbm_lib.models.batch import Batch, as_states
from rbm_lib.models.layers import Layer
from rbm_lib.models.mean_field import MeanField, coordinate_ascent, entropy
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.units import as_layer


class DBM(BoltzmannMachine):
    r"""A visible layer and two or more hidden layers, each connected to the next.

    .. math::
        E(v, h^1, h^2, \ldots) = \sum_i E_i(v_i) - \sum_l c_l^T h^l
            - s(v)^T W_1 h^1 - h^{1T} W_2 h^2 - \ldots

    Parameters
    ----------
    sizes : sequence of int, [n_visible, n_hidden_1, n_hidden_2, …]
        The first may be a Layer.
    visible, n_levels, weight_std, seed
        As in `RBM`.

    Attributes
    ----------
    weights : ParameterList, [W1, W2, …]
        W1 of shape (n_visible, n1) or (n_visible, n_levels, n1), W2 of shape (n1, n2), …
    biases : ParameterList, [b, c1, c2, …]
    log_variance : Parameter, shape (n_visible,), or None
        log s^2 of Gaussian units.

    References
    ----------
    Salakhutdinov & Hinton (2009). Deep Boltzmann machines. AISTATS.
    Cho, Raiko & Ilin (2013). Gaussian-Bernoulli deep Boltzmann machine. IJCNN.

    Examples
    --------
    >>> model = DBM([14, 8, 4], visible="gaussian", seed=0)
    >>> field = model.mean_field(torch.zeros(5, 14))
    >>> [tuple(mean.shape) for mean in field.means], field.converged
    ([(5, 8), (5, 4)], True)
    """

    def __init__(
        self,
        sizes: Any,
        visible: str | Layer = "bernoulli",
        n_levels: int | None = None,
        weight_std: float = 0.01,
        seed: int | None = None,
    ) -> None:
        expected = "[n_visible, n_hidden_1, n_hidden_2, …]; with one hidden layer use RBM"
        sizes = layer_sizes(sizes, 3, expected)
        layer = as_layer(sizes[0], visible, n_levels)
        super().__init__(layer)
        self.sizes: list[int] = [layer.n_units, *sizes[1:]]

        weight_std = require_number("weight_std", weight_std)
        generator = seeded(seed)
        below = [layer.shape, *((size,) for size in self.sizes[1:-1])]
        self.weights = nn.ParameterList(
            weight_std * torch.randn(*shape, size, generator=generator)
            for shape, size in zip(below, self.sizes[1:], strict=True)
        )
        shapes = [*below, (self.sizes[-1],)]
        self.biases = nn.ParameterList(torch.zeros(shape) for shape in shapes)
        self.log_variance = None
        if layer.n_variances:
            self.log_variance = nn.Parameter(torch.zeros(layer.n_variances))
        self.weight_names = [f"weights.{i}" for i in range(len(self.weights))]
        self.bias_names = [f"biases.{i}" for i in range(len(self.biases))]

    def architecture(self) -> dict[str, Any]:
        return {"visible": self.visible.description(), "sizes": self.sizes}

    @property
    def visible_bias(self) -> Tensor:  # type: ignore[override]
        """The bias of the visible layer, `biases[0]`."""
        return self.biases[0]

    def __repr__(self) -> str:
        return f"DBM({self._layer}, hidden={self.sizes[1:]})"

    # Energy and the fields between layers

    def energy(
        self, v: Any, h: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """E(v, [h1, h2, …]), shape (B,).

        It is linear in every hidden layer, so means of independent layers give its average.
        """
        batch = self.as_batch(v, observed, visible_offset)
        h = self.checked_hidden(h, len(batch))
        energy = self._visible_energy(batch)
        below = self.input_to_hidden(batch)
        for i, state in enumerate(h):
            energy = energy - ((below + self.biases[i + 1]) * state).sum(-1)
            if i + 1 < len(h):
                below = state @ self.weights[i + 1]
        return energy

    def input_to_hidden(self, v: Any, observed: Any = None) -> Tensor:
        """scaled(v) W1 over the observed units, (B, n1): the visible part of h1's field."""
        batch = self.as_batch(v, observed)
        return self.visible.scaled(batch.v).flatten(1) @ self.weights[0].flatten(0, -2)

    def input_to_visible(self, h1: Tensor) -> Tensor:
        """W1 h1, in the shape of v, without the visible bias."""
        h1 = as_states(self.visible, "h1", h1, (self.sizes[1],))
        W = self.weights[0]
        return (h1 @ W.flatten(0, -2).T).view(len(h1), *W.shape[:-1])

    def _field(self, layer: int, h: list[Tensor], from_visible: Tensor) -> Tensor:
        """What the layers below and above send to hidden layer `layer`, counted from 0."""
        field = h[layer - 1] @ self.weights[layer] if layer else from_visible
        if layer + 1 < len(h):
            field = field + h[layer + 1] @ self.weights[layer + 1].T
        return field + self.biases[layer + 1]

    def _checkerboard(self) -> list[int]:
        """The hidden layers in the order of block updates: 0, 2, …, then 1, 3, …

        No two layers of the first block touch each other, and no two of the second. So
        within a block the order does not matter, and updating the blocks in turn is exact.
        """
        layers = range(len(self.weights))
        return [*layers[::2], *layers[1::2]]

    # Hidden units given v

    @torch.no_grad()
    def mean_field(
        self,
        v: Any,
        observed: Any = None,
        max_sweeps: int = 50,
        tol: float = 1e-6,
        visible_offset: Any = None,
        start: list[Tensor] | None = None,
    ) -> MeanField:
        """Approximate p(h given v) by independent units, by coordinate ascent of the bound.

        Each half sweep maximises the bound over one block of layers with the others held,
        so the bound never falls. Updating all layers at once has no such guarantee.

        Parameters
        ----------
        v, observed, visible_offset
            Visible rows, or a Batch.
        max_sweeps, tol : int, float
            Stop after so many sweeps, or when no mean of any row moved by more than tol.
        start : list of Tensor, [(B, n1), …], optional
            Means to begin from; default sigmoid(bias).

        References
        ----------
        Salakhutdinov & Hinton (2009). Deep Boltzmann machines. AISTATS.
        """
        max_sweeps = require_whole("max_sweeps", max_sweeps, least=0)
        tol = require_number("tol", tol)
        batch = self.as_batch(v, observed, visible_offset)
        if start is None:
            means = [torch.sigmoid(c).expand(len(batch), -1) for c in self._hidden_biases]
        else:
            means = list(self.checked_hidden(start, len(batch), "start"))
        from_visible = self.input_to_hidden(batch)
        visible_energy = self._visible_energy(batch)

        def sweep(means: list[Tensor]) -> list[Tensor]:
            means = list(means)
            for layer in self._checkerboard():
                means[layer] = torch.sigmoid(self._field(layer, means, from_visible))
            return means

        def bound(means: list[Tensor]) -> Tensor:
            return self._bound(means, from_visible, visible_energy)

        return coordinate_ascent(means, sweep, bound, max_sweeps, tol)

    @property
    def _hidden_biases(self) -> list[Tensor]:
        return list(self.biases)[1:]

    def _bound(
        self, means: list[Tensor], from_visible: Tensor, visible_energy: Tensor
    ) -> Tensor:
        """Entropy of q minus the energy at its means."""
        bound = -visible_energy
        below = from_visible
        for i, (q, c) in enumerate(zip(means, self._hidden_biases, strict=True)):
            bound = bound + (q * (below + c) + entropy(q)).sum(-1)
            if i + 1 < len(means):
                below = q @ self.weights[i + 1]
        return bound

    def hidden_means(
        self,
        v: Any,
        observed: Any = None,
        visible_offset: Any = None,
        precise: bool = False,
    ) -> list[Tensor]:
        """Mean field's stand-in for p(h = 1 given v), [(B, n1), …].

        With `precise`, as `mean_field` by default; in training 10 sweeps are enough, or as
        many as it takes until no mean moves by 1e-4.
        """
        batch = self.as_batch(v, observed, visible_offset)
        if precise:
            return self.mean_field(batch).means
        return self.mean_field(batch, max_sweeps=10, tol=1e-4).means

    @torch.no_grad()
    def sample_hidden(
        self, v: Any, sweeps: int = 20, generator: Rng = None
    ) -> list[Tensor]:
        """Draw [h1, h2, …] given v, nearly: from mean field, then `sweeps` Gibbs sweeps."""
        sweeps = require_whole("sweeps", sweeps, least=0)
        batch = self.as_batch(v)
        means = self.hidden_means(batch)
        h = list(means)
        for layer in self._checkerboard():
            h[layer] = sample_bernoulli(means[layer], generator)
        from_visible = self.input_to_hidden(batch)
        for _ in range(sweeps):
            for layer in self._checkerboard():
                mean = torch.sigmoid(self._field(layer, h, from_visible))
                h[layer] = sample_bernoulli(mean, generator)
        return h

    # Learning

    def batch_statistics(
        self, batch: Batch, h: list[Tensor], weights: Tensor | None = None
    ) -> Statistics:
        """`statistics` of rows and hidden states that need no check."""
        if weights is None:
            weights = h[0].new_full((len(batch),), 1 / max(len(batch), 1))
        coupling, visible = self._visible_statistics(batch, h[0], weights, self.weights[0])
        result = {"weights.0": coupling}
        for i, (below, above) in enumerate(itertools.pairwise(h), start=1):
            result[f"weights.{i}"] = below.T @ (above * weights[:, None])
        result["biases.0"] = visible["bias"]
        for i, state in enumerate(h, start=1):
            result[f"biases.{i}"] = weights @ state
        if self.log_variance is not None:
            result["log_variance"] = visible["log_variance"]
        return result

    @torch.no_grad()
    def initialize_from(self, v: Any, observed: Any = None) -> Self:
        """Set the visible bias and variance from data, and the bias of h1, as in `RBM`."""
        self.initialize_visible(v, observed)
        if self.log_variance is not None:
            self.biases[1].copy_(self.balanced_bias(self.weights[0]))
        return self

    def checked_hidden(
        self, h: Any, n_rows: int | None = None, name: str = "h"
    ) -> list[Tensor]:
        """Hidden states for so many rows (None: any), in the dtype of the model."""
        n_layers = len(self.sizes) - 1
        if not isinstance(h, (list, tuple)) or len(h) != n_layers:
            given = f"{len(h)} layers" if isinstance(h, (list, tuple)) else type(h).__name__
            raise ValueError(
                f"{name}: got {given}, expected a list of {n_layers}: [h1, h2, …] with "
                f"sizes {self.sizes[1:]}."
            )
        checked = []
        for i, (state, size) in enumerate(zip(h, self.sizes[1:], strict=True)):
            checked.append(as_states(self.visible, f"{name}[{i}]", state, (size,), n_rows))
            n_rows = len(state)
        return checked
