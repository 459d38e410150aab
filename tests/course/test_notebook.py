"""From a lesson's source to a notebook, and the cell that installs the course in Colab."""

import os
import shutil
import subprocess
import sys

import pytest

from rbm_lib.course.environment import CourseError
from rbm_lib.course.notebook import COLAB, lesson_sources, read_source, without_solutions
from tests.course.support import SOURCE, make_toy


def test_solutions_and_checks_have_nbgraders_metadata(tmp_path):
    notebook = read_source(make_toy(tmp_path))

    solution, check = (dict(cell.metadata.nbgrader) for cell in notebook.cells[-2:])
    none = {"grade": False, "locked": False, "solution": False, "task": False}
    common = {"schema_version": 3} | none
    assert solution == common | {"grade_id": "98-exercise-1", "solution": True}
    marks = {"grade": True, "locked": True, "points": 2}
    assert check == common | {"grade_id": "98-check-1"} | marks
    assert notebook.cells[3].metadata.tags == ["nbval-check-output"]


def test_every_cell_has_an_id_of_its_own_that_stays(tmp_path):
    source = make_toy(tmp_path, "# %% [markdown]\n# # Toy\n# %%\n1 + 1\n# %%\n1 + 1\n")

    first, again = read_source(source), read_source(source)

    assert [cell.source for cell in first.cells] == ["# Toy", COLAB, "1 + 1", "1 + 1"]
    assert len({cell.id for cell in first.cells}) == 4
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]


CHECK = 'lesson.check("1", centred)'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1 + 1", "1 + 1;", "code cell 3: it is empty, or it ends in ';'"),
        ("    ### END SOLUTION\n", "", "END SOLUTION do not alternate"),
        (CHECK, "centred", "code cell 6: the cell after a solution must be its check"),
        (f"# %%\n{CHECK}", "", "the last solution has no check"),
        (CHECK, CHECK.replace("1", "9"), "exercise '9' is unknown or repeated"),
        (CHECK, f"{CHECK}\n# %%\n{CHECK}", "exercise '1' is unknown or repeated"),
        (CHECK, f"points = {CHECK}", "a check must end in lesson.check"),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused(tmp_path, old, new, words):
    assert old in SOURCE
    with pytest.raises(CourseError, match="98_toy") as error:
        read_source(make_toy(tmp_path, SOURCE.replace(old, new)))
    assert words in str(error.value)


def test_solutions_are_taken_out_at_their_indentation():
    source = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"

    assert without_solutions(source) == "def f():\n    ...  # your code here"


def test_lessons_are_named_by_number_or_name():
    (path,) = lesson_sources(["00_start_here", "00"])

    assert path == lesson_sources()[0]
    with pytest.raises(CourseError, match="lesson: got '77', expected one of 00_start"):
        lesson_sources(["77"])


# ---- The cell for Colab ----

IN_COLAB = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('x')\n"
PIP = '#!/bin/sh\necho "$@" >> pip.log\ntest -f "$3/pyproject.toml" || exit 1\n'


def run(folder, address, *pieces):
    """The cell, with what is before and after, in a Python that has no packages."""
    (folder / "pip").write_text(PIP)
    (folder / "pip").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": ""}
    cell = COLAB.replace('COURSE = ""', f'COURSE = "{address}"')
    code = "\n".join([*pieces[:1], cell, cell, *pieces[1:]])
    options = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
    return subprocess.run([sys.executable, "-S", "-c", code], **options)


def test_elsewhere_the_cell_does_nothing(tmp_path):
    done = run(tmp_path, "/no/such/place")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["pip"]


@pytest.mark.skipif(not shutil.which("git") or os.name == "nt", reason="Colab has git")
def test_in_colab_it_fetches_and_installs_the_course_once(tmp_path):
    repository = tmp_path / "the repository"
    (repository / "rbm_lib").mkdir(parents=True)
    (repository / "rbm_lib" / "__init__.py").write_text("here = __file__\n")
    (repository / "pyproject.toml").touch()
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "Add all"]):
        subprocess.run(["git", *command], cwd=repository, check=True, capture_output=True)

    refused = run(tmp_path, "/no/such/place", IN_COLAB)
    done = run(tmp_path, repository, IN_COLAB, "import rbm_lib\nprint(rbm_lib.here)")

    assert "AssertionError: COURSE: give the address of the course's" in refused.stderr
    assert done.stdout.strip() == str(tmp_path / "rbm-course" / "rbm_lib" / "__init__.py")
    assert (tmp_path / "pip.log").read_text() == "install -e rbm-course\n"
