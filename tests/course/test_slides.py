"""Slides: the rule by which a notebook becomes a deck, and the decks of the lessons."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rbm_lib.course.environment import CourseError, notebooks_folder
from rbm_lib.course.notebook import lesson_sources
from rbm_lib.course.slides import ASSETS, deck, make_slides

TITLE = """# 98 · A toy

It is small. It is fun.

| | |
|---|---|
| **You will be able to** | play; and win |"""
SECTION = """## 1. Energy

A state has an **energy**. It says how well the state fits:

$$E = -bv$$

With $b = 2$ and $v = 1$ it is $-2$, which follows from

$$E = -2 \\cdot 1 = -2$$

**Exercise 1 · Fit** · ★ · 5 minutes · 2 points. Write it. Return a number.

<details><summary>Hint</summary>A hint.</details>"""
QUESTION = "Now look.\n\n> **Predict first.** Which is larger?"
END = "## What to remember\n\n- One.\n- Two."


def figure(alt="A curve."):
    return new_output(
        "display_data", {"image/png": "AAAA"}, metadata={"image/png": {"alt": alt}}
    )


def said(text):
    return new_output("display_data", {"text/markdown": text})


def printed(text):
    return new_output("stream", name="stdout", text=text)


def toy(section=(), code=()):
    """A lesson with these tags of its section, and of its cell that prints."""
    cells = [
        new_markdown_cell(TITLE),
        new_markdown_cell("> This is the **solved** lesson."),
        new_markdown_cell(SECTION, metadata={"tags": list(section)}),
        new_markdown_cell(QUESTION),
        new_code_cell("ask", outputs=[printed("Larger:  ○ this   ○ that\n")]),
        new_code_cell("draw", outputs=[figure()]),
        new_code_cell("say", outputs=[said("It is **that**.")]),
        new_code_cell("print", outputs=[printed("a < b\n")], metadata={"tags": list(code)}),
        new_markdown_cell(END),
        new_markdown_cell("## Check yourself\n\nNothing here."),
    ]
    return new_notebook(cells=cells)


def slides_of(**tags):
    return list(deck(toy(**tags), notebooks_folder()))


def test_the_rule_takes_title_sections_questions_figures_and_the_end():
    title, section, question, shown, end = slides_of()

    assert "98 · A toy" in title.body and "able to play; and win." in title.body
    assert "$$E = -bv$$" in section.body and "energy" in section.body
    assert "Exercise" not in section.body
    assert "Which is larger?" in question.body
    assert "<ul><li>this</li><li>that</li></ul>" in question.body
    assert 'alt="A curve."' in shown.body and "<strong>that</strong>" in shown.body
    assert end.body.count("<li>") == 2


def test_other_slides_name_their_section_and_have_the_prose_as_notes():
    title, section, question, *_ = slides_of()

    assert (title.kicker, section.kicker, question.kicker) == ("", "", "1. Energy")
    assert "which follows from" in section.notes
    assert '<aside class="notes">' in section.to_html()


def test_slide_adds_formulas_and_the_exercise_of_a_text():
    added = [s for s in slides_of(section=["slide"]) if s.kind in ("formula", "exercise")]

    formula, exercise = added
    assert "-2 \\cdot 1" in formula.body and "$$E = -bv$$" not in formula.body
    assert "Exercise 1 · Fit · 5 minutes" in exercise.body
    assert "Return a number." in exercise.body and "Hint" not in exercise.body


def test_slide_adds_the_terms_of_a_text():
    text = "## 1. Height\n\nA **height** is low.\n\nIt is. Its mean is the **NLL**. Good."
    tagged = new_markdown_cell(text, metadata={"tags": ["slide"]})
    cells = [new_markdown_cell(TITLE), tagged, new_markdown_cell(text)]

    _, with_terms, without = deck(new_notebook(cells=cells), notebooks_folder())

    assert "Its mean is the <strong>NLL</strong>" in with_terms.body
    assert "It is." not in with_terms.body and "Good" not in with_terms.body
    assert with_terms.body.count("height") == without.body.count("height") == 1
    assert "NLL" not in without.body


def test_slide_adds_terms_to_a_formula():
    text = "## 1. Height\n\nSo:\n\n$$a = b$$\n\nIt is:\n\n$$c = d$$\n\nThis is the **NLL**."
    cell = new_markdown_cell(text, metadata={"tags": ["slide"]})

    _, section, formula = deck(
        new_notebook(cells=[new_markdown_cell(TITLE), cell]), notebooks_folder()
    )

    assert "NLL" not in section.body
    assert "$$c = d$$<p>This is the <strong>NLL</strong>" in formula.body


def test_slide_adds_what_a_cell_prints():
    output = slides_of(code=["slide"])[-2]

    assert output.kind == "output"
    assert "<pre>a &lt; b</pre>" in output.body


def test_skip_slide_leaves_a_cell_out_but_keeps_its_name():
    title, question, *_ = slides_of(section=["skip-slide"])

    assert (question.kind, question.kicker) == ("question", "1. Energy")


def test_a_section_that_begins_with_another_has_no_slide_of_its_own():
    cells = [new_markdown_cell(TITLE), new_markdown_cell("## 1. Two\n\n### One\n\nYes.")]

    slides = list(deck(new_notebook(cells=cells), notebooks_folder()))

    assert [re.findall("<h2>(.*)</h2>", s.body) for s in slides] == [[], ["One"]]


# The lessons


TAGGED = [x for x in lesson_sources() if 'slide"' in x.read_text(encoding="utf-8")]


@pytest.mark.parametrize("source", TAGGED, ids=lambda x: x.stem)
def test_a_lesson_has_15_to_25_slides_and_none_is_empty(source):
    notebook = nbformat.read(notebooks_folder() / f"{source.stem}.ipynb", as_version=4)

    slides = list(deck(notebook, notebooks_folder()))

    assert 15 <= len(slides) <= 25
    for slide in slides:
        text = re.sub("<[^>]+>", "", slide.body)
        assert len(text) > 20 or "<img" in slide.body, slide
        assert all(
            len(alt) > 20 for alt in re.findall('<img[^>]* alt="([^"]*)"', slide.body)
        )


@pytest.fixture
def packages(tmp_path):
    for asset in ASSETS:
        (tmp_path / "packages" / asset).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / asset).write_text("")
    return tmp_path / "packages"


def test_a_deck_is_a_page_beside_its_scripts(packages, tmp_path, capsys):
    make_slides(["00"], packages, tmp_path / "out")

    page = (tmp_path / "out" / "00_start_here.html").read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    files = [x for x in loaded if x.startswith("lib/")]
    assert "<title>00 · Start here</title>" in page and "{{" not in page
    assert len(files) == len(ASSETS) + 1
    assert all((tmp_path / "out" / file).exists() for file in files)
    assert f"00_start_here.html: {page.count('<section')} slides" in capsys.readouterr().out


def test_without_the_packages_an_error_says_what_to_install(tmp_path):
    with pytest.raises(CourseError, match="make slides"):
        make_slides(["00"], tmp_path, tmp_path / "out")
