"""Training of tied models: gradients against autograd, and what is learned."""

import math

import pytest
import torch

from rbm_lib.models.bags import Bags
from rbm_lib.models.tied_dbm import TiedDBM
from rbm_lib.models.tied_rbm import TiedRBM
from rbm_lib.training.tied import (
    MultiPrediction,
    TiedCD,
    fit_tied,
    prediction_gain,
    prediction_gradient,
)
from tests.support import assert_close_in_mean, assert_refused, seeded
from tests.tied_support import FORMS, HISTORIES, TiedWorld, random_tied

EXACT = {"rtol": 1e-10, "atol": 1e-10}
GIVEN = Bags.from_lists([[0, 2], [1], [], [2]])
HELD_OUT = Bags.from_lists([[1], [], [0, 0], [2, 1]])


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def mean_log_prob(model):
    """By the definition, with a gradient of torch's own."""
    taste = model.upward_pass(GIVEN)
    logits = taste @ model.couplings().T + model.item_biases()
    return logits.log_softmax(1)[HELD_OUT.people, HELD_OUT.items].mean()


@pytest.mark.parametrize("residual", [True, False])
def test_the_gradient_of_prediction_by_autograd(form, residual):
    model = random_tied(form, residual)

    gradient = prediction_gradient(model, GIVEN, HELD_OUT)

    parameters = dict(model.named_parameters())
    slopes = torch.autograd.grad(mean_log_prob(model), list(parameters.values()))
    assert gradient.keys() == parameters.keys()
    for name, slope in zip(parameters, slopes, strict=True):
        torch.testing.assert_close(gradient[name], slope, **EXACT)


@torch.no_grad()
def test_the_gradient_of_prediction_by_finite_differences(form):
    model = random_tied(form)
    gradient = prediction_gradient(model, GIVEN, HELD_OUT)

    for name, p in model.named_parameters():
        flat = p.view(-1)
        for i in range(len(flat)):
            here = float(flat[i])
            values = []
            for step in (1e-5, -1e-5):
                flat[i] = here + step
                values.append(float(mean_log_prob(model)))
            flat[i] = here
            slope = (values[0] - values[1]) / 2e-5
            assert gradient[name].reshape(-1)[i] == pytest.approx(slope, abs=1e-8), name


def test_the_gain_is_log_probability_over_a_uniform_guess(form):
    model = random_tied(form)

    gain = prediction_gain(model, GIVEN, HELD_OUT)

    assert gain == pytest.approx(mean_log_prob(model).item() + math.log(3))


def test_every_entry_is_either_given_or_predicted():
    bags = Bags.from_lists([list(range(100))] * 50)

    given, held_out = MultiPrediction(keep=(0.2, 0.6)).parts(bags, seeded(0))

    assert (given.lengths + held_out.lengths == 100).all()
    share = given.lengths / 100
    assert 0.35 < share.mean() < 0.45  # 0.4, with a standard error of .02
    assert share.std() > 0.08  # .115 for shares between .2 and .6, .05 for one share


def test_long_contrastive_divergence_is_the_gradient_of_the_likelihood():
    model = random_tied("shallow", scale=0.5)
    bags = Bags.from_lists([[0, 2], [1, 1]])
    world = TiedWorld(model, 2)
    everything = Bags.from_lists(world.sequences)
    means = model.hidden_means(everything)
    under_model = model.statistics(everything, means, world.p.sum((1, 2)))
    on_data = model.statistics(bags, model.hidden_means(bags))
    per_item = {name: (on_data[name] - under_model[name]) / 2 for name in on_data}

    method = TiedCD(k=10)
    runs = [method.gradient(model, bags, seeded(seed)) for seed in range(100)]

    assert_close_in_mean(runs, per_item)


def pairs_of_kinds():
    """People who like two of three items of their kind; two kinds, two new items."""
    content = torch.tensor([[1.0, 0]] * 3 + [[0.0, 1]] * 3)
    lists = [[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]] * 20
    return content, Bags.from_lists(lists)


