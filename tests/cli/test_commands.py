"""The four commands on a CSV file and on a small stand-in."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from rbm_lib import RBM, load_model, save_model
from rbm_lib.cli.main import main
from rbm_lib.data import RatingMatrix
from rbm_lib.data.movielens import load
from rbm_lib.recommend.scoring import predict
from rbm_lib.recommend.splits import random_split
from rbm_lib.training import callbacks

QUICK = ["--epochs", 20, "--hidden", 4, "--batch-size", 5, "--lr", 0.1]
OPTIONS = {"two": [], "five": ["--levels", 5], "zero": ["--unrated", "zero"]}


def run(*arguments):
    return main([str(argument) for argument in arguments])


def printed(capsys, *arguments):
    """The JSON that a command prints."""
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def failure(capsys, *arguments):
    """The last line of a command that ends with status 1 and prints no result."""
    capsys.readouterr()
    assert run(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


@pytest.fixture(scope="module")
def table():
    """40 users with 18 ratings; users and items with odd ids go together, and even ones."""
    rng = np.random.default_rng(0)
    users = np.arange(40).repeat(18)
    items = np.concatenate([rng.permutation(30)[:18] for _ in range(40)])
    liked = (users % 2 == items % 2) == (rng.random(720) < 0.85)
    stars = np.where(liked, rng.integers(4, 6, 720), rng.integers(1, 4, 720))
    return pd.DataFrame({"user_id": users, "item_id": items, "rating": stars})


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    """ratings.csv, and models trained on it."""
    path = tmp_path_factory.mktemp("cli")
    table.to_csv(path / "ratings.csv", index=False)
    for name, options in OPTIONS.items():
        given = ["--ratings", path / "ratings.csv", *QUICK, *options]
        assert run("train", *given, "--output", path / f"{name}.pt") == 0
    return path


def test_a_stand_in_serves_every_command_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    monkeypatch.setenv("RBM_OFFLINE", "1")
    small = partial(load.synthetic_movielens, n_users=40, n_movies=60, n_ratings=900)
    monkeypatch.setattr(load, "synthetic_movielens", lambda seed, *_: small(seed))
    model = tmp_path / "m.pt"

    found = printed(capsys, "data")
    printed(capsys, "train", *QUICK, "--fold", 2, "--output", model)
    scores = printed(capsys, "evaluate", model, "--bootstrap", 20)
    best = printed(capsys, "recommend", model, "--user", 3, "-n", 2)

    assert (found["ratings"], found["users"]) == (900, 40)
    for origin in (found["origin"], scores["notes"][0], best["notes"][0]):
        assert "synthetic" in origin
    assert scores["notes"][1].startswith("180 ratings held out")
    assert all(", invented)" in row["title"] for row in best["rows"])
    assert "RBM_OFFLINE" in failure(capsys, "train", "--no-synthetic", "--output", model)


def test_interrupted_and_resumed_is_uninterrupted(folder, tmp_path, monkeypatch, capsys):
    files = ["--checkpoint", tmp_path / "state", "--output", tmp_path / "m.pt"]
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK, *files]
    whole = load_model(folder / "two.pt")
    epochs = iter(range(1, 100))

    def stop_in_epoch_3(*arguments, monitor=callbacks.monitor):
        if next(epochs) == 3:
            raise KeyboardInterrupt
        return monitor(*arguments)

    monkeypatch.setattr(callbacks, "monitor", stop_in_epoch_3)
    assert run(*given) == 130
    assert not torch.equal(load_model(tmp_path / "m.pt").W, whole.W)
    assert "state" in failure(capsys, *given)  # it exists, and --resume is not given
    assert run(*given, "--resume") == 0
    torch.testing.assert_close(
        load_model(tmp_path / "m.pt").state_dict(), whole.state_dict(), rtol=0, atol=0
    )


def test_what_cannot_be_trained_leaves_no_file_behind(folder, tmp_path, capsys):
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK, "--output"]
    new = tmp_path / "m.pt"

    assert "no saved model" in failure(capsys, *given, folder / "ratings.csv")
    assert "expected 2 or 5" in failure(capsys, *given, new, "--levels", 10)
    assert "--like-at-least: got 1" in failure(capsys, *given, new, "--like-at-least", 1)
    assert "not finite" in failure(capsys, *given, new, "--lr", "1e38")
    assert not new.exists()


@pytest.mark.parametrize("name", OPTIONS)
def test_held_out_ratings_are_scored_and_are_no_input(name, table, folder, capsys):
    levels = table["rating"] - 1
    whole = RatingMatrix(table["user_id"], table["item_id"], levels, n_levels=5)
    split = random_split(whole, 0.2, 0)
    users, items, held_out = split.held_out.triples()

    rows = printed(capsys, "evaluate", folder / f"{name}.pt", "--bootstrap", 20)["rows"]

    mean = {(row["model"], row["metric"]): row["mean"] for row in rows}
    assert mean["RBM", "NDCG@10"] > mean["popularity", "NDCG@10"]
    if name == "zero":
        assert {row["metric"] for row in rows} == {"NDCG@10", "Recall@20"}
        return
    given = split.train if name == "five" else split.train.binarize(3)
    p = predict(load_model(folder / f"{name}.pt"), given)[users, items]
    p_like = p[:, 3 if name == "five" else 1 :].sum(1)
    assert mean["RBM", "AUC"] == pytest.approx(roc_auc_score(held_out >= 3, p_like))
    assert mean["RBM", "log-loss"] == pytest.approx(log_loss(held_out >= 3, p_like))


@pytest.mark.parametrize("name", OPTIONS)
def test_recommend_for_a_user_and_for_a_new_person(name, table, folder, tmp_path, capsys):
    command = ["recommend", folder / f"{name}.pt"]
    own = table[table["user_id"] == 7]
    own.to_csv(tmp_path / "me.csv", index=False)
    own[:0].to_csv(tmp_path / "nobody.csv", index=False)

    rows = printed(capsys, *command, "--user", 7, "-n", 99)["rows"]
    same = printed(capsys, *command, "--ratings", tmp_path / "me.csv", "-n", 99)["rows"]
    cold = printed(capsys, *command, "--ratings", tmp_path / "nobody.csv", "-n", 99)["rows"]

    p_like = {row["item_id"]: row["p_like"] for row in rows}
    assert p_like.keys() == set(range(30)) - set(own["item_id"])
    assert [*p_like.values()] == sorted(p_like.values(), reverse=True)
    assert {row["item_id"]: row["p_like"] for row in same} == pytest.approx(p_like)
    assert {row["item_id"] for row in cold} == set(range(30))


def test_what_does_not_fit_is_named(table, tmp_path, capsys):
    model = tmp_path / "m.pt"
    ratings = tmp_path / "ratings.csv"
    save_model(RBM(3, 2), tmp_path / "plain.pt")
    table.to_csv(ratings, index=False)
    run("train", "--ratings", ratings, *QUICK, "--holdout", 0, "--output", model)

    assert "written by `train`" in failure(capsys, "evaluate", tmp_path / "plain.pt")
    assert "no held-out" in failure(capsys, "evaluate", model)
    assert "--user: got Ann" in failure(capsys, "recommend", model, "--user", "Ann")
    table[1:].to_csv(ratings, index=False)
    assert "other ratings" in failure(capsys, "recommend", model, "--user", 1)
