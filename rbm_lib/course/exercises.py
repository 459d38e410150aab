"""Exercises: a right answer, cases to try, advice for typical mistakes, and the check.

The exercises of lesson NN are in ``notebooks/exercises/NN_name.py``.
"""

import contextlib
import io
import runpy
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rbm_lib.course import advice, compare, forms
from rbm_lib.course.compare import Pieces
from rbm_lib.course.environment import file_of_course
from rbm_lib.course.pace import strain
from rbm_lib.course.slips import slips_of
from rbm_lib.course.watch import Work, watch

Answer = Callable[..., Any]
Outputs = list[Pieces]  # one for each case
Form = Callable[[Any], Any]  # of an argument


@dataclass
class Exercise:
    """A task and how to judge an answer to it, made by :func:`exercise`.

    ``mistakes`` maps advice to the wrong answer that it is for, or to a tuple of these.
    ``demand`` looks at the work of an answer with the right results, on all cases, and says
    what is wrong with it, or "". ``scale`` are a short and a long case for `pace.strain`.
    ``chance`` is the advice for an answer whose results differ from call to call.
    ``read`` makes numbers of what an answer returns, if it is something else.
    ``parts`` are what its results are called, if there are several. ``keeps`` are arguments
    that the lesson goes on using, so that an answer must not change them.
    """

    id: str
    title: str
    points: float
    reference: Answer
    cases: list[tuple]
    tolerance: float = 1e-6
    mistakes: dict[str, Answer | tuple[Answer, ...]] = field(default_factory=dict)
    demand: Callable[[Work, list[tuple]], str] | None = None
    scale: tuple[tuple, tuple] | None = None
    chance: str = "It gives another result at each call: does it draw random numbers?"
    read: Callable[[Any], Any] = lambda result: result
    parts: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.reference(*arguments, **options)

    def slips(self, table: str) -> None:
        """Add mistakes that are written as edits of the right answer: `slips.slips_of`."""
        self.mistakes |= slips_of(self.reference, table)

    def wrong_answers(self) -> Iterator[tuple[str, Answer]]:
        """Yield (advice, wrong answer) of every mistake."""
        for cause, wrong in self.mistakes.items():
            for answer in wrong if isinstance(wrong, tuple) else (wrong,):
                yield cause, answer


def exercise(
    id: str, title: str, points: float, cases: Iterable[Iterable], tolerance: float = 1e-6
) -> Callable[[Answer], Exercise]:
    """Make an exercise of a function, which is the right answer: a decorator.

    Parameters
    ----------
    id, title : str
    points : float
        For a right answer. A wrong one has none.
    cases : iterable of tuples
        Arguments on which an answer is compared with the right one. It gets copies.
    tolerance : float
        Largest difference allowed, as a share of the largest right entry. Answers in single
        precision and below may differ more.

    Examples
    --------
    >>> @exercise("1", "The square", 2, cases=[(3.0,), (-1.0,)])
    ... def square(x):
    ...     return x * x
    >>> square.mistakes = {"This is twice x.": lambda x: 2 * x}
    >>> print(check(square, lambda x: x + x))
    Exercise 1: not right yet. This is twice x. 0 of 2 points.
    >>> print(check(square, lambda x: x**2))
    Exercise 1: right. 2 of 2 points.
    """
    args = [tuple(case) for case in cases]
    return lambda answer: Exercise(id, title, points, answer, args, tolerance)


def load_exercises(lesson: str, *folders: Path) -> dict[str, Exercise]:
    """Load the exercises of a lesson, "NN" or "NN_name".

    They are in the first file ``exercises/NN_*.py`` of these folders, of ``notebooks`` in
    the library's checkout, of the current folder, and of those above it.
    """
    path = file_of_course(f"exercises/{lesson[:2]}_*.py", *folders)
    found = runpy.run_path(str(path)).values() if path else ()
    return {x.id: x for x in found if isinstance(x, Exercise)}


@dataclass(frozen=True)
class Result:
    """What a check found. As text: the message, in lines of at most 90 characters."""

    points: float
    max_points: float
    message: str

    def __str__(self) -> str:
        text = self.message
        return textwrap.fill(text, 90, break_long_words=False, break_on_hyphens=False)


