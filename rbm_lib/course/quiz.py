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

    def export(name: str, title: str, questions: list[Question]) -> None:
        write_whole(target / f"{name}.gift.txt", to_gift(questions, title))
        write_whole(target / f"{name}.qti.zip", to_qti(questions, title))
        print(f"{target / name}.*: {len(questions)} questions")

    def page(name: str, title: str, body: str) -> None:
        write_whole(target / f"{name}.html", PAGE.format(title=title, body=body))

    test: list[Question] = []
    for path in sorted((notebooks_folder() / "quiz").glob("[0-9][0-9].toml")):
        lesson = path.stem
        questions = read_bank(path)
        export(lesson, f"Lesson {lesson}", questions)
        body = sheet(questions) + "<h2>Answers</h2>" + answers(questions)
        page(lesson, f"Lesson {lesson}: {len(questions)} questions", body)
        if lesson in TESTED:
            test += [question for question in questions if question.in_test]

    name = f"test_{TESTED[0]}_{TESTED[-1]}"
    title = f"Test on lessons {TESTED[0]} to {TESTED[-1]}"
    head = f'<p class="line">Name: {"_" * 36}</p><p>{len(test)} questions, '
    head += f"{TEST_MINUTES} minutes. One option is right. A calculator is allowed.</p>"
    page(name, title, head + sheet(test))
    page(f"{name}_answers", f"{title}: answers", answers(test))
    export(name, title, test)


# Paper


def sheet(questions: Iterable[Question]) -> str:
    """The questions with their options, as a list in HTML."""
    return _list(
        (html.escape(q.ask), [html.escape(x.text) for x in q.options]) for q in questions
    )


def answers(questions: Iterable[Question]) -> str:
    """The right letters, and what is right or wrong with each option."""
    mark = {True: "<b>Right.</b> ", False: ""}
    return _list(
        (
            f"<b>{q.letter}</b> · {html.escape(q.ask)}",
            [mark[x.is_right] + html.escape(x.why) for x in q.options],
        )
        for q in questions
    )


def _list(entries: Iterable[tuple[str, list[str]]]) -> str:
    """A numbered list of questions, each with a list of lines."""
    items = ""
    for head, lines in entries:
        options = "".join(f"<li>{line}</li>" for line in lines)
        items += f'<li class="question">{head}<ol class="options">{options}</ol></li>'
    return f"<ol>{items}</ol>"


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


def to_qti(questions: Iterable[Question], title: str) -> bytes:
    """The questions as a package of QTI 1.2, as Canvas imports it: a zip file."""
    quiz = "quiz_" + re.sub(r"\W+", "_", title.lower())
    items = "".join(map(_item, questions))
    files = {
        "imsmanifest.xml": MANIFEST.format(quiz=quiz),
        f"{quiz}/{quiz}.xml": QUIZ.format(quiz=quiz, title=html.escape(title), items=items),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            # Of a fixed date, so that the same questions give the same file.
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _item(question: Question) -> str:
    """A multiple choice question of QTI 1.2, with a feedback for each option."""
    name = question.name
    options = [
        {"ident": f"{name}-{letter}", "text": _text(option.text), "why": _text(option.why)}
        for letter, option in zip(LETTERS, question.options, strict=False)
    ]
    return ITEM.format(
        name=name,
        ask=_text(question.ask),
        labels="".join(map(LABEL.format_map, options)),
        shown="".join(map(SHOWN.format_map, options)),
        right=f"{name}-{question.letter}",
        feedback="".join(map(FEEDBACK.format_map, options)),
    )


def _text(text: str) -> str:
    text = html.escape(text)
    return f'<material><mattext texttype="text/plain">{text}</mattext></material>'


MANIFEST = """\
<?xml version="1.0" encoding="utf-8"?>
<manifest identifier="manifest_{quiz}"
 xmlns="http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1
 http://www.imsglobal.org/xsd/imscp_v1p1.xsd">
<metadata><schema>IMS Content</schema><schemaversion>1.1.3</schemaversion></metadata>
<organizations/>
<resources><resource identifier="{quiz}" type="imsqti_xmlv1p2">
<file href="{quiz}/{quiz}.xml"/></resource></resources>
</manifest>
"""
QUIZ = """\
<?xml version="1.0" encoding="utf-8"?>
<questestinterop xmlns="http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.imsglobal.org/xsd/ims_qtiasiv1p2
 http://www.imsglobal.org/xsd/ims_qtiasiv1p2p1.xsd">
<assessment ident="{quiz}" title="RBMs for recommendation: {title}">
<section ident="root_section">
{items}</section></assessment></questestinterop>
"""
# The points come last, because no condition is read after one that does not continue.
ITEM = """\
<item ident="{name}" title="{name}"><itemmetadata><qtimetadata>
<qtimetadatafield><fieldlabel>question_type</fieldlabel>
<fieldentry>multiple_choice_question</fieldentry></qtimetadatafield>
<qtimetadatafield><fieldlabel>points_possible</fieldlabel>
<fieldentry>1</fieldentry></qtimetadatafield>
</qtimetadata></itemmetadata>
<presentation>{ask}
<response_lid ident="response1" rcardinality="Single">
<render_choice>{labels}</render_choice></response_lid></presentation>
<resprocessing><outcomes>
<decvar maxvalue="100" minvalue="0" varname="SCORE" vartype="Decimal"/></outcomes>
{shown}<respcondition continue="No">
<conditionvar><varequal respident="response1">{right}</varequal></conditionvar>
<setvar action="Set" varname="SCORE">100</setvar></respcondition></resprocessing>
{feedback}</item>
"""
LABEL = '<response_label ident="{ident}">{text}</response_label>'
SHOWN = """\
<respcondition continue="Yes">
<conditionvar><varequal respident="response1">{ident}</varequal></conditionvar>
<displayfeedback feedbacktype="Response" linkrefid="{ident}_fb"/></respcondition>
"""
FEEDBACK = '<itemfeedback ident="{ident}_fb"><flow_mat>{why}</flow_mat></itemfeedback>'
