"""Simulated listeners: the table, the pools and how short ones are filled, ratings, times, the oracle."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import ARCHETYPES, Archetype, simulate_listeners
from rbm_lib.data.listeners import simulate as listeners
from rbm_lib.data.listeners.archetypes import headcounts
from rbm_lib.data.listeners.conditions import SOUND, AnyOf, DrawnRange, OneOf, Range, Shelf
from rbm_lib.data.spotify.load import FEATURES, load_spotify

N = 600
SHARES = ["rock", "punk rock", "pop", "jazz", "classical crossover"]  # common here


def invented(seed=0, n=N):
    """A catalogue with everything that the twelve ask for, and traps: repeated names, a missing year."""
    rng = np.random.default_rng(seed)
    unit = FEATURES[0], FEATURES[1], *FEATURES[5:10]
    tracks = pd.DataFrame({"track_uri": [f"uri:{i:04d}" for i in rng.permutation(n)]})
    tracks["track_name"] = [f"Song {i % 100}" for i in range(n)]
    who = rng.integers(60, size=n)
    tracks["artists"] = [[f"A{a:02d}", "Guest"] if i % 40 == 0 else [f"A{a:02d}"] for i, a in enumerate(who)]
    tracks["artist_name"] = tracks["artists"].str.join(", ")
    tracks["genres"] = [[SHARES[i % 5], SHARES[i % 5]] if i % 7 else [] for i in range(n)]
    for i in range(0, 40, 2):  # ten niche genres of two tracks, and classical music
        tracks.at[i, "genres"] = [f"niche {i // 4}"]
        tracks.at[i + 1, "genres"] = ["classical", "pop"]
    tracks["release_year"] = pd.array(rng.integers(1955, 2024, size=n), dtype="Int64")
    tracks.loc[3, "release_year"] = pd.NA
    for name in FEATURES:
        tracks[name] = np.round(rng.random(n), 3) if name in unit else rng.normal(-7, 3, n).round(2)
    tracks["tempo"] = rng.normal(120, 25, n).round(1)
    for name, top in {
        "key": 12,
        "mode": 2,
        "time_signature": 6,
        "popularity": 101,
        "duration_ms": 10**6,
    }.items():
        tracks[name] = rng.integers(top, size=n)
    return tracks


TRACKS = invented()
HOURS = listeners.HOURS / listeners.HOURS.sum()


def table(*conditions, n_tracks=20):
    return (Archetype("Someone", 1, n_tracks, conditions),)


def joined(result, tracks=TRACKS):
    """interactions with the track's genres, artists and year, and the listener's profile."""
    more = tracks[["track_uri", "genres", "artists", "release_year"]]
    both = result.interactions.merge(more, on="track_uri", validate="m:1")
    return both.merge(result.profiles.drop(columns="archetype"), on="user_id", validate="m:1")


def sd(column, tracks=TRACKS):
    return float(np.std(tracks[column].dropna().to_numpy(dtype=float)))


# ---- the table -------------------------------------------------------------------------------------------


def test_the_published_shares_and_lengths():
    assert len(ARCHETYPES) == 12 and sum(a.share for a in ARCHETYPES) == pytest.approx(1.05)
    assert [a.n_tracks for a in ARCHETYPES] == [80, 70, 60, 60, 50, 50, 40, 40, 40, 40, 40, 40]


@pytest.mark.parametrize("n", [1, 7, 12, 105, 999, 1000, 1050])
def test_shares_are_normalised_to_exactly_n_listeners(n):
    counts = headcounts(ARCHETYPES, n)
    exact = np.array([a.share for a in ARCHETYPES]) / 1.05 * n
    assert counts.sum() == n and (abs(counts - exact) < 1).all()


def test_largest_remainders_by_hand():
    assert headcounts(ARCHETYPES, 1000).tolist() == [143] * 3 + [95] * 3 + [48] * 4 + [47] * 2
    assert headcounts(ARCHETYPES, 105).tolist() == [15] * 3 + [10] * 3 + [5] * 6
    shares = [replace(ARCHETYPES[0], name=str(i), share=s) for i, s in enumerate([50, 30, 20])]
    assert headcounts(shares, 5).tolist() == [3, 1, 1]  # 2.5, 1.5, 1: equal losses, the first in the table


LIKES = {
    "Mainstream Listener": lambda t: (
        t.popularity >= 50 and t.energy >= 0.5 and t.danceability >= 0.5 and bool({*t.genres} & {*SHARES})
    ),
    "Genre-Specific Fan": lambda t: t.genre in t.genres and t.popularity >= 20,
    "Casual Listener": lambda t: 30 <= t.popularity <= 70,
    "Mood-Based Listener": lambda t: (
        t.valence_low <= t.valence <= t.valence_high and t.energy_low <= t.energy <= t.energy_high
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
        not pd.isna(t.release_year) and t.release_year_low <= t.release_year <= t.release_year_low + 9
    ),
}


def test_everybody_hears_what_their_archetype_likes_first():
    """The pool, recomputed track by track, is taken whole or all of the taste comes from it."""
    result = simulate_listeners(TRACKS, 240)
    likes = [LIKES[t.archetype](t) for t in joined(result).itertuples()]
    both = joined(result).assign(likes=likes)
    assert set(result.profiles.archetype) == set(LIKES)
    taste = both[both.source == "taste"].groupby("user_id")
    profiles = result.profiles.set_index("user_id")
    assert (taste.size() == profiles.n_tracks).all() and (profiles.n_tracks > 0).all()
    from_pool = np.minimum(profiles.pool_size, profiles.n_tracks)
    assert (taste.likes.sum() == from_pool).all()
    assert (profiles.n_filled == profiles.n_tracks - from_pool).all()
    assert ((profiles.filled_from == "") == (profiles.n_filled == 0)).all()
    pool = result.pool(TRACKS)
    for user in (0, 17, 101):
        row = {**result.profiles.iloc[user].to_dict()}
        mine = [
            LIKES[row["archetype"]](type("Both", (), {**track, **row})) for track in TRACKS.to_dict("records")
        ]
        assert pool[user].tolist() == mine and sum(mine) == row["pool_size"]


def test_genres_are_compared_whole():
    """'rock' is not in ['punk rock'], nor 'classical' in ['classical crossover']."""
    rock = simulate_listeners(
        TRACKS, 5, archetypes=table(AnyOf("genres", ("rock",), kind="rock"), n_tracks=70)
    )
    assert rock.pool(TRACKS)[0].tolist() == ["rock" in genres for genres in TRACKS.genres]
    assert set(joined(rock).query("source == 'taste'").genres.map(tuple)) == {("rock", "rock")}


def test_common_and_niche_count_tracks_not_mentions():
    """Common: in more than 23 tracks; a genre can stand twice in a track's list."""
    genres = [["a", "a"]] * 23 + [["b"]] * 24 + [["c", "c"]] * 5 + [["d"]] * 6 + [[]] * (N - 58)
    tracks = TRACKS.assign(genres=genres)
    common = simulate_listeners(tracks, 50, archetypes=table(OneOf("genres", more_than=23)))
    niche = simulate_listeners(tracks, 50, archetypes=table(OneOf("genres", at_most=5)))
    assert set(common.profiles.genre) == {"b"} and set(niche.profiles.genre) == {"c"}
    assert set(common.profiles.pool_size) == {24} and set(niche.profiles.pool_size) == {5}


