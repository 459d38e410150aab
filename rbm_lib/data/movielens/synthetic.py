"""A synthetic stand-in for MovieLens: invented people, invented films, the real set's statistics.

It exists so that every lesson runs without a network. Figures computed on it say nothing about real people.
"""

import numpy as np
import pandas as pd

from rbm_lib.data.movielens.load import MovieLens

# Quantiles of counts in MovieLens 100K: ratings per user beyond the first 20, per movie beyond the first.
_QUANTILES = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
_USER_CURVE = [0, 1, 3, 13, 45, 128, 224, 291, 423, 717]
_MOVIE_CURVE = [0, 0, 1, 5, 26, 79, 168, 229, 368, 630]
_RATING_SHARES = [0.0611, 0.1137, 0.27145, 0.34174, 0.21201]  # of 1, 2, 3, 4, 5 in MovieLens 100K

# What a genre says on the four axes of taste: action/feeling, family/dark, demanding/light, classic/recent;
# and its share of the movies in MovieLens 100K.
_GENRES = {
    "Action": (0.149, (1.5, -0.2, -0.6, -0.3)), "Adventure": (0.080, (1.0, 0.6, -0.5, 0.0)),
    "Animation": (0.025, (0.2, 1.8, -0.1, 0.0)), "Children's": (0.073, (0.1, 1.9, -0.7, -0.2)),
    "Comedy": (0.300, (-0.3, 0.6, -1.1, -0.2)), "Crime": (0.065, (0.6, -1.1, 0.5, 0.0)),
    "Documentary": (0.030, (-0.5, -0.2, 1.6, -0.6)), "Drama": (0.431, (-0.8, -0.6, 1.1, 0.0)),
    "Fantasy": (0.013, (0.5, 1.2, -0.3, -0.1)), "Film-Noir": (0.014, (0.1, -0.8, 0.9, 1.6)),
    "Horror": (0.055, (0.8, -1.4, -0.9, 0.0)), "Musical": (0.033, (-0.6, 1.1, 0.0, 1.1)),
    "Mystery": (0.036, (0.2, -0.7, 0.6, 0.7)), "Romance": (0.147, (-1.5, 0.3, 0.0, 0.0)),
    "Sci-Fi": (0.060, (1.5, 0.0, -0.1, 0.1)), "Thriller": (0.149, (0.9, -1.2, -0.1, -0.2)),
    "War": (0.042, (0.6, -0.4, 0.8, 0.7)), "Western": (0.016, (0.9, 0.0, 0.1, 1.2)),
}  # fmt: skip
_OCCUPATIONS = {
    "student": 196, "other": 105, "educator": 95, "administrator": 79, "engineer": 67, "programmer": 66,
    "librarian": 51, "writer": 45, "executive": 32, "scientist": 31, "artist": 28, "technician": 27,
    "marketing": 26, "entertainment": 18, "healthcare": 16, "retired": 14, "lawyer": 12, "salesman": 12,
}  # fmt: skip
_ADJECTIVES = "Quiet Last Golden Broken Distant Hidden Silver Restless Burning Frozen Crooked Gentle".split()
_NOUNS = "Harbour Letter Orchard Signal Winter Compass Carnival Mirror Station Garden Voyage Lantern".split()

# Chosen so that simple predictors score on it as they do on MovieLens 100K (tests/test_synthetic.py).
_TASTE_CHOICE, _HABIT_CHOICE = 1.0, 1.9  # how far taste, and habits unrelated to it, decide what people watch
_USER_SD, _MOVIE_SD, _TASTE_SD, _NOISE_SD = 0.38, 0.68, 0.52, 0.7  # parts of a rating
_FIRST, _LAST = 874_724_710, 893_286_638  # seconds: the time span of MovieLens 100K


