"""Exercise checks, lessons and the command line."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.course import Exercise, Lesson
from rbm_lib.course.exercises import check


def cases():
    g = torch.Generator().manual_seed(0)
    return [(torch.randn(3, 4, generator=g, dtype=torch.float64),) for _ in range(3)]


def centred(v):
    return v - v.mean(0)


MISTAKES = {"You centre the rows: average over axis 0.": lambda v: v - v.mean(1, keepdim=True)}
CENTRE = Exercise("1", "Centre", 2, centred, cases, MISTAKES)
VALUE = Exercise(
    "2", "Two numbers", 1.5, lambda: (0.25, 0.75), mistakes={"That is the order.": lambda: (0.75, 0.25)}
)


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
        pytest.param(lambda v: centred(v.cuda()), marks=pytest.mark.cuda),
    ],
)
def test_right_answers_in_every_form(answer, request):
    if request.node.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    result = check(CENTRE, answer)
    assert (result.points, result.message) == (2, "Exercise 1: right. 2 of 2 points.")


def test_a_right_answer_with_an_axis_too_many_is_told():
    result = check(CENTRE, lambda v: centred(v)[None])
    note = "Its shape is (1, 3, 4), though; (3, 4) was asked for."
    assert (result.points, result.message) == (2, f"Exercise 1: right. {note} 2 of 2 points.")


@pytest.mark.parametrize(
    "answer", [(0.25, 0.75), [0.25, 0.75], np.array([0.25, 0.75]), torch.tensor([0.25, 0.75])]
)
def test_right_values(answer):
    assert check(VALUE, answer).points == check(VALUE, lambda: answer).points == 1.5


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda v: v - v.mean(1, keepdim=True), "You centre the rows"),
        (lambda v: -centred(v), "sign is flipped"),
        (
            lambda v: 3 * centred(v),
            "3 times the right one, everywhere. That is the length of one of the inputs",
        ),
        (lambda v: centred(v) / 7, "0.1429 times"),
        (lambda v: centred(v) + 0.5, "same amount everywhere: +0.5"),
        (lambda v: centred(v).T, "once transposed"),
        (lambda v: centred(v)[:2], "shape (2, 4), the right one (3, 4)"),
        (lambda v: centred(v) / 0, "not finite"),
        (lambda v: {"a": v, "b": v}, "One array of shape (3, 4) is expected"),
        (lambda v: torch.where(v == v.max(), 9.0, centred(v)), "1 entry differs; at ["),
        (lambda v: centred(v) if v[0, 0] > 0 else v, " of 3 ("),
        (lambda v: v.undefined_name, "your code stops with AttributeError: 'Tensor' object"),
        (lambda v: exit(), "your code stops with SystemExit"),
        (lambda: 1, "your code stops with TypeError"),
        (lambda v: object(), "a object cannot be read as numbers"),
        (3.0, "a function is expected, this is a float"),
    ],
)
def test_wrong_answers_get_advice(answer, words):
    result = check(CENTRE, answer)
    assert result.points == 0 and words in result.message and "\n" not in result.message
    assert result.message.endswith("0 of 2 points.")


def test_other_kinds_of_answers():
    rows = Exercise("p", "Rows", 1, lambda v: torch.softmax(v, 1), cases)
    assert "each row should sum to 1" in check(rows, lambda v: torch.exp(v)).message
    parts = Exercise("d", "Parts", 1, lambda v: {"W": v, "b": v.sum(0)}, cases)
    assert check(parts, lambda v: {"b": v.sum(0).numpy(), "W": v}).points == 1
    assert "2 parts are expected, ['W'], ['b']; you give ['W']" in check(parts, lambda v: {"W": v}).message
    assert (
        "In part ['b']: the size is right, the sign"
        in check(parts, lambda v: {"W": v, "b": -v.sum(0)}).message
    )
    choice = Exercise("c", "Choice", 1, lambda: "b")
    assert check(choice, " B").points == 1 and check(choice, "a").points == check(choice, 2).points == 0
    flag = Exercise("f", "Flag", 1, lambda: True)
    assert check(flag, np.bool_(True)).points == 1 and check(flag, False).points == 0
    tiny = Exercise("t", "Tiny", 1, lambda: np.array([1e-9, 2e-9]))
    assert check(tiny, np.array([1e-9, 3e-9])).points == 0, "the tolerance follows the size of the answer"


def not_done(v):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [None, ..., lambda v: ..., lambda v: None, not_done])
def test_placeholders_are_not_done_yet(answer):
    assert check(CENTRE, answer).message == "Exercise 1: not done yet. 0 of 2 points."
    assert check(VALUE, None).points == 0


def test_an_answer_that_draws_is_told():
    message = check(CENTRE, lambda v: centred(v) + torch.randn(v.shape)).message
    assert "another result at each call" in message


def test_a_forgotten_return_is_told():
    def answer(v):
        result = v - v.mean(0)  # noqa: F841

    assert "is a `return` missing?" in check(CENTRE, answer).message


def test_a_changed_argument_is_named_and_harms_no_other_case():
    def in_place(v):
        v -= v.mean(0)
        return v

    result = check(CENTRE, in_place)
    assert result.points == 2 and "changes its argument number 1" in result.message


def test_long_messages_are_shown_in_lines_that_break_between_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RBM_SCORES", str(tmp_path))
    advice = "Average over the rows, the first axis, and not over the columns: " * 2 + "x-" * 60 + "x."
    wordy = Exercise("1", "Centre", 2, centred, cases, {advice: lambda v: 2 * v})
    assert Lesson("98_toy", {"1": wordy}).check("1", lambda v: 2 * v) == 0
    shown, message = capsys.readouterr().out, check(wordy, lambda v: 2 * v).message
    assert shown.split() == message.split() and "\n" not in message
    lines = shown.splitlines()
    assert len(lines) > 2 and all(len(line) <= 90 or " " not in line for line in lines)


def test_zeros_and_ones_for_probabilities():
    several = Exercise("p", "Several", 1, lambda: np.array([0.2, 0.9]))
    assert "zeros and ones only" in check(several, np.array([0.0, 1.0])).message
    assert "zeros and ones only" in check(several, np.array([False, False])).message
    assert "zeros and ones only" not in check(several, np.array([0.0, 0.5])).message
    assert "zeros and ones only" not in check(Exercise("n", "One", 1, lambda: 0.5), 1.0).message


def test_check_shows_one_line_and_nothing_else(tmp_path, monkeypatch, capsys):
    def noisy(v):
        print("here")
        print("there", file=sys.stderr)
        warnings.warn("beware", stacklevel=1)
        return centred(v)

    monkeypatch.setenv("RBM_SCORES", str(tmp_path))
    assert Lesson("98_toy", {"1": CENTRE}).check("1", noisy) == 2
    assert capsys.readouterr() == ("Exercise 1: right. 2 of 2 points.\n", "")


def test_scores_are_saved_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RBM_SCORES", str(tmp_path / "scores"))
    exercises = {"1": CENTRE, "2": VALUE}
    lesson = Lesson("98_toy", exercises)
    lesson.check("1", lambda v: -v)
    assert lesson.check(2, (0.25, 0.75)) == 1.5
    assert lesson.score()["points"].tolist() == [0, 1.5, 1.5]
    Lesson("98_toy", exercises).check("1", centred)
    path = tmp_path / "scores" / "98_toy.json"
    score = json.loads(path.read_text())
    assert [score["exercises"][i]["points"] for i in "12"] == [2, 1.5] and score["lesson"] == "98_toy"
    message = "Exercise 1: right. 2 of 2 points."
    assert score["exercises"]["1"] == {"title": "Centre", "points": 2, "max_points": 2, "message": message}
    assert list(path.parent.iterdir()) == [path], "no temporary file is left"
    path.write_text("[broken")
    assert lesson.check("2", (0, 0)) == 0 and json.loads(path.read_text())["exercises"]["2"]["points"] == 0
    monkeypatch.setenv("RBM_SCORES", str(path / "not_a_folder"))
    capsys.readouterr()
    assert lesson.check("1", centred) == 2 and "could not be saved" in capsys.readouterr().out


def test_lesson_profile_slider_and_unknown_ids(monkeypatch, capsys):
    monkeypatch.delenv("RBM_PROFILE", raising=False)
    monkeypatch.setenv("RBM_HEADLESS", "1")
    lesson = Lesson("98_toy", {"1": CENTRE})
    assert (lesson.profile, lesson.pick(fast=1, full=2), lesson.progress) == ("fast", 1, False)
    lesson.slider(lambda t: None, temperature=(0, 1, 0.1, 0.5))
    assert capsys.readouterr().out == "Run this cell in JupyterLab: a slider for temperature appears.\n"
    with pytest.raises(KeyError, match="98_toy has no exercise '7'; it has: '1'"):
        lesson.check("7", None)
    monkeypatch.setenv("RBM_PROFILE", "medium")
    with pytest.raises(ValueError, match="must be 'fast' or 'full'"):
        Lesson("98_toy")


def test_command_line():
    def call(*arguments):
        command = [sys.executable, "-m", "rbm_lib.course", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    checked = call("check")
    assert checked.returncode == 0 and "torch" in checked.stdout and "GPU" in checked.stdout
    unknown = call("student", "77")
    assert (
        unknown.returncode == 1 and "no lesson '77'" in unknown.stderr and "Traceback" not in unknown.stderr
    )
    assert call("dance").returncode == 2 and "build" in call("--help").stdout