def test_the_average_sound_counts_a_track_once():
    """Also where a genre stands twice in its list. A track of neither is as far as the farthest, and 1."""
    tracks = TRACKS.assign(genres=[["a", "a"] if i < 9 else ["b"] if i < 20 else [] for i in range(N)])
    sound = np.stack([(tracks[c] - tracks[c].mean()) / tracks[c].std(ddof=0) for c in SOUND], axis=1)
    gap = sound[:9].mean(0) - sound[9:20].mean(0)
    tracks["track_uri"] = sorted(tracks["track_uri"])
    margin = OneOf("genres").margin(Shelf(tracks), {"genre": np.array(["a"])})[0]
    far = 0.25 + math.sqrt((gap**2).mean())
    assert margin == pytest.approx([1] * 9 + [-far] * 11 + [-max(far, 1)] * (N - 20))


def test_no_niche_genre_the_rarest_instead():
    """And no common one, the most frequent; both recorded, also where nothing had to be filled in."""
    tracks = TRACKS.assign(genres=[["a"] if i < 30 else ["b"] if i < 70 else [] for i in range(N)])
    niche = simulate_listeners(tracks, 10, archetypes=table(OneOf("genres", at_most=5))).profiles
    assert set(niche.genre) == {"a"} and (niche.pool_size == 30).all() and (niche.n_filled == 0).all()
    assert set(niche.filled_from) == {"no genre in at most 5 tracks, the rarest instead"}
    for condition in (OneOf("genres", more_than=99), AnyOf("genres", more_than=99)):
        common = simulate_listeners(tracks, 10, archetypes=table(condition, n_tracks=45)).profiles
        assert (common.pool_size == 40).all() and (common.n_filled == 5).all()
        assert common.filled_from.str.startswith("no genre in more than 99 tracks, the most frequent").all()
    nothing = simulate_listeners(TRACKS.assign(genres=[[]] * N), 10, archetypes=table(OneOf("genres")))
    assert set(nothing.profiles.genre) == {""} and set(nothing.profiles.filled_from) == {"any genre"}


