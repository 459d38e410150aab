"""What is measured: the same people, and numbers that other code reproduces."""

import numpy as np
import pytest
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)

from rbm_lib import RatingMatrix, Recommender
from rbm_lib.cli.measure import COLUMNS, MODEL, held_out, table_of
from rbm_lib.cli.rivals import rivals
from rbm_lib.evaluate import compare
from tests.cli.support import make_table


def test_ranking_is_what_compare_says():
    split = held_out(RatingMatrix.from_frame(make_table()), "rank", 0, like_level=3)
    others = rivals("rank", split)
    model = Recommender("rank", epochs=5).fit(split.train)

    table = table_of(model, others, split)

    assert list(table) == COLUMNS
    assert set(table["metric"]) == {"NDCG@10", "Recall@20"}
    assert set(table["model"]) == {MODEL, "popularity", "ItemKNN", "EASE", "iALS"}
    scorers = {"RBM": Recommender("rank", epochs=5), "popularity": others["popularity"]}
    theirs = compare(scorers, split, against="popularity", k=[10, 20], n_bootstrap=500)
    one = theirs.set_index(["metric", "model"]).loc[("NDCG@10", "RBM")]
    ours = table.set_index(["metric", "model"])
    assert ours.loc[("NDCG@10", "RBM"), "mean"] == pytest.approx(one["mean"])
    lead = ours.loc[("NDCG@10", "popularity"), ["ahead", "ahead_low", "ahead_high"]]
    assert lead.tolist() == pytest.approx(one[["lead", "lead_low", "lead_high"]].tolist())
    assert np.isnan(ours.loc[("NDCG@10", "RBM"), "ahead"])


def test_ratings_are_measured_as_scikit_learn_does():
    ratings = RatingMatrix.from_frame(make_table())
    split = held_out(ratings, "rate", 0, like_level=4)
    model = Recommender("rate", epochs=5, like_at_least=5).fit(split.train)

    table = table_of(model, rivals("rate", split), split).set_index(["metric", "model"])

    frame = split.held_out.to_frame()
    found = model.predict(frame)
    like = frame["rating"] >= 5
    expected = {
        "AUC": roc_auc_score(like, found["like"]),
        "log-loss": log_loss(like, found["like"]),
        "RMSE": root_mean_squared_error(frame["rating"], found["rating"]),
        "MAE": mean_absolute_error(frame["rating"], found["rating"]),
    }
    assert table["mean"].xs(MODEL, level="model").to_dict() == pytest.approx(expected)
    for other in ("share of likes", "item mean", "user + item bias", "ItemKNN"):
        for metric, sign in (("AUC", 1), ("log-loss", -1), ("RMSE", -1), ("MAE", -1)):
            row = table.loc[(metric, other)]
            difference = table.loc[(metric, MODEL), "mean"] - row["mean"]
            assert row["ahead"] == pytest.approx(sign * difference)
            assert row["ahead_low"] <= row["ahead"] <= row["ahead_high"]


def test_like_or_not_has_no_stars():
    ratings = RatingMatrix.from_frame(make_table()).binarize(3)
    split = held_out(ratings, "rate", 0)
    model = Recommender("rate", epochs=5).fit(split.train)

    table = table_of(model, rivals("rate", split), split)

    assert set(table["metric"]) == {"AUC", "log-loss"}


def test_what_cannot_be_held_out_is_refused():
    alone = RatingMatrix([1, 2, 3], [1, 2, 3], [1, 1, 1])

    with pytest.raises(ValueError, match="too few likes to hold some out"):
        held_out(alone, "rank", 0)
    with pytest.raises(ValueError, match="too few likes and other ratings"):
        held_out(RatingMatrix([1] * 5, range(5), [1] * 5), "rate", 0)
