"""The invented catalogue has the real one's marginals, correlations, collisions and blemishes."""

import csv

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

from rbm_lib.data import load_spotify, synthetic_spotify
from rbm_lib.data.spotify.files import COLUMNS, FILES
from rbm_lib.data.spotify.load import FEATURES
from rbm_lib.data.spotify.synthetic import raw_exports


@pytest.fixture(scope="module")
def data():
    return synthetic_spotify()


def test_counts_are_exact_and_nobody_takes_it_for_real(data):
    tracks = data.tracks
    assert data.source == "synthetic" and "synthetic" in data.origin and "\n" not in data.origin
    assert len(tracks) == 8600 and tracks.track_uri.is_unique and tracks.track_uri.is_monotonic_increasing
    assert tracks.track_name.str.startswith("Invented Song").all()
    assert tracks.artist_name.str.startswith("Invented Artist").all()
    assert tracks.album_name.str.startswith("Invented Album").all()
    assert tracks.track_uri.str.fullmatch("spotify:track:Invented[0-9]{14}").all()
    assert tracks[list(FEATURES)].notna().all(axis=None) and (tracks.tempo > 0).all()
    assert data.report.example.str.startswith("synthetic_19").all()


# Quantiles of the 8,572 real tracks at 5, 25, 50, 75 and 95 percent, where popularity and instrumentalness
# are not 0.
QUANTILES = {
    "danceability": [0.357, 0.518, 0.62, 0.712, 0.838], "energy": [0.335, 0.567, 0.714, 0.835, 0.941],
    "loudness": [-13.43, -8.76, -6.375, -4.81, -3.155],
    "speechiness": [0.0273, 0.0334, 0.0437, 0.0701, 0.206],
    "acousticness": [0.00085, 0.0176, 0.0902, 0.302, 0.755],
    "instrumentalness": [1.66e-6, 1.26e-5, 1.88e-4, 0.00534, 0.358],
    "liveness": [0.0533, 0.0899, 0.127, 0.243, 0.474], "valence": [0.176, 0.392, 0.588, 0.774, 0.947],
    "tempo": [81.3, 102.1, 120.3, 134.1, 173.1], "popularity": [2, 29, 50, 67, 81.5],
    "duration_ms": [150_200, 192_700, 219_600, 249_500, 311_700],
}  # fmt: skip
LOGARITHMIC = ("speechiness", "acousticness", "instrumentalness", "duration_ms")


@pytest.mark.parametrize("feature", QUANTILES)
def test_marginals_follow_the_real_tracks(data, feature):
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    value, want = data.tracks[feature], np.array(QUANTILES[feature])
    if feature in ("popularity", "instrumentalness"):
        value = value[value > 0]
    # How many lie below each real quantile. A sample of 5,000 would be off by .007 (one standard error);
    # the re-issues, which double some tracks, and rounding add to it.
    below = [((value < w).mean() + (value <= w).mean()) / 2 for w in want]
    np.testing.assert_allclose(below, levels, atol=0.02)


def test_zeros_and_discrete_features_follow_the_real_tracks(data):
    tracks, n = data.tracks, 8600
    for got, want in [
        ((tracks.instrumentalness == 0).mean(), 0.412), ((tracks.popularity == 0).mean(), 0.2404),
        ((tracks.time_signature == 4).mean(), 0.954), (tracks["mode"].mean(), 0.689),
        *zip(tracks.key.value_counts(normalize=True).sort_index(), [
            0.131, 0.092, 0.101, 0.031, 0.082, 0.089, 0.065, 0.107, 0.064, 0.1, 0.062, 0.077], strict=True),
    ]:  # fmt: skip
        assert got == pytest.approx(want, abs=4 * (want * (1 - want) / n) ** 0.5)  # four standard errors
    assert set(tracks.time_signature) == {1, 3, 4, 5}
    assert 0.02 < tracks.explicit.mean() < 0.08 and not tracks.explicit[tracks.release_year < 1990].any()


def test_correlations_follow_the_real_tracks(data):
    """Of the normal scores; the real ones to .01 for the pairs that matter."""
    tracks = data.tracks
    score = {f: norm.ppf((rankdata(tracks[f].astype(float)) - 0.5) / len(tracks)) for f in QUANTILES}
    score["year"] = norm.ppf((rankdata(tracks.release_year.astype(float)) - 0.5) / len(tracks))
    correlation = pd.DataFrame(score).corr()
    real = {
        ("energy", "loudness"): 0.65, ("energy", "acousticness"): -0.57, ("loudness", "acousticness"): -0.40,
        ("danceability", "valence"): 0.43, ("energy", "speechiness"): 0.30, ("energy", "valence"): 0.27,
        ("loudness", "year"): 0.34, ("valence", "year"): -0.20, ("instrumentalness", "year"): -0.18,
        ("instrumentalness", "loudness"): -0.18, ("valence", "duration_ms"): -0.23, ("energy", "tempo"): 0.20,
        ("popularity", "energy"): 0.01, ("popularity", "year"): 0.0, ("liveness", "danceability"): -0.15,
    }  # fmt: skip
    got = {pair: correlation.loc[pair] for pair in real}
    assert got == pytest.approx(real, abs=0.06)


