"""Contrastive divergence on complete rows of Bernoulli units, in memory that is made once.

The gradient of `CD`, for which small models spend most of their time on making tensors.
Data and chains stand below each other, so that one product of matrices gives the difference
of the two averages, and nothing is drawn after the last sweep.

Of rows that are stored sparsely, as likes are, only the ones cost anything: two of the five
products of an update then take almost no time.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import to_device
from rbm_lib.models.random import Rng, uniform_
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import Bernoulli
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.training.gradients import CD, Gradient, GradientMethod


@dataclass
class Buffers:
    """Memory for batches of n rows: v and h hold the data above and the chains below."""

    v: Tensor  # (2 n, n_visible)
    h: Tensor  # (2 n, n_hidden), means
    h_drawn: Tensor  # (n, n_hidden)
    noise: Tensor  # (n, n_visible)
    signs: Tensor  # (2 n,), 1 for the data and -1 for the chains


class DenseCD:
    """The gradient of a `CD` for rows of complete Bernoulli data, by their numbers."""

    def __init__(self, method: CD, rbm: RBM, data: VisibleData) -> None:
        self.method = method
        self.rbm = rbm
        self.data = data
        self.out: Gradient = {
            name: torch.empty_like(p) for name, p in rbm.named_parameters()
        }
        self._buffers: dict[int, Buffers] = {}

    @staticmethod
    def fits(method: GradientMethod, model: object, data: VisibleData) -> bool:
        """Whether this class can compute the gradient."""
        plain = type(model) is RBM and isinstance(model.visible, Bernoulli)
        complete = data.ratings is None and data.observed is None and not data.has_offset
        return plain and complete and isinstance(method, CD) and not method.center

    @torch.no_grad()
    def __call__(self, index: Tensor, generator: Rng = None) -> Gradient:
        """The gradient for the rows `index`; it is overwritten by the next call."""
        n = index.numel()
        if n not in self._buffers:
            self._buffers[n] = self._make_buffers(n)
        b = self._buffers[n]
        W = self.rbm.W
        chains = b.v[n:]
        h_data, h_chains = b.h[:n], b.h[n:]

        rows = self._read(index, b.v[:n], h_data)
        h_data.add_(self.rbm.hidden_bias).sigmoid_()
        torch.lt(uniform_(b.h_drawn, generator), h_data, out=b.h_drawn)
        for sweep in range(self.method.k):
            last = sweep == self.method.k - 1
            torch.mm(b.h_drawn, W.T, out=chains).add_(self.rbm.visible_bias).sigmoid_()
            if self.method.sample_visible or not last:
                torch.lt(uniform_(b.noise, generator), chains, out=chains)
            torch.mm(chains, W, out=h_chains).add_(self.rbm.hidden_bias).sigmoid_()
            if not last:
                torch.lt(uniform_(b.h_drawn, generator), h_chains, out=b.h_drawn)

        # Of several processes, one may have no rows.
        self._average(rows, b, 1 / max(n, 1))
        return self.out

    def _read(self, index: Tensor, data: Tensor, field: Tensor) -> Any:
        """Put the rows into `data`, and what they give the hidden units into `field`."""
        torch.index_select(self.data.all().v, 0, index, out=data)
        torch.mm(data, self.rbm.W, out=field)

    def _average(self, rows: Any, b: Buffers, scale: float) -> None:
        """The difference of data and chains, times `scale`."""
        b.h[len(b.h) // 2 :].neg_()
        out = self.out["W"]
        torch.addmm(out, b.v.T, b.h, beta=0, alpha=scale, out=out)
        torch.mv(b.v.T, b.signs, out=self.out["visible_bias"]).mul_(scale)
        torch.sum(b.h, 0, out=self.out["hidden_bias"]).mul_(scale)

    def _make_buffers(self, n: int) -> Buffers:
        like = self.rbm.visible_bias
        n_visible, n_hidden = self.rbm.W.shape
        ones = like.new_ones(n)
        return Buffers(
            v=like.new_empty(2 * n, n_visible),
            h=like.new_empty(2 * n, n_hidden),
            h_drawn=like.new_empty(n, n_hidden),
            noise=like.new_empty(n, n_visible),
            signs=torch.cat([ones, -ones]),
        )


class SparseRowsCD(DenseCD):
    """The same for rows that are stored sparsely."""

    def _read(self, index: Tensor, data: Tensor, field: Tensor) -> Any:
        rows = self.data.stored[index.cpu().numpy()]
        field.copy_(sum_of_ones(rows, self.rbm.W))
        return rows

    def _average(self, rows: Any, b: Buffers, scale: float) -> None:
        n = len(b.h_drawn)
        chains, h_data, h_chains = b.v[n:], b.h[:n], b.h[n:]
        of_data = sum_of_ones(rows.T.tocsr(), h_data)
        out = self.out["W"]
        torch.addmm(of_data, chains.T, h_chains, beta=scale, alpha=-scale, out=out)
        ones = to_device(torch.from_numpy(rows.sum(0)), out.device)
        torch.sub(ones, chains.sum(0), out=self.out["visible_bias"]).mul_(scale)
        torch.sub(h_data.sum(0), h_chains.sum(0), out=self.out["hidden_bias"]).mul_(scale)


def sum_of_ones(stored: Any, values: Tensor) -> Tensor:
    """The product of a boolean csr_array and `values`, at a cost that follows the ones."""
    places = (torch.from_numpy(part) for part in (stored.indices, stored.indptr))
    columns, starts = (to_device(part, values.device) for part in places)
    return F.embedding_bag(columns.to(starts), values, starts[:-1], mode="sum")