@pytest.mark.parametrize("method", [MultiPrediction(), TiedCD(k=1)], ids=["mp", "cd"])
def test_training_learns_who_likes_a_new_item(form, method):
    content, bags = pairs_of_kinds()
    model = TiedRBM(content, 3, seed=0)
    if form == "deep":
        model = TiedDBM(content, 4, 3, seed=0)

    history = fit_tied(
        model, bags, method, lr=0.05, epochs=60, generator=seeded(0), progress=False
    )

    new = model.scores(Bags.from_lists([[0, 1], [4, 5]]), content=[[1.0, 0], [0, 1]])
    assert (new.diff(dim=1)[:, 0].sign() == torch.tensor([-1.0, 1])).all()
    assert len(history.records) == 60
    gain = prediction_gain(model, Bags.from_lists([[0], [4]]), Bags.from_lists([[1], [5]]))
    assert gain > 0.5 * math.log(2)  # what knowing the kind is worth


def test_contrastive_divergence_raises_the_exact_likelihood(form):
    content, bags = pairs_of_kinds()
    model = TiedRBM(content, 3, seed=0)
    if form == "deep":
        model = TiedDBM(content, 4, 3, seed=0)

    def log_likelihood():
        log_p = model.log_weights(bags).logsumexp(1) - model.log_partition(2)
        return float(log_p.mean())

    before = log_likelihood()
    fit_tied(
        model, bags, TiedCD(k=5), lr=0.05, epochs=60, generator=seeded(0), progress=False
    )

    # A uniform guess has -log 36, and the best is -log 18 if the two may be the same item.
    assert before < -math.log(35)
    assert log_likelihood() > -math.log(36) + 0.5 * math.log(2)


def test_the_same_seed_gives_the_same_model():
    content, bags = pairs_of_kinds()
    models = [TiedRBM(content, 3, seed=0) for _ in range(2)]
    for model in models:
        fit_tied(model, bags, epochs=3, generator=seeded(1), progress=False)

    assert torch.equal(models[0].W, models[1].W)
    assert not torch.equal(models[0].W, TiedRBM(content, 3, seed=0).W)


def test_weights_decay_and_the_residual_decays_less():
    model = random_tied("shallow").float()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    empty = Bags.from_lists([[0], [0]])  # with everything given there is nothing to learn

    fit_tied(
        model, empty, MultiPrediction(keep=(1.0, 1.0)), epochs=1, weight_decay=0.5,
        optimizer=torch.optim.SGD, lr=0.1, schedule=lambda done: 1.0, progress=False,
    )  # fmt: skip

    torch.testing.assert_close(model.W, before["W"] * (1 - 0.05))
    torch.testing.assert_close(model.residual, before["residual"] * (1 - 0.005))
    torch.testing.assert_close(model.taste_bias, before["taste_bias"])


@pytest.mark.parametrize(
    ("message", "arguments", "options"),
    [
        ("method: got 'cd'", (HISTORIES, "cd"), {}),
        ("epochs: got 0", (HISTORIES,), {"epochs": 0}),
        ("batch_size: got 0", (HISTORIES,), {"batch_size": 0}),
        ("weight_decay: got -1", (HISTORIES,), {"weight_decay": -1}),
        ("histories: got no items", (Bags.from_lists([[]]),), {}),
    ],
)
def test_what_does_not_fit_is_refused(message, arguments, options):
    model = random_tied("shallow")

    assert_refused(message, fit_tied, model, *arguments, **options)


@pytest.mark.parametrize("keep", [(0.9, 0.5), (-0.1, 0.5), (0.5, 1.2)])
def test_shares_that_are_none_are_refused(keep):
    assert_refused("keep: got", MultiPrediction, keep)


def test_cd_needs_a_sweep():
    assert_refused("k: got 0", TiedCD, 0)
