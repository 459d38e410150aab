"""The cell that fetches and installs the course in Google Colab, and does nothing anywhere else."""

import os
import shutil
import subprocess
import sys

import pytest

from rbm_lib.course.environment import environment_rows
from rbm_lib.course.notebook import COLAB, read_source

IN_COLAB = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')\n"
PIP = """#!/bin/sh
echo "$@" >> "$PIP_LOG"
test -f "$3/pyproject.toml" || { echo "not a Python project" >&2; exit 1; }
"""
needs_a_shell = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("git"), reason="Colab is a Linux with git"
)


def run(folder, *pieces):
    """The pieces of code as one program in ``folder``, in a Python that has only its standard library."""
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PIP_LOG": str(folder / "pip.log")}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-S", "-c", "\n".join(pieces)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def repository(tmp_path):
    """The address of a git repository that holds a library of the course's name."""
    folder = tmp_path / "the repository"
    (folder / "rbm_lib").mkdir(parents=True)
    (folder / "rbm_lib" / "__init__.py").write_text("import os\nhere = os.path.abspath(__file__)\n")
    (folder / "pyproject.toml").touch()
    commit(folder)
    return str(folder)


@pytest.fixture
def colab(tmp_path):
    """An empty folder to start in, with a ``pip`` that only notes what it was asked."""
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "pip").write_text(PIP)
    (folder / "pip").chmod(0o755)
    return folder


def commit(folder):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "all", "--allow-empty"]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def with_address(address):
    assert 'COURSE = ""' in COLAB
    return COLAB.replace('COURSE = ""', f'COURSE = "{address}"')


def test_it_is_the_first_code_cell_after_the_title(tmp_path):
    source = tmp_path / "98_toy.py"
    source.write_text("# %% [markdown]\n# # Toy\n# %%\n1 + 1\n# %%\n1 + 1\n")
    assert [c.source for c in read_source(source, {}).cells] == ["# Toy", COLAB, "1 + 1", "1 + 1"]
    source.write_text("# %%\n1 + 1\n")
    assert [c.source for c in read_source(source, {}).cells] == [COLAB, "1 + 1"]


def test_a_form_field_asks_for_the_address_and_the_cell_is_short():
    assert '\nCOURSE = ""  # @param {type: "string"}\n' in COLAB, "Colab's form field, in a line of its own"
    assert len(COLAB.splitlines()) <= 10 and max(map(len, COLAB.splitlines())) <= 110


def test_elsewhere_it_does_nothing(colab):
    done = run(colab, with_address("/no/such/place"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [p.name for p in colab.iterdir()] == ["pip"]


@needs_a_shell
def test_in_colab_the_library_comes_from_the_repository(colab, repository):
    where = "import rbm_lib\nprint(rbm_lib.here)"
    done = run(colab, IN_COLAB, with_address(f" {repository} "), where)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(colab / "rbm-course" / "rbm_lib" / "__init__.py")
    assert (colab / "pip.log").read_text() == "install -e rbm-course\n", "no constraints"


@needs_a_shell
def test_running_it_again_fetches_nothing(colab, repository):
    cell = with_address(repository)
    assert run(colab, IN_COLAB, cell, cell).returncode == 0
    assert (colab / "pip.log").read_text().count("install") == 1


@needs_a_shell
@pytest.mark.parametrize("address", ["", "  ", "/no/such/place", "https://127.0.0.1:1/course"])
def test_without_a_right_address_it_says_what_to_give_and_can_be_mended(colab, repository, address):
    done = run(colab, IN_COLAB, with_address(address), "print('went on')")
    assert done.returncode != 0 and done.stdout == ""
    assert "AssertionError: COURSE: give the address of the course's repository. " in done.stderr
    assert "fatal: " in done.stderr, "git's own words"
    assert run(colab, IN_COLAB, with_address(repository), "import rbm_lib").returncode == 0


@needs_a_shell
def test_another_repository_is_no_course_and_can_be_mended(colab, repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    commit(other)
    done = run(colab, IN_COLAB, with_address(other))
    assert done.returncode != 0 and "COURSE: give" in done.stderr and "not a Python project" in done.stderr
    assert run(colab, IN_COLAB, with_address(repository), "import rbm_lib").returncode == 0


def test_colab_is_not_asked_for_another_jupyterlab(monkeypatch):
    assert "jupyterlab" in {row[0] for row in environment_rows()}
    monkeypatch.setitem(sys.modules, "google.colab", object())
    names = {row[0] for row in environment_rows()}
    assert "jupyterlab" not in names and {"torch", "pooch"} <= names
