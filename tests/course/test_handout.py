"""The lessons in a folder of one's own work there, and work in them is never lost."""

import json
import re
import tomllib

import pytest

from rbm_lib.course import handout
from rbm_lib.course.environment import CourseError
from rbm_lib.course.exercises import load_exercises
from rbm_lib.course.handout import hand_out
from tests.support import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("lessons")
    hand_out(place)
    return place


def test_links_of_the_copies_lead_to_files(folder):
    dead = []
    for path in folder.glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
            for link in re.findall(r"\]\((?![a-z]+:)([^)#\s]+)", text):
                if not (folder / link).is_file():
                    dead.append(f"{path.name}: {link}")

    assert dead == []


def test_exercises_are_found_there(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("rbm_lib.course.environment.notebooks_folder", lambda: tmp_path)
    monkeypatch.chdir(folder)

    assert load_exercises("01_energy_and_contrastive_divergence")


def test_work_stays_and_a_newer_lesson_goes_beside_it(tmp_path):
    hand_out(tmp_path)
    mine = tmp_path / "01_energy_and_contrastive_divergence.ipynb"
    worked = json.loads(mine.read_text(encoding="utf-8"))
    worked["cells"][0]["source"] = ["# mine"]
    mine.write_text(json.dumps(worked), encoding="utf-8")

    assert hand_out(tmp_path) == [], "the same version"
    worked["metadata"]["rbm_course"]["generated"] = "an older one"
    mine.write_text(json.dumps(worked), encoding="utf-8")
    (new,) = hand_out(tmp_path)

    assert new.name == "01_energy_and_contrastive_divergence.new.ipynb"
    assert json.loads(mine.read_text(encoding="utf-8")) == worked


def test_a_wheel_has_all_that_is_handed_out(folder):
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = data["tool"]["setuptools"]["data-files"].values()
    names = {path.name for globs in listed for glob in globs for path in ROOT.glob(glob)}

    assert {path.name for path in folder.rglob("*.*")} == names


def test_an_installation_without_lessons_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(handout, "repository_root", lambda: tmp_path)
    monkeypatch.setattr(handout.metadata, "files", lambda name: None)

    with pytest.raises(CourseError, match="without lessons"):
        hand_out(tmp_path / "x")
