"""Student copies."""

import json

import nbformat

from rbm_lib.course.copies import is_untouched
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.notebook import write_notebook
from rbm_lib.course.student import make_students, unsolved, write_student
from tests.course.support import make_toy


def test_a_copy_has_no_solutions_and_links_that_work(tmp_path):
    source = make_toy(tmp_path)

    copy = unsolved(source)

    assert "return v - v" not in str(copy) and "SOLUTION" not in str(copy)
    links = "(../figures/line.svg) [next](01_next.ipynb) [far](https://pytorch.org/get-"
    assert links in copy.cells[0].source
    assert "project" not in copy.cells[1].source, "no note that it is solved"


def test_an_unsolved_copy_runs_to_its_end_and_has_no_points(tmp_path):
    copy = unsolved(make_toy(tmp_path))
    folder = tmp_path / "notebooks"

    done = execute(copy, folder, kernel_environment("fast", tmp_path))

    assert (done.failed, done.error, done.sources) == (None, "", ["synthetic"])
    score = json.loads((tmp_path / "98_toy.json").read_text())
    assert score["exercises"]["1"]["points"] == 0


def test_a_copy_that_was_worked_in_is_never_overwritten(tmp_path, monkeypatch, capsys):
    source = make_toy(tmp_path)
    for module in ("student", "notebook"):
        place = f"rbm_lib.course.{module}.notebooks_folder"
        monkeypatch.setattr(place, lambda: source.parent.parent)
    folder = tmp_path / "notebooks" / "student"
    path = folder / "98_toy.ipynb"

    make_students()
    assert write_student(source, folder) == path, "a fresh copy is written anew"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].execution_count = 7
    write_notebook(notebook, path)
    assert is_untouched(path), "running a copy is not working in it"

    notebook.cells[0].source += "\nMy notes."
    write_notebook(notebook, path)
    mine = path.read_bytes()
    assert write_student(source, folder).name == "98_toy.new.ipynb"
    assert "worked in" in capsys.readouterr().out
    (folder / "98_toy.new.ipynb").write_text("not even JSON")
    assert write_student(source, folder).name == "98_toy.new-2.ipynb"
    assert path.read_bytes() == mine
