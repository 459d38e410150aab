"""Listeners who do not exist: histories drawn from the table of archetypes, and what an oracle would know.

Figures computed on them say how well a model finds what was put in, and nothing about real people.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rbm_lib.data.listeners.archetypes import ARCHETYPES, headcounts
from rbm_lib.data.listeners.conditions import LABELS, WHOLE, Shelf
from rbm_lib.data.spotify.load import FEATURES

PROFILE = ["user_id", "archetype", "n_tracks", "n_discovery", "pool_size", "n_filled", "filled_from"]
PROFILE += LABELS.values()
_BLOCK = 256  # listeners at a time: memory stays small for any number of them
_YEAR = 2023
# Share of the listening in each hour of the day (UTC), in thousandths: little at night, most in the evening.
HOURS = np.array([18, 10, 6, 4, 4, 8, 20, 38, 46, 42, 40, 42, 48, 46, 44, 48, 56, 66, 76, 84, 88, 76, 54, 36])
STEP = 0.25  # by which a pool that is too small is widened, in standard deviations
HABIT_SD, NOISE_SD = 0.3, 0.5  # of a rating: the listener's own level, and chance


@dataclass(frozen=True, eq=False, repr=False)
class Listeners:
    """Simulated histories.

    interactions: one row per listen (user_id, track_uri, track_name, artist_name, timestamp, rating,
    archetype, source, the audio features), by listener and time; profiles: one row per listener (user_id,
    archetype, n_tracks, n_discovery, pool_size, n_filled, filled_from, then every preference as a column);
    origin: one line of text. The columns are documented in rbm_lib.data.listeners.files.
    """

    interactions: pd.DataFrame
    profiles: pd.DataFrame
    origin: str
    archetypes: tuple = ARCHETYPES

    def __repr__(self):
        return f"Listeners({self.origin})"

    def pool(self, tracks):
        """Which tracks meet all conditions of the listener: boolean (n_users, n_tracks), rows of `tracks`."""
        shelf, result = Shelf(tracks), np.zeros((len(self.profiles), len(tracks)), dtype=bool)
        for rows, _, distance in self._distances(shelf):
            result[rows[:, None], shelf.order] = distance == 0
        return result

    def chance(self, tracks):
        """The oracle: the probability that a track is among the listener's own, float32 (n_users, n_tracks).

        It knows the archetype, all per-listener draws and the rule by which a short pool is filled, and
        nothing of what was drawn in the end: no model that sees the histories alone can rank better, except
        by luck. Discoveries, equally likely everywhere, are left out. Drawing distinct tracks is assumed.
        """
        shelf = Shelf(tracks)
        result = np.zeros((len(self.profiles), len(tracks)), dtype=np.float32)
        for rows, archetype, distance in self._distances(shelf):
            n = archetype.n_tracks
            last = np.partition(distance, n - 1, axis=1)[:, n - 1 : n]
            within, at = distance < last, distance == last
            share = (n - within.sum(1, keepdims=True)) / at.sum(1, keepdims=True)
            result[rows[:, None], shelf.order] = within + at * share
        return result

    def _distances(self, shelf):
        """(rows, archetype, distance of every track) of each block of listeners."""
        known = {archetype.name: archetype for archetype in self.archetypes}
        if unknown := {*self.profiles["archetype"]} - {*known}:
            raise ValueError(f"archetypes: there is no {sorted(unknown)}; give the table they came from.")
        for name, group in self.profiles.groupby("archetype", sort=False).indices.items():
            for rows in _blocks(group):
                profile = {column: self.profiles[column].to_numpy()[rows] for column in self.profiles}
                margins = [condition.margin(shelf, profile) for condition in known[name].conditions]
                yield rows, known[name], np.broadcast_to(_distance(margins), (len(rows), len(shelf)))


def simulate_listeners(
    tracks, n_users=1000, seed=0, archetypes=ARCHETYPES, distinct=True,
    discovery_share=0.1, n_discovery=5, rating="fit",
):  # fmt: skip
    """Invent `n_users` listeners and a year of their listening.

    tracks: a DataFrame as `load_spotify` gives; the order of its rows plays no part. Each listener has an
    archetype (`headcounts`) and, where that asks for it, a genre, an artist, a decade or a mood of their own.
    They hear the archetype's number of tracks, drawn from their pool: the tracks that meet all conditions.

    A pool that is too small is taken whole, and then widened by a quarter of a standard deviation at a time
    until it is large enough; the last ring is drawn from. The distance of a track is the sum, over the
    conditions that it fails, of how far it is outside, in standard deviations of the catalogue: for a range
    from its nearer end; for a genre (artist) a quarter and the distance between the average sound of the
    wanted one and of the nearest candidate that the track has; 1 for a list of genres. `profiles` says how
    many were filled in, and which conditions were given up or what took the place of a genre or artist.

    distinct=False draws with replacement from the pool, however small, as published: a split of such a
    history puts one track into both halves. An empty pool is replaced by its nearest tracks.
    discovery_share of the listeners hear `n_discovery` further tracks, from anywhere.

    rating "fit": 1 + 4 · fit + the listener's habit (sd 0.3) + noise (sd 0.5), to the nearest half within 1
    to 5. fit: mean over the conditions of sigmoid(2 · margin), so ½ at the edge of a range and .88 one
    standard deviation inside. "published": 3, +1 for a wanted genre, +1 for the artist, +½ each for
    popularity, instrumentalness, liveness above the middle of the range asked for; at most 5, never below 3.

    Raises ValueError for arguments or tracks that do not fit.
    """
    if rating not in ("fit", "published"):
        raise ValueError(f'rating: got {rating!r}, expected "fit" or "published".')
    if n_users < 1 or not 0 <= discovery_share <= 1 or n_discovery < 0:
        raise ValueError(
            f"n_users={n_users}, discovery_share={discovery_share}, n_discovery={n_discovery}: expected 1 or "
            "more, 0 to 1, 0 or more."
        )
    shelf, counts = Shelf(tracks), headcounts(archetypes, n_users)
    most = max(archetype.n_tracks for archetype in archetypes) + n_discovery
    if len(shelf) < (most if distinct else 1):
        raise ValueError(f"tracks: there are {len(shelf)}, and {most} distinct ones are needed per listener.")
    rng = np.random.Generator(np.random.PCG64(seed))
    kind = rng.permutation(np.repeat(np.arange(len(archetypes)), counts))
    explores = np.zeros(n_users, dtype=bool)
    explores[rng.permutation(n_users)[: round(discovery_share * n_users)]] = True
    habit = HABIT_SD * rng.standard_normal(n_users)
    parts, profiles = [], []
    for code, archetype in enumerate(archetypes):
        for rows in _blocks(np.flatnonzero(kind == code)):
            drawn = {}
            for condition in archetype.conditions:
                drawn |= condition.draw(shelf, len(rows), rng)
            n_new = explores[rows] * n_discovery
            part, margins, pool_size = _histories(shelf, archetype, drawn, n_new, distinct, rng)
            filling = _filled(shelf, archetype, drawn, part, margins)
            score = _ratings(shelf, archetype, drawn, part, margins, habit[rows], rating, rng)
            parts.append(part.assign(user=rows[part["user"]], rating=score))
            same = {"archetype": archetype.name, "n_tracks": archetype.n_tracks, "n_discovery": n_new}
            same |= {"pool_size": pool_size, **filling, **drawn}
            profiles.append(pd.DataFrame({"user_id": rows + 1, **same}))
    heard = pd.concat(parts, ignore_index=True)
    heard["timestamp"] = _timestamps(len(heard), rng)
    heard = heard.sort_values(["user", "timestamp", "track"], kind="stable", ignore_index=True)
    names = np.array([archetype.name for archetype in archetypes], dtype=object)
    catalogue = shelf.tracks.iloc[heard["track"].to_numpy()].reset_index(drop=True)
    columns = {"user_id": heard["user"].to_numpy() + 1}
    columns |= {name: catalogue[name].astype(str) for name in ("track_uri", "track_name", "artist_name")}
    columns |= {"timestamp": heard["timestamp"], "rating": heard["rating"]}
    columns |= {"archetype": names[kind[heard["user"]]].astype(str)}
    columns |= {"source": np.where(heard["taste"], "taste", "discovery")}
    columns |= {name: catalogue[name].astype("int64" if name in WHOLE else "float64") for name in FEATURES}
    origin = f"{n_users} simulated listeners of {len(names)} archetypes, seed {seed}, {len(shelf)} tracks"
    return Listeners(pd.DataFrame(columns), _profiles(profiles), origin, tuple(archetypes))


def _histories(shelf, archetype, drawn, n_new, distinct, rng):
    """One block of listeners: DataFrame user (in the block), track, taste (bool); margins; pool sizes.

    Margins: (n_conditions, n_rows), one row per listen.
    """
    n, n_users = archetype.n_tracks, len(n_new)
    margins = [condition.margin(shelf, drawn) for condition in archetype.conditions]
    distance = np.broadcast_to(_distance(margins), (n_users, len(shelf)))
    if distinct:
        # A random number far below any step of the distance draws among equals.
        key = distance + 1e-6 * rng.random(distance.shape)
        taste = np.sort(np.argpartition(key, n - 1, axis=1)[:, :n], axis=1)
    else:
        nearest = distance == distance.min(1, keepdims=True)
        place = np.floor(rng.random((n_users, n)) * nearest.sum(1)[:, None]).astype(int)
        taste = np.stack([np.flatnonzero(row)[p] for row, p in zip(nearest, place, strict=True)])
    explorers, extra = np.flatnonzero(n_new), int(n_new.max())
    key = rng.random((len(explorers), len(shelf)))
    if distinct:
        np.put_along_axis(key, taste[explorers], 2.0, axis=1)
    new = np.sort(np.argpartition(key, extra, axis=1)[:, :extra], axis=1)
    user = np.r_[np.repeat(np.arange(n_users), n), np.repeat(explorers, extra)]
    track = np.r_[taste.ravel(), new.ravel()]
    own = np.arange(len(user)) < taste.size
    at = np.stack([np.broadcast_to(margin, distance.shape)[user, track] for margin in margins])
    return pd.DataFrame({"user": user, "track": track, "taste": own}), at, (distance == 0).sum(1)


def _ratings(shelf, archetype, drawn, part, margins, habit, rule, rng):
    """The two rules of `simulate_listeners`: half steps, (n_rows,)."""
    user, track = (part[name].to_numpy() for name in ("user", "track"))
    if rule == "fit":
        fit = (1 / (1 + np.exp(-2 * margins))).mean(0)
        value = 1 + 4 * fit + habit[user] + NOISE_SD * rng.standard_normal(len(part))
    else:
        profile = {name: values[user] for name, values in drawn.items()}
        pairs = zip(archetype.conditions, margins, strict=True)
        value = 3 + sum(condition.bonus(shelf, track, profile, margin) for condition, margin in pairs)
    return np.clip(np.round(2 * value) / 2, 1, 5)


def _filled(shelf, archetype, drawn, part, margins):
    """n_filled and filled_from of each listener of a block: tracks of their taste from outside the pool."""
    user, outside = part["user"].to_numpy(), (margins < 0).any(0) & part["taste"].to_numpy()
    count = np.bincount(user[outside], minlength=user.max() + 1)
    stood_in = [words for c in archetype.conditions if (words := c.stand_in(shelf))]
    texts = [stood_in.copy() for _ in count]
    for i in np.flatnonzero(count):
        profile = {name: values[i] for name, values in drawn.items()}
        lacking = [margin[outside & (user == i)] for margin in margins]
        pairs = zip(archetype.conditions, lacking, strict=True)
        texts[i] += [c.given_up(shelf, profile, m[m < 0]) for c, m in pairs if (m < 0).any()]
    return {"n_filled": count, "filled_from": ["; ".join(words) for words in texts]}


def _distance(margins):
    """Sum of what is lacking, in whole steps: 0 in the pool, then the rings by which it is widened."""
    return np.ceil(sum(np.maximum(-margin, 0) for margin in margins) / STEP)


def _timestamps(n, rng):
    """n seconds of the year, evenly over its days, over the hours of a day as HOURS says."""
    day = rng.integers(365, size=n)
    hour = np.searchsorted(np.cumsum(HOURS), rng.integers(HOURS.sum(), size=n), side="right")
    seconds = (day * 24 + hour) * 3600 + rng.integers(3600, size=n)
    start = np.datetime64(f"{_YEAR}-01-01T00:00:00", "s")
    return pd.Series(start + seconds.astype("timedelta64[s]")).dt.tz_localize("UTC")


def _profiles(parts):
    """One table: what every listener has, then the preferences; empty where an archetype has none."""
    profiles = pd.concat(parts, ignore_index=True).sort_values("user_id", ignore_index=True)
    for name in LABELS.values():
        profiles[name] = (profiles[name] if name in profiles else pd.Series("", profiles.index)).fillna("")
    ranges = sorted({name.rpartition("_")[0] for name in profiles if name.endswith("_low")})
    ends = [f"{name}_{end}" for name in ranges for end in ("low", "high")]
    texts = ["archetype", "filled_from", *LABELS.values()]
    return profiles[PROFILE + ends].astype({name: str for name in texts})


def _blocks(rows):
    return [rows[i : i + _BLOCK] for i in range(0, len(rows), _BLOCK)]
