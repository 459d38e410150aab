"""Cards, checks, header tables and the teacher's guide name the same exercises, points and minutes."""

import re
from pathlib import Path

import pytest

from rbm_lib.course.exercises import load_exercises

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
SOURCES = {
    p.name[:2]: p.read_text(encoding="utf-8") for p in (ROOT / "notebooks/src").glob("[0-9][0-9]_*.py")
}
CARD = re.compile(r"# \*\*Exercise (\d) · (.+?)\*\* · (★+) · (\d+) minutes · (\d+) points?\.")
TIME = re.compile(r"\| \*\*Time\*\* \| (\d+) minutes, (\d+) of them for (\w+) exercises")
WORDS = ("zero", "one", "two", "three", "four", "five")


def cards(lesson):
    """(number, title, stars, minutes, points) of each card, all texts."""
    return [match.groups() for match in CARD.finditer(SOURCES[lesson])]


def rows(text):
    """The cells of the rows of the tables in a Markdown text."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]


def part(title):
    """The guide's text under a heading of level two that begins with `title`."""
    return re.split(r"\n## ", GUIDE.split(f"\n## {title}", 1)[1])[0]


def overview(lesson):
    made = cards(lesson)
    minutes, points = (sum(int(card[i]) for card in made) for i in (3, 4))
    return len(made), points, minutes, int(TIME.search(SOURCES[lesson])[1])


@pytest.mark.parametrize("lesson", sorted(SOURCES))
def test_cards_checks_header_and_guide_agree(lesson):
    made = cards(lesson)
    known = [(e.id, e.title, str(e.points)) for e in load_exercises(lesson).values()]
    assert 3 <= len(made) <= 5 and [(n, title, points) for n, title, _, _, points in made] == known
    _, minutes, count = TIME.search(SOURCES[lesson]).groups()
    assert (WORDS[len(made)], sum(int(card[3]) for card in made)) == (count, int(minutes))
    listed = [row[:4] for row in rows(part(f"Lesson {lesson}")) if re.match(r"\d · ", row[0])]
    assert listed == [[f"{n} · {title}", stars, time, points] for n, title, stars, time, points in made]


def test_the_guide_s_overview_is_the_sum_of_the_cards():
    expected = {lesson: overview(lesson) for lesson in sorted(SOURCES)}
    expected["all"] = tuple(map(sum, zip(*expected.values(), strict=True)))
    table = rows(part("The exercises at a glance"))
    assert {row[0]: tuple(map(int, row[1:])) for row in table if row[0] in expected} == expected


def test_the_guide_s_points_are_those_of_the_cards():
    marking = part("Marking")
    for row in rows(marking):
        if row[0] in SOURCES:
            points = [int(card[4]) for card in cards(row[0])]
            assert [int(x) for x in row[1:] if x] == [*points, sum(points)], row
    assert f"{sum(overview(lesson)[1] for lesson in SOURCES)} in all" in marking


@pytest.mark.parametrize("lesson", sorted(SOURCES))
def test_the_guide_s_plans_add_up(lesson):
    for length in (50, 90):
        plan = part(f"Lesson {lesson}").split(f"**{length} minutes**")[1].split("**")[0]
        spans = [tuple(map(int, row[0].split("–"))) for row in rows(plan) if re.match(r"\d+–\d+$", row[0])]
        assert spans[0][0] == 0 and spans[-1][1] == length
        assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False)), spans
