"""A stand-in for the Spotify catalogue: invented tracks, with the real statistics.

It exists so that every lesson runs without a network. Its numbers say nothing about real
music. The method is a Gaussian copula whose mean depends on the style of the music; every
variable is then given the quantiles of the real files.
"""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from rbm_lib.checks import require_whole
from rbm_lib.data.spotify.files import COLUMNS, check_export
from rbm_lib.data.spotify.merge import merge_exports
from rbm_lib.data.spotify.record import Spotify

_REAL = tomllib.loads(Path(__file__).with_name("marginals.toml").read_text("utf-8"))
_STYLES = _REAL["styles"]
_ANALYSED = [*list(_REAL["curves"])[:9], "Key", "Mode", "Time Signature"]  # from the sound
_DIGITS = {
    "Popularity": "%.0f",
    "Track Duration (ms)": "%.0f",
    "Loudness": "%.3f",
    "Tempo": "%.3f",
}
_N_BAD = 6  # tracks at the end to be dropped: five without audio features, one of tempo 0


def synthetic_spotify(seed: int = 0, n_tracks: int = 8600) -> Spotify:
    """Invent a catalogue of n_tracks tracks, merged from two exports as the real one.

    Parameters
    ----------
    seed : int
        Decides every value.
    n_tracks : int
        At least 200.

    Examples
    --------
    >>> synthetic_spotify(seed=0, n_tracks=200)
    Spotify(synthetic catalogue (seed 0): 200 invented tracks of invented artists)
    """
    raw = raw_exports(seed, n_tracks)
    files = {label: f"synthetic_{label}.csv" for label in raw}
    exports = {
        label: (rows, check_export(rows, files[label])) for label, rows in raw.items()
    }
    tracks, problems, report = merge_exports(exports, files)
    origin = f"synthetic catalogue (seed {seed}): {len(tracks):,} invented tracks"
    origin += " of invented artists"
    return Spotify("synthetic", tracks, report, "synthetic", origin, None, problems, raw)


