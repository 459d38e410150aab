"""For the files of exercises: wrong answers as edits of the right one, random cases."""

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

import torch

Answer = Callable[..., Any]

BLOCK = re.compile(r"((?:^\S.*\n)+)((?:^    .*\n)+)", re.MULTILINE)


def normal(seed: int, *shape: int) -> torch.Tensor:
    """Standard normal numbers, the same ones at each call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


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
