"""The restricted Boltzmann machine: energy, free energy, conditionals, and the statistics of its gradient."""

import torch
from torch import Tensor, nn

from rbm_lib.units import Bernoulli, Categorical, Gaussian, sample_bernoulli

UNITS = {"bernoulli": Bernoulli, "gaussian": Gaussian, "categorical": Categorical}
VARIANCE_FLOOR = 1e-6  # of variances: the density of a column that hardly varies stays finite


class RBM(nn.Module):
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
        super().__init__()
        if visible not in UNITS:
            raise ValueError(f"visible: got {visible!r}, expected one of {sorted(UNITS)}.")
        if (visible == "categorical") != (n_levels is not None):
            raise ValueError(
                f"n_levels: got {n_levels} with {visible} units; categorical units need it, others take none."
            )
        self.kind = visible
        self.n_visible = require_whole("n_visible", n_visible)
        self.n_hidden = require_whole("n_hidden", n_hidden)
        self.n_levels = None if n_levels is None else require_whole("n_levels", n_levels, least=2)
        shape = (self.n_visible,) if n_levels is None else (self.n_visible, self.n_levels)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.W = nn.Parameter(weight_std * torch.randn(*shape, self.n_hidden, generator=generator))
        self.visible_bias = nn.Parameter(torch.zeros(shape))
        self.hidden_bias = nn.Parameter(torch.zeros(self.n_hidden))
        self.log_variance = nn.Parameter(torch.zeros(shape)) if visible == "gaussian" else None

    def extra_repr(self):
        levels = f", n_levels={self.n_levels}" if self.n_levels else ""
        return f"n_visible={self.n_visible}, n_hidden={self.n_hidden}, visible={self.kind!r}{levels}"

    # ---- the layers -------------------------------------------------------------------------------------

    def visible_units(self, visible_offset=None):
        """The visible layer as units, its bias moved by `visible_offset`."""
        if visible_offset is not None and not isinstance(visible_offset, (Tensor, float, int)):
            raise TypeError(f"visible_offset: got {_describe(visible_offset)}, expected a tensor or number.")
        bias = self.visible_bias if visible_offset is None else self.visible_bias + visible_offset
        return UNITS[self.kind](bias) if self.log_variance is None else Gaussian(bias, self.log_variance)

    def hidden_units(self) -> Bernoulli:
        """The hidden layer as units."""
        return Bernoulli(self.hidden_bias)

    def input_to_hidden(self, v, observed=None) -> Tensor:
        """scaled(v) W over the observed units, (B, n_hidden), without the hidden bias."""
        v, _ = self._row_values(v, observed)
        return self.visible_units().scaled(v).flatten(1) @ self.W.reshape(-1, self.n_hidden)

    def input_to_visible(self, h) -> Tensor:
        """W h, in the shape of v, without the visible bias."""
        self._check("h", h, (self.n_hidden,))
        return (h @ self.W.reshape(-1, self.n_hidden).T).reshape(-1, *self.visible_bias.shape)

    # ---- energies ---------------------------------------------------------------------------------------

    def energy(self, v, h, observed=None, visible_offset=None) -> Tensor:
        """E(v, h), shape (B,)."""
        self._check("h", h, (self.n_hidden,))
        coupling = ((self.input_to_hidden(v, observed) + self.hidden_bias) * h).sum(-1)
        return self._visible_energy(v, observed, visible_offset) - coupling

    def free_energy(self, v, observed=None, visible_offset=None) -> Tensor:
        """F(v) = −log Σ_h exp(−E(v, h)), shape (B,); log p(v) = −F(v) − log Z."""
        hidden = self.hidden_units().cumulant(self.input_to_hidden(v, observed)).sum(-1)
        return self._visible_energy(v, observed, visible_offset) - hidden

    def _visible_energy(self, v, observed, visible_offset):
        v, mask = self._row_values(v, observed)
        energy = self.visible_units(visible_offset).energy(v)
        return energy.sum(-1) if mask is None else (energy * mask).sum(-1)

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
        return self.visible_units(visible_offset).mean(self.input_to_visible(h))

    @torch.no_grad()
    def sample_v_given_h(self, h, visible_offset=None, generator=None) -> Tensor:
        """v ~ p(v given h), in the shape of v."""
        return self.visible_units(visible_offset).sample(self.input_to_visible(h), generator)

    # ---- learning ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def statistics(self, v, h, observed=None, visible_offset=None, weights=None) -> dict[str, Tensor]:
        """−∂E/∂θ for every parameter, averaged over rows: one phase of the gradient.

        E is linear in h, so `h` may hold probabilities: p(h given v) gives the exact average over h.
        `weights` (B,), summing to one, replaces the plain average. The gradient of the mean log-likelihood
        is these statistics on data minus the same statistics under the model.
        """
        v, mask = self._row_values(v, observed)
        units = self.visible_units(visible_offset)
        weights = torch.full_like(h[:, 0], 1 / max(len(h), 1)) if weights is None else weights

        def average(statistic):
            statistic = statistic if mask is None else statistic * self._spread(mask)
            return (weights @ statistic.flatten(1)).view(self.visible_bias.shape)

        weighted_h = h * weights[:, None]
        result = {
            "W": (units.scaled(v).flatten(1).T @ weighted_h).view_as(self.W),
            "visible_bias": average(units.bias_statistic(v)),
            "hidden_bias": weighted_h.sum(0),
        }
        if self.log_variance is not None:
            result["log_variance"] = average(units.log_variance_statistic(v, self.input_to_visible(h)))
        return result

    @torch.no_grad()
    def initialize_from(self, v, observed=None) -> "RBM":
        """Set the visible bias to each column's log-odds (log-frequencies, or mean and variance) in the data.

        Level counts below half a row are taken as half a row, so that a column of one value stays finite (a
        Gaussian one gets variance 1); a column never observed starts at even odds (mean 0, variance 1).
        Gaussian machines also get the hidden bias at which each hidden unit would, without the others, be on
        half of the time. W is left alone. Returns the model. Raises ValueError for values that are not
        finite and not marked as missing.
        """
        v, mask = self._row_values(v, observed)
        if len(v) == 0 or not torch.isfinite(v).all():
            raise ValueError("v: got no rows, or a value that is not finite; mark missing ones in observed=.")
        everything = torch.ones(v.shape[:2], dtype=torch.bool, device=v.device)
        mask = everything if mask is None else mask.expand(v.shape[:2])
        count, total = mask.sum(0), v.sum(0)
        if self.kind == "gaussian":
            mean = total / count.clamp(min=1)
            variance = ((v - mean) ** 2 * mask).sum(0) / count.clamp(min=1)
            highest = torch.where(mask, v, -torch.inf).amax(0)
            varies = highest > torch.where(mask, v, torch.inf).amin(0)
            variance = torch.where(varies, variance.clamp(min=VARIANCE_FLOOR), torch.ones_like(variance))
            self.visible_bias.copy_(mean)
            self.log_variance.copy_(variance.log())
            scale = self.W / variance[:, None]
            self.hidden_bias.copy_(-0.5 * (self.W * scale).sum(0) - mean @ scale)
        elif self.kind == "categorical":
            frequency = total.clamp(min=0.5)
            self.visible_bias.copy_(torch.log(frequency / frequency.sum(-1, keepdim=True)))
        else:
            ones, zeros = total.clamp(min=0.5), (count - total).clamp(min=0.5)
            self.visible_bias.copy_(torch.log(ones) - torch.log(zeros))
        return self

    # ---- doors ------------------------------------------------------------------------------------------

    def _spread(self, mask):
        """A mask in the shape of v: one more axis where a unit has levels."""
        return mask if self.n_levels is None else mask[..., None]

    def _row_values(self, v, observed):
        """v in the machine's dtype, zeros at missing units, and the mask as (B or 1, n_visible) or None."""
        self._check("v", v, tuple(self.visible_bias.shape))
        v = v.to(self.W.dtype)
        if observed is None:
            return v, None
        if not isinstance(observed, Tensor) or observed.dtype != torch.bool:
            raise TypeError(
                f"observed: got {_describe(observed)}, expected a boolean tensor (try `mask.bool()`)."
            )
        self._check_device("observed", observed)
        mask = observed[None] if observed.ndim == 1 else observed
        if mask.ndim != 2 or mask.shape[1] != self.n_visible or mask.shape[0] not in (1, len(v)):
            raise ValueError(
                f"observed: got shape {tuple(observed.shape)}, expected ({len(v)}, {self.n_visible}) "
                f"or ({self.n_visible},)."
            )
        return torch.where(self._spread(mask), v, torch.zeros_like(v)), mask

    def _check(self, name, value, unit_shape):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: got {_describe(value)}, expected a tensor (try `torch.as_tensor(…)`).")
        if value.ndim != len(unit_shape) + 1 or tuple(value.shape[1:]) != unit_shape:
            sizes = ", ".join(map(str, unit_shape))
            raise ValueError(
                f"{name}: got shape {tuple(value.shape)}, expected (B, {sizes}) with B rows"
                + (f" (for a single row try `{name}[None]`)." if tuple(value.shape) == unit_shape else ".")
            )
        self._check_device(name, value)

    def _check_device(self, name, value):
        if value.device != self.W.device:
            raise ValueError(
                f"{name}: is on {value.device}, the machine on {self.W.device}; "
                f"try `{name}.to('{self.W.device}')`."
            )


def require_whole(name, value, least=1) -> int:
    """`value` as an int; ValueError naming the argument where it is no whole number of at least `least`."""
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != value or whole < least:
        raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {least}.")
    return whole


def _describe(value):
    return f"a {value.dtype} tensor" if isinstance(value, Tensor) else type(value).__name__
