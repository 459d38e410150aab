"""Cards, header tables and the teacher's guide agree on exercises, points and minutes."""

import re

import pytest

from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.exercises import load_exercises

GUIDE = (repository_root() / "docs" / "teaching.md").read_text(encoding="utf-8")
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


def rows(text):
    """The cells of the tables' rows in a Markdown text."""
    lines = [line for line in text.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def section(title):
    """The guide's text under a heading that begins with this title."""
    return re.split(r"\n## ", GUIDE.split(f"\n## {title}", 1)[1])[0]


def overview(lesson):
    minutes = sum(card[3] for card in cards(lesson))
    points = sum(card[4] for card in cards(lesson))
    return len(cards(lesson)), points, minutes, int(TIME.search(SOURCES[lesson])[1])


@every_lesson
def test_cards_checks_header_and_guide_agree(lesson):
    exercises = [e for e in load_exercises(lesson).values() if e.graded]
    _, minutes, count = TIME.search(SOURCES[lesson]).groups()
    guide = rows(section(f"Lesson {lesson}"))

    titles = [(n, title, points) for n, title, _, _, points in cards(lesson)]
    assert titles == [(e.id, e.title, e.points) for e in exercises]
    assert (count, int(minutes)) == (WORDS[len(titles)], overview(lesson)[2])
    for number, title, *others in cards(lesson):
        row = next(row for row in guide if row[0] == f"{number} · {title}")
        assert row[1:4] == [str(x) for x in others]


def test_the_guides_sums_are_those_of_the_cards():
    expected = {lesson: overview(lesson) for lesson in SOURCES}
    expected["all"] = tuple(map(sum, zip(*expected.values(), strict=True)))
    table = {row[0]: row[1:] for row in rows(section("The exercises at a glance"))}
    for lesson, sums in expected.items():
        assert tuple(map(int, table[lesson])) == sums

    for row in rows(section("Marking")):
        if row[0] in SOURCES:
            points = [card[4] for card in cards(row[0])]
            assert [int(x) for x in row[1:] if x] == [*points, sum(points)], row
    assert f"{expected['all'][1]} in all" in section("Marking")


@every_lesson
@pytest.mark.parametrize("length", [50, 90])
def test_the_guides_plans_add_up(lesson, length):
    plan = section(f"Lesson {lesson}").split(f"**{length} minutes**")[1].split("**")[0]
    spans = re.findall(r"^\| (\d+)–(\d+) \|", plan, re.MULTILINE)

    assert (spans[0][0], spans[-1][1]) == ("0", str(length))
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False)), spans
