"""For the site (see conf.py): notebooks as MyST-NB, and docstrings as Sphinx, would like to read them."""

import re

import nbformat


def notebook(text):
    """The notebook as it is shown: each figure with its alternative text, formulas in hints as formulas.

    MyST-NB takes the alternative text from the cell's metadata, ours stands in the output's. The cell that
    only Google Colab needs is left out. Raises ValueError for a cell with two figures.
    """
    shown = nbformat.reads(text, as_version=4)
    shown.cells = [cell for cell in shown.cells if "google.colab" not in cell.source]
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"<details>.*?(?=\n\n|</details>)", _formulas, cell.source, flags=re.DOTALL)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                if "mystnb" in cell.metadata:
                    raise ValueError(
                        f"A cell shows two figures, and only one would get its text:\n{cell.source}"
                    )
                cell.metadata["mystnb"] = {"image": {"alt": output.metadata["image/png"]["alt"]}}
    return shown


def _formulas(html):
    """Raw HTML, which Markdown leaves alone: $…$ in it becomes what MathJax looks for."""
    return re.sub(r"\$([^$\n]+)\$", r'<span class="math notranslate nohighlight">\\(\1\\)</span>', html[0])


def docstring(app, kind, name, thing, options, lines):
    """Plain text → reStructuredText, in place. `name` is code, an indented paragraph too.

    A paragraph with hanging indents is a list, whose items begin where a line is not indented.
    """
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    lines[:] = "\n\n".join(map(_paragraph, paragraphs)).split("\n") + [""]


def _paragraph(text):
    if text.startswith("    "):
        return f"::\n\n{text}"
    pieces = re.split(r"(``.+?``|`.+?`)", text, flags=re.DOTALL)
    special = r"[\\|]|(?<=\w)_(?!\w)|(?<!http)(?<!https):(?=\S)"  # the last: file:line is no address
    pieces[::2] = (re.sub(special, r"\\\g<0>", piece) for piece in pieces[::2])
    text = "".join(pieces)
    if "\n  " in text and not text.startswith("- "):
        text = re.sub(r"^(?! )", "- ", text, flags=re.MULTILINE)
    return text
