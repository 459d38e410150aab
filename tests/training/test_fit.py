"""fit: what one update is, what training reaches, what it leaves alone, and what it says when it fails."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import RBM, TrainingDiverged, fit
from rbm_lib.likelihood.exact import exact_gradient, exact_log_likelihood, model_statistics
from rbm_lib.models.batch import Rows
from rbm_lib.training import batch_gradient
from rbm_lib.training import fit as training_module
from rbm_lib.training.fit import linear_decay
from rbm_lib.training.gradients import cd_gradient, pcd_gradient, start_chains
from tests.support import World, exact_samples, machine, random_mask, random_rows, seeded

QUIET = {"progress": False, "device": "cpu"}


def sgd(groups, lr):
    return torch.optim.SGD(groups, lr=lr)


def parameters(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_equal(model, other):
    for (name, p), q in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q), name


def two_clusters(kind, n=400):
    """Rows whose four units agree with one another nine times in ten: far from independent."""
    generator = seeded(0)
    side = (torch.rand(n, 1, generator=generator) < 0.5) ^ (torch.rand(n, 4, generator=generator) < 0.1)
    if kind == "gaussian":
        return 2.0 * side.double() - 1 + 0.3 * torch.randn(n, 4, generator=generator, dtype=torch.float64)
    return (
        torch.nn.functional.one_hot(2 * side.long(), 3).double() if kind == "categorical" else side.double()
    )


# ---- one update -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["cd", "pcd", "exact"])
@pytest.mark.parametrize("masked", [None, "shared", "per row"])
@pytest.mark.parametrize("shifted", [None, "per row"])
def test_seven_rows_in_batches_of_four_by_hand(kind, method, masked, shifted):
    """Two batches, the second short; every draw from one generator; plain ascent along the gradient."""
    model, by_hand = machine(kind), machine(kind)
    v, mask = random_rows(model, 7), random_mask(7, 4)
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    offset = (
        None if shifted is None else torch.randn(7, *model.visible_bias.shape, generator=seeded(1)).double()
    )
    fit(
        model, v, observed=mask, visible_offset=offset, method=method, k=2, epochs=2, batch_size=4,
        optimizer=sgd, lr=0.1, generator=seeded(9), monitor_every=5, **QUIET,
    )  # fmt: skip
    generator, rows, sizes = seeded(9), Rows(by_hand, v, mask, offset), []
    chains = start_chains(by_hand, rows, 4, generator) if method == "pcd" else None
    for _ in range(2):
        for index in torch.randperm(7, generator=generator).split(4):
            sizes.append(len(index))
            batch, m, o = rows.batch(index)
            if method == "cd":
                before = generator.get_state()
                gradient = cd_gradient(by_hand, batch, 2, m, o, generator=generator)
                if kind == "bernoulli" and m is None and o is None:  # memory made once: no draw at the end
                    generator.set_state(before)
                    torch.rand(len(batch), 2 * by_hand.n_hidden + 4, generator=generator, dtype=v.dtype)
            elif method == "exact":
                gradient = exact_gradient(by_hand, batch, m, o)
            else:
                own = index if rows.masked else slice(None)
                gradient, chains[own] = pcd_gradient(by_hand, batch, chains[own], 2, m, o, generator)
            with torch.no_grad():
                for name, p in by_hand.named_parameters():
                    p += (0.05 if name == "log_variance" else 0.1) * gradient[name]
    assert sizes == [4, 3, 4, 3]
    for (name, p), q in zip(model.named_parameters(), by_hand.named_parameters(), strict=True):
        torch.testing.assert_close(p, q[1], rtol=1e-12, atol=1e-12, msg=lambda m, name=name: f"{name}: {m}")


def test_every_row_counts_once_however_short_the_last_batch():
    """The gradient is a mean: a copy of a row changes nothing."""
    for rows, batch_size in ((1, 4), (2, 4), (3, 3)):
        model, other = machine("gaussian"), machine("gaussian")
        v = random_rows(model, 1).expand(rows, 4)
        fit(model, v, method="exact", epochs=1, batch_size=batch_size, optimizer=sgd, lr=0.1, **QUIET)
        fit(other, v[:1], method="exact", epochs=1, batch_size=1, optimizer=sgd, lr=0.1, **QUIET)
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(p, q)


@pytest.mark.parametrize(("batch_size", "n_chains"), [(2, 9), (5, 3), (10, None)])
def test_the_number_of_chains_is_its_own(batch_size, n_chains, monkeypatch):
    seen, original = [], batch_gradient.pcd_gradient

    def spy(model, v, chains, *rest):
        gradient, after = original(model, v, chains, *rest)
        seen.append((len(v), chains.clone(), after.clone()))
        return gradient, after

    monkeypatch.setattr(batch_gradient, "pcd_gradient", spy)
    model = machine("bernoulli")
    v = random_rows(model, 10)
    fit(model, v, method="pcd", n_chains=n_chains, epochs=2, batch_size=batch_size, lr=0.01, **QUIET)
    assert [len(before) for _, before, _ in seen] == [n_chains or batch_size] * (2 * 10 // batch_size)
    for (_, _, after), (_, before, _) in zip(seen, seen[1:], strict=False):
        assert torch.equal(after, before)  # chains go on where they stopped: they are never reset


def test_masked_rows_keep_chains_of_their_own(monkeypatch):
    seen, original = [], batch_gradient.pcd_gradient

    def spy(model, v, chains, *rest):
        gradient, after = original(model, v, chains, *rest)
        seen.append((v.clone(), chains.clone(), after.clone()))
        return gradient, after

    monkeypatch.setattr(batch_gradient, "pcd_gradient", spy)
    model = machine("gaussian", n_hidden=6)
    v, mask = random_rows(model, 5), torch.ones(5, 4, dtype=torch.bool)
    fit(model, v, observed=mask, method="pcd", epochs=2, batch_size=2, lr=0.001, **QUIET)
    states = {}
    for batch, before, after in seen:
        assert len(batch) == len(before) == len(after)
        for row, b, a in zip(batch, before, after, strict=True):
            key = int((v == row).all(1).nonzero())
            assert key not in states or torch.equal(states[key], b)
            states[key] = a
    assert len(states) == 5


def test_momentum_and_half_the_rate_for_the_variance_by_default():
    model, by_hand = machine("gaussian"), machine("gaussian")
    v = random_rows(model, 8)
    fit(model, v, method="exact", epochs=3, batch_size=8, lr=0.02, generator=seeded(0), **QUIET)
    velocity = {name: torch.zeros_like(p) for name, p in by_hand.named_parameters()}
    for _ in range(3):
        gradient = exact_gradient(by_hand, v)
        with torch.no_grad():
            for name, p in by_hand.named_parameters():
                velocity[name] = 0.9 * velocity[name] + gradient[name]
                p += (0.01 if name == "log_variance" else 0.02) * velocity[name]
    for p, q in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(p, q)


@pytest.mark.parametrize("toward", ["zero", "item_mean"])
def test_weight_decay_pulls_the_weights_and_nothing_else(kind, toward):
    model, plain = machine(kind), machine(kind)
    v = random_rows(model, 6)
    arguments = {"method": "exact", "epochs": 1, "batch_size": 6, "optimizer": sgd, "lr": 0.1} | QUIET
    arguments["generator"] = seeded(0)
    W, gradient = model.W.detach().clone(), exact_gradient(model, v)["W"]
    fit(model, v, weight_decay=0.3, decay_toward=toward, **arguments)
    fit(plain, v, **arguments | {"generator": seeded(0)})
    if toward == "zero":
        expected = W + 0.1 * (gradient - 0.3 * W)
    else:
        mean, shared = gradient.mean(0), W.mean(0)
        expected = W + 0.1 * (gradient + 5 * mean - 0.3 * (W - shared) - 0.03 * shared)
    torch.testing.assert_close(model.W.detach(), expected)
    assert torch.equal(model.visible_bias, plain.visible_bias)
    assert torch.equal(model.hidden_bias, plain.hidden_bias)


# ---- optimisers and schedules -----------------------------------------------------------------------------


def test_any_optimiser_takes_the_steps(kind):
    v = random_rows(machine(kind), 8)
    arguments = {"method": "exact", "epochs": 4, "batch_size": 8, "generator": seeded(0)} | QUIET
    by_class, by_instance, by_hand = machine(kind), machine(kind), machine(kind)
    fit(by_class, v, optimizer=torch.optim.Adam, lr=0.05, **arguments)
    groups = [
        {"params": [p], "lr": 0.025 if name == "log_variance" else 0.05}
        for name, p in by_instance.named_parameters()
    ]
    fit(by_instance, v, optimizer=torch.optim.Adam(groups), lr=77.0, **arguments)
    groups = [
        {"params": [p], "lr": 0.025 if name == "log_variance" else 0.05}
        for name, p in by_hand.named_parameters()
    ]
    adam = torch.optim.Adam(groups)
    for _ in range(4):
        for name, g in exact_gradient(by_hand, v).items():
            by_hand.get_parameter(name).grad = -g
        adam.step()
    for other in (by_instance, by_hand):
        for p, q in zip(by_class.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(p, q)
    assert all(p.grad is None for p in by_class.parameters())


def test_a_schedule_reaches_the_optimiser():
    v = random_rows(machine("bernoulli"), 8)
    rates = []

    class Spy(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    arguments = {"method": "exact", "epochs": 2, "batch_size": 2} | QUIET
    fit(machine("bernoulli"), v, optimizer=Spy, lr=0.8, schedule=linear_decay(), **arguments)
    assert rates == pytest.approx([0.8 * (1 - i / 8) for i in range(8)])
    rates.clear()
    fit(machine("bernoulli"), v, optimizer=Spy, lr=0.8, schedule=linear_decay(0.5), **arguments)
    assert rates == pytest.approx([0.8] * 5 + [0.6, 0.4, 0.2])
    rates.clear()
    model = machine("bernoulli")
    optimizer = Spy(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.1)
    fit(model, v, optimizer=optimizer, schedule=schedule, **arguments)
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])
    with pytest.raises(ValueError, match="schedule: got one of another optimizer"):
        fit(model, v, schedule=schedule, **arguments)


def test_a_fixed_variance_stays():
    v = random_rows(machine("gaussian"), 8)
    for optimizer in (None, torch.optim.Adam):
        model = machine("gaussian")
        model.log_variance.requires_grad_(False)
        before = parameters(model)
        fit(model, v, optimizer=optimizer, epochs=3, batch_size=4, **QUIET)
        assert torch.equal(model.log_variance, before["log_variance"])
        assert not torch.equal(model.W, before["W"])


def test_fit_starts_from_what_it_is_given(kind, monkeypatch):
    """At rate zero nothing moves: fit neither initialises nor resets."""
    model = machine(kind)
    before = parameters(model)

    def forbidden(*_):
        raise AssertionError("fit called initialize_from")

    monkeypatch.setattr(RBM, "initialize_from", forbidden)
    for method in ("cd", "pcd", "exact"):
        fit(model, random_rows(model, 6), method=method, epochs=2, batch_size=4, lr=0.0, **QUIET)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


# ---- what training reaches --------------------------------------------------------------------------------


def test_exact_training_reaches_the_teachers_moments(discrete):
    teacher, student = machine(discrete, seed=1, scale=1.0), machine(discrete, seed=2, scale=0.1)
    world = World(teacher)
    weights = torch.round(world.p_v * 4000).long()
    v = world.visible_states.repeat_interleave(weights, 0)
    student.initialize_from(v)
    fit(
        student, v, method="exact", epochs=500, batch_size=len(v), optimizer=torch.optim.Adam, lr=0.03,
        schedule=linear_decay(0.5), monitor_every=500, **QUIET,
    )  # fmt: skip
    data = student.statistics(v, student.prob_h_given_v(v).detach())
    model = model_statistics(student)
    for name in data:
        torch.testing.assert_close(data[name], model[name], rtol=0, atol=2e-3)
    mine = float(exact_log_likelihood(student, v).mean())
    best = float(exact_log_likelihood(teacher, v).mean())
    assert mine > best - 0.01


def test_exact_training_reaches_a_gaussian_teachers_moments():
    v, _ = exact_samples(machine("gaussian", seed=1), 2000, seed=3)
    student = machine("gaussian", seed=2, scale=0.1).initialize_from(v)
    fit(
        student, v, method="exact", epochs=400, batch_size=2000, optimizer=torch.optim.Adam, lr=0.03,
        schedule=linear_decay(0.5), monitor_every=400, **QUIET,
    )  # fmt: skip
    gradient = exact_gradient(student, v)
    assert max(float(g.abs().max()) for g in gradient.values()) < 0.01
    assert float(exact_log_likelihood(student, v).mean()) > float(
        exact_log_likelihood(machine("gaussian", seed=1), v).mean()
    )  # the maximum on these rows cannot lie below their teacher


@pytest.mark.parametrize(("method", "k"), [("cd", 1), ("cd", 5), ("pcd", 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_cd_and_pcd_raise_the_exact_log_likelihood(kind, method, k, masked, device):
    v = two_clusters(kind)
    mask = random_mask(len(v), 4, share=0.8) if masked else None
    model = machine(kind, seed=5, scale=0.05).initialize_from(v, mask)
    start = float(exact_log_likelihood(model, v, mask).mean())
    history = fit(
        model, v, observed=mask, method=method, k=k, epochs=60, batch_size=50, lr=0.05, generator=seeded(0),
        schedule=linear_decay(0.5), monitor_every=30, progress=False, device=device,
    )  # fmt: skip
    end = float(exact_log_likelihood(model, v, mask).mean())
    assert end - start > (0.2 if masked else 0.5)  # nats per row above independent units
    assert history.last["log_likelihood"] == pytest.approx(end)


def test_a_column_that_never_varies_breaks_nothing(kind):
    v = two_clusters(kind, 60)
    v[:, 1] = v[0, 1]
    if kind == "gaussian":
        v[:, 1] = 3.0
    model = machine(kind, scale=0.05).initialize_from(v)
    history = fit(model, v, epochs=20, batch_size=20, lr=0.001, generator=seeded(0), **QUIET)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert all(math.isfinite(x) for record in history.records for x in record.values())
    mean = model.mean_v_given_h(model.prob_h_given_v(v)).detach()
    assert (mean[:, 1] - v[:, 1]).abs().max() < 0.1


# ---- what training leaves alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["tensor", "array", "read-only", "transposed", "frame"])
def test_the_callers_data_is_unchanged_and_every_container_trains_the_same(kind, container):
    if kind == "categorical" and container != "tensor":
        v = random_rows(machine(kind), 7).argmax(-1).double()
    else:
        v = random_rows(machine(kind), 7)
    mask = random_mask(7, 4)
    holes = v.clone()
    holes[~mask] = float("nan")
    data = holes
    if container != "tensor":
        data = holes.numpy().copy()
        if container == "read-only":
            data.flags.writeable = False
        elif container == "transposed":
            data = np.asfortranarray(data)
        elif container == "frame":
            data = pd.DataFrame(data)
    copy = data.clone() if container == "tensor" else data.copy()
    mask_copy, models = mask.clone(), [machine(kind), machine(kind)]
    for model, rows in zip(models, (data, v), strict=True):
        fit(
            model, rows, observed=mask, validation=(rows, mask), method="pcd", epochs=2, batch_size=3,
            weight_decay=0.01, decay_toward="item_mean", generator=seeded(0), **QUIET,
        )  # fmt: skip
    assert_equal(*models)
    assert torch.equal(mask, mask_copy)
    np.testing.assert_array_equal(np.asarray(data), np.asarray(copy))


def test_ratings_train_as_the_dense_rows_do():
    from rbm_lib.data.ratings import RatingMatrix

    level = torch.randint(3, (9, 5), generator=seeded(0))
    mask = random_mask(9, 5)
    users, items = mask.nonzero().T
    ratings = RatingMatrix(users, items, level[mask], n_levels=3, user_ids=range(9), item_ids=range(5))
    for method in ("cd", "pcd", "exact"):
        models = [machine("categorical", n_visible=5) for _ in range(2)]
        histories = [
            fit(
                model, data, observed=observed, method=method, epochs=2, batch_size=4, weight_decay=0.02,
                decay_toward="item_mean", validation=data if observed is None else (data, observed),
                generator=seeded(1), **QUIET,
            )
            for model, data, observed in zip(models, (ratings, level), (None, mask), strict=True)
        ]  # fmt: skip
        assert_equal(*models)
        assert histories[0].records == histories[1].records


def test_draws_depend_on_the_generator_only():
    models = [machine("bernoulli") for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        torch.manual_seed(len(models) + seed)
        torch.rand(seed)
        state = torch.random.get_rng_state()
        fit(model, random_rows(model, 6), epochs=2, batch_size=4, generator=seeded(seed), **QUIET)
        assert torch.equal(state, torch.random.get_rng_state())
    assert_equal(models[0], models[1])
    assert not torch.equal(models[0].W, models[2].W)
    twins = [machine("bernoulli") for _ in range(2)]
    for model in twins:
        torch.manual_seed(3)
        fit(model, random_rows(model, 6), epochs=2, batch_size=4, **QUIET)
    assert_equal(*twins)


# ---- records ----------------------------------------------------------------------------------------------


def test_history_has_a_row_per_monitored_epoch():
    model = machine("bernoulli")
    v = random_rows(model, 6)
    history = fit(model, v, validation=v[:2], epochs=5, batch_size=4, monitor_every=2, **QUIET)
    frame = history.to_frame()
    assert frame["epoch"].tolist() == [2, 4, 5] and not history.interrupted
    assert {"free_energy", "validation_free_energy", "log_likelihood", "saturation"} <= set(frame.columns)
    assert history.last["validation_free_energy"] == pytest.approx(
        float(model.free_energy(v[:2]).mean().detach())
    )


@pytest.mark.parametrize("where", ["monitor", "schedule"])
def test_the_stop_button_returns_what_there_is(monkeypatch, tmp_path, where):
    calls, original = [], training_module.monitor

    def interrupt(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments) if where == "monitor" else 1.0

    if where == "monitor":
        monkeypatch.setattr(training_module, "monitor", interrupt)
    model = machine("bernoulli")
    before, v = parameters(model), random_rows(model, 6)
    schedule = interrupt if where == "schedule" else None
    history = fit(
        model, v, epochs=10, batch_size=6, schedule=schedule, checkpoint=tmp_path / "run.pt", **QUIET
    )
    assert history.interrupted and [r["epoch"] for r in history.records] == [1, 2]
    assert not torch.equal(model.W, before["W"]) and torch.isfinite(model.free_energy(v)).all()
    assert all(p.grad is None for p in model.parameters())
    monkeypatch.undo()
    calls[:] = [1] * 10
    history = fit(
        model,
        v,
        epochs=10,
        batch_size=6,
        schedule=schedule,
        checkpoint=tmp_path / "run.pt",
        resume=True,
        **QUIET,
    )
    assert not history.interrupted and [r["epoch"] for r in history.records] == list(range(1, 11))


def test_a_run_that_diverges_says_what_and_where_and_keeps_its_checkpoint(tmp_path):
    from rbm_lib import load_model

    model, path = machine("gaussian"), tmp_path / "run.pt"
    v = random_rows(model, 6)
    good = fit(model, v, epochs=2, batch_size=6, lr=0.001, checkpoint=path, **QUIET)
    kept = load_model(path)

    def explode(done):
        return 1.0 if done < 0.5 else math.inf

    with pytest.raises(
        TrainingDiverged, match=r"\w+ stopped being finite in epoch 3\..*smaller rate \(lr was 0.001\)"
    ) as e:
        fit(
            model,
            v,
            epochs=4,
            batch_size=6,
            lr=0.001,
            checkpoint=path,
            resume=True,
            schedule=explode,
            **QUIET,
        )
    assert str(path) in str(e.value) and any(name in str(e.value) for name, _ in model.named_parameters())
    assert_equal(load_model(path), kept)
    assert good.last["epoch"] == 2
    with pytest.raises(TrainingDiverged) as e:
        fit(
            machine("gaussian"),
            v,
            epochs=1,
            batch_size=6,
            schedule=lambda done: math.inf,
            checkpoint=tmp_path / "new.pt",
            **QUIET,
        )
    assert "last good state" not in str(e.value)  # there is none


# ---- doors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "gibbs"}, ValueError, "method: got 'gibbs', expected one of"),
        ({"k": 0}, ValueError, "k: got 0, expected a whole number of at least 1"),
        ({"epochs": 1.5}, ValueError, "epochs: got 1.5"),
        ({"batch_size": "all"}, ValueError, "batch_size: got 'all'"),
        ({"n_chains": 0, "method": "pcd"}, ValueError, "n_chains: got 0"),
        ({"monitor_every": 0}, ValueError, "monitor_every: got 0"),
        ({"lr": -1}, ValueError, "lr: got -1, expected a finite number of at least 0"),
        ({"lr": math.nan}, ValueError, "lr: got nan"),
        ({"weight_decay": math.inf}, ValueError, "weight_decay: got inf"),
        ({"decay_toward": "mean"}, ValueError, "decay_toward: got 'mean', expected 'zero' or 'item_mean'"),
        ({"data": torch.zeros(0, 4)}, ValueError, "data: got no rows"),
        ({"data": torch.full((2, 4), -1.0)}, ValueError, "data: got -1 at"),
        ({"data": torch.zeros(2, 5)}, ValueError, r"data: got shape \(2, 5\), expected \(rows, 4\)"),
        ({"validation": torch.zeros(2, 5)}, ValueError, r"data: got shape \(2, 5\)"),
        ({"observed": torch.ones(3, 4)}, TypeError, "observed: got a mask of torch.float32"),
        (
            {"method": "pcd", "n_chains": 5, "observed": torch.ones(3, 4, dtype=torch.bool)},
            ValueError,
            "n_chains: got 5, expected None",
        ),
        ({"resume": True}, ValueError, "resume: got True without a checkpoint"),
        (
            {"optimizer": torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1)},
            ValueError,
            "optimizer: holds other parameters",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, error, message):
    model = machine("bernoulli")
    before = parameters(model)
    arguments = {"data": random_rows(model, 3), "epochs": 1, "batch_size": 2} | arguments
    with pytest.raises(error, match=message):
        fit(model, arguments.pop("data"), **arguments, **QUIET)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_too_large_a_machine_for_the_exact_gradient_says_so():
    with pytest.raises(ValueError, match="too large to sum exactly"):
        fit(RBM(30, 30), torch.zeros(2, 30), method="exact", epochs=1, batch_size=2, **QUIET)


def test_devices_train_the_same(kind, device):
    """The exact method draws only the order of the rows, which one batch makes irrelevant."""
    models = [machine(kind) for _ in range(2)]
    v, mask = random_rows(models[0], 8), random_mask(8, 4)
    for model, where in zip(models, ("cpu", device), strict=True):
        fit(
            model, v, observed=mask, method="exact", epochs=5, batch_size=8, generator=seeded(0),
            device=where, progress=False,
        )  # fmt: skip
        assert model.W.device.type == torch.device(where).type
    for p, q in zip(*(m.parameters() for m in models), strict=True):
        torch.testing.assert_close(p.cpu(), q.cpu(), rtol=1e-9, atol=1e-9)
