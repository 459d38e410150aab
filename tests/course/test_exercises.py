"""The check of an exercise: what passes, what a wrong answer is told, and finding exercises."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.course import check, exercise
from rbm_lib.course.exercises import load_exercises
from tests.support import seeded

CASES = [(torch.randn(3, 4, generator=seeded(i), dtype=torch.float64),) for i in range(3)]


@exercise("1", "Centre", 2, CASES)
def centred(v):
    return v - v.mean(0)


centred.mistakes = {
    "You centre the rows: average over axis 0.": lambda v: v - v.mean(1, keepdim=True),
    "Subtract the mean once.": (lambda v: v - 2 * v.mean(0), lambda v: v - 3 * v.mean(0)),
}


@pytest.mark.parametrize(
    "answer",
    [
        centred,
        lambda v: centred(v).numpy(),
        lambda v: centred(v.numpy()).astype(np.float32),
        lambda v: centred(v).tolist(),
        lambda v: [row for row in centred(v)],
        lambda v: pd.DataFrame(centred(v).numpy()),
        lambda v: centred(v).requires_grad_(),
        lambda v: centred(v).to_sparse(),
        lambda v: centred(v.float()).bfloat16(),
        lambda v: centred(v)[None],
        lambda v: v - torch.ones(1, 3).float() @ v / 3,  # a product of float and double
    ],
)
def test_a_right_answer_passes_in_every_form(answer):
    result = check(centred, answer)

    assert (result.points, result.message) == (2, "Exercise 1: right. 2 of 2 points.")


@pytest.mark.parametrize("answer", [(1, 0), [True, False], np.array([True, False])])
def test_truth_values_and_tuples_of_numbers_are_alike(answer):
    both = exercise("2", "Signs", 1.5, [(1.0,)])(lambda x: (x > 0, x < 0))

    assert check(both, lambda x: answer).points == 1.5


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda v: v - v.mean(1, keepdim=True), "You centre the rows"),
        (lambda v: v - 3 * v.mean(0), "Subtract the mean once."),
        (lambda v: -centred(v), "Test case 1 of 3 (0 right): the size is right, the sign"),
        (
            lambda v: 3 * centred(v),
            "yours is 3 times the right one, everywhere. An input has",
        ),
        (lambda v: centred(v) if v[0, 0] < 0 else v, " of 3 ("),
        (lambda v: centred(v) + torch.randn(v.shape), "another result at each call"),
        (
            lambda v: v.undefined_name,
            "your code stops with AttributeError: 'Tensor' object",
        ),
        (lambda v: v.bool() @ v.T, "Bring both to one type"),
        (lambda v: exit(), "your code stops with SystemExit"),
        (lambda: 1, "your code stops with TypeError"),
        (lambda v: "forty-two", "a str cannot be read as numbers"),
        (3.0, "a function is expected, this is a float"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(answer, words):
    result = check(centred, answer)

    assert result.points == 0
    assert words in result.message
    assert "\n" not in result.message
    assert result.message.endswith("0 of 2 points.")


def not_done(v):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [None, ..., lambda v: ..., lambda v: None, not_done])
def test_a_placeholder_is_not_done_yet(answer):
    assert check(centred, answer).message == "Exercise 1: not done yet. 0 of 2 points."


def test_a_forgotten_return_is_told():
    def answer(v):
        result = v - v.mean(0)  # noqa: F841

    assert "is a `return` missing?" in check(centred, answer).message


def test_zeros_and_ones_in_place_of_probabilities_are_told():
    several = exercise("p", "Several", 1, [()])(lambda: np.array([0.2, 0.9]))
    single = exercise("n", "One", 1, [()])(lambda: 0.5)

    assert "zeros and ones only" in check(several, lambda: np.array([False, True])).message
    assert "zeros and ones only" not in check(several, lambda: np.array([0, 0.5])).message
    assert "zeros and ones only" not in check(single, lambda: 1.0).message


def test_a_changed_argument_is_named_and_harms_no_other_check():
    def in_place(v):
        v -= v.mean(0)
        return v

    result = check(centred, in_place)

    assert result.points == 2
    assert "it changes its argument number 1" in result.message
    assert "argument" not in check(centred, centred).message


def test_a_check_prints_nothing_of_the_answer(capsys):
    def noisy(v):
        print("here")
        print("there", file=sys.stderr)
        warnings.warn("beware", stacklevel=1)
        return centred(v)

    assert check(centred, noisy).points == 2
    assert capsys.readouterr() == ("", "")


def test_a_long_message_is_shown_in_lines_that_break_between_words():
    wordy = exercise("1", "Centre", 2, CASES)(centred)
    wordy.mistakes = {"Average over the rows, not over columns: " * 3 + "x-" * 60: -1.0}
    wordy.mistakes = {advice: lambda v: 2 * v for advice in wordy.mistakes}

    result = check(wordy, lambda v: 2 * v)

    lines = str(result).splitlines()
    assert str(result).split() == result.message.split()
    assert len(lines) > 2
    assert all(len(line) <= 90 or " " not in line for line in lines)


FILE = """\
from rbm_lib.course import exercise

FACTOR = 2


@exercise("1", "Twice", 1, [(3,)])
def twice(x):
    return FACTOR * x
"""


@pytest.mark.parametrize("start", ["notebooks", "notebooks/student", "work", "."])
def test_exercises_are_found_from_every_folder_of_the_course(tmp_path, monkeypatch, start):
    exercises = tmp_path / "notebooks" / "exercises"
    exercises.mkdir(parents=True)
    (exercises / "98_toy.py").write_text(FILE)
    (tmp_path / start).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / start)

    found = load_exercises("98_any_name")

    assert list(found) == ["1"]
    assert check(found["1"], lambda x: 6).points == 1
    assert [path.name for path in exercises.iterdir()] == ["98_toy.py"], "no cache is left"


def test_a_lesson_without_exercises_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert load_exercises("97_none") == {}


def test_the_courses_own_exercises_come_first(tmp_path, monkeypatch):
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "00_start_here.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)

    assert load_exercises("00_start_here")["1"].title == "How much is missing"
