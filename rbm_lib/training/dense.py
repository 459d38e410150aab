"""Contrastive divergence of an RBM with Bernoulli units and complete rows, in memory that is made once.

The numbers of `gradients.cd_gradient`, which says what they mean. Here nothing is allocated on the way: rows,
means and draws have their places, data above and chains below each other, so that one matrix product gives
the difference of the two averages, added straight to where the optimiser wants it; and nothing is drawn
after the last sweep.
"""

from types import SimpleNamespace

import torch

from rbm_lib.models.units import uniform_

WARM_UP = 3  # calls before a CUDA graph is recorded, in which libraries set themselves up


class DenseCD:
    """CD-k on rows of `data` (N, n_visible), for calls under `torch.no_grad`."""

    def __init__(self, model, data, k=1, sample_visible=False):
        self.data, self.k, self.sample_visible = data, k, sample_visible
        self.W, self.visible_bias, self.hidden_bias = model.W, model.visible_bias, model.hidden_bias
        self.gradient = {name: torch.empty_like(p) for name, p in model.named_parameters()}
        self.memory = {}

    @staticmethod
    def fits(model, rows) -> bool:
        """True where these numbers are asked for: Bernoulli units, every row complete, nothing fixed."""
        plain = model.kind == "bernoulli" and not model.n_even and rows.ratings is None
        whole = rows.observed is None and rows.offset is None
        return plain and whole and all(p.requires_grad for p in model.parameters())

    def __call__(self, index, generator=None, into=None, keep=0.0, scale=1.0):
        """into[name] ← keep · into[name] + scale · gradient for the rows `index`; returns `into`.

        into: tensors like the parameters, by name; by default ones of its own, overwritten at each call.
        """
        n, into = index.numel(), self.gradient if into is None else into
        m = self.memory[n] if n in self.memory else self._make_memory(n)
        share = scale / max(n, 1)  # of several processes, one may have no rows
        torch.index_select(self.data, 0, index, out=m.data)
        torch.mm(m.data, self.W, out=m.data_means).add_(self.hidden_bias).sigmoid_()
        torch.lt(uniform_(m.states, generator), m.data_means, out=m.states)
        for sweep in range(self.k):
            torch.mm(m.states, self.W.T, out=m.chains).add_(self.visible_bias).sigmoid_()
            if self.sample_visible or sweep < self.k - 1:
                torch.lt(uniform_(m.noise, generator), m.chains, out=m.chains)
            torch.mm(m.chains, self.W, out=m.chain_means).add_(self.hidden_bias).sigmoid_()
            if sweep < self.k - 1:
                torch.lt(uniform_(m.states, generator), m.chain_means, out=m.states)
        m.chain_means.neg_()
        into["W"].addmm_(m.v.T, m.means, beta=keep, alpha=share)
        into["visible_bias"].addmv_(m.v.T, m.signs, beta=keep, alpha=share)
        into["hidden_bias"].addmv_(m.means.T, m.ones, beta=keep, alpha=share)
        return into

    def _make_memory(self, n):
        like, (n_visible, n_hidden) = self.visible_bias, self.W.shape
        v, means, ones = like.new_empty(2 * n, n_visible), like.new_empty(2 * n, n_hidden), like.new_ones(n)
        self.memory[n] = SimpleNamespace(
            v=v, data=v[:n], chains=v[n:], means=means, data_means=means[:n], chain_means=means[n:],
            states=like.new_empty(n, n_hidden), signs=torch.cat([ones, -ones]), ones=torch.cat([ones, ones]),
            noise=like.new_empty(n, n_visible) if self.sample_visible or self.k > 1 else None,
        )  # fmt: skip
        return self.memory[n]


class Replayed:
    """`function(index, generator)`, whose tensors stay in their places, recorded once as a CUDA graph.

    A small machine's update is many short kernels, and launching them takes longer than running them; a graph
    is launched as one. Batches of another length than the first are computed as they come.
    """

    def __init__(self, function):
        self.function, self.index, self.graph, self.result, self.calls = function, None, None, None, 0

    def __call__(self, index, generator):
        if self.index is None:
            self.index = index.clone()
        if index.shape != self.index.shape:
            return self.function(index, generator)
        self.index.copy_(index)
        self.calls += 1
        if self.calls <= WARM_UP:
            return self.function(self.index, generator)
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            self.graph.register_generator_state(generator)
            with torch.cuda.graph(self.graph):
                self.result = self.function(self.index, generator)
        self.graph.replay()
        return self.result
