"""Compare an answer with the right one, as float64, and say how the two differ.

An answer is a tensor, an array, a pandas object, a number, or a list, tuple or dataclass of
these.
"""

import numbers
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

Lengths = Collection[int]

# Half precision does not have six digits: an answer's coarsest type sets the tolerance.
PRECISION = {"float16": 1e-2, "bfloat16": 3e-2, "float32": 1e-5}


class Pieces(dict[str, np.ndarray]):
    """The arrays of an answer: "" for a single one, "[0]", "[1]" and so on for a tuple.

    ``names`` has the names of those that are fields of a dataclass.
    """

    def __init__(self, items: Iterable = (), precision: float = 0.0) -> None:
        super().__init__(items)
        self.precision = precision
        self.names: dict[str, str] = {}


def take_apart(value: Any) -> Pieces:
    """Return the arrays of an answer. Raises TypeError for what is not numbers."""
    pieces = Pieces()
    _collect(value, "", pieces)
    return pieces


def _collect(value: Any, label: str, pieces: Pieces) -> None:
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        pieces.names |= {f"{label}[{i}]": name for i, name in enumerate(names)}
        value = [getattr(value, name) for name in names]
    if isinstance(value, list | tuple) and _shape(value) is None:
        for i, item in enumerate(value):
            _collect(item, f"{label}[{i}]", pieces)
    else:
        pieces[label], dtype = _as_array(value)
        pieces.precision = max(pieces.precision, PRECISION.get(dtype, 0.0))


