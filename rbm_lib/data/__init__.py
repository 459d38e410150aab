"""Data: ratings as a sparse matrix, loaders with a synthetic stand-in, downloads. Loaded at first use."""

from importlib import import_module

_ROOMS = {
    "RatingMatrix": "ratings",
    "DataUnavailable": "download",
    "data_root": "download",
    "fetch": "download",
    "safe_extract": "download",
    "MovieLens": "movielens",
    "load_movielens": "movielens",
    "synthetic_movielens": "synthetic",
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
