"""The process: exit statuses, messages, pipes, and what --help does not wait for."""

import os
import re
import shlex
import subprocess
import sys
import zlib

import pytest

from rbm_lib.cli import main as cli
from rbm_lib.cli.main import main
from rbm_lib.version import __version__
from tests.cli.support import make_table, title
from tests.support import ROOT

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def shell(command, **options):
    command = command.replace("rbm-lib", f"{shlex.quote(sys.executable)} -m rbm_lib")
    options = {"capture_output": True, "text": True, "env": ENVIRONMENT} | options
    return subprocess.run(["bash", "-c", command], **options)


@pytest.mark.parametrize("line", ["--help", "--version", "train --help", "train", "fly"])
def test_help_does_not_wait_for_pytorch_and_pandas(line):
    code = f"""
import sys
from rbm_lib.cli.main import main
try:
    main({line.split()!r})
except SystemExit:
    print("loaded:", [m for m in ("torch", "pandas", "numpy", "scipy") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT
    )

    assert done.stdout.splitlines()[-1] == "loaded: []", done.stderr


def test_the_version_is_that_of_the_library(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])

    assert capsys.readouterr().out == f"rbm-lib {__version__}\n"


ERRORS = [
    (ValueError("two\nlines"), 1, "rbm-lib data: two\nlines\n"),
    (ValueError("x: give scale= or on_duplicate= to from_frame."), 1,
     "rbm-lib data: x: give --scale or --on-duplicate.\n"),
    (OSError(), 1, "rbm-lib data: OSError\n"),
    (zlib.error("bad"), 1, "rbm-lib data: bad\n"),
    (MemoryError(), 1, "rbm-lib data: MemoryError\n"),
    (KeyboardInterrupt(), 130, "interrupted; what was there before is as it was\n"),
    (cli.Interrupted(), 130, "interrupted; what was there before is as it was\n"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "message"), ERRORS)
def test_an_error_is_a_message(error, status, message, monkeypatch, capsys):
    def fail(options):
        raise error

    monkeypatch.setattr(cli, "run", fail)

    assert main(["data", "100k"]) == status
    assert capsys.readouterr() == ("", message)


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_went_away_ends_it_quietly(lists):
    done = shell(
        f"rbm-lib recommend {lists} --user 4 -n 40 | true; echo ${{PIPESTATUS[0]}}"
    )

    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_closed_stderr_leaves_stdout_clean(tmp_path):
    done = shell(f"rbm-lib recommend {tmp_path}/none.rbm --user 1 2>&-")

    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_the_commands_of_the_page_run_from_top_to_bottom(tmp_path):
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (.*)$", page, re.MULTILINE)
    named = ["Toy Story (1995)", "Alien (1979)", "Blade Runner (1982)", "Die Hard (1988)"]
    titles = [*named, *(title(item) for item in range(20, 60))]
    films = "".join(f"{k}|{name}|01-Jan-1990||x|0|1\n" for k, name in enumerate(titles))
    table = make_table(n_people=60, n_films=len(titles), n_each=26)
    table["user"] += 570  # so that there is a user 600
    table["item"] = table["item"].replace({table.query("user == 600")["item"].iloc[0]: 3})
    table = table.drop_duplicates(["user", "item"])
    (tmp_path / "u.item").write_text(films)
    table.assign(time=1).to_csv(tmp_path / "u.data", sep="\t", header=False, index=False)
    for name, text in re.findall(r"`(\S+)`:\n\n```\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text)
    env = ENVIRONMENT | {"RBM_DATA": str(tmp_path), "RBM_OFFLINE": "1"}

    done = shell("set -ex\n" + "\n".join(commands), cwd=tmp_path, env=env)

    assert done.returncode == 0, done.stderr
    assert len(commands) >= 8
    assert (tmp_path / "lists.csv").exists() and (tmp_path / "lessons").is_dir()
