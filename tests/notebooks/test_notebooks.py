"""Every lesson: source, executed notebook and student copy belong together."""

import json
import re
import tomllib
from fnmatch import fnmatch

import nbformat
import pytest

from rbm_lib.course.build import problems
from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.exercises import load_exercises
from rbm_lib.course.notebook import FOLDED, METADATA, code_cells, read_source
from rbm_lib.course.student import unsolved

FOLDER = notebooks_folder()
LESSONS = sorted(path.stem for path in FOLDER.glob("src/*.py"))
every_lesson = pytest.mark.parametrize("name", LESSONS)
LINK = re.compile(r"""(?:\]\(|src="|href=")(?![\w.+-]+:)([\w./-]+\.\w+)(?=[)"#])""")


@pytest.fixture
def notebook(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


@pytest.fixture
def student(name):
    return nbformat.read(FOLDER / "student" / f"{name}.ipynb", as_version=4)


def graded(name):
    return load_exercises(name)


def shown(notebook):
    """What a notebook is made of beside its outputs."""
    return [(c.cell_type, c.id, dict(c.metadata), c.source) for c in notebook.cells]


def test_source_notebook_and_student_copy_exist_together():
    assert [name[:2] for name in LESSONS] == [f"{i:02}" for i in range(len(LESSONS))]
    for folder in (FOLDER, FOLDER / "student"):
        assert sorted(path.stem for path in folder.glob("[0-9]*.ipynb")) == LESSONS


@every_lesson
def test_the_notebook_is_what_its_source_says(name, notebook):
    nbformat.validate(notebook)
    assert shown(notebook) == shown(read_source(FOLDER / "src" / f"{name}.py"))
    assert dict(notebook.metadata) == METADATA


@every_lesson
def test_the_student_copy_is_up_to_date_and_without_solutions(name, student):
    assert student == unsolved(FOLDER / "src" / f"{name}.py"), "make student"
    assert "SOLUTION" not in str(student)


@every_lesson
def test_outputs_are_fit_to_be_read(name, notebook):
    assert problems(notebook) == []
    assert not any("execution" in cell.metadata for _, cell in code_cells(notebook))
    tagged = [
        c for c in notebook.cells if "nbval-check-output" in c.metadata.get("tags", [])
    ]
    assert any(cell.outputs for cell in tagged), "nbval compares no output"


@every_lesson
def test_sizes_are_moderate(name, notebook):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 2.5e6
    for _, cell in code_cells(notebook)[2:]:  # after the imports
        folded = FOLDED in cell.metadata.get("tags", [])
        assert len(cell.source.splitlines()) <= (60 if folded else 30), cell.source


@every_lesson
def test_code_fits_on_the_page(name, notebook):
    project = tomllib.loads((repository_root() / "pyproject.toml").read_text("utf-8"))
    too_wide = project["tool"]["ruff"]["format"]["exclude"]
    if any(fnmatch(f"notebooks/src/{name}.py", pattern) for pattern in too_wide):
        pytest.skip("not yet rewritten, see pyproject.toml")

    for _, cell in code_cells(notebook):
        assert [line for line in cell.source.splitlines() if len(line) > 92] == []


@every_lesson
def test_every_link_leads_somewhere(name, notebook, student):
    for folder, version in ((FOLDER, notebook), (FOLDER / "student", student)):
        text = "\n".join(c.source for c in version.cells if c.cell_type == "markdown")
        assert [x for x in LINK.findall(text) if not (folder / x).exists()] == []


@every_lesson
def test_the_committed_solutions_have_all_points(name, notebook):
    checks = [
        c for _, c in code_cells(notebook) if c.metadata.get("nbgrader", {}).get("grade")
    ]
    assert len(checks) == len(graded(name)), "every exercise is checked once"
    for cell in checks:
        (result,) = (x for x in cell.outputs if x.output_type == "execute_result")
        assert float(result.data["text/plain"]) == cell.metadata.nbgrader.points


# `make test` has the first, `make test-students` has all.
@pytest.mark.parametrize(
    "name",
    LESSONS[:1] + [pytest.param(name, marks=pytest.mark.long) for name in LESSONS[1:]],
)
def test_the_student_copy_runs_unsolved_to_its_end(name, student, tmp_path):
    environment = kernel_environment("fast", tmp_path, RBM_OFFLINE="1")

    done = execute(student, FOLDER / "student", environment, timeout=300)

    assert done.failed is None, f"code cell {done.failed}: {done.error}"
    score = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["exercises"]
    assert list(score) == sorted(graded(name))
    assert all(x["points"] == 0 and "not done yet" in x["message"] for x in score.values())
