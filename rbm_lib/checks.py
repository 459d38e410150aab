"""Argument validation, in one place: every check converts the value or raises one error.

Messages read `name: got X, expected Y. <what to do>`.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

BLOCK_ELEMENTS = 2**18  # numbers held at once in long sums: what fits into a cache
VARIANCE_FLOOR = 1e-6  # keeps the density of a column that hardly varies finite
LARGEST = 1e15  # of Gaussian units: energies hold its square, and float32 ends at 3e38


def describe(value: Any) -> str:
    """What kind of thing a value is, for messages."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    layout = f" ({value.layout})" if value.layout != torch.strided else ""
    return f"a {value.dtype} tensor{layout}"


def require_whole(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    try:
        whole = None if isinstance(value, complex) else int(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        whole = None
    if whole is None or whole != value or whole < least:
        raise ValueError(
            f"{name}: got {plain(value)!r}, expected a whole number of at least {least}."
        )
    return whole


def require_number(
    name: str, value: Any, least: float = 0.0, most: float = math.inf
) -> float:
    """`value` as a finite float from `least` to `most`."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if isinstance(value, str) or not (math.isfinite(number) and least <= number <= most):
        lower = "" if math.isinf(least) else f" of at least {least:g}"
        upper = "" if math.isinf(most) else f" and at most {most:g}"
        raise ValueError(
            f"{name}: got {plain(value)!r}, expected a finite number{lower}{upper}."
        )
    return number


def require_flag(name: str, value: Any) -> bool:
    """`value` as a bool; only True and False will do, of Python, NumPy or torch."""
    value = plain(value)
    if not isinstance(value, bool):
        raise TypeError(f"{name}: got {value!r}, expected True or False.")
    return value


def require_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """`value`, if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: got {value!r}, expected one of {tuple(choices)}.")
    return value


def plain(value: Any) -> Any:
    """A NumPy or torch number as a Python one; anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Tensor) and value.ndim == 0 and not value.is_meta:
        return value.item()
    return value


def plain_tree(value: Any) -> Any:
    """A structure in plain Python: NumPy's numbers, lists of ids, paths; tensors stay."""
    if isinstance(value, Mapping):
        return {plain(key): plain_tree(entry) for key, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain_tree(entry) for entry in value)
    if isinstance(value, np.ndarray | pd.Index | pd.Series):
        refuse_masked_array("array", value)
        return plain_tree(value.tolist())
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def as_device(device: Any) -> torch.device:
    """The torch device of that name."""
    try:
        return torch.device(device)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"device: got {device!r}, expected one such as 'cpu' or 'cuda'."
        ) from error


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on another device; the program does not wait until it has arrived."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def require_generator(generator: Any) -> None:
    """Raise a TypeError unless `generator` is None or a torch.Generator."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(
            f"generator: got {type(generator).__name__}, expected None or "
            "torch.Generator().manual_seed(seed)."
        )


def as_numbers(
    value: Any,
    name: str,
    shape: Sequence[int | None] | None = None,
    most: float | None = LARGEST,
) -> Tensor:
    """`value` as a dense float32 or float64 tensor; a copy unless it is one already.

    Parameters
    ----------
    value : tensor, array, list or DataFrame
        Real numbers.
    name : str
        Of the argument, for messages.
    shape : sequence of int or None, optional
        The sizes expected, None for any.
    most : float, optional
        How large a number may be; with None anything goes, NaN too.
    """
    numbers = _tensor_numbers(value, name)
    if numbers is None:
        numbers = _array_numbers(value, name)
    if shape is not None:
        check_shape(numbers, name, shape)
    if most is not None and not (numbers.abs() <= most).all():  # not true of NaN either
        where = (~(numbers.abs() <= most)).nonzero()[0].tolist()
        raise ValueError(
            f"{name}: got {numbers[tuple(where)]:g} at {where}, expected numbers between "
            f"−{most:g} and {most:g}."
        )
    return numbers


def _tensor_numbers(value: Any, name: str) -> Tensor | None:
    if not isinstance(value, Tensor):
        return None
    if value.is_complex() or value.layout != torch.strided or value.is_meta:
        place = f" on {value.device}" if value.is_meta else ""
        raise TypeError(
            f"{name}: got {describe(value)}{place}, expected dense real numbers."
        )
    numbers = value.detach() if value.is_floating_point() else value.double()
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))


def _array_numbers(value: Any, name: str) -> Tensor:
    refuse_masked_array(name, value)
    if value is None:
        raise TypeError(f"{name}: got None, expected numbers as a tensor or array.")
    try:
        if isinstance(value, (pd.DataFrame, pd.Series)):  # nullable columns hold pd.NA
            value = value.to_numpy(dtype=float, na_value=np.nan)
        if np.iscomplexobj(value):
            raise TypeError("they are complex")
        single = isinstance(value, np.ndarray) and value.dtype == np.float32
        return torch.from_numpy(np.array(value, dtype=np.float32 if single else float))
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(
            f"{name}: got {type(value).__name__}, expected numbers as a tensor, array or "
            f"DataFrame ({error})."
        ) from error


def refuse_masked_array(name: str, value: Any) -> None:
    """Raise a TypeError for NumPy masked arrays, alone or in a list: they lose masks."""
    values = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(entry, np.ma.MaskedArray) for entry in values):
        raise TypeError(
            f"{name}: got a masked array, whose mask would be lost, expected an array. "
            "Pass `values.filled(0)` and observed=`~np.ma.getmaskarray(values)`."
        )


def check_shape(tensor: Tensor, name: str, shape: Sequence[int | None]) -> None:
    """Raise a ValueError unless the tensor has these sizes; None stands for any."""
    given = tuple(tensor.shape)
    fits = len(given) == len(shape) and all(
        n in (None, m) for n, m in zip(shape, given, strict=True)
    )
    if not fits:
        sizes = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{name}: got shape {given}, expected ({sizes}).")


def as_booleans(mask: Any, name: str) -> Tensor:
    """A mask (tensor, array, DataFrame, list) as a dense boolean tensor."""
    if not isinstance(mask, Tensor):
        refuse_masked_array(name, mask)
        try:
            array = np.array(mask)
        except ValueError as error:  # rows of different lengths
            raise TypeError(
                f"{name}: got {type(mask).__name__}, expected booleans ({error})."
            ) from error
        if array.dtype != bool:
            raise TypeError(
                f"{name}: got a mask of {array.dtype}, expected booleans. Try "
                ".astype(bool)."
            )
        return torch.from_numpy(array)
    if mask.dtype != torch.bool:
        raise TypeError(
            f"{name}: got a mask of {mask.dtype}, expected booleans. Try .bool()."
        )
    if mask.layout != torch.strided or mask.is_meta:
        raise TypeError(
            f"{name}: got a mask {mask.layout} on {mask.device}, expected dense booleans."
        )
    return mask
