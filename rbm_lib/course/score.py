"""``make score FILE=...``: the points of many submissions, each run apart from the others and with limits.

A submission's own cells are run as they are, but for the checks: those are the course's, put where the
submission has them (or had them: a deleted check comes back after its solution cell). This is what nbgrader's
``autograde`` does, and the points are the same: the number that the check cell shows, 0 if it raises. A cell
that raises does not stop the following ones.

Accidents are guarded against (loops, ``exit()``, memory, endless printing, removed files), attacks are not:
a submission runs with the rights of whoever runs this. Strangers' files belong into a container.
"""

import json
import math
import os
import re
import time
from pathlib import Path

from rbm_lib.course.isolate import FAILED, Isolated, Limits
from rbm_lib.course.lesson import repository_root
from rbm_lib.course.notebook import BuildError, notebooks_folder, short_path
from rbm_lib.files import write_whole

LESSON = re.compile(r"""^[^#\n]*\bLesson\(\s*["'](\w+)["']""", re.MULTILINE)
NO_NOTEBOOK, NO_LESSON = "not a notebook", "no lesson"
LARGEST = 50e6  # bytes of a file; a course notebook with all its figures has 1 MB


def score(paths, target=None, folder=None, limits=None, jobs=1):
    """Score the submissions ``paths`` (notebooks, or folders of them), ``jobs`` at a time.

    Writes ``scores.csv`` and ``scores.json`` to ``target`` (``build/`` by default) and prints a table.
    ``folder``: where the course's own notebooks are. Returns the rows: one dict per submission.
    Raises BuildError for a path that does not exist and a folder without notebooks.
    """
    from tqdm import tqdm

    found = submissions(paths)
    folder = Path(folder or notebooks_folder())
    target = Path(target or repository_root() / "build")
    limits = limits or Limits()
    rows, running = {}, {}
    try:
        with tqdm(total=len(found), unit="notebook") as bar:
            for name, path in found.items():
                while len(running) >= jobs:
                    collect(running, rows, bar)
                row, cells = prepare(name, path, folder)
                if cells is None:
                    rows[name] = row
                    bar.update()
                else:
                    running[name] = row, Isolated(cells, limits)
            while running:
                collect(running, rows, bar)
    finally:
        for _, isolated in running.values():
            isolated.close()
        # Also after Ctrl-C: what is done is done.
        rows = [rows[name] for name in found if name in rows]
        write(rows, target, limits)
    print(frame(rows).to_string(index=False, max_colwidth=60))
    print(
        f"\nWritten to {short_path(target / 'scores.csv')}, and with the checks' words to scores.json there."
    )
    return rows


def collect(running, rows, bar):
    """Wait a moment, then move the submissions that are done from ``running`` to ``rows``."""
    time.sleep(0.1)
    for name, (row, isolated) in list(running.items()):
        report = isolated.poll()
        if report is None:
            continue
        isolated.close()
        del running[name]
        rows[name] = row
        row |= {key: report[key] for key in ("status", "seconds", "notes")}
        for exercise, result in row["exercises"].items():
            shown = report["values"].get(exercise, {"value": None, "message": "the check was not reached"})
            result |= {"points": points_from(shown["value"], result["of"]), "message": shown["message"]}
        row["points"] = sum(result["points"] for result in row["exercises"].values())
        bar.update()


def points_from(value, most):
    """The points that a check showed, between 0 and ``most``; 0 for anything that is no number."""
    try:
        points = float(value)
    except (TypeError, ValueError):
        return 0
    points = min(max(points, 0.0), float(most)) if math.isfinite(points) else 0.0
    return int(points) if points.is_integer() else points


def submissions(paths):
    """Name → path of every submission: files as they are, folders with all below them. Raises BuildError.

    A name is the path below the folder that was given (or below what several have in common).
    """
    paths = [Path(path).resolve() for path in paths]
    files = {}
    for path in paths:
        below = [path] if path.is_file() else sorted(path.rglob("*.ipynb")) if path.is_dir() else None
        if below is None:
            raise BuildError(f"{short_path(path)} does not exist: give a notebook, or a folder of them")
        # .ipynb_checkpoints holds Jupyter's own copies
        below = [p for p in below if not any(x.startswith(".") for x in p.relative_to(path).parts)]
        if not below:
            raise BuildError(f"{short_path(path)} holds no notebook (.ipynb)")
        files |= dict.fromkeys(below)
    common = Path(os.path.commonpath([p.parent if p.is_file() else p for p in paths]))
    return {p.relative_to(common).as_posix(): p for p in files}


