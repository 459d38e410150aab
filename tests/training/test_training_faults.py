"""Trainings that go wrong: finite numbers or an error, never a silent NaN; long ones: flat memory."""

import json
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch

from rbm_lib import DBM, DBN, RBM, TrainingDiverged, fit, load_model, pretrain
from rbm_lib.data.ratings import RatingMatrix
from tests.support import LONG, ROOT, deep_machine, machine, random_mask, random_rows, seeded

QUIET = {"progress": False, "device": "cpu"}
METHODS = ("cd", "pcd", "exact")
OPTIMISERS = [None, torch.optim.Adam]
if LONG:
    names = ("SGD", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop", "Rprop", "ASGD")
    OPTIMISERS += [getattr(torch.optim, name) for name in names]


def untrained(deep, kind, n_visible=6, hidden=(4, 3)):
    levels = 3 if kind == "categorical" else None
    if deep == "RBM":
        return RBM(n_visible, hidden[0], kind, levels, seed=0)
    return {"DBM": DBM, "DBN": DBN}[deep]([n_visible, *hidden], kind, levels, seed=0)


def rows(kind, n=20, n_visible=6):
    """Rows of that kind, categorical ones as levels."""
    draw = torch.rand(n, n_visible, generator=seeded(1))
    return {"bernoulli": (draw < 0.4).float(), "categorical": (3 * draw).floor()}.get(kind, 6 * draw - 3)


def rated(kind):
    """Half of the cells of `rows`; for Gaussian units these are levels, too."""
    users, items = np.nonzero(np.random.default_rng(0).random((20, 6)) < 0.5)
    levels = (rows(kind)[users, items] > 0).long() if kind == "gaussian" else rows(kind)[users, items].long()
    return RatingMatrix(users, items, levels.numpy(), item_ids=np.arange(6))


def finite(model):
    return all(torch.isfinite(p).all() for p in model.parameters())


def end_of(model, data, checkpoint=None, **options):
    """How a training ends: "finite" or "diverged". Anything else fails, as does a machine left with NaN."""
    options = {"epochs": 4, "batch_size": 8, "generator": seeded(2)} | QUIET | options
    try:
        if isinstance(model, DBN):
            histories = pretrain(model, data, **options)
        else:
            histories = [fit(model, data, checkpoint=checkpoint, **options)]
    except TrainingDiverged as error:
        assert "stopped being finite in epoch" in str(error) and "Try a smaller rate" in str(error)
        end = "diverged"
    else:
        assert all(math.isfinite(x) for h in histories for record in h.records for x in record.values())
        end = "finite"
    assert finite(model)
    if checkpoint is not None and checkpoint.exists():
        assert finite(load_model(checkpoint))
        checkpoint.unlink()
    return end


@pytest.fixture(params=["RBM", "DBM", "DBN"])
def deep(request):
    return request.param


# ---- rates and data -------------------------------------------------------------------------------------


@pytest.mark.grows
@pytest.mark.parametrize("method", METHODS)
def test_rates_that_diverge(deep, kind, method, tmp_path):
    ends, path = Counter(), tmp_path / "run.pt"
    given = [
        (rows(kind), {}),
        (rows(kind), {"observed": random_mask(20, 6)}),
        (rated(kind), {"monitor_every": 3}),
    ]
    for data, options in given if LONG else given[:1] + given[2:]:
        for rate in (1e3, 1e6, 1e12, 1e30, 1e37) if LONG else (1e6, 1e37):
            for optimizer in OPTIMISERS:
                model = untrained(deep, kind)
                options = options | {"method": method, "lr": rate, "optimizer": optimizer}
                ends[rate, end_of(model, data, path, **options)] += 1
    assert ends[1e37, "diverged"] > 0  # rates that no number survives are among them
    assert kind == "gaussian" or ends[1e6, "finite"] > 0  # and rates that make but large ones


@pytest.mark.parametrize("rate", [math.inf, -math.inf, math.nan, -1.0])
def test_rates_that_are_none(deep, rate):
    model = untrained(deep, "bernoulli")
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(ValueError, match="lr: got"):
        end_of(model, rows("bernoulli"), lr=rate)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def hard(kind):
    """{name: rows} that are few or hardly vary."""
    whole = rows(kind)
    cases = {"one row": whole[:1], "one column": whole[:, :1], "one cell": whole[:1, :1]}
    for value in (0.0, 1.0):
        constant = whole.clone()
        constant[:, 1] = value
        cases |= {f"column of {value:g}": constant, f"all {value:g}": torch.full_like(whole, value)}
    return cases


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("hidden", [(4, 3), (8, 6)], ids=["few hidden", "more hidden units than rows"])
def test_constant_columns_and_few_rows_are_learned(deep, kind, method, hidden):
    for name, v in hard(kind).items():
        v = v[:5] if hidden == (8, 6) else v
        model = untrained(deep, kind, v.shape[1], hidden)
        if deep != "DBN":  # whose pretraining does this itself
            model.initialize_from(torch.nn.functional.one_hot(v.long(), 3).float() if model.n_levels else v)
        assert end_of(model, v, method=method) == "finite", name


@pytest.mark.parametrize("size", [1e6, 1e14, 1e16, 1e30, 3e38, 1e-20])
def test_huge_and_tiny_values(deep, size):
    """Learned, or refused by name."""
    v = size * (rows("gaussian") / 3).clamp(-1, 1)
    for start in (True, False):
        model = untrained(deep, "gaussian")
        try:
            if start and deep != "DBN":
                model.initialize_from(v)
            end_of(model, v, lr=1e-3)
        except ValueError as error:
            assert size > 1e15 and "expected" in str(error)


def test_a_machine_that_is_not_finite_is_refused(deep):
    model = untrained(deep, "gaussian")
    next(model.parameters()).data[0] = math.nan
    with pytest.raises(ValueError, match=r"model: \S+ is not finite; expected numbers: make a new machine"):
        end_of(model, rows("gaussian"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(deep, kind, dtype):
    model = untrained(deep, kind).to(dtype)
    with pytest.raises(TypeError, match=r"is torch.b?float16.*expected torch.float32.*model.float\(\)"):
        end_of(model, rows(kind))
    assert end_of(model.float(), rows(kind)) == "finite"


def test_no_rows_to_validate_with_are_refused():
    with pytest.raises(ValueError, match="validation: got no rows"):
        fit(
            RBM(6, 4, seed=0),
            rows("bernoulli"),
            validation=torch.zeros(0, 6),
            epochs=1,
            batch_size=8,
            **QUIET,
        )


# ---- what a failure leaves ------------------------------------------------------------------------------


class Stop(Exception):
    pass


def after(epochs, make, v, then=None, **options):
    """The machine after so many whole epochs of three updates; within the next, `then` happens."""
    model, updates = make(), set()

    def schedule(done):
        updates.add(done)
        return then() if then is not None and len(updates) == 3 * epochs + 2 else 1.0

    error = history = None
    try:
        history = fit(
            model, v, epochs=6 if then else epochs, batch_size=4, lr=0.01, generator=seeded(3),
            schedule=schedule, **QUIET, **options,
        )  # fmt: skip
    except TrainingDiverged as caught:
        error = caught
    return model, history, error


@pytest.mark.parametrize("optimizer", [None, torch.optim.Adam])
@pytest.mark.parametrize("make", [machine, deep_machine])
def test_an_interrupt_or_a_divergence_leaves_the_last_whole_epoch(kind, make, optimizer, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    v = random_rows(make(kind), 11)
    for epochs, then in ((2, interrupt), (2, lambda: math.inf), (0, interrupt), (0, lambda: math.inf)):
        path = tmp_path / f"{epochs} {then is interrupt}.pt"
        model, history, error = after(
            epochs, lambda: make(kind), v, then, optimizer=optimizer, method="pcd", checkpoint=path
        )
        good = (
            after(epochs, lambda: make(kind), v, optimizer=optimizer, method="pcd")[0]
            if epochs
            else make(kind)
        )
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), good.parameters(), strict=True))
        if then is interrupt:
            assert history.interrupted and [r["epoch"] for r in history.records] == list(range(1, epochs + 1))
        else:
            assert "stopped being finite in epoch" in str(error) and (str(path) in str(error)) == (epochs > 0)
        if epochs:
            kept = load_model(path)
            assert all(torch.equal(p, q) for p, q in zip(model.parameters(), kept.parameters(), strict=True))


# ---- memory ---------------------------------------------------------------------------------------------

CASES = ["cd", "Adam", "masked, pcd", "deep, pcd", "ratings"]


def assert_flat(case, epochs, folder):
    command = [sys.executable, "-m", "tests.training.memory_cases", case, str(epochs), folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    more = json.loads(done.stdout)
    assert more["tensors"] == 0  # the history grows, by one record per epoch
    assert more["bytes"] < 100_000 + 1000 * epochs, more  # the weights alone are 40,000


@pytest.mark.parametrize("case", ["cd", "deep, pcd", "ratings"])
def test_sixty_epochs_in_the_same_memory(case, tmp_path):
    assert_flat(case, 60, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_a_thousand_epochs_in_the_same_memory(case, tmp_path):
    assert_flat(case, 1000, tmp_path)
