"""Prepare the lessons for MyST-NB, as web pages that one reads; see conf.py.

What a reader should think about first is folded: solutions, and the answers to what they
were asked to predict. Exercises become headings, and so appear in the contents. Terms lead
to the glossary. The questions that JupyterLab asks at the end can be answered here, and
what moves only there leads to the playground.
"""

import hashlib
import html
import re
import tomllib
from pathlib import Path

import nbformat

GLOSSARY = Path(__file__).parent / "glossary.md"
BANK = Path(__file__).parents[1] / "notebooks" / "quiz"

# An entry of the glossary: its name, its text, and the lesson where it first comes up.
ENTRY = re.compile(r"(?ms)^- \*\*(?P<name>.+?)\*\*(?P<text>.+?)(?=^- \*\*|^#|\Z)")
PLACE = re.compile(r"\*(?P<lesson>\d\d) §[^*]*\*\s*$")
# These names are also ordinary words, or have two meanings.
ORDINARY = set(
    "bias bound code content dropping energy floor fold gain height level like mask phase "
    "pool popularity profile sweep weight operation accuracy epoch batch".split()
)
# What Markdown, TeX and HTML own, where no link may be put.
OWNED = re.compile(
    r"(?ms)(```.*?```|\$\$.*?\$\$|<details>.*?</details>|`[^`]*`|\$[^$]+\$|!?\[[^\]]*\]\([^)]*\)"
    r"|<[^>]*>|^#.*?$|^\|.*?$)"
)
# As in rbm_lib/course/notebook.py, which cannot be imported here without PyTorch.
SOLUTION = re.compile(r"(?m)^( *)### BEGIN SOLUTION\n(?:.*\n)*? *### END SOLUTION$")
EXERCISE = re.compile(r"(?m)^\*\*(Exercise [^*]+)\*\* · (.*)$")
MOVES = re.compile(r"Run this cell in JupyterLab: .*(appears|moving)\.")
# What moves in these lessons does so in the playground, too.
PLAYGROUND = {
    "00": ("preset=healthy", "A larger model, whose weights you can drag here and now"),
    "01": ("preset=bars", "An RBM of bars and stripes, with a chain that you can watch"),
}


def notebook(text):
    """The notebook as the site shows it.

    Raises ValueError for a cell with two figures, because only one would get its text.
    """
    shown = nbformat.reads(text, as_version=4)
    number = _number(shown)
    terms = terms_until(number)
    cells = []
    leads_there = False
    for cell in shown.cells:
        if "google.colab" in cell.source:  # a cell that only Google Colab needs
            continue
        if cell.cell_type == "markdown":
            _prepare_text(cell, terms)
        else:
            _describe_figures(cell)
            if SOLUTION.search(cell.source):
                cells.append(_question(cell))
            _fold_answer(cell)
        if cell.source.startswith("lesson.quiz()") and (BANK / f"{number}.toml").exists():
            cell = nbformat.v4.new_markdown_cell(quiz(number))
        cells.append(cell)
        is_playground = cell.source.startswith("playground(")
        if number in PLAYGROUND and (is_playground or _moves(cell) and not leads_there):
            cells.append(_playground(*PLAYGROUND[number]))
            leads_there = True
    shown.cells = cells
    return shown


def _number(shown):
    """The two digits with which a lesson's title begins, "99" if there are none."""
    title = next((cell.source for cell in shown.cells if cell.cell_type == "markdown"), "")
    found = re.match(r"# (\d\d) ·", title)
    return found[1] if found else "99"


def quiz(number):
    """The ten questions of a lesson in HTML, with options that unfold their reasons."""
    entries = tomllib.loads((BANK / f"{number}.toml").read_text(encoding="utf-8"))
    items = "".join(
        _quiz_question(f"{number}-{place}", entry)
        for place, entry in enumerate(entries["question"], start=1)
    )
    lead = "Ten more questions, if you like. Choose an option, and it says why."
    return f'<p>{lead}</p><ol class="quiz">{items}</ol>'


def _quiz_question(name, entry):
    options = [(entry["right"], f"<b>Right.</b> {html.escape(entry['because'])}")]
    options += [(text, f"No. {html.escape(why)}") for text, why in entry["wrong"]]
    # In the order of rbm_lib/course/quiz.py, which says nothing about which is right.
    options.sort(key=lambda x: hashlib.sha256((name + x[0]).encode()).hexdigest())
    folded = "".join(
        f'<details name="{name}"><summary>{html.escape(text)}</summary>{why}</details>'
        for text, why in options
    )
    return f"<li>{html.escape(entry['ask'])}{folded}</li>"


