"""`make pdf`: lessons on paper, printed by Chromium."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pdf(browser):
    """docs/pdf.py, where there is a Chromium."""
    spec = importlib.util.spec_from_file_location("pdf", ROOT / "docs" / "pdf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_page_has_its_formulas_and_leaves_folded_code_out(pdf, browser, tmp_path):
    folded = new_code_cell("secret = 1", metadata={"tags": ["hide-input"]})
    cells = [
        new_markdown_cell("# Paper\n\nSo $x^2$ grows."),
        new_code_cell("1 + 1"),
        folded,
    ]
    file = tmp_path / "paper.ipynb"
    nbformat.write(new_notebook(cells=cells), file)

    html = pdf.page(file)

    assert "secret" not in html
    (tmp_path / "paper.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "paper.html").as_uri())
    page.locator("mjx-container").wait_for()
    assert "$" not in page.locator("p").inner_text()
    page.close()


@pytest.mark.parametrize("folder, is_open", [("notebooks", True), ("student", False)])
def test_a_solved_lesson_shows_its_hints_and_answers(folder, is_open, pdf, tmp_path):
    text = "<details><summary>Hint</summary>A sum.</details>\n\n"
    text += "<details><summary>Figure in words</summary>A line.</details>"
    file = tmp_path / folder / "paper.ipynb"
    file.parent.mkdir()
    nbformat.write(new_notebook(cells=[new_markdown_cell(text)]), file)

    html = pdf.page(file)

    assert ("<details open><summary>Hint" in html) == is_open
    assert "<details><summary>Figure in words" in html


def test_a_page_is_printed(pdf, tmp_path):
    pdf.print_page("<p>On paper.</p>", tmp_path, tmp_path / "paper.pdf")

    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")
    assert [path.name for path in tmp_path.iterdir()] == ["paper.pdf"]


def test_without_a_browser_the_message_says_what_to_do(pdf, monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit, match="expected one of chromium.*CHROMIUM="):
        pdf.browser()
