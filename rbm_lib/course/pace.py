"""Whether an answer that is right on a few rows also manages the many of the lesson."""

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from rbm_lib.course.watch import watch

SECONDS = 2.0  # of this thread alone, so that other programs do not matter


class TooSlow(BaseException):
    """Code has used up its seconds. Not an Exception, which an answer could catch."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop the Python code of ``with``, within 50 lines, when it computes for longer.

    Examples
    --------
    >>> def endless():
    ...     while True:
    ...         pass
    >>> with at_most(0.01):
    ...     endless()
    Traceback (most recent call last):
    rbm_lib.course.pace.TooSlow
    """
    end = time.thread_time() + seconds
    events = itertools.count(1)

    def look(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if next(events) % 50 == 0 and time.thread_time() > end:  # a clock takes time itself
            raise TooSlow
        installed = "site-packages" in frame.f_code.co_filename  # each line would be slow
        return None if installed else look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def strain(run: Callable[[tuple], Any], short: tuple, long: tuple) -> str:
    """Say what keeps an answer from the lesson's size, or "".

    Parameters
    ----------
    run : function
        Calls the answer with a case.
    short, long : tuple
        Two cases whose first argument has an entry per row. A table of rows × rows is
        looked for in the short one, and a loop over rows in the long one.
    """
    n, many = len(short[0]), len(long[0])
    try:
        with watch() as work, at_most(SECONDS):
            run(short)
        if work.bytes > n**2:
            return f"For {n:,} rows it makes a table of {n:,} × {n:,}."
        with at_most(SECONDS):
            run(long)
    except TooSlow:
        return f"It takes too long for {many:,} rows. Is there a loop over rows or groups?"
    return ""
