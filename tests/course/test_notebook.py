"""From a lesson's source to a notebook, and the cell that installs the course in Colab."""

import os
import shutil
import subprocess
import sys

import pytest

from rbm_lib.course.environment import CourseError
from rbm_lib.course.notebook import (
    COLAB,
    SOLVED,
    lesson_sources,
    read_source,
    without_solutions,
)
from tests.course.support import SOURCE, make_toy


def test_solutions_and_checks_have_nbgraders_metadata(tmp_path):
    notebook = read_source(make_toy(tmp_path))

    solution, check = (dict(cell.metadata.nbgrader) for cell in notebook.cells[-2:])
    none = {"grade": False, "locked": False, "solution": False, "task": False}
    common = {"schema_version": 3} | none
    assert solution == common | {"grade_id": "98-exercise-1", "solution": True}
    marks = {"grade": True, "locked": True, "points": 2}
    assert check == common | {"grade_id": "98-check-1"} | marks
    tagged = [cell for cell in notebook.cells if cell.source == "1 + 1"]
    assert dict(tagged[0].metadata) == {"tags": ["nbval-check-output"]}


def test_every_cell_has_an_id_of_its_own_that_stays(tmp_path):
    source = make_toy(tmp_path, "# %% [markdown]\n# # Toy\n# %%\n1 + 1\n# %%\n1 + 1\n")

    first, again = read_source(source), read_source(source)

    sources = [cell.source for cell in first.cells]
    assert sources == ["# Toy", SOLVED, COLAB.format(address=""), "1 + 1", "1 + 1"]
    assert len({cell.id for cell in first.cells}) == 5
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]


def test_a_cell_with_the_marker_is_folded(tmp_path):
    source = '# %%\n1 + 1\n# %% tags=["hide-input"]\n2 + 2\n'

    *_, shown, folded = read_source(make_toy(tmp_path, source)).cells

    assert shown.metadata == {}
    assert dict(folded.metadata) == {
        "tags": ["hide-input"],
        "jupyter": {"source_hidden": True},
    }


def test_a_copy_to_work_in_has_neither_the_note_nor_the_cell_for_colab(tmp_path):
    source = make_toy(tmp_path)

    copy = read_source(source, solved=False, colab=False)

    assert "google.colab" not in str(copy) and SOLVED not in str(copy)
    assert [c.id for c in copy.cells if c.cell_type == "markdown"] == [
        c.id
        for c in read_source(source).cells
        if c.cell_type == "markdown" and c.source != SOLVED
    ]


def test_the_cell_for_colab_knows_the_address_that_the_project_names(tmp_path, monkeypatch):
    urls = {"urls": {"Repository": "https://github.com/one/course"}}
    monkeypatch.setattr("rbm_lib.course.environment.project", lambda: urls)

    cell = read_source(make_toy(tmp_path)).cells[2]

    assert 'COURSE = "https://github.com/one/course"' in cell.source
    assert cell.metadata["jupyter"] == {"source_hidden": True}
    assert cell.metadata["cellView"] == "form"


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
    cell = COLAB.format(address=address)
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
