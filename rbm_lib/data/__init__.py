"""Data: ratings as a sparse matrix, and loaders that have a synthetic stand-in."""

from rbm_lib.data.deezer.load import load_deezer
from rbm_lib.data.deezer.record import Deezer
from rbm_lib.data.deezer.synthetic import synthetic_deezer
from rbm_lib.data.download import DataUnavailable, data_root, fetch, safe_extract
from rbm_lib.data.listeners.archetypes import ARCHETYPES, Archetype
from rbm_lib.data.listeners.files import read_listeners, write_listeners
from rbm_lib.data.listeners.simulate import Listeners, simulate_listeners
from rbm_lib.data.movielens.load import load_movielens
from rbm_lib.data.movielens.record import MovieLens
from rbm_lib.data.movielens.synthetic import synthetic_movielens
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.data.spotify.audio_features import AudioFeatures
from rbm_lib.data.spotify.load import load_spotify
from rbm_lib.data.spotify.record import Spotify
from rbm_lib.data.spotify.synthetic import synthetic_spotify

__all__ = [
    "ARCHETYPES", "Archetype", "AudioFeatures", "DataUnavailable", "Deezer", "Listeners",
    "MovieLens", "RatingMatrix", "Spotify", "data_root", "fetch", "load_deezer",
    "load_movielens", "load_spotify", "read_listeners", "safe_extract",
    "simulate_listeners", "synthetic_deezer", "synthetic_movielens", "synthetic_spotify",
    "write_listeners",
]  # fmt: skip
