"""What can be wrong with a data set as a whole, although each of its values is legal."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.units import Categorical

LEAST_STEPS = 16  # between neighbouring numbers in a standard deviation of a Gaussian unit


def unit_names(data: Any) -> list[str] | None:
    """What data call their columns, as text; None if only their places count."""
    if isinstance(data, RatingMatrix):
        return [str(item) for item in data.item_ids.tolist()]
    if isinstance(data, pd.DataFrame) and not isinstance(data.columns, pd.RangeIndex):
        return [str(column) for column in data.columns]
    return None


def checked_names(name: str, data: Any, model: Any) -> list[str] | None:
    """The `unit_names` of data, if they are those that the model has met."""
    names = unit_names(data)
    require_names(name, names, getattr(model, "unit_names", None))
    return names


def require_names(name: str, given: list[str] | None, known: list[str] | None) -> None:
    """Raise a ValueError if the columns have other names, or another order."""
    if given is None or known is None or given == known:
        return
    pairs = zip(given, known, strict=False)
    got, expected = next((pair for pair in pairs if pair[0] != pair[1]), ("more", "fewer"))
    raise ValueError(
        f"{name}: got column {got!r} where the model has met {expected!r}, expected "
        "model.unit_names in their order. Reorder the columns, or make a new model."
    )


def require_same_labels(name: str, data: Any, observed: Any) -> None:
    """Raise a ValueError if data and mask are DataFrames with other rows or columns."""
    if not isinstance(observed, pd.DataFrame) or not isinstance(data, pd.DataFrame):
        return
    if not all(map(pd.Index.equals, observed.axes, data.axes)):
        raise ValueError(
            f"observed: got other labels than {name}, expected the same rows and columns "
            "in the same order. Try `observed.loc[df.index, df.columns]`."
        )


def require_spread(data: Any) -> None:
    """Raise a ValueError if rounding hides how a Gaussian unit of a VisibleData varies."""
    layer = data.layer
    if data.ratings is not None or not layer.n_variances:
        return
    parameters = data.fit_parameters()
    parts = [(part.n_features, part.n_variances > 0) for part, _, _ in layer.parts()]
    gaussian = torch.cat([torch.full((n,), is_real) for n, is_real in parts])
    mean = parameters["bias"].flatten().cpu()[gaussian]
    deviation = (0.5 * parameters["log_variance"]).exp().cpu()
    lost = torch.finfo(mean.dtype).eps * mean.abs() * LEAST_STEPS > deviation
    if lost.any():
        column = int(gaussian.nonzero()[lost][0])
        raise ValueError(
            f"{data.name}: got column {column} with mean {mean[lost][0]:g} and standard "
            f"deviation {deviation[lost][0]:g}, expected a spread that {mean.dtype} can "
            "hold. Subtract the mean first, or standardise."
        )


def has_one_level(data: Any) -> bool:
    """Whether all observed cells of a VisibleData are alike, so that only masks differ."""
    if data.ratings is not None:
        first = np.unique(data.ratings.rated_rows(slice(0, 1000)).levels)
        if len(first) > 1:  # of most ratings that is soon known
            return False
        return np.count_nonzero(data.ratings.level_counts().sum(0)) == 1
    if data.observed is None or data.layer.n_variances:
        return False
    batch = data.all()
    v = batch.v.flatten(1)
    there = batch.mask.expand_as(batch.v).flatten(1).bool()
    if not there.any():
        return False
    for part, features, _ in data.layer.parts():
        values, seen = v[:, features], there[:, features]
        if isinstance(part, Categorical):
            counts = values.sum(0).view(part.shape).sum(0)  # v is 0 where it is missing
            if torch.count_nonzero(counts) > 1:
                return False
        elif (values != values[seen][:1])[seen].any():
            return False
    return True
