"""``make slides``: a deck of slides for each lesson, made from its committed notebook.

The rule, in the order of the notebook:

- its title, with the first paragraph and what learners will be able to do;
- each section, with its first sentences and the first formula of that cell;
- each *Predict first* as a question, with the options to choose from;
- each figure, with the sentence that the lesson says about it;
- *What to remember*.

Two tags of a cell in ``notebooks/src`` change this. With ``slide`` a text also gives one
slide with its other formulas and the sentences that introduce a term, and one with its
exercise. Terms of a text without formulas are on the slide of its section. Code gives a
slide with its table, or with what it prints. With ``skip-slide`` a cell gives no slide, and
what it prints stands on no slide of a figure.
The prose becomes the speaker's notes (press S).
"""

import html
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from rbm_lib.course.environment import CourseError, notebooks_folder, repository_root
from rbm_lib.course.notebook import lesson_sources
from rbm_lib.course.slide_output import (
    is_sentence,
    picture_html,
    printed,
    printed_options,
    table,
)
from rbm_lib.course.slide_text import (
    SENTENCE_END,
    block,
    inline,
    paragraphs,
    prose,
    sentences,
)
from rbm_lib.files import write_whole

SHOW, SKIP = "slide", "skip-slide"
LONGEST_LEAD = 50  # words of a section that stand on its slide
NO_SLIDE = ("Check yourself", "More, if you like", "References")

# What the slides load, by the package that ships it.
REVEAL = "sphinx_revealjs/_static/revealjs"
ASSETS = [
    f"{REVEAL}/dist/reset.css",
    f"{REVEAL}/dist/reveal.css",
    f"{REVEAL}/dist/reveal.js",
    f"{REVEAL}/plugin/notes/notes.js",
    "sphinx-mathjax-offline/static/mathjax/tex-svg.js",
]

HEADING = re.compile(r"(#{1,3}) (.+)")
PREDICT = re.compile(r"\*\*Predict first\.\*\* ")
EXERCISE = re.compile(r"\*\*(Exercise [^*]+)\*\* · (?:★+ · |open · )?(\d+ minutes)[^.]*\. ")
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
# Of a finding: lists, exercises and questions say nothing about the figure before them.
NO_FINDING = re.compile(r"#|\$\$|!\[|- |\*\*(Open exercise|Exercise|Predict)|> |\d\. ")


@dataclass
class Slide:
    """One slide: its kind, which is a class of the style sheet, and its HTML."""

    kind: str
    body: str
    kicker: str = ""
    notes: str = ""

    def to_html(self) -> str:
        """The slide as Reveal wants it."""
        kicker = f'<div class="kicker">{self.kicker}</div>' if self.kicker else ""
        notes = f'<aside class="notes">{self.notes}</aside>' if self.notes else ""
        return f'<section class="{self.kind}">{kicker}\n{self.body}\n{notes}</section>'


def make_slides(
    names: Iterable[str] = (), packages: Path | None = None, target: Path | None = None
) -> None:
    """Write the decks of lessons, all by default, to ``target`` (``build/slides``).

    The packages of docs/slides.txt are installed into the folder ``packages`` (by default
    ``build/slides-packages``).
    """
    build = repository_root() / "build"
    target = target or build / "slides"
    packages = packages or build / "slides-packages"
    style = repository_root() / "docs" / "slides"
    copy_assets(packages, style, target / "lib")
    template = (style / "template.html").read_text(encoding="utf-8")
    for source in lesson_sources(names):
        notebook = nbformat.read(notebooks_folder() / f"{source.stem}.ipynb", 4)
        slides = list(deck(notebook, notebooks_folder()))
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        page = template.replace("{{ title }}", html.escape(title))
        page = page.replace("{{ slides }}", "\n".join(s.to_html() for s in slides))
        write_whole(target / f"{source.stem}.html", page)
        print(f"{target / source.stem}.html: {len(slides)} slides")


def copy_assets(packages: Path, style: Path, target: Path) -> None:
    """Put scripts and style sheets beside the decks, which load nothing from the web."""
    target.mkdir(parents=True, exist_ok=True)
    for source in [*(packages / asset for asset in ASSETS), style / "slides.css"]:
        if not source.exists():
            raise CourseError(
                f"packages: {source} is missing. Type make slides, or use pip install "
                f"--no-deps --target {packages} -r docs/slides.txt."
            )
        shutil.copyfile(source, target / source.name)


def deck(notebook: NotebookNode, folder: Path) -> Iterator[Slide]:
    """The slides of a lesson, whose pictures lie in ``folder``."""
    section = ""
    for place, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", ())
        heading = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if cell.cell_type == "code":
            slides = code_slides(notebook.cells, place, SHOW in tags)
        elif place == 0:
            slides = iter([title_slide(cell.source)])
        elif cell.source.startswith("> This is the **solved**"):
            continue
        else:
            options = printed_options(notebook.cells[place + 1 :])
            slides = text_slides(cell.source, options, folder, SHOW in tags)
        for slide in slides:
            if slide.kind == "section":
                section = slide.kicker
                slide.kicker = ""
            elif slide.kind != "title":
                slide.kicker = section
            if SKIP not in tags:
                yield slide
        if heading and SKIP in tags:
            section = inline(heading[2])


# Text


