"""The site in build/site, in a browser: every page and link, formulas, figures, search, a phone's width.

Needs no rbm_lib and no PyTorch: `make test-site` builds the site and runs this. Screenshots go to
build/screenshots.
"""

import functools
import http.server
import importlib.util
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: make test-site")
ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
SCREENSHOTS = ROOT / "build" / "screenshots"
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PHONE = {"width": 390, "height": 844}

# What a page shows.
FACTS = """() => {
    // The last: a command that MathJax does not know.
    const WRONG = "mjx-merror, [data-mjx-error], mjx-mtext[style*=red]";
    const words = document.querySelector("article")?.cloneNode(true);
    words?.querySelectorAll("code, pre, mjx-container, .highlight, script").forEach(e => e.remove());
    return {
        formulas: document.querySelectorAll(".math").length,
        typeset: document.querySelectorAll(".math > mjx-container").length,
        wrong: [...document.querySelectorAll(WRONG)].map(e => e.textContent),
        raw: (words?.textContent ?? "").match(/.{0,30}(\\$|\\\\[(\\[a-z]).{0,30}/g) ?? [],
        images: [...document.images].map(e => [e.getAttribute("src"), e.alt, e.naturalWidth, e.clientWidth]),
        ids: [...document.querySelectorAll("[id]")].map(e => e.id),
        links: [...document.querySelectorAll("a[href], link[href]")].map(e => e.href),
        title: document.title,
    };
}"""

