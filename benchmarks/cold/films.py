"""The films with enough likes, and what is known of them."""

import numpy as np
import pandas as pd

from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.recommend.cold import flags, hats

FEWEST = 5  # likes of a film


def load() -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Likes (n_users, n_films), content (n_films, n_content), and a table of the films."""
    data = load_movielens(synthetic=False)
    likes = RatingMatrix.from_frame(
        data.ratings,
        like_at_least=4,
        user_ids=np.sort(data.users.user_id),
        item_ids=np.sort(data.movies.movie_id),
    ).likes()
    enough = likes.sum(0) >= FEWEST
    movies = data.movies.sort_values("movie_id")[enough]
    dates = pd.read_csv(
        data.folder / "u.item", sep="|", encoding="latin-1", header=None, index_col=0
    )
    released = pd.to_datetime(dates[2], format="%d-%b-%Y")[movies.movie_id]
    films = pd.DataFrame({"genres": movies.genres.to_numpy(), "date": released.to_numpy()})
    content = content_of(movies.genres, released)
    return likes.toarray()[:, enough].astype(float), content, films


def content_of(genres: pd.Series, released: pd.Series) -> np.ndarray:
    """0/1 of each genre; hat functions of the date, and the date itself; no day known.

    1 January stands for a date of which the year alone is known.
    """
    days = released.dt.day_of_year
    year = (released.dt.year + (days - 1) / 365).fillna(1990).to_numpy()
    return np.column_stack([flags(genres), hats(year), (year - 1990) / 20, days == 1])
