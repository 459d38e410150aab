"""Exercises of lesson 04: rows of a merge, genres, a step, an archetype, a cosine."""

from collections import Counter

import numpy as np
import pandas as pd

from rbm_lib.course import exercise
from rbm_lib.data.spotify import FEATURES

keys = [
    (["Hello", "Hello", "Hello", "One"], ["Hello", "Hello", "Two", "Two", "Two"]),
    (["a", "b", "b", "c", "d", "d"], ["b", "d", "d", "d", "e", "a"]),
    (["x", "y", "z"], ["z", "x", "w"]),
]


@exercise("1", "Rows of a merge", 2, keys)
def merged_rows(left, right):
    return sum(right.count(key) for key in left)


merged_rows.mistakes = {
    "A key that occurs a times on the left and b times on the right gives a × b rows.": (
        lambda left, right: len({*left} & {*right}),
        lambda left, right: sum((Counter(left) & Counter(right)).values()),
    ),
    "You count the rows on the left that find a partner. Each gives a row per partner.": (
        lambda left, right: sum(key in right for key in left)
    ),
    "You count rows without a partner, too. An inner merge drops them.": (
        lambda left, right: sum(max(right.count(key), 1) for key in left)
    ),
}

genre_lists = [
    ([["rock"], ["punk rock"], ["punk rock", "pop"], ["pop", "soul"], ["pop"], []], 2, 1),
    ([["pop", "pop"], ["pop", "dub"], ["dub", "dub", "ska"], ["ska", "soul"]], 2, 1),
    ([["a b", "a"], ["a b"], ["a b", "c"], ["c", "d"], ["c", "d", "d"], ["d"]], 2, 2),
    ([["jazz"]] * 5 + [["dub"]] * 3 + [["ska"]], 3, 2),
]


def count_kinds(counts, more_than, at_most):
    common = sum(n > more_than for n in counts.values())
    return common, sum(n <= at_most for n in counts.values())


@exercise("2", "Common and niche", 2, genre_lists)
def common_and_niche(genres, more_than, at_most):
    counts = Counter(name for names in genres for name in set(names))
    return count_kinds(counts, more_than, at_most)


def found_in_names(genres, more_than, at_most):
    names = {name for track in genres for name in track}
    counts = {name: sum(name in "|".join(track) for track in genres) for name in names}
    return count_kinds(counts, more_than, at_most)


common_and_niche.mistakes = {
    "Compare names whole: 'rock' in 'punk rock' is True, another genre.": found_in_names,
    "Count tracks, not entries: a genre that occurs twice in one track counts once.": (
        lambda genres, *bounds: count_kinds(Counter(sum(genres, [])), *bounds)
    ),
    "'More than' excludes the number itself: >, not >=.": (
        lambda genres, more_than, at_most: common_and_niche(genres, more_than - 1, at_most)
    ),
    "'At most' includes the number itself: <=, not <.": (
        lambda genres, more_than, at_most: common_and_niche(genres, more_than, at_most - 1)
    ),
}

popularities = [
    (np.array([0.0, 0.0, 50.0, 100.0]), np.array([0.1, 0.9, 0.5, 0.99])),
    (np.array([3.0]), np.array([0.25])),
]


@exercise("3", "A step and its slope", 3, popularities)
def step(x, u):
    q = 0.001 + 0.998 * (x + u) / 101
    return np.log(q / (1 - q)), np.log(0.998 / 101) - np.log(q) - np.log(1 - q)


step.mistakes = {
    "Dequantise first: add u to x, then squash.": lambda x, u: step(x, 0),
    "The chain rule: the share has the slope .998/101 of its own, before the logit.": (
        lambda x, u: (step(x, u)[0], step(x, u)[1] - np.log(0.998 / 101))
    ),
    "z is right, the log-slope has the wrong sign: it is that of the way back.": (
        lambda x, u: (step(x, u)[0], -step(x, u)[1])
    ),
}


def catalogue(seed, n_pool, n_other=150):
    """Invented tracks, `n_pool` of them in the pool, seven of these on an edge or two."""
    rng = np.random.default_rng(seed)
    n = n_pool + n_other
    names = [f"{i:03d}" for i in range(n)]
    tracks = pd.DataFrame({feature: rng.integers(0, 2, n) for feature in FEATURES})
    tracks = tracks.assign(track_uri=names, track_name=names, artist_name="A")
    tracks = tracks.assign(release_year=2000, genres=[["pop"]] * n, artists=[["A"]] * n)

    # 0: in the pool, 1: too fast, 2: too stiff, 3: both.
    fails = np.where(np.arange(n) < n_pool, 0, rng.integers(1, 4, n))
    tracks["tempo"] = rng.integers(60, 100, n) + 80 * (fails % 2)
    tracks["danceability"] = rng.integers(801, 950, n) / 1000 - 0.6 * (fails >= 2)
    tracks.loc[:3, "tempo"] = 100
    tracks.loc[2:6, "danceability"] = 0.8
    return tracks.sample(frac=1, random_state=seed, ignore_index=True)


catalogues = [(catalogue(0, 112),), (catalogue(1, 47),), (catalogue(2, 70),)]


@exercise("4", "A thirteenth archetype", 2, catalogues)
def slow_dancer(tracks, seen=32):
    pool = ((tracks["tempo"] <= 100) & (tracks["danceability"] >= 0.8)).sum()
    return pool, min(1, 20 / (pool - seen))


slow_dancer.mistakes = {
    "A recall is 1 at most: take the smaller of 1 and the fraction.": (
        lambda tracks: (slow_dancer(tracks)[0], 20 / (slow_dancer(tracks)[0] - 32))
    ),
    "Tracks from training are not recommended again: 32 fewer of the pool are left.": (
        lambda tracks: slow_dancer(tracks, seen=0)
    ),
    "Only the 32 in training are known. The 8 held out are still to be found.": (
        lambda tracks: slow_dancer(tracks, seen=40)
    ),
}


def listeners(n_users, n_songs, n_features):
    rng = np.random.default_rng(n_users)
    heard = np.arange(n_songs) < np.arange(2, n_users + 2)[:, None]
    return rng.standard_normal((n_songs, n_features)), rng.permuted(heard, axis=1)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(features, heard):
    return unit(heard @ features) @ unit(features).T  # a sum has the direction of the mean


@exercise("5", "User-mean cosine", 2, [listeners(3, 6, 2), listeners(4, 9, 3)])
def user_mean_cosine(features, heard):
    return np.where(heard, -2.0, cosines(features, heard))


user_mean_cosine.mistakes = {
    "Songs heard are still in the race: give them −2.": cosines,
    "Songs heard get −2 itself, not −∞.": (
        lambda f, heard: np.where(heard, -np.inf, cosines(f, heard))
    ),
    "This is the dot product: divide by both lengths.": (
        lambda f, heard: np.where(
            heard, -2.0, heard @ f @ f.T / heard.sum(1, keepdims=True)
        )
    ),
}
