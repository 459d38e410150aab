"""The solved notebooks as nbgrader's sources, and its points beside those of ``make score``.

Needs nbgrader, which has an environment of its own: ``make test-nbgrader``. The variable LESSONS says which
lessons are executed, as "00 01" (the default) or "all"; each is run eight times.
"""

import json
import os
import subprocess
import sys

import pytest

from rbm_lib.course.execute import kernel_environment
from rbm_lib.course.isolate import Limits
from rbm_lib.course.notebook import notebooks_folder
from rbm_lib.course.score import score

pytest.importorskip(
    "nbgrader", reason="nbgrader has an environment of its own: make test-nbgrader"
)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

FOLDER = notebooks_folder()
EVERY = [path.stem for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))]
CHOSEN = os.environ.get("LESSONS") or "00 01"
EXECUTED = (
    EVERY if CHOSEN == "all" else [name for name in EVERY if name[:2] in CHOSEN.split()]
)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def marked(notebook, role):
    """The cells that nbgrader knows as ``role`` ("solution" or "grade"), by their grade id."""
    known = [
        cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get(role)
    ]
    return {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in known}


def text(cell):
    return "".join(cell["source"])


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """A function that runs nbgrader in a course folder; and the folder."""
    course = tmp_path_factory.mktemp("nbgrader")
    settings = "c = get_config()\nc.CourseDirectory.course_id = 'course'\nc.Execute.timeout = 300\n"
    (course / "nbgrader_config.py").write_text(settings)
    empty = {"JUPYTER_CONFIG_DIR": str(course / "jupyter"), "RBM_OFFLINE": "1"}
    # It calls alembic, which is beside this Python.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = kernel_environment("fast", course / "scores", PATH=path, **empty)

    def call(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(
            command, cwd=course, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]

    call.course = course
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        yield call


@pytest.fixture(scope="module")
def release(nbgrader):
    """A function from a lesson to the notebook that nbgrader makes of the solved one for students."""
    made = {}

    def of(name):
        if name not in made:
            source = nbgrader.course / "source" / name
            source.mkdir(parents=True)
            (source / f"{name}.ipynb").write_bytes((FOLDER / f"{name}.ipynb").read_bytes())
            nbgrader("generate_assignment", name)
            made[name] = read(nbgrader.course / "release" / name / f"{name}.ipynb")
        return made[name]

    return of


def gradebook(nbgrader):
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{nbgrader.course / 'gradebook.db'}")


@pytest.mark.parametrize("name", EVERY)
def test_the_solved_notebook_is_a_valid_source(name, nbgrader, release):
    solved, unsolved = read(FOLDER / f"{name}.ipynb"), release(name)
    assert "SOLUTION" not in json.dumps(unsolved) and not any(
        c.get("outputs") for c in unsolved["cells"]
    )
    solutions, checks = marked(unsolved, "solution"), marked(unsolved, "grade")
    assert list(solutions) == list(marked(solved, "solution"))
    assert all("raise NotImplementedError()" in text(cell) for cell in solutions.values())
    assert {i: text(c) for i, c in checks.items()} == {
        i: text(c) for i, c in marked(solved, "grade").items()
    }
    with gradebook(nbgrader) as book:
        known = {
            cell.name: cell.max_score for cell in book.find_notebook(name, name).grade_cells
        }
    assert known == {
        i: c["metadata"]["nbgrader"]["points"] for i, c in marked(solved, "grade").items()
    }
    assert len(known) >= 3


@pytest.mark.parametrize("name", EXECUTED)
def test_nbgraders_points_are_ours(name, nbgrader, release):
    solutions = marked(read(FOLDER / f"{name}.ipynb"), "solution")
    answers = {"unsolved": [], "half": list(solutions)[::2], "solved": list(solutions)}
    handed_in = nbgrader.course / "submitted"
    for student, solved in answers.items():
        notebook = json.loads(json.dumps(release(name)))
        for grade_id in solved:
            marked(notebook, "solution")[grade_id]["source"] = solutions[grade_id]["source"]
        path = handed_in / student / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    path = (
        handed_in / "copy" / name / f"{name}.ipynb"
    )  # the course's own student copy, handed in unsolved
    path.parent.mkdir(parents=True)
    path.write_bytes((FOLDER / "student" / f"{name}.ipynb").read_bytes())

    nbgrader("autograde", name)
    rows = score(
        sorted(handed_in.glob(f"*/{name}")),
        nbgrader.course / "ours" / name,
        limits=Limits(1800),
    )
    ours = {row["file"].split("/")[0]: row for row in rows}
    assert set(ours) == {"unsolved", "half", "solved", "copy"}
    most = {}
    with gradebook(nbgrader) as book:
        for student, row in ours.items():
            assert row["status"] == "ok", row
            theirs = book.find_submission_notebook(name, name, student)
            assert {
                f"{name[:2]}-check-{e}": r["points"] for e, r in row["exercises"].items()
            } == {grade.name: grade.auto_score for grade in theirs.grades}, student
            assert (theirs.score, theirs.max_score) == (row["points"], row["of"])
            most[student] = row["points"]
    assert (
        most["unsolved"]
        == most["copy"]
        == 0
        < most["half"]
        < most["solved"]
        == ours["solved"]["of"]
    )
