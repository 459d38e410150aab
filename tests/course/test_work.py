"""The learner's own copies: made once, never overwritten, and what JupyterLab is asked."""

import json
import os
from pathlib import Path

import pytest

from rbm_lib.course import work
from rbm_lib.course.__main__ import main
from tests.course.support import SOURCE, make_toy


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one lesson. Returns the function that changes its source."""
    monkeypatch.setattr(work, "repository_root", lambda: tmp_path)
    folder = tmp_path / "notebooks"
    monkeypatch.setattr("rbm_lib.course.notebook.notebooks_folder", lambda: folder)
    make_toy(tmp_path)
    return lambda source: make_toy(tmp_path, source)


def copies(tmp_path):
    return sorted(path.name for path in (tmp_path / "work").iterdir())


def test_a_copy_is_unsolved_and_its_links_work(tmp_path, course):
    (path,) = work.copy_lessons()

    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "work" / "98_toy.ipynb"
    assert "your code here" in text and "return v - v" not in text
    assert "(../notebooks/figures/line.svg) [next](01_next.ipynb)" in text
    assert "google.colab" not in text


def test_opening_a_copy_gives_jupyterlab_nothing_to_add(tmp_path, course):
    ipkernel = pytest.importorskip("ipykernel.ipkernel")

    (path,) = work.copy_lessons()

    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    assert metadata["language_info"] == ipkernel.IPythonKernel.language_info


def test_a_copy_is_never_overwritten(tmp_path, course, capsys):
    (path,) = work.copy_lessons()
    path.write_text(path.read_text("utf-8").replace("# A toy", "# My toy"), "utf-8")
    mine = path.read_bytes()
    assert work.copy_lessons() == [] and capsys.readouterr().out == ""

    course(SOURCE.replace("# A toy", "# A better toy"))
    newer = work.copy_lessons()
    assert [x.name for x in newer] == ["98_toy.new.ipynb"]
    assert "98_toy: the course has a newer version." in capsys.readouterr().out
    assert work.copy_lessons() == [], "it is announced once"

    course(SOURCE.replace("# A toy", "# The best toy"))
    work.copy_lessons()
    assert copies(tmp_path) == ["98_toy.ipynb", "98_toy.new-2.ipynb", "98_toy.new.ipynb"]
    assert path.read_bytes() == mine


def test_a_file_that_is_no_copy_stays(tmp_path, course):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "98_toy.ipynb").write_text("{broken")

    work.copy_lessons()

    assert copies(tmp_path) == ["98_toy.ipynb", "98_toy.new.ipynb"]
    assert (tmp_path / "work" / "98_toy.ipynb").read_text() == "{broken"


def test_jupyterlab_opens_the_first_copy_without_news(tmp_path, course, monkeypatch):
    calls = []

    def call(command, env):
        calls.append(command)
        own, theirs = env["JUPYTER_CONFIG_PATH"].split(os.pathsep)
        config = json.loads(Path(own, "labconfig", "page_config.json").read_text())
        assert config == {"disabledExtensions": {work.ANNOUNCEMENTS: True}}
        assert theirs == "/their/own"
        return 3

    monkeypatch.setattr(work.subprocess, "call", call)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/their/own")

    assert main(["lab", "--no-browser"]) == 3

    (command,) = calls
    assert command[-2:] == ["--no-browser", str(tmp_path / "work" / "00_start_here.ipynb")]
    assert f"--ServerApp.root_dir={tmp_path}" in command


def test_without_jupyterlab_the_command_says_what_to_install(course, monkeypatch, capsys):
    monkeypatch.setattr(work.importlib.util, "find_spec", lambda name: None)

    assert main(["lab"]) == 1

    assert "jupyterlab: it is not installed. pip install" in capsys.readouterr().err
