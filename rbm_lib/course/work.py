"""``make lab``: a learner's own copies of the lessons, and JupyterLab to work in them."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rbm_lib.course.copies import place_for
from rbm_lib.course.environment import FIX, CourseError, repository_root
from rbm_lib.course.notebook import lesson_sources, write_notebook
from rbm_lib.course.student import unsolved
from rbm_lib.files import write_whole

FIRST = "00_start_here.ipynb"

# What asks, in a window over the lesson, whether to fetch JupyterLab's news.
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"


def copy_lessons() -> list[Path]:
    """Put a copy of every lesson into ``work/``, and return the new ones.

    A copy that is there stays as it is. Where the course has a newer version, that is put
    beside it, once, and a line says so.
    """
    from ipykernel.ipkernel import IPythonKernel  # slow to import

    folder = repository_root() / "work"
    new = []
    for source in lesson_sources():
        notebook = unsolved(source, "../notebooks", colab=False)
        # JupyterLab would add it to a notebook, and then call that notebook modified.
        notebook.metadata["language_info"] = IPythonKernel.language_info
        target = place_for(notebook, folder, source.stem)
        if target is None:
            continue
        write_notebook(notebook, target)
        new.append(target)
        if target.stem != source.stem:
            print(
                f"{source.stem}: the course has a newer version. Your copy stays as it is."
            )
            print(f"  The new one is work/{target.name}.")
    return new


def open_lab(options: Iterable[str] = ()) -> int:
    """Copy the lessons, and run JupyterLab at the first one, without its news.

    ``options`` are JupyterLab's, such as ``--no-browser``, and its exit status is returned.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError(f"jupyterlab: it is not installed. {FIX}")
    copy_lessons()
    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--ServerApp.root_dir={repository_root()}", *options]
    with tempfile.TemporaryDirectory(prefix="rbm-lab-", ignore_cleanup_errors=True) as own:
        page_config = json.dumps({"disabledExtensions": {ANNOUNCEMENTS: True}})
        write_whole(Path(own, "labconfig", "page_config.json"), page_config)
        paths = filter(None, [own, os.environ.get("JUPYTER_CONFIG_PATH")])
        environment = os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
        command.append(str(repository_root() / "work" / FIRST))
        try:
            return subprocess.call(command, env=environment)
        except KeyboardInterrupt:  # JupyterLab has got it too, and asks
            return 0
