"""For the files of exercises: wrong answers as edits of the right one, and cases."""

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

Answer = Callable[..., Any]

BLOCK = re.compile(r"((?:^\S.*\n)+)((?:^    .*\n)+)", re.MULTILINE)


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal numbers, the same ones at each call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def uniform(seed: int, *shape: int) -> Tensor:
    """Numbers between 0 and 1, the same ones at each call."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def switches(seed: int, *shape: int) -> Tensor:
    """Zeros and ones, the same ones at each call."""
    return (normal(seed, *shape) > 0).float()


@dataclass
class SmallRBM:
    """The RBM that a learner writes in lesson 01."""

    W: Tensor
    b: Tensor
    c: Tensor

    @classmethod
    def random(cls, seed: int, n_visible: int, n_hidden: int) -> "SmallRBM":
        shapes = (n_visible, n_hidden), (n_visible,), (n_hidden,)
        return cls(*(normal(seed + i, *shape) for i, shape in enumerate(shapes)))

    def prob_h(self, v: Tensor) -> Tensor:
        return torch.sigmoid(v @ self.W + self.c)

    def prob_v(self, h: Tensor) -> Tensor:
        return torch.sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v: Tensor) -> Tensor:
        return -(v @ self.b) - softplus(v @ self.W + self.c).sum(1)


def slips_of(right: Answer, table: str) -> dict[str, tuple[Answer, ...]]:
    """Read a table of mistakes: lines of advice, and indented below them its slips.

    A slip is an edit of the right answer's text, ``code → wrong code``, or several, with
    `` | `` between them, or else a new body, such as ``return v``.
    """
    # A decorator stands above the function.
    source = "def " + inspect.getsource(right).split("def ", 1)[1]
    return {
        " ".join(advice.split()): tuple(
            _defined(_slipped(source, line.strip()), right) for line in lines.splitlines()
        )
        for advice, lines in BLOCK.findall(textwrap.dedent(table).lstrip() + "\n")
    }


def _slipped(source: str, slip: str) -> str:
    if "→" not in slip:
        head, _ = source.split(":\n", 1)
        return f"{head}: {slip}"
    for edit in slip.split(" | "):
        old, new = re.split(" → ?", f"{edit} ", maxsplit=1)
        if old not in source:
            raise ValueError(f"slip: got {old!r}, expected a part of:\n{source}")
        source = source.replace(old, new.rstrip())
    return source


def _defined(source: str, right: Answer) -> Answer:
    made: dict[str, Answer] = {}
    exec(source, right.__globals__, made)
    return made[right.__name__]
