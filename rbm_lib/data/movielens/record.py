"""The record of a MovieLens set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib.data.movielens.files import FORMATS, read_ratings

_KEY = ["user_id", "movie_id"]


@dataclass(frozen=True, eq=False, repr=False)
class MovieLens:
    """Ratings, movies and users of one MovieLens set.

    Attributes
    ----------
    ratings : DataFrame
        user_id, movie_id, rating, timestamp (seconds since 1970, UTC).
    movies : DataFrame
        movie_id, title, year (may be missing), genres (a list of str).
    users : DataFrame
        user_id and, where the set has them, age, gender, occupation, zip_code.
    source : str
        "real" or "synthetic".
    origin : str
        The same in one line of text, for outputs and titles of figures.
    """

    name: str
    ratings: pd.DataFrame
    movies: pd.DataFrame
    users: pd.DataFrame
    source: str
    origin: str
    folder: Path | None = None

    def __repr__(self) -> str:
        return f"MovieLens({self.origin})"

    def split(self, fold: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Training and test ratings of a published fold, 1 to 5.

        The folds u1 to u5 are consecutive fifths of u.data, which begins with the early
        users: u1.test has 459 of the 943. So average over all five. A stand-in is cut in
        the same way.
        """
        if self.name not in ("100k", "synthetic"):
            raise ValueError(
                f"split: got the set {self.name}, expected 100k, which has folds. "
                "Make your own with rbm_lib.evaluate.random_split."
            )
        if fold not in range(1, 6):
            raise ValueError(f"fold: got {fold!r}, expected 1, 2, 3, 4 or 5.")
        if self.folder is None:
            in_test = np.arange(len(self.ratings)) * 5 // len(self.ratings) == fold - 1
            parts = [
                self.ratings.take(np.flatnonzero(part)) for part in (~in_test, in_test)
            ]
            train, test = (part.sort_values(_KEY, ignore_index=True) for part in parts)
            return train, test

        base = self.folder / f"u{fold}.base"
        known = self.users["user_id"], self.movies["movie_id"]
        train = read_ratings(base, FORMATS["100k"], *known)
        test = read_ratings(base.with_suffix(".test"), FORMATS["100k"], *known)
        both = pd.concat([train, test]).sort_values(_KEY, ignore_index=True)
        if not both.equals(self.ratings.sort_values(_KEY, ignore_index=True)):
            raise ValueError(
                f"{base}: got folds that do not add up to u.data, expected its fifths. "
                "Unpack the archive again."
            )
        return train, test
