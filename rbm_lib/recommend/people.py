"""New people, given as a dict, a table or a matrix, as rows over the items of a model."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.checks import plain
from rbm_lib.data.frames import TableFormat
from rbm_lib.data.ids import as_array, known_places
from rbm_lib.data.ratings import RatingMatrix

NEW = "new"  # what the lists of a person without an id call them


def is_new_people(users: Any) -> bool:
    """Whether these are people with their ratings, and not ids."""
    return isinstance(users, dict | pd.DataFrame | RatingMatrix)


def new_people(users: Any, known: RatingMatrix) -> RatingMatrix:
    """Their ratings on the scale and over the items of `known`.

    Items that `known` does not have are left out, with a warning that counts them.
    """
    people = users
    if isinstance(users, dict):
        ratings = pd.Series(list(users.values()), index=list(users), name="rating")
        known.scale.levels(ratings)  # names the item whose rating is off the scale
        columns = {"user": NEW, "item": list(users), "rating": ratings.to_numpy()}
        table = pd.DataFrame(columns)
        people = RatingMatrix.from_frame(table, scale=known.scale, user_ids=[NEW])
    elif isinstance(users, pd.DataFrame):
        people = known.from_similar(users, on_duplicate="last")
    if people.scale != known.scale:
        raise ValueError(
            f"users: got ratings on {people.scale}, expected {known.scale}. Make the "
            "matrix with scale=model.ratings_.scale."
        )
    rows, items, levels = people.triples()
    places = known_places(people.item_ids, known.item_ids)
    kept = places[items] >= 0
    warn_unknown(people.item_ids[np.unique(items[~kept])].tolist(), stacklevel=5)
    return RatingMatrix(
        people.user_ids[rows[kept]],
        known.item_ids[places[items[kept]]],
        levels[kept],
        scale=known.scale,
        user_ids=people.user_ids,
        item_ids=known.item_ids,
    )


def item_place(item: Any, known: RatingMatrix) -> int:
    """The column of this item id; a ValueError says what ids look like."""
    ids = np.atleast_1d(as_array("item", item))
    place = known_places(ids, known.item_ids)
    if len(ids) != 1 or place[0] < 0:
        example = plain(known.item_ids[0])
        raise ValueError(
            f"item: got {item!r}, expected one item id of the ratings, such as {example!r}."
        )
    return int(place[0])


def user_rows(users: Any, known: RatingMatrix) -> NDArray[np.int64]:
    """The rows of these user ids; a ValueError names one that is unknown."""
    ids = np.atleast_1d(as_array("users", users))
    rows = known_places(ids, known.user_ids)
    if (rows < 0).any():
        raise ValueError(
            f"users: got {ids[rows < 0].tolist()[:5]}, expected ids of the ratings. Give "
            "somebody new as their ratings, {item: rating}."
        )
    return rows


def pair_columns(pairs: Any, table_format: TableFormat) -> tuple[NDArray, NDArray]:
    """The users and items of a table or a list of pairs."""
    if not isinstance(pairs, pd.DataFrame):
        pairs = _pair_table(pairs)
        table_format = TableFormat()
    user, item = table_format.names_in(pairs, "user", "item")
    return pairs[user].to_numpy(), pairs[item].to_numpy()


def _pair_table(pairs: Any) -> pd.DataFrame:
    """A table of (user, item); a ValueError names the first that is no pair."""
    fix = 'Give [("ada", "film-3"), …], or items alone together with person={item: rating}.'
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise ValueError(f"pairs: got {pairs!r}, expected a list of (user, item). {fix}")
    rows = list(pairs)
    for place, row in enumerate(rows):
        if not isinstance(row, tuple | list | np.ndarray) or len(row) != 2:
            raise ValueError(
                f"pairs: got {row!r} at position {place}, expected (user, item). {fix}"
            )
    users = [user for user, _ in rows]
    items = [item for _, item in rows]
    return pd.DataFrame({"user": users, "item": items})


def require_person(person: Any) -> None:
    """Raise a TypeError unless these are the ratings of one person."""
    if not isinstance(person, dict):
        got = repr(person) if isinstance(person, str) else type(person).__name__
        raise TypeError(
            f"person: got {got}, expected a dict {{item: rating}}. Of a "
            "user of the ratings, give pairs: predict([(user, item)])."
        )


def warn_unknown(
    ids: Any, kind: str = "item", instead: str = "", stacklevel: int = 4
) -> None:
    """Warn of ids that a model has never met, if there are any."""
    if len(ids):
        shown = ", ".join(map(repr, list(ids[:3]))) + (", …" if len(ids) > 3 else "")
        done = f"took {instead}" if instead else "ignored"
        plural = "" if len(ids) == 1 else "s"
        text = (
            f"got {len(ids)} {kind}{plural} that the model does not know, {done}: {shown}"
        )
        warnings.warn(text, UserWarning, stacklevel=stacklevel)