def check(exercise: Exercise, answer: Any) -> Result:
    """Judge an answer. Never raises because of it, and shows nothing that it prints."""
    with _silence():
        right, verdict = _judge(exercise, answer)
    points = exercise.points if right else 0
    message = f"Exercise {exercise.id}: {verdict} {points:g} of {exercise.points:g} points."
    return Result(points, exercise.points, message)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing to stdout or stderr: nbgrader gives no points to a check that writes."""
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        with warnings.catch_warnings(action="ignore"):
            yield


def _judge(exercise: Exercise, answer: Any) -> tuple[bool, str]:
    expected = _outputs(exercise, exercise.reference)
    try:
        got = _outputs(exercise, answer, expected)
    except _Stopped as stopped:
        text = _known_stop(exercise, stopped) or _explain(exercise, answer, stopped)
        return False, text
    if not all(_sames(exercise, got, expected)):
        return False, "not right yet. " + _advice(exercise, answer, got, expected)
    unmet = _unmet(exercise, answer, got, expected)
    return not unmet, f"not right yet. {unmet}" if unmet else "right."


def _unmet(exercise: Exercise, answer: Answer, got: Outputs, expected: Outputs) -> str:
    """What is still wrong with an answer whose numbers are right, or ""."""
    for shape in map(compare.column_for_vector, got, expected):
        if shape:
            return shape
    if changed := _changed(exercise, answer):
        return changed
    if exercise.scale:
        slow = strain(lambda case: _run(answer, [case]), *exercise.scale)
        if slow:
            return f"The numbers are right. {slow}"
    if exercise.demand is None:
        return ""
    form, _ = _run(answer, exercise.cases)
    cases = deepcopy(exercise.cases)
    with watch() as work:
        for case in cases:
            _call(answer, form, case)
    return exercise.demand(work, exercise.cases)


def _changed(exercise: Exercise, answer: Answer) -> str:
    """Say which argument the answer changes that it must not, or ""."""
    given = exercise.reference, exercise.cases, exercise.keeps
    changed = forms.changed_model(answer, *given)
    rule = "Return the result, and leave what you were given as it was."
    return changed and f"Your function changes its {changed}. {rule}"


class _Stopped(Exception):
    """An answer raised an error on a case."""

    def __init__(self, error: BaseException, case: tuple = ()) -> None:
        super().__init__(error)
        self.error = error
        self.case = case


def _known_stop(exercise: Exercise, stopped: _Stopped) -> str:
    """The advice of a mistake that stops with the same words, such as the same shapes."""
    for text, mistake in exercise.wrong_answers():
        try:
            _outputs(exercise, mistake)
        except _Stopped as other:
            if str(other.error) and str(other.error) == str(stopped.error):
                return f"not right yet. {text}"
    return ""


def _explain(exercise: Exercise, answer: Any, stopped: _Stopped) -> str:
    """What a person whose code stops should know."""
    shapes = advice.shapes_of(exercise.reference, stopped.case)
    unused = advice.unused_arguments(answer, exercise.reference)
    return advice.explain_error(stopped.error, shapes, unused)


def _outputs(exercise: Exercise, answer: Any, expected: Outputs | None = None) -> Outputs:
    """What an answer gives on every case. Raises _Stopped if it does not."""
    if answer is None or answer is ...:
        raise _Stopped(NotImplementedError())
    if not callable(answer):
        what = type(answer).__name__
        raise _Stopped(TypeError(f"a function is expected, this is a {what}"))

    _, values = _run(answer, exercise.cases)
    if any(x is None or x is ... for x in values):
        if advice.does_something(answer):
            raise _Stopped(ValueError("it returns None: is a `return` missing?"))
        is_none = any(x is None for x in values)
        raise _Stopped(NotImplementedError(advice.RETURNS_NONE if is_none else ""))
    try:
        pieces = [compare.take_apart(exercise.read(x)) for x in values]
    except (TypeError, ValueError) as error:
        raise _Stopped(error) from error
    return [compare.align(*pair) for pair in zip(pieces, expected or pieces, strict=True)]


def _run(answer: Answer, cases: list[tuple]) -> tuple[Form, list[Any]]:
    """The first form of the cases that an answer takes, and what it returns on them."""
    first: _Stopped | None = None
    for form in forms.FORMS:
        try:
            return form, [_call(answer, form, case) for case in deepcopy(cases)]
        except _Stopped as stopped:
            first = first or stopped
            if not forms.may_be_cause(stopped.error):
                break
    assert first is not None
    raise first


def _call(answer: Answer, form: Form, case: tuple) -> Any:
    try:
        return answer(*map(form, case))
    except (Exception, SystemExit) as error:
        raise _Stopped(error, case) from error


def _sames(exercise: Exercise, got: Outputs, expected: Outputs) -> list[bool]:
    return [compare.same(*x, exercise.tolerance) for x in zip(got, expected, strict=True)]


def _advice(exercise: Exercise, answer: Answer, got: Outputs, expected: Outputs) -> str:
    def gives_the_same(other: Answer, task: Exercise = exercise) -> bool:
        n = len(task.cases)
        with contextlib.suppress(Exception):
            return all(_sames(task, got[:n], _outputs(task, other, expected[:n])))
        return False

    first = replace(exercise, cases=exercise.cases[:1])  # where most differ already
    for cause, mistake in exercise.wrong_answers():
        if gives_the_same(mistake, first) and gives_the_same(mistake):
            return cause
    if changed := _changed(exercise, answer):
        return changed
    if unused := advice.unused_arguments(answer, exercise.reference):
        return unused
    numbers, right = compare.all_numbers(got), compare.all_numbers(expected)
    if discrete := compare.made_discrete(numbers, right):
        return discrete
    if not gives_the_same(answer):
        return exercise.chance

    same = _sames(exercise, got, expected)
    case = same.index(False)
    lengths = {n for x in exercise.cases[case] for n in getattr(x, "shape", ())}
    more = (exercise.tolerance, lengths, exercise.parts)
    text = compare.describe(got[case], expected[case], *more)
    shapes = advice.shapes_of(exercise.reference, exercise.cases[case])
    if shapes and "has shape" in text:
        text += f" The inputs have {shapes}."
    outside = (abs(numbers - 0.5) > 0.5).any() and compare.are_probabilities(right)
    if outside and "differ;" in text:
        text += " Some of yours are not between 0 and 1. All right ones are."
    return f"It passes {sum(same)} of {len(same)} tests. In test {case + 1}: {text}"
