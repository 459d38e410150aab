"""The machine against counting: energies by loops, marginals and conditionals from the joint distribution."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rbm_lib import RBM
from tests.support import (
    World,
    energy_by_loops,
    machine,
    random_mask,
    random_rows,
    seeded,
    spread,
    without,
)

EXACT = {"rtol": 1e-11, "atol": 1e-11}


def random_hidden(model, n, seed=0):
    return torch.randint(2, (n, model.n_hidden), generator=seeded(seed + 4000)).to(model.W.dtype)


def offsets(model, n):
    """None, one number per unit, and one per row and unit."""
    generator = seeded(7)
    shape = model.visible_bias.shape
    return [
        None,
        torch.randn(shape, generator=generator).double(),
        torch.randn(n, *shape, generator=generator).double(),
    ]


# ---- energies ---------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["bernoulli", "categorical", "gaussian"]),
    n_visible=st.integers(1, 5),
    n_hidden=st.integers(1, 4),
    n_levels=st.integers(2, 4),
    rows=st.integers(1, 4),
    seed=st.integers(0, 999),
    masked=st.sampled_from([None, "shared", "per row"]),
    offset=st.integers(0, 2),
)
def test_energy_is_the_formula(kind, n_visible, n_hidden, n_levels, rows, seed, masked, offset):
    model = machine(kind, n_visible, n_hidden, n_levels, seed=seed)
    v, h = random_rows(model, rows, seed), random_hidden(model, rows, seed)
    mask = random_mask(rows, n_visible, seed)
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    shift = offsets(model, rows)[offset]
    energy = model.energy(v, h, mask, shift).detach()
    assert energy.shape == (rows,)
    for i in range(rows):
        row_mask = None if mask is None else (mask if mask.ndim == 1 else mask[i])
        row_shift = None if shift is None else shift.expand(rows, *model.visible_bias.shape)[i]
        expected = energy_by_loops(model, v[i], h[i], row_mask, row_shift)
        assert float(energy[i]) == pytest.approx(expected, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("which_offset", [0, 1])
def test_free_energy_sums_the_hidden_units_out(kind, masked, which_offset):
    model = machine(kind)
    v = random_rows(model, 6)
    mask = random_mask(6, 4) if masked else None
    shift = offsets(model, 6)[which_offset]
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)
    terms = torch.stack([-model.energy(v, one.expand(6, -1), mask, shift) for one in h])
    torch.testing.assert_close(model.free_energy(v, mask, shift), -torch.logsumexp(terms, 0), **EXACT)


def test_conditionals_are_ratios_of_joint_probabilities(discrete):
    model = machine(discrete)
    for mask in (None, torch.tensor([True, False, True, True])):
        world = World(model, mask)
        joint = world.p.view(world.n_v, world.n_h)
        h_given_v = (joint[:, :, None] * world.hidden_states).sum(1) / joint.sum(1, keepdim=True)
        torch.testing.assert_close(model.prob_h_given_v(world.visible_states, mask), h_given_v, **EXACT)
        states = world.visible_states.flatten(1)
        v_given_h = (joint.T @ states) / joint.sum(0)[:, None]
        seen = spread(torch.ones(4, dtype=torch.bool) if mask is None else mask, world.visible_states[0])
        got = model.mean_v_given_h(world.hidden_states)
        torch.testing.assert_close(got[:, seen], v_given_h.view_as(got)[:, seen], **EXACT)


def test_gaussian_conditionals_by_quadrature():
    model = machine("gaussian", n_visible=2, n_hidden=2)
    world = World(model)
    joint = world.p.view(world.n_v, world.n_h)
    mean = joint.T @ world.visible_states / joint.sum(0)[:, None]
    torch.testing.assert_close(model.mean_v_given_h(world.hidden_states), mean, rtol=1e-9, atol=1e-9)
    square = joint.T @ world.visible_states**2 / joint.sum(0)[:, None]
    variance = torch.exp(model.log_variance).expand(world.n_h, 2)
    torch.testing.assert_close(square - mean**2, variance, rtol=1e-8, atol=1e-8)
    h_given_v = (joint[:, :, None] * world.hidden_states).sum(1) / joint.sum(1, keepdim=True)
    likely = joint.sum(1) > 1e-12
    torch.testing.assert_close(
        model.prob_h_given_v(world.visible_states)[likely], h_given_v[likely], rtol=1e-9, atol=1e-9
    )


def test_the_offset_moves_the_visible_bias(kind):
    model, moved = machine(kind), machine(kind)
    v, h = random_rows(model, 5), random_hidden(model, 5)
    shift = offsets(model, 5)[1]
    with torch.no_grad():
        moved.visible_bias += shift
    assert not torch.allclose(model.energy(v, h), moved.energy(v, h))
    torch.testing.assert_close(model.energy(v, h, visible_offset=shift), moved.energy(v, h))
    torch.testing.assert_close(model.free_energy(v, visible_offset=shift), moved.free_energy(v))
    torch.testing.assert_close(model.mean_v_given_h(h, shift), moved.mean_v_given_h(h))
    assert torch.equal(
        model.sample_v_given_h(h, shift, seeded(1)), moved.sample_v_given_h(h, None, seeded(1))
    )


def test_rows_do_not_depend_on_the_batch(kind):
    model = machine(kind)
    v, h, mask = random_rows(model, 64), random_hidden(model, 64), random_mask(64, 4)
    for f in (
        lambda i: model.energy(v[i], h[i], mask[i]),
        lambda i: model.free_energy(v[i]),
        lambda i: model.prob_h_given_v(v[i], mask[i]),
        lambda i: model.mean_v_given_h(h[i]),
    ):
        one_by_one = torch.cat([f(slice(i, i + 1)) for i in range(64)])
        torch.testing.assert_close(f(slice(None)), one_by_one, rtol=1e-12, atol=1e-12)


# ---- masks ------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["bernoulli", "categorical", "gaussian"]),
    keep=st.lists(st.booleans(), min_size=5, max_size=5).filter(any),
    seed=st.integers(0, 99),
)
def test_a_missing_unit_is_a_unit_that_is_not_there(kind, keep, seed):
    model, keep = machine(kind, n_visible=5, seed=seed), torch.tensor(keep)
    small = without(model, keep)
    v, h = random_rows(model, 4, seed), random_hidden(model, 4, seed)
    for mask in (keep, keep.expand(4, 5)):
        torch.testing.assert_close(model.energy(v, h, mask), small.energy(v[:, keep], h))
        torch.testing.assert_close(model.free_energy(v, mask), small.free_energy(v[:, keep]))
        torch.testing.assert_close(model.prob_h_given_v(v, mask), small.prob_h_given_v(v[:, keep]))
        prob_h = model.prob_h_given_v(v, mask)
        full, part = model.statistics(v, prob_h, mask), small.statistics(v[:, keep], prob_h)
        for name, statistic in full.items():
            if name == "hidden_bias":
                torch.testing.assert_close(statistic, part[name])
            else:
                torch.testing.assert_close(statistic[keep], part[name])
                assert not statistic[~keep].any(), name


@pytest.mark.parametrize("junk", [float("nan"), -1.0, 99.0, float("inf")])
def test_what_stands_at_a_missing_place_never_matters(kind, junk):
    model = machine(kind)
    v, mask, h = random_rows(model, 6), random_mask(6, 4), random_hidden(model, 6)
    spoilt = torch.where(spread(mask, v), v, torch.full_like(v, junk))
    assert torch.equal(model.energy(v, h, mask), model.energy(spoilt, h, mask))
    assert torch.equal(model.free_energy(v, mask), model.free_energy(spoilt, mask))
    assert torch.equal(model.prob_h_given_v(v, mask), model.prob_h_given_v(spoilt, mask))
    clean, dirty = model.statistics(v, h, mask), model.statistics(spoilt, h, mask)
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    a, b = machine(kind).initialize_from(v, mask), machine(kind).initialize_from(spoilt, mask)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_a_row_with_nothing_observed_is_the_prior(kind):
    model = machine(kind)
    v, nothing = random_rows(model, 3), torch.zeros(3, 4, dtype=torch.bool)
    c = model.hidden_bias.detach()
    torch.testing.assert_close(model.prob_h_given_v(v, nothing), torch.sigmoid(c).expand(3, -1))
    prior = -torch.nn.functional.softplus(c).sum().expand(3)
    torch.testing.assert_close(model.free_energy(v, nothing).detach(), prior)


# ---- learning ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [None, "shared", "per row"])
@pytest.mark.parametrize("which_offset", [0, 1, 2])
def test_statistics_are_the_derivatives_of_the_energy(kind, masked, which_offset):
    model = machine(kind)
    v, h, mask = random_rows(model, 6), random_hidden(model, 6), random_mask(6, 4)
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    shift = offsets(model, 6)[which_offset]
    weights = torch.softmax(torch.randn(6, generator=seeded(1), dtype=torch.float64), 0)
    for given_weights in (None, weights):
        w = torch.full((6,), 1 / 6, dtype=torch.float64) if given_weights is None else weights
        slopes = torch.autograd.grad(-(w * model.energy(v, h, mask, shift)).sum(), list(model.parameters()))
        got = model.statistics(v, h, mask, shift, given_weights)
        for (name, _), slope in zip(model.named_parameters(), slopes, strict=True):
            torch.testing.assert_close(got[name], slope, **EXACT)


def test_initialisation_puts_the_data_into_the_biases():
    v = torch.tensor([[1.0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]])
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[1, 2], mask[:, 3] = False, False
    model = RBM(4, 2, seed=0)
    W = model.W.detach().clone()
    assert model.initialize_from(v, mask) is model
    # counts (ones, zeros): (4, 0 → ½), (1, 3), (2, 1), (0 → ½, 0 → ½)
    expected = torch.log(torch.tensor([4 / 0.5, 1 / 3, 2.0, 1.0]))
    torch.testing.assert_close(model.visible_bias.detach(), expected)
    assert torch.equal(W, model.W.detach())
    seven = RBM(4, 2, "categorical", 3, seed=0)
    level = torch.tensor([[0, 1, 2, 0], [0, 1, 2, 0], [1, 1, 2, 0], [0, 2, 2, 0]])
    seven.initialize_from(torch.nn.functional.one_hot(level, 3), mask)
    counts = torch.tensor([[3, 1, 0.5], [0.5, 3, 1], [0.5, 0.5, 3], [0.5, 0.5, 0.5]])
    expected = counts / counts.sum(1, keepdim=True)
    torch.testing.assert_close(torch.softmax(seven.visible_bias.detach(), -1), expected)


def test_gaussian_initialisation_with_a_column_that_never_varies():
    v = torch.tensor([[1.0, 5, 9], [3, 5, 9], [5, 5, 9]])
    mask = torch.tensor([[True, True, False]] * 2 + [[False, True, False]])
    model = RBM(3, 1, "gaussian", weight_std=0.5, seed=0).double().initialize_from(v, mask)
    torch.testing.assert_close(model.visible_bias.detach(), torch.tensor([2.0, 5, 0]).double())
    torch.testing.assert_close(torch.exp(model.log_variance.detach()), torch.tensor([1.0, 1, 1]).double())
    assert torch.isfinite(model.free_energy(v.double(), mask)).all()
    lone = RBM(3, 1, "gaussian", weight_std=0.3, seed=0).double()
    lone.initialize_from(torch.randn(50, 3, generator=seeded(0), dtype=torch.float64))
    one, zero = (
        lone.visible_units().cumulant(lone.input_to_visible(torch.full((1, 1), x, dtype=torch.float64))).sum()
        for x in (1.0, 0.0)
    )  # a single hidden unit is on half of the time
    assert float((one - zero + lone.hidden_bias).detach()) == pytest.approx(0, abs=1e-10)


# ---- peers ------------------------------------------------------------------------------------------------


def test_two_levels_are_a_bernoulli_machine():
    two = machine("categorical", n_levels=2)
    one = machine("bernoulli")
    with torch.no_grad():
        one.W.copy_(two.W[:, 1] - two.W[:, 0])
        one.visible_bias.copy_(two.visible_bias[:, 1] - two.visible_bias[:, 0])
        one.hidden_bias.copy_(two.hidden_bias + two.W[:, 0].sum(0))
    v = random_rows(two, 8)
    torch.testing.assert_close(two.prob_h_given_v(v), one.prob_h_given_v(v[..., 1]))
    h = random_hidden(two, 8)
    torch.testing.assert_close(two.mean_v_given_h(h)[..., 1], one.mean_v_given_h(h))
    constant = two.visible_bias[:, 0].sum()
    torch.testing.assert_close(two.free_energy(v) + constant, one.free_energy(v[..., 1]), **EXACT)


def test_scikit_learn_agrees():
    from sklearn.neural_network import BernoulliRBM

    model = machine("bernoulli", n_visible=6, n_hidden=4)
    v = random_rows(model, 20).numpy()
    peer = BernoulliRBM(n_components=4, n_iter=0, random_state=0, batch_size=20).fit(v)
    peer.components_ = model.W.detach().numpy().T.copy()
    peer.intercept_visible_ = model.visible_bias.detach().numpy().copy()
    peer.intercept_hidden_ = model.hidden_bias.detach().numpy().copy()
    ours = torch.from_numpy(v)
    np.testing.assert_allclose(model.prob_h_given_v(ours).detach().numpy(), peer.transform(v), rtol=1e-12)
    np.testing.assert_allclose(model.free_energy(ours).detach().numpy(), peer._free_energy(v), rtol=1e-12)
    repeated = np.repeat(v[:1], 20_000, 0)  # its gibbs: one sweep; ours: the same mean after one sweep
    theirs = peer.gibbs(repeated).mean(0)
    h = model.sample_h_given_v(torch.from_numpy(repeated), generator=seeded(0))
    mine = model.sample_v_given_h(h, generator=seeded(1)).mean(0).numpy()
    assert np.abs(theirs - mine).max() < 4.5 * np.sqrt(2 * 0.25 / 20_000)


# ---- sampling, construction, doors ------------------------------------------------------------------------


def test_draws_have_the_conditional_distribution(kind):
    model, n = machine(kind), 40_000
    mask = torch.tensor([True, False, True, True])
    v, h = random_rows(model, 1), random_hidden(model, 1)
    p = model.prob_h_given_v(v, mask)[0].detach()
    drawn = model.sample_h_given_v(v.expand(n, *v.shape[1:]), mask, seeded(0)).mean(0)
    assert ((drawn - p) * torch.sqrt(n / (p * (1 - p)))).abs().max() < 4
    mean = model.mean_v_given_h(h)[0].detach()
    variance = torch.exp(model.log_variance.detach()) if kind == "gaussian" else mean * (1 - mean)
    drawn = model.sample_v_given_h(h.expand(n, -1), generator=seeded(1)).mean(0)
    assert ((drawn - mean) * torch.sqrt(n / variance)).abs().max() < 4


def test_a_seed_makes_the_same_machine_and_leaves_torch_alone():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    a, b = RBM(5, 3, seed=1), RBM(5, 3, seed=1)
    assert torch.equal(a.W, b.W) and not torch.equal(a.W, RBM(5, 3, seed=2).W)
    assert torch.equal(before, torch.random.get_rng_state())
    assert float(RBM(200, 100, weight_std=0.5, seed=0).W.detach().std()) == pytest.approx(0.5, rel=0.02)
    wide = RBM(np.int64(4), 3.0, "categorical", 5.0)
    assert wide.W.shape == (4, 5, 3) and "n_levels=5" in repr(wide)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"visible": "softmax"}, "visible: got 'softmax', expected one of"),
        ({"visible": "categorical"}, "n_levels: got None with categorical"),
        ({"n_levels": 3}, "n_levels: got 3 with bernoulli"),
        ({"n_hidden": 0}, "n_hidden: got 0, expected a whole number of at least 1"),
        ({"n_visible": 2.5}, "n_visible: got 2.5, expected a whole"),
        ({"n_visible": "four"}, "n_visible: got 'four', expected a whole"),
        ({"n_visible": None}, "n_visible: got None, expected a whole"),
        ({"visible": "categorical", "n_levels": 1}, "n_levels: got 1, expected a whole number of at least 2"),
    ],
)
def test_a_machine_that_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RBM(**{"n_visible": 4, "n_hidden": 3} | arguments)


def test_what_does_not_fit_is_refused_by_name(kind):
    model = machine(kind)
    v, h = random_rows(model, 3), random_hidden(model, 3)
    mask = torch.ones(3, 4, dtype=torch.bool)
    for call, error, message in [
        (lambda: model.energy(v.numpy(), h), TypeError, "v: got ndarray, expected a tensor"),
        (lambda: model.energy(v, h[:, :2]), ValueError, r"h: got shape \(3, 2\), expected \(B, 3\)"),
        (lambda: model.energy(v, h[0]), ValueError, r"h: got .* single row try `h\[None\]`"),
        (lambda: model.free_energy(v[:, :3]), ValueError, r"v: got shape .*expected \(B, 4"),
        (lambda: model.free_energy(v[0]), ValueError, r"try `v\[None\]`"),
        (lambda: model.mean_v_given_h(h[:, :1]), ValueError, "h: got shape"),
        (
            lambda: model.free_energy(v, mask.double()),
            TypeError,
            "observed: got a torch.float64 tensor.*mask.bool",
        ),
        (lambda: model.free_energy(v, mask.numpy()), TypeError, "observed: got ndarray"),
        (
            lambda: model.free_energy(v, mask[:2]),
            ValueError,
            r"observed: got shape \(2, 4\), expected \(3, 4\) or",
        ),
        (lambda: model.free_energy(v, mask[0, :3]), ValueError, r"observed: got shape \(3,\)"),
        (lambda: model.free_energy(v, visible_offset=np.ones(4)), TypeError, "visible_offset: got ndarray"),
        (
            lambda: model.free_energy(v, visible_offset=torch.ones(2, *model.unit_shape)),
            ValueError,
            r"visible_offset: got shape \(2, 4.*\), expected one broadcastable to \(3, 4",
        ),
        (
            lambda: model.initialize_from(v * float("nan")),
            ValueError,
            r"data: got nan at .* expected a number; mark missing",
        ),
        (lambda: model.free_energy(v.to("meta")), ValueError, "v: is on meta, the machine on cpu"),
        (
            lambda: model.free_energy(v, mask.to("meta")),
            ValueError,
            "observed: is on meta, the machine on cpu",
        ),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_nothing_that_is_passed_in_changes(kind):
    model = machine(kind)
    v, h, mask = random_rows(model, 5), random_hidden(model, 5), random_mask(5, 4)
    shift = offsets(model, 5)[2]
    copies = [t.clone() for t in (v, h, mask, shift)]
    model.energy(v, h, mask, shift), model.free_energy(v, mask, shift), model.prob_h_given_v(v, mask)
    model.statistics(v, h, mask, shift), model.sample_v_given_h(h, shift), model.initialize_from(v, mask)
    assert all(torch.equal(a, b) for a, b in zip(copies, (v, h, mask, shift), strict=True))


def test_draws_carry_no_gradient(kind):
    model = machine(kind)
    v, h = random_rows(model, 5), random_hidden(model, 5)
    for drawn in (model.sample_v_given_h(h), model.sample_h_given_v(v), *model.sample_even_given_odd(h)):
        assert not drawn.requires_grad


def test_devices_agree(kind, device):
    model = machine(kind)
    v, h, mask = random_rows(model, 6), random_hidden(model, 6), random_mask(6, 4)
    expected = [model.energy(v, h, mask), model.free_energy(v, mask), model.prob_h_given_v(v, mask)]
    expected += [model.mean_v_given_h(h), *model.statistics(v, h, mask).values()]
    model.to(device)
    v, h, mask = v.to(device), h.to(device), mask.to(device)
    got = [model.energy(v, h, mask), model.free_energy(v, mask), model.prob_h_given_v(v, mask)]
    got += [model.mean_v_given_h(h), *model.statistics(v, h, mask).values()]
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, **EXACT)


def test_half_of_a_float32_machine_is_still_one(kind):
    model = machine(kind, dtype=torch.float32)
    v = random_rows(model, 4).double()  # other number types are taken in the machine's own
    assert model.free_energy(v).dtype == model.prob_h_given_v(v.to(torch.int64)).dtype == torch.float32
