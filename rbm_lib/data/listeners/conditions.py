"""What a listener may ask of a track, and how far a track is from it.

Every condition gives one number per listener and track, the *margin*, in standard
deviations of the catalogue: 0 or more where the condition is met, else minus the distance.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from rbm_lib.data.listeners.catalogue import LABELS, MET, Catalogue, Labels

MISSING = -5.0  # the margin of a track whose value is not known
Profile = dict[str, Any]  # column of the profiles -> the preference of each listener


@dataclass(frozen=True)
class Condition(ABC):
    """A demand on one column of the tracks."""

    column: str

    @abstractmethod
    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        """The preferences of n listeners."""

    @abstractmethod
    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        """(n, n_tracks), or (1, n_tracks) if all listeners are alike."""

    @abstractmethod
    def bonus(
        self, tracks: Catalogue, track: NDArray, profile: Profile, margin: NDArray
    ) -> Any:
        """What the published ratings add for these tracks."""

    @abstractmethod
    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        """In words, what tracks with these margins below 0 do without."""

    def stand_in(self, tracks: Catalogue) -> str:
        """In words, what had to take the place of the thing asked for."""
        return ""


@dataclass(frozen=True)
class Range(Condition):
    """low <= column <= high; None leaves a side open."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError(f"{self.column}: got no end, expected low, high or both.")

    @property
    def ends(self) -> tuple[float, float]:
        """low and high, NaN where a side is open."""
        low = np.nan if self.low is None else float(self.low)
        return low, np.nan if self.high is None else float(self.high)

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        low, high = self.ends
        return {
            f"{self.column}_low": np.full(n, low),
            f"{self.column}_high": np.full(n, high),
        }

    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        low, high = self._drawn(profile)
        if len(pd.unique(low)) == len(pd.unique(high)) == 1:
            low, high = low[:1], high[:1]
        x = tracks.values(self.column)
        inside = np.fmin(x - low[:, None], high[:, None] - x) / tracks.spread(self.column)
        return np.where(np.isnan(x) | np.isnan(inside), MISSING, inside)

    def bonus(self, tracks: Catalogue, track: NDArray, profile: Profile, margin: NDArray):
        if self.column not in ("popularity", "instrumentalness", "liveness"):
            return 0.0
        low, high = self._drawn(profile)
        top = 100 if self.column == "popularity" else 1
        middle = (np.nan_to_num(low) + np.where(np.isnan(high), top, high)) / 2
        return 0.5 * (tracks.values(self.column)[track] > middle)

    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        return self.column

    def _drawn(self, profile: Profile) -> tuple[NDArray, NDArray]:
        low, high = profile[f"{self.column}_low"], profile[f"{self.column}_high"]
        return np.asarray(low, dtype=float), np.asarray(high, dtype=float)


@dataclass(frozen=True)
class DrawnRange(Range):
    """A range of one `width`, whose lower end is drawn per listener.

    It is one of `starts`, or uniform so that the range lies between low and high.
    """

    width: float = 0.3
    starts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.ends
        if not self.starts and not high - low >= self.width:  # NaN is refused too
            got = f"got {self.low} to {self.high} for a width of {self.width}"
            raise ValueError(f"{self.column}: {got}, expected a wider range, or starts.")

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        if self.starts:
            drawn = rng.integers(len(self.starts), size=n)
            start = np.asarray(self.starts, dtype=float)[drawn]
        else:
            low, high = self.ends
            start = np.round(low + (high - low - self.width) * rng.random(n), 2)
        end = np.round(start + self.width, 2)
        return {f"{self.column}_low": start, f"{self.column}_high": end}


@dataclass(frozen=True)
class _OfLabels(Condition):
    """Genres (or artists): these `names`, or those in so many tracks."""

    names: tuple[str, ...] = ()
    more_than: int | None = None
    at_most: int | None = None
    most_frequent: int | None = None

    def __post_init__(self) -> None:
        if self.column not in LABELS:
            raise ValueError(f"column: got {self.column!r}, expected one of {[*LABELS]}.")

    @property
    def one(self) -> str:
        """What one entry of the column is called, in words and in the profiles."""
        return LABELS[self.column]

    def among(self, tracks: Catalogue) -> tuple[NDArray, Labels]:
        """Codes of the labels asked for, and all labels."""
        labels = tracks.labels(self.column)
        if self.names:
            return np.flatnonzero(np.isin(labels.names.astype(str), self.names)), labels
        return labels.chosen(self.more_than, self.at_most, self.most_frequent), labels

    def stand_in(self, tracks: Catalogue) -> str:
        codes, labels = self.among(tracks)
        counts = labels.counts[codes]
        if self.at_most is not None and (counts > self.at_most).any():
            return f"no {self.one} in at most {self.at_most} tracks, the rarest instead"
        if self.more_than is not None and (counts <= self.more_than).any():
            more = f"no {self.one} in more than {self.more_than} tracks"
            return f"{more}, the most frequent instead"
        return ""

    def bonus(self, tracks: Catalogue, track: NDArray, profile: Profile, margin: NDArray):
        return (margin >= 0) * 1.0


@dataclass(frozen=True)
class AnyOf(_OfLabels):
    """At least one of several genres (or artists); `kind` is what to call them.

    They are these `names`, compared whole, or those in `more_than` or `at_most` tracks, or
    the `most_frequent` ones.
    """

    kind: str = "listed"

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        return {self.one: np.full(n, f"any {self.kind}", dtype=object)}

    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        codes, labels = self.among(tracks)
        return np.where(labels.has[codes].sum(0) > 0, MET, -MET)[None]

    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        return f"any {self.kind} {self.one}"


@dataclass(frozen=True)
class OneOf(_OfLabels):
    """One genre (or artist), drawn per listener among those that `AnyOf` would accept.

    A track without it is as far away as the nearest other candidate that it has, by average
    sound.
    """

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        codes, labels = self.among(tracks)
        if not len(codes):
            return {self.one: np.full(n, "", dtype=object)}
        drawn = labels.names[codes[rng.integers(len(codes), size=n)]]
        return {self.one: drawn.astype(object)}

    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        codes, labels = self.among(tracks)
        asked = np.asarray(profile[self.one], dtype=str)
        names, which = np.unique(asked, return_inverse=True)
        wanted = pd.Index(labels.names.astype(str)).get_indexer(names)
        result = np.full((len(names), len(tracks)), -MET)
        result[wanted >= 0] = labels.margin(wanted[wanted >= 0], codes)
        return result[which]

    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        """The genres or artists that the tracks were taken from, the nearest first."""
        codes, labels = self.among(tracks)
        wanted = np.flatnonzero(labels.names.astype(str) == profile[self.one])
        if not len(wanted):
            return f"any {self.one}"
        far = labels.far(wanted, codes)[0]
        nearest = np.argsort(far, kind="stable")
        names = labels.names[codes[nearest[np.isin(far[nearest], -margin)]]]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return (
            f"{self.one} {' | '.join(names[:3])}{more}" if len(names) else f"any {self.one}"
        )
