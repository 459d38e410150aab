"""Centred gradients."""

import math

import pytest
import torch

from rbm_lib import DBM, PCD, fit
from rbm_lib.likelihood.exact import model_statistics
from rbm_lib.training.centering import centered
from tests.support import random_dbm, random_rbm, random_rows, seeded
from tests.training.support import QUIET

DEEP = (3, 4, 3, 2)


@pytest.mark.parametrize("build", [random_rbm, random_dbm])
def test_the_centred_gradient_is_the_chain_rule_there_and_back(visible, build):
    """In centred parameters the gradient is J^T g; carried back it is J J^T g."""
    model = build(visible) if build is random_rbm else build(visible, DEEP)
    v = random_rows(model, 30)
    batch = model.as_batch(v)
    positive = model.statistics(batch, model.hidden_means(batch))
    negative = model_statistics(model)
    gradient = {name: positive[name] - negative[name] for name in positive}
    means = [model.visible.scaled(v).mean(0).flatten().detach()]
    means += [positive[name] for name in model.bias_names[1:]]
    names = [*model.weight_names, *model.bias_names]
    n_weights = len(model.weight_names)

    def to_parameters(*centred):
        weights = [w.flatten(0, -2) for w in centred[:n_weights]]
        biases = list(centred[n_weights:])
        for i, w in enumerate(weights):
            biases[i] = biases[i] - (w @ means[i + 1]).view_as(biases[i])
            biases[i + 1] = biases[i + 1] - means[i] @ w
        return (*centred[:n_weights], *biases)

    start = tuple(torch.zeros_like(model.get_parameter(name)) for name in names)
    slopes = tuple(gradient[name] for name in names)
    _, back = torch.autograd.functional.vjp(to_parameters, start, slopes)
    _, expected = torch.autograd.functional.jvp(to_parameters, start, back)

    result = centered(model, batch, gradient, positive)

    for name, value in zip(names, expected, strict=True):
        torch.testing.assert_close(result[name], value)
    assert sum(float((result[name] * gradient[name]).sum()) for name in names) > 0


@pytest.mark.parametrize("flipped", [False, True])
def test_a_centred_run_learns_data_and_their_mirror_image(flipped):
    """Two patterns of eight bits, a tenth of them flipped: the best is the entropy."""
    generator = seeded(0)
    patterns = torch.tensor([[1, 1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 1, 1, 1]]).double()
    v = patterns[torch.randint(2, (1000,), generator=generator)]
    noise = (torch.rand(v.shape, generator=generator) < 0.1).double()
    v = (v - noise).abs()
    v = 1 - v if flipped else v
    best = sum(
        n * -(p * math.log(p) + (1 - p) * math.log(1 - p)) for n, p in ((8, 0.1), (1, 0.5))
    )
    model = DBM([8, 4, 2], weight_std=0.3, seed=1).double().initialize_from(v)

    method = PCD(k=2, n_chains=500, center=True)
    history = fit(model, v, method, epochs=40, lr=0.02, generator=seeded(2), **QUIET)

    assert history.last["log_likelihood"] == pytest.approx(-best, abs=0.15)
