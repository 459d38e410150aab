"""The process: exit statuses, messages, pipes, and what --help does not wait for."""

import os
import shlex
import subprocess
import sys
import zlib

import pytest

from rbm_lib.cli import main as cli
from rbm_lib.cli.main import main
from rbm_lib.version import __version__
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
    (ValueError("--columns: got x. Give on_duplicate='last'."), 1,
     "rbm-lib data: --columns: got x. Give --on-duplicate 'last'.\n"),
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


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_closed_stdout_is_no_error(lists):
    done = shell(f"rbm-lib recommend {lists} --user 4 -n 3 >&-")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
