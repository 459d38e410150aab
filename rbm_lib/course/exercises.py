"""The exercise engine: an Exercise knows the right answer and the usual mistakes; check() compares.

The exercises of lesson NN are in ``exercises_NN.py``, in a dict ``EXERCISES``: exercise id → Exercise.
"""

import contextlib
import importlib
import importlib.util
import inspect
import io
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rbm_lib.course import compare


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    ``reference``: the right function, or one without arguments that returns the right value.
    ``cases``: a function that returns a list of argument tuples, new ones at each call (the same numbers).
    ``mistakes``: advice → the wrong function that the advice is for, or a tuple of such functions.
    ``tolerance``: allowed difference, relative to the largest right entry; wider for float32 and below.
    """

    id: str
    title: str
    points: float
    reference: Callable
    cases: Callable[[], list[tuple]] | None = None
    mistakes: dict[str, Callable | tuple[Callable, ...]] = field(default_factory=dict)
    tolerance: float = 1e-6

    def __post_init__(self):
        if self.cases is None and inspect.signature(self.reference).parameters:
            raise ValueError(f"exercise {self.id!r}: a reference that takes arguments needs cases")

    def wrong_functions(self):
        """(advice, wrong function) of every mistake, in the order in which they are tried."""
        for advice, wrong in self.mistakes.items():
            yield from ((advice, function) for function in (wrong if isinstance(wrong, tuple) else (wrong,)))


@dataclass(frozen=True)
class Result:
    """What a check found: ``points`` out of ``max_points``, and the message, one line.

    Printed, it is the message in lines of at most 90 characters, broken between words.
    """

    points: float
    max_points: float
    message: str

    def __str__(self):
        return textwrap.fill(self.message, 90, break_long_words=False, break_on_hyphens=False)


class NotDone(Exception):
    """The answer is still the placeholder."""


def check(exercise, answer):
    """Judge ``answer`` (a function, or a value where the exercise asks for one). Returns a :class:`Result`.

    Never raises because of the answer, and shows nothing that the answer's code prints.
    """
    maximum = _number(exercise.points)

    def result(points, text):
        return Result(points, maximum, f"Exercise {exercise.id}: {text} {points} of {maximum} points.")

    with _silent():
        expected = outputs(exercise, exercise.reference)
        try:
            got = outputs(exercise, answer)
        except (NotDone, NotImplementedError):
            return result(0, "not done yet.")
        except (Exception, SystemExit) as error:
            return result(0, _one_line(error))
        got = [compare.align(g, e) for g, e in zip(got, expected, strict=True)]
        if _all_same(got, expected, exercise.tolerance):
            return result(maximum, "right." + _shape_note(got, expected) + _changed_note(exercise, answer))
        return result(0, f"not right yet. {_advice(exercise, answer, got, expected)}")


def outputs(exercise, function):
    """The function's results on every case, as :class:`compare.Pieces`; a value counts as its own result.

    Raises NotDone for a placeholder (None or ``...``), ValueError for code without a return, and whatever the
    function raises.
    """
    if exercise.cases is None:
        results = [function() if callable(function) else function]
    elif function is None or function is ...:
        raise NotDone
    elif not callable(function):
        raise TypeError(f"a function is expected, this is a {type(function).__name__}")
    else:
        results = [function(*arguments) for arguments in exercise.cases()]
    if any(r is None for r in results) and _has_code(function):
        raise ValueError("it returns None: is a `return` missing?")
    if any(r is None or r is ... for r in results):
        raise NotDone
    return [compare.pieces(r) for r in results]


def _has_code(function):
    """Whether a function uses a name or a variable of its own; a placeholder does not."""
    code = getattr(function, "__code__", None)
    return code is not None and (
        code.co_names or code.co_nlocals > len(inspect.signature(function).parameters)
    )


def _all_same(got, expected, tolerance):
    return all(compare.same(g, e, tolerance) for g, e in zip(got, expected, strict=True))


def _advice(exercise, answer, got, expected):
    for advice, mistake in exercise.wrong_functions():
        try:
            wrong = outputs(exercise, mistake)
        except Exception:  # a mistake that fails on some case is not the one that was made
            continue
        wrong = [compare.align(w, e) for w, e in zip(wrong, expected, strict=True)]
        if _all_same(got, wrong, exercise.tolerance):
            return advice
    if _zeros_and_ones(got) and _probabilities(expected):
        return "Yours are zeros and ones only, drawn or rounded. The probabilities themselves are asked for."
    if _differs_each_time(exercise, answer, got, expected):
        return "It gives another result at each call: does it draw random numbers of its own?"
    right = [compare.same(g, e, exercise.tolerance) for g, e in zip(got, expected, strict=True)]
    first = right.index(False)
    arguments = exercise.cases()[first] if exercise.cases else ()
    lengths = {n for a in arguments for n in getattr(a, "shape", ())}
    text = compare.describe(got[first], expected[first], exercise.tolerance, lengths)
    if len(right) > 1:
        return f"Test case {first + 1} of {len(right)} ({sum(right)} right): {text}"
    return text[0].upper() + text[1:]


def _differs_each_time(exercise, answer, got, expected):
    try:
        again = outputs(exercise, answer)
    except Exception:  # it did not fail the first time
        return True
    again = [compare.align(a, e) for a, e in zip(again, expected, strict=True)]
    return not _all_same(again, got, exercise.tolerance)


def _zeros_and_ones(results):
    arrays = [piece for result in results for piece in result.values()]
    return all(isinstance(a, np.ndarray) and np.isin(a, (0, 1)).all() for a in arrays)


def _probabilities(results):
    """Whether every result holds several numbers, all strictly between 0 and 1."""
    arrays = [piece for result in results for piece in result.values()]
    return all(isinstance(a, np.ndarray) and a.size > 1 and ((a > 0) & (a < 1)).all() for a in arrays)


def _shape_note(got, expected):
    """Axes of length 1 do not make an answer wrong, but the next broadcast would: (B, 1) − (B,) is (B, B)."""
    for results in zip(got, expected, strict=True):
        mine, right = ([np.shape(piece) for piece in result.values()] for result in results)
        if mine != right:
            shapes = [(g, e) for g, e in zip(mine, right, strict=True) if g != e][0]
            return " Its shape is {}, though; {} was asked for.".format(*shapes)
    return ""


def _changed_note(exercise, answer):
    """A right function may still write into its arguments; say so, since the caller's data would change."""
    for arguments, fresh in zip(exercise.cases(), exercise.cases(), strict=True) if exercise.cases else ():
        try:
            answer(*arguments)
        except Exception:  # right the first time: no more is asked of it
            return ""
        for i, (after, before) in enumerate(zip(arguments, fresh, strict=True)):
            try:
                changed = not compare.same(compare.pieces(after), compare.pieces(before), 0.0)
            except TypeError:  # a model or a generator: using it may change it
                continue
            if changed:
                return f" But it changes its argument number {i + 1}: work on a copy."
    return ""


def _one_line(error):
    text = " ".join(str(error).split())
    text = text if len(text) <= 200 else text[:197] + "..."
    return f"your code stops with {type(error).__name__}" + (f": {text.rstrip('.')}." if text else ".")


def _number(points):
    return int(points) if float(points).is_integer() else float(points)


@contextlib.contextmanager
def _silent():
    """Nothing to stdout or stderr: nbgrader gives no points to a check that writes to stderr."""
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def load_exercises(lesson):
    """The exercises of ``"NN"`` or ``"NN_name"``: a dict id → Exercise, empty when the lesson has none."""
    module = f"rbm_lib.course.exercises_{lesson[:2]}"
    if importlib.util.find_spec(module) is None:
        return {}
    return importlib.import_module(module).EXERCISES


def find_exercise(exercises, lesson, exercise_id):
    """The exercise with this id. Raises KeyError that names those there are."""
    try:
        return exercises[str(exercise_id)]
    except KeyError:
        known = ", ".join(map(repr, exercises)) or "none"
        raise KeyError(f"lesson {lesson} has no exercise {exercise_id!r}; it has: {known}") from None
