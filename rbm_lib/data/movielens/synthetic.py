"""A stand-in for MovieLens: invented people and films, with the statistics of the real set.

It exists so that every lesson runs without a network. Its numbers say nothing about real
people.
"""

import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from rbm_lib.data.movielens.record import MovieLens

_REAL = tomllib.loads(Path(__file__).with_name("marginals.toml").read_text("utf-8"))

# Chosen so that simple predictors score here as they do on MovieLens 100K, see the tests.
_TASTE_CHOICE, _HABIT_CHOICE = 1.0, 1.9  # weights of what decides which films people watch
_USER_SD, _MOVIE_SD, _TASTE_SD, _NOISE_SD = 0.38, 0.68, 0.52, 0.7  # parts of a rating


def synthetic_movielens(
    seed: int = 0, n_users: int = 943, n_movies: int = 1682, n_ratings: int = 100_000
) -> MovieLens:
    """Invent a set like MovieLens 100K, of exactly these counts.

    A rating is user bias + movie bias + taste + noise, cut into 1 to 5 with the real
    shares. Taste has four factors, which genres, years, gender and age follow. What people
    rate follows popularity, their taste and four habits. Rows are in an order in which the
    folds of `MovieLens.split` are consecutive fifths, as in u.data.

    Parameters
    ----------
    seed : int
        Decides every value.
    n_users, n_movies, n_ratings : int
        Every user has at least 20 ratings and every movie one; at most 40 percent of all
        pairs are rated.

    Examples
    --------
    >>> synthetic_movielens(seed=0, n_users=60, n_movies=90, n_ratings=1500).ratings.shape
    (1500, 4)
    """
    least = max(20 * n_users, n_movies)
    most = int(0.4 * n_users * n_movies)
    if n_users < 10 or n_movies < 40 or not least <= n_ratings <= most:
        raise ValueError(
            f"n_ratings: got {n_ratings} of {n_users} users and {n_movies} movies, "
            f"expected {least} to {most} ratings of at least 10 users and 40 movies."
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    activity = _counts("user_counts", n_users, n_ratings, 20, int(0.8 * n_movies))
    activity = rng.permutation(activity)
    popularity = _counts("movie_counts", n_movies, n_ratings, 1, int(0.65 * n_users))
    popularity = rng.permutation(popularity)

    person = rng.standard_normal((n_users, 4), dtype=np.float32)
    film = rng.standard_normal((n_movies, 4), dtype=np.float32)
    taste = (person * np.sqrt([0.4, 0.25, 0.2, 0.15]).astype(np.float32)) @ film.T
    habit = rng.standard_normal((n_users, 4), dtype=np.float32) / 2**0.5
    appeal = rng.standard_normal((n_movies, 4), dtype=np.float32) / 2**0.5
    score = _TASTE_CHOICE * taste + _HABIT_CHOICE * (habit @ appeal.T)
    user, movie = _choose(score, activity, popularity, rng)

    user_bias = rng.standard_normal(n_users) + 0.3 * _standard_log(activity)
    movie_bias = 0.8 * _standard_log(popularity) + 0.6 * rng.standard_normal(n_movies)
    value = _USER_SD * user_bias[user] + _MOVIE_SD * movie_bias[movie]
    value += _TASTE_SD * taste[user, movie]
    value += _NOISE_SD * rng.standard_normal(n_ratings)
    level = np.empty(n_ratings)
    level[np.argsort(value, kind="stable")] = (np.arange(n_ratings) + 0.5) / n_ratings
    rating = 1.0 + np.searchsorted(np.cumsum(_REAL["rating_shares"])[:-1], level)

    # People arrive in the order of their ids, rate most at once and the rest later.
    arrival = np.interp(user / n_users, [0, 0.5, 0.72, 0.95, 1], [0, 0.2, 0.36, 0.55, 0.68])
    order = np.argsort(arrival + (1 - arrival) * rng.beta(1, 4, n_ratings), kind="stable")
    timestamp = _timestamps(user, n_users, rng)
    ids = {"user_id": user + 1, "movie_id": movie + 1}
    ratings = pd.DataFrame({**ids, "rating": rating, "timestamp": timestamp})
    return MovieLens(
        name="synthetic",
        ratings=ratings.iloc[order].reset_index(drop=True),
        movies=_movies(film, rng),
        users=_users(person, rng),
        source="synthetic",
        origin=f"synthetic stand-in (seed {seed}): {n_ratings:,} invented ratings by "
        f"{n_users:,} invented people of {n_movies:,} invented films",
    )


def _counts(name: str, n: int, total: int, least: int, most: int) -> NDArray[np.int64]:
    """n counts from least to most, with the real quantiles, that add up to total."""
    curve = np.log1p(_REAL[name])
    excess = np.expm1(np.interp((np.arange(n) + 0.5) / n, _REAL["levels"], curve))
    low = 0.0
    high = float(total)
    for _ in range(100):
        middle = (low + high) / 2
        if np.clip(least + excess * middle, least, most).sum() < total:
            low = middle
        else:
            high = middle
    exact = np.clip(least + excess * high, least, most)
    counts = np.floor(exact).astype(int)
    lost_most = np.argsort(np.where(counts < most, counts - exact, 1), kind="stable")
    counts[lost_most[: total - counts.sum()]] += 1
    return counts


def _standard_log(counts: NDArray) -> NDArray:
    """Log counts with mean 0 and standard deviation 1."""
    log = np.log(counts)
    return (log - log.mean()) / max(log.std(), 1e-9)


def _choose(score: NDArray, activity: NDArray, popularity: NDArray, rng: Generator):
    """Decide who rates what: a user takes the activity[user] movies of highest noisy score.

    The weights of the movies are adjusted until their counts follow `popularity`.
    """
    n_users, n_movies = score.shape
    # The highest scores with Gumbel noise are draws without replacement.
    score += rng.gumbel(size=score.shape).astype(np.float32)
    weight = np.log(popularity).astype(np.float32)
    for _ in range(10):
        key = score + weight
        threshold = np.sort(key, axis=1)[np.arange(n_users), n_movies - activity]
        chosen = key >= threshold[:, None]
        count = chosen.sum(0)
        weight += 0.8 * np.log((popularity + 0.5) / (count + 0.5)).astype(np.float32)
    chosen &= np.cumsum(chosen, axis=1) <= activity[:, None]  # in case of ties

    # Every movie has a rating: somebody rates it in place of the most rated one.
    count = chosen.sum(0)
    for movie in np.flatnonzero(count == 0):
        given_up = int(np.argmax(count))
        user = int(np.argmax(np.where(chosen[:, given_up], score[:, movie], -np.inf)))
        chosen[user, movie] = True
        chosen[user, given_up] = False
        count[given_up] -= 1
    return np.nonzero(chosen)


def _timestamps(user: NDArray, n_users: int, rng: Generator) -> NDArray[np.int64]:
    """Seconds within an hour of a user's first visit or, for some, of a second one."""
    first, last = _REAL["first_second"], _REAL["last_second"]
    visit = rng.integers(first, last, (2, n_users))
    returns = (rng.random(n_users) < 0.25) & (visit[1] > visit[0])
    visit = np.where(returns, visit, visit[0])
    which = (rng.random(len(user)) < 0.3).astype(int)
    return np.minimum(visit[which, user] + rng.integers(0, 3600, len(user)), last)


def _movies(film: NDArray, rng: Generator) -> pd.DataFrame:
    n = len(film)
    genres = np.array(list(_REAL["genres"]))
    table = np.array(list(_REAL["genres"].values()))
    shares, directions = table[:, 0], table[:, 1:]
    affinity = film @ directions.T / np.linalg.norm(directions, axis=1)
    affinity = affinity + 0.5 * rng.standard_normal(affinity.shape)
    cut = [np.quantile(affinity[:, g], 1 - share) for g, share in enumerate(shares)]
    has = affinity > cut
    has[np.arange(n), np.argmax(affinity - cut, axis=1)] = True  # at least one genre each

    age = np.argsort(np.argsort(-film[:, 3] + 0.7 * rng.standard_normal(n))) / n
    year = np.interp(age, _REAL["year_levels"], _REAL["years"]).astype(int)
    names = rng.permutation(_titles())
    rounds = [f" {k}" if k > 1 else "" for k in range(1, 2 + n // len(names))]  # sequels
    title = [
        f"{names[i % len(names)]}{rounds[i // len(names)]} ({year[i]}, invented)"
        for i in range(n)
    ]
    columns = {"movie_id": np.arange(1, n + 1), "title": title, "year": year}
    columns["genres"] = [genres[row].tolist() for row in has]
    return pd.DataFrame(columns).astype({"year": "Int64"})


def _titles() -> list[str]:
    """Titles that read like films: every pattern with all words that it asks for."""
    words = _REAL["words"]
    titles = []
    for pattern in words["patterns"]:
        slots = [slot for slot in words if f"{{{slot}}}" in pattern]
        for choice in product(*(words[slot] for slot in slots)):
            titles.append(pattern.format(**dict(zip(slots, choice, strict=True))))
    return titles


def _users(person: NDArray, rng: Generator) -> pd.DataFrame:
    n = len(person)
    age = 34 + 12 * (0.5 * person[:, 3] + 0.87 * rng.standard_normal(n))
    male = 0.6 * person[:, 0] + 0.8 * rng.standard_normal(n) > -0.55  # 71 percent
    occupations = _REAL["users_by_occupation"]
    share = np.array(list(occupations.values())) / sum(occupations.values())
    return pd.DataFrame(
        {
            "user_id": np.arange(1, n + 1),
            "age": np.clip(np.round(age), 7, 73).astype("int64"),
            "gender": np.where(male, "M", "F"),
            "occupation": rng.choice(list(occupations), n, p=share),
            "zip_code": [f"{code:05d}" for code in rng.integers(0, 100_000, n)],
        }
    )
