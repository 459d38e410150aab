"""Loading Spotify's tracks: from two files, from one, or from a stand-in."""

import csv

import pandas as pd
import pytest

from rbm_lib.data import data_root, load_spotify, synthetic_spotify
from rbm_lib.data.spotify import load as module
from rbm_lib.data.spotify.files import FILES
from rbm_lib.data.spotify.record import FEATURES

FIRST, SECOND = FILES.values()


@pytest.fixture(scope="module")
def invented():
    return synthetic_spotify(3, 300)


@pytest.fixture
def folder(tmp_path, invented):
    """A data folder with both files."""
    (tmp_path / "spotify").mkdir()
    for label, frame in invented.exports().items():
        path = tmp_path / "spotify" / FILES[label]
        frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    return tmp_path


def test_files_are_read_as_the_catalogue_that_was_written(folder, invented, capfd):
    data = load_spotify(folder)

    pd.testing.assert_frame_equal(data.tracks, invented.tracks)
    assert data.report["rows"].tolist() == invented.report["rows"].tolist()
    assert data.origin == "Spotify, 300 real tracks, files found in the data folder"
    assert capfd.readouterr() == (data.origin + "\n", "")


@pytest.mark.parametrize(("there", "lacks"), [(FIRST, "in_1950"), (SECOND, "in_1960")])
def test_one_file_alone_is_enough(folder, there, lacks):
    other = SECOND if there == FIRST else FIRST
    (folder / "spotify" / other).unlink()

    data = load_spotify(folder, verbose=False)

    assert data.origin.endswith(f"files found in the data folder; only {there} is there")
    assert not data.tracks[lacks].any()
    assert len(data.exports()) == 1


def test_a_stand_in_says_that_it_is_one(tmp_path, monkeypatch, invented):
    monkeypatch.setattr(module, "synthetic_spotify", lambda: invented)

    data = load_spotify(tmp_path, download=False, verbose=False)

    assert data.source == "synthetic"
    reason = "Spotify's tracks are not here (download=False): synthetic catalogue"
    assert data.origin.startswith(reason)


def test_the_real_files_have_the_known_shares():
    if not (data_root() / "spotify" / FIRST).is_file():
        pytest.skip("Spotify's files are not in the data folder")
    data = load_spotify(verbose=False)
    tracks = data.tracks

    assert len(tracks) > 8000
    assert tracks[list(FEATURES)].notna().all(axis=None)
    assert (tracks["instrumentalness"] == 0).mean() == pytest.approx(0.41, abs=0.02)
    assert (tracks["popularity"] == 0).mean() == pytest.approx(0.24, abs=0.02)
    gone = data.report[data.report["action"].isin(["dropped", "merged"])]["rows"].sum()
    assert len(tracks) + gone == sum(map(len, data.exports().values()))
