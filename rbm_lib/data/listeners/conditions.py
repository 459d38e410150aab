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
    def bonus(self, tracks: Catalogue, track: NDArray, profile: Profile, margin: NDArray):
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
            raise ValueError(
                f"Range({self.column!r}): got no end, expected low, high or both."
            )

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        low = np.nan if self.low is None else self.low
        high = np.nan if self.high is None else self.high
        return self._profile(np.full(n, low, dtype=float), np.full(n, high, dtype=float))

    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        low, high = self._ends(profile)
        if len(np.unique(np.stack([low, high]), axis=1).T) == 1:
            low, high = low[:1], high[:1]
        x = tracks.values(self.column)
        inside = np.fmin(x - low[:, None], high[:, None] - x) / tracks.spread(self.column)
        return np.where(np.isnan(x) | np.isnan(inside), MISSING, inside)

    def bonus(self, tracks: Catalogue, track: NDArray, profile: Profile, margin: NDArray):
        if self.column not in ("popularity", "instrumentalness", "liveness"):
            return 0.0
        low, high = self._ends(profile)
        top = 100 if self.column == "popularity" else 1
        middle = (np.nan_to_num(low) + np.where(np.isnan(high), top, high)) / 2
        return 0.5 * (tracks.values(self.column)[track] > middle)

    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        return self.column

    def _profile(self, low: NDArray, high: NDArray) -> Profile:
        return {f"{self.column}_low": low, f"{self.column}_high": high}

    def _ends(self, profile: Profile) -> tuple[NDArray, NDArray]:
        low = np.asarray(profile[f"{self.column}_low"], dtype=float)
        return low, np.asarray(profile[f"{self.column}_high"], dtype=float)


@dataclass(frozen=True)
class DrawnRange(Range):
    """A range of one `width`, whose lower end is drawn per listener.

    It is one of `starts`, or uniform so that the range lies between low and high.
    """

    width: float = 0.3
    starts: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.starts is None and not self._room() >= 0:
            raise ValueError(
                f"DrawnRange({self.column!r}): got low {self.low}, high {self.high} and width "
                f"{self.width}, expected a wider range, or starts."
            )

    def _room(self) -> float:
        if self.low is None or self.high is None:
            return np.nan
        return self.high - self.low - self.width

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        if self.starts is None:
            start = np.round(self.low + self._room() * rng.random(n), 2)
        else:
            start = np.asarray(self.starts, dtype=float)[
                rng.integers(len(self.starts), size=n)
            ]
        return self._profile(start, np.round(start + self.width, 2))


@dataclass(frozen=True)
class _OfLabels(Condition):
    """Genres (or artists): these `names`, or those in so many tracks."""

    names: tuple[str, ...] = ()
    more_than: int | None = None
    at_most: int | None = None
    most_frequent: int | None = None

    def __post_init__(self) -> None:
        if self.column not in LABELS:
            raise ValueError(
                f"column: got {self.column!r}, expected one of {list(LABELS)}."
            )

    def among(self, tracks: Catalogue) -> tuple[NDArray, Labels]:
        """Codes of the labels asked for, and all labels."""
        labels = tracks.labels(self.column)
        if self.names:
            return np.flatnonzero(np.isin(labels.names.astype(str), self.names)), labels
        return labels.chosen(self.more_than, self.at_most, self.most_frequent), labels

    def stand_in(self, tracks: Catalogue) -> str:
        codes, labels = self.among(tracks)
        counts = labels.counts[codes]
        one = LABELS[self.column]
        if self.at_most is not None and (counts > self.at_most).any():
            return f"no {one} in at most {self.at_most} tracks, the rarest instead"
        if self.more_than is not None and (counts <= self.more_than).any():
            return (
                f"no {one} in more than {self.more_than} tracks, the most frequent instead"
            )
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
        return {LABELS[self.column]: np.full(n, f"any {self.kind}", dtype=object)}

    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        codes, labels = self.among(tracks)
        return np.where(labels.has[codes].sum(0) > 0, MET, -MET)[None]

    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        return f"any {self.kind} {LABELS[self.column]}"


@dataclass(frozen=True)
class OneOf(_OfLabels):
    """One genre (or artist), drawn per listener among those that `AnyOf` would accept.

    A track without it is as far away as the nearest other candidate that it has, by average
    sound.
    """

    def draw(self, tracks: Catalogue, n: int, rng: Generator) -> Profile:
        codes, labels = self.among(tracks)
        drawn = np.full(n, "", dtype=object)
        if len(codes):
            drawn = labels.names[codes[rng.integers(len(codes), size=n)]].astype(object)
        return {LABELS[self.column]: drawn}

    def margin(self, tracks: Catalogue, profile: Profile) -> NDArray:
        codes, labels = self.among(tracks)
        asked = np.asarray(profile[LABELS[self.column]], dtype=str)
        names, which = np.unique(asked, return_inverse=True)
        wanted = pd.Index(labels.names.astype(str)).get_indexer(names)
        result = np.full((len(names), len(tracks)), -MET)
        result[wanted >= 0] = labels.margin(wanted[wanted >= 0], codes)
        return result[which]

    def given_up(self, tracks: Catalogue, profile: Profile, margin: NDArray) -> str:
        """The genres or artists that the tracks were taken from, the nearest first."""
        codes, labels = self.among(tracks)
        one = LABELS[self.column]
        wanted = np.flatnonzero(labels.names.astype(str) == profile[one])
        if not len(wanted):
            return f"any {one}"
        far = labels.far(wanted, codes)[0]
        nearest = np.argsort(far, kind="stable")
        names = labels.names[codes[nearest[np.isin(far[nearest], -margin)]]]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"{one} {' | '.join(names[:3])}{more}" if len(names) else f"any {one}"
