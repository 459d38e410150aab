"""``lesson = Lesson("01_energy_and_contrastive_divergence")``: what a notebook asks for."""

import html
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import torch

from rbm_lib.course.environment import (
    file_of_course,
    headless,
    profile_in_use,
    repository_root,
    watched,
)
from rbm_lib.course.exercises import Exercise, Result, check, load_exercises
from rbm_lib.course.forms import in_form_of
from rbm_lib.course.predictions import Answer, Prediction, Predictions
from rbm_lib.course.quiz import read_bank
from rbm_lib.course.quiz_box import quiz_box
from rbm_lib.course.say import say
from rbm_lib.files import write_whole

T = TypeVar("T")
data_sources: list[str] = []  # of this process, for the table of `make run`


class Points(float):
    """A check's points. A notebook shows the verdict, and nbgrader reads the number."""

    result: Result

    def __new__(cls, result: Result) -> "Points":
        points = super().__new__(cls, result.points)
        points.result = result
        return points

    def __repr__(self) -> str:
        return f"{self:g}"

    def _repr_html_(self) -> str:
        if self.result.points == self.result.max_points:
            mark, color = "✓", "#009E73"
        elif "not done yet" in self.result.message:
            mark, color = "○", "#6b7280"
        else:
            mark, color = "✗", "#D55E00"
        style = f"border-left: 4px solid {color}; padding: 0.2em 0.8em"
        text = html.escape(self.result.message)
        return f'<div style="{style}">{mark} {text}</div>'


