"""What a person should know whose answer stops, or leaves out what it is given."""

import dis
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

Answer = Callable[..., Any]


# What to do about an error, by a pattern of "Type: text". The first that fits counts.
HINTS = {
    r"^KeyError.*(not in index|are in the \[)": (
        "Some of these keys are not there: .reindex(keys, fill_value=0) gives 0 for them."
    ),
    r"^KeyError": "This key is not there: d.get(key, 0) gives 0 for it.",
    r"must be Tensor, not numpy": "The inputs are NumPy arrays: use np in place of torch.",
    r"stack expects each tensor to be equal size": (
        "Are they averages over the wrong axis? .mean(0) averages over the rows."
    ),
    r"weights and list don't have the same length": (
        "np.bincount takes numbers and weights of the same rows: choose them in both."
    ),
    r"Grouper and axis must be same length": (
        "The labels and what they are grouped by are not the same rows."
    ),
    r"boolean array indexing assignment": (
        "The two sides of = are not the same rows: choose the same ones in both."
    ),
    r"for \^|bitwise_xor": "A power is written x**t in Python, not x^t.",
    r"operator\.invert": "~ turns True and False only: for a number write 1 - x.",
    r"with a bool tensor": (
        "True and False take no minus: write ~mask, or (1 - mask.float())."
    ),
    r"condition to be a bool": (
        "torch.where needs True or False in its first place. Did you swap two arguments?"
    ),
    r"(?i)\bbool\b": (
        "A comparison such as u < p gives booleans: write (u < p).to(p.dtype)."
    ),
    r"ambiguous": "`if`, `min` and `max` take one number: use where, minimum or maximum.",
    r"scalar type (Int|Long)|got Long|(int|long) !=|!= (int|long)": (
        "Whole numbers meet real ones: write .float() in place of .int() or .long()."
    ),
    r"dtype|expected scalar type": "Bring both to one type: x.to(v.dtype).",
    r"only one element tensors": (
        "The functions of math take one number: write x.sqrt(), x.exp() and so on."
    ),
}
RETURNS_NONE = "it returns None"
SHAPES = r"shape|size|dimension|expected, got"


def explain_error(error: BaseException, shapes: str, unused: str) -> str:
    """Say with which error a person's code stops, and what the cause may be.

    ``shapes`` are those of the inputs, ``unused`` is what :func:`unused_arguments` found.
    """
    text = textwrap.shorten(str(error).rstrip(".?"), 200, placeholder=" …")
    if isinstance(error, NotImplementedError) and text in ("", RETURNS_NONE):
        return f"not done yet{': ' if text else ''}{text}."
    said = f"{type(error).__name__}: {text}"
    hints = [hint for pattern, hint in HINTS.items() if re.search(pattern, said)]
    if shapes and re.search(SHAPES, text):
        hints.append(f"The shapes are {shapes}.")
    hint = unused or next(iter(hints), "")
    end = "?" if str(error).endswith("?") else "."
    return f"your code stops with {said}{end} {hint}".rstrip()


def shapes_of(reference: Answer, case: tuple) -> str:
    """The shapes of a case's arguments, by name: "v (4, 3), model.W (3, 2)"."""
    names = inspect.signature(reference).parameters
    pairs = zip(names, case, strict=False)
    parts = [part for pair in pairs for part in _arrays(*pair)]
    return ", ".join(f"{name} {tuple(x.shape)}" for name, x in parts)


def _arrays(name: str, x: Any) -> list[tuple[str, Any]]:
    """An argument that is an array, or those in a tuple or in a small model."""
    inside = {name: x}
    if isinstance(x, tuple):
        inside = {f"{name}[{i}]": part for i, part in enumerate(x)}
    elif is_dataclass(x):
        inside = {f"{name}.{key}": part for key, part in vars(x).items()}
    return [(key, part) for key, part in inside.items() if getattr(part, "ndim", 0)]


def unused_arguments(answer: Any, reference: Answer) -> str:
    """Name the arguments that only the reference uses, and what is used instead, or "".

    Examples
    --------
    >>> unused_arguments(lambda v, b: v.sum(), lambda v, b: v @ b)
    'Your function never uses b.'
    """
    names = _parameters(answer)
    wanted = [name in _loaded(reference) for name in _parameters(reference)]
    if len(names) != len(wanted) or not names or "locals" in answer.__code__.co_names:
        return ""
    unused = [
        name
        for name, is_wanted in zip(names, wanted, strict=True)
        if is_wanted and name not in _loaded(answer)
    ]
    if not unused:
        return ""
    outside = _variables_outside(answer)
    instead = f" It uses {', '.join(outside)} from outside instead." if outside else ""
    return f"Your function never uses {', '.join(unused)}.{instead}"


def does_something(function: Any) -> bool:
    """Whether a plain function has more in it than ``return None``, or nothing at all.

    Examples
    --------
    >>> does_something(lambda p: p[3]), does_something(lambda p: None)
    (True, False)
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    has_own = code.co_nlocals > code.co_argcount + code.co_kwonlyargcount
    return bool(code.co_names or has_own or _loaded(function))


def _parameters(function: Any) -> list[str]:
    """Names of the parameters of a plain function. Those of anything else are unknown."""
    code = getattr(function, "__code__", None)
    return list(code.co_varnames[: code.co_argcount]) if code else []


def _loaded(function: Any) -> set[str]:
    """The local variables that a function reads, itself or in a function inside."""
    found = set(function.__code__.co_cellvars)
    for step in dis.get_instructions(function):
        if "LOAD_FAST" in step.opname:  # some versions of Python load two at once
            found.update(step.argval if isinstance(step.argval, tuple) else (step.argval,))
    return found


def _variables_outside(function: Any) -> list[str]:
    """Global variables that a function reads, but for modules, functions and types."""
    steps = dis.get_instructions(function)
    names = dict.fromkeys(x.argval for x in steps if x.opname == "LOAD_GLOBAL")
    there = {name: function.__globals__.get(name) for name in names}
    return [
        name
        for name, value in there.items()
        if not (value is None or callable(value) or inspect.ismodule(value))
    ]
