"""Calibration makes probabilities of scores, with ratings that the scorer has not seen."""

import numpy as np
import pytest

from rbm_lib import baselines
from rbm_lib.data import RatingMatrix


class Given(baselines.Baseline):
    """Scores that are a function of the training ratings, (n_users, n_items)."""

    def __init__(self, function):
        self.function = function

    def _fit(self, ratings):
        self.table_ = self.function(ratings)

    def _scores(self, rows):
        return self.table_[rows]


def test_calibration_recovers_the_probability():
    rng = np.random.default_rng(3)
    truth = rng.beta(2, 2, (300, 50))
    logit = np.log(truth / (1 - truth))
    ratings = RatingMatrix(*np.nonzero(truth), (rng.random(truth.shape) < truth).ravel())

    prob = baselines.Calibrated(Given(lambda train: 4 * logit + 7)).fit(ratings).scores()

    assert np.abs(prob - truth).mean() < 0.03  # 3,000 held-out ratings fit two numbers


def test_calibration_uses_ratings_that_the_scorer_has_not_seen(ratings):
    def memory(train):  # knows its training ratings and nothing else
        v, observed = train.batch(slice(None))
        return (observed * (v - 2.5)).numpy()

    prob = baselines.Calibrated(Given(memory), 3).fit(ratings).scores()

    assert np.ptp(prob) < 1e-6


def test_the_model_is_fitted_to_all_ratings_in_the_end(ratings):
    model = baselines.Calibrated(baselines.ItemMean(), 3).fit(ratings)

    expected = baselines.ItemMean().fit(ratings).scores()
    np.testing.assert_array_equal(model.model_.scores(), expected)
    order = np.argsort(expected[0])
    assert model.slope_ > 0 and (np.diff(model.scores()[0][order]) >= 0).all()


def test_what_does_not_fit_is_refused(ratings):
    with pytest.raises(ValueError, match="like_at_least: got 5, expected .* at most 4"):
        baselines.Calibrated(baselines.ItemMean(), 5).fit(ratings)
    with pytest.raises(ValueError, match="like_at_least: got nan"):
        baselines.Calibrated(baselines.ItemMean(), np.nan)
    dislikes = ratings.keep(ratings.triples()[2] < 3)
    with pytest.raises(ValueError, match=r"ratings: got only .* no like \(at least 3\)"):
        baselines.Calibrated(baselines.ItemMean()).fit(dislikes)
    with pytest.raises(TypeError, match="model: got type ItemMean|model: got ItemMean"):
        baselines.Calibrated(baselines.ItemMean)
    with pytest.raises(TypeError, match="model: got function"):
        baselines.Calibrated(lambda train: 0)