# Formulas, tables, code and figures of which a part can be seen nowhere, however one scrolls.
OUT_OF_REACH = """() => [...document.querySelectorAll(
    "article :is(.math *, table, pre, img, svg, p, dt)"
)].filter(e => {
    const box = e.getBoundingClientRect();
    if (!box.width || e.closest("mjx-assistive-mml")) return false;
    let frame = e.parentElement;
    while (frame && getComputedStyle(frame).overflowX == "visible") frame = frame.parentElement;
    if (!frame || frame === document.body || frame === document.documentElement)
        return box.left < -1 || box.right > document.documentElement.clientWidth + 1;
    const left = box.left - frame.getBoundingClientRect().left + frame.scrollLeft;
    const room = getComputedStyle(frame).overflowX == "hidden" ? frame.clientWidth : frame.scrollWidth;
    return left < -1 || left + box.width > room + 2;
}).map(e => `${e.tagName} ${e.textContent.slice(0, 40)}`)"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    """A server's address of the site, which lies in a folder, as it does on GitHub Pages."""
    if not (SITE / "docs" / "index.html").exists():
        pytest.skip("no site in build/site: make site")
    handler = functools.partial(Quiet, directory=SITE.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{SITE.name}/"
        server.shutdown()


@pytest.fixture(scope="module")
def pages(address):
    """The pages' paths within the site."""
    found = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    return [path for path in found if not path.startswith("_static/") and path != "index.html"]


class Tab:
    """A browser's tab that notes complaints and every request that leaves the site or fails."""

    def __init__(self, browser, address, **options):
        self.context, self.address, self.complaints = browser.new_context(**options), address, []
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self._note(f"console: {m.text}"))
        self.page.on("requestfailed", lambda request: self._note(f"failed: {request.url}"))
        self.page.on("response", lambda r: r.status >= 400 and self._note(f"{r.status}: {r.url}"))
        self.page.on("request", self._watch)

    def _note(self, complaint):
        self.complaints.append(f"{self.page.url.removeprefix(self.address)}: {complaint}")

    def _watch(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self._note(f"leaves the site: {request.url}")

    def open(self, path):
        """The page, when images have come and MathJax is done."""
        self.page.goto(self.address + path, wait_until="load")
        self.page.evaluate(
            """async () => {
                await window.MathJax?.startup?.promise;
                await document.fonts.ready;
                await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
            }"""
        )
        return self.page

    def picture(self, name, **options):
        self.page.screenshot(path=SCREENSHOTS / f"site_{name}.png", **options)


@pytest.fixture
def tab(browser, address):
    """tab(**options of a browser's context): a Tab; closed after the test."""
    opened = []

    def start(**options):
        opened.append(Tab(browser, address, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.context.close()


@pytest.fixture(scope="module")
def facts(browser, address, pages):
    """Every page, opened once: ({path: what it shows}, complaints)."""
    tab = Tab(browser, address, viewport={"width": 1280, "height": 900})
    shown = {}
    for path in pages:
        shown[path] = tab.open(path).evaluate(FACTS)
        tab.picture(f"{_name(path)}_desktop")
    tab.context.close()
    return shown, tab.complaints


def _name(path):
    return path.removesuffix(".html").replace("/", "_")


# ---- every page -----------------------------------------------------------------------------------------


def test_every_source_has_its_page(pages):
    texts = [
        "README",
        "CONTRIBUTING",
        "data/README",
        *(f"docs/{p.stem}" for p in (ROOT / "docs").glob("*.md")),
    ]
    assert len(LESSONS) == 7
    assert {f"{t}.html" for t in texts} | {f"notebooks/{name}.html" for name in LESSONS} <= set(pages)


def test_no_page_complains_and_nothing_comes_from_elsewhere(facts):
    assert facts[1] == []


def test_formulas_are_typeset(facts):
    for path, page in facts[0].items():
        assert page["wrong"] == [] and page["raw"] == [], path
        assert page["typeset"] == page["formulas"], path
    with_formulas = [f"notebooks/{name}.html" for name in LESSONS] + ["docs/notation.html"]
    assert all(facts[0][path]["formulas"] for path in with_formulas)


def test_every_image_is_there_and_has_words(facts):
    for path, page in facts[0].items():
        for source, alt, pixels, width in page["images"]:
            hidden_icon = "_static/images/logo_" in source  # in a menu that is closed
            assert pixels and (width or hidden_icon), (path, source)
            assert len(alt) > (0 if hidden_icon else 20), (path, source, alt)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_shows_all_its_figures_with_their_own_words(name, facts):
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    words = [o["metadata"]["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]
    prose = "\n".join(
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )
    words += re.findall(r"!\[(.*?)\]\(figures/", prose, re.DOTALL)
    shown = [
        alt for source, alt, *_ in facts[0][f"notebooks/{name}.html"]["images"] if "_static" not in source
    ]
    flat = [" ".join(text.split()) for text in words]
    assert flat and sorted(flat) == sorted(" ".join(alt.split()) for alt in shown)


def test_links_resolve(facts, address):
    ids = {path: set(page["ids"]) for path, page in facts[0].items()}
    broken = []
    for path, page in facts[0].items():
        for link in page["links"]:
            target, fragment = urldefrag(link)
            if not target.startswith(address):
                if not target.startswith(("https://", "mailto:")):
                    broken.append((path, link))
                continue
            target = unquote(target.removeprefix(address).partition("?")[0])
            inside = target in ids and unquote(fragment) in ids[target] | {"", "top"}
            if not (inside or (not fragment and (SITE / target).is_file())):
                broken.append((path, link))
    assert broken == []


def test_no_two_pages_have_one_title(facts):
    titles = [page["title"] for page in facts[0].values()]
    assert len(set(titles)) == len(titles)


# ---- what a reader does ---------------------------------------------------------------------------------


def test_the_sites_address_leads_to_the_start_page(tab, address):
    page = tab().page
    page.goto(address)
    page.wait_for_url(f"{address}docs/index.html")
    assert "restricted Boltzmann machines" in page.locator("article h1").inner_text()


def test_search_finds_contrastive_divergence(tab):
    one = tab()
    page = one.open("docs/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("contrastive divergence")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    hits = page.locator("#search-results .search li a")
    hits.first.wait_for()
    page.wait_for_function(
        "document.querySelector('#search-results .search-summary').textContent.match(/\\d/)"
    )
    found = hits.evaluate_all("links => links.map(link => link.href)")
    assert any("notebooks/01_energy_and_contrastive_divergence.html" in link for link in found)
    assert any("docs/glossary.html" in link for link in found)
    one.picture("search")
    assert one.complaints == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_learners_copy_can_be_downloaded(name, tab, address):
    page = tab().open(f"notebooks/{name}.html")
    page.get_by_role("button", name="Download", exact=True).click()
    link = page.get_by_role("link", name="Notebook to work in")
    assert link.is_visible()
    answer = page.request.get(link.evaluate("e => e.href"))
    assert answer.body() == (ROOT / "notebooks" / "student" / f"{name}.ipynb").read_bytes()
    solved = page.get_by_role("link", name="Solved notebook").evaluate("e => e.href")
    assert page.request.get(solved).body() == (ROOT / "notebooks" / f"{name}.ipynb").read_bytes()


def test_a_hint_opens(tab):
    page = tab().open("notebooks/03_deezer_skip_prediction.html")
    assert page.locator("article details").count() > 5
    assert page.locator("article details[open]").count() == 0
    hint = page.locator("article details", has=page.locator("mjx-container")).first
    hint.locator("summary").click()
    assert hint.locator("mjx-container").first.is_visible()


# ---- a phone, the dark ----------------------------------------------------------------------------------


def test_a_phone_shows_everything(tab, pages):
    one = tab(viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    for path in pages:
        page = one.open(path)
        wide = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
        assert max(wide) <= PHONE["width"], (path, wide)
        assert page.evaluate(OUT_OF_REACH) == [], path
        sizes = "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
        assert min(page.locator("article p").evaluate_all(sizes), default=16) >= 13, path
        one.picture(f"{_name(path)}_phone")
    one.open(f"notebooks/{LESSONS[0]}.html")
    one.picture(f"{LESSONS[0]}_phone_whole", full_page=True, scale="css")
    assert one.complaints == []


def test_in_the_dark_figures_stand_on_white(tab):
    one = tab(color_scheme="dark", viewport={"width": 1280, "height": 900})
    for path in ["docs/index", *(f"notebooks/{name}" for name in LESSONS)]:
        page = one.open(f"{path}.html")
        assert page.locator("html").get_attribute("data-theme") == "dark"
        ground = "all => all.map(e => getComputedStyle(e).backgroundColor)"
        assert set(page.locator("article img").evaluate_all(ground)) <= {"rgb(255, 255, 255)"}
        if page.locator("article img").count():
            page.locator("article img").first.scroll_into_view_if_needed()
        one.picture(f"{_name(path)}_dark")
    assert one.complaints == []


# ---- launch ---------------------------------------------------------------------------------------------


@pytest.fixture
def conf(monkeypatch):
    """docs/conf.py, where GitHub's variables are not set."""
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    pytest.importorskip("nbformat")
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("conf", ROOT / "docs" / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "remote, expected",
    [
        ("https://github.com/some-one/a.course", "https://github.com/some-one/a.course"),
        ("https://github.com/some-one/a.course.git", "https://github.com/some-one/a.course"),
        ("git@github.com:some-one/course.git", "https://github.com/some-one/course"),
        ("ssh://git@github.com/some-one/course", "https://github.com/some-one/course"),
        ("https://gitlab.com/some-one/course", None),
        ("https://github.com.example.org/some-one/course", None),
        ("/srv/git/github.com/course", None),
        (None, None),
    ],
)
def test_the_repositorys_address_is_gits(conf, tmp_path, monkeypatch, remote, expected):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    if remote:
        subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    monkeypatch.setattr(conf, "ROOT", tmp_path)
    assert conf.repository() == expected


def test_the_repositorys_address_is_the_workflows(conf, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "some-one/course")
    assert conf.repository() == "https://github.com/some-one/course"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.org")
    assert conf.repository() is None, "neither Binder nor Colab reaches it"


def test_without_an_address_nothing_is_launched(conf, facts):
    if conf.repository():
        pytest.skip("this checkout has an address")
    services = ("mybinder.org", "colab.research.google.com")
    assert [
        link for page in facts[0].values() for link in page["links"] if any(s in link for s in services)
    ] == []


def test_with_an_address_learners_copies_are_launched(monkeypatch, tmp_path):
    pytest.importorskip("sphinx", reason="needs Sphinx: make test-site")
    monkeypatch.setenv("GITHUB_REPOSITORY", "some-one/course")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    options = ["-q", "-W", "--keep-going", "-c", "docs", "-d", tmp_path / "doctrees"]
    subprocess.run([sys.executable, "-m", "sphinx", *options, ".", tmp_path / "site"], cwd=ROOT, check=True)
    for name in LESSONS:
        page = (tmp_path / "site" / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
        copy = f"notebooks/student/{name}.ipynb"
        assert (ROOT / copy).is_file()
        assert f'"https://mybinder.org/v2/gh/some-one/course/main?urlpath=lab/tree/{copy}"' in page
        assert f'"https://colab.research.google.com/github/some-one/course/blob/main/{copy}"' in page
        assert '"https://github.com/some-one/course"' in page
