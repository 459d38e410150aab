"""Seconds and memory of every step with the whole table, which is written to disk first."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.deezer.listens import rates
from benchmarks.deezer.scores import Line, log
from rbm_lib.data import synthetic_deezer
from rbm_lib.data.deezer.features import (
    Mask,
    first_flow_split,
    keep_matrix,
    plain_features,
    temporal_split,
)
from rbm_lib.data.deezer.files import read_listens


def peak(children: bool = False) -> float:
    """Most memory that this process (its children) had at a time, GB. Not on Windows."""
    import resource

    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / 1e9


class Steps:
    """Calls functions and notes what each took. The memory is the most up to then."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def __call__(self, name: str, function: Callable, *args: Any) -> Any:
        log(name)
        started = time.monotonic()
        result = function(*args)
        line = {"step": name, "result": getattr(result, "shape", "")}
        line["seconds"] = time.monotonic() - started
        line["GB"] = peak()
        self.lines.append(line)
        return result


def write_invented(path: Path, n_rows: int) -> None:
    synthetic_deezer(0, n_rows).train.to_csv(path, index=False)


def write_in_a_process(path: Path, n_rows: int) -> None:
    """Invent and write a table without adding to this process's memory."""
    process = get_context("spawn").Process(target=write_invented, args=(path, n_rows))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("writing the CSV failed")


def rows_of(listens: pd.DataFrame, parts: Iterable[Mask]) -> list[pd.DataFrame]:
    return [listens[part] for part in parts]


def scale_table(n_rows: int) -> pd.DataFrame:
    """A line for each step of a lesson, from the file to its features and matrices."""
    step = Steps()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.csv"
        step("invent and write (a process of its own)", write_in_a_process, path, n_rows)
        step.lines[-1]["result"] = f"{path.stat().st_size / 1e6:.0f} MB"
        step.lines[-1]["GB"] = peak(children=True)
        listens = step("read_listens", read_listens, path)
    parts = step("temporal_split", temporal_split, listens)
    step("first_flow_split", first_flow_split, listens)
    known, later = step("the rows of both parts", rows_of, listens, parts)
    everything = [  # kept: a lesson holds them all at once
        step("rates of the known rows, out of fold", rates, known),
        step("rates of the held-out rows", rates, known, later),
        step("plain_features of the known rows", plain_features, known),
        step("keep_matrix, tracks", keep_matrix, known),
        step("keep_matrix, artists", keep_matrix, known, "artist_id"),
    ]
    del everything
    return pd.DataFrame(step.lines).round({"seconds": 1, "GB": 2})
