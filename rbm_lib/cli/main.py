"""``python -m rbm_lib data|train|evaluate|recommend``: the library from the shell.

Results go to standard output, everything else to standard error. Exit status 0: well; 1: not, one line says
why; 2: wrong usage; 130: interrupted (a training saves what it has); 141: the reader of a pipe went away.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path

SETS = ("100k", "1m", "latest-small")


def main(arguments=None) -> int:
    """Run one command; returns the exit status, or raises SystemExit(2) for wrong usage."""
    chosen = _check_usage(parser(), arguments)
    try:
        from rbm_lib.cli import commands  # here, so that --help need not wait for pandas and scikit-learn

        status, result = getattr(commands, chosen.command)(chosen)
        if isinstance(result, dict):
            print_record(result, chosen.json)
        else:
            print_table(*result, "json" if chosen.json else "csv" if chosen.csv else "text")
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return 141
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError, MemoryError, RuntimeError) as error:
        named = isinstance(error, OSError) and error.strerror and error.filename
        reason = f"{error.filename}: {error.strerror}" if named else " ".join(str(error).split())
        print(f"rbm_lib {chosen.command}: {reason or type(error).__name__}", file=sys.stderr)
        return 1


def _check_usage(top, arguments):
    """The parsed options; SystemExit(2) for options that do not go together."""
    chosen = top.parse_args(arguments)
    if chosen.command == "train":
        if chosen.fold and (chosen.ratings or chosen.data != "100k"):
            top.error("--fold: only the set 100k has published folds; use --holdout")
        if chosen.titles and not chosen.ratings:
            top.error("--titles: MovieLens brings its own; it goes with --ratings")
        if chosen.unrated == "zero" and chosen.levels != 2:
            top.error("--unrated zero: needs --levels 2")
        if chosen.resume and not chosen.checkpoint:
            top.error("--resume: needs --checkpoint FILE")
    return chosen


# ---- results ----------------------------------------------------------------------------------------------


def print_record(record, as_json=False):
    """One fact per line, or JSON."""
    if as_json:
        print(json.dumps(record, indent=1))
        return
    for name, value in record.items():
        value = f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else value
        print(f"{name.replace('_', ' '):21} {value}")


def print_table(notes, table, form="text"):
    """A DataFrame and a few lines about it: aligned "text", "json" (notes, rows), or "csv" (no notes)."""
    if form == "json":
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        print(json.dumps({"notes": notes, "rows": rows}, indent=1))
        return
    if form == "csv":
        table.to_csv(sys.stdout, index=False)
        return
    columns = []
    for name, column in table.items():
        cells = [name, *(f"{x:.4f}" if isinstance(x, float) else str(x) for x in column)]
        width = max(map(len, cells))
        right = column.dtype.kind in "fiu"
        columns.append([cell.rjust(width) if right else cell.ljust(width) for cell in cells])
    rows = ("  ".join(row).rstrip() for row in zip(*columns, strict=True))
    print(*notes, "", *rows, sep="\n")


# ---- the options ------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        "python -m rbm_lib", description="Restricted Boltzmann machines for recommendation, from the shell.",
        epilog="Exit status 0: well; 1: not, one line says why; 2: wrong usage; 130: interrupted.",
    )  # fmt: skip
    commands = top.add_subparsers(dest="command", required=True, metavar="data|train|evaluate|recommend")
    for add in (_data, _train, _evaluate, _recommend):
        add(commands)
    return top


def _data(commands):
    command = _command(
        commands, "data", "fetch or check a MovieLens set",
        "Prints what the set holds and where it came from: files in the data folder (RBM_DATA in the "
        "environment names another one), a download, or a synthetic stand-in.",
    )  # fmt: skip
    command.add_argument("name", nargs="?", choices=SETS, default="100k", help="which one (default: 100k)")
    _flag(command, "--no-synthetic", "fail, with exit status 1, where the real files cannot be had")
    _flag(command, "--json", "print JSON")


def _train(commands):
    command = _command(
        commands, "train", "train a machine and save it",
        "Ctrl-C saves the machine as it is and ends with exit status 130.",
    )  # fmt: skip
    group = command.add_argument_group("ratings")
    which = group.add_mutually_exclusive_group()
    _option(which, "--data", "100k", "a MovieLens set", choices=SETS)
    _option(which, "--ratings", None, "a CSV file with the columns user_id, item_id, rating (1 to 5, or half "
            "stars 0.5 to 5); others are passed over", type=Path, metavar="FILE")  # fmt: skip
    _option(group, "--titles", None, "a CSV file with the columns item_id, title", type=Path, metavar="FILE")
    _flag(group, "--no-synthetic", "fail where the real files of a MovieLens set cannot be had")
    part = group.add_mutually_exclusive_group()
    _option(part, "--fold", None, "hold out this one of the published folds u1 to u5 of 100k", type=int,
            choices=range(1, 6))  # fmt: skip
    _option(part, "--holdout", 0.2, "hold out this share of each user's ratings, at random; 0: none",
            type=_number(0, 1), metavar="SHARE")  # fmt: skip
    _option(group, "--split-seed", 0, "seed of --holdout", type=_whole(0), metavar="N")

    group = command.add_argument_group("machine")
    _option(group, "--levels", 2, "2: like or not; 5: one per rating (10 for half stars)", type=int,
            choices=(2, 5, 10))  # fmt: skip
    _option(group, "--like-at-least", "4", "the lowest rating that is a like", type=_number(0), metavar="X")
    _option(group, "--rows", "users", "users: one row per user, items as visible units, new people can be "
            "folded in; items: the reverse", choices=("users", "items"))  # fmt: skip
    _option(group, "--unrated", "missing", "missing: the machine learns from rated cells only, to predict "
            "ratings; zero: what is not liked is a 0, to rank items",
            choices=("missing", "zero"))  # fmt: skip
    _option(group, "--hidden", 100, "hidden units", type=_whole(1), metavar="N")
    _option(group, "--weight-std", 0.01, "spread of the first weights", type=_number(0), metavar="X")

    group = command.add_argument_group("training")
    _option(group, "--method", "cd", "contrastive divergence, or persistent chains", choices=("cd", "pcd"))
    _option(group, "--k", 1, "Gibbs sweeps per update", type=_whole(1), metavar="N")
    _option(group, "--epochs", 20, "passes over the data", type=_whole(1), metavar="N")
    _option(group, "--batch-size", 50, "rows per update", type=_whole(1), metavar="N")
    _option(group, "--lr", 0.05, "learning rate, falling linearly to 0", type=_number(0), metavar="X")
    _flag(group, "--constant-lr", "keep the learning rate as it is")
    _option(group, "--momentum", 0.9, "of the gradient descent", type=_number(0, 1), metavar="X")
    _option(group, "--weight-decay", 0.01, "decay of the weights", type=_number(0), metavar="X")
    _option(group, "--decay-toward", "zero", "where to: zero, or each level's mean weights over the visible "
            "units", choices=("zero", "item_mean"))  # fmt: skip
    _option(group, "--seed", 0, "seed of the first weights and of all draws", type=_whole(0), metavar="N")
    _device(group)

    group = command.add_argument_group("files and output")
    _option(group, "--output", Path("model.pt"), "where to save the machine; an older one there is replaced",
            type=Path, metavar="FILE")  # fmt: skip
    _option(group, "--checkpoint", None, "write the state of the training here after every epoch", type=Path,
            metavar="FILE")  # fmt: skip
    _flag(group, "--resume", "go on from --checkpoint where that exists; give the same options as before")
    _flag(group, "--progress", "a progress bar even where standard error is no terminal")
    _flag(group, "--json", "print the last epoch's monitors as JSON")


def _evaluate(commands):
    command = _command(
        commands, "evaluate", "the metric table on held-out ratings, beside simple baselines",
        "The split is the one the model was trained with; no held-out rating is ever the model's input.",
    )  # fmt: skip
    _model(command)
    _option(command, "--bootstrap", 500, "resamplings per interval", type=_whole(1), metavar="N")
    _formats(command)


def _recommend(commands):
    command = _command(
        commands, "recommend", "the best items that somebody has not rated",
        "For a user of the ratings that the model was trained with (here held-out ones are input too), or "
        "for a new person, without a new training.",
    )  # fmt: skip
    _model(command)
    whom = command.add_mutually_exclusive_group(required=True)
    whom.add_argument("--user", metavar="ID", help="a user of the ratings")
    whom.add_argument("--ratings", type=Path, metavar="FILE",
                      help="a new person's ratings: a CSV file with the columns item_id, rating")  # fmt: skip
    _option(command, "-n", 10, "how many", type=_whole(1), metavar="N")
    _option(command, "--titles", None, "a CSV file with the columns item_id, title (else that of the "
            "training, or MovieLens' own)", type=Path, metavar="FILE")  # fmt: skip
    _formats(command)


def _command(commands, name, what, more):
    return commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}. {more}")


def _option(group, name, default, text, **settings):
    text += " (default: none)" if default is None else " (default: %(default)s)"
    group.add_argument(name, default=default, help=text, **settings)


def _flag(group, name, text):
    group.add_argument(name, action="store_true", help=f"{text} (default: off)")


def _model(command):
    command.add_argument("model", type=Path, metavar="MODEL", help="a file written by train")
    _option(command, "--trained-on", None, "the ratings file of the training, if it has moved", type=Path,
            metavar="FILE")  # fmt: skip
    _device(command)


def _device(group):
    _option(group, "--device", "auto", "cpu, cuda, cuda:1; auto: CUDA if there, else the CPU", metavar="X")


def _formats(command):
    which = command.add_mutually_exclusive_group()
    _flag(which, "--json", "print JSON")
    _flag(which, "--csv", "print CSV")


def _whole(least):
    def read(text):
        if not text.strip().isascii() or not text.strip().isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of at least {least}")
        return int(text)

    return read


def _number(least, below=math.inf):
    def read(text):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < below:
            limit = "" if below == math.inf else f" and below {below}"
            raise argparse.ArgumentTypeError(f"{text!r}: expected a number of at least {least}{limit}")
        return value

    return read
