"""Greedy pretraining: tied copies are what they say, stay tied, and the recipe is the one that composes."""

import copy

import pytest
import torch

from rbm_lib import DBM, RBM, fit, pretrain
from rbm_lib.likelihood.exact import binary_states, exact_gradient, exact_log_likelihood
from rbm_lib.models.units import sample_bernoulli
from rbm_lib.training.fit import linear_decay
from rbm_lib.training.pretraining import _TiedRBM
from tests.support import World, deep_machine, random_mask, random_rows, seeded

QUIET = {"progress": False}
COPIES = [(2, 1), (1, 2), (2, 2)]  # of the visible and the hidden layer: first, last and middle RBM


def tied(kind, visible_copies, hidden_copies, seed=0):
    """A tied machine of two visible and two hidden units, random biases in every copy alike."""
    single = deep_machine(kind, (2, 2, 2), seed=seed)
    model = _TiedRBM(single.weights[0], visible_copies, hidden_copies, kind, single.n_levels)
    values = {"visible_bias": single.biases[0], "hidden_bias": single.biases[1]}
    if kind == "gaussian":
        values["log_variance"] = single.log_variance
    with torch.no_grad():
        for name, value in values.items():
            model.get_parameter(name).copy_(model._spread_out(value, name))
    return model, {"W": single.weights[0]} | values


def blocks(model, name):
    """The copies of a parameter, as slices of it."""
    p, (n_visible, n_hidden) = model.get_parameter(name).detach(), model.copies.values()
    if name == "W":
        return [part for rows in p.chunk(n_visible, 0) for part in rows.chunk(n_hidden, -1)]
    return p.chunk(n_hidden if name == "hidden_bias" else n_visible, 0)


def copied(v, n):
    return torch.cat([v] * n, 1)


@pytest.mark.parametrize("copies", COPIES)
def test_a_tied_machine_is_an_rbm_with_the_layer_twice(kind, copies):
    model, single = tied(kind, *copies)
    for name, value in single.items():
        assert len(blocks(model, name)) == (
            copies[0] * copies[1] if name == "W" else len(blocks(model, name))
        )
        assert all(torch.equal(block, value.detach()) for block in blocks(model, name))
        assert torch.equal(model.single(name), value.detach())
    v = random_rows(deep_machine(kind, (2, 2, 2)), 5)
    once = RBM(2, 2, kind, model.n_levels).double()
    for name, value in single.items():
        once.get_parameter(name).data.copy_(value.detach())
    # with every copy of v alike a hidden unit hears it as often as there are copies, its own bias once
    expected = torch.sigmoid(copies[0] * once.input_to_hidden(v) + once.hidden_bias).repeat(1, copies[1])
    torch.testing.assert_close(model.prob_h_given_v(copied(v, copies[0])), expected)
    h = torch.randint(2, (5, 2), generator=seeded(1)).double()
    field = model.input_to_visible(copied(h, copies[1]))
    expected = copied(copies[1] * once.input_to_visible(h), copies[0])
    torch.testing.assert_close(field, expected)


@pytest.mark.parametrize("copies", COPIES)
@pytest.mark.parametrize("masked", [False, True])
def test_its_likelihood_and_gradient_are_those_of_two_copies(kind, copies, masked):
    """Against enumeration, and against autograd with respect to the one parameter behind all copies."""
    model, single = tied(kind, *copies)
    v = copied(random_rows(deep_machine(kind, (2, 2, 2)), 5), copies[0])
    mask = copied(random_mask(5, 2), copies[0]) if masked else None
    if kind != "gaussian" and not masked:
        world = World(model)
        log_p = exact_log_likelihood(model, world.visible_states)
        torch.testing.assert_close(log_p.exp(), world.p_v, rtol=1e-10, atol=1e-12)
    gradient = exact_gradient(model, v, mask)
    untied = RBM(model.n_visible, model.n_hidden, kind, model.n_levels).double()
    for name, p in model.named_parameters():
        untied.get_parameter(name).data.copy_(p.detach())
    for name, whole in exact_gradient(untied, v, mask).items():
        n = len(blocks(model, name))
        # by the chain rule the gradient of the one parameter is the sum over copies: n times the mean
        leaf = single[name].detach().clone().requires_grad_()
        spread = model._spread_out(leaf, name)
        (slope,) = torch.autograd.grad((spread * whole).sum(), leaf)
        torch.testing.assert_close(model._fold(gradient[name], name), slope / n)
        alike = model._spread_out(model._fold(gradient[name], name), name)
        assert torch.equal(alike, gradient[name])


