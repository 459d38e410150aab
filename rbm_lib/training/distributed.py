"""One training run by several processes, with torch.distributed, started by torchrun.

Every process is given the same data and computes on its part of each batch. The gradients
are summed, and random numbers are drawn for the whole batch and sliced, so the numbers are
those of one process, but for rounding.
"""

import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Generator, Tensor

from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.random import Rng, ShardedGenerator


class ProcessLost(RuntimeError):
    """Another process of a training run is gone; the message says what is left."""


class Processes:
    """The processes that train together: this one is number `rank` of `size`."""

    def __init__(self) -> None:
        together = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if together else 0
        self.size = dist.get_world_size() if together else 1
        self.alone = self.size == 1

    def cuda_device(self) -> str:
        """This process's CUDA device: torchrun numbers the processes of a host from 0."""
        return "cuda" if self.alone else f"cuda:{os.environ.get('LOCAL_RANK', self.rank)}"

    def part(self, n: int) -> slice:
        """This process's rows of n: neighbours, at most one more than any other has."""
        each, more = divmod(n, self.size)
        start = self.rank * each + min(self.rank, more)
        return slice(start, start + each + (self.rank < more))

    def shard(self, generator: Generator, n: int) -> Rng:
        """What this process draws from for its part of n rows."""
        return ShardedGenerator(generator, self.part(n), n)

    def shard_cells(self, generator: Generator, counts: Sequence[int]) -> Rng:
        """What this process draws from for the cells of its rows, `counts` in each row."""
        part = self.part(len(counts))
        first = sum(counts[: part.start])
        last = first + sum(counts[part])
        return ShardedGenerator(generator, slice(first, last), sum(counts))

    def require_alike(self, settings: dict[str, Any], device: torch.device) -> None:
        """Raise a ValueError in every process unless all have the settings of the first."""
        if self.alone:
            return
        first = [settings]
        dist.broadcast_object_list(first, 0, device=device)
        theirs = first[0]
        differs = [key for key in settings if settings[key] != theirs.get(key)]
        n_others = self._sum(torch.tensor([float(bool(differs))], device=device))
        if not n_others:
            return
        changes = [f"{key} {settings[key]!r} and {theirs.get(key)!r}" for key in differs]
        got = "; ".join(changes) or "other settings in another process"
        raise ValueError(
            f"processes: got {got}, expected the same arguments in each. Give every "
            "process all the rows: each computes on its part of every batch."
        )

    def start_alike(self, model: BoltzmannMachine, generator: Generator) -> None:
        """Give every process the parameters and the generator of the first."""
        if self.alone:
            return
        for p in model.parameters():
            dist.broadcast(p.data, 0)
        state = [generator.get_state()]
        dist.broadcast_object_list(state, 0, device=model.visible_bias.device)
        generator.set_state(state[0])

    def add_up(self, tensors: dict[str, Tensor], share: float = 1.0) -> dict[str, Tensor]:
        """Sum over processes of share * tensor, in place."""
        for tensor in tensors.values():
            # A process without rows has no mean.
            self._sum(tensor.mul_(share) if share else tensor.zero_())
        return tensors

    def gather(self, own: Tensor, n: int) -> Tensor:
        """The n rows of which every process has its part."""
        whole = own.new_zeros(n, *own.shape[1:])
        whole[self.part(n)] = own
        return self._sum(whole)

    def _sum(self, tensor: Tensor) -> Tensor:
        try:
            dist.all_reduce(tensor)
        except RuntimeError as error:
            raise ProcessLost(
                f"Process {self.rank} of {self.size} lost the others: one has ended. See "
                "what it printed, and start all of them again."
            ) from error
        return tensor
