"""Notebooks that loop, exit, eat memory or print without end.

The time limits leave a slow computer several times what the healthy cells need.
"""

import asyncio
import tempfile
import uuid

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from rbm_lib.course.execute import run_async
from rbm_lib.course.isolate import Limits, run_limited

MARK = f"left-by-{uuid.uuid4()}"
STUBBORN = f"""import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)", {MARK!r}]
subprocess.Popen(sleep, start_new_session=True)  # Ctrl-C does not reach it
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass"""
FAMILY = """import subprocess, sys
hungry = "x = b'x' * 400_000_000; import time; time.sleep(600)"
for child in [subprocess.Popen([sys.executable, "-c", hungry]) for _ in range(3)]:
    child.wait()"""

# What a cell does, its error, and what becomes of the notebook. If ok, the next cell runs.
ACCIDENTS = {
    "raises": ("1 / 0", ["ZeroDivisionError"], "ok"),
    "exits": ("exit()", [], "ok"),
    "removes": ("import os, shutil\nshutil.rmtree(os.getcwd())", [], "ok"),
    "loops": ("while True:\n    pass", ["KeyboardInterrupt"], "ok"),
    "prints": ("while True:\n    print('x' * 1000)", ["KeyboardInterrupt"], "ok"),
    "dies": ("import os\nos._exit(1)", [], "kernel died"),
    "hungry": ("x = []\nwhile True:\n    x.append(b'x' * 10**8)", [], "memory limit"),
    "family": (FAMILY, [], "memory limit"),
    "stubborn": (STUBBORN, [], "time limit"),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Each accident's cells (one before, itself, two after) after the run, and status."""
    notebooks = [
        new_notebook(cells=[new_code_cell(source) for source in ("1", code, "2", "")])
        for code, *_ in ACCIDENTS.values()
    ]
    statuses = []

    async def run_all():
        runs = (run_limited(notebook, Limits(20, 1, 1)) for notebook in notebooks)
        statuses.extend(await asyncio.gather(*runs))

    temporary = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        run_async(run_all())
    assert list(temporary.iterdir()) == [], "every notebook's folder is removed"
    assert not any(MARK in str(p.info["cmdline"]) for p in psutil.process_iter(["cmdline"]))
    return {x: (n.cells, s) for x, n, s in zip(ACCIDENTS, notebooks, statuses, strict=True)}


@pytest.mark.parametrize("name", ACCIDENTS)
def test_an_accident_is_contained(done, name):
    _, errors, expected = ACCIDENTS[name]

    (before, cell, after, _), status = done[name]

    assert status == expected
    assert before.outputs[0].data["text/plain"] == "1"
    assert [x.ename for x in cell.outputs if x.output_type == "error"] == errors
    assert len(str(cell.outputs)) < 1.2e6, "of endless printing little is kept"
    assert len(after.outputs) == (status == "ok")
