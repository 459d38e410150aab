"""Atomic file writes."""

import contextlib
import glob
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(
    path: str | Path,
    content: str | bytes | memoryview,
    check: Callable[[Path], Any] | None = None,
) -> None:
    """Write text (as UTF-8) or bytes to a file: as a whole, or not at all.

    `check` reads the new file before it replaces an older one; what it raises, for example
    because it cannot read it, leaves the older one. Raises OSError, which names the path.
    """
    path = Path(path).expanduser()
    # A name of its own for each writer: threads share their process's number.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(temporary)
        os.replace(temporary, path)
    except OSError as error:
        error.filename = str(path)  # a full disk names none
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes have left; a file of the last hour may be in use."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):  # another process may be faster
            if time.time() - part.stat().st_mtime > 3600:
                part.unlink()
