"""Centred gradients, and the positive phase by clamped sampling."""

import math

import pytest
import torch

from rbm_lib import DBM, fit
from rbm_lib.likelihood.exact import exact_gradient, model_statistics
from rbm_lib.training.gradients import cd_gradient, centered, pcd_gradient
from tests.support import machine, random_mask, random_rows, seeded


def deep(kind, sizes=(3, 4, 3, 2), scale=0.8, seed=0):
    model = DBM(sizes, kind, n_levels=3 if kind == "categorical" else None, weight_std=scale, seed=seed)
    generator = seeded(seed + 1)
    with torch.no_grad():
        for name in [*model.bias_names, *(["log_variance"] if kind == "gaussian" else [])]:
            p = model.get_parameter(name)
            p.copy_(0.5 * torch.randn(p.shape, generator=generator))
    return model.double()


def machines(kind):
    return {"rbm": machine(kind), "dbm": deep(kind)}


def entropy(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def layer_means(model, positive):
    """Means of s(v), h1, h2, … over the data, flat."""
    means = [positive[name].flatten() for name in model.bias_names]
    if model.kind == "gaussian":
        means[0] = means[0] + (model.visible_bias * torch.exp(-model.log_variance)).detach()
    return means


@pytest.mark.parametrize("which", ["rbm", "dbm"])
def test_the_centred_gradient_is_the_chain_rule_there_and_back(kind, which):
    """θ' are parameters of the energy in h − μ; the step ∂L/∂θ' in θ', carried back to θ, is J Jᵀ ∂L/∂θ."""
    model = machines(kind)[which]
    v = random_rows(model, 30)
    positive = model.statistics(v, model.posterior_means(v))
    negative = model_statistics(model)
    gradient = {name: positive[name] - negative[name] for name in positive}
    means = layer_means(model, positive)
    names = [*model.weight_names, *model.bias_names]
    shapes = [model.get_parameter(name).shape for name in names]

    def to_theta(*centred):
        weights = [w.flatten(0, -2) for w in centred[: len(model.weight_names)]]
        biases = list(centred[len(weights) :])
        for i, w in enumerate(weights):
            biases[i] = biases[i] - (w @ means[i + 1]).view_as(biases[i])
            biases[i + 1] = biases[i + 1] - means[i] @ w
        return (*centred[: len(weights)], *biases)

    start = tuple(torch.zeros(shape, dtype=torch.float64) for shape in shapes)
    _, back = torch.autograd.functional.vjp(to_theta, start, tuple(gradient[name] for name in names))
    _, there = torch.autograd.functional.jvp(to_theta, start, back)
    result = centered(model, gradient, positive)
    for name, expected in zip(names, there, strict=True):
        torch.testing.assert_close(result[name], expected)
    if kind == "gaussian":
        assert torch.equal(result["log_variance"], gradient["log_variance"])
    assert sum(float((result[name] * gradient[name]).sum()) for name in names) > 0, "a direction of ascent"


@pytest.mark.parametrize("which", ["rbm", "dbm"])
@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_center_is_passed_on(kind, which, method):
    model = machines(kind)[which]
    v, mask = random_rows(model, 12), random_mask(12, model.n_visible)
    chains = torch.zeros(12, model.n_odd, dtype=torch.float64)

    def gradient(**options):
        if method == "cd":
            return cd_gradient(model, v, 2, mask, generator=seeded(3), **options)
        return pcd_gradient(model, v, chains.clone(), 2, mask, generator=seeded(3), **options)[0]

    positive = model.statistics(v, model.posterior_means(v, mask), mask)
    expected = centered(model, gradient(), positive)
    for name, value in gradient(center=True).items():
        torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("flipped", [False, True])
def test_a_centred_run_learns_data_and_their_mirror_image(flipped):
    """Two patterns of eight bits, a tenth of the bits flipped: the best possible is the entropy of that."""
    generator = seeded(0)
    pattern = torch.tensor([[1.0, 1, 1, 1, 1, 1, 0, 0], [0.0, 1, 1, 1, 0, 1, 1, 1]], dtype=torch.float64)
    v = pattern[torch.randint(2, (1000,), generator=generator)]
    noise = (torch.rand(v.shape, generator=generator) < 0.1).double()
    v = (v - noise).abs()
    v = 1 - v if flipped else v
    best = 8 * entropy(0.1) + entropy(0.5)
    model = DBM([8, 4, 2], weight_std=0.3, seed=1).double().initialize_from(v)
    options = {"method": "pcd", "k": 2, "n_chains": 500, "batch_size": 100, "lr": 0.02, "center": True}
    history = fit(model, v, epochs=40, generator=seeded(2), device="cpu", progress=False, **options)
    assert history.last["log_likelihood"] == pytest.approx(-best, abs=0.15)


def test_the_sampled_posterior_has_no_bias_where_mean_field_has_one(discrete):
    """Positive statistics, averaged over draws, against the exact ones; strong couplings between layers."""
    model = deep(discrete, (3, 3, 3), scale=2.5, seed=3)
    v = random_rows(model, 1)
    negative = model_statistics(model)
    exact = exact_gradient(model, v)["weights.1"] + negative["weights.1"]
    n = 20_000
    many = v.expand(n, *v.shape[1:])
    sizes = {}
    for posterior in ("gibbs", "mean_field"):
        chains = torch.zeros(n, model.n_odd, dtype=torch.float64)
        gradient, _ = pcd_gradient(model, many, chains, 1, generator=seeded(0), posterior=posterior)
        rest, _ = pcd_gradient(model, many[:0], chains, 1, generator=seeded(0))
        sizes[posterior] = gradient["weights.1"], rest["weights.1"]
    # Both calls end in chains from the same start: their negative phases differ by chance alone.
    deviation = {name: float((g - r - exact).abs().max()) for name, (g, r) in sizes.items()}
    bound = 5 * 2**0.5 * 0.5 / n**0.5  # five standard errors of two means of numbers within 0 and 1
    assert deviation["gibbs"] < bound < deviation["mean_field"], deviation


def test_what_does_not_fit_is_refused():
    model, v = deep("bernoulli"), torch.zeros(4, 3)
    options = {"epochs": 1, "batch_size": 4, "progress": False, "device": "cpu"}
    with pytest.raises(ValueError, match="posterior: got 'exact', expected 'mean_field' or 'gibbs'"):
        fit(model, v, posterior="exact", **options)
    with pytest.raises(ValueError, match="center: got True with method 'exact'"):
        fit(model, v, method="exact", center=True, **options)
