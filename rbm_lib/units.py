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


@torch.no_grad()
def sample_bernoulli(probability: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw 0/1 with the given probabilities, in their shape and dtype.

    One uniform number per unit: on the CPU the draws are the same for every number of threads.
    """
    uniform = torch.rand(
        probability.shape, generator=generator, device=probability.device, dtype=probability.dtype
    )
    return torch.lt(uniform, probability, out=uniform)


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
        return torch.softmax(self.bias + field, -1)

    def sample(self, field: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # One uniform number against the cumulative probabilities; the last level takes what rounding leaves.
        below = self.mean(field).cumsum(-1)[..., :-1]
        uniform = torch.rand(
            below.shape[:-1] + (1,), generator=generator, device=below.device, dtype=below.dtype
        )
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
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + torch.exp(0.5 * self.log_variance) * noise

    def bias_statistic(self, v: Tensor) -> Tensor:
        """−∂energy/∂bias, per unit and row."""
        return (v - self.bias) * torch.exp(-self.log_variance)

    def log_variance_statistic(self, v: Tensor, field: Tensor) -> Tensor:
        """−∂E/∂log σ², per unit and row: (v−b)²/(2σ²) − (v/σ²)·(W h). Both terms (Liao et al. 2022)."""
        return self.energy(v) - self.scaled(v) * field
