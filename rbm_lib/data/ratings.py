"""Ratings with their ids and their scale, from tables, files, pairs and sparse matrices."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import coo_array, issparse

from rbm_lib.data.frames import once_per_pair, read_delimited, require_columns, scale_of
from rbm_lib.data.ids import Ids, flat_array
from rbm_lib.data.levels import LevelMatrix, RatedRows
from rbm_lib.data.scale import Scale

__all__ = ["RatedRows", "RatingMatrix", "require_ratings"]


class RatingMatrix(LevelMatrix):
    """Users' ratings of items; what was not rated is missing.

    The usual ways to make one are `from_frame`, `from_csv`, `from_pairs` and `from_csr`.

    Parameters
    ----------
    users, items : (n_ratings,)
        External ids, numbers or strings.
    levels : (n_ratings,)
        Whole numbers from 0 to n_levels - 1.
    n_levels : int, optional
        By default the highest level + 1, and at least 2.
    scale : Scale, optional
        The rating that each level stands for, instead of `n_levels`.
    user_ids, item_ids : optional
        The catalogue, in the order of rows and columns, which a training and a test matrix
        can share. By default the ids that occur, sorted.

    Examples
    --------
    >>> ratings = RatingMatrix(["ann", "ann", "bob"], [7, 9, 7], [4, 0, 2], n_levels=5)
    >>> ratings
    RatingMatrix(2 users x 2 items, 3 ratings, 5 levels)
    >>> v, observed = ratings.batch([1])
    >>> v, observed
    (tensor([[2., 0.]]), tensor([[ True, False]]))
    """

    @classmethod
    def from_frame(
        cls,
        ratings: pd.DataFrame,
        *,
        user: str | None = None,
        item: str | None = None,
        rating: str | None = None,
        on_duplicate: str = "error",
        scale: ArrayLike | Scale | None = None,
        like_at_least: float | None = None,
        like_quantile: float | None = None,
        user_ids: Ids | None = None,
        item_ids: Ids | None = None,
    ) -> Self:
        """Make a matrix from a table with a rating per row.

        Parameters
        ----------
        ratings : DataFrame
            Other columns are ignored.
        user, item, rating : str, optional
            Names of the columns. By default "user", "item" and "rating", or a usual name
            such as user_id or movieId.
        on_duplicate : {"error", "last", "mean"}
            What to do where a user rates an item twice. A mean is rounded to the scale.
        scale : increasing numbers or Scale, optional
            The possible ratings. By default the first of the usual scales (0 and 1, stars,
            half stars, marks out of ten) that has all the ratings; whole numbers beyond are
            plays, and each is a like. Give it where two tables have to agree.
        like_at_least : float, optional
            Gives two levels: 1 where the rating, of any kind, is at least this, else 0.
        like_quantile : float, optional
            The same, with this quantile of all ratings: .5 makes the upper half likes.
        user_ids, item_ids : optional
            The catalogue, as in the constructor.

        Examples
        --------
        >>> stars = pd.DataFrame({"user": ["a", "b"], "item": ["x", "x"], "stars": [5, 3]})
        >>> ratings = RatingMatrix.from_frame(stars, rating="stars")
        >>> ratings.scale.steps
        (1.0, 2.0, 3.0, 4.0, 5.0)
        >>> RatingMatrix.from_frame(stars, rating="stars", like_at_least=4).to_frame()
          user item  rating
        0    a    x     1.0
        1    b    x     0.0
        """
        names = require_columns(ratings, user=user, item=item, rating=rating)
        users, items, values = (pd.Series(ratings[name]) for name in names)
        scale = scale_of(values, scale, like_at_least, like_quantile)
        users, items, values = once_per_pair(users, items, values, scale, on_duplicate)
        levels = scale.levels(values)
        ids: Any = {"user_ids": user_ids, "item_ids": item_ids}
        return cls(users, items, levels, scale=scale, **ids)

    @classmethod
    def from_pairs(
        cls,
        pairs: pd.DataFrame,
        *,
        user: str | None = None,
        item: str | None = None,
        user_ids: Ids | None = None,
        item_ids: Ids | None = None,
    ) -> Self:
        """Make a matrix from a table of who liked, bought or heard what: each is a like.

        Parameters
        ----------
        pairs : DataFrame
            A pair may occur more than once, as in a log.
        user, item, user_ids, item_ids
            As in `from_frame`.

        Examples
        --------
        >>> log = pd.DataFrame({"user": [1, 1, 1, 2], "item": ["x", "y", "x", "x"]})
        >>> RatingMatrix.from_pairs(log)
        RatingMatrix(2 users x 2 items, 3 ratings, 2 levels)
        """
        names = require_columns(pairs, user=user, item=item)
        frame = pairs[names].set_axis(["user", "item"], axis=1).assign(rating=1.0)
        options: Any = {"scale": Scale.cut(1.0), "on_duplicate": "last"}
        return cls.from_frame(frame, user_ids=user_ids, item_ids=item_ids, **options)

    @classmethod
    def from_csr(
        cls,
        matrix: Any,
        *,
        user_ids: Ids | None = None,
        item_ids: Ids | None = None,
        **options: Any,
    ) -> Self:
        """Make a matrix from the stored values of a SciPy sparse matrix, users × items.

        Parameters
        ----------
        matrix : SciPy sparse matrix or array
            Ratings or plays; what is not stored is missing.
        user_ids, item_ids : optional
            Of rows and columns; by default their numbers.
        **options
            `scale`, `like_at_least` and `like_quantile`, as in `from_frame`.

        Examples
        --------
        >>> from scipy.sparse import csr_array
        >>> RatingMatrix.from_csr(csr_array([[5.0, 0, 3], [0, 4, 0]]))
        RatingMatrix(2 users x 3 items, 3 ratings, 5 levels)
        """
        if not issparse(matrix) or matrix.ndim != 2:
            got = type(matrix).__name__
            raise TypeError(f"matrix: got {got}, expected a SciPy sparse matrix.")
        stored: Any = coo_array(matrix)
        ids = []
        for given, n in zip((user_ids, item_ids), stored.shape, strict=True):
            ids.append(np.arange(n) if given is None else flat_array("ids", given))
            if len(ids[-1]) != n:
                raise ValueError(
                    f"matrix: got shape {stored.shape}, expected as many rows as user_ids "
                    "and columns as item_ids."
                )
        users, items = stored.coords
        columns = {"user": ids[0][users], "item": ids[1][items], "rating": stored.data}
        frame = pd.DataFrame(columns)
        return cls.from_frame(frame, user_ids=ids[0], item_ids=ids[1], **options)

    @classmethod
    def from_csv(
        cls,
        path: Any,
        *,
        sep: str | None = None,
        columns: list[str] | None = None,
        **options: Any,
    ) -> Self:
        """Make a matrix from a delimited file, plain or gzipped.

        Parameters
        ----------
        path : path
            A file with two columns has pairs, as in `from_pairs`; any other has ratings.
        sep : str, optional
            What is between the columns; by default guessed from the first lines.
        columns : list of str, optional
            Names of the columns of a file without a header.
        **options
            As in `from_frame`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "stars.csv"
        >>> _ = path.write_text("who;film;stars\\nann;7;5\\nbob;7;3\\nbob;9;4\\n")
        >>> RatingMatrix.from_csv(path, user="who", item="film", rating="stars")
        RatingMatrix(2 users x 2 items, 3 ratings, 5 levels)
        """
        frame = read_delimited(path, sep, columns)
        if len(frame.columns) == 2:
            return cls.from_pairs(frame, **options)
        return cls.from_frame(frame, **options)

    def to_frame(self) -> pd.DataFrame:
        """A table user, item, rating with a row per rating; `from_frame` takes it back."""
        users, items, levels = self.triples()
        ids = {"user": self.user_ids[users], "item": self.item_ids[items]}
        return pd.DataFrame(ids | {"rating": np.asarray(self.scale.steps)[levels]})


def require_ratings(name: str, value: object, at_least: int = 0) -> None:
    """Check that `value` is a RatingMatrix with at least so many ratings."""
    if not isinstance(value, RatingMatrix):
        expected = "expected a RatingMatrix (see RatingMatrix.from_frame)"
        raise TypeError(f"{name}: got {type(value).__name__}, {expected}.")
    if value.n_ratings < at_least:
        got = f"{value.n_ratings} ratings, expected at least {at_least}"
        raise ValueError(f"{name}: got {got}.")
