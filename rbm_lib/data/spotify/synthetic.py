"""A synthetic stand-in for the Spotify catalogue: invented tracks, the real one's marginals and correlations.

It exists so that every lesson runs without a network. Figures computed on it say nothing about real music.
Method: a Gaussian copula whose mean depends on the style of the music; every variable is then given the
quantiles of the real files.
"""

import numpy as np
import pandas as pd

from rbm_lib.data.spotify import marginals as real
from rbm_lib.data.spotify.files import COLUMNS, check_export
from rbm_lib.data.spotify.load import Spotify
from rbm_lib.data.spotify.merge import merge_exports

_FIRST_WORDS = "Quiet Last Golden Broken Distant Hidden Silver Restless Burning Frozen Crooked Gentle".split()
_SECOND_WORDS = (
    "River Summer Highway Mirror Midnight Letter Shadow Garden Season Signal Thunder Heart".split()
)
_REGIONS = "norwegian chilean welsh japanese turkish finnish".split()
_ANALYSED = [*list(real.CURVES)[:9], "Key", "Mode", "Time Signature"]  # what the audio analysis gives
_SPOILT = 6  # tracks that are to be dropped, the last ones: five not analysed, and one of tempo 0


def synthetic_spotify(seed=0, n_tracks=8600):
    """Invent a catalogue of exactly n_tracks usable tracks, merged from two exports as the real one is.

    Deterministic in `seed`. Returns Spotify with source "synthetic", its `exports()` those of `raw_exports`.
    Raises ValueError for fewer than 200 tracks.
    """
    raw = raw_exports(seed, n_tracks)
    files = {label: f"synthetic_{label}.csv" for label in raw}
    exports = {label: (frame, check_export(frame, files[label])) for label, frame in raw.items()}
    tracks, problems, report = merge_exports(exports, files)
    origin = f"synthetic catalogue (seed {seed}): {len(tracks):,} invented tracks of invented artists"
    return Spotify("synthetic", tracks, report, "synthetic", origin, None, problems, raw)


