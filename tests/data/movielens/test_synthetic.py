"""The stand-in has the real marginals, and simple predictors rank as on the real set."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rbm_lib.baselines import (
    ItemKNN,
    ItemMean,
    MatrixFactorization,
    Popularity,
    UserItemBias,
)
from rbm_lib.data import RatingMatrix, synthetic_movielens
from rbm_lib.evaluate import random_split


@pytest.fixture(scope="module")
def data():
    return synthetic_movielens()


def has(movies, genre):
    return movies["genres"].map(lambda genres: genre in genres)


def test_counts_are_exact_and_nobody_takes_it_for_real(data):
    assert data.source == "synthetic"
    assert "invented films" in data.origin
    assert data.movies["title"].str.fullmatch(r"[A-Z][^(]+ \(\d{4}, invented\)").all()
    assert data.movies["title"].is_unique
    assert data.ratings[["user_id", "movie_id"]].nunique().tolist() == [943, 1682]
    assert len(data.ratings.drop_duplicates(["user_id", "movie_id"])) == 100_000
    assert data.ratings["timestamp"].between(874_724_710, 893_286_638).all()
    assert data.movies["genres"].map(len).between(1, 12).all()
    assert (data.users["gender"] == "M").mean() == pytest.approx(0.71, abs=0.05)


def test_marginals_follow_movielens_100k(data):
    by_user, by_movie = (data.ratings.groupby(c)["rating"] for c in ("user_id", "movie_id"))
    levels = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    users = [21, 33, 65, 148, 310.6, 442.5]
    np.testing.assert_allclose(by_user.size().quantile(levels), users, rtol=0.03)
    movies = [1, 6, 27, 80, 229.9, 369.1]
    np.testing.assert_allclose(by_movie.size().quantile(levels), movies, rtol=0.1)
    shares = data.ratings["rating"].value_counts(normalize=True).sort_index()
    real = [0.0611, 0.1137, 0.27145, 0.34174, 0.21201]
    np.testing.assert_allclose(shares, real, atol=1e-4)

    known = by_movie.size() >= 20
    assert by_user.mean().std() == pytest.approx(0.445, abs=0.03)
    assert by_movie.mean()[known].std() == pytest.approx(0.533, abs=0.04)
    correlation = np.corrcoef(np.log(by_movie.size()[known]), by_movie.mean()[known])[0, 1]
    assert correlation == pytest.approx(0.47, abs=0.15)


def test_rating_predictors_rank_as_on_movielens_100k(data):
    """The real areas are .711, .778 and .795, for a like of 4 and more."""
    split = random_split(RatingMatrix.from_frame(data.ratings), 0.2, seed=1)
    users, items, levels = split.held_out.triples()
    models = [ItemMean(), UserItemBias(), MatrixFactorization()]

    scores = [model.fit(split.train).scores()[users, items] for model in models]

    auc = [roc_auc_score(levels >= 3, score) for score in scores]
    np.testing.assert_allclose(auc, [0.71, 0.775, 0.797], atol=0.015)
    assert auc[2] - auc[1] > 0.01


def test_neighbours_beat_popularity_as_on_movielens_100k(data):
    """The real NDCG@10 are .151 and .287, of likes among all unseen films."""
    likes = data.ratings[data.ratings["rating"] >= 4]
    split = random_split(RatingMatrix.from_frame(likes, like_at_least=4), 0.2)

    results = [split.ranking(scorer, n_bootstrap=0) for scorer in (Popularity(), ItemKNN())]

    ndcg = [result.set_index("metric").loc["NDCG@10", "mean"] for result in results]
    np.testing.assert_allclose(ndcg, [0.15, 0.295], atol=0.03)


def test_genres_follow_the_taste_of_those_who_like_them(data):
    """Fans of horror like thrillers more, and children's films less, than others do."""
    joined = data.ratings.merge(data.movies)
    gap = joined["rating"] - joined.groupby("movie_id")["rating"].transform("mean")
    gap -= gap.groupby(joined["user_id"]).transform("mean")
    horror = has(joined, "Horror")
    chosen = {"Horror": horror}
    for genre in ("Thriller", "Children's"):
        chosen[genre] = has(joined, genre) & ~horror

    means = {
        g: gap[rows].groupby(joined["user_id"][rows]).mean() for g, rows in chosen.items()
    }

    correlation = pd.DataFrame(means).corr()["Horror"]
    assert correlation["Thriller"] > 0.1
    assert correlation["Children's"] < -0.1


def test_a_seed_decides_everything(data):
    again, other = synthetic_movielens(0), synthetic_movielens(1)

    for table in ("ratings", "movies", "users"):
        pd.testing.assert_frame_equal(getattr(data, table), getattr(again, table))
        assert not getattr(data, table).equals(getattr(other, table))


@pytest.mark.parametrize("sizes", [(60, 90, 2160), (10, 60, 200), (50, 1000, 1000)])
def test_other_sizes_are_exact_too(sizes):
    ratings = synthetic_movielens(3, *sizes).ratings

    assert (
        ratings["user_id"].nunique(),
        ratings["movie_id"].nunique(),
        len(ratings),
    ) == sizes
    assert ratings.groupby("user_id").size().min() >= 20


@pytest.mark.parametrize("sizes", [(60, 90, 1199), (60, 90, 2161), (9, 90, 200)])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=f"n_ratings: got {sizes[2]} of {sizes[0]} users"):
        synthetic_movielens(0, *sizes)
