"""Chains: they leave the model's distribution unchanged, single units and pairs alike.

Chains start at exact draws. The means of all units and of all pairs of units are compared
with the sums over all states, in standard errors that are known from these sums.
"""

import pytest
import torch
from torch import tensor

from rbm_lib.models import DBM, DBN, RBM
from rbm_lib.models.sampling import (
    TemperingInfo,
    gibbs,
    gibbs_step,
    independent_model,
    interpolate,
    tempered_gibbs,
)
from tests.support import (
    TIMES,
    World,
    assert_drawn_from,
    assert_refused,
    exact_samples,
    pairs,
    random_hidden,
    random_offsets,
    random_rbm,
    random_rows,
    seeded,
    spread,
    without,
)

N = 20_000 * TIMES


def run(model, v, sweeps, device="cpu", hidden=None, **masks):
    """Chains from v and, in a DBM, from hidden; their ends (v, [h1, h2, …]) on the CPU."""
    if isinstance(hidden, list):
        hidden = [h.to(device) for h in hidden]
    masks = {name: mask.to(device) for name, mask in masks.items()}
    options = {"hidden": hidden, "return_hidden": True, **masks}
    v, h = gibbs(model.to(device), v.to(device), sweeps, seeded(sweeps, device), **options)
    return v.cpu(), [state.cpu() for state in ([h] if isinstance(model, RBM) else h)]


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 8])
def test_gibbs_leaves_the_distribution_unchanged(make, visible, sweeps, device):
    model = make(visible, 2 if visible == "gaussian" else 3, scale=1.2)
    moments = World(model).moments(pairs)
    v, hidden = exact_samples(model, N, seed=sweeps)

    v, hidden = run(model, v, sweeps, device, hidden)

    assert_drawn_from(pairs(v, *hidden), *moments)


@pytest.mark.grows
def test_gibbs_forgets_where_it_started(make, visible):
    model = make(visible, 2)
    start = random_rows(model, 1).expand(N, *model.visible.shape)

    v, hidden = run(model, start, 60)

    assert_drawn_from(pairs(v, *hidden), *World(model).moments(pairs))


@torch.no_grad()
def given(model, row, clamp, free):
    """The model of the free units while the clamped ones have the values of the row.

    What the clamped units send to the first hidden layer becomes a part of its bias.
    """
    conditional = without(model, free)
    if clamp.any():
        held = without(model, clamp)
        x = row[spread(model.visible, clamp)].view(1, *held.visible.shape)
        conditional.get_parameter(model.bias_names[1]).add_(held.input_to_hidden(x)[0])
    return conditional


@pytest.mark.grows
@pytest.mark.parametrize("held", ["clamp", "observed", "both"])
def test_held_chains_have_the_conditional_distribution(make, visible, held, device):
    """Clamped units act on the others; units that are not observed do not exist."""
    model = make(visible, 4)
    clamp = tensor([held != "observed", False, False, False])
    observed = tensor([True, visible != "gaussian", True, held == "clamp"])
    free = observed & ~clamp
    row = random_rows(model, 1)[0]
    conditional = given(model, row, clamp, free)
    features = spread(model.visible, free)
    start = row.expand(N, *model.visible.shape).clone()
    own, hidden = exact_samples(conditional, N, seed=3)
    start[:, features] = own.flatten(1)

    masks = {"clamp": clamp.expand(N, 4), "observed": observed}
    v, hidden = run(model, start, 8, device, hidden, **masks)

    assert torch.equal(v[:, ~features], start[:, ~features])
    assert_drawn_from(pairs(v[:, features], *hidden), *World(conditional).moments(pairs))


def test_missing_units_keep_what_they_hold_and_never_matter(make, visible):
    model = make(visible)
    observed = tensor([True, False, True, True])
    present = spread(model.visible, observed)
    v = random_rows(model, 8)

    start = torch.where(present, v, torch.nan)

    clean = gibbs(model, v, 3, seeded(0), observed=observed)
    holes = gibbs(model, start, 3, seeded(0), observed=observed)

    torch.testing.assert_close(
        holes, torch.where(present, clean, torch.nan), equal_nan=True
    )
    assert torch.equal(clean[:, ~present], v[:, ~present])


