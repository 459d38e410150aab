"""Invented songs on and near the edges of a slow dancer's taste, for an exercise."""

import numpy as np
import pandas as pd

from rbm_lib.data.spotify.record import FEATURES


def edge_songs(seed: int, n_pool: int, n_other: int = 150) -> pd.DataFrame:
    """`n_pool` songs of tempo ≤ 100 and danceability ≥ .8, seven on an edge, and others.

    Each of the others is too fast, too stiff, or both. The rows are shuffled.
    """
    rng = np.random.default_rng(seed)
    n = n_pool + n_other
    names = [f"{i:03d}" for i in range(n)]
    tracks = pd.DataFrame({feature: rng.integers(0, 2, n) for feature in FEATURES})
    tracks = tracks.assign(track_uri=names, track_name=names, artist_name="A")
    tracks = tracks.assign(release_year=2000, genres=[["pop"]] * n, artists=[["A"]] * n)

    # 0: in the pool, 1: too fast, 2: too stiff, 3: both.
    fails = np.where(np.arange(n) < n_pool, 0, rng.integers(1, 4, n))
    tracks["tempo"] = rng.integers(60, 100, n) + 80 * (fails % 2)
    tracks["danceability"] = rng.integers(801, 950, n) / 1000 - 0.6 * (fails >= 2)
    tracks.loc[:3, "tempo"] = 100
    tracks.loc[2:6, "danceability"] = 0.8
    return tracks.sample(frac=1, random_state=seed, ignore_index=True)
