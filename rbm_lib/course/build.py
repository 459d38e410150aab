"""Build the committed notebooks: executed, checked, the same bytes from the same source."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbformat import NotebookNode

from rbm_lib.course.environment import CourseError, notebooks_folder
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.notebook import code_cells, lesson_sources, read_source, write_notebook
from rbm_lib.course.student import write_student

WIDGET = "application/vnd.jupyter.widget-view+json"
UNSTABLE = {
    "a memory address": r"\b0x[0-9a-fA-F]{6,}",
    "a random styler id": r"\bT_[0-9a-f]{5}",
    "an absolute path": r"""(?:^|[\s"'(=\[])((?:/[\w.~+-]+){2}|[A-Za-z]:\\\w)""",
}


def build(names: Iterable[str] = (), profile: str = "full") -> None:
    """Build lessons, all by default, and their student copies."""
    for source in lesson_sources(names):
        print(f"{source.stem}: executing ({profile})", flush=True)
        target = notebooks_folder() / f"{source.stem}.ipynb"
        build_one(source, target, profile)
        copy = write_student(source, target.parent / "student")
        print(f"{target}\n{copy}")


def build_one(source: Path, target: Path, profile: str = "full") -> None:
    """Execute a lesson's source and write it to ``target``, or raise CourseError."""
    notebook = read_source(source)
    with tempfile.TemporaryDirectory() as scores:
        environment = kernel_environment(profile, scores)
        done = execute(notebook, target.parent, environment, timeout=1800)
    clean(notebook)
    found = problems(notebook)
    if done.failed is not None:
        found = [f"code cell {done.failed}: {done.error}"]
    if found:
        raise CourseError("\n".join(f"{source.stem}, {problem}" for problem in found))
    write_notebook(notebook, target)


def clean(notebook: NotebookNode) -> None:
    """Take out what differs from run to run without meaning anything."""
    notebook.metadata.pop("widgets", None)
    for _, cell in code_cells(notebook):
        for output in cell.outputs:
            for mime in output.get("data", {}):
                if mime.startswith("text/"):
                    output.data[mime] = output.data[mime].rstrip("\n")


def problems(notebook: NotebookNode) -> list[str]:
    """What must not be in a committed notebook: "code cell N: ..." texts."""
    found = []
    for number, cell in code_cells(notebook):
        texts = [text for output in cell.outputs for text in _output_problems(output)]
        if cell.execution_count != number:
            texts.append(f"its count is {cell.execution_count}")
        found += [f"code cell {number}: {text}" for text in texts]
    return found


def _output_problems(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"it stops with {output.ename}: {output.evalue}"
    if output.get("name") == "stderr":
        yield f"it writes to stderr: {output.text[:160]}"

    text = output.get("text", "")
    for mime, data in output.get("data", {}).items():
        if mime == WIDGET:
            yield "it shows a widget: use lesson.slider"
        elif mime.startswith("text/"):
            text += f"\n{data}"
        elif not output.metadata.get(mime, {}).get("alt", "").strip():
            yield f"its {mime} has no alt text"
    for what, pattern in UNSTABLE.items():
        if match := re.search(pattern, text):
            yield f"its output has {what}: {match.group().strip()}"
