"""What pages and lessons name exists: files, headings, modules, functions and tests.

`make links` asks for the addresses on the web.
"""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "data/README.md"]
LESSONS = sorted(ROOT.glob("notebooks/src/*.py"))
REFERENCE = sorted(ROOT.glob("docs/api/*.rst"))
DOCUMENTED = [
    module
    for path in REFERENCE
    for module in re.findall(
        r"autoapi(?:module|function):: (\S+)", path.read_text(encoding="utf-8")
    )
]

LINK = re.compile(r"""!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)="([^"]+)\"""")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
FOLDERS = r"(?:rbm_lib|tests|notebooks|docs|benchmarks|data)"

# Packages whose exported names are in the reference.
PACKAGES = ("models", "likelihood", "training", "recommend", "data", "course")


def read(path):
    return path.read_text(encoding="utf-8")


def prose(path):
    """The Markdown of a page or of a lesson's source, without code."""
    text = read(path)
    if path.suffix == ".py":
        cells = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
        tagged = zip(cells[1::2], cells[2::2], strict=True)
        markdown = [cell for tags, cell in tagged if "[markdown]" in tags]
        text = re.sub(r"^# ?", "", "\n\n".join(markdown), flags=re.MULTILINE)
    return CODE.sub(" ", text)


def anchors(path):
    """What the headings of a page are called in a link, by GitHub's rule."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(path), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {text.replace(" ", "-") for text in words}


def leads_somewhere(link, path, folder):
    address, _, anchor = link.partition("#")
    file = address.partition("?")[0]
    target = folder / file if file else path
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target)


def broken_links(path, folder=None):
    """The links of a page that lead nowhere. Its readers find it in `folder`."""
    links = [markdown or html for markdown, html in LINK.findall(prose(path))]
    inside = [link for link in links if not re.match(r"[\w.+-]+:", link)]
    return [
        link for link in inside if not leads_somewhere(link, path, folder or path.parent)
    ]


def relative(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_links_of_a_page_lead_somewhere(path):
    assert broken_links(path) == []


@pytest.mark.parametrize("path", LESSONS, ids=relative)
def test_links_of_a_lesson_lead_somewhere(path):
    assert broken_links(path, folder=ROOT / "notebooks") == []


@pytest.mark.parametrize("path", LESSONS, ids=relative)
def test_pictures_of_a_lesson_have_alternative_text(path):
    texts = re.findall(r"!\[([^\]]*)\]\(", prose(path))

    assert [text for text in texts if len(text.split()) < 3] == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    good = "[a](#one-two) `[b](gone.md)` [c](https://x.org)"
    bad = '[d](#one) [e](gone.md) <img src="f.svg">'
    page.write_text(f"# One: *two*\n{good} {bad}")

    assert broken_links(page) == ["#one", "gone.md", "f.svg"]


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_files_that_a_page_names_exist(path):
    code = " ".join(CODE.findall(read(path)))
    named = re.findall(rf"(?<![\w./-])({FOLDERS}/[\w/]+\.(?:py|rst|txt|csv))\b", code)

    files = [name for name in named if "NN_" not in name]

    assert [name for name in files if not (ROOT / name).exists()] == []


def functions_in_the_table_of_equations():
    notation = read(ROOT / "docs/notation.md")
    columns = re.findall(r"^\|.*\| (.*) \| `tests/.*` \|$", notation, re.MULTILINE)
    return sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", " ".join(columns))))


@pytest.mark.parametrize("name", functions_in_the_table_of_equations())
def test_functions_that_the_notation_names_exist(name):
    assert pkgutil.resolve_name(f"rbm_lib.{name}")


def test_a_module_is_on_one_page_of_the_reference():
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_exports_is_in_the_reference(package):
    module = importlib.import_module(f"rbm_lib.{package}")
    exported = [getattr(module, name) for name in module.__all__]

    homes = {value.__module__ for value in exported if hasattr(value, "__module__")}

    assert homes - set(DOCUMENTED) == set()
