"""MovieLens 100K, 1M and latest-small: found, downloaded, or replaced by a stand-in that says so.

Source: GroupLens, https://grouplens.org/datasets/movielens/; F. M. Harper and J. A. Konstan, "The MovieLens
Datasets: History and Context", ACM TiiS 5(4), 2015, doi:10.1145/2827872.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.download import DataUnavailable, data_root, fetch, safe_extract
from rbm_lib.data.movielens.files import FORMATS, read_movies, read_ratings, read_users


@dataclass(frozen=True, eq=False, repr=False)
class MovieLens:
    """One MovieLens set.

    ratings: user_id, movie_id, rating, timestamp (seconds since 1970, UTC); movies: movie_id, title, year
    (may be missing), genres (list of str); users: user_id and, where the set has them, age, gender,
    occupation, zip_code. source: "real" or "synthetic"; origin: the same in one line of text, for outputs and
    titles of figures.
    """

    name: str
    ratings: pd.DataFrame
    movies: pd.DataFrame
    users: pd.DataFrame
    source: str
    origin: str
    folder: Path | None = None

    def __repr__(self):
        return f"MovieLens({self.origin})"

    def split(self, fold):
        """(train, test) of fold 1 to 5: the published u1 ... u5, five disjoint fifths.

        They are the consecutive fifths of u.data, and cover the early users first: u1.test holds 459 of 943
        users. So average over all five. Raises ValueError for another fold or a set that has no published
        folds.
        """
        if self.name not in ("100k", "synthetic"):
            raise ValueError(
                f"{self.name} has no published folds (100k has): make a split with rbm_lib.recommend.evaluate"
            )
        if fold not in (1, 2, 3, 4, 5):
            raise ValueError(f"fold is {fold!r}: expected 1, 2, 3, 4 or 5")
        if self.folder is None:
            fifth = np.arange(len(self.ratings)) * 5 // len(self.ratings) + 1
            parts = [self.ratings[fifth != fold], self.ratings[fifth == fold]]
            return tuple(part.sort_values(["user_id", "movie_id"], ignore_index=True) for part in parts)
        known = self.users.user_id, self.movies.movie_id
        files = [self.folder / f"u{fold}.{part}" for part in ("base", "test")]
        train, test = (read_ratings(file, FORMATS["100k"], *known) for file in files)
        order = ["user_id", "movie_id"]
        both = pd.concat([train, test]).sort_values(order, ignore_index=True)
        if not both.equals(self.ratings.sort_values(order, ignore_index=True)):
            raise ValueError(
                f"{files[0]} and {files[1].name} do not add up to u.data: unpack the archive afresh"
            )
        return train, test


def load_movielens(name="100k", root=None, *, download=True, synthetic=True, verbose=True):
    """MovieLens `name` ("100k", "1m", "latest-small"), from the first of these that is there.

    1. the files, or the zip, in the data folder (`root`, see `data_root`); 2. a download, SHA-256 verified,
    if `download`; 3. a synthetic stand-in, if `synthetic` (of the shape of 1M for "1m", else of 100K).
    verbose prints the origin, one line. Raises ValueError, with file and line, for files that are there but
    wrong (they are never passed over), and DataUnavailable where nothing is left.
    """
    if name not in FORMATS:
        raise ValueError(f"name is {name!r}: expected one of {', '.join(FORMATS)}")
    form, root = FORMATS[name], data_root(root)
    folder, archive = root / form.folder, f"{form.folder}.zip"
    lacking = [file for file in form.files if not (folder / file).is_file()]
    origin = "files found in the data folder"
    try:
        if len(lacking) == len(form.files):
            there = (root / archive).exists()
            origin = "archive found in the data folder" if there else "downloaded, SHA-256 verified"
            urls = [mirror + archive for mirror in form.mirrors] if download else []
            path = fetch(archive, urls, form.sha256, root)
            safe_extract(path, folder, [f"{form.folder}/{file}" for file in (*form.files, *form.extra)])
        elif lacking:
            raise ValueError(
                f"{folder} lacks {', '.join(lacking)}: unpack the whole archive there, or move it away"
            )
        data = _read(name, form, folder, f"{form.title}, real, {origin}")
    except DataUnavailable as error:
        if not synthetic:
            raise
        from rbm_lib.data.movielens.synthetic import synthetic_movielens

        data = synthetic_movielens(0, *form.stand_in)
        why = error.reason if download else "download=False"
        data = replace(data, name=name, origin=f"{form.title} is not here ({why}): {data.origin}")
    if verbose:
        print(data.origin)
    return data


def _read(name, form, folder, origin):
    movies = read_movies(folder, form)
    users = read_users(folder, form)
    known = None if users is None else users.user_id, movies.movie_id
    ratings = read_ratings(folder / form.files[0], form, *known)
    if users is None:
        users = pd.DataFrame({"user_id": np.unique(ratings.user_id)})
    return MovieLens(name, ratings, movies, users, "real", origin, folder)
