"""Models that several test files ask."""

import pytest

from tests.cli.support import make_table, run, write_titles


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """ratings.csv and films.csv, and a model of each task trained on them."""
    path = tmp_path_factory.mktemp("cli")
    make_table().to_csv(path / "ratings.csv", index=False)
    write_titles(path / "films.csv")
    given = [path / "ratings.csv", "--titles", path / "films.csv"]
    assert run("train", *given, "-o", path / "lists.rbm") == 0
    assert run("train", *given, "--task", "rate", "-o", path / "stars.rbm") == 0
    return path


@pytest.fixture
def lists(folder):
    return folder / "lists.rbm"


@pytest.fixture
def stars(folder):
    return folder / "stars.rbm"
