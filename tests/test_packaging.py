"""The lists of dependencies hold together, and what the README tells people to type exists."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch"}


def wanted():
    """name → specifier, of every dependency in pyproject.toml; one stated twice must be stated alike."""
    found = {}
    for text in PROJECT["dependencies"] + sum(PROJECT["optional-dependencies"].values(), []):
        requirement = Requirement(text)
        specifier = str(requirement.specifier)
        assert found.setdefault(canonicalize_name(requirement.name), specifier) == specifier, text
    return found


def pinned(file="constraints.txt"):
    """name → version, from a file of constraints."""
    lines = (line.split("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines())
    pins = [line.split("==") for line in lines if line]
    assert all(len(pin) == 2 for pin in pins), "every line is name==version"
    return {canonicalize_name(name): version for name, version in pins}


def test_every_dependency_is_pinned_within_its_bounds():
    pins = pinned()
    for name, specifier in wanted().items():
        assert name in pins, f"{name} has no line in constraints.txt"
        assert Requirement(f"{name}{specifier}").specifier.contains(pins[name]), f"{name}=={pins[name]}"
    assert not any("+" in version for version in pins.values()), "no local builds: CUDA must stay possible"


def test_the_oldest_versions_are_the_lower_bounds():
    oldest = pinned("constraints-min.txt")
    for name, specifier in wanted().items():
        bound = re.fullmatch(r"[>=]=([\d.]+)", specifier)[1]
        assert Version(oldest[name]) == Version(bound), f"{name}: {oldest[name]}, pyproject.toml says {bound}"


def test_conda_has_the_same_dependencies():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = {}
    for entry in environment["dependencies"]:
        if isinstance(entry, str):
            name, specifier = re.fullmatch(r"([\w-]+)(.*)", entry).groups()
            conda[CONDA_NAMES.get(name, name)] = re.sub("^=", "==", specifier)
    python = conda.pop("python")
    assert re.fullmatch(r"==\d\.\d+", python), "one version: Binder's builder understands no range"
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python[2:])
    conda.pop("pip")
    assert conda == wanted()
    assert {"pip": ["-e ."]} in environment["dependencies"]


def make_targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))


def test_the_dev_container_makes_the_environment_that_it_names():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    python = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:(\d\.\d+)", container["image"])[1]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python)
    assert re.fullmatch(r"make ([a-z-]+)", container["postCreateCommand"])[1] in make_targets()
    settings = container["customizations"]["vscode"]["settings"]
    interpreter = settings["python.defaultInterpreterPath"].removeprefix("${containerWorkspaceFolder}/")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert interpreter == f"{re.search(r'^VENV := (.+)$', makefile, re.MULTILINE)[1]}/bin/python"


def test_the_addresses_of_binder_and_colab_lead_to_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for pattern in (
        r"`https://mybinder\.org/v2/gh/OWNER/NAME/HEAD\?urlpath=lab/tree/(\S+)`",
        r"`https://colab\.research\.google\.com/github/OWNER/NAME/blob/main/(\S+)`",
    ):
        assert (ROOT / re.search(pattern, readme)[1]).exists()


def test_the_spelling_tools_are_pinned():
    lines = (ROOT / "docs/spelling.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines if not line.startswith("#"))


def test_the_readmes_commands_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = make_targets()
    named = set(re.findall(r"\bmake ([a-z]+)", readme))
    assert {"run", "test", "lab"} <= named <= targets, named - targets
    assert "-c constraints.txt" in readme and "conda env create -f environment.yml" in readme
    extras = re.search(r'-e "\.\[([\w,]+)\]"', readme).group(1).split(",")
    assert set(extras) == set(PROJECT["optional-dependencies"])
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        if not link.endswith(".ipynb"):  # tests/notebooks knows which of those there are
            assert (ROOT / link).exists(), link


def test_the_readme_names_every_notebook():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        assert f"(notebooks/{path.name})" in readme, path.name


def test_what_git_ignores():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/data/*" in ignored and "data/" not in ignored, "data/ would also hide rbm_lib/data"
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    for path, hidden in {
        "data/ml-100k/u.data": True,
        "data/README.md": False,
        "rbm_lib/data/ratings.py": False,
        "build/index.html": True,
        "notebooks/student/01_x.ipynb": False,
        "notebooks/student/01_x.new.ipynb": True,
    }.items():
        # --no-index: what is tracked already must be judged by the rules too
        done = subprocess.run(["git", "check-ignore", "-q", "--no-index", path], cwd=ROOT)
        assert (done.returncode == 0) == hidden, path


def test_make_lists_its_targets_and_says_which_python_is_too_old(tmp_path):
    def make(*arguments):
        command = ["make", "-f", str(ROOT / "Makefile"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    if os.name == "nt" or not shutil.which("make"):
        pytest.skip("no make")
    shown = make()
    assert shown.returncode == 0 and "make lab" in shown.stdout and "make faults" in shown.stdout
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.1;; *) exit 1;; esac\n')
    old.chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    refused = make("setup", f"PYTHON={old}")
    assert refused.returncode != 0 and "Python 3.11 or newer is needed" in refused.stdout
    assert "Python 3.9.1" in refused.stdout and not (tmp_path / ".venv").exists()


def test_the_readme_example_runs(monkeypatch, tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    monkeypatch.setenv("RBM_OFFLINE", "1")
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    assert "epochs=60," in code
    names = {}
    exec(code.replace("epochs=60,", "epochs=1, progress=False, device='cpu',"), names)
    assert names["films"].shape == (1, 10)
    seen = names["likes"].item_index([50, 181, 286])
    assert not set(names["films"][0].tolist()) & set(seen.tolist())
