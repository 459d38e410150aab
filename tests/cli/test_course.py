"""The command `course`."""

from rbm_lib.cli import course
from tests.cli.support import failure, printed, run


def test_lessons_are_copied_and_how_to_open_them_is_said(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "lessons"
    find = {"jupyterlab": None}
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: find[name])

    found = printed(capsys, "course", folder)

    assert found["new_lessons"] == len(list(folder.glob("*.ipynb"))) >= 9
    assert found["open"] == f"jupyter lab {folder / '00_start_here.ipynb'}"
    assert found["install"] == 'pip install "rbm-lib[notebooks]"'
    assert run("course", folder) == 0, "again, and nothing is new"
    assert "new lessons  0" in capsys.readouterr().out


def test_a_folder_with_other_files_is_refused(tmp_path, capsys):
    (tmp_path / "thesis.md").write_text("mine")

    assert "a folder with other files" in failure(capsys, "course", tmp_path)
    assert "got a file" in failure(capsys, "course", tmp_path / "thesis.md")
