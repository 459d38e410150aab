"""The course as a learner meets it: notebooks in JupyterLab, in a browser, mostly with the keyboard alone.

Screenshots of what is tested go to build/screenshots.
"""

import json
import re
import secrets
from pathlib import Path

import nbformat
import pytest

from rbm_lib.course.exercises_00 import EXERCISES

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: make test-browser")
expect = playwright.expect
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
MINUTE = 60_000
ERROR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
STDERR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"
FIGURE = ".jp-RenderedImage img"
PRINTED = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stdout']"
WORDS = ".jp-OutputArea-output details"
SUMMARY = f"{WORDS} summary"

# How much of an image lets the page's colour through, and how much of its rim is light, as dark text needs.
LOOK = """async image => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const {data, width, height} = context.getImageData(0, 0, canvas.width, canvas.height);
    let clear = 0, rim = 0, light = 0;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const [r, g, b, a] = data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4);
        if (a < 255) clear++;
        if (Math.min(x, width - 1 - x, y, height - 1 - y) == 3) {
            rim++;
            if (a == 255 && Math.min(r, g, b) > 235) light++;
        }
    }
    return {clear: clear / (width * height), light: light / rim};
}"""


class Notebook:
    """One notebook, open in a JupyterLab of its own: a fresh browser profile and a fresh workspace."""

    def __init__(self, browser, lab, path, dark=False):
        self.path = lab.folder / path
        self.context = browser.new_context(
            viewport={"width": 1300, "height": 900}, color_scheme="dark" if dark else "light"
        )
        self.context.set_default_timeout(MINUTE)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)
        workspace = secrets.token_hex(4)
        self.page.goto(f"{lab.url}/lab/workspaces/{workspace}/tree/{path}?token={lab.token}")
        self.cells = self.page.locator(".jp-Notebook .jp-Cell")
        self.code_cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        expect(self.cells).to_have_count(len(self.saved()["cells"]))
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    def _listen(self, message):
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def saved(self):
        """The notebook as it is on disk, a dict."""
        return json.loads(self.path.read_text(encoding="utf-8"))

    def menu(self, *names):
        for name in names:
            self.page.get_by_role("menuitem", name=name, exact=True).click()

    def run_all(self):
        """Run every cell from the menu, and wait for the end of the last, or for the first error."""
        self.menu("Edit", "Clear Outputs of All Cells")  # so that every number seen below is a new one
        expect(self.code_cells.last.locator(".jp-InputPrompt")).to_have_text("[ ]:")
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(
            """error => document.querySelector(error) ||
                [...document.querySelectorAll(".jp-CodeCell .jp-InputArea-prompt")]
                    .every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent))""",
            arg=ERROR,
            timeout=5 * MINUTE,
        )

    def run(self, cell):
        """Run the active cell, which is `cell`, with Shift+Enter, and wait until it has run."""
        prompt = cell.locator(".jp-InputArea-prompt")
        before = prompt.inner_text()
        self.page.keyboard.press("Shift+Enter")
        expect(prompt).to_have_text(re.compile(r"^\[\d+\]:$"))
        expect(prompt).not_to_have_text(before)

    def go_to(self, cell):
        """Select `cell` with the arrow keys, one press for each cell on the way."""
        target = _number(cell)
        while (now := self.active()) != target:
            step = 1 if target > now else -1
            self.page.keyboard.press("ArrowDown" if step > 0 else "ArrowUp")
            assert self.active() == now + step

    def focus_by_tab(self, element):
        """Press Tab until `element` has the focus: a few times, since the active cell is just before it."""
        for _ in range(8):
            self.page.keyboard.press("Tab")
            if element.evaluate("e => e === document.activeElement"):
                return
        raise AssertionError("Tab does not reach the element")

    def active(self):
        """The number of the active cell, from 0."""
        return _number(self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active"))

    def picture(self, name, element=None):
        """A screenshot into build/screenshots, with `element` in view."""
        if element is not None:
            element.evaluate("e => e.scrollIntoView({block: 'center'})")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def _number(cell):
    return int(cell.get_attribute("data-windowed-list-index"))


@pytest.fixture
def opened(browser, lab):
    """opened(path, dark=False): the Notebook; closed after the test."""
    notebooks = []

    def start(path, dark=False):
        notebooks.append(Notebook(browser, lab, path, dark))
        return notebooks[-1]

    yield start
    for notebook in notebooks:
        notebook.context.close()


@pytest.fixture(scope="module", params=["00_start_here", "01_energy_and_contrastive_divergence"])
def lesson(request, browser, lab):
    """A lesson of which every cell was run from the menu."""
    notebook = Notebook(browser, lab, f"notebooks/{request.param}.ipynb")
    notebook.run_all()
    yield notebook
    notebook.context.close()


# ---- a lesson, run --------------------------------------------------------------------------------------


def test_all_cells_run(lesson):
    assert lesson.page.locator(f"{ERROR}, {STDERR}").all_inner_texts() == []
    last = lesson.code_cells.last.locator(".jp-InputArea-prompt")
    expect(last).to_have_text(f"[{lesson.code_cells.count()}]:")
    assert lesson.complaints == []


def test_every_image_is_there(lesson):
    images = lesson.page.locator(".jp-Notebook img")
    assert images.count() > 5
    width = "async image => { await image.decode().catch(() => null); return image.naturalWidth; }"
    for image in images.all():
        assert image.evaluate(width) > 0, image.get_attribute("src")[:100]


def test_formulas_are_typeset(lesson):
    assert lesson.page.locator("mjx-container").count() > 10
    wrong = "mjx-merror, [data-mjx-error], mjx-mtext[style*=red]"  # the last: a command that it does not know
    assert lesson.page.locator(wrong).all_inner_texts() == []
    left = """cells => cells.map(cell => {
        const text = cell.cloneNode(true);
        text.querySelectorAll("code, pre, mjx-container").forEach(e => e.remove());
        return text.textContent;
    }).filter(text => text.includes("$") || text.includes("\\\\"))"""
    assert lesson.page.locator(".jp-MarkdownOutput").evaluate_all(left) == []


def test_every_figure_is_followed_by_its_words(lesson):
    after = """images => images.map(image => {
        const next = image.closest(".jp-OutputArea-child").nextElementSibling?.querySelector("details");
        return next && [next.open, next.firstChild.textContent, next.lastChild.textContent.length > 20];
    })"""
    words = lesson.page.locator(FIGURE).evaluate_all(after)
    assert words == [[False, "Figure in words", True]] * len(words) and words


def test_words_open_with_the_keyboard(lesson):
    page, words = lesson.page, lesson.page.locator(WORDS).first
    cell = lesson.code_cells.filter(has=page.locator(SUMMARY)).first
    lesson.go_to(cell)
    lesson.focus_by_tab(words.locator("summary"))
    page.keyboard.press("Enter")
    expect(words).to_have_attribute("open", "")
    lesson.picture(f"{lesson.path.stem}_words_light", words)
    page.keyboard.press("Enter")
    expect(words).not_to_have_attribute("open", "")


def test_slider_changes_the_figure(lesson):
    cell = lesson.code_cells.filter(has=lesson.page.get_by_role("slider")).first
    readout, figure, words = (cell.locator(selector) for selector in (".widget-readout", FIGURE, WORDS))
    before = readout.inner_text(), figure.get_attribute("src"), words.text_content()
    cell.get_by_role("slider").focus()
    lesson.page.keyboard.press("ArrowRight")
    expect(readout).not_to_have_text(before[0])
    expect(figure).not_to_have_attribute("src", before[1])
    expect(words).not_to_have_text(before[2])
    assert float(readout.inner_text()) == float(before[0]) + 0.5
    lesson.picture(f"{lesson.path.stem}_slider", cell)


def test_figures_are_light_in_the_dark_theme(lesson):
    body = lesson.page.locator("body")
    lesson.page.emulate_media(color_scheme="dark")
    expect(body).to_have_attribute("data-jp-theme-light", "false")
    figures = lesson.page.locator(FIGURE)
    for i, figure in enumerate(figures.all()):
        look = figure.evaluate(LOOK)
        assert look["clear"] == 0 and look["light"] > 0.5, (i, look)
        lesson.picture(f"{lesson.path.stem}_figure_{i:02}_dark", figure)
    lesson.page.emulate_media(color_scheme="light")
    expect(body).to_have_attribute("data-jp-theme-light", "true")


# ---- a lesson, just opened ------------------------------------------------------------------------------


def test_words_in_a_notebook_that_is_not_trusted(lesson, opened):
    """JupyterLab cleans the HTML of a notebook that somebody else ran; the words must survive that."""
    # A slider's figure is not saved.
    figures = lesson.page.locator(".jp-Cell-outputArea > .jp-OutputArea-child > .jp-RenderedImage").count()
    lesson.page.keyboard.press("Control+s")
    expect(lesson.page.locator(".jp-mod-dirty")).to_have_count(0)
    foreign = lesson.saved()
    foreign["metadata"]["title"] = "no longer what was signed"
    path = lesson.path.with_name(f"foreign_{lesson.path.name}")
    path.write_text(json.dumps(foreign), encoding="utf-8")
    notebook = opened(f"notebooks/{path.name}", dark=True)
    expect(notebook.page.locator("[title^='Notebook not trusted']")).to_have_count(1)
    assert notebook.page.locator(SUMMARY).all_inner_texts() == ["Figure in words"] * figures
    first = notebook.page.locator(WORDS).first
    first.locator("summary").focus()
    notebook.page.keyboard.press("Enter")
    expect(first).to_have_attribute("open", "")
    notebook.picture(f"{lesson.path.stem}_words_dark", first)


def test_drawings_read_in_the_dark_theme(lab, opened):
    """Every drawing brings its own light ground; the only clear parts are its four round corners."""
    drawings = sorted((lab.folder / "notebooks" / "figures").glob("*.svg"))
    assert drawings
    cells = [nbformat.v4.new_markdown_cell(f"![{d.stem}](figures/{d.name})") for d in drawings]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else JupyterLab asks for one
    gallery = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(gallery, lab.folder / "notebooks" / "drawings.ipynb")
    notebook = opened("notebooks/drawings.ipynb", dark=True)
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    for drawing in drawings:
        image = notebook.page.get_by_role("img", name=drawing.stem, exact=True)
        look = image.evaluate(LOOK)
        assert look["clear"] < 0.02 and look["light"] > 0.5, (drawing.name, look)
        image.screenshot(path=SCREENSHOTS / f"drawing_{drawing.stem}_dark.png")


def test_links_lead_somewhere(opened, lab):
    notebook = opened("notebooks/00_start_here.ipynb")
    links = notebook.page.locator(f".jp-MarkdownOutput a[href^='{lab.url}/files/']")
    assert links.count() >= 2
    for link in links.all():
        assert notebook.page.request.get(link.get_attribute("href")).ok, link.get_attribute("href")


# ---- exercises and the keyboard -------------------------------------------------------------------------


def test_keyboard_alone(opened):
    notebook = opened("notebooks/student/00_start_here.ipynb")
    press, editing = notebook.page.keyboard.press, notebook.page.locator(".jp-Notebook.jp-mod-editMode")
    assert notebook.active() == 0
    press("ArrowDown")
    press("ArrowDown")
    press("ArrowUp")
    assert notebook.active() == 1
    press("Enter")
    expect(editing).to_have_count(1)
    press("Escape")
    expect(editing).to_have_count(0)
    notebook.run(notebook.cells.nth(1))
    assert notebook.active() == 2
    cell = notebook.cells.filter(has_text=re.compile("^.*Exercise 1 ", re.S)).first
    hint = cell.locator("details")
    notebook.go_to(cell)
    notebook.focus_by_tab(hint.locator("summary"))
    press("Enter")
    expect(hint).to_have_attribute("open", "")
    notebook.picture("hint_open")


def test_exercise_wrong_then_right(opened, lab):
    notebook = opened("notebooks/student/00_start_here.ipynb")
    notebook.run_all()
    assert notebook.page.locator(ERROR).all_inner_texts() == []
    checks = notebook.code_cells.filter(has_text="lesson.check(")
    assert checks.count() == len(EXERCISES)
    for check in checks.all():
        expect(check.locator(PRINTED)).to_contain_text("not done yet. 0 of")

    exercise = notebook.code_cells.filter(has_text="def share_missing").first
    pairs = "(ratings.user_id.nunique() * ratings.movie_id.nunique())"
    advice = next(iter(EXERCISES["1"].mistakes))
    assert advice.startswith("This is the share of pairs that have a rating.")
    said = _answer(notebook, exercise, f"return len(ratings) / {pairs}")
    assert advice in said and "0 of 1 points" in said
    notebook.picture("exercise_wrong", exercise)
    said = _answer(notebook, exercise, f"return 1 - len(ratings) / {pairs}")
    assert said == "Exercise 1: right. 1 of 1 points."
    notebook.picture("exercise_right", exercise)
    score = json.loads((lab.folder / "scores" / "00_start_here.json").read_text(encoding="utf-8"))
    assert score["exercises"]["1"]["points"] == 1


def _answer(notebook, exercise, line):
    """Type `line` over the last one of the exercise's cell, run it and the check below; what that says."""
    keyboard, check = notebook.page.keyboard, exercise.locator("xpath=following-sibling::*[1]")
    exercise.get_by_role("textbox").click()
    for key in ("Control+End", "Home", "Shift+End"):
        keyboard.press(key)
    keyboard.type(line)
    notebook.run(exercise)
    notebook.run(check)
    return " ".join(check.locator(PRINTED).inner_text().split())
