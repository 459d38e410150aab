"""``make run``: every notebook of the course, headless and in order, with a table."""

import os
import sys
from pathlib import Path

import nbformat
import pandas as pd
from nbconvert import HTMLExporter
from tqdm import tqdm

from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.notebook import code_cells, relink
from rbm_lib.files import write_whole

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The course, executed</title>
<style>body {{ font: 16px/1.5 sans-serif; margin: 3em auto; max-width: 55em }}
td, th {{ padding: .2em 1.2em .2em 0; text-align: left }}</style></head>
<body><h1>The course, executed</h1><p>Profile: {}.</p>{}</body></html>
"""


def run(
    profile: str = "fast",
    folder: Path | None = None,
    target: Path | None = None,
    timeout: int = 600,
) -> bool:
    """Execute the notebooks in ``folder``; write copies, pages and an index to ``target``.

    Prints a table. Returns whether every cell of every notebook ran.
    """
    folder = folder or notebooks_folder()
    target = target or repository_root() / "build"
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    environment = kernel_environment(profile, target / "notebooks" / "scores")
    rows = []
    with tqdm(
        total=sum(len(code_cells(x)) for x in notebooks.values()), unit="cell"
    ) as bar:
        for name, notebook in notebooks.items():
            bar.set_description(name[:28])
            cells = dict(code_cells(notebook))
            end = bar.n + len(cells)
            done = execute(notebook, folder, environment, timeout, after_cell=bar.update)
            bar.update(end - bar.n)  # past the cells after a failure, too
            result = "ok"
            if done.failed is not None:
                result = f"FAILED in cell [{done.failed}]"
                source = cells[done.failed].source if done.failed else ""
                bar.write(f"{name}, {result}:\n{source}\n{done.error}", file=sys.stderr)
            memory = "-" if done.memory is None else f"{done.memory:.0f}"
            sources = ", ".join(done.sources) or "none"
            rows.append((name, sources, f"{done.seconds:.1f}", memory, result))
            _write_copies(name, notebook, folder, target / "notebooks")

    columns = ["notebook", "data", "seconds", "peak MB", "result"]
    table = pd.DataFrame(rows, columns=columns)
    print(table.to_string(index=False))
    link = '<a href="notebooks/{0}.html">{0}</a>'.format
    page = table.to_html(index=False, border=0, formatters={"notebook": link}, escape=False)
    write_whole(target / "index.html", PAGE.format(profile, page))
    print(f"\nExecuted copies and an index: {target / 'index.html'}")
    return bool(rows) and bool((table["result"] == "ok").all())


def _write_copies(
    name: str, notebook: nbformat.NotebookNode, folder: Path, target: Path
) -> None:
    """The executed notebook, and as a web page with its figures inside."""
    about = {"metadata": {"name": name, "path": str(folder)}}
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook, about)
    write_whole(target / f"{name}.html", page)
    relink(notebook, Path(os.path.relpath(folder, target)).as_posix())
    write_whole(target / f"{name}.ipynb", nbformat.writes(notebook))
