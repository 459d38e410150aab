"""A small world of films for the command line: two tastes, which a model can learn."""

import json

import numpy as np
import pandas as pd

from rbm_lib.cli.main import main

TITLES = ["Toy Story (1995)", "Toy Story 2 (1999)", "Alien (1979)", "Hamlet (1948)"]
TITLES += ["Hamlet (1990)", "Amélie (2001)", "English Patient, The (1996)", "300 (2006)"]


def title(item):
    return TITLES[item] if item < len(TITLES) else f"Film Number {item} (2000)"


def make_table(n_people=80, n_films=40, n_each=24, seed=0):
    """Who likes even films has 5 and 4 stars for them and 1 to 3 for the others."""
    rng = np.random.default_rng(seed)
    who = np.arange(n_people).repeat(n_each)
    films = [rng.permutation(n_films)[:n_each] for _ in range(n_people)]
    film = np.concatenate(films)
    likes = (who % 2 == film % 2) == (rng.random(len(who)) < 0.9)
    low, high = rng.integers(1, 4, len(who)), rng.integers(4, 6, len(who))
    return pd.DataFrame({"user": who, "item": film, "rating": np.where(likes, high, low)})


def noise_table(n_people=40, n_films=30, n_each=12):
    """Films and stars by chance: there is nothing to learn."""
    rng = np.random.default_rng(1)
    film = np.concatenate([rng.permutation(n_films)[:n_each] for _ in range(n_people)])
    stars = rng.integers(1, 6, len(film))
    who = np.arange(n_people).repeat(n_each)
    return pd.DataFrame({"user": who, "item": film, "rating": stars})


def write_titles(path, n_films=40):
    frame = pd.DataFrame({"movieId": range(n_films), "genres": "x"})
    frame.insert(1, "title", [title(item) for item in range(n_films)])
    frame.to_csv(path, index=False)
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def printed(capsys, *arguments):
    """The JSON that a command prints."""
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def failure(capsys, *arguments):
    """The message of a command that ends with status 1 and prints no result."""
    capsys.readouterr()
    assert run(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err[err.index("rbm-lib ") :]
