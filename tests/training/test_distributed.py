"""Several processes train the model that one process trains, and notice a lost one."""

import json
import multiprocessing
import signal

import numpy as np
import pytest
import torch

from rbm_lib import CD, Checkpoint, fit, load_model
from rbm_lib.models.random import (
    ShardedGenerator,
    random_numbers,
    sample_bernoulli,
    uniform_,
)
from rbm_lib.training.distributed import Processes
from tests.support import random_rbm, seeded
from tests.training import distributed_cases as cases


def launch(n, folder, mode="train"):
    """Run the cases in n processes of this machine; how each of them ended.

    They are forks of one process that has imported what they need: torch imports its
    compiler at the first step of an optimiser.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([cases.__name__, "torch._dynamo"])
    processes = [
        context.Process(target=cases.run, args=(rank, n, folder, mode)) for rank in range(n)
    ]
    for own in processes:
        own.start()
    for own in processes:
        own.join(240)
    return [own.exitcode for own in processes]


def process(rank, size):
    processes = Processes()
    processes.rank = rank
    processes.size = size
    return processes


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 4, 7, 10])
def test_parts_are_neighbours_and_as_even_as_can_be(n, size):
    rows = torch.arange(n)

    parts = [rows[process(rank, size).part(n)].tolist() for rank in range(size)]

    assert parts == [part.tolist() for part in torch.tensor_split(rows, size)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda like, rng: random_numbers(torch.rand, like.shape, like, rng),
        lambda like, rng: random_numbers(torch.randn, like.shape, like, rng),
        sample_bernoulli,
        lambda like, rng: uniform_(torch.empty_like(like), rng),
    ],
)
def test_the_parts_of_a_draw_are_the_draw_of_one_process(draw):
    like = torch.full((7, 3), 0.4)
    whole = draw(like, seeded(5))

    parts = []
    for rank in range(3):
        own = process(rank, 3)
        generator = own.shard(seeded(5), 7)
        assert isinstance(generator, ShardedGenerator)
        parts.append(draw(like[own.part(7)], generator))

    assert torch.equal(torch.cat(parts), whole)


def test_cells_are_drawn_by_the_process_that_has_their_row():
    counts = [2, 0, 3, 1]
    whole = torch.rand(6, generator=seeded(1))

    parts = []
    for rank in range(2):
        own = process(rank, 2)
        n_cells = sum(counts[own.part(4)])
        generator = own.shard_cells(seeded(1), counts)
        like = torch.empty(n_cells)
        parts.append(random_numbers(torch.rand, like.shape, like, generator))

    assert torch.equal(torch.cat(parts), whole)


@pytest.fixture(scope="module", params=[2, 3])
def trained(request, tmp_path_factory):
    """The parameters that each of several processes has at the end."""
    folder = tmp_path_factory.mktemp("processes")
    assert launch(request.param, folder) == [0] * request.param
    ranks = [np.load(folder / f"rank{rank}.npz") for rank in range(request.param)]
    return [{key: rank[key] for key in rank} for rank in ranks]


@pytest.mark.slow
@pytest.mark.parametrize("name", cases.CASES)
def test_several_processes_train_what_one_trains(trained, name):
    expected = cases.train(name)
    # Mean field of a deep model stops part by part, so it agrees less closely.
    close = 1e-5 if "deep" in name else 1e-9
    for parameter, value in expected.items():
        own = [rank[f"{name}|{parameter}"] for rank in trained]
        for other in own[1:]:  # processes share no arithmetic but that of float64
            np.testing.assert_allclose(other, own[0], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(own[0], value, rtol=close, atol=close)


@pytest.mark.slow
def test_when_a_process_is_killed_the_others_say_so_and_the_checkpoint_goes_on(tmp_path):
    assert launch(2, tmp_path, "kill") == [0, -signal.SIGKILL]

    said = json.loads((tmp_path / "rank0.json").read_text())
    assert said.startswith("Process 0 of 2 lost the others: one has ended.")
    load_model(tmp_path / "run.pt")
    checkpoint = Checkpoint(tmp_path / "run.pt", resume=True)
    resumed = cases.train("cd", epochs=8, checkpoint=checkpoint)
    for name, value in cases.train("cd", epochs=8).items():
        np.testing.assert_allclose(resumed[name], value, rtol=1e-8, atol=1e-9)


@pytest.mark.slow
def test_processes_with_other_data_or_settings_all_refuse_to_train(tmp_path):
    assert launch(2, tmp_path, "unlike") == [0, 0]

    first, second = (
        json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)
    )
    keys = ("data", "rows", "lr", "epochs", "method", "model")
    for case, key in zip(cases.UNLIKE, keys, strict=True):
        assert "processes: got other settings in another process" in first[case]
        assert f"{key} " in second[case] and "the same arguments in each" in second[case]


@pytest.fixture
def two_processes(monkeypatch):
    """This process believes that there is another one."""
    monkeypatch.setattr(
        Processes, "__init__", lambda self: vars(self).update(rank=0, size=2, alone=False)
    )
    monkeypatch.setattr(Processes, "start_alike", lambda *arguments: None)
    monkeypatch.setattr(Processes, "require_alike", lambda *arguments: None)


def test_centred_parameters_are_for_one_process(two_processes):
    with pytest.raises(ValueError, match="center: got True with several processes"):
        fit(random_rbm("bernoulli"), torch.zeros(2, 4), CD(center=True), progress=False)
