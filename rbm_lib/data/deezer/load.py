"""Deezer's listens of November 2016 (DSG17), with who skipped what: found, downloaded, or invented.

Source: Deezer, "Data Science Game 2017, online phase", Kaggle, https://www.kaggle.com/c/dsg17-online-phase
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.deezer.files import COLUMNS, TEST_COLUMNS, flag, read_listens
from rbm_lib.data.download import DataUnavailable, data_root, fetch_kaggle

HANDLE = "dsg17-online-phase"
ADDRESS = f"https://www.kaggle.com/c/{HANDLE}/data"
FILES = {"train.csv": COLUMNS, "test.csv": TEST_COLUMNS}


@dataclass(frozen=True, eq=False, repr=False)
class Deezer:
    """Listens, and the first track that Flow (the endless recommended stream) then offered to each user.

    train, one row per listen, whole numbers as published: genre_id, ts_listen (seconds since 1970, UTC),
    media_id (the track), album_id, context_type, release_date (YYYYMMDD), platform_name, platform_family,
    media_duration (seconds), listen_type (1: Flow), user_gender, user_id (ranked by activity: a leak),
    artist_id, user_age (years), is_listened (1: 30 seconds or more, 0: skipped). test: sample_id in front, no
    is_listened, one row per user; None where its file is missing. flags: file, reason, rows, share, example
    (file:line) of what is odd and was kept. source: "real" or "synthetic"; origin: the same in one line of
    text, for outputs and titles of figures. test_label: is_listened of `test`, known only where it is
    synthetic, else None.
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame | None
    flags: pd.DataFrame
    source: str
    origin: str
    folder: Path | None = None
    test_label: pd.Series | None = None

    def __repr__(self):
        return f"Deezer({self.origin})"


def load_deezer(root=None, *, download=True, synthetic=True, n_rows=None, verbose=True):
    """Deezer's listens, from the first of these that is there.

    1. `train.csv`, and `test.csv` if it is there, in the folder `deezer` of the data folder (`root`, see
    `data_root`); 2. a download with the package kagglehub, where it is installed and signed in, and if
    `download`; 3. a synthetic stand-in, if `synthetic`. n_rows: read only the first n rows of train.csv; the
    size of the stand-in (200,000 without). verbose prints the origin, one line, and how to get the real
    files by hand where they are missing. Raises ValueError, with file and line, for files that are there but
    wrong (they are never passed over), and DataUnavailable, with the steps, where nothing is left. The whole
    train.csv takes 0.33 GB of memory.
    """
    whole = isinstance(n_rows, int | np.integer) and not isinstance(n_rows, bool)
    if n_rows is not None and not (whole and n_rows > 0):
        raise ValueError(f"n_rows is {n_rows!r}: expected a whole number, 1 or more, or None for all")
    folder = data_root(root) / "deezer"
    origin, steps = "files found in the data folder", ""
    try:
        if not _present(folder):
            if archives := sorted(folder.glob("*.zip")):
                raise ValueError(f"{archives[0]} is still packed: unpack it there")
            _download(folder, download)
            origin = "downloaded with kagglehub"
        data = _read(folder, origin, n_rows)
    except DataUnavailable as error:
        if not synthetic:
            raise
        from rbm_lib.data.deezer.synthetic import synthetic_deezer

        data = synthetic_deezer(**({} if n_rows is None else {"n_rows": n_rows}))
        data = replace(data, origin=f"Deezer's listens are not here ({error.reason}): {data.origin}")
        steps = f"For the real ones: {_steps('the folder data/deezer (see data/README.md)')}."
    if verbose:
        print(data.origin)
        if steps:
            print(steps)
    return data


def _present(folder):
    return [file for file in FILES if (folder / file).exists()]


def _read(folder, origin, n_rows):
    present = _present(folder)
    if "train.csv" not in present:
        raise ValueError(f"{folder} lacks train.csv: put it beside test.csv, or move that one away")
    frames = {
        file: read_listens(folder / file, FILES[file], n_rows=n_rows if file == "train.csv" else None)
        for file in present
    }
    train, test = frames["train.csv"], frames.get("test.csv")
    part = "the first " if n_rows is not None and len(train) == n_rows else ""
    origin = f"Deezer DSG17, {part}{len(train):,} real listens, {origin}"
    origin += "" if test is not None else "; test.csv is not there"
    return Deezer("dsg17", train, test, flag(frames), "real", origin, folder)


def _steps(place):
    return (
        f"1. open {ADDRESS}, sign in (an account is free) and accept the rules; 2. download "
        f"{' and '.join(FILES)} and unpack them; 3. put both into {place}. Or install kagglehub (pip install "
        "kagglehub) and sign in (kagglehub.login()), which does the rest"
    )


def _unavailable(folder, why):
    return DataUnavailable(f"Deezer's listens could not be had ({why}). By hand: {_steps(folder)}", why)


def _download(folder, allowed):
    """train.csv, and test.csv if it comes along, into `folder`. Raises DataUnavailable, saying why."""
    files = ["test.csv", "train.csv"]  # train.csv last: alone, test.csv would be an error
    try:
        fetch_kaggle(folder, "competition_download", HANDLE, files, ["train.csv"], allowed)
    except DataUnavailable as error:
        raise _unavailable(folder, error.reason) from error
