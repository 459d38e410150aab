"""One training run by several processes, with torch.distributed, started by torchrun.

Every process is given the same data and computes on its part of each batch; the gradients are summed, and
noise is drawn for the whole batch and sliced. So the numbers are those of one process, but for rounding.
"""

import os

import torch.distributed as dist
from torch import Tensor

from rbm_lib.models.units import Part


class ProcessLost(RuntimeError):
    """Another process of a training run by several is gone; the message says what is left of the run."""


class Processes:
    """Those that train together: this one's `rank` of `size`; 0 of 1 without torch.distributed."""

    def __init__(self):
        together = dist.is_available() and dist.is_initialized()
        self.rank, self.size = (dist.get_rank(), dist.get_world_size()) if together else (0, 1)

    @property
    def alone(self) -> bool:
        return self.size == 1

    def device(self) -> str:
        """The CUDA device of this process: torchrun numbers the processes of a machine from 0."""
        return "cuda" if self.alone else f"cuda:{os.environ.get('LOCAL_RANK', self.rank)}"

    def part(self, n) -> slice:
        """This process's rows of n: neighbours, and at most one row more than any other process has."""
        each, more = divmod(n, self.size)
        start = self.rank * each + min(self.rank, more)
        return slice(start, start + each + (self.rank < more))

    def noise(self, generator, n):
        """What this process draws from for its part of n rows."""
        return generator if self.alone else Part(generator, self.part(n), n)

    def start_alike(self, model, generator):
        """Give every process the parameters and the generator of rank 0."""
        if self.alone:
            return
        for p in model.parameters():
            dist.broadcast(p.data, 0)
        state = [generator.get_state()]
        dist.broadcast_object_list(state, 0, device=model.visible_bias.device)
        generator.set_state(state[0])

    def add_up(self, tensors: dict[str, Tensor], share: float = 1.0) -> dict[str, Tensor]:
        """Σ over processes of share · tensor, in place; `share` is this one's of the batch's rows."""
        for tensor in () if self.alone else tensors.values():
            self._sum(tensor.mul_(share) if share else tensor.zero_())  # no rows may have no mean
        return tensors

    def gather(self, own: Tensor, n) -> Tensor:
        """The (n, …) rows of which every process has its part."""
        if self.alone:
            return own
        whole = own.new_zeros(n, *own.shape[1:])
        whole[self.part(n)] = own
        return self._sum(whole)

    def _sum(self, tensor):
        try:
            dist.all_reduce(tensor)
        except RuntimeError as error:
            raise ProcessLost(
                f"Process {self.rank} of {self.size} lost the others: one has ended. See what it said, "
                "and start all of them again."
            ) from error
        return tensor
