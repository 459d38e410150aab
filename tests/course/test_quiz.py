"""The questions of the quiz bank, and their export for Moodle, Canvas and paper."""

import io
import math
import re
import tomllib
import zipfile
from collections import Counter
from xml.etree import ElementTree

import pytest

from rbm_lib.course.environment import CourseError, notebooks_folder
from rbm_lib.course.quiz import (
    TESTED,
    Option,
    Question,
    make_quiz,
    read_bank,
    to_gift,
    to_qti,
)

BANKS = {p.stem: p for p in sorted((notebooks_folder() / "quiz").glob("*.toml"))}
every_bank = pytest.mark.parametrize("lesson", BANKS)
AWKWARD = Question(
    "99-1",
    r"Is a\b {x: y} = 1 # or ~2?",
    (
        Option("a ~ b", "No: {it} is = 3.", False),
        Option("c <d> & #e", r"Yes \ it is.", True),
    ),
)


def parse_gift(text):
    """(name, question, [(is right, option, feedback)]) of each question."""
    found = []
    special = r"(?<!\\)"
    for name, ask, body in re.findall(
        rf"::([\w-]+)::\[plain\](.*?) {special}{{\n(.*?)\n{special}}}", text, re.DOTALL
    ):
        options = []
        for line in body.splitlines():
            mark, rest = line.strip()[0], line.strip()[1:]
            option, feedback = re.split(rf"{special}#", rest)
            options.append((mark == "=", plain(option), plain(feedback)))
        found.append((name, plain(ask), options))
    return found


def plain(text):
    assert re.sub(r"\\[\\~=#{}:]", "", text) == re.sub(r"\\.|[~=#{}:]", "", text), text
    return re.sub(r"\\(.)", r"\1", text)


# The bank


@every_bank
def test_a_lesson_has_ten_questions_with_one_right_option_and_reasons(lesson):
    entries = tomllib.loads(BANKS[lesson].read_text(encoding="utf-8"))["question"]
    questions = read_bank(BANKS[lesson])

    assert len(questions) == 10
    assert len({question.ask for question in questions}) == 10
    for entry, question in zip(entries, questions, strict=True):
        assert [x.text for x in question.options if x.is_right] == [entry["right"]]
        assert len(question.options) == 4
        assert len({x.text for x in question.options}) == 4
        assert all(len(x.why) > 20 and x.why.endswith(".") for x in question.options)
        assert set(entry) <= {"ask", "right", "because", "wrong", "check", "test"}


@every_bank
def test_what_a_question_says_about_a_number_is_true(lesson):
    for question in read_bank(BANKS[lesson]):
        if question.check:
            assert eval(question.check, vars(math)), question.name


def test_the_half_hour_test_has_five_questions_of_each_lesson():
    questions = [q for lesson in TESTED for q in read_bank(BANKS[lesson])]

    counts = Counter(q.name[:2] for q in questions if q.in_test)

    assert counts == dict.fromkeys(TESTED, 5)


def test_the_letters_say_nothing():
    counts = Counter(q.letter for bank in BANKS.values() for q in read_bank(bank))

    assert set(counts) == set("ABCD")
    assert max(counts.values()) < 0.5 * sum(counts.values())


def test_a_question_without_an_explanation_is_refused(tmp_path):
    (tmp_path / "99.toml").write_text('[[question]]\nask = "?"\nright = "x"\nwrong = []')

    with pytest.raises(CourseError, match="99.toml, question 1: .*because"):
        read_bank(tmp_path / "99.toml")


# Moodle and Canvas


@every_bank
def test_gift_says_what_the_bank_says(lesson):
    questions = read_bank(BANKS[lesson])

    found = parse_gift(to_gift(questions, "A title"))

    assert found == [
        (q.name, q.ask, [(x.is_right, x.text, x.why) for x in q.options]) for q in questions
    ]


def test_gift_escapes_its_own_characters():
    name, ask, options = parse_gift(to_gift([AWKWARD], "A title"))[0]

    assert ask == AWKWARD.ask
    assert options == [(x.is_right, x.text, x.why) for x in AWKWARD.options]


