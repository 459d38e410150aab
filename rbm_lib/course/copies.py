"""Copies of lessons that people work in: what is theirs is never overwritten."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def version(copy: Path | Mapping[str, Any]) -> str | None:
    """The fingerprint with which a copy was made. None for what is no readable copy."""
    try:
        is_file = isinstance(copy, Path)
        content = json.loads(copy.read_text(encoding="utf-8")) if is_file else copy
        return content["metadata"]["rbm_course"]["generated"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fingerprint(notebook: Mapping[str, Any]) -> str:
    """A hash of the cells' types and sources. Outputs and metadata do not count."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def is_untouched(path: Path) -> bool:
    """Whether a file is an unchanged copy, run or not."""
    made_with = version(path)
    if made_with is None:
        return False
    return made_with == fingerprint(json.loads(path.read_text(encoding="utf-8")))


def place_for(
    copy: Mapping[str, Any], folder: Path, name: str, over_untouched: bool = False
) -> Path | None:
    """Where a copy goes: the first of NAME.ipynb, NAME.new.ipynb, … that is not there.

    None if one before it is this very version, worked in or not. ``over_untouched`` takes
    the place of an unchanged copy instead.
    """
    suffixes = itertools.chain(["", ".new"], map(".new-{}".format, itertools.count(2)))
    for suffix in suffixes:
        place = folder / f"{name}{suffix}.ipynb"
        if not place.exists() or over_untouched and is_untouched(place):
            return place
        if not over_untouched and version(place) == version(copy):
            return None
    raise AssertionError("there is always one more place")
