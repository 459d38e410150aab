"""Scoring submissions that loop, exit, eat memory, print without end: on a toy lesson, and lesson 00 once.

The time limits leave a slow computer several times what the healthy cells need.
"""

import csv
import json
import tempfile
import uuid
from pathlib import Path

import psutil
import pytest

from rbm_lib.course import __main__, isolate
from rbm_lib.course import score as scoring
from rbm_lib.course.exercises import load_exercises
from rbm_lib.course.isolate import Limits
from rbm_lib.course.notebook import BuildError, notebooks_folder
from rbm_lib.course.score import points_from, score, submissions, with_own_checks

# The course's Lesson in small, without torch: the answer to exercise n is a function that returns n.
TOY = """
class Lesson:
    def __init__(self, name):
        pass

    def check(self, exercise, answer):
        try:
            right = answer() == int(exercise)
        except (Exception, SystemExit) as error:
            right, exercise = False, f"{exercise}: {type(error).__name__}"
        print(f"Exercise {exercise}:", "right." if right else "not right yet.")
        return {"1": 2, "2": 1.5, "3": 1}[exercise] if right else 0
"""
POINTS = {"1": 2, "2": 1.5, "3": 1}
SOLVED = {n: f"def answer_{n}():\n    return {n}" for n in "123"}
UNSOLVED = {n: f"def answer_{n}():\n    ...  # your code here" for n in "123"}


def code(source, **nbgrader):
    metadata = {"nbgrader": nbgrader} if nbgrader else {}
    return {"cell_type": "code", "metadata": metadata, "source": source.splitlines(keepends=True)}


def check_cell(n):
    return code(f'lesson.check("{n}", answer_{n})', grade_id=f"98-check-{n}", grade=True, points=POINTS[n])