def synthetic_movielens(seed=0, n_users=943, n_movies=1682, n_ratings=100_000):
    """Invent a set like MovieLens 100K: exactly these counts, at least 20 ratings per user, one per movie.

    Ratings are user bias + item bias + taste (four factors, which genres, years, gender and age follow) +
    noise, cut into 1..5 with the real histogram. What people rate follows popularity, their taste and four
    habits. Rows stand in an order in which the five folds of `MovieLens.split` are consecutive fifths, as in
    u.data. Deterministic in `seed`. Returns MovieLens with source "synthetic". Raises ValueError for
    impossible sizes.
    """
    least = max(20 * n_users, n_movies)
    if n_users < 10 or n_movies < 40 or not least <= n_ratings <= 0.4 * n_users * n_movies:
        raise ValueError(
            f"n_users={n_users}, n_movies={n_movies}, n_ratings={n_ratings} is not possible: give at "
            f"least 10 users, 40 movies, and between {least} ratings (20 per user, one per movie) and 40 "
            "percent of all pairs"
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    activity = rng.permutation(_counts(_USER_CURVE, n_users, n_ratings, 20, int(0.8 * n_movies)))
    popularity = rng.permutation(_counts(_MOVIE_CURVE, n_movies, n_ratings, 1, int(0.65 * n_users)))
    person, film = (rng.standard_normal((n, 4), dtype=np.float32) for n in (n_users, n_movies))
    taste = (person * np.sqrt([0.4, 0.25, 0.2, 0.15]).astype(np.float32)) @ film.T
    habit, appeal = (rng.standard_normal((n, 4), dtype=np.float32) / 2**0.5 for n in (n_users, n_movies))
    score = _TASTE_CHOICE * taste + _HABIT_CHOICE * (habit @ appeal.T)
    user, movie = _choose(score, activity, popularity, rng)

    def normal(n):
        return rng.standard_normal(n)

    def standard(counts):
        return (np.log(counts) - np.log(counts).mean()) / max(np.log(counts).std(), 1e-9)

    user_bias = _USER_SD * (normal(n_users) + 0.3 * standard(activity))
    movie_bias = _MOVIE_SD * (0.8 * standard(popularity) + 0.6 * normal(n_movies))
    value = user_bias[user] + movie_bias[movie] + _TASTE_SD * taste[user, movie]
    value += _NOISE_SD * normal(n_ratings)
    rank = np.empty(n_ratings)
    rank[np.argsort(value, kind="stable")] = (np.arange(n_ratings) + 0.5) / n_ratings
    rating = 1.0 + np.searchsorted(np.cumsum(_RATING_SHARES)[:-1], rank)

    # People arrive in the order of their ids, rate most at once and the rest later: so are the rows ordered.
    arrival = np.interp(user / n_users, [0, 0.5, 0.72, 0.95, 1], [0, 0.2, 0.36, 0.55, 0.68])
    order = np.argsort(arrival + (1 - arrival) * rng.beta(1, 4, n_ratings), kind="stable")
    visit = rng.integers(_FIRST, _LAST, (2, n_users))  # the first, and for some users a second
    visit = np.where((rng.random(n_users) < 0.25) & (visit[1] > visit[0]), visit, visit[0])
    which = (rng.random(n_ratings) < 0.3).astype(int)
    timestamp = np.minimum(visit[which, user] + rng.integers(0, 3600, n_ratings), _LAST)
    columns = {"user_id": user + 1, "movie_id": movie + 1, "rating": rating, "timestamp": timestamp}
    ratings = pd.DataFrame(columns).astype({"user_id": "int64", "movie_id": "int64", "timestamp": "int64"})
    return MovieLens(
        name="synthetic",
        ratings=ratings.iloc[order].reset_index(drop=True),
        movies=_movies(film, rng),
        users=_users(person, rng),
        source="synthetic",
        origin=f"synthetic stand-in (seed {seed}): {n_ratings:,} invented ratings by {n_users:,} "
        f"invented people of {n_movies:,} invented films",
    )


def _counts(curve, n, total, least, most):
    """n whole numbers in least..most that follow the quantile curve and add up to total."""
    excess = np.expm1(np.interp((np.arange(n) + 0.5) / n, _QUANTILES, np.log1p(curve)))
    low, high = 0.0, float(total)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if np.clip(least + excess * middle, least, most).sum() < total else (low, middle)
        )
    exact = np.clip(least + excess * high, least, most)
    whole = np.floor(exact).astype(int)
    rest = total - whole.sum()
    whole[np.argsort(np.where(whole < most, whole - exact, 1), kind="stable")[:rest]] += 1
    return whole


