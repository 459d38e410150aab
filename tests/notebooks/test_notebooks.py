"""Every lesson: source, executed notebook and student copy belong together and are fit to be read."""

import json
from pathlib import Path

import nbformat
import pytest

from rbm_lib.course.build import problems
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.exercises import load_exercises
from rbm_lib.course.notebook import code_cells, links, notebook_metadata, read_source
from rbm_lib.course.student import student_notebook

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = sorted({p.stem for pattern in ("*.ipynb", "src/*.py") for p in FOLDER.glob(pattern)})
BUILT = [n for n in NAMES if (FOLDER / f"{n}.ipynb").exists() and (FOLDER / f"student/{n}.ipynb").exists()]
every_notebook = pytest.mark.parametrize("name", BUILT)


@pytest.fixture
def notebook(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def shown(notebook):
    """What a notebook is made of beside its outputs."""
    return [(c.cell_type, c.id, dict(c.metadata), c.source) for c in notebook.cells]


def test_source_notebook_and_student_copy_exist_together():
    for name in NAMES:
        for file in (f"src/{name}.py", f"{name}.ipynb", f"student/{name}.ipynb"):
            assert (FOLDER / file).exists(), f"{file} is missing: make notebooks"
    numbers = [name[:2] for name in NAMES]
    copies = {p.name[:2] for p in FOLDER.glob("student/[0-9][0-9]_*.ipynb")}
    assert copies <= set(numbers), "a student copy without its lesson"
    assert len(set(numbers)) == len(numbers) and all(n.isdigit() for n in numbers), "each number once"


@every_notebook
def test_the_notebook_is_what_its_source_says(name, notebook):
    nbformat.validate(notebook)
    assert shown(notebook) == shown(read_source(FOLDER / "src" / f"{name}.py")), "make notebooks"
    assert dict(notebook.metadata) == notebook_metadata()


@every_notebook
def test_outputs_are_fit_to_be_read(name, notebook):
    assert problems(notebook) == []
    for number, cell in code_cells(notebook):
        assert "execution" not in cell.metadata, f"code cell {number} holds its timing"


@every_notebook
def test_every_link_leads_somewhere(name, notebook):
    copy = nbformat.read(FOLDER / "student" / f"{name}.ipynb", as_version=4)
    assert [x for x in links(notebook) if not (FOLDER / x).exists()] == []
    assert [x for x in links(copy) if not (FOLDER / "student" / x).exists()] == []


@every_notebook
def test_size_and_cell_lengths(name, notebook):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 1.5e6
    long = [number for number, cell in code_cells(notebook) if len(cell.source.splitlines()) > 30]
    assert not long, f"code cells {long} have more than 30 lines"


@every_notebook
def test_some_outputs_are_compared_by_nbval(name, notebook):
    tagged = [c for _, c in code_cells(notebook) if "nbval-check-output" in c.metadata.get("tags", [])]
    assert any(c.outputs for c in tagged), "no output is compared: tag one with nbval-check-output"


@every_notebook
def test_the_committed_solutions_have_all_points(name, notebook):
    checks = [c for _, c in code_cells(notebook) if c.metadata.get("nbgrader", {}).get("grade")]
    assert len(checks) == len(load_exercises(name)), "every exercise is checked once"
    for cell in checks:
        results = [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"]
        assert [float(r) for r in results] == [cell.metadata.nbgrader.points], cell.source


@every_notebook
def test_the_student_copy_is_up_to_date_and_without_solutions(name):
    copy = nbformat.read(FOLDER / "student" / f"{name}.ipynb", as_version=4)
    assert copy == student_notebook(FOLDER / "src" / f"{name}.py"), "make student"
    assert all(not c.outputs and c.execution_count is None for _, c in code_cells(copy))
    assert not any("SOLUTION" in c.source for c in copy.cells)


@every_notebook
@pytest.mark.slow
def test_the_student_copy_runs_unsolved_to_its_end(name, tmp_path):
    copy = nbformat.read(FOLDER / "student" / f"{name}.ipynb", as_version=4)
    done = execute(
        copy, FOLDER / "student", kernel_environment("fast", tmp_path, RBM_OFFLINE="1"), timeout=300
    )
    assert done.failed is None, f"code cell {done.failed}: {done.error}"
    if load_exercises(name):
        score = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert list(score["exercises"]) == sorted(load_exercises(name))
        assert all(e["points"] == 0 and "not done yet" in e["message"] for e in score["exercises"].values())
