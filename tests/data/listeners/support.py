"""An invented catalogue with everything that the archetypes ask for, and traps."""

import numpy as np
import pandas as pd

from rbm_lib.data import Archetype
from rbm_lib.data.spotify.record import FEATURES

N = 600
COMMON = ["rock", "punk rock", "pop", "jazz", "classical crossover"]


def invented():
    """Repeated names, a missing year, genres twice in a list, niche genres, and so on."""
    rng = np.random.default_rng(0)
    tracks = pd.DataFrame({"track_uri": [f"uri:{i:04d}" for i in rng.permutation(N)]})
    tracks["track_name"] = [f"Song {i % 100}" for i in range(N)]
    artist = rng.integers(60, size=N)
    guest = [["Guest"] if i % 40 == 0 else [] for i in range(N)]
    tracks["artists"] = [
        [f"A{a:02d}", *more] for a, more in zip(artist, guest, strict=True)
    ]
    tracks["artist_name"] = tracks["artists"].str.join(", ")
    genres = [[COMMON[i % 5]] * 2 if i % 7 else [] for i in range(N)]
    for i in range(0, 40, 2):
        genres[i] = [f"niche {i // 4}"]  # ten of them, two tracks each
        genres[i + 1] = ["classical", "pop"]
    tracks["genres"] = genres
    tracks["release_year"] = pd.array(rng.integers(1955, 2024, size=N), dtype="Int64")
    tracks.loc[3, "release_year"] = pd.NA
    for name in FEATURES:
        tracks[name] = rng.random(N).round(3)
    tracks["loudness"] = rng.normal(-7, 3, N).round(2)
    tracks["tempo"] = rng.normal(120, 25, N).round(1)
    tops = {
        "key": 12,
        "mode": 2,
        "time_signature": 6,
        "popularity": 101,
        "duration_ms": 10**6,
    }
    for name, top in tops.items():
        tracks[name] = rng.integers(top, size=N)
    return tracks


TRACKS = invented()


def archetype(*conditions, n_tracks=20):
    """A table of archetypes with one entry."""
    return [Archetype("Someone", 1, n_tracks, conditions)]


def sd(column):
    return float(np.std(TRACKS[column].to_numpy(dtype=float)))