def test_the_loyal_choose_among_the_most_frequent_artists():
    counts = TRACKS.artists.explode().value_counts()
    drawn = set(
        simulate_listeners(TRACKS, 400, archetypes=table(OneOf("artists", most_frequent=5))).profiles.artist
    )
    assert len(drawn) == 5 and min(counts[list(drawn)]) >= counts.iloc[5]


def test_a_thirteenth_archetype_is_one_entry():
    night = Archetype(
        "Night Owl", 0.05, 30, (Range("energy", None, 0.3), AnyOf("genres", ("jazz",), kind="jazz"))
    )
    result = simulate_listeners(TRACKS, 110, archetypes=(*ARCHETYPES, night))
    owls = result.profiles[result.profiles.archetype == "Night Owl"]
    assert len(owls) == 5 and (owls.energy_high == 0.3).all() and (owls.genre == "any jazz").all()


# ---- pools that are too small ------------------------------------------------------------------------------


def test_a_short_pool_is_widened_in_quarters_of_a_standard_deviation():
    result = simulate_listeners(TRACKS, 60, archetypes=table(Range("popularity", 99)))
    popularity, step = TRACKS.set_index("track_uri").popularity, sd("popularity") / 4
    assert 0 < result.profiles.pool_size[0] < 20
    ring = np.ceil((99 - popularity).clip(lower=0) / step - 1e-9)
    last = next(r for r in range(99) if (ring <= r).sum() >= 20)
    assert last >= 1 and (ring <= last).sum() > 20, "the test needs a last ring that is drawn from"
    for _, mine in result.interactions[result.interactions.source == "taste"].groupby("user_id"):
        inner = set(ring.index[ring < last])
        assert inner <= set(mine.track_uri) <= set(ring.index[ring <= last])
    heard = result.interactions.groupby("track_uri").user_id.nunique().reindex(ring.index[ring == last])
    assert heard.min() > 0 and heard.max() < 60, "not everybody gets the same of the last ring"
    assert set(result.profiles.filled_from) == {"popularity"}


def test_a_short_artist_is_filled_from_the_artist_who_sounds_nearest():
    tracks = TRACKS.assign(artists=[["X"] if i < 15 else ["Y"] if i < 40 else ["Z"] for i in range(N)])
    for name, of_x, of_y, of_z in [("energy", 0.9, 0.8, 0.1), ("valence", 0.2, 0.3, 0.9)]:
        tracks[name] = np.repeat([of_x, of_y, of_z], [15, 25, N - 40])
    result = simulate_listeners(tracks, 40, archetypes=table(OneOf("artists"), n_tracks=30))
    of_x = result.profiles.set_index("user_id").query("artist == 'X'")
    assert len(of_x) and set(of_x.filled_from) == {"artist Y"} and (of_x.n_filled == 15).all()
    heard = joined(result, tracks).query("source == 'taste' and artist == 'X'")
    assert heard.artists.str[0].value_counts().to_dict() == {"X": 15 * len(of_x), "Y": 15 * len(of_x)}


