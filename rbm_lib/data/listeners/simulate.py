"""Invented listeners: histories drawn from archetypes, and what an oracle would know.

Numbers computed on them say how well a model finds what was put in, and nothing about real
people.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from rbm_lib.checks import require_number, require_whole
from rbm_lib.data.listeners.archetypes import ARCHETYPES, Archetype, headcounts
from rbm_lib.data.listeners.catalogue import LABELS, WHOLE, Catalogue
from rbm_lib.data.listeners.conditions import Profile
from rbm_lib.data.spotify.record import FEATURES

PROFILE = ["user_id", "archetype", "n_tracks", "n_discovery", "pool_size"]
PROFILE += ["n_filled", "filled_from", *LABELS.values()]
_BLOCK = 256  # listeners at a time, so that memory stays small for any number of them
HOURS = np.array([  # share of the listening in each hour of the day (UTC), in thousandths
    18, 10, 6, 4, 4, 8, 20, 38, 46, 42, 40, 42,
    48, 46, 44, 48, 56, 66, 76, 84, 88, 76, 54, 36,
])  # fmt: skip
STEP = 0.25  # by which a pool that is too small is widened, in standard deviations
HABIT_SD, NOISE_SD = 0.3, 0.5  # of a rating: the listener's own level, and chance


@dataclass(frozen=True, eq=False, repr=False)
class Listeners:
    """Simulated histories, with the columns that `rbm_lib.data.listeners.files` documents.

    Attributes
    ----------
    interactions, profiles : DataFrame
        One row per listen, by listener and time; one row per listener.
    origin : str
        One line of text.
    """

    interactions: pd.DataFrame
    profiles: pd.DataFrame
    origin: str
    archetypes: Sequence[Archetype] = ARCHETYPES

    def __repr__(self) -> str:
        return f"Listeners({self.origin})"

    def pool(self, tracks: pd.DataFrame) -> NDArray[np.bool_]:
        """Which tracks meet all conditions of a listener, (n_users, n_tracks)."""
        catalogue = Catalogue(tracks)
        result = np.zeros((len(self.profiles), len(tracks)), dtype=bool)
        for rows, _, distance in self._distances(catalogue):
            result[rows[:, None], catalogue.order] = distance == 0
        return result

    def chance(self, tracks: pd.DataFrame) -> NDArray[np.float32]:
        """The oracle: P(a track is among the listener's own), (n_users, n_tracks).

        It knows the archetype, the preferences and how a short pool is filled, but nothing
        of the tracks that were drawn in the end. No model that sees the histories alone can
        rank better, except by luck. Discoveries, equally likely everywhere, are left out.
        Drawing distinct tracks is assumed.
        """
        catalogue = Catalogue(tracks)
        result = np.zeros((len(self.profiles), len(tracks)), dtype=np.float32)
        for rows, archetype, distance in self._distances(catalogue):
            n = archetype.n_tracks
            last = np.partition(distance, n - 1, axis=1)[:, n - 1 : n]
            within, at = distance < last, distance == last
            share = (n - within.sum(1, keepdims=True)) / at.sum(1, keepdims=True)
            result[rows[:, None], catalogue.order] = within + at * share
        return result

    def _distances(
        self, catalogue: Catalogue
    ) -> Iterator[tuple[NDArray, Archetype, NDArray]]:
        """Rows, archetype, and distance of every track, of each block of listeners."""
        known = {archetype.name: archetype for archetype in self.archetypes}
        unknown = set(self.profiles["archetype"]) - set(known)
        if unknown:
            names = f"got {list(known)}, expected {sorted(unknown)} too"
            raise ValueError(f"archetypes: {names}. Give the table they came from.")
        for name, group in self.profiles.groupby("archetype", sort=False).indices.items():
            archetype = known[str(name)]
            for rows in _blocks(group):
                columns = self.profiles.items()
                profile = {str(name): column.to_numpy()[rows] for name, column in columns}
                yield rows, archetype, _margins(catalogue, archetype, profile, len(rows))[1]


def simulate_listeners(
    tracks: pd.DataFrame,
    n_users: int = 1000,
    seed: int = 0,
    archetypes: Sequence[Archetype] = ARCHETYPES,
    distinct: bool = True,
    discovery_share: float = 0.1,
    n_discovery: int = 5,
    rating: Literal["fit", "published"] = "fit",
) -> Listeners:
    """Invent listeners and a year of their listening.

    Each listener has an archetype and, where that asks for it, a genre, an artist, a decade
    or a mood of their own. They hear the archetype's number of tracks, drawn from their
    pool, the tracks that meet all conditions.

    A pool that is too small is taken whole, and then widened by a quarter of a standard
    deviation at a time until it is large enough; the last ring is drawn from. The distance
    of a track is the sum, over the conditions that it fails, of how far it is outside, in
    standard deviations of the catalogue. For a genre or artist that is a quarter and the
    distance between the average sounds of the wanted one and the nearest candidate that the
    track has; for a list of genres it is 1. `profiles` says how many tracks were filled in,
    and from what.

    Parameters
    ----------
    tracks : DataFrame
        As of `load_spotify`; the order of its rows plays no part.
    distinct : bool
        False draws with replacement from the pool, however small, as published. A split of
        such a history puts one track into both halves.
    discovery_share, n_discovery : float, int
        This share of the listeners hear so many further tracks, from anywhere.
    rating : {"fit", "published"}
        "fit" is 1 + 4 fit + habit + noise, to the nearest half within 1 to 5, where fit is
        the mean of sigmoid(2 margin) over the conditions. "published" is 3, +1 for a wanted
        genre, +1 for the artist, and +1/2 each for a popularity, instrumentalness or
        liveness in the upper half of the range asked for.

    Examples
    --------
    >>> from rbm_lib.data import synthetic_spotify
    >>> simulate_listeners(synthetic_spotify(n_tracks=200).tracks, n_users=20)
    Listeners(20 simulated listeners of 12 archetypes, seed 0, 200 tracks)
    """
    if rating not in ("fit", "published"):
        raise ValueError(f'rating: got {rating!r}, expected "fit" or "published".')
    n_users = require_whole("n_users", n_users)
    n_discovery = require_whole("n_discovery", n_discovery, least=0)
    discovery_share = require_number("discovery_share", discovery_share, most=1)
    catalogue = Catalogue(tracks)
    counts = headcounts(archetypes, n_users)
    most = max(archetype.n_tracks for archetype in archetypes) + n_discovery
    if len(catalogue) < (most if distinct else 1):
        raise ValueError(f"tracks: got {len(catalogue)}, expected {most} or more.")
    rng = np.random.Generator(np.random.PCG64(seed))
    kind = rng.permutation(np.repeat(np.arange(len(archetypes)), counts))
    explores = np.zeros(n_users, dtype=bool)
    explores[rng.permutation(n_users)[: round(discovery_share * n_users)]] = True
    habit = HABIT_SD * rng.standard_normal(n_users)

    parts, profiles = [], []
    for code, archetype in enumerate(archetypes):
        for rows in _blocks(np.flatnonzero(kind == code)):
            n_new = explores[rows] * n_discovery
            profile: Profile = {}
            for condition in archetype.conditions:
                profile |= condition.draw(catalogue, len(rows), rng)
            margins, distance = _margins(catalogue, archetype, profile, len(rows))
            part = _histories(distance, archetype.n_tracks, n_new, distinct, rng)
            user, track = part["user"].to_numpy(), part["track"].to_numpy()
            margins = np.stack([margin[user, track] for margin in margins])
            if rating == "fit":
                score = 1 + 4 * (1 / (1 + np.exp(-2 * margins))).mean(0) + habit[rows][user]
                score += NOISE_SD * rng.standard_normal(len(part))
            else:
                own = {name: values[user] for name, values in profile.items()}
                pairs = zip(archetype.conditions, margins, strict=True)
                score = 3 + sum(
                    c.bonus(catalogue, track, own, margin) for c, margin in pairs
                )
            score = np.clip(np.round(2 * score) / 2, 1, 5)
            named = {"rating": score, "archetype": archetype.name}
            parts.append(part.assign(user=rows[user], **named))
            columns = {"user_id": rows + 1, "archetype": archetype.name}
            columns |= {"n_tracks": archetype.n_tracks, "n_discovery": n_new}
            columns |= {"pool_size": (distance == 0).sum(1)}
            columns |= _filled(catalogue, archetype, profile, part, margins)
            profiles.append(pd.DataFrame(columns | profile))
    heard = pd.concat(parts, ignore_index=True)
    heard["timestamp"] = _timestamps(len(heard), rng)
    order = ["user", "timestamp", "track"]
    heard = heard.sort_values(order, kind="stable", ignore_index=True)
    origin = f"{n_users} simulated listeners of {len(archetypes)} archetypes, seed {seed}, "
    origin += f"{len(catalogue)} tracks"
    interactions = _interactions(heard, catalogue)
    return Listeners(interactions, _profiles(profiles), origin, tuple(archetypes))


def _margins(catalogue: Catalogue, archetype: Archetype, profile: Profile, n: int):
    """The margins of each condition, and the distance of every track in whole steps.

    The distance is 0 in the pool, and then the ring by which the pool has to be widened.
    """
    shape = n, len(catalogue)
    margins = [condition.margin(catalogue, profile) for condition in archetype.conditions]
    distance = np.ceil(sum(np.maximum(-margin, 0) for margin in margins) / STEP)
    return [np.broadcast_to(m, shape) for m in margins], np.broadcast_to(distance, shape)


def _histories(distance: NDArray, n: int, n_new: NDArray, distinct: bool, rng: Generator):
    """The listens of one block: user (in the block), track, taste (or discovery)."""
    n_users, n_tracks = distance.shape
    if distinct:
        # A random number far below any step of the distance draws among equals.
        key = distance + 1e-6 * rng.random(distance.shape)
        taste = np.sort(np.argpartition(key, n - 1, axis=1)[:, :n], axis=1)
    else:
        nearest = distance == distance.min(1, keepdims=True)
        place = np.floor(rng.random((n_users, n)) * nearest.sum(1)[:, None]).astype(int)
        pairs = zip(nearest, place, strict=True)
        taste = np.stack([np.flatnonzero(row)[chosen] for row, chosen in pairs])
    explorers = np.flatnonzero(n_new)
    extra = int(n_new.max())
    key = rng.random((len(explorers), n_tracks))
    if distinct:
        np.put_along_axis(key, taste[explorers], 2.0, axis=1)
    new = np.sort(np.argpartition(key, extra, axis=1)[:, :extra], axis=1)
    user = np.r_[np.repeat(np.arange(n_users), n), np.repeat(explorers, extra)]
    track = np.r_[taste.ravel(), new.ravel()]
    own = np.arange(len(user)) < taste.size
    return pd.DataFrame({"user": user, "track": track, "taste": own})


def _filled(catalogue, archetype, profile, part: pd.DataFrame, margins: NDArray) -> Profile:
    """How many own tracks are from outside the pool, and from where, in words."""
    user = part["user"].to_numpy()
    outside = (margins < 0).any(0) & part["taste"].to_numpy()
    count = np.bincount(user[outside], minlength=user.max() + 1)
    stand_ins = [condition.stand_in(catalogue) for condition in archetype.conditions]
    texts = [[text for text in stand_ins if text] for _ in count]
    for i in np.flatnonzero(count):
        own = {name: values[i] for name, values in profile.items()}
        for condition, margin in zip(archetype.conditions, margins, strict=True):
            lacking = margin[outside & (user == i) & (margin < 0)]
            if len(lacking):
                texts[i].append(condition.given_up(catalogue, own, lacking))
    return {"n_filled": count, "filled_from": ["; ".join(words) for words in texts]}


def _timestamps(n: int, rng: Generator) -> pd.Series:
    """Seconds of 2023, evenly over its days, over the hours of a day as HOURS says."""
    day = rng.integers(365, size=n)
    level = rng.integers(HOURS.sum(), size=n)
    hour = np.searchsorted(np.cumsum(HOURS), level, side="right")
    seconds = (day * 24 + hour) * 3600 + rng.integers(3600, size=n)
    start = np.datetime64("2023-01-01T00:00:00", "s")
    return pd.Series(start + seconds.astype("timedelta64[s]")).dt.tz_localize("UTC")


def _interactions(heard: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """The published columns of the listens."""
    tracks = catalogue.tracks.iloc[heard["track"]].reset_index(drop=True)
    columns = {"user_id": heard["user"] + 1}
    for name in ("track_uri", "track_name", "artist_name"):
        columns[name] = tracks[name].astype(str)
    columns |= {"timestamp": heard["timestamp"], "rating": heard["rating"]}
    columns |= {"archetype": heard["archetype"].astype(str)}
    columns |= {"source": np.where(heard["taste"], "taste", "discovery")}
    for name in FEATURES:
        columns[name] = tracks[name].astype("int64" if name in WHOLE else "float64")
    return pd.DataFrame(columns)


def _profiles(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """What every listener has, then the preferences, empty where an archetype has none."""
    profiles = pd.concat(parts, ignore_index=True).sort_values("user_id", ignore_index=True)
    for name in LABELS.values():
        profiles[name] = profiles[name].fillna("") if name in profiles else ""
    ranges = sorted(name.removesuffix("_low") for name in profiles if name.endswith("_low"))
    ends = [f"{name}_{end}" for name in ranges for end in ("low", "high")]
    texts = ["archetype", "filled_from", *LABELS.values()]
    return profiles.loc[:, PROFILE + ends].astype({name: str for name in texts})


def _blocks(rows: NDArray) -> list[NDArray]:
    return [rows[i : i + _BLOCK] for i in range(0, len(rows), _BLOCK)]
