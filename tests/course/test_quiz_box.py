"""A click on an option says whether it is right and why, and the first one counts."""

import pytest

from rbm_lib.course import Lesson
from rbm_lib.course.quiz import Option, Question
from rbm_lib.course.quiz_box import quiz_box

QUESTIONS = [
    Question("1", "1 < 2?", (Option("yes", "It is.", True), Option("no", "Count.", False))),
    Question(
        "2", "2 > 3?", (Option("yes", "a < b", False), Option("no", "It isn't.", True))
    ),
]


@pytest.fixture
def quiz():
    return quiz_box(QUESTIONS)


def choose(quiz, number, text):
    """Click on an option. Returns what is said about it, and the count."""
    _, box, verdict = quiz.children[number].children
    box.value = dict(box.options)[text]
    return verdict.value, quiz.children[-1].value


def test_an_option_is_judged_and_explained(quiz):
    assert choose(quiz, 0, "yes")[0] == "<b>✓ Right.</b> It is."
    assert choose(quiz, 1, "yes")[0] == "<b>✗ Not quite.</b> a &lt; b"


def test_the_first_click_counts(quiz):
    assert choose(quiz, 0, "no")[1] == "<b>0 of 1</b> right at the first click, 1 to go."
    assert choose(quiz, 0, "yes")[1] == "<b>0 of 1</b> right at the first click, 1 to go."
    assert choose(quiz, 1, "no")[1] == "<b>1 of 2</b> right at the first click."


def test_nothing_is_answered_at_first(quiz):
    assert quiz.children[-1].value == "2 questions, none answered yet."
    assert [part.children[1].value for part in quiz.children[:-1]] == [None, None]
    assert quiz.children[0].children[0].value == "<b>1. 1 &lt; 2?</b>"


def test_a_lesson_shows_its_questions(monkeypatch):
    monkeypatch.setenv("RBM_HEADLESS", "0")
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)

    Lesson("01_energy_and_contrastive_divergence", {}).quiz()

    assert len(shown[0].children) == 10 + 1


def test_where_nobody_watches_a_line_stands_in_its_place(monkeypatch, capsys):
    monkeypatch.setenv("RBM_HEADLESS", "1")

    Lesson("01_energy_and_contrastive_divergence", {}).quiz()

    said = capsys.readouterr().out
    assert said == "Run this cell in JupyterLab: 10 questions appear.\n"


def test_a_lesson_without_a_bank_says_so(capsys):
    Lesson("98_toy", {}).quiz()

    assert "keep the folder notebooks/quiz" in capsys.readouterr().out
