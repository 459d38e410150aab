"""``python -m rbm_lib.course build|student|run|score|check``. Exit status 0: well; 1: not; 2: wrong usage."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from rbm_lib.course.lesson import PROFILES


def parser():
    """The command line."""
    top = argparse.ArgumentParser("python -m rbm_lib.course", description="Build, run and check the course.")
    commands = top.add_subparsers(dest="command", required=True)

    build = commands.add_parser("build", help="rebuild the committed notebooks and the student copies")
    build.add_argument("lessons", nargs="*", help="which ones, as 01 or by name; all by default")
    build.add_argument("--profile", choices=PROFILES, default="full", help="default: full")

    student = commands.add_parser("student", help="make the unsolved copies; nobody's work is overwritten")
    student.add_argument("lessons", nargs="*", help="which ones, as 01 or by name; all by default")

    run = commands.add_parser("run", help="execute every notebook; copies, an index and a table go to build/")
    run.add_argument("--profile", choices=PROFILES, help="default: the variable RBM_PROFILE, or fast")
    run.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="per cell; default: 600")

    score = commands.add_parser(
        "score",
        help="run submissions apart from each other, with limits; points go to build/scores.csv and .json",
        description="Points of submissions. Each runs in processes and a temporary folder of its own, with "
        "the course's own checks: one that loops, exits, eats memory or prints without end spoils nothing "
        "for the others, and keeps the points it reached. This guards against accidents, not attacks.",
    )
    score.add_argument("paths", nargs="+", help="notebooks, or folders of them (with all below)")
    score.add_argument(
        "--timeout",
        type=_positive,
        default=600,
        metavar="SECONDS",
        help="per notebook; a cell is interrupted after a quarter of it; default: 600",
    )
    score.add_argument(
        "--memory",
        type=_positive,
        default=4,
        metavar="GB",
        help="per notebook; default: 4 (on Windows and macOS watched, not enforced at once)",
    )
    score.add_argument(
        "--output", type=_positive, default=5, metavar="MB", help="printed by a cell; default: 5"
    )
    score.add_argument("--jobs", type=int, default=1, metavar="N", help="how many at a time; default: 1")

    commands.add_parser("check", help="is everything installed that the course needs?")
    return top


def _positive(text):
    number = float(text)
    if not number > 0:
        raise ValueError
    return number


def main(arguments=None):
    """Run one command; returns the exit status."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "check":
        from rbm_lib.course.environment import check_device, check_environment, environment_rows

        check_environment()
        check_device()
        return 0 if all(row[3] == "ok" for row in environment_rows()) else 1

    from rbm_lib.course.notebook import BuildError, short_path

    try:
        if chosen.command == "run":
            from rbm_lib.course.run import run

            profile = chosen.profile or os.environ.get("RBM_PROFILE") or "fast"
            if profile not in PROFILES:
                raise BuildError(f"RBM_PROFILE is {profile!r}; it must be 'fast' or 'full'")
            return 0 if run(profile, timeout=chosen.timeout) else 1
        if chosen.command == "score":
            from rbm_lib.course.isolate import Limits
            from rbm_lib.course.score import score

            score(
                chosen.paths,
                limits=Limits(chosen.timeout, chosen.memory, chosen.output),
                jobs=max(1, chosen.jobs),
            )
            return 0
        if chosen.command == "build":
            from rbm_lib.course.build import build as make
        else:
            from rbm_lib.course.student import make_students as make
        options = {"profile": chosen.profile} if chosen.command == "build" else {}
        for path in make(chosen.lessons, **options):
            print(short_path(path))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # No run should hang on the settings and start-up files of the user's own Jupyter and IPython, and there
    # may be no home to hold any.
    with tempfile.TemporaryDirectory(prefix="rbm-", ignore_cleanup_errors=True) as own:
        names = ["IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"]
        try:
            Path.home()
        except RuntimeError:  # matplotlib 3.9, among others, cannot be imported then
            names.append("HOME")
        os.environ |= dict.fromkeys(names, own)
        status = main()
    sys.exit(status)
