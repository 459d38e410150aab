"""Cards, header tables and the teacher's guide agree on exercises, points and minutes."""

import re

import pytest

from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.exercises import load_exercises

GUIDE = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((repository_root() / "docs" / "teaching").glob("*.md"))
}
SOURCES = {
    path.name[:2]: path.read_text(encoding="utf-8")
    for path in sorted(notebooks_folder().glob("src/*.py"))
}
CARD = re.compile(
    r"# \*\*Exercise (\d) · (.+?)\*\* · (★+) · (\d+) minutes · (\d+) points?\."
)
TIME = re.compile(r"\| \*\*Time\*\* \| (\d+) minutes, (\d+) of them for (\w+) exercises")
WORDS = ("zero", "one", "two", "three", "four", "five")
every_lesson = pytest.mark.parametrize("lesson", SOURCES)


def cards(lesson):
    """(number, title, stars, minutes, points) of each card."""
    found = CARD.findall(SOURCES[lesson])
    return [(*texts, int(minutes), int(points)) for *texts, minutes, points in found]


def required(lesson):
    """The cards that are not in an optional section: the header counts their minutes."""
    sections = re.split(r"\n# ## ", SOURCES[lesson])
    kept = [text for text in sections if "optional" not in text.split("\n")[0].lower()]
    return CARD.findall("\n".join(kept))


def rows(text):
    """The cells of the tables' rows in a Markdown text."""
    lines = [line for line in text.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def section(page, title):
    """The text of a page of the guide under a heading."""
    return re.split(r"\n## ", GUIDE[page].split(f"\n## {title}\n", 1)[1])[0]


def title(lesson):
    """The heading of a lesson's source."""
    return re.search(r"^# # (.+)$", SOURCES[lesson], re.MULTILINE)[1]


def overview(lesson):
    minutes = sum(card[3] for card in cards(lesson))
    points = sum(card[4] for card in cards(lesson))
    return len(cards(lesson)), points, minutes, int(TIME.search(SOURCES[lesson])[1])


@every_lesson
def test_cards_checks_header_and_guide_agree(lesson):
    exercises = list(load_exercises(lesson).values())
    _, minutes, count = TIME.search(SOURCES[lesson]).groups()
    guide = rows(section(lesson, "Exercises"))

    titles = [(n, title, points) for n, title, _, _, points in cards(lesson)]
    assert titles == [(e.id, e.title, e.points) for e in exercises]
    in_time = [int(minutes) for *_, minutes, _ in required(lesson)]
    assert (count, int(minutes)) == (WORDS[len(in_time)], sum(in_time))
    for number, title, *others in cards(lesson):
        row = next(row for row in guide if row[0] == f"{number} · {title}")
        assert row[1:4] == [str(x) for x in others]


def test_the_guides_sums_are_those_of_the_cards():
    expected = {lesson: overview(lesson) for lesson in SOURCES}
    expected["all"] = tuple(map(sum, zip(*expected.values(), strict=True)))
    table = rows(section("index", "Points and minutes"))
    for lesson, sums in expected.items():
        row = next(row for row in table if row[0].lstrip("[").startswith(lesson))
        assert tuple(map(int, row[-4:])) == sums

    assert f"[{expected['all'][1]} points]" in GUIDE["marking"]


def test_each_lesson_has_a_page_in_the_guide_and_no_page_is_left_out():
    listed = section("index", "Where everything else is").split("```{toctree}")[1]

    assert [page for page in GUIDE if page.isdigit()] == list(SOURCES)
    assert sorted(re.findall(r"^\w+$", listed, re.MULTILINE)) == sorted(
        {*GUIDE} - {"index"}
    )


@every_lesson
@pytest.mark.parametrize(("column", "length"), [(0, 50), (1, 90)])
def test_the_guides_plans_add_up(lesson, column, length):
    times = [row[column] for row in rows(section(lesson, "Plan"))[2:]]
    spans = [tuple(map(int, time.split("–"))) for time in times if time != "–"]

    assert (spans[0][0], spans[-1][1]) == (0, length)
    assert all(start < end for start, end in spans), spans
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False)), spans


@every_lesson
def test_the_guides_pages_have_the_titles_of_the_lessons(lesson):
    heading = GUIDE[lesson].splitlines()[0]

    assert heading == f"# Teaching {title(lesson)}"


@every_lesson
def test_the_guides_plans_name_sections_of_the_lesson(lesson):
    sections = re.findall(r"^# ## (\d+)\. ", SOURCES[lesson], re.MULTILINE)
    named = [
        n for row in rows(section(lesson, "Plan")) for n in re.findall(r"§(\d+)", row[2])
    ]

    assert set(named) <= set(sections)
