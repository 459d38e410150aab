"""Build the committed notebooks: source → executed, cleaned, checked. The same source gives equal bytes."""

import re
import sys
import tempfile
from pathlib import Path

from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.lesson import repository_root
from rbm_lib.course.notebook import BuildError, code_cells, lesson_sources, notebooks_folder, read_source
from rbm_lib.course.student import write_student
from rbm_lib.files import write_whole

WIDGET = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
STYLER_ID = re.compile(r"\bT_[0-9a-f]{5}")
ABSOLUTE_PATH = re.compile(r"""(?:^|[\s"'(=\[])(?:/[\w.~+-]+/[\w.~+-]+|[A-Za-z]:\\\w)""", re.MULTILINE)


def build(names=(), profile="full", folder=None):
    """Build the lessons ``names`` (all by default) and their student copies. Raises BuildError.

    Returns the paths written.
    """
    folder = Path(folder or notebooks_folder())
    written = []
    for source in lesson_sources(names, folder):
        print(f"{source.stem}: executing ({profile})", flush=True)
        written.append(build_one(source, folder / f"{source.stem}.ipynb", profile))
        written.append(write_student(source, folder / "student"))
    return written


def build_one(source, target, profile="full", exercises=None):
    """Execute one lesson source and write it to ``target``, if all is well. Raises BuildError.

    ``exercises``: id → Exercise, by default those of the lesson's number.
    """
    notebook = read_source(source, exercises)
    with tempfile.TemporaryDirectory() as scores:
        environment = kernel_environment(profile, scores)
        done = execute(notebook, Path(target).parent, environment, timeout=1800)
    name = Path(source).stem
    if done.failed is not None:
        raise BuildError(f"{name}, code cell {done.failed}: {done.error}")
    clean(notebook)
    found = problems(notebook)
    if found:
        raise BuildError("\n".join(f"{name}, {problem}" for problem in found))
    write_notebook(notebook, target)
    return Path(target)


def clean(notebook):
    """Take out what differs from run to run without meaning anything."""
    for _, cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            output.pop("transient", None)
            for mime in output.get("data", {}):
                if mime.startswith("text/"):
                    output.data[mime] = output.data[mime].rstrip("\n")
    notebook.metadata.pop("widgets", None)


def write_notebook(notebook, target):
    """Write as JSON with sorted keys, atomically."""
    import nbformat

    nbformat.validate(notebook)
    write_whole(target, nbformat.writes(notebook, version=4).rstrip("\n") + "\n")


def problems(notebook):
    """What must not be in a committed notebook: "code cell N: ..." texts, none when all is well."""
    found = []
    for number, cell in code_cells(notebook):
        found += [f"code cell {number}: {text}" for text in _cell_problems(cell, number)]
    return found


def _cell_problems(cell, number):
    if cell.source.rstrip().endswith(";"):
        yield "it ends in ';'"
    if cell.execution_count != number:
        yield f"its count is {cell.execution_count}, not {number}"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"it stops with {output.ename}: {output.evalue}"
        elif output.get("name") == "stderr":
            yield f"it writes to stderr: {_excerpt(output.text)}"
        data = output.get("data", {})
        if WIDGET in data:
            yield "it shows a widget: use lesson.slider"
        for image in (mime for mime in data if mime.startswith("image/")):
            if not output.get("metadata", {}).get(image, {}).get("alt", "").strip():
                yield f"its {image} has no alt text"
        texts = [output.get("text", "")] + [data[mime] for mime in data if mime.startswith("text/")]
        for text in map(str, texts):
            yield from _text_problems(text)


def _text_problems(text):
    places = [str(repository_root()), str(Path.home()), sys.prefix]
    place = next((p for p in places if len(p) > 1 and p in text), None)
    path = ABSOLUTE_PATH.search(text)
    if place or path:
        yield f"its output holds an absolute path: {_excerpt(place or path.group())}"
    for pattern, what in ((ADDRESS, "a memory address"), (STYLER_ID, "a random styler id")):
        if match := pattern.search(text):
            yield f"its output holds {what}: {match.group()}"


def _excerpt(text):
    text = " ".join(text.split())
    return text if len(text) <= 160 else text[:157] + "..."
