"""Training deep machines: what one update is, what training reaches, saving, resuming, monitors."""

import math

import pytest
import torch

from rbm_lib import DBM, fit, load_model, save_model
from rbm_lib.likelihood.exact import (
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    model_statistics,
)
from rbm_lib.likelihood.pseudo import exact_samples
from rbm_lib.models.batch import Rows
from rbm_lib.models.units import sample_bernoulli
from rbm_lib.training.checkpoint import CheckpointError, read_checkpoint
from rbm_lib.training.fit import linear_decay
from rbm_lib.training.gradients import cd_gradient, pcd_gradient, start_chains
from rbm_lib.training.monitoring import layer_activity, monitor, reconstruction_error
from tests.support import (
    DeepWorld,
    assert_close_in_mean,
    deep_machine,
    random_mask,
    random_rows,
    seeded,
)

QUIET = {"progress": False, "device": "cpu"}
SHAPES = [(3, 3, 2), (3, 2, 2, 2)]


@pytest.fixture(params=SHAPES, ids=str)
def sizes(request):
    return request.param


def sgd(groups, lr):
    return torch.optim.SGD(groups, lr=lr)


def parameters(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_equal(model, other):
    assert repr(model) == repr(other)
    for (name, p), q in zip(model.named_parameters(), other.parameters(), strict=True):
        assert p.dtype == q.dtype and p.requires_grad == q.requires_grad and torch.equal(p, q), name


def clusters(kind, n=300, n_visible=4):
    """Rows whose units agree nine times in ten."""
    generator = seeded(0)
    noise = torch.rand(n, n_visible, generator=generator) < 0.1
    side = ((torch.rand(n, 1, generator=generator) < 0.5) ^ noise).double()
    if kind == "gaussian":
        return 2 * side - 1 + 0.3 * torch.randn(n, n_visible, generator=generator, dtype=torch.float64)
    return torch.nn.functional.one_hot(2 * side.long(), 3).double() if kind == "categorical" else side


# ---- gradients --------------------------------------------------------------------------------------------


def sweep(model, odd, generator, mask, mean_last):
    """(v, even, p(odd)) after one sweep from odd hidden states, draw by draw."""
    to_visible, to_even = model.input_to_even(odd)
    units = model.visible_units()
    v = units.mean(to_visible) if mean_last else units.sample(to_visible, generator)
    even = sample_bernoulli(model.even_units().mean(to_even), generator)
    return v, even, model.prob_odd_given_even(v, even, mask)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("sample_visible", [False, True])
@torch.no_grad()
def test_cd_step_by_step(kind, sizes, k, sample_visible):
    """From mean field on the data to sampled odd layers, then even/odd sweeps, the odd side's mean last."""
    model = deep_machine(kind, sizes)
    v, mask = random_rows(model, 6), random_mask(6, 3)
    got = cd_gradient(model, v, k, mask, None, sample_visible, seeded(3))
    generator, means = seeded(3), model.mean_field(v, mask, 10, 1e-4).means
    odd = sample_bernoulli(model.split(means)[0], generator)
    for i in range(k):
        mean_last = i == k - 1 and not sample_visible and kind != "gaussian"
        v_k, even, prob = sweep(model, odd, generator, mask, mean_last)
        odd = sample_bernoulli(prob, generator)
    positive = model.statistics(v, means, mask)
    negative = model.statistics(v_k, model.join(prob, even), mask)
    for name in got:
        torch.testing.assert_close(got[name], positive[name] - negative[name])


@torch.no_grad()
def test_pcd_step_by_step_and_its_chains_are_values(kind, sizes):
    model = deep_machine(kind, sizes)
    v, chains = random_rows(model, 6), torch.randint(2, (9, model.n_odd), generator=seeded(8)).double()
    before = chains.clone()
    got, after = pcd_gradient(model, v, chains, 2, generator=seeded(4))
    generator, odd = seeded(4), chains
    for _ in range(2):
        v_k, even, prob = sweep(model, odd, generator, None, False)
        odd = sample_bernoulli(prob, generator)
    assert torch.equal(chains, before) and torch.equal(after, odd) and not torch.equal(after, before)
    positive = model.statistics(v, model.mean_field(v, None, 10, 1e-4).means)
    negative = model.statistics(v_k, model.join(prob, even))
    for name in got:
        torch.testing.assert_close(got[name], positive[name] - negative[name])


@pytest.mark.parametrize("upper", [0.0, 1.0])
def test_pcd_is_the_exact_gradient_but_for_mean_field(kind, sizes, upper):
    """The negative phase has no bias; the positive one has that of mean field, which is none where nothing
    couples the hidden layers."""
    model = deep_machine(kind, sizes, scale=1.2)
    with torch.no_grad():
        for W in list(model.weights)[1:]:
            W.mul_(upper)
    v, n, runs = random_rows(model, 5), 1000, []
    generator = seeded(2)
    for seed in range(40):
        odd, _ = model.split(exact_samples(model, n, seeded(seed))[1])
        runs.append(pcd_gradient(model, v, odd, 1, generator=generator)[0])
    positive = model.statistics(v, model.posterior_means(v))
    negative = model_statistics(model)
    assert_close_in_mean(runs, {name: positive[name] - negative[name] for name in positive})
    exact = exact_gradient(model, v)
    bias = {name: float((positive[name] - negative[name] - exact[name]).abs().max()) for name in exact}
    assert all(x < 1e-10 for x in bias.values()) if upper == 0 else bias["weights.1"] > 1e-3, bias


@pytest.mark.parametrize("method", ["cd", "pcd"])
def test_missing_values_never_matter_and_get_no_gradient(kind, sizes, method):
    model = deep_machine(kind, sizes)
    v, mask = random_rows(model, 6), random_mask(6, 3)
    mask[:, 2] = False
    spread = mask if v.ndim == 2 else mask[..., None].expand(v.shape)
    spoilt, chains = torch.where(spread, v, math.nan), torch.zeros(6, model.n_odd, dtype=torch.float64)
    both = [
        cd_gradient(model, x, 2, mask, generator=seeded(5))
        if method == "cd"
        else pcd_gradient(model, x, chains, 2, mask, generator=seeded(5))[0]
        for x in (v, spoilt)
    ]
    for name in both[0]:
        assert torch.equal(both[0][name], both[1][name])
        assert name not in ("weights.0", "biases.0", "log_variance") or not both[0][name][2].any()


# ---- fit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["cd", "pcd", "exact"])
@pytest.mark.parametrize("masked", [None, "per row"])
def test_seven_rows_in_batches_of_four_by_hand(kind, method, masked):
    model, by_hand = deep_machine(kind, (3, 2, 2)), deep_machine(kind, (3, 2, 2))
    v, mask = random_rows(model, 7), random_mask(7, 3) if masked else None
    fit(
        model, v, observed=mask, method=method, k=2, epochs=2, batch_size=4, optimizer=sgd, lr=0.1,
        weight_decay=0.3, generator=seeded(9), monitor_every=5, **QUIET,
    )  # fmt: skip
    generator, rows = seeded(9), Rows(by_hand, v, mask)
    chains = start_chains(by_hand, rows, 4, generator) if method == "pcd" else None
    for _ in range(2):
        for index in torch.randperm(7, generator=generator).split(4):
            batch, m, _ = rows.batch(index)
            if method == "cd":
                gradient = cd_gradient(by_hand, batch, 2, m, None, generator=generator)
            elif method == "exact":
                gradient = exact_gradient(by_hand, batch, m)
            else:
                own = index if rows.masked else slice(None)
                gradient, chains[own] = pcd_gradient(by_hand, batch, chains[own], 2, m, None, generator)
            with torch.no_grad():
                for name, p in by_hand.named_parameters():
                    decay = 0.3 * p if name.startswith("weights") else 0.0
                    p += (0.05 if name == "log_variance" else 0.1) * (gradient[name] - decay)
    for (name, p), q in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-12, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("method", ["cd", "pcd", "exact"])
@pytest.mark.parametrize("sizes", [(4, 4, 2), (4, 3, 2, 2)])
def test_training_raises_the_exact_log_likelihood(kind, method, sizes, device):
    v = clusters(kind)
    model = deep_machine(kind, sizes, seed=5, scale=0.1).initialize_from(v)
    start = float(exact_log_likelihood(model, v).mean())
    history = fit(
        model, v, method=method, k=2, epochs=40, batch_size=50, lr=0.05, generator=seeded(0),
        schedule=linear_decay(0.5), monitor_every=20, progress=False, device=device,
    )  # fmt: skip
    end = float(exact_log_likelihood(model, v).mean())
    assert end - start > 0.5  # nats per row above (nearly) independent units
    assert history.last["log_likelihood"] == pytest.approx(end)
    assert all(record["elbo"] <= record["log_likelihood"] + 1e-9 for record in history.records)


@torch.no_grad()
def two_level_teacher(kind):
    """Four groups of visible units tell the four units of layer 1, which two units above them pair up."""
    per_unit = 1 if kind == "gaussian" else 2
    model = DBM([4 * per_unit, 4, 2], kind).double()
    model.weights[0].copy_(torch.eye(4).repeat_interleave(per_unit, 0) * 4)
    model.weights[1].copy_(torch.tensor([[4.0, 0], [4, 0], [0, 4], [0, 4]]))
    # biases at which every unit is on half of the time
    if kind == "gaussian":
        model.biases[1].copy_(model._balanced_bias(model.weights[0]))
    else:
        model.biases[0].copy_(-model.weights[0].sum(1) / 2)
        model.biases[1].copy_(-model.weights[0].sum(0) / 2)
    model.biases[1].sub_(model.weights[1].sum(1) / 2)
    model.biases[2].copy_(-model.weights[1].sum(0) / 2)
    return model


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_a_two_level_teacher_is_recovered_with_layer_one_given(kind):
    """W1 (and σ) are the teacher's: the rest comes near its likelihood, and with W2 = 0 it cannot."""
    teacher = two_level_teacher(kind)
    v, test = (exact_samples(teacher, n, seeded(n))[0] for n in (800, 4000))
    best = float(exact_log_likelihood(teacher, test).mean())
    gap = {}
    for fixed in (["weights.0"], ["weights.0", "weights.1"]):
        student = DBM(teacher.sizes, kind, weight_std=0.1, seed=1).double()
        with torch.no_grad():
            student.weights[0].copy_(teacher.weights[0])
            student.biases[0].copy_(teacher.biases[0])
            student.biases[1].copy_(teacher.biases[1])
            if len(fixed) == 2:
                student.weights[1].zero_()
        for name in [*fixed, *(["log_variance"] if kind == "gaussian" else [])]:
            student.get_parameter(name).requires_grad_(False)
        fit(
            student, v, method="exact", epochs=400 if len(fixed) == 1 else 100, batch_size=len(v), lr=0.1,
            optimizer=torch.optim.Adam, schedule=linear_decay(0.5), monitor_every=400, **QUIET,
        )  # fmt: skip
        assert torch.equal(student.weights[0], teacher.weights[0])
        gap[len(fixed)] = best - float(exact_log_likelihood(student, test).mean())
    # ten or so free parameters on 800 rows cost about 0.01 nats; the pairs are worth 0.3
    assert gap[1] < 0.03 and gap[2] > 0.2, gap


def test_clip_norm_shortens_the_gradient_and_only_a_long_one():
    v = random_rows(deep_machine("gaussian", (3, 2, 2)), 8)
    arguments = {"method": "exact", "epochs": 1, "batch_size": 8, "lr": 1.0, "optimizer": torch.optim.SGD}
    names = ["weights.0", "weights.1", "biases.0", "biases.1", "biases.2"]
    gradient = exact_gradient(deep_machine("gaussian", (3, 2, 2)), v)
    norm = math.sqrt(sum(float((gradient[name] ** 2).sum()) for name in names))
    for clip, expected in ((None, norm), (norm / 4, norm / 4), (2 * norm, norm)):
        model = deep_machine("gaussian", (3, 2, 2))
        model.log_variance.requires_grad_(False)
        before = parameters(model)
        fit(model, v, clip_norm=clip, **arguments, **QUIET)
        steps = [p.detach() - before[name] for name, p in model.named_parameters() if name in names]
        assert math.sqrt(sum(float((s**2).sum()) for s in steps)) == pytest.approx(expected, rel=1e-5)
        for name, step in zip(names, steps, strict=True):  # the direction stays
            torch.testing.assert_close(step, gradient[name] * expected / norm, rtol=1e-4, atol=1e-9)
    for clip in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"clip_norm: got {clip}, expected"):
            fit(model, v, clip_norm=clip, **arguments, **QUIET)