def _moves(cell):
    """Whether a cell shows something only in JupyterLab, which the site cannot."""
    return any(MOVES.match(output.get("text", "")) for output in cell.get("outputs", []))


def _playground(state, title):
    address = f"../docs/playground/index.html?{state}"
    text = f'{title}: <a href="{address}">the playground</a>.'
    return nbformat.v4.new_markdown_cell(text)


def _prepare_text(cell, terms):
    cell.source = re.sub(
        r"(?s)<details>.*?(?=\n\n|</details>)", _mark_formulas, cell.source
    )
    cell.source = EXERCISE.sub(r"### \1\n\n\2", cell.source)
    cell.source = link_terms(cell.source, terms)


def _mark_formulas(html):
    """In raw HTML, which Markdown leaves alone, mark $…$ the way MathJax looks for it."""
    return re.sub(
        r"\$([^$\n]+)\$",
        r'<span class="math notranslate nohighlight">\\(\1\\)</span>',
        html[0],
    )


def _describe_figures(cell):
    """Copy a figure's words and width from the output to the cell, where MyST-NB looks."""
    for output in cell.get("outputs", []):
        if "image/png" not in output.get("data", {}):
            continue
        if "mystnb" in cell.metadata:
            raise ValueError(f"A cell shows two figures, expected one:\n{cell.source}")
        facts = output.metadata["image/png"]
        image = {"alt": facts["alt"]}
        if "width" in facts:
            image["width"] = f"{facts['width']}px"
        cell.metadata["mystnb"] = {"image": image}


def _question(cell):
    """The cell of an exercise as the reader gets it, with gaps."""
    return nbformat.v4.new_code_cell(SOLUTION.sub(r"\1...", cell.source))


def _fold_answer(cell):
    """Fold a solution, and what follows a prediction."""
    if SOLUTION.search(cell.source):
        cell.source = re.sub(r"(?m)^ *### (BEGIN|END) SOLUTION\n?", "", cell.source)
        _fold(cell, "hide-input", "Show a solution")
    elif "lesson.reveal(" in cell.source:
        is_plot = "hide-input" in cell.metadata.get("tags", [])
        _fold(cell, "hide-cell" if is_plot else "hide-output", "Show the answer")


def _fold(cell, tag, prompt):
    tags = [other for other in cell.metadata.get("tags", []) if other != "hide-input"]
    cell.metadata["tags"] = [*tags, tag]
    prompts = {"code_prompt_show": prompt, "code_prompt_hide": "Hide"}
    cell.metadata.setdefault("mystnb", {}).update(prompts)


def terms_until(lesson):
    """The glossary's terms that come up in this lesson or before, and where they lead."""
    terms = {}
    for entry in ENTRY.finditer(GLOSSARY.read_text(encoding="utf-8")):
        place = PLACE.search(entry["text"])
        if place is None or place["lesson"] > lesson:
            continue
        for name in _names(entry["name"]):
            if name.lower() not in ORDINARY:
                terms[name] = anchor(entry["name"])
    return terms


def _names(title):
    """The names in the title of an entry: "AIS, annealed importance sampling." has two."""
    return [name.strip() for name in title.rstrip(".").split(",") if len(name.strip()) > 2]


def anchor(title):
    """The part of an address that leads to an entry of the glossary."""
    return "term-" + re.sub(r"\W+", "-", title.lower()).strip("-")


def link_terms(text, terms):
    """Link each term where it first stands; `terms` loses those that were found."""
    pieces = OWNED.split(text)
    for i in range(0, len(pieces), 2):
        for name in sorted(terms, key=len, reverse=True):
            is_word = name[1:].islower()  # and not an abbreviation
            word = re.escape(name).replace(r"\ ", r"\s+") + ("s?" if is_word else "")
            flags = re.IGNORECASE if is_word else 0
            found = re.search(rf"(?<![-\w>])({word})(?![-\w])", pieces[i], flags)
            if not found or _in_link(pieces[i], found.start()):
                continue
            target = terms.pop(name)
            link = f'<a class="term" href="../docs/glossary.html#{target}">{found[1]}</a>'
            pieces[i] = pieces[i][: found.start()] + link + pieces[i][found.end() :]
    return "".join(pieces)


def _in_link(text, position):
    return text.count("<a ", 0, position) > text.count("</a>", 0, position)


def add_anchors(app, page, source):
    """Give each entry of the glossary an address, before Sphinx reads the page."""
    if page == "docs/glossary":
        source[0] = ENTRY.sub(
            lambda entry: entry[0].replace(
                "- **", f'- <span id="{anchor(entry["name"])}"></span>**', 1
            ),
            source[0],
        )