def all_numbers(outputs: Iterable[Pieces]) -> np.ndarray:
    """The entries of several answers in one vector."""
    return np.concatenate([x.ravel() for output in outputs for x in output.values()])


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested lists of numbers. None if they are no array."""
    if isinstance(value, list | tuple):
        shapes = {_shape(item) for item in value} or {()}
        shape = shapes.pop()
        return None if shapes or shape is None else (len(value), *shape)
    return () if isinstance(value, numbers.Number | np.generic) else None


def _as_array(value: Any) -> tuple[np.ndarray, str]:
    if isinstance(value, torch.Tensor):
        array = value.detach().cpu().to_dense().double().numpy()
        return array, str(value.dtype).removeprefix("torch.")
    try:
        array = np.asarray(value)
        if array.dtype.kind in "US":
            raise TypeError
        return array.astype(np.float64), str(array.dtype)
    except (TypeError, ValueError):
        raise TypeError(f"a {type(value).__name__} cannot be read as numbers") from None


def align(got: Pieces, expected: Pieces) -> Pieces:
    """Let a list of equal rows stand for an array, and an array for a list."""
    rows = [f"[{i}]" for i in range(max(len(got), len(expected)))]
    arrays = list(got.values())
    if list(got) == rows and list(expected) == [""]:
        if len({x.shape for x in arrays}) == 1:
            return Pieces({"": np.stack(arrays)}, got.precision)
    if list(got) == [""] and list(expected) == rows:
        if arrays[0].shape[:1] == (len(rows),):
            return Pieces(zip(rows, arrays[0], strict=True), got.precision)
    return got


def same(got: Pieces, expected: Pieces, tolerance: float) -> bool:
    """Whether two answers are equal, but for axes of length 1.

    Entries may differ by ``tolerance`` times the largest right one, more in low precision.
    """
    return list(got) == list(expected) and _different(got, expected, tolerance) is None


def column_for_vector(got: Pieces, expected: Pieces) -> str:
    """Say that an array is a column where the right one is a vector, or ""."""
    for label, right in expected.items():
        shape = got[label].shape
        if right.ndim == 1 < len(right) and shape == (len(right), 1):
            return f"The numbers are right, but {right.shape} is asked for, not {shape}."
    return ""


def _different(got: Pieces, expected: Pieces, tolerance: float) -> str | None:
    """The label of the first piece that differs."""
    tolerance = max(tolerance, got.precision, expected.precision)
    return next((x for x in expected if not _close(got[x], expected[x], tolerance)), None)


def _close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    got, expected = np.squeeze(got), np.squeeze(expected)
    return got.shape == expected.shape and bool(_is_close(got, expected, tolerance).all())


def _is_close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> np.ndarray:
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0) or 1.0
    return np.isclose(got, expected, rtol=0, atol=tolerance * largest, equal_nan=True)


def is_rounded(got: np.ndarray, expected: np.ndarray) -> bool:
    """Whether numbers are the right ones to a few digits, or cut to whole numbers."""
    if got.shape != expected.shape or not got.any():
        return False
    roundings = [np.trunc(expected), *(np.round(expected, digits) for digits in range(5))]
    return any(np.allclose(got, x, rtol=0, atol=1e-7) for x in roundings)


def are_probabilities(numbers: np.ndarray) -> bool:
    """Whether these are several numbers between 0 and 1, without the two themselves."""
    return len(numbers) > 3 and bool(((numbers > 0) & (numbers < 1)).all())


def made_discrete(got: np.ndarray, expected: np.ndarray) -> str:
    """Say that numbers are rounded, or zeros and ones in place of probabilities, or ""."""
    if are_probabilities(expected) and np.isin(got, (0, 1)).all():
        text = "Yours are zeros and ones only, the right ones lie between."
        return f"{text} Is something drawn, compared or rounded?"
    if is_rounded(got, expected):
        return "Yours are the right numbers rounded. Return them with all their digits."
    return ""


def describe(
    got: Pieces,
    expected: Pieces,
    tolerance: float,
    lengths: Lengths = (),
    parts: Sequence[str] = (),
) -> str:
    """Say how two answers differ.

    By the ``lengths`` of inputs a sum for a mean shows. ``parts`` are what the results of a
    tuple or list are called.
    """
    label = _different(got, expected, tolerance) if list(got) == list(expected) else None
    if label is None:
        return _count(got, expected)
    tolerance = max(tolerance, got.precision, expected.precision)
    where = _where(label, expected.names, parts)
    return where + _difference(got[label], expected[label], tolerance, lengths)


def _where(label: str, names: dict[str, str], parts: Sequence[str]) -> str:
    """Say which piece this is, such as "In W of the second copy: "."""
    if not label:
        return ""
    name = names.get(label)
    whole = label.rpartition("[")[0] if name else label
    number = int(whole[1:-1]) if whole.count("[") == 1 else len(parts)
    place = parts[number] if number < len(parts) else f"part {whole}"
    return f"In {' of '.join(filter(None, [name, place if whole else '']))}: "


def _count(got: Pieces, expected: Pieces) -> str:
    """Say that another number of results is expected."""
    if len(got) == len(expected):
        places = " and ".join(", ".join(list(x)[:3]) for x in (expected, got))
        return f"the results are nested differently. The right and your places: {places}."
    wanted = "1 result is" if len(expected) == 1 else f"{len(expected)} results are"
    text = f"{wanted} expected, yours has {len(got)}."
    if len(got) != 1:
        return text
    (one,) = got.values()
    shapes = ", ".join(str(x.shape) for x in expected.values())
    return f"{text} It has shape {one.shape}, and the right ones have {shapes}."


def _difference(
    got: np.ndarray, expected: np.ndarray, tolerance: float, lengths: Lengths
) -> str:
    if np.squeeze(got).shape != np.squeeze(expected).shape:
        swapped = got.ndim == 2 and _close(got.T, expected, tolerance)
        hint = " The values are right once transposed." if swapped else ""
        for name, number in (("sum", got.sum()), ("mean", got.mean() if got.size else 0)):
            if not expected.ndim and _close(np.asarray(number), expected, tolerance):
                hint = f" One number is asked for, and the {name} of yours is right."
        return f"your result has shape {got.shape}, the right one {expected.shape}.{hint}"

    got = got.reshape(expected.shape)
    if not np.isfinite(got).all() and np.isfinite(expected).all():
        return "your result has values that are not finite (NaN or infinity)."
    if _close(-got, expected, tolerance):
        return "the size is right, the sign is flipped."
    if not expected.ndim:
        return f"yours is {got:.6g}, the right value {expected:.6g}."

    square = np.vdot(expected, expected)
    factor = np.vdot(expected, got) / square if square else 0.0
    if factor and _close(got / factor, expected, tolerance):
        is_length = any(np.isclose(max(factor, 1 / factor), n) for n in lengths if n > 1)
        hint = " An input has this length: a sum or a mean too many?" if is_length else ""
        hint = " Is it in percent?" if np.isclose(factor, 100) else hint
        return f"yours is {factor:.4g} times the right one, everywhere.{hint}"
    shift = np.mean(got - expected)
    if _close(got - shift, expected, tolerance):
        return f"yours is off by the same amount everywhere: {shift:+.4g}."

    wrong = ~_is_close(got, expected, tolerance)
    place = tuple(np.argwhere(wrong)[0].tolist())
    values = f"yours is {got[place]:.6g}, the right value {expected[place]:.6g}"
    return f"{wrong.sum()} of {wrong.size} entries differ; at {list(place)} {values}."
