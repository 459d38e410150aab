"""Data: ratings as a sparse matrix, loaders with a synthetic stand-in, downloads. Loaded at first use."""

from importlib import import_module

_ROOMS = {
    "AudioFeatures": "audio_features",
    "RatingMatrix": "ratings",
    "DataUnavailable": "download",
    "data_root": "download",
    "fetch": "download",
    "safe_extract": "download",
    "MovieLens": "movielens",
    "load_movielens": "movielens",
    "synthetic_movielens": "synthetic",
    "Deezer": "deezer",
    "load_deezer": "deezer",
    "synthetic_deezer": "deezer_synthetic",
    "Spotify": "spotify",
    "load_spotify": "spotify",
    "synthetic_spotify": "spotify_synthetic",
    "ARCHETYPES": "archetypes",
    "Archetype": "archetypes",
    "Listeners": "listeners",
    "simulate_listeners": "listeners",
    "read_listeners": "listening_files",
    "write_listeners": "listening_files",
}
__all__ = sorted(_ROOMS)


def __getattr__(name):
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