def raw_exports(seed=0, n_tracks=8600):
    """{"1960-now": frame, "1950-now": frame}: two exports as `read_export` gives them, blemishes and all.

    Most tracks are in both; a few rows stand twice; in the second, popularity is of another day, some genres
    are missing, and five tracks lack audio features; one track of both has tempo 0. A tenth of the tracks are
    issued once more under another URI, so that names, and even track + artist + album, collide. Raises
    ValueError for fewer than 200 tracks.
    """
    if not isinstance(n_tracks, int | np.integer) or n_tracks < 200:
        raise ValueError(f"n_tracks is {n_tracks!r}: expected a whole number, 200 or more")
    rng = np.random.Generator(np.random.PCG64(seed))
    n = int(n_tracks) + _SPOILT
    artist, style_of_artist = _artists(n, rng)
    score = _scores(artist, style_of_artist, rng)
    sound = _sound(score, style_of_artist[artist], rng)
    frame = pd.DataFrame(_table(sound, artist, style_of_artist, rng), columns=COLUMNS, dtype=str).fillna("")
    frame.loc[n - _SPOILT : n - 2, _ANALYSED] = ""
    frame.loc[n - 1, ["Danceability", "Speechiness", "Valence", "Tempo", "Time Signature"]] = "0"
    place = rng.random(n)
    place[-_SPOILT:-1], place[-1] = 0.98, 0.5
    exports = {}
    for label, low, high in (("1960-now", 0, 0.97), ("1950-now", 0.03, 1)):
        if label == "1950-now":
            popularity = frame["Popularity"].astype(int).to_numpy()
            moves = (popularity > 0) & (rng.random(n) < 0.4)  # a dead listing does not
            moved = np.clip(popularity + rng.integers(-3, 4, n), 1, 100)
            frame["Popularity"] = np.where(moves, moved, popularity).astype(str)
            frame.loc[rng.random(n) < 0.012, "Artist Genres"] = ""
        rows = rng.permutation(np.flatnonzero((place >= low) & (place <= high)))
        twice = rng.choice(rows, 4 * n // 1000)
        rows = np.insert(rows, rng.integers(0, len(rows), len(twice)), twice)
        exports[label] = frame.iloc[rows].set_axis(pd.RangeIndex(2, len(rows) + 2, name="line"))
    return exports


def _artists(n, rng):
    """(artist of each track, style of each artist)."""
    levels = (np.arange(0.44 * n) + 0.5) / np.ceil(0.44 * n)
    counts = np.round(np.interp(levels, real.ARTIST_LEVELS, real.ARTIST_COUNTS)).astype(int)
    pool = np.repeat(np.arange(len(counts)), counts)
    artist = np.resize(rng.permutation(pool), n)
    share = np.array([style[0] for style in real.STYLES.values()])
    return artist, rng.choice(len(share), len(counts), p=share / share.sum())


def _scores(artist, style_of_artist, rng):
    """Normal scores, a row per track: style + artist + track, with the real correlations in all."""
    correlation = np.eye(len(real.CURVES))
    for row, below in enumerate(real.CORRELATIONS):
        correlation[row, :row] = correlation[:row, row] = below
    mean = np.array([style[2] for style in real.STYLES.values()])[style_of_artist[artist]]
    mean = mean - mean.mean(0)
    spread, axes = np.linalg.eigh(correlation - mean.T @ mean / len(mean))  # what styles leave unexplained
    root = (axes * np.sqrt(np.clip(spread, 0.05, None))).T
    own = rng.standard_normal((len(style_of_artist), len(correlation)))[artist]
    return mean + (np.sqrt(0.3) * own + np.sqrt(0.7) * rng.standard_normal(own.shape)) @ root


def _sound(score, style, rng):
    """Column → values: what can be heard, popularity and the year. Each with the real quantiles."""
    n, table = len(score), {}
    for k, (column, curve) in enumerate(real.CURVES.items()):
        level = np.empty(n)
        level[np.argsort(score[:, k], kind="stable")] = (np.arange(n) + 0.5) / n
        share = real.ZEROS.get(column, 0)
        zero = level < share
        if column == "Popularity":
            zero = rng.random(n) < share
        elif share:
            level = (level - share) / (1 - share)
        log = column in real.LOGARITHMIC
        value = np.interp(level, real.LEVELS, np.log(curve) if log else curve)
        table[column] = np.where(zero, 0, np.exp(value) if log else value)
    table["Key"] = rng.choice(12, n, p=real.KEY_SHARES)
    major = np.array([style[1] for style in real.STYLES.values()])[style]
    chance = np.array(real.KEY_MAJOR)[table["Key"]] + major - major.mean()
    table["Mode"] = (rng.random(n) < chance).astype(int)
    # Odd meters are found where music is hard to dance to, quiet and acoustic.
    odd = -score[:, 0] - score[:, 1] + 0.8 * score[:, 4] + 1.5 * rng.standard_normal(n)
    (common, share), *others = real.METERS.items()
    meter, weight = np.array(others).T
    strange = np.argsort(-odd, kind="stable")[: round((1 - share) * n)]
    table["Time Signature"] = np.full(n, common)
    table["Time Signature"][strange] = rng.choice(meter, len(strange), p=weight / weight.sum())
    return table


def _table(sound, artist, style_of_artist, rng):
    """The columns of the raw table, as text. Some tracks become a second listing of another one."""
    n, n_artists = len(artist), len(style_of_artist)
    year = np.round(sound["Year"]).astype(int)
    album = np.where(rng.random(n) < 0.6, artist * 3 + rng.integers(0, 3, n), 3 * n_artists + np.arange(n))
    guest = np.where(rng.random(n) < 0.16, rng.integers(0, n_artists, n), -1)
    song = np.where(rng.random(n) < real.SAME_TITLE, rng.integers(0, n, n), np.arange(n))

    again = np.flatnonzero(rng.random(n - _SPOILT) < real.LISTED_AGAIN)
    origin = np.arange(n)
    origin[again] = rng.choice(np.setdiff1d(np.arange(n - _SPOILT), again), len(again))
    sound = {key: value if key == "Popularity" else value[origin] for key, value in sound.items()}
    remastered = again[rng.random(len(again)) < 0.6]
    for column in ("Danceability", "Energy", "Valence"):
        moved = sound[column][remastered] + 0.004 * rng.standard_normal(len(remastered))
        sound[column][remastered] = np.clip(moved, 0.02, 0.99)
    artist, guest, song, album, year = (values[origin] for values in (artist, guest, song, album, year))
    later = again[rng.random(len(again)) < 0.65]  # on another album
    album[later] = 3 * n_artists + n + np.arange(len(later))
    issued = year.copy()
    issued[later] = np.minimum(year[later] + rng.integers(0, 25, len(later)), 2023)

    def joined(values, between=", "):  # an artist, or two
        second = np.where(guest < 0, "", values[guest])
        return values[artist] + np.where((second == "") | (values[artist] == ""), "", between) + second

    numbers = [f"{k:04d}" + "\\, Sons & Daughters" * (k % 97 == 5) for k in range(n_artists)]
    names = np.array([f"Invented Artist {number}" for number in numbers], dtype=object)
    uris = np.array([f"spotify:artist:Invented{k:014d}" for k in range(n_artists)], dtype=object)
    first, second = rng.choice(_FIRST_WORDS, n), rng.choice(_SECOND_WORDS, n)
    month, day = rng.integers(1, 13, n), rng.integers(1, 29, n)
    length = rng.choice([4, 7, 10], n, p=list(real.PRECISIONS.values()))
    dates = zip(issued, month, day, length, strict=True)
    rap = np.array(list(real.STYLES))[style_of_artist[artist]] == "hip hop"
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
        digits = {"Popularity": "%.0f", "Track Duration (ms)": "%.0f", "Loudness": "%.3f", "Tempo": "%.3f"}
        text[column] = np.char.mod(digits.get(column, "%.3g"), value)
    return text


def _genres(style_of_artist, rng):
    """The genres of each artist, joined by commas: the first of the style often, the last hardly ever.

    A fifth have the main genre of another style as well, a few a regional genre that hardly anybody shares.
    """
    names = [style[3].split(", ") for style in real.STYLES.values()]
    found = []
    for style in style_of_artist:
        own = names[style]
        weight = 0.68 ** np.arange(len(own))
        size = min(rng.geometric(0.4), 6)
        genres = {own[k] for k in np.searchsorted(weight.cumsum() / weight.sum(), rng.random(size))}
        if rng.random() < 0.2:
            genres.add(names[rng.integers(0, 8)][0])
        if rng.random() < 0.03:
            genres.add(f"{rng.choice(_REGIONS)} {own[0]}")
        found.append("" if rng.random() < 0.07 else ",".join(sorted(genres)))
    return np.array(found, dtype=object)
