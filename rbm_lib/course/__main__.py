"""``python -m rbm_lib.course lab|build|student|run|score|slides|quiz|check``.

Exit status 0: all is well; 1: it is not; 2: wrong usage.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from rbm_lib.course import environment


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser("python -m rbm_lib.course", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    commands.add_parser("lab", help="open your own copies; options go to JupyterLab")

    build = commands.add_parser("build", help="rebuild notebooks and student copies")
    build.add_argument("--profile", choices=environment.PROFILES, default="full")
    student = commands.add_parser("student", help="make unsolved copies; no work is lost")
    slides = commands.add_parser("slides", help="make slides of the committed notebooks")
    for command in (build, student, slides):
        command.add_argument("lessons", nargs="*", help="as 01 or by name; all by default")

    run = commands.add_parser("run", help="execute every notebook; copies go to build/")
    run.add_argument("--profile", choices=environment.PROFILES, help="default: RBM_PROFILE")
    run.add_argument("--timeout", type=int, default=600, help="seconds for a cell")

    score = commands.add_parser("score", help="score submissions, apart from each other")
    score.add_argument("paths", nargs="+", help="notebooks, or folders of them")
    score.add_argument("--roster", help="CSV with id and name: grades of these students")
    score.add_argument("--timeout", type=float, default=600, help="seconds for a notebook")
    score.add_argument("--memory", type=float, default=4, help="gigabytes for a notebook")
    score.add_argument("--output", type=float, default=5, help="megabytes shown by a cell")
    score.add_argument("--jobs", type=int, default=1, help="how many at a time")

    commands.add_parser("quiz", help="export the questions for Moodle, Canvas and paper")
    commands.add_parser("check", help="is everything installed that the course needs?")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status."""
    options, others = parser().parse_known_args(arguments)
    if others and options.command != "lab":
        parser().error(f"unrecognized arguments: {' '.join(others)}")
    if options.command == "check":
        environment.check_environment()
        environment.check_device()
        return 0 if all(row[3] == "ok" for row in environment.environment_rows()) else 1

    try:
        # `check` also works where what these need is missing.
        from rbm_lib.course import (
            build,
            isolate,
            quiz,
            roster,
            run,
            score,
            slides,
            student,
            work,
        )

        if options.command != "score":
            environment.require_lessons()
        if options.command == "lab":
            return work.open_lab(others)
        if options.command == "build":
            build.build(options.lessons, options.profile)
        elif options.command == "student":
            student.make_students(options.lessons)
        elif options.command == "slides":
            slides.make_slides(options.lessons)
        elif options.command == "quiz":
            quiz.make_quiz()
        elif options.command == "score":
            limits = isolate.Limits(options.timeout, options.memory, options.output)
            # Before the submissions run: it may have a mistake.
            students = roster.read_roster(options.roster) if options.roster else None
            rows = score.score(options.paths, limits=limits, jobs=options.jobs)
            if students is not None:
                target = environment.repository_root() / "build"
                roster.write_grades(rows, students, target, options.paths)
        else:
            profile = options.profile or environment.profile_in_use()
            return 0 if run.run(profile, timeout=options.timeout) else 1
    except environment.CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "rbm_lib").startswith("rbm_lib"):
            raise
        print(f"{error.name}: it is not installed. {environment.FIX}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["lab"]:  # which is the user's own
        sys.exit(main())
    # No run should hang on settings and start-up files of the user's Jupyter and IPython.
    with tempfile.TemporaryDirectory(prefix="rbm-", ignore_cleanup_errors=True) as own:
        names = ["IPYTHONDIR"]
        names += [f"JUPYTER_{kind}_DIR" for kind in ("CONFIG", "DATA", "RUNTIME")]
        try:
            Path.home()
        except RuntimeError:  # matplotlib 3.9, among others, cannot be imported then
            names.append("HOME")
        os.environ |= dict.fromkeys(names, own)
        status = main()
    sys.exit(status)
