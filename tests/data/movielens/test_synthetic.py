"""The stand-in has the real set's marginals, and simple predictors fall into the real order on it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rbm_lib.data import synthetic_movielens


@pytest.fixture(scope="module")
def data():
    return synthetic_movielens()


def test_counts_are_exact_and_columns_as_promised(data):
    ratings, movies, users = data.ratings, data.movies, data.users
    assert data.source == "synthetic" and "synthetic" in data.origin and "\n" not in data.origin
    assert (len(ratings), len(users), len(movies)) == (100_000, 943, 1682)
    assert ratings.user_id.nunique() == 943 and ratings.movie_id.nunique() == 1682
    assert not ratings.duplicated(["user_id", "movie_id"]).any()
    assert ratings.dtypes.astype(str).tolist() == ["int64", "int64", "float64", "int64"]
    assert ratings.timestamp.between(874_724_710, 893_286_638).all()
    assert users.user_id.tolist() == list(range(1, 944)) and users.age.between(7, 73).all()
    assert abs((users.gender == "M").mean() - 0.71) < 0.05
    assert movies.title.str.startswith("Invented Film").all() and movies.title.is_unique
    assert movies.year.dtype == "Int64" and movies.year.between(1922, 1998).all()
    assert (movies.title.str.extract(r"\((\d{4})\)")[0].astype(int) == movies.year).all()
    assert movies.genres.map(len).between(1, 12).all() and 1.5 < movies.genres.map(len).mean() < 2.3


def test_marginals_follow_movielens_100k(data):
    per_user, per_movie = (data.ratings.groupby(c).size() for c in ("user_id", "movie_id"))
    quantiles = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    np.testing.assert_allclose(per_user.quantile(quantiles), [21, 33, 65, 148, 310.6, 442.5], rtol=0.03)
    np.testing.assert_allclose(per_movie.quantile(quantiles), [1, 6, 27, 80, 229.9, 369.1], rtol=0.1)
    assert per_user.min() >= 20 and per_user.max() == pytest.approx(737, rel=0.05)
    assert per_movie.max() == pytest.approx(583, rel=0.1)
    shares = data.ratings.rating.value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(shares, [0.0611, 0.1137, 0.27145, 0.34174, 0.21201], atol=1e-4)
    user_mean, movie_mean = (data.ratings.groupby(c).rating.mean() for c in ("user_id", "movie_id"))
    known = per_movie >= 20
    assert user_mean.std() == pytest.approx(0.445, abs=0.03)
    assert movie_mean[known].std() == pytest.approx(0.533, abs=0.04)
    assert np.corrcoef(np.log(per_movie[known]), movie_mean[known])[0, 1] == pytest.approx(0.47, abs=0.15)


def factorise(user, movie, residual, shape, rank=10, penalty=12, sweeps=6):
    """Alternating least squares."""
    table, seen = np.zeros(shape), np.zeros(shape)
    table[user, movie], seen[user, movie] = residual, 1
    right = np.random.default_rng(0).normal(0, 0.1, (shape[1], rank))

    def half(table, seen, other):
        gram = (seen @ (other[:, :, None] * other[:, None, :]).reshape(len(other), -1)).reshape(
            -1, rank, rank
        )
        return np.linalg.solve(gram + penalty * np.eye(rank), (table @ other)[:, :, None])[:, :, 0]

    for _ in range(sweeps):
        left = half(table, seen, right)
        right = half(table.T, seen.T, left)
    return left, right


def test_simple_predictors_score_as_on_movielens_100k(data):
    """Real: movie mean .711, user + movie bias .778, matrix factorisation .795 (like >= 4, AUC, 80/20)."""
    user, movie, rating = (data.ratings[c].to_numpy() for c in ("user_id", "movie_id", "rating"))
    user, movie, shape = user - 1, movie - 1, (943, 1682)
    test = np.random.default_rng(1).random(len(user)) < 0.2
    u, m, y = user[~test], movie[~test], rating[~test]
    mean, user_bias, movie_bias = y.mean(), np.zeros(943), np.zeros(1682)
    for sweep in range(8):
        movie_bias = np.bincount(m, y - mean - user_bias[u], 1682) / (np.bincount(m, minlength=1682) + 5)
        if sweep == 0:
            movie_only = movie_bias
        user_bias = np.bincount(u, y - mean - movie_bias[m], 943) / (np.bincount(u, minlength=943) + 5)
    left, right = factorise(u, m, y - mean - user_bias[u] - movie_bias[m], shape)
    bias = user_bias[user] + movie_bias[movie]
    low_rank = bias + (left[user] * right[movie]).sum(1)
    scores = (movie_only[movie], bias, low_rank)
    auc = [roc_auc_score(rating[test] >= 4, score[test]) for score in scores]
    np.testing.assert_allclose(auc, [0.71, 0.775, 0.797], atol=0.012)
    assert auc[2] - auc[1] > 0.012


def test_neighbours_beat_popularity_as_on_movielens_100k(data):
    """Real: NDCG@10 .151 and .287 in this protocol (likes, per user 80/20, all unseen are candidates)."""
    rng = np.random.default_rng(0)
    likes = data.ratings[data.ratings.rating >= 4]
    train, test = np.zeros((943, 1682), np.float32), np.zeros((943, 1682), bool)
    for user, liked in likes.groupby("user_id").movie_id:
        liked = rng.permutation(liked.to_numpy()) - 1
        n = round(0.2 * len(liked)) if len(liked) >= 5 else 0
        test[user - 1, liked[:n]], train[user - 1, liked[n:]] = True, 1
    together = train.T @ train
    count = np.diag(together)
    similarity = together / (np.sqrt(np.outer(count, count)) + 10)
    np.fill_diagonal(similarity, 0)
    similarity[similarity < np.sort(similarity, axis=1)[:, -200:-199]] = 0
    gain = 1 / np.log2(np.arange(2, 12))
    ndcg = []
    for scores in (np.tile(count, (943, 1)), train @ similarity.T):
        top = np.argsort(-np.where(train > 0, -1, scores), axis=1, kind="stable")[:, :10]
        hits = np.take_along_axis(test, top, axis=1)
        some = test.any(1)
        ndcg.append(
            ((hits * gain).sum(1)[some] / np.cumsum(gain)[np.minimum(10, test.sum(1)[some]) - 1]).mean()
        )
    np.testing.assert_allclose(ndcg, [0.15, 0.295], atol=0.025)


def test_genres_follow_the_taste_of_those_who_like_them(data):
    """Fans of horror like thrillers more, and children's films less, than others do."""
    joined = data.ratings.merge(data.movies[["movie_id", "genres"]])
    gap = joined.rating - joined.groupby("movie_id").rating.transform("mean")
    gap -= gap.groupby(joined.user_id).transform("mean")
    mean = {}
    for genre in ("Horror", "Thriller", "Children's"):
        has = joined.genres.map(lambda genres, genre=genre: genre in genres)
        alone = has if genre == "Horror" else has & ~joined.genres.map(lambda genres: "Horror" in genres)
        mean[genre] = gap[alone].groupby(joined.user_id[alone]).mean()
    table = pd.DataFrame(mean)
    assert table.corr().loc["Horror", "Thriller"] > 0.1 > -0.1 > table.corr().loc["Horror", "Children's"]