def prepare(name, path, folder):
    """(row without points, cells to run) of one submission; the cells are None if it cannot be run."""
    row = {"file": name, "lesson": "", "status": NO_NOTEBOOK, "points": 0, "of": 0, "seconds": 0.0}
    row |= {"exercises": {}, "notes": []}
    try:
        submitted = read_code(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return row | {"notes": [f"it cannot be read: {type(error).__name__}: {error}"[:160]]}, None
    names = [match[1] for source, _ in submitted for match in LESSON.finditer(source)]
    known = {p.stem: p for p in folder.glob("[0-9][0-9]_*.ipynb")}
    lesson = next((x for x in names if x in known), None)
    if lesson is None:
        text = f"the course has no {names[0]!r}" if names else 'it has no cell with Lesson("NN_name")'
        return row | {"status": NO_LESSON, "notes": [text]}, None
    original = read_code(known[lesson])
    most = {exercise_of(m): m["points"] for _, m in original if m.get("grade")}
    exercises = {e: {"points": 0, "of": points, "message": ""} for e, points in most.items()}
    row |= {"lesson": lesson, "status": FAILED, "of": sum(most.values()), "exercises": exercises}
    return row, with_own_checks(submitted, original)


def read_code(path):
    """(source, nbgrader metadata) of every code cell of a notebook file. Raises what broken files lead to."""
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"it has {size / 1e6:.0f} MB: clear its outputs")
    content = json.loads(path.read_bytes())
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    return [("".join(cell["source"]), dict(cell["metadata"].get("nbgrader") or {})) for cell in cells]


def exercise_of(metadata):
    """The exercise that a check cell belongs to: ``"2"`` for ``"01-check-2"``."""
    return metadata["grade_id"].split("-check-", 1)[-1]


def with_own_checks(submitted, original):
    """The submitted cells with the original's check cells: a list of (source, exercise or None).

    A check is known by its nbgrader id (the last cell that has it), or by its text where an editor has
    dropped the metadata. A missing one is put after its solution cell, or at the end.
    """
    cells = [(source, metadata.get("grade_id"), None) for source, metadata in submitted]
    solution = None
    for source, metadata in original:
        solution = metadata["grade_id"] if metadata.get("solution") else solution
        if not metadata.get("grade"):
            continue
        check = source, metadata["grade_id"], exercise_of(metadata)
        place = _last(cells, lambda cell, check=check: cell[1] == check[1])
        if place is None:
            place = _last(cells, lambda cell, check=check: cell[0].strip() == check[0].strip())
        if place is not None:
            cells[place] = check
        else:
            after = _last(cells, lambda cell, solution=solution: cell[1] == solution)
            cells.insert(len(cells) if after is None else after + 1, check)
    return [(source, exercise) for source, _, exercise in cells]


def _last(cells, fits):
    return next((i for i in reversed(range(len(cells))) if fits(cells[i])), None)


def frame(rows):
    """One line per submission, the points of each exercise to the right: a DataFrame."""
    import pandas as pd

    exercises = list(dict.fromkeys(e for row in rows for e in row["exercises"]))
    lines = []
    for row in rows:
        line = {key: row[key] for key in ("file", "lesson", "status", "points", "of")}
        line |= {f"ex {e}": row["exercises"].get(e, {}).get("points", "") for e in exercises}
        lines.append(line | {"seconds": row["seconds"], "notes": "; ".join(row["notes"][:3])})
    return pd.DataFrame(lines, dtype=object)


def write(rows, target, limits):
    """Write ``scores.csv`` and ``scores.json`` into ``target``."""
    write_whole(target / "scores.csv", frame(rows).to_csv(index=False))
    limits = {"seconds": limits.seconds, "gigabytes": limits.gigabytes, "megabytes": limits.megabytes}
    text = json.dumps({"limits": limits, "submissions": rows}, indent=1, ensure_ascii=False)
    write_whole(target / "scores.json", text + "\n")
