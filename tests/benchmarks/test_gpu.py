"""The benchmark for a CUDA card, at a tiny size on the CPU."""

import json

import pytest
import torch

from benchmarks import gpu


def test_every_row_of_the_gpu_benchmark_runs_on_the_cpu(tmp_path, capsys):
    target = tmp_path / "record.json"

    status = gpu.main(["--device", "cpu", "--tiny", "--output", str(target)])

    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    assert status == 0
    assert [row["row"] for row in rows] == 2 * ["update"] + ["ratings"] + 3 * ["precision"]
    assert all(row["over_products"] > 0 for row in rows[:2])
    assert rows[3]["largest_difference"] == 0
    assert rows[5]["largest_difference"] < 0.01


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing without a GPU")
def test_without_a_card_the_gpu_benchmark_says_so(tmp_path, capsys):
    status = gpu.main(["--output", str(tmp_path / "record.json")])

    assert status == 1
    assert "device: got 'cuda'" in capsys.readouterr().out
    assert not (tmp_path / "record.json").exists()
