"""Exercises of lesson 04: rows of a merge, common genres, a step with its slope, an archetype, a cosine."""

from collections import Counter

import numpy as np
import pandas as pd

from rbm_lib.course.exercises import Exercise
from rbm_lib.data.spotify.load import FEATURES

# ---- 1 ----------------------------------------------------------------------------------------------------


def _merged_rows(left, right):
    left, right = Counter(left), Counter(right)
    return sum(n * right[key] for key, n in left.items())


ROWS_OF_A_MERGE = Exercise(
    id="1",
    title="Rows of a merge",
    points=2,
    reference=_merged_rows,
    cases=lambda: [
        (["Hello", "Hello", "Hello", "One"], ["Hello", "Hello", "Two", "Two", "Two"]),
        (["a", "b", "b", "c", "d", "d"], ["b", "d", "d", "d", "e", "a"]),
        (["x", "y", "z"], ["z", "x", "w"]),
        (["x"], ["y", "y"]),
    ],
    mistakes={
        "A key that stands a times on the left and b times on the right gives a × b rows, not one.": (
            lambda left, right: len({*left} & {*right})
        ),
        "A key that stands a and b times gives a × b rows; min(a, b) would pair each row only once.": (
            lambda left, right: sum((Counter(left) & Counter(right)).values())
        ),
        "You count the rows on the left that find a partner; each gives one row per partner.": (
            lambda left, right: sum(key in right for key in left)
        ),
        "You count the rows on the right that find a partner; each gives one row per partner.": (
            lambda left, right: sum(key in left for key in right)
        ),
        "A key that stands a and b times gives a × b rows, not a + b.": (
            lambda left, right: sum(left.count(key) + right.count(key) for key in {*left} & {*right})
        ),
        "Rows without a partner do not count: an inner merge drops them.": (
            lambda left, right: (
                _merged_rows(left, right)
                + sum(key not in right for key in left)
                + sum(key not in left for key in right)
            )
        ),
        "Go through the different keys once each: here a key counts again for every row on the left.": (
            lambda left, right: sum(left.count(key) * right.count(key) for key in left)
        ),
        "A key that stands a and b times gives a × b rows, not the larger of a and b.": (
            lambda left, right: sum(max(left.count(key), right.count(key)) for key in {*left} & {*right})
        ),
        "Each row on the left meets only rows of the same key, not all rows on the right.": (
            lambda left, right: len(left) * len(right)
        ),
    },
)

# ---- 2 ----------------------------------------------------------------------------------------------------


def _count_kinds(counts, more_than, at_most):
    return sum(n > more_than for n in counts.values()), sum(n <= at_most for n in counts.values())


def _tracks_per_genre(genres):
    return Counter(genre for entry in genres for genre in {*entry})


def _common_and_niche(genres, more_than, at_most):
    return _count_kinds(_tracks_per_genre(genres), more_than, at_most)


def _by_substring(genres, more_than, at_most):
    names = {genre for entry in genres for genre in entry}
    counts = {name: sum(any(name in genre for genre in entry) for entry in genres) for name in names}
    return _count_kinds(counts, more_than, at_most)


def _by_letters(genres, more_than, at_most):
    names = {genre for entry in genres for genre in entry}
    counts = {name: ",".join(",".join(entry) for entry in genres).count(name) for name in names}
    return _count_kinds(counts, more_than, at_most)


