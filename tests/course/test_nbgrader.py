"""The solved notebooks as nbgrader's sources, and its points beside those of `make score`.

Needs nbgrader, which has an environment of its own: `make test-nbgrader`. The variable
LESSONS says which lessons are executed, as "00 01" (the default); each is run eight times.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rbm_lib.course.environment import notebooks_folder
from rbm_lib.course.execute import kernel_environment
from rbm_lib.course.isolate import Limits
from rbm_lib.course.score import score

api = pytest.importorskip("nbgrader.api", reason="make test-nbgrader")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CHOSEN = (os.environ.get("LESSONS") or "00 01").split()
LESSONS = sorted(path.stem for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb"))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def put(path, notebook):
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def marked(notebook, role):
    """The cells that nbgrader knows as "solution" or "grade", by their grade id."""
    marks = [(cell["metadata"].get("nbgrader", {}), cell) for cell in notebook["cells"]]
    return {mark["grade_id"]: cell for mark, cell in marks if mark.get(role)}


def nbgrader(folder, *arguments):
    # It calls alembic, which is beside this Python.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    own = {"JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "RBM_OFFLINE": "1", "PATH": path}
    environment = kernel_environment("fast", folder / "scores", **own)
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", [name for name in LESSONS if name[:2] in CHOSEN])
def test_nbgraders_points_are_ours(name, tmp_path):
    file = Path(name, f"{name}.ipynb")
    settings = "c = get_config()\nc.CourseDirectory.course_id = 'course'\n"
    (tmp_path / "nbgrader_config.py").write_text(f"{settings}c.Execute.timeout = 300\n")
    solved = read(notebooks_folder() / file.name)
    put(tmp_path / "source" / file, solved)
    nbgrader(tmp_path, "generate_assignment", name)
    assert "SOLUTION" not in json.dumps(read(tmp_path / "release" / file))

    solutions = marked(solved, "solution")
    half = list(solutions)[::2]
    for student, done in {"unsolved": [], "half": half, "solved": solutions}.items():
        notebook = read(tmp_path / "release" / file)
        for grade_id in done:
            cell = marked(notebook, "solution")[grade_id]
            cell["source"] = solutions[grade_id]["source"]
        put(tmp_path / "submitted" / student / file, notebook)
    copy = read(notebooks_folder() / "student" / file.name)
    put(tmp_path / "submitted" / "copy" / file, copy)
    nbgrader(tmp_path, "autograde", name)
    rows = score([tmp_path / "submitted"], tmp_path / "ours", limits=Limits(1800))

    ours = {Path(row["file"]).parts[-3]: row for row in rows}
    with api.Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        for student, row in ours.items():
            theirs = book.find_submission_notebook(name, name, student)
            points = {x.name.split("-")[-1]: x.auto_score for x in theirs.grades}
            assert row["status"] == "ok", row
            assert {e: x["points"] for e, x in row["exercises"].items()} == points, student
    points = [ours[student]["points"] for student in ("unsolved", "copy", "half", "solved")]
    assert 0 == points[0] == points[1] < points[2] < points[3] == ours["solved"]["of"]
