"""Student copies: a lesson without solutions and outputs. A person's work is never lost."""

from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from rbm_lib.course import notebook as lessons
from rbm_lib.course.copies import fingerprint, place_for
from rbm_lib.course.environment import notebooks_folder
from rbm_lib.course.front_page import fill_buttons


def make_students(names: Iterable[str] = ()) -> None:
    """Write the student copies of lessons, all by default, and the README's buttons."""
    for source in lessons.lesson_sources(names):
        print(write_student(source, notebooks_folder() / "student"))
    fill_buttons()


def unsolved(source: Path, prefix: str = "..", colab: bool = True) -> NotebookNode:
    """A lesson without solutions, for a folder from which ``prefix`` leads to notebooks/.

    It carries a fingerprint of its cells, by which :func:`copies.version` knows it.
    """
    notebook = lessons.read_source(source, solved=False, colab=colab)
    lessons.relink(notebook, prefix)
    notebook.metadata["rbm_course"] = {"generated": fingerprint(notebook)}
    return notebook


def write_student(source: Path, folder: Path) -> Path:
    """Write a student copy, beside the old one if somebody worked in it. Returns it."""
    notebook = unsolved(source)
    target = place_for(notebook, folder, source.stem, over_untouched=True)
    assert target is not None
    lessons.write_notebook(notebook, target)
    if target.stem != source.stem:
        print(f"{source.stem}.ipynb has been worked in and stays: see {target.name}.")
    return target
