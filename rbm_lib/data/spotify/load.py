"""Spotify's most played tracks since 1950, with their audio features.

Source: J. Beach, "Top 10000 Spotify Songs 1960-Now", Kaggle,
https://www.kaggle.com/datasets/joebeachcapital/top-10000-spotify-songs-1960-now
"""

from pathlib import Path

from rbm_lib.data.kaggle import KaggleFiles
from rbm_lib.data.spotify.files import FILES, read_export
from rbm_lib.data.spotify.merge import merge_exports
from rbm_lib.data.spotify.record import Spotify
from rbm_lib.data.spotify.synthetic import synthetic_spotify

_HANDLE = "joebeachcapital/top-10000-spotify-songs-1960-now"
KAGGLE = KaggleFiles(
    what="Spotify's tracks",
    folder="spotify",
    getter="dataset_download",
    handle=_HANDLE,
    files=list(FILES.values()),
    needed=list(FILES.values()),
    by_hand=f"1. open https://www.kaggle.com/datasets/{_HANDLE} and sign in (an account is "
    f"free); 2. download the archive and unpack it; 3. put {' and '.join(FILES.values())}, "
    "or the one that is in it, into {place}. Or install kagglehub (pip install kagglehub), "
    "which does all this",
)


def load_spotify(
    root: str | Path | None = None,
    *,
    download: bool = True,
    synthetic: bool = True,
    verbose: bool = True,
) -> Spotify:
    """Load Spotify's tracks: found, downloaded, or invented.

    The sources are `top_10000_1960-now.csv` and `top_10000_1950-now.csv`, or one of them,
    in the folder `spotify` of the data folder; a download with kagglehub, where it is
    installed; a synthetic stand-in. Files that are there but wrong are errors, and never
    passed over. `merge_exports` describes how they become one table.

    Parameters
    ----------
    root : path, optional
        The data folder, see `data_root`.
    download, synthetic : bool
        Whether the second and the third source may be used.
    verbose : bool
        Print the origin, and how to get the real files where they are missing.
    """
    options = {"download": download, "synthetic": synthetic, "verbose": verbose}
    return KAGGLE.load(_read, synthetic_spotify, root, **options)


def _read(folder: Path, origin: str) -> Spotify:
    present = {label: file for label, file in FILES.items() if (folder / file).exists()}
    exports = {label: read_export(folder / file) for label, file in present.items()}
    tracks, problems, report = merge_exports(exports)
    origin = f"Spotify, {len(tracks):,} real tracks, {origin}"
    if len(present) == 1:
        origin += f"; only {next(iter(present.values()))} is there"
    raw = {label: frame for label, (frame, _) in exports.items()}
    return Spotify("top_10000", tracks, report, "real", origin, folder, problems, raw)