def figure_slide(image: str, finding: str, notes: str) -> Slide:
    line = f'<p class="finding">{finding}</p>' if finding else ""
    return Slide("figure" if finding else "figure alone", image + line, notes=notes)


def title_slide(source: str) -> Slide:
    heading, lead, *_ = paragraphs(source)
    if lead.startswith("*An optional"):
        lead = SENTENCE_END.split(lead, 1)[1]
    aim = re.search(r"\*\*You will be able to\*\* \| (.+?) \|", source)
    body = f"<h1>{inline(heading[2:])}</h1>{block(sentences(lead, 60))}"
    if aim:
        body += f'<p class="aim">You will be able to {inline(aim[1])}.</p>'
    return Slide("title", body)


def text_slides(source: str, options: str, folder: Path, more: bool) -> Iterator[Slide]:
    """The slides of a text cell. ``options`` are those of the question at its end."""
    parts = paragraphs(source)
    notes = prose(parts)
    shown: set[str] = set()  # formulas that are on the section's slide
    formulas: list[str] = []
    exercises: list[Slide] = []
    terms = defined_terms(parts) if more else ""
    has_formula = any(x.startswith("$$") for x in parts)
    for number, part in enumerate(parts):
        before = parts[number - 1] if number else ""
        heading = HEADING.match(part)
        if heading and heading[2] in NO_SLIDE:
            return
        elif heading and not " ".join(parts[number + 1 :][:1]).startswith("#"):
            slide = section_slide(heading[2], parts[number + 1 :], shown, notes)
            slide.body += "" if has_formula else terms
            yield slide
        elif found := PREDICT.match(part.removeprefix("> ")):
            text = part.removeprefix("> ")[found.end() :].replace("\n> ", "\n")
            body = f'<p class="label">Predict first</p>{block(sentences(text, 70))}'
            yield Slide("question", body + options, notes=notes)
        elif picture := PICTURE.fullmatch(" ".join(part.split())):
            data = (folder / picture[2]).read_bytes()
            image = picture_html(data, "image/svg+xml", picture[1])
            finding = "" if before.startswith("#") else inline(sentences(before, 12))
            yield figure_slide(image, finding, notes)
        elif part.startswith("$$") and part not in shown:
            lead = SENTENCE_END.split(" ".join(before.split()))[-1]
            formulas.append(block(lead) + part)
        elif more and (found := EXERCISE.match(part)):
            body = f'<p class="label">{inline(found[1])} · {found[2]}</p>'
            body += block(sentences(part[found.end() :], 60))
            exercises.append(Slide("exercise", body, notes=notes))
    if more and formulas:
        yield Slide("formula", "".join(formulas) + terms, notes=notes)
    yield from exercises


def section_slide(title: str, rest: list[str], shown: set[str], notes: str) -> Slide:
    """A heading with its first sentences and formula, or with the list that it has."""
    body = f"<h2>{inline(title)}</h2>"
    until = next((i for i, x in enumerate(rest) if HEADING.match(x)), len(rest))
    formula = next((x for x in rest[:until] if x.startswith("$$")), "")
    lead = rest[0] if rest else ""
    if lead.startswith("- "):  # what to remember
        body += block(lead)
    elif not PICTURE.match(lead) and not PREDICT.match(lead.removeprefix("> ")):
        lead = EXERCISE.sub("", lead, 1)
        body += block(sentences(lead, LONGEST_LEAD, bool(formula)))
    shown.add(formula)
    return Slide("section", body + formula, inline(title), notes)


def defined_terms(parts: list[str]) -> str:
    """The sentences with a term in bold that no other slide of the text shows."""
    shown = ""
    for part, after in zip(parts[2:], [*parts[3:], ""], strict=False):
        if not after.startswith("$$") and not NO_FINDING.match(part):
            found = SENTENCE_END.split(" ".join(part.split()))
            shown += "".join(block(x) for x in found if "**" in x)
    return shown


# Code


def code_slides(cells: list[NotebookNode], place: int, more: bool) -> Iterator[Slide]:
    """The figures of a cell with code, and its table and text if they are wanted."""
    outputs = cells[place].outputs
    finding, notes = said_after(cells, place)
    for output in outputs:
        if "image/png" in output.get("data", {}):
            alt = output.metadata["image/png"]["alt"]
            image = picture_html(output.data["image/png"], "image/png", alt)
            yield figure_slide(image, finding, notes)
    if more:
        shown = "".join(map(table, outputs)) or "".join(map(printed, outputs))
        yield Slide("output", f'{shown}<p class="finding">{finding}</p>', notes=notes)


def said_after(cells: list[NotebookNode], place: int) -> tuple[str, str]:
    """What the lesson says about an output: the finding, and the text that follows."""
    said: list[str] = []
    for cell in cells[place:]:
        if cell.cell_type == "markdown":
            text = paragraphs(cell.source)
            if not said and text and not NO_FINDING.match(text[0]):
                said = [sentences(text[0], 30)]
            until = next((i for i, x in enumerate(text) if HEADING.match(x)), len(text))
            return inline(" ".join(said)), prose(text[:until])
        drawn = [x for x in cell.outputs if "image/png" in x.get("data", {})]
        if drawn and cell is not cells[place]:
            break
        if cell is cells[place] or SKIP not in cell.metadata.get("tags", ()):
            said += [x.data["text/markdown"] for x in cell.outputs if is_sentence(x)]
    return inline(" ".join(said)), ""
