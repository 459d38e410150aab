"""What a notebook asks its lesson."""

import json

import ipywidgets
import pytest
from IPython.core.formatters import DisplayFormatter

from rbm_lib.course import Lesson, exercise
from rbm_lib.course.environment import CourseError
from rbm_lib.course.lesson import data_sources, saved_scores

DOUBLE = exercise("1", "Double", 2, [(3.0,)])(lambda x: 2 * x)
HALF = exercise("2", "Half", 1.5, [(3.0,)])(lambda x: x / 2)
EXERCISES = {e.id: e for e in (DOUBLE, HALF)}


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_SCORES", str(tmp_path / "scores"))
    monkeypatch.setenv("RBM_HEADLESS", "1")
    monkeypatch.delenv("RBM_PROFILE", raising=False)
    return Lesson("98_toy", EXERCISES)


def test_a_check_returns_points_that_a_notebook_shows_as_the_verdict(lesson, capsys):
    points = lesson.check("1", lambda x: x + x)

    shown, _ = DisplayFormatter().format(points)
    assert points == 2 and capsys.readouterr() == ("", "")
    assert shown["text/plain"] == "2", "nbgrader reads this"
    assert "✓ Exercise 1: right. 2 of 2 points.</div>" in shown["text/html"]
    assert "✗ Exercise 1: not right yet." in lesson.check("1", abs)._repr_html_()
    assert "○ Exercise 2: not done yet." in lesson.check("2", ...)._repr_html_()
    with pytest.raises(KeyError, match="got '7', expected one of 1, 2"):
        lesson.check("7", None)


def test_the_score_has_the_best_check_of_each_exercise(lesson):
    lesson.check("1", lambda x: 2 * x)
    worse = lesson.check("1", lambda x: x)
    lesson.check("2", lambda x: x)

    score = lesson.score()

    assert worse == 0 and "You keep the 2 from before." in worse._repr_html_()
    assert score["points"].to_dict() == {"1": 2, "2": 0, "all": 2}
    assert score["of"].tolist() == [2, 1.5, 3.5]


def test_the_file_keeps_the_best_check_of_all_sessions(lesson):
    lesson.check("1", lambda x: 2 * x)

    again = Lesson("98_toy", EXERCISES)
    again.check("1", lambda x: x)

    assert again.score()["points"]["1"] == 0, "the table is of this session"
    assert saved_scores("98_toy")["1"]["points"] == 2


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


def test_a_lesson_goes_on_with_the_readers_answer_if_it_is_right(lesson, capsys):
    def mine(x):
        return x + x

    assert lesson.use("1", mine) is mine and capsys.readouterr().out == ""
    assert lesson.use("1", abs)(4) == 8
    assert "Exercise 1 is open: the course's own version" in capsys.readouterr().out


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
