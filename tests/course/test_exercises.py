"""What must hold for the exercises of every lesson."""

from pathlib import Path

import pytest

import rbm_lib.course
from rbm_lib.course.exercises import Exercise, check, load_exercises

FILES = Path(rbm_lib.course.__file__).parent.glob("exercises_[0-9][0-9].py")
NUMBERS = sorted(path.stem[-2:] for path in FILES)
EXERCISES = [pytest.param(e, id=f"{n}-{e.id}") for n in NUMBERS for e in load_exercises(n).values()]


def test_they_are_found_under_their_own_ids():
    assert NUMBERS and all(key == e.id for n in NUMBERS for key, e in load_exercises(n).items())


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_reference_gets_all_points(exercise: Exercise):
    result = check(exercise, exercise.reference)
    assert result.points == result.max_points == exercise.points > 0


@pytest.mark.parametrize("exercise", EXERCISES)
def test_at_least_three_typical_mistakes_are_wrong_and_get_their_own_advice(exercise):
    assert len(exercise.mistakes) >= 3
    for advice, mistake in exercise.wrong_functions():
        result = check(exercise, mistake)
        assert result.points == 0
        assert advice in result.message


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("placeholder", [None, ..., lambda *arguments: ..., lambda *arguments: None])
def test_a_placeholder_is_not_done_yet(exercise, placeholder):
    result = check(exercise, placeholder)
    assert result.points == 0
    assert "not done yet" in result.message


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_text_instead_of_numbers_is_wrong_and_stops_nothing(exercise):
    result = check(exercise, lambda *arguments: "forty-two")
    assert result.points == 0
    assert "not right yet" in result.message
