"""The commands data, train, evaluate and recommend: results, files, exit statuses, what bad input is told."""

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from rbm_lib import RBM, load_model, save_model
from rbm_lib.cli import commands
from rbm_lib.cli import dataset as sources
from rbm_lib.cli.main import main, parser
from rbm_lib.data import RatingMatrix
from rbm_lib.data.movielens import synthetic
from rbm_lib.recommend.evaluate import assert_no_leak, random_split, ranking_metrics
from rbm_lib.recommend.scoring import predict
from rbm_lib.training import fit as training
from rbm_lib.training.checkpoint import read_checkpoint

DOCS = Path(__file__).resolve().parents[2] / "docs" / "command_line.md"
QUICK = ["--epochs", "20", "--hidden", "4", "--batch-size", "5", "--lr", "0.1", "--weight-std", "0.1"]


def run(*arguments):
    return main([str(a) for a in arguments])


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """ratings.csv: two kinds of people who like two halves of the items; titles.csv; and trained machines."""
    place = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    lines = ["user_id,item_id,rating,timestamp"]
    for user in range(1, 41):
        for item in rng.permutation(30)[:18]:
            liked = (user % 2 == item % 2) == (rng.random() < 0.85)
            lines.append(f"{user},{item + 100},{rng.integers(4, 6) if liked else rng.integers(1, 4)},0")
    write(place / "ratings.csv", "\n".join(lines) + "\n")
    titles = "".join(f'{i},"Film {i}, the"\n' for i in range(100, 130))
    write(place / "titles.csv", "item_id,title\n" + titles)
    given = ["--ratings", place / "ratings.csv", "--titles", place / "titles.csv", *QUICK]
    kinds = {
        "two": [], "five": ["--levels", 5], "items": ["--rows", "items"], "all": ["--holdout", 0],
        "zero": ["--unrated", "zero"],
    }  # fmt: skip
    for name, options in kinds.items():
        assert run("train", *given, *options, "--output", place / f"{name}.pt") == 0
    return place


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """No data, no network, and a stand-in for MovieLens that is made at once."""
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    monkeypatch.setenv("RBM_OFFLINE", "1")
    small = partial(synthetic.synthetic_movielens, n_users=40, n_movies=60, n_ratings=900)
    monkeypatch.setattr(synthetic, "synthetic_movielens", lambda seed=0, *size: small(seed))


def ratings_in(folder):
    with open(folder / "ratings.csv", encoding="utf-8") as file:
        return [(int(r["user_id"]), int(r["item_id"]), float(r["rating"])) for r in csv.DictReader(file)]


def split_by_hand(folder):
    """The 80/20 split that the machines were trained with, made from the file without rbm_lib.cli.dataset."""
    users, items, stars = zip(*ratings_in(folder), strict=True)
    return random_split(RatingMatrix(users, items, [int(s) - 1 for s in stars], n_levels=5), 0.2, 0)


def fails(capsys, *arguments):
    """The one line on standard error of a command that ends with status 1 and prints no result."""
    capsys.readouterr()
    assert run(*arguments) == 1
    out, err = capsys.readouterr()
    last = err.strip().split("\n")[-1]
    assert out == "" and last.startswith(f"rbm_lib {arguments[0]}: ") and "Traceback" not in err
    return last


# ---- data -------------------------------------------------------------------------------------------------