def test_the_artists_who_stood_in_are_named_nearest_first():
    tracks = TRACKS.assign(artists=[[f"P{min(i // 4, 6)}"] for i in range(N)])
    tracks["energy"] = np.repeat([0.0, 0.5, 0.2, 0.6, 0.3, 0.9, 1.0], [4] * 6 + [N - 24])
    for name in SOUND[2:] + SOUND[:1]:
        tracks[name] = 0.5
    result = simulate_listeners(tracks, 100, archetypes=table(OneOf("artists"), n_tracks=20))
    text = result.profiles.filled_from[result.profiles.artist == "P0"]
    assert set(text) == {"artist P2 | P4 | P1 and 1 more"}  # 0.2, 0.3, 0.5, and 0.6 away


def test_an_empty_shelf_of_classical_music():
    """What is left counts: as near as possible to the three ranges."""
    tracks = TRACKS.assign(genres=[["pop"]] * N)
    only = tuple(a for a in ARCHETYPES if a.name == "Classical Music Lover")
    result = simulate_listeners(tracks, 20, archetypes=only)
    assert (result.profiles.pool_size == 0).all() and (result.profiles.n_filled == 40).all()
    assert result.profiles.filled_from.str.startswith("any classical genre").all()
    lacking = sum(
        (sign * (edge - tracks[name])).clip(lower=0) / sd(name)
        for name, edge, sign in [
            ("instrumentalness", 0.5, 1),
            ("danceability", 0.4, -1),
            ("speechiness", 0.05, -1),
        ]
    )
    heard = set(result.interactions.query("source == 'taste'").track_uri)
    worst = lacking[tracks.track_uri.isin(heard)].max()
    assert worst < lacking.sort_values().iloc[39] + 0.25
    assert {*tracks.track_uri[lacking == 0]} <= heard


def test_distinct_or_with_replacement():
    conditions = table(OneOf("genres", at_most=5), n_tracks=40)
    distinct = simulate_listeners(TRACKS, 30, archetypes=conditions).interactions
    assert not distinct.duplicated(["user_id", "track_uri"]).any()
    result = simulate_listeners(TRACKS, 30, archetypes=conditions, distinct=False, discovery_share=0)
    each = result.interactions.groupby("user_id").track_uri
    assert (each.size() == 40).all() and (
        each.nunique() == result.profiles.set_index("user_id").pool_size
    ).all()
    assert (result.profiles.n_filled == 0).all(), "a pool of two tracks is enough with replacement"


# ---- discoveries, ratings, times ------------------------------------------------------------------------


def test_a_tenth_explores():
    result = simulate_listeners(TRACKS, 200, n_discovery=7)
    new = result.interactions.query("source == 'discovery'")
    assert result.profiles.n_discovery.value_counts().to_dict() == {0: 180, 7: 20}
    assert new.groupby("user_id").size().to_dict() == dict.fromkeys(
        result.profiles.user_id[result.profiles.n_discovery > 0], 7
    )
    assert not result.interactions.duplicated(["user_id", "track_uri"]).any()
    many = simulate_listeners(
        TRACKS, 200, n_discovery=50, discovery_share=1, archetypes=table(Range("energy", 0.9))
    )
    share = many.interactions.query("source == 'discovery'").energy.lt(0.9).mean()
    outside = (TRACKS.energy < 0.9).sum() / (N - 20)  # of what is not already in the history
    assert share == pytest.approx(outside, abs=4 * math.sqrt(outside * (1 - outside) / 10_000))


def test_the_rating_formula(monkeypatch):
    """Without habit and noise: 1 + 4 · the mean of sigmoid(2 · margin), to the nearest half."""
    monkeypatch.setattr(listeners, "HABIT_SD", 0)
    monkeypatch.setattr(listeners, "NOISE_SD", 0)
    conditions = table(Range("liveness", 0.5, 0.9), OneOf("artists", most_frequent=50), n_tracks=30)
    both = joined(simulate_listeners(TRACKS, 50, archetypes=conditions, discovery_share=1))
    both = both[[artist in artists for artist, artists in zip(both.artist, both.artists, strict=True)]]
    margin = np.minimum(both.liveness - 0.5, 0.9 - both.liveness) / sd("liveness")
    value = 1 + 4 * (1 / (1 + np.exp(-2 * margin)) + 1 / (1 + math.exp(-2))) / 2
    assert both.rating.tolist() == (np.round(2 * value) / 2).tolist() and both.rating.nunique() > 3