def test_years_and_gender_follow_taste(data):
    def has(genre):
        return data.movies.genres.map(lambda genres: genre in genres)

    year, joined = data.movies.year.astype(float), data.ratings.merge(data.users).merge(data.movies)
    assert year[has("Film-Noir")].mean() < year.mean() - 3
    rating = {}
    for genre in ("Action", "Romance"):
        some = joined[joined.genres.map(lambda genres, genre=genre: genre in genres)]
        rating[genre] = some.groupby("gender").rating.mean()
    men, women = (rating["Action"][g] - rating["Romance"][g] for g in "MF")
    assert men > women + 0.1


def test_a_seed_decides_everything(data):
    again, other = synthetic_movielens(0), synthetic_movielens(1)
    for table in ("ratings", "movies", "users"):
        pd.testing.assert_frame_equal(getattr(data, table), getattr(again, table))
        assert not getattr(data, table).equals(getattr(other, table))
    state = np.random.get_state()[1].copy()
    synthetic_movielens(0, 60, 90, 1500)
    assert np.array_equal(np.random.get_state()[1], state)  # the global generator is left alone


def test_folds_are_disjoint_fifths_that_begin_with_the_early_users(data):
    rows = []
    for fold in range(1, 6):
        train, test = data.split(fold)
        assert len(test) == 20_000 and len(train) == 80_000
        assert not pd.concat([train, test]).duplicated(["user_id", "movie_id"]).any()
        rows.append(test)
    order = ["user_id", "movie_id"]
    whole = pd.concat(rows).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(whole, data.ratings.sort_values(order, ignore_index=True))
    assert 420 < rows[0].user_id.nunique() < 520 and rows[0].user_id.max() < 550  # real: 459 and 462
    assert 850 < rows[4].user_id.nunique() < 943  # real: 927
    for fold in (0, 6, "1"):
        with pytest.raises(ValueError, match="fold"):
            data.split(fold)


@pytest.mark.parametrize("sizes", [(60, 90, 1200), (60, 90, 2160), (10, 60, 200), (50, 1000, 1000)])
def test_other_sizes_are_exact_too(sizes):
    ratings = synthetic_movielens(3, *sizes).ratings
    assert (ratings.user_id.nunique(), ratings.movie_id.nunique(), len(ratings)) == sizes
    assert ratings.groupby("user_id").size().min() >= 20


@pytest.mark.parametrize("sizes", [(60, 90, 1199), (60, 90, 2161), (9, 90, 200), (300, 40, 6000)])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="not possible"):
        synthetic_movielens(0, *sizes)
