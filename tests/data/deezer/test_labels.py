"""The chances behind invented labels, and a taste that is planted in them."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from rbm_lib.data import synthetic_deezer
from rbm_lib.data.deezer.labels import EFFECTS, planted_taste


@pytest.fixture(scope="module")
def plain():
    return synthetic_deezer(0, 60_000)


@pytest.fixture(scope="module")
def planted():
    return synthetic_deezer(0, 60_000, taste=2)


def test_labels_are_drawn_from_the_chances(plain):
    chance, label = plain.truth["chance"], plain.train["is_listened"]

    tenth = pd.qcut(chance, 10, labels=False)
    observed, stated = label.groupby(tenth).mean(), chance.groupby(tenth).mean()

    np.testing.assert_allclose(observed, stated, atol=0.025)  # five standard errors


def test_what_is_stable_ranks_better_than_chance_and_worse_than_everything(plain):
    label = plain.train["is_listened"]
    auc = {name: roc_auc_score(label, plain.truth[name]) for name in plain.truth}

    assert 0.7 < auc["stable"] < auc["chance"] - 0.05 < 0.9
    assert list(auc) == ["chance", "stable"]


def test_a_planted_taste_changes_the_labels_and_nothing_else(plain, planted):
    columns = plain.train.columns.drop("is_listened")

    pd.testing.assert_frame_equal(plain.train[columns], planted.train[columns])
    assert (plain.train["is_listened"] != planted.train["is_listened"]).mean() > 0.1
    assert planted.train["is_listened"].mean() == pytest.approx(0.684, abs=0.01)
    assert "planted taste of size 2" in planted.origin


def test_the_planted_taste_is_a_product_of_the_given_size():
    taste = planted_taste(2.0, 3000, 4000, seed=5)

    product = np.outer(taste["user"], taste["track"])

    assert product.std() == pytest.approx(2, rel=0.1)
    assert not planted_taste(0.0, 3, 4, seed=5)["user"].any()


def test_the_taste_is_a_part_of_what_is_stable(plain, planted):
    odds = [logit(x.truth["stable"].to_numpy()) for x in (planted, plain)]
    tracks = plain.train["media_id"].to_numpy() - 1_000_000_000
    users = plain.train["user_id"].to_numpy()
    taste = planted_taste(2.0, users.max() + 1, tracks.max() + 1, seed=0)
    added = taste["user"][users] * taste["track"][tracks]

    clear = np.abs(odds).max(0) < 8  # beyond, single precision has few digits
    difference = (odds[0] - odds[1])[clear]
    assert np.corrcoef(difference, added[clear])[0, 1] > 0.98  # and new offsets


def test_the_effects_are_those_that_the_lesson_names():
    assert EFFECTS == {
        "user": 1.15, "week": 1.7, "track": 0.8, "session": 0.9, "suits": 0.2
    }  # fmt: skip


@pytest.mark.parametrize("size", [-1, float("nan"), "strong"])
def test_a_size_must_be_a_number_from_zero_on(size):
    with pytest.raises(ValueError, match="taste: got"):
        synthetic_deezer(0, 3000, taste=size)
