"""The published folds, and those of the stand-in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import data_root, load_movielens, synthetic_movielens
from rbm_lib.data.movielens.record import MovieLens

RATINGS = pd.DataFrame(
    {"user_id": [1, 2, 1], "movie_id": [2, 1, 1], "rating": [5.0, 3.0, 1.0], "timestamp": 7}
)


@pytest.fixture
def small(tmp_path):
    """Three ratings, of which the first is the test part of u1."""
    movies, users = pd.DataFrame({"movie_id": [1, 2]}), pd.DataFrame({"user_id": [1, 2]})
    (tmp_path / "u1.base").write_text("2\t1\t3\t7\n1\t1\t1\t7\n")
    (tmp_path / "u1.test").write_text("1\t2\t5\t7\n")
    return MovieLens("100k", RATINGS, movies, users, "real", "three ratings", tmp_path)


def test_a_published_fold_is_read(small):
    train, test = small.split(1)

    pd.testing.assert_frame_equal(test, RATINGS[:1])
    assert len(train) == 2


def test_folds_of_another_set_are_refused(small):
    Path(small.folder, "u1.test").write_text("1\t2\t4\t7\n")
    with pytest.raises(ValueError, match="u1.base: got folds that do not add up to u.data"):
        small.split(1)
    with pytest.raises(ValueError, match="fold: got 6, expected 1, 2, 3, 4 or 5"):
        small.split(6)
    with pytest.raises(ValueError, match="split: got the set 1m, expected 100k"):
        MovieLens("1m", RATINGS, RATINGS, RATINGS, "real", "").split(1)


def test_folds_of_the_stand_in_are_disjoint_and_begin_with_the_early_users():
    data = synthetic_movielens()
    parts = [data.split(fold) for fold in range(1, 6)]

    key = ["user_id", "movie_id"]
    together = pd.concat([test for _, test in parts]).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(
        together, data.ratings.sort_values(key, ignore_index=True)
    )
    for train, test in parts:
        assert (len(train), len(test)) == (80_000, 20_000)
        assert not pd.concat([train, test]).duplicated(key).any()
    first, last = parts[0][1]["user_id"], parts[4][1]["user_id"]
    assert 420 < first.nunique() < 520  # 459 of the real users
    assert 850 < last.nunique() < 943  # 927


def test_the_real_folds_are_consecutive_fifths():
    if not (data_root() / "ml-100k" / "u.data").is_file():
        pytest.skip("MovieLens 100K is not in the data folder")
    data = load_movielens(verbose=False)

    for fold, rows in enumerate(np.split(np.arange(100_000), 5), 1):
        fifth = data.ratings.iloc[rows].sort_values(
            ["user_id", "movie_id"], ignore_index=True
        )
        pd.testing.assert_frame_equal(data.split(fold)[1], fifth)
