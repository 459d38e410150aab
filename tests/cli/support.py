"""A small CSV file of ratings, and calls of the command line."""

import csv
import json

import numpy as np

from rbm_lib.cli.main import main

QUICK = ["--epochs", "20", "--hidden", "4", "--batch-size", "5", "--lr", "0.1"]
ITEMS = range(100, 130)


def run(*arguments):
    return main([str(argument) for argument in arguments])


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def write_ratings(path):
    """40 users with 18 ratings; users and items with odd ids go together, and even ones."""
    rng = np.random.default_rng(0)
    lines = ["user_id,item_id,rating"]
    for user in range(1, 41):
        for item in rng.permutation(ITEMS)[:18]:
            liked = (user % 2 == item % 2) == (rng.random() < 0.85)
            stars = rng.integers(4, 6) if liked else rng.integers(1, 4)
            lines.append(f"{user},{item},{stars}")
    return write(path, "\n".join(lines) + "\n")


def read_triples(path):
    """Users, items and stars of a file of ratings."""
    with open(path, encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [[int(field) for field in column] for column in zip(*rows, strict=True)]


def printed(capsys, *arguments):
    """The JSON that a command prints."""
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def failure(capsys, *arguments):
    """The one line of a command that ends with status 1 and prints no result."""
    capsys.readouterr()
    assert run(*arguments) == 1
    out, err = capsys.readouterr()
    line = err.strip().splitlines()[-1]
    assert out == ""
    assert line.startswith(f"rbm_lib {arguments[0]}: ")
    return line
