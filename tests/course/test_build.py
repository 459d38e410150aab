"""Building a notebook: the same bytes each time, and nothing that does not belong in it."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from rbm_lib.course.build import build_one, problems
from rbm_lib.course.environment import CourseError
from tests.course.support import make_toy


def test_building_twice_gives_the_same_bytes(tmp_path):
    source = make_toy(tmp_path)
    target = tmp_path / "notebooks" / "98_toy.ipynb"

    build_one(source, target, "fast")
    first = target.read_bytes()
    build_one(source, target, "fast")

    assert target.read_bytes() == first
    notebook = nbformat.read(target, as_version=4)
    assert problems(notebook) == []
    assert notebook.cells[-1].outputs[-1].data["text/plain"] == "2"
    assert len(notebook.cells[3].outputs) == 1, "what is printed in pieces is kept in one"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import warnings\nwarnings.warn('beware')", "it writes to stderr: .*beware"),
        ("raise ValueError('no')", "ValueError: no"),
    ],
)
def test_a_lesson_that_warns_or_fails_is_not_written(tmp_path, code, words):
    source = make_toy(tmp_path, f"# %%\n{code}\n")
    target = tmp_path / "notebooks" / "98_toy.ipynb"

    with pytest.raises(CourseError, match=f"98_toy, code cell 2: {words}"):
        build_one(source, target, "fast")

    assert not target.exists()


WIDGET = {"application/vnd.jupyter.widget-view+json": {}}


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (new_output("stream", name="stderr", text="Warning!"), "stderr: Warning!"),
        (
            new_output("stream", text="from /home/someone"),
            "an absolute path: /home/someone",
        ),
        (new_output("stream", text=r"C:\Users\someone"), "an absolute path"),
        (
            new_output("stream", text="<Thing at 0x7f0012ab>"),
            "a memory address: 0x7f0012ab",
        ),
        (new_output("display_data", {"image/png": ""}), "its image/png has no alt text"),
        (new_output("display_data", WIDGET), "it shows a widget"),
    ],
)
def test_outputs_that_do_not_belong_in_a_notebook_are_named(output, words):
    fine = new_output("stream", text="a/b, and/or, </td>, https://pytorch.org/get-started")
    cell = new_code_cell("1", execution_count=1, outputs=[fine, output])

    (found,) = problems(new_notebook(cells=[cell]))

    assert found.startswith("code cell 1: ") and words in found
