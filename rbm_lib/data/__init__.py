"""Data: ratings as a sparse matrix, and loaders that have a synthetic stand-in."""

from rbm_lib.data.deezer import Deezer, load_deezer, synthetic_deezer
from rbm_lib.data.download import DataUnavailable, data_root, fetch, safe_extract
from rbm_lib.data.listeners import (
    ARCHETYPES,
    Archetype,
    Listeners,
    read_listeners,
    simulate_listeners,
    write_listeners,
)
from rbm_lib.data.movielens import MovieLens, load_movielens, synthetic_movielens
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.data.spotify import AudioFeatures, Spotify, load_spotify, synthetic_spotify

__all__ = [
    "ARCHETYPES", "Archetype", "AudioFeatures", "DataUnavailable", "Deezer", "Listeners",
    "MovieLens", "RatingMatrix", "Spotify", "data_root", "fetch", "load_deezer",
    "load_movielens", "load_spotify", "read_listeners", "safe_extract",
    "simulate_listeners", "synthetic_deezer", "synthetic_movielens", "synthetic_spotify",
    "write_listeners",
]  # fmt: skip
