"""Splits hold out what they should, and a scorer sees the training part only."""

import numpy as np
import pytest
from sklearn import metrics

from rbm_lib.data import RatingMatrix
from rbm_lib.evaluate import Split, random_split, select


def random_ratings(n_levels: int = 5) -> RatingMatrix:
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 30)) < 0.4)
    levels = rng.integers(0, n_levels, len(users))
    catalogue = {"user_ids": range(40), "item_ids": range(30)}
    return RatingMatrix(users, items, levels, n_levels=n_levels, **catalogue)


@pytest.mark.parametrize("share", [0.2, 0.99])
def test_a_share_of_each_users_ratings_is_held_out_but_never_all(share):
    ratings = random_ratings()
    count = ratings.user_counts()

    split = random_split(ratings, share, seed=3)

    expected = np.minimum(np.round(share * count), count - 1)
    np.testing.assert_array_equal(split.held_out.user_counts(), expected)
    np.testing.assert_array_equal(split.train.user_counts(), count - expected)


def test_every_rating_is_held_out_equally_often():
    ratings = RatingMatrix(np.repeat([1, 2], 10), np.tile(np.arange(10), 2), np.zeros(20))

    splits = [random_split(ratings, 0.2, seed) for seed in range(1000)]

    counts = sum(split.held_out.rated().toarray().astype(int) for split in splits)
    assert np.abs(counts - 200).max() < 5 * np.sqrt(1000 * 0.2 * 0.8)


def test_parts_that_do_not_fit_are_refused():
    ratings = random_ratings()
    with pytest.raises(ValueError, match=r"share: got 1\.0"):
        random_split(ratings, 1.0)
    with pytest.raises(ValueError, match="held-out ratings"):
        Split(ratings, random_split(ratings).held_out)
    with pytest.raises(ValueError, match="held_out: got other item_ids"):
        Split(ratings, RatingMatrix([0], [0], [0], user_ids=range(40)))


def test_rating_scores_the_held_out_ratings():
    split = random_split(random_ratings())
    prob = np.random.default_rng(0).random(split.train.shape)
    seen = []

    table = split.rating(lambda train: seen.append(train) or prob, 3, n_bootstrap=0)

    users, items, levels = split.held_out.triples()
    assert seen == [split.train]
    assert table["mean"][0] == pytest.approx(
        metrics.roc_auc_score(levels >= 3, prob[users, items])
    )
    assert "group AUC" in set(table["metric"])


def test_with_two_levels_the_upper_one_is_a_like():
    split = random_split(random_ratings(n_levels=2))
    truth = split.held_out.likes().toarray().astype(float)

    assert split.rating(lambda train: truth, n_bootstrap=0)["mean"][0] == 1


def test_ranking_counts_the_highest_level_as_relevant():
    split = random_split(random_ratings())
    truth = split.held_out.likes(4).toarray().astype(float)
    seen = []

    table = split.ranking(lambda train: seen.append(train) or truth, n_bootstrap=0)

    assert seen == [split.train]
    assert table.set_index("metric")["mean"]["NDCG@10"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("scorer", "error", "message"),
    [
        (3, TypeError, "scorer: got int"),
        (lambda train: np.zeros((2, 2)), ValueError, r"scorer: got shape \(2, 2\)"),
        (lambda train: np.full(train.shape, np.nan), ValueError, "scorer: got nan"),
    ],
)
def test_a_scorer_that_does_not_fit_is_refused(scorer, error, message):
    with pytest.raises(error, match=message):
        random_split(random_ratings()).ranking(scorer)


def ndcg(split, scorer):
    return split.ranking(scorer, n_bootstrap=0)["mean"][0]


def test_select_chooses_the_first_of_the_best_on_inner_splits():
    train = random_ratings()
    truth = train.likes(4).toarray().astype(float)
    n_seen = []

    def oracle(inner):
        n_seen.append(inner.n_ratings)
        return truth

    candidates = {"nothing": lambda inner: 0 * truth, "oracle": oracle, "a copy": oracle}
    best, results = select(candidates, train, ndcg, seeds=(0, 1))

    assert best == "oracle"
    assert results["name"].tolist()[:4] == ["nothing", "nothing", "oracle", "oracle"]
    assert results["value"].tolist()[2:] == [1, 1, 1, 1]
    assert results["value"][0] != results["value"][1]  # of two different splits
    assert max(n_seen) < train.n_ratings


def test_select_refuses_no_candidates_and_values_that_are_no_numbers():
    with pytest.raises(ValueError, match="candidates, seeds: got none"):
        select({}, random_ratings(), ndcg)
    with pytest.raises(ValueError, match="measure: got nan for 'a'"):
        select({"a": len}, random_ratings(), lambda split, scorer: np.nan)
