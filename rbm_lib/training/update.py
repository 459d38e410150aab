"""The gradient of one batch, by the fastest way that fits the data, on every process."""

from typing import Any

import torch
from torch import Generator, Tensor

from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.rated import RatedBatch
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.training.dense import DenseCD
from rbm_lib.training.distributed import Processes
from rbm_lib.training.gradients import CD, PCD, Gradient, GradientMethod, difference
from rbm_lib.training.sparse import sparse_cd

# Share of rated cells below which the rated cells alone are faster than dense rows.
SPARSE_BELOW = {"cpu": 0.2, "cuda": 0.01}


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
        self.sparse = isinstance(method, CD) and is_sparse(method, model, data)
        self.dense: DenseCD | None = None
        self._buffer: Gradient | None = None
        if self.sparse:
            self._buffer = {n: torch.empty_like(p) for n, p in model.named_parameters()}
        elif DenseCD.fits(method, model, data):
            assert isinstance(method, CD) and isinstance(model, RBM)
            self.dense = DenseCD(method, model, data)

    def __call__(self, index: Tensor) -> Gradient:
        """The direction of ascent for the rows `index`."""
        part = self.processes.part(len(index))
        own = index[part]
        if self.sparse:
            gradient = self._sparse(index, own)
        elif self.dense is not None:
            gradient = self.dense(own, self.processes.shard(self.generator, len(index)))
        elif isinstance(self.method, PCD) and (
            not self.processes.alone or not self.data.shares_model
        ):
            return self._pcd(self.method, index, own)
        else:
            rng = self.processes.shard(self.generator, len(index))
            gradient = self.method.gradient(self.model, self.data.rows(own), rng)
        return self.processes.add_up(gradient, len(own) / len(index))

    def _sparse(self, index: Tensor, own: Tensor) -> Gradient:
        method: Any = self.method
        model: Any = self.model
        offset = self.data.offset_of_ratings(own)
        batch = RatedBatch(model, self.data.rated_rows(own), offset)
        counts = [] if self.processes.alone else self.data.rating_counts(index).tolist()
        return sparse_cd(
            method,
            model,
            batch,
            self.processes.shard(self.generator, len(index)),
            self.processes.shard_cells(self.generator, counts),
            self._buffer,
        )

    def _pcd(self, method: PCD, index: Tensor, own: Tensor) -> Gradient:
        """PCD where each row has its own chain, or processes share the chains."""
        assert method.chains is not None
        per_row = not self.data.shares_model
        chains = index if per_row else torch.arange(len(method.chains), device=index.device)
        part = self.processes.part(len(chains))
        positive, negative = method.phases(
            self.model,
            self.data.rows(own),
            chains[part],
            self.processes.shard(self.generator, len(index)),
            self.processes.shard(self.generator, len(chains)),
        )
        self.processes.add_up(positive, len(own) / len(index))
        self.processes.add_up(negative, (part.stop - part.start) / len(chains))
        method.chains[chains] = self.processes.gather(
            method.chains[chains[part]], len(chains)
        )
        return difference(positive, negative)


def is_sparse(method: CD, model: BoltzmannMachine, data: VisibleData) -> bool:
    """Whether `sparse_cd` gives this gradient, and faster than dense rows."""
    if data.ratings is None or data.has_offset or method.center:
        return False
    if not isinstance(model, RBM) or model.visible.n_levels is None:
        return False
    if data.rating_offset is not None:  # which has no dense form
        return True
    below = SPARSE_BELOW.get(model.W.device.type, 0.01)
    return data.ratings.n_ratings < below * len(data) * model.n_visible
