"""Several processes train the machine that one process trains, and say so when one of them is lost."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import torch

from rbm_lib import load_model
from rbm_lib.models.units import Part, random_numbers, sample_bernoulli, uniform_
from rbm_lib.training import distributed
from rbm_lib.training.distributed import Processes
from tests.support import ROOT, machine, seeded
from tests.training import distributed_cases as cases


def launch(n, *arguments, timeout=240):
    """The script under torchrun with n processes on this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    case = ["--nproc-per-node", str(n), "-m", "tests.training.distributed_cases"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    options = {"cwd": ROOT, "env": environment, "timeout": timeout}
    options |= {"capture_output": True, "text": True}
    with tempfile.TemporaryDirectory() as logs:  # else torchrun leaves a folder among the temporary files
        command += ["--log-dir", logs, *case, *map(str, arguments)]
        return subprocess.run(command, **options)


def of(rank, size):
    processes = Processes()
    processes.rank, processes.size = rank, size
    return processes


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 4, 7, 10])
def test_parts_are_neighbours_and_as_even_as_can_be(n, size):
    rows = torch.arange(n)
    parts = [rows[of(rank, size).part(n)].tolist() for rank in range(size)]
    assert parts == [part.tolist() for part in torch.tensor_split(rows, size)]


def test_a_part_draws_what_the_whole_batch_draws():
    like, whole = torch.full((7, 3), 0.4), []
    for size in (1, 3):
        generators = [seeded(5) for _ in range(size)]
        noise = [of(rank, size).noise(generators[rank], 7) for rank in range(size)]
        sizes = [len(like[of(rank, size).part(7)]) for rank in range(size)]
        draws = []
        for draw in range(4):
            parts = []
            for n, g in zip(sizes, noise, strict=True):
                one = random_numbers([torch.rand, torch.randn][draw % 2], (n, 3), like, g)
                parts.append([one, sample_bernoulli(like[:n], g), uniform_(torch.empty(n, 3), g)][draw % 3])
            draws.append(torch.cat(parts))
        whole.append(torch.cat(draws))
    assert torch.equal(*whole)
    assert isinstance(noise[1], Part) and of(0, 1).noise(generators[0], 7) is generators[0]


@pytest.fixture(scope="module", params=[2, 3])
def trained(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("processes")
    done = launch(request.param, out)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [np.load(out / f"rank{rank}.npz") for rank in range(request.param)]
    return [{key: rank[key] for key in rank} for rank in ranks]


@pytest.mark.slow
@pytest.mark.parametrize("name", cases.CASES)
def test_several_processes_train_what_one_trains(trained, name):
    """Within rounding; of deep machines within the tolerance at which mean field stops, part by part."""
    expected, close = cases.train(name), 1e-5 if "deep" in name else 1e-9
    for rank in trained:
        for parameter, value in expected.items():
            np.testing.assert_allclose(rank[f"{name}|{parameter}"], value, rtol=close, atol=close)
    for parameter in expected:  # bit for bit the same in every process
        key = f"{name}|{parameter}"
        assert all(np.array_equal(rank[key], trained[0][key]) for rank in trained)


@pytest.mark.slow
def test_a_killed_process_ends_the_job_and_leaves_a_checkpoint_to_go_on_from(tmp_path):
    done = launch(2, tmp_path, "kill")
    assert done.returncode != 0
    assert "Signal 9 (SIGKILL)" in done.stderr  # torchrun names the process that is gone
    load_model(tmp_path / "run.pt")
    resumed = cases.train("cd", epochs=8, checkpoint=tmp_path / "run.pt", resume=True)
    for name, value in cases.train("cd", epochs=8).items():
        np.testing.assert_allclose(resumed[name], value, rtol=1e-8, atol=1e-9)


def test_what_a_process_says_when_the_others_are_gone(monkeypatch, tmp_path):
    def gone(tensor):
        raise RuntimeError("Connection closed by peer\n…")

    monkeypatch.setattr(distributed.dist, "all_reduce", gone)
    monkeypatch.setattr(Processes, "__init__", lambda self: vars(self).update(rank=0, size=2))
    monkeypatch.setattr(Processes, "start_alike", lambda *arguments: None)
    with pytest.raises(distributed.ProcessLost, match="Process 0 of 2 lost the others: one has ended"):
        cases.train("cd")


def test_centred_parameters_are_for_one_process(monkeypatch):
    monkeypatch.setattr(Processes, "__init__", lambda self: vars(self).update(rank=0, size=2))
    with pytest.raises(ValueError, match="center: got True with several processes"):
        cases.fit(machine("bernoulli"), torch.zeros(2, 4), center=True, **cases.EACH)