def _choose(score, activity, popularity, rng):
    """Which user rates which movie: user u takes the activity[u] movies with the highest noisy score.

    The movies' weights are adjusted until their counts follow `popularity`; every movie keeps one rating or
    more.
    """
    n_users, n_movies = score.shape
    score += rng.gumbel(size=score.shape).astype(np.float32)  # Gumbel noise: drawing without replacement
    weight = np.log(popularity).astype(np.float32)
    for _ in range(10):
        key = score + weight
        least = np.sort(key, axis=1)[np.arange(n_users), n_movies - activity]
        chosen = key >= least[:, None]
        count = chosen.sum(0)
        weight += 0.8 * np.log((popularity + 0.5) / (count + 0.5)).astype(np.float32)
    chosen &= np.cumsum(chosen, axis=1) <= activity[:, None]  # in case of a tie at the threshold
    count = chosen.sum(0)
    for movie in np.flatnonzero(count == 0):
        given_up = int(np.argmax(count))  # somebody rates it in place of the most rated film
        user = int(np.argmax(np.where(chosen[:, given_up], score[:, movie], -np.inf)))
        chosen[user, [movie, given_up]] = True, False
        count[given_up] -= 1
    return np.nonzero(chosen)


def _movies(film, rng):
    n = len(film)
    directions = np.array([direction for _, direction in _GENRES.values()])
    affinity = film @ directions.T / np.linalg.norm(directions, axis=1) + 0.5 * rng.standard_normal(
        (n, len(_GENRES))
    )
    cut = [np.quantile(affinity[:, g], 1 - share) for g, (share, _) in enumerate(_GENRES.values())]
    has = affinity > cut
    has[np.arange(n), np.argmax(affinity - cut, axis=1)] = True  # every film has a genre
    names = np.array(list(_GENRES))
    age = np.argsort(np.argsort(-film[:, 3] + 0.7 * rng.standard_normal(n))) / n
    year = np.interp(
        age, [0, 0.05, 0.1, 0.25, 0.5, 0.75, 1], [1930, 1950, 1969, 1992, 1995, 1996, 1998]
    ).astype(int)
    words = rng.integers(0, len(_NOUNS), (n, 2))
    title = [
        f"Invented Film {i + 1:04d}: The {_ADJECTIVES[a]} {_NOUNS[b]} ({year[i]})"
        for i, (a, b) in enumerate(words)
    ]
    genres = [names[row].tolist() for row in has]
    table = pd.DataFrame({"movie_id": np.arange(1, n + 1), "title": title, "year": year, "genres": genres})
    return table.astype({"movie_id": "int64", "year": "Int64"})


def _users(person, rng):
    n = len(person)
    age = np.clip(np.round(34 + 12 * (0.5 * person[:, 3] + 0.87 * rng.standard_normal(n))), 7, 73)
    male = 0.6 * person[:, 0] + 0.8 * rng.standard_normal(n) > -0.55  # 71 %, as in the real set
    share = np.array(list(_OCCUPATIONS.values())) / sum(_OCCUPATIONS.values())
    return pd.DataFrame(
        {
            "user_id": np.arange(1, n + 1),
            "age": age.astype("int64"),
            "gender": np.where(male, "M", "F"),
            "occupation": rng.choice(list(_OCCUPATIONS), n, p=share),
            "zip_code": [f"{code:05d}" for code in rng.integers(0, 100_000, n)],
        }
    ).astype({"user_id": "int64"})
