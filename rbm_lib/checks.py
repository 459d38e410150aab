"""Argument validation, in one place."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

BLOCK_ELEMENTS = (
    2**18
)  # numbers held at once where much is summed: what fits into a processor's cache
VARIANCE_FLOOR = (
    1e-6  # of variances: the density of a column that hardly varies stays finite
)
LARGEST = 1e15  # of Gaussian units: energies hold its square, and float32 ends at 3e38


def to_device(tensor: Tensor, device) -> Tensor:
    """A tensor of the CPU on the machine's device; the program does not wait until it has arrived."""
    return (
        tensor.pin_memory().to(device, non_blocking=True)
        if device.type == "cuda"
        else tensor.to(device)
    )


def require_whole(name, value, least=1) -> int:
    """`value` as an int; ValueError naming the argument where it is no whole number of at least `least`."""
    try:
        whole = None if isinstance(value, complex) else int(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        whole = None
    if whole is None or whole != value or whole < least:
        raise ValueError(
            f"{name}: got {value!r}, expected a whole number of at least {least}."
        )
    return whole


def require_number(name, value, least=0.0, most=math.inf) -> float:
    """`value` as a float; ValueError naming the argument where it is no finite number from least to most."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if isinstance(value, str) or not (math.isfinite(number) and least <= number <= most):
        upper = "" if math.isinf(most) else f" and at most {most:g}"
        raise ValueError(
            f"{name}: got {value!r}, expected a finite number of at least {least:g}{upper}."
        )
    return number


def as_device(device) -> torch.device:
    """The torch device of that name; ValueError where there is none of it."""
    try:
        return torch.device(device)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"device: got {device!r}, expected one such as 'cpu' or 'cuda'."
        ) from error


def seeded_or_none(seed):
    """A generator of that seed; None for None, which stands for torch's own."""
    return (
        None
        if seed is None
        else torch.Generator().manual_seed(require_whole("seed", seed, least=0))
    )


def as_numbers(value, name, shape=None, most=LARGEST) -> Tensor:
    """`value` as a dense tensor of real numbers, float32 or float64; a copy unless it is one already.

    shape: the sizes expected, None for any. most: how large a number may be; None: anything goes, NaN too.
    Raises ValueError or TypeError that names the argument.
    """
    if isinstance(value, Tensor):
        if value.is_complex() or value.layout != torch.strided or value.is_meta:
            given = f"{value.dtype} tensor (layout {value.layout}, on {value.device})"
            raise TypeError(f"{name}: got a {given}, expected dense real numbers.")
        numbers = value.detach() if value.is_floating_point() else value.double()
        numbers = numbers.to(torch.promote_types(numbers.dtype, torch.float32))
    else:
        try:
            if hasattr(value, "iloc"):  # pandas: nullable columns hold pd.NA
                value = value.to_numpy(dtype=float, na_value=np.nan)
            if np.iscomplexobj(value):
                raise TypeError("they are complex")
            floating = getattr(value, "dtype", None) == np.float32
            numbers = torch.from_numpy(
                np.array(value, dtype=np.float32 if floating else float)
            )
        except (TypeError, ValueError, OverflowError) as error:
            given = type(value).__name__
            raise TypeError(
                f"{name}: got {given}, expected numbers as a tensor, array or DataFrame ({error})."
            ) from error
    if shape is not None:
        check_shape(numbers, name, shape)
    if most is not None and not (numbers.abs() <= most).all():  # not true of NaN either
        wrong = (~(numbers.abs() <= most)).nonzero()[0].tolist()
        got = f"{numbers[tuple(wrong)]:g} at {wrong}"
        raise ValueError(
            f"{name}: got {got}, expected numbers between −{most:g} and {most:g}."
        )
    return numbers


def check_shape(tensor, name, shape):
    """ValueError where the tensor has other sizes than `shape`, in which None stands for any."""
    given = tuple(tensor.shape)
    if len(given) != len(shape) or any(
        n not in (None, m) for m, n in zip(given, shape, strict=True)
    ):
        sizes = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{name}: got shape {given}, expected ({sizes}).")


def as_booleans(mask, name) -> Tensor:
    """A mask (tensor, array, DataFrame, list) as a dense boolean tensor; a copy unless it is one already."""
    if not isinstance(mask, Tensor):
        try:
            mask = np.array(mask)
        except ValueError as error:  # rows of different lengths
            raise TypeError(
                f"{name}: got {type(mask).__name__}, expected booleans ({error})."
            ) from error
        mask = torch.from_numpy(mask) if mask.dtype == bool else mask
    if mask.dtype != torch.bool:
        raise TypeError(
            f"{name}: got a mask of {mask.dtype}, expected booleans (try .bool() or .astype(bool))."
        )
    if mask.layout != torch.strided or mask.is_meta:
        raise TypeError(
            f"{name}: got a mask {mask.layout} on {mask.device}, expected dense booleans."
        )
    return mask


def describe(value: Any) -> str:
    """What kind of thing a value is, for messages."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    layout = f" ({value.layout})" if value.layout != torch.strided else ""
    return f"a {value.dtype} tensor{layout}"


def require_generator(generator):
    """TypeError where `generator` is neither None nor a torch.Generator."""
    if not isinstance(generator, torch.Generator | None):
        given = type(generator).__name__
        raise TypeError(
            f"generator: got {given}, expected None or torch.Generator().manual_seed(seed)."
        )
