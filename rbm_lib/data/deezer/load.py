"""Deezer's listens of November 2016, with who skipped what.

Source: Deezer, "Data Science Game 2017, online phase", Kaggle,
https://www.kaggle.com/c/dsg17-online-phase
"""

from pathlib import Path

from rbm_lib.checks import require_whole
from rbm_lib.data.deezer.files import COLUMNS, TEST_COLUMNS, flag, read_listens
from rbm_lib.data.deezer.record import Deezer
from rbm_lib.data.deezer.synthetic import synthetic_deezer
from rbm_lib.data.kaggle import KaggleFiles

KAGGLE = KaggleFiles(
    what="Deezer's listens",
    folder="deezer",
    getter="competition_download",
    handle="dsg17-online-phase",
    files=["test.csv", "train.csv"],  # train.csv last, because test.csv alone is an error
    needed=["train.csv"],
    by_hand="1. open https://www.kaggle.com/c/dsg17-online-phase/data, sign in (an account "
    "is free) and accept the rules; 2. download train.csv and test.csv and unpack them; 3. "
    "put both into {place}. Or install kagglehub (pip install kagglehub) and sign in "
    "(kagglehub.login()), which does the rest",
)


def load_deezer(
    root: str | Path | None = None,
    *,
    download: bool = True,
    synthetic: bool = True,
    n_rows: int | None = None,
    verbose: bool = True,
) -> Deezer:
    """Load Deezer's listens: found, downloaded, or invented.

    The sources are train.csv, and test.csv if it is there, in the folder `deezer` of the
    data folder; a download with kagglehub, where it is installed and signed in; a synthetic
    stand-in. Files that are there but wrong are errors, and never passed over.

    Parameters
    ----------
    root : path, optional
        The data folder, see `data_root`.
    download, synthetic : bool
        Whether the second and the third source may be used.
    n_rows : int, optional
        Read only the first rows of train.csv, which takes 0.33 GB of memory; or the size of
        the stand-in, by default 200,000.
    verbose : bool
        Print the origin, and how to get the real files where they are missing.
    """
    if n_rows is not None:
        n_rows = require_whole("n_rows", n_rows)

    def read(folder: Path, origin: str) -> Deezer:
        return _read(folder, origin, n_rows)

    def invent() -> Deezer:
        return synthetic_deezer() if n_rows is None else synthetic_deezer(n_rows=n_rows)

    options = {"download": download, "synthetic": synthetic, "verbose": verbose}
    return KAGGLE.load(read, invent, root, **options)


def _read(folder: Path, origin: str, n_rows: int | None) -> Deezer:
    if not (folder / "train.csv").exists():
        raise ValueError(f"{folder}: got test.csv alone, expected train.csv beside it.")
    train = read_listens(folder / "train.csv", COLUMNS, n_rows=n_rows)
    files = {"train.csv": train}
    part = "the first " if len(train) == n_rows else ""
    origin = f"Deezer DSG17, {part}{len(train):,} real listens, {origin}"
    if (folder / "test.csv").exists():
        files["test.csv"] = read_listens(folder / "test.csv", TEST_COLUMNS)
    else:
        origin += "; test.csv is not there"
    return Deezer(
        "dsg17", train, files.get("test.csv"), flag(files), "real", origin, folder
    )
