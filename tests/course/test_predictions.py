"""A guess is kept, compared with the answer, and counted."""

import pytest

from rbm_lib.course import Lesson


@pytest.fixture
def said(monkeypatch):
    """What was shown below the cells, in order."""
    texts = []
    monkeypatch.setattr("rbm_lib.course.predictions.say", texts.append)
    monkeypatch.setattr("rbm_lib.course.lesson.say", texts.append)
    return texts


@pytest.fixture
def boxes(monkeypatch):
    """The boxes in which a guess can be written, in order."""
    found = []

    def note(widget):
        _, row = widget.children
        found.append(row.children[0])

    monkeypatch.setattr("IPython.display.display", note)
    return found


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_SCORES", str(tmp_path))
    monkeypatch.setenv("RBM_HEADLESS", "0")
    return Lesson("98_toy", {})


@pytest.mark.parametrize(
    ("guess", "answer", "verdict"),
    [
        ("30 %", 56.0, "You guessed **30 %**, which is too low."),
        ("1,200", 900, "You guessed **1,200**, which is too high."),
        ("about 50", 56.0, "You guessed **about 50**, which is close."),
        ("−2.5", -2.4, "You guessed **−2.5**, which is close."),
        ("a lot", 56.0, "You guessed **a lot**."),
        ("A & B", "B", "You guessed **A &amp; B**."),
        (" ", 56.0, ""),
    ],
)
def test_a_written_guess_is_compared(lesson, said, boxes, guess, answer, verdict):
    lesson.predict("share", "Your guess, in percent")
    boxes[0].value = guess

    lesson.reveal("share", answer, "It is so.")

    assert said == [f"{verdict} It is so.".strip()]
    assert boxes[0].disabled, "after the answer it is too late"


@pytest.mark.parametrize(("guess", "verdict"), [("A", "Right!"), ("B", "Not quite.")])
def test_a_chosen_guess_is_compared(lesson, said, boxes, guess, verdict):
    lesson.predict("which", "Which one?", ["A", "B"])
    assert boxes[0].value is None
    boxes[0].value = guess

    lesson.reveal("which", "A")

    assert said == [f"You guessed **{guess}**. {verdict}"]


def test_a_guess_stays_when_the_cell_is_run_again(lesson, said, boxes):
    for _ in range(2):
        lesson.predict("share", "Your guess")
        boxes[0].value = "30"

    assert boxes[1].value == "30"


def test_guesses_are_counted_at_the_end(lesson, said, boxes):
    lesson.predictions()
    for name in ("close", "far", "written", "silent"):
        lesson.predict(name, "Your guess")
    for box, guess in zip(boxes, ("10", "20", "red", ""), strict=True):
        box.value = guess
    lesson.predictions()
    for name, answer in (("close", 11.0), ("far", 40), ("written", "blue"), ("silent", 1)):
        lesson.reveal(name, answer)
    lesson.predictions()

    assert said[0] == "There was nothing to predict."
    assert said[1] == "You made **3 of 4** predictions."
    assert said[-2] == "The answer is 1."
    assert said[-1] == (
        "You made **3 of 4** predictions. Of the 2 that can be compared, **1** were right."
        " The others are where you learned most."
    )


def test_where_nobody_watches_a_line_stands_for_the_box(lesson, said, monkeypatch, capsys):
    monkeypatch.setenv("RBM_HEADLESS", "1")

    lesson.predict("share", "Your guess, in percent")
    lesson.predict("which", "Which one?", ["A", "B"])
    lesson.reveal("share", 56.0, "It is 56 %.")
    lesson.predictions()

    lines = "Your guess, in percent:  __________\nWhich one?:  ○ A   ○ B\n"
    assert capsys.readouterr().out == lines
    assert said == ["It is 56 %.", "You made none of the 2 predictions."]


def test_one_prediction_that_was_not_made_is_no_prediction(lesson, said):
    lesson.predict("share", "Your guess, in percent")
    lesson.predictions()

    assert said == ["You made no prediction."]


def test_an_answer_is_said_although_the_question_was_skipped(lesson, said):
    lesson.reveal("share", 56.0, "It is 56 %.")

    assert said == ["It is 56 %."]
