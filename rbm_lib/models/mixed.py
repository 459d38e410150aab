"""Mixed units: layers of several types side by side."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from rbm_lib.models.layers import Layer
from rbm_lib.models.random import Rng


class Layers(Layer):
    """Layers side by side that act as one.

    A state is flat, shape (B, n_features): the features of all parts, one after the other.

    Parameters
    ----------
    *parts : Layer
        The layers, such as Gaussian(14), Bernoulli(60), Categorical(8, n_levels=7).

    Examples
    --------
    >>> from rbm_lib.models import Bernoulli, Categorical, Gaussian
    >>> layer = Layers(Gaussian(2), Bernoulli(1), Categorical(1, n_levels=3))
    >>> layer.n_units, layer.n_features
    (4, 6)
    >>> layer.encode(torch.tensor([[0.5, -1.2, 1.0, 2.0]]))
    tensor([[ 0.5000, -1.2000,  1.0000,  0.0000,  0.0000,  1.0000]])
    """

    type_name = "mixed"

    def __init__(self, *parts: Layer) -> None:
        if not parts or not all(isinstance(part, Layer) for part in parts):
            given = ", ".join(type(part).__name__ for part in parts) or "nothing"
            raise TypeError(
                f"parts: got {given}, expected layers. Try Layers(Gaussian(2), "
                "Bernoulli(3))."
            )
        nested = [part._parts if isinstance(part, Layers) else (part,) for part in parts]
        self._parts = tuple(itertools.chain(*nested))
        n_units = sum(part.n_units for part in parts)
        super().__init__(n_units, (sum(part.n_features for part in parts),))
        if self.n_variances:
            self.log_variance = torch.zeros(self.n_variances)

    @property
    def n_variances(self) -> int:
        return sum(part.n_variances for part in self._parts)

    def _by_features(self, x: Tensor) -> list[tuple[Layer, Tensor]]:
        """Each part, with its parameters, and its own features of x, in its own shape."""
        widths = [part.n_features for part in self._parts]
        counts = [part.n_variances for part in self._parts]
        variances: Sequence[Any] = [None] * len(counts)
        if self.log_variance is not None:
            variances = self.log_variance.split(counts)
        result = []
        for part, piece, bias, variance in zip(
            self._parts,
            x.split(widths, -1),
            self.bias.split(widths, -1),
            variances,
            strict=True,
        ):
            own_variance = variance if part.n_variances else None
            own = part.with_parameters(bias.unflatten(-1, part.shape), own_variance)
            result.append((own, piece.unflatten(-1, part.shape)))
        return result

    def _by_units(self, per_unit: Tensor | None) -> list[Tensor | None]:
        """The values of each part's own units; None for all if there are none."""
        if per_unit is None:
            return [None] * len(self._parts)
        return list(per_unit.split([part.n_units for part in self._parts], -1))

    def _join(self, pieces: list[Tensor]) -> Tensor:
        """One flat state from the parts' own states."""
        parts = zip(self._parts, pieces, strict=True)
        return torch.cat([piece.flatten(-len(part.shape)) for part, piece in parts], -1)

    def energy(self, x: Tensor) -> Tensor:
        return torch.cat([part.energy(own) for part, own in self._by_features(x)], -1)

    def cumulant(self, field: Tensor) -> Tensor:
        parts = self._by_features(field)
        return torch.cat([part.cumulant(own) for part, own in parts], -1)

    def mean(self, field: Tensor) -> Tensor:
        return self._join([part.mean(own) for part, own in self._by_features(field)])

    def sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        parts = self._by_features(field)
        return self._join([part.sample(own, generator) for part, own in parts])

    def mean_or_sample(self, field: Tensor, generator: Rng = None) -> Tensor:
        parts = self._by_features(field)
        return self._join([part.mean_or_sample(own, generator) for part, own in parts])

    def scaled(self, x: Tensor) -> Tensor:
        return self._join([part.scaled(own) for part, own in self._by_features(x)])

    def spread(self, per_unit: Tensor) -> Tensor:
        pieces = []
        for part, own in zip(self._parts, self._by_units(per_unit), strict=True):
            assert own is not None
            pieces.append(part.spread(own).expand(*own.shape[:-1], *part.shape))
        return self._join(pieces)

    def statistics(
        self, x: Tensor, mask: Tensor | None, weights: Tensor, product: Tensor | None
    ) -> dict[str, Tensor]:
        masks = [None] * len(self._parts)
        if mask is not None:
            masks = [own for _, own in self._by_features(mask)]
        products = [None] * len(self._parts)
        if product is not None:
            products = [own for _, own in self._by_features(product)]
        parts = zip(self._by_features(x), masks, products, strict=True)
        return self._join_parameters(
            [part.statistics(own, m, weights, p) for (part, own), m, p in parts]
        )

    def fit_parameters(self, x: Tensor, mask: Tensor) -> dict[str, Tensor]:
        parts = zip(self._by_features(x), self._by_units(mask), strict=True)
        return self._join_parameters(
            [part.fit_parameters(own, m) for (part, own), m in parts if m is not None]
        )

    def _join_parameters(self, own: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        joined = {"bias": self._join([parameters["bias"] for parameters in own])}
        variances = [p["log_variance"] for p in own if "log_variance" in p]
        if variances:
            joined["log_variance"] = torch.cat(variances)
        return joined

    def _columns(self, values: Tensor) -> list[Tensor]:
        """Each part's own columns, of a table or of states."""
        if values.shape[1] == self.n_features:
            return [own for _, own in self._by_features(values)]
        return list(values.split([part.n_units for part in self._parts], -1))

    def validate(
        self,
        values: Tensor,
        observed: Tensor | None = None,
        first_column: int = 0,
        name: str = "data",
    ) -> None:
        parts = zip(
            self._parts, self._columns(values), self._by_units(observed), strict=True
        )
        for part, own, mask in parts:
            part.validate(own, mask, first_column, name)
            first_column += own.shape[1]

    def encode(self, values: Tensor) -> Tensor:
        parts = zip(self._parts, self._columns(values), strict=True)
        return self._join([part.encode(own) for part, own in parts])

    def log2_states(self, observed: Tensor | None = None) -> float:
        masks = self._by_units(observed)
        return sum(p.log2_states(m) for p, m in zip(self._parts, masks, strict=True))

    def states(self, index: Tensor, observed: Tensor | None = None) -> Tensor:
        pieces = []
        parts = [part for part, _ in self._by_features(self.bias)]
        for part, mask in zip(parts, self._by_units(observed), strict=True):
            count = round(2 ** part.log2_states(mask))
            pieces.append(part.states(index % count, mask))
            index = index // count
        return self._join(pieces)

    def parts(self) -> Iterator[tuple[Layer, slice, slice]]:
        feature = 0
        unit = 0
        for part, _ in self._by_features(self.bias):
            features = slice(feature, feature + part.n_features)
            yield part, features, slice(unit, unit + part.n_units)
            feature += part.n_features
            unit += part.n_units

    def description(self) -> Any:
        return [part.description() for part in self._parts]

    def __repr__(self) -> str:
        return f"Layers({', '.join(map(repr, self._parts))})"
