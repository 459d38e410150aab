"""Building, student copies and the runner, on a throw-away lesson."""

import json

import nbformat
import pytest

from rbm_lib.course.build import build_one, problems, write_notebook
from rbm_lib.course.execute import execute, kernel_environment
from rbm_lib.course.notebook import BuildError, read_source, without_solutions
from rbm_lib.course.run import run
from rbm_lib.course.student import student_notebook, worked_in, write_student

EXERCISES = """
import numpy as np

from rbm_lib.course import Exercise

cases = lambda: [(np.arange(12.0).reshape(3, 4),)]
EXERCISES = {"1": Exercise("1", "Centre", 2, lambda v: v - v.mean(0), cases)}
"""
exec(EXERCISES, names := {})
TOY_EXERCISES = names["EXERCISES"]

TOY = '''\
# %% [markdown]
# # A toy
#
# ![A line.](figures/line.svg) [next](01_next.ipynb) [far](https://pytorch.org/get-started)
# %%
import matplotlib.pyplot as plt
from IPython.display import display
from toy import EXERCISES

from rbm_lib.course import Lesson

lesson = Lesson("98_toy", EXERCISES)
lesson.data(type("Loaded", (), {"source": "synthetic"}))
print(lesson.profile, flush=True)
print({"a", "b", "c", "d", "e"}, flush=True)
# %% tags=["nbval-check-output"]
1 + 1
# %%
fig, ax = plt.subplots(figsize=(2, 1))
ax.plot([1, 2])
display(fig, metadata={"image/png": {"alt": "A rising line."}})
plt.close(fig)
# %%
def centred(v):
    """Every column's mean taken away."""
    ### BEGIN SOLUTION
    return v - v.mean(0)
    ### END SOLUTION
# %%
lesson.check("1", centred)
'''


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A folder with one lesson, built; returns (folder, source)."""
    folder = tmp_path_factory.mktemp("course") / "notebooks"
    (folder / "src").mkdir(parents=True)
    (folder / "figures").mkdir()
    (folder / "figures" / "line.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"/>'
    )
    source = folder / "src" / "98_toy.py"
    source.write_text(TOY, encoding="utf-8")
    (folder / "toy.py").write_text(EXERCISES, encoding="utf-8")
    build_one(source, folder / "98_toy.ipynb", "fast", TOY_EXERCISES)
    return folder, source


def test_building_twice_gives_the_same_bytes(toy):
    folder, source = toy
    first = (folder / "98_toy.ipynb").read_bytes()
    build_one(source, folder / "98_toy.ipynb", "fast", TOY_EXERCISES)
    assert (
        folder / "98_toy.ipynb"
    ).read_bytes() == first and b'"execution": {' not in first
    notebook = nbformat.reads(first.decode(), as_version=4)
    assert (
        notebook.metadata.language_info == {"name": "python"}
        and notebook.metadata.kernelspec.name == "python3"
    )
    assert (
        problems(notebook) == []
        and notebook.cells[-1].outputs[-1].data["text/plain"] == "2"
    )
    assert len(notebook.cells[2].outputs) == 1, "what is printed in pieces is kept in one"
    assert "kernel_report" not in str(notebook), "the runner's report leaves no trace"


def test_nbgrader_metadata_and_ids(toy):
    notebook = read_source(toy[1], TOY_EXERCISES)
    solution, test = (c.metadata.nbgrader for c in notebook.cells[-2:])
    assert solution == dict(
        grade_id="98-exercise-1",
        schema_version=3,
        grade=False,
        locked=False,
        solution=True,
        task=False,
    )
    assert test == dict(
        grade_id="98-check-1",
        schema_version=3,
        grade=True,
        locked=True,
        solution=False,
        task=False,
        points=2,
    )
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)
    assert notebook.cells[3].metadata.tags == ["nbval-check-output"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1 + 1", "1 + 1;", "code cell 3: it ends in ';'"),
        ("    ### END SOLUTION\n", "", "BEGIN SOLUTION without"),
        ('lesson.check("1", centred)', "centred", "must be its check"),
        ('lesson.check("1", centred)', 'lesson.check("9", centred)', "no exercise '9'"),
        (
            'lesson.check("1", centred)',
            'points = lesson.check("1", centred)',
            "must end in lesson.check",
        ),
        (
            'lesson.check("1", centred)',
            'lesson.check("1", centred)\n# %%\nlesson.check("1", centred)',
            "checked twice",
        ),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused(tmp_path, old, new, words):
    path = tmp_path / "98_toy.py"
    assert old in TOY
    path.write_text(TOY.replace(old, new))
    with pytest.raises(BuildError, match="98_toy") as error:
        read_source(path, TOY_EXERCISES)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (dict(output_type="stream", name="stderr", text="Warning!"), "stderr: Warning!"),
        (
            dict(output_type="error", ename="ValueError", evalue="no", traceback=[]),
            "stops with ValueError: no",
        ),
        (
            dict(output_type="stream", name="stdout", text="from /home/someone/data"),
            "absolute path",
        ),
        (
            dict(output_type="stream", name="stdout", text=r"C:\Users\someone"),
            "absolute path",
        ),
        (
            dict(output_type="stream", name="stdout", text="<Thing at 0x7f0012ab>"),
            "memory address",
        ),
        (
            dict(output_type="display_data", data={"image/png": ""}, metadata={}),
            "no alt text",
        ),
        (
            dict(
                output_type="display_data",
                data={"application/vnd.jupyter.widget-view+json": {}},
                metadata={},
            ),
            "widget",
        ),
        (
            dict(
                output_type="stream",
                name="stdout",
                text="a/b, and/or, 3/4, </td>, https://pytorch.org/get-started",
            ),
            None,
        ),
    ],
)
def test_outputs_that_do_not_belong_in_a_committed_notebook(output, words):
    cell = nbformat.v4.new_code_cell(
        "1", execution_count=1, outputs=[nbformat.from_dict(output)]
    )
    found = problems(nbformat.v4.new_notebook(cells=[cell]))
    assert (
        (words in found[0] and found[0].startswith("code cell 1: "))
        if words
        else found == []
    )
    cell.execution_count = 3
    assert "its count is 3, not 1" in " ".join(
        problems(nbformat.v4.new_notebook(cells=[cell]))
    )


def test_a_lesson_that_warns_is_not_written(toy, tmp_path):
    source = tmp_path / "98_toy.py"
    source.write_text("# %%\nimport warnings\n\nwarnings.warn('beware')\n")
    with pytest.raises(
        BuildError, match="98_toy, code cell 2: it writes to stderr: .*beware"
    ):
        build_one(source, tmp_path / "98_toy.ipynb", "fast", {})
    assert not (tmp_path / "98_toy.ipynb").exists()


def test_solutions_are_taken_out_at_their_indentation():
    source = "def f():\n    ### BEGIN SOLUTION\n    a = 1\n    return a\n    ### END SOLUTION\n\n\nx = f()"
    assert without_solutions(source) == "def f():\n    ...  # your code here\n\n\nx = f()"


def test_an_unsolved_copy_runs_to_its_end_and_scores_nothing(toy, tmp_path):
    folder, source = toy
    notebook, solved = (
        student_notebook(source, TOY_EXERCISES),
        read_source(source, TOY_EXERCISES),
    )
    text = notebook.cells[0].source
    assert (
        "(../figures/line.svg) [next](01_next.ipynb) [far](https://pytorch.org/get-started)"
        in text
    )
    assert "return v - v" not in str(notebook) and "SOLUTION" not in str(notebook)
    assert [c.id for c in notebook.cells] == [c.id for c in solved.cells]
    done = execute(notebook, folder, kernel_environment("fast", tmp_path))
    assert (done.failed, done.error, done.sources) == (None, "", ["synthetic"])
    assert (
        json.loads((tmp_path / "98_toy.json").read_text())["exercises"]["1"]["points"] == 0
    )


def test_a_copy_that_was_worked_in_is_never_overwritten(toy, tmp_path, capsys):
    def write():
        return write_student(toy[1], tmp_path, TOY_EXERCISES).name

    path = tmp_path / "98_toy.ipynb"
    assert write() == write() == "98_toy.ipynb" and not worked_in(path)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].outputs, notebook.cells[-1].execution_count = [], 7
    write_notebook(notebook, path)
    assert write() == "98_toy.ipynb", "running a copy is not working in it"
    notebook.cells[0].source += "\nMy notes."
    write_notebook(notebook, path)
    mine = path.read_bytes()
    assert write() == "98_toy.new.ipynb" and "worked in" in capsys.readouterr().out
    (tmp_path / "98_toy.new.ipynb").write_text("not even JSON")
    assert write() == "98_toy.new-2.ipynb" and path.read_bytes() == mine


def test_the_runner_goes_on_after_a_failure_and_says_so(toy, tmp_path, capsys, monkeypatch):
    folder, _ = toy
    cells = [
        nbformat.v4.new_code_cell(s)
        for s in ("a = 1", "b = 2\nraise ValueError('wrong <b>')", "c = 3")
    ]
    write_notebook(nbformat.v4.new_notebook(cells=cells), folder / "97_broken.ipynb")
    committed = (folder / "98_toy.ipynb").read_bytes()
    assert run("fast", folder, tmp_path) is False
    shown = capsys.readouterr()
    rows = [line.split() for line in shown.out.splitlines()]
    assert rows[0][:2] == ["notebook", "data"]
    assert rows[1][:2] == ["97_broken", "none"] and rows[1][-4:] == [
        "FAILED",
        "in",
        "cell",
        "[2]",
    ]
    assert (
        rows[2][:2] == ["98_toy", "synthetic"]
        and rows[2][-1] == "ok"
        and float(rows[2][3]) > 50
    )
    assert "    raise ValueError('wrong <b>')\n  ValueError: wrong <b>" in shown.err
    assert "notebooks/98_toy.html" in (tmp_path / "index.html").read_text()
    assert "data:image/svg" in (tmp_path / "notebooks" / "98_toy.html").read_text(
        encoding="utf-8"
    )
    assert (folder / "98_toy.ipynb").read_bytes() == committed
    (folder / "97_broken.ipynb").unlink()
