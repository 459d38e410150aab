"""The slides of the lessons in Chromium, as a teacher projects them.

`make test-browser` runs this. Screenshots go to build/screenshots.
"""

import pytest

from rbm_lib.course.notebook import lesson_sources
from rbm_lib.course.slides import ASSETS, make_slides
from tests.browser.conftest import ROOT

PACKAGES = ROOT / "build" / "slides-packages"
SIZE = {"width": 1280, "height": 720}
TAGGED = [x.stem for x in lesson_sources() if 'slide"' in x.read_text("utf-8")]

# What lies outside the slide that is shown, but for the speaker's notes.
CUT_OFF = """() => [...Reveal.getCurrentSlide().querySelectorAll("*")].filter(e => {
    if (e.closest("aside, mjx-assistive-mml")) return false;
    const box = e.getBoundingClientRect();
    return box.width && (box.left < 0 || box.top < 0
        || box.right > innerWidth || box.bottom > innerHeight);
}).map(e => `${e.tagName} ${e.textContent.slice(0, 40)}`)"""

FACTS = """() => {
    const slide = Reveal.getCurrentSlide();
    const head = slide.querySelector(".kicker")?.getBoundingClientRect().bottom ?? 0;
    const shown = [...slide.querySelectorAll(":scope > :not(.kicker, aside)")];
    return {
        covered: shown.some(e => e.getBoundingClientRect().top < head),
        text: slide.innerText.trim(),
        images: [...slide.querySelectorAll("img")].map(e => e.naturalWidth),
        wrong: slide.querySelectorAll("mjx-merror, [data-mjx-error]").length,
        raw: /\\$\\$|\\\\frac/.test(slide.innerText),
    };
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not all((PACKAGES / asset).exists() for asset in ASSETS):
        pytest.skip("needs the packages of docs/slides.txt: make test-browser")
    folder = tmp_path_factory.mktemp("slides")
    make_slides(TAGGED, PACKAGES, folder)
    return folder


@pytest.mark.parametrize("name", TAGGED)
def test_every_slide_is_whole(browser, folder, name):
    page = browser.new_page(viewport=SIZE)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", lambda r: r.url[:4] in ("file", "data") or problems.append(r.url))

    page.goto((folder / f"{name}.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    count = page.evaluate("Reveal.getTotalSlides()")
    for number in range(count):
        page.evaluate(f"Reveal.slide({number})")
        where = f"{name}, slide {number + 1}"
        facts = page.evaluate(FACTS)
        assert facts["text"] or facts["images"], where
        assert all(facts["images"]), where
        assert not facts["wrong"] and not facts["raw"], where
        assert page.evaluate(CUT_OFF) == [], where
        assert not facts["covered"], where
        path = ROOT / "build" / "screenshots" / f"slides_{name[:2]}_{number + 1:02}.png"
        page.screenshot(path=path)
    page.close()

    assert 15 <= count <= 25
    assert problems == []
