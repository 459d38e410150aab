"""From a lesson's source (``notebooks/src/NN_name.py``, jupytext py:percent) to a notebook without outputs.

Nothing here depends on the time, the machine or the last run: ids come from the cells' sources.
"""

import ast
import hashlib
import os
import re
from pathlib import Path

from rbm_lib.course.exercises import find_exercise, load_exercises
from rbm_lib.course.lesson import repository_root

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
LINK = re.compile(
    r"""(\]\(|src="|href=")(?![\w.+-]+:)([\w./-]+\.\w+)(?=[)"#])"""
)  # to a file of the repository


# Every notebook's first code cell. It installs the library without the notebooks' extra: Colab has a front
# end of its own, which knows ipywidgets 7, and what Colab has satisfies the rest.
COLAB = """\
# Google Colab only: paste the address of the course's repository, then run. Elsewhere this does nothing.
COURSE = ""  # @param {type: "string"}
import importlib.util, os, subprocess, sys

if "google.colab" in sys.modules and not importlib.util.find_spec("rbm_lib"):
    run = f"rm -rf rbm-course; git clone --depth 1 '{COURSE.strip()}' rbm-course && pip install -e rbm-course"
    done = subprocess.run(run, shell=True, capture_output=True, text=True)
    assert not done.returncode, f"COURSE: give the address of the course's repository. {done.stderr}"
    sys.path.insert(0, os.path.abspath("rbm-course"))"""


class BuildError(Exception):
    """A lesson that cannot be built; the message names the notebook, the cell and what is wrong."""


def notebooks_folder():
    """``notebooks/`` in the checkout."""
    return repository_root() / "notebooks"


def short_path(path):
    """``path`` as seen from the current folder (unchanged on another drive)."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def lesson_sources(names=(), folder=None):
    """The paths of the lesson sources, in order; ``names`` ("01" or "01_name") selects some.

    Raises BuildError when a name fits no source.
    """
    folder = Path(folder or notebooks_folder()) / "src"
    every = sorted(folder.glob("[0-9][0-9]_*.py"))
    for name in names:
        if not any(_fits(path, name) for path in every):
            raise BuildError(f"no lesson {name!r}; there are: {', '.join(p.stem for p in every) or 'none'}")
    return [path for path in every if not names or any(_fits(path, name) for name in names)]


def _fits(path, name):
    return path.stem == name or path.stem.split("_")[0] == name


def read_source(path, exercises=None):
    """The lesson as a notebook: solved, not executed, with nbgrader's metadata and the cell for Colab.

    ``exercises``: id → Exercise, by default those of the lesson's number. Raises BuildError.
    """
    import jupytext
    import nbformat

    path = Path(path)
    exercises = load_exercises(path.stem) if exercises is None else exercises
    read = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    notebook = nbformat.v4.new_notebook(metadata=notebook_metadata())
    seen = {}
    titled = [cell.cell_type for cell in read.cells[:1]] == ["markdown"]
    read.cells.insert(1 if titled else 0, nbformat.v4.new_code_cell(COLAB))
    for cell in read.cells:
        place = seen[cell.cell_type, cell.source] = seen.get((cell.cell_type, cell.source), 0) + 1
        metadata = {"tags": list(cell.metadata["tags"])} if cell.metadata.get("tags") else {}
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        cell_id = _cell_id(path.stem, cell.cell_type, cell.source, place)
        notebook.cells.append(make(cell.source, id=cell_id, metadata=metadata))
    _check_sources(notebook, path.stem)
    _mark_exercises(notebook, path.stem, exercises)
    nbformat.validate(notebook)
    return notebook


def notebook_metadata():
    """The same for every notebook: the kernel, and no version that would change from machine to machine."""
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"kernelspec": kernel, "language_info": {"name": "python"}}


def _cell_id(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def code_cells(notebook):
    """(number shown in brackets once executed, cell) of every code cell."""
    return list(enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1))


def links(notebook):
    """The files that the text cells link to, relative to the notebook."""
    return [m[2] for c in notebook.cells if c.cell_type == "markdown" for m in LINK.finditer(c.source)]


def relink(notebook, prefix):
    """Make the links of a copy in another folder work: ``prefix`` leads from there to the original's folder.

    Links to other lessons stay: they have copies in that folder too.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(
                lambda m: m[0] if m[2].endswith(".ipynb") else f"{m[1]}{prefix}/{m[2]}", cell.source
            )


def _check_sources(notebook, name):
    for number, cell in code_cells(notebook):
        if not cell.source.strip():
            raise BuildError(f"{name}, code cell {number}: it is empty")
        if cell.source.rstrip().endswith(";"):
            raise BuildError(f"{name}, code cell {number}: it ends in ';' and so hides its output")


def _mark_exercises(notebook, name, exercises):
    """Give solution cells and check cells the metadata by which nbgrader knows them."""
    pending, used = [], set()
    for number, cell in code_cells(notebook):
        where = f"{name}, code cell {number}"
        exercise_id = _checked_id(cell.source, where)
        if BEGIN in cell.source:
            without_solutions(cell.source, where)  # raises where the markers do not match
            pending.append(cell)
            if len(pending) > 1:
                raise BuildError(f"{where}: a second solution before the check of the first")
        elif exercise_id is None and pending:
            raise BuildError(f"{where}: the cell after a solution must be its check, lesson.check(...)")
        elif exercise_id is not None:
            try:
                exercise = find_exercise(exercises, name, exercise_id)
            except KeyError as error:
                raise BuildError(f"{where}: {error.args[0]}") from None
            if exercise_id in used:
                raise BuildError(f"{where}: exercise {exercise_id!r} is checked twice")
            used.add(exercise_id)
            slug = re.sub(r"\W+", "-", exercise_id)
            for solution in pending:
                solution.metadata["nbgrader"] = _nbgrader(f"{name[:2]}-exercise-{slug}", solution=True)
            check = _nbgrader(f"{name[:2]}-check-{slug}", grade=True, locked=True)
            cell.metadata["nbgrader"] = check | {"points": exercise.points}
            pending = []
    if pending:
        raise BuildError(f"{name}: the last solution has no check after it")


def _nbgrader(grade_id, grade=False, locked=False, solution=False):
    flags = {"grade": grade, "locked": locked, "solution": solution, "task": False}
    return {"grade_id": grade_id, "schema_version": 3} | flags


def _checked_id(source, where):
    """The id of the exercise a cell checks, or None. The call must end the cell: its value is the points."""
    if "lesson.check(" not in source:
        return None
    try:
        last = ast.parse(source).body[-1]
        exercise_id = last.value.args[0].value
        called = ast.unparse(last.value.func)
        if isinstance(last, ast.Expr) and called == "lesson.check" and isinstance(exercise_id, str):
            return exercise_id
    except (SyntaxError, AttributeError, IndexError):
        pass
    raise BuildError(f'{where}: a check cell must end in lesson.check("id", answer), the id as a text')


def without_solutions(source, where="cell"):
    """``source`` with every solution region replaced by ``...``. Raises BuildError for unmatched markers."""
    lines, inside = [], False
    for line in source.splitlines():
        if line.strip() in (BEGIN, END):
            if inside == (line.strip() == BEGIN):
                raise BuildError(f"{where}: {BEGIN} and {END} do not alternate")
            if not inside:
                lines.append(line[: len(line) - len(line.lstrip())] + "...  # your code here")
            inside = not inside
        elif not inside:
            lines.append(line)
    if inside:
        raise BuildError(f"{where}: {BEGIN} without {END}")
    return "\n".join(lines)