def test_ratings_use_the_scale_and_say_how_well_a_track_fits():
    """Own tracks above those filled in, above discoveries; every half step occurs; people differ."""
    result = simulate_listeners(TRACKS, 1000)
    heard, pool = result.interactions, result.pool(TRACKS)
    assert set(heard.rating) == set(np.arange(2, 11) / 2)
    at = pd.Index(TRACKS.track_uri).get_indexer(heard.track_uri)
    inside = pool[heard.user_id - 1, at]
    kind = np.where(heard.source == "discovery", "new", np.where(inside, "pool", "filled"))
    mean, size = heard.rating.groupby(kind).mean(), heard.rating.groupby(kind).size()
    error = 1.2 / np.sqrt(size.min())  # a rating's standard deviation is below 1.2
    assert mean["pool"] - mean["filled"] > 6 * error and mean["filled"] - mean["new"] > 3 * error
    people = heard[inside & (heard.archetype == "Casual Listener")].groupby("user_id").rating.mean()
    chance = math.sqrt(0.55 / 60)  # of the mean of 60 ratings, whose own standard deviation is about .55
    spread = math.hypot(listeners.HABIT_SD, chance)
    assert len(people) == 143 and abs(people.std() / spread - 1) < 4.5 / math.sqrt(2 * 143)


def test_the_published_ratings():
    """3, +1 genre, +1 artist, +½ for the upper half of three ranges; nobody ever dislikes anything."""
    result = simulate_listeners(TRACKS, 300, rating="published")
    both = joined(result)
    assert set(both.rating) == {3, 3.5, 4, 4.5}
    fans = both[both.archetype == "Genre-Specific Fan"]
    wanted = [genre in genres for genre, genres in zip(fans.genre, fans.genres, strict=True)]
    assert (fans.rating == 3 + np.array(wanted) + 0.5 * (fans.popularity > 60)).all()  # 20 to 100
    live = both[both.archetype == "Live Music Fan"]
    assert (live.rating == 3 + 0.5 * (live.liveness > 0.65)).all()
    loyal = both[both.archetype == "Loyal Fan"]
    assert set(loyal.rating) == {3, 4}


def test_times_fill_one_year_and_follow_the_day():
    heard = simulate_listeners(TRACKS, 1000).interactions
    time = heard.timestamp.dt
    assert str(heard.timestamp.dtype) == "datetime64[s, UTC]" and set(time.year) == {2023}
    assert heard.timestamp.groupby(heard.user_id).apply(lambda t: t.is_monotonic_increasing).all()
    n = len(heard)
    share = np.bincount(time.hour, minlength=24) / n
    assert (abs(share - HOURS) < 4.5 * np.sqrt(HOURS / n)).all()
    day = np.bincount(time.day_of_year - 1, minlength=365) / n
    assert len(day) == 365 and (abs(day - 1 / 365) < 5 * math.sqrt(1 / 365 / n)).all()
    assert share[2:5].sum() < 0.03 and share[18:22].sum() > 0.3
    own = heard.source == "taste"
    assert abs(time.day_of_year[own].mean() - time.day_of_year[~own].mean()) < 5 * 106 / math.sqrt(
        (~own).sum()
    )


# ---- the oracle ------------------------------------------------------------------------------------------


def test_chance_is_how_often_a_track_is_drawn():
    """Identical listeners: the share of them who have a track, within 4.5 standard errors."""
    n_users = 600
    for condition in (Range("energy", 0.5), Range("popularity", 99)):  # a large pool, a short one
        result = simulate_listeners(TRACKS, n_users, archetypes=table(condition), discovery_share=0)
        chance = result.chance(TRACKS)
        assert chance.dtype == np.float32 and (chance == chance[0]).all()
        has = result.interactions.track_uri.value_counts().reindex(TRACKS.track_uri, fill_value=0)
        error = np.sqrt(chance[0] * (1 - chance[0]) / n_users)
        assert (abs(has.to_numpy() / n_users - chance[0]) <= 4.5 * error + 1e-6).all()


