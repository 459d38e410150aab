"""Listens, real or invented, cut into known and held-out rows with their features."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.preprocessing import TargetEncoder

from rbm_lib.data import DataUnavailable, load_deezer, synthetic_deezer
from rbm_lib.data.deezer.features import (
    CATEGORIES,
    day_folds,
    first_flow_split,
    out_of_fold,
    plain_features,
    temporal_split,
)

LAST_DAYS = "last five days"
SPLITS = {LAST_DAYS: temporal_split, "first Flow": first_flow_split}

# Of the known rows alone: the days that choose among settings.
INNER = {"inner": temporal_split}

Smoothing = float | str  # as in scikit-learn's TargetEncoder


@dataclass
class Case:
    """Known rows and their features; for each split its held-out rows and theirs."""

    known: pd.DataFrame
    features: pd.DataFrame
    held_out: dict[str, tuple[pd.DataFrame, pd.DataFrame]]


def tables(seeds: Iterable[int], rows: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """(origin, listens): the real ones, or invented ones for each seed."""
    try:
        data = load_deezer(synthetic=False, verbose=False)
        yield data.origin, data.train
    except DataUnavailable:
        for seed in seeds:
            data = synthetic_deezer(seed, rows)
            yield data.origin, data.train


def ids(listens: pd.DataFrame, pair: bool = False) -> pd.DataFrame:
    """The columns whose rates are features; with `pair`, also user and artist together."""
    columns = listens[list(CATEGORIES)]
    if not pair:
        return columns
    both = listens["user_id"].astype("int64") * 2**31 + listens["artist_id"]
    return columns.assign(user_artist=both)


def rates(
    known: pd.DataFrame,
    listens: pd.DataFrame | None = None,
    smooth: Smoothing = 20.0,
    pair: bool = False,
) -> pd.DataFrame:
    """The rates that `known` gives for the ids of `listens`, or out of fold for its own."""
    encoder = TargetEncoder(smooth=smooth)
    x = ids(known, pair)
    y = known["is_listened"]
    if listens is None:
        values = out_of_fold(encoder, x, y, day_folds(known))
        listens = known
    else:
        values = encoder.fit(x, y).transform(ids(listens, pair))
    names = [f"{name} rate" for name in x]
    return pd.DataFrame(values.astype(np.float32), columns=names, index=listens.index)


def features(
    known: pd.DataFrame,
    listens: pd.DataFrame | None = None,
    smooth: Smoothing = 20.0,
    pair: bool = False,
) -> pd.DataFrame:
    """Rates, as in `rates`, and what each row says about itself."""
    rows = known if listens is None else listens
    return rates(known, listens, smooth, pair).join(plain_features(rows))


def case(listens: pd.DataFrame, splits: dict[str, Callable], smooth: Smoothing) -> Case:
    """Make a Case by functions of listens → (known, held_out), with the same known rows."""
    parts = {name: split(listens) for name, split in splits.items()}
    first, _ = next(iter(parts.values()))
    known = listens[first]
    held_out = {}
    for name, (_, later) in parts.items():
        rows = listens[later]
        held_out[name] = rows, features(known, rows, smooth)
    return Case(known, features(known, smooth=smooth), held_out)


def cases(
    listens: pd.DataFrame, splits: dict[str, Callable], smooths: Iterable[Smoothing]
) -> dict[Smoothing, Case]:
    """A Case for each smoothing of the rates."""
    return {smooth: case(listens, splits, smooth) for smooth in smooths}
