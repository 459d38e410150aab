"""Files that are whole or not there at all, whatever stops the program that writes them."""

import contextlib
import glob
import os
import shutil
import time
from pathlib import Path


def write_whole(path, content) -> None:
    """Write text (as UTF-8) or bytes to `path`: whole or not at all. Raises OSError that names the path."""
    path, content = Path(path), content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        error.filename = str(path)  # a full disk names none
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sweep(folder, name) -> None:
    """Remove what killed processes have left of `name`; what was written to within an hour may be at work."""
    for part in folder.glob(f".{glob.escape(name)}.*.part"):
        with contextlib.suppress(OSError):  # another process may be faster
            if time.time() - part.stat().st_mtime > 3600:
                shutil.rmtree(part) if part.is_dir() else part.unlink()