def test_chance_adds_up_and_covers_what_was_heard():
    result = simulate_listeners(TRACKS, 240)
    chance, pool = result.chance(TRACKS), result.pool(TRACKS)
    assert chance.sum(1) == pytest.approx(result.profiles.n_tracks.to_numpy(), rel=1e-5)
    enough = (result.profiles.pool_size >= result.profiles.n_tracks).to_numpy()
    assert ((chance > 0) == pool)[enough].all() and (chance[~enough][pool[~enough]] == 1).all()
    own = result.interactions.query("source == 'taste'")
    at = pd.Index(TRACKS.track_uri).get_indexer(own.track_uri)
    assert (chance[own.user_id - 1, at] > 0).all()
    with pytest.raises(ValueError, match="there is no"):
        replace(result, archetypes=ARCHETYPES[:3]).pool(TRACKS)


# ---- seeds, arguments, real tracks ---------------------------------------------------------------------


def test_seeded_whatever_the_order_of_the_rows():
    before = TRACKS.copy(deep=True)
    one = simulate_listeners(TRACKS, 60, seed=3)
    pd.testing.assert_frame_equal(TRACKS, before)
    shuffled = TRACKS.sample(frac=1, random_state=1)
    two = simulate_listeners(shuffled, 60, seed=3)
    pd.testing.assert_frame_equal(one.interactions, two.interactions)
    pd.testing.assert_frame_equal(one.profiles, two.profiles)
    again = two.pool(shuffled)
    assert (pd.DataFrame(again, columns=shuffled.track_uri)[list(TRACKS.track_uri)] == one.pool(TRACKS)).all(
        axis=None
    )
    assert not one.interactions.equals(simulate_listeners(TRACKS, 60, seed=4).interactions)
    kinds = one.profiles.archetype.tolist()
    assert kinds != sorted(kinds, key=[a.name for a in ARCHETYPES].index), (
        "user_id must not tell the archetype"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rating": "stars"}, "rating"),
        ({"n_users": 0}, "n_users"),
        ({"discovery_share": 1.5}, "discovery_share"),
        ({"archetypes": ()}, "one or more"),
        ({"archetypes": ARCHETYPES[:1] * 2}, "each name once"),
        ({"archetypes": table(Range("loudnes", 1))}, "loudnes"),
        ({"archetypes": table(Range("energy", 0.5), n_tracks=596)}, "distinct ones are needed"),
        ({"tracks": TRACKS.drop(columns=["genres", "tempo"])}, "no column genres, tempo"),
        ({"tracks": pd.concat([TRACKS, TRACKS.iloc[:1]])}, "two rows"),
        ({"tracks": TRACKS.assign(tempo=TRACKS.tempo.where(TRACKS.index != 5))}, "tempo of uri"),
        ({"tracks": TRACKS.assign(key=TRACKS.key + 0.5)}, "expected a whole number"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        simulate_listeners(**{"tracks": TRACKS, "n_users": 10, **changes})


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Archetype("x", 0, 10, (Range("energy", 1),)),
        lambda: Archetype("x", 1, 10, ()),
        lambda: Archetype("x", 1, 10, (Range("energy", 1), DrawnRange("energy", 0, 1))),
        lambda: Range("energy"),
        lambda: DrawnRange("energy", 0, 0.2),
        lambda: OneOf("album"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        wrong()


def test_the_real_catalogue():
    spotify = load_spotify(download=False, verbose=False)
    if spotify.source != "real":
        pytest.skip("Spotify's files are not in the data folder")
    result = simulate_listeners(spotify.tracks)
    assert len(result.profiles) == 1000 and not result.interactions.duplicated(["user_id", "track_uri"]).any()
    assert set(result.interactions.rating) == set(np.arange(2, 11) / 2)
    short = result.profiles.assign(short=result.profiles.n_filled > 0).groupby("archetype").short.mean()
    assert short["Loyal Fan"] > 0.5 and short["Niche Genre Enthusiast"] == 1 and short["Casual Listener"] == 0
