"""Student copies: the same lesson without its solutions and outputs. A person's work is never lost."""

import hashlib
import json
from pathlib import Path

from rbm_lib.course.notebook import (
    BEGIN,
    code_cells,
    lesson_sources,
    notebooks_folder,
    read_source,
    relink,
    without_solutions,
)
from rbm_lib.files import write_whole


def make_students(names=(), folder=None):
    """Write the student copies of the lessons ``names`` (all by default). Returns the paths written."""
    folder = Path(folder or notebooks_folder())
    return [write_student(source, folder / "student") for source in lesson_sources(names, folder)]


def student_notebook(source, exercises=None):
    """The unsolved notebook of a lesson source, for the folder ``student``. Raises BuildError."""
    notebook = read_source(source, exercises)
    for number, cell in code_cells(notebook):
        if BEGIN in cell.source:
            cell.source = without_solutions(cell.source, f"{Path(source).stem}, code cell {number}")
    relink(notebook, "..")
    notebook.metadata["rbm_course"] = {"generated": fingerprint(notebook)}
    return notebook


def write_student(source, folder, exercises=None):
    """Write the student copy of ``source`` into ``folder``; beside the old one if a person worked in that.

    Returns the path written.
    """
    import nbformat

    source, folder = Path(source), Path(folder)
    text = nbformat.writes(student_notebook(source, exercises), version=4).rstrip("\n") + "\n"
    first = target = folder / f"{source.stem}.ipynb"
    count = 1
    while worked_in(target):
        target = folder / f"{source.stem}.new{'' if count == 1 else f'-{count}'}.ipynb"
        count += 1
    write_whole(target, text)
    if target != first:
        print(f"{first.name} has been worked in, so it stays as it is; the new copy is {target.name}.")
    return target


def worked_in(path):
    """Whether the file at ``path`` is anything but an unchanged generated copy (run or not)."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return content["metadata"]["rbm_course"]["generated"] != fingerprint(content)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True


def fingerprint(notebook):
    """A hash of the cells' types and sources; outputs and metadata do not count."""
    cells = []
    for cell in notebook["cells"]:
        source = cell["source"]
        cells.append([cell["cell_type"], source if isinstance(source, str) else "".join(source)])
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()
