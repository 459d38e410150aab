"""Spotify's most played tracks since 1950, with their audio features: found, downloaded, or invented.

Source: J. Beach, "Top 10000 Spotify Songs 1960-Now", Kaggle,
https://www.kaggle.com/datasets/joebeachcapital/top-10000-spotify-songs-1960-now
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from rbm_lib.data.download import DataUnavailable, data_root, fetch_kaggle
from rbm_lib.data.spotify.files import FILES, read_export
from rbm_lib.data.spotify.merge import merge_exports

FEATURES = (
    "danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness",
    "liveness", "valence", "tempo", "time_signature", "popularity", "duration_ms",
)  # fmt: skip
HANDLE = "joebeachcapital/top-10000-spotify-songs-1960-now"
ADDRESS = f"https://www.kaggle.com/datasets/{HANDLE}"


@dataclass(frozen=True, eq=False, repr=False)
class Spotify:
    """A catalogue of tracks.

    tracks, one row per track_uri and in its order: track_uri, track_name, artist_name (all of them, joined),
    artists (list of str), album_name, release_date (text as published; of this issue, which may be decades
    younger than the song), release_year (Int64, may be missing), release_precision ("day", "month", "year"),
    explicit (bool), isrc (may be missing), genres (list of str, each once, may be empty), the 14 FEATURES
    (tempo in beats per minute, loudness in dB, popularity 0 to 100, the others 0 to 1 or whole), in_1960 and
    in_1950 (bool: which file has it). Names collide: use the URI.
    report: reason, rows, example (file:line of the first cases), action ("dropped", "merged" into another
    row, "mended", "noted"). problems: the same, case by case: file, line, reason, value, action. source:
    "real" or "synthetic"; origin: the same in one line of text, for outputs and titles of figures.
    """

    name: str
    tracks: pd.DataFrame
    report: pd.DataFrame
    source: str
    origin: str
    folder: Path | None = None
    problems: pd.DataFrame | None = None
    raw: dict = field(default_factory=dict)

    def __repr__(self):
        return f"Spotify({self.origin})"

    def exports(self):
        """{"1960-now": DataFrame, "1950-now": DataFrame}: the raw files as text, before anything was dropped.

        All 35 columns, indexed by the line of the file. Where only one file is there, only that one.
        """
        return {label: frame.copy() for label, frame in self.raw.items()}


def load_spotify(root=None, *, download=True, synthetic=True, verbose=True):
    """Spotify's tracks, from the first of these that is there.

    1. `top_10000_1960-now.csv` and `top_10000_1950-now.csv`, or one of them, in the folder `spotify` of the
    data folder (`root`, see `data_root`); 2. a download with the package kagglehub, where it is installed and
    if `download`; 3. a synthetic catalogue, if `synthetic`. verbose prints the origin, one line, and how to
    get the real files by hand where they are missing. Raises ValueError, with file and line, for files that
    are there but wrong (they are never passed over), and DataUnavailable, with the steps, where nothing is
    left. What was left out of the files is in `report`; the rules are those of `merge_exports`.
    """
    folder = data_root(root) / "spotify"
    origin, steps = "files found in the data folder", ""
    try:
        if not _present(folder):
            if archives := sorted(folder.glob("*.zip")):
                raise ValueError(f"{archives[0]} is still packed: unpack it there")
            _download(folder, download)
            origin = "downloaded with kagglehub"
        data = _read(folder, _present(folder), origin)
    except DataUnavailable as error:
        if not synthetic:
            raise
        from rbm_lib.data.spotify.synthetic import synthetic_spotify

        data = synthetic_spotify()
        data = replace(data, origin=f"Spotify's tracks are not here ({error.reason}): {data.origin}")
        steps = f"For the real ones: {_steps('the folder data/spotify (see data/README.md)')}."
    if verbose:
        print(data.origin)
        if steps:
            print(steps)
    return data


def _present(folder):
    return {label: file for label, file in FILES.items() if (folder / file).exists()}


def _read(folder, present, origin):
    exports = {label: read_export(folder / file) for label, file in present.items()}
    tracks, problems, report = merge_exports(exports)
    only = f"; only {next(iter(present.values()))} is there" if len(present) == 1 else ""
    origin = f"Spotify, {len(tracks):,} real tracks, {origin}{only}"
    raw = {label: frame for label, (frame, _) in exports.items()}
    return Spotify("top_10000", tracks, report, "real", origin, folder, problems, raw)


def _steps(place):
    return (
        f"1. open {ADDRESS} and sign in (an account is free); 2. download the archive and unpack it; 3. put "
        f"{' and '.join(FILES.values())}, or the one that is in it, into {place}. Or install kagglehub "
        "(pip install kagglehub), which does all this"
    )


def _unavailable(folder, why):
    return DataUnavailable(f"Spotify's tracks could not be had ({why}). By hand: {_steps(folder)}", why)


def _download(folder, allowed):
    """Both files, or the one that there is, into `folder`. Raises DataUnavailable, saying why."""
    files = list(FILES.values())
    try:
        fetch_kaggle(folder, "dataset_download", HANDLE, files, files, allowed)
    except DataUnavailable as error:
        raise _unavailable(folder, error.reason) from error
