"""The gradient on rated cells alone equals that of dense rows."""

import numpy as np
import pytest
import torch

from rbm_lib import CD, RBM, RatingMatrix, fit
from rbm_lib.models import VisibleData, rated
from rbm_lib.models.rated import RatedBatch
from rbm_lib.training.sparse import sparse_cd
from tests.support import seeded

UNITS = [("bernoulli", None), ("categorical", 2), ("categorical", 5)]


def ratings(n_levels, n_users=30, n_items=40, share=0.15):
    """Some users and items have no ratings."""
    rng = np.random.default_rng(0)
    known = rng.random((n_users, n_items)) < share
    known[[3, n_users - 1]] = False
    known[:, [7, n_items - 1]] = False
    users, items = np.nonzero(known)
    levels = rng.integers(0, n_levels or 2, len(users))
    catalogue = {"user_ids": range(n_users), "item_ids": range(n_items)}
    return RatingMatrix(users, items, levels, n_levels=n_levels or 2, **catalogue)


def model_for(visible, n_levels):
    model = RBM(40, 6, visible, n_levels, weight_std=0.7, seed=0).double()
    for seed, p in enumerate((model.visible_bias, model.hidden_bias)):
        p.data.normal_(generator=seeded(seed))
    return model


@pytest.fixture(params=[True, False], ids=["sampled product", "gathered"])
def either_way(request, monkeypatch):
    """Both ways to compute the field at rated units, in several blocks."""
    if request.param and not torch.backends.mkl.is_available():
        pytest.skip("this build of torch has no sparse products on the CPU")
    monkeypatch.setattr("torch.backends.mkl.is_available", lambda: request.param)
    monkeypatch.setattr("rbm_lib.models.rated.BLOCK_ELEMENTS", 100)


@pytest.mark.parametrize("sample_visible", [False, True])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("visible", "n_levels"), UNITS)
def test_the_gradient_is_that_of_dense_rows(
    visible, n_levels, k, sample_visible, either_way, monkeypatch
):
    """Every draw compares with the same number, so that both see the same states."""

    def constant(shape, dtype, **_):
        return torch.full(tuple(shape), 0.37, dtype=dtype)

    monkeypatch.setattr(torch, "rand", constant)
    matrix = ratings(n_levels)
    model = model_for(visible, n_levels)
    method = CD(k, sample_visible)

    gradient = sparse_cd(method, model, RatedBatch(model, matrix.rated_rows(slice(None))))

    expected = method.gradient(model, VisibleData(model, matrix).all())
    assert expected["W"].abs().max() > 0.01
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value, rtol=1e-10, atol=1e-12)
    assert not gradient["W"][[7, 39]].any()  # items that nobody rated


def test_the_gradient_goes_where_the_caller_wants_it():
    matrix = ratings(2)
    model = model_for("categorical", 2)
    out = {name: torch.full_like(p, 7.0) for name, p in model.named_parameters()}
    batch = RatedBatch(model, matrix.rated_rows(slice(0, 9)))

    gradient = sparse_cd(CD(), model, batch, seeded(0), out=out)

    fresh = sparse_cd(CD(), model, batch, seeded(0))
    for name in out:
        assert gradient[name] is out[name]
        torch.testing.assert_close(gradient[name], fresh[name])


def test_rows_without_ratings_have_no_gradient():
    model = model_for("categorical", 2)
    nobody = RatedBatch(model, ratings(2).rated_rows(np.array([3, 29])))

    gradient = sparse_cd(CD(), model, nobody, seeded(0))

    assert not any(value.any() for value in gradient.values())


@pytest.mark.parametrize(("visible", "n_levels"), UNITS)
def test_training_is_that_of_dense_rows(visible, n_levels, monkeypatch):
    """With CD-1 and means as visible units the two paths draw the same hidden units."""
    matrix = ratings(n_levels)
    trained = []
    for below in (1.0, 0.0):
        monkeypatch.setattr(rated, "SPARSE_BELOW", {"cpu": below})
        model = model_for(visible, n_levels).initialize_from(matrix)
        options = {"epochs": 4, "batch_size": 7, "lr": 0.05, "weight_decay": 0.01}
        fit(model, matrix, generator=seeded(5), device="cpu", progress=False, **options)
        trained.append(dict(model.named_parameters()))

    for name, p in trained[0].items():
        torch.testing.assert_close(p, trained[1][name], rtol=1e-8, atol=1e-10)