COMMON_AND_NICHE = Exercise(
    id="2",
    title="Common and niche",
    points=2,
    reference=_common_and_niche,
    cases=lambda: [
        ([["rock"], ["punk rock"], ["punk rock", "pop"], ["pop", "soul"], ["pop"], []], 2, 1),
        ([["pop", "pop"], ["pop", "dub"], ["dub", "dub", "ska"], ["ska", "soul"], ["soul"]], 2, 1),
        ([["a b", "a"], ["a b"], ["a b", "c"], ["c", "d"], ["c", "d", "d"], ["d", "e"], ["e"]], 2, 2),
        ([["jazz"]] * 5 + [["dub"]] * 3 + [["ska"]], 3, 2),
    ],
    mistakes={
        "Compare names whole: 'rock' in 'punk rock' is True for texts, and yet it is another genre.": (
            _by_substring
        ),
        "Neither join the lists to one text, nor count a genre twice that stands twice in a track.": (
            _by_letters
        ),
        "Count tracks, not entries: a genre that stands twice in one track counts once.": (
            lambda genres, more_than, at_most: _count_kinds(
                Counter(genre for entry in genres for genre in entry), more_than, at_most
            )
        ),
        "'More than' excludes the number itself: >, not >=.": (
            lambda genres, more_than, at_most: _common_and_niche(genres, more_than - 1, at_most)
        ),
        "'At most' includes the number itself: <=, not <.": (
            lambda genres, more_than, at_most: _common_and_niche(genres, more_than, at_most - 1)
        ),
        "The two are in the wrong order: first the common, then the niche ones.": (
            lambda genres, more_than, at_most: _common_and_niche(genres, more_than, at_most)[::-1]
        ),
        "Both bounds are off by one: common is > more_than, niche is <= at_most.": (
            lambda genres, more_than, at_most: _common_and_niche(genres, more_than - 1, at_most - 1)
        ),
        "Genres between the two bounds are neither: niche is not 'all that are not common'.": (
            lambda genres, more_than, at_most: _common_and_niche(genres, more_than, more_than)
        ),
        "Return two numbers, (common, niche), not a dict.": (
            lambda *arguments: dict(zip(("common", "niche"), _common_and_niche(*arguments), strict=True))
        ),
        "Count genres, not the tracks that have them.": (
            lambda genres, more_than, at_most: (
                sum(n for n in _tracks_per_genre(genres).values() if n > more_than),
                sum(n for n in _tracks_per_genre(genres).values() if n <= at_most),
            )
        ),
    },
)

# ---- 3 ----------------------------------------------------------------------------------------------------


def _squashed(x, u, top=101, slope_of=None):
    share = 0.001 + 0.998 * (x + u) / top
    slope = np.log(0.998 / top) - np.log(share) - np.log(1 - share) if slope_of is None else slope_of(share)
    return np.log(share) - np.log(1 - share), slope


def _popularities():
    rng = np.random.default_rng(0)
    return [
        (np.array([0.0, 0.0, 50.0, 100.0]), np.array([0.1, 0.9, 0.5, 0.99])),
        (rng.integers(0, 101, 7).astype(float), rng.random(7)),
        (np.array([3.0]), np.array([0.25])),
    ]


A_STEP = Exercise(
    id="3",
    title="A step and its slope",
    points=3,
    reference=_squashed,
    cases=_popularities,
    mistakes={
        "Dequantise first: add u to x, then squash.": lambda x, u: _squashed(x, 0 * u),
        "x + u lies between 0 and 101: divide by 101.": lambda x, u: _squashed(x, u, top=100),
        "The chain rule: the share has the slope .998/101 of its own, before the logit.": (
            lambda x, u: _squashed(x, u, slope_of=lambda q: -np.log(q) - np.log(1 - q))
        ),
        "The slope of the share is .998/101, not 1/101.": (
            lambda x, u: _squashed(x, u, slope_of=lambda q: -np.log(101) - np.log(q) - np.log(1 - q))
        ),
        "z is right, the log-slope has the wrong sign: that is the slope of the way back.": (
            lambda x, u: (_squashed(x, u)[0], -_squashed(x, u)[1])
        ),
        "The logit's slope is 1/(q(1 − q)), and its logarithm −log q − log(1 − q), with two minus signs.": (
            lambda x, u: _squashed(x, u, slope_of=lambda q: np.log(0.998 / 101) + np.log(q) + np.log(1 - q))
        ),
        "In the log-slope the sign of log(1 − q) is wrong: the slope of −log(1 − q) is +1/(1 − q).": (
            lambda x, u: _squashed(x, u, slope_of=lambda q: np.log(0.998 / 101) - np.log(q) + np.log(1 - q))
        ),
        "In the log-slope the sign of log q is wrong: the slope of log q is 1/q, its logarithm −log q.": (
            lambda x, u: _squashed(x, u, slope_of=lambda q: np.log(0.998 / 101) + np.log(q) - np.log(1 - q))
        ),
        "The slopes are multiplied, so their logarithms are added, not multiplied.": (
            lambda x, u: _squashed(
                x, u, slope_of=lambda q: np.log(0.998 / 101) * (-np.log(q) - np.log(1 - q))
            )
        ),
        "One log-slope per track is asked for, (n,); yours are summed over the tracks.": (
            lambda x, u: (_squashed(x, u)[0], _squashed(x, u)[1].sum())
        ),
        "Keep away from 0 and 1: the share is .001 + .998 (x + u)/101.": (
            lambda x, u: (
                np.log((x + u) / 101) - np.log(1 - (x + u) / 101),
                -np.log(101) - np.log((x + u) / 101) - np.log(1 - (x + u) / 101),
            )
        ),
        "The two are in the wrong order: first z, then the log-slope.": lambda x, u: _squashed(x, u)[::-1],
        "The slope is right; its logarithm is asked for.": (
            lambda x, u: (_squashed(x, u)[0], np.exp(_squashed(x, u)[1]))
        ),
        "This is the share; its logit is log q − log(1 − q).": (
            lambda x, u: (0.001 + 0.998 * (x + u) / 101, _squashed(x, u)[1])
        ),
        "This is the sigmoid, the inverse of the logit: log q − log(1 − q).": (
            lambda x, u: (1 / (1 + np.exp(-0.001 - 0.998 * (x + u) / 101)), _squashed(x, u)[1])
        ),
    },
)

