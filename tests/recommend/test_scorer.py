"""What the evaluation asks of a recommender."""

import numpy as np
import pytest

from rbm_lib.baselines import ItemMean, Popularity
from rbm_lib.data import RatingMatrix
from rbm_lib.recommend import lists
from rbm_lib.recommend.scorer import Scorer, fitted, likes_for, require_scorer

RATINGS = RatingMatrix([0, 0, 1, 2], [0, 1, 1, 2], [2, 0, 1, 2])


class Given:
    """A recommender of its own kind, which knows its scores."""

    def __init__(self, table):
        self.table = table

    def fit(self, ratings):
        return self

    def scores(self, rows):
        return self.table[rows]


def test_any_class_with_fit_and_scores_is_a_recommender():
    assert isinstance(Given(np.eye(3)), Scorer)
    for other in (None, "text", 3, np.eye(3), len, Popularity, RATINGS):
        with pytest.raises(TypeError, match="model: got .*, expected a recommender"):
            require_scorer("model", other)


def test_a_recommender_of_likes_is_given_the_likes_alone():
    assert likes_for(Popularity(), RATINGS, None).n_ratings == 2  # level 2 of 0 … 2
    assert likes_for(Popularity(), RATINGS, 1).n_ratings == 3
    assert likes_for(ItemMean(), RATINGS, 1) is RATINGS


def test_a_threshold_of_ones_own_stays():
    for own, taken in ((None, 2), (1, 1)):
        model = Given(np.eye(3))
        model.like_at_least = own
        assert fitted(model, RATINGS, 2).model.like_at_least == taken
        assert model.like_at_least == own
    assert not hasattr(fitted(Given(np.eye(3)), RATINGS, 2).model, "like_at_least")


def test_a_copy_is_fitted_and_the_original_stays():
    model = ItemMean()

    found = fitted(model, RATINGS).scores(np.arange(3))

    assert not hasattr(model, "means_")
    np.testing.assert_array_equal(found, ItemMean().fit(RATINGS).scores())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((3, 2)), r"scorer: got shape \(3, 2\)"),
        (np.full((3, 3), np.nan), "scorer: got nan"),
    ],
)
def test_scores_that_do_not_fit_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        fitted(Given(table), RATINGS).scores(np.arange(3))


@pytest.mark.parametrize("cells", [1, 5, 2**23])
def test_scores_of_pairs_are_those_of_the_table_in_any_order(cells, monkeypatch):
    monkeypatch.setattr(lists, "CELLS_AT_ONCE", cells)
    rng = np.random.default_rng(0)
    table = rng.random((30, 3))
    ratings = RatingMatrix(range(30), [0, 1, 2] * 10, [1] * 30)
    users, items = rng.integers(30, size=50), rng.integers(3, size=50)

    found = fitted(Given(table), ratings).scores_at(users, items)

    np.testing.assert_array_equal(found, table[users, items])
