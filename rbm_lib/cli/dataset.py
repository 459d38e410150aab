"""The ratings behind the command line: read, split, and found again for a saved model.

`about` is what a model file remembers in its header: a dict that JSON can hold, made by `train`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rbm_lib import load_model
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.data.cells import keep
from rbm_lib.data.tables import TEXT, Column, Schema, check_rows, read_table
from rbm_lib.recommend.evaluate import Split, random_split
from rbm_lib.training.checkpoint import read_checkpoint

STARS = [1.0, 2.0, 3.0, 4.0, 5.0]
HALF_STARS = [step / 2 for step in range(1, 11)]
REMEMBERED = {
    "data", "ratings", "titles", "kind", "origin", "fold", "holdout", "split_seed", "scale", "levels",
    "like_at_least", "rows", "unrated", "item_ids", "fingerprints", "training",
}  # fmt: skip
_ALIASES = {"userId": "user_id", "movieId": "item_id", "movie_id": "item_id"}


@dataclass
class Source:
    """All ratings of one set: user_id, item_id, rating. kind: "real", "synthetic" or "file"."""

    ratings: pd.DataFrame
    user_ids: np.ndarray
    item_ids: np.ndarray
    kind: str
    origin: str
    movielens: object = None

    @property
    def scale(self) -> list[float]:
        """1 … 5, or the half stars 0.5 … 5 where a rating is none of these."""
        return STARS if self.ratings["rating"].isin(STARS).all() else HALF_STARS

    def matrix(self, ratings, scale) -> RatingMatrix:
        """A RatingMatrix of these rows over all users and items of the set."""
        ids = {"user_ids": self.user_ids, "item_ids": self.item_ids}
        return RatingMatrix.from_frame(ratings, item_column="item_id", scale=scale, **ids)


def load_source(about: dict, synthetic=True) -> Source:
    """The ratings file or MovieLens set that `about` names. Raises ValueError, OSError."""
    if about["ratings"] is not None:
        path = Path(about["ratings"])
        pairs = read_ratings(path)
        if not pairs:
            raise ValueError(f"{path}: holds no ratings, expected one per line.")
        users, items = (_ids([pair[i] for pair in pairs]) for i in (0, 1))
        frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": list(pairs.values())})
        known = (np.array(sorted(set(ids)), dtype=ids.dtype) for ids in (users, items))
        return Source(frame, *known, "file", f"{path.name}: {len(frame):,} ratings")
    data = load_movielens(about["data"], synthetic=synthetic, verbose=False)
    frame = data.ratings.rename(columns=_ALIASES)
    known = np.sort(data.users.user_id), np.sort(data.movies.movie_id)
    return Source(frame, *known, data.source, data.origin, data)


def split_of(source: Source, about: dict) -> Split:
    """Training and held-out ratings on the full scale, as `about` says: a fold, or a share per user."""
    if about["fold"] is not None:
        parts = source.movielens.split(about["fold"])
        return Split(*(source.matrix(p.rename(columns=_ALIASES), about["scale"]) for p in parts))
    everything = source.matrix(source.ratings, about["scale"])
    if about["holdout"] == 0:
        chosen = np.ones(everything.n_ratings, dtype=bool)
        return Split(everything, keep(everything, ~chosen))
    return random_split(everything, about["holdout"], about["split_seed"])


def fingerprints(split: Split) -> list[str]:
    """What tells one split from another: of its training and of its held-out ratings."""
    return [split.train.fingerprint(), split.held_out.fingerprint()]


def like_level(about: dict) -> int:
    """The lowest liked level on the scale. Raises ValueError where all, or no levels would be likes."""
    level = int(np.searchsorted(about["scale"], about["like_at_least"]))
    if not 1 <= level < len(about["scale"]):
        low, *_, high = about["scale"]
        raise ValueError(
            f"--like-at-least: got {about['like_at_least']:g}, expected more than {low:g}, at most {high:g}."
        )
    return level


def machine_input(ratings: RatingMatrix, about: dict):
    """Ratings on the full scale as the rows that the machine reads."""
    if about["levels"] == 2:
        ratings = ratings.binarize(like_level(about))
    if about["rows"] == "items":
        ratings = ratings.T
    return (ratings.csr == 2).toarray().astype(np.float32) if about["unrated"] == "zero" else ratings


# ---- a saved model ----------------------------------------------------------------------------------------


def open_model(path, device):
    """(model, about) of a file that `train` wrote. Raises CheckpointError, ValueError, FileNotFoundError."""
    model, about = load_model(path, device), read_checkpoint(path)[0]["settings"]
    if not REMEMBERED <= about.keys():
        raise ValueError(f"{path}: not written by `rbm_lib train --output` (a checkpoint is no model).")
    if about["rows"] == "users" and len(about["item_ids"]) != model.n_visible:
        raise ValueError(f"{path}: names {len(about['item_ids'])} items for {model.n_visible} visible units.")
    return model, about


def reopen(about: dict, moved=None) -> tuple[Source, Split]:
    """The ratings that a model was trained with, and their split: exactly these, or ValueError."""
    about = about | ({"ratings": str(moved)} if moved else {})
    if about["ratings"] and not Path(about["ratings"]).is_file():
        raise FileNotFoundError(f"{about['ratings']}: no such file; --trained-on FILE says where it is now.")
    source = load_source(about)
    advice = "so its held-out ratings cannot be told from training ones. Bring those back, or train again."
    if source.kind != about["kind"]:
        raise ValueError(
            f"the model was trained on ({about['origin']}), here are others ({source.origin}), {advice}"
        )
    split = split_of(source, about)
    if fingerprints(split) != about["fingerprints"]:
        raise ValueError(f"the ratings ({source.origin}) are not those the model was trained with, {advice}")
    return source, split


def titles_of(about: dict, moved=None) -> dict:
    """{item id: title}, empty where the training named none. Raises ValueError, OSError."""
    if moved or about["titles"]:
        path = Path(moved or about["titles"])
        schema = Schema({"item_id": Column(), "title": TEXT}, aliases=_ALIASES, min_rows=0)
        table = read_table(path, schema)
        first = table.groupby("item_id")["title"].transform("first")
        check_rows(path, table, "title", table["title"] == first, "one title for each item")
        titles = dict(zip(table["item_id"], table["title"], strict=True))
        return {like_those(about["item_ids"], item): title for item, title in titles.items()}
    if about["ratings"] is not None:
        return {}
    data = load_movielens(about["data"], synthetic=about["kind"] == "synthetic", verbose=False)
    if data.source != about["kind"]:
        raise ValueError(f"no titles: the model was trained on ({about['origin']}), here is ({data.origin})")
    return dict(zip(data.movies.movie_id.tolist(), data.movies.title, strict=True))


# ---- files ------------------------------------------------------------------------------------------------


def read_ratings(path, keys=("user_id", "item_id"), scale=HALF_STARS) -> dict:
    """Read a CSV file of ratings as {(user, item) as text: rating}.

    Raises ValueError that names the first bad row.
    """
    columns = dict.fromkeys(keys, Column())
    columns["rating"] = Column("float64", allowed=tuple(scale))
    schema = Schema(columns, keys, aliases=_ALIASES, min_rows=0)
    table = read_table(Path(path), schema)
    pairs = zip(*(table[key] for key in keys), strict=True)
    return dict(zip(pairs, table["rating"], strict=True))


def like_those(ids, text: str):
    """An id given as text, a number where `ids` are numbers."""
    return int(text) if _is_number(text) and isinstance(ids[0], int) else text


def _is_number(text):
    return re.fullmatch(r"0|-?[1-9]\d{0,17}", text, re.ASCII) is not None


def _ids(texts):
    return np.array(texts, dtype=np.int64 if all(map(_is_number, texts)) else object)
