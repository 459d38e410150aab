"""New people, given as a dict, a table or a matrix, as rows over the items of a model."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.data.frames import require_columns
from rbm_lib.data.ids import as_array, flat_array
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
    options: dict[str, Any] = {"scale": known.scale, "on_duplicate": "last"}
    if isinstance(users, dict):
        ratings = pd.Series(list(users.values()), index=list(users), name="rating")
        known.scale.levels(ratings)  # names the item whose rating is off the scale
        columns = {"user": NEW, "item": list(users), "rating": ratings.to_numpy()}
        people = pd.DataFrame(columns)
        options["user_ids"] = [NEW]
    if isinstance(people, pd.DataFrame):
        people = RatingMatrix.from_frame(people, **options)
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


def known_places(ids: Any, catalogue: NDArray) -> NDArray[np.int64]:
    """The place of each id in the catalogue, or −1."""
    ids = flat_array("ids", ids)
    return pd.Index(catalogue).get_indexer(pd.Index(ids)).astype(np.int64)


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


def pair_columns(pairs: Any) -> tuple[NDArray, NDArray]:
    """The users and items of a table or a list of pairs."""
    if not isinstance(pairs, pd.DataFrame):
        pairs = pd.DataFrame(list(pairs), columns=["user", "item"])
    user, item = require_columns(pairs, user=None, item=None)
    return pairs[user].to_numpy(), pairs[item].to_numpy()


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
