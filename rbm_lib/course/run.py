"""``make run``: every notebook of the course, headless and in order, with a table."""

import os
import sys
from pathlib import Path

import nbformat
import pandas as pd
from tqdm import tqdm

from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.notebook import code_cells, relink, write_notebook


def run(
    profile: str = "fast",
    folder: Path | None = None,
    target: Path | None = None,
    timeout: int = 600,
) -> bool:
    """Execute the notebooks in ``folder``, and write copies to ``target/notebooks``.

    Prints a table. Returns whether every cell of every notebook ran.
    """
    folder = folder or notebooks_folder()
    target = target or repository_root() / "build"
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    environment = kernel_environment(profile, target / "notebooks" / "scores")
    prefix = Path(os.path.relpath(folder, target / "notebooks")).as_posix()
    rows = []
    n_cells = sum(len(code_cells(notebook)) for notebook in notebooks.values())
    with tqdm(total=n_cells, unit="cell", disable=sys.stderr is None) as bar:
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
            sources = ", ".join(done.sources) or "none"
            rows.append((name, sources, f"{done.seconds:.1f}", result))
            relink(notebook, prefix)
            write_notebook(notebook, target / "notebooks" / f"{name}.ipynb")

    table = pd.DataFrame(rows, columns=["notebook", "data", "seconds", "result"])
    print(table.to_string(index=False))
    print(f"\nExecuted copies: {target / 'notebooks'}")
    return bool(rows) and all(result == "ok" for *_, result in rows)
