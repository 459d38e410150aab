"""MovieLens 100K, 1M and latest-small: found, downloaded, or replaced by a stand-in."""

from dataclasses import replace
from os import PathLike

import numpy as np
import pandas as pd

from rbm_lib.data.download import DataUnavailable, data_root, fetch, safe_extract
from rbm_lib.data.movielens.files import FORMATS, read_movies, read_ratings, read_users
from rbm_lib.data.movielens.record import MovieLens
from rbm_lib.data.movielens.synthetic import synthetic_movielens


def load_movielens(
    name: str = "100k",
    root: str | PathLike | None = None,
    *,
    download: bool = True,
    synthetic: bool = True,
    verbose: bool = True,
) -> MovieLens:
    """Load a MovieLens set from the first source that has it.

    The sources are the files, or the zip, in the data folder; a download whose SHA-256 is
    verified; and a synthetic stand-in, of the shape of 1M for "1m" and of 100K otherwise.

    Parameters
    ----------
    name : {"100k", "1m", "latest-small"}
    root : path, optional
        The data folder, see `data_root`.
    download, synthetic : bool
        Whether the second and the third source may be used.
    verbose : bool
        Print the origin, one line.

    Raises
    ------
    ValueError
        For files that are there but wrong, with file and line. They are never passed over.
    DataUnavailable
        Where no source is left.

    References
    ----------
    F. M. Harper and J. A. Konstan, "The MovieLens Datasets: History and Context", ACM TiiS
    5(4), 2015, doi:10.1145/2827872. https://grouplens.org/datasets/movielens/
    """
    if name not in FORMATS:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(FORMATS)}.")
    form = FORMATS[name]
    data_folder = data_root(root)
    folder = data_folder / form.folder
    archive = f"{form.folder}.zip"
    lacking = [file for file in form.files if not (folder / file).is_file()]
    origin = "files found in the data folder"
    try:
        if len(lacking) == len(form.files):
            origin = "downloaded, SHA-256 verified"
            if (data_folder / archive).exists():
                origin = "archive found in the data folder"
            urls = [mirror + archive for mirror in form.mirrors] if download else []
            path = fetch(archive, urls, form.sha256, data_folder)
            wanted = [f"{form.folder}/{file}" for file in (*form.files, *form.extra)]
            safe_extract(path, folder, wanted)
        elif lacking:
            raise ValueError(
                f"{folder}: got no {', '.join(lacking)}, expected all files of the set. "
                "Unpack the whole archive there, or move the folder away."
            )
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
        data = replace(
            data, name=name, origin=f"{form.title} is not here ({why}): {data.origin}"
        )
    if verbose:
        print(data.origin)
    return data
