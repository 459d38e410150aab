"""`rbm-lib`: the library from the shell.

Results go to standard output, everything else to standard error. Exit status 0: done; 1:
not done, and a message says why; 2: wrong usage; 130: interrupted; 141: the reader of a
pipe went away.
"""

import contextlib
import io
import os
import re
import signal
import sys
import warnings
import zlib
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from rbm_lib.cli.parser import conflict, make_parser


class Interrupted(BaseException):
    """Ctrl-C. Of a KeyboardInterrupt the library makes a shorter training."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; SystemExit for --help and wrong usage."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if (fault := conflict(options)) is not None:
        parser.error(fault)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning
            status = run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (KeyboardInterrupt, Interrupted):
        print("interrupted; what was there before is as it was", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, EOFError, zlib.error) as error:
        return _failed(options.command, error)
    except (ArithmeticError, MemoryError, RuntimeError) as error:
        return _failed(options.command, error)


def run(options: Namespace) -> int:
    """One command.

    Only here are modules imported inside a function: PyTorch takes two seconds, and neither
    --help nor wrong usage should wait for it.
    """
    if options.command == "course":
        from rbm_lib.cli import course

        return course.course(options)
    if options.command == "data":
        from rbm_lib.cli import data

        return data.data(options)
    if options.command in ("train", "evaluate"):
        from rbm_lib.cli import train

        return getattr(train, options.command)(options)
    from rbm_lib.cli import lists

    return getattr(lists, options.command)(options)


def console() -> NoReturn:
    """What `rbm-lib` and `python -m rbm_lib` start."""
    for name in ("stdin", "stdout", "stderr"):  # None if the shell has closed it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A title that the terminal cannot show is no reason to stop.
        sys.stdout.reconfigure(errors="replace")

    def stop(*_: Any) -> NoReturn:
        raise Interrupted

    signal.signal(signal.SIGINT, stop)
    sys.exit(main())


def _show_warning(message: Warning | str, *_: Any) -> None:
    print(f"note: {message}", file=sys.stderr)


def _failed(command: str, error: Exception) -> int:
    """Say why, in the words of the command line."""
    reason = str(error).strip() or type(error).__name__
    names = "scale|like_at_least|like_quantile|on_duplicate|columns|sep"
    # on_duplicate='last' becomes --on-duplicate 'last', scale= and "scale: got" --scale.
    reason = re.sub(
        rf"(?<![-\w])({names})(?:(=)(?=[\w'])|=|(?=: got))",
        lambda m: "--" + m[1].replace("_", "-") + (" " if m[2] else ""),
        reason,
    )
    for python in (" to from_frame", " to RatingMatrix.from_frame"):
        reason = reason.replace(python, "")
    with contextlib.suppress(OSError):
        print(f"rbm-lib {command}: {reason}", file=sys.stderr)
    return 1
