"""Usage: which options there are, and which exclude each other."""

from pathlib import Path

import pytest

from rbm_lib.cli.main import main
from rbm_lib.cli.parser import COMMANDS, conflict, make_parser

# fmt: off
WRONG = [
    "", "fly", "train", "train f --task sort", "train f --seed -1", "train f --scale 5",
    "train f --scale 1,1", "train f --scale 5-1", "train f --like-at-least x",
    "train f --like-quantile .5 --like-at-least 3",
    "train f --like-quantile .5 --scale 1-5",
    "train f --on-duplicate max", "data", "data 10m", "course", "recommend", "recommend m",
    "recommend m --user 1 --like x", "recommend m --user 1 --ratings f",
    "recommend m --all",
    "recommend m --user 1 -o lists.csv", "recommend m --user 1 -n 0", "explain m --user 1",
    "explain m --user 1 --user 2 --item x", "explain m --item x", "predict m --user 1",
]
# fmt: on


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_is_status_2(line, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())

    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and "usage:" in err


RIGHT = [
    "train f --scale 0.5-5 --tune --seed 0 -o m --json",
    "recommend m --like a --dislike b",
    "recommend m --dislike b",
    "recommend m --all -o lists.csv",
    "recommend m --ratings f -n 3",
    "explain m --ratings f --item x",
    "predict m --user 1 --user 2 --item x --item y",
]


@pytest.mark.parametrize("line", RIGHT)
def test_right_usage_has_no_conflict(line):
    assert conflict(make_parser().parse_args(line.split())) is None


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("1-5", [1, 2, 3, 4, 5]),
        ("0.5-2", [0.5, 1, 1.5, 2]),
        ("0,25,100", [0, 25, 100]),
        ("-1,1", [-1, 1]),
    ],
)
def test_a_scale_is_a_range_or_a_list(text, steps):
    assert make_parser().parse_args(["train", "f", f"--scale={text}"]).scale == steps


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    options = make_parser().parse_args(["train", "f", "--output=~/m", "--titles=~/t"])

    assert (options.output, options.titles) == (tmp_path / "m", tmp_path / "t")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])

    assert stop.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_the_default_output_is_here():
    assert make_parser().parse_args(["train", "f"]).output == Path("model.rbm")
