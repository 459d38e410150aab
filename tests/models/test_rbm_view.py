"""The DBM read as an RBM: the same energies, and statistics by the names of the DBM."""

import pytest
import torch

from rbm_lib.models.rbm_view import rbm_view
from tests.support import (
    random_dbm,
    random_hidden,
    random_mask,
    random_offsets,
    random_rbm,
    random_rows,
    seeded,
)

EXACT = {"rtol": 1e-12, "atol": 1e-12}
MASK = random_mask(6, 3)


@pytest.fixture(params=[(3, 3, 2), (3, 2, 1, 3), (3, 2, 2, 1, 2)], ids=str)
def model(request, visible):
    """Two, three and four hidden layers on every type of visible units."""
    return random_dbm(visible, request.param)


@pytest.fixture(params=[(None, 0), (None, 1), (MASK[5], 0), (MASK, 2)])
def batch(request, model):
    """Six rows, without or with masks and offsets, shared or for each row."""
    mask, which_offset = request.param
    offset = random_offsets(model, 6)[which_offset]
    return model.as_batch(random_rows(model, 6), mask, offset)


def test_energies_and_statistics_are_those_of_the_dbm(model, batch):
    view = rbm_view(model)
    hidden = random_hidden(model, 6)
    odd, upper = view.split_hidden(hidden)
    joined = view.join(batch, upper)

    energy = view.rbm.energy(joined, odd)
    statistics = view.statistics(view.rbm.statistics(joined, odd))

    torch.testing.assert_close(energy, model.energy(batch, hidden), **EXACT)
    torch.testing.assert_close(statistics, model.statistics(batch, hidden), **EXACT)


def test_states_come_back_as_they_were(model, batch):
    view = rbm_view(model)
    hidden = random_hidden(model, 6)

    odd, upper = view.split_hidden(hidden)
    joined = view.join(batch, upper)

    assert upper.shape == (6, view.n_upper)
    assert torch.equal(view.visible_part(batch, joined).v, batch.v)
    assert all(map(torch.equal, view.hidden(joined.v, odd), hidden))
    assert torch.equal(view.checked_upper(hidden, 6), upper)
    drawn = model.sample_hidden(batch, 3, seeded(1))
    assert torch.equal(view.start_upper(batch, 3, seeded(1)), view.split_hidden(drawn)[1])


def test_the_view_shares_no_parameters_and_has_the_models_number_type(model, device):
    model = model.float().to(device)
    before = [p.detach().clone() for p in model.parameters()]

    for p in rbm_view(model).rbm.parameters():
        assert (p.dtype, p.device.type) == (torch.float32, device.type)
        p.data.zero_()

    assert all(map(torch.equal, before, model.parameters()))


def test_an_rbm_is_read_as_itself(visible):
    model = random_rbm(visible)
    batch = model.as_batch(random_rows(model, 5))
    h = random_hidden(model, 5)

    view = rbm_view(model)

    assert view.rbm is model
    odd, upper = view.split_hidden([h])
    assert odd is h
    assert upper.shape == view.start_upper(batch).shape == view.checked_upper(None, 5).shape
    assert upper.shape == (5, view.n_upper) == (5, 0)
    assert view.join(batch, upper) is batch
    assert view.visible_part(batch, batch) is batch
    assert view.hidden(batch.v, h) is h
