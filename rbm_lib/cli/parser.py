"""The options of every command, and which of them exclude each other."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rbm_lib.version import __version__

SETS = ("100k", "1m", "latest-small")
EXAMPLES = """\
From a file to lists:
  rbm-lib train ratings.csv --titles films.csv
  rbm-lib recommend model.rbm --like "Toy Story" --like Alien
  rbm-lib recommend model.rbm --all -o lists.csv

Without a file of your own, MovieLens 100K is a start: rbm-lib train 100k
Each command explains itself: rbm-lib train --help
"""
FILES = """
FILE is a table with a line for each rating: user, item, rating. What is between columns, a
header or none, .gz and RecBole's .inter are found out, and the first line of the output
says what was understood. Without ratings each line is a like.
"""
LEARNED = """
A fifth of each person's ratings is held out first. If the model is not clearly better on
them than popularity (--task rank) or the share of likes (--task rate), nothing is saved, an
older model stays, and the exit status is 1.
"""
COMMANDS = {
    "train": "learn from a file of ratings, and save a model",
    "evaluate": "compare the model with simple methods on held-out ratings",
    "recommend": "list the best items for users, a new person or everybody",
    "explain": "say which likes put an item on somebody's list",
    "predict": "say what somebody will think of an item (--task rate)",
    "data": "fetch a MovieLens set, or check the one that is here",
    "course": "copy the lessons of the course into a folder",
}
HELP = {
    "--json": "print the result as JSON",
    "file": f"a table, or a MovieLens set: {', '.join(SETS)}",
    "--task": "rank: which items next? (default) rate: will they like it, how many stars?",
    "--titles": "a table with the titles of the items, which the model keeps",
    "--columns": "which is which: user=who,item=film,rating=stars, by name or by number "
    "from 1; or all columns in order: user,item,rating",
    "--sep": "what is between columns, if the guess is wrong; \\t is a tab",
    "--no-header": "the first line is a rating",
    "--scale": "all possible ratings: 1-5, or 0,25,50,75,100",
    "--like-at-least": "the lowest rating, or number of plays or lines, that is a like "
    "(default: the upper quarter of the scale; one play; one line)",
    "--like-quantile": "the same by a share: 0.5 makes the upper half of all ratings likes",
    "--on-duplicate": "if somebody rates an item twice; last is the last line of the file, "
    "sum is for plays (default: error)",
    "--tune": "choose the settings first, which takes as long as seven trainings; "
    "evaluate also chooses those of the simple methods",
    "--seed": "of all random numbers (default: 0)",
    "--output": "where to save the model (default: model.rbm)",
    "--anyway": "save also a model that has learned nothing; the status is still 1",
    "model": "a file that `rbm-lib train` has written",
    "--user": "somebody in the training ratings; can be repeated",
    "--like": "an item that a new person likes, by title or id; can be repeated",
    "--dislike": "an item that the new person does not like",
    "--ratings": "a new person's ratings: item and rating, or an item in each line",
    "--all": "everybody in the training ratings, to the file -o",
    "--to": "lists.csv, lists.csv.gz or lists.parquet",
    "-n": "length of a list (default: 10)",
    "--item": "the item, by title or id",
    "name": "which set",
    "folder": "where the lessons go; what is there is never overwritten",
}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "rbm-lib",
        description="Recommend by restricted Boltzmann machines, from a file of ratings.",
        epilog=EXAMPLES,
        formatter_class=layout,
    )
    parser.add_argument("--version", action="version", version=f"rbm-lib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    details = {"train": FILES + LEARNED, "evaluate": FILES}
    for name, text in COMMANDS.items():
        about = f"{text[0].upper()}{text[1:]}.\n{details.get(name, '')}"
        command = commands.add_parser(
            name, help=text, description=about, formatter_class=layout
        )

        def add(*names: str, about: str = "", command: Any = command, **options: Any):
            command.add_argument(*names, help=HELP[about or names[-1]], **options)

        _add_options(name, add)
        add("--json", action="store_true")
    return parser


def _add_options(command: str, add: Callable[..., None]) -> None:
    if command == "data":
        add("name", choices=SETS)
    elif command == "course":
        add("folder", metavar="DIR", type=_path)
    elif command in ("train", "evaluate"):
        add("file", metavar="FILE")
        add("--task", choices=("rank", "rate"), default="rank")
        add("--titles", type=_path, metavar="FILE")
        add("--columns")
        add("--sep")
        add("--no-header", dest="header", action="store_false", default=None)
        add("--scale", type=_scale)
        add("--like-at-least", type=float, metavar="X")
        add("--like-quantile", type=float, metavar="Q")
        add("--on-duplicate", choices=("error", "last", "mean", "sum"), default="error")
        add("--tune", action="store_true")
        add("--seed", type=_whole, default=0)
    else:
        add("model", metavar="MODEL", type=_path)
        add("--user", action="append", metavar="ID")
        add("--like", action="append", metavar="TITLE")
        add("--dislike", action="append", metavar="TITLE")
        add("--ratings", type=_path, metavar="FILE")
    if command == "train":
        add("-o", "--output", type=_path, default=Path("model.rbm"), metavar="MODEL")
        add("--anyway", action="store_true")
    if command == "recommend":
        add("--all", action="store_true")
        add("-o", "--output", type=_path, metavar="FILE", about="--to")
    if command == "explain":
        add("--item", required=True, metavar="TITLE")
    if command == "predict":
        add("--item", action="append", required=True, metavar="TITLE")
    if command in ("recommend", "explain"):
        add("-n", type=_positive, default=10)


def conflict(options: argparse.Namespace) -> str | None:
    """Which options exclude each other, or which is lacking."""
    if options.command in ("train", "evaluate") and options.like_quantile is not None:
        if options.like_at_least is not None or options.scale is not None:
            return "--like-quantile: expected it without --like-at-least and --scale"
    if options.command not in ("recommend", "explain", "predict"):
        return None
    tastes = options.like or options.dislike
    everybody = options.command == "recommend" and options.all
    given = [options.user, tastes, options.ratings, everybody]
    if sum(map(bool, given)) != 1:
        or_all = " or --all" if options.command == "recommend" else ""
        return f"expected one of --user, --like (with --dislike), --ratings{or_all}"
    if options.command == "explain" and len(options.user or [""]) > 1:
        return "--user: expected one person to explain a list to"
    if options.command == "recommend" and options.all != (options.output is not None):
        return "--all and -o FILE: expected both, or neither"
    return None


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number above 0")
    return int(text)


def _whole(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _path(text: str) -> Path:
    return Path(text).expanduser()  # shells leave the tilde of --output=~/model.rbm


def _scale(text: str) -> list[float]:
    """1-5 in whole steps, 0.5-5 in half steps, or all numbers with commas between them."""
    steps = []
    try:
        if match := re.fullmatch(r"([\d.]+)-([\d.]+)", text):
            low, high = map(float, match.groups())
            step = 1 if low.is_integer() and high.is_integer() else 0.5
            steps = [
                low + step * k for k in range(min(256, round((high - low) / step) + 1))
            ]
        else:
            steps = [float(part) for part in text.split(",")]
    except ValueError:
        pass
    if len(steps) < 2 or sorted(set(steps)) != steps:
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected a range such as 1-5, or increasing numbers with commas"
        )
    return steps
