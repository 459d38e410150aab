"""Parallel tempering: distributions kept, swaps and trips by hand, and when it helps."""

import pytest
import torch
from torch import tensor

from rbm_lib.models import DBM, RBM
from rbm_lib.models.sampling import gibbs
from rbm_lib.models.tempering import (
    TemperingInfo,
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
    random_rbm,
    random_rows,
    seeded,
)

N = 20_000 * TIMES


def test_the_independent_model_has_no_weights_and_the_biases_of_the_model(make, visible):
    """Or, with data, the visible bias that describes these."""
    model = make(visible)
    data = random_rows(model, 30)

    base = independent_model(model)
    fitted = independent_model(model, data)

    assert torch.equal(base.visible_bias, model.visible_bias)
    expected = make(visible).initialize_from(data).visible_bias
    torch.testing.assert_close(fitted.visible_bias, expected)
    assert not any(fitted.get_parameter(name).any() for name in model.weight_names)
    for name in model.bias_names[1:]:
        assert torch.equal(fitted.get_parameter(name), model.get_parameter(name))


def test_between_two_models_every_parameter_changes_linearly(visible):
    base = random_rbm(visible, seed=1)
    model = random_rbm(visible)

    between = interpolate(base, model, 0.25)

    for name, p in between.named_parameters():
        linear = 0.75 * base.get_parameter(name) + 0.25 * model.get_parameter(name)
        torch.testing.assert_close(p, linear)


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
    assert TemperingInfo(mixing[0], tensor([1, 0])).verdict == "stuck"


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
    tempered = tempered_gibbs
    assert_refused("model: got DBM, expected an RBM", tempered, DBM([4, 3, 2]), [v], [1], 1)
    assert_refused("chains: got Tensor, expected a list", tempered, model, v[0, 0], [1], 1)
    assert_refused(r"chains: got \[1, 2\] rows", tempered, model, [v, v[:1]], [0, 1], 1)
    assert_refused(r"chains\[1\]: got a value", tempered, model, [v, v / 0], [0, 1], 1)
    for betas in ([1.0], [1.0, 0.0], [0.0, 0.9], [0.5, 0.2, 1.0]):
        assert_refused("betas: got .* expected as many", tempered, model, [v, v], betas, 1)
    assert_refused("rising", tempered, model, [v, v, v], [0.5, 0.2, 1.0], 1)
