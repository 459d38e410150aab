"""``make quiz``: ten questions a lesson for Moodle, for Canvas and on paper.

The bank is ``notebooks/quiz/NN.toml``. Each question has

- ``ask``, the question, in plain text;
- ``right``, the one right option, and ``because``, the explanation;
- ``wrong``, the other options, each with why it is wrong;
- ``check``, if there is a number: an expression, true in Python, that the tests evaluate;
- ``test = true`` if it belongs to the half-hour test on lessons 00 to 02.
"""

import hashlib
import html
import io
import re
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from rbm_lib.course.environment import CourseError, notebooks_folder, repository_root
from rbm_lib.files import write_whole

TESTED = ("00", "01", "02")
TEST_MINUTES = 30
LETTERS = "ABCDEF"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.45 system-ui, sans-serif; max-width: 44em; margin: 2em auto; }}
h2 {{ break-before: page; }} li.question {{ margin: 0 0 1.1em; break-inside: avoid; }}
ol.options {{ list-style: upper-alpha; }} .line {{ margin: 1.5em 0; }}
@media print {{ body {{ font-size: 11pt; margin: 0; max-width: none; }} }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


@dataclass(frozen=True)
class Option:
    """An option, why it is right or wrong, and which of the two it is."""

    text: str
    why: str
    is_right: bool


@dataclass(frozen=True)
class Question:
    """A question with its options, in the order in which they are shown."""

    name: str
    ask: str
    options: tuple[Option, ...]
    in_test: bool = False
    check: str = ""

    @property
    def letter(self) -> str:
        """The letter of the right option."""
        return LETTERS[[option.is_right for option in self.options].index(True)]


def read_bank(path: Path) -> list[Question]:
    """The questions of a lesson's file."""
    questions = []
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["question"]
    for number, entry in enumerate(entries, start=1):
        name = f"{path.stem}-{number}"
        try:
            options = [Option(entry["right"], entry["because"], True)]
            options += [Option(text, why, False) for text, why in entry["wrong"]]
            ask = entry["ask"]
        except (KeyError, ValueError) as error:
            raise CourseError(f"{path.name}, question {number}: {error!r}.") from error
        # In an order that says nothing about which is right, but is always the same.
        options.sort(key=lambda x: hashlib.sha256((name + x.text).encode()).hexdigest())
        checked = entry.get("check", "")
        in_test = entry.get("test", False)
        questions.append(Question(name, ask, tuple(options), in_test, checked))
    return questions


def make_quiz(target: Path | None = None) -> None:
    """Write all exports to ``target`` (``build/quiz``)."""
    target = target or repository_root() / "build" / "quiz"
    paths = sorted((notebooks_folder() / "quiz").glob("[0-9][0-9].toml"))
    test: list[Question] = []
    for path in paths:
        lesson = path.stem
        questions = read_bank(path)
        write_whole(target / f"{lesson}.gift.txt", to_gift(questions, f"Lesson {lesson}"))
        write_whole(target / f"{lesson}.qti.zip", to_qti(questions, f"Lesson {lesson}"))
        title = f"Lesson {lesson}: {len(questions)} questions"
        body = sheet(questions) + "<h2>Answers</h2>" + answers(questions)
        write_whole(target / f"{lesson}.html", PAGE.format(title=title, body=body))
        if lesson in TESTED:
            test += [question for question in questions if question.in_test]
        print(f"{target / lesson}.*: {len(questions)} questions")

    name = f"test_{TESTED[0]}_{TESTED[-1]}"
    title = f"Test on lessons {TESTED[0]} to {TESTED[-1]}"
    line = f'<p class="line">Name: {"_" * 36}</p><p>{len(test)} questions, '
    line += f"{TEST_MINUTES} minutes. One option is right. A calculator is allowed.</p>"
    page = PAGE.format(title=title, body=line + sheet(test))
    write_whole(target / f"{name}.html", page)
    page = PAGE.format(title=f"{title}: answers", body=answers(test))
    write_whole(target / f"{name}_answers.html", page)
    write_whole(target / f"{name}.gift.txt", to_gift(test, title))
    write_whole(target / f"{name}.qti.zip", to_qti(test, title))
    print(f"{target / name}.*: {len(test)} questions, answers on a page beside them")


# Paper


def sheet(questions: Iterable[Question]) -> str:
    """The questions with their options, as a list in HTML."""
    items = []
    for question in questions:
        options = "".join(f"<li>{html.escape(x.text)}</li>" for x in question.options)
        options = f'<ol class="options">{options}</ol>'
        items.append(f'<li class="question">{html.escape(question.ask)}{options}</li>')
    return f"<ol>{''.join(items)}</ol>"


def answers(questions: Iterable[Question]) -> str:
    """The right letters, and what is right or wrong with each option."""
    items = []
    for question in questions:
        reasons = "".join(
            f"<li>{'<b>Right.</b> ' if x.is_right else ''}{html.escape(x.why)}</li>"
            for x in question.options
        )
        options = f'<ol class="options">{reasons}</ol>'
        head = f"<b>{question.letter}</b> · {html.escape(question.ask)}"
        items.append(f'<li class="question">{head}{options}</li>')
    return f"<ol>{''.join(items)}</ol>"


# Moodle


def escaped(text: str) -> str:
    """The text with GIFT's own characters marked as plain ones."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", text)


def to_gift(questions: Iterable[Question], title: str) -> str:
    """The questions in GIFT, which Moodle imports into a category of that title."""
    parts = [f"$CATEGORY: $course$/top/RBMs for recommendation/{title}"]
    for question in questions:
        options = "\n".join(
            f"\t{'=' if x.is_right else '~'}{escaped(x.text)}#{escaped(x.why)}"
            for x in question.options
        )
        parts.append(f"::{question.name}::[plain]{escaped(question.ask)} {{\n{options}\n}}")
    return "\n\n".join(parts) + "\n"


# Canvas


IMS = "http://www.imsglobal.org/xsd"
SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"


def to_qti(questions: Iterable[Question], title: str) -> bytes:
    """The questions as a package of QTI 1.2, as Canvas imports it: a zip file."""
    quiz = "quiz_" + re.sub(r"\W+", "_", title.lower())
    file = f"{quiz}/{quiz}.xml"
    space = f"{IMS}/imsccv1p1/imscp_v1p1"
    manifest = ElementTree.Element(
        "manifest",
        {SCHEMA: f"{space} {IMS}/imscp_v1p1.xsd"},
        identifier=f"manifest_{quiz}",
        xmlns=space,
    )
    metadata = ElementTree.SubElement(manifest, "metadata")
    ElementTree.SubElement(metadata, "schema").text = "IMS Content"
    ElementTree.SubElement(metadata, "schemaversion").text = "1.1.3"
    ElementTree.SubElement(manifest, "organizations")
    resources = ElementTree.SubElement(manifest, "resources")
    resource = ElementTree.SubElement(resources, "resource", identifier=quiz)
    resource.set("type", "imsqti_xmlv1p2")
    ElementTree.SubElement(resource, "file", href=file)

    space = f"{IMS}/ims_qtiasiv1p2"
    root = ElementTree.Element(
        "questestinterop", {SCHEMA: f"{space} {space}p1.xsd"}, xmlns=space
    )
    heading = f"RBMs for recommendation: {title}"
    assessment = ElementTree.SubElement(root, "assessment", ident=quiz, title=heading)
    section = ElementTree.SubElement(assessment, "section", ident="root_section")
    section.extend(_item(question) for question in questions)

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, tree in (("imsmanifest.xml", manifest), (file, root)):
            text = ElementTree.tostring(tree, encoding="utf-8", xml_declaration=True)
            # Of a fixed date, so that the same questions give the same file.
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _item(question: Question) -> ElementTree.Element:
    """A multiple choice question of QTI 1.2, with a feedback for each option."""
    item = ElementTree.Element("item", ident=question.name, title=question.name)
    metadata = _path(item, "itemmetadata", "qtimetadata")
    for label, entry in (
        ("question_type", "multiple_choice_question"),
        ("points_possible", "1"),
    ):
        field = ElementTree.SubElement(metadata, "qtimetadatafield")
        ElementTree.SubElement(field, "fieldlabel").text = label
        ElementTree.SubElement(field, "fieldentry").text = entry
    presentation = ElementTree.SubElement(item, "presentation")
    _text(presentation, question.ask)
    single = {"ident": "response1", "rcardinality": "Single"}
    response = ElementTree.SubElement(presentation, "response_lid", single)
    choices = ElementTree.SubElement(response, "render_choice")
    processing = ElementTree.SubElement(item, "resprocessing")
    bounds = {"maxvalue": "100", "minvalue": "0", "varname": "SCORE", "vartype": "Decimal"}
    ElementTree.SubElement(_path(processing, "outcomes"), "decvar", bounds)
    for letter, option in zip(LETTERS, question.options, strict=False):
        ident = f"{question.name}-{letter}"
        _text(ElementTree.SubElement(choices, "response_label", ident=ident), option.text)
        condition = _if_chosen(processing, ident, "Yes")
        feedback = {"feedbacktype": "Response", "linkrefid": f"{ident}_fb"}
        ElementTree.SubElement(condition, "displayfeedback", feedback)
    # The points come last, because no condition is read after one that does not continue.
    condition = _if_chosen(processing, f"{question.name}-{question.letter}", "No")
    points = {"action": "Set", "varname": "SCORE"}
    ElementTree.SubElement(condition, "setvar", points).text = "100"
    for letter, option in zip(LETTERS, question.options, strict=False):
        said = ElementTree.SubElement(item, "itemfeedback")
        said.set("ident", f"{question.name}-{letter}_fb")
        _text(_path(said, "flow_mat"), option.why)
    return item


def _if_chosen(
    processing: ElementTree.Element, ident: str, goes_on: str
) -> ElementTree.Element:
    """A condition: this option is chosen. ``goes_on`` says whether others follow."""
    condition = ElementTree.SubElement(processing, "respcondition")
    condition.set("continue", goes_on)
    chosen = _path(condition, "conditionvar", "varequal")
    chosen.set("respident", "response1")
    chosen.text = ident
    return condition


def _path(parent: ElementTree.Element, *names: str) -> ElementTree.Element:
    for name in names:
        parent = ElementTree.SubElement(parent, name)
    return parent


def _text(parent: ElementTree.Element, text: str) -> None:
    material = _path(parent, "material", "mattext")
    material.set("texttype", "text/plain")
    material.text = text
