"""The lists of dependencies agree, and what the README tells people to type works."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from rbm_lib.version import __version__

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"pytorch": "torch"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


PYPROJECT = tomllib.loads(read("pyproject.toml"))
PROJECT = PYPROJECT["project"]
README = read("README.md")
INSTALLATION = read("docs/installation.md")


def dependencies():
    """name → specifier of every dependency in pyproject.toml, extras included."""
    extras = PROJECT["optional-dependencies"].values()
    requirements = map(Requirement, PROJECT["dependencies"] + sum(extras, []))

    found = {}
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        specifier = str(requirement.specifier)
        assert found.setdefault(name, specifier) == specifier, f"{name} is stated twice"
    return found


def pinned(file):
    """name → version of a list of pins."""
    lines = (line.split("#")[0].strip() for line in read(file).splitlines())
    pins = [line.split("==") for line in lines if line]
    assert all(len(pin) == 2 for pin in pins), f"{file}: every line is name==version"
    return {canonicalize_name(name): version for name, version in pins}


def make_targets():
    return set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))


def allows_python(version):
    return Requirement(f"python{PROJECT['requires-python']}").specifier.contains(version)


# Dependencies


@pytest.mark.parametrize("name, specifier", dependencies().items())
def test_a_dependency_is_pinned_within_its_bounds(name, specifier):
    version = pinned("constraints.txt")[name]

    assert Requirement(f"{name}{specifier}").specifier.contains(version)


def test_no_pin_is_a_local_build():
    versions = pinned("constraints.txt").values()

    assert [v for v in versions if "+" in v] == [], "builds with CUDA must stay possible"


def test_the_oldest_versions_are_the_lower_bounds():
    oldest = pinned("constraints-min.txt")

    for name, specifier in dependencies().items():
        bound = re.fullmatch(r"[>=]=([\d.]+)", specifier)[1]
        assert Version(oldest[name]) == Version(bound), name


@pytest.mark.parametrize(
    "file",
    [
        "benchmarks/peers.txt",
        "docs/requirements.txt",
        "docs/slides.txt",
        "docs/spelling.txt",
        "tests/browser/requirements.txt",
        "tests/nbgrader.txt",
    ],
)
def test_tools_with_an_environment_of_their_own_are_pinned(file):
    assert pinned(file)


def test_conda_has_the_dependencies_in_the_versions_that_are_tested():
    entries = yaml.safe_load(read("environment.yml"))["dependencies"]
    conda = dict(entry.split("=") for entry in entries if "=" in entry)
    python = conda.pop("python")
    tested = pinned("constraints.txt")

    assert {CONDA_NAMES.get(name, name) for name in conda} == set(dependencies())
    for name, version in conda.items():
        assert tested[CONDA_NAMES.get(name, name)].startswith(f"{version}."), name
    assert {"pip": ["-e ."]} in entries
    # Binder's builder does not understand a range of versions.
    assert re.fullmatch(r"\d\.\d+", python)
    assert allows_python(python)


# The package


def test_the_changelog_describes_this_version():
    releases = re.findall(r"^## \[([\d.]+)\]", read("CHANGELOG.md"), re.MULTILINE)

    assert releases[0] == __version__
    assert releases == sorted(releases, key=Version, reverse=True)


def test_the_library_is_imported_without_plotting_and_scikit_learn():
    heavy = ["matplotlib", "sklearn", "IPython", "jupyter_client"]
    code = "import sys; from rbm_lib import RBM, Recommender, fit, RatingMatrix; "
    code += f"print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]", done.stderr


# What the README and the containers promise


def test_the_dev_container_makes_the_environment_that_it_names():
    container = json.loads(read(".devcontainer/devcontainer.json"))

    image = re.fullmatch(
        r"mcr\.microsoft\.com/devcontainers/python:(.+)", container["image"]
    )
    command = re.fullmatch(r"make ([a-z-]+)", container["postCreateCommand"])
    settings = container["customizations"]["vscode"]["settings"]
    interpreter = settings["python.defaultInterpreterPath"]
    environment = re.search(r"^VENV := (.+)$", read("Makefile"), re.MULTILINE)[1]

    assert allows_python(image[1])
    assert command[1] in make_targets()
    assert interpreter == f"${{containerWorkspaceFolder}}/{environment}/bin/python"


@pytest.mark.parametrize(
    "address",
    [
        r"https://mybinder\.org/v2/gh/OWNER/NAME/HEAD\?urlpath=lab/tree/(\S+\.ipynb)",
        r"https://colab\.research\.google\.com/github/OWNER/NAME/blob/main/(\S+\.ipynb)",
    ],
)
def test_the_addresses_of_binder_and_colab_lead_to_files(address):
    file = re.search(address, INSTALLATION)[1]

    assert (ROOT / file).exists()


@pytest.mark.parametrize("page", ["README.md", "docs/installation.md"])
def test_the_commands_of_a_page_exist(page):
    named = set(
        re.findall(r"`make ([a-z][a-z-]+)|^make ([a-z-]+)", read(page), re.MULTILINE)
    )
    named = {code or line for code, line in named}

    assert {"run", "test", "lab"} <= named
    assert named - make_targets() == set()


def test_installing_without_make_takes_every_extra_at_the_pinned_versions():
    command = re.search(r'pip install -e "\.\[([\w,]+)\]" -c (\S+)', INSTALLATION)

    assert set(command[1].split(",")) == set(PROJECT["optional-dependencies"])
    assert command[2] == "constraints.txt"


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb")), ids=str)
def test_the_readme_names_a_notebook_and_its_minutes(path):
    source = read(f"notebooks/src/{path.stem}.py")
    minutes = re.search(r"\| \*\*Time\*\* \| (\d+) minutes", source)[1]

    assert re.search(rf"\(notebooks/{path.name}\) \| {minutes} \|", README)


def test_the_readme_is_short():
    assert len(README.splitlines()) < 120


def python_of(page):
    """The Python examples of a page, one after the other."""
    return re.findall(r"```python\n(.*?)```", read(page), re.DOTALL)


def test_the_readme_example_is_short_and_lists_films(monkeypatch, tmp_path, capsys):
    code = python_of("README.md")[0]
    monkeypatch.setenv("RBM_OFFLINE", "1")
    monkeypatch.setenv("RBM_DATA", str(tmp_path))

    names = {}
    exec(code.replace('task="rank"', 'task="rank", epochs=1, validation=0'), names)

    assert len(code.splitlines()) <= 12
    printed = capsys.readouterr().out.splitlines()[-5:]
    films = names["title"].tolist()
    for row, item in zip(printed, names["popular"]["item"], strict=True):
        assert row[:33].strip() in films or any(row.startswith(film) for film in films)
        assert row.endswith(names["title"][item])


def test_the_example_for_the_package_index_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [
        (f"person-{i}", f"film-{(i + j) % 9}", 4 + j % 2)
        for i in range(20)
        for j in range(4)
    ]
    rows += [("ada", "film-3", 5), ("ada", "film-4", 5), ("bob", "film-3", 4)]
    table = pd.DataFrame(rows, columns=["user", "item", "stars"])
    table.to_csv("ratings.csv", index=False)

    exec(python_of("docs/package.md")[0], {})

    assert "ada" in capsys.readouterr().out
    assert Path("films.rbm").exists()


def test_the_page_on_own_data_runs_from_top_to_bottom(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(python_of("docs/your_own_data.md"))
    code = code.replace('Recommender(task="rank"', 'Recommender(task="rank", epochs=20')

    names = {}
    exec(code.replace('task="rate"', 'task="rate", epochs=5'), names)

    assert {path.name for path in tmp_path.iterdir()} >= {"lists.csv", "songs.rbm"}
    table = names["comparison"].set_index(["metric", "model"])
    assert table.loc[("NDCG@10", "rbm"), "lead_low"] > 0
    assert "song-new" in names["again"].ratings_.item_ids


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
@pytest.mark.parametrize(
    "path, hidden",
    [
        ("data/ml-100k/u.data", True),
        ("data/README.md", False),
        ("rbm_lib/data/ratings.py", False),
        ("build/index.html", True),
        ("notebooks/student/01_x.ipynb", False),
        ("notebooks/student/01_x.new.ipynb", True),
    ],
)
def test_what_git_ignores(path, hidden):
    # --no-index: judge files that are tracked already by the rules too.
    command = ["git", "check-ignore", "-q", "--no-index", path]

    done = subprocess.run(command, cwd=ROOT)

    assert (done.returncode == 0) == hidden


# make


def make(folder, *arguments):
    if os.name == "nt" or not shutil.which("make"):
        pytest.skip("no make")
    command = ["make", "-f", str(ROOT / "Makefile"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_make_lists_its_targets(tmp_path):
    done = make(tmp_path)

    assert done.returncode == 0
    assert (
        set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.MULTILINE)) == make_targets()
    )


@pytest.mark.parametrize(
    "driver, setting, cpu_build",
    [
        (False, [], True),
        (False, ["TORCH_INDEX=default"], False),
        (False, ["TORCH_INDEX=https://example.org/whl"], False),
        (True, [], False),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere it is small")
def test_without_an_nvidia_driver_the_cpu_build_comes_first(
    driver, setting, cpu_build, tmp_path, monkeypatch
):
    for name in ("uname", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name))
    if driver:
        (tmp_path / "nvidia-smi").symlink_to(shutil.which("true"))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    command = [shutil.which("make") or pytest.skip("no make")]
    monkeypatch.setenv("PATH", str(tmp_path))

    command += ["-n", "-f", str(ROOT / "Makefile"), "setup", *setting]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert ("whl/cpu" in done.stdout) == cpu_build, done.stderr
    assert ("example.org" in done.stdout) == ("example.org" in "".join(setting))


@pytest.mark.parametrize(
    "given, expected",
    [
        ("~/films", "{home}/films"),
        ("films", "{here}/films"),
        ("/data/films", "/data/films"),
    ],
)
def test_make_hands_on_the_data_folder_as_an_absolute_path(given, expected, tmp_path):
    # Not every shell expands the tilde in `make run RBM_DATA=~/films`.
    makefile = tmp_path / "show.mk"
    makefile.write_text(f"include {ROOT / 'Makefile'}\nshow:\n\t@echo $$RBM_DATA\n")
    command = [shutil.which("make") or pytest.skip("no make")]

    command += ["--no-print-directory", "-f", str(makefile)]
    command += ["show", f"RBM_DATA={given}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    shown = done.stdout.strip()
    assert shown == expected.format(home=Path.home(), here=tmp_path), done.stderr


def test_make_says_which_python_is_too_old(tmp_path):
    old = tmp_path / "old-python"
    old.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo Python 3.9.1;; *) exit 1;; esac\n'
    )
    old.chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()

    done = make(tmp_path, "setup", f"PYTHON={old}")

    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stdout
    assert "Python 3.9.1" in done.stdout
    assert not (tmp_path / ".venv").exists()
