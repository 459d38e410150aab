"""The two averages of CD and PCD for a deep model."""

import torch

from rbm_lib.likelihood import exact_gradient
from rbm_lib.likelihood.exact import model_statistics
from rbm_lib.training.deep import deep_phases
from tests.support import random_dbm, random_rows, seeded


def test_the_sampled_posterior_has_no_bias_where_mean_field_has_one(discrete):
    model = random_dbm(discrete, (3, 3, 3), scale=2.5, seed=3)
    v = random_rows(model, 1)
    n = 20_000
    many = model.as_batch(v.expand(n, *v.shape[1:]))
    exact = exact_gradient(model, v)["weights.1"] + model_statistics(model)["weights.1"]
    bound = 5 * 0.5 / n**0.5  # five standard errors of a mean of numbers within 0 and 1

    error = {}
    for posterior in ("gibbs", "mean_field"):
        positive, _, _ = deep_phases(model, many, posterior, 1, seeded(0))
        error[posterior] = float((positive["weights.1"] - exact).abs().max())

    assert error["gibbs"] < bound < error["mean_field"], error


def test_chains_go_on_from_where_they_are():
    model = random_dbm("bernoulli", (3, 3, 3))
    batch = model.as_batch(random_rows(model, 6))
    chains = torch.tensor([[0.0, 1.0, 1.0]]).double().repeat(6, 1)

    _, negative, moved = deep_phases(
        model, batch, "mean_field", 1, seeded(0), chains, seeded(1), mean_last=True
    )

    v = model.visible.mean(model.input_to_visible(chains))
    torch.testing.assert_close(negative["biases.0"], v.mean(0))
    assert moved.shape == chains.shape
