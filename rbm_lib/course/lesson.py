"""``lesson = Lesson("01_energy_and_contrastive_divergence")``: what a notebook asks for."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import torch

from rbm_lib.course.environment import headless, profile_in_use, repository_root
from rbm_lib.course.exercises import Exercise, check, load_exercises
from rbm_lib.files import write_whole

T = TypeVar("T")
data_sources: list[str] = []  # of this process, for the table of `make run`


class Lesson:
    """A notebook's exercises, and the profile in which it runs.

    The profile is ``RBM_PROFILE``, "fast" (the default) or "full"; others raise ValueError.
    Unless ``OMP_NUM_THREADS`` is set, torch gets one thread: enough for small matrices.

    Parameters
    ----------
    name : str
        "NN_name", as the notebook's file.
    exercises : dict of id to Exercise, optional
        By default those in the file of the lesson's number in ``notebooks/exercises``.
    """

    def __init__(self, name: str, exercises: dict[str, Exercise] | None = None) -> None:
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)
        self.name = name
        self.profile = profile_in_use()
        self.exercises = load_exercises(name) if exercises is None else exercises
        self._results: dict[str, dict[str, Any]] = {}

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

    def check(self, exercise_id: str, answer: Any) -> float:
        """Check an answer, print the verdict, save the score, and return the points.

        The last check of an exercise counts.

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
        print(result)
        self._results[exercise_id] = {"title": exercise.title, **vars(result)}
        try:
            save_score(self.name, self._results)
        except OSError as error:
            reason = type(error).__name__
            print(f"The score could not be saved ({reason}); everything else works.")
        return result.points

    def score(self) -> pd.DataFrame:
        """Return the points so far: a row for each exercise, and the total."""
        graded = [e for e in self.exercises.values() if e.graded]
        points = [self._results.get(e.id, {}).get("points", 0) for e in graded]
        rows = [(e.title, p, e.points) for e, p in zip(graded, points, strict=True)]
        table = pd.DataFrame(rows, [e.id for e in graded], ["title", "points", "of"])
        table.loc["all"] = ["", sum(points), sum(e.points for e in graded)]
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
        if headless():
            names = ", ".join(name.replace("_", " ") for name in ranges)
            print(f"Run this cell in JupyterLab: a slider for {names} appears.")
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


def save_score(lesson: str, results: dict[str, dict[str, Any]]) -> None:
    """Put results (by exercise) into the lesson's file, beside those that are there."""
    folder = os.environ.get("RBM_SCORES") or repository_root() / "build" / "scores"
    path = Path(folder) / f"{lesson}.json"
    try:
        known = dict(json.loads(path.read_text(encoding="utf-8"))["exercises"])
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or not a score
        known = {}
    score = {"lesson": lesson, "exercises": dict(sorted((known | results).items()))}
    write_whole(path, json.dumps(score, indent=1, ensure_ascii=False) + "\n")
