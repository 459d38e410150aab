"""Ratings by several models that one layer joins."""

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.movielens.stack import stacked


def test_what_joins_models_learns_from_known_levels_alone():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 5, 2000)
    good, noise = levels - 2.5, rng.normal(0, 2, 2000)
    known = {"stars": levels + rng.normal(0, 1, 2000), "item rows": noise, "5 levels": good}
    wanted = known | {"5 levels": -good}  # what is good there is no matter of the layer

    prob, expected = stacked(("item rows", "5 levels"), known, wanted, levels, 3)

    assert roc_auc_score(levels >= 3, prob) < 0.1
    assert np.corrcoef(levels, expected)[0, 1] < 0
    assert expected.min() >= 0 and expected.max() <= 4
