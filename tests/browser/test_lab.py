"""Lessons as a learner meets them: in JupyterLab, in a browser, also by keyboard alone."""

import contextlib
import json
import re
import secrets

import pytest

from rbm_lib.course.exercises import load_exercises

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
expect = playwright.expect
MINUTE = 60_000  # ms

ERROR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
STDERR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"
VERDICT = ".jp-RenderedHTMLCommon div"
FIGURE = ".jp-RenderedImage img"
PROMPT = ".jp-InputArea-prompt"
PLAYGROUND = "iframe[title='The playground']"
ANIMATION = "iframe[srcdoc]:not([title='The playground'])"
WORDS = ".jp-OutputArea-output details"

ALL_CELLS_RAN = f"""error => document.querySelector(error) ||
    [...document.querySelectorAll(".jp-CodeCell {PROMPT}")]
        .every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent))"""


class Notebook:
    """One notebook, open in a fresh browser profile and a fresh workspace."""

    def __init__(self, browser, lab, path):
        self.path = lab.folder / path
        self.context = browser.new_context(viewport={"width": 1300, "height": 900})
        self.context.set_default_timeout(MINUTE)
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note_error)

        workspace = f"{lab.url}/lab/workspaces/{secrets.token_hex(4)}"
        self.page.goto(f"{workspace}/tree/{path}?token={lab.token}")
        self.cells = self.page.locator(".jp-Notebook .jp-Cell")
        self.code_cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        expect(self.cells).to_have_count(len(self.saved()["cells"]))
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    def _note_error(self, message):
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def saved(self):
        """The notebook as it is on disk, a dict."""
        return json.loads(self.path.read_text(encoding="utf-8"))

    def run_all(self):
        """Run every cell from the menu, to the end or to the first error."""
        self.choose("Edit", "Clear Outputs of All Cells")
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(ALL_CELLS_RAN, arg=ERROR, timeout=5 * MINUTE)

    def save(self):
        """Save from the menu: a key would go to whatever has the focus."""
        self.choose("File", "Save Notebook")
        expect(self.page.locator(".jp-mod-dirty")).to_have_count(0)

    def choose(self, menu, item):
        """Click `item` in one of the menus at the top; a shortcut may follow its name."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        opened = self.page.locator(".lm-Menu")
        opened.get_by_text(item, exact=True).click()

    def run(self, cell):
        """Run the active cell, which is `cell`, with Shift+Enter, and wait for its end."""
        prompt = cell.locator(PROMPT)
        before = prompt.inner_text()
        self.page.keyboard.press("Shift+Enter")
        expect(prompt).to_have_text(re.compile(r"^\[\d+\]:$"))
        expect(prompt).not_to_have_text(before)

    def go_to(self, cell):
        """Select `cell` with the arrow keys."""
        target = number(cell)
        while (now := self.active()) != target:
            step = 1 if target > now else -1
            self.page.keyboard.press("ArrowDown" if step > 0 else "ArrowUp")
            # Folded cells without an output are passed over.
            assert (self.active() - now) * step > 0

    def focus_by_tab(self, element):
        """Press Tab until `element`, which is in the active cell, has the focus."""
        for _ in range(8):
            self.page.keyboard.press("Tab")
            if element.evaluate("e => e === document.activeElement"):
                return
        raise AssertionError("Tab does not reach the element")

    def active(self):
        """The number of the active cell, from 0."""
        return number(self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active"))


def number(cell):
    return int(cell.get_attribute("data-windowed-list-index"))


@pytest.fixture
def opened(browser, lab):
    """opened(path) → Notebook, closed after the test."""
    with contextlib.ExitStack() as stack:

        def start(path):
            notebook = Notebook(browser, lab, path)
            stack.callback(notebook.context.close)
            return notebook

        yield start


@pytest.fixture(
    scope="module", params=["00_start_here", "01_energy_and_contrastive_divergence"]
)
def lesson(request, browser, lab):
    """A lesson of which every cell was run from the menu."""
    notebook = Notebook(browser, lab, f"notebooks/{request.param}.ipynb")
    notebook.run_all()
    yield notebook
    notebook.context.close()


# A lesson, run


def test_all_cells_run(lesson):
    assert lesson.page.locator(f"{ERROR}, {STDERR}").all_inner_texts() == []
    for place, cell in enumerate(lesson.code_cells.all(), start=1):
        if cell.locator(PROMPT).count():  # folded code has none
            expect(cell.locator(PROMPT)).to_have_text(f"[{place}]:")
    assert lesson.errors == []


def test_every_image_is_there(lesson):
    width = "async e => { await e.decode().catch(() => null); return e.naturalWidth; }"

    images = lesson.page.locator(".jp-Notebook img").all()

    assert len(images) > 3
    assert all(image.evaluate(width) > 0 for image in images)


def test_formulas_are_typeset(lesson):
    # The last is how MathJax marks a command that it does not know.
    wrong = "mjx-merror, [data-mjx-error], mjx-mtext[style*=red]"

    assert lesson.page.locator("mjx-container").count() > 10
    assert lesson.page.locator(wrong).all_inner_texts() == []


def test_every_figure_is_followed_by_its_words(lesson):
    words = """images => images.map(image => image.closest(".jp-OutputArea-child")
        .nextElementSibling?.querySelector("details")?.firstChild.textContent)"""

    titles = lesson.page.locator(FIGURE).evaluate_all(words)

    assert set(titles) == {"Figure in words"}


def test_the_playground_is_below_its_cell(lesson):
    frame = lesson.page.frame_locator(PLAYGROUND)

    expect(frame.get_by_role("button", name="Train", exact=False).first).to_be_visible()
    assert frame.locator("canvas, svg").count() > 0


def test_slider_changes_the_figure_and_its_words(lesson):
    if "lesson.slider" not in json.dumps(lesson.saved()):
        pytest.skip("no slider in this lesson")
    cell = lesson.code_cells.filter(has=lesson.page.get_by_role("slider")).first
    readout, figure, words = map(cell.locator, (".widget-readout", FIGURE, WORDS))
    value = readout.first.inner_text()
    picture = figure.first.get_attribute("src")
    text = words.first.text_content()

    cell.get_by_role("slider").first.focus()
    lesson.page.keyboard.press("ArrowRight")

    expect(readout.first).not_to_have_text(value)
    expect(figure.first).not_to_have_attribute("src", picture)
    expect(words.first).not_to_have_text(text)


def test_chains_play_and_stop(lesson):
    frames = lesson.page.frame_locator(ANIMATION)
    if not lesson.page.locator(ANIMATION).count():
        pytest.skip("no animation in this lesson")

    expect(frames.locator("output")).to_have_text("sweep 0")
    frames.get_by_role("button", name="Play").click()
    expect(frames.locator("output")).not_to_have_text("sweep 0")
    frames.get_by_role("button", name="Pause").click()

    expect(frames.get_by_role("button", name="Play")).to_be_visible()


# A lesson, just opened


def test_a_copy_opens_without_questions_and_unchanged(opened):
    notebook = opened("work/00_start_here.ipynb")

    # What JupyterLab would add to the metadata, it adds before the kernel is idle.
    assert notebook.page.locator(".jp-mod-dirty").count() == 0
    assert notebook.page.get_by_text("Jupyter news").count() == 0
    expect(notebook.cells.first).to_contain_text("Start here")
    assert notebook.page.get_by_text("google.colab").count() == 0


def test_words_survive_in_a_notebook_that_is_not_trusted(lesson, opened):
    # JupyterLab cleans the HTML of a notebook that somebody else ran.
    lesson.save()
    foreign = lesson.saved()
    foreign["metadata"]["title"] = "no longer what was signed"
    path = lesson.path.with_name(f"foreign_{lesson.path.name}")
    path.write_text(json.dumps(foreign), encoding="utf-8")

    notebook = opened(f"notebooks/{path.name}")

    expect(notebook.page.locator("[title^='Notebook not trusted']")).to_have_count(1)
    words = notebook.page.locator(WORDS).first
    words.locator("summary").focus()
    notebook.page.keyboard.press("Enter")
    expect(words).to_have_attribute("open", "")


# Rating films, and guessing first


def test_films_are_rated_by_mouse_and_by_keyboard(opened):
    notebook = opened("work/00_start_here.ipynb")
    notebook.run_all()
    page = notebook.page
    cell = notebook.code_cells.filter(has=page.get_by_placeholder("Search a title")).first
    search = cell.get_by_placeholder("Search a title")
    films = cell.get_by_role("listbox")
    offered = films.get_by_role("option")
    first = offered.first.inner_text()

    cell.get_by_role("button", name="Like", exact=False).first.click()
    expect(cell).to_contain_text("1 of 10 films rated")
    expect(cell).to_contain_text(f"♥ {first}")
    expect(cell.locator("table")).to_contain_text("because you liked")
    expect(offered.first).not_to_have_text(first)

    second = offered.nth(1).inner_text()
    word = max(re.sub(r"\W|\d|invented", " ", second).split(), key=len)
    search.focus()
    page.keyboard.type(word)
    expect(offered.first).to_contain_text(re.compile(word, re.IGNORECASE))
    found = offered.first.inner_text()
    for _ in range(3):  # to the list, to the first button, to the second
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(cell).to_contain_text("2 of 10 films rated")
    expect(cell).to_contain_text(f"✗ {found}")


def test_a_guess_is_compared_and_counted(opened):
    notebook = opened("work/00_start_here.ipynb")
    notebook.run_all()
    asked = notebook.code_cells.filter(has_text='lesson.predict("B given A"').first
    answer = notebook.code_cells.filter(has_text='lesson.reveal("B given A"').first

    notebook.page.keyboard.press("Escape")
    notebook.go_to(asked)
    notebook.run(asked)
    box = asked.get_by_placeholder("my guess")
    expect(box).to_be_disabled()  # its answer is known, because all cells were run
    expect(answer).to_contain_text("Liking A raises it to 0.75.")


# Exercises and the keyboard


def test_a_hint_opens_with_the_keyboard_alone(opened):
    notebook = opened("work/00_start_here.ipynb")
    card = notebook.cells.filter(has_text=re.compile("^.*Exercise 1 ", re.DOTALL)).first
    hint = card.locator("details")

    notebook.go_to(card)
    notebook.focus_by_tab(hint.locator("summary"))
    notebook.page.keyboard.press("Enter")

    expect(hint).to_have_attribute("open", "")


def test_exercise_wrong_then_right(opened, lab):
    exercises = load_exercises("00")
    notebook = opened("work/00_start_here.ipynb")
    notebook.run_all()
    assert notebook.page.locator(ERROR).all_inner_texts() == []
    checks = notebook.code_cells.filter(has_text="lesson.check(")
    assert checks.count() == len(exercises)
    for check in checks.all():
        expect(check.locator(VERDICT)).to_contain_text("not done yet")

    exercise = notebook.code_cells.filter(has_text="def share_missing").first
    pairs = "(ratings.user_id.nunique() * ratings.movie_id.nunique())"
    wrong = answer(notebook, exercise, f"return len(ratings) / {pairs}")
    right = answer(notebook, exercise, f"return 1 - len(ratings) / {pairs}")

    assert next(iter(exercises["1"].mistakes)) in wrong
    assert "0 of 1 points" in wrong
    assert right == "✓ Exercise 1: right. 1 of 1 points."
    saved = (lab.folder / "rbm_scores" / "00_start_here.json").read_text(encoding="utf-8")
    assert json.loads(saved)["exercises"]["1"]["points"] == 1


def answer(notebook, exercise, line):
    """What the check says after `line` has replaced the last line of the exercise."""
    keyboard = notebook.page.keyboard
    check = exercise.locator("xpath=following-sibling::*[1]")
    exercise.get_by_role("textbox").click()
    for key in ("Control+End", "Home", "Shift+End"):
        keyboard.press(key)
    keyboard.type(line)
    notebook.run(exercise)
    notebook.run(check)
    return " ".join(check.locator(VERDICT).inner_text().split())
