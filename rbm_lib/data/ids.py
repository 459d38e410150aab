"""External ids and levels become arrays and positions, and the first bad one is named."""

from collections.abc import Iterable, KeysView, Mapping, Sequence, Set
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, plain, refuse_masked_array

Ids = ArrayLike | torch.Tensor


def as_array(name: str, values: Any) -> NDArray:
    """A list, array, Series, dense tensor or other ordered values as an array."""
    if isinstance(values, Set) and not isinstance(values, KeysView):
        raise TypeError(f"{name}: got a set, which has no order, expected a list. Sort it.")
    if isinstance(values, torch.Tensor):
        if values.is_meta or values.layout != torch.strided:
            raise TypeError(f"{name}: got a {values.layout} tensor, expected a dense one.")
        values = values.detach().cpu()
    refuse_masked_array(name, values)
    # A dict's keys and a generator have no length or no places.
    if isinstance(values, Iterable) and not isinstance(values, Mapping | Sequence):
        values = values if hasattr(values, "__array__") else list(values)
    return np.asarray(values)


def flat_array(name: str, values: Ids) -> NDArray:
    """The same with one axis and nothing missing."""
    array = as_array(name, values)
    if array.ndim != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected a flat list.")
    missing = np.flatnonzero(pd.isna(array))
    if missing.size:
        first = missing[0]
        raise ValueError(
            f"{name}: got a missing value at position {first}, expected none. Leave it out."
        )
    return array


def as_levels(values: Ids) -> NDArray[np.int64]:
    """Whole numbers of any type as int64."""
    levels = as_array("levels", values)
    if levels.dtype.kind in "iub":
        return levels.astype(np.int64)
    numbers = as_numbers(levels, "levels", (None,), most=None).numpy()
    wrong = np.flatnonzero((numbers != np.round(numbers)) | (np.abs(numbers) > 2**53))
    if wrong.size:
        got = f"{numbers[wrong[0]]:g} at position {wrong[0]}"
        raise ValueError(f"levels: got {got}, expected whole numbers. Leave gaps out.")
    return numbers.astype(np.int64)


def positions(
    name: str, ids: NDArray, catalogue: Ids | None
) -> tuple[NDArray[np.int64], NDArray]:
    """The place of each id in the catalogue, by default the sorted ids; the catalogue."""
    if catalogue is None:
        codes, found = pd.factorize(ids, sort=True)
        return codes.astype(np.int64), np.asarray(found)
    known = flat_array(f"{name}_ids", catalogue).copy()  # the caller may change theirs
    again = pd.Index(known).duplicated()
    if again.any():
        raise ValueError(
            f"{name}_ids: got {plain(known[again][0])!r} twice, expected it once."
        )
    return look_up(name, known, ids), known


def known_places(ids: Ids, catalogue: NDArray) -> NDArray[np.int64]:
    """The place of each id in the catalogue, or −1."""
    ids = flat_array("ids", ids)
    return pd.Index(catalogue).get_indexer(pd.Index(ids)).astype(np.int64)


def look_up(name: str, catalogue: NDArray, ids: Ids) -> NDArray[np.int64]:
    """The place of each id in the catalogue; all of them have to be there."""
    ids = np.atleast_1d(as_array("ids", ids))
    if ids.ndim != 1 or any(isinstance(i, dict | list | set) for i in ids[:1]):
        raise ValueError(f"ids: got shape {ids.shape}, expected a flat list of ids.")
    index = pd.Index(catalogue).get_indexer(pd.Index(ids)).astype(np.int64)
    unknown = pd.unique(ids[index < 0])
    if len(unknown):
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ValueError(
            f"ids: got {unknown[:5].tolist()}{more}, expected {name} ids of "
            f"the catalogue of {len(catalogue)}. Leave them out, or give {name}_ids=."
        )
    return index


def require_pairs_once(users: NDArray, items: NDArray, pair: NDArray[np.int64]) -> None:
    """Check that no user rates an item twice; `pair` is a number for each user and item."""
    again = pd.Index(pair).duplicated()
    if again.any():
        second = int(np.argmax(again))
        first = int(np.argmax(pair == pair[second]))
        got = f"user {users[second]} and item {items[second]}"
        raise ValueError(
            f"users, items: got {got} at positions {first} and {second}, expected a pair "
            "once. Keep one of them, or give on_duplicate='last', 'mean' or 'sum' (of "
            "plays) to from_frame."
        )
