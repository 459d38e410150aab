"""The deep machine against counting: energies by loops, conditionals from the joint, and mean field."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rbm_lib import DBM, RBM
from rbm_lib.likelihood.pseudo import conditional_log_prob, pseudo_log_likelihood
from rbm_lib.models.sampling import gibbs, tempered_gibbs
from rbm_lib.recommend.scoring import predict
from tests.support import (
    KINDS,
    DeepWorld,
    deep_energy_by_loops,
    deep_machine,
    deep_without,
    random_mask,
    random_rows,
    seeded,
    spread,
)

EXACT = {"rtol": 1e-11, "atol": 1e-11}
SHAPES = [(2, 3, 2), (1, 4, 2), (2, 2, 1, 3), (1, 2, 2, 1, 2)]  # two, three and four hidden layers


@pytest.fixture(params=SHAPES, ids=str)
def sizes(request):
    return request.param


def random_hidden(model, n, seed=0):
    generator = seeded(seed + 4000)
    return [torch.randint(2, (n, size), generator=generator).double() for size in model.sizes[1:]]


def offsets(model, n):
    """None, one number per unit, and one per row and unit."""
    shape, generator = model.visible_bias.shape, seeded(7)
    return [None, *(torch.randn(size, generator=generator).double() for size in (shape, (n, *shape)))]


# ---- energies and conditionals ----------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    kind=st.sampled_from(KINDS),
    sizes=st.lists(st.integers(1, 4), min_size=3, max_size=6),
    n_levels=st.integers(2, 4),
    rows=st.integers(1, 4),
    seed=st.integers(0, 999),
    masked=st.sampled_from([None, "shared", "per row"]),
    offset=st.integers(0, 2),
)
def test_energy_is_the_formula(kind, sizes, n_levels, rows, seed, masked, offset):
    model = deep_machine(kind, sizes, n_levels, seed=seed)
    v, hidden = random_rows(model, rows, seed), random_hidden(model, rows, seed)
    mask = random_mask(rows, sizes[0], seed)
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    shift = offsets(model, rows)[offset]
    energy = model.energy(v, hidden, mask, shift).detach()
    assert energy.shape == (rows,)
    for i in range(rows):
        row_mask = None if mask is None else (mask if mask.ndim == 1 else mask[i])
        row_shift = None if shift is None else shift.expand(rows, *model.visible_bias.shape)[i].numpy()
        row_hidden = [h[i].tolist() for h in hidden]
        expected = deep_energy_by_loops(model, v[i : i + 1].numpy(), row_hidden, row_mask, row_shift)
        assert float(energy[i]) == pytest.approx(float(expected[0]), rel=1e-11, abs=1e-11)


def test_conditionals_are_ratios_of_joint_probabilities(kind, sizes):
    """p(odd given even) by summing the joint; the other way round for units with levels."""
    model = deep_machine(kind, sizes)
    world = DeepWorld(model)
    odd, even = model.split(world.hidden_states)
    odds, of_odd = torch.unique(odd, dim=0, return_inverse=True)
    evens, of_even = torch.unique(even, dim=0, return_inverse=True)
    table = torch.zeros(world.n_v, len(odds), len(evens), dtype=torch.float64)
    table[:, of_odd, of_even] = world.joint  # every pair of sides is one joint hidden state
    assert float(table.sum()) == pytest.approx(1)
    for e, state in enumerate(evens):
        likely = table[:, :, e].sum(1) > 1e-12
        expected = (table[:, :, e] @ odds / table[:, :, e].sum(1, keepdim=True))[likely]
        got = model.prob_odd_given_even(world.visible_states, state.expand(world.n_v, -1)).detach()
        torch.testing.assert_close(got[likely], expected, rtol=1e-8, atol=1e-8)
    to_visible, to_even = model.input_to_even(odds)
    expected = table.sum(0) @ evens / table.sum((0, 2))[:, None]
    torch.testing.assert_close(model.even_units().mean(to_even).detach(), expected, **EXACT)
    mean = model.visible_units().mean(to_visible).detach().flatten(1)
    expected = table.sum(2).T @ world.visible_states.flatten(1) / table.sum((0, 2))[:, None]
    torch.testing.assert_close(mean, expected, rtol=1e-9, atol=1e-9)
    # the same, with the odd layers summed out
    free = -model.free_energy_of_even(world.visible_states, evens[-1].expand(world.n_v, -1)).detach()
    by_loops = torch.logsumexp(-world.energy[:, of_even == len(evens) - 1], 1)
    torch.testing.assert_close(free, by_loops, rtol=0, atol=1e-10)


def test_sides_are_taken_apart_and_put_together(sizes):
    model = deep_machine("bernoulli", sizes)
    hidden = random_hidden(model, 5)
    odd, even = model.split(hidden)
    assert odd.shape == (5, model.n_odd) and even.shape == (5, model.n_even)
    assert torch.equal(odd[:, : sizes[1]], hidden[0]) and torch.equal(even[:, : sizes[2]], hidden[1])
    assert all(torch.equal(a, b) for a, b in zip(model.join(odd, even), hidden, strict=True))


@settings(max_examples=25)
@given(
    kind=st.sampled_from(KINDS),
    keep=st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
    seed=st.integers(0, 99),
)
def test_a_missing_unit_is_a_unit_that_is_not_there(kind, keep, seed):
    model, keep = deep_machine(kind, (4, 3, 2, 2), seed=seed), torch.tensor(keep)
    small = deep_without(model, keep)
    v, hidden = random_rows(model, 3, seed), random_hidden(model, 3, seed)
    junk = torch.where(spread(keep.expand(3, 4), v), v, torch.full_like(v, math.nan))
    for mask in (keep, keep.expand(3, 4)):
        torch.testing.assert_close(model.energy(junk, hidden, mask), small.energy(v[:, keep], hidden))
        a, b = model.mean_field(junk, mask), small.mean_field(v[:, keep])
        torch.testing.assert_close(a.bound_trace, b.bound_trace)
        full, part = model.statistics(junk, hidden, mask), small.statistics(v[:, keep], hidden)
        for name, statistic in full.items():
            of_units = name in ("weights.0", "biases.0", "log_variance")
            torch.testing.assert_close(statistic[keep] if of_units else statistic, part[name])
            assert not (of_units and statistic[~keep].any()), name


@pytest.mark.parametrize("masked", [None, "shared", "per row"])
@pytest.mark.parametrize("which_offset", [0, 1, 2])
def test_statistics_are_the_derivatives_of_the_energy(kind, sizes, masked, which_offset):
    model = deep_machine(kind, sizes)
    v, hidden, mask = random_rows(model, 6), random_hidden(model, 6), random_mask(6, sizes[0])
    hidden[-1] = torch.rand(hidden[-1].shape, generator=seeded(3)).double()  # or probabilities
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    shift = offsets(model, 6)[which_offset]
    weights = torch.softmax(torch.randn(6, generator=seeded(1), dtype=torch.float64), 0)
    for given_weights in (None, weights):
        w = torch.full((6,), 1 / 6, dtype=torch.float64) if given_weights is None else weights
        energy = model.energy(v, hidden, mask, shift)
        slopes = torch.autograd.grad(-(w * energy).sum(), list(model.parameters()))
        got = model.statistics(v, hidden, mask, shift, given_weights)
        assert set(got) == {name for name, _ in model.named_parameters()}
        for (name, _), slope in zip(model.named_parameters(), slopes, strict=True):
            torch.testing.assert_close(got[name], slope, **EXACT)


# ---- mean field -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("which_offset", [0, 1])
def test_the_bound_is_a_bound_and_never_falls(kind, sizes, scale, which_offset):
    for seed in range(3):
        model = deep_machine(kind, sizes, scale=scale, seed=seed)
        shift = offsets(model, 1)[which_offset]
        world = DeepWorld(model, offset=None if shift is None else shift.numpy(), points=9)
        v = world.visible_states
        start = [torch.rand(len(v), n, generator=seeded(seed)).double() for n in sizes[1:]]
        for begin in (None, start):
            field = model.mean_field(v, max_sweeps=200, visible_offset=shift, start=begin)
            assert field.bound_trace.shape == (field.sweeps + 1, len(v))
            assert torch.equal(field.bound_trace[-1], field.bound)
            assert (field.bound_trace.diff(dim=0) > -1e-9).all()
            assert (field.bound_trace <= world.log_star + 1e-9).all()
            assert field.converged and 0 < field.sweeps < 200
            odd, even = model.split(field.means)  # a fixed point: each side answers the other
            torch.testing.assert_close(model.prob_odd_given_even(v, even).detach(), odd, rtol=0, atol=1e-5)


def test_the_bound_by_its_definition(kind, sizes):
    """Σ_h q(h) log [exp(−E) / q(h)] over all joint hidden states, after 0, 1 and 3 sweeps."""
    model = deep_machine(kind, sizes, scale=2.0)
    world = DeepWorld(model, points=9)
    for sweeps in (0, 1, 3):
        field = model.mean_field(world.visible_states, max_sweeps=sweeps, tol=0)
        q = torch.ones(world.n_v, world.n_h, dtype=torch.float64)
        for mean, states in zip(field.means, world.hidden_states, strict=True):
            q = q * torch.where(states[None] > 0, mean[:, None], 1 - mean[:, None]).prod(-1)
        torch.testing.assert_close(field.bound, (torch.special.entr(q) - q * world.energy).sum(1), **EXACT)
        assert field.sweeps == sweeps and len(field.bound_trace) == sweeps + 1


def test_one_sweep_is_the_odd_layers_then_the_even_ones(kind):
    model = deep_machine(kind, (2, 3, 2, 2))
    W2, W3 = (W.detach() for W in list(model.weights)[1:])
    c1, c2, c3 = (b.detach() for b in list(model.biases)[1:])
    v = random_rows(model, 5)
    start = [torch.rand(5, n, generator=seeded(n)).double() for n in (3, 2, 2)]
    field = model.mean_field(v, max_sweeps=1, start=start)
    h1 = torch.sigmoid(model.input_to_hidden(v).detach() + c1 + start[1] @ W2.T)
    h3 = torch.sigmoid(start[1] @ W3 + c3)
    h2 = torch.sigmoid(h1 @ W2 + c2 + h3 @ W3.T)
    for got, expected in zip(field.means, (h1, h2, h3), strict=True):
        torch.testing.assert_close(got, expected, **EXACT)
    first = model.mean_field(v, max_sweeps=0).means
    for got, bias in zip(first, (c1, c2, c3), strict=True):  # without a start: the units' biases
        torch.testing.assert_close(got, torch.sigmoid(bias).expand(5, -1), **EXACT)


def test_without_weights_above_the_deep_machine_is_an_rbm_and_mean_field_exact(kind, sizes):
    model = deep_machine(kind, sizes)
    rbm = RBM(sizes[0], sizes[1], kind, model.n_levels).double()
    with torch.no_grad():
        for W in list(model.weights)[1:]:
            W.zero_()
        pairs = {"W": "weights.0", "visible_bias": "biases.0", "hidden_bias": "biases.1"}
        pairs |= {"log_variance": "log_variance"} if kind == "gaussian" else {}
        for name, deep in pairs.items():
            rbm.get_parameter(name).copy_(model.get_parameter(deep))
    v, mask = random_rows(model, 6), random_mask(6, sizes[0])
    above = sum(torch.nn.functional.softplus(b.detach()).sum() for b in list(model.biases)[2:])
    for shift in offsets(model, 6):
        field = model.mean_field(v, mask, visible_offset=shift)
        torch.testing.assert_close(field.bound, above - rbm.free_energy(v, mask, shift).detach(), **EXACT)
        torch.testing.assert_close(field.means[0], rbm.prob_h_given_v(v, mask).detach(), **EXACT)
        assert field.sweeps <= 2 and field.converged


def test_mean_field_of_no_rows_and_of_no_sweeps(kind, sizes):
    model = deep_machine(kind, sizes)
    v = random_rows(model, 3)
    none = model.mean_field(v[:0])
    assert none.bound.shape == (0,) and [m.shape for m in none.means] == [(0, n) for n in sizes[1:]]
    assert none.bound_trace.shape == (none.sweeps + 1, 0)
    still = model.mean_field(v, max_sweeps=0)
    assert still.sweeps == 0 and not still.converged and still.bound_trace.shape == (1, 3)
    nothing = model.mean_field(v, torch.zeros(sizes[0], dtype=torch.bool))
    torch.testing.assert_close(nothing.bound, nothing.bound[:1].expand(3), rtol=0, atol=0)
    with torch.no_grad():
        for W in model.weights:
            W.zero_()
    assert model.mean_field(v, tol=0).converged  # the means do not move, by not one bit


def test_rows_do_not_depend_on_the_batch(kind):
    """Sweeps are counted for the batch as a whole, so their number is held fixed here."""
    model = deep_machine(kind)
    v, mask, hidden = random_rows(model, 64), random_mask(64, 2), random_hidden(model, 64)
    for f in (
        lambda i: model.energy(v[i], [h[i] for h in hidden], mask[i]),
        lambda i: model.mean_field(v[i], mask[i], max_sweeps=7, tol=0).bound,
    ):
        one_by_one = torch.cat([f(slice(i, i + 1)) for i in range(64)])
        torch.testing.assert_close(f(slice(None)), one_by_one, rtol=1e-12, atol=1e-12)


# ---- construction, initialisation, doors ------------------------------------------------------------------


def test_a_seed_makes_the_same_machine_and_leaves_torch_alone():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    a, b, c = (DBM([4, 3, 2], "categorical", 5, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.weights[1], c.weights[1])
    assert torch.equal(before, torch.random.get_rng_state())
    assert [W.shape for W in a.weights] == [(4, 5, 3), (3, 2)]
    assert [b.shape for b in a.biases] == [(4, 5), (3,), (2,)]
    assert repr(a) == "DBM([4, 3, 2], visible='categorical', n_levels=5)" and a.n_levels == 5
    wide = DBM(np.array([100, 80, 60]), weight_std=0.5, seed=0)
    assert float(wide.weights[1].detach().std()) == pytest.approx(0.5, rel=0.05)
    assert all(not b.any() for b in wide.biases)


def test_initialisation_is_that_of_the_rbm(kind):
    model = deep_machine(kind, (4, 3, 2))
    rbm = RBM(4, 3, kind, model.n_levels).double()
    rbm.W.data.copy_(model.weights[0].detach())
    v, mask, before = random_rows(model, 30), random_mask(30, 4), model.biases[1].detach().clone()
    assert model.initialize_from(v, mask) is model
    rbm.initialize_from(v, mask)
    assert torch.equal(model.visible_bias, rbm.visible_bias)
    if kind == "gaussian":
        assert torch.equal(model.log_variance, rbm.log_variance)
        assert torch.equal(model.biases[1], rbm.hidden_bias)
    else:
        assert torch.equal(model.biases[1], before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [4, 3]}, r"sizes: got \[4, 3\], expected .* with one hidden layer it is an RBM"),
        ({"sizes": 4}, r"sizes: got \[4\]"),
        ({"sizes": [4, 0, 2]}, r"sizes\[1\]: got 0, expected a whole number of at least 1"),
        ({"sizes": [4, 3, 2.5]}, r"sizes\[2\]: got 2.5"),
        ({"sizes": ["four", 3, 2]}, "sizes.0.: got 'four'"),
        ({"visible": "softmax"}, "visible: got 'softmax', expected one of"),
        ({"visible": "categorical"}, "n_levels: got None with categorical"),
        ({"n_levels": 3}, "n_levels: got 3 with bernoulli"),
    ],
)
def test_a_machine_that_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DBM(**{"sizes": [4, 3, 2]} | arguments)


def test_what_does_not_fit_is_refused_by_name(kind):
    model = deep_machine(kind, (4, 3, 2))
    v, hidden, mask = random_rows(model, 3), random_hidden(model, 3), torch.ones(3, 4, dtype=torch.bool)
    h1, h2 = hidden
    for call, error, message in [
        (lambda: model.energy(v, h1), ValueError, r"hidden: got Tensor, expected a list of 2: \[h1, h2"),
        (lambda: model.energy(v, [h1]), ValueError, r"hidden: got 1 layers, expected .* sizes \[3, 2\]"),
        (lambda: model.energy(v, [h2, h1]), ValueError, r"h1: got shape \(3, 2\), expected \(B, 3\)"),
        (lambda: model.energy(v, [h1, h2[0]]), ValueError, r"h2: got .* single row try `h2\[None\]`"),
        (lambda: model.energy(v, [h1, h2.numpy()]), TypeError, "h2: got ndarray, expected a tensor"),
        (lambda: model.energy(v.numpy(), hidden), TypeError, "v: got ndarray, expected a tensor"),
        (lambda: model.energy(v, [h1, h2.to("meta")]), ValueError, "h2: is on meta, the machine on cpu"),
        (lambda: model.statistics(v, [h1]), ValueError, "hidden: got 1 layers"),
        (lambda: model.split(h1), ValueError, "hidden: got Tensor"),
        (lambda: model.mean_field(v[0]), ValueError, r"try `v\[None\]`"),
        (lambda: model.mean_field(v[:, :3]), ValueError, r"v: got shape .*expected \(B, 4"),
        (lambda: model.mean_field(v, mask.double()), TypeError, "observed: got a torch.float64 tensor"),
        (lambda: model.mean_field(v, mask[:2]), ValueError, r"observed: got shape \(2, 4\)"),
        (lambda: model.mean_field(v, max_sweeps=-1), ValueError, "max_sweeps: got -1, expected a whole"),
        (lambda: model.mean_field(v, start=[h1]), ValueError, "hidden: got 1 layers"),
        (lambda: model.mean_field(v, visible_offset=np.ones(4)), TypeError, "visible_offset: got ndarray"),
        (lambda: model.input_to_visible(h2), ValueError, "h1: got shape"),
        (lambda: model.input_to_even(h2), ValueError, "odd: got shape"),
        (lambda: gibbs(model, v, 1, hidden=[h1]), ValueError, "hidden: got 1 layers"),
        (lambda: tempered_gibbs(model, [v], [1.0], 1), TypeError, "model: got DBM, expected an RBM"),
        (lambda: predict(model, v), TypeError, "model: got a deep machine, expected an RBM"),
        (lambda: conditional_log_prob(model, v), ValueError, "model: got DBM with .* expected an RBM"),
        (lambda: pseudo_log_likelihood(model, v), ValueError, "model: got DBM with .* expected an RBM"),
        (lambda: model.initialize_from(v * math.nan), ValueError, "data: got nan at .* mark missing"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_nothing_that_is_passed_in_changes(kind):
    model = deep_machine(kind)
    v, hidden, mask = random_rows(model, 5), random_hidden(model, 5), random_mask(5, 2)
    passed = [v, mask, *hidden]
    copies = [t.clone() for t in passed]
    model.energy(v, hidden, mask), model.mean_field(v, mask, start=hidden), model.statistics(v, hidden, mask)
    gibbs(model, v, 3, seeded(0), hidden=hidden), model.initialize_from(v, mask)
    assert all(torch.equal(a, b) for a, b in zip(copies, passed, strict=True))


def test_devices_and_number_types_agree(kind, device):
    model = deep_machine(kind, (4, 3, 2, 2))
    v, hidden, mask = random_rows(model, 6), random_hidden(model, 6), random_mask(6, 4)

    def answers(model, v, hidden, mask):
        field = model.mean_field(v, mask, max_sweeps=5, tol=0)
        return [model.energy(v, hidden, mask), *field.means, field.bound_trace, *model.statistics(
            v, hidden, mask
        ).values()]  # fmt: skip

    expected = answers(model, v, hidden, mask)
    on_device = [h.to(device) for h in hidden]
    got = answers(model.to(device), v.to(device), on_device, mask.to(device))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, **EXACT)
    single = answers(model.float(), v.to(device), [h.float() for h in on_device], mask.to(device))
    for a, b in zip(single, expected, strict=True):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a.cpu().double(), b, rtol=1e-4, atol=1e-5)


def test_every_layer_touches_only_its_neighbours():
    """From the energy alone: ∂²E/∂h_i ∂h_j vanishes except between neighbouring layers, where it is −W."""
    model = deep_machine("bernoulli", (2, 2, 3, 2, 1))
    hidden = [h.requires_grad_() for h in random_hidden(model, 1)]
    slopes = torch.autograd.grad(model.energy(random_rows(model, 1), hidden).sum(), hidden, create_graph=True)
    for i, j in itertools.combinations(range(4), 2):
        for unit in range(hidden[i].shape[1]):
            (row,) = torch.autograd.grad(slopes[i][0, unit], hidden[j], retain_graph=True, allow_unused=True)
            if j == i + 1:
                torch.testing.assert_close(row[0], -model.weights[j][unit])
            else:
                assert row is None or not row.any()