def test_data_counts_and_says_that_it_is_synthetic(stand_in, capsys):
    assert run("data") == 0
    out = capsys.readouterr().out
    assert "synthetic stand-in" in out and re.search(r"^ratings +900$", out, re.M)
    assert run("data", "1m", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert [record[name] for name in ("source", "ratings", "users", "movies")] == ["synthetic", 900, 40, 60]


def test_data_without_the_real_files(stand_in, capsys):
    assert "RBM_OFFLINE is set" in fails(capsys, "data", "100k", "--no-synthetic")
    assert "RBM_OFFLINE is set" in fails(capsys, "train", "--no-synthetic")


# ---- train ------------------------------------------------------------------------------------------------


def test_train_prints_the_last_monitors_and_saves_what_recommend_needs(folder, tmp_path, capsys):
    given = ["--ratings", folder / "ratings.csv", *QUICK, "--output", tmp_path / "new" / "m.pt"]
    assert run("train", *given, "--json") == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    n = len(ratings_in(folder))
    split = split_by_hand(folder)
    assert record["epoch"] == 20 and record["ratings for training"] == split.train.n_ratings
    assert record["ratings held out"] == n - split.train.n_ratings == 4 * 40
    assert f"{n} ratings" in err and "epoch" not in err  # no progress bar where there is no terminal
    about = read_checkpoint(tmp_path / "new" / "m.pt")[0]["settings"]
    assert about["item_ids"] == list(range(100, 130)) and about["like_at_least"] == 4
    assert about["training"]["epochs"] == 20 and (about["fold"], about["holdout"]) == (None, 0.2)
    machine = load_model(tmp_path / "new" / "m.pt")
    assert (machine.n_visible, machine.n_hidden, machine.n_levels) == (30, 4, 2)
    assert run("train", *given, "--progress") == 0
    assert re.search(r"0/20 .*epoch", capsys.readouterr().err)


def test_train_is_fit_with_these_options(folder, tmp_path):
    """Every option reaches the machine: the same as a direct call."""
    options = [
        "--method", "pcd", "--k", 2, "--epochs", 3, "--batch-size", 7, "--lr", 0.02, "--constant-lr",
        "--momentum", 0.5, "--weight-decay", 0.05, "--decay-toward", "item_mean", "--seed", 5, "--hidden", 3,
        "--weight-std", 0.2, "--like-at-least", 3, "--split-seed", 2, "--holdout", 0.5, "--device", "cpu",
    ]  # fmt: skip
    out = tmp_path / "m.pt"
    assert run("train", "--ratings", folder / "ratings.csv", *options, "--output", out) == 0
    users, items, stars = zip(*ratings_in(folder), strict=True)
    everything = RatingMatrix(users, items, [int(s) - 1 for s in stars], n_levels=5)
    rows = random_split(everything, 0.5, 2).train.binarize(2)
    model = RBM(30, 3, "categorical", 2, weight_std=0.2, seed=5)
    v, observed = rows.batch(slice(None))
    model.initialize_from(torch.nn.functional.one_hot(v.long(), 2).float(), observed)
    training.fit(
        model, rows, method="pcd", k=2, epochs=3, batch_size=7, lr=0.02, weight_decay=0.05, device="cpu",
        decay_toward="item_mean", generator=torch.Generator().manual_seed(5), progress=False,
        optimizer=partial(torch.optim.SGD, momentum=0.5),
    )  # fmt: skip
    saved = load_model(out)
    assert all(torch.equal(p, saved.get_parameter(name)) for name, p in model.named_parameters())


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_interrupted_and_resumed_equals_uninterrupted(method, folder, tmp_path, monkeypatch, capsys):
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK, "--epochs", 5, "--method", method]
    assert run(*given, "--output", tmp_path / "whole.pt") == 0
    state = ["--checkpoint", tmp_path / "state", "--output", tmp_path / "m.pt"]
    calls, monitor = [], training.monitor

    def stop_in_epoch_3(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return monitor(*arguments)

    monkeypatch.setattr(training, "monitor", stop_in_epoch_3)
    capsys.readouterr()
    assert run(*given, *state) == 130
    assert "interrupted after epoch 2" in capsys.readouterr().err
    monkeypatch.undo()
    whole, part = load_model(tmp_path / "whole.pt"), load_model(tmp_path / "m.pt")
    assert not torch.equal(part.W, whole.W)

    message = fails(capsys, *given, *state)
    assert "state exists" in message and "resume" in message
    assert "n_hidden" in fails(capsys, *given, *state, "--resume", "--hidden", 9)
    assert "data" in fails(capsys, *given, *state, "--resume", "--split-seed", 1)
    assert run(*given, *state, "--resume") == 0
    resumed = load_model(tmp_path / "m.pt")
    assert all(torch.equal(p, resumed.get_parameter(name)) for name, p in whole.named_parameters())


def test_an_interrupt_before_the_training_is_no_traceback(folder, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sources, "load_source", interrupt)
    assert run("evaluate", folder / "two.pt") == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_an_older_machine_is_replaced_and_nothing_else(folder, tmp_path, capsys):
    out = tmp_path / "precious.csv"
    out.write_text("user_id,item_id,rating\n1,2,3\n")
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK]
    assert "no saved machine" in fails(capsys, *given, "--output", out)
    assert "two" in fails(capsys, *given, "--output", tmp_path / "m", "--checkpoint", tmp_path / "m")
    assert "no saved machine" in fails(capsys, *given, "--output", tmp_path)
    assert out.read_text().endswith("1,2,3\n") and not (tmp_path / "m").exists()
    for _ in range(2):
        assert run(*given, "--output", tmp_path / "m.pt") == 0


