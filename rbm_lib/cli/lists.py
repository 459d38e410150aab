"""`recommend`, `explain` and `predict`: what a saved model says about people."""

import gzip
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from rbm_lib.cli.columns import usual_column
from rbm_lib.cli.output import print_record, print_table
from rbm_lib.cli.reading import lines_of, read_table, say, without_blanks
from rbm_lib.cli.titles import Titles
from rbm_lib.data.frames import BLANKS, TableFormat, delimiter_of
from rbm_lib.data.scale import as_float
from rbm_lib.recommend.lists import list_batches, write_parts
from rbm_lib.recommend.recommender import Recommender

LISTS = ["user", "item", "rank", "score"]


def recommend(options: Namespace) -> int:
    """Lists for users, for new people, or for everybody into a file."""
    model, titles = _opened(options.model, "rank", "recommend")
    if options.all:
        return _write_all(model, titles, options)
    people = _people(model, titles, options)
    table = model.recommend(people, n=options.n)
    _print_items(table[["user", "rank", "item", "score"]], titles, options.json)
    return 0


def explain(options: Namespace) -> int:
    """Because you liked …"""
    model, titles = _opened(options.model, "rank", "explain")
    item = titles.find("--item", options.item)
    people = _people(model, titles, options)
    person = people[0] if isinstance(people, list) else people
    table = model.explain(person, item, n=options.n)
    if len(table):
        say(f"{titles.shown(item)}, {_reasons(table['effect'])}:")
    _print_items(table, titles, options.json)
    return 0


def _reasons(effects: Any) -> str:
    """What the table of effects shows: a like may also speak against an item."""
    if (effects > 0).all():
        return "because of"
    if (effects > 0).any():
        return "because of the likes with an effect above 0, in spite of the others"
    return "in spite of"


def predict(options: Namespace) -> int:
    """The chance of a like, and the stars that are expected."""
    model, titles = _opened(options.model, "rate", "predict")
    items = [titles.find("--item", text) for text in options.item]
    people = _people(model, titles, options)
    if isinstance(people, dict):
        table = model.predict(items, person=people)
    else:
        table = model.predict([(person, item) for person in people for item in items])
    _print_items(table, titles, options.json)
    return 0


def _opened(path: Path, task: str, command: str) -> tuple[Recommender, Titles]:
    """A model for this question, and the titles of its items."""
    model = Recommender.load(path)
    if model.task != task:
        wrong = "lists" if task == "rank" else "ratings"
        better = "explain and recommend" if model.task == "rank" else "predict"
        raise ValueError(
            f"{path}: got a model of the task {model.task}, which does not answer "
            f"{command}, expected one for {wrong}. Train it with --task {task}; this one "
            f"is for rbm-lib {better}."
        )
    return model, Titles(model.ratings_.item_ids, model.titles)


def _people(model: Recommender, titles: Titles, options: Namespace) -> Any:
    """Ids of users, or a new person's ratings by item."""
    if options.user:
        known = {str(user): user for user in model.ratings_.user_ids.tolist()}
        for user in options.user:
            if user not in known:
                few = ", ".join(list(known)[:3])
                raise ValueError(
                    f"--user: got {user!r}, expected one of the {len(known):,} people of "
                    f"the model, such as {few}. For somebody new: --like or --ratings."
                )
        return [known[user] for user in options.user]
    scale = model.ratings_.scale
    best, worst = scale.steps[-1], scale.steps[0]
    if scale.threshold is not None:
        best, worst = scale.threshold, scale.threshold - 1
    if options.ratings is not None:
        return _read_person(options.ratings, titles, best, model.ratings_.table_format)
    person = {}
    for option, texts, value in (
        ("--like", options.like, best),
        ("--dislike", options.dislike, worst),
    ):
        for text in texts or []:
            item = titles.find(option, text)
            if item in person:
                raise ValueError(
                    f"{option}: got {titles.shown(item)} twice, expected it once."
                )
            person[item] = value
            say(f"{option[2:]}: {titles.shown(item)}")
    return person


def _read_person(
    path: Path, titles: Titles, best: float, trained: TableFormat
) -> dict[Any, float]:
    """A file of items, or titles, and ratings, or one item in each line that is liked."""
    lines = lines_of(path, None)
    if delimiter_of(lines[0]) == BLANKS:
        texts = [line.strip() for line in lines if line.strip()]
        texts = texts[usual_column("item", texts[:1]) is not None :]
        ratings = [best] * len(texts)
    else:
        frame: Any
        frame, columns = read_table(path, needed=("item",), trained=trained)
        frame = without_blanks(frame, columns.kinds)
        user = columns.kinds.get("user")
        people = 1 if user is None else frame[user].nunique()
        if people > 1:
            raise ValueError(f"--ratings: got {people} people, expected one person's file.")
        texts = frame[columns.kinds["item"]].astype(str).tolist()
        ratings = [best] * len(texts)
        if "rating" in columns.kinds:
            ratings = as_float(frame[columns.kinds["rating"]]).tolist()
    items = [titles.exact(text) or [text] for text in texts]
    return {found[0]: value for found, value in zip(items, ratings, strict=True)}


def _print_items(table: Any, titles: Titles, as_json: bool) -> None:
    """A table with the items' titles; one person need not be named in each line."""
    if titles.are_known:
        texts = [titles.of(item) for item in table["item"]]
        table.insert(list(table).index("item") + 1, "title", texts)
    if not as_json and "user" in table and table["user"].nunique() < 2:
        table = table.drop(columns="user")
    print_table(table, as_json, {})


def _write_all(model: Recommender, titles: Titles, options: Namespace) -> int:
    """Everybody's lists, as they are made."""
    _require_lists(options.output)
    parts = list_batches(model.scores, model.ratings_, None, options.n)

    def titled() -> Iterator[pd.DataFrame]:
        for part in parts:
            if titles.are_known:
                part["title"] = [titles.of(item) for item in part["item"]]
            yield part

    rows = write_parts(options.output, titled())
    record = {"people": model.ratings_.n_users, "rows": rows, "file": str(options.output)}
    print_record(record, options.json)
    return 0


def _require_lists(path: Path) -> None:
    """Lists may replace older lists, and nothing else."""
    if not path.exists():
        return
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            start = file.read(20)
    except OSError:
        start = b""
    if not start.startswith((b"PAR1", ",".join(LISTS).encode())):
        raise ValueError(
            f"--output: got {path}, which has no lists, expected a new file or older "
            "lists. Choose another name, or move it away."
        )