def test_a_fixed_variance_stays_and_a_deep_machine_has_no_item_mean():
    model = deep_machine("gaussian", (3, 2, 2))
    model.log_variance.requires_grad_(False)
    before, v = parameters(model), random_rows(model, 8)
    for method in ("cd", "pcd", "exact"):
        fit(model, v, method=method, epochs=2, batch_size=4, **QUIET)
    assert torch.equal(model.log_variance, before["log_variance"])
    assert not any(torch.equal(model.get_parameter(f"weights.{i}"), before[f"weights.{i}"]) for i in (0, 1))
    with pytest.raises(ValueError, match="decay_toward: got 'item_mean', expected 'zero' for a deep machine"):
        fit(model, v, decay_toward="item_mean", epochs=1, batch_size=4, **QUIET)


@pytest.mark.parametrize("method", ["cd", "pcd", "exact"])
def test_a_float32_machine_trains_in_float32(kind, method):
    v = clusters(kind, 40)
    model = DBM([4, 3, 2], kind, 3 if kind == "categorical" else None, seed=0).initialize_from(v)
    history = fit(model, v, method=method, epochs=3, batch_size=16, generator=seeded(0), **QUIET)
    assert all(p.dtype == torch.float32 and torch.isfinite(p).all() for p in model.parameters())
    assert all(math.isfinite(x) for record in history.records for x in record.values())
    state = {name: value.clone() for name, value in model.state_dict().items()}
    twin = DBM([4, 3, 2], kind, model.n_levels)
    twin.load_state_dict(state)
    assert_equal(model, twin)


