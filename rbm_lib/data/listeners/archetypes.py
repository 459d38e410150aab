"""Twelve kinds of listener, as a table; a thirteenth is one more entry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rbm_lib.data.listeners.conditions import AnyOf, Condition, DrawnRange, OneOf, Range

# Spotify's genres of Western art music, compared whole: "classical crossover" is none of
# them.
CLASSICAL = (
    "classical", "classical era", "baroque", "early music", "renaissance",
    "early romantic era", "late romantic era", "post-romantic era", "german romanticism",
    "impressionism", "neo-classical", "neoclassical", "classical piano", "classical guitar",
    "classical cello", "classical tenor", "classical soprano", "violin", "orchestra",
    "british orchestra", "chamber orchestra", "orchestral performance", "opera", "choral",
)  # fmt: skip


@dataclass(frozen=True)
class Archetype:
    """A kind of listener: how common, how many tracks each hears, and what they like.

    Parameters
    ----------
    share : float
        Of the listeners; shares are normalised.
    conditions : sequence of Condition
        All have to be met, and each concerns another column.
    """

    name: str
    share: float
    n_tracks: int
    conditions: Sequence[Condition]

    def __post_init__(self) -> None:
        if isinstance(self.share, str) or isinstance(self.n_tracks, str):
            got = f"got share {self.share!r} and n_tracks {self.n_tracks!r}"
            raise TypeError(f"{self.name}: {got}, expected numbers, without quotes.")
        if not (self.share > 0 and self.n_tracks >= 1):
            got = f"share {self.share} and {self.n_tracks} tracks"
            raise ValueError(f"{self.name}: got {got}, expected both above 0.")
        if isinstance(self.conditions, Condition):
            got = f"got a single {type(self.conditions).__name__}, expected a tuple"
            raise TypeError(f"conditions: {got}. Put a comma behind it: (Range(...),).")
        columns = [condition.column for condition in self.conditions]
        if not columns or len(set(columns)) < len(columns):
            got = f"conditions on {columns}"
            raise ValueError(f"{self.name}: got {got}, expected one or more, each once.")


# As published, where the shares add up to 1.05. An era is the decade of that issue of a
# song: a record of 1962 that was issued again in 2003 counts as 2003.
ARCHETYPES = (
    Archetype("Mainstream Listener", 0.15, 80, (
        Range("popularity", 50), Range("energy", 0.5), Range("danceability", 0.5),
        AnyOf("genres", more_than=23, kind="common"),
    )),
    Archetype("Genre-Specific Fan", 0.15, 70, (
        OneOf("genres", more_than=23), Range("popularity", 20),
    )),
    Archetype("Casual Listener", 0.15, 60, (Range("popularity", 30, 70),)),
    Archetype("Mood-Based Listener", 0.10, 60, (
        DrawnRange("valence", 0, 1), DrawnRange("energy", 0, 1),
    )),
    Archetype("Loyal Fan", 0.10, 50, (OneOf("artists", most_frequent=50),)),
    Archetype("Discoverer", 0.10, 50, (Range("popularity", None, 40),)),
    Archetype("Niche Genre Enthusiast", 0.05, 40, (
        OneOf("genres", at_most=5), Range("popularity", None, 30),
    )),
    Archetype("Audiophile", 0.05, 40, (
        Range("instrumentalness", 0.1), Range("acousticness", 0.3),
    )),
    Archetype("Obscure Music Seeker", 0.05, 40, (Range("popularity", None, 10),)),
    Archetype("Classical Music Lover", 0.05, 40, (
        AnyOf("genres", CLASSICAL, kind="classical"), Range("instrumentalness", 0.5),
        Range("danceability", None, 0.4), Range("speechiness", None, 0.05),
    )),
    Archetype("Live Music Fan", 0.05, 40, (Range("liveness", 0.3),)),
    Archetype("Era-Specific Listener", 0.05, 40, (
        DrawnRange("release_year", width=9, starts=(1960, 1970, 1980, 1990, 2000, 2010)),
    )),
)  # fmt: skip


def headcounts(archetypes: Sequence[Archetype], n_users: int) -> NDArray[np.int64]:
    """How many of n_users listeners have each archetype, by largest remainders.

    Examples
    --------
    >>> headcounts(ARCHETYPES[:3], 10)
    array([4, 3, 3])
    """
    names = [archetype.name for archetype in archetypes]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"archetypes: got {names}, expected one or more, each name once.")
    share = np.array([archetype.share for archetype in archetypes], dtype=float)
    exact = share / share.sum() * n_users
    counts = np.floor(exact + 1e-9).astype(int)
    lost_most = np.argsort(np.round(counts - exact, 9), kind="stable")
    counts[lost_most[: n_users - counts.sum()]] += 1
    return counts
