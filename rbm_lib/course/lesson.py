"""``lesson = Lesson("01_energy_and_contrastive_divergence")``: the first thing every notebook makes."""

import json
import os
import sys
from pathlib import Path

from rbm_lib.course.exercises import check, find_exercise, load_exercises
from rbm_lib.files import write_whole

PROFILES = ("fast", "full")
_sources = []  # where this process's data came from, for the table of `make run`


def repository_root():
    """The checkout this library runs from, or the current folder when it is installed elsewhere."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").exists() else Path.cwd()


class Lesson:
    """What a notebook asks about its surroundings, and where its exercises are checked.

    ``RBM_PROFILE`` is ``fast`` (the default) or ``full``; any other value raises ValueError. Unless
    ``OMP_NUM_THREADS`` is set, torch is put on one thread.
    ``exercises``: a dict id → Exercise; by default those of the lesson's number.
    """

    def __init__(self, name, exercises=None):
        profile = os.environ.get("RBM_PROFILE") or "fast"
        if profile not in PROFILES:
            raise ValueError(f"RBM_PROFILE is {profile!r}; it must be 'fast' or 'full'")
        if "OMP_NUM_THREADS" not in os.environ:
            _one_thread()
        self.name = name
        self.profile = profile
        self.exercises = load_exercises(name) if exercises is None else exercises
        self._results = {}

    def __repr__(self):
        return f"Lesson({self.name!r}, profile={self.profile!r})"

    @property
    def progress(self):
        """True where a person watches: progress bars belong there and nowhere else."""
        return not headless()

    def pick(self, *, fast, full):
        """The value for the profile in use: ``epochs = lesson.pick(fast=5, full=50)``."""
        return {"fast": fast, "full": full}[self.profile]

    def data(self, loaded):
        """Note where ``loaded`` came from (its ``source``) for the table of ``make run``; returns it."""
        source = str(getattr(loaded, "source", "unknown"))
        if source not in _sources:
            _sources.append(source)
        return loaded

    def check(self, exercise_id, answer):
        """Check an answer, print what was found, save the score, and return the points (a number).

        Raises KeyError for an unknown id, never because of a wrong answer.
        """
        exercise = find_exercise(self.exercises, self.name, exercise_id)
        result = check(exercise, answer)
        print(result)
        self._results[exercise.id] = {
            "title": exercise.title,
            "points": result.points,
            "max_points": result.max_points,
            "message": result.message,
        }
        try:
            save_score(self.name, self._results)
        except OSError as error:
            print(f"The score could not be saved ({type(error).__name__}); everything else works.")
        return result.points

    def score(self):
        """The points so far, one row per exercise and a total: a DataFrame."""
        import pandas as pd

        rows = [
            (e.id, e.title, self._results.get(e.id, {}).get("points", 0), e.points)
            for e in self.exercises.values()
        ]
        rows.append(("all", "", sum(r[2] for r in rows), sum(r[3] for r in rows)))
        return pd.DataFrame(rows, columns=["exercise", "title", "points", "of"]).set_index("exercise")

    def slider(self, function, **ranges):
        """Show ``function`` with one slider per argument, ``name=(min, max, step, start)``.

        Headless, one line says so instead: a saved widget would show nothing and change at each run. Call
        ``function`` before, at the starting values, so that a saved copy holds a figure.
        """
        if headless():
            names = ", ".join(name.replace("_", " ") for name in ranges)
            print(f"Run this cell in JupyterLab: a slider for {names} appears.")
            return
        import ipywidgets

        sliders = {name: _slider(ipywidgets, name, *bounds) for name, bounds in ranges.items()}
        ipywidgets.interact(function, **sliders)


def _one_thread():
    """Let torch work on one thread: with matrices of the course's size several only wait for each other."""
    import torch

    torch.set_num_threads(1)


def headless():
    """True when no person watches (``RBM_HEADLESS=1``: building, running, testing)."""
    return os.environ.get("RBM_HEADLESS", "") not in ("", "0")


def _slider(ipywidgets, name, minimum, maximum, step, start):
    whole = all(isinstance(x, int) for x in (minimum, maximum, step, start))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    label = name.replace("_", " ")
    # Redrawing only when the slider rests: a figure takes longer than a pixel of movement.
    settings = dict(min=minimum, max=maximum, step=step, continuous_update=False)
    return kind(value=start, description=label, **settings)


def scores_folder():
    """Where scores are written: ``RBM_SCORES``, or ``build/scores`` in the checkout."""
    return Path(os.environ.get("RBM_SCORES") or repository_root() / "build" / "scores")


def save_score(lesson, results):
    """Put ``results`` (exercise id → points, ...) into the lesson's JSON file; keeps its other exercises."""
    path = scores_folder() / f"{lesson}.json"
    try:
        known = dict(json.loads(path.read_text(encoding="utf-8"))["exercises"])
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or not ours: start afresh
        known = {}
    score = {"lesson": lesson, "exercises": dict(sorted((known | results).items()))}
    write_whole(path, json.dumps(score, indent=1, ensure_ascii=False) + "\n")


def kernel_report():
    """This process's peak memory in MB (None where unknown) and its data sources, for ``make run``."""
    return {"memory": _peak_memory(), "sources": list(_sources)}


def _peak_memory():
    if sys.platform == "win32":
        try:
            import psutil
        except ImportError:
            return None
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, kilobytes here