class Lesson:
    """A notebook's exercises and predictions, and the profile in which it runs.

    The profile is ``RBM_PROFILE``, "fast" (the default) or "full"; others raise ValueError.
    Unless ``OMP_NUM_THREADS`` is set, torch gets one thread: enough for small matrices.
    Figures get the course's style.

    Parameters
    ----------
    name : str
        "NN_name", as the notebook's file.
    exercises : dict of id to Exercise, optional
        By default those in the file of the lesson's number in ``notebooks/exercises``.
    """

    def __init__(self, name: str, exercises: dict[str, Exercise] | None = None) -> None:
        from rbm_lib.course.plotting import use_style  # `course check` does without

        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)
        use_style()
        self.name = name
        self.profile = profile_in_use()
        self.exercises = load_exercises(name) if exercises is None else exercises
        self._results: dict[str, dict[str, Any]] = {}
        self._predictions = Predictions()

    @property
    def progress(self) -> bool:
        """Whether somebody watches. Progress bars are for them only."""
        return not headless()

    def pick(self, *, fast: T, full: T) -> T:
        """Return the value for the profile: ``epochs = lesson.pick(fast=5, full=50)``."""
        return fast if self.profile == "fast" else full

    def data(self, loaded: T) -> T:
        """Note the ``source`` of a data set for the table of ``make run``. Returns it."""
        source = str(getattr(loaded, "source", "unknown"))
        if source not in data_sources:
            data_sources.append(source)
        return loaded

    def check(self, exercise_id: str, answer: Any) -> Points:
        """Check an answer, save the score, and return the points, shown as the verdict.

        The best check of an exercise counts.

        Parameters
        ----------
        exercise_id : str
        answer : function

        Raises
        ------
        KeyError
            If the lesson has no such exercise. A wrong answer raises nothing.
        """
        if exercise_id not in self.exercises:
            known = ", ".join(self.exercises) or "none: keep the folder notebooks/exercises"
            raise KeyError(f"exercise_id: got {exercise_id!r}, expected one of {known}.")
        exercise = self.exercises[exercise_id]
        result = check(exercise, answer)
        best = self._results.get(exercise_id, {}).get("points", -1)
        if result.points < best:
            message = f"{result.message} You keep the {best:g} from before."
            result = Result(result.points, result.max_points, message)
        else:
            self._results[exercise_id] = {"title": exercise.title, **vars(result)}
        try:
            save_scores(self.name, self._results)
        except OSError as error:
            reason = type(error).__name__
            print(f"The score could not be saved ({reason}); everything else works.")
        return Points(result)

    def use(self, exercise_id: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        """Return the answer if it is right, else the course's own, and then say so.

        So a lesson goes on with what its reader wrote, and unsolved copies run to the end.

        Parameters
        ----------
        exercise_id : str
        answer : function
        """
        exercise = self.exercises[exercise_id]
        if check(exercise, answer).points < exercise.points:
            best = self._results.get(exercise_id, {}).get("points", 0)
            state = "no longer right" if best == exercise.points else "open"
            own = "the course's own version is used here"
            print(f"Exercise {exercise_id} is {state}: {own}.")
            return exercise.reference
        usable = in_form_of(exercise.reference, answer, exercise.cases)
        if usable is None:
            print(
                f"Your exercise {exercise_id} is right, but its results have other shapes "
                "than the next cells need: the course's own version is used here."
            )
        return usable or exercise.reference

    def predict(self, name: str, question: str, options: Sequence[str] = ()) -> None:
        """Show a box for a guess, and keep what is written there.

        Where nobody watches, a line stands in its place.

        Parameters
        ----------
        name : str
            By which :meth:`reveal` knows the guess.
        question : str
            Shown above the box, with the unit of the answer: "Your guess, in nats".
        options : sequence of str, optional
            Answers to choose from.
        """
        self._predictions.ask(name, Prediction(question, tuple(options)))

    def reveal(
        self, name: str, answer: Answer, text: str = "", within: float = 0.2
    ) -> None:
        """Compare a guess with this run's answer, and say so with ``text`` behind it.

        Parameters
        ----------
        name : str
            As in :meth:`predict`.
        answer : float or str
            A number, one of the options, or a text beside which a written guess is put.
        text : str, optional
            A sentence, in Markdown, that states the answer.
        within : float, optional
            A guess is close if it differs from a number by at most this share of it.
        """
        self._predictions.reveal(name, answer, text, within)

    def predictions(self) -> None:
        """Say how many guesses were made and how many of them were right."""
        say(self._predictions.summary())

    def quiz(self) -> None:
        """Show the questions of ``notebooks/quiz``, each with a verdict on every option.

        Where nobody watches, a line stands in their place.
        """
        bank = file_of_course(f"quiz/{self.name[:2]}.toml")
        questions = read_bank(bank) if bank else []
        if not questions:
            print("This lesson has no quiz here: keep the folder notebooks/quiz.")
            return
        if watched(f"{len(questions)} questions appear"):
            from IPython.display import display

            display(quiz_box(questions))

    def score(self) -> pd.DataFrame:
        """Return the points of this session: a row for each exercise, and the total."""
        rows = [
            (e.title, self._results.get(e.id, {}).get("points", 0), e.points)
            for e in self.exercises.values()
        ]
        table = pd.DataFrame(rows, list(self.exercises), ["title", "points", "of"])
        table.loc["all"] = ["", table.points.sum(), table.of.sum()]
        return table.rename_axis("exercise")

    def slider(self, function: Callable[..., Any], **ranges: tuple) -> None:
        """Show a function with a slider for each of its arguments.

        Where nobody watches, a line says so instead: a saved slider shows nothing. Call the
        function before, so that a saved notebook has a figure.

        Parameters
        ----------
        **ranges : (minimum, maximum, step, start)
            For each argument. With whole numbers the slider has whole numbers.
        """
        names = ", ".join(name.replace("_", " ") for name in ranges)
        if not watched(f"a slider for {names} appears"):
            return

        import ipywidgets

        sliders = {}
        for name, (low, high, step, start) in ranges.items():
            whole = all(isinstance(x, int) for x in (low, high, step, start))
            make = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
            # A figure takes longer than a pixel of movement: wait until the slider rests.
            options = {"min": low, "max": high, "step": step, "continuous_update": False}
            sliders[name] = make(start, description=name.replace("_", " "), **options)
        ipywidgets.interact(function, **sliders)


def score_file(lesson: str) -> Path:
    folder = os.environ.get("RBM_SCORES") or repository_root() / "build" / "scores"
    return Path(folder) / f"{lesson}.json"


def saved_scores(lesson: str) -> dict[str, dict[str, Any]]:
    """The results by exercise in the lesson's file. None yet, or no such file: empty."""
    try:
        text = score_file(lesson).read_text(encoding="utf-8")
        return dict(json.loads(text)["exercises"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def save_scores(lesson: str, results: dict[str, dict[str, Any]]) -> None:
    """Put results into the lesson's file, unless there are better ones."""
    known = saved_scores(lesson)
    for exercise, result in results.items():
        if result["points"] >= known.get(exercise, {}).get("points", 0):
            known[exercise] = result
    score = {"lesson": lesson, "exercises": dict(sorted(known.items()))}
    text = json.dumps(score, indent=1, ensure_ascii=False)
    write_whole(score_file(lesson), text + "\n")
