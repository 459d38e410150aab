"""Scores of a class: one row for each student of a roster, over all lessons.

``make score FILE=folder ROSTER=class.csv``. The roster is a CSV file with the columns
``id`` and ``name``. A submission belongs to the student whose id or name its path has, as
in ``ada/01.ipynb``, ``01_ada.ipynb`` or ``Ada Lovelace_123_assignsubmission_file/x.ipynb``.
Of several submissions of a lesson the one with the most points counts.
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from rbm_lib.course.environment import CourseError, notebooks_folder
from rbm_lib.course.notebook import code_cells
from rbm_lib.files import write_whole

LESSON_NUMBER = re.compile(r"^\d\d(?=[_\W]|$)")
CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]


def read_roster(path: Path | str) -> pd.DataFrame:
    """The columns ``id`` and ``name`` of a CSV file, as text."""
    expected = "a CSV file with the columns id and name"
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        heading = text.partition("\n")[0]
        separator = next((x for x in ";\t" if x in heading), ",")
        table = pd.read_csv(io.StringIO(text), dtype=str, sep=separator)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        reason = f"{type(error).__name__}: {error}"
        raise CourseError(f"roster: got {path}, expected {expected}. {reason}") from error
    columns = {column.strip().lower(): column for column in map(str, table.columns)}
    missing = [name for name in ("id", "name") if name not in columns]
    if missing:
        raise CourseError(f"roster: got the columns {list(table)}, expected id and name.")
    if not isinstance(table.index, pd.RangeIndex):  # pandas has taken ids for an index
        raise CourseError(
            f"roster: {path} has more fields than columns. Quote names with a comma."
        )
    fields = {x: table[columns[x]].fillna("").str.strip() for x in ("id", "name")}
    filled = (fields["id"] != "") | (fields["name"] != "")
    table = pd.DataFrame(fields).loc[filled].reset_index(drop=True)

    empty = [i + 1 for i in range(len(table)) if "" in table.iloc[i].tolist()]
    if empty:
        raise CourseError(f"roster: student {empty[0]} has no id or no name. Fill it in.")
    repeated = table.id[table.id.str.casefold().duplicated()]
    if len(repeated):
        raise CourseError(f"roster: the id {repeated.iloc[0]!r} stands there twice.")
    if table.empty:
        raise CourseError(f"roster: got {path} without students, expected {expected}.")
    return table


def owners(path: str, roster: pd.DataFrame) -> list[str]:
    """The ids of the students whose id, or else whose name, a path has.

    The last part of the path that names somebody decides. The number of a lesson at the
    beginning of a file's name is no id.
    """
    *folders, file = Path(path).with_suffix("").parts
    for part in (LESSON_NUMBER.sub("", file), *reversed(folders)):
        for column in ("id", "name"):
            found = [
                (len(text), student)
                for student, text in zip(roster.id, roster[column], strict=True)
                if _occurs(text, part)
            ]
            if found:
                longest = max(length for length, _ in found)
                return [student for length, student in found if length == longest]
    return []


def _occurs(text: str, part: str) -> bool:
    """Whether a part of a path has the words of the text, next to each other.

    They may be joined, and in the reverse order: Canvas writes lovelaceada.
    """
    words = [re.escape(x) for x in re.split(r"[\W_]+", text.casefold()) if x]
    orders = "|".join(r"[\W_]*".join(order) for order in (words, words[::-1]))
    return bool(re.search(rf"(?<![^\W_])({orders})(?![^\W_])", part.casefold()))


def lesson_points(folder: Path | None = None) -> dict[str, float]:
    """The points that each lesson gives, by its name."""
    points: dict[str, float] = {}
    for path in sorted((folder or notebooks_folder()).glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        marks = [cell.metadata.get("nbgrader", {}) for _, cell in code_cells(notebook)]
        points[path.stem] = sum(mark.get("points", 0) for mark in marks)
    return points


def grade(
    rows: Iterable[dict[str, Any]], roster: pd.DataFrame, lessons: dict[str, float]
) -> tuple[pd.DataFrame, list[str]]:
    """Points of each student in each lesson, and remarks on what is to be looked at.

    ``rows`` are those of :func:`rbm_lib.course.score.score`, ``lessons`` the names of the
    lessons with their points. A lesson not handed in is empty. The last column is the sum.
    """
    table = pd.DataFrame(index=pd.Index(roster.id, name="id"), columns=list(lessons))
    table = table.astype("Float64")
    remarks = []
    for row in rows:
        found = owners(row["file"], roster)
        if len(found) != 1:
            whose = f"of {' or '.join(found)}" if found else "of nobody in the roster"
            remarks.append(f"{row['file']}: {whose}")
        elif row["lesson"] not in lessons:
            remarks.append(f"{row['file']}: {row['status']}")
        else:
            place = found[0], row["lesson"]
            before = table.loc[place]
            is_better = pd.isna(before) or row["points"] > before
            table.loc[place] = row["points"] if is_better else before
    for student, name in zip(roster.id, roster.name, strict=True):
        if table.loc[student].isna().all():
            remarks.append(f"{name} ({student}): nothing handed in")
    table["Total"] = table.sum(axis=1)
    return table, remarks


def write_grades(
    rows: Iterable[dict[str, Any]],
    roster: pd.DataFrame,
    target: Path,
    paths: Iterable[Path | str] = (),
    lessons: dict[str, float] | None = None,
) -> None:
    """Write grades_moodle.csv and grades_canvas.csv, and print the table and the remarks.

    Only what is below ``paths``, which were scored, says whose a submission is.
    """
    lessons = lessons or lesson_points()
    rows = [row | {"file": _below(row["file"], paths)} for row in rows]
    table, remarks = grade(rows, roster, lessons)
    names = roster.set_index("id").name
    moodle = table.reset_index().rename(columns={"id": "ID number"})
    moodle.insert(1, "Full name", names.loc[table.index].to_numpy())
    write_whole(target / "grades_moodle.csv", moodle.to_csv(index=False))

    canvas = pd.DataFrame("", index=range(len(table) + 1), columns=CANVAS)
    canvas["Student"] = ["    Points Possible", *names.loc[table.index]]
    canvas["SIS User ID"] = ["", *table.index]
    for lesson, points in lessons.items():
        canvas[lesson] = [points, *table[lesson]]
    write_whole(target / "grades_canvas.csv", canvas.to_csv(index=False))

    shown = moodle.rename(columns={lesson: lesson[:2] for lesson in lessons})
    print("\n" + shown.astype(object).fillna("").to_string(index=False))
    for remark in remarks:
        print(f"Look at {remark}.")
    print(f"Written to {target / 'grades_moodle.csv'} and grades_canvas.csv.")


def _below(file: str, paths: Iterable[Path | str]) -> str:
    for path in map(Path, paths):
        if Path(file) != path and Path(file).is_relative_to(path):
            return Path(file).relative_to(path).as_posix()
    return Path(file).name if file in {Path(path).as_posix() for path in paths} else file
