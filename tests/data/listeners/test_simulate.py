"""Pools and how short ones are filled, discoveries, ratings, times, the oracle."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import ARCHETYPES, simulate_listeners
from rbm_lib.data.listeners import simulate
from rbm_lib.data.listeners.conditions import OneOf, Range
from tests.data.listeners.support import COMMON, TRACKS, N, archetype, sd

HOURS = simulate.HOURS / simulate.HOURS.sum()
LIKES = {
    "Mainstream Listener": lambda t: (
        min(t.popularity / 100, t.energy, t.danceability) >= 0.5 and {*t.genres} & {*COMMON}
    ),
    "Genre-Specific Fan": lambda t: t.genre in t.genres and t.popularity >= 20,
    "Casual Listener": lambda t: 30 <= t.popularity <= 70,
    "Mood-Based Listener": lambda t: (
        t.valence_low <= t.valence <= t.valence_high
        and t.energy_low <= t.energy <= t.energy_high
    ),
    "Loyal Fan": lambda t: t.artist in t.artists,
    "Discoverer": lambda t: t.popularity <= 40,
    "Niche Genre Enthusiast": lambda t: t.genre in t.genres and t.popularity <= 30,
    "Audiophile": lambda t: t.instrumentalness >= 0.1 and t.acousticness >= 0.3,
    "Obscure Music Seeker": lambda t: t.popularity <= 10,
    "Classical Music Lover": lambda t: (
        "classical" in t.genres
        and t.instrumentalness >= 0.5
        and t.danceability <= 0.4
        and t.speechiness <= 0.05
    ),
    "Live Music Fan": lambda t: t.liveness >= 0.3,
    "Era-Specific Listener": lambda t: (
        not pd.isna(t.release_year)
        and t.release_year_low <= t.release_year <= t.release_year_low + 9
    ),
}


@pytest.fixture(scope="module")
def everybody():
    return simulate_listeners(TRACKS, 240)


def joined(result, tracks=TRACKS):
    """Interactions with the track's genres, artists, year, and the listener's profile."""
    more = tracks[["track_uri", "genres", "artists", "release_year"]]
    both = result.interactions.merge(more, on="track_uri", validate="m:1")
    return both.merge(
        result.profiles.drop(columns="archetype"), on="user_id", validate="m:1"
    )


def place(interactions):
    """Row of the listener and of the track in TRACKS, of each listen."""
    track = pd.Index(TRACKS["track_uri"]).get_indexer(interactions["track_uri"])
    return interactions["user_id"].to_numpy() - 1, track


def own(result):
    return result.interactions[result.interactions["source"] == "taste"]


# ---- pools


def test_everybody_hears_what_their_archetype_likes_first(everybody):
    """The pool, recomputed by hand, is taken whole, or all of the taste is from it."""
    both = joined(everybody)
    both["likes"] = [bool(LIKES[t.archetype](t)) for t in both.itertuples()]
    profiles = everybody.profiles.set_index("user_id")
    from_pool = np.minimum(profiles["pool_size"], profiles["n_tracks"])

    taste = both[both["source"] == "taste"].groupby("user_id")["likes"]

    assert set(profiles["archetype"]) == set(LIKES)
    assert (taste.size() == profiles["n_tracks"]).all()
    assert (taste.sum() == from_pool).all()
    assert (profiles["n_filled"] == profiles["n_tracks"] - from_pool).all()
    assert ((profiles["filled_from"] == "") == (profiles["n_filled"] == 0)).all()
    pool = everybody.pool(TRACKS)
    assert np.array_equal(pool.sum(1), profiles["pool_size"])
    assert np.array_equal(pool[place(both)], both["likes"])


def test_a_short_pool_is_widened_in_quarters_of_a_standard_deviation():
    result = simulate_listeners(TRACKS, 60, archetypes=archetype(Range("popularity", 99)))
    popularity = TRACKS.set_index("track_uri")["popularity"]
    ring = np.ceil((99 - popularity).clip(lower=0) / (sd("popularity") / 4) - 1e-9)
    last = next(r for r in range(99) if (ring <= r).sum() >= 20)
    assert (ring <= last).sum() > 20 > (ring < 1).sum(), (
        "the last ring has to be drawn from"
    )

    for _, mine in own(result).groupby("user_id")["track_uri"]:
        assert set(ring.index[ring < last]) <= set(mine) <= set(ring.index[ring <= last])

    heard = own(result)["track_uri"].value_counts()[ring.index[ring == last]]
    assert 0 < heard.min() < heard.max() < 60, "not everybody gets the same of it"
    assert set(result.profiles["filled_from"]) == {"popularity"}


def test_a_short_artist_is_filled_from_the_artist_who_sounds_nearest():
    tracks = TRACKS.assign(artists=[["X"]] * 15 + [["Y"]] * 25 + [["Z"]] * (N - 40))
    tracks["energy"] = np.repeat([0.9, 0.8, 0.1], [15, 25, N - 40])
    tracks["valence"] = np.repeat([0.2, 0.3, 0.9], [15, 25, N - 40])
    result = simulate_listeners(
        tracks, 40, archetypes=archetype(OneOf("artists"), n_tracks=30)
    )

    fans = joined(result, tracks).query("artist == 'X' and source == 'taste'")

    assert set(fans["filled_from"]) == {"artist Y"}
    assert set(fans["n_filled"]) == {15}
    by_artist = fans["artists"].str[0].value_counts()
    assert by_artist["X"] == by_artist["Y"] == 15 * fans["user_id"].nunique()


def test_distinct_tracks_or_draws_with_replacement():
    niche = archetype(OneOf("genres", at_most=5), n_tracks=40)
    distinct = simulate_listeners(TRACKS, 30, archetypes=niche).interactions
    assert not distinct.duplicated(["user_id", "track_uri"]).any()

    result = simulate_listeners(
        TRACKS, 30, archetypes=niche, distinct=False, discovery_share=0
    )
    tracks_each = result.interactions.groupby("user_id")["track_uri"]
    assert set(tracks_each.size()) == {40}
    assert set(tracks_each.nunique()) == set(result.profiles["pool_size"]) == {2}
    assert set(result.profiles["n_filled"]) == {0}


def test_a_share_of_the_listeners_discovers_tracks_from_anywhere():
    result = simulate_listeners(TRACKS, 200, n_discovery=7)
    new = result.interactions[result.interactions["source"] == "discovery"]
    assert result.profiles["n_discovery"].value_counts().to_dict() == {0: 180, 7: 20}
    assert set(new.groupby("user_id").size()) == {7}

    loud = archetype(Range("energy", 0.9))
    many = simulate_listeners(
        TRACKS, 200, n_discovery=50, discovery_share=1, archetypes=loud
    )
    new = many.interactions[many.interactions["source"] == "discovery"]
    outside = (TRACKS["energy"] < 0.9).sum() / (N - 20)  # of what is not in the history
    error = (outside * (1 - outside) / len(new)) ** 0.5
    assert (new["energy"] < 0.9).mean() == pytest.approx(outside, abs=4 * error)


# ---- ratings and times


def test_the_rating_formula(monkeypatch):
    monkeypatch.setattr(simulate, "HABIT_SD", 0)
    monkeypatch.setattr(simulate, "NOISE_SD", 0)
    table = archetype(Range("liveness", 0.5, 0.9), OneOf("artists", most_frequent=50))
    result = joined(simulate_listeners(TRACKS, 50, archetypes=table, discovery_share=1))
    fans = result[
        [a in artists for a, artists in zip(result.artist, result.artists, strict=True)]
    ]
    margin = np.minimum(fans["liveness"] - 0.5, 0.9 - fans["liveness"]) / sd("liveness")

    fit = (1 / (1 + np.exp(-2 * margin)) + 1 / (1 + np.exp(-2))) / 2

    assert (2 * fans["rating"] % 1 == 0).all()  # half steps, rounded
    np.testing.assert_allclose(fans["rating"], 1 + 4 * fit, rtol=0, atol=0.25 + 1e-9)
    assert fans["rating"].nunique() > 3


def test_ratings_say_how_well_a_track_fits_and_listeners_differ():
    result = simulate_listeners(TRACKS, 1000)
    heard = result.interactions
    assert set(heard["rating"]) == set(np.arange(2, 11) / 2)
    inside = result.pool(TRACKS)[place(heard)]
    kind = np.where(
        heard["source"] == "discovery", "new", np.where(inside, "pool", "filled")
    )

    ratings = heard["rating"].groupby(kind)

    mean = ratings.mean()
    error = 1.2 / np.sqrt(ratings.size().min())  # the standard deviation is below 1.2
    assert mean["pool"] > mean["filled"] + 6 * error
    assert mean["filled"] > mean["new"] + 3 * error
    casual = heard[inside & (heard["archetype"] == "Casual Listener")]
    people = casual.groupby("user_id")["rating"].mean()
    chance = 0.55 / 60  # variance of the mean of 60 ratings
    expected = np.sqrt(simulate.HABIT_SD**2 + chance)
    assert people.std() == pytest.approx(expected, rel=4.5 / np.sqrt(2 * len(people)))


def test_listeners_of_different_archetypes_have_levels_of_their_own(monkeypatch):
    """With a habit this large all ratings of a listener are 1, or all are 5."""
    monkeypatch.setattr(simulate, "HABIT_SD", 1e6)
    (first,) = archetype(Range("liveness", 0.5), n_tracks=3)
    table = [first, replace(first, name="Another")]

    heard = simulate_listeners(TRACKS, 400, archetypes=table).interactions

    per_user = heard.groupby(["archetype", "user_id"])["rating"]
    assert (per_user.nunique() == 1).all()
    one, other = (per_user.first()[kind].to_numpy() for kind in ("Someone", "Another"))
    error = 0.5 / np.sqrt(200)
    assert (one == other).mean() == pytest.approx(0.5, abs=4 * error)


def test_the_published_ratings():
    both = joined(simulate_listeners(TRACKS, 300, rating="published"))
    assert set(both["rating"]) == {3, 3.5, 4, 4.5}
    fans = both[both["archetype"] == "Genre-Specific Fan"]
    wanted = [
        genre in genres for genre, genres in zip(fans.genre, fans.genres, strict=True)
    ]
    upper_half = fans["popularity"] > 60  # of 20 to 100
    assert (fans["rating"] == 3 + np.array(wanted) + 0.5 * upper_half).all()
    live = both[both["archetype"] == "Live Music Fan"]
    assert (live["rating"] == 3 + 0.5 * (live["liveness"] > 0.65)).all()


def test_times_fill_one_year_and_follow_the_day():
    heard = simulate_listeners(TRACKS, 1000).interactions
    n = len(heard)
    time = heard["timestamp"].dt
    assert str(heard["timestamp"].dtype) == "datetime64[s, UTC]"
    assert set(time.year) == {2023}
    by_user = heard["timestamp"].groupby(heard["user_id"])
    assert by_user.apply(lambda t: t.is_monotonic_increasing).all()

    share = np.bincount(time.hour, minlength=24) / n
    day = np.bincount(time.day_of_year - 1, minlength=365) / n

    assert (abs(share - HOURS) < 4.5 * np.sqrt(HOURS / n)).all()
    assert (abs(day - 1 / 365) < 5 * np.sqrt(1 / 365 / n)).all()


# ---- the oracle


@pytest.mark.parametrize("condition", [Range("energy", 0.5), Range("popularity", 99)])
def test_chance_is_how_often_a_track_is_drawn(condition):
    """Identical listeners, of a large pool and of a short one."""
    table = archetype(condition)
    result = simulate_listeners(TRACKS, 600, archetypes=table, discovery_share=0)

    chance = result.chance(TRACKS)

    np.testing.assert_allclose(chance, np.broadcast_to(chance[0], chance.shape))
    count = result.interactions["track_uri"].value_counts()
    share = count.reindex(TRACKS["track_uri"], fill_value=0).to_numpy() / 600
    error = np.sqrt(chance[0] * (1 - chance[0]) / 600)
    assert (abs(share - chance[0]) <= 4.5 * error + 1e-6).all()


def test_chance_adds_up_and_covers_what_was_heard(everybody):
    chance, pool = everybody.chance(TRACKS), everybody.pool(TRACKS)
    profiles = everybody.profiles

    np.testing.assert_allclose(chance.sum(1), profiles["n_tracks"], rtol=1e-5)
    enough = (profiles["pool_size"] >= profiles["n_tracks"]).to_numpy()
    assert np.array_equal(chance[enough] > 0, pool[enough])
    assert (chance[~enough][pool[~enough]] == 1).all()
    assert (chance[place(own(everybody))] > 0).all()
    with pytest.raises(ValueError, match="archetypes: got .* too"):
        replace(everybody, archetypes=ARCHETYPES[:3]).pool(TRACKS)


# ---- seeds and arguments


def test_the_seed_decides_everything_whatever_the_order_of_the_rows():
    one = simulate_listeners(TRACKS, 60, seed=3)
    shuffled = TRACKS.sample(frac=1, random_state=1)
    two = simulate_listeners(shuffled, 60, seed=3)

    pd.testing.assert_frame_equal(one.interactions, two.interactions)
    pd.testing.assert_frame_equal(one.profiles, two.profiles)
    assert np.array_equal(two.pool(shuffled), one.pool(TRACKS)[:, shuffled.index])
    other = simulate_listeners(TRACKS, 60, seed=4)
    assert not one.interactions.equals(other.interactions)
    names = one.profiles["archetype"].tolist()
    in_table = sorted(names, key=[a.name for a in ARCHETYPES].index)
    assert names != in_table, "user_id must not give the archetype away"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rating": "stars"}, "rating: got 'stars'"),
        ({"n_users": 0}, "n_users: got 0"),
        ({"discovery_share": 1.5}, "discovery_share: got 1.5"),
        ({"archetypes": archetype(Range("energy", 0.5), n_tracks=596)}, "tracks: got 600"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        simulate_listeners(TRACKS, **{"n_users": 10, **changes})
