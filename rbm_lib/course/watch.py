"""What a piece of code computes, counted instead of timed.

A check that compares times hangs on what else the computer does. Operations and memory are
the same each time.
"""

import contextlib
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# Where an operator's two factors stand among its arguments.
FACTORS = {"mm": 0, "bmm": 0, "mv": 0, "dot": 0, "addmm": 1, "baddbmm": 1, "addmv": 1}


@dataclass
class Work:
    """What was computed inside :func:`watch`.

    Products of NumPy's arrays are not counted; the memory for them is.

    Attributes
    ----------
    operations : int
        Multiplications and additions in products of tensors.
    same : Counter
        How often each product of two matrices was made.
    largest : int
        Elements of the largest tensor that was made, views and sparse ones left out.
    bytes : int
        The most memory that Python and NumPy held at once, beyond that at the beginning.
    """

    operations: int = 0
    same: Counter = field(default_factory=Counter)
    largest: int = 0
    bytes: int = 0

    @property
    def most_repeated(self) -> int:
        """How often the most frequent product of two matrices was made."""
        return max(self.same.values(), default=0)


class _Watching(TorchDispatchMode):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or else torch loads its compiler, which takes a second

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in FACTORS:
            left, right = args[FACTORS[name] :][:2]
            self._count_product(left, right)
        if not func.is_view:
            for x in result if isinstance(result, tuple | list) else (result,):
                if isinstance(x, Tensor) and x.layout == torch.strided:
                    self.work.largest = max(self.work.largest, x.numel())
        return result

    def _count_product(self, left: Tensor, right: Tensor) -> None:
        columns = right.shape[-1] if right.ndim > 1 else 1
        self.work.operations += 2 * left.numel() * columns
        if min(left.ndim, right.ndim) == 2 and min(*left.shape, *right.shape) > 1:
            # Equal matrices have equal sums, also where one is a copy of the other.
            sums = (float(x.double().sum()) for x in (left, right))
            self.work.same[(tuple(left.shape), tuple(right.shape), *sums)] += 1


@contextlib.contextmanager
def watch() -> Iterator[Work]:
    """Count what is computed inside ``with``.

    Examples
    --------
    >>> x = torch.ones(2, 3)
    >>> with watch() as work:
    ...     y = x @ torch.ones(3, 5)
    >>> work.operations, work.largest
    (60, 15)
    """
    work = Work()
    with _Watching(Work()):
        torch.zeros(1)  # the first time, this loads modules
    nested = tracemalloc.is_tracing()
    if not nested:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    try:
        with _Watching(work):
            yield work
    finally:
        work.bytes = tracemalloc.get_traced_memory()[1] - before
        if not nested:
            tracemalloc.stop()
