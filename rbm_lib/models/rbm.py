"""The restricted Boltzmann machine."""

from typing import Any, Self

import torch
from torch import Tensor, nn

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.base import BoltzmannMachine, Statistics, seeded
from rbm_lib.models.batch import Batch, as_offset, as_states
from rbm_lib.models.layers import Layer
from rbm_lib.models.random import Rng
from rbm_lib.models.units import Bernoulli, as_layer


class RBM(BoltzmannMachine):
    r"""A visible and a hidden layer, with no connections within a layer.

    .. math::
        E(v, h) = \sum_i E_i(v_i) - c^T h - s(v)^T W h

    The visible layer defines :math:`E_i` and the scaling :math:`s`:

    - Bernoulli: :math:`E = -b^T v - c^T h - v^T W h`
    - categorical: the same for one-hot v
    - Gaussian: :math:`E = \sum_i (v_i - b_i)^2 / 2\sigma_i^2 - c^T h - (v/\sigma^2)^T W h`

    Summing h out gives the free energy F(v), and p(v) = exp(-F(v)) / Z.

    Parameters
    ----------
    n_visible : int or Layer
        Number of visible units, or the visible layer itself.
    n_hidden : int
        Number of Bernoulli hidden units.
    visible : {"bernoulli", "categorical", "gaussian"} or Layer
        Type of the visible units, or a layer, such as Layers(Gaussian(14), Bernoulli(60)).
    n_levels : int, optional
        Levels of categorical units.
    weight_std : float
        Standard deviation of the initial weights.
    seed : int, optional
        Seed of the initial weights.

    Attributes
    ----------
    W : Parameter, shape (n_visible, n_hidden) or (n_visible, n_levels, n_hidden)
    visible_bias : Parameter, shape (n_visible,) or (n_visible, n_levels)
    hidden_bias : Parameter, shape (n_hidden,)
    log_variance : Parameter, shape (n_visible,), or None
        log s^2 of Gaussian units. `model.log_variance.requires_grad_(False)` fixes it.

    Raises
    ------
    ValueError, TypeError
        In every method, for shapes, types or devices that do not fit.

    References
    ----------
    Hinton (2010). A practical guide to training restricted Boltzmann machines.

    Examples
    --------
    >>> model = RBM(5, 4, visible="categorical", n_levels=3, seed=0)
    >>> model.W.shape
    torch.Size([5, 3, 4])
    >>> v = model.visible.encode(torch.tensor([[0.0, 1.0, 2.0, 2.0, 0.0]]))
    >>> model.free_energy(v).shape, model.prob_h_given_v(v).shape
    (torch.Size([1]), torch.Size([1, 4]))
    """

    weight_names = ["W"]
    bias_names = ["visible_bias", "hidden_bias"]

    def __init__(
        self,
        n_visible: int | Layer,
        n_hidden: int,
        visible: str | Layer = "bernoulli",
        n_levels: int | None = None,
        weight_std: float = 0.01,
        seed: int | None = None,
    ) -> None:
        layer = as_layer(n_visible, visible, n_levels)
        super().__init__(layer)
        self._hidden = Bernoulli(require_whole("n_hidden", n_hidden))
        self.n_hidden = self._hidden.n_units
        weight_std = require_number("weight_std", weight_std)
        W = torch.randn(*layer.shape, self.n_hidden, generator=seeded(seed))
        self.W = nn.Parameter(weight_std * W)
        self.visible_bias = nn.Parameter(torch.zeros(layer.shape))
        self.hidden_bias = nn.Parameter(torch.zeros(self.n_hidden))
        self.log_variance = None
        if layer.n_variances:
            self.log_variance = nn.Parameter(torch.zeros(layer.n_variances))

    def architecture(self) -> dict[str, Any]:
        return {
            "visible": self.visible.description(),
            "n_visible": self.n_visible,
            "n_hidden": self.n_hidden,
        }

    @property
    def hidden(self) -> Bernoulli:
        """The hidden layer with the model's parameters."""
        if self._hidden.bias is not self.hidden_bias:
            self._hidden = self._hidden.with_parameters(self.hidden_bias)
        return self._hidden

    def input_to_hidden(self, v: Any, observed: Any = None) -> Tensor:
        """scaled(v) W over the observed units, (B, n_hidden), without the hidden bias."""
        batch = v if isinstance(v, Batch) else self.as_batch(v, observed)
        scaled = self.visible_at(None).scaled(batch.v)
        return scaled.flatten(1) @ self.W.flatten(0, -2)

    def input_to_visible(self, h: Tensor) -> Tensor:
        """W h, in the shape of v, without the visible bias."""
        return self.field_at_visible(as_states(self.visible, "h", h, (self.n_hidden,)))

    def field_at_visible(self, h: Tensor) -> Tensor:
        """`input_to_visible` for hidden states that need no check."""
        return (h @ self.W.flatten(0, -2).T).view(len(h), *self.W.shape[:-1])

    def energy(
        self, v: Any, h: Tensor, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """E(v, h), shape (B,)."""
        batch = self.as_batch(v, observed, visible_offset)
        h = self.checked_hidden(h, len(batch))
        field = self.input_to_hidden(batch) + self.hidden_bias
        return self._visible_energy(batch) - (field * h).sum(-1)

    def free_energy(
        self, v: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """F(v) = -log sum_h exp(-E(v, h)), shape (B,); log p(v) = -F(v) - log Z."""
        batch = self.as_batch(v, observed, visible_offset)
        cumulant = self.hidden.cumulant(self.input_to_hidden(batch))
        return self._visible_energy(batch) - cumulant.sum(-1)

    def prob_h_given_v(self, v: Any, observed: Any = None) -> Tensor:
        """p(h_j = 1 given v), shape (B, n_hidden)."""
        return self.hidden.mean(self.input_to_hidden(v, observed))

    @torch.no_grad()
    def sample_h_given_v(
        self, v: Any, observed: Any = None, generator: Rng = None
    ) -> Tensor:
        """h ~ p(h given v), shape (B, n_hidden)."""
        return self.hidden.sample(self.input_to_hidden(v, observed), generator)

    def mean_v_given_h(self, h: Tensor, visible_offset: Any = None) -> Tensor:
        """E[v given h] in the shape of v: probabilities, or means of Gaussian units."""
        field = self.input_to_visible(h)
        return self._layer_at(visible_offset, len(h)).mean(field)

    @torch.no_grad()
    def sample_v_given_h(
        self, h: Tensor, visible_offset: Any = None, generator: Rng = None
    ) -> Tensor:
        """v ~ p(v given h), in the shape of v."""
        field = self.input_to_visible(h)
        return self._layer_at(visible_offset, len(h)).sample(field, generator)

    def _layer_at(self, visible_offset: Any, n_rows: int) -> Layer:
        if visible_offset is None:
            return self.visible
        return self.visible_at(as_offset(self.visible, visible_offset, n_rows))

    def hidden_means(
        self,
        v: Any,
        observed: Any = None,
        visible_offset: Any = None,
        precise: bool = False,
    ) -> list[Tensor]:
        """[p(h given v)]: a list of one layer, as in the deep models."""
        return [self.prob_h_given_v(self.as_batch(v, observed, visible_offset))]

    def batch_statistics(
        self, batch: Batch, h: Tensor, weights: Tensor | None = None
    ) -> Statistics:
        """`statistics` of rows and hidden states that need no check."""
        if weights is None:
            weights = h.new_full((len(h),), 1 / max(len(h), 1))
        coupling, visible = self._visible_statistics(batch, h, weights, self.W)
        result = {
            "W": coupling,
            "visible_bias": visible["bias"],
            "hidden_bias": weights @ h,
        }
        if self.log_variance is not None:
            result["log_variance"] = visible["log_variance"]
        return result

    @torch.no_grad()
    def initialize_from(self, v: Any, observed: Any = None) -> Self:
        """Set the visible bias (and variance) to describe the data without W.

        Bernoulli units get their log-odds, categorical ones their log-frequencies, Gaussian
        ones mean and variance. Level counts below half a row are taken as half a row, so
        that a column of one value stays finite (a Gaussian one gets variance 1); a column
        never observed starts at even odds (mean 0, variance 1). With Gaussian units the
        hidden bias is set so that each hidden unit would, without the others, be on half of
        the time. W is left alone.

        Parameters
        ----------
        v : array_like, RatingMatrix or VisibleData
            Training rows.
        observed : array_like of bool, optional
            False where a unit is missing.

        Returns
        -------
        RBM
            The model itself.
        """
        self.initialize_visible(v, observed)
        if self.log_variance is not None:
            self.hidden_bias.copy_(self.balanced_bias(self.W))
        return self

    def checked_hidden(self, h: Any, n_rows: int, name: str = "h") -> Tensor:
        """Hidden states for so many rows, in the dtype of the model."""
        if isinstance(h, list) and len(h) == 1:  # as `hidden_means` returns it
            h = h[0]
        return as_states(self.visible, name, h, (self.n_hidden,), n_rows)

    def extra_repr(self) -> str:
        return f"{self._layer}, n_hidden={self.n_hidden}"
