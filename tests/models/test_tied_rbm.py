"""What the shallow tied model has in closed form, against sums over all tastes."""

import pytest
import torch

from tests.tied_support import HISTORIES, random_tied

EXACT = {"rtol": 1e-11, "atol": 1e-11}


@pytest.mark.parametrize("residual", [True, False])
def test_free_energy_and_posterior_of_the_shallow_form(residual):
    model = random_tied("shallow", residual)

    log_weights = model.log_weights(HISTORIES)

    free_energy = model.free_energy(HISTORIES)
    torch.testing.assert_close(-free_energy, log_weights.logsumexp(1), **EXACT)
    posterior = log_weights.softmax(1) @ model.tastes()
    torch.testing.assert_close(model.prob_taste_given_items(HISTORIES), posterior, **EXACT)
    torch.testing.assert_close(model.hidden_means(HISTORIES)[0], posterior, **EXACT)
