"""The runner, and the command line."""

import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from rbm_lib.course import __main__, score
from rbm_lib.course.environment import environment_rows
from rbm_lib.course.isolate import Limits
from rbm_lib.course.notebook import read_source, write_notebook
from rbm_lib.course.run import run
from tests.course.support import make_toy


def test_the_runner_goes_on_after_a_failure_and_says_so(tmp_path, capsys):
    folder = tmp_path / "notebooks"
    write_notebook(read_source(make_toy(tmp_path)), folder / "98_toy.ipynb")
    committed = (folder / "98_toy.ipynb").read_bytes()
    cells = [new_code_cell("a = 1"), new_code_cell("raise ValueError('wrong')")]
    write_notebook(new_notebook(cells=cells), folder / "97_broken.ipynb")

    assert run("fast", folder, tmp_path / "build") is False

    shown = capsys.readouterr()
    broken, toy = (line.split() for line in shown.out.splitlines()[1:3])
    assert (broken[0], broken[-4:]) == ("97_broken", ["FAILED", "in", "cell", "[2]"])
    assert (toy[:2], toy[-1]) == (["98_toy", "synthetic"], "ok")
    assert "raise ValueError('wrong')\nValueError: wrong" in shown.err
    copy = (tmp_path / "build" / "notebooks" / "98_toy.ipynb").read_text()
    assert "(../../notebooks/figures/line.svg)" in copy
    assert (folder / "98_toy.ipynb").read_bytes() == committed
    assert run("fast", tmp_path / "build") is False, "no notebooks"


def test_the_command_line_checks_the_environment(capsys):
    assert __main__.main(["check"]) == 0

    assert "all there" in capsys.readouterr().out


def test_the_command_line_passes_options_on(monkeypatch):
    called = []
    monkeypatch.setattr(score, "score", lambda paths, **x: called.append((paths, x)))

    options = ["--timeout", "60", "--memory", "2", "--jobs", "3"]
    assert __main__.main(["score", "a", "b", *options]) == 0

    assert called == [(["a", "b"], {"limits": Limits(60, 2, 5), "jobs": 3})]


def test_the_command_line_says_what_is_wrong(capsys, tmp_path):
    assert __main__.main(["student", "77"]) == 1
    assert "lesson: got '77'" in capsys.readouterr().err
    assert __main__.main(["score", str(tmp_path / "missing")]) == 1
    assert "missing" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        __main__.main(["dance"])


def test_colab_is_not_asked_for_another_jupyterlab(monkeypatch):
    assert "jupyterlab" in {row[0] for row in environment_rows()}

    monkeypatch.setitem(sys.modules, "google.colab", object())

    names = {row[0] for row in environment_rows()}
    assert "jupyterlab" not in names and {"torch", "pooch"} <= names
