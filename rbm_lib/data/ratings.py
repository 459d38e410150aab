"""Ratings with their ids and their scale, from tables, files, pairs and sparse matrices."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import coo_array, issparse

from rbm_lib.data.frames import (
    TableFormat,
    joined_on_scale,
    read_delimited,
    require_columns,
)
from rbm_lib.data.ids import Ids, flat_array
from rbm_lib.data.levels import LevelMatrix, RatedRows
from rbm_lib.data.scale import Scale

__all__ = ["RatedRows", "RatingMatrix", "require_ratings"]

PAIR_OPTIONS = {"user", "item", "like_at_least", "user_ids", "item_ids"}


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
        on_duplicate : {"error", "last", "mean", "sum"}
            What to do where a user rates an item twice. The last is that of the last row. A
            mean is rounded to the scale. A sum is for plays or minutes: they are added up
            before anything else is done with them, and never taken for stars.
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
        >>> log = pd.DataFrame({"user": "a", "item": list("xxy"), "plays": [7, 6, 4]})
        >>> options = {"rating": "plays", "on_duplicate": "sum", "like_at_least": 10}
        >>> RatingMatrix.from_frame(log, **options).to_frame()
          user item  rating
        0    a    x     1.0
        1    a    y     0.0
        """
        names = require_columns(ratings, user=user, item=item, rating=rating)
        users, items, values = (pd.Series(ratings[name]) for name in names)
        users, items, values, scale = joined_on_scale(
            users, items, values, on_duplicate, scale, like_at_least, like_quantile
        )
        ids: Any = {"user_ids": user_ids, "item_ids": item_ids}
        matrix = cls(users, items, scale.levels(values), scale=scale, **ids)
        matrix.table_format = TableFormat(*names, on_duplicate=on_duplicate)
        return matrix

    @classmethod
    def from_pairs(
        cls,
        pairs: pd.DataFrame,
        *,
        user: str | None = None,
        item: str | None = None,
        like_at_least: float | None = None,
        user_ids: Ids | None = None,
        item_ids: Ids | None = None,
    ) -> Self:
        """Make a matrix from a table of who liked, bought or heard what: each is a like.

        Parameters
        ----------
        pairs : DataFrame
            A pair may occur more than once, as in a log.
        like_at_least : float, optional
            How often a pair has to occur to be a like. By default once.
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
        scale = Scale.cut(1.0 if like_at_least is None else like_at_least)
        ids: Any = {"user_ids": user_ids, "item_ids": item_ids}
        matrix = cls.from_frame(frame, scale=scale, on_duplicate="sum", **ids)
        matrix.table_format = TableFormat(*names, rating=None)
        return matrix

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
            `scale`, `like_at_least`, `like_quantile` and, for cells that are stored more
            than once, `on_duplicate`, as in `from_frame`.

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
        decimal: str = ".",
        **options: Any,
    ) -> Self:
        """Make a matrix from a delimited file, plain or gzipped.

        Parameters
        ----------
        path : path
            A file with two columns has pairs, as in `from_pairs`; any other has ratings.
            (A log with more columns, and none of ratings, is for pandas and `from_pairs`.)
        sep : str, optional
            What is between the columns; by default guessed from the first lines.
        columns : list of str, optional
            Names of the columns of a file without a header.
        decimal : {".", ","}
            What is before the decimals of a rating.
        **options
            As in `from_frame`, or `from_pairs`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "stars.csv"
        >>> _ = path.write_text("who;film;stars\\nann;7;5\\nbob;7;3\\nbob;9;4\\n")
        >>> RatingMatrix.from_csv(path, user="who", item="film", rating="stars")
        RatingMatrix(2 users x 2 items, 3 ratings, 5 levels)
        """
        frame = read_delimited(path, sep, columns, decimal)
        if len(frame.columns) == 2:
            unknown = options.keys() - PAIR_OPTIONS
            if unknown:
                raise ValueError(
                    f"{min(unknown)}: got it for the columns {frame.columns.tolist()}, "
                    "which are pairs without a rating, expected user, item, like_at_least "
                    "and ids. If there are more columns, give sep=."
                )
            return cls.from_pairs(frame, **options)
        return cls.from_frame(frame, **options)

    def from_similar(self, ratings: pd.DataFrame, on_duplicate: str = "error") -> Self:
        """Make a matrix from a table like the one that this matrix was made from.

        Its columns have the names that they had there, or the usual ones, and its ratings
        are on the same scale. Repeated pairs are joined as they were there, and by
        `on_duplicate` if none were.
        """
        form = self.table_format
        if form.rating is None and "rating" not in ratings.columns:
            user, item = form.names_in(ratings, "user", "item")
            options: Any = {"like_at_least": self.scale.threshold}
            return self.from_pairs(ratings, user=user, item=item, **options)
        form = replace(form, rating=form.rating or "rating")
        names = form.names_in(ratings, "user", "item", "rating")
        columns: Any = dict(zip(("user", "item", "rating"), names, strict=True))
        if form.on_duplicate != "error":
            on_duplicate = form.on_duplicate
        return self.from_frame(
            ratings, **columns, on_duplicate=on_duplicate, scale=self.scale
        )

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