def having(tracks, genre):
    return tracks[tracks.genres.map(lambda genres: genre in genres)]


def test_features_depend_on_genre_and_decade(data):
    tracks = data.tracks
    rap, classical, country = (having(tracks, genre) for genre in ("hip hop", "classical", "country"))
    assert rap.danceability.mean() > tracks.danceability.mean() + 0.05
    assert rap.speechiness.median() > 1.3 * tracks.speechiness.median()
    assert country["mode"].mean() > tracks["mode"].mean() + 0.08
    assert 30 < len(classical) < 200 and classical.instrumentalness.median() > 0.3
    assert classical.energy.median() < 0.4 < tracks.energy.median()
    decade = tracks.release_year // 10 * 10
    assert set(decade) == set(range(1950, 2021, 10))
    loudness = tracks.loudness.groupby(decade).mean()
    assert loudness[1970] + 1.5 < loudness[2000] < loudness[2010] + 0.5  # the loudness war
    assert having(tracks, "merseybeat").release_year.median() < 1990


def test_genres_and_artists_have_long_tails(data):
    genres, artists = data.tracks.genres.explode().value_counts(), data.tracks.artist_name.value_counts()
    assert len(genres) > 120 and (genres > 23).sum() > 60 and (genres <= 5).sum() > 30
    assert 0.02 < (data.tracks.genres.map(len) == 0).mean() < 0.09
    assert 35 <= (artists >= 16).sum() <= 75 and 35 <= artists.max() <= 80 and (artists == 1).mean() > 0.5
    several = data.tracks.artists.map(len) > 1
    assert 0.12 < several.mean() < 0.2
    assert data.tracks.artists.explode().str.contains("Artist [0-9]{4}, Sons & Daughters").any()


def test_names_collide_and_a_merge_on_them_multiplies_rows(data):
    tracks = data.tracks
    assert tracks.track_name.nunique() / len(tracks) == pytest.approx(0.84, abs=0.02)  # real: .839
    listed = tracks[tracks.duplicated(["track_name", "artist_name", "album_name"], keep=False)]
    assert 300 < len(listed) < 900 and listed.groupby("isrc").size().mean() > 1.5
    first, second = data.exports()["1960-now"], data.exports()["1950-now"]
    uris = len(set(first["Track URI"]) & set(second["Track URI"]))
    assert len(first.merge(second, on="Track Name")) > len(tracks) * 1.2
    assert len(first.merge(second, on=["Track Name", "Artist Name(s)", "Album Name"])) > uris + 400


def test_every_row_of_the_exports_is_accounted_for(data):
    counts = data.report.groupby("action").rows.sum()
    assert len(data.tracks) + counts["dropped"] + counts["merged"] == sum(map(len, data.exports().values()))
    reasons = dict(zip(data.report.reason, data.report.rows, strict=True))
    assert reasons["audio features or popularity missing"] == 5
    assert reasons["Tempo is 0: Spotify's analysis failed"] == 2
    assert 60 <= reasons["the whole row stands in the file already"] <= 70
    assert reasons["popularity differs: that of 1960-now stays"] > 1500
    assert 0.9 < (data.tracks.in_1960 & data.tracks.in_1950).mean() < 0.97
    assert set(data.tracks.release_precision) == {"day", "month", "year"}


def test_the_exports_written_to_files_are_read_as_the_same_catalogue(tmp_path):
    data = synthetic_spotify(3, 300)
    (tmp_path / "spotify").mkdir()
    for label, frame in data.exports().items():
        assert tuple(frame.columns) == COLUMNS and frame.index[0] == 2
        path = tmp_path / "spotify" / FILES[label]
        frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    again = load_spotify(tmp_path, verbose=False)
    pd.testing.assert_frame_equal(again.tracks, data.tracks)
    assert again.report.rows.tolist() == data.report.rows.tolist()
    for label, frame in again.exports().items():
        pd.testing.assert_frame_equal(frame, data.exports()[label], check_index_type=False)


def test_a_seed_decides_everything():
    one, same, other = synthetic_spotify(1, 500), synthetic_spotify(1, 500), synthetic_spotify(2, 500)
    pd.testing.assert_frame_equal(one.tracks, same.tracks)
    assert not one.tracks.equals(other.tracks) and len(other.tracks) == 500
    frame = one.exports()["1960-now"]
    frame.iloc[:] = ""  # a copy: the caller may do what they like with it
    pd.testing.assert_frame_equal(one.exports()["1960-now"], same.exports()["1960-now"])
    state = np.random.get_state()[1].copy()
    raw_exports(0, 200)
    assert np.array_equal(np.random.get_state()[1], state)  # the global generator is left alone


@pytest.mark.parametrize("n_tracks", [199, 0, -5, 300.5, "many", None])
def test_impossible_sizes_are_refused(n_tracks):
    with pytest.raises(ValueError, match="n_tracks is .* expected a whole number, 200 or more"):
        synthetic_spotify(0, n_tracks)
