"""rbm_lib.recommend.evaluate against scikit-learn, SciPy and loops; its splits and its leak guard."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.calibration import calibration_curve as sklearn_calibration

from rbm_lib import RBM
from rbm_lib.data import RatingMatrix
from rbm_lib.recommend import evaluate
from rbm_lib.recommend.evaluate import (
    Split,
    assert_no_leak,
    random_split,
    ranking_metrics,
    rating_metrics,
    select,
)
from rbm_lib.recommend.scoring import predict


def ratings(n_users=40, n_items=30, n_levels=5, share=0.4, seed=0):
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < share)
    levels = rng.integers(0, n_levels, len(users))
    catalogue = {"user_ids": range(100, 100 + n_users), "item_ids": range(n_items)}
    return RatingMatrix(users + 100, items, levels, n_levels=n_levels, **catalogue)


def column(frame, name="mean"):
    return frame.set_index("metric")[name]


# ---- ranking ----------------------------------------------------------------------------------------------


@pytest.fixture
def ranked():
    rng = np.random.default_rng(1)
    scores = rng.random((50, 30))
    seen = rng.random((50, 30)) < 0.3
    held_out = (rng.random((50, 30)) < 0.2) & ~seen
    held_out[0], held_out[1], held_out[2] = False, ~seen[1], False
    held_out[2, np.flatnonzero(~seen[2])[0]] = True
    return scores, held_out, seen


def test_ndcg_is_that_of_scikit_learn(ranked):
    scores, held_out, seen = ranked
    per_user = evaluate.per_user_ranking(scores, held_out, seen, [5, 10])
    assert 0 not in per_user.index and len(per_user) == held_out.any(1).sum()
    for user in per_user.index:
        unseen = ~seen[user]
        for k in (5, 10):
            args = held_out[user, unseen][None].astype(float), scores[user, unseen][None]
            expected = metrics.ndcg_score(*args, k=k)
            assert per_user.loc[user, f"NDCG@{k}"] == pytest.approx(expected, abs=1e-12)


def test_recall_precision_and_map_by_hand(ranked):
    scores, held_out, seen = ranked
    per_user = evaluate.per_user_ranking(scores, held_out, seen, 7)
    for user in per_user.index:
        order = [i for i in np.argsort(-scores[user]) if not seen[user, i]]
        hit = [held_out[user, i] for i in order[:7]]
        average = sum(hit[: p + 1].count(True) / (p + 1) for p in range(7) if hit[p]) / min(
            7, held_out[user].sum()
        )
        assert per_user.loc[user, "Recall@7"] == pytest.approx(sum(hit) / held_out[user].sum())
        assert per_user.loc[user, "Precision@7"] == pytest.approx(sum(hit) / 7)
        assert per_user.loc[user, "MAP@7"] == pytest.approx(average)


def test_fewer_candidates_than_k():
    scores, seen = np.array([[3.0, 2.0, 1.0]]), np.array([[True, False, False]])
    per_user = evaluate.per_user_ranking(scores, np.array([[False, False, True]]), seen, 10)
    assert per_user.iloc[0].to_dict() == pytest.approx(
        {"NDCG@10": 1 / np.log2(3), "Recall@10": 1, "Precision@10": 0.1, "MAP@10": 0.5}
    )


def test_all_kinds_of_masks_agree(ranked):
    scores, held_out, seen = ranked
    users, items = np.nonzero(seen)
    matrix = RatingMatrix(users, items, np.zeros(len(users)), user_ids=range(50), item_ids=range(30))
    expected = ranking_metrics(scores, held_out, seen, n_bootstrap=5)
    for other in (matrix, matrix.csr, torch.from_numpy(seen)):
        pd.testing.assert_frame_equal(ranking_metrics(scores, held_out, other, n_bootstrap=5), expected)
    with pytest.raises(TypeError, match="expected booleans"):
        ranking_metrics(scores, held_out, seen.astype(int))


def test_ranking_interval_covers_and_is_seeded(ranked):
    frame = ranking_metrics(*ranked, k=10)
    assert list(frame.columns) == ["metric", "mean", "low", "high", "n"] and (frame["n"] == 49).all()
    pd.testing.assert_frame_equal(frame, ranking_metrics(*ranked, k=10))
    per_user = evaluate.per_user_ranking(*ranked, 10)["NDCG@10"]
    row = frame.set_index("metric").loc["NDCG@10"]
    half = 1.96 * per_user.std() / np.sqrt(len(per_user))  # normal theory; the bootstrap is within 15 % of it
    assert row["mean"] == pytest.approx(per_user.mean())
    assert row["high"] - row["mean"] == pytest.approx(half, rel=0.15)
    assert row["mean"] - row["low"] == pytest.approx(half, rel=0.15)


# ---- ratings ----------------------------------------------------------------------------------------------


@pytest.fixture
def rated():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), rng.integers(1, 60, 40))
    prob = np.clip(np.round(rng.beta(2, 2, len(groups)), 2), 0.01, 0.99)  # many ties
    return prob, (rng.random(len(groups)) < prob).astype(int), groups


def test_rating_metrics_are_those_of_scikit_learn(rated):
    prob, label, groups = rated
    rating, predicted = 5.0 * label, 4.0 * prob
    mean = column(rating_metrics(prob, label, groups, predicted=predicted, rating=rating, n_bootstrap=0))
    assert mean["AUC"] == pytest.approx(metrics.roc_auc_score(label, prob), abs=1e-12)
    assert mean["log-loss"] == pytest.approx(metrics.log_loss(label, prob), abs=1e-12)
    assert mean["RMSE"] == pytest.approx(metrics.root_mean_squared_error(rating, predicted), abs=1e-12)
    per_group = [
        metrics.roc_auc_score(label[groups == g], prob[groups == g])
        for g in range(40)
        if 0 < label[groups == g].mean() < 1
    ]
    assert mean["group AUC"] == pytest.approx(np.mean(per_group), abs=1e-12)


def test_the_bootstrap_computes_the_same_metrics_on_resampled_groups(rated):
    prob, label, groups = rated
    frame = rating_metrics(prob, label, groups, n_bootstrap=200, seed=4).set_index("metric")
    rng, auc, loss = np.random.default_rng(4), [], []
    for _ in range(200):
        drawn = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(40, size=40)])
        auc.append(metrics.roc_auc_score(label[drawn], prob[drawn]))
        loss.append(metrics.log_loss(label[drawn], prob[drawn]))
    for name, values in (("AUC", auc), ("log-loss", loss)):
        assert frame.loc[name, ["low", "high"]].tolist() == pytest.approx(
            np.percentile(values, [2.5, 97.5]).tolist()
        )


def test_the_lead_is_the_difference_and_its_interval_that_of_pairs(rated):
    prob, label, groups = rated[:3]
    rng = np.random.default_rng(5)
    other = np.clip(prob + 0.05 * rng.standard_normal(len(prob)), 0, 1)
    lead = evaluate.auc_lead(prob, other, label, groups, n_bootstrap=300).loc[0]
    expected = metrics.roc_auc_score(label, prob) - metrics.roc_auc_score(label, other)
    assert lead["mean"] == pytest.approx(expected, abs=1e-12) and lead["n"] == len(prob)
    assert lead["low"] < lead["mean"] < lead["high"]
    swapped = evaluate.auc_lead(other, prob, label, groups, n_bootstrap=300).loc[0]
    assert [-swapped["high"], -swapped["low"]] == pytest.approx([lead["low"], lead["high"]], abs=1e-12)
    alone = rating_metrics(prob, label, groups, n_bootstrap=300).set_index("metric").loc["AUC"]
    assert lead["high"] - lead["low"] < 0.7 * (alone["high"] - alone["low"])
    same = evaluate.auc_lead(prob, prob, label, groups, n_bootstrap=20).loc[0, ["mean", "low", "high"]]
    assert (same == 0).all()


def test_groups_widen_the_interval():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(50), 40)
    prob = np.full(2000, 0.5) + 0.01 * rng.random(2000)
    label = np.repeat(rng.random(50) < 0.5, 40)  # nearly everyone of one group agrees
    label = (label ^ (rng.random(2000) < 0.02)).astype(int)
    alone, together = (column(rating_metrics(prob, label, g), "high") for g in (None, groups))
    assert "group AUC" not in alone and "group AUC" in together
    assert together["ECE"] > 1.5 * alone["ECE"]


def test_calibration_is_that_of_scikit_learn(rated):
    prob, label, _ = rated
    curve = evaluate.calibration_curve(prob, label, n_bins=10)
    observed, predicted = sklearn_calibration(label, prob, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve["observed"], observed)
    np.testing.assert_allclose(curve["predicted"], predicted)
    for row in curve.itertuples():
        wilson = binomtest(round(row.observed * row.n), row.n).proportion_ci(0.95, method="wilson")
        assert (row.low, row.high) == pytest.approx((wilson.low, wilson.high), abs=1e-6)
    ece = column(rating_metrics(prob, label, n_bins=10, n_bootstrap=0))["ECE"]
    assert ece == pytest.approx(
        (curve["n"] * (curve["observed"] - curve["predicted"]).abs()).sum() / len(prob)
    )
    constant = column(rating_metrics(np.full(1000, 0.3), np.arange(1000) < 500, n_bootstrap=0))
    assert constant["ECE"] == pytest.approx(0.2) and constant["AUC"] == 0.5


def test_errors_of_rating_metrics():
    with pytest.raises(ValueError, match="both of them"):
        rating_metrics([0.2, 0.4], [1, 1])
    with pytest.raises(ValueError, match="expected 0 and 1"):
        rating_metrics([0.2, 0.4, 0.1], [0, 1, 5])
    with pytest.raises(ValueError, match="outside"):
        rating_metrics([0.2, 1.4], [0, 1])
    with pytest.raises(ValueError, match="shapes"):
        rating_metrics([[0.2, 0.4]], [0, 1])
    with pytest.raises(ValueError, match="groups"):
        rating_metrics([0.2, 0.4], [0, 1], [1])


# ---- splits and leaks -------------------------------------------------------------------------------------


def test_random_split_holds_out_a_fifth_of_each_user():
    matrix = ratings()
    split = random_split(matrix, 0.2, seed=3)
    total, out = np.diff(matrix.csr.indptr), np.diff(split.held_out.csr.indptr)
    np.testing.assert_array_equal(out, np.round(0.2 * total))
    assert ((split.train.csr + split.held_out.csr) != matrix.csr).nnz == 0
    again, other = random_split(matrix, 0.2, seed=3), random_split(matrix, 0.2, seed=4)
    assert again.held_out.fingerprint() == split.held_out.fingerprint() != other.held_out.fingerprint()
    single = RatingMatrix([1, 2, 2], [0, 0, 1], [0, 1, 0])
    assert np.diff(random_split(single, 0.9).train.csr.indptr).tolist() == [1, 1]
    assert (np.diff(random_split(matrix, 0.99).train.csr.indptr) == 1).all()  # never all of them
    with pytest.raises(ValueError, match="share"):
        random_split(matrix, 1.0)


def test_every_rating_is_held_out_equally_often():
    matrix = RatingMatrix(np.repeat([1, 2], 10), np.tile(np.arange(10), 2), np.zeros(20))
    counts = sum(
        (random_split(matrix, 0.2, seed).held_out.csr != 0).toarray().astype(int) for seed in range(1000)
    )
    assert np.abs(counts - 200).max() < 5 * np.sqrt(1000 * 0.2 * 0.8)


def test_a_leaked_input_is_refused():
    split = random_split(ratings())
    assert_no_leak(split.train, split.held_out)
    observed = (split.train.csr != 0).toarray()
    leaked = observed.copy()
    user, item = (int(i[0]) for i in split.held_out.csr.nonzero())
    leaked[user, item] = True
    for mask in (leaked, torch.from_numpy(leaked)):
        with pytest.raises(
            ValueError, match=rf"1 of .* what it was told.*\.592.*\.014.*row {user}, column {item}"
        ):
            assert_no_leak(mask, split.held_out)
    with pytest.raises(ValueError, match="what it was told"):
        Split(ratings(), split.held_out)
    with pytest.raises(ValueError, match="what it was told"):
        ranking_metrics(np.zeros(leaked.shape), split.held_out, leaked)
    with pytest.raises(ValueError, match="shape"):
        assert_no_leak(observed[:, 1:], split.held_out)
    with pytest.raises(ValueError, match="item_ids"):
        Split(ratings(), RatingMatrix([100], [0], [0], user_ids=range(100, 140)))


def test_split_hands_the_scorer_the_training_half_only():
    split = random_split(ratings())
    given = []

    def scorer(train):
        given.append(train)
        return np.random.default_rng(0).dirichlet(np.ones(5), train.shape)

    frame = split.rating(scorer, like_at_least=3, n_bootstrap=0)
    assert given == [split.train] and given[0] is split.train
    users, items, levels = evaluate.cells(split.held_out)
    prob = scorer(split.train)[users, items]
    assert column(frame)["AUC"] == pytest.approx(metrics.roc_auc_score(levels >= 3, prob[:, 3] + prob[:, 4]))
    expected = np.sqrt(np.mean((prob @ np.arange(5) - levels) ** 2))
    assert column(frame)["RMSE"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="like_at_least"):
        split.rating(scorer)
    with pytest.raises(ValueError, match="like_at_least"):
        split.rating(lambda train: np.full(train.shape, 0.5))
    with pytest.raises(ValueError, match="like_at_least: got None for 3 levels"):
        random_split(ratings(n_levels=3)).rating(lambda train: np.full(train.shape, 0.5))
    with pytest.raises(ValueError, match=r"got shapes \(0,\) and \(0,\), expected two equal \(n,\), n > 0"):
        rating_metrics([], [])
    likes = random_split(ratings(n_levels=2))  # two levels: the upper one is a like
    frame = likes.rating(lambda train: np.full(train.shape, 0.5), n_bootstrap=0)
    assert column(frame)["AUC"] == 0.5
    handed = []
    split.ranking(lambda train: handed.append(train) or np.zeros(train.shape), n_bootstrap=0)
    assert handed[0] is split.train
    best = np.zeros(split.train.shape)
    best[users[levels == 4], items[levels == 4]] = 1  # an oracle of the likes alone
    assert column(split.ranking(lambda train: best, n_bootstrap=0))["NDCG@10"] == pytest.approx(1)


def test_select_chooses_by_an_inner_split_of_the_training_ratings():
    train, seen = ratings(), []

    def truth(inner):
        seen.append(inner.n_ratings)
        return np.where(
            train.csr.toarray() == 5, 1.0, 0.0
        )  # knows the training ratings, as a good model would

    def nothing(inner):
        return np.zeros(inner.shape)

    def ndcg(split, scorer):
        return column(split.ranking(scorer, n_bootstrap=0))["NDCG@10"]

    best, frame = select({"nothing": nothing, "truth": truth}, train, ndcg, seeds=(0, 1))
    assert best == "truth" and len(frame) == 4 and max(seen) < train.n_ratings
    assert frame[frame["name"] == "truth"]["value"].tolist() == [1.0, 1.0]
    equal = {"second in the alphabet": truth, "first": truth}
    assert select(equal, train, ndcg)[0] == "second in the alphabet"
    with pytest.raises(ValueError, match="candidates"):
        select({}, train, ndcg)


def test_a_leaked_input_scores_as_what_it_is():
    """Were the guard not there: a machine that is told the answer looks better than one that is not."""
    matrix = ratings(200, 40, 2, 0.3)
    split = random_split(matrix)
    model = RBM(40, 30, "categorical", 2, weight_std=1.0, seed=0)
    users, items, levels = evaluate.cells(split.held_out)
    h_told = model.prob_h_given_v(*_one_hot(matrix))
    told = model.mean_v_given_h(h_told)[users, items, 1].detach().numpy()
    honest = predict(model, split.train)[users, items, 1].numpy()
    assert metrics.roc_auc_score(levels, told) > 0.75
    assert abs(metrics.roc_auc_score(levels, honest) - 0.5) < 4 * np.sqrt(1 / 12 / (len(levels) / 2))
    # `predict` itself leaves each observed unit out, so that handing it the answers gains nothing
    left_out = predict(model, matrix)[users, items, 1].numpy()
    assert abs(metrics.roc_auc_score(levels, left_out) - 0.5) < 4 * np.sqrt(1 / 12 / (len(levels) / 2))


def _one_hot(matrix):
    v, observed = matrix.batch(slice(None))
    return torch.nn.functional.one_hot(v.long(), matrix.n_levels).float(), observed
