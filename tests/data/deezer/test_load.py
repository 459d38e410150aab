"""Loading Deezer's listens: from files, from some of them, or from a stand-in."""

import pandas as pd
import pytest

from rbm_lib.data import data_root, load_deezer, synthetic_deezer
from rbm_lib.data.deezer.files import oddities


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")


@pytest.fixture(scope="module")
def invented():
    return synthetic_deezer(3, 3000)


@pytest.fixture
def folder(tmp_path, invented):
    """A data folder with both files."""
    (tmp_path / "deezer").mkdir()
    invented.train.to_csv(tmp_path / "deezer" / "train.csv", index=False)
    invented.test.to_csv(tmp_path / "deezer" / "test.csv", index=False)
    return tmp_path


def test_files_are_read_as_the_rows_that_were_written(folder, invented, capfd):
    data = load_deezer(folder)

    pd.testing.assert_frame_equal(data.train, invented.train)
    pd.testing.assert_frame_equal(data.test, invented.test)
    assert data.flags["rows"].tolist() == invented.flags["rows"].tolist()
    assert (data.name, data.source, data.test_label) == ("dsg17", "real", None)
    assert data.origin == "Deezer DSG17, 3,000 real listens, files found in the data folder"
    assert capfd.readouterr() == (data.origin + "\n", "")


def test_the_first_rows_alone(folder, invented):
    data = load_deezer(folder, n_rows=7, verbose=False)

    pd.testing.assert_frame_equal(data.train, invented.train[:7])
    assert len(data.test) == len(invented.test)
    assert "the first 7 real listens" in data.origin
    assert "the first" not in load_deezer(folder, n_rows=3001, verbose=False).origin


def test_test_csv_may_be_missing_but_not_train_csv(folder):
    test = folder / "deezer" / "test.csv"
    content = test.read_bytes()
    test.unlink()
    data = load_deezer(folder, verbose=False)
    assert data.test is None
    assert data.origin.endswith("; test.csv is not there")

    test.write_bytes(content)
    (folder / "deezer" / "train.csv").unlink()
    with pytest.raises(ValueError, match="got test.csv alone"):
        load_deezer(folder)


def test_the_stand_in_has_the_size_asked_for(tmp_path):
    data = load_deezer(tmp_path, n_rows=2500, verbose=False)

    assert data.source == "synthetic"
    assert data.origin.startswith("Deezer's listens are not here (RBM_OFFLINE is set): ")
    pd.testing.assert_frame_equal(data.train, synthetic_deezer(0, 2500).train)
    with pytest.raises(ValueError, match="n_rows: got 2.5"):
        load_deezer(tmp_path, n_rows=2.5)


def test_the_real_file_has_the_known_shares():
    if not (data_root() / "deezer" / "train.csv").is_file():
        pytest.skip("Deezer's train.csv is not in the data folder")
    train = load_deezer(n_rows=1_000_000, verbose=False).train

    assert train["is_listened"].mean() == pytest.approx(0.684, abs=0.01)
    assert train["listen_type"].mean() == pytest.approx(0.307, abs=0.01)
    early = oddities(train)["heard before its release date"]
    assert early.mean() == pytest.approx(0.0045, abs=0.0005)
