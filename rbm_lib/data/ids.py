"""External ids and levels: turned into positions, or refused with the place of the first bad one."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray


def as_array(name: str, values: ArrayLike | torch.Tensor) -> NDArray:
    """A list, array, Series or dense tensor as an array."""
    if isinstance(values, torch.Tensor):
        if values.is_meta or values.layout != torch.strided:
            raise TypeError(
                f"{name}: got a {values.layout} tensor on {values.device}, expected a dense one."
            )
        values = values.detach().cpu()
    return np.asarray(values)


def flat_array(name: str, values: ArrayLike | torch.Tensor) -> NDArray:
    """The same with one axis and nothing missing."""
    array = as_array(name, values)
    if array.ndim != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected a flat list.")
    missing = np.flatnonzero(pd.isna(array))
    if missing.size:
        raise ValueError(
            f"{name}: got a missing value at position {missing[0]}, expected none. Leave it out."
        )
    return array


def as_levels(levels: NDArray) -> NDArray[np.int64]:
    """Whole numbers of any type as int64."""
    if levels.dtype.kind in "iub":
        return levels.astype(np.int64)
    if levels.dtype.kind == "c":
        raise TypeError("levels: got complex numbers, expected whole numbers.")
    numbers = pd.to_numeric(pd.Series(levels), errors="coerce")
    value = numbers.to_numpy(dtype=float, na_value=np.nan)
    whole = (value == np.round(value)) & (np.abs(value) <= 2**53)
    if not whole.all():
        first = int(np.argmin(whole))
        raise ValueError(
            f"levels: got {levels[first]!r} at position {first}, expected a whole number. "
            "Leave missing ratings out."
        )
    return value.astype(np.int64)


def positions(
    name: str, ids: NDArray, catalogue: ArrayLike | torch.Tensor | None
) -> tuple[NDArray[np.int64], NDArray]:
    """The place of each id in the catalogue, and the catalogue; None: the sorted ids."""
    if catalogue is None:
        codes, found = pd.factorize(ids, sort=True)
        return codes.astype(np.int64), np.asarray(found)
    known = flat_array(f"{name}_ids", catalogue).copy()  # the caller may change theirs
    if not pd.Index(known).is_unique:
        twice = known[pd.Index(known).duplicated()][0]
        raise ValueError(f"{name}_ids: got {twice!r} twice, expected every id once.")
    return look_up(name, known, ids), known


def look_up(
    name: str, catalogue: NDArray, ids: ArrayLike | torch.Tensor
) -> NDArray[np.int64]:
    """The place of each id in the catalogue; all of them have to be there."""
    ids = np.atleast_1d(as_array(f"{name} ids", ids))
    nested = ids.dtype == object and any(isinstance(i, dict | list | set) for i in ids.flat)
    if ids.ndim != 1 or nested:
        raise ValueError(f"{name} ids: got shape {ids.shape}, expected a flat list of ids.")
    index = pd.Index(catalogue).get_indexer(pd.Index(ids)).astype(np.int64)
    if (index < 0).any():
        unknown = pd.unique(ids[index < 0])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ValueError(
            f"{name} ids: got {unknown[:5].tolist()}{more}, expected ids of the catalogue of "
            f"{len(catalogue)} {name}s. Leave these out, or give {name}_ids= with them."
        )
    return index
