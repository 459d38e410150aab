"""The parts of a lesson's prose that stand on slides."""

import pytest

from rbm_lib.course.slide_text import inline, paragraphs, prose, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three four. Five.", "One two. Three four."),
        ("One two three four five six. Seven.", "One two three four five six."),
        ("**One.** Two. Some ideas:", "**One.** Two."),
    ],
)
def test_a_lead_is_whole_sentences(text, expected):
    assert sentences(text, words=4) == expected


def test_a_colon_is_kept_before_a_formula():
    assert sentences("It is:", 9) == "It is:"
    assert sentences("One. It is:", 9, formula=True) == "One. It is:"


def test_formulas_are_paragraphs_and_what_is_folded_is_none():
    source = "# One\n\nIt is\n$$x$$\nand so on.\n\n<details>No.\n\n$$y$$</details>"

    assert paragraphs(source) == ["# One", "It is", "$$x$$", "and so on."]


def test_notes_are_the_prose_with_its_formulas():
    notes = prose(["# One", "It *is*.", "$$x$$", "![a](b.svg)"])

    assert notes.startswith("<p>It <em>is</em>.</p>")
    assert "$$x$$" in notes
    assert "One" not in notes and "svg" not in notes


def test_a_numbered_heading_is_no_list():
    assert inline("1. Energy") == "1. Energy"