# ---- saving and resuming ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_machine_comes_back(kind, sizes, dtype, tmp_path, device):
    model = deep_machine(kind, sizes, dtype=dtype)
    model.get_parameter("weights.1").requires_grad_(False)
    path = save_model(model.to(device), tmp_path / "model.pt")
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert_equal(load_model(path, device), model)
    assert torch.equal(before, torch.random.get_rng_state())
    header, _ = read_checkpoint(path)
    assert header["class"] == "DBM" and header["shape"]["sizes"] == list(sizes)


@pytest.mark.parametrize("method", ["cd", "pcd", "exact"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one(kind, method, masked, tmp_path, device):
    model = deep_machine(kind, (3, 2, 2))
    v, mask = random_rows(model, 11), random_mask(11, 3) if masked else None
    arguments = {"observed": mask, "method": method, "batch_size": 4, "progress": False, "device": device}
    arguments |= {"epochs": 4, "optimizer": torch.optim.Adam}
    expected = fit(model, v, generator=seeded(1, device), **arguments)
    path, stop = tmp_path / "run.pt", RuntimeError("stopped")

    def stopping(done):
        if done > 0.6:  # in the middle of the third epoch
            raise stop
        return 1.0

    checkpoint = {"checkpoint": path, "resume": True}
    with pytest.raises(RuntimeError, match="stopped"):
        fit(
            deep_machine(kind, (3, 2, 2)), v, generator=seeded(1, device), schedule=stopping, **checkpoint,
            **arguments,
        )  # fmt: skip
    resumed = deep_machine(kind, (3, 2, 2), seed=7)
    history = fit(resumed, v, generator=seeded(3, device), **checkpoint, **arguments)
    assert_equal(resumed, model)
    assert history.records == expected.records
    other = deep_machine(kind, (3, 2, 3))
    with pytest.raises(CheckpointError, match=r"shape was .*\[3, 2, 2\].* now .*\[3, 2, 3\]"):
        fit(other, v, **checkpoint, **arguments)


# ---- monitors ---------------------------------------------------------------------------------------------


def test_a_record_holds_what_can_be_computed(kind, sizes):
    model = deep_machine(kind, sizes)
    v, mask = random_rows(model, 6), random_mask(6, 3)
    record = monitor(model, Rows(model, v, mask), Rows(model, v[:3]))
    field = model.mean_field(v, mask)
    assert record["bound"] == pytest.approx(float(field.bound.mean()))
    elbo = float((field.bound - exact_log_partition(model, mask)).mean())
    assert record["elbo"] == pytest.approx(elbo)
    assert record["log_likelihood"] == pytest.approx(float(exact_log_likelihood(model, v, mask).mean()))
    assert record["elbo"] < record["log_likelihood"]
    assert record["validation_elbo"] <= record["validation_log_likelihood"]
    assert record["validation_log_likelihood"] == pytest.approx(
        float(exact_log_likelihood(model, v[:3]).mean())
    )
    assert record.items() >= layer_activity(field.means).items()
    assert not {"free_energy", "pseudo_log_likelihood", "validation_saturation"} & set(record)
    assert all(isinstance(value, (int, float)) and math.isfinite(value) for value in record.values())
    mean = model.visible_units().mean(model.input_to_visible(model.posterior_means(v, mask)[0])).detach()
    total = sum(float(((v[i, j] - mean[i, j]) ** 2).sum()) for i, j in mask.nonzero().tolist())
    assert reconstruction_error(model, v, mask) == pytest.approx(total / int(mask.sum()))
    assert "elbo" not in monitor(DBM([30, 30, 30], seed=0), Rows(DBM([30, 30, 30]), torch.zeros(2, 30)))


def test_layer_activity_by_hand():
    h1 = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    h2 = torch.tensor([[0.0], [1.0], [0.0], [1.0]], dtype=torch.float64)
    activity = layer_activity([h1, h2, torch.full((4, 3), 0.3, dtype=torch.float64)])
    # cov(h1_0, h2) = 1/4, cov(h1_1, h2) = 0
    assert activity == pytest.approx(
        {"sd_h2": 0.5, "cov_h1_h2": math.sqrt(0.25**2 / 2), "sd_h3": 0.0, "cov_h2_h3": 0.0}, abs=1e-12
    )


def test_a_dead_layer_shows():
    model = deep_machine("bernoulli", (3, 3, 2), scale=2.0)
    v = DeepWorld(model).visible_states
    alive = layer_activity(model.mean_field(v).means)
    with torch.no_grad():
        model.weights[1].zero_()
    dead = layer_activity(model.mean_field(v).means)
    assert alive["sd_h2"] > 0.05 and alive["cov_h1_h2"] > 0.01
    assert dead["sd_h2"] < 1e-12 and dead["cov_h1_h2"] < 1e-12