# ---- 4 ----------------------------------------------------------------------------------------------------


def _dancing(tracks):
    return (tracks["tempo"] <= 100) & (tracks["danceability"] >= 0.8)


def _ceiling(pool, seen=32):
    return pool, min(1, 20 / (pool - seen))


def _slow_dancer(tracks):
    return _ceiling(_dancing(tracks).sum())


def _catalogue(seed, n_pool, n_other=150):
    """Invented tracks, `n_pool` of them in the pool, seven of these on an edge or two."""
    rng = np.random.default_rng(seed)
    n = n_pool + n_other
    names = [f"{i:03d}" for i in range(n)]
    tracks = pd.DataFrame({feature: rng.integers(0, 2, n) for feature in FEATURES})
    tracks = tracks.assign(track_uri=names, track_name=names, artist_name="A", release_year=2000)
    tracks["genres"], tracks["artists"] = [["pop"]] * n, [["A"]] * n
    fails = np.where(np.arange(n) < n_pool, 0, rng.integers(1, 4, n))  # 1: too fast, 2: too stiff, 3: both
    tracks["tempo"] = np.where(fails % 2, rng.integers(101, 180, n), rng.integers(60, 100, n))
    tracks["danceability"] = np.where(fails >= 2, rng.integers(200, 800, n), rng.integers(801, 950, n)) / 1000
    tracks.loc[:3, "tempo"], tracks.loc[2:6, "danceability"] = 100, 0.8
    return tracks.sample(frac=1, random_state=seed, ignore_index=True)


A_THIRTEENTH = Exercise(
    id="4",
    title="A thirteenth archetype",
    points=2,
    reference=_slow_dancer,
    cases=lambda: [(_catalogue(0, 112),), (_catalogue(1, 47),), (_catalogue(2, 70),)],
    mistakes={
        "A recall is 1 at most: take the smaller of 1 and the fraction.": (
            lambda tracks: (_slow_dancer(tracks)[0], 20 / (_slow_dancer(tracks)[0] - 32))
        ),
        "Tracks from training are not recommended again: of the pool, 32 fewer are left.": (
            lambda tracks: _ceiling(_dancing(tracks).sum(), 0)
        ),
        "Only the 32 in training are known to the oracle; the 8 held out are still to be found.": (
            lambda tracks: _ceiling(_dancing(tracks).sum(), 40)
        ),
        "Take the 32 in training out of the pool, not the 8 held out.": (
            lambda tracks: _ceiling(_dancing(tracks).sum(), 8)
        ),
        "This is how many of the 8 are found; the recall is that divided by 8.": (
            lambda tracks: (_slow_dancer(tracks)[0], 8 * _slow_dancer(tracks)[1])
        ),
        "Both conditions must hold, not one of them.": (
            lambda tracks: _ceiling(((tracks["tempo"] <= 100) | (tracks["danceability"] >= 0.8)).sum())
        ),
        "Only the tempo is asked about; danceability of .8 or more belongs to it.": (
            lambda tracks: _ceiling((tracks["tempo"] <= 100).sum())
        ),
        "Only danceability is asked about; a tempo of 100 or less belongs to it.": (
            lambda tracks: _ceiling((tracks["danceability"] >= 0.8).sum())
        ),
        "A slow dancer's tempo is 100 or less: Range(column, low, high), so None, 100.": (
            lambda tracks: _ceiling(((tracks["tempo"] >= 100) & (tracks["danceability"] >= 0.8)).sum())
        ),
        "Danceability is .8 or more: Range(column, low), and high is left out.": (
            lambda tracks: _ceiling(((tracks["tempo"] <= 100) & (tracks["danceability"] <= 0.8)).sum())
        ),
        "Both ranges are upside down: tempo is 100 or less, danceability .8 or more.": (
            lambda tracks: _ceiling(((tracks["tempo"] >= 100) & (tracks["danceability"] <= 0.8)).sum())
        ),
        "A tempo of 100 and a danceability of .8 are within: <= and >=.": (
            lambda tracks: _ceiling(((tracks["tempo"] < 100) & (tracks["danceability"] > 0.8)).sum())
        ),
        "The two are in the wrong order: first the pool, then the recall.": (
            lambda tracks: _slow_dancer(tracks)[::-1]
        ),
    },
)

