"""Scoring submissions that loop, exit, eat memory or print without end.

The time limits leave a slow computer several times what the healthy cells need.
"""

import csv
import json
import tempfile
import uuid
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rbm_lib.course.environment import CourseError, notebooks_folder
from rbm_lib.course.exercises import load_exercises
from rbm_lib.course.isolate import Limits
from rbm_lib.course.score import find_submissions, put_own_checks, result_of, score

# The course's Lesson in small, without torch: the answer to exercise n returns n.
TOY = """
class Lesson:
    def __init__(self, name):
        pass

    def check(self, exercise, answer):
        try:
            right = answer() == int(exercise)
        except (Exception, SystemExit):
            right = False
        print(f"Exercise {exercise}:", "right." if right else "not right yet.")
        return {"1": 2, "2": 1.5, "3": 1}[exercise] if right else 0
"""
POINTS = {"1": 2, "2": 1.5, "3": 1}
SOLVED = {n: f"def answer_{n}():\n    return {n}" for n in "123"}
UNSOLVED = {n: f"def answer_{n}():\n    ...  # your code here" for n in "123"}


def toy_notebook(answers=SOLVED, after_1="0"):
    """The toy lesson, and a cell of one's own after each exercise."""
    notebook = new_notebook(cells=[new_markdown_cell("# A toy")])
    notebook.cells.append(
        new_code_cell('from toy import Lesson\nlesson = Lesson("98_toy")')
    )
    for n, own in zip("123", (after_1, "0", "0"), strict=True):
        solution = {"nbgrader": {"grade_id": f"98-exercise-{n}", "solution": True}}
        check = {
            "nbgrader": {"grade_id": f"98-check-{n}", "grade": True, "points": POINTS[n]}
        }
        source = f'lesson.check("{n}", answer_{n})'
        notebook.cells.append(new_code_cell(answers[n], metadata=solution))
        notebook.cells.append(new_code_cell(source, metadata=check))
        notebook.cells.append(new_code_cell(own))
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with the toy lesson's own notebook, which kernels can import."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "toy.py").write_text(TOY)
    nbformat.write(toy_notebook(), folder / "98_toy.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


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

# What the cell after exercise 1 does, the status, and the points.
ACCIDENTS = {
    "nothing": ("0", "ok", [2, 1.5, 1]),
    "raises": ("1 / 0", "ok", [2, 1.5, 1]),
    "exits": ("exit()", "ok", [2, 1.5, 1]),
    "removes": ("import os, shutil\nshutil.rmtree(os.getcwd())", "ok", [2, 1.5, 1]),
    "loops": ("while True:\n    pass", "interrupted", [2, 1.5, 1]),
    "prints": ("while True:\n    print('x' * 1000)", "interrupted", [2, 1.5, 1]),
    "dies": ("import os\nos._exit(1)", "kernel died", [2, 0, 0]),
    "hungry": (
        "kept = []\nwhile True:\n    kept.append(b'x' * 10**8)",
        "memory limit",
        [2, 0, 0],
    ),
    "family": (FAMILY, "memory limit", [2, 0, 0]),
    "stubborn": (STUBBORN, "time limit", [2, 0, 0]),
}
ANSWERS = {
    "unsolved": (UNSOLVED, "ok", [0, 0, 0]),
    "broken": (SOLVED | {"2": "raise ValueError('me')"}, "ok", [2, 0, 1]),
    "looping": (
        SOLVED | {"1": "def answer_1():\n    while 1: 0"},
        "interrupted",
        [0, 1.5, 1],
    ),
}


@pytest.fixture(scope="module")
def scored(course, tmp_path_factory):
    """All submissions, scored: the folder of the results, and the rows by name."""
    folder = tmp_path_factory.mktemp("handed_in")
    results = tmp_path_factory.mktemp("results")
    for name, (code, _, _) in ACCIDENTS.items():
        nbformat.write(toy_notebook(after_1=code), folder / f"{name}.ipynb")
    for name, (answers, _, _) in ANSWERS.items():
        nbformat.write(toy_notebook(answers), folder / f"{name}.ipynb")
    (folder / "text.ipynb").write_text("{not JSON")
    (folder / "list.ipynb").write_text('["a list"]')
    unknown = json.dumps(toy_notebook()).replace("98_toy", "97_toy")
    (folder / "unknown.ipynb").write_text(unknown)

    temporary = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        rows = score([folder], results, course, Limits(40, 1, 1), jobs=4)
    assert list(temporary.iterdir()) == [], "every submission's folder is removed"
    assert not any(MARK in str(p.info["cmdline"]) for p in psutil.process_iter(["cmdline"]))
    return results, {Path(row["file"]).stem: row for row in rows}


@pytest.mark.parametrize("name", [*ACCIDENTS, *ANSWERS])
def test_an_accident_costs_no_other_points(scored, name):
    _, status, points = (ACCIDENTS | ANSWERS)[name]

    row = scored[1][name]

    assert (row["status"], row["points"], row["of"]) == (status, sum(points), 4.5), row
    assert [result["points"] for result in row["exercises"].values()] == points


def test_files_that_are_no_submissions_are_named(scored):
    rows = scored[1]
    for name in ("text", "list"):
        assert (rows[name]["status"], rows[name]["of"]) == ("not a notebook", 0)
    assert "JSON" in rows["text"]["notes"][0]
    assert rows["unknown"]["status"] == "no lesson"
    assert "97_toy" in rows["unknown"]["notes"][0]


def test_notes_name_the_cell_and_messages_are_those_of_the_checks(scored):
    rows = scored[1]
    assert rows["raises"]["notes"] == ["code cell 4: ZeroDivisionError: division by zero"]
    assert rows["nothing"]["exercises"]["2"]["message"] == "Exercise 2: right."
    assert rows["dies"]["exercises"]["3"]["message"] == "the check was not reached"


def test_the_files_have_a_row_for_each(scored):
    results, rows = scored
    with open(results / "scores.csv", encoding="utf-8", newline="") as file:
        lines = {Path(line["file"]).stem: line for line in csv.DictReader(file)}
    saved = json.loads((results / "scores.json").read_text(encoding="utf-8"))

    assert list(lines) == list(rows) == sorted(rows)
    broken = [float(lines["broken"][key]) for key in ("points", "of", "ex 1", "ex 2")]
    assert broken == [3, 4.5, 2, 0]
    assert lines["text"]["ex 1"] == ""
    assert saved["submissions"] == list(rows.values())
    assert saved["limits"] == {"seconds": 40, "gigabytes": 1, "megabytes": 1}


def edited(change):
    """The sources of a toy submission after a change to its list of cells and own checks."""
    submitted = toy_notebook()
    submitted.cells = change(submitted.cells)
    put_own_checks(submitted, toy_notebook())
    return [cell.source for cell in submitted.cells]


def is_check(cell, numbers="123"):
    return any(cell.source.startswith(f'lesson.check("{n}') for n in numbers)


def without_marks(cells):
    for cell in cells:
        cell.metadata = {}
    return cells


def weakened(cells):
    for cell in filter(is_check, cells):
        cell.source = "2  # points"
    return cells


def test_the_checks_are_the_courses_own():
    whole = [cell.source for cell in toy_notebook().cells]
    checks = [source for source in whole if "lesson.check(" in source]

    deleted = edited(lambda cells: [x for x in cells if not is_check(x, "2")])
    lost = edited(lambda cells: without_marks([x for x in cells if not is_check(x)]))

    assert edited(weakened) == whole, "an edited check is put right"
    assert edited(without_marks) == whole, "one without metadata is known by its text"
    assert deleted == whole, "a deleted one comes back at its place"
    assert lost[-3:] == checks, "without a place they come at the end"


@pytest.mark.parametrize(
    ("shown", "points"),
    [("2", 2), ("1.5", 1.5), ("-1", 0), ("9", 2), ("None", 0), ("'2'", 0)],
)
def test_points_are_a_number_in_range(shown, points):
    output = new_output("execute_result", {"text/plain": shown})
    assert result_of(new_code_cell("", outputs=[output]), 2)["points"] == points


def test_folders_are_searched_but_for_hidden_ones(tmp_path):
    for name in ("ada/x.ipynb", "bob/x.ipynb", ".ipynb_checkpoints/x.ipynb"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    ada, bob = tmp_path / "ada" / "x.ipynb", tmp_path / "bob" / "x.ipynb"
    assert find_submissions([tmp_path]) == [ada, bob]
    assert find_submissions([bob, tmp_path]) == [bob, ada]
    with pytest.raises(CourseError, match="expected a notebook, or a folder of them"):
        find_submissions([tmp_path / "missing"])


@pytest.mark.slow
def test_lesson_00_solved_and_unsolved(tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")
    for name, folder in (("ada", ""), ("bob", "student")):
        path = notebooks_folder() / folder / "00_start_here.ipynb"
        (tmp_path / f"{name}.ipynb").write_bytes(path.read_bytes())

    ada, bob = score([tmp_path], tmp_path / "out", limits=Limits(1200, 8), jobs=2)

    most = {e.id: e.points for e in load_exercises("00").values() if e.graded}
    assert (ada["status"], bob["status"]) == ("ok", "ok"), (ada, bob)
    assert {e: result["points"] for e, result in ada["exercises"].items()} == most
    assert (bob["points"], bob["of"]) == (0, sum(most.values()))
