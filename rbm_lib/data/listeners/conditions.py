"""What a listener may ask of a track: a range, one of many genres, an artist; and how far a track is from it.

Every condition answers with one number per listener and track, the *margin*, in standard deviations of the
catalogue: 0 or more where the condition is met, minus the distance where it is not.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import scipy.sparse

from rbm_lib.data.spotify.load import FEATURES

SOUND = [
    "danceability", "energy", "loudness", "speechiness", "acousticness",
    "instrumentalness", "liveness", "valence", "tempo",
]  # fmt: skip
WHOLE = ["key", "mode", "time_signature", "popularity", "duration_ms"]  # the features that are whole numbers
LABELS = {"genres": "genre", "artists": "artist"}  # columns that hold lists, and the name of one entry
MISSING = -5.0  # the margin of a track whose value is not known
MET = 1.0  # the margin of a track that has the wanted genre or artist
OTHER = 0.25  # added to the distance between two genres or artists, so that no two are the same


class Shelf:
    """The tracks in the order of their address, so that the order of the rows plays no part.

    tracks: a DataFrame as `load_spotify` gives. Raises ValueError for a missing column, an address that
    occurs twice, an audio feature that is missing or no number.
    """

    def __init__(self, tracks):
        wanted = ["track_uri", "track_name", "artist_name", "release_year", *LABELS, *FEATURES]
        if lacking := [name for name in wanted if name not in tracks.columns]:
            raise ValueError(f"tracks: there is no column {', '.join(lacking)}; give load_spotify().tracks.")
        if not tracks["track_uri"].is_unique:
            twice = tracks["track_uri"][tracks["track_uri"].duplicated()].iloc[0]
            raise ValueError(f"tracks: {twice} stands in two rows; keep one, with drop_duplicates.")
        self.order = np.argsort(tracks["track_uri"].to_numpy(dtype=str), kind="stable")
        self.tracks = tracks.iloc[self.order].reset_index(drop=True)
        self._columns, self._labels = {}, {}
        for name in FEATURES:
            values = self.values(name)
            bad = ~np.isfinite(values) | ((values % 1 != 0) & (name in WHOLE))
            if bad.any():
                raise ValueError(
                    f"tracks: {name} of {self.tracks['track_uri'][bad.argmax()]} is {values[bad.argmax()]}, "
                    f"expected a {'whole ' * (name in WHOLE)}number; leave such rows out."
                )

    def __len__(self):
        return len(self.tracks)

    def values(self, column):
        """One number per track, NaN where it is missing."""
        if column not in self._columns:
            if column not in self.tracks.columns:
                raise ValueError(f"column: {column!r} is asked for, tracks has {list(self.tracks.columns)}.")
            values = pd.to_numeric(self.tracks[column], errors="coerce")
            self._columns[column] = values.to_numpy(dtype=float, na_value=np.nan)
        return self._columns[column]

    def spread(self, column):
        """Standard deviation over the tracks; 1 for a column that does not vary."""
        values = self.values(column)
        known = values[~np.isnan(values)]
        return (known.std() if len(known) else 0.0) or 1.0

    @cached_property
    def sound(self):
        """The audio features, each with mean 0 and standard deviation 1: (n_tracks, 9)."""
        return np.stack([(self.values(c) - self.values(c).mean()) / self.spread(c) for c in SOUND], axis=1)

    def labels(self, column):
        if column not in self._labels:
            self._labels[column] = _Labels(self.tracks[column], self.sound)
        return self._labels[column]


class _Labels:
    """All genres, or all artists: names sorted, `has` (n_labels, n_tracks) sparse 0/1, counts of tracks."""

    def __init__(self, lists, sound):
        track = np.repeat(np.arange(len(lists)), [len(entry) for entry in lists])
        flat = np.array([name for entry in lists for name in entry], dtype=object)
        code, self.names = pd.factorize(flat, sort=True)
        shape = len(self.names), len(lists)
        self.has = scipy.sparse.csr_array((np.ones(len(code)), (code, track)), shape=shape)
        self.has.sum_duplicates()  # a genre can stand twice in one list; SciPy 1.13 keeps both
        self.has.data[:] = 1
        self.counts = np.diff(self.has.indptr)
        self._centre = (self.has @ sound) / self.counts[:, None]

    def chosen(self, more_than=None, at_most=None, most_frequent=None):
        """Codes of the labels with so many tracks; where there are none, the most frequent or the rarest."""
        counts = self.counts
        if most_frequent:
            return np.sort(np.lexsort((np.arange(len(counts)), -counts))[:most_frequent])
        fine = counts > (0 if more_than is None else more_than)
        if at_most is not None:
            fine &= counts <= at_most
        if not fine.any() and len(counts):
            fine = counts == (counts.max() if at_most is None else counts.min())
        return np.flatnonzero(fine)

    def far(self, wanted, among):
        """Distances (n_wanted, n_among) by average sound: root mean square over the features, plus OTHER."""
        gap = self._centre[wanted][:, None] - self._centre[among][None]
        return np.sqrt((gap**2).mean(-1)) + OTHER

    def margin(self, wanted, among):
        """(n_wanted, n_tracks): MET where a track has the label, else minus the distance of its nearest."""
        far = self.far(wanted, among)
        result = np.full((len(wanted), self.has.shape[1]), -far.max(initial=MET))
        pairs = self.has[among].T.tocsr()  # by track
        owner = np.flatnonzero(np.diff(pairs.indptr))
        if len(owner):
            result[:, owner] = -np.minimum.reduceat(far[:, pairs.indices], pairs.indptr[owner], axis=1)
        result[self.has[wanted].toarray() > 0] = MET
        return result


@dataclass(frozen=True)
class Range:
    """low ≤ column ≤ high; None leaves a side open."""

    column: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self):
        if self.low is None and self.high is None:
            raise ValueError(f"Range({self.column!r}): give low, high or both.")

    def draw(self, shelf, n, rng):
        """The preference of n listeners, {profile column: array (n,)}."""
        low, high = (np.full(n, np.nan if x is None else x, dtype=float) for x in (self.low, self.high))
        return {f"{self.column}_low": low, f"{self.column}_high": high}

    def margin(self, shelf, profile):
        """(n, n_tracks), or (1, n_tracks) where all listeners are alike: distance from the nearer end."""
        low, high = self._ends(profile)
        if len(np.unique(np.stack([low, high]), axis=1).T) == 1:
            low, high = low[:1], high[:1]
        x = shelf.values(self.column)
        inside = np.fmin(x - low[:, None], high[:, None] - x) / shelf.spread(self.column)
        return np.where(np.isnan(x) | np.isnan(inside), MISSING, inside)

    def bonus(self, shelf, track, profile, margin):
        """The published rule: half a point above the middle of the range of these three columns."""
        if self.column not in ("popularity", "instrumentalness", "liveness"):
            return 0.0
        low, high = self._ends(profile)
        top = 100 if self.column == "popularity" else 1
        middle = (np.nan_to_num(low) + np.where(np.isnan(high), top, high)) / 2
        return 0.5 * (shelf.values(self.column)[track] > middle)

    def given_up(self, shelf, profile, margin):
        """What tracks with these margins, all below 0, gave up, in words."""
        return self.column

    def stand_in(self, shelf):
        """What had to take the place of the thing asked for, in words; a range is always there."""
        return ""

    def _ends(self, profile):
        return [np.asarray(profile[f"{self.column}_{end}"], dtype=float) for end in ("low", "high")]


@dataclass(frozen=True)
class DrawnRange(Range):
    """A range of one `width` whose lower end is drawn per listener: one of `starts`, or from `low` on.

    starts None: uniform, so that the range lies between low and high.
    """

    width: float = 0.3
    starts: tuple | None = None

    def __post_init__(self):
        if self.starts is None and (None in (self.low, self.high) or self.high - self.low < self.width):
            raise ValueError(f"DrawnRange({self.column!r}): give starts, or low and high further apart.")

    def draw(self, shelf, n, rng):
        if self.starts is None:
            start = np.round(self.low + (self.high - self.low - self.width) * rng.random(n), 2)
        else:
            start = np.asarray(self.starts, dtype=float)[rng.integers(len(self.starts), size=n)]
        return {f"{self.column}_low": start, f"{self.column}_high": np.round(start + self.width, 2)}


@dataclass(frozen=True)
class _OfLabels:
    column: str
    names: tuple = ()
    more_than: int | None = None
    at_most: int | None = None
    most_frequent: int | None = None

    def __post_init__(self):
        if self.column not in LABELS:
            raise ValueError(f"column: got {self.column!r}, expected one of lists: {', '.join(LABELS)}.")

    def among(self, shelf):
        """Codes of the labels asked for, and all of them with names, counts and sound."""
        labels = shelf.labels(self.column)
        if self.names:
            return np.flatnonzero(np.isin(labels.names.astype(str), self.names)), labels
        return labels.chosen(self.more_than, self.at_most, self.most_frequent), labels

    def stand_in(self, shelf):
        codes, labels = self.among(shelf)
        counts, one = labels.counts[codes], LABELS[self.column]
        if self.at_most is not None and (counts > self.at_most).any():
            return f"no {one} in at most {self.at_most} tracks, the rarest instead"
        if self.more_than is not None and (counts <= self.more_than).any():
            return f"no {one} in more than {self.more_than} tracks, the most frequent instead"
        return ""

    def bonus(self, shelf, track, profile, margin):
        """The published rule: a point for the wanted genre, or artist."""
        return (margin >= 0) * 1.0


@dataclass(frozen=True)
class AnyOf(_OfLabels):
    """At least one of several genres (or artists): these `names`, or those in `more_than` tracks, and so on.

    kind: what to call them. Names are compared whole: "rock" is not in "punk rock".
    """

    kind: str = "listed"

    def draw(self, shelf, n, rng):
        return {LABELS[self.column]: np.full(n, f"any {self.kind}", dtype=object)}

    def margin(self, shelf, profile):
        codes, labels = self.among(shelf)
        return np.where(labels.has[codes].sum(0) > 0, MET, -MET)[None]

    def given_up(self, shelf, profile, margin):
        return f"any {self.kind} {LABELS[self.column]}"


@dataclass(frozen=True)
class OneOf(_OfLabels):
    """One genre (or artist), drawn per listener among those in so many tracks, or the most frequent ones.

    Where none occurs so rarely (so often), the rarest (the most frequent) take their place. A track without
    the wanted one is as far away as the nearest of the other candidates that it has, by average sound.
    """

    def draw(self, shelf, n, rng):
        codes, labels = self.among(shelf)
        drawn = labels.names[codes[rng.integers(len(codes), size=n)]] if len(codes) else np.full(n, "")
        return {LABELS[self.column]: drawn.astype(object)}

    def margin(self, shelf, profile):
        codes, labels = self.among(shelf)
        names, which = np.unique(np.asarray(profile[LABELS[self.column]], dtype=str), return_inverse=True)
        wanted = pd.Index(labels.names.astype(str)).get_indexer(names)
        result = np.full((len(names), len(shelf)), -MET)
        result[wanted >= 0] = labels.margin(wanted[wanted >= 0], codes)
        return result[which]

    def given_up(self, shelf, profile, margin):
        """The other genres or artists that these tracks were taken from, the nearest first."""
        (codes, labels), one = self.among(shelf), LABELS[self.column]
        wanted = np.flatnonzero(labels.names.astype(str) == profile[one])
        if not len(wanted):
            return f"any {one}"
        far = labels.far(wanted, codes)[0]
        nearest = np.argsort(far, kind="stable")
        names = labels.names[codes[nearest[np.isin(far[nearest], -margin)]]]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"{one} {' | '.join(names[:3])}{more}" if len(names) else f"any {one}"
