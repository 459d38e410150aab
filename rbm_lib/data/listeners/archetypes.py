"""Twelve kinds of listener, as data: what each likes, how many tracks it hears, how common it is.

Adding a thirteenth is adding one entry to the table (or passing a longer one to `simulate_listeners`).
"""

from dataclasses import dataclass

import numpy as np

from rbm_lib.data.listeners.conditions import AnyOf, DrawnRange, OneOf, Range

# Spotify's names of genres of Western art music. Whole names: "classical" is not in "classical crossover".
CLASSICAL = (
    "classical", "classical era", "baroque", "early music", "renaissance", "early romantic era",
    "late romantic era", "post-romantic era", "german romanticism", "impressionism", "neo-classical",
    "neoclassical", "classical piano", "classical guitar", "classical cello", "classical tenor",
    "classical soprano", "violin", "orchestra", "british orchestra", "chamber orchestra",
    "orchestral performance", "opera", "choral",
)  # fmt: skip
COMMON = {"more_than": 23}  # a genre in so many tracks is common
NICHE = {"at_most": 5}


@dataclass(frozen=True)
class Archetype:
    """name; share of the listeners (any positive number: shares are normalised); tracks each; what they like.

    conditions: all have to be met, and no two of them concern the same column. Raises ValueError otherwise.
    """

    name: str
    share: float
    n_tracks: int
    conditions: tuple

    def __post_init__(self):
        if not (self.share > 0 and self.n_tracks >= 1 and self.conditions):
            raise ValueError(f"{self.name}: give a share above 0, one track or more, and a condition.")
        columns = [condition.column for condition in self.conditions]
        if len({*columns}) < len(columns):
            raise ValueError(f"{self.name}: two conditions concern one of {columns}; merge them.")


# The published definition (shares there sum to 1.05). Era is the decade of *that issue* of a song: a record
# of 1962 that was issued again in 2003 counts as 2003.
ARCHETYPES = (
    Archetype("Mainstream Listener", 0.15, 80, (
        Range("popularity", 50), Range("energy", 0.5), Range("danceability", 0.5),
        AnyOf("genres", **COMMON, kind="common"),
    )),
    Archetype("Genre-Specific Fan", 0.15, 70, (OneOf("genres", **COMMON), Range("popularity", 20))),
    Archetype("Casual Listener", 0.15, 60, (Range("popularity", 30, 70),)),
    Archetype("Mood-Based Listener", 0.10, 60, (DrawnRange("valence", 0, 1), DrawnRange("energy", 0, 1))),
    Archetype("Loyal Fan", 0.10, 50, (OneOf("artists", most_frequent=50),)),
    Archetype("Discoverer", 0.10, 50, (Range("popularity", None, 40),)),
    Archetype("Niche Genre Enthusiast", 0.05, 40, (OneOf("genres", **NICHE), Range("popularity", None, 30))),
    Archetype("Audiophile", 0.05, 40, (Range("instrumentalness", 0.1), Range("acousticness", 0.3))),
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


def headcounts(archetypes, n_users):
    """How many listeners of each archetype, (n_archetypes,): the shares normalised to exactly n_users.

    Largest remainders: each gets its share rounded down, and those who lost most by it get one more (equal
    losses: the first in the table). Raises ValueError for no archetypes, or two of one name.
    """
    names = [archetype.name for archetype in archetypes]
    if not names or len({*names}) < len(names):
        raise ValueError(f"archetypes: got {names}, expected one or more, each name once.")
    share = np.array([archetype.share for archetype in archetypes], dtype=float)
    exact = share / share.sum() * n_users
    counts = np.floor(exact + 1e-9).astype(int)
    counts[np.argsort(np.round(counts - exact, 9), kind="stable")[: n_users - counts.sum()]] += 1
    return counts