def test_the_parser_notices_what_is_not_escaped():
    with pytest.raises((AssertionError, ValueError)):
        parse_gift("::99-1::[plain]Is a = b? {\n\t=yes#so\n}")


@pytest.mark.parametrize("lesson", [*BANKS, "awkward"])
def test_qti_says_what_the_bank_says(lesson):
    questions = read_bank(BANKS[lesson]) if lesson in BANKS else [AWKWARD]

    with zipfile.ZipFile(io.BytesIO(to_qti(questions, "A title"))) as archive:
        manifest = ElementTree.fromstring(archive.read("imsmanifest.xml"))
        file = manifest.find("{*}resources/{*}resource/{*}file").get("href")
        items = ElementTree.fromstring(archive.read(file)).findall(".//{*}item")

    assert len(items) == len(questions)
    for item, question in zip(items, questions, strict=True):
        labels = {
            x.get("ident"): x.find(".//{*}mattext").text
            for x in item.findall(".//{*}response_label")
        }
        right = [
            x.find(".//{*}varequal").text
            for x in item.findall(".//{*}respcondition")
            if x.find("{*}setvar") is not None
        ]
        reasons = [x.find(".//{*}mattext").text for x in item.findall("{*}itemfeedback")]
        assert item.find("{*}presentation/{*}material/{*}mattext").text == question.ask
        assert list(labels.values()) == [x.text for x in question.options]
        assert [labels[x] for x in right] == [
            x.text for x in question.options if x.is_right
        ]
        assert reasons == [x.why for x in question.options]


def tag(element):
    return element.tag.partition("}")[2]


def test_qti_has_the_elements_in_the_order_and_namespaces_of_its_schema():
    with zipfile.ZipFile(io.BytesIO(to_qti([AWKWARD], "A: title"))) as archive:
        names = archive.namelist()
        manifest, root = (ElementTree.fromstring(archive.read(name)) for name in names)

    (item,) = root.findall("{*}assessment/{*}section/{*}item")
    conditions = item.findall("{*}resprocessing/{*}respcondition")
    ims = "http://www.imsglobal.org/xsd"
    assert names == ["imsmanifest.xml", "quiz_a_title/quiz_a_title.xml"]
    assert {x.tag.partition("}")[0] for x in manifest.iter()} == {
        f"{{{ims}/imsccv1p1/imscp_v1p1"
    }
    assert {x.tag.partition("}")[0] for x in root.iter()} == {f"{{{ims}/ims_qtiasiv1p2"}
    assert [tag(x) for x in manifest] == ["metadata", "organizations", "resources"]
    assert [tag(x) for x in item] == [
        "itemmetadata",
        "presentation",
        "resprocessing",
        "itemfeedback",
        "itemfeedback",
    ]
    assert [[tag(x) for x in condition] for condition in conditions] == [
        ["conditionvar", "displayfeedback"],
        ["conditionvar", "displayfeedback"],
        ["conditionvar", "setvar"],
    ]
    shown = {x.get("linkrefid") for x in item.iter() if tag(x) == "displayfeedback"}
    assert shown == {x.get("ident") for x in item.findall("{*}itemfeedback")}
    labels = {x.get("ident") for x in item.iter() if tag(x) == "response_label"}
    assert labels == {x.text for x in item.iter() if tag(x) == "varequal"}


# Paper


def test_make_quiz_writes_every_export(tmp_path, capsys):
    make_quiz(tmp_path)

    names = {f"{x}.{kind}" for x in BANKS for kind in ("gift.txt", "qti.zip", "html")}
    test = {f"test_00_02{x}" for x in (".html", "_answers.html", ".gift.txt", ".qti.zip")}
    assert {path.name for path in tmp_path.iterdir()} == names | test
    assert "15 questions" in capsys.readouterr().out


def test_the_test_has_no_answers_and_its_answers_have_all(tmp_path):
    make_quiz(tmp_path)

    test, answers = (
        (tmp_path / f"test_00_02{x}.html").read_text(encoding="utf-8")
        for x in ("", "_answers")
    )
    assert test.count('class="question"') == answers.count('class="question"') == 15
    assert answers.count("Right.") == 15
    assert "Right." not in test
    assert "http" not in test