@pytest.mark.parametrize("copies", COPIES)
@pytest.mark.parametrize("run", ["cd", "pcd", "exact", "Adam", "decay"])
def test_copies_stay_equal_through_training(kind, copies, run):
    model, single = tied(kind, *copies)
    v = copied(random_rows(deep_machine(kind, (2, 2, 2)), 9), copies[0])
    options = {
        "cd": {"method": "cd", "k": 2},
        "pcd": {"method": "pcd"},
        "exact": {"method": "exact"},
        "Adam": {"method": "cd", "optimizer": torch.optim.Adam},
        "decay": {"method": "cd", "weight_decay": 0.1},
    }[run]
    fit(model, v, epochs=4, batch_size=4, generator=seeded(0), device="cpu", **options, **QUIET)
    for name, start in single.items():
        parts = blocks(model, name)
        assert all(torch.equal(part, parts[0]) for part in parts), name
        assert not torch.equal(parts[0], start.detach()), name


# ---- the recipe -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 2, 2), (3, 2, 3, 2), (3, 2, 2, 3, 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_pretraining_layer_by_layer(kind, sizes, masked):
    """Which layers are doubled, what the next machine is trained on, and where everything goes."""
    start, model = deep_machine(kind, sizes, scale=0.3), deep_machine(kind, sizes, scale=0.3)
    v = random_rows(model, 12)
    mask = random_mask(12, sizes[0], share=0.9) if masked else None
    options = {"method": "cd", "epochs": 2, "batch_size": 5, "lr": 0.05, **QUIET}
    histories = pretrain(model, v, observed=mask, generator=seeded(3), **options)
    assert len(histories) == len(sizes) - 1 and all(h.last["epoch"] == 2 for h in histories)

    generator, rows, shared = seeded(3), v, None
    for i, W in enumerate(start.weights):
        first, last = i == 0, i == len(sizes) - 2
        twice = (1 if last else 2, 1 if first else 2)
        kinds = (kind, start.n_levels) if first else ("bernoulli", None)
        layer = _TiedRBM(W, *twice, *kinds)
        rows, own_mask = copied(rows, twice[0]), None if mask is None or not first else copied(mask, twice[0])
        layer.initialize_from(rows, own_mask)
        fit(layer, rows, observed=own_mask, generator=generator, device="cpu", **options)
        assert torch.equal(model.weights[i], blocks(layer, "W")[0])  # as learned: neither halved nor doubled
        bias = blocks(layer, "visible_bias")[0]
        torch.testing.assert_close(model.biases[i].detach(), bias if first else (bias + shared) / 2)
        if first and kind == "gaussian":
            assert torch.equal(model.log_variance, blocks(layer, "log_variance")[0])
        shared = blocks(layer, "hidden_bias")[0]
        rows = sample_bernoulli(layer.prob_h_given_v(rows, own_mask)[:, : sizes[i + 1]].detach(), generator)
    torch.testing.assert_close(model.biases[-1].detach(), shared)


def test_a_fixed_variance_stays_and_data_are_not_changed():
    model = deep_machine("gaussian", (3, 2, 2))
    model.log_variance.requires_grad_(False)
    v = random_rows(model, 10)
    before, variance = v.clone(), model.log_variance.detach().clone()
    pretrain(model, v.numpy(), generator=seeded(0), epochs=2, batch_size=5, **QUIET)
    assert not model.log_variance.requires_grad and torch.equal(v, before)
    assert torch.equal(model.log_variance, variance)
    assert all(p.requires_grad for name, p in model.named_parameters() if name != "log_variance")


@pytest.mark.parametrize("option", ["checkpoint", "resume", "validation"])
def test_options_of_one_machine_are_refused(option):
    model = deep_machine("bernoulli", (3, 2, 2))
    before = {name: p.clone() for name, p in model.state_dict().items()}
    with pytest.raises(ValueError, match=f"{option}.*takes none of these"):
        pretrain(model, torch.zeros(4, 3), epochs=1, batch_size=4, **{option: "x"}, **QUIET)
    assert all(torch.equal(p, before[name]) for name, p in model.state_dict().items())


