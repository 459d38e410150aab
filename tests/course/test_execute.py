"""A notebook runs in a kernel of its own, up to its first failing cell."""

import json
import sys

from nbformat.v4 import new_code_cell, new_notebook

from rbm_lib.course.execute import execute, kernel_environment


def test_a_notebook_runs_up_to_its_first_failing_cell(tmp_path):
    sources = ["print(6 * 7)", "1 / 0", "print('not reached')"]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])

    result = execute(notebook, tmp_path, kernel_environment("fast", tmp_path))

    assert (result.failed, result.error) == (2, "ZeroDivisionError: division by zero")
    first, _, last = notebook.cells
    assert first.outputs[0].text == "42\n"
    assert not last.outputs


def test_a_foreign_kernel_of_the_same_name_is_passed_over(tmp_path, monkeypatch):
    foreign = tmp_path / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": "Foreign", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = new_notebook(cells=[new_code_cell("import sys; print(sys.executable)")])

    result = execute(notebook, tmp_path, kernel_environment("fast", tmp_path))

    assert result.error == ""
    assert notebook.cells[0].outputs[0].text == sys.executable + "\n"


def test_a_kernel_is_headless_and_has_one_thread(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    environment = kernel_environment("full", tmp_path)
    assert environment["RBM_HEADLESS"] == environment["OMP_NUM_THREADS"] == "1"
    assert environment["RBM_PROFILE"] == "full"


def test_a_tilde_in_the_data_folder_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RBM_DATA", "~/data")

    environment = kernel_environment("fast", tmp_path)

    assert environment["RBM_DATA"] == str(tmp_path / "data")