def toy_notebook(answers=SOLVED, after_1="", after_2=""):
    """The toy lesson with these answers, and cells of one's own behind the first and the second exercise."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# A toy"},
        code('from toy import Lesson\nlesson = Lesson("98_toy")'),
    ]
    for n, own in zip("123", (after_1, after_2, ""), strict=True):
        cells += [code(answers[n], grade_id=f"98-exercise-{n}", solution=True), check_cell(n)]
        cells += [code(own)] if own else []
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with the toy lesson's own notebook; the toy can be imported by kernels."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "toy.py").write_text(TOY)
    (folder / "98_toy.ipynb").write_text(json.dumps(toy_notebook()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


def put(folder, **notebooks):
    for name, content in notebooks.items():
        path = folder / f"{name.replace('__', '/')}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def points(row):
    return [result["points"] for result in row["exercises"].values()]


@pytest.fixture(scope="module")
def thirty(course, tmp_path_factory):
    """A folder of submissions with every kind of accident, scored; (folder of the results, rows by name)."""
    looping = SOLVED | {"1": "def answer_1():\n    while True:\n        pass"}
    hungry = SOLVED | {
        "1": "def answer_1():\n    kept = []\n    while True:\n        kept.append(b'x' * 10**8)"
    }
    printing = "while True:\n    print('x' * 1000)"
    raising = SOLVED | {"2": "raise ValueError('not me')"}
    folder = put(
        tmp_path_factory.mktemp("handed_in"),
        loops=toy_notebook(looping),
        loops_in_a_cell=toy_notebook(after_1="while True:\n    pass"),
        hungry=toy_notebook(hungry),
        prints=toy_notebook(after_1=printing),
        raises=toy_notebook(raising, after_1="1 / 0"),
        exits=toy_notebook(after_1="exit()", after_2="import time\ntime.sleep(1)"),
        dies=toy_notebook(after_2="import os\nos._exit(1)"),
        removes=toy_notebook(after_1="import os, shutil\nshutil.rmtree(os.getcwd())"),
        unsolved=toy_notebook(UNSOLVED),
        a__same=toy_notebook(UNSOLVED | {"1": SOLVED["1"], "3": SOLVED["3"]}),
        b__same=toy_notebook(),
        broken="{not JSON",
        other=json.dumps({"a list": []}),
        unknown=json.dumps(toy_notebook()).replace("98_toy", "97_toy"),
    )
    put(folder, **{".ipynb_checkpoints__solved": toy_notebook()})
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        rows = score([folder], results, course, Limits(40, 1, 1), jobs=4)
        assert list(Path(tempfile.tempdir).iterdir()) == [], "every submission's folder is removed"
    return results, {row["file"].removesuffix(".ipynb"): row for row in rows}


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("loops", "time limit", [0, 1.5, 1]),
        ("loops_in_a_cell", "time limit", [2, 1.5, 1]),
        ("prints", "output limit", [2, 1.5, 1]),
        ("raises", "ok", [2, 0, 1]),
        ("exits", "ok", [2, 1.5, 1]),
        ("dies", "kernel died", [2, 1.5, 0]),
        ("removes", "ok", [2, 1.5, 1]),
        ("unsolved", "ok", [0, 0, 0]),
        ("a/same", "ok", [2, 0, 1]),
        ("b/same", "ok", [2, 1.5, 1]),
        ("broken", "not a notebook", []),
        ("other", "not a notebook", []),
        ("unknown", "no lesson", []),
    ],
)
def test_what_an_accident_costs(thirty, name, status, expected):
    row = thirty[1][name]
    assert (row["status"], points(row)) == (status, expected), row
    assert row["points"] == sum(expected) and row["of"] == (4.5 if expected else 0)


def test_memory(thirty):
    row = thirty[1]["hungry"]
    if isolate.resource_limit_holds():  # the answer meets a MemoryError, and the rest is scored
        assert (row["status"], points(row)) == ("ok", [0, 1.5, 1]), row
        assert "MemoryError" in row["exercises"]["1"]["message"]
    else:
        assert (row["status"], points(row)) == ("memory limit", [0, 0, 0]), row


def test_notes_name_the_cell(thirty):
    rows = thirty[1]
    assert rows["raises"]["notes"] == [
        "code cell 4: ZeroDivisionError: division by zero",
        "code cell 5: ValueError: not me",
        "code cell 6: NameError: name 'answer_2' is not defined",
    ]
    assert rows["loops_in_a_cell"]["notes"] == ["code cell 4: stopped after 10 seconds"]
    assert rows["prints"]["notes"] == ["code cell 4: stopped after printing 1 MB"]
    assert rows["dies"]["notes"] == ["code cell 6: DeadKernelError: Kernel died"]
    assert rows["dies"]["exercises"]["3"]["message"] == "the check was not reached"
    assert (
        rows["b/same"]["notes"] == [] and rows["b/same"]["exercises"]["2"]["message"] == "Exercise 2: right."
    )
    assert "JSONDecodeError" in rows["broken"]["notes"][0] and "'97_toy'" in rows["unknown"]["notes"][0]


def test_the_files_have_a_row_for_each(thirty):
    results, rows = thirty
    assert ".ipynb_checkpoints/solved" not in rows
    with open(results / "scores.csv", encoding="utf-8", newline="") as file:
        table = {row["file"].removesuffix(".ipynb"): row for row in csv.DictReader(file)}
    assert list(table) == list(rows) == sorted(rows)
    same = table["a/same"]
    assert [same[key] for key in ("lesson", "status", "points", "of")] == ["98_toy", "ok", "3", "4.5"]
    assert [same[f"ex {n}"] for n in "123"] == ["2", "0", "1"] and table["broken"]["ex 1"] == ""
    saved = json.loads((results / "scores.json").read_text(encoding="utf-8"))
    assert saved["submissions"] == list(rows.values()) and saved["limits"]["seconds"] == 40


def test_the_whole_notebook_has_a_limit_and_leaves_no_process(course, tmp_path):
    mark = f"left-by-{uuid.uuid4()}"
    stubborn = f"""import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)", {mark!r}]
subprocess.Popen(sleep, start_new_session=True)  # Ctrl-C does not reach it
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass"""
    put(tmp_path, stubborn=toy_notebook(after_1=stubborn))
    (row,) = score([tmp_path / "stubborn.ipynb"], tmp_path, course, Limits(16, 4, 1))
    assert (row["file"], row["status"], points(row)) == ("stubborn.ipynb", "time limit", [2, 0, 0]), row
    assert (
        row["notes"][0] == "code cell 4: stopped after 4 seconds"
        and "stopped in code cell" in row["notes"][1]
    )
    alive = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not any(mark in line for line in alive)


def test_memory_of_all_processes_together(course, tmp_path):
    children = """import subprocess, sys
