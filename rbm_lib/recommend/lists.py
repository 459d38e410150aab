"""Lists of recommendations with the data's own ids, from scores in batches of users."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.checks import require_whole
from rbm_lib.data.ids import Ids
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.top import top_n

CELLS_AT_ONCE = 2**23  # of users × items: 64 MB of float64


def in_batches(rows: NDArray[np.int64], n_items: int) -> Iterator[NDArray[np.int64]]:
    """These rows, as many at a time as may be scored at once."""
    size = max(1, CELLS_AT_ONCE // max(n_items, 1))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def recommend(
    scores: Callable[[NDArray[np.int64]], NDArray],
    ratings: RatingMatrix,
    users: Ids | None = None,
    n: int = 10,
) -> pd.DataFrame:
    """List the n best items that a user has not rated.

    Parameters
    ----------
    scores : function of row numbers
        Returns (n_rows, n_items); −inf keeps an item off the list.
    ratings : RatingMatrix
        What users have rated, and the ids.
    users : ids, optional
        By default everybody.
    n : int
        A list is shorter where fewer items are left.

    Returns
    -------
    DataFrame with the columns user, item, rank (from 1) and score
    """
    n = require_whole("n", n)
    everybody = np.arange(ratings.n_users)
    rows = everybody if users is None else ratings.user_index(users)
    tables = []
    for part in in_batches(rows, ratings.n_items):
        items, values = (
            x.cpu().numpy() for x in top_n(scores(part), ratings.rows(part), n)
        )
        listed = items >= 0
        row, place = np.nonzero(listed)
        table = {
            "user": ratings.user_ids[part[row]],
            "item": ratings.item_ids[items[listed]],
            "rank": place + 1,
            "score": values[listed],
        }
        tables.append(pd.DataFrame(table))
    if not tables:
        return pd.DataFrame(columns=["user", "item", "rank", "score"])
    return pd.concat(tables, ignore_index=True)
