"""Spotify's tracks: their files, a stand-in, and coordinates of their audio features."""

from rbm_lib.data.spotify.audio_features import AudioFeatures
from rbm_lib.data.spotify.load import load_spotify
from rbm_lib.data.spotify.record import FEATURES, Spotify
from rbm_lib.data.spotify.synthetic import synthetic_spotify

__all__ = ["FEATURES", "AudioFeatures", "Spotify", "load_spotify", "synthetic_spotify"]
