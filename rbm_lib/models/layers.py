"""What a layer is. This interface is all that the other modules know about units."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor

from rbm_lib.models.random import Rng


class Layer(ABC):
    """Units that are independent of each other once the neighbouring layers are given.

    A layer owns everything that depends on the type of its units. The neighbours reach a
    unit through its *field*, and summing the unit out gives its cumulant::

        cumulant(field) = log sum_x exp(-energy(x) + scaled(x) * field)

    (an integral for real units). Its derivative gives the mean. The defaults below are
    right for units with energy -bias * x.

    Parameters
    ----------
    n_units : int
        Number of units.
    shape : tuple of int
        Shape of one row of states: (n_units,), or (n_units, n_levels) for one-hot units.

    Notes
    -----
    A model owns the parameters and lends them to its layer by `with_parameters`. A layer
    made by hand has parameters zero.
    """

    type_name: str
    n_levels: int | None = None  # of each unit, if they are discrete and all alike
    bias: Tensor
    log_variance: Tensor | None = None

    def __init__(self, n_units: int, shape: tuple[int, ...]) -> None:
        self.n_units = n_units
        self.shape = shape
        self.bias = torch.zeros(shape)

    def with_parameters(self, bias: Tensor, log_variance: Tensor | None = None) -> Self:
        """The same layer with these parameters; each row of x may have its own bias."""
        layer = object.__new__(type(self))  # quicker than copy.copy
        vars(layer).update(vars(self))
        layer.bias = bias
        layer.log_variance = log_variance
        return layer

    @property
    def n_features(self) -> int:
        """How many numbers one row of states has."""
        return self.bias.shape[-len(self.shape) :].numel()

    @property
    def n_variances(self) -> int:
        """How many units have a variance to learn."""
        return 0

    # What the units are

    @abstractmethod
    def energy(self, x: Tensor) -> Tensor:
        """Each unit's own term of the energy, shape (B, n_units)."""

    @abstractmethod
    def cumulant(self, field: Tensor) -> Tensor:
        """Log-normaliser of each unit given its field, shape (B, n_units)."""

    @abstractmethod
    def mean(self, field: Tensor) -> Tensor:
        """Expected state given the field, shape (B, *shape)."""

    @abstractmethod
    def sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        """Random state given the field, shape (B, *shape).

        Draw with `rbm_lib.models.random.random_numbers`, which also serves the generators
        that several processes share.
        """

    def scaled(self, x: Tensor) -> Tensor:
        """What multiplies W in the energy, shape (B, *shape)."""
        return x

    def spread(self, per_unit: Tensor) -> Tensor:
        """A value for each unit, broadcastable to states."""
        return per_unit

    # Learning

    def mean_or_sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        """The mean, if that is enough to average the statistics, or else a sample."""
        return self.mean(field)

    def statistics(
        self, x: Tensor, mask: Tensor | None, weights: Tensor, product: Tensor | None
    ) -> dict[str, Tensor]:
        """Weighted average over rows of -dE/d(parameter), for each parameter.

        Parameters
        ----------
        x : Tensor, shape (B, *shape)
            States, zero where the mask is False.
        mask : Tensor, broadcastable to x, or None
            1 at features that take part, 0 elsewhere.
        weights : Tensor, shape (B,)
            Weights of the rows.
        product : Tensor, `shape`, or None
            Weighted average of scaled(x) * field, if the layer has variances.
        """
        return {"bias": (weights @ x.flatten(1)).view(x.shape[1:])}

    @abstractmethod
    def fit_parameters(self, x: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """The parameters that describe the observed states by independent units."""

    # Data and states

    @abstractmethod
    def validate(
        self,
        values: Tensor,
        observed: Tensor | None = None,
        first_column: int = 0,
        name: str = "data",
    ) -> None:
        """Raise a ValueError that shows the first value that no state can have.

        Parameters
        ----------
        values : Tensor, shape (B, n_units) or (B, *shape)
            A table with one column for each unit, or states. Zero at missing units.
        observed : bool Tensor, shape (B, n_units), optional
            False where a unit is missing.
        first_column, name : int, str
            Number of the first column and name of the values, for the message.
        """

    def encode(self, values: Tensor) -> Tensor:
        """States from a table with one column for each unit; states stay as they are."""
        return values

    @abstractmethod
    def log2_states(self, observed: Tensor | None = None) -> float:
        """log2 of the number of states of the observed units; infinite for real units."""

    def states(self, index: Tensor, observed: Tensor | None = None) -> Tensor:
        """The states with these numbers, zero at units that are not observed."""
        if self.log2_states(observed) > 0:
            raise TypeError(f"layer: got {self.type_name} units, expected discrete ones.")
        return self.bias.new_zeros(len(index), *self.shape)

    def parts(self) -> Iterator[tuple["Layer", slice, slice]]:
        """Each run of units of one type, with the slices of its features and its units.

        Features are counted along a flat state.
        """
        yield self, slice(0, self.n_features), slice(0, self.n_units)

    def description(self) -> Any:
        """What a saved file says of this layer; `as_described` reads it."""
        return {"type": self.type_name, "n_units": self.n_units}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_units})"


def digits(layer: Layer, index: Tensor, observed: Tensor | None) -> Tensor:
    """Levels of the units in the states with these numbers; unit 0 is the lowest digit."""
    assert layer.n_levels is not None
    units = torch.arange(layer.n_units, device=index.device)
    if observed is not None:
        units = units[observed]
    # Whole numbers have 63 bits, so in a larger layer the last units stay at level 0.
    highest = int(62 / math.log2(layer.n_levels))
    power = torch.arange(len(units), device=index.device).clamp(max=highest)
    place = layer.n_levels**power
    levels = torch.zeros(len(index), layer.n_units, dtype=torch.long, device=index.device)
    levels[:, units] = (index[:, None] // place) % layer.n_levels
    return levels


def refuse(
    bad: Tensor, values: Tensor, expected: str, first_column: int, name: str
) -> None:
    """Raise a ValueError that shows the first value marked as bad."""
    if bad.any():
        where = bad.nonzero()[0].tolist()
        value = values[tuple(where)].item()
        where[1] += first_column
        raise ValueError(
            f"{name}: got {value:g} at {where} (row first), expected {expected}."
        )
