"""Prepare notebooks for MyST-NB, and docstrings for Sphinx; see conf.py."""

import re
from itertools import groupby

import nbformat


def notebook(text):
    """The notebook as the site shows it.

    MyST-NB reads a figure's alternative text and width from the metadata of the cell, but
    the lessons have them in the metadata of the output, so they are copied. Formulas in
    hints are marked as formulas, and the cell that only Google Colab needs is left out.

    Raises ValueError for a cell with two figures, because only one would get its text.
    """
    shown = nbformat.reads(text, as_version=4)
    shown.cells = [cell for cell in shown.cells if "google.colab" not in cell.source]
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(
                r"<details>.*?(?=\n\n|</details>)", _formulas, cell.source, flags=re.DOTALL
            )
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                if "mystnb" in cell.metadata:
                    raise ValueError(
                        f"A cell shows two figures, expected one:\n{cell.source}"
                    )
                facts = output.metadata["image/png"]
                image = {"alt": facts["alt"]}
                if "width" in facts:
                    image["width"] = f"{facts['width']}px"
                cell.metadata["mystnb"] = {"image": image}
    return shown


def _formulas(html):
    """In raw HTML, which Markdown leaves alone, mark $…$ the way MathJax looks for it."""
    return re.sub(
        r"\$([^$\n]+)\$",
        r'<span class="math notranslate nohighlight">\\(\1\\)</span>',
        html[0],
    )


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
