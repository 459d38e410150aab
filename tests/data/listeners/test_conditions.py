"""Margins of the conditions, what they draw, and what they say of a short pool."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import simulate_listeners
from rbm_lib.data.listeners.catalogue import SOUND, Catalogue
from rbm_lib.data.listeners.conditions import MISSING, AnyOf, DrawnRange, OneOf, Range
from tests.data.listeners.support import TRACKS, N, archetype, sd

ORDERED = TRACKS.assign(track_uri=sorted(TRACKS["track_uri"]))


def labelled(**numbers):
    """The tracks with these genres: the first has the first number of tracks, and so on."""
    genres = [[name] for name, n in numbers.items() for _ in range(n)]
    return ORDERED.assign(genres=genres + [[]] * (N - len(genres)))


def draw(condition, tracks=ORDERED, n=400):
    return condition.draw(Catalogue(tracks), n, np.random.default_rng(0))


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.7), (0.2, None), (None, 0.7)])
def test_the_margin_of_a_range_is_the_distance_from_its_nearer_end(low, high):
    condition = Range("energy", low, high)
    energy = ORDERED["energy"]
    ends = [energy - low] if low else []
    ends += [high - energy] if high else []

    margin = condition.margin(Catalogue(ORDERED), draw(condition, n=3))

    assert margin.shape == (1, N)  # all three listeners are alike
    assert margin[0] == pytest.approx(np.min(ends, axis=0) / sd("energy"))


def test_a_missing_value_is_far_away():
    condition = Range("release_year", 1950, 2030)

    margin = condition.margin(Catalogue(ORDERED), draw(condition, n=1))[0]

    assert np.flatnonzero(margin == MISSING).tolist() == [3]


def test_a_drawn_range_lies_within_its_ends_or_begins_at_a_start():
    mood = draw(DrawnRange("valence", 0.1, 0.9))
    assert mood["valence_low"].min() >= 0.1
    assert mood["valence_high"].max() <= 0.9
    np.testing.assert_allclose(mood["valence_high"] - mood["valence_low"], 0.3, atol=0.006)
    assert 0.3 < mood["valence_low"].mean() < 0.4
    era = draw(DrawnRange("release_year", width=9, starts=(1960, 1970)))
    assert set(era["release_year_low"]) == {1960, 1970}
    assert set(era["release_year_high"]) == {1969, 1979}


def test_genres_are_compared_whole():
    condition = AnyOf("genres", ("rock",), kind="rock")

    margin = condition.margin(Catalogue(ORDERED), {})[0]

    assert (margin > 0).tolist() == ["rock" in genres for genres in ORDERED["genres"]]
    assert set(draw(condition)["genre"]) == {"any rock"}


@pytest.mark.parametrize(
    ("limits", "drawn", "stand_in"),
    [
        ({"more_than": 23}, {"b", "d"}, ""),
        ({"at_most": 5}, {"c"}, ""),
        (
            {"more_than": 99},
            {"d"},
            "no genre in more than 99 tracks, the most frequent instead",
        ),
        ({"at_most": 4}, {"c"}, "no genre in at most 4 tracks, the rarest instead"),
        ({"most_frequent": 3}, {"a", "b", "d"}, ""),
    ],
)
def test_a_genre_is_drawn_among_those_in_so_many_tracks(limits, drawn, stand_in):
    tracks = labelled(a=23, b=24, c=5, d=60)
    condition = OneOf("genres", **limits)

    assert set(draw(condition, tracks)["genre"]) == drawn
    assert condition.stand_in(Catalogue(tracks)) == stand_in


def test_without_any_genre_there_is_nothing_to_draw():
    tracks = labelled()
    condition = OneOf("genres")
    profile = draw(condition, tracks, n=2)

    assert profile["genre"].tolist() == ["", ""]
    assert (condition.margin(Catalogue(tracks), profile) == -1).all()
    assert (
        condition.given_up(Catalogue(tracks), {"genre": ""}, np.array([-1.0]))
        == "any genre"
    )


def test_the_artists_who_stood_in_are_named_nearest_first():
    tracks = ORDERED.assign(artists=[[f"P{min(i // 4, 6)}"] for i in range(N)])
    tracks[SOUND] = 0.5
    tracks["energy"] = np.repeat([0.0, 0.5, 0.2, 0.6, 0.3, 0.9, 1.0], [4] * 6 + [N - 24])
    result = simulate_listeners(tracks, 100, archetypes=archetype(OneOf("artists")))

    of_p0 = result.profiles[result.profiles["artist"] == "P0"]

    assert set(of_p0["filled_from"]) == {"artist P2 | P4 | P1 and 1 more"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Range("energy"), "energy: got no end"),
        (lambda: DrawnRange("energy", 0, 0.2), "energy: got 0 to 0.2 for a width of 0.3"),
        (lambda: DrawnRange("energy", 0), "energy: got 0 to None"),
        (lambda: OneOf("album"), "column: got 'album', expected one of"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_column_that_does_not_exist_is_named():
    condition = Range("loudnes", 1)
    with pytest.raises(ValueError, match="column: got 'loudnes'"):
        condition.margin(Catalogue(pd.DataFrame(TRACKS)), draw(condition))
