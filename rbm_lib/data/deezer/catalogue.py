"""The invented tracks: plays, albums, artists, genres, lengths and release dates."""

import tomllib
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

REAL = tomllib.loads(Path(__file__).with_name("marginals.toml").read_text("utf-8"))


def spread(order: NDArray, weight: NDArray, shares: ArrayLike) -> NDArray[np.int32]:
    """Cut units, in the given order, into classes with these shares of the weight."""
    total = np.cumsum(weight[order], dtype=float)
    middle = (total - weight[order] / 2) / total[-1]
    edges = np.cumsum(shares, dtype=float)[:-1] / np.sum(shares)
    found = np.empty(len(order), dtype=np.int32)
    found[order] = np.searchsorted(edges, middle)
    return found


def make_tracks(n_rows: int, n: int, rng: Generator) -> dict[str, NDArray]:
    """Invent the catalogue for n_rows rows, whose tracks are played n times.

    Of each track: plays, album, artist, genre, duration (seconds), release (the year with
    its fraction), position (the artist's place on a line of tastes), effect (what it adds
    to the logit, in standard deviations).
    """
    part = n_rows / REAL["rows"]
    n_tracks = max(round(REAL["tracks"] * part), 60)
    n_albums = max(round(REAL["albums"] * part), 30)
    n_artists = max(round(REAL["artists"] * part), 15)
    n_genres = max(round(REAL["genres"] * part), 12)
    album = _members(n_albums, n_tracks, rng)
    artist = _members(n_artists, n_albums, rng)[album]
    fame = rng.standard_normal(n_artists)[artist] + 0.8 * rng.standard_normal(n_tracks)
    plays = np.empty(n_tracks, dtype=np.int64)
    plays[np.argsort(-fame, kind="stable")] = _plays(n_tracks, n, REAL["top_track"] * part)
    position = rng.standard_normal(n_artists)[artist]
    of_album = np.bincount(album, plays, n_albums)
    place = np.bincount(album, position, n_albums) / np.bincount(album, minlength=n_albums)
    genre = _genres(of_album, place, n_genres, n, rng)
    release = _quantiles("release", of_album, rng)
    duration = _quantiles("duration", plays, rng)
    return {
        "plays": plays,
        "album": album,
        "artist": artist,
        "position": position,
        "genre": genre[album],
        "release": release[album],
        "duration": np.round(duration).astype(int),
        "effect": rng.standard_normal(n_tracks),
    }


def release_dates(track, time, tracks: dict[str, NDArray], rng: Generator) -> NDArray:
    """Release date of each track, YYYYMMDD: before its first listen, but for a few."""
    year = tracks["release"].astype(int)
    day = ((tracks["release"] - year) * 365).astype(int)
    date = year.astype(str).astype("datetime64[Y]").astype("datetime64[D]") + day
    heard = np.full(len(year), np.iinfo(np.int64).max)
    np.minimum.at(heard, track, time)
    date = np.minimum(date, heard.astype("datetime64[s]").astype("datetime64[D]"))
    number = np.char.replace(date.astype(str), "-", "").astype(int)

    plays = np.bincount(track, minlength=len(year))
    chosen = rng.permutation(np.flatnonzero(plays <= max(10, plays.max() // 40)))
    early = chosen[np.cumsum(plays[chosen]) <= REAL["early_release"] * len(track)]
    dates = [20161202, 20161209, 20161216, 30000101]
    number[early] = rng.choice(dates, len(early), p=[0.2, 0.6, 0.19, 0.01])
    return number


def _members(n_groups: int, n: int, rng: Generator) -> NDArray:
    """The group of each of n members: all groups first, then a few that are large."""
    weight = np.cumsum(rng.lognormal(0, 1.2, n_groups))
    more = np.searchsorted(weight / weight[-1], rng.random(max(n - n_groups, 0)))
    return np.append(np.arange(n_groups), more)


def _plays(n_tracks: int, n: int, top: float) -> NDArray[np.int64]:
    """How often the tracks are played, falling: n in all, 58 percent of them once.

    That share is made up: with it a fifth of the tracks of the last days are new, as in
    reality. The first is played `top` times, and at least eight times the mean.
    """
    rank = np.arange(n_tracks)
    top = max(top, 8 * n / n_tracks)
    low, high = -16.0, 8.0  # log share of the tracks over which the plays hardly fall
    for _ in range(60):
        middle = (low + high) / 2
        scale = np.exp(middle) * n_tracks
        power = np.log(top / 1.5) / np.log1p(0.42 * n_tracks / scale)
        plays = np.round(top * (1 + rank / scale) ** -power)
        plays = np.maximum(plays, 1).astype(np.int64)
        if plays.sum() > n:
            high = middle
        else:
            low = middle
    left = n - plays.sum()  # by rounding
    common = 1 + np.flatnonzero(plays[1:] > 2)
    np.add.at(plays, common[np.arange(abs(left)) % len(common)], np.sign(left))
    return plays


def _genres(of_album, place, n_genres: int, n: int, rng: Generator) -> NDArray[np.int64]:
    """The genre of each album: 0 (none in particular) everywhere, others near a taste."""
    named = REAL["genre_shares"]
    rare = 1 / (12 + np.arange(n_genres - len(named)))
    rare *= (1 - sum(named)) / rare.sum()
    large = of_album > 0.001 * n  # one of these in another genre would spoil its share
    order = np.argsort(rng.random(len(of_album)) + large, kind="stable")
    plain = spread(order, of_album, [1 - named[0], named[0]]) == 1
    others = np.flatnonzero(~plain)
    noise = 0.3 * rng.standard_normal(len(others))
    order = np.argsort(place[others] + noise, kind="stable")
    shuffled = rng.permutation(n_genres - 1)
    share = np.append(named[1:], rare)[shuffled]
    ids = np.append(REAL["common_genres"][1:], 30 + np.arange(len(rare)))[shuffled]
    genre = np.zeros(len(of_album), dtype=np.int64)
    genre[others] = ids[spread(order, of_album[others], share)]

    # The rarest genres are smaller than an album: each gets one that is hardly played.
    none = np.setdiff1d(ids, genre)
    quiet = np.flatnonzero(plain & (of_album <= np.median(of_album)))
    quiet = rng.permutation(quiet)[: len(none)]
    genre[quiet] = none[: len(quiet)]
    return genre


def _quantiles(name: str, weight: NDArray, rng: Generator) -> NDArray:
    """Values in random order with the real quantiles, counted by weight."""
    order = rng.permutation(len(weight))
    total = np.cumsum(weight[order], dtype=float)
    level = np.empty(len(weight))
    level[order] = (total - weight[order] / 2) / total[-1]
    return np.interp(level, REAL[f"{name}_levels"], REAL[name])
