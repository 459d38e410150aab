"""Scoring submissions: which checks are run, and what is written."""

import csv
import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rbm_lib.course.environment import CourseError
from rbm_lib.course.isolate import Limits
from rbm_lib.course.score import find_submissions, put_own_checks, result_of, score

# The course's Lesson in small, without torch: the answer to exercise n returns n.
TOY = """
class Lesson:
    def __init__(self, name):
        pass

    def check(self, exercise, answer):
        right = answer() == int(exercise)
        points = Points({"1": 2, "2": 1.5, "3": 1}[exercise] if right else 0)
        points.verdict = f"Exercise {exercise}: " + ("right." if right else "not yet.")
        return points


class Points(float):
    def _repr_html_(self):
        return f"<div>✓ {self.verdict}</div>"
"""
POINTS = {"1": 2, "2": 1.5, "3": 1}
SOLVED = {n: f"def answer_{n}():\n    return {n}" for n in "123"}


def toy_notebook(answers=()):
    """The toy lesson, with some other answers, and a cell of one's own after each check."""
    setup = 'from toy import Lesson\nlesson = Lesson("98_toy")'
    notebook = new_notebook(cells=[new_markdown_cell("# A toy"), new_code_cell(setup)])
    for n, points in POINTS.items():
        answer = new_code_cell(dict(answers).get(n, SOLVED[n]))
        answer.metadata.nbgrader = {"grade_id": f"98-exercise-{n}", "solution": True}
        check = new_code_cell(f'lesson.check("{n}", answer_{n})')
        mark = {"grade_id": f"98-check-{n}", "grade": True, "points": points}
        check.metadata.nbgrader = mark
        notebook.cells += [answer, check, new_code_cell("0")]
    return notebook


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Some submissions, scored: the folder of the results, and the rows by name."""
    course, folder, results = (tmp_path_factory.mktemp(x) for x in ("course", "in", "out"))
    (course / "toy.py").write_text(TOY)
    nbformat.write(toy_notebook(), course / "98_toy.ipynb")
    nbformat.write(toy_notebook(), folder / "solved.ipynb")
    nbformat.write(toy_notebook({"2": "1 / 0"}), folder / "broken.ipynb")
    looping = {"1": "def answer_1():\n    while 1: 0"}
    nbformat.write(toy_notebook(looping), folder / "looping.ipynb")
    (folder / "text.ipynb").write_text("{not JSON")
    unknown = json.dumps(toy_notebook()).replace("98_toy", "97_toy")
    (folder / "unknown.ipynb").write_text(unknown)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(course))
        rows = score([folder], results, course, Limits(20, 1, 1), jobs=4)
    return results, {Path(row["file"]).stem: row for row in rows}


@pytest.mark.parametrize(
    ("name", "status", "points"),
    [
        ("solved", "ok", [2, 1.5, 1]),
        ("broken", "ok", [2, 0, 1]),
        ("looping", "interrupted", [0, 1.5, 1]),
        ("text", "not a notebook", []),
        ("unknown", "no lesson", []),
    ],
)
def test_points_and_status(scored, name, status, points):
    row = scored[1][name]

    assert (row["status"], row["points"]) == (status, sum(points)), row
    assert row["of"] == (4.5 if points else 0)
    assert [result["points"] for result in row["exercises"].values()] == points


def test_notes_say_what_went_wrong(scored):
    rows = scored[1]
    assert rows["broken"]["notes"][0] == "code cell 5: ZeroDivisionError: division by zero"
    assert rows["broken"]["exercises"]["2"]["message"] == "the check was not reached"
    assert rows["solved"]["exercises"]["2"]["message"] == "Exercise 2: right."
    assert "JSON" in rows["text"]["notes"][0] and "97_toy" in rows["unknown"]["notes"][0]


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
    assert saved["limits"] == {"seconds": 20, "gigabytes": 1, "megabytes": 1}


def test_the_checks_are_the_courses_own():
    def edited(keep=lambda source: True, source=None, marks=True):
        """The sources after a change to a submission's checks, and own checks."""
        submitted = toy_notebook()
        submitted.cells = [cell for cell in submitted.cells if keep(cell.source)]
        for cell in submitted.cells:
            if source and "lesson.check(" in cell.source:
                cell.source = source
            if not marks:
                cell.metadata = {}
        put_own_checks(submitted, toy_notebook())
        return [cell.source for cell in submitted.cells]

    whole = [cell.source for cell in toy_notebook().cells]
    lost = edited(lambda source: "lesson.check(" not in source, marks=False)

    assert edited(source="2  # points") == whole, "an edited check is put right"
    assert edited(marks=False) == whole, "one without metadata is known by its text"
    assert edited(lambda source: 'check("2"' not in source) == whole, "it is back"
    assert lost[-3:] == [x for x in whole if "lesson.check(" in x], "else it comes last"


NUMBERS = [("2", 2), ("1.5", 1.5), ("-1", 0), ("9", 2), ("'2'", 0), ("nan", 0)]


@pytest.mark.parametrize(("shown", "points"), NUMBERS)
def test_points_are_a_number_in_range(shown, points):
    output = new_output("execute_result", {"text/plain": shown})

    assert result_of(new_code_cell("", outputs=[output]), 2)["points"] == points


def test_folders_are_searched_but_for_hidden_ones(tmp_path):
    for name in ("ada/x.ipynb", "bob/x.ipynb", ".ipynb_checkpoints/x.ipynb"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    ada = tmp_path / "ada" / "x.ipynb"
    bob = tmp_path / "bob" / "x.ipynb"
    assert find_submissions([tmp_path]) == [ada, bob]
    assert find_submissions([bob, tmp_path]) == [bob, ada]
    with pytest.raises(CourseError, match="expected a notebook or a folder of them"):
        find_submissions([tmp_path / "missing"])
