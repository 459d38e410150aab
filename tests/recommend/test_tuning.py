"""Successive halving, on an inner split of the training ratings."""

import sys

import numpy as np
import pytest

from rbm_lib import Recommender
from rbm_lib.recommend import tuning
from rbm_lib.recommend.tuning import default_settings, tune
from tests.recommend.support import taste_ratings

QUIET = {"progress": False}


def candidates_of(monkeypatch, best_decay, noise):
    """The candidates that were trained; the values of 50 users are best at `best_decay`."""
    calls = []

    def values(model, split):
        base = default_settings(Recommender(), split.train)
        decay = model.weight_decay / base["weight_decay"]
        calls.append((model.epochs, decay, model.n_hidden))
        rng = np.random.default_rng(len(calls))
        return -abs(decay - best_decay) + noise * rng.standard_normal(50)

    monkeypatch.setattr(tuning, "_values", values)
    return calls


def test_the_better_half_goes_on_for_longer_and_the_best_is_chosen(monkeypatch):
    trained = candidates_of(monkeypatch, best_decay=0.6, noise=0.01)
    ratings = taste_ratings()

    best, table = tune(Recommender(epochs=40), ratings, **QUIET)

    assert [epochs for epochs, *_ in trained] == [20] * 6 + [40] * 4
    assert table.groupby("round").size().tolist() == [6, 4]
    base = default_settings(Recommender(), ratings)
    assert best.weight_decay == pytest.approx(0.65 * base["weight_decay"])
    assert best.epochs == 40 and best.validation > 0


def test_choosing_without_a_stderr_shows_no_bar(monkeypatch):
    candidates_of(monkeypatch, best_decay=0.6, noise=0.01)
    monkeypatch.setattr(sys, "stderr", None)

    tune(Recommender(epochs=4), taste_ratings(), progress=True)


def test_the_defaults_stay_if_no_other_is_clearly_better(monkeypatch):
    candidates_of(monkeypatch, best_decay=1.0, noise=1.0)
    ratings = taste_ratings()

    best, table = tune(Recommender(), ratings, **QUIET)

    assert table["lead"].max() > 0  # by chance
    base = default_settings(Recommender(), ratings)
    assert (best.weight_decay, best.n_hidden) == (base["weight_decay"], base["n_hidden"])


def test_an_interrupted_choice_goes_on_from_its_file(monkeypatch, tmp_path):
    trained = candidates_of(monkeypatch, best_decay=0.4, noise=0.01)
    path = tmp_path / "tuning.csv"
    whole = tune(Recommender(), taste_ratings(), path=path, **QUIET)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]))  # three of the first round
    trained.clear()

    again = tune(Recommender(), taste_ratings(), path=path, **QUIET)

    assert len(trained) == 1 + 3 + 4  # the defaults again, to compare with
    assert again[0].get_params() == whole[0].get_params()
    trained.clear()
    tune(Recommender(), taste_ratings(), path=path, **QUIET)
    assert trained == []


def test_a_tilde_in_the_path_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    trained = candidates_of(monkeypatch, best_decay=0.4, noise=0.01)
    tune(Recommender(), taste_ratings(), path="~/new/tuning.csv", **QUIET)
    trained.clear()

    tune(Recommender(), taste_ratings(), path=tmp_path / "new" / "tuning.csv", **QUIET)
    tune(Recommender(), taste_ratings(), path="~/new/tuning.csv", **QUIET)

    assert trained == []


@pytest.mark.parametrize("task", ["rank", "rate"])
def test_fit_uses_what_was_chosen_and_leaves_the_parameters(task, monkeypatch):
    monkeypatch.setattr(tuning, "SPACE", [(0.5, 0.5), (1.0, 0.5)])
    monkeypatch.setattr(tuning, "ROUNDS", (1.0,))
    ratings = taste_ratings()
    model = Recommender(task, epochs=3, validation=0.0).fit(ratings, tune=True)

    base = default_settings(Recommender(task), ratings)
    assert model.settings_["n_hidden"] == base["n_hidden"] // 2
    assert model.settings_["weight_decay"] / base["weight_decay"] in (0.5, 1.0)
    assert model.weight_decay is None


def test_only_a_recommender_is_tuned():
    with pytest.raises(TypeError, match="recommender: got str, expected a Recommender"):
        tune("rank", taste_ratings())
    with pytest.raises(TypeError, match="ratings: got list"):
        tune(Recommender(), [])
