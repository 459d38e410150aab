"""CD in memory made once: the gradient of `gradients.cd_gradient`, the training of any other optimiser."""

from contextlib import contextmanager
from functools import partial

import pytest
import torch

from rbm_lib import fit
from rbm_lib.training import batch_gradient
from rbm_lib.training.dense import WARM_UP, DenseCD, Replayed
from rbm_lib.training.gradients import cd_gradient
from tests.support import machine, random_mask, random_rows, seeded

QUIET = {"progress": False, "device": "cpu", "monitor_every": 10**9}
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def assert_close(got, expected):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, **CLOSE, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("sample_visible", [False, True])
def test_the_gradient_is_that_of_cd_given_the_same_draws(k, sample_visible):
    model = machine("bernoulli", n_visible=7, n_hidden=5)
    v, dense = random_rows(model, 9), None
    with torch.no_grad():
        dense = DenseCD(model, v, k, sample_visible)
        for index in (torch.tensor([4, 0, 8, 1]), torch.tensor([2, 7, 7]), torch.tensor([5, 6, 3, 8])):
            expected = cd_gradient(model, v[index], k, sample_visible=sample_visible, generator=seeded(1))
            assert_close(dense(index, seeded(1)), expected)


def test_a_gradient_can_be_added_to_what_is_there():
    model = machine("bernoulli")
    v, index = random_rows(model, 6), torch.tensor([3, 1, 5])
    there = {name: torch.randn_like(p) for name, p in model.named_parameters()}
    gradient = cd_gradient(model, v[index], generator=seeded(1))
    expected = {name: 0.9 * there[name].detach() - 2 * gradient[name] for name in there}
    with torch.no_grad():
        got = DenseCD(model, v)(index, seeded(1), into=there, keep=0.9, scale=-2.0)
    assert got is there
    assert_close(got, expected)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("k", [1, 2])
def test_training_with_the_default_optimiser_is_sgd_with_momentum(k, weight_decay):
    """Straight into the velocity, and by way of .grad; ten rows in batches of four."""
    ours, theirs = machine("bernoulli"), machine("bernoulli")
    v = random_rows(ours, 10)
    before = v.clone()
    arguments = {"k": k, "epochs": 4, "batch_size": 4, "lr": 0.1, "weight_decay": weight_decay} | QUIET
    fit(ours, v, generator=seeded(3), **arguments)
    fit(theirs, v, generator=seeded(3), optimizer=partial(torch.optim.SGD, momentum=0.9), **arguments)
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()))
    assert torch.equal(v, before)


@pytest.mark.parametrize("setting", ["mask", "shared mask", "offset", "fixed bias", "center", "pcd", "none"])
def test_it_is_used_for_complete_rows_and_learned_parameters_alone(setting, monkeypatch):
    made = []

    class Spy(DenseCD):
        def __call__(self, *arguments, **options):
            made.append(1)
            return super().__call__(*arguments, **options)

    monkeypatch.setattr(batch_gradient, "DenseCD", Spy)
    model = machine("bernoulli")
    v, bias = random_rows(model, 6), model.visible_bias.detach().clone()
    model.visible_bias.requires_grad_(setting != "fixed bias")
    fit(
        model, v, epochs=1, batch_size=3, **QUIET, method="pcd" if setting == "pcd" else "cd",
        observed={"mask": random_mask(6, 4), "shared mask": torch.tensor([True] * 3 + [False])}.get(setting),
        visible_offset=torch.ones(4) if setting == "offset" else None, center=setting == "center",
    )  # fmt: skip
    assert len(made) == (2 if setting == "none" else 0)
    assert torch.equal(model.visible_bias, bias) == (setting == "fixed bias")


# ---- CUDA graphs ------------------------------------------------------------------------------------------


def test_a_graph_is_refused_where_there_is_none():
    model = machine("bernoulli")
    with pytest.raises(ValueError, match="cuda_graph: got True on cpu with method 'cd', expected a CUDA"):
        fit(model, random_rows(model, 4), epochs=1, batch_size=2, cuda_graph=True, **QUIET)


def test_a_graph_is_recorded_after_warm_up_and_replayed_for_batches_of_its_length(monkeypatch):
    """With a stand-in for CUDA's graphs: recording runs nothing, replaying runs what was recorded."""
    log, recording = [], []

    class Graph:
        def register_generator_state(self, generator):
            log.append(generator)

        def replay(self):
            log.append("replay")
            work(recording[0], None, now=True)

    @contextmanager
    def record(graph):
        recording.append(None)
        yield
        log.append("recorded")

    def work(index, generator, now=False):
        if recording and recording[0] is None:
            recording[0] = index
        elif not recording or now or len(index) != 3:
            log.append(index.tolist())
        return "result"

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", record)
    replayed, eager = Replayed(work), [[i, i + 1, i + 2] for i in range(WARM_UP)]
    for index in [*eager, [7, 8, 9], [4], [3, 2, 1]]:
        assert replayed(torch.tensor(index), "generator") == "result"
    replays = ["generator", "recorded", "replay", [7, 8, 9], [4], "replay", [3, 2, 1]]
    assert log == [*eager, *replays]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_graph_trains_as_single_kernels_do():
    trained = []
    for cuda_graph in (False, True):
        model = machine("bernoulli")
        fit(
            model, random_rows(model, 50), epochs=5, batch_size=8, lr=0.1, cuda_graph=cuda_graph,
            generator=seeded(0, "cuda"), **QUIET | {"device": "cuda"},
        )  # fmt: skip
        trained.append(dict(model.named_parameters()))
    assert_close(*trained)
