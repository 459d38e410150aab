"""Data: ratings as a sparse matrix, loaders with a synthetic stand-in, downloads. Loaded at first use."""

from importlib import import_module

_ROOMS = {
    "AudioFeatures": "spotify.audio_features",
    "RatingMatrix": "ratings",
    "DataUnavailable": "download",
    "data_root": "download",
    "fetch": "download",
    "safe_extract": "download",
    "MovieLens": "movielens.load",
    "load_movielens": "movielens.load",
    "synthetic_movielens": "movielens.synthetic",
    "Deezer": "deezer.load",
    "load_deezer": "deezer.load",
    "synthetic_deezer": "deezer.synthetic",
    "Spotify": "spotify.load",
    "load_spotify": "spotify.load",
    "synthetic_spotify": "spotify.synthetic",
    "ARCHETYPES": "listeners.archetypes",
    "Archetype": "listeners.archetypes",
    "Listeners": "listeners.simulate",
    "simulate_listeners": "listeners.simulate",
    "read_listeners": "listeners.files",
    "write_listeners": "listeners.files",
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
