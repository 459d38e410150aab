"""Numbers in the lessons' prose, and those that the guide quotes, are of the saved runs.

A result in prose is tagged in the lesson's source: `.83<!--always like-->` says that a line
of output with these words contains this number. Any other number with a point, a comma or a
percent sign must be in the lesson's code, or in GIVEN: quoted, defined, or made up.
"""

import re

import nbformat
import pytest

from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.notebook import code_cells

PATHS = {path.stem[:2]: path for path in sorted(notebooks_folder().glob("[0-9]*.ipynb"))}

GIVEN = {
    "00": "100,000 1,682 20,000 1.65 4.14 .398 .60 2.72 -0.5 1.5 -1.5 -3.0 .074 .405 .18 "
    ".487 .561 .87 .56 .020 .95 3.0",
    "01": ".368 6.24 2.64 .31 1,682 .62 .26 3.8 4.0 3.0 3.4 3.1 2.7 2.8 "
    "2.9 4.5 5.6 4.1 4.6 3.6 6.9 1.3 3.3 4.8 2.0",
    "02": ".32 .2 .8 .6 -.8 -.6 95% .73 .227 .4 .69 1.61 .22 .7 .9 .78 .63 1.5 1.63 .92 "
    ".239 .264 -1.4 -.47 "  # eight runs of the recipe; neighbours in time
    ".12 .08 .06 -.019 -.036 .002 .004 .011 .003 .019 "  # by time; by numbers of ratings
    ".005 .03 -.016 -.002 -.039 -.104 -.111",  # decays; the open exercise
    "03": "99.63% 200,000 180,000 .73 1.7 .9 .8 .70 .77 1.2 .4 .5 .3 .57 1.6 "
    "-.5 .5 1.5 .027 .003 .012 .049 .022 "
    ".002 -.001 .005 .10 1,797",  # two epochs; the images of scikit-learn's digits
    "04": "70% .4 .00594 5.12 .351 .049",
    "05": "1,024 -1.84 2.7 .6 -.6 .354 2.5 -.25 .5 -.5 1.5 .75 2 -2 .777 1.55 -1.55 1.25 "
    "3.1 .9 1.26 1.11 .16 .04 "  # docs/results.md, as the next ones
    ".153 .052 .051 .018 .023 .020 .004 .013 .006 .007",
    "06": "3.11 2.13 .87 29.6 .083 802,816 .42 1.9 .125 -.5 1.05 5% "
    ".0039 -5.6 .9963 255.06 .0078 .003 3.4 2.66",
    "07": "2.7 .693 .549 .61 .42 "
    ".3 .46 -1.34 1.04 .52 .50 .16 .24 .21 2.77",  # the open exercise
    "08": ".5 -.2 .9 .10 .2 .917 .923",  # the full profile
    "09": ".9 .1 .469 .531 .5 3.81 -2.639 .05 .00025 .25 .001 1.2 .2 .55 1.4 .80 .6 "
    "-.69 .01 .46 .54",
}

NUMBER = (
    r"(?P<sign>[−+-]?)(?P<digits>\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+)"
    r"(?:e(?P<power>[+-]?\d+))?(?P<percent> ?%)?"
)
IN_PROSE = re.compile(rf"(?<![\w.,/·⁻]){NUMBER}(?:<!--(?P<tag>[^>]+)-->)?(?![\w·])")
IN_OUTPUT = re.compile(rf"(?<![\w.]){NUMBER}(?!\w)")
NOT_PROSE = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\]\([^)]*\)|<(?!!--)[^>]+>|## References.*",
    re.DOTALL,
)


def value(match):
    """(number, half a unit of its last digit)."""
    digits = match["digits"].replace(",", "")
    scale = 10.0 ** int(match["power"] or 0) / (100 if match["percent"] else 1)
    decimals = len(digits.partition(".")[2])
    sign = -1 if match["sign"] in ("−", "-") else 1
    return sign * float(digits) * scale, 0.5 * 10.0**-decimals * scale


def agrees(match, others):
    """Whether one of `others` is the number, rounded as it is. Its sign counts if given."""
    wanted, half = value(match)
    size = (lambda x: x) if match["sign"] else abs
    return any(abs(size(other) - size(wanted)) <= half * 1.001 for other in others)


def is_result(match):
    """Tagged, or a number that looks measured."""
    return bool(match["tag"] or match["percent"] or re.search(r"[.,]", match["digits"]))


def prose(notebook):
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    text = "\n\n".join(NOT_PROSE.sub(" ", source) for source in cells)
    return [match for match in IN_PROSE.finditer(text) if is_result(match)]


def output_lines(notebook):
    """The lines of all text outputs: printed lines, rows of tables, texts of figures."""
    texts = []
    for output in (x for _, cell in code_cells(notebook) for x in cell.outputs):
        data = output.get("data", {})
        rows = " ".join(data.get("text/html", "").split()).replace("</tr>", "\n")
        plain = re.sub("<[^>]+>", " ", rows)
        texts += [output.get("text", ""), data.get("text/plain", ""), plain]
    return "\n".join(texts).splitlines()


def numbers(text):
    return [value(match)[0] for match in IN_OUTPUT.finditer(text.replace("_", ""))]


@pytest.mark.parametrize("lesson", PATHS)
def test_numbers_in_prose_are_in_an_output_in_the_code_or_given(lesson):
    notebook = nbformat.read(PATHS[lesson], as_version=4)
    lines = output_lines(notebook)
    code = "\n".join(cell.source for _, cell in code_cells(notebook))
    known = numbers(code) + numbers(GIVEN[lesson].replace(" ", "  "))

    for match in prose(notebook):
        found = [line for line in lines if match["tag"] and match["tag"] in line]
        there = known if not match["tag"] else [x for line in found for x in numbers(line)]
        assert agrees(match, there), f"{match[0]}: tag it, or look at {found}"


@pytest.mark.parametrize(
    ("text", "right"),
    [(".83", True), (".84", False), ("83 %", True), ("−.83", False), ("82.5 %", True)],
)
def test_the_comparison_can_fail(text, right):
    match = IN_PROSE.search(f"It is {text}<!--always like--> here")

    assert agrees(match, numbers("always like  0.825 (0.821 to 0.829)")) == right


@pytest.mark.parametrize("lesson", PATHS)
def test_the_guide_quotes_the_saved_outputs(lesson):
    guide = repository_root() / "docs" / "teaching"
    text = (guide / f"{lesson}.md").read_text(encoding="utf-8")
    there = numbers("\n".join(output_lines(nbformat.read(PATHS[lesson], as_version=4))))

    # Rows of tables, items of lists, paragraphs.
    for item in re.split(r"\n(?=[|\-#]|\s*$)", text):
        if "(saved)" in item:
            quoted = IN_PROSE.finditer(NOT_PROSE.sub(" ", " ".join(item.split())))
            quoted = [match for match in quoted if is_result(match)]
            assert quoted, "no number found in this quote"
            assert [match[0] for match in quoted if not agrees(match, there)] == []
