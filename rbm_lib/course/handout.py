"""The lessons for a folder of one's own, from a checkout or from an installed wheel."""

from importlib import metadata
from pathlib import Path

import nbformat

from rbm_lib.course.copies import place_for
from rbm_lib.course.environment import CourseError, repository_root
from rbm_lib.course.notebook import write_notebook
from rbm_lib.files import write_whole

INSTALLED = "share/rbm-lib"  # in a wheel; pyproject.toml lists what is in it
# Where a lesson finds what it needs beside it, and its links to that in a student copy.
PARTS = {
    "notebooks/exercises/*.py": "exercises",
    "notebooks/quiz/*.toml": "quiz",
    "notebooks/figures/*.svg": "figures",
    "docs/*.md": "docs",
    "docs/playground/*": "docs/playground",
    "docs/teaching/*.md": "docs/teaching",
}
LINKS = {"](../figures/": "](figures/", "](../../docs/": "](docs/"}


def course_folder() -> Path:
    """The folder with `notebooks` and `docs`: the checkout, or what pip has installed."""
    places = [repository_root()]
    try:
        files = metadata.files("rbm-lib") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate())).resolve()
        if path.as_posix().endswith(f"{INSTALLED}/notebooks/student/00_start_here.ipynb"):
            places.append(path.parents[2])
    for place in places:
        if (place / "notebooks/student").is_dir():
            return place
    raise CourseError("course: got an installation without lessons. Install rbm-lib anew.")


def hand_out(folder: Path) -> list[Path]:
    """Copy the unsolved lessons into a folder, with what they need. Returns the new ones.

    The folder is new, empty, or has an earlier copy. A lesson that is there stays; a newer
    version is put beside it.
    """
    source = course_folder()
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder}: got a file, expected a folder. Choose another name.")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / "exercises/00_start_here.py").is_file():
            raise CourseError(
                f"{folder}: got a folder with other files, expected a new one, an empty "
                "one or an earlier copy of the course. Choose another name."
            )
    new = []
    for path in sorted((source / "notebooks/student").glob("[0-9][0-9]_*.ipynb")):
        if ".new" in path.name:
            continue
        notebook = nbformat.read(path, as_version=4)
        target = place_for(notebook, folder, path.stem)
        if target is not None:
            for cell in notebook.cells:
                for there, here in LINKS.items():
                    if cell.cell_type == "markdown":
                        cell.source = cell.source.replace(there, here)
            write_notebook(notebook, target)
            new.append(target)
    for pattern, name in PARTS.items():
        for path in sorted(source.glob(pattern)):
            write_whole(folder / name / path.name, path.read_bytes())
    return new
