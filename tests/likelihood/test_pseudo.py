"""Conditionals of single units, and the pseudo-likelihood that they add up to."""

import pytest
import torch

from rbm_lib.likelihood import conditional_log_prob, pseudo_log_likelihood
from rbm_lib.models import DBM, DBN, RBM, Bernoulli, Layers
from tests.support import (
    random_mask,
    random_offsets,
    random_rbm,
    random_rows,
    spread,
    without,
)

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def by_free_energies(model, v, mask, offset):
    """log p(v_i = k given the others), from a free energy for each row, unit and level."""
    levels = torch.eye(3).double() if v.ndim == 3 else torch.tensor([0.0, 1.0]).double()
    result = torch.empty(len(v), model.n_visible, len(levels)).double()
    for unit in range(model.n_visible):
        asked = mask.clone()
        asked[:, unit] = True  # a missing unit joins its row's model for the question
        for k, level in enumerate(levels):
            state = v.clone()
            state[:, unit] = level
            result[:, unit, k] = -model.free_energy(state, asked, offset).detach()
    return torch.log_softmax(result, -1)


@pytest.mark.parametrize("masked", [False, True])
def test_conditionals_are_differences_of_free_energies(discrete, masked):
    model = random_rbm(discrete)
    v = random_rows(model, 5)
    mask = random_mask(5, 4) if masked else torch.ones(5, 4).bool()
    for offset in random_offsets(model, 5):
        log_prob = conditional_log_prob(model, v, mask, offset)
        pseudo = pseudo_log_likelihood(model, v, mask, offset)

        expected = by_free_energies(model, v, mask, offset)
        torch.testing.assert_close(log_prob, expected, **CLOSE)
        level = v.argmax(-1) if v.ndim == 3 else v.long()
        chosen = expected.gather(-1, level[..., None])[..., 0]
        torch.testing.assert_close(pseudo, (chosen * mask).sum(-1), **CLOSE)


def test_a_masked_row_is_a_row_of_the_smaller_model(discrete, monkeypatch):
    model = random_rbm(discrete)
    mask = torch.tensor([True, False, True, True])
    v = random_rows(model, 6)
    expected = pseudo_log_likelihood(without(model, mask), v[:, mask])
    junk = torch.where(spread(model.visible, mask), v, -1.0)

    monkeypatch.setattr("rbm_lib.likelihood.pseudo.BLOCK_ELEMENTS", 1)  # unit by unit

    torch.testing.assert_close(pseudo_log_likelihood(model, junk, mask), expected, **CLOSE)


@pytest.mark.parametrize(
    ("model", "error", "got"),
    [
        (RBM(4, 2, "gaussian"), ValueError, "RBM with gaussian units"),
        (RBM(Layers(Bernoulli(2), Bernoulli(2)), 2), ValueError, "RBM with mixed units"),
        (DBM([4, 3, 2]), ValueError, "DBM with bernoulli units"),
        (DBN([4, 3, 2]), TypeError, "DBN, expected an RBM or DBM"),
    ],
)
def test_models_without_one_discrete_type_are_refused(model, error, got):
    for function in (conditional_log_prob, pseudo_log_likelihood):
        with pytest.raises(error, match=f"model: got {got}"):
            function(model, torch.zeros(2, 4))
