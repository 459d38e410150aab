"""The deep Boltzmann machine: a visible layer and two or more layers of Bernoulli hidden units.

Salakhutdinov & Hinton, "Deep Boltzmann machines", AISTATS 2009; with Gaussian visible units Cho, Raiko &
Ilin, "Gaussian-Bernoulli deep Boltzmann machine", IJCNN 2013.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rbm_lib.checks import require_number, require_whole, seeded_or_none
from rbm_lib.models.base import Machine, uniform_weights
from rbm_lib.models.units import Bernoulli


@dataclass(frozen=True)
class MeanField:
    """The best independent hidden units found for each row.

    means: [(B, n1), (B, n2), …], q(h = 1). bound (B,): Σ_h q(h) log [exp(−E(v, h)) / q(h)], in nats, at most
    log p*(v) = log Σ_h exp(−E(v, h)); bound − log Z is the ELBO. bound_trace (sweeps + 1, B): the bound at
    the start and after every sweep. converged: in the last sweep no mean moved by more than `tol`.
    """

    means: list[Tensor]
    bound: Tensor
    bound_trace: Tensor
    sweeps: int
    converged: bool


class DBM(Machine):
    """E(v, h1, h2, …) = Σ energy(v_i) − scaled(v)·W1·h1 − h1·W2·h2 − … − Σ_l c_l·h_l; one bias per layer.

    sizes: [n_visible, n_hidden_1, n_hidden_2, …]. Visible units, `observed`, `visible_offset`: as in `RBM`.
    weights: [W1, W2, …], W1 (n_visible[, n_levels], n1), W2 (n1, n2), …; biases: [b, c1, c2, …].
    Hidden states are lists [h1, h2, …] of tensors (B, n_l). Energies are per row, (B,). Raises ValueError or
    TypeError where shapes, types or devices do not fit.
    """

    def __init__(self, sizes, visible="bernoulli", n_levels=None, weight_std=0.01, seed=None):
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if len(sizes) < 3:
            raise ValueError(
                f"sizes: got {sizes}, expected [n_visible, n_hidden_1, n_hidden_2, …]; with one hidden layer "
                "it is an RBM."
            )
        sizes = [require_whole(f"sizes[{i}]", size) for i, size in enumerate(sizes)]
        super().__init__(sizes[0], visible, n_levels)
        self.sizes = sizes
        weight_std, generator = require_number("weight_std", weight_std), seeded_or_none(seed)
        below = [self.unit_shape, *((size,) for size in self.sizes[1:-1])]
        self.weights = nn.ParameterList(
            weight_std * torch.randn(*shape, size, generator=generator)
            for shape, size in zip(below, self.sizes[1:], strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(shape) for shape in [*below, (self.sizes[-1],)])
        self.log_variance = nn.Parameter(torch.zeros(self.n_visible)) if visible == "gaussian" else None

    def __repr__(self):
        levels = f", n_levels={self.n_levels}" if self.n_levels else ""
        return f"DBM({self.sizes}, visible={self.kind!r}{levels})"

    @property
    def visible_bias(self) -> Tensor:
        """The bias of the visible layer, `biases[0]`."""
        return self.biases[0]

    # ---- energy -----------------------------------------------------------------------------------------

    def energy(self, v, hidden, observed=None, visible_offset=None) -> Tensor:
        """E(v, [h1, h2, …]), shape (B,). Multilinear in the hidden layers: probabilities give the average."""
        energy = self._visible_energy(v, observed, visible_offset)
        below = self.input_to_hidden(v, observed)
        hidden = self._checked_hidden(hidden, len(v))
        for h, bias, W in zip(hidden, self.biases[1:], [*self.weights[1:], None], strict=True):
            energy = energy - ((below + bias) * h).sum(-1)
            below = None if W is None else h @ W
        return energy

    def input_to_hidden(self, v, observed=None) -> Tensor:
        """scaled(v) W1 over the observed units, (B, n1): what the first hidden layer hears from below."""
        v, _ = self._row_values(v, observed)
        return self.visible_units().scaled(v).flatten(1) @ self.weights[0].flatten(0, -2)

    def input_to_visible(self, h1) -> Tensor:
        """W1 h1, in the shape of v, without the visible bias."""
        h1 = self._checked("h1", h1, (self.sizes[1],))
        return (h1 @ self.weights[0].flatten(0, -2).T).reshape(-1, *self.unit_shape)

    # ---- the two sides of `Machine` ---------------------------------------------------------------------

    n_odd = property(lambda self: sum(self.sizes[1::2]))
    n_even = property(lambda self: sum(self.sizes[2::2]))
    weight_names = property(lambda self: [f"weights.{i}" for i in range(len(self.weights))])
    bias_names = property(lambda self: [f"biases.{i}" for i in range(len(self.biases))])

    def odd_units(self) -> Bernoulli:
        """Layers 1, 3, … side by side."""
        return Bernoulli(torch.cat(list(self.biases)[1::2]))

    def even_units(self) -> Bernoulli:
        """Hidden layers 2, 4, … side by side."""
        return Bernoulli(torch.cat(list(self.biases)[2::2]))

    def input_to_odd(self, v, even, observed=None) -> Tensor:
        """What layers 1, 3, … hear from the layers below and above them, (B, n_odd)."""
        return self._odd_inputs(self.input_to_hidden(v, observed), even)

    def _odd_inputs(self, below, even):
        layers, weights, inputs = even.split(self.sizes[2::2], 1), list(self.weights), []
        for i in range(len(self.sizes[1::2])):
            total = below if i == 0 else layers[i - 1] @ weights[2 * i]
            inputs.append(total + layers[i] @ weights[2 * i + 1].T if i < len(layers) else total)
        return torch.cat(inputs, 1)

    def input_to_even(self, odd) -> tuple[Tensor, Tensor]:
        """What the visible layer and layers 2, 4, … hear: (in the shape of v, (B, n_even))."""
        odd = self._checked("odd", odd, (self.n_odd,))
        return self.input_to_visible(odd[:, : self.sizes[1]]), self._even_inputs(odd)

    def _even_inputs(self, odd):
        layers, weights, inputs = odd.split(self.sizes[1::2], 1), list(self.weights), []
        for i in range(len(self.sizes[2::2])):
            total = layers[i] @ weights[2 * i + 1]
            inputs.append(total + layers[i + 1] @ weights[2 * i + 2].T if i + 1 < len(layers) else total)
        return torch.cat(inputs, 1)

    def join(self, odd, even) -> list[Tensor]:
        """[h1, h2, …] from the two sides."""
        sides = [iter(odd.split(self.sizes[1::2], 1)), iter(even.split(self.sizes[2::2], 1))]
        return [next(sides[i % 2]) for i in range(len(self.sizes) - 1)]

    def split(self, hidden) -> tuple[Tensor, Tensor]:
        """The two sides, odd and even, from [h1, h2, …]."""
        hidden = self._checked_hidden(hidden)
        return torch.cat(hidden[::2], 1), torch.cat(hidden[1::2], 1)

    # ---- mean field -------------------------------------------------------------------------------------

    @torch.no_grad()
    def mean_field(
        self, v, observed=None, max_sweeps=50, tol=1e-6, visible_offset=None, start=None
    ) -> MeanField:
        """q(h given v) = Π q(h_j), by coordinate ascent: the odd layers given the even ones, then these.

        Each half sweep maximises the bound over one side with the other held, so the bound never falls.
        start: means [(B, n1), …] to begin from, default sigmoid(bias). Stops when no mean of any row moved by
        more than tol, or after max_sweeps. Salakhutdinov & Hinton 2009, section 2.2.
        """
        max_sweeps, tol = require_whole("max_sweeps", max_sweeps, least=0), require_number("tol", tol)
        below, n = self.input_to_hidden(v, observed), len(v)
        visible = self._visible_energy(v, observed, visible_offset)
        odd_units, even_units = self.odd_units(), self.even_units()
        if start is None:
            odd, even = (torch.sigmoid(side.bias).expand(n, -1) for side in (odd_units, even_units))
        else:
            odd, even = self.split(self._checked_hidden(start, n))
        field = self._odd_inputs(below, even)
        trace, sweeps, change = [self._bound(visible, odd, even, field)], 0, float("inf")
        while sweeps < max_sweeps and change > tol:
            before = torch.cat([odd, even], 1)
            odd = odd_units.mean(field)
            even = even_units.mean(self._even_inputs(odd))
            field = self._odd_inputs(below, even)
            trace.append(self._bound(visible, odd, even, field))
            change = float((torch.cat([odd, even], 1) - before).abs().max()) if n else 0.0
            sweeps += 1
        return MeanField(self.join(odd, even), trace[-1], torch.stack(trace), sweeps, change <= tol)

    def _bound(self, visible_energy, odd, even, odd_field):
        """Entropy of q minus the energy at its means."""
        score = (odd * (odd_field + self.odd_units().bias)).sum(-1) + even @ self.even_units().bias
        entropy = sum((torch.special.entr(q) + torch.special.entr(1 - q)).sum(-1) for q in (odd, even))
        return score + entropy - visible_energy

    def posterior_means(self, v, observed=None, visible_offset=None, precise=False) -> list[Tensor]:
        """Mean field's stand-in for p(h = 1 given v), [(B, n1), …].

        In training 10 sweeps, or until no mean moves by 1e-4; `precise`: as `mean_field` by default.
        """
        sweeps, tol = (50, 1e-6) if precise else (10, 1e-4)
        return self.mean_field(v, observed, sweeps, tol, visible_offset).means

    # ---- learning ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def statistics(self, v, hidden, observed=None, visible_offset=None, weights=None) -> dict[str, Tensor]:
        """−∂E/∂θ for every parameter, averaged over rows with `weights` (B,): one phase of the gradient.

        E is linear in every layer, so layers that are independent given the rest may hold probabilities.
        """
        v = self._checked("v", v, self.unit_shape)
        hidden = self._checked_hidden(hidden, len(v))
        weights = uniform_weights(hidden[0]) if weights is None else weights
        coupling, bias, log_variance = self._visible_statistics(
            v, hidden[0], weights, observed, visible_offset
        )
        result = {"weights.0": coupling}
        for i, (below, above) in enumerate(itertools.pairwise(hidden), start=1):
            result[f"weights.{i}"] = below.T @ (above * weights[:, None])
        result["biases.0"] = bias
        result |= {f"biases.{i}": weights @ h for i, h in enumerate(hidden, start=1)}
        return result if log_variance is None else result | {"log_variance": log_variance}

    @torch.no_grad()
    def initialize_from(self, v, observed=None) -> "DBM":
        """Visible bias (and variance, and for Gaussian machines the bias of layer 1) as in `RBM`."""
        self.initialize_visible(v, observed)
        if self.kind == "gaussian":
            self.biases[1].copy_(self._balanced_bias(self.weights[0]))
        return self

    def _checked_hidden(self, hidden, n_rows=None):
        """The hidden layers as tensors of the machine's dtype; n_rows None: as many as the first has."""
        if not isinstance(hidden, (list, tuple)) or len(hidden) != len(self.sizes) - 1:
            given = f"{len(hidden)} layers" if isinstance(hidden, (list, tuple)) else type(hidden).__name__
            raise ValueError(
                f"hidden: got {given}, expected a list of {len(self.sizes) - 1}: [h1, h2, …] with sizes "
                f"{self.sizes[1:]}."
            )
        checked = []
        for i, (h, size) in enumerate(zip(hidden, self.sizes[1:], strict=True), start=1):
            checked.append(self._checked(f"h{i}", h, (size,), n_rows))
            n_rows = len(h)
        return checked
