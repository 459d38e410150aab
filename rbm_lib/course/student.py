"""Student copies: a lesson without solutions and outputs. A person's work is never lost."""

import json
from collections.abc import Iterable
from pathlib import Path

import nbformat

from rbm_lib.course import notebook as lessons
from rbm_lib.course.copies import fingerprint, version
from rbm_lib.course.environment import notebooks_folder
from rbm_lib.course.front_page import fill_buttons
from rbm_lib.files import write_whole


def make_students(names: Iterable[str] = ()) -> None:
    """Write the student copies of lessons, all by default, and the README's buttons."""
    for source in lessons.lesson_sources(names):
        print(write_student(source, notebooks_folder() / "student"))
    fill_buttons()


def unsolved(source: Path, prefix: str, colab: bool) -> nbformat.NotebookNode:
    """A lesson without solutions, for a folder from which ``prefix`` leads to notebooks/.

    It carries a fingerprint of its cells, by which :func:`copies.version` knows it.
    """
    notebook = lessons.read_source(source, solved=False, colab=colab)
    lessons.relink(notebook, prefix)
    notebook.metadata["rbm_course"] = {"generated": fingerprint(notebook)}
    return notebook


def student_notebook(source: Path) -> nbformat.NotebookNode:
    """The unsolved notebook of a lesson's source, for the folder ``student``."""
    return unsolved(source, "..", colab=True)


def write_student(source: Path, folder: Path) -> Path:
    """Write a student copy, beside the old one if somebody worked in it. Returns it."""
    text = nbformat.writes(student_notebook(source)).rstrip("\n") + "\n"
    target = folder / f"{source.stem}.ipynb"
    count = 0
    while worked_in(target):
        count += 1
        suffix = "" if count == 1 else f"-{count}"
        target = folder / f"{source.stem}.new{suffix}.ipynb"
    write_whole(target, text)
    if count:
        print(f"{source.stem}.ipynb has been worked in and stays: see {target.name}.")
    return target


def worked_in(path: Path) -> bool:
    """Whether a file is anything but an unchanged generated copy (run or not)."""
    if not path.exists():
        return False
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return version(content) != fingerprint(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True
