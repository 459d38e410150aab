"""The site in build/site, in a browser: pages, links, formulas, figures, search, a phone.

Needs neither rbm_lib nor PyTorch. `make test-site` builds the site and runs this.
Screenshots go to build/screenshots.
"""

import contextlib
import functools
import http.server
import importlib.util
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

pytest.importorskip("playwright.sync_api", reason="needs Playwright: make test-site")
ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
SCREENSHOTS = ROOT / "build" / "screenshots"
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PHONE = {"width": 390, "height": 844}

READY = """async () => {
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
    await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
}"""

FACTS = """() => ({
    formulas: document.querySelectorAll(".math").length,
    typeset: document.querySelectorAll(".math > mjx-container").length,
    // The last is how MathJax marks a command that it does not know.
    wrong: document.querySelectorAll(
        "mjx-merror, [data-mjx-error], mjx-mtext[style*=red]").length,
    images: [...document.images].map(e => [e.getAttribute("src"), e.alt, e.naturalWidth]),
    ids: [...document.querySelectorAll("[id]")].map(e => e.id),
    links: [...document.querySelectorAll("a[href], link[href]")].map(e => e.href),
})"""

# Formulas, tables, code and figures of which a part cannot be scrolled into view.
OUT_OF_REACH = """() => [...document.querySelectorAll(
    "article :is(.math *, table, pre, img, svg, p, dt)"
)].filter(e => {
    const box = e.getBoundingClientRect();
    if (!box.width || e.closest("mjx-assistive-mml")) return false;
    const scrolls = e => getComputedStyle(e).overflowX != "visible";
    let frame = e.parentElement;
    while (frame && !scrolls(frame)) frame = frame.parentElement;
    if (!frame || frame === document.body || frame === document.documentElement)
        return box.left < -1 || box.right > document.documentElement.clientWidth + 1;
    const left = box.left - frame.getBoundingClientRect().left + frame.scrollLeft;
    const hidden = getComputedStyle(frame).overflowX == "hidden";
    const width = hidden ? frame.clientWidth : frame.scrollWidth;
    return left < -1 || left + box.width > width + 2;
}).map(e => `${e.tagName} ${e.textContent.slice(0, 40)}`)"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    """Serve the site in a folder, as GitHub Pages does."""
    if not (SITE / "docs" / "index.html").exists():
        pytest.skip("no site in build/site: make site")
    handler = functools.partial(Quiet, directory=SITE.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{SITE.name}/"
        server.shutdown()


@pytest.fixture(scope="module")
def pages(address):
    """The paths of the pages within the site."""
    found = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    return [path for path in found if path != "index.html" and "_static/" not in path]


class Tab:
    """A browser tab that notes errors, and requests that fail or leave the site."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(**options)
        self.address = address
        self.problems = []
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._note_message)
        self.page.on("request", self._note_foreign)

    def _note_message(self, message):  # failed requests are among them
        if message.type in ("error", "warning"):
            self.problems.append(f"{self.page.url}: {message.text}")

    def _note_foreign(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.problems.append(f"{self.page.url}: loads {request.url}")

    def open(self, path):
        """Show a page and wait for its images and formulas."""
        self.page.goto(self.address + path, wait_until="load")
        self.page.evaluate(READY)
        return self.page

    def screenshot(self, path, suffix):
        name = path.removesuffix(".html").replace("/", "_")
        self.page.screenshot(path=SCREENSHOTS / f"site_{name}_{suffix}.png")


@pytest.fixture
def tab(browser, address):
    """tab(**options of a browser context) → Tab, closed after the test."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            tab = Tab(browser, address, **options)
            stack.callback(tab.context.close)
            return tab

        yield start


@pytest.fixture(scope="module")
def shown(browser, address, pages):
    """Every page, opened once: ({path: FACTS}, problems)."""
    tab = Tab(browser, address, viewport={"width": 1280, "height": 900})
    facts = {}
    for path in pages:
        facts[path] = tab.open(path).evaluate(FACTS)
        tab.screenshot(path, "desktop")
    tab.context.close()
    return facts, tab.problems


# Every page


def test_no_page_has_errors_or_loads_anything_from_elsewhere(shown):
    assert shown[1] == []


def test_formulas_are_typeset(shown):
    for path, facts in shown[0].items():
        assert facts["wrong"] == 0, path
        assert facts["typeset"] == facts["formulas"], path
    assert shown[0]["docs/notation.html"]["formulas"] > 5


def test_every_image_is_there_and_has_words(shown):
    for path, facts in shown[0].items():
        figures = [i for i in facts["images"] if "_static/images/logo_" not in i[0]]
        for source, words, width in figures:
            assert width, (path, source)
            assert len(words) > 20, (path, source)


def test_links_lead_somewhere(shown, address):
    ids = {path: {"", "top", *facts["ids"]} for path, facts in shown[0].items()}
    links = {(path, link) for path, facts in shown[0].items() for link in facts["links"]}
    broken = []
    for path, link in links:
        target, fragment = urldefrag(link)
        if target.startswith(address):
            file = unquote(target.removeprefix(address).partition("?")[0])
            anchors = ids.get(file, {""})
            if not (SITE / file).is_file() or unquote(fragment) not in anchors:
                broken.append((path, link))
    assert broken == []


# What a reader does


def test_the_address_of_the_site_leads_to_the_start_page(tab, address):
    page = tab().page
    page.goto(address)
    page.wait_for_url(f"{address}docs/index.html")


def test_search_finds_contrastive_divergence(tab):
    page = tab().open("docs/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("contrastive divergence")
    page.keyboard.press("Enter")

    page.wait_for_url("**/search.html?q=*")
    hits = page.locator("#search-results .search li a")
    hits.filter(has_text=re.compile("energy and contrastive", re.I)).first.wait_for()


@pytest.mark.parametrize("name", LESSONS)
def test_lessons_can_be_downloaded(name, tab):
    page = tab().open(f"notebooks/{name}.html")
    page.get_by_role("button", name="Download", exact=True).click()

    for link, folder in {"Notebook to work in": "student", "Solved notebook": "."}.items():
        url = page.get_by_role("link", name=link).evaluate("e => e.href")
        source = ROOT / "notebooks" / folder / f"{name}.ipynb"
        assert page.request.get(url).body() == source.read_bytes()


def test_a_phone_shows_everything(tab, pages):
    phone = tab(viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    for path in pages:
        page = phone.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(OUT_OF_REACH) == [], path
        phone.screenshot(path, "phone")


def test_figures_are_dark_in_the_dark_theme(tab):
    dark = tab(color_scheme="dark")
    look = "images => images.map(e => getComputedStyle(e).filter)"
    for name in LESSONS:
        page = dark.open(f"notebooks/{name}.html")
        looks = page.locator("article img").evaluate_all(look)
        assert looks and all("invert" in look for look in looks), name
        dark.screenshot(name, "dark")


def test_a_solution_shows_when_asked_for(tab):
    page = tab().open(f"notebooks/{LESSONS[0]}.html")
    question = page.locator("div.cell", has_text="def share_missing").first
    folded = page.locator("details", has_text="Show a solution").first
    solution = folded.locator("pre")

    assert "..." in question.inner_text()
    assert not solution.is_visible()
    folded.locator("summary").click()
    assert "nunique" in solution.inner_text()


@pytest.mark.parametrize("lesson, shown", [(0, ".cell_output"), (1, "img")])
def test_an_answer_shows_when_asked_for(lesson, shown, tab):
    page = tab().open(f"notebooks/{LESSONS[lesson]}.html")
    folded = page.locator("details", has_text="Show the answer", has=page.locator(shown))
    answer = folded.first.locator(shown).first

    assert not answer.is_visible()
    folded.first.locator("summary").first.click()
    answer.wait_for(state="visible")


def test_a_quiz_is_answered_on_the_page(tab):
    page = tab().open(f"notebooks/{LESSONS[1]}.html")
    questions = page.locator(".quiz > li")
    options = questions.first.locator("details")
    right, wrong = (options.filter(has_text=text).first for text in ("Right.", "No."))

    assert questions.count() == 10
    assert options.count() == 4
    right.locator("summary").click()
    right.get_by_text("Right.").wait_for(state="visible")
    wrong.locator("summary").click()
    right.get_by_text("Right.").wait_for(state="hidden")  # one option at a time


@pytest.mark.parametrize("name, state", [(LESSONS[0], "healthy"), (LESSONS[1], "bars")])
def test_what_moves_in_jupyterlab_leads_to_the_playground(name, state, tab):
    page = tab().open(f"notebooks/{name}.html")
    page.locator("article").get_by_role("link", name="the playground").last.click()
    page.wait_for_url(f"**/docs/playground/index.html?preset={state}")


def test_exercises_are_in_the_contents(tab):
    page = tab().open(f"notebooks/{LESSONS[0]}.html")
    page.locator(".bd-sidebar-secondary a", has_text="Exercise 1").first.wait_for()


def test_a_term_leads_to_the_glossary(tab):
    page = tab().open(f"notebooks/{LESSONS[1]}.html")
    term = page.locator("article a.term", has_text="contrastive divergence").first
    term.click()
    page.wait_for_url("**/docs/glossary.html#term-*")
    anchor = page.locator(":target")
    assert "contrastive divergence" in anchor.locator("xpath=..").inner_text()


# The address of the repository


@pytest.fixture
def conf(monkeypatch):
    """docs/conf.py, where no variable of GitHub's workflows is set."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("conf", ROOT / "docs" / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "remote, expected",
    [
        ("https://github.com/one/a.course.git", "https://github.com/one/a.course"),
        ("git@github.com:one/course.git", "https://github.com/one/course"),
        ("https://github.com.example.org/one/course", None),
        ("/srv/git/github.com/course", None),
    ],
)
def test_the_address_of_the_repository(conf, remote, expected, tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    monkeypatch.setattr(conf, "ROOT", tmp_path)

    assert conf.repository() == expected


def test_lessons_are_launched_where_others_find_them(conf, monkeypatch):
    monkeypatch.setattr(conf, "REPOSITORY", "https://github.com/one/course")

    buttons = conf.launch_buttons("notebooks/student/x.ipynb")["buttons"]

    binder, colab = (button["url"] for button in buttons)
    assert binder.startswith("https://mybinder.org/v2/gh/one/course/main?")
    assert binder.endswith("=lab/tree/notebooks/student/x.ipynb")
    assert colab.startswith(
        "https://colab.research.google.com/github/one/course/blob/main/"
    )
    assert colab.endswith("/notebooks/student/x.ipynb")


@pytest.mark.parametrize("repository", [None, "https://github.com/one/course"])
def test_a_link_in_a_chat_shows_a_card(conf, repository, monkeypatch):
    monkeypatch.setattr(conf, "REPOSITORY", repository)
    context = {"title": "00 · Start <em>here</em>"}
    conf.describe(None, "notebooks/00", "page.html", context, None)

    assert 'property="og:title" content="00 · Start here"' in context["metatags"]
    address = "https://one.github.io/course/_static/card.png"
    assert (address in context["metatags"]) == bool(repository)
    assert (ROOT / "docs" / "_static" / "card.png").is_file()
