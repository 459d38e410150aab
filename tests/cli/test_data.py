"""The command `data`: a real set, or an error; a stand-in serves `train` by name."""

import shutil
from functools import partial

from rbm_lib.data.movielens import load
from tests.cli.support import failure, printed, run
from tests.data.movielens.support import FILES, encoded


def test_a_set_that_is_here_is_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    monkeypatch.setenv("RBM_OFFLINE", "1")
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    for file in FILES["100k"]:
        (folder / file).write_bytes(encoded("100k", file))

    found = printed(capsys, "data", "100k")

    assert found["folder"] == str(folder) and "real" in found["origin"]
    (folder / "u.data").write_text("1\t2\t9\t3\n")
    assert "u.data, line 1" in failure(capsys, "data", "100k")
    shutil.rmtree(folder)
    assert "RBM_OFFLINE" in failure(capsys, "data", "100k")


def test_a_stand_in_has_a_name_and_titles(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    monkeypatch.setenv("RBM_OFFLINE", "1")
    small = partial(load.synthetic_movielens, n_users=80, n_movies=60, n_ratings=1800)
    monkeypatch.setattr(load, "synthetic_movielens", lambda seed, *_: small(seed))
    model = tmp_path / "m.rbm"

    run("train", "100k", "--anyway", "-o", model)  # too small to learn much
    assert "synthetic" in capsys.readouterr().err
    rows = printed(capsys, "recommend", model, "--user", 3, "-n", 2)["rows"]

    assert all(", invented)" in row["title"] for row in rows)
