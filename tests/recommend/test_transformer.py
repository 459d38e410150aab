"""The scikit-learn transformer: its conventions, and that it learns."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from rbm_lib.recommend.transformer import RBMTransformer


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_passes_the_checks_of_scikit_learn():
    model = RBMTransformer(n_components=3, n_iter=2, visible="gaussian")

    results = check_estimator(model, on_fail=None)

    assert [r["check_name"] for r in results if r["status"] == "failed"] == []


def test_bernoulli_units_refuse_other_numbers():
    with pytest.raises(ValueError, match="X: got values from 0 to 2, expected values betw"):
        RBMTransformer().fit([[0, 2]])
    with pytest.raises(ValueError, match="visible: got 'binary'"):
        RBMTransformer(visible="binary").fit([[0, 1]])


def test_features_in_a_pipeline_tell_patterns_from_each_other():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 300)
    X = (
        rng.random((300, 12)) < np.where(np.arange(12) % 2 == label[:, None], 0.9, 0.1)
    ) * 1.0
    rbm = RBMTransformer(n_components=4, n_iter=50, random_state=0)

    model = make_pipeline(rbm, LogisticRegression()).fit(X, label)

    assert model.score(X, label) > 0.95
    assert model[:-1].get_feature_names_out().tolist() == [
        f"rbmtransformer{i}" for i in range(4)
    ]
    scores = rbm.score_samples(np.array([X[0], np.where(np.arange(12) < 6, 1.0, 0.0)]))
    assert scores[0] > scores[1]  # a pattern of neither kind is less probable
