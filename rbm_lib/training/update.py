"""The gradient of one batch, by the fastest way that fits the data, on every process."""

from typing import Any

import torch
from torch import Generator, Tensor

from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.random import Rng
from rbm_lib.models.rated import RatedBatch, reads_rated_cells
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.training.dense import DenseCD, SparseRowsCD
from rbm_lib.training.distributed import Processes
from rbm_lib.training.gradients import CD, PCD, Gradient, GradientMethod, difference
from rbm_lib.training.sparse import sparse_cd


class BatchGradient:
    """Computes a method's gradient for the rows of a batch, summed over all processes.

    Parameters
    ----------
    method, model, data
        As in `fit`.
    generator : torch.Generator
        Source of the draws, the same in every process.
    processes : Processes
        Those that share the batch.
    """

    def __init__(
        self,
        method: GradientMethod,
        model: BoltzmannMachine,
        data: VisibleData,
        generator: Generator,
        processes: Processes,
    ) -> None:
        self.method = method
        self.model = model
        self.data = data
        self.generator = generator
        self.processes = processes
        self.dense: DenseCD | None = None
        self.sparse = isinstance(method, CD) and is_sparse(method, model, data)
        self._buffer: Gradient | None = None
        if self.sparse:
            self._buffer = {n: torch.empty_like(p) for n, p in model.named_parameters()}
        elif DenseCD.fits(method, model, data):
            assert isinstance(method, CD) and isinstance(model, RBM)
            kind = DenseCD if data.stored is None else SparseRowsCD
            self.dense = kind(method, model, data)
        self._chain_per_row = isinstance(method, PCD) and not data.shares_model

    def __call__(self, index: Tensor) -> Gradient:
        """The direction of ascent for the rows `index`."""
        if not self.processes.alone:
            return self._by_all_processes(index)
        if self.sparse:
            return self._sparse(index, self.generator)
        if self.dense is not None:
            return self.dense(index, self.generator)

        rows = self.data.rows(index)
        if self._chain_per_row:
            method: Any = self.method
            generator = self.generator
            return difference(*method.phases(self.model, rows, index, generator, generator))
        return self.method.gradient(self.model, rows, self.generator)

    def _sparse(
        self, index: Tensor, generator: Rng, cell_generator: Rng = None
    ) -> Gradient:
        method: Any = self.method
        model: Any = self.model
        offset = self.data.offset_of_ratings(index)
        batch = RatedBatch(model, self.data.rated_rows(index), offset)
        return sparse_cd(method, model, batch, generator, cell_generator, self._buffer)

    def _by_all_processes(self, index: Tensor) -> Gradient:
        """The gradient of the whole batch, of which this process computes its own part."""
        if isinstance(self.method, PCD):
            return self._pcd_by_all_processes(self.method, index)
        n = len(index)
        own = index[self.processes.part(n)]
        generator = self.processes.shard(self.generator, n)
        if self.sparse:
            counts = self.data.rating_counts(index).tolist()
            cell_generator = self.processes.shard_cells(self.generator, counts)
            gradient = self._sparse(own, generator, cell_generator)
        elif self.dense is not None:
            gradient = self.dense(own, generator)
        else:
            gradient = self.method.gradient(self.model, self.data.rows(own), generator)
        return self.processes.add_up(gradient, len(own) / n)

    def _pcd_by_all_processes(self, method: PCD, index: Tensor) -> Gradient:
        """PCD with chains that the processes share, or one for each row."""
        assert method.chains is not None
        processes = self.processes
        chains = torch.arange(len(method.chains), device=index.device)
        if self._chain_per_row:
            chains = index
        own = index[processes.part(len(index))]
        part = processes.part(len(chains))
        positive, negative = method.phases(
            self.model,
            self.data.rows(own),
            chains[part],
            processes.shard(self.generator, len(index)),
            processes.shard(self.generator, len(chains)),
        )
        processes.add_up(positive, len(own) / len(index))
        processes.add_up(negative, (part.stop - part.start) / len(chains))
        method.chains[chains] = processes.gather(method.chains[chains[part]], len(chains))
        return difference(positive, negative)


def is_sparse(method: CD, model: BoltzmannMachine, data: VisibleData) -> bool:
    """Whether `sparse_cd` gives this gradient, and faster than dense rows."""
    return reads_rated_cells(model, data) and not method.center