def raw_exports(seed: int = 0, n_tracks: int = 8600) -> dict[str, pd.DataFrame]:
    """Invent the exports "1960-now" and "1950-now", as `read_export` gives them.

    Most tracks are in both, and a few rows come twice. In the second, popularity is of
    another day, some genres are missing, and five tracks lack audio features; one track of
    both has tempo 0. A tenth of the tracks are issued once more under another URI, so that
    names, and even track + artist + album, collide.
    """
    n = require_whole("n_tracks", n_tracks, least=200) + _N_BAD
    rng = np.random.Generator(np.random.PCG64(seed))
    artist, style_of_artist = _artists(n, rng)
    score = _scores(artist, style_of_artist, rng)
    sound = _sound(score, style_of_artist[artist], rng)
    table = _table(sound, artist, style_of_artist, rng)
    frame = pd.DataFrame(table, columns=list(COLUMNS), dtype=str).fillna("")
    frame.loc[n - _N_BAD : n - 2, _ANALYSED] = ""
    zero = ["Danceability", "Speechiness", "Valence", "Tempo", "Time Signature"]
    frame.loc[n - 1, zero] = "0"
    place = rng.random(n)
    place[-_N_BAD:-1] = 0.98  # in the second export alone
    place[-1] = 0.5

    def rows_between(low: float, high: float) -> pd.DataFrame:
        rows = rng.permutation(np.flatnonzero((place >= low) & (place <= high)))
        twice = rng.choice(rows, 4 * n // 1000)
        rows = np.insert(rows, rng.integers(0, len(rows), len(twice)), twice)
        return frame.iloc[rows].set_axis(pd.RangeIndex(2, len(rows) + 2, name="line"))

    first = rows_between(0, 0.97)
    popularity = frame["Popularity"].astype(int).to_numpy()
    moves = (popularity > 0) & (rng.random(n) < 0.4)  # a dead listing does not move
    moved = np.clip(popularity + rng.integers(-3, 4, n), 1, 100)
    frame["Popularity"] = np.where(moves, moved, popularity).astype(str)
    frame.loc[rng.random(n) < 0.012, "Artist Genres"] = ""
    return {"1960-now": first, "1950-now": rows_between(0.03, 1)}


def _artists(n: int, rng: Generator) -> tuple[NDArray, NDArray]:
    """The artist of each track, and the style of each artist."""
    levels = (np.arange(0.44 * n) + 0.5) / np.ceil(0.44 * n)
    counts = np.interp(levels, _REAL["artist_levels"], _REAL["artist_counts"])
    counts = np.round(counts).astype(int)
    pool = np.repeat(np.arange(len(counts)), counts)
    artist = np.resize(rng.permutation(pool), n)
    share = np.array([style["artists"] for style in _STYLES])
    return artist, rng.choice(len(share), len(counts), p=share / share.sum())


def _scores(artist: NDArray, style_of_artist: NDArray, rng: Generator) -> NDArray:
    """Normal scores of each track: style + artist + track, with the real correlations."""
    correlation = np.eye(len(_REAL["curves"]))
    for row, below in enumerate(_REAL["correlations"]):
        correlation[row, :row] = below
        correlation[:row, row] = below
    mean = np.array([style["mean"] for style in _STYLES])[style_of_artist[artist]]
    mean = mean - mean.mean(0)
    unexplained = correlation - mean.T @ mean / len(mean)
    spread, axes = np.linalg.eigh(unexplained)
    root = (axes * np.sqrt(np.clip(spread, 0.05, None))).T
    own = rng.standard_normal((len(style_of_artist), len(correlation)))[artist]
    track = rng.standard_normal(own.shape)
    return mean + (np.sqrt(0.3) * own + np.sqrt(0.7) * track) @ root


def _sound(score: NDArray, style: NDArray, rng: Generator) -> dict[str, NDArray]:
    """What can be heard, popularity and the year, each with the real quantiles."""
    n = len(score)
    table = {}
    for k, (column, curve) in enumerate(_REAL["curves"].items()):
        level = np.empty(n)
        level[np.argsort(score[:, k], kind="stable")] = (np.arange(n) + 0.5) / n
        share = _REAL["zeros"].get(column, 0)
        zero = level < share
        if column == "Popularity":
            zero = rng.random(n) < share
        elif share:
            level = (level - share) / (1 - share)
        if column in _REAL["logarithmic"]:
            value = np.exp(np.interp(level, _REAL["levels"], np.log(curve)))
        else:
            value = np.interp(level, _REAL["levels"], curve)
        table[column] = np.where(zero, 0, value)
    table["Key"] = rng.choice(12, n, p=_REAL["key_shares"])
    major = np.array([style["major"] for style in _STYLES])[style]
    chance = np.array(_REAL["major_by_key"])[table["Key"]] + major - major.mean()
    table["Mode"] = (rng.random(n) < chance).astype(int)

    # Odd meters are found where music is hard to dance to, quiet and acoustic.
    odd = -score[:, 0] - score[:, 1] + 0.8 * score[:, 4] + 1.5 * rng.standard_normal(n)
    common, *meters = _REAL["meters"]
    share, *weights = _REAL["meter_shares"]
    strange = np.argsort(-odd, kind="stable")[: round((1 - share) * n)]
    meter = rng.choice(meters, len(strange), p=np.array(weights) / sum(weights))
    table["Time Signature"] = np.full(n, float(common))
    table["Time Signature"][strange] = meter
    return table


def _table(
    sound: dict[str, NDArray], artist: NDArray, style_of_artist: NDArray, rng: Generator
):
    """The raw table, as text. Some tracks become a second listing of another."""
    n = len(artist)
    n_artists = len(style_of_artist)
    year = np.round(sound["Year"]).astype(int)
    own_album = 3 * n_artists + np.arange(n)
    album = np.where(rng.random(n) < 0.6, artist * 3 + rng.integers(0, 3, n), own_album)
    guest = np.where(rng.random(n) < 0.16, rng.integers(0, n_artists, n), -1)
    same = rng.random(n) < _REAL["same_title"]
    song = np.where(same, rng.integers(0, n, n), np.arange(n))

    again = np.flatnonzero(rng.random(n - _N_BAD) < _REAL["listed_again"])
    origin = np.arange(n)
    origin[again] = rng.choice(np.setdiff1d(np.arange(n - _N_BAD), again), len(again))
    popularity = sound["Popularity"]
    sound = {column: value[origin] for column, value in sound.items()}
    sound["Popularity"] = popularity  # every listing has its own
    remastered = again[rng.random(len(again)) < 0.6]
    for column in ("Danceability", "Energy", "Valence"):
        moved = sound[column][remastered] + 0.004 * rng.standard_normal(len(remastered))
        sound[column][remastered] = np.clip(moved, 0.02, 0.99)
    artist, guest, song = artist[origin], guest[origin], song[origin]
    album, year = album[origin], year[origin]
    later = again[rng.random(len(again)) < 0.65]  # on another album
    album[later] = 3 * n_artists + n + np.arange(len(later))
    issued = year.copy()
    issued[later] = np.minimum(year[later] + rng.integers(0, 25, len(later)), 2023)

    def joined(values: NDArray, between: str = ", ") -> NDArray:
        """Of the artist, or of two."""
        second = np.where(guest < 0, "", values[guest])
        alone = (second == "") | (values[artist] == "")
        return values[artist] + np.where(alone, "", between) + second

    more = "\\, Sons & Daughters"
    numbers = [f"{k:04d}" + more * (k % 97 == 5) for k in range(n_artists)]
    names = np.array([f"Invented Artist {number}" for number in numbers], dtype=object)
    uris = [f"spotify:artist:Invented{k:014d}" for k in range(n_artists)]
    uris = np.array(uris, dtype=object)
    first = rng.choice(_REAL["first_words"], n)
    second = rng.choice(_REAL["second_words"], n)
    month = rng.integers(1, 13, n)
    day = rng.integers(1, 29, n)
    length = rng.choice(_REAL["date_lengths"], n, p=_REAL["date_shares"])
    dates = zip(issued, month, day, length, strict=True)
    rap = np.array([style["name"] == "hip hop" for style in _STYLES])
    rap = rap[style_of_artist[artist]]
    explicit = (rng.random(n) < np.where(rap, 0.3, 0.02)) & (year >= 1990)
    text = {
        "Track URI": [f"spotify:track:Invented{k:014d}" for k in rng.permutation(n)],
        "Track Name": [f"Invented Song {k:04d}: {first[k]} {second[k]}" for k in song],
        "Artist URI(s)": joined(uris),
        "Artist Name(s)": joined(names),
        "Album URI": [f"spotify:album:Invented{k:014d}" for k in album],
        "Album Name": [f"Invented Album {k:05d}" for k in album],
        "Album Artist URI(s)": uris[artist],
        "Album Artist Name(s)": names[artist],
        "Album Release Date": [f"{y}-{m:02d}-{d:02d}"[:size] for y, m, d, size in dates],
        "Disc Number": "1",
        "Track Number": rng.integers(1, 15, n).astype(str),
        "Explicit": np.where(explicit, "true", "false"),
        "ISRC": [f"XXINV{k:07d}" for k in origin],
        "Added By": "spotify:user:invented",
        "Added At": "2023-01-01T00:00:00Z",
        "Artist Genres": joined(_genres(style_of_artist, rng), ","),
    }
    for column, value in sound.items():
        text[column] = np.char.mod(_DIGITS.get(column, "%.3g"), value)
    return text


def _genres(style_of_artist: NDArray, rng: Generator) -> NDArray:
    """The genres of each artist, joined by commas: often the first of the style.

    A fifth have the main genre of another style as well, and a few have a regional one that
    hardly anybody shares.
    """
    found = []
    for style in style_of_artist:
        own = _STYLES[style]["genres"]
        weight = 0.68 ** np.arange(len(own))
        size = min(rng.geometric(0.4), 6)
        places = np.searchsorted(weight.cumsum() / weight.sum(), rng.random(size))
        genres = {own[k] for k in places}
        if rng.random() < 0.2:
            genres.add(_STYLES[rng.integers(0, 8)]["genres"][0])
        if rng.random() < 0.03:
            genres.add(f"{rng.choice(_REAL['regions'])} {own[0]}")
        found.append("" if rng.random() < 0.07 else ",".join(sorted(genres)))
    return np.array(found, dtype=object)
