"""The invented tracks, and cutting units into classes of given shares."""

import numpy as np
import pytest

from rbm_lib.data.deezer.catalogue import REAL, make_tracks, release_dates, spread


def test_classes_have_their_shares_of_the_weight_in_the_order_of_the_units():
    weight = np.array([1, 5, 1, 1, 1, 1])
    order = np.array([1, 0, 2, 3, 4, 5])  # the heavy one first

    assert spread(order, weight, [0.5, 0.3, 0.2]).tolist() == [1, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("n_rows", [2000, 100_000])
def test_plays_add_up_and_an_album_has_one_artist_and_one_genre(n_rows):
    tracks = make_tracks(n_rows, n_rows + 50, np.random.default_rng(0))

    assert tracks["plays"].sum() == n_rows + 50
    assert tracks["plays"].min() == 1
    for album in np.unique(tracks["album"])[:20]:
        of_album = tracks["album"] == album
        assert len(set(tracks["artist"][of_album])) == 1
        assert len(set(tracks["genre"][of_album])) == 1


def test_plays_have_the_real_peak_and_tail():
    n_rows = 400_000
    plays = make_tracks(n_rows, n_rows, np.random.default_rng(0))["plays"]

    top = REAL["top_track"] * n_rows / REAL["rows"]
    assert plays.max() == pytest.approx(top, rel=0.05)
    assert (plays == 1).mean() == pytest.approx(0.58, abs=0.03)


def test_a_track_is_released_before_it_is_heard():
    tracks = {"release": np.array([2016.5, 2016.99, 1980.0])}
    track = np.array([0, 1, 1, 2])
    time = np.full(4, 1_477_958_400)  # 1 November 2016

    dates = release_dates(track, time, tracks, np.random.default_rng(0))

    assert dates.tolist() == [20160701, 20161101, 19800101]