def test_an_offset_moves_the_visible_bias_of_a_chain_and_of_its_start(make, visible):
    model = make(visible)
    moved = make(visible)
    offset = random_offsets(model, 6)[1]
    moved.visible_bias.data += offset
    v = random_rows(model, 6)

    shifted = gibbs(model, v, 3, seeded(0), visible_offset=offset)

    torch.testing.assert_close(shifted, gibbs(moved, v, 3, seeded(0)))


def test_a_chain_is_a_value_and_goes_on_where_it_stopped(make, visible):
    model = make(visible)
    v = random_rows(model, 6)
    before = v.clone()
    hidden = random_hidden(model, 6)
    state = torch.random.get_rng_state()
    generator = seeded(1)

    whole = gibbs(model, v, 5, seeded(1), hidden=hidden)
    half, between = gibbs(model, v, 2, generator, hidden=hidden, return_hidden=True)
    rest = gibbs(model, half, 3, generator, hidden=between)

    assert torch.equal(whole, rest)
    assert torch.equal(gibbs(model, v, 0, generator), before)
    assert torch.equal(v, before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_step_reports_flips_and_energy():
    model = RBM(4, 2, seed=0)
    model.visible_bias.data = tensor([50.0, 50.0, -50.0, -50.0])

    state, info = gibbs_step(model, model.as_batch(torch.zeros(3, 4)), seeded(0))

    assert state.v.tolist() == [[1.0, 1.0, 0.0, 0.0]] * 3
    assert info.flip_rate.tolist() == [0.5] * 3
    torch.testing.assert_close(info.energy, model.energy(state.v, info.h))


def test_models_between_the_independent_model_and_the_model(make, visible):
    """No weights, the model's biases or those of data; every parameter changes linearly."""
    model = make(visible)
    data = random_rows(model, 30)

    base = independent_model(model)
    fitted = independent_model(model, data)
    between = interpolate(fitted, model, 0.25)

    assert torch.equal(base.visible_bias, model.visible_bias)
    expected = make(visible).initialize_from(data).visible_bias
    assert torch.equal(fitted.visible_bias, expected)
    for name, p in model.named_parameters():
        start = fitted.get_parameter(name)
        assert start.any() != (name in model.weight_names)
        torch.testing.assert_close(between.get_parameter(name), 0.75 * start + 0.25 * p)
    for name in model.bias_names[1:]:
        assert torch.equal(fitted.get_parameter(name), model.get_parameter(name))


@pytest.mark.grows
@pytest.mark.parametrize("sweeps", [1, 8])
def test_tempered_chains_keep_their_distributions(visible, sweeps):
    model = random_rbm(visible, n_visible=2, scale=1.2)
    betas = [0.0, 0.5, 1.0]
    models = [interpolate(independent_model(model), model, beta) for beta in betas]
    starts = [exact_samples(m, N, seed=10 * sweeps + i)[0] for i, m in enumerate(models)]

    chains, _ = tempered_gibbs(model, starts, betas, sweeps, seeded(sweeps))

    for m, v in zip(models, chains, strict=True):
        h = m.sample_h_given_v(v, generator=seeded(1))
        assert_drawn_from(pairs(v, h), *World(m).moments(pairs))


def one_unit(probability):
    """A model of one visible unit that is on with this probability."""
    model = RBM(1, 1, weight_std=0.0).double()
    model.visible_bias.data.fill_(probability).logit_()
    return model


def test_swap_rate_by_hand():
    """v0 is on with 1/2, v1 with 4/5; they swap if equal, or with min(1, p1(v0) / p1(v1)).

    1/2 + P(v0 = 1, v1 = 0) + P(v0 = 0, v1 = 1) / 4 = 1/2 + 1/10 + 1/10
    """
    model = one_unit(0.8)
    starts = [torch.zeros(2000, 1).double()] * 2

    _, info = tempered_gibbs(model, starts, [0, 1], 20, seeded(0), base=one_unit(0.5))

    n_proposals = 2000 * 10  # every second sweep
    assert abs(info.swap_rate.item() - 0.7) < 4.5 * (0.7 * 0.3 / n_proposals) ** 0.5


@pytest.mark.parametrize(("n", "sweeps", "trips"), [(2, 6, 3), (3, 5, 2), (4, 3, 1)])
def test_round_trips_by_hand(n, sweeps, trips):
    """Between n equal models every proposed swap is made, so states climb with each sweep.

    The pairs 0, 2, … and 1, 3, … take turns: every second sweep a state leaves the base.
    """
    model = one_unit(0.5)
    starts = [torch.zeros(5, 1).double()] * n
    betas = torch.linspace(0, 1, n)

    _, info = tempered_gibbs(model, starts, betas, sweeps, seeded(0), base=model)

    assert info.round_trips.tolist() == [trips] * 5
    assert info.swap_rate.tolist() == [1.0] * (n - 1)


def test_mixing_takes_swaps_everywhere_and_trips_in_most_rows():
    mixing = tensor([0.3, 0.3]), tensor([1, 2, 0])

    assert TemperingInfo(*mixing).verdict == "mixing"
    assert TemperingInfo(tensor([0.3, 0.01]), mixing[1]).verdict == "stuck"
    assert TemperingInfo(mixing[0], tensor([1, 0, 0])).verdict == "stuck"


def test_tempering_finds_the_other_mode_and_gibbs_does_not():
    model = RBM(8, 1).double()  # all units on or all off, equally often
    for p, value in zip(model.parameters(), (6.0, -3.0, -24.0), strict=True):
        p.data.fill_(value)
    base = RBM(8, 1, weight_std=0.0).double()
    v = torch.zeros(400, 8).double()

    alone = gibbs(model, v, 200, seeded(0))
    ladder = torch.linspace(0, 1, 8)
    chains, info = tempered_gibbs(model, [v] * 8, ladder, 200, seeded(0), base)
    _, two = tempered_gibbs(model, [v] * 2, [0, 1], 200, seeded(0), base)

    assert alone.mean() < 0.15
    assert 0.35 < chains[-1].mean() < 0.65
    assert (info.verdict, two.verdict) == ("mixing", "stuck")
    assert not v.any()


def test_what_does_not_fit_is_refused_by_name():
    model = RBM(4, 3)
    v = torch.zeros(2, 4)
    mask = torch.ones(4)
    assert_refused(
        "sweeps: got -1, expected a whole number of at least 0", gibbs, model, v, -1
    )
    assert_refused("at least 1", gibbs, model, v, 0, return_hidden=True)
    assert_refused("clamp: got a torch.float32 tensor, exp", gibbs, model, v, 1, clamp=mask)
    assert_refused("v: got a value that is not finite", gibbs, model, v + torch.nan, 1)
    assert_refused("model: got DBN, expected an RBM or DBM", gibbs, DBN([4, 3, 2]), v, 1)

    tempered = tempered_gibbs
    assert_refused("model: got DBM, expected an RBM", tempered, DBM([4, 3, 2]), [v], [1], 1)
    assert_refused("chains: got Tensor, expected a list", tempered, model, v[0, 0], [1], 1)
    assert_refused(r"chains: got \[1, 2\] rows", tempered, model, [v, v[:1]], [0, 1], 1)
    assert_refused(r"chains\[1\]: got a value", tempered, model, [v, v / 0], [0, 1], 1)
    for betas in ([1.0], [1.0, 0.0], [0.0, 0.9], [0.5, 0.2, 1.0]):
        assert_refused("betas: got .* expected as many", tempered, model, [v, v], betas, 1)
    assert_refused("rising", tempered, model, [v, v, v], [0.5, 0.2, 1.0], 1)
