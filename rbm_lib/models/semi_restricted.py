"""The semi-restricted Boltzmann machine: visible units that are coupled to each other."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rbm_lib.checks import BLOCK_ELEMENTS, as_numbers, require_number, require_whole
from rbm_lib.models.base import Statistics, VisibleModel, seeded
from rbm_lib.models.batch import Batch, as_states
from rbm_lib.models.units import Bernoulli

MAX_UNITS = 20  # at most 2^20 visible states are enumerated


class SemiRestrictedRBM(VisibleModel):
    r"""Binary visible units, coupled to each other and to binary hidden units.

    .. math::
        E(v, h) = -b^T v - \tfrac{1}{2} v^T L v - c^T h - v^T W h

    L is symmetric with a zero diagonal, so that each pair of visible units counts once.
    Only the hidden units are not connected to each other. They are independent given v, as
    in an RBM, and can be summed out:
    :math:`F(v) = -b^T v - \frac{1}{2} v^T L v - \sum_j \log(1 + e^{c_j + v^T W_j})`.
    The visible units are not independent given h, but each has a conditional given the
    rest.

    Parameters
    ----------
    n_visible : int
        Number of visible units.
    n_hidden : int
        Number of hidden units. Without any, this is a fully visible Boltzmann machine.
    weight_std : float
        Standard deviation of the initial W. L starts at 0.
    seed : int, optional
        Seed of the initial W.

    Attributes
    ----------
    W : Parameter, shape (n_visible, n_hidden)
    L : Parameter, shape (n_visible, n_visible)
        The couplings between visible units; `set_lateral` checks and sets them.
    visible_bias : Parameter, shape (n_visible,)
    hidden_bias : Parameter, shape (n_hidden,)

    Notes
    -----
    In methods that take v, `observed` and `visible_offset` mean what they mean in an RBM: a
    missing unit is dropped from its row's model. The gradient for L is that of a pair, with
    L_ij and L_ji moved together, and both places hold it.

    References
    ----------
    Osindero & Hinton (2008). Modeling image patches with a directed hierarchy of Markov
    random fields. NIPS.

    Examples
    --------
    Two films that repel each other, and a hidden taste that likes both:

    >>> model = SemiRestrictedRBM(2, 1, weight_std=0.0)
    >>> model.set_lateral([[0, -1], [-1, 0]])
    >>> model.energy(torch.ones(1, 2), torch.ones(1, 1)).tolist()
    [1.0]
    >>> v = torch.tensor([[1.0, 0.0]])
    >>> model.prob_v_given_rest(v).detach()  # sigmoid(0), sigmoid(-1)
    tensor([[0.5000, 0.2689]])
    """

    weight_names = ["W", "L"]
    bias_names = ["visible_bias", "hidden_bias"]

    def __init__(
        self,
        n_visible: int,
        n_hidden: int,
        weight_std: float = 0.01,
        seed: int | None = None,
    ) -> None:
        super().__init__(Bernoulli(require_whole("n_visible", n_visible)))
        self.n_hidden = require_whole("n_hidden", n_hidden, least=0)
        weight_std = require_number("weight_std", weight_std)
        W = torch.randn(self.n_visible, self.n_hidden, generator=seeded(seed))
        self.W = nn.Parameter(weight_std * W)
        self.L = nn.Parameter(torch.zeros(self.n_visible, self.n_visible))
        self.visible_bias = nn.Parameter(torch.zeros(self.n_visible))
        self.hidden_bias = nn.Parameter(torch.zeros(self.n_hidden))
        self.log_variance = None

    def architecture(self) -> dict[str, Any]:
        return {"n_visible": self.n_visible, "n_hidden": self.n_hidden}

    @torch.no_grad()
    def set_lateral(self, lateral: Any) -> None:
        """Set L to a symmetric matrix (n_visible, n_visible) with a zero diagonal."""
        square = (self.n_visible, self.n_visible)
        lateral = as_numbers(lateral, "lateral", square).to(self.L)
        if not torch.equal(lateral, lateral.T) or lateral.diagonal().any():
            raise ValueError(
                "lateral: got couplings that differ from their transpose or have a "
                "diagonal, expected a symmetric matrix with a zero diagonal. Others belong "
                "to no energy. Try `(x + x.T) / 2` and `fill_diagonal_(0)`."
            )
        self.L.copy_(lateral)

    def input_to_hidden(self, v: Any, observed: Any = None) -> Tensor:
        """v W over the observed units, (B, n_hidden), without the hidden bias."""
        return self.as_batch(v, observed).v @ self.W

    def energy(
        self, v: Any, h: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """E(v, h), shape (B,)."""
        batch = self.as_batch(v, observed, visible_offset)
        h = as_states(self.visible, "h", h, (self.n_hidden,), len(batch))
        field = self.input_to_hidden(batch) + self.hidden_bias
        return self._energy_of_visible(batch) - (field * h).sum(-1)

    def free_energy(
        self, v: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """F(v) = -log sum_h exp(-E(v, h)), shape (B,)."""
        batch = self.as_batch(v, observed, visible_offset)
        field = self.input_to_hidden(batch) + self.hidden_bias
        return self._energy_of_visible(batch) - F.softplus(field, threshold=40).sum(-1)

    def prob_h_given_v(self, v: Any, observed: Any = None) -> Tensor:
        """p(h_j = 1 given v), shape (B, n_hidden)."""
        return torch.sigmoid(self.input_to_hidden(v, observed) + self.hidden_bias)

    def prob_v_given_rest(
        self, v: Any, h: Any = None, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """p(v_i = 1 given the row's other visible units, and h if it is given), exact.

        Parameters
        ----------
        v : Tensor or Batch, shape (B, n_visible)
            The visible states; the probability of unit i does not depend on its own state.
            A missing unit is added to its row's model when it is asked for.
        h : Tensor, shape (B, n_hidden), optional
            Hidden states. By default they are summed out.
        observed, visible_offset
            As everywhere, if v is a tensor.

        Returns
        -------
        Tensor, shape (B, n_visible)
        """
        batch = self.as_batch(v, observed, visible_offset)
        if h is None:
            return torch.sigmoid(self.log_odds_given_rest(batch))
        h = as_states(self.visible, "h", h, (self.n_hidden,), len(batch))
        return torch.sigmoid(self._lateral_field(batch) + h @ self.W.T)

    def log_odds_given_rest(
        self, v: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """Log-odds of `prob_v_given_rest` with h summed out, shape (B, n_visible).

        Switching unit i on moves the free energy of the hidden units, so the log-odds are
        b_i + (L v)_i + sum_j [softplus(a_ij + W_ij) - softplus(a_ij)], where a_ij is the
        field at hidden unit j from all visible units but i.
        """
        batch = self.as_batch(v, observed, visible_offset)
        log_odds = self._lateral_field(batch)
        gains = [
            (F.softplus(on, threshold=40) - F.softplus(off, threshold=40)).sum(-1)
            for _, off, on in self._fields_without_each(batch)
        ]
        return log_odds + torch.cat(gains, 1)

    def pseudo_log_likelihood(
        self, v: Any, observed: Any = None, visible_offset: Any = None
    ) -> Tensor:
        """Sum over a row's observed units of log p(v_i given the rest), nats, shape (B,).

        References
        ----------
        Besag (1975). Statistical analysis of non-lattice data. The Statistician 24.
        """
        batch = self.as_batch(v, observed, visible_offset)
        log_odds = self.log_odds_given_rest(batch)
        per_unit = batch.v * log_odds - F.softplus(log_odds, threshold=40)
        return (per_unit if batch.mask is None else per_unit * batch.mask).sum(-1)

    @torch.no_grad()
    def pseudo_likelihood_gradient(
        self, v: Any, observed: Any = None, visible_offset: Any = None
    ) -> Statistics:
        """Gradient of the mean of `pseudo_log_likelihood`, by parameter name, by hand."""
        batch = self.as_batch(v, observed, visible_offset)
        # The slope by each log-odds: what was there minus what was expected.
        error = (batch.v - self.prob_v_given_rest(batch)) / max(len(batch), 1)
        if batch.mask is not None:
            error = error * batch.mask
        by_field = error.new_zeros(len(batch), self.n_hidden)
        W = torch.zeros_like(self.W)
        for units, off, on in self._fields_without_each(batch):
            own = error[:, units, None]
            step = own * (torch.sigmoid(on) - torch.sigmoid(off))
            by_field += step.sum(1)
            # A unit's own weight enters its log-odds through `on` alone.
            W[units] = (own * torch.sigmoid(on) - batch.v[:, units, None] * step).sum(0)
        return {
            "W": W + batch.v.T @ by_field,
            "L": (batch.v.T @ error + error.T @ batch.v).fill_diagonal_(0),
            "visible_bias": error.sum(0),
            "hidden_bias": by_field.sum(0),
        }

    @torch.no_grad()
    def log_partition(self, observed: Any = None, visible_offset: Any = None) -> Tensor:
        """log Z, a scalar, by a sum over the states of at most 20 visible units.

        `observed`, shape (n_visible,), leaves units out; `visible_offset` is one for all.
        """
        n = self.n_visible
        if n > MAX_UNITS:
            raise ValueError(
                f"model: got {n} visible units, expected at most {MAX_UNITS} to sum over "
                "their states. Compare larger models by `pseudo_log_likelihood`."
            )
        # Of the units that are left out, the state 0 alone.
        one_row = self.as_batch(self.visible_bias.new_ones(1, n), observed, visible_offset)
        counted = one_row.v[0].nonzero()[:, 0]
        index = torch.arange(2 ** len(counted), device=self.W.device)
        blocks = []
        for block in index.split(max(1, BLOCK_ELEMENTS // max(n, self.n_hidden))):
            v = one_row.v.new_zeros(len(block), n)
            bit = torch.arange(len(counted), device=block.device)
            v[:, counted] = ((block[:, None] >> bit) & 1).to(v)
            free_energy = self.free_energy(Batch(v, offset=one_row.offset))
            blocks.append((-free_energy).logsumexp(0))
        return torch.stack(blocks).logsumexp(0)

    def _energy_of_visible(self, batch: Batch) -> Tensor:
        lateral = 0.5 * ((batch.v @ self.L) * batch.v).sum(-1)
        return self.visible_at(batch.offset).energy(batch.v).sum(-1) - lateral

    def _lateral_field(self, batch: Batch) -> Tensor:
        """b + L v, the field at each visible unit from all the others, (B, n_visible)."""
        return self.visible_at(batch.offset).bias + batch.v @ self.L

    def _fields_without_each(self, batch: Batch) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Fields at the hidden units if visible unit i is off, and on, in blocks of i.

        Yields the units i and two tensors (B, units, n_hidden).
        """
        field = self.input_to_hidden(batch) + self.hidden_bias
        size = max(1, BLOCK_ELEMENTS // max(1, len(batch) * self.n_hidden))
        for start in range(0, self.n_visible, size):
            units = slice(start, start + size)
            W = self.W[units]
            off = field[:, None] - batch.v[:, units, None] * W
            yield units, off, off + W

    def __repr__(self) -> str:
        return f"SemiRestrictedRBM({self.n_visible}, n_hidden={self.n_hidden})"
