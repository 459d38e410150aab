"""MovieLens 100K, 1M and latest-small.

Source: GroupLens, https://grouplens.org/datasets/movielens/; F. M. Harper and J. A.
Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015,
doi:10.1145/2827872.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.download import DataUnavailable, data_root, fetch, safe_extract
from rbm_lib.data.movielens.files import (
    FORMATS,
    Format,
    read_movies,
    read_ratings,
    read_users,
)
from rbm_lib.data.movielens.record import MovieLens
from rbm_lib.data.movielens.synthetic import synthetic_movielens


def load_movielens(
    name: str = "100k",
    root: str | Path | None = None,
    *,
    download: bool = True,
    synthetic: bool = True,
    verbose: bool = True,
) -> MovieLens:
    """Load a MovieLens set: found, downloaded, or invented.

    The sources are the files, or the zip, in the data folder; a download whose SHA-256 is
    verified; a synthetic stand-in, of the shape of 1M for "1m" and of 100K otherwise. Files
    that are there but wrong are errors, and never passed over.

    Parameters
    ----------
    name : {"100k", "1m", "latest-small"}
    root : path, optional
        The data folder, see `data_root`.
    download, synthetic : bool
        Whether the second and the third source may be used. DataUnavailable is raised where
        none is left.
    verbose : bool
        Print the origin, one line.
    """
    if name not in FORMATS:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(FORMATS)}.")
    form = FORMATS[name]
    try:
        folder, origin = _find(form, data_root(root), download)
        movies = read_movies(folder, form)
        users = read_users(folder, form)
        known = None if users is None else users["user_id"]
        ratings = read_ratings(folder / form.files[0], form, known, movies["movie_id"])
        if users is None:
            users = pd.DataFrame({"user_id": np.unique(ratings["user_id"])})
        origin = f"{form.title}, real, {origin}"
        data = MovieLens(name, ratings, movies, users, "real", origin, folder)
    except DataUnavailable as error:
        if not synthetic:
            raise
        data = synthetic_movielens(0, *form.stand_in)
        why = error.reason if download else "download=False"
        origin = f"{form.title} is not here ({why}): {data.origin}"
        data = replace(data, name=name, origin=origin)
    if verbose:
        print(data.origin)
    return data


def _find(form: Format, data_folder: Path, download: bool) -> tuple[Path, str]:
    """The folder of the files, unpacked if need be, and where they came from, in words."""
    folder = data_folder / form.folder
    lacking = [file for file in form.files if not (folder / file).is_file()]
    if not lacking:
        return folder, "files found in the data folder"
    if len(lacking) < len(form.files):
        raise ValueError(
            f"{folder}: got no {', '.join(lacking)}, expected the whole archive. Unpack it "
            "there, or move the folder away."
        )
    archive = f"{form.folder}.zip"
    found = (data_folder / archive).exists()
    urls = [mirror + archive for mirror in form.mirrors] if download else []
    path = fetch(archive, urls, form.sha256, data_folder)
    members = [f"{form.folder}/{file}" for file in form.files + form.extra]
    safe_extract(path, folder, members)
    return (
        folder,
        "archive found in the data folder" if found else "downloaded, SHA-256 verified",
    )
