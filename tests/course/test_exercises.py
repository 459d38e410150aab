"""The check of an exercise: what passes, and what a wrong answer is told."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.course import check, exercise
from rbm_lib.course.exercises import Result, load_exercises
from tests.support import seeded

CASES = [(torch.randn(3, 4, generator=seeded(i), dtype=torch.float64),) for i in range(3)]


@exercise("1", "Centre", 2, CASES)
def centred(v):
    return v - v.mean(0)


def without_return(v):
    result = v - v.mean(0)  # noqa: F841


def only_a_look(v):
    v[0]


def not_done(v):
    raise NotImplementedError


def in_place(v):
    v -= v.mean(0)
    return v


centred.mistakes = {
    "You centre the rows: average over axis 0.": lambda v: v - v.mean(1, keepdim=True),
    "Subtract the mean once.": (lambda v: v - 2 * v.mean(0), lambda v: v - 3 * v.mean(0)),
}


@pytest.mark.parametrize(
    "answer",
    [
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
        lambda v: v.astype(float) - np.ones(3) @ v / 3,  # only arrays can do this
        in_place,
        centred,
    ],
)
def test_a_right_answer_passes_in_every_form(answer):
    result = check(centred, answer)

    assert (result.points, result.message) == (2, "Exercise 1: right. 2 of 2 points.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda v: v - v.mean(1, keepdim=True), "You centre the rows"),
        (lambda v: v - 3 * v.mean(0), "Subtract the mean once."),
        (
            lambda v: -centred(v),
            "It passes 0 of 3 tests. In test 1: the size is right, the sign",
        ),
        (lambda v: 3 * centred(v), "3 times the right one, everywhere. An input has this"),
        (lambda v: centred(v) if v[0, 0] < 0 else v, " of 3 tests. In test "),
        (lambda v: centred(v) + torch.randn(v.shape), "another result at each call"),
        (lambda v: v.undefined_name, "your code stops with AttributeError: 'Tensor'"),
        (lambda v: ((v > 0) @ v.T).sigmoid(), "write (u < p).to(p.dtype)"),
        (lambda v: v.half() @ v.T, "Bring both to one type"),
        (lambda v: v @ v, "(3x4 and 3x4). The shapes are v (3, 4)."),
        (lambda v: v.mean(0), "the right one (3, 4). The inputs have v (3, 4)."),
        (lambda v: exit(), "your code stops with SystemExit"),
        (lambda: 1, "your code stops with TypeError"),
        (without_return, "is a `return` missing?"),
        (only_a_look, "is a `return` missing?"),
        (lambda v: None, "not done yet: it returns None."),
        (lambda v: "forty-two", "a str cannot be read as numbers"),
        (3.0, "a function is expected, this is a float"),
        (None, "not done yet."),
        (lambda v: ..., "not done yet."),
        (not_done, "not done yet."),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(answer, words):
    result = check(centred, answer)

    assert result.points == 0
    assert words in result.message and "\n" not in result.message
    assert result.message.endswith("0 of 2 points.")


def one_product_each(work, cases):
    return "" if work.operations <= 24 * len(cases) else "One product is enough."


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (lambda v: v @ torch.ones(4).to(v), "right. 2 of 2"),
        (lambda v: (v @ torch.ones(4).to(v) + v @ torch.ones(4).to(v)) / 2, "One product"),
        (lambda v: v @ np.ones(4), "right. 2 of 2"),  # only arrays can do this
    ],
)
def test_a_right_answer_may_do_too_much(answer, verdict):
    sums = exercise("1", "Sums", 2, CASES)(lambda v: v.sum(1))
    sums.demand = one_product_each

    assert verdict in check(sums, answer).message


def test_a_result_of_the_wrong_shape_is_described_where_an_input_is_a_list():
    first = exercise("1", "First", 2, [([torch.zeros(3), torch.ones(3)], CASES[0][0])])(
        lambda rows, v: rows[0] + v[0, 0]
    )

    message = check(first, lambda rows, v: torch.stack(rows) + 0 * v[0, 0]).message

    assert "has shape (2, 3), the right one (3,). The inputs have v (3, 4)." in message


def test_what_is_demanded_of_the_work_is_asked_of_right_answers_only():
    sums = exercise("1", "Sums", 2, CASES)(lambda v: v.sum(1))
    sums.demand = lambda work, cases: "Too much work."

    assert "Too much work." in check(sums, lambda v: v.sum(1)).message
    assert "Too much work." not in check(sums, lambda v: v.sum(0)).message


def test_a_check_prints_nothing_of_the_answer(capsys):
    def noisy(v):
        print("here")
        print("there", file=sys.stderr)
        warnings.warn("beware", stacklevel=1)
        return centred(v)

    assert check(centred, noisy).points == 2
    assert capsys.readouterr() == ("", "")


def test_a_long_message_is_shown_in_lines_that_break_between_words():
    result = Result(0, 2, "Average over the rows: " * 5 + "x-" * 60)

    lines = str(result).splitlines()
    assert str(result).split() == result.message.split() and len(lines) > 2
    assert all(len(line) <= 90 or " " not in line for line in lines)


FILE = """\
from rbm_lib.course import exercise

FACTOR = 2
twice = exercise("1", "Twice", 1, [(3,)])(lambda x: FACTOR * x)
"""


@pytest.mark.parametrize("start", ["notebooks", "notebooks/student", "work", "."])
def test_exercises_are_found_from_every_folder_of_the_course(tmp_path, monkeypatch, start):
    exercises = tmp_path / "notebooks" / "exercises"
    exercises.mkdir(parents=True)
    (exercises / "98_toy.py").write_text(FILE)
    (exercises / "00_start_here.py").write_text(FILE)
    (tmp_path / start).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / start)

    (twice,) = load_exercises("98_any_name").values()

    assert check(twice, lambda x: 6).points == 1
    assert load_exercises("97_none") == {}
    assert load_exercises("00")["1"].title == "How much is missing", (
        "the library's own checkout comes first"
    )


@exercise("2", "A word", 1, [()])
def greeting():
    return "hello"


def letters(word):
    if not isinstance(word, str):
        raise TypeError(f"a word is expected, this is of type {type(word).__name__}")
    return [ord(letter) for letter in word]


greeting.read = letters
greeting.mistakes = {"Write it in small letters.": lambda: "HELLO"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: "hello", "right."),
        (lambda: "HELLO", "Write it in small letters."),
        (lambda: "hullo", "1 of 5 entries differ"),
        (lambda: 5, "a word is expected, this is of type int"),
        (lambda: None, "not done yet"),
    ],
)
def test_an_answer_that_is_not_a_number_is_read_as_numbers(answer, words):
    assert words in check(greeting, answer).message


def test_advice_is_given_for_a_mistake_that_stops_in_the_same_way():
    product = exercise("1", "Product", 2, CASES)(lambda v: v @ v.T)
    product.mistakes = {"Transpose the second v.": lambda v: v @ v}

    assert "not right yet. Transpose" in check(product, lambda v: (v @ v).sum()).message
    assert "stops with" in check(product, lambda v: v @ v[:, :1] @ v[:2]).message
    assert "not done yet" in check(product, None).message
