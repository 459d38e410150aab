"""The ratings behind the command line: read, split, and found again for a saved model."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rbm_lib.data.movielens.load import load_movielens
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.data.tables import Column, Schema, check_rows, read_table
from rbm_lib.recommend.splits import Split, random_split

STARS = [1.0, 2.0, 3.0, 4.0, 5.0]
HALF_STARS = [step / 2 for step in range(1, 11)]
ALIASES = {"userId": "user_id", "movieId": "item_id", "movie_id": "item_id"}
ID = Column()
RATING = Column("float64", 0.5, 5)
RATINGS = Schema(
    {"user_id": ID, "item_id": ID, "rating": RATING},
    key=("user_id", "item_id"),
    aliases=ALIASES,
)
PERSON = Schema(
    {"item_id": ID, "rating": RATING}, key=("item_id",), aliases=ALIASES, min_rows=0
)

# What a model file remembers of its training, in its header.
Description = dict[str, Any]


@dataclass
class Ratings:
    """All ratings of one set, and where they come from."""

    frame: pd.DataFrame  # user_id, item_id, rating
    user_ids: np.ndarray
    item_ids: np.ndarray
    origin: str
    titles: dict[Any, str] = field(default_factory=dict)
    folds: Callable[[int], tuple[pd.DataFrame, pd.DataFrame]] | None = None

    @property
    def scale(self) -> list[float]:
        """1 … 5, or the half stars 0.5 … 5 if a rating is none of these."""
        whole = np.isin(self.frame["rating"], STARS).all()
        return STARS if whole else HALF_STARS

    @property
    def matrix(self) -> RatingMatrix:
        """All ratings as a matrix."""
        return self.as_matrix(self.frame)

    def as_matrix(self, frame: pd.DataFrame) -> RatingMatrix:
        """Some of the ratings, over all users and items of the set."""
        return RatingMatrix.from_frame(
            frame.rename(columns=ALIASES),
            scale=self.scale,
            user_ids=self.user_ids,
            item_ids=self.item_ids,
        )


def open_ratings(description: Description, synthetic: bool = True) -> Ratings:
    """The ratings file or MovieLens set that a description names."""
    if description["ratings"] is None:
        found = load_movielens(description["data"], synthetic=synthetic, verbose=False)
        movies = found.movies
        return Ratings(
            found.ratings.rename(columns=ALIASES),
            np.sort(found.users["user_id"]),
            np.sort(movies["movie_id"]),
            found.origin,
            dict(zip(movies["movie_id"].tolist(), movies["title"], strict=True)),
            found.split,
        )
    path = Path(description["ratings"])
    frame = _read(path, RATINGS, HALF_STARS)
    for name in ("user_id", "item_id"):
        frame[name] = as_ids(pd.Series(frame[name]))
    origin = f"{path.name}: {len(frame):,} ratings"
    return Ratings(frame, np.unique(frame["user_id"]), np.unique(frame["item_id"]), origin)


def _read(path: Path, schema: Schema, scale: list[float]) -> pd.DataFrame:
    frame = read_table(path, schema)
    on_scale = frame["rating"].isin(scale)
    expected = "one of " + ", ".join(f"{stars:g}" for stars in scale)
    check_rows(path, frame, "rating", on_scale, expected)
    return frame


def as_ids(texts: pd.Series) -> pd.Series:
    """Ids as numbers if all of them are whole numbers, or else as text."""
    if texts.str.fullmatch(r"0|-?[1-9]\d{0,17}").all():
        return texts.astype("int64")
    return texts.astype(object)


def split_ratings(ratings: Ratings, description: Description) -> Split:
    """Training and held-out ratings on the full scale: a fold, or a share per user."""
    fold = description["fold"]
    if fold is not None:
        assert ratings.folds is not None
        return Split(*(ratings.as_matrix(part) for part in ratings.folds(fold)))
    matrix = ratings.matrix
    if description["holdout"] == 0:
        return Split(matrix, matrix.keep(np.zeros(matrix.n_ratings, dtype=bool)))
    return random_split(matrix, description["holdout"], description["seed"])


def like_level(description: Description) -> int:
    """The lowest level that is a like, counted from 0."""
    scale = description["scale"]
    level = int(np.searchsorted(scale, description["like_at_least"]))
    if not 1 <= level < len(scale):
        raise ValueError(
            f"--like-at-least: got {description['like_at_least']:g}, expected more than "
            f"{scale[0]:g} and at most {scale[-1]:g}."
        )
    return level


def model_input(ratings: RatingMatrix, description: Description) -> Any:
    """Ratings on the full scale as the rows that the model reads."""
    like = like_level(description)
    if description["unrated"] == "zero":
        return ratings.likes(like).toarray().astype(np.float32)
    return ratings.binarize(like) if description["levels"] == 2 else ratings


def read_person(path: Path, description: Description) -> dict[Any, float]:
    """Levels by item id of a new person's ratings file."""
    two_levels = description["levels"] == 2
    frame = _read(path, PERSON, HALF_STARS if two_levels else description["scale"])
    stars = frame["rating"].to_numpy(dtype=float)
    if two_levels:
        levels = stars >= description["like_at_least"]
    else:
        levels = np.searchsorted(description["scale"], stars)
    known = by_text(description["item_ids"])
    items = [known.get(text, text) for text in frame["item_id"]]
    return dict(zip(items, levels.astype(int).tolist(), strict=True))


def by_text(ids: Iterable[Any]) -> dict[str, Any]:
    """Ids, which may be numbers, by the text that stands for them in a file."""
    return {str(known): known for known in ids}
