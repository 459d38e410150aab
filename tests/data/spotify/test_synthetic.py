"""The invented catalogue has the real marginals, correlations, names and blemishes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

from rbm_lib.data import synthetic_spotify
from rbm_lib.data.spotify.record import FEATURES

# Quantiles of the real tracks at 5, 25, 50, 75 and 95 percent, of popularity and
# instrumentalness where they are not 0.
QUANTILES = {
    "danceability": [0.357, 0.518, 0.62, 0.712, 0.838],
    "energy": [0.335, 0.567, 0.714, 0.835, 0.941],
    "loudness": [-13.43, -8.76, -6.375, -4.81, -3.155],
    "speechiness": [0.0273, 0.0334, 0.0437, 0.0701, 0.206],
    "acousticness": [0.00085, 0.0176, 0.0902, 0.302, 0.755],
    "instrumentalness": [1.66e-6, 1.26e-5, 1.88e-4, 0.00534, 0.358],
    "liveness": [0.0533, 0.0899, 0.127, 0.243, 0.474],
    "valence": [0.176, 0.392, 0.588, 0.774, 0.947],
    "tempo": [81.3, 102.1, 120.3, 134.1, 173.1],
    "popularity": [2, 29, 50, 67, 81.5],
    "duration_ms": [150_200, 192_700, 219_600, 249_500, 311_700],
}
CORRELATIONS = {  # of the normal scores
    ("energy", "loudness"): 0.65, ("energy", "acousticness"): -0.57,
    ("danceability", "valence"): 0.43, ("energy", "speechiness"): 0.30,
    ("loudness", "release_year"): 0.34, ("valence", "release_year"): -0.20,
    ("instrumentalness", "loudness"): -0.18, ("valence", "duration_ms"): -0.23,
    ("energy", "tempo"): 0.20, ("popularity", "energy"): 0.01,
    ("liveness", "danceability"): -0.15,
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return synthetic_spotify()


@pytest.fixture(scope="module")
def tracks(data):
    return data.tracks


def having(tracks, genre):
    return tracks[tracks["genres"].map(lambda genres: genre in genres)]


def test_counts_are_exact_and_nobody_takes_it_for_real(data, tracks):
    assert data.source == "synthetic"
    assert "invented tracks" in data.origin
    assert len(tracks) == 8600
    assert tracks["track_uri"].is_unique
    for column in ("track_name", "artist_name", "album_name"):
        assert tracks[column].str.startswith("Invented").all()
    assert tracks[list(FEATURES)].notna().all(axis=None)
    assert data.report["example"].str.startswith("synthetic_19").all()


@pytest.mark.parametrize("feature", QUANTILES)
def test_marginals_follow_the_real_tracks(tracks, feature):
    value = tracks[feature]
    if feature in ("popularity", "instrumentalness"):
        value = value[value > 0]

    # One standard error of a sample of 5,000 is .007; re-issues, which double some
    # tracks, and rounding add to it.
    below = [((value < q).mean() + (value <= q).mean()) / 2 for q in QUANTILES[feature]]

    np.testing.assert_allclose(below, [0.05, 0.25, 0.5, 0.75, 0.95], atol=0.02)


def test_zeros_and_discrete_features_follow_the_real_tracks(tracks):
    keys = tracks["key"].value_counts(normalize=True)
    shares = {
        0.412: (tracks["instrumentalness"] == 0).mean(),
        0.2404: (tracks["popularity"] == 0).mean(),
        0.954: (tracks["time_signature"] == 4).mean(),
        0.689: tracks["mode"].mean(),
        0.131: keys[0],
        0.031: keys[3],
        0.107: keys[7],
    }
    for real, share in shares.items():
        assert share == pytest.approx(real, abs=4 * (real * (1 - real) / 8600) ** 0.5)
    assert set(tracks["time_signature"]) == {1, 3, 4, 5}


def test_correlations_follow_the_real_tracks(tracks):
    columns = tracks[[*QUANTILES, "release_year"]].astype(float)
    scores = columns.apply(lambda x: norm.ppf((rankdata(x) - 0.5) / len(x)))

    correlation = scores.corr()

    found = {pair: correlation.loc[pair] for pair in CORRELATIONS}
    assert found == pytest.approx(CORRELATIONS, abs=0.06)


def test_features_depend_on_genre_and_decade(tracks):
    rap, classical, country = (
        having(tracks, g) for g in ("hip hop", "classical", "country")
    )
    assert rap["danceability"].mean() > tracks["danceability"].mean() + 0.05
    assert rap["speechiness"].median() > 1.3 * tracks["speechiness"].median()
    assert country["mode"].mean() > tracks["mode"].mean() + 0.08
    assert 30 < len(classical) < 200
    assert classical["instrumentalness"].median() > 0.3
    loudness = tracks["loudness"].groupby(tracks["release_year"] // 10 * 10).mean()
    assert set(loudness.index) == set(range(1950, 2021, 10))
    assert loudness[1970] + 1.5 < loudness[2000] < loudness[2010] + 0.5


def test_genres_and_artists_have_long_tails(tracks):
    genres = tracks["genres"].explode().value_counts()
    assert len(genres) > 120
    assert (genres > 23).sum() > 60
    assert (genres <= 5).sum() > 30
    artists = tracks["artist_name"].value_counts()
    assert 35 <= artists.max() <= 80
    assert (artists == 1).mean() > 0.5
    assert 0.12 < (tracks["artists"].map(len) > 1).mean() < 0.2
    assert tracks["artists"].explode().str.contains("[0-9], Sons & Daughters").any()


def test_names_collide_and_a_merge_on_them_multiplies_rows(data, tracks):
    assert tracks["track_name"].nunique() / len(tracks) == pytest.approx(0.84, abs=0.02)
    first, second = data.exports().values()
    shared = len(set(first["Track URI"]) & set(second["Track URI"]))
    names = ["Track Name", "Artist Name(s)", "Album Name"]
    assert len(first.merge(second, on=names)) > shared + 400


def test_the_blemishes_of_the_exports_are_reported(data, tracks):
    reasons = dict(zip(data.report["reason"], data.report["rows"], strict=True))
    assert reasons["audio features or popularity missing"] == 5
    assert reasons["Tempo is 0: Spotify's analysis failed"] == 2
    assert 60 <= reasons["the whole row stands in the file already"] <= 70
    assert reasons["popularity differs: that of 1960-now stays"] > 1500
    assert 0.9 < (tracks["in_1960"] & tracks["in_1950"]).mean() < 0.97
    assert set(tracks["release_precision"]) == {"day", "month", "year"}


def test_a_seed_decides_everything():
    one, same, other = (synthetic_spotify(seed, 500) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(one.tracks, same.tracks)
    pd.testing.assert_frame_equal(one.exports()["1960-now"], same.exports()["1960-now"])
    assert not one.tracks.equals(other.tracks)
    assert len(other.tracks) == 500


def test_impossible_sizes_are_refused():
    for n_tracks in (199, 300.5, "many"):
        with pytest.raises(ValueError, match="n_tracks: got"):
            synthetic_spotify(0, n_tracks)
