"""The door: what is taken, that it stays the caller's, and what is said when it does not fit."""

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.models.batch import Rows
from tests.support import machine, random_mask, random_rows, seeded


def all_rows(model, *arguments):
    return Rows(model, *arguments).all()


def test_every_container_gives_the_same_rows(device):
    model = machine("bernoulli", dtype=torch.float32).to(device)
    v, mask = random_rows(model.cpu(), 6), random_mask(6, 4)
    model.to(device)
    holes = np.where(mask, v, np.nan)
    read_only = v.numpy().copy()
    read_only.flags.writeable = False
    wide = np.zeros((4, 12))
    wide[:, ::2] = v.numpy().T
    frame = pd.DataFrame(holes).convert_dtypes()  # nullable integers, with pd.NA
    for data in (
        v,
        v.double(),
        v.to(torch.int64),
        read_only,
        wide[:, ::2].T,
        v.tolist(),
        pd.DataFrame(holes),
        frame,
    ):
        for observed in (mask, mask.numpy(), mask.tolist(), pd.DataFrame(mask.numpy())):
            got, got_mask, offset = all_rows(model, data, observed)
            assert offset is None and got.dtype == torch.float32 and got.device.type == device.type
            assert torch.equal(got_mask.cpu(), mask) and torch.equal(got.cpu(), v * mask)
    assert (
        torch.equal(all_rows(model, v.requires_grad_())[0].cpu(), v)
        and not all_rows(model, v)[0].requires_grad
    )


def test_the_callers_data_is_never_changed(kind):
    model = machine(kind)
    v, mask = random_rows(model, 5), random_mask(5, 4)
    with torch.no_grad():
        v[~mask] = float("nan")
    before = v.clone()
    rows = Rows(model, v, mask)
    rows.batch(torch.tensor([0, 1]))[0].fill_(7)
    rows.all()[0].fill_(7)
    assert torch.equal(v.nan_to_num(-5), before.nan_to_num(-5))


def test_whole_levels_are_made_one_hot():
    model = machine("categorical")
    v, mask = random_rows(model, 5), random_mask(5, 4)
    levels = v.argmax(-1).double()
    assert torch.equal(all_rows(model, levels)[0], v)
    levels[~mask] = -1
    assert torch.equal(all_rows(model, levels, mask)[0][mask], v[mask])


def test_batches_take_their_own_mask_and_offset(kind):
    model = machine(kind)
    v, mask, index = random_rows(model, 6), random_mask(6, 4), torch.tensor([4, 0])
    shift = torch.randn(6, *model.visible_bias.shape, generator=seeded(0), dtype=torch.float64)
    for observed, offset, masked in [
        (None, None, False), (mask[5], None, False), (mask[5], shift[0], False), (None, shift[0], False),
        (mask, None, True), (None, shift, True), (mask, shift, True),
    ]:  # fmt: skip
        rows = Rows(model, v, observed, offset)
        assert len(rows) == 6 and rows.masked is masked
        got, got_mask, got_offset = rows.batch(index)
        row_mask = None if observed is None else observed.expand(6, 4)[index]
        row_offset = None if offset is None else offset.expand(shift.shape)[index]
        torch.testing.assert_close(
            model.free_energy(got, got_mask, got_offset), model.free_energy(v[index], row_mask, row_offset)
        )
    one_for_all = Rows(model, v, None, shift[:1])
    torch.testing.assert_close(
        one_for_all.batch(index)[2].expand(2, *shift.shape[1:]), shift[:1].expand_as(shift[:2])
    )


@pytest.mark.parametrize("n", [1, 7, 1000, 1001, 2500])
def test_some_rows_are_evenly_spaced_and_always_the_same(n):
    rows = Rows(machine("bernoulli", n_visible=1), torch.linspace(0, 1, n)[:, None])
    some = rows.some(1000)[0]
    assert 1 <= len(some) <= 1000 and (n > 1000 or len(some) == n) and 2 * len(some) > min(n, 1000)
    assert torch.equal(some, rows.some(1000)[0])


def test_the_fingerprint_knows_the_data(kind):
    model = machine(kind)
    v, mask = random_rows(model, 6), random_mask(6, 4)
    other, other_mask = v.clone(), mask.clone()
    other[0, 0] = v[0, 0].flip(-1) if kind == "categorical" else 1 - v[0, 0]
    other_mask[0, 0] = False
    prints = [
        Rows(model, *arguments).fingerprint()
        for arguments in [
            (v,),
            (v[:5],),
            (v.flip(0),),
            (v, mask),
            (v, other_mask),
            (v, mask, 1.0),
            (v, None, 2.0),
        ]
    ]
    assert len(set(prints)) == len(prints)
    assert (
        Rows(model, v, mask).fingerprint() == Rows(model, v.numpy(), mask.numpy()).fingerprint() == prints[3]
    )
    changed = other if kind != "categorical" or not torch.equal(other, v) else v.flip(1)
    assert Rows(model, changed).fingerprint() != prints[0]


