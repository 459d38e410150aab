"""Is everything installed that the course needs?"""

import platform
import sys
from importlib import metadata
from pathlib import Path

FIX = 'pip install -e ".[notebooks,dev]" -c constraints.txt'


def requirements():
    """The dependencies as "name>=version" texts, with those of the notebooks (Google Colab has its own)."""
    extra = "google.colab" not in sys.modules
    pyproject = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if pyproject.exists():
        import tomllib

        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
        return project["dependencies"] + extra * project["optional-dependencies"]["notebooks"]
    wanted = metadata.requires("rbm-lib") or []
    return [r.split(";")[0].strip() for r in wanted if "extra" not in r or (extra and "notebooks" in r)]


def environment_rows():
    """(name, installed version or "-", minimum, fix or "ok") of Python and of every dependency."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    ok = "ok" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    rows = [("Python", platform.python_version(), "3.11", ok)]
    for text in requirements():
        wanted = Requirement(text)
        minimum = next((s.version for s in wanted.specifier if s.operator == ">="), "any")
        try:
            installed = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            rows.append((wanted.name, "-", minimum, FIX))
            continue
        new_enough = wanted.specifier.contains(Version(installed), prereleases=True)
        rows.append((wanted.name, installed, minimum, "ok" if new_enough else FIX))
    return rows


def device_line():
    """One line: which device the course will use."""
    import torch

    if torch.cuda.is_available():
        return f"CUDA GPU: {torch.cuda.get_device_name(0)}. Training uses it by itself."
    return "No CUDA GPU: everything in the course runs on the CPU."


def check_environment():
    """Print a table of Python and the dependencies, what is installed, and how to mend what is missing."""
    rows = [("", "installed", "needed", ""), *environment_rows()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        name, installed, minimum = (cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
        print(f"{name}  {installed}  {minimum}  {row[3]}".rstrip())


def check_device():
    """Print which device the course will use."""
    print(device_line())
