"""``make run``: every notebook of the course, headless and in order, with a table at the end."""

import html
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rbm_lib.course.execute import Execution, execute, kernel_environment
from rbm_lib.course.lesson import repository_root
from rbm_lib.course.notebook import code_cells, notebooks_folder, relink, short_path
from rbm_lib.files import write_whole


@dataclass
class Row:
    """One line of the table."""

    name: str
    done: Execution
    page: str | None = None

    def cells(self):
        """The texts of the table's columns."""
        done = self.done
        memory = "-" if done.memory is None else f"{done.memory:.0f}"
        result = "ok" if done.failed is None else f"FAILED in cell [{done.failed}]"
        return self.name, ", ".join(done.sources) or "none", f"{done.seconds:.1f}", memory, result


HEADER = ("notebook", "data", "seconds", "peak MB", "result")


def run(profile="fast", folder=None, target=None, timeout=600):
    """Execute the notebooks in ``folder`` and write copies, HTML pages and an index to ``target``.

    Prints a table. Returns True when every cell of every notebook ran.
    """
    import nbformat
    from tqdm import tqdm

    folder = Path(folder or notebooks_folder())
    target = Path(target or repository_root() / "build")
    notebooks = {p.stem: nbformat.read(p, as_version=4) for p in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    if not notebooks:
        print(f"There are no notebooks in {folder}.", file=sys.stderr)
        return False
    environment = kernel_environment(profile, target / "notebooks" / "scores")
    rows = []
    with tqdm(total=sum(len(code_cells(nb)) for nb in notebooks.values()), unit="cell") as bar:
        for name, notebook in notebooks.items():
            bar.set_description(name[:28])
            _clear(notebook)
            before = bar.n
            done = execute(notebook, folder, environment, timeout, after_cell=bar.update)
            bar.update(before + len(code_cells(notebook)) - bar.n)  # the cells behind a failure count as past
            if done.failed is not None:
                bar.write(_failure(name, notebook, done), file=sys.stderr)
            rows.append(Row(name, done, _write_page(name, notebook, folder, target)))
            relink(notebook, Path(os.path.relpath(folder, target / "notebooks")).as_posix())
            write_whole(target / "notebooks" / f"{name}.ipynb", nbformat.writes(notebook))
    write_whole(target / "index.html", index_page(rows, profile))
    print(table(rows))
    print(f"\nExecuted copies and an index: {short_path(target / 'index.html')}")
    return all(row.done.failed is None for row in rows)


def _clear(notebook):
    for _, cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def _failure(name, notebook, done):
    lines = dict(code_cells(notebook))[done.failed].source.splitlines() if done.failed else []
    shown = "".join(f"    {line}\n" for line in lines[:5]) + ("    ...\n" if len(lines) > 5 else "")
    return f"{name}, cell [{done.failed}] failed:\n{shown}  {done.error}"


def table(rows):
    """The table as text: numbers to the right, the rest to the left."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in (2, 3) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _write_page(name, notebook, folder, target):
    """The notebook as a web page with its figures inside; None where nbconvert is missing."""
    try:
        from nbconvert import HTMLExporter
    except ImportError:
        return None
    about = {"metadata": {"name": name, "path": str(folder)}}
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook, about)
    write_whole(target / "notebooks" / f"{name}.html", page)
    return f"notebooks/{name}.html"


def index_page(rows, profile):
    """A short, self-contained HTML page: the table with links to the pages and the executed copies."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in HEADER)
    body = ""
    for row in rows:
        name, *others = (html.escape(cell) for cell in row.cells())
        link = f'<a href="{row.page or f"notebooks/{name}.ipynb"}">{name}</a>'
        body += f"<tr><td>{link}</td>{''.join(f'<td>{cell}</td>' for cell in others)}</tr>\n"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The course, executed</title>
<style>body {{ font: 16px/1.5 sans-serif; margin: 3em auto; max-width: 55em; padding: 0 1em }}
td, th {{ padding: .2em 1.2em .2em 0; text-align: left }}</style></head>
<body><h1>The course, executed</h1><p>Profile: {html.escape(profile)}.</p>
<table><tr>{head}</tr>
{body}</table></body></html>
"""
