"""The README's buttons."""

from pathlib import Path

import pytest

from rbm_lib.course import front_page
from rbm_lib.course.front_page import BEGIN, END, buttons, fill_buttons

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("address", ["", "https://example.org/course", "someone/course"])
def test_without_an_address_there_are_no_buttons(address):
    assert buttons(address) == ""


def test_buttons_lead_to_the_repository_and_to_an_unsolved_lesson():
    text = buttons("https://github.com/Ada/course.git")

    assert "https://github.com/Ada/course/actions/workflows/ci.yml/badge.svg" in text
    assert "/github/Ada/course/blob/main/notebooks/student/00_start_here.ipynb" in text
    assert "https://ada.github.io/course/" in text
    assert "Python-3.11%2B" in text and "licence-MIT_and_CC_BY_4.0" in text
    assert (ROOT / front_page.FIRST_LESSON).exists()
    assert (ROOT / ".github/workflows/ci.yml").exists()


def test_buttons_are_filled_in_and_taken_out_again(tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    empty = f"# Title\n\n{BEGIN}\n{END}\n\nText.\n"
    page.write_text(empty, encoding="utf-8")

    monkeypatch.setattr(front_page, "course_address", lambda: "https://github.com/a/b")
    fill_buttons(page)
    filled = page.read_text(encoding="utf-8")
    fill_buttons(page)
    again = page.read_text(encoding="utf-8")
    monkeypatch.setattr(front_page, "course_address", lambda: "")
    fill_buttons(page)

    assert "mybinder.org" in filled
    assert again == filled
    assert page.read_text(encoding="utf-8") == empty


def test_a_page_without_markers_stays_as_it_is(tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("# Title\n", encoding="utf-8")
    monkeypatch.setattr(front_page, "course_address", lambda: "https://github.com/a/b")

    fill_buttons(page)
    fill_buttons(tmp_path / "missing.md")

    assert page.read_text(encoding="utf-8") == "# Title\n"


def test_the_readme_has_the_markers():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert text.index(BEGIN) < text.index(END)
