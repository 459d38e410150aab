"""Units: what one layer adds to the energy, and what follows from it.

A unit type is four short functions of its bias and of the `field` that the other layer sends it (v W or W h).
`energy` is the unit's own term of E, `scaled` is what W multiplies in the coupling −scaled(v)·W·h, and

    cumulant(field) = log Σ_v exp(−energy(v) + scaled(v)·field)        (an integral for Gaussian units)

sums the unit out; its derivatives give the mean and everything else. A new unit type is one more small class.

Shapes: bias (n,) or (n, K), field and v (B, n) or (B, n, K); energy and cumulant are per unit, (B, n).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import require_generator


@dataclass(frozen=True)
class Part:
    """A generator for the rows `rows`, a slice, of a batch of `total`: it draws for all, gives theirs.

    So the numbers are the same however a batch is split over processes.
    """

    generator: torch.Generator | None
    rows: slice
    total: int


def random_numbers(draw, shape, like: Tensor, generator=None) -> Tensor:
    """Numbers of that shape by `draw` (torch.rand, torch.randn), on the device of `like`.

    In its dtype, but in float32 at least: uniform numbers of half precision are too few, and small
    probabilities would be drawn several times too often.
    """
    if isinstance(generator, Part):
        whole = (generator.total, *shape[1:])
        return random_numbers(draw, whole, like, generator.generator)[generator.rows]
    dtype = torch.promote_types(like.dtype, torch.float32)
    try:
        return draw(shape, generator=generator, device=like.device, dtype=dtype)
    except (RuntimeError, TypeError):
        _check_generator(generator, like)  # which says it more plainly than torch
        raise


def uniform_(out: Tensor, generator=None) -> Tensor:
    """Fill `out`, float32 or float64, with uniform numbers in [0, 1), and return it."""
    if isinstance(generator, Part):
        return out.copy_(random_numbers(torch.rand, out.shape, out, generator))
    try:
        return out.uniform_(generator=generator)
    except (RuntimeError, TypeError):
        _check_generator(generator, out)
        raise




def _check_generator(generator, like):
    require_generator(generator)
    if generator is not None and generator.device.type != like.device.type:
        there, here = generator.device.type, like.device.type
        raise ValueError(
            f"generator: is on {there}, the machine on {here}; make it by torch.Generator('{here}')."
        )


@torch.no_grad()
def sample_bernoulli(probability: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw 0/1 with the given probabilities, in their shape and dtype.

    One uniform number per unit: on the CPU the draws are the same for every number of threads.
    """
    uniform = random_numbers(torch.rand, probability.shape, probability, generator)
    return torch.lt(uniform, probability, out=uniform).to(probability.dtype)


@dataclass(frozen=True)
class Bernoulli:
    """v in {0, 1}: energy −b v."""

    bias: Tensor

    def energy(self, v: Tensor) -> Tensor:
        return -self.bias * v

    def scaled(self, v: Tensor) -> Tensor:
        return v

    def cumulant(self, field: Tensor) -> Tensor:
        return F.softplus(self.bias + field, threshold=40)  # above, exact to the last bit of float64

    def mean(self, field: Tensor) -> Tensor:
        return (self.bias + field).sigmoid_()

    def sample(self, field: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return sample_bernoulli(self.mean(field), generator)

    def bias_statistic(self, v: Tensor) -> Tensor:
        """−∂energy/∂bias, per unit and row."""
        return v


@dataclass(frozen=True)
class Categorical:
    """v one-hot over K levels: energy −b·v, a softmax unit (Salakhutdinov, Mnih & Hinton 2007, eq. 1)."""

    bias: Tensor

    def energy(self, v: Tensor) -> Tensor:
        return -(self.bias * v).sum(-1)

    def scaled(self, v: Tensor) -> Tensor:
        return v

    def cumulant(self, field: Tensor) -> Tensor:
        return torch.logsumexp(self.bias + field, -1)

    def mean(self, field: Tensor) -> Tensor:
        levels_first = (self.bias + field).movedim(-1, 0).contiguous()  # over a short last axis it is slow
        return torch.softmax(levels_first, 0).movedim(0, -1).contiguous()

    def sample(self, field: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # One uniform number against the cumulative probabilities; the last level takes what rounding leaves.
        below = self.mean(field).cumsum(-1)[..., :-1]
        uniform = random_numbers(torch.rand, below.shape[:-1] + (1,), below, generator)
        level = (uniform >= below).sum(-1)
        return F.one_hot(level, self.bias.shape[-1]).to(below.dtype)

    def bias_statistic(self, v: Tensor) -> Tensor:
        """−∂energy/∂bias, per unit and row."""
        return v


@dataclass(frozen=True)
class Gaussian:
    """v real: energy (v−b)²/(2σ²), coupled through v/σ², with log_variance = log σ² (Cho, Ilin & Raiko 2011).

    Given h the unit is normal with mean b + W h and variance σ².
    """

    bias: Tensor
    log_variance: Tensor

    def energy(self, v: Tensor) -> Tensor:
        return 0.5 * (v - self.bias) ** 2 * torch.exp(-self.log_variance)

    def scaled(self, v: Tensor) -> Tensor:
        return v * torch.exp(-self.log_variance)

    def cumulant(self, field: Tensor) -> Tensor:
        shift = field * (field + 2 * self.bias) * torch.exp(-self.log_variance)
        return 0.5 * (math.log(2 * math.pi) + self.log_variance + shift)

    def mean(self, field: Tensor) -> Tensor:
        return self.bias + field

    def sample(self, field: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean = self.mean(field)
        noise = random_numbers(torch.randn, mean.shape, mean, generator)
        return (mean + torch.exp(0.5 * self.log_variance) * noise).to(mean.dtype)

    def bias_statistic(self, v: Tensor) -> Tensor:
        """−∂energy/∂bias, per unit and row."""
        return (v - self.bias) * torch.exp(-self.log_variance)

    def log_variance_statistic(self, v: Tensor, field: Tensor) -> Tensor:
        """−∂E/∂log σ², per unit and row: (v−b)²/(2σ²) − (v/σ²)·(W h). Both terms (Liao et al. 2022)."""
        return self.energy(v) - self.scaled(v) * field
