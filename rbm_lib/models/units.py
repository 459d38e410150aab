"""The unit types. A new one is a class of this size and a name in UNIT_TYPES."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import LARGEST, VARIANCE_FLOOR, require_whole
from rbm_lib.models.layers import Layer, digits, refuse
from rbm_lib.models.mixed import Layers
from rbm_lib.models.random import Rng, random_numbers, sample_bernoulli


class Bernoulli(Layer):
    """Units in {0, 1}: energy -b x.

    Examples
    --------
    >>> Bernoulli(3).mean(torch.zeros(1, 3))
    tensor([[0.5000, 0.5000, 0.5000]])
    """

    type_name = "bernoulli"
    n_levels = 2

    def __init__(self, n_units: int) -> None:
        n_units = require_whole("n_units", n_units)
        super().__init__(n_units, (n_units,))

    def energy(self, x: Tensor) -> Tensor:
        return -self.bias * x

    def cumulant(self, field: Tensor) -> Tensor:
        # Above its threshold softplus returns x: from 40 on exact to the last bit.
        return F.softplus(self.bias + field, threshold=40)

    def mean(self, field: Tensor) -> Tensor:
        return (self.bias + field).sigmoid_()

    def sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        return sample_bernoulli(self.mean(field), generator)

    def fit_parameters(self, x: Tensor, mask: Tensor) -> dict[str, Tensor]:
        ones = x.sum(0)
        return self.fit_counts(torch.stack([mask.sum(0) - ones, ones], -1))

    def fit_counts(self, counts: Tensor) -> dict[str, Tensor]:
        """Log-odds from how often each unit was 0 and 1, shape (n_units, 2)."""
        zeros, ones = counts.clamp(min=0.5).unbind(-1)
        return {"bias": torch.log(ones) - torch.log(zeros)}

    # The types are those of Layer.validate.
    def validate(self, values, observed=None, first_column=0, name="data") -> None:
        expected = "a value between 0 and 1"
        if observed is None:
            expected += "; mark missing entries in observed="
        refuse((values < 0) | (values > 1), values, expected, first_column, name)

    def log2_states(self, observed: Tensor | None = None) -> float:
        return self.n_units if observed is None else int(observed.sum())

    def states(self, index: Tensor, observed: Tensor | None = None) -> Tensor:
        return digits(self, index, observed).to(self.bias.dtype)


class Categorical(Layer):
    """Units with K levels, one-hot: energy -b . x (softmax units).

    Parameters
    ----------
    n_units : int
        Number of units.
    n_levels : int
        Number of levels of each unit.

    References
    ----------
    Salakhutdinov, Mnih & Hinton (2007). Restricted Boltzmann machines for collaborative
    filtering. ICML.

    Examples
    --------
    >>> Categorical(2, n_levels=3).encode(torch.tensor([[0.0, 2.0]]))
    tensor([[[1., 0., 0.],
             [0., 0., 1.]]])
    """

    type_name = "categorical"
    n_levels: int

    def __init__(self, n_units: int, n_levels: int) -> None:
        n_units = require_whole("n_units", n_units)
        self.n_levels = require_whole("n_levels", n_levels, least=2)
        super().__init__(n_units, (n_units, self.n_levels))

    def energy(self, x: Tensor) -> Tensor:
        return -(self.bias * x).sum(-1)

    def cumulant(self, field: Tensor) -> Tensor:
        return torch.logsumexp(self.bias + field, -1)

    def mean(self, field: Tensor) -> Tensor:
        # By hand, because torch.softmax is slow over an axis of a few levels.
        logits = self.bias + field
        weights = (logits - logits.amax(-1, keepdim=True)).exp()
        return weights / weights.sum(-1, keepdim=True)

    def sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        # One uniform number against the cumulative probabilities of all but the last level,
        # which takes what rounding leaves.
        below = self.mean(field).cumsum(-1)[..., :-1]
        shape = (*below.shape[:-1], 1)
        uniform = random_numbers(torch.rand, shape, below, generator)
        level = (uniform >= below).sum(-1)
        return F.one_hot(level, self.n_levels).to(below.dtype)

    def spread(self, per_unit: Tensor) -> Tensor:
        return per_unit[..., None]

    def fit_parameters(self, x: Tensor, mask: Tensor) -> dict[str, Tensor]:
        return self.fit_counts(x.sum(0))

    def fit_counts(self, counts: Tensor) -> dict[str, Tensor]:
        """Log-frequencies from how often each unit had each level, (n_units, n_levels)."""
        counts = counts.clamp(min=0.5)
        return {"bias": torch.log(counts / counts.sum(-1, keepdim=True))}

    # The types are those of Layer.validate.
    def validate(self, values, observed=None, first_column=0, name="data") -> None:
        if values.ndim == 2:
            impossible = (
                (values < 0) | (values >= self.n_levels) | (values != values.floor())
            )
            expected = f"a whole level 0 … {self.n_levels - 1}"
        else:
            sums_to_one = (values.sum(-1) - 1).abs() < 1e-3
            one_hot = (values >= 0).all(-1) & sums_to_one
            missing = torch.zeros_like(one_hot) if observed is None else ~observed
            impossible = self.spread(~one_hot & ~missing).expand_as(values)
            expected = "levels that sum to 1 (one-hot)"
        refuse(impossible, values, expected, first_column, name)

    def encode(self, values: Tensor) -> Tensor:
        if values.ndim > 2:
            return values
        levels = torch.arange(self.n_levels, device=values.device)
        return (values[..., None] == levels).to(values.dtype)

    def log2_states(self, observed: Tensor | None = None) -> float:
        n_units = self.n_units if observed is None else int(observed.sum())
        return n_units * math.log2(self.n_levels)

    def states(self, index: Tensor, observed: Tensor | None = None) -> Tensor:
        levels = digits(self, index, observed)
        states = F.one_hot(levels, self.n_levels).to(self.bias.dtype)
        return states if observed is None else states * self.spread(observed)

    def description(self) -> Any:
        return super().description() | {"n_levels": self.n_levels}

    def __repr__(self) -> str:
        return f"Categorical({self.n_units}, n_levels={self.n_levels})"


class Gaussian(Layer):
    """Real units: energy (x - b)^2 / (2 s^2), coupled to W through x / s^2.

    Given the neighbouring layer, x is normal with mean b + field and variance s^2. The
    parameter is log s^2.

    References
    ----------
    Cho, Ilin & Raiko (2011). Improved learning of Gaussian-Bernoulli restricted Boltzmann
    machines. ICANN.

    Examples
    --------
    >>> layer = Gaussian(1).with_parameters(torch.tensor([1.0]), torch.tensor([4.0]).log())
    >>> layer.energy(torch.tensor([[5.0]]))  # (5 - 1)^2 / (2 * 4)
    tensor([[2.]])
    """

    type_name = "gaussian"
    log_variance: Tensor

    def __init__(self, n_units: int) -> None:
        n_units = require_whole("n_units", n_units)
        super().__init__(n_units, (n_units,))
        self.log_variance = torch.zeros(n_units)

    @property
    def n_variances(self) -> int:
        return self.n_units

    def energy(self, x: Tensor) -> Tensor:
        return 0.5 * (x - self.bias) ** 2 * torch.exp(-self.log_variance)

    def scaled(self, x: Tensor) -> Tensor:
        return x * torch.exp(-self.log_variance)

    def cumulant(self, field: Tensor) -> Tensor:
        shift = field * (field + 2 * self.bias) * torch.exp(-self.log_variance)
        return 0.5 * (math.log(2 * math.pi) + self.log_variance + shift)

    def mean(self, field: Tensor) -> Tensor:
        return self.bias + field

    def sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        mean = self.mean(field)
        noise = random_numbers(torch.randn, mean.shape, mean, generator)
        return (mean + torch.exp(0.5 * self.log_variance) * noise).to(mean.dtype)

    def mean_or_sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        # The statistic of log s^2 is quadratic in x: at the mean it would lose the
        # variance.
        return self.sample(field, generator)

    def statistics(
        self, x: Tensor, mask: Tensor | None, weights: Tensor, product: Tensor | None
    ) -> dict[str, Tensor]:
        assert product is not None
        bias = (x - self.bias) * torch.exp(-self.log_variance)
        energy = self.energy(x)
        if mask is not None:
            bias = bias * mask
            energy = energy * mask
        # Without the second term the gradient is wrong, yet training hides it (Liao et al.
        # 2022, "Gaussian-Bernoulli RBMs without tears").
        log_variance = weights @ energy - product
        return {"bias": weights @ bias, "log_variance": log_variance}

    def fit_parameters(self, x: Tensor, mask: Tensor) -> dict[str, Tensor]:
        count = mask.sum(0).clamp(min=1)
        mean = x.sum(0) / count
        variance = ((x - mean) ** 2 * mask).sum(0) / count

        # A column of one value has no scale of its own: it gets variance 1.
        highest = torch.where(mask, x, -torch.inf).amax(0)
        lowest = torch.where(mask, x, torch.inf).amin(0)
        variance = torch.where(highest > lowest, variance.clamp(min=VARIANCE_FLOOR), 1.0)
        return {"bias": mean, "log_variance": variance.log()}

    # The types are those of Layer.validate.
    def validate(self, values, observed=None, first_column=0, name="data") -> None:
        expected = f"a number of at most {LARGEST:g}, so that its square can be summed"
        refuse(values.abs() > LARGEST, values, expected, first_column, name)

    def log2_states(self, observed: Tensor | None = None) -> float:
        n_units = self.n_units if observed is None else int(observed.sum())
        return math.inf if n_units else 0.0


UNIT_TYPES: dict[str, Any] = {
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "gaussian": Gaussian,
}


def as_layer(
    n_units: Any, visible: Any = "bernoulli", n_levels: int | None = None
) -> Layer:
    """The layer that the arguments of a model describe; layers stay as they are."""
    if isinstance(n_units, Layer):
        return n_units
    if isinstance(visible, Layer):
        if require_whole("n_visible", n_units) != visible.n_units:
            raise ValueError(
                f"n_visible: got {n_units}, expected {visible.n_units}, the number of "
                "units of the layer. Or pass the layer alone as the first argument."
            )
        return visible
    if visible not in list(UNIT_TYPES):
        known = ", ".join(sorted(UNIT_TYPES))
        raise ValueError(f"visible: got {visible!r}, expected one of {known}, or a layer.")

    n_units = require_whole("n_visible", n_units)
    if (visible == "categorical") != (n_levels is not None):
        raise ValueError(
            f"n_levels: got {n_levels} with {visible} units, expected a number of levels "
            "for categorical units and None for others."
        )
    if n_levels is not None:
        return Categorical(n_units, n_levels)
    return UNIT_TYPES[visible](n_units)


def as_described(description: Any) -> Any:
    """The layer that `Layer.description` described in a saved file; a string as it is."""
    if isinstance(description, list):
        return Layers(*(as_described(part) for part in description))
    if isinstance(description, dict):
        options = dict(description)
        return UNIT_TYPES[options.pop("type")](**options)
    return description
