"""``make score FILE=...``: the points of many submissions, each run apart from the others.

A submission's cells are run as they are, but for its checks, which are the course's. A
deleted one comes back. nbgrader's ``autograde`` does the same, and gives the same points:
the number that a check's cell shows, 0 if it raises. Other cells may raise.
"""

import asyncio
import html
import json
import re
import sys
import textwrap
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbformat import NotebookNode
from tqdm import tqdm

from rbm_lib.course.environment import CourseError, notebooks_folder, repository_root
from rbm_lib.course.execute import run_async
from rbm_lib.course.isolate import Limits, run_limited
from rbm_lib.course.notebook import code_cells
from rbm_lib.files import write_whole

LESSON = re.compile(r"""^[^#\n]*\bLesson\(\s*["'](\w+)["']""", re.MULTILINE)

Row = dict[str, Any]


def score(
    paths: Iterable[Path | str],
    target: Path | None = None,
    folder: Path | None = None,
    limits: Limits | None = None,
    jobs: int = 1,
) -> list[Row]:
    """Score notebooks, or folders of them, ``jobs`` at a time.

    Writes ``scores.csv`` and ``scores.json`` to ``target`` (by default ``build``) and
    prints a table. The course's notebooks are in ``folder``. Returns the rows.
    """
    found = find_submissions(paths)
    originals = {p.stem: p for p in (folder or notebooks_folder()).glob("[0-9]*.ipynb")}
    target = target or repository_root() / "build"
    limits = limits or Limits()
    done: dict[Path, Row] = {}

    async def score_all() -> None:
        slots = asyncio.Semaphore(jobs)

        async def score_next(path: Path) -> None:
            async with slots:
                done[path] = await score_one(path, originals, limits)
                bar.update()

        await asyncio.gather(*map(score_next, found))

    try:
        with tqdm(total=len(found), unit="notebook", disable=sys.stderr is None) as bar:
            run_async(score_all())
    finally:  # after Ctrl-C, too: what is done is done
        rows = [done[path] for path in found if path in done]
        write_whole(target / "scores.csv", table(rows).to_csv(index=False))
        content = {"limits": asdict(limits), "submissions": rows}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_whole(target / "scores.json", text + "\n")
    print(table(rows).to_string(index=False, max_colwidth=60))
    print(f"\nWritten to {target / 'scores.csv'}; scores.json says more.")
    return rows


def find_submissions(paths: Iterable[Path | str]) -> list[Path]:
    """The notebooks: files as they are, folders with all below them."""
    found = []
    for path in map(Path, paths):
        below = [path] if path.is_file() else sorted(path.rglob("*.ipynb"))
        below = [x for x in below if ".ipynb_checkpoints" not in x.parts]
        if not below:
            raise CourseError(f"path: got {path}, expected a notebook or a folder of them.")
        found += below
    return list(dict.fromkeys(found))


async def score_one(path: Path, originals: dict[str, Path], limits: Limits) -> Row:
    """Run a submission with the course's checks. Returns its row of the table."""
    row: Row = {"file": path.as_posix(), "lesson": "", "status": "not a notebook"}
    row |= {"points": 0, "of": 0, "seconds": 0.0, "exercises": {}, "notes": []}
    try:
        notebook = nbformat.read(path, as_version=4)
        names = LESSON.findall("\n".join(cell.source for _, cell in code_cells(notebook)))
        lesson = next((x for x in names if x in originals), None)
        if lesson is None:
            note = f"Lesson: got {names or 'none'}, expected one of the course's."
            return row | {"status": "no lesson", "notes": [note]}
        put_own_checks(notebook, nbformat.read(originals[lesson], as_version=4))
    except Exception as error:  # a broken file may raise anything
        return row | {"notes": [f"{type(error).__name__}: {error}"[:160]]}

    start = time.monotonic()
    row |= {"lesson": lesson, "status": await run_limited(notebook, limits)}
    row["seconds"] = round(time.monotonic() - start, 1)
    for number, cell in code_cells(notebook):
        for error in (x for x in cell.outputs if x.output_type == "error"):
            row["notes"].append(f"code cell {number}: {error.ename}: {error.evalue}"[:160])
            if error.ename == "KeyboardInterrupt" and row["status"] == "ok":
                row["status"] = "interrupted"
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("grade"):
            exercise = mark["grade_id"].split("-check-", 1)[-1]
            row["exercises"][exercise] = result_of(cell, mark["points"])
            row["points"] += row["exercises"][exercise]["points"]
            row["of"] += mark["points"]
    return row


def put_own_checks(submitted: NotebookNode, original: NotebookNode) -> None:
    """Replace the checks of a submission by the course's.

    A check is known by its nbgrader id (the last cell that has it), or by its text where an
    editor has dropped the metadata. A missing one comes after its solution, or at the end.
    """
    cells = [(x.metadata.pop("nbgrader", {}).get("grade_id"), x) for x in submitted.cells]
    solution = None
    for _, check in code_cells(original):
        mark = check.metadata.get("nbgrader", {})
        if mark.get("solution"):
            solution = mark["grade_id"]
        if mark.get("grade"):
            text = check.source.strip()
            ids = [grade_id for grade_id, _ in cells]
            same_id = [i for i, x in enumerate(ids) if x == mark["grade_id"]]
            same_text = [i for i, (_, x) in enumerate(cells) if x.source.strip() == text]
            if same_id or same_text:
                cells[(same_id or same_text)[-1]] = mark["grade_id"], check
            else:
                place = ids.index(solution) + 1 if solution in ids else len(cells)
                cells.insert(place, (mark["grade_id"], check))
    submitted.cells = [cell for _, cell in cells]


def result_of(check: NotebookNode, most: float) -> Row:
    """The points that a check's cell shows, from 0 to ``most``, and its verdict."""
    shown = [x.data.get("text/plain") for x in check.outputs if "data" in x]
    try:
        points = max(0.0, min(float(shown[-1]), most))
    except (ValueError, TypeError, IndexError):  # it shows no number
        points = 0.0
    if points == int(points):
        points = int(points)
    verdicts = [x.data.get("text/html", "") for x in check.outputs if "data" in x]
    verdict = html.unescape(re.sub("<[^>]+>", "", " ".join(verdicts))).strip("✓○✗ ")
    message = textwrap.shorten(verdict, 500) or "the check was not reached"
    return {"points": points, "of": most, "message": message}


def table(rows: list[Row]) -> pd.DataFrame:
    """One line per submission, with the points of each exercise."""
    lines = []
    for row in rows:
        line = {key: row[key] for key in ("file", "lesson", "status", "points", "of")}
        line |= {f"ex {e}": result["points"] for e, result in row["exercises"].items()}
        line |= {"seconds": row["seconds"], "notes": "; ".join(row["notes"][:3])}
        lines.append(line)
    return pd.DataFrame(lines, dtype=object).fillna("")
