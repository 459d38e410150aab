"""The restricted Boltzmann machine: energy, free energy, conditionals, and the statistics of its gradient."""

import torch
from torch import Tensor, nn

from rbm_lib.checks import require_number, require_whole, seeded_or_none
from rbm_lib.models.base import Machine, uniform_weights
from rbm_lib.models.units import Bernoulli, sample_bernoulli


class RBM(Machine):
    """E(v, h) = Σ energy(v_i) − c·h − scaled(v)·W·h, with Bernoulli hidden units h.

    Visible units (v, shape (B, n_visible), for categorical units one-hot (B, n_visible, n_levels)):

    - "bernoulli":    E = −b·v − c·h − v·W·h
    - "categorical":  the same, with W (n_visible, n_levels, n_hidden) and b (n_visible, n_levels)
    - "gaussian":     E = Σ (v−b)²/(2σ²) − c·h − (v/σ²)·W·h, log_variance = log σ², learned like the rest
      (or fixed: `model.log_variance.requires_grad_(False)`)

    `observed`, boolean (B, n_visible) or (n_visible,), says which visible units a row has. A missing unit
    is dropped from that row's machine: it adds nothing to energy, conditionals or gradient, whatever stands
    in v. `visible_offset`, broadcastable to v, is added to the visible bias.

    Energies are per row, shape (B,). Raises ValueError or TypeError where shapes, types or devices do not
    fit.
    """

    def __init__(self, n_visible, n_hidden, visible="bernoulli", n_levels=None, weight_std=0.01, seed=None):
        super().__init__(n_visible, visible, n_levels)
        self.n_hidden = require_whole("n_hidden", n_hidden)
        weight_std, generator = require_number("weight_std", weight_std), seeded_or_none(seed)
        self.W = nn.Parameter(weight_std * torch.randn(*self.unit_shape, self.n_hidden, generator=generator))
        self.visible_bias = nn.Parameter(torch.zeros(self.unit_shape))
        self.hidden_bias = nn.Parameter(torch.zeros(self.n_hidden))
        self.log_variance = nn.Parameter(torch.zeros(self.n_visible)) if visible == "gaussian" else None

    def extra_repr(self):
        levels = f", n_levels={self.n_levels}" if self.n_levels else ""
        return f"n_visible={self.n_visible}, n_hidden={self.n_hidden}, visible={self.kind!r}{levels}"

    # ---- the layers -------------------------------------------------------------------------------------

    def hidden_units(self) -> Bernoulli:
        """The hidden layer as units."""
        return Bernoulli(self.hidden_bias)

    def input_to_hidden(self, v, observed=None) -> Tensor:
        """scaled(v) W over the observed units, (B, n_hidden), without the hidden bias."""
        v, _ = self._row_values(v, observed)
        return self.visible_units().scaled(v).flatten(1) @ self.W.reshape(-1, self.n_hidden)

    def input_to_visible(self, h) -> Tensor:
        """W h, in the shape of v, without the visible bias."""
        h = self._checked("h", h, (self.n_hidden,))
        return (h @ self.W.reshape(-1, self.n_hidden).T).reshape(-1, *self.unit_shape)

    # ---- energies ---------------------------------------------------------------------------------------

    def energy(self, v, h, observed=None, visible_offset=None) -> Tensor:
        """E(v, h), shape (B,)."""
        field = self.input_to_hidden(v, observed) + self.hidden_bias
        coupling = (field * self._checked("h", h, (self.n_hidden,), len(v))).sum(-1)
        return self._visible_energy(v, observed, visible_offset) - coupling

    def free_energy(self, v, observed=None, visible_offset=None) -> Tensor:
        """F(v) = −log Σ_h exp(−E(v, h)), shape (B,); log p(v) = −F(v) − log Z."""
        hidden = self.hidden_units().cumulant(self.input_to_hidden(v, observed)).sum(-1)
        return self._visible_energy(v, observed, visible_offset) - hidden

    # ---- conditionals -----------------------------------------------------------------------------------

    def prob_h_given_v(self, v, observed=None) -> Tensor:
        """p(h_j = 1 given v), (B, n_hidden)."""
        return self.hidden_units().mean(self.input_to_hidden(v, observed))

    @torch.no_grad()
    def sample_h_given_v(self, v, observed=None, generator=None) -> Tensor:
        """h ~ p(h given v), (B, n_hidden)."""
        return sample_bernoulli(self.prob_h_given_v(v, observed), generator)

    def mean_v_given_h(self, h, visible_offset=None) -> Tensor:
        """E[v given h] in the shape of v: probabilities, or the mean of Gaussian units."""
        field = self.input_to_visible(h)
        return self.visible_units(visible_offset, len(h)).mean(field)

    @torch.no_grad()
    def sample_v_given_h(self, h, visible_offset=None, generator=None) -> Tensor:
        """v ~ p(v given h), in the shape of v."""
        field = self.input_to_visible(h)
        return self.visible_units(visible_offset, len(h)).sample(field, generator)

    # ---- learning ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def statistics(self, v, h, observed=None, visible_offset=None, weights=None) -> dict[str, Tensor]:
        """−∂E/∂θ for every parameter, averaged over rows: one phase of the gradient.

        E is linear in h, so `h` may hold probabilities: p(h given v) gives the exact average over h.
        `weights` (B,), summing to one, replaces the plain average. The gradient of the mean log-likelihood
        is these statistics on data minus the same statistics under the model.
        """
        v = self._checked("v", v, self.unit_shape)
        h = self._checked("h", h, (self.n_hidden,), len(v))
        weights = uniform_weights(h) if weights is None else weights
        coupling, bias, log_variance = self._visible_statistics(v, h, weights, observed, visible_offset)
        result = {"W": coupling, "visible_bias": bias, "hidden_bias": (h * weights[:, None]).sum(0)}
        return result if log_variance is None else result | {"log_variance": log_variance}

    @torch.no_grad()
    def initialize_from(self, v, observed=None) -> "RBM":
        """Set the visible bias to each column's log-odds (log-frequencies, or mean and variance) in the data.

        Level counts below half a row are taken as half a row, so that a column of one value stays finite (a
        Gaussian one gets variance 1); a column never observed starts at even odds (mean 0, variance 1).
        Gaussian machines also get the hidden bias at which each hidden unit would, without the others, be on
        half of the time. W is left alone. v may be a RatingMatrix (not for Gaussian units). Returns the
        model. Raises ValueError for values that are not finite and not marked as missing.
        """
        self.initialize_visible(v, observed)
        if self.kind == "gaussian":
            self.hidden_bias.copy_(self._balanced_bias(self.W))
        return self

    # ---- the two sides of `Machine`: h is the odd one, v alone the even one -----------------------------

    n_odd = property(lambda self: self.n_hidden)
    n_even = 0
    weight_names = ("W",)
    bias_names = ("visible_bias", "hidden_bias")
    odd_units = hidden_units

    def even_units(self):
        return Bernoulli(self.hidden_bias[:0])

    def input_to_odd(self, v, even=None, observed=None):
        return self.input_to_hidden(v, observed)

    def input_to_even(self, odd):
        return self.input_to_visible(odd), odd[:, :0]

    def join(self, odd, even):
        return odd

    def split(self, hidden):
        return hidden, hidden[:, :0]

    def posterior_means(self, v, observed=None, visible_offset=None, precise=False):
        return self.prob_h_given_v(v, observed)
