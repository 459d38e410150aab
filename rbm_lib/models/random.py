"""Random numbers: the same for every thread count and every number of processes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from rbm_lib.checks import require_generator


@dataclass(frozen=True)
class ShardedGenerator:
    """Draw for a whole batch and return this process's rows.

    Several processes that train together then draw what one process would have drawn.

    Parameters
    ----------
    generator : torch.Generator
        The same on every process.
    rows : slice
        The rows of the batch that belong to this process.
    total : int
        Number of rows in the whole batch.
    """

    generator: Generator | None
    rows: slice
    total: int


Rng = Generator | ShardedGenerator | None


def random_numbers(
    draw: Callable[..., Tensor], shape: Sequence[int], like: Tensor, generator: Rng = None
) -> Tensor:
    """Numbers drawn by `torch.rand` or `torch.randn`, on the device of `like`.

    They have the dtype of `like`, but at least float32: uniform numbers of half precision
    are so coarse that small probabilities would be drawn several times too often.
    """
    if isinstance(generator, ShardedGenerator):
        whole = (generator.total, *shape[1:])
        return random_numbers(draw, whole, like, generator.generator)[generator.rows]

    dtype = torch.promote_types(like.dtype, torch.float32)
    try:
        return draw(shape, generator=generator, device=like.device, dtype=dtype)
    except (RuntimeError, TypeError):
        require_generator(generator)
        _require_same_device(generator, like)
        raise


def uniform_(out: Tensor, generator: Rng = None) -> Tensor:
    """Fill `out`, float32 or float64, with uniform numbers in [0, 1), and return it."""
    if isinstance(generator, ShardedGenerator):
        return out.copy_(random_numbers(torch.rand, out.shape, out, generator))
    return out.uniform_(generator=generator)


def _require_same_device(generator: Generator | None, like: Tensor) -> None:
    if generator is not None and generator.device.type != like.device.type:
        device = like.device.type
        raise ValueError(
            f"generator: got one on {generator.device.type}, expected one on the model's "
            f"device. Make it with torch.Generator({device!r})."
        )


@torch.no_grad()
def sample_bernoulli(probability: Tensor, generator: Rng = None) -> Tensor:
    """Draw 0 or 1 with the given probabilities, in their shape and dtype.

    Each unit gets one uniform number, so that on the CPU the draws are the same for every
    number of threads.
    """
    uniform = random_numbers(torch.rand, probability.shape, probability, generator)
    return torch.lt(uniform, probability, out=uniform).to(probability.dtype)
