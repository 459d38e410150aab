"""What the speed tables say of given times, and that contestants run; judges no time."""

import argparse
import json
import sys
from importlib.metadata import version

import numpy as np
import pytest
import torch

import benchmarks.speed.__main__ as speed
from benchmarks.speed import report, tasks, updates, worker
from benchmarks.speed.contestants import CONTESTANTS, FLOOR, PEERS, SAMPLED
from benchmarks.speed.processes import Worker

TINY = (4, 6, 3)
LOG_Z = {
    "visible": 5,
    "threads": 1,
    "log_z": 1.0,
    "seconds": 1.0,
    "peak_mb": None,
    "setup_mb": None,
}
IMPORT = {
    "torch_seconds": 1.0,
    "package_seconds": 0.1,
    "package_ratio": 0.1,
    "package_bar": 1.05,
    "rbm_lib_seconds": 1.0,
    "ratio": 1.0,
    "bar": 1.3,
    "further_modules": ["rbm_lib"],
}


def pair(floor, own):
    return (floor, floor), (own, own / 2)


def about(name):
    return {name: {"peak_mb": 200.0, "setup_mb": 150.0, "versions": {"torch": "2"}}}


def made_up(case=TINY, threads=1):
    """Three rounds in which the machine's speed changes: ratios 2, 1.2, 1.1; 3, 6, 2.2."""
    mean = "rbm_lib, mean visible"
    pairs = {
        mean: [pair(1e-3, 2e-3), pair(10e-3, 12e-3), pair(1e-3, 1.1e-3)],
        SAMPLED: [pair(1e-3, 1.5e-3), pair(1e-3, 1.5e-3), pair(2e-3, 2e-3)],
        "rbms": [pair(1e-3, 3e-3), pair(1e-3, 6e-3), pair(1e-3, 2.2e-3)],
        "learnergy, fit": [],
    }
    known = about(FLOOR) | about(mean) | about(SAMPLED) | about("rbms")
    rows = updates.summary(
        case,
        threads,
        "cpu",
        pairs,
        known | {"learnergy, fit": {"missing": "not installed"}},
    )
    return {
        "case": list(case),
        "threads": threads,
        "device": "cpu",
        "repeats": 3,
        "updates": 7,
        "rows": rows,
    }


def test_a_ratio_is_the_median_of_paired_ratios():
    floor, mean, sampled, rbms, missing = made_up()["rows"]
    # the medians of the times are 2 ms and, for all floors, 1 ms: their ratio is 2
    assert mean["ms"] == pytest.approx(2) and floor["ms"] == pytest.approx(1)
    assert mean["ratio"] == pytest.approx(1.2)
    assert (mean["ratio_low"], mean["ratio_high"]) == pytest.approx((1.15, 1.6))
    assert mean["cpu_ratio"] == pytest.approx(0.6)
    # against ours round by round: 3/1.5, 6/1.5, 2.2/1
    assert rbms["times_ours"] == pytest.approx(2.2) and "times_ours" not in mean
    assert missing == {"name": "learnergy, fit", "missing": "not installed"}


def test_bars_are_those_of_the_case_and_hold_for_one_thread():
    def bars(case, threads):
        return [row.get("bar") for row in made_up(case, threads)["rows"]]

    assert bars(updates.CASES[0], 1) == [None, 1.25, 1.60, None, None]
    assert bars(updates.CASES[2], 1) == [None, 1.15, 1.40, None, None]
    assert bars(updates.CASES[0], 2) == [None] * 5
    assert "cpu_ratio" not in made_up(threads=2)["rows"][1]


def test_the_table_shows_what_was_measured_and_what_was_not():
    lines = report.case_table(made_up()).splitlines()
    assert (
        "batch 4, 6 visible, 3 hidden" in lines[0] and "3 rounds of 7 updates" in lines[0]
    )
    assert (
        "1.15–1.60" in lines[3]
        and "≤ 1.15 missed" in lines[3]
        and "≤ 1.40 missed" in lines[4]
    )
    assert report.verdict(1.15, 1.15).endswith("met")
    assert lines[6].split(maxsplit=2) == ["learnergy,", "fit", "not installed"]


