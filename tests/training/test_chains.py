"""The chains of CD and PCD."""

import torch

from rbm_lib.models import VisibleData
from rbm_lib.training.chains import run_chains, start_chains
from tests.support import random_mask, random_rbm, random_rows, seeded


def test_chains_start_at_the_data():
    model = random_rbm("bernoulli", scale=8.0)
    v = random_rows(model, 4)

    h = start_chains(model, VisibleData(model, v), 10, seeded(0))

    p = model.prob_h_given_v(v)[torch.arange(10) % 4].detach()
    sure = (p < 1e-4) | (p > 1 - 1e-4)
    assert sure.double().mean() > 0.2
    assert torch.equal(h[sure], p.round()[sure])


def test_a_sweep_draws_v_given_h_then_h_given_v(visible):
    model = random_rbm(visible)
    rows = model.as_batch(random_rows(model, 50), random_mask(50, 4))
    h = torch.randint(2, (50, model.n_hidden), generator=seeded(1)).double()

    state, mean_h, moved = run_chains(model, rows, h, 2, seeded(0))

    rng = seeded(0)
    for _ in range(2):
        v = rows.with_v(model.sample_v_given_h(h, generator=rng))
        h = model.sample_h_given_v(v, generator=rng)
    torch.testing.assert_close(state.v, v.v)
    torch.testing.assert_close(mean_h, model.prob_h_given_v(v))
    assert torch.equal(moved, h)


def test_the_last_visible_states_may_be_means(discrete):
    model = random_rbm(discrete)
    rows = model.as_batch(random_rows(model, 5))
    h = torch.ones(5, model.n_hidden).double()

    state, _, _ = run_chains(model, rows, h, 1, seeded(0), mean_last=True)

    torch.testing.assert_close(state.v, model.mean_v_given_h(h))
