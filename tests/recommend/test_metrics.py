"""Metrics of rankings against scikit-learn, explicit loops and chance."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from rbm_lib import evaluate
from rbm_lib.data import RatingMatrix
from rbm_lib.recommend.metrics import rank_lists


@pytest.fixture
def ranked():
    """Scores, held-out and seen items of 50 users; users 0 to 2 are special cases."""
    rng = np.random.default_rng(1)
    scores = rng.random((50, 30))
    seen = rng.random((50, 30)) < 0.3
    held_out = (rng.random((50, 30)) < 0.2) & ~seen
    held_out[0] = False
    held_out[1] = ~seen[1]
    held_out[2] = False
    held_out[2, np.argmin(seen[2])] = True
    return scores, held_out, seen


def test_ndcg_is_that_of_scikit_learn_also_with_ties(ranked):
    scores, held_out, seen = ranked
    scores[10:] = np.round(scores[10:], 1)
    per_user = evaluate.per_user_ranking(scores, held_out, seen, [5, 10])

    assert per_user.index.tolist() == np.flatnonzero(held_out.any(1)).tolist()
    for user, row in per_user.iterrows():
        relevance = held_out[user, ~seen[user]].astype(float)
        for k in (5, 10):
            expected = metrics.ndcg_score([relevance], [scores[user, ~seen[user]]], k=k)
            assert row[f"NDCG@{k}"] == pytest.approx(expected, abs=1e-12)


def test_other_metrics_are_those_of_a_loop(ranked):
    scores, held_out, seen = ranked
    per_user = evaluate.per_user_ranking(scores, held_out, seen, 7)

    information = -np.log2((seen.sum(0) + 1) / 51)
    for user, row in per_user.iterrows():
        order = [item for item in np.argsort(-scores[user]) if not seen[user, item]][:7]
        hits = [held_out[user, item] for item in order]
        n_relevant = held_out[user].sum()
        precision = [sum(hits[:place]) / place for place in range(1, 8) if hits[place - 1]]
        first = 1 + hits.index(True) if any(hits) else np.inf
        assert row["Recall@7"] == pytest.approx(sum(hits) / n_relevant)
        assert row["Precision@7"] == pytest.approx(sum(hits) / 7)
        assert row["MAP@7"] == pytest.approx(sum(precision) / min(7, n_relevant))
        assert row["MRR@7"] == pytest.approx(1 / first)
        assert row["Hit@7"] == float(any(hits))
        assert row["Novelty@7"] == pytest.approx(information[order].mean())


def test_a_constant_scorer_does_as_well_as_a_random_one():
    """Items are sorted by popularity, so a rule by place would flatter the constant."""
    rng = np.random.default_rng(0)
    popularity = np.linspace(0.6, 0.02, 100)
    likes = rng.random((300, 100)) < popularity
    held_out = likes & (rng.random((300, 100)) < 0.3)
    seen = likes & ~held_out

    def mean(scores):
        return evaluate.per_user_ranking(scores, held_out, seen, 10).mean()

    constant = mean(np.zeros((300, 100)))
    draws = pd.DataFrame([mean(rng.random((300, 100))) for _ in range(40)])
    error = draws.std() / np.sqrt(40)
    assert (abs(constant - draws.mean()) < 4 * error + 1e-12).all()
    by_place = mean(np.tile(-np.arange(100.0), (300, 1)))
    assert by_place["NDCG@10"] > 2 * constant["NDCG@10"]


def test_no_metric_hangs_on_the_order_of_the_items(ranked):
    scores, held_out, seen = ranked
    scores = np.round(scores, 1)
    turned = np.random.default_rng(2).permutation(30)

    table = evaluate.ranking_metrics(scores, held_out, seen, [3, 10])
    other = evaluate.ranking_metrics(
        scores[:, turned], held_out[:, turned], seen[:, turned], [3, 10]
    )

    pd.testing.assert_frame_equal(table, other)


def test_coverage_is_the_share_of_items_on_some_list(ranked):
    scores, held_out, seen = ranked
    unseen = np.where(seen, -np.inf, scores)[held_out.any(1)]

    table = evaluate.ranking_metrics(scores, held_out, seen, 2).set_index("metric")

    listed = np.unique(np.argsort(-unseen, axis=1)[:, :2])
    assert table["mean"]["Coverage@2"] == pytest.approx(len(listed) / 30)
    assert np.isnan(table["low"]["Coverage@2"])
    # One of three equal items for each of two users: 1 - (2/3)² of each is listed.
    tied = evaluate.ranking_metrics(
        np.zeros((2, 3)), np.eye(2, 3) > 0, np.zeros((2, 3)) > 0, 1
    )
    assert tied.set_index("metric")["mean"]["Coverage@1"] == pytest.approx(5 / 9)


def test_a_list_longer_than_the_candidates():
    seen = np.array([[True, False, False]])
    held_out = np.array([[False, False, True]])

    per_user = evaluate.per_user_ranking([[3.0, 2.0, 1.0]], held_out, seen, 10)

    expected = {"NDCG": 1 / np.log2(3), "Recall": 1, "Precision": 0.1, "MAP": 0.5}
    expected |= {"MRR": 0.5, "Hit": 1}
    row = per_user.iloc[0].drop("Novelty@10")
    assert row.to_dict() == pytest.approx({f"{n}@10": v for n, v in expected.items()})


def test_held_out_items_that_are_seen_or_missing_are_refused(ranked):
    scores, held_out, seen = ranked

    with pytest.raises(ValueError, match="held-out ratings"):
        evaluate.ranking_metrics(scores, held_out, seen | held_out)
    with pytest.raises(ValueError, match="held_out: got no item"):
        evaluate.ranking_metrics(scores, np.zeros_like(held_out), seen)
    with pytest.raises(ValueError, match="scores: got NaN at"):
        evaluate.ranking_metrics(np.where(seen, np.nan, scores), held_out, seen)
    with pytest.raises(ValueError, match="seen: got shape"):
        evaluate.ranking_metrics(scores[:, 1:], held_out, seen)


# ---- lists


def test_lists_have_the_metrics_of_the_scores_that_they_come_from(ranked):
    scores, held_out, seen = ranked
    train = RatingMatrix(*np.nonzero(seen), np.ones(seen.sum()), item_ids=range(30))
    order = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :10]
    lists = pd.DataFrame({"user": np.repeat(np.arange(50), 10), "item": order.ravel()})
    lists["rank"] = np.tile(np.arange(1, 11), 50)

    found = rank_lists(lists.sample(frac=1, random_state=0), held_out, train, [3, 10])

    expected = evaluate.ranking_metrics(scores, held_out, seen, [3, 10], n_bootstrap=10)
    pd.testing.assert_frame_equal(
        found.averages(10).sort_values("metric", ignore_index=True),
        expected.sort_values("metric", ignore_index=True),
    )
    none = rank_lists(lists[lists["user"] != 5], held_out, train, 10).per_user
    assert none.loc[5, "NDCG@10"] == 0 and none.loc[6, "NDCG@10"] == pytest.approx(
        found.per_user.loc[6, "NDCG@10"]
    )


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ("text", "lists: got str, expected a table"),
        (pd.DataFrame({"user": [0], "item": [1]}), "lists: got .*, expected a table"),
        (pd.DataFrame({"user": [0, 0], "item": [1, 1], "rank": [1, 2]}), "more than once"),
        (pd.DataFrame({"user": [0, 0], "item": [1, 2], "rank": [1, 1]}), "more than once"),
        (pd.DataFrame({"user": [0], "item": [1], "rank": [0]}), "lists: got ranks"),
        (pd.DataFrame({"user": [0], "item": [99], "rank": [1]}), "expected item ids"),
    ],
)
def test_lists_that_are_none_are_refused(lists, message):
    train = RatingMatrix([0, 1], [0, 1], [1, 1], item_ids=range(3))

    with pytest.raises(ValueError, match=message):
        rank_lists(lists, np.eye(2, 3, 1) > 0, train, 10)