def test_a_seed_decides_all(kind):
    machines = [deep_machine(kind, (3, 2, 2)) for _ in range(3)]
    v = random_rows(machines[0], 10)
    for model, seed in zip(machines, (1, 1, 2), strict=True):
        pretrain(model, v, generator=seeded(seed), epochs=2, batch_size=5, **QUIET)
    a, b, c = machines
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.weights[0], c.weights[0])


@torch.no_grad()
def centred_teacher(sizes, scale, seed):
    """Random weights, and biases at which every state is as likely as its opposite."""
    model = DBM(sizes, weight_std=scale, seed=seed).double()
    W1, W2 = model.weights
    for bias, value in zip(model.biases, (W1.sum(1), W1.sum(0) + W2.sum(1), W2.sum(0)), strict=True):
        bias.copy_(-value / 2)
    return model


def test_doubled_inputs_and_the_mean_bias_compose_and_other_recipes_do_not(monkeypatch):
    """KL from the teacher to the deep machine as pretrained, exact gradients throughout. Measured on this
    teacher: .0005; halved on top 1.5; one bias alone 4.2 and 3.5; plain RBMs .06, their W2 halved .8."""
    teacher = centred_teacher([4, 3, 2], 2.0, seed=0)
    states = binary_states(4, like=teacher.visible_bias)
    truth = exact_log_likelihood(teacher, states)
    v = states.repeat_interleave(torch.round(truth.exp() * 1000).long(), 0)
    options = {
        "method": "exact", "epochs": 400, "batch_size": len(v), "optimizer": torch.optim.Adam, "lr": 0.05,
        "schedule": linear_decay(0.5), "monitor_every": 400, **QUIET,
    }  # fmt: skip

    def kl(change=None):
        machine = copy.deepcopy(model)
        if change is not None:
            with torch.no_grad():
                change(machine)
        return float((truth.exp() * (truth - exact_log_likelihood(machine, states))).sum())

    shared, original = [], _TiedRBM.single

    def spy(self, name):
        if name in ("visible_bias", "hidden_bias"):
            shared.append(original(self, name))
        return original(self, name)

    monkeypatch.setattr(_TiedRBM, "single", spy)
    model = DBM([4, 3, 2], weight_std=0.1, seed=50).double()
    pretrain(model, v, generator=seeded(0), **options)
    _, below, above, _ = shared
    torch.testing.assert_close(model.biases[1].detach(), (below + above) / 2)

    plain = [RBM(4, 3, weight_std=0.1, seed=50), RBM(3, 2, weight_std=0.1, seed=51)]
    rows = v
    for rbm in plain:
        rbm.double().initialize_from(rows)
        fit(rbm, rows, generator=seeded(0), device="cpu", **options)
        rows = rbm.sample_h_given_v(rows, generator=seeded(1))

    def stack(machine, share=1.0):
        machine.weights[0].copy_(plain[0].W), machine.weights[1].copy_(share * plain[1].W)
        machine.biases[0].copy_(plain[0].visible_bias), machine.biases[2].copy_(plain[1].hidden_bias)
        machine.biases[1].copy_((plain[0].hidden_bias + plain[1].visible_bias) / 2)

    assert kl() < 0.005
    assert kl(lambda m: [W.mul_(0.5) for W in m.weights]) > 0.4
    assert kl(lambda m: m.biases[1].copy_(below)) > 1
    assert kl(lambda m: m.biases[1].copy_(above)) > 1
    assert kl(stack) > 0.02
    assert kl(lambda m: stack(m, 0.5)) > 0.1


def test_pretraining_refuses_what_fit_refuses(kind):
    model = deep_machine(kind, (3, 2, 2))
    v = random_rows(model, 6)
    for arguments, error, message in [
        ({"data": v[:, :2]}, ValueError, r"data: got shape"),
        ({"data": v, "observed": torch.ones(6, 3)}, TypeError, "observed: got a mask of torch.float32"),
        ({"data": v, "method": "gibbs"}, ValueError, "method: got 'gibbs'"),
    ]:
        before = [p.detach().clone() for p in model.parameters()]
        with pytest.raises(error, match=message):
            pretrain(model, **{"epochs": 1, "batch_size": 2} | arguments, **QUIET)
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_pretraining_runs_on_every_device(kind, device):
    model = deep_machine(kind, (3, 2, 2)).to(device)
    pretrain(model, random_rows(deep_machine(kind, (3, 2, 2)), 10), epochs=1, batch_size=5, **QUIET)
    assert all(p.device.type == device.type and torch.isfinite(p).all() for p in model.parameters())
