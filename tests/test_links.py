"""Links to files and headings of the repository lead somewhere; `make links` asks for those to the web."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "data/README.md"]
LESSONS = sorted(ROOT.glob("notebooks/src/*.py"))
LINK = re.compile(r"""!?\[([^\]]*)\]\(([^)\s]+)\)|(?:src|href)="([^"]+)\"""")


def prose(path):
    """The Markdown of a page or of a lesson's source, without code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        cells = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
        markdown = [cell for tags, cell in zip(cells[1::2], cells[2::2], strict=True) if "[markdown]" in tags]
        text = re.sub(r"^# ?", "", "\n\n".join(markdown), flags=re.MULTILINE)
    return re.sub(r"```.*?```|`[^`\n]*`", " ", text, flags=re.DOTALL)


def anchors(path):
    """What the headings of a page are called in a link, by GitHub's rule."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path, folder=None):
    """The links of a page that lead nowhere; ``folder``: where it lies for its readers."""
    found = []
    for _, plain, html in LINK.findall(prose(path)):
        link = plain or html
        if re.match(r"[\w.+-]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (folder or path.parent) / file if file else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_of_a_page(path):
    assert broken(path) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_links_of_a_lesson_and_the_words_of_its_pictures(path):
    assert broken(path, ROOT / "notebooks") == []
    pictures = re.findall(r"!\[([^\]]*)\]\(", prose(path))
    assert all(len(words.split()) > 2 for words in pictures), "a picture without alternative text"


def test_the_test_can_fail(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        '# One: *two*\n[a](#one-two) [b](#one) [c](gone.md) `[d](gone.md)` <img src="e.svg"> [f](https://x.org)'
    )
    assert broken(page) == ["#one", "gone.md", "e.svg"]
