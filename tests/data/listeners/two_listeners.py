"""Two listeners, with names that a careless writer would break."""

import pandas as pd

from rbm_lib.data import Listeners

LISTENS = pd.DataFrame(
    {
        "user_id": [1, 1, 2, 2],
        "track_uri": ["uri:1", "uri:2", "uri:1", "uri:3"],
        "track_name": ['Say "Hi", you', "Línea\nnueva", "", " NA "],
        "artist_name": ["007", "One, Two", "ré\rturn", "=1+1"],
        "timestamp": pd.to_datetime(
            ["2023-01-01", "2023-01-01", "2023-01-01", "2023-12-31T23:59:59"],
            format="ISO8601", utc=True,
        ).as_unit("s"),
        "rating": [1.0, 2.5, 3.5, 5.0],
        "archetype": ["A", "A", "B", "B"],
        "source": ["taste", "discovery", "taste", "taste"],
        "danceability": [0.1 + 0.2, 5e-324, 1 / 3, 1.0],
        "energy": 0.5,
        "key": [0, 11, -1, 5],
        "loudness": [-12.305, 0.5, -60.0, -1e-3],
        "mode": [0, 1, 1, 0],
        "speechiness": 0.25,
        "acousticness": 0.0,
        "instrumentalness": 0.5,
        "liveness": 0.5,
        "valence": 0.5,
        "tempo": [0.0, 111.458, 120.0, 200.25],
        "time_signature": 4,
        "popularity": [0, 50, 100, 7],
        "duration_ms": [1, 216_270, 99, 10**6],
    }
)  # fmt: skip
PROFILES = pd.DataFrame(
    {
        "user_id": [1, 2],
        "archetype": ["A", "B"],
        "n_tracks": [1, 2],
        "n_discovery": [1, 0],
        "pool_size": [10, 0],
        "n_filled": [0, 2],
        "filled_from": ["", "energy, genres"],
        "genre": ["", "house"],
        "artist": ["Nobody", ""],
        "energy_low": [0.5, None],
        "energy_high": [None, 0.25],
    }
)
LISTENERS = Listeners(LISTENS, PROFILES, "two listeners")
