"""`python -m rbm_lib data|train|evaluate|recommend`: the library from the shell.

Results go to standard output, everything else to standard error. Exit status 0: done; 1:
not done, and one line says why; 2: wrong usage; 130: interrupted (a training run saves what
it has); 141: the reader of a pipe went away.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SETS = ("100k", "1m", "latest-small")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; SystemExit(2) for wrong usage."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.command == "train" and (fault := _conflict(options)):
        parser.error(fault)
    try:
        from rbm_lib.cli import commands  # --help need not wait for torch and pandas

        status, result = getattr(commands, options.command)(options)
        if isinstance(result, dict):
            print_record(result, options.json)
        else:
            print_table(*result, as_json=options.json)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError, MemoryError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"rbm_lib {options.command}: {reason}", file=sys.stderr)
        return 1


def print_record(record: dict[str, Any], as_json: bool) -> None:
    """One fact per line, or JSON."""
    if as_json:
        print(json.dumps(record, indent=1))
        return
    for name, value in record.items():
        if isinstance(value, float):
            value = f"{value:.4g}"
        elif isinstance(value, int) and not isinstance(value, bool):
            value = f"{value:,}"
        print(f"{name.replace('_', ' '):21} {value}")


def print_table(notes: list[str], table: Any, as_json: bool) -> None:
    """A DataFrame below a few notes, or JSON with both."""
    if as_json:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        print(json.dumps({"notes": notes, "rows": rows}, indent=1))
        return
    text = table.to_string(index=False, float_format="{:.4f}".format)
    print(*notes, "", text, sep="\n")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m rbm_lib",
        description="Restricted Boltzmann machines for recommendation, from the shell.",
        epilog="Exit status 0: done; 1: not done; 2: wrong usage; 130: interrupted.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    adders: dict[str, tuple[Callable[[Any], None], str]] = {
        "data": (_data, "fetch or check a MovieLens set"),
        "train": (_train, "train a model and save it"),
        "evaluate": (_evaluate, "score held-out ratings, beside simple baselines"),
        "recommend": (_recommend, "list the best items that somebody has not rated"),
    }
    for name, (add, text) in adders.items():
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        add(command)
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _conflict(options: argparse.Namespace) -> str:
    """Which options of `train` exclude each other; empty if none do."""
    if options.fold and (options.ratings or options.data != "100k"):
        return "--fold: only the set 100k has published folds. Use --holdout."
    if options.unrated == "zero" and options.levels > 2:
        return f"--levels: got {options.levels}, expected 2 with --unrated zero."
    if options.resume and not options.checkpoint:
        return "--resume: got no --checkpoint, expected the file to go on from."
    if options.checkpoint and options.checkpoint.resolve() == options.output.resolve():
        return f"--checkpoint: got {options.output} as for --output, expected two files."
    return ""


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", choices=SETS, default="100k", help="which set")
    _no_synthetic(command)


def _train(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--data", default="100k", choices=SETS, help="a MovieLens set")
    add("--ratings", type=_path, help="CSV file with user_id, item_id, rating, instead")
    _no_synthetic(command)
    add("--fold", type=int, choices=range(1, 6), help="hold out a published fold of 100k")
    add(
        "--holdout",
        type=_share,
        default=0.2,
        help="share of each user's ratings to hold out",
    )
    add("--like-at-least", type=float, default=4, help="lowest rating that is a like")
    add("--levels", type=int, choices=(2, 5, 10), default=2, help="2: like or not")
    add(
        "--unrated",
        choices=("missing", "zero"),
        default="missing",
        help="missing: learn from rated cells, to predict ratings; zero: what is not "
        "liked is a 0, to rank items",
    )
    add("--hidden", type=_positive, default=100, help="hidden units")
    add("--epochs", type=_positive, default=20, help="passes over the data")
    add("--batch-size", type=_positive, default=50, help="rows per update")
    add("--lr", type=float, default=0.05, help="learning rate, falling linearly to 0")
    add("--weight-decay", type=float, default=0.01, help="decay of the weights")
    add("--seed", type=int, default=0, help="of the split, the first weights and all draws")
    add("--checkpoint", type=_path, help="save the state of the run here after every epoch")
    add("--resume", action="store_true", help="go on from --checkpoint if it exists")
    add("--output", type=_path, default=Path("model.pt"), help="where to save the model")


def _evaluate(command: argparse.ArgumentParser) -> None:
    _model(command)
    command.add_argument("--bootstrap", type=_positive, default=500, help="resamplings")


def _recommend(command: argparse.ArgumentParser) -> None:
    _model(command)
    whom = command.add_mutually_exclusive_group(required=True)
    whom.add_argument(
        "--user", help="a user of the ratings that the model was trained with"
    )
    whom.add_argument("--ratings", type=_path, help="CSV file with item_id, rating")
    command.add_argument("-n", type=_positive, default=10, help="how many items")


def _model(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", type=_path, help="a file written by train")


def _no_synthetic(command: argparse.ArgumentParser) -> None:
    text = "fail if the real files cannot be had, instead of taking a stand-in"
    command.add_argument("--no-synthetic", action="store_true", help=text)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number above 0")
    return int(text)


def _path(text: str) -> Path:
    return Path(text).expanduser()  # shells leave the tilde of --output=~/model.pt


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected a number from 0 to below 1"
        )
    return share
