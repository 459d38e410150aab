"""Tracks as conditions see them."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data.listeners.catalogue import SOUND, Catalogue
from tests.data.listeners.support import TRACKS, N, sd


def test_the_order_of_the_rows_plays_no_part():
    shuffled = TRACKS.sample(frac=1, random_state=1)
    catalogue = Catalogue(shuffled)

    pd.testing.assert_frame_equal(catalogue.tracks, Catalogue(TRACKS).tracks)
    uris = shuffled["track_uri"].to_numpy()[catalogue.order]
    assert np.array_equal(uris, catalogue.tracks["track_uri"])


def test_a_track_counts_once_for_a_genre_that_is_twice_in_its_list():
    tracks = TRACKS.assign(genres=[["a", "a"]] * 9 + [["b"]] * 11 + [[]] * (N - 20))

    labels = Catalogue(tracks).labels("genres")

    assert labels.names.tolist() == ["a", "b"]
    assert labels.counts.tolist() == [9, 11]


def test_labels_are_as_far_apart_as_their_average_sounds():
    tracks = TRACKS.assign(genres=[["a", "a"]] * 9 + [["b"]] * 11 + [[]] * (N - 20))
    tracks["track_uri"] = sorted(tracks["track_uri"])
    sound = np.stack([tracks[name] / sd(name) for name in SOUND], axis=1)
    gap = sound[:9].mean(0) - sound[9:20].mean(0)
    far = 0.25 + np.sqrt((gap**2).mean())

    margin = Catalogue(tracks).labels("genres").margin(np.array([0]), np.array([0, 1]))[0]

    assert margin == pytest.approx([1] * 9 + [-far] * 11 + [-max(far, 1)] * (N - 20))


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        (
            TRACKS.drop(columns=["genres", "tempo"]),
            r"got .*, expected columns \['genres', 'tempo'\] too",
        ),
        (pd.concat([TRACKS, TRACKS[:1]]), "got a track_uri twice"),
        (
            TRACKS.assign(tempo=TRACKS["tempo"].where(TRACKS.index != 5)),
            "got tempo nan of uri",
        ),
        (TRACKS.assign(key=TRACKS["key"] + 0.5), "got key .* expected a whole number"),
    ],
)
def test_tracks_that_do_not_fit_are_refused(tracks, message):
    with pytest.raises(ValueError, match=f"tracks: {message}"):
        Catalogue(tracks)
