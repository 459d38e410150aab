"""What every machine has: a visible layer, doors that check values, and hidden layers on two sides.

Layers are numbered from 0, the visible one. No two odd layers touch, and no two even ones: given the even
layers (0, 2, …) all units of the odd ones (1, 3, …) are independent, and the other way round. That is all
that block Gibbs sampling, exact sums and annealing need, so one code serves the RBM (odd side h, even side v)
and the deep machine. A side's hidden layers stand beside each other in one tensor: `odd` (B, n_odd), `even`
(B, n_even).
"""


import torch
from torch import Tensor, nn

from rbm_lib.checks import VARIANCE_FLOOR, require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.units import Bernoulli, Categorical, Gaussian

UNITS = {"bernoulli": Bernoulli, "gaussian": Gaussian, "categorical": Categorical}


class Machine(nn.Module):
    """The visible layer of a machine. RBM and DBM add the hidden layers and name the two sides.

    Building blocks (`energy`, `input_to_hidden`, `sample_h_given_v`, …) look at shapes, types and devices,
    but not at values: they stand inside loops. What takes data from outside looks at the values, once.

    The two provide visible_bias, log_variance, weight_names, bias_names, n_odd, n_even, odd_units,
    even_units, input_to_odd, input_to_even, posterior_means, and join and split, between the two sides and
    the hidden states that energy takes.
    """

    def __init__(self, n_visible, visible, n_levels):
        super().__init__()
        if visible not in list(UNITS):
            raise ValueError(f"visible: got {visible!r}, expected one of {sorted(UNITS)}.")
        if (visible == "categorical") != (n_levels is not None):
            raise ValueError(
                f"n_levels: got {n_levels} with {visible} units; categorical units need it, others take none."
            )
        self.kind = visible
        self.n_visible = require_whole("n_visible", n_visible)
        self.n_levels = None if n_levels is None else require_whole("n_levels", n_levels, least=2)
        self.unit_shape = (self.n_visible,) if n_levels is None else (self.n_visible, self.n_levels)

    def visible_units(self, visible_offset=None, n_rows=None):
        """The visible layer as units, its bias moved by `visible_offset`, which fits n_rows rows."""
        bias = self.visible_bias
        bias = bias if visible_offset is None else bias + self.checked_offset(visible_offset, n_rows)
        return UNITS[self.kind](bias) if self.log_variance is None else Gaussian(bias, self.log_variance)

    def _visible_energy(self, v, observed, visible_offset):
        v, mask = self._row_values(v, observed)
        energy = self.visible_units(visible_offset, len(v)).energy(v)
        return energy.sum(-1) if mask is None else (energy * mask).sum(-1)

    def _visible_statistics(self, v, h, weights, observed, visible_offset):
        """−∂E/∂θ of the first weights, the visible bias and log σ² (or None), averaged over rows."""
        v, mask = self._row_values(v, observed)
        units = self.visible_units(visible_offset, len(v))

        def average(statistic):
            statistic = statistic if mask is None else statistic * self._spread(mask)
            return (weights @ statistic.flatten(1)).view(self.unit_shape)

        coupling = (units.scaled(v).flatten(1).T @ (h * weights[:, None])).view(*self.unit_shape, -1)
        bias = average(units.bias_statistic(v))
        if self.log_variance is None:
            return coupling, bias, None
        return coupling, bias, average(units.log_variance_statistic(v, self.input_to_visible(h)))

    @torch.no_grad()
    def initialize_visible(self, v, observed):
        """Set the visible bias and variance from data, as `RBM.initialize_from` documents."""
        if isinstance(v, RatingMatrix) and self.kind != "gaussian":
            counts = self._level_counts(v, observed)
            count, total = counts.sum(1), counts if self.n_levels else counts[:, 1]
        else:
            from rbm_lib.models.batch import Rows  # it stands above this module

            v, mask, _ = Rows(self, v, observed).all()
            if len(v) == 0:
                raise ValueError("v: got no rows, expected at least one.")
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
        elif self.kind == "categorical":
            frequency = total.clamp(min=0.5)
            self.visible_bias.copy_(torch.log(frequency / frequency.sum(-1, keepdim=True)))
        else:
            ones, zeros = total.clamp(min=0.5), (count - total).clamp(min=0.5)
            self.visible_bias.copy_(torch.log(ones) - torch.log(zeros))

    def _level_counts(self, ratings, observed):
        counts = torch.as_tensor(ratings.level_counts()).to(self.visible_bias)
        if observed is not None:
            raise ValueError("observed: a RatingMatrix brings its own mask; pass observed=None.")
        if counts.shape != (self.n_visible, self.n_levels or 2):
            raise ValueError(
                f"v: got ratings of {counts.shape[0]} items and {counts.shape[1]} levels, expected "
                f"{self.n_visible} and {self.n_levels or 2}."
            )
        return counts

    def _balanced_bias(self, W):
        """For Gaussian machines, the bias at which each unit above W would, alone, be on half of the time."""
        scale = W / torch.exp(self.log_variance)[:, None]
        return -0.5 * (W * scale).sum(0) - self.visible_bias @ scale

    # ---- the two sides ----------------------------------------------------------------------------------

    def prob_odd_given_even(self, v, even, observed=None) -> Tensor:
        """p(odd unit = 1 given v and the even hidden layers), (B, n_odd)."""
        return self.odd_units().mean(self.input_to_odd(v, even, observed))

    @torch.no_grad()
    def sample_even_given_odd(self, odd, visible_offset=None, generator=None) -> tuple[Tensor, Tensor]:
        """(v, even): the visible layer and the even hidden ones, drawn given the odd ones."""
        to_visible, to_even = self.input_to_even(odd)
        v = self.visible_units(visible_offset, len(odd)).sample(to_visible, generator)
        return v, self.even_units().sample(to_even, generator) if self.n_even else to_even

    def free_energy_of_even(self, v, even, observed=None, visible_offset=None) -> Tensor:
        """−log Σ over the odd layers of exp(−E), (B,): for an RBM its free energy."""
        energy = self._visible_energy(v, observed, visible_offset) - even @ self.even_units().bias
        return energy - self.odd_units().cumulant(self.input_to_odd(v, even, observed)).sum(-1)

    # ---- doors ------------------------------------------------------------------------------------------

    def _spread(self, mask):
        """A mask in the shape of v: one more axis where a unit has levels."""
        return mask if self.n_levels is None else mask[..., None]

    def finite_rows(self, v, observed=None, visible_offset=None, name="v") -> Tensor:
        """v in the machine's dtype, its values looked at: for samplers, whose draws would hide a NaN."""
        seen = {name: self._row_values(v, observed, name)[0]}
        if visible_offset is not None:
            seen["visible_offset"] = torch.as_tensor(self.checked_offset(visible_offset, len(v)))
        for name, value in seen.items():
            if not torch.isfinite(value).all():
                raise ValueError(f"{name}: got a value that is not finite; mark missing ones in observed=.")
        return v.to(self.visible_bias.dtype)

    def _row_values(self, v, observed, name="v"):
        """v in the machine's dtype, zeros at missing units, and the mask as (B or 1, n_visible) or None."""
        v = self._checked(name, v, self.unit_shape)
        if observed is None:
            return v, None
        mask = self.checked_mask("observed", observed, len(v))
        return torch.where(self._spread(mask), v, torch.zeros_like(v)), mask

    def checked_mask(self, name, mask, n_rows):
        """A mask as (n_rows or 1, n_visible)."""
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.layout != torch.strided:
            raise TypeError(f"{name}: got {_describe(mask)}, expected a boolean tensor (try `mask.bool()`).")
        self._check_device(name, mask)
        n, shape = self.n_visible, tuple(mask.shape)
        if shape not in ((n,), (1, n), (n_rows, n)):
            raise ValueError(f"{name}: got shape {shape}, expected ({n_rows}, {n}) or ({n},).")
        return mask[None] if mask.ndim == 1 else mask

    def checked_offset(self, offset, n_rows):
        """A tensor broadcastable to n_rows rows of v, or a number; n_rows None: any number of rows."""
        if isinstance(offset, (float, int)):
            return offset
        self._check_tensor("visible_offset", offset)
        shape, one, axes = tuple(offset.shape), self.unit_shape, len(self.unit_shape)
        fits = all(m in (1, n) for m, n in zip(shape[::-1], one[::-1], strict=False))
        if (
            not fits
            or len(shape) > axes + 1
            or (len(shape) > axes and n_rows is not None and shape[0] not in (1, n_rows))
        ):
            full = (n_rows or "B", *one)
            raise ValueError(f"visible_offset: got shape {shape}, expected one broadcastable to {full}.")
        return offset.to(self.visible_bias.dtype)

    def _checked(self, name, value, unit_shape, n_rows=None):
        """A tensor (n_rows, *unit_shape) in the machine's dtype; n_rows None: any number."""
        self._check_tensor(name, value)
        shape = tuple(value.shape)
        if shape[1:] != unit_shape or value.ndim != len(unit_shape) + 1 or n_rows not in (None, len(value)):
            sizes, b = ", ".join(map(str, unit_shape)), "B" if n_rows is None else n_rows
            raise ValueError(
                f"{name}: got shape {shape}, expected (B, {sizes}) with {b} rows"
                + (f" (for a single row try `{name}[None]`)." if shape == unit_shape else ".")
            )
        return value.to(self.visible_bias.dtype)

    def _check_tensor(self, name, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: got {_describe(value)}, expected a tensor (try `torch.as_tensor(…)`).")
        if value.is_complex() or value.layout != torch.strided:
            raise TypeError(f"{name}: got {_describe(value)}, expected dense real numbers.")
        self._check_device(name, value)

    def _check_device(self, name, value):
        if value.device != self.visible_bias.device:
            raise ValueError(
                f"{name}: is on {value.device}, the machine on {self.visible_bias.device}; "
                f"try `{name}.to('{self.visible_bias.device}')`."
            )




def uniform_weights(rows: Tensor) -> Tensor:
    """1/B for each of B rows, (B,)."""
    return torch.full_like(rows[:, 0], 1 / max(len(rows), 1))


def require_machine(model):
    """The model; TypeError where it is no machine."""
    if not hasattr(model, "visible_bias"):
        raise TypeError(f"model: got {type(model).__name__}, expected an RBM, DBM or DBN.")
    return model










def _describe(value):
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"a {value.dtype} tensor" + (f" ({value.layout})" if value.layout != torch.strided else "")
