"""Where data enter: what is taken, that it stays the caller's, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.visible_data import VisibleData, as_visible_data
from tests.support import (
    assert_refused,
    random_mask,
    random_offsets,
    random_rbm,
    random_rows,
    seeded,
    spread,
)

nan = torch.nan


def read_only(x):
    array = x.numpy().copy()
    array.flags.writeable = False
    return array


CONTAINERS = {
    "tensor of integers": torch.Tensor.long,
    "list": torch.Tensor.tolist,
    "read-only array": read_only,
    "array with strides": lambda x: np.repeat(x.numpy(), 2, axis=1)[:, ::2],
    "DataFrame": lambda x: pd.DataFrame(x.numpy()),
    "nullable DataFrame": lambda x: pd.DataFrame(x.numpy()).convert_dtypes(),
    "tensor with gradient": lambda x: x.clone().requires_grad_(),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_rows(container, device):
    model = random_rbm("bernoulli", dtype=torch.float32)
    v = random_rows(model, 6)

    batch = VisibleData(model.to(device), CONTAINERS[container](v)).all()

    assert (batch.v.dtype, batch.v.requires_grad) == (torch.float32, False)
    assert torch.equal(batch.v, v.to(device))


def test_missing_cells_are_zero_whatever_they_hold_and_the_caller_keeps_them(visible):
    model = random_rbm(visible)
    mask = random_mask(6, 4)
    present = spread(model.visible, mask)
    v = random_rows(model, 6)
    holes = torch.where(present, v, nan)

    batch = VisibleData(model, holes, mask.tolist()).all()

    assert torch.equal(batch.v, torch.where(present, v, 0.0))
    assert torch.equal(batch.mask.expand_as(v), present.double())
    assert torch.equal(holes.isnan(), ~present)


def test_levels_become_one_hot():
    model = random_rbm("categorical")
    v = random_rows(model, 5)
    levels = v.argmax(-1).double()
    mask = random_mask(5, 4)

    assert torch.equal(VisibleData(model, levels).all().v, v)
    levels[~mask] = -1
    data = VisibleData(model, levels, mask.numpy())
    assert torch.equal(data.all().v, v * mask[..., None])


def test_a_mixed_table_has_one_column_for_each_unit():
    model = random_rbm("mixed")  # real, two binary, three levels
    table = pd.DataFrame({"a": [0.5, None], "b": [1, 0], "c": [0, 1], "d": [None, 2]})

    batch = VisibleData(model, table.convert_dtypes(), table.notna()).all()

    assert batch.v.tolist() == [[0.5, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 1]]
    assert batch.observed.tolist() == [[True, True, True, False], [False, True, True, True]]


def test_batches_serve_every_row_once_and_keep_the_short_last_one():
    data = VisibleData(random_rbm("bernoulli", n_visible=10), torch.eye(10))

    in_order = list(data.batches(4))
    at_random = torch.cat([batch.v for batch in data.batches(4, seeded(0))])

    assert [len(batch) for batch in in_order] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.v for batch in in_order]), data.all().v)
    assert torch.equal(at_random.sum(0), torch.ones(10).double())
    assert not torch.equal(at_random, data.all().v)


@pytest.mark.parametrize(("n", "step"), [(1, 1), (7, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_evenly_spaced_rows_are_at_most_as_many_as_asked_for(n, step, monkeypatch):
    data = VisibleData(random_rbm("gaussian", n_visible=1), torch.arange(n)[:, None])

    assert data.evenly_spaced(1000).tolist() == list(range(0, n, step))
    monkeypatch.setattr("rbm_lib.models.visible_data.MOST_AT_ONCE", 30)
    assert len(data.evenly_spaced(1000)) <= 30  # as of very wide rows


def test_the_fingerprint_knows_rows_mask_and_offset(visible):
    model = random_rbm(visible)
    v = random_rows(model, 6)
    mask = random_mask(6, 4)

    different = [(v,), (v[:5],), (v.flip(0),), (v, mask), (v, ~mask), (v, mask, 1.0)]
    prints = {VisibleData(model, *arguments).fingerprint() for arguments in different}

    assert len(prints) == len(different)
    assert VisibleData(model, v.numpy(), mask.tolist()).fingerprint() in prints


def test_checked_data_are_not_checked_again():
    model = random_rbm("bernoulli")
    data = VisibleData(model, random_rows(model, 3))

    assert as_visible_data(model, data) is data
    mask = torch.ones(4).bool()
    assert_refused("got a mask beside VisibleData", as_visible_data, model, data, mask)


@pytest.mark.parametrize("visible", ["categorical", "gaussian"])
def test_ratings_are_served_like_dense_rows(visible):
    rng = np.random.default_rng(0)
    levels = rng.integers(3, size=(8, 6))
    mask = rng.random((8, 6)) < 0.5
    mask[3] = False  # a user without ratings
    mask[:, 2] = False  # an item that nobody rated
    users, items = np.nonzero(mask)
    ids = {"user_ids": range(8), "item_ids": range(6)}
    ratings = RatingMatrix(users, items, levels[mask], n_levels=3, **ids)
    model = random_rbm(visible, n_visible=6)
    offset = random_offsets(model, 8)[2]
    dense = VisibleData(model, levels, mask, offset)

    data = VisibleData(model, ratings, visible_offset=offset)

    assert (len(data), data.has_offset, data.shares_model) == (8, True, False)
    for index in (torch.arange(8), torch.tensor([7, 3])):
        torch.testing.assert_close(vars(data.rows(index)), vars(dense.rows(index)))
    rated = data.rated_rows(torch.tensor([7, 3]))
    assert rated.items.tolist() == np.flatnonzero(mask[7]).tolist()
    torch.testing.assert_close(data.fit_parameters(), dense.fit_parameters())
    fewer = VisibleData(model, ratings.rows(np.arange(7)))
    assert fewer.fingerprint() != VisibleData(model, ratings).fingerprint()
    assert_refused("observed: got a mask beside", VisibleData, model, ratings, mask)
    assert_refused("data: got 6 items, exp", VisibleData, random_rbm(visible), ratings)
    binary = random_rbm("bernoulli", n_visible=6)
    assert_refused("data: got 3 levels, exp.*binarize", VisibleData, binary, ratings)


def test_a_sparse_array_is_served_like_the_dense_rows_it_stands_for():
    model = random_rbm("bernoulli", 5, dtype=torch.float32)
    v = random_rows(model, 9)
    sparse = VisibleData(model, csr_array(v.numpy()))
    dense = VisibleData(model, v)

    assert torch.equal(sparse.rows(torch.tensor([4, 0])).v, v[[4, 0]])
    assert torch.equal(sparse.all().v, v)
    assert sparse.all().observed is None
    fitted = sparse.fit_parameters()["bias"]
    torch.testing.assert_close(fitted, dense.fit_parameters()["bias"])
    assert (
        len({sparse.fingerprint(), VisibleData(model, csr_array((9, 5))).fingerprint()})
        == 2
    )


@pytest.mark.parametrize(
    ("data", "observed", "message"),
    [
        (
            csr_array(np.eye(5)),
            torch.ones(5, 5) == 1,
            "observed: got a mask beside a sparse",
        ),
        (csr_array(np.eye(4)), None, r"data: got a sparse array of shape \(4, 4\)"),
        (csr_array(2 * np.eye(5)), None, "data: got stored values beside 0 and 1"),
    ],
)
def test_sparse_arrays_that_do_not_fit_are_refused(data, observed, message):
    assert_refused(message, VisibleData, random_rbm("bernoulli", 5), data, observed)


def test_zeros_that_are_masked_are_no_part_of_the_column_means():
    rated = np.ma.masked_equal([[4.0, 0.0], [3.0, 5.0]], 0)
    model = random_rbm("gaussian", 2)

    assert_refused("v: got a masked array", model.initialize_from, rated)
    model.initialize_from(rated.filled(0), observed=~np.ma.getmaskarray(rated))

    assert model.visible_bias.tolist() == [3.5, 5.0]


def test_data_that_do_not_fit_are_refused_by_name():
    binary = random_rbm("bernoulli")
    levels = random_rbm("categorical")
    v = torch.zeros(3, 4)
    mask = torch.ones(3, 4, dtype=torch.bool)

    def spoilt(value):
        return v.index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(float(value)))

    for model, arguments, message in [
        (binary, (v[0],), r"data: got shape \(4,\), expected \(rows, 4\)\."),
        (levels, (v[:, :3],), r"expected \(rows, 4, 3\) or a table \(rows, 4\)"),
        (binary, (spoilt(nan),), r"data: got nan at \[1, 2\].*with observed="),
        (binary, (spoilt(torch.inf), mask), r"data: got inf at \[1, 2\]"),
        (binary, (spoilt(-1),), r"data: got -1 at \[1, 2\].*between 0 and 1; mark missing"),
        (binary, (spoilt(2), mask), r"data: got 2 at \[1, 2\].*between 0 and 1\."),
        (levels, (spoilt(3),), r"data: got 3 at \[1, 2\].*a whole level 0 … 2"),
        (binary, (v.to_sparse(),), "data: got a .*sparse.*, expected dense real"),
        (binary, ([["a"] * 4],), "data: got list, expected numbers"),
        (binary, (v, mask.int()), "observed: got a mask of torch.int32"),
        (binary, (v, mask[:2]), r"observed: got shape \(2, 4\), expected \(3, 4\)"),
        (binary, (v, None, torch.ones(3)), r"visible_offset: got shape \(3,\)"),
        (binary, (v, None, nan), "visible_offset: got nan"),
    ]:
        assert_refused(message, VisibleData, model, *arguments)
