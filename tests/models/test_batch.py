"""Batches: masked, and checked for shape, type and device."""

import numpy as np
import pytest
import torch

from rbm_lib.models.batch import as_batch
from tests.support import (
    assert_refused,
    random_mask,
    random_offsets,
    random_rbm,
    random_rows,
    spread,
)


def test_missing_units_are_zero_whatever_they_hold(visible):
    model = random_rbm(visible)
    mask = random_mask(6, 4)
    present = spread(model.visible, mask)
    v = random_rows(model, 6)
    holes = torch.where(present, v, torch.nan)

    batch = model.as_batch(holes, mask)

    assert torch.equal(batch.v, torch.where(present, v, 0.0))
    assert torch.equal(batch.mask.expand_as(v), present.double())
    assert torch.equal(batch.with_v(torch.ones_like(v)).v, present.double())
    assert torch.equal(holes.isnan(), ~present)  # the caller's rows stay as they are
    assert model.as_batch(batch) is batch


@pytest.mark.parametrize("mask_rows", [None, 1, 6])
@pytest.mark.parametrize("which_offset", [0, 1, 2])
def test_rows_bring_their_own_mask_and_offset(visible, mask_rows, which_offset):
    model = random_rbm(visible)
    mask = None if mask_rows is None else random_mask(6, 4)[-mask_rows:]
    offset = random_offsets(model, 6)[which_offset]
    batch = model.as_batch(random_rows(model, 6), mask, offset)

    rows = batch[torch.tensor([4, 0])]

    torch.testing.assert_close(model.free_energy(rows), model.free_energy(batch)[[4, 0]])
    one_model = mask_rows != 6 and which_offset < 2
    assert rows.shares_model == batch.shares_model == one_model


def test_rows_are_checked_for_shape_type_and_device():
    layer = random_rbm("bernoulli").visible
    v = torch.zeros(3, 4)
    mask = torch.ones(3, 4, dtype=torch.bool)

    assert as_batch(layer, v.long()).v.dtype == torch.float64
    for arguments, message in [
        ((v.numpy(),), "v: got ndarray, expected a tensor. Try `torch.as_tensor"),
        ((v[0],), r"v: got shape \(4,\), expected \(B, 4\). For a single row try `v\[None"),
        ((v.to_sparse(),), "v: got a torch.float32 tensor .*sparse.*dense real numbers"),
        ((v.to("meta"),), "v: got a tensor on meta, expected one on cpu, like the"),
        ((v, mask.double()), "observed: got a torch.float64 tensor.*Try `mask.bool"),
        ((v, mask[:2]), r"observed: got shape \(2, 4\), expected \(3, 4\) or \(4,\)"),
        ((v, None, np.ones(4)), "visible_offset: got ndarray"),
        ((v, None, v[:2]), r"visible_offset: got shape \(2, 4\), .*able to \(3, 4\)"),
        ((v, None, v[None]), r"visible_offset: got shape \(1, 3, 4\)"),
    ]:
        assert_refused(message, as_batch, layer, *arguments)