# ---- 5 ----------------------------------------------------------------------------------------------------


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _lengths_down(rows):
    return rows / np.linalg.norm(rows, axis=0)


def _mean(features, heard):
    return heard @ features / heard.sum(1, keepdims=True)


def _without_heard(scores, heard):
    return np.where(heard, -2.0, scores)


def _user_mean_cosine(features, heard):
    return _without_heard(_unit(_mean(features, heard)) @ _unit(features).T, heard)


def _listeners():
    cases = []
    for seed, (n_users, n_songs, n_features) in enumerate([(3, 6, 2), (4, 9, 3), (2, 5, 4)]):
        rng = np.random.default_rng(seed)
        heard = np.zeros((n_users, n_songs), dtype=bool)
        for user in range(n_users):
            heard[user, rng.permutation(n_songs)[: 2 + user]] = True
        cases.append((rng.standard_normal((n_songs, n_features)), heard))
    return cases


USER_MEAN_COSINE = Exercise(
    id="5",
    title="User-mean cosine",
    points=2,
    reference=_user_mean_cosine,
    cases=_listeners,
    mistakes={
        "Songs heard are still in the race: give them −2.": (
            lambda f, heard: _unit(_mean(f, heard)) @ _unit(f).T
        ),
        "The mask is upside down: songs heard get −2, the others their cosine.": (
            lambda f, heard: np.where(heard, _unit(_mean(f, heard)) @ _unit(f).T, -2.0)
        ),
        "This is the dot product: divide by both lengths.": (
            lambda f, heard: _without_heard(_mean(f, heard) @ f.T, heard)
        ),
        "This is the dot product with the sum of the songs: divide by both lengths.": (
            lambda f, heard: _without_heard(heard @ f @ f.T, heard)
        ),
        "Songs heard get −2 itself, not −∞.": (
            lambda f, heard: np.where(heard, -np.inf, _unit(_mean(f, heard)) @ _unit(f).T)
        ),
        "Songs heard get −2 in place of their cosine: here 2 was taken off it.": (
            lambda f, heard: _unit(_mean(f, heard)) @ _unit(f).T - 2.0 * heard
        ),
        "A length is that of a row, so axis=1: here lengths were taken down the columns.": (
            lambda f, heard: _without_heard(_lengths_down(_mean(f, heard)) @ _lengths_down(f).T, heard)
        ),
        "The cosine is right; songs heard get −2, less than any cosine.": (
            lambda f, heard: np.where(heard, -1.0, _unit(_mean(f, heard)) @ _unit(f).T)
        ),
        "Divide by the length of the listener's mean too.": (
            lambda f, heard: _without_heard(_mean(f, heard) @ _unit(f).T, heard)
        ),
        "Divide by the length of the song too.": (
            lambda f, heard: _without_heard(_unit(_mean(f, heard)) @ f.T, heard)
        ),
        "This is the mean of the cosines with each song heard; the cosine with the mean is asked for.": (
            lambda f, heard: _without_heard(_mean(_unit(f) @ _unit(f).T, heard), heard)
        ),
        "Average the songs as they are: here each was divided by its length first.": (
            lambda f, heard: _without_heard(_unit(_mean(_unit(f), heard)) @ _unit(f).T, heard)
        ),
        "The mean is over the songs heard, not over all songs.": (
            lambda f, heard: _without_heard(_unit(0 * _mean(f, heard) + f.mean(0)) @ _unit(f).T, heard)
        ),
        "Songs heard get 0, which beats every song with a negative cosine: give them −2.": (
            lambda f, heard: np.where(heard, 0.0, _unit(_mean(f, heard)) @ _unit(f).T)
        ),
    },
)

EXERCISES = {e.id: e for e in (ROWS_OF_A_MERGE, COMMON_AND_NICHE, A_STEP, A_THIRTEENTH, USER_MEAN_COSINE)}
