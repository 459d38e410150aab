"""What the levels of a rating stand for: stars, marks out of ten, thumbs, plays."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import plain, require_number

# Tried in this order; the first that has all the ratings is taken.
USUAL_SCALES: list[NDArray[np.float64]] = [
    np.array([0.0, 1.0]),
    np.array([-1.0, 1.0]),
    np.arange(1.0, 6.0),
    np.arange(1.0, 9.0) / 2,
    np.arange(1.0, 11.0) / 2,
    np.arange(0.0, 6.0),
    np.arange(0.0, 11.0) / 2,
    np.arange(1.0, 11.0),
    np.arange(0.0, 11.0),
    np.arange(1.0, 21.0) / 2,
]
FIRST_LIKE = 0.75  # of the way from the lowest to the highest rating


@dataclass(frozen=True)
class Scale:
    """The ratings that the levels 0, 1, 2, … stand for.

    Parameters
    ----------
    steps : increasing numbers
        The rating of each level.
    threshold : float, optional
        Of two levels that were cut from other numbers, such as plays: level 1 from here on.

    Examples
    --------
    >>> Scale.detect([3, 5, 4]).steps
    (1.0, 2.0, 3.0, 4.0, 5.0)
    >>> Scale.detect([0.5, 4]).n_levels
    8
    >>> Scale.detect([1, 3, 2, 3000, 41])  # plays: each is a like
    Scale(steps=(0.0, 1.0), threshold=1.0)
    """

    steps: tuple[float, ...]
    threshold: float | None = None

    def __post_init__(self) -> None:
        try:
            steps = np.asarray(self.steps, dtype=float)
        except (TypeError, ValueError):
            steps = np.zeros(0)
        good = steps.ndim == 1 and len(steps) >= 2 and np.isfinite(steps).all()
        if not good or not (np.diff(steps) > 0).all():
            raise ValueError(
                f"scale: got {self.steps}, expected two or more increasing numbers."
            )
        if len(steps) > 255:  # level + 1 is stored in one byte
            raise ValueError(f"scale: got {len(steps)} steps, expected at most 255.")
        object.__setattr__(self, "steps", tuple(steps.tolist()))

    @classmethod
    def detect(cls, ratings: ArrayLike, are_plays: bool = False) -> "Scale":
        """Find the usual scale of these ratings, or take whole numbers for plays."""
        values = np.unique(np.asarray(ratings, dtype=float))
        for steps in [] if are_plays else USUAL_SCALES:
            if np.isin(values, steps).all():
                return cls(tuple(steps))
        low, high = values.min(), values.max()
        counts = low >= 0 and (values == np.round(values)).all()
        # Marks out of 100 crowd near the top, plays near the bottom.
        crowded_low = np.median(np.asarray(ratings, dtype=float)) <= high / 4
        if counts and (are_plays or crowded_low):
            return cls.cut(1.0)
        raise ValueError(
            f"rating: got {len(values)} different numbers from {low:g} to {high:g}, "
            "expected stars, marks, 0 and 1, or plays. Give scale=, or like_at_least= for "
            "two levels."
        )

    @classmethod
    def cut(cls, at: float) -> "Scale":
        """Two levels: 1 for what is at least `at`, else 0."""
        return cls((0.0, 1.0), require_number("like_at_least", at, least=-np.inf))

    @property
    def n_levels(self) -> int:
        return len(self.steps)

    def levels(self, ratings: pd.Series) -> NDArray[np.int64]:
        """The level of each rating; a ValueError names the first that has none."""
        value = as_float(ratings)
        if self.threshold is not None:
            _refuse(np.isnan(value), ratings, "a number")
            return (value >= self.threshold).astype(np.int64)
        steps = np.asarray(self.steps)
        levels = np.searchsorted(steps, value).clip(max=len(steps) - 1)
        _refuse(steps[levels] != value, ratings, f"one of {steps.tolist()}")
        return levels

    def nearest(self, values: NDArray) -> NDArray:
        """The nearest rating of the scale; of two that are as near, the higher."""
        if self.threshold is not None:
            return values
        steps = np.asarray(self.steps)
        middles = (steps[:-1] + steps[1:]) / 2
        return steps[np.searchsorted(middles, values, side="right")]

    def like_level(self, like_at_least: float | None = None) -> int:
        """The lowest level that is a like: by default in the upper quarter of the scale."""
        steps = np.asarray(self.steps)
        if like_at_least is None:
            like_at_least = steps[0] + FIRST_LIKE * (steps[-1] - steps[0])
        elif self.threshold is not None:
            if like_at_least == self.threshold:
                return 1
            raise ValueError(
                f"like_at_least: got {like_at_least}, expected {self.threshold:g}, where "
                "the ratings were cut. Give it to RatingMatrix.from_frame instead."
            )
        least = require_number("like_at_least", like_at_least, least=-np.inf)
        level = int(np.searchsorted(steps, least))
        if not 1 <= level < len(steps):
            raise ValueError(
                f"like_at_least: got {least:g}, expected more than {steps[0]:g} and at "
                f"most {steps[-1]:g}."
            )
        return level

    def description(self) -> dict[str, Any]:
        """What JSON can hold; `Scale(**description)` is this scale."""
        return {"steps": list(self.steps), "threshold": self.threshold}


def as_float(ratings: pd.Series) -> NDArray[np.float64]:
    """Numbers of any type as float; NaN where there is none."""
    numbers = pd.Series(pd.to_numeric(ratings, errors="coerce"))
    return numbers.to_numpy(dtype=float, na_value=np.nan)


def require_numbers(ratings: pd.Series) -> None:
    """Raise a ValueError that names the first rating which is not a number."""
    _refuse(~np.isfinite(as_float(ratings)), ratings, "a number")


def _refuse(wrong: NDArray, ratings: pd.Series, expected: str) -> None:
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    value = plain(ratings.iloc[first])
    got = f"{value!r} in row {ratings.index[first]}"
    fix = "Fix the row, or give scale=."
    if ratings.isna().iloc[first]:
        column = ratings.name or "rating"
        fix = f"Leave rows without a rating out: table.dropna(subset=[{column!r}])."
    elif isinstance(value, str) and re.fullmatch(r"-?\d+,\d+", value):
        fix = "Read the file with decimal=','."
    raise ValueError(
        f"{ratings.name or 'rating'}: got {got} (position {first}), expected {expected}. "
        f"{fix}"
    )
