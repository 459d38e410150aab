"""The tracks as conditions see them: numbers, and labels (genres, artists)."""

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rbm_lib.data.spotify.record import FEATURES

SOUND = [
    "danceability", "energy", "loudness", "speechiness", "acousticness",
    "instrumentalness", "liveness", "valence", "tempo",
]  # fmt: skip
WHOLE = ["key", "mode", "time_signature", "popularity", "duration_ms"]  # whole numbers
LABELS = {"genres": "genre", "artists": "artist"}  # columns of lists -> one entry
MET = 1.0  # the margin of a track that has the wanted genre or artist
OTHER = 0.25  # added to the distance between two genres or artists


class Catalogue:
    """Tracks in the order of their URI, so that the order of the rows plays no part."""

    def __init__(self, tracks: pd.DataFrame) -> None:
        wanted = [
            "track_uri",
            "track_name",
            "artist_name",
            "release_year",
            *LABELS,
            *FEATURES,
        ]
        lacking = [name for name in wanted if name not in tracks]
        if lacking:
            raise ValueError(f"tracks: got {list(tracks)}, expected columns {lacking} too.")
        if not tracks["track_uri"].is_unique:
            raise ValueError("tracks: got a track_uri twice, expected it once.")
        self.order = np.argsort(tracks["track_uri"].to_numpy(dtype=str), kind="stable")
        self.tracks = tracks.iloc[self.order].reset_index(drop=True)
        self._labels: dict[str, Labels] = {}
        for name in FEATURES:
            values = self.values(name)
            bad = ~np.isfinite(values) | ((values % 1 != 0) & (name in WHOLE))
            if bad.any():
                first = int(np.argmax(bad))
                got = f"{name} {values[first]} of {self.tracks['track_uri'][first]}"
                kind = "a whole number" if name in WHOLE else "a number"
                raise ValueError(f"tracks: got {got}, expected {kind}. Leave it out.")

    def __len__(self) -> int:
        return len(self.tracks)

    def values(self, column: str) -> NDArray[np.float64]:
        """One number per track, NaN where it is missing."""
        if column not in self.tracks:
            raise ValueError(f"column: got {column!r}, expected one of {[*self.tracks]}.")
        values = pd.Series(pd.to_numeric(self.tracks[column], errors="coerce"))
        return values.to_numpy(dtype=float, na_value=np.nan)

    def spread(self, column: str) -> float:
        """Standard deviation over the tracks; 1 for a column that does not vary."""
        values = self.values(column)
        known = values[~np.isnan(values)]
        return (known.std() if len(known) else 0.0) or 1.0

    @cached_property
    def sound(self) -> NDArray[np.float64]:
        """The audio features with mean 0 and standard deviation 1, (n_tracks, 9)."""
        columns = [(self.values(c) - self.values(c).mean()) / self.spread(c) for c in SOUND]
        return np.stack(columns, axis=1)

    def labels(self, column: str) -> "Labels":
        if column not in self._labels:
            self._labels[column] = Labels(self.tracks[column], self.sound)
        return self._labels[column]


class Labels:
    """All genres, or all artists, sorted by name: `has` is (n_labels, n_tracks), 0 or 1."""

    def __init__(self, lists: pd.Series, sound: NDArray) -> None:
        track = np.repeat(np.arange(len(lists)), lists.map(len))
        flat = np.array([name for entry in lists for name in entry], dtype=object)
        code, names = pd.factorize(flat, sort=True)
        self.names = np.asarray(names)
        self._n_tracks = len(lists)
        shape = len(self.names), len(lists)
        self.has = csr_array((np.ones(len(code)), (code, track)), shape=shape)
        self.has.sum_duplicates()  # a genre can be twice in one list
        self.has.data[:] = 1
        self.counts = np.diff(self.has.indptr)
        self._centre = (self.has @ sound) / self.counts[:, None]

    def chosen(self, more_than=None, at_most=None, most_frequent=None) -> NDArray[np.int64]:
        """Labels in so many tracks; if there are none, the most frequent or the rarest."""
        counts = self.counts
        if most_frequent:
            by_count = np.lexsort((np.arange(len(counts)), -counts))
            return np.sort(by_count[:most_frequent])
        fine = counts > (more_than or 0)
        if at_most is not None:
            fine &= counts <= at_most
        if not fine.any() and len(counts):
            fine = counts == (counts.max() if at_most is None else counts.min())
        return np.flatnonzero(fine)

    def far(self, wanted: NDArray, among: NDArray) -> NDArray[np.float64]:
        """Distances (n_wanted, n_among) by average sound: root mean square, plus OTHER."""
        gap = self._centre[wanted][:, None] - self._centre[among][None]
        return np.sqrt((gap**2).mean(-1)) + OTHER

    def margin(self, wanted: NDArray, among: NDArray) -> NDArray[np.float64]:
        """MET where a track has the label, else minus the distance of its nearest label."""
        far = self.far(wanted, among)
        result = np.full((len(wanted), self._n_tracks), -far.max(initial=MET))
        pairs = self.has[among].T.tocsr()  # by track
        owner = np.flatnonzero(np.diff(pairs.indptr))
        if len(owner):
            nearest = np.minimum.reduceat(
                far[:, pairs.indices], pairs.indptr[owner], axis=1
            )
            result[:, owner] = -nearest
        result[self.has[wanted].toarray() > 0] = MET
        return result
