"""Where the course is, how it is run, and whether all is installed that it needs."""

import contextlib
import os
import platform
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from packaging.requirements import Requirement
from packaging.version import Version

PROFILES = ("fast", "full")
FIX = 'pip install -e ".[notebooks,dev]" -c constraints.txt'


class CourseError(ValueError):
    """A mistake in a lesson's source, a path or a setting. The message says what to fix."""


def repository_root() -> Path:
    """Return the checkout that the library is in, or else the current folder."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").exists() else Path.cwd()


def notebooks_folder() -> Path:
    return repository_root() / "notebooks"


def file_of_course(pattern: str, *folders: Path) -> Path | None:
    """The first file of a pattern such as ``quiz/01.toml``, or None.

    It is looked for in these folders, in ``notebooks`` of the library's checkout, in the
    current folder, and in those above it.
    """
    here = Path.cwd()
    above = [folder for x in (here, *here.parents) for folder in (x, x / "notebooks")]
    for folder in (*folders, notebooks_folder(), *above):
        for path in sorted(folder.glob(pattern)):
            return path
    return None


def require_lessons() -> None:
    """Raise a CourseError where there are no sources of lessons, as in a wheel."""
    folder = notebooks_folder()
    if not (folder / "src").is_dir():
        raise CourseError(
            f"notebooks: got no lessons in {folder}, expected a checkout of the course. To "
            "read and to solve them, `rbm-lib course DIR` copies the lessons to a folder."
        )


def profile_in_use() -> str:
    """Return ``RBM_PROFILE``, by default "fast"."""
    profile = os.environ.get("RBM_PROFILE") or "fast"
    if profile not in PROFILES:
        raise CourseError(f"RBM_PROFILE: got {profile!r}, expected 'fast' or 'full'.")
    return profile


def headless() -> bool:
    """Whether nobody watches: ``RBM_HEADLESS=1``, as in builds, runs and tests."""
    return os.environ.get("RBM_HEADLESS", "") not in ("", "0")


def watched(what: str) -> bool:
    """Whether somebody watches. Where nobody does, a line says what would be there."""
    if headless():
        print(f"Run this cell in JupyterLab: {what}.")
    return not headless()


def project() -> dict[str, Any]:
    """The project's entry in pyproject.toml, empty where the library is without it."""
    pyproject = repository_root() / "pyproject.toml"
    if not pyproject.exists():
        return {}
    return tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]


def course_address() -> str:
    """The repository's address on the web, if pyproject.toml names it, or "".

    It is not asked of git: the same source makes the same notebooks in every clone.
    """
    return project().get("urls", {}).get("Repository", "")


def requirements() -> list[Requirement]:
    """The dependencies, with those of the notebooks (Google Colab has its own)."""
    listed = project()
    if not listed:
        return []
    extra = "" if "google.colab" in sys.modules else "notebooks"
    texts = listed["dependencies"] + listed["optional-dependencies"].get(extra, [])
    return [Requirement(text) for text in texts]


def environment_rows() -> list[tuple[str, str, str, str]]:
    """(name, installed version, minimum, "ok" or a fix) of Python and the dependencies."""
    python = "ok" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    rows = [("Python", platform.python_version(), "3.11", python)]
    for wanted in requirements():
        minimum = next((s.version for s in wanted.specifier if s.operator == ">="), "any")
        installed = "-"
        fits = False
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed = metadata.version(wanted.name)
            fits = wanted.specifier.contains(Version(installed), prereleases=True)
        rows.append((wanted.name, installed, minimum, "ok" if fits else FIX))
    return rows


def check_environment() -> None:
    """Print one line if all is installed that the course needs, or a line per problem."""
    rows = environment_rows()
    problems = [row for row in rows if row[3] != "ok"]
    for name, installed, minimum, fix in problems:
        print(f"{name}: got {installed}, expected {minimum} or newer. {fix}")
    if not problems:
        print(
            f"Python {platform.python_version()} and {len(rows) - 1} packages: all there."
        )


def check_device() -> None:
    """Print which device the course will use."""
    if torch.cuda.is_available():
        print(f"CUDA GPU: {torch.cuda.get_device_name(0)}. Training uses it by itself.")
    else:
        print("No CUDA GPU, and none is needed: everything runs on the CPU.")