def test_ratings_are_the_dense_path():
    from rbm_lib.data.ratings import RatingMatrix

    generator = np.random.default_rng(0)
    model = machine("categorical", n_visible=6, n_levels=3)
    level, mask = generator.integers(3, size=(8, 6)), generator.random((8, 6)) < 0.5
    mask[0, 0] = mask[:, 5] = True
    mask[3] = False  # a user without ratings
    users, items = np.nonzero(mask)
    ratings = RatingMatrix(users, items, level[mask], n_levels=3, user_ids=range(8), item_ids=range(6))
    sparse, dense = Rows(model, ratings), Rows(model, level, mask)
    assert len(sparse) == 8 and sparse.masked
    for index in (torch.arange(8), torch.tensor([7, 3])):
        v, observed, _ = sparse.batch(index)
        expected, expected_mask, _ = dense.batch(index)
        assert v.dtype == torch.float64 and torch.equal(observed, expected_mask)
        assert torch.equal(v[observed], expected[observed])
    assert sparse.fingerprint() != Rows(model, ratings.rows(np.arange(7))).fingerprint()
    with pytest.raises(ValueError, match="observed: a RatingMatrix brings its own mask"):
        Rows(model, ratings, mask)
    with pytest.raises(ValueError, match="data: got 6 items, expected 4"):
        Rows(machine("categorical"), ratings)
    with pytest.raises(
        ValueError, match=r"data: has 3 levels, a bernoulli machine .* takes 2; try `ratings.binarize"
    ):
        Rows(machine("bernoulli", n_visible=6), ratings)


def refusals():
    b, c, g = machine("bernoulli"), machine("categorical"), machine("gaussian")
    v, mask = random_rows(b, 3), torch.ones(3, 4, dtype=torch.bool)

    def bad(value, rows=v):
        rows = rows.clone()
        rows[1, 2] = value
        return rows

    hot = random_rows(c, 3)
    return [
        (b, (v[:, :3],), ValueError, r"data: got shape \(3, 3\), expected \(rows, 4\)\."),
        (b, (v[0],), ValueError, r"data: got shape \(4,\), expected \(rows, 4\)"),
        (b, (v[:, :3], mask[:, :3]), ValueError, "data: got shape"),
        (
            c,
            (v[:, :3],),
            ValueError,
            r"data: got shape \(3, 3\), expected \(rows, 4, 3\) or whole levels \(rows, 4\)",
        ),
        (
            b,
            (bad(float("nan")),),
            ValueError,
            r"data: got nan at \[1, 2\] .* mark missing values with observed=",
        ),
        (g, (bad(float("inf")),), ValueError, r"data: got inf at \[1, 2\]"),
        (b, (bad(-1),), ValueError, r"data: got -1 at \[1, 2\].*between 0 and 1; a missing entry is no −1"),
        (b, (bad(2), mask), ValueError, r"data: got 2 at \[1, 2\].*between 0 and 1\."),
        (c, (bad(3),), ValueError, r"data: got 3 at \[1, 2\].*a whole level 0 … 2"),
        (c, (bad(0.5),), ValueError, "data: got 0.5 at .*a whole level"),
        (c, (bad(torch.ones(3), hot),), ValueError, r"data: got 1 at \[1, 2, 0\].*one-hot"),
        (c, (bad(torch.tensor([-1.0, 1, 1]), hot), mask), ValueError, "one-hot"),
        (b, (v.to_sparse(),), TypeError, "data: got a .*sparse.*, expected dense real numbers"),
        (b, (v.to(torch.complex64),), TypeError, "data: got a torch.complex64"),
        (b, ([["a"] * 4],), TypeError, "data: got list, expected numbers"),
        (b, (None,), (TypeError, ValueError), "data: got "),
        (b, (v, mask.int()), TypeError, "observed: got a mask of torch.int32, expected booleans"),
        (b, (v, mask.numpy().astype(float)), TypeError, "observed: got a mask of float64, expected booleans"),
        (b, (v, mask[:2]), ValueError, r"observed: got shape \(2, 4\), expected \(3, 4\) or \(4,\)"),
        (b, (v, None, torch.ones(3)), ValueError, r"visible_offset: got shape \(3,\), expected .*\(3, 4\)"),
        (b, (v, None, torch.ones(2, 3, 4)), ValueError, "visible_offset: got shape"),
        (b, (v, None, float("nan")), ValueError, "visible_offset: got a value that is not finite"),
    ]


@pytest.mark.parametrize("case", range(len(refusals())))
def test_what_does_not_fit_is_refused_by_name(case):
    model, arguments, error, message = refusals()[case]
    with pytest.raises(error, match=message):
        Rows(model, *arguments)
