"""Training: what is saved, what is refused, and what is never overwritten."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from rbm_lib import RatingMatrix, Recommender
from rbm_lib.evaluate import random_split
from tests.cli.support import failure, make_table, noise_table, printed, run
from tests.support import ROOT


def test_a_trained_model_is_the_librarys(folder):
    model = Recommender.load(folder / "lists.rbm")

    ratings = RatingMatrix.from_csv(folder / "ratings.csv")
    same = Recommender("rank").fit(ratings)
    assert model.ratings_.fingerprint() == ratings.fingerprint()
    pd.testing.assert_frame_equal(model.recommend(3, n=5), same.recommend(3, n=5))
    assert model.titles[2] == "Alien (1979)"


def test_what_was_read_and_what_the_model_is_worth(folder, tmp_path, capsys):
    output = tmp_path / "new" / "m.rbm"

    found = printed(capsys, "train", folder / "ratings.csv", "-o", output)

    assert (found["people"], found["items"], found["ratings"]) == (80, 40, 1920)
    assert found["scale"] == [1, 2, 3, 4, 5] and found["like_at_least"] == 4
    assert found["learned"] is True and found["saved"] == str(output)
    rows = {(row["metric"], row["model"]): row for row in found["rows"]}
    assert rows["NDCG@10", "RBM"]["mean"] > rows["NDCG@10", "popularity"]["mean"]
    assert rows["NDCG@10", "popularity"]["ahead_low"] > 0


@pytest.mark.parametrize("task", ["rank", "rate"])
def test_a_model_that_learned_nothing_is_not_saved(task, tmp_path, capsys):
    noise_table().to_csv(tmp_path / "noise.csv", index=False)
    output = tmp_path / "m.rbm"
    given = ["train", tmp_path / "noise.csv", "--task", task, "-o", output]

    assert run(*given) == 1

    err = capsys.readouterr().err
    assert "is not clearly better than" in err and "nothing was saved" in err
    assert not output.exists()
    assert run(*given, "--anyway") == 1
    assert Recommender.load(output).task == task


def test_what_cannot_be_trained_leaves_files_as_they_were(folder, tmp_path, capsys):
    ratings = folder / "ratings.csv"
    before = ratings.read_bytes()

    assert "no saved model" in failure(capsys, "train", ratings, "-o", ratings)
    assert "no saved model" in failure(capsys, "train", ratings, "-o", tmp_path)
    too_high = ["train", ratings, "--like-at-least", 6, "-o", tmp_path / "m.rbm"]
    assert "--like-at-least: got 6" in failure(capsys, *too_high)
    few = tmp_path / "few.csv"
    few.write_text("user,item\na,x\nb,y\n")
    assert "too few likes" in failure(capsys, "train", few, "-o", tmp_path / "m.rbm")
    few.write_text("user,item,rating\na,x,1\na,y,2\na,z,3\n")
    assert "none that is a like" in failure(capsys, "train", few, "-o", tmp_path / "m.rbm")
    assert ratings.read_bytes() == before and not (tmp_path / "m.rbm").exists()


def test_tuned_settings_are_those_of_the_final_model(folder, tmp_path, capsys, monkeypatch):
    def choose(model, ratings, **options):
        assert ratings.n_ratings < 1600, "it does not see what is held out"
        return model.set_params(n_hidden=7, weight_decay=0.02), None

    monkeypatch.setattr("rbm_lib.cli.train.tune", choose)
    run("train", folder / "ratings.csv", "--tune", "-o", tmp_path / "m.rbm")

    assert "chosen: n_hidden 7, weight_decay 0.02\n" in capsys.readouterr().err
    settings = Recommender.load(tmp_path / "m.rbm").settings_
    assert (settings["n_hidden"], settings["weight_decay"]) == (7, 0.02)


def test_evaluate_compares_with_strong_methods(folder, capsys):
    found = printed(capsys, "evaluate", folder / "ratings.csv")

    models = {row["model"] for row in found["rows"]}
    assert models == {"RBM", "popularity", "ItemKNN", "EASE", "iALS"}


def test_evaluate_lists_nothing_that_somebody_has_rated_and_did_not_like(tmp_path, capsys):
    """Everybody rates ten items and likes the even or the odd ones; two are held out."""
    who, item = np.arange(40).repeat(10), np.tile(np.arange(10), 40)
    stars = np.where(who % 2 == item % 2, 5, 1)
    table = pd.DataFrame({"user": who, "item": item, "rating": stars})
    table.to_csv(tmp_path / "r.csv", index=False)

    found = printed(capsys, "evaluate", tmp_path / "r.csv")

    # Two items are left for each list. A like in the second place has an NDCG of .63.
    means = [row["mean"] for row in found["rows"] if row["metric"] == "NDCG@10"]
    assert len(means) == 5 and min(means) >= 0.63


def test_evaluate_measures_the_model_of_stars_that_train_saves(folder, capsys):
    given = [folder / "ratings.csv", "--task", "rate", "--like-at-least", 5]

    found = printed(capsys, "evaluate", *given)

    ratings = RatingMatrix.from_csv(folder / "ratings.csv")
    split = random_split(ratings, 0.2, 0)
    model = Recommender("rate", like_at_least=5).fit(split.train)
    predicted = model.predict(split.held_out.to_frame())["rating"]
    error = predicted - split.held_out.to_frame()["rating"]
    own = {row["metric"]: row["mean"] for row in found["rows"] if row["model"] == "RBM"}
    assert list(own) == ["AUC", "log-loss", "RMSE", "MAE"]
    assert own["RMSE"] == pytest.approx(np.sqrt((error**2).mean()))
    assert own["MAE"] == pytest.approx(error.abs().mean())


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_keeps_the_model_that_was_there(folder, lists, tmp_path):
    make_table(n_people=2000, n_films=300, n_each=100).to_csv(
        tmp_path / "r.csv", index=False
    )
    output = tmp_path / "m.rbm"
    output.write_bytes(lists.read_bytes())
    command = [sys.executable, "-m", "rbm_lib", "train", "r.csv", "-o", "m.rbm"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    assert process.stderr is not None
    while "training" not in process.stderr.readline():
        pass

    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("interrupted") and "Traceback" not in err
    assert output.read_bytes() == lists.read_bytes()
