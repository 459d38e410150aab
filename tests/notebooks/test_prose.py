"""The figures in the lessons' prose, and those that the teacher's guide quotes, are those of the saved runs.

A result in prose is tagged in the lesson's source: `.83<!--always like-->` says that a line of output with
these words holds this number. Any other figure (with a point, a comma or a percent sign) must stand in the
lesson's code, or in GIVEN: quoted, defined, or made up for a question.
"""

import re
from pathlib import Path

import nbformat
import pytest

from rbm_lib.course.notebook import code_cells

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

GIVEN = {
    "00": "100,000 1,700 .83 .5 2.718",
    "01": ".5 .99 5,000 100.0",
    "02": ".32 .2 .8 80% .50 .41",
    "03": "99.63% 7.6 19,918 .728 .612 .743 .736 .686 .25 99.6%",
    "04": "1.15 .02 .17 .049 .024 .23",
    "05": "1.15 .99 .9",
    "06": "1.1",
}

NUMBER = (
    r"(?P<sign>[−+-]?)(?P<digits>\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+)(?:e(?P<power>[+-]?\d+))?(?P<percent> ?%)?"
)
FIGURE = re.compile(rf"(?<![\w.,/·⁻]){NUMBER}(?:<!--(?P<tag>[^>]+)-->)?(?![\w·])")
IN_OUTPUT = re.compile(rf"(?<![\w.]){NUMBER}(?!\w)")
NOT_PROSE = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\]\([^)]*\)|<(?!!--)[^>]+>|## References.*", re.DOTALL
)


def value(match):
    """(number, half a unit of its last digit)."""
    digits, scale = match["digits"].replace(",", ""), 10.0 ** int(match["power"] or 0)
    scale /= 100 if match["percent"] else 1
    decimals = len(digits.partition(".")[2])
    sign = -1 if match["sign"] in ("−", "-") else 1
    return sign * float(digits) * scale, 0.5 * 10.0**-decimals * scale


def agrees(match, others):
    """Whether one of `others` is the number of `match`, rounded as it is; its sign counts if given."""
    wanted, half = value(match)
    same = (lambda x: x) if match["sign"] else abs
    return any(abs(same(other) - same(wanted)) <= half * 1.001 for other in others)


def is_result(match):
    """Tagged, or a number that looks measured: with a point, a thousands comma or a percent sign."""
    return bool(match["tag"] or match["percent"] or re.search(r"[.,]", match["digits"]))


def prose(notebook):
    return "\n\n".join(NOT_PROSE.sub(" ", c.source) for c in notebook.cells if c.cell_type == "markdown")


def output_lines(notebook):
    """The lines of all text outputs: printed lines, rows of tables, alternative texts of figures."""
    texts = []
    for output in (o for _, cell in code_cells(notebook) for o in cell.outputs):
        data = output.get("data", {})
        rows = " ".join(data.get("text/html", "").split()).replace("</tr>", "\n")
        texts += [output.get("text", ""), data.get("text/plain", ""), re.sub("<[^>]+>", " ", rows)]
    return "\n".join(texts).splitlines()


def numbers(text):
    return [value(m)[0] for m in IN_OUTPUT.finditer(text.replace("_", ""))]


@pytest.fixture(scope="module", params=NAMES)
def lesson(request):
    return request.param[:2], nbformat.read(ROOT / "notebooks" / f"{request.param}.ipynb", as_version=4)


def test_tagged_numbers_stand_in_a_line_of_output_with_these_words(lesson):
    _, notebook = lesson
    lines = output_lines(notebook)
    for match in FIGURE.finditer(prose(notebook)):
        if match["tag"]:
            found = [line for line in lines if match["tag"] in line]
            assert found, f"no line of output holds {match['tag']!r}"
            assert any(agrees(match, numbers(line)) for line in found), f"{match[0]}: the output says {found}"


def test_every_other_figure_is_in_the_code_or_given(lesson):
    number, notebook = lesson
    code = numbers("\n".join(cell.source for _, cell in code_cells(notebook)))
    given = numbers(GIVEN[number].replace(" ", "  "))
    figures = [m for m in FIGURE.finditer(prose(notebook)) if is_result(m) and not m["tag"]]
    unknown = [m[0] for m in figures if not agrees(m, code + given)]
    assert not unknown, f"tag these with words of their output line, or add them to GIVEN: {unknown}"


def test_the_test_can_fail():
    lines = ["3 stars or more  always like  0.825 (0.821 to 0.829)"]
    for text, right in (
        (".83<!--always like-->", True),
        (".84<!--always like-->", False),
        ("83 %<!--always like-->", True),
        ("−.83<!--always like-->", False),
        ("82.5 %<!--always like-->", True),
    ):
        match = FIGURE.search(f"It is {text} here")
        assert match["tag"] and agrees(match, numbers(lines[0])) == right, text
    assert not FIGURE.search("in 2007") or not is_result(FIGURE.search("in 2007"))


def guide_quotes():
    """(lesson number, line) of the guide's lines with figures of the saved notebooks."""
    guide = (ROOT / "docs/teaching.md").read_text(encoding="utf-8")
    parts = re.split(r"^## Lesson (\d\d)", guide, flags=re.MULTILINE)[1:]
    for number, text in zip(parts[::2], parts[1::2], strict=True):
        for item in re.split(r"\n(?=[|\-#]|\s*$)", text):  # rows of tables, items of lists, paragraphs
            if "(saved)" in item:
                yield number, " ".join(item.split())


@pytest.mark.parametrize(("number", "quote"), list(guide_quotes()))
def test_the_guide_quotes_the_saved_outputs(number, quote):
    path = next((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
    there = numbers("\n".join(output_lines(nbformat.read(path, as_version=4))))
    quoted = [m for m in FIGURE.finditer(NOT_PROSE.sub(" ", quote)) if is_result(m)]
    assert quoted, "no figure found in this quote"
    assert [m[0] for m in quoted if not agrees(m, there)] == []
