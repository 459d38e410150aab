"""The tracks of the synthetic Deezer listens: plays, albums, artists, genres, lengths and release dates."""

import numpy as np

from rbm_lib.data.deezer import marginals as real


def spread(order, weight, shares):
    """Units in the given order, cut so that the classes hold these shares of the weight: class per unit."""
    total = np.cumsum(weight[order], dtype=float)
    middle = (total - weight[order] / 2) / total[-1]
    edges = np.cumsum(shares, dtype=float)[:-1] / np.sum(shares)
    found = np.empty(len(order), dtype=np.int32)
    found[order] = np.searchsorted(edges, middle)
    return found


def levels(order, weight):
    """The level, from 0 to 1, that each unit has in its order, counted by weight."""
    total = np.cumsum(weight[order], dtype=float)
    found = np.empty(len(order))
    found[order] = (total - weight[order] / 2) / total[-1]
    return found


def make_tracks(n_rows, n, rng):
    """The catalogue for n_rows rows, played n times: {"plays": of each track, ...}, what is known about it.

    position: the artist's place on a line of tastes; release: the year with its fraction; effect: what the
    track adds to the logit, in standard deviations.
    """
    part = n_rows / real.ROWS
    n_tracks, n_albums, n_artists, n_genres = (
        max(round(k * part), floor)
        for k, floor in ((real.TRACKS, 60), (real.ALBUMS, 30), (real.ARTISTS, 15), (real.GENRES, 12))
    )
    album = np.append(np.arange(n_albums), _popular(n_albums, n_tracks - n_albums, rng))
    artist = np.append(np.arange(n_artists), _popular(n_artists, n_albums - n_artists, rng))[album]
    fame = rng.standard_normal(n_artists)[artist] + 0.8 * rng.standard_normal(n_tracks)
    plays = np.empty(n_tracks, dtype=np.int64)
    plays[np.argsort(-fame, kind="stable")] = _plays(n_tracks, n, real.TOP_TRACK * part)
    position = rng.standard_normal(n_artists)[artist]

    # Genre 0, which stands for none in particular, is everywhere; the others each have a place among tastes.
    of_album = np.bincount(album, plays, n_albums)
    named = list(real.GENRE_SHARES.values())
    rare = 1 / (12 + np.arange(n_genres - len(named)))
    rare *= (1 - sum(named)) / rare.sum()
    large = of_album > 0.001 * n  # in another genre, one of these would spoil its share
    order = np.argsort(rng.random(n_albums) + large, kind="stable")
    plain = spread(order, of_album, [1 - named[0], named[0]]) == 1
    others = np.flatnonzero(~plain)
    place = np.bincount(album, position, n_albums) / np.bincount(album, minlength=n_albums)
    order = np.argsort(place[others] + 0.3 * rng.standard_normal(len(others)), kind="stable")
    shuffled = rng.permutation(n_genres - 1)
    share = np.append(named[1:], rare)[shuffled]
    genre_ids = np.append(list(real.GENRE_SHARES)[1:], 30 + np.arange(len(rare)))[shuffled]
    genre = np.zeros(n_albums, dtype=np.int64)
    genre[others] = genre_ids[spread(order, of_album[others], share)]
    none = np.setdiff1d(genre_ids, genre)  # the rarest are smaller than an album: each gets a little one
    little = rng.permutation(np.flatnonzero(plain & (of_album <= np.median(of_album))))[: len(none)]
    genre[little] = none[: len(little)]

    release, duration = (
        np.interp(levels(rng.permutation(len(weight)), weight), at, curve)
        for weight, at, curve in (
            (of_album, real.RELEASE_LEVELS, real.RELEASE), (plays, real.DURATION_LEVELS, real.DURATION),
        )
    )  # fmt: skip
    return {
        "plays": plays, "album": album, "artist": artist, "position": position, "genre": genre[album],
        "release": release[album], "duration": np.round(duration).astype(int),
        "effect": rng.standard_normal(n_tracks),
    }  # fmt: skip


def _popular(n_groups, n, rng):
    """n members of n_groups groups, a few of which are large."""
    weight = np.cumsum(rng.lognormal(0, 1.2, n_groups))
    return np.searchsorted(weight / weight[-1], rng.random(max(n, 0)))


def _plays(n_tracks, n, top):
    """How often the tracks are played, falling: n in all, the first `top` times, 58 percent of them once.

    That share is made up: with it a fifth of the tracks of the last days are new, as in reality. The first is
    played eight times the mean at least, which matters below 50,000 rows only.
    """
    rank, top = np.arange(n_tracks), max(top, 8 * n / n_tracks)
    low, high = -16.0, 8.0  # of the logarithm of the share of tracks over which the plays hardly fall
    for _ in range(60):
        middle = (low + high) / 2
        scale = np.exp(middle) * n_tracks
        power = np.log(top / 1.5) / np.log1p(0.42 * n_tracks / scale)
        plays = np.maximum(np.round(top * (1 + rank / scale) ** -power), 1).astype(np.int64)
        low, high = (low, middle) if plays.sum() > n else (middle, high)
    left = n - plays.sum()  # by rounding
    common = 1 + np.flatnonzero(plays[1:] > 2)
    np.add.at(plays, common[np.arange(abs(left)) % len(common)], np.sign(left))
    return plays


def release_dates(track, time, tracks, rng):
    """YYYYMMDD by track: none after it was first heard, but for .45 percent of the rows."""
    year = tracks["release"].astype(int)
    day = ((tracks["release"] - year) * 365).astype(int)
    date = year.astype(str).astype("datetime64[Y]").astype("datetime64[D]") + day
    heard = np.full(len(year), np.iinfo(np.int64).max)
    np.minimum.at(heard, track, time)
    date = np.minimum(date, heard.astype("datetime64[s]").astype("datetime64[D]"))
    number = np.char.replace(date.astype(str), "-", "").astype(int)
    plays = np.bincount(track, minlength=len(year))
    some = rng.permutation(np.flatnonzero(plays <= max(10, plays.max() // 40)))
    early = some[np.cumsum(plays[some]) <= real.EARLY_RELEASE * len(track)]
    number[early] = rng.choice([20161202, 20161209, 20161216, 30000101], len(early), p=[0.2, 0.6, 0.19, 0.01])
    return number
