"""The commands of docs/command_line.md run from top to bottom, on small files."""

import functools
import re
import shlex

from rbm_lib import Recommender
from rbm_lib.cli import train
from rbm_lib.cli.main import main
from tests.cli.support import make_table, title
from tests.support import ROOT

PAGE = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
FILMS = ["Toy Story (1995)", "Alien (1979)", "Blade Runner (1982)", "Die Hard (1988)"]
FILMS += [title(item) for item in range(20, 60)]


def write_files(folder):
    """u.data and u.item, with a user 600 who has not seen Die Hard; files of the page."""
    lines = [f"{k}|{name}|01-Jan-1990||x|0|1\n" for k, name in enumerate(FILMS)]
    (folder / "u.item").write_text("".join(lines))
    table = make_table(n_people=60, n_films=len(FILMS), n_each=26)
    table["user"] += 570
    table = table[(table["user"] != 600) | (table["item"] != 3)]
    path = folder / "u.data"
    table.assign(time=1).to_csv(path, sep="\t", header=False, index=False)
    for name, text in re.findall(r"`(\S+)`:\n\n```\n(.*?)```", PAGE, re.DOTALL):
        (folder / name).write_text(text)


def test_the_commands_of_the_page_run_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "Recommender", functools.partial(Recommender, epochs=40))
    monkeypatch.setattr(train.Recommender, "load", Recommender.load, raising=False)
    commands = re.findall(r"^\$ rbm-lib (.*)$", PAGE, re.MULTILINE)

    status = {line: main(shlex.split(line)) for line in commands}

    assert {line for line in commands if status[line]} == set(), capsys.readouterr().err
    assert {line.split()[0] for line in commands} >= {"train", "evaluate", "explain"}
    assert (tmp_path / "lists.csv").exists() and (tmp_path / "lessons").is_dir()
