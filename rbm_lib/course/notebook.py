"""From a lesson's source (``notebooks/src/NN_name.py``, jupytext py:percent) to a notebook.

Nothing here depends on the time, the machine or the last run: ids come from cells' sources.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rbm_lib.course.environment import CourseError, course_address, notebooks_folder
from rbm_lib.course.exercises import load_exercises
from rbm_lib.files import write_whole

SOLUTION = re.compile(r"(?m)^( *)### BEGIN SOLUTION\n(?:.*\n)*? *### END SOLUTION$")
CHECK = re.compile(r"""lesson\.check\(["']([^"']+)["'], .+\)""")
# Of every notebook: without versions, which change between machines.
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
METADATA = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
# The tag of cells whose code is folded away, such as those that only draw.
FOLDED = "hide-input"
KEPT = ("tags", "cellView")  # of a cell's metadata
# A link to a file of the repository but a lesson: these have copies in every folder.
LINK = re.compile(r"""(\]\(|src="|href=")(?![\w.+-]+:)([\w./-]+\.(?!ipynb)\w+)(?=[)"#])""")

# Between title and text of a solved lesson; the copies to work in do without.
SOLVED = """\
> This is the **solved** lesson, to be read and to be projected. To work through it, run
> `make lab` or `python -m rbm_lib.course lab` in the folder of the course. It opens a copy
> of your own, in which the exercises are yours to solve."""

# A cell of the committed notebooks, folded. It installs the library without the notebooks'
# extra: Colab has a front end of its own, with ipywidgets 7, and satisfies the rest.
COLAB = """\
# @title Google Colab only: run this cell first. Elsewhere it does nothing.
COURSE = "{address}"  # @param {{type: "string"}}
import importlib.util, os, subprocess, sys

if "google.colab" in sys.modules and not importlib.util.find_spec("rbm_lib"):
    fetch = f"rm -rf rbm-course; git clone --depth 1 '{{COURSE.strip()}}' rbm-course"
    run = f"{{fetch}} && pip install -e rbm-course"
    done = subprocess.run(run, shell=True, capture_output=True, text=True)
    advice = "COURSE: give the address of the course's repository."
    assert not done.returncode, f"{{advice}} {{done.stderr}}"
    sys.path.insert(0, os.path.abspath("rbm-course"))"""


def lesson_sources(names: Iterable[str] = ()) -> list[Path]:
    """The sources of lessons ("01" or "01_name"; all by default), in order."""
    paths = sorted(notebooks_folder().glob("src/[0-9][0-9]_*.py"))
    known = {name: path for path in paths for name in (path.stem, path.stem[:2])}
    for name in names:
        if name not in known:
            there = ", ".join(path.stem for path in paths) or "none"
            raise CourseError(f"lesson: got {name!r}, expected one of {there}.")
    chosen = [known[name] for name in names]
    return sorted(set(chosen)) or paths


def read_source(path: Path, solved: bool = True, colab: bool = True) -> NotebookNode:
    """The lesson as a notebook, not executed, with nbgrader's metadata.

    Parameters
    ----------
    path : Path
        Its source.
    solved : bool
        With solutions, and a note that says so. Without, functions are left open.
    colab : bool
        With the folded cell that installs the course in Google Colab.
    """
    lesson = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    titled = [cell.cell_type for cell in lesson.cells[:1]] == ["markdown"]
    added = []
    if solved:
        added.append(new_markdown_cell(SOLVED))
    if colab:
        code = COLAB.format(address=course_address())
        # Folded in JupyterLab, on the site and in Colab.
        folded = {"tags": [FOLDED], "cellView": "form"}
        added.append(new_code_cell(code, metadata=folded))
    place = 1 if titled else 0
    lesson.cells[place:place] = added

    notebook = new_notebook(metadata=METADATA)
    occurrences: Counter[tuple[str, str]] = Counter()
    for cell in lesson.cells:
        kind, source = cell.cell_type, cell.source
        occurrences[kind, source] += 1
        parts = path.stem, kind, source, str(occurrences[kind, source])
        cell_id = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        metadata = {key: cell.metadata[key] for key in KEPT if cell.metadata.get(key)}
        if FOLDED in metadata.get("tags", ()):
            metadata["jupyter"] = {"source_hidden": True}
        make = new_code_cell if kind == "code" else new_markdown_cell
        notebook.cells.append(make(source, id=cell_id, metadata=metadata))

    _mark_exercises(notebook, path)
    if not solved:
        for _, cell in code_cells(notebook):
            cell.source = without_solutions(cell.source)
    nbformat.validate(notebook)
    return notebook


def write_notebook(notebook: NotebookNode, target: Path) -> None:
    nbformat.validate(notebook)
    write_whole(target, nbformat.writes(notebook).rstrip("\n") + "\n")


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Every code cell, with the number that it shows once it is executed."""
    return list(enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1))


def relink(notebook: NotebookNode, prefix: str) -> None:
    """Make the links of a copy work, where ``prefix`` leads to the original's folder."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(rf"\1{prefix}/\2", cell.source)


def without_solutions(source: str, where: str = "cell") -> str:
    """The source with ``...`` for every solution."""
    unsolved = SOLUTION.sub(r"\1...  # your code here", source)
    if " SOLUTION" in unsolved:
        raise CourseError(f"{where}: BEGIN SOLUTION and END SOLUTION do not alternate.")
    return unsolved


def _mark_exercises(notebook: NotebookNode, path: Path) -> None:
    """Give solutions and checks the metadata by which nbgrader knows them."""
    exercises = load_exercises(path.stem, path.parent.parent)
    lesson = path.stem[:2]
    solution = None
    for number, cell in code_cells(notebook):
        where = f"{path.stem}, code cell {number}"
        source = cell.source.rstrip()
        if source[-1:] in ("", ";"):
            raise CourseError(
                f"{where}: it is empty, or it ends in ';', hiding its output."
            )

        check = CHECK.fullmatch(source.splitlines()[-1])
        if "lesson.check(" in source and not check:
            raise CourseError(f'{where}: a check must end in lesson.check("id", answer).')
        if solution is not None and not check:
            raise CourseError(f"{where}: the cell after a solution must be its check.")
        if without_solutions(source, where) != source:
            solution = cell
        if check:
            if check[1] not in exercises:
                raise CourseError(f"{where}: exercise {check[1]!r} is unknown or repeated.")
            mark = _nbgrader(f"{lesson}-check-{check[1]}", "grade", "locked")
            cell.metadata["nbgrader"] = mark | {"points": exercises.pop(check[1]).points}
            if solution is not None:
                grade_id = f"{lesson}-exercise-{check[1]}"
                solution.metadata["nbgrader"] = _nbgrader(grade_id, "solution")
            solution = None
    if solution is not None:
        raise CourseError(f"{path.stem}: the last solution has no check after it.")


def _nbgrader(grade_id: str, *roles: str) -> dict[str, Any]:
    flags = {role: role in roles for role in ("grade", "locked", "solution", "task")}
    return {"grade_id": grade_id, "schema_version": 3} | flags
