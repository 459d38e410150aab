"""What a notebook asks its lesson."""

import json

import ipywidgets
import pytest

from rbm_lib.course import Lesson, exercise
from rbm_lib.course.environment import CourseError
from rbm_lib.course.lesson import data_sources

DOUBLE = exercise("1", "Double", 2, [(3.0,)])(lambda x: 2 * x)
HALF = exercise("2", "Half", 1.5, [(3.0,)])(lambda x: x / 2)
DEMO = exercise("demo", "Shown", 1, [(3.0,)], graded=False)(lambda x: x)
EXERCISES = {e.id: e for e in (DEMO, DOUBLE, HALF)}


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_SCORES", str(tmp_path / "scores"))
    monkeypatch.setenv("RBM_HEADLESS", "1")
    monkeypatch.delenv("RBM_PROFILE", raising=False)
    return Lesson("98_toy", EXERCISES)


def test_a_check_prints_one_line_and_returns_the_points(lesson, capsys):
    assert lesson.check("1", lambda x: x + x) == 2
    assert capsys.readouterr() == ("Exercise 1: right. 2 of 2 points.\n", "")
    with pytest.raises(KeyError, match="got '7', expected one of demo, 1, 2"):
        lesson.check("7", None)


def test_the_score_has_the_last_check_of_each_graded_exercise(lesson):
    lesson.check("1", lambda x: 2 * x)
    lesson.check("1", lambda x: x)
    lesson.check("2", lambda x: x / 2)

    score = lesson.score()

    assert score["points"].to_dict() == {"1": 0, "2": 1.5, "all": 1.5}
    assert score["of"].tolist() == [2, 1.5, 3.5]


def test_scores_are_saved_beside_those_that_are_there(
    lesson, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "scores" / "98_toy.json"
    path.parent.mkdir()
    path.write_text("[broken")
    lesson.check("2", lambda x: x / 2)

    Lesson("98_toy", EXERCISES).check("1", lambda x: 2 * x)

    saved = json.loads(path.read_text())["exercises"]
    message = "Exercise 1: right. 2 of 2 points."
    result = {"title": "Double", "points": 2, "max_points": 2, "message": message}
    assert saved["1"] == result and saved["2"]["points"] == 1.5
    assert list(path.parent.iterdir()) == [path], "no temporary file is left"
    monkeypatch.setenv("RBM_SCORES", str(path / "not_a_folder"))
    assert lesson.check("1", lambda x: 2 * x) == 2
    assert "could not be saved" in capsys.readouterr().out


def test_the_profile_chooses_values(lesson, monkeypatch):
    assert (lesson.pick(fast=1, full=2), lesson.progress) == (1, False)

    monkeypatch.setenv("RBM_PROFILE", "full")
    monkeypatch.setenv("RBM_HEADLESS", "0")
    full = Lesson("98_toy", {})
    assert (full.pick(fast=1, full=2), full.progress) == (2, True)

    monkeypatch.setenv("RBM_PROFILE", "medium")
    with pytest.raises(CourseError, match="RBM_PROFILE: got 'medium', expected 'fast' or"):
        Lesson("98_toy")


def test_data_sources_are_noted_once(lesson):
    loaded = type("Loaded", (), {"source": "toys"})
    assert lesson.data(lesson.data(loaded)) is loaded and data_sources.count("toys") == 1


def test_sliders_are_shown_to_people_only(lesson, monkeypatch, capsys):
    lesson.slider(print, start_temperature=(0, 1, 0.1, 0.5))
    line = "Run this cell in JupyterLab: a slider for start temperature appears.\n"
    assert capsys.readouterr().out == line

    shown = {}
    monkeypatch.setattr(ipywidgets, "interact", lambda function, **x: shown.update(x))
    monkeypatch.delenv("RBM_HEADLESS")
    lesson.slider(print, t=(0, 1, 0.1, 0.5), n=(1, 9, 2, 3))
    assert isinstance(shown["t"], ipywidgets.FloatSlider) and shown["t"].value == 0.5
    assert isinstance(shown["n"], ipywidgets.IntSlider) and shown["n"].max == 9