@pytest.mark.parametrize("text", ["128x784", "axbxc", "0x3x3", "128x784x128x1"])
def test_cases_that_are_none_are_refused(text):
    assert speed.parse_case("4x6x3") == TINY
    with pytest.raises(
        argparse.ArgumentTypeError, match="expected batch x visible x hidden"
    ):
        speed.parse_case(text)


class Enough(Exception):
    pass


@pytest.mark.parametrize("number", range(6))
def test_contestants_of_this_environment_make_an_update_per_turn(number, monkeypatch):
    name = [n for n in CONTESTANTS if n not in PEERS][number]
    left, products = [5], []
    bare = torch.mm

    def turn():
        left[0] -= 1
        if left[0] < 0:
            raise Enough

    monkeypatch.setattr(
        torch, "mm", lambda *a, **b: products.append((a, b)) or bare(*a, **b)
    )
    rows = worker.make_rows(TINY)
    assert (
        rows.shape == (16, 6)
        and rows.dtype == np.float32
        and set(np.unique(rows)) == {0, 1}
    )
    with pytest.raises(Enough):
        CONTESTANTS[name](TINY, rows, "cpu", turn)
    if name == FLOOR:
        assert len(products) == 25
        shapes = [(tuple(a.shape), tuple(b.shape)) for (a, b), _ in products[:5]]
        assert shapes == [
            ((4, 6), (6, 3)),
            ((4, 3), (3, 6)),
            ((4, 6), (6, 3)),
            ((6, 4), (4, 3)),
            ((6, 4), (4, 3)),
        ]


def test_a_turn_leaves_the_first_update_out(monkeypatch):
    said, asked = [], iter([3, 2])
    clock = iter(range(100))
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(worker.time, "process_time", lambda: 0.0)
    stopped = []
    turn = worker.turns(
        lambda: next(asked), said.append, lambda: stopped.append(len(said))
    ).__next__
    for _ in range(4):
        turn()  # one that is not counted, three that are
    assert len(said) == 1 and set(said[0]) == {"setup_mb", "versions"}
    turn()
    assert said[1]["seconds"] == pytest.approx(1 / 3) and stopped == [1, 1]


def test_everything_at_once_and_its_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "QUICK_TURN_SECONDS", 1e-5)
    names = (FLOOR, SAMPLED, "rbms")
    whole = speed.measure_case
    monkeypatch.setattr(speed, "measure_case", lambda *a: whole(*a, names=names))
    monkeypatch.setattr(speed, "log_z", lambda visible, hidden: {**LOG_Z, "hidden": hidden})
    monkeypatch.setattr(
        speed, "masked_ratings", lambda shape, n: tasks.train_on_ratings(30, 20, 200, n)
    )
    monkeypatch.setattr(speed, "import_time", lambda repeats: IMPORT | {"repeats": repeats})
    arguments = ["--quick", "--cases", "4x6x3", "--repeats", "2", "--device", "cpu"]
    path = tmp_path / "new" / "speed.json"
    speed.main([*arguments, "--peers", str(tmp_path / "none"), "--output", str(path)])
    result = json.loads(path.read_text(encoding="utf-8"))
    assert set(result) == {
        "format", "machine", "load_before", "load_after", "dense", "import", "log_z",
        "masked_ratings", "rated_cells", "likes_only", "checking",
    }  # fmt: skip
    assert {"cpu", "cores", "python"} <= set(result["machine"])
    (record,) = result["dense"]
    assert record["case"] == [4, 6, 3] and (record["threads"], record["repeats"]) == (1, 2)
    floor, ours, rbms = record["rows"]
    assert (
        floor["name"] == FLOOR
        and ours["ms"] > 0
        and ours["versions"]["torch"] == version("torch")
    )
    assert ours["ratio_low"] <= ours["ratio"] <= ours["ratio_high"]
    assert rbms == {"name": "rbms", "missing": "not installed: make bench-peers"}
    shown = capsys.readouterr().out
    assert SAMPLED in shown and "not installed: make bench-peers" in shown
    speed.main(["--figure", str(path), "--output", str(tmp_path / "speed.png")])
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_a_contestant_that_fails_is_a_line_of_the_table():
    failing = Worker("no such contestant", TINY, 1, "cpu", sys.executable)
    failing.ready()
    assert (
        failing.missing == "failed: KeyError: 'no such contestant'"
        and failing.turn(1) is None
    )
    failing.close()
