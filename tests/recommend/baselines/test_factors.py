"""Factor models against alternating ridge regressions without a trick."""

import numpy as np
import pytest

from rbm_lib import baselines
from rbm_lib.data import RatingMatrix
from rbm_lib.recommend.baselines import factors


def alternating_ridge_regressions(target, rated, items, penalties, alpha, sweeps):
    """All rows' equations at once; weight 1 + alpha on rated cells and alpha on others."""

    def solve(other, target, rated, penalty):
        weight = rated + alpha
        matrix = np.einsum("ij,jf,jg->ifg", weight, other, other)
        matrix += penalty[:, None, None] * np.eye(other.shape[1])
        return np.einsum("ifg,ig->if", np.linalg.pinv(matrix), (rated * target) @ other)

    for _ in range(sweeps):
        users = solve(items, target, rated, penalties[0])
        items = solve(users, target.T, rated.T, penalties[1])
    return users @ items.T


@pytest.mark.parametrize("exponent", [0, 0.5, 1])
@pytest.mark.parametrize("numbers_at_once", [factors.NUMBERS_AT_ONCE, 60])
def test_factor_models_are_alternating_ridge_regressions(
    ratings, dense, numbers_at_once, exponent, monkeypatch
):
    monkeypatch.setattr(factors, "NUMBERS_AT_ONCE", numbers_at_once)
    x, rated = dense
    counts = rated.sum(1), rated.sum(0)
    base = baselines.UserItemBias().fit(ratings).scores()
    draws = 0.1 * np.random.default_rng(0).standard_normal((13, 3))
    draws[rated.sum(0) == 0] = 0

    implicit = baselines.IALS(3, 0.1, 0.3, 4, exponent).fit(ratings)
    explicit = baselines.MatrixFactorization(n_factors=3, reg=0.3, sweeps=4).fit(ratings)

    fit = alternating_ridge_regressions
    penalties = [0.1 * n**exponent for n in counts]
    expected = fit(rated, rated, draws / np.sqrt(3), penalties, 0.3, 4)
    np.testing.assert_allclose(implicit.scores(), expected, atol=1e-9)
    expected = base + fit(x - base, rated, draws, [0.3 * n for n in counts], 0.0, 4)
    np.testing.assert_allclose(explicit.scores(), expected, atol=1e-9)


def test_items_and_users_that_nobody_knows_do_not_change_the_others(ratings):
    users, items, levels = ratings.triples()
    wide = RatingMatrix(
        users, items, levels, n_levels=5, user_ids=range(90), item_ids=range(600)
    )

    model = baselines.IALS(n_factors=3).fit(wide)

    alone = baselines.IALS(n_factors=3).fit(ratings).scores()
    np.testing.assert_allclose(model.scores(range(25))[:, :13], alone, atol=1e-9)
    assert (model.scores()[:, 13:] == 0).all()
