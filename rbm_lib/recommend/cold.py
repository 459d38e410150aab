"""Cold start: new items, which nobody has, known by their content alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, require_number, require_whole
from rbm_lib.recommend.metrics import per_user_ranking

# Of release years, close together where most films of MovieLens 100K are.
YEARS = (1935, 1945, 1955, 1965, 1972, 1978, 1984, 1988, 1991, *range(1993, 1999))


@dataclass
class ColdTask:
    """Histories of known items, and what people have among the new ones.

    Attributes
    ----------
    likes : ndarray, shape (n_people, n_known)
        0 or 1.
    content, new_content : ndarray, shapes (n_known, n_content) and (n_new, n_content)
    relevant : ndarray of bool, shape (n_people, n_new)
    people, known, new : ndarray of int
        Rows and columns of the table of which the task was made.
    """

    likes: NDArray
    content: NDArray
    new_content: NDArray
    relevant: NDArray
    people: NDArray
    known: NDArray
    new: NDArray

    def with_content(self, content: ArrayLike) -> "ColdTask":
        """The same people and items, with other columns for all items, known and new."""
        columns = as_numbers(content, "content", (None, None)).numpy()
        known, new = columns[self.known], columns[self.new]
        return ColdTask(
            self.likes, known, new, self.relevant, self.people, self.known, self.new
        )

    def inner(self, seed: int) -> "ColdTask":
        """The same task among the known items, on which settings may be chosen."""
        return cold_task(self.likes, self.content, seed)

    def per_person(self, scores: ArrayLike) -> pd.DataFrame:
        """Recall@20 and NDCG@10 of each of `people` who has one of the new items."""
        nothing = np.zeros_like(self.relevant)
        ranking = per_user_ranking(scores, self.relevant, nothing, [10, 20])
        # Other draws leave out other people: name them, so that theirs can be put together.
        people = pd.Index(self.people[ranking.index], name="person")
        return ranking[["Recall@20", "NDCG@10"]].set_index(people)


def cold_task(
    likes: ArrayLike, content: ArrayLike, seed: int, share: float = 0.2, fewest: int = 5
) -> ColdTask:
    """Hold out a share of the items, with everything that is known of who has them.

    Parameters
    ----------
    likes : array_like, shape (n_people, n_items)
        0 or 1.
    content : array_like, shape (n_items, n_content)
    seed : int
        Of the draw of items.
    share : float
        How many of the items are new.
    fewest : int
        People with fewer known items than this are left out.

    Examples
    --------
    >>> task = cold_task(np.eye(5), np.arange(5)[:, None], seed=0, fewest=0)
    >>> task.likes.shape, task.new_content.shape
    ((5, 4), (1, 1))
    """
    table = as_numbers(likes, "likes", (None, None)).numpy()
    n_items = table.shape[1]
    columns = as_numbers(content, "content", (n_items, None)).numpy()
    share = require_number("share", share, least=0.001, most=0.999)
    # The first number of the seed tells this draw from other streams of random numbers.
    rng = np.random.default_rng([2008, require_whole("seed", seed, least=0)])
    order = rng.permutation(n_items)
    n_new = round(share * n_items)
    new, known = np.sort(order[:n_new]), np.sort(order[n_new:])
    people = np.flatnonzero(table[:, known].sum(1) >= fewest)
    return ColdTask(
        table[np.ix_(people, known)],
        columns[known],
        columns[new],
        table[np.ix_(people, new)] > 0,
        people,
        known,
        new,
    )


def predict_from_content(targets: ArrayLike, task: ColdTask, l2: float) -> NDArray:
    """Ridge regression from content: numbers of the known items, continued to the new ones.

    Parameters
    ----------
    targets : array_like, shape (n, n_known)
        One regression for each row, such as one person's likes.
    task : ColdTask
    l2 : float
        The penalty. The mean of a row is not shrunk.

    Returns
    -------
    ndarray, shape (n, n_new)
    """
    y = as_numbers(targets, "targets", (None, len(task.content))).numpy()
    l2 = require_number("l2", l2, least=1e-12)
    mean = task.content.mean(0)
    x, new = task.content - mean, task.new_content - mean
    inverse = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    return (y @ x) @ inverse @ new.T + y.mean(1, keepdims=True)


def flags(names: pd.Series, fewest: int = 1) -> NDArray:
    """A column of 0/1 for each name that is in so many of the lists.

    Examples
    --------
    >>> flags(pd.Series([["rock"], ["pop", "rock"]]))
    array([[0., 1.],
           [1., 1.]])
    """
    single = pd.DataFrame({"name": names.reset_index(drop=True).explode()})
    count = Counter(single["name"])
    kept = single.loc[[count[name] >= fewest for name in single["name"]], "name"]
    table = pd.DataFrame(pd.get_dummies(kept).groupby(level=0).max())
    return table.reindex(range(len(names)), fill_value=False).to_numpy(float)


def hats(values: ArrayLike, knots: Sequence[float] = YEARS) -> NDArray:
    """A column for each knot: 1 there, falling to 0 at its neighbours.

    Examples
    --------
    >>> hats([1990.0, 1992.5], [1985, 1990, 1995])
    array([[0. , 1. , 0. ],
           [0. , 0.5, 0.5]])
    """
    numbers = np.asarray(values, dtype=float)
    return np.column_stack([np.interp(numbers, knots, one) for one in np.eye(len(knots))])


def tenths(values: ArrayLike) -> NDArray:
    """A column of 0/1 for each tenth of the values, fewer where many are equal.

    Examples
    --------
    >>> tenths([3.0, 1.0, 1.0, 2.0]).sum(1)
    array([1., 1., 1., 1.])
    """
    numbers = np.asarray(values, dtype=float)
    cuts = np.unique(np.quantile(numbers, np.arange(0.1, 1, 0.1)))
    return np.eye(len(cuts) + 1)[np.searchsorted(cuts, numbers)]