def test_diverged_training_says_so_and_saves_nothing(folder, tmp_path, capsys):
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK, "--output", tmp_path / "m.pt"]
    assert "stopped being finite" in fails(capsys, *given, "--lr", "1e38")
    assert not (tmp_path / "m.pt").exists()


BAD_FILES = {
    "user_id,item_id,rating\n1,2,3\n1,3,7\n": "line 3: rating '7' is none of 0.5, 1",
    "user_id,item_id,rating\n1,2,x\n": "line 2: rating 'x'",
    "user_id,item_id,rating\n1,2,nan\n": "line 2: rating 'nan'",
    "user_id,item_id,rating\n1,2,3\n4,2,3\n\n1,2,4\n": "line 5: user_id 1, item_id 2 was rated in line 2",
    "user_id,item_id,rating\n1,2,3\n,2,3\n": "line 3: user_id is empty",
    "user_id,item_id,rating\n1,2\n": "line 2: 2 fields, expected 3",
    'user_id,item_id,rating\n1,"2,3\n': "line 2: unexpected end of data",
    "1,2,3\n1,3,3\n": "line 1: the columns are ['1', '2', '3'], expected user_id, item_id, rating",
    "": "line 1: the columns are []",
    "user_id,item_id,rating\n": "holds no ratings",
    b"user_id,item_id,rating\n1,2,3\n\xff\xfe,2,3\n": "line 3: byte 0xff is not UTF-8 text",
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.items(), ids=range(len(BAD_FILES)))
def test_bad_ratings_are_named_with_their_line(text, message, tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = ["train", "--ratings", path, *QUICK, "--output", tmp_path / "m.pt"]
    assert f"{path}" in (told := fails(capsys, *given)) and message in told
    assert not (tmp_path / "m.pt").exists()


def test_missing_files_and_impossible_options(folder, tmp_path, capsys):
    good = ["train", "--ratings", folder / "ratings.csv", *QUICK, "--output", tmp_path / "m.pt"]
    assert "nowhere.csv" in fails(capsys, "train", "--ratings", tmp_path / "nowhere.csv")
    assert "nowhere.csv" in fails(capsys, *good, "--titles", tmp_path / "nowhere.csv")
    assert "got 10, expected 2 or, for these ratings, 5" in fails(capsys, *good, "--levels", 10)
    assert "more than 1, at most 5" in fails(capsys, *good, "--like-at-least", 1)
    assert "cannot be used here" in fails(capsys, *good, "--device", "nonsense")


@pytest.mark.parametrize(
    "line",
    [
        "", "fly", "train --hidden 0", "train --hidden 2.5", "train --lr -1", "train --momentum 1",
        "train --lr nan", "train --fold 6", "train --fold 1 --holdout 0.2", "train --holdout 1",
        "train --data 1m --fold 1", "train --ratings f.csv --fold 1", "train --data 1m --ratings f.csv",
        "train --titles t.csv",
        "train --resume", "train --unrated zero --levels 5", "train --rows people", "data 10m", "evaluate",
        "evaluate m.pt --json --csv", "recommend m.pt", "recommend m.pt --user 1 --ratings f.csv",
        "recommend m.pt --user 1 -n 0",
    ],
)  # fmt: skip
def test_wrong_usage_is_status_2(line, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and "usage:" in err


def test_help_states_every_option_and_its_default():
    commands_of = parser()._subparsers._group_actions[0].choices
    assert set(commands_of) == {"data", "train", "evaluate", "recommend"}
    for command in commands_of.values():
        for action in command._actions:
            assert action.help and (
                "(default" in action.help or action.dest in ("help", "model", "user")
                or (command.prog.endswith("recommend") and action.dest == "ratings")
            ), action  # fmt: skip
        assert command.format_help().isascii()  # whatever the terminal can show


# ---- evaluate ---------------------------------------------------------------------------------------------


def table(capsys, *arguments):
    capsys.readouterr()
    assert run("evaluate", *arguments, "--bootstrap", 20, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    return {(row["model"], row["metric"]): row for row in rows}


def test_evaluate_scores_the_held_out_ratings_of_the_training_split(folder, capsys):
    from sklearn.metrics import log_loss, roc_auc_score

    split = split_by_hand(folder)
    rows, columns = split.held_out.csr.nonzero()
    label = split.held_out.csr[rows, columns] >= 4  # stored: level + 1, the number of stars
    prob = predict(load_model(folder / "two.pt"), split.train.binarize(3))[rows, columns, 1].numpy()
    of = table(capsys, folder / "two.pt")
    assert of["RBM", "AUC"]["mean"] == pytest.approx(roc_auc_score(label, prob), abs=1e-9)
    assert of["RBM", "log-loss"]["mean"] == pytest.approx(log_loss(label, prob), abs=1e-6)
    assert of["RBM", "AUC"]["n"] == len(rows) and ("RBM", "RMSE") not in of
    assert of["global rate", "AUC"]["mean"] == 0.5
    assert of["RBM", "AUC"]["mean"] > of["user + item bias", "AUC"]["mean"] + 0.1  # taste, which biases lack
    for name in ("RBM", "item mean", "user + item bias", "popularity"):
        row = of[name, "NDCG@10"]
        assert row["low"] <= row["mean"] <= row["high"] and 30 < row["n"] <= 40
    assert ("popularity", "AUC") not in of
    counts = np.asarray((split.train.csr >= 4).sum(0)).ravel()
    popular = np.tile(counts, (40, 1))
    popular = ranking_metrics(popular, split.held_out.csr >= 4, split.train, 10, n_bootstrap=1)
    assert of["popularity", "NDCG@10"]["mean"] == pytest.approx(popular["mean"][0])


def test_evaluate_five_levels_rows_of_items_and_rankers(folder, capsys):
    split = split_by_hand(folder)
    rows, columns = split.held_out.csr.nonzero()
    stars = split.held_out.csr[rows, columns].astype(float)
    expected = predict(load_model(folder / "five.pt"), split.train) @ torch.arange(1.0, 6.0)
    of = table(capsys, folder / "five.pt")
    rmse = np.sqrt(np.mean((expected[rows, columns].numpy() - stars) ** 2))
    assert of["RBM", "RMSE"]["mean"] == pytest.approx(rmse, abs=1e-5)
    rmse = np.sqrt(np.mean((split.train.csr.data.mean() - stars) ** 2))
    assert of["global rate", "RMSE"]["mean"] == pytest.approx(rmse, abs=1e-9)
    assert table(capsys, folder / "items.pt")["RBM", "AUC"]["mean"] > 0.65
    of = table(capsys, folder / "zero.pt")
    assert {metric for _, metric in of} == {"NDCG@10", "Recall@20"}
    assert of["RBM", "NDCG@10"]["mean"] > of["popularity", "NDCG@10"]["mean"] + 0.05


@pytest.mark.parametrize("name", ["two", "five", "items", "zero"])
def test_no_held_out_rating_is_input(name, folder, monkeypatch, capsys):
    seen = []

    def spy(model, rows, *rest):
        seen.append(rows)
        return predict(model, rows, *rest)

    monkeypatch.setattr(commands, "predict", spy)
    table(capsys, folder / f"{name}.pt")
    held_out = split_by_hand(folder).held_out
    (rows,) = seen
    observed = rows != 0 if name == "zero" else rows
    assert_no_leak(observed, held_out.T if name == "items" else held_out)
    with pytest.raises(ValueError, match="held-out"):  # the guard itself would have seen it
        assert_no_leak(held_out, held_out)


def test_other_ratings_than_those_of_the_training_are_refused(folder, tmp_path, capsys):
    text = (folder / "ratings.csv").read_text()
    moved = write(tmp_path / "moved.csv", text)
    same = table(capsys, folder / "two.pt", "--trained-on", moved)
    assert same == table(capsys, folder / "two.pt")
    lines = text.splitlines()
    lines[5] = lines[5][:-3] + ("1" if lines[5][-3] == "5" else "5") + ",0"
    changed = write(tmp_path / "changed.csv", "\n".join(lines))
    message = "are not those the model was trained with"
    assert message in fails(capsys, "evaluate", folder / "two.pt", "--trained-on", changed)
    assert message in fails(capsys, "recommend", folder / "two.pt", "--user", 1, "--trained-on", changed)
    gone = ["evaluate", folder / "two.pt", "--trained-on", tmp_path / "gone.csv"]
    assert "gone.csv: no such file" in fails(capsys, *gone)
    assert "nothing was held out" in fails(capsys, "evaluate", folder / "all.pt")


def test_movielens_folds_and_a_stand_in_that_has_changed(stand_in, tmp_path, monkeypatch, capsys):
    out = tmp_path / "m.pt"
    assert run("train", "--fold", 2, *QUICK, "--output", out) == 0
    assert "synthetic" in capsys.readouterr().out
    of = table(capsys, out)
    assert of["RBM", "AUC"]["n"] == 180  # a fifth
    assert run("evaluate", out, "--csv", "--bootstrap", 20) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(r["mean"]) for r in rows] == [row["mean"] for row in of.values()]
    assert run("evaluate", out, "--bootstrap", 20) == 0
    text = capsys.readouterr().out
    assert "synthetic" in text and "fold 2, 180 ratings" in text
    assert re.search(r"^AUC +RBM +0\.\d{4} ", text, re.M)
    assert run("recommend", out, "--user", 3, "-n", 2) == 0
    assert "Invented Film" in capsys.readouterr().out
    file = write(tmp_path / "r.csv", "user_id,item_id,rating\n1,1,5\n1,2,5\n")
    told = fails(capsys, "evaluate", out, "--trained-on", file)
    assert "was trained on (MovieLens 100K is not here" in told and "here are others (r.csv" in told
    other = partial(synthetic.synthetic_movielens, 1)
    monkeypatch.setattr(synthetic, "synthetic_movielens", lambda seed=0, *size: other())
    assert "not those" in fails(capsys, "evaluate", out)


# ---- recommend --------------------------------------------------------------------------------------------


def listed(capsys, *arguments):
    capsys.readouterr()
    assert run("recommend", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)["rows"]


@pytest.mark.parametrize("name", ["two", "five", "items", "zero"])
def test_recommend_gives_every_unseen_item_and_no_seen_one(name, folder, capsys):
    seen = {item for user, item, _ in ratings_in(folder) if user == 7}
    rows = listed(capsys, folder / f"{name}.pt", "--user", 7, "-n", 1000)
    assert {row["item_id"] for row in rows} == set(range(100, 130)) - seen
    likes = [row["p_like"] for row in rows]
    assert likes == sorted(likes, reverse=True) and len(set(likes)) > 1
    assert all(row["title"] == f"Film {row['item_id']}, the" for row in rows)
    assert ("stars" in rows[0]) == (name == "five")
    odd, even = ([row["p_like"] for row in rows if row["item_id"] % 2 == rest] for rest in (1, 0))
    assert np.mean(odd) > np.mean(even)  # user 7 likes the odd ones
    assert listed(capsys, folder / f"{name}.pt", "--user", 7, "-n", 3) == rows[:3]


@pytest.mark.parametrize("name", ["two", "five", "zero"])
def test_a_new_person_with_a_users_ratings_is_that_user(name, folder, tmp_path, capsys):
    lines = [f"{item},{stars:g}" for user, item, stars in ratings_in(folder) if user == 7]
    me = write(tmp_path / "me.csv", "\n".join(["item_id,rating", *lines]))
    for known, new in zip(
        listed(capsys, folder / f"{name}.pt", "--user", 7, "-n", 30),
        listed(capsys, folder / f"{name}.pt", "--ratings", me, "-n", 30),
        strict=True,
    ):
        assert known["item_id"] == new["item_id"]
        assert known["p_like"] == pytest.approx(new["p_like"], abs=1e-6)
    nobody = write(tmp_path / "nobody.csv", "item_id,rating\n")
    assert len(listed(capsys, folder / f"{name}.pt", "--ratings", nobody, "-n", 30)) == 30  # cold start


def test_recommend_names_what_it_does_not_know(folder, tmp_path, capsys):
    machine, me = folder / "two.pt", tmp_path / "me.csv"
    assert "--user: 99 is not among the 40 users" in fails(capsys, "recommend", machine, "--user", 99)
    assert "--user: Ann is not among" in fails(capsys, "recommend", machine, "--user", "Ann")
    write(me, "item_id,rating\n100,5\n7,3\nabc,3\n")
    assert "unknown item ids [7, 'abc']" in fails(capsys, "recommend", machine, "--ratings", me)
    write(me, "item_id,rating\n100,5\n100,3\n")
    assert "line 3: item_id 100 was rated in line 2" in fails(capsys, "recommend", machine, "--ratings", me)
    write(me, "item_id,rating\n100,3.5\n")
    assert "line 2: rating '3.5'" in fails(capsys, "recommend", folder / "five.pt", "--ratings", me)
    assert "--rows users" in fails(capsys, "recommend", folder / "items.pt", "--ratings", me)
    assert "nowhere.csv" in fails(capsys, "recommend", machine, "--ratings", tmp_path / "nowhere.csv")


def test_titles_from_a_file_or_none(folder, tmp_path, capsys):
    me = write(tmp_path / "me.csv", "item_id,rating\n100,5\n")
    other = write(tmp_path / "titles.csv", "movieId,title,genres\n101,Ä film,x\n")
    rows = listed(capsys, folder / "two.pt", "--ratings", me, "--titles", other, "-n", 30)
    assert {row["title"] for row in rows} == {"", "Ä film"}
    bad = write(tmp_path / "bad.csv", "id,name\n1,x\n")
    assert "line 1" in fails(capsys, "recommend", folder / "two.pt", "--ratings", me, "--titles", bad)
    header, _ = read_checkpoint(folder / "two.pt")
    about = header["settings"] | {"titles": str(tmp_path / "gone.csv")}
    save_model(load_model(folder / "two.pt"), tmp_path / "m.pt", settings=about)
    capsys.readouterr()
    assert run("recommend", tmp_path / "m.pt", "--ratings", me, "-n", 2) == 0
    out, err = capsys.readouterr()
    assert "title" not in out and "without titles" in err and "gone.csv" in err


def test_ids_may_be_words(tmp_path, capsys):
    pairs = [(u, i) for u in ("ann", "bob", "01", "1") for i in ("x", "y", "2")]
    text = "".join(f"{u},{i},{0.5 + (n * 7) % 10 / 2:g}\n" for n, (u, i) in enumerate(pairs[:-1]))
    path = write(tmp_path / "r.csv", "\ufeffuserId,movieId,rating\n" + text)
    out = tmp_path / "m.pt"
    given = ["train", "--ratings", path, *QUICK, "--levels", 10, "--holdout", 0, "--output", out]
    assert run(*given) == 0
    assert [row["item_id"] for row in listed(capsys, out, "--user", "1")] == ["2"]
    assert listed(capsys, out, "--user", "01") == []


# ---- damaged models, and real processes -------------------------------------------------------------------


def test_what_is_no_model_is_refused(folder, tmp_path, capsys):
    raw = (folder / "two.pt").read_bytes()
    cut, noise, plain = (tmp_path / name for name in ("cut.pt", "noise.pt", "plain.pt"))
    cut.write_bytes(raw[: len(raw) // 2])
    noise.write_text("no model")
    save_model(RBM(3, 2), plain)
    for command in (["evaluate"], ["recommend", "--user", "1"]):
        told_of = {cut: "damaged", noise: "damaged", plain: "not written by", tmp_path: "no such"}
        for path, message in told_of.items():
            told = fails(capsys, command[0], path, *command[1:])
            assert message in told and str(path) in told
    about = read_checkpoint(folder / "two.pt")[0]["settings"]
    save_model(load_model(folder / "two.pt"), plain, settings=about | {"item_ids": [1, 2]})
    assert "names 2 items for 30" in fails(capsys, "recommend", plain, "--user", "1")


def process(*arguments, **options):
    line = [sys.executable, "-m", "rbm_lib", *map(str, arguments)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=env, **options)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_saves_the_machine(folder, tmp_path):
    out = tmp_path / "m.pt"
    given = ["train", "--ratings", folder / "ratings.csv", *QUICK, "--epochs", 10**6, "--output", out]

    def heeds_ctrl_c():  # a shell's background job ignores it, and so would every process it starts
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with process(*given, "--progress", stdout=subprocess.PIPE, preexec_fn=heeds_ctrl_c) as running:
        try:
            while "free_energy" not in (text := running.stderr.read(40)):
                assert text, "it ended before its first epoch"
            running.send_signal(signal.SIGINT)
            result, message = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130 and "Traceback" not in message and "interrupted after epoch" in message
    assert re.search(r"interrupted +True", result) and load_model(out).n_hidden == 4


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_went_away_is_no_traceback(folder):
    read, write_end = os.pipe()
    os.close(read)
    with process("recommend", folder / "two.pt", "--user", 1, stdout=write_end) as running:
        os.close(write_end)
        _, message = running.communicate(timeout=60)
    assert running.returncode == 141 and message == ""


def test_the_documented_commands_are_right():
    lines = re.findall(r"^\$ python -m rbm_lib (.*)$", DOCS.read_text(encoding="utf-8"), re.M)
    assert {line.split()[0] for line in lines} == {"data", "train", "evaluate", "recommend"}
    for line in lines:
        parser().parse_args(shlex.split(line.split("|")[0]))
