"""Recommenders beside each other, and a choice that cannot see the test."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib import Recommender
from rbm_lib.baselines import EASE, ItemKNN, Popularity
from rbm_lib.data import RatingMatrix
from rbm_lib.evaluate import (
    Split,
    compare,
    mean_interval,
    per_user_ranking,
    random_split,
    select,
)
from tests.recommend.support import taste_ratings


class Given:
    """A recommender whose scores are a function of its training ratings."""

    def __init__(self, function):
        self.function = function

    def fit(self, ratings):
        self.table_ = self.function(ratings)
        return self

    def scores(self, rows):
        return self.table_[rows]


@pytest.fixture(scope="module")
def split():
    """Two kinds of users, who like the first or the second half of 20 items."""
    rng = np.random.default_rng(0)
    chance = np.where(np.arange(80)[:, None] % 2 == np.arange(20) // 10, 0.7, 0.1)
    users, items = np.nonzero(rng.random((80, 20)) < chance)
    return random_split(RatingMatrix(users, items, np.ones(len(users), dtype=int)), 0.3)


def test_leads_are_means_of_paired_differences(split):
    models = {"popularity": Popularity(), "neighbours": ItemKNN(), "again": Popularity()}

    table = compare(models, split, k=[5, 10])

    by_model = table.set_index(["metric", "model"])
    one, other = (
        split.rank(models[n], [5, 10]).per_user for n in ("neighbours", "popularity")
    )
    gap = mean_interval(one - other).set_index("metric")
    for metric in ("NDCG@5", "Recall@10", "MRR@10"):
        row = by_model.loc[metric, "neighbours"]
        assert row["mean"] == pytest.approx(one[metric].mean())
        expected = gap.loc[metric, ["mean", "low", "high"]].tolist()
        assert row[["lead", "lead_low", "lead_high"]].tolist() == pytest.approx(expected)
        assert row["lead_low"] > 0  # the two kinds of users are easily told apart
        own = by_model.loc[metric, "again"][["lead", "lead_low", "lead_high"]]
        assert own.tolist() == [0, 0, 0]
    assert np.isnan(by_model.loc["Coverage@5", "neighbours"]["lead"])
    assert table["metric"][:3].tolist() == ["NDCG@5"] * 3


def test_the_reference_can_be_chosen_and_lists_take_part(split):
    model = ItemKNN().fit(split.train)
    models = {"lists": model.recommend(n=10), "model": ItemKNN(), "EASE": EASE(1.0)}

    table = compare(models, split, against="model", n_bootstrap=10)

    ndcg = table[table["metric"] == "NDCG@10"].set_index("model")
    assert ndcg["lead"]["model"] == 0
    assert ndcg["lead"]["lists"] == pytest.approx(0, abs=0.01)  # but for ties
    assert ndcg["n"].tolist() == [split.held_out.user_counts().astype(bool).sum()] * 3


def test_ratings_are_compared_without_being_cut_to_likes_first():
    split = random_split(taste_ratings(), 0.3)
    models = {"popularity": Popularity(), "rbm": Recommender(epochs=20, validation=0)}

    table = compare(models, split, k=3, n_bootstrap=0)

    ndcg = table[table["metric"] == "NDCG@3"].set_index("model")
    _, _, levels = split.train.triples()
    likes = split.train.keep(levels >= 3)
    by_hand = models["rbm"].fit(split.train).scores()
    for name, scores in {
        "popularity": Popularity().fit(likes).scores(),
        "rbm": by_hand,
    }.items():
        expected = per_user_ranking(scores, split.held_out.likes(3), split.train, 3)
        assert ndcg["mean"][name] == pytest.approx(expected["NDCG@3"].mean())
    assert ndcg["lead"]["rbm"] > 0.1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scorers": {}}, ValueError, "scorers: got none"),
        ({"scorers": {"a": 3}}, TypeError, r"scorers\['a'\]: got int"),
        ({"against": "b"}, ValueError, r"against: got 'b', expected one of \('a',\)"),
        ({"split": None}, TypeError, "split: got NoneType"),
        ({"like_at_least": 9}, ValueError, "like_at_least: got 9, expected more than 0"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message, split):
    with pytest.raises(error, match=message):
        compare(**({"scorers": {"a": Popularity()}, "split": split} | change))


# ---- select


def ndcg(split, scorer):
    return split.ranking(scorer, n_bootstrap=0)["mean"][0]


def test_select_chooses_the_first_of_the_best_on_inner_splits(split):
    train = split.train
    truth = train.rated().toarray().astype(float)
    n_seen = []

    def oracle(inner):
        n_seen.append(inner.n_ratings)
        return truth

    candidates = {
        "nothing": Given(lambda inner: np.random.default_rng(0).random(truth.shape)),
        "oracle": Given(oracle),
        "a copy": Given(oracle),
    }
    best, results = select(candidates, train, ndcg, seeds=(0, 1))

    assert best == "oracle"
    assert results["name"].tolist()[:4] == ["nothing", "nothing", "oracle", "oracle"]
    assert results["value"].tolist()[2:] == pytest.approx([1, 1, 1, 1])
    assert results["value"][0] != results["value"][1]  # of two different splits
    assert max(n_seen) < train.n_ratings


def test_the_best_mean_wins_and_not_the_best_single_value(split):
    lucky, steady = Popularity(), ItemKNN()
    values = {
        (Popularity, 0): 0.9,
        (Popularity, 1): 0.0,
        (ItemKNN, 0): 0.5,
        (ItemKNN, 1): 0.5,
    }
    inner = [random_split(split.train, 0.2, seed).train.fingerprint() for seed in (0, 1)]

    def measure(part: Split, scorer):
        return values[type(scorer), inner.index(part.train.fingerprint())]

    best, results = select(
        {"lucky": lucky, "steady": steady}, split.train, measure, seeds=(0, 1)
    )

    assert best == "steady"
    assert results["value"].tolist() == [0.9, 0.0, 0.5, 0.5]


def test_select_refuses_no_candidates_and_values_that_are_no_numbers(split):
    with pytest.raises(ValueError, match="candidates, seeds: got none"):
        select({}, split.train, ndcg)
    with pytest.raises(ValueError, match="measure: got nan for 'a'"):
        select({"a": Popularity()}, split.train, lambda split, scorer: np.nan)
    with pytest.raises(
        TypeError, match=r"candidates\['a'\]: got builtin_function_or_method"
    ):
        select({"a": len}, split.train, ndcg)
    with pytest.raises(TypeError, match="candidates: got DataFrame"):
        select(pd.DataFrame(), split.train, ndcg)
