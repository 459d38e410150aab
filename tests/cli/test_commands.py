"""The four commands on a CSV file and on a small stand-in."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from rbm_lib import RBM, load_model, save_model
from rbm_lib.data import RatingMatrix
from rbm_lib.data.movielens import load
from rbm_lib.recommend.scoring import predict
from rbm_lib.recommend.splits import random_split
from rbm_lib.training import callbacks
from tests.cli.support import (
    ITEMS,
    QUICK,
    failure,
    printed,
    read_triples,
    run,
    write,
    write_ratings,
)

OPTIONS = {
    "two": [],
    "five": ["--levels", 5],
    "zero": ["--unrated", "zero"],
    "everything": ["--holdout", 0],
}
MODELS = ["two", "five", "zero"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """ratings.csv, and models trained on it."""
    path = tmp_path_factory.mktemp("cli")
    ratings = write_ratings(path / "ratings.csv")
    for name, options in OPTIONS.items():
        given = ["--ratings", ratings, *QUICK, *options, "--output", path / f"{name}.pt"]
        assert run("train", *given) == 0
    return path


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """No data, no network, and a stand-in for MovieLens that is made at once."""
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    monkeypatch.setenv("RBM_OFFLINE", "1")
    small = partial(load.synthetic_movielens, n_users=40, n_movies=60, n_ratings=900)
    monkeypatch.setattr(load, "synthetic_movielens", lambda seed, *_: small(seed))


def split_by_hand(folder):
    """The split of the models, made from the file without the command line."""
    users, items, stars = read_triples(folder / "ratings.csv")
    return random_split(RatingMatrix(users, items, np.array(stars) - 1, n_levels=5), 0.2, 0)


def test_the_stand_in_says_what_it_is_and_serves_every_command(stand_in, tmp_path, capsys):
    model = tmp_path / "m.pt"

    found = printed(capsys, "data")
    printed(capsys, "train", *QUICK, "--fold", 2, "--output", model)
    table = printed(capsys, "evaluate", model, "--bootstrap", 20)
    best = printed(capsys, "recommend", model, "--user", 3, "-n", 2)

    assert (found["ratings"], found["users"]) == (900, 40)
    for origin in (found["origin"], table["notes"][0], best["notes"][0]):
        assert "synthetic" in origin
    assert table["notes"][1].startswith("180 ratings held out")
    assert all("Invented Film" in row["title"] for row in best["rows"])
    assert "RBM_OFFLINE" in failure(capsys, "data", "--no-synthetic")
    assert "RBM_OFFLINE" in failure(capsys, "train", "--no-synthetic", "--output", model)


def test_interrupted_and_resumed_is_uninterrupted(folder, tmp_path, monkeypatch, capsys):
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK]
    files = ["--checkpoint", tmp_path / "state", "--output", tmp_path / "m.pt"]
    whole = load_model(folder / "two.pt")
    n_calls = 0

    def stop_in_epoch_3(*arguments, monitor=callbacks.monitor):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt
        return monitor(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "monitor", stop_in_epoch_3)
        assert run(*given, *files) == 130
    assert not torch.equal(load_model(tmp_path / "m.pt").W, whole.W)
    assert "state" in failure(
        capsys, *given, *files
    )  # it exists, and --resume is not given
    assert run(*given, *files, "--resume") == 0
    resumed = load_model(tmp_path / "m.pt")
    for name, p in whole.named_parameters():
        assert torch.equal(p, resumed.get_parameter(name))


def test_what_cannot_be_trained_leaves_no_file_behind(folder, tmp_path, capsys):
    precious = write(tmp_path / "precious.csv", "1,2,3\n")
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK, "--output"]
    new = tmp_path / "m.pt"

    assert "no saved model" in failure(capsys, *given, precious)
    assert "expected 2 or 5" in failure(capsys, *given, new, "--levels", 10)
    assert "--like-at-least: got 1" in failure(capsys, *given, new, "--like-at-least", 1)
    assert "not finite" in failure(capsys, *given, new, "--lr", "1e38")
    assert precious.read_text() == "1,2,3\n"
    assert not new.exists()


@pytest.mark.parametrize("name", ["two", "five"])
def test_held_out_ratings_are_scored_and_are_no_input(name, folder, capsys):
    split = split_by_hand(folder)
    rows = split.train.binarize(3) if name == "two" else split.train
    users, items, levels = split.held_out.triples()
    p = predict(load_model(folder / f"{name}.pt"), rows)[users, items]
    like = p[:, 1 if name == "two" else 3 :].sum(1).numpy()

    table = printed(capsys, "evaluate", folder / f"{name}.pt", "--bootstrap", 20)["rows"]

    mean = {(row["model"], row["metric"]): row["mean"] for row in table}
    assert mean["RBM", "AUC"] == pytest.approx(roc_auc_score(levels >= 3, like), abs=1e-6)
    assert mean["RBM", "log-loss"] == pytest.approx(log_loss(levels >= 3, like), abs=1e-5)
    assert mean["RBM", "AUC"] > mean["user + item bias", "AUC"] + 0.1
    assert ("popularity", "AUC") not in mean
    assert all(row["low"] <= row["mean"] <= row["high"] for row in table)


def test_a_model_of_rankings_is_scored_by_rankings(folder, capsys):
    table = printed(capsys, "evaluate", folder / "zero.pt", "--bootstrap", 20)["rows"]

    assert {row["metric"] for row in table} == {"NDCG@10", "Recall@20"}


@pytest.mark.parametrize("name", MODELS)
def test_a_user_gets_every_unrated_item_best_first(name, folder, capsys):
    users, items, _ = read_triples(folder / "ratings.csv")
    rated = {item for user, item in zip(users, items, strict=True) if user == 7}

    rows = printed(capsys, "recommend", folder / f"{name}.pt", "--user", 7, "-n", 99)[
        "rows"
    ]

    likes = {row["item_id"]: row["p_like"] for row in rows}
    assert likes.keys() == set(ITEMS) - rated
    assert [*likes.values()] == sorted(likes.values(), reverse=True)
    odd, even = ([p for item, p in likes.items() if item % 2 == r] for r in (1, 0))
    assert np.mean(odd) > np.mean(even)  # as user 7 likes the odd ones


@pytest.mark.parametrize("name", MODELS)
def test_a_new_person_with_a_users_ratings_gets_the_users_list(
    name, folder, tmp_path, capsys
):
    triples = zip(*read_triples(folder / "ratings.csv"), strict=True)
    lines = [f"{item},{stars}" for user, item, stars in triples if user == 7]
    me = write(tmp_path / "me.csv", "\n".join(["item_id,rating", *lines]))
    nobody = write(tmp_path / "nobody.csv", "item_id,rating\n")
    model = folder / f"{name}.pt"

    known = printed(capsys, "recommend", model, "--user", 7)["rows"]
    new = printed(capsys, "recommend", model, "--ratings", me)["rows"]
    cold = printed(capsys, "recommend", model, "--ratings", nobody, "-n", 30)["rows"]

    assert [row["item_id"] for row in new] == [row["item_id"] for row in known]
    expected = pytest.approx([row["p_like"] for row in known], abs=1e-6)
    assert [row["p_like"] for row in new] == expected
    assert {row["item_id"] for row in cold} == set(ITEMS)


def test_what_a_model_file_does_not_fit_is_named(folder, tmp_path, capsys):
    cut = tmp_path / "cut.pt"
    cut.write_bytes((folder / "two.pt").read_bytes()[:500])
    save_model(RBM(3, 2), tmp_path / "plain.pt")
    ratings = write_ratings(tmp_path / "r.csv")
    run("train", "--ratings", ratings, *QUICK, "--output", tmp_path / "m.pt")
    write(ratings, ratings.read_text().replace(",5\n", ",4\n", 1))

    assert "cut.pt" in failure(capsys, "evaluate", cut)
    assert "gone.pt" in failure(capsys, "evaluate", tmp_path / "gone.pt")
    assert "written by `train`" in failure(capsys, "evaluate", tmp_path / "plain.pt")
    assert "other ratings" in failure(capsys, "recommend", tmp_path / "m.pt", "--user", 1)
    assert "no held-out" in failure(capsys, "evaluate", folder / "everything.pt")
    for user in (99, "Ann"):
        message = failure(capsys, "recommend", folder / "two.pt", "--user", user)
        assert f"--user: got {user}, expected one of 40 users" in message