hungry = "x = b'x' * 200_000_000; import time; time.sleep(600)"
children = [subprocess.Popen([sys.executable, "-c", hungry]) for _ in range(3)]
for child in children:
    child.wait()"""
    put(tmp_path, family=toy_notebook(after_1=children))
    (row,) = score([tmp_path], tmp_path / "out", course, Limits(120, 0.5, 1))
    assert (row["status"], points(row)) == ("memory limit", [2, 0, 0]), row
    assert row["notes"] == ["stopped in code cell 4"]


def test_the_checks_are_the_courses_own():
    original = [(c["source"], c["metadata"].get("nbgrader", {})) for c in toy_notebook()["cells"][1:]]
    original = [("".join(source), metadata) for source, metadata in original]

    def scored(submitted):
        return [(source, label) for source, label in with_own_checks(submitted, original) if label]

    whole = with_own_checks(original, original)
    checks = [(f'lesson.check("{n}", answer_{n})', n) for n in "123"]
    assert whole == [
        (original[0][0], None), (SOLVED["1"], None), checks[0], (SOLVED["2"], None), checks[1],
        (SOLVED["3"], None), checks[2],
    ]  # fmt: skip
    edited = [(s.replace("lesson.check", "2 # "), m) for s, m in original]
    assert with_own_checks(edited, original) == whole, "an edited check is put right"
    deleted = [(s, m) for s, m in original if m.get("grade_id") != "98-check-2"]
    assert with_own_checks(deleted, original) == whole, "a deleted one comes back at its place"
    stripped = [(s, {}) for s, _ in original]
    assert with_own_checks(stripped, original) == whole, "one without metadata is known by its text"
    lost = [(s, {}) for s, m in original if not m.get("grade")]
    assert with_own_checks(lost, original)[-3:] == checks, "without a place they come at the end"
    twice = original[:3] + [("helper = 1", {})] + original[2:]
    assert with_own_checks(twice, original)[3] == ("helper = 1", None), "cells of one's own stay"
    assert scored(twice) == checks and with_own_checks(twice, original)[2][1] is None, "a copy counts once"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2", 2), ("1.5", 1.5), ("0", 0), ("-1", 0), ("9", 2), ("nan", 0), ("None", 0), (None, 0), ("'2'", 0)],
)
def test_points_are_a_number_in_range(value, expected):
    assert points_from(value, 2) == expected


def test_paths(tmp_path):
    put(tmp_path, ada__x="", bob__x="", **{".hidden__x": ""})
    assert list(submissions([tmp_path])) == ["ada/x.ipynb", "bob/x.ipynb"]
    assert list(submissions([tmp_path / "bob", tmp_path / "ada" / "x.ipynb"])) == [
        "bob/x.ipynb",
        "ada/x.ipynb",
    ]
    assert list(submissions([tmp_path / "ada" / "x.ipynb"])) == ["x.ipynb"]
    (tmp_path / "empty").mkdir()
    for name, words in {"empty": "holds no notebook", "missing": "does not exist"}.items():
        with pytest.raises(BuildError, match=words):
            submissions([tmp_path / name])


def test_a_file_that_is_too_large_is_not_read(course, tmp_path, monkeypatch):
    put(tmp_path, large=toy_notebook())
    monkeypatch.setattr(scoring, "LARGEST", 100)
    row, cells = scoring.prepare("large", tmp_path / "large.ipynb", course)
    assert cells is None and row["status"] == "not a notebook" and "clear its outputs" in row["notes"][0]


def test_command_line(monkeypatch, tmp_path, capsys):
    called = []
    monkeypatch.setattr(scoring, "score", lambda paths, **options: called.append((paths, options)))
    assert __main__.main(["score", "a", "b", "--timeout", "60", "--memory", "2", "--jobs", "3"]) == 0
    assert called == [(["a", "b"], {"limits": Limits(60, 2, 5), "jobs": 3})]
    monkeypatch.undo()
    assert __main__.main(["score", str(tmp_path / "missing")]) == 1
    assert "does not exist" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        __main__.main(["score", "a", "--timeout", "0"])


@pytest.mark.slow
def test_lesson_00_solved_and_unsolved(tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")
    name = "00_start_here.ipynb"
    (tmp_path / "ada.ipynb").write_bytes((notebooks_folder() / name).read_bytes())
    (tmp_path / "bob.ipynb").write_bytes((notebooks_folder() / "student" / name).read_bytes())
    ada, bob = score([tmp_path], tmp_path / "out", limits=Limits(1200, 8), jobs=2)
    full = {e.id: e.points for e in load_exercises("00").values()}
    assert (ada["status"], bob["status"]) == ("ok", "ok"), (ada, bob)
    assert {e: r["points"] for e, r in ada["exercises"].items()} == full and ada["of"] == ada["points"]
    assert bob["points"] == 0 and bob["of"] == sum(full.values())
    assert all("not done yet" in result["message"] for result in bob["exercises"].values())
