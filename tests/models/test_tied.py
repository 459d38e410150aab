"""Tied models, shallow and deep, against sums over all joint states."""

import pytest
import torch

from rbm_lib.models.bags import Bags
from rbm_lib.models.tied_rbm import TiedRBM
from tests.support import assert_drawn_from, assert_refused, pairs, seeded
from tests.tied_support import (
    FORMS,
    HISTORIES,
    N_ITEMS,
    TiedWorld,
    energy_by_definition,
    random_tied,
)

EXACT = {"rtol": 1e-11, "atol": 1e-11}


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["residual", "content only"])
def residual(request):
    return request.param


def random_states(model, bags, seed=3):
    """Random hidden states as `statistics` takes them."""
    sizes = [(len(bags), model.n_taste)]
    if not isinstance(model, TiedRBM):
        sizes.insert(0, (len(bags.items), model.n_hidden))
    generator = seeded(seed)
    return [torch.randint(2, size, generator=generator).double() for size in sizes]


def energy(model, bags, h):
    return model.energy(bags, h[-1] if isinstance(model, TiedRBM) else h)


def test_the_energy_by_its_definition(form, residual):
    model = random_tied(form, residual)
    h = random_states(model, HISTORIES)

    result = energy(model, HISTORIES, h)

    hidden = h[0].split(HISTORIES.lengths.tolist()) if form == "deep" else [None] * 4
    items = HISTORIES.items.split(HISTORIES.lengths.tolist())
    expected = [
        energy_by_definition(model, *person)
        for person in zip(items, hidden, h[-1], strict=True)
    ]
    torch.testing.assert_close(result, torch.stack(expected), **EXACT)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_log_z_is_the_sum_over_all_bags(form, residual, length):
    model = random_tied(form, residual)

    torch.testing.assert_close(
        model.log_partition(length), TiedWorld(model, length).log_z, **EXACT
    )


def test_weights_of_the_tastes_are_sums_over_item_units(form, residual):
    model = random_tied(form, residual)
    world = TiedWorld(model, 2)

    log_weights = model.log_weights(Bags.from_lists(world.sequences))

    order = [int(2 * taste[1] + taste[0]) for taste in world.taste]
    expected = torch.logsumexp(-world.energy, 1)
    torch.testing.assert_close(log_weights[:, order], expected, **EXACT)
    log_p = log_weights.logsumexp(1) - model.log_partition(2)
    torch.testing.assert_close(log_p.exp(), world.p.sum((1, 2)), **EXACT)


def test_predictions_given_a_taste(form, residual):
    """p(item given H) from the joint distribution of bags of one item."""
    model = random_tied(form, residual)
    joint = TiedWorld(model, 1).p.sum(1)

    prob = torch.softmax(model.item_logits(torch.tensor([[0.0, 1.0]]).double()), 1)

    torch.testing.assert_close(prob[0], joint[:, 1] / joint[:, 1].sum(), **EXACT)


def test_the_order_of_a_bag_plays_no_part(form):
    model = random_tied(form)
    both = Bags.from_lists([[2, 0, 1], [1, 2, 0]])

    for values in (model.upward_pass(both), model.log_weights(both), model.scores(both)):
        torch.testing.assert_close(values[0], values[1], **EXACT)


def test_a_new_item_is_scored_like_a_known_one_of_the_same_content(form):
    """But for what is the known item's own: its residual and its bias."""
    model = random_tied(form)
    known = model.content + model.content_mean
    new = model.scores(HISTORIES, content=known)

    taste = model.upward_pass(HISTORIES)
    own = taste @ model.residual.T + model.item_bias

    torch.testing.assert_close(model.scores(HISTORIES) - own, new, **EXACT)


def test_no_history_is_the_prior_of_no_evidence(form):
    model = random_tied(form)

    assert model.upward_pass(Bags.from_lists([[]])).tolist() == [[0.5, 0.5]]


def test_statistics_are_slopes_of_the_energy(form, residual):
    model = random_tied(form, residual)
    h = random_states(model, HISTORIES)
    weights = torch.tensor([0.1, 0.2, 0.3, 0.4]).double()

    for given, expected in ((weights, weights), (None, torch.full((4,), 0.25).double())):
        statistics = model.statistics(HISTORIES, h, given)

        mean = -(expected * energy(model, HISTORIES, h)).sum()
        parameters = dict(model.named_parameters())
        slopes = torch.autograd.grad(mean, list(parameters.values()))
        assert statistics.keys() == parameters.keys()
        for name, slope in zip(parameters, slopes, strict=True):
            torch.testing.assert_close(statistics[name], slope, **EXACT)


def test_pull_back_is_the_chain_rule(form, residual):
    model = random_tied(form, residual)
    by_coupling = torch.randn(N_ITEMS, 2, generator=seeded(5)).double()
    by_bias = torch.randn(N_ITEMS, generator=seeded(6)).double()

    result = model.pull_back(by_coupling, by_bias)

    total = (by_coupling * model.couplings()).sum() + by_bias @ model.item_biases()
    parameters = {n: p for n, p in model.named_parameters() if n != "taste_bias"}
    slopes = torch.autograd.grad(total, list(parameters.values()))
    assert result.keys() == parameters.keys()
    for name, slope in zip(parameters, slopes, strict=True):
        torch.testing.assert_close(result[name], slope, **EXACT)


def test_a_sweep_leaves_the_joint_distribution_unchanged(form):
    """Single-unit and pair statistics of items, item units and the new taste."""
    model = random_tied(form, scale=0.8)
    world = TiedWorld(model, 2)
    n = 20_000
    _, _, taste = world.draw(n, seed=0)
    lengths = torch.full((n,), 2)

    bags, means = model.gibbs_step(world.taste[taste], lengths, seeded(1))

    new_taste = torch.bernoulli(means[-1], generator=seeded(2))
    items = torch.nn.functional.one_hot(bags.items, N_ITEMS).view(n, -1).double()
    hidden = [means[0].view(n, -1)] if form == "deep" else []
    rows, p = world.states()
    expected = pairs(rows)
    mean = p @ expected
    assert_drawn_from(pairs(items, *hidden, new_taste), mean, p @ expected**2 - mean**2)


def test_sampled_bags_have_the_lengths_asked_for(form):
    model = random_tied(form)
    lengths = torch.tensor([2, 0, 5])

    bags = model.sample_items_given_taste(torch.zeros(3, 2).double(), lengths, seeded(0))

    assert bags.lengths.tolist() == [2, 0, 5]
    assert len(bags.items) == 7


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("content: got shape", lambda: TiedRBM([1.0, 2.0], 2)),
        ("content: got 0", lambda: TiedRBM(torch.zeros(0, 3), 2)),
        ("n_taste: got 0", lambda: TiedRBM([[1.0]], 0)),
        ("residual: got 1", lambda: TiedRBM([[1.0]], 2, residual=1)),
        ("weight_std: got -1", lambda: TiedRBM([[1.0]], 2, weight_std=-1)),
        ("histories: got shape", lambda: TiedRBM([[1.0]], 2).scores([[1, 0]])),
        ("content: got shape", lambda: TiedRBM([[1.0]], 2).scores([[1]], [[1.0, 2.0]])),
        ("at most 20", lambda: TiedRBM([[1.0]], 21).log_partition(1)),
    ],
)
def test_what_does_not_fit_is_refused(message, call):
    assert_refused(message, call)
