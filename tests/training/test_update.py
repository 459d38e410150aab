"""Which path computes a batch's gradient; all give the same numbers."""

import pytest
import torch

from rbm_lib import CD, DBM, RBM, RatingMatrix
from rbm_lib.models import VisibleData
from rbm_lib.training.distributed import Processes
from rbm_lib.training.update import BatchGradient, is_sparse
from tests.support import random_rbm, random_rows, seeded


def ratings(share, n_levels=3, n_users=40, n_items=30):
    rated = torch.rand(n_users, n_items, generator=seeded(0)) < share
    users, items = rated.nonzero().T
    levels = torch.randint(n_levels, (len(users),), generator=seeded(1))
    ids = {"user_ids": range(n_users), "item_ids": range(n_items)}
    return RatingMatrix(users, items, levels, n_levels=n_levels, **ids)


def gradient_of(method, model, data):
    return BatchGradient(method, model, data, seeded(2), Processes())


@pytest.mark.parametrize(("share", "sparse"), [(0.1, True), (0.5, False)])
def test_few_ratings_take_the_sparse_path(share, sparse):
    model = RBM(30, 4, "categorical", n_levels=3, seed=0)

    assert gradient_of(CD(), model, VisibleData(model, ratings(share))).sparse is sparse


def test_the_sparse_path_equals_the_general_one():
    model = RBM(30, 4, "categorical", n_levels=3, weight_std=0.5, seed=0).double()
    data = VisibleData(model, ratings(0.1))
    index = torch.arange(12)

    sparse = gradient_of(CD(), model, data)(index)

    general = CD().gradient(model, data.rows(index), seeded(2))
    for name, value in general.items():
        torch.testing.assert_close(sparse[name], value)


@pytest.mark.parametrize("what", ["center", "offset", "gaussian", "dbm", "dense rows"])
def test_what_only_the_general_path_can_do(what):
    model = RBM(30, 4, "categorical", n_levels=3, seed=0)
    offset = torch.ones(30, 3) if what == "offset" else None
    method = CD(center=what == "center")
    data = ratings(0.1)
    if what == "gaussian":
        model = RBM(30, 4, "gaussian", seed=0)
    elif what == "dbm":
        model = DBM([30, 4, 2], "categorical", n_levels=3, seed=0)
    elif what == "dense rows":
        data = torch.zeros(5, 30)

    assert not is_sparse(method, model, VisibleData(model, data, visible_offset=offset))


def test_complete_rows_take_the_dense_path():
    model = random_rbm("bernoulli")
    data = VisibleData(model, random_rows(model, 5))

    assert gradient_of(CD(), model, data).dense is not None
    assert gradient_of(CD(center=True), model, data).dense is None
