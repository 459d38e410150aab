"""What one update is, what training reaches, what it leaves alone, and what it refuses."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import CD, DBM, DBN, PCD, RBM, Exact, Monitor, RatingMatrix, fit
from rbm_lib.likelihood import exact_gradient, exact_log_likelihood
from rbm_lib.likelihood.exact import model_statistics
from rbm_lib.models import VisibleData
from rbm_lib.training import ItemMeanDecay, linear_decay
from tests.support import (
    World,
    exact_samples,
    random_mask,
    random_rbm,
    random_rows,
    seeded,
    visible_layer,
)
from tests.training.support import (
    QUIET,
    assert_close_parameters,
    assert_same_parameters,
    parameters,
    sgd,
)

METHODS = {"cd": lambda: CD(k=2), "pcd": lambda: PCD(k=2), "exact": Exact}


def two_clusters(visible, n=400):
    """Rows whose four units agree with one another nine times in ten."""
    generator = seeded(0)
    side = torch.rand(n, 1, generator=generator) < 0.5
    side = side ^ (torch.rand(n, 4, generator=generator) < 0.1)
    real = 2.0 * side.double() - 1 + 0.3 * torch.randn(n, 4, generator=generator).double()
    levels = torch.nn.functional.one_hot(2 * side.long(), 3).double()
    if visible == "mixed":  # Gaussian, Bernoulli, Bernoulli, categorical
        return torch.cat([real[:, :1], side[:, 1:3].double(), levels[:, 3]], 1)
    return {"gaussian": real, "categorical": levels, "bernoulli": side.double()}[visible]


# One update


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("masked", [None, "shared", "per row"])
@pytest.mark.parametrize("moved", [False, True])
def test_seven_rows_in_batches_of_four_by_hand(visible, method, masked, moved):
    """Two batches, the second short; one generator; ascent along the gradient."""
    model = random_rbm(visible)
    by_hand = random_rbm(visible)
    v = random_rows(model, 7)
    mask = random_mask(7, 4)
    mask = {None: None, "shared": mask[-1], "per row": mask}[masked]
    offset = None
    if moved:
        offset = torch.randn(7, *model.visible.shape, generator=seeded(1)).double()

    data = VisibleData(model, v, mask, offset)
    options = {"optimizer": sgd, "lr": 0.1, "callbacks": [Monitor(every=5)]}
    fit(
        model,
        data,
        METHODS[method](),
        epochs=2,
        batch_size=4,
        generator=seeded(9),
        **options,
        **QUIET,
    )

    generator = seeded(9)
    rows = VisibleData(by_hand, v, mask, offset)
    own = METHODS[method]()
    own.prepare(by_hand, rows, 4, generator)
    sizes = []
    for _ in range(2):
        for index in torch.randperm(7, generator=generator).split(4):
            sizes.append(len(index))
            batch = rows.rows(index)
            before = generator.get_state()
            if method == "pcd" and not rows.shares_model:
                positive, negative = own.phases(by_hand, batch, index, generator, generator)
                gradient = {name: positive[name] - negative[name] for name in positive}
            else:
                gradient = own.gradient(by_hand, batch, generator)
            if (
                method == "cd"
                and visible == "bernoulli"
                and mask is None
                and offset is None
            ):
                generator.set_state(before)  # on complete rows nothing is drawn at the end
                n_draws = 2 * by_hand.n_hidden + 4
                torch.rand(len(batch), n_draws, generator=generator, dtype=v.dtype)
            with torch.no_grad():
                for name, p in by_hand.named_parameters():
                    p += (0.05 if name == "log_variance" else 0.1) * gradient[name]
    assert sizes == [4, 3, 4, 3]
    assert_close_parameters(model, by_hand, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("rows", "batch_size"), [(1, 4), (2, 4), (3, 3)])
def test_the_gradient_is_a_mean_so_copies_of_a_row_change_nothing(rows, batch_size):
    model = random_rbm("gaussian")
    other = random_rbm("gaussian")
    v = random_rows(model, 1)
    options = {"epochs": 1, "optimizer": sgd, "lr": 0.1} | QUIET

    fit(model, v.expand(rows, 4), "exact", batch_size=batch_size, **options)
    fit(other, v, "exact", batch_size=1, **options)

    assert_close_parameters(model, other)


def test_rows_with_masks_keep_chains_of_their_own():
    model = random_rbm("gaussian", n_hidden=6)
    method = PCD()

    mask = torch.ones(5, 4, dtype=torch.bool)
    fit(
        model, random_rows(model, 5), method, observed=mask, epochs=2, batch_size=2, **QUIET
    )

    assert method.chains.shape == (5, 6)


@pytest.mark.parametrize(("n_chains", "expected"), [(9, 9), (None, 5)])
def test_the_number_of_chains(n_chains, expected):
    model = random_rbm("bernoulli")
    method = PCD(n_chains=n_chains)

    fit(model, random_rows(model, 10), method, epochs=1, batch_size=5, **QUIET)

    assert method.chains.shape == (expected, 3)


def test_a_fixed_variance_stays():
    model = random_rbm("gaussian")
    model.log_variance.requires_grad_(False)
    before = parameters(model)

    fit(model, random_rows(model, 8), epochs=3, batch_size=4, **QUIET)

    assert torch.equal(model.log_variance, before["log_variance"])
    assert not torch.equal(model.W, before["W"])


@pytest.mark.parametrize("method", METHODS)
def test_fit_starts_from_the_model_as_it_is(visible, method):
    model = random_rbm(visible)
    before = parameters(model)

    fit(model, random_rows(model, 6), METHODS[method](), epochs=2, lr=0.0, **QUIET)

    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]), name


def test_an_optimizer_of_ones_own_takes_the_steps(visible):
    models = [random_rbm(visible) for _ in range(2)]
    v = random_rows(models[0], 8)
    by_name, own = models
    groups = [
        {"params": [p], "lr": 0.025 if name == "log_variance" else 0.05}
        for name, p in own.named_parameters()
    ]
    options = {"epochs": 4, "batch_size": 8} | QUIET

    fit(by_name, v, "exact", optimizer=torch.optim.Adam, lr=0.05, **options)
    fit(own, v, "exact", optimizer=torch.optim.Adam(groups), lr=77.0, **options)

    assert_close_parameters(by_name, own)
    assert all(p.grad is None for p in own.parameters())


def test_a_torch_scheduler_is_stepped_after_every_update():
    model = random_rbm("bernoulli")
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.1)

    v = random_rows(model, 8)
    fit(model, v, optimizer=optimizer, schedule=schedule, epochs=2, batch_size=2, **QUIET)

    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)  # after 8 updates


# What training reaches


def test_exact_training_reaches_the_teachers_moments(discrete):
    teacher = random_rbm(discrete, seed=1, scale=1.0)
    world = World(teacher)
    v = world.visible_states.repeat_interleave(torch.round(world.p_v * 4000).long(), 0)
    student = random_rbm(discrete, seed=2, scale=0.1).initialize_from(v)

    recipe = {"optimizer": torch.optim.Adam, "lr": 0.03, "schedule": linear_decay(0.5)}
    unwatched = [Monitor(every=500)]
    fit(
        student,
        v,
        "exact",
        epochs=500,
        batch_size=len(v),
        callbacks=unwatched,
        **recipe,
        **QUIET,
    )

    data = student.statistics(v, student.prob_h_given_v(v).detach())
    model = model_statistics(student)
    for name in data:
        torch.testing.assert_close(data[name], model[name], rtol=0, atol=2e-3)
    best = float(exact_log_likelihood(teacher, v).mean())
    assert float(exact_log_likelihood(student, v).mean()) > best - 0.01


@pytest.mark.parametrize("real", ["gaussian", "mixed"])
def test_exact_training_beats_a_teacher_on_its_own_rows(real):
    teacher = random_rbm(real, seed=1)
    v, _ = exact_samples(teacher, 2000, seed=3)
    student = random_rbm(real, seed=2, scale=0.1).initialize_from(v)

    recipe = {"optimizer": torch.optim.Adam, "lr": 0.03, "schedule": linear_decay(0.5)}
    unwatched = [Monitor(every=400)]
    fit(
        student,
        v,
        "exact",
        epochs=400,
        batch_size=2000,
        callbacks=unwatched,
        **recipe,
        **QUIET,
    )

    assert max(float(g.abs().max()) for g in exact_gradient(student, v).values()) < 0.01
    teachers = float(exact_log_likelihood(teacher, v).mean())
    assert float(exact_log_likelihood(student, v).mean()) > teachers


@pytest.mark.parametrize("method", [CD(2), PCD(1)], ids=["CD-2", "PCD"])
@pytest.mark.parametrize("masked", [False, True])
def test_cd_and_pcd_raise_the_exact_log_likelihood(visible, method, masked, device):
    v = two_clusters(visible)
    mask = random_mask(len(v), 4, share=0.8) if masked else None
    model = random_rbm(visible, seed=5, scale=0.05).initialize_from(v, mask)
    start = float(exact_log_likelihood(model, v, mask).mean())

    history = fit(
        model,
        v,
        method,
        observed=mask,
        epochs=60,
        batch_size=50,
        lr=0.05,
        schedule=linear_decay(0.5),
        callbacks=[Monitor(every=30)],
        generator=seeded(0),
        device=device,
        progress=False,
    )

    end = float(exact_log_likelihood(model.cpu(), v, mask).mean())
    assert end - start > (0.2 if masked else 0.5)  # nats per row above independent units
    assert history.last["log_likelihood"] == pytest.approx(end)


@pytest.mark.parametrize("method", [CD(1), PCD(2)], ids=["CD-1", "PCD"])
def test_training_a_dbm_raises_its_exact_log_likelihood(visible, method):
    v = two_clusters(visible)
    layer = visible_layer(visible, 4)
    model = DBM([layer, 4, 2], weight_std=0.1, seed=1).double().initialize_from(v)
    start = float(exact_log_likelihood(model, v).mean())

    recipe = {"epochs": 30, "batch_size": 50, "lr": 0.02, "schedule": linear_decay(0.5)}
    fit(model, v, method, generator=seeded(0), **recipe, **QUIET)

    assert float(exact_log_likelihood(model, v).mean()) - start > 0.3


def test_a_column_that_never_varies_breaks_nothing(visible):
    v = two_clusters(visible, 60)
    v[:, 1] = v[0, 1]
    model = random_rbm(visible, scale=0.05).initialize_from(v)

    history = fit(model, v, batch_size=20, lr=0.001, generator=seeded(0), **QUIET)

    assert all(math.isfinite(x) for record in history.records for x in record.values())
    mean = model.mean_v_given_h(model.prob_h_given_v(v)).detach()
    assert (mean[:, 1] - v[:, 1]).abs().max() < 0.1


# What training leaves alone


@pytest.mark.parametrize(
    "container", [torch.clone, np.array, np.asfortranarray, pd.DataFrame]
)
def test_every_container_trains_the_same_and_stays_as_it_is(container):
    models = [random_rbm("gaussian") for _ in range(2)]
    v = random_rows(models[0], 7)
    mask = random_mask(7, 4)
    holes = torch.where(mask, v, torch.nan)
    data = container(holes if container is torch.clone else holes.numpy())
    before = np.asarray(data).copy()

    for model, rows in zip(models, (data, v), strict=True):
        watch = Monitor(validation=(rows, mask))
        options = {"epochs": 2, "batch_size": 3, "callbacks": [watch]}
        fit(model, rows, "pcd", observed=mask, generator=seeded(0), **options, **QUIET)

    assert_close_parameters(*models)  # sums may go another way through another layout
    np.testing.assert_array_equal(np.asarray(data), before)


@pytest.mark.parametrize("method", METHODS)
def test_ratings_train_as_dense_rows_do(method):
    level = torch.randint(3, (9, 5), generator=seeded(0))
    mask = random_mask(9, 5)
    users, items = mask.nonzero().T
    catalogue = {"user_ids": range(9), "item_ids": range(5)}
    ratings = RatingMatrix(users, items, level[mask], n_levels=3, **catalogue)
    models = [random_rbm("categorical", n_visible=5) for _ in range(2)]

    records = []
    for model, data, observed in zip(models, (ratings, level), (None, mask), strict=True):
        options = {"epochs": 2, "batch_size": 4, "weight_decay": ItemMeanDecay(0.02)}
        history = fit(
            model,
            data,
            METHODS[method](),
            observed=observed,
            generator=seeded(1),
            **options,
            **QUIET,
        )
        records.append(history.records)

    assert_close_parameters(*models)
    assert records[0] == [pytest.approx(record) for record in records[1]]


def test_draws_depend_on_the_generator_only():
    models = [random_rbm("bernoulli") for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        torch.manual_seed(seed)
        torch.rand(seed)
        state = torch.random.get_rng_state()
        fit(
            model,
            random_rows(model, 6),
            epochs=2,
            batch_size=4,
            generator=seeded(seed),
            **QUIET,
        )
        assert torch.equal(state, torch.random.get_rng_state())

    assert_same_parameters(models[0], models[1])
    assert not torch.equal(models[0].W, models[2].W)


def test_without_a_generator_torchs_own_seed_decides():
    models = [random_rbm("bernoulli") for _ in range(2)]
    for model in models:
        torch.manual_seed(3)
        fit(model, random_rows(model, 6), epochs=2, batch_size=4, **QUIET)

    assert_same_parameters(*models)


def test_devices_train_the_same(visible, device):
    models = [random_rbm(visible) for _ in range(2)]
    v = random_rows(models[0], 8)
    mask = random_mask(8, 4)
    for model, where in zip(models, ("cpu", device), strict=True):
        options = {"epochs": 5, "batch_size": 8, "generator": seeded(0), "progress": False}
        fit(model, v, "exact", observed=mask, device=where, **options)
        assert model.W.device.type == torch.device(where).type

    assert_close_parameters(*(model.cpu() for model in models))


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 1.5}, "epochs: got 1.5"),
        ({"batch_size": "all"}, "batch_size: got 'all'"),
        ({"lr": -1}, "lr: got -1, expected a finite number of at least 0"),
        ({"lr": math.nan}, "lr: got nan"),
        ({"weight_decay": math.inf}, "weight_decay: got inf"),
        ({"clip_norm": 0}, "clip_norm: got 0"),
        ({"method": "gibbs"}, "method: got 'gibbs'"),
        ({"data": torch.zeros(0, 4)}, "data: got no rows"),
        ({"data": torch.full((2, 4), -1.0)}, "data: got -1 at"),
        ({"data": torch.zeros(2, 5)}, r"data: got shape \(2, 5\), expected \(rows, 4\)"),
        ({"observed": torch.ones(3, 4)}, "observed: got a mask of torch.float32"),
        ({"generator": 3}, "generator: got int"),
        ({"device": "abacus"}, "device: got 'abacus'"),
        ({"schedule": "linear"}, "schedule: got 'linear'"),
        ({"schedule": "cosine"}, "schedule: got 'cosine'"),
        ({"schedule": 0.5}, "schedule: got 0.5"),
        ({"schedule": [0.1, 0.01]}, r"schedule: got \[0.1"),
        ({"schedule": {"a": 1}}, "schedule: got {'a'"),
        ({"schedule": torch.optim.lr_scheduler.CosineAnnealingLR}, "schedule: got"),
        ({"optimizer": torch.optim.LBFGS}, "optimizer: got LBFGS"),
        ({"data": np.ma.masked_equal(np.eye(4), 0)}, "data: got a masked array"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, message):
    model = random_rbm("bernoulli")
    before = parameters(model)
    arguments = {"data": random_rows(model, 3), "epochs": 1} | QUIET | arguments

    with pytest.raises((ValueError, TypeError), match=message):
        fit(model, **arguments)

    for name, p in model.named_parameters():
        assert torch.equal(p, before[name])


def test_n_chains_beside_masks_per_row_is_refused():
    model = random_rbm("bernoulli")
    mask = torch.ones(3, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="n_chains: got 5, expected None"):
        fit(model, random_rows(model, 3), PCD(n_chains=5), observed=mask, **QUIET)


@pytest.mark.parametrize("model", [None, DBN([4, 3, 2]), torch.nn.Linear(4, 3)])
def test_what_is_no_boltzmann_machine_is_refused_by_name(model):
    with pytest.raises(TypeError, match="model: got .*, expected an RBM or DBM"):
        fit(model, torch.zeros(2, 4), **QUIET)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.compile's imports
@pytest.mark.long  # imports a compiler
def test_a_compiled_model_is_refused_by_name():
    with pytest.raises(
        TypeError, match="model: got OptimizedModule, expected an RBM or DBM"
    ):
        fit(torch.compile(RBM(4, 3)), torch.zeros(2, 4), **QUIET)


def test_too_large_a_model_for_the_exact_gradient_says_so():
    with pytest.raises(ValueError, match="model: "):
        fit(RBM(30, 30), torch.zeros(2, 30), "exact", epochs=1, **QUIET)
