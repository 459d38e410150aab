"""The command line itself: usage, exit statuses, JSON, pipes and documented examples."""

import os
import re
import shlex
import subprocess
import sys
from unittest.mock import Mock

import pytest

from rbm_lib.cli import commands
from rbm_lib.cli.main import main, make_parser
from tests.support import ROOT

# fmt: off
WRONG = [
    "", "fly", "data 10m", "train --hidden 0", "train --hidden 2.5", "train --holdout 1",
    "train --fold 6", "train --data 1m --fold 1", "train --ratings f.csv --fold 1",
    "train --unrated zero --levels 5", "train --resume", "train --checkpoint ./model.pt",
    "evaluate", "recommend m.pt", "recommend m.pt --user 1 --ratings f.csv",
    "recommend m.pt --user 1 -n 0",
]
# fmt: on


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_is_status_2(line, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())

    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


ERRORS = [
    (ValueError("two\nlines"), 1, "rbm_lib data: two lines\n"),
    (OSError(), 1, "rbm_lib data: OSError\n"),
    (KeyboardInterrupt(), 130, "interrupted\n"),
]


@pytest.mark.parametrize(("error", "status", "message"), ERRORS)
def test_an_error_is_one_line(error, status, message, monkeypatch, capsys):
    monkeypatch.setattr(commands, "data", Mock(side_effect=error))

    assert main(["data"]) == status
    assert capsys.readouterr() == ("", message)


def test_a_record_is_printed_as_lines(monkeypatch, capsys):
    monkeypatch.setattr(
        commands, "data", Mock(return_value=(0, {"n": 12345, "x": 0.12345}))
    )

    main(["data"])

    assert capsys.readouterr().out.split() == ["n", "12,345", "x", "0.1235"]


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_went_away_is_status_141():
    code = (
        "import sys; from rbm_lib.cli import commands, main; "
        "commands.data = lambda _: (0, {'a': 1}); sys.exit(main.main(['data']))"
    )
    read_end, write_end = os.pipe()
    os.close(read_end)

    ended = subprocess.run(
        [sys.executable, "-c", code], stdout=write_end, stderr=subprocess.PIPE, cwd=ROOT
    )

    os.close(write_end)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_the_documented_commands_are_accepted():
    text = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\$ python -m rbm_lib (.*)$", text, re.M)

    parsed = [make_parser().parse_args(shlex.split(x.split("|")[0])) for x in lines]

    assert {x.command for x in parsed} == {"data", "train", "evaluate", "recommend"}


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_closed_stderr_leaves_stdout_clean(tmp_path):
    command = f"{sys.executable} -m rbm_lib recommend {tmp_path}/none.pt --user 1 2>&-"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    options = make_parser().parse_args(["train", "--output=~/m.pt", "--checkpoint=~/c.pt"])

    assert (options.output, options.checkpoint) == (tmp_path / "m.pt", tmp_path / "c.pt")
