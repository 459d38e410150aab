"""Prepare docstrings for Sphinx; see conf.py."""

import re
from itertools import groupby


def docstring(app, kind, name, thing, options, lines):
    """Let `*shape`, `|x|` and `mean_` in running text stand for themselves, in place.

    reStructuredText would take their signs for markup. Code is left as it is.
    """
    runs = groupby(zip(lines, _are_code(lines), strict=True), key=lambda pair: pair[1])
    result = []
    for is_code, pairs in runs:
        run = [line for line, _ in pairs]
        result += run if is_code else _escape("\n".join(run)).split("\n")
    lines[:] = result


def _are_code(lines):
    """For each line, whether it is in a literal block, a formula or a doctest."""
    opened_at = None  # the indentation of the line that opened a block
    in_doctest = False
    for line in lines:
        text = line.strip()
        indentation = len(line) - len(line.lstrip())

        if opened_at is not None and text and indentation <= opened_at:
            opened_at = None
        in_doctest = bool(text) and (in_doctest or text.startswith(">>>"))
        yield opened_at is not None or in_doctest

        if opened_at is None and text.endswith("::"):
            opened_at = indentation


def _escape(text):
    pieces = re.split(r"(`+[^`]+`+)", text)
    signs = r"(?<=, )\*(?=[^*\n]*\))|\||(?<=\w)_(?!\w)"
    pieces[::2] = [re.sub(signs, r"\\\g<0>", piece) for piece in pieces[::2]]
    return "".join(pieces)


def types(app, kind, name, thing, options, lines):
    """Keep Sphinx from linking words of a type, like shape, to attributes of that name."""
    for i, line in enumerate(lines):
        if found := re.fullmatch(r"(:(?:rtype|(?:var)?type [^:]+):) (\S.*)", line):
            lines[i] = f"{found[1]} *{found[2]}*"
