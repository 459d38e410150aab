"""The gradient on rated cells against that of dense rows, and training with it.

Moved from the tests of the rated batch as they were; they still have the old names.
"""

import numpy as np
import pytest
import torch

from rbm_lib import RBM, fit
from rbm_lib.data import RatingMatrix
from rbm_lib.models import batch as inputs
from rbm_lib.models import rated as sparse
from rbm_lib.training.gradients import cd_gradient

KINDS = [("bernoulli", None), ("categorical", 2), ("categorical", 5)]
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def ratings(n_levels, n_users=30, n_items=40, share=0.15, seed=0):
    rng = np.random.default_rng(seed)
    known = rng.random((n_users, n_items)) < share
    known[3], known[n_users - 1], known[:, 7], known[:, n_items - 1] = False, False, False, False
    users, items = np.nonzero(known)
    levels = rng.integers(0, n_levels, len(users))
    catalogue = {"user_ids": range(n_users), "item_ids": range(n_items)}
    return RatingMatrix(users, items, levels, n_levels=n_levels, **catalogue)


def machine(kind, n_levels, n_visible=40):
    model = RBM(n_visible, 6, kind, n_levels, weight_std=0.7, seed=0).double()
    for p, seed in ((model.visible_bias, 1), (model.hidden_bias, 2)):
        p.data.normal_(generator=seeded(seed))
    return model


@pytest.fixture(params=[True, False], ids=["sampled product", "gathered"])
def either_way(request, monkeypatch):
    if request.param and not torch.backends.mkl.is_available():
        pytest.skip("this build of torch has no sparse products on the CPU")
    monkeypatch.setattr("torch.backends.mkl.is_available", lambda: request.param)
    monkeypatch.setattr("rbm_lib.models.rated.BLOCK_ELEMENTS", 100)  # several blocks


@pytest.mark.parametrize("sample_visible", [False, True])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("kind", "n_levels"), KINDS)
def test_the_gradient_is_that_of_dense_rows(kind, n_levels, k, sample_visible, either_way, monkeypatch):
    """Every draw compares with the same number, so that both see the same states."""
    monkeypatch.setattr(torch, "rand", lambda shape, dtype, **_: torch.full(tuple(shape), 0.37, dtype=dtype))
    matrix, model = ratings(n_levels or 2), machine(kind, n_levels)
    v, observed, _ = inputs.Rows(model, matrix).all()
    expected = cd_gradient(model, v, k, observed, sample_visible=sample_visible)
    got = sparse.cd_gradient(model, sparse.RatedCells(model, matrix.csr), k, sample_visible)
    assert expected.keys() == got.keys() and expected["W"].abs().max() > 0.01
    for name in expected:
        torch.testing.assert_close(got[name], expected[name], **CLOSE)
    assert (got["W"][[7, 39]] == 0).all()  # items that nobody rated


@pytest.mark.parametrize(("kind", "n_levels"), KINDS)
def test_a_gradient_is_added_to_what_is_left_of_the_last(kind, n_levels):
    model, cells = (
        machine(kind, n_levels),
        sparse.RatedCells(machine(kind, n_levels), ratings(n_levels or 2).csr),
    )
    gradient = sparse.cd_gradient(model, cells, generator=seeded())
    given = {name: torch.rand_like(p) for name, p in model.named_parameters()}
    before = {name: value.clone() for name, value in given.items()}
    added = sparse.cd_gradient(model, cells, generator=seeded(), into=given, keep=0.9, scale=-2.0)
    for name in gradient:
        torch.testing.assert_close(added[name], 0.9 * before[name] - 2 * gradient[name], **CLOSE)
        assert added[name] is given[name]


def test_rows_without_ratings_have_no_gradient():
    model, nobody = machine("categorical", 2), ratings(2).rows([3, 29])
    assert nobody.n_ratings == 0
    gradient = sparse.cd_gradient(model, sparse.RatedCells(model, nobody.csr))
    assert all((value == 0).all() for value in gradient.values())


@pytest.mark.parametrize(("kind", "n_levels"), KINDS)
def test_training_is_that_of_dense_rows(kind, n_levels, monkeypatch):
    """With CD-1 and mean visible units the two paths draw the same hidden units."""
    matrix, trained, calls = ratings(n_levels or 2), [], []
    spy = sparse.cd_gradient
    monkeypatch.setattr(sparse, "cd_gradient", lambda *a, **b: calls.append(1) or spy(*a, **b))
    for below in (1.0, 0.0):
        monkeypatch.setattr("rbm_lib.models.batch.SPARSE_BELOW", {"cpu": below})
        model = machine(kind, n_levels).initialize_from(matrix)
        fit(model, matrix, epochs=4, batch_size=7, lr=0.05, weight_decay=0.01, decay_toward="item_mean",
            generator=seeded(5), device="cpu", progress=False)  # fmt: skip
        trained.append(dict(model.named_parameters()))
    assert len(calls) == 4 * 5  # the first of the two runs, every batch, the short one too
    for name, p in trained[0].items():
        torch.testing.assert_close(p, trained[1][name], rtol=1e-8, atol=1e-10)


def test_where_rated_cells_are_used(monkeypatch):
    monkeypatch.setattr("rbm_lib.models.batch.SPARSE_BELOW", {"cpu": 0.01})
    few, many = ratings(2, 100, 200, 0.005), ratings(2, 100, 200, 0.05)
    model = RBM(200, 2, "categorical", 2)
    assert inputs.Rows(model, few).sparse and not inputs.Rows(model, many).sparse
    assert not inputs.Rows(model, few, visible_offset=torch.zeros(200, 2)).sparse
    assert not inputs.Rows(RBM(200, 2, "gaussian"), few).sparse
    assert not inputs.Rows(RBM(200, 2), torch.zeros(3, 200)).sparse
