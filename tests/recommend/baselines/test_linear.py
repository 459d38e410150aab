"""EASE against the regressions that it stands for."""

import numpy as np
import pytest

from rbm_lib import baselines


@pytest.mark.parametrize("transposed", [False, True])
def test_ease_is_the_ridge_regression_of_each_item_on_the_others(
    ratings, dense, transposed
):
    likes = ratings.T if transposed else ratings  # more items than users, or fewer
    x = dense[1].T if transposed else dense[1]

    scores = baselines.EASE(l2=1.5).fit(likes).scores()

    for item in range(x.shape[1]):
        rest = np.delete(x, item, axis=1)
        gram = rest.T @ rest + 1.5 * np.eye(rest.shape[1])
        expected = rest @ np.linalg.solve(gram, rest.T @ x[:, item])
        np.testing.assert_allclose(scores[:, item], expected, atol=1e-10)
