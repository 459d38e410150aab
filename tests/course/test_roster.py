"""Rosters, whose a submission is, and the tables for Moodle and Canvas."""

import pandas as pd
import pytest

from rbm_lib.course.environment import CourseError
from rbm_lib.course.roster import grade, lesson_points, owners, read_roster, write_grades

LESSONS = {"01_one": 4.0, "02_two": 6.0}


@pytest.fixture
def roster():
    students = {
        "a1": "Ada Lovelace",
        "a12": "Alan Turing",
        "s-07": "Søren K.",
        "01": "Eve Li",
    }
    return pd.DataFrame({"id": list(students), "name": list(students.values())})


def row(file, points, lesson="01_one"):
    return {"file": file, "lesson": lesson, "status": "ok", "points": points}


# The file


@pytest.mark.parametrize(
    "text", ["id,name\n1,Ada\n", "Name;ID\n Ada ; 1 \n;\n", "\ufeffid,name\n1,Ada"]
)
def test_a_roster_has_ids_and_names(text, tmp_path):
    (tmp_path / "class.csv").write_text(text, encoding="utf-8")

    assert read_roster(tmp_path / "class.csv").to_numpy().tolist() == [["1", "Ada"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,surname\n1,Ada\n", r"got the columns \['id', 'surname'\], expected"),
        ("id,name\n1,Ada\n1,Bob\n", "the id '1' stands there twice"),
        ("id,name\n1,Ada\n2,\n", "student 2 has no id or no name"),
        ("id,name\n", "without students"),
        ("id,name\n1,Lovelace, Ada\n", "Quote names with a comma"),
        ("", "expected a CSV file"),
        (b"id,name\n1,\xff\n", "expected a CSV file"),
    ],
)
def test_a_bad_roster_gives_one_error(text, words, tmp_path):
    text = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "class.csv").write_bytes(text)

    with pytest.raises(CourseError, match=f"^roster: .*{words}"):
        read_roster(tmp_path / "class.csv")


def test_a_missing_roster_gives_one_error(tmp_path):
    with pytest.raises(CourseError, match="roster: got .*none.csv"):
        read_roster(tmp_path / "none.csv")


# Whose it is


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("01_a1.ipynb", ["a1"]),
        ("a12/01.ipynb", ["a12"]),
        ("a12/02_two.ipynb", ["a12"]),
        ("A1/copy (2).ipynb", ["a1"]),
        ("Ada Lovelace_992_assignsubmission_file/x.ipynb", ["a1"]),
        ("lovelaceada_5_77_x.ipynb", ["a1"]),
        ("s07_x.ipynb", ["s-07"]),
        ("søren k/02.ipynb", ["s-07"]),
        ("02_01.ipynb", ["01"]),
        ("01_one.ipynb", []),
        ("a123.ipynb", []),
        ("a1_a12.ipynb", ["a12"]),
        ("a1/a12.ipynb", ["a12"]),
    ],
)
def test_whose_a_submission_is(path, expected, roster):
    assert owners(path, roster) == expected


def test_students_of_one_name_need_their_ids():
    twins = pd.DataFrame({"id": ["1", "2"], "name": ["Ada Li", "Ada Li"]})

    assert owners("Ada Li.ipynb", twins) == ["1", "2"]
    assert owners("Ada Li/2.ipynb", twins) == ["2"]


# The table


def test_the_best_attempt_of_each_lesson_counts(roster):
    rows = [row("a1.ipynb", 1), row("a1-again.ipynb", 3), row("a1/old.ipynb", 2)]
    rows += [row("a12/x.ipynb", 0), row("a12/y.ipynb", 5.5, "02_two")]

    table, remarks = grade(rows, roster, LESSONS)

    assert table.loc["a1", "01_one"] == 3 and pd.isna(table.loc["a1", "02_two"])
    assert table.loc["a12"].tolist() == [0, 5.5, 5.5]
    assert table.index.tolist() == roster.id.tolist()
    assert remarks == [
        "Søren K. (s-07): nothing handed in",
        "Eve Li (01): nothing handed in",
    ]


def test_what_belongs_to_nobody_or_is_no_lesson_is_named(roster):
    rows = [row("bob.ipynb", 4), row("a1.ipynb", 0, "") | {"status": "not a notebook"}]

    _, remarks = grade(rows, roster, LESSONS)

    assert remarks[0] == "bob.ipynb: of nobody in the roster"
    assert remarks[1] == "a1.ipynb: not a notebook"


def test_the_files_have_the_columns_of_moodle_and_canvas(roster, tmp_path, capsys):
    rows = [row("/home/a12/in/a1/01.ipynb", 3)]

    write_grades(rows, roster, tmp_path, ["/home/a12/in"], LESSONS)

    moodle = pd.read_csv(tmp_path / "grades_moodle.csv", dtype=str)
    canvas = pd.read_csv(tmp_path / "grades_canvas.csv", dtype=str)
    assert list(moodle) == ["ID number", "Full name", "01_one", "02_two", "Total"]
    assert moodle.iloc[0].fillna("").tolist() == ["a1", "Ada Lovelace", "3.0", "", "3.0"]
    assert list(canvas)[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert canvas.Student[0].strip() == "Points Possible" and canvas["02_two"][0] == "6.0"
    assert canvas.fillna("").iloc[1][["SIS User ID", "01_one"]].tolist() == ["a1", "3.0"]
    assert "Alan Turing (a12): nothing handed in" in capsys.readouterr().out


def test_the_points_are_those_of_the_notebooks():
    points = lesson_points()

    assert points["01_energy_and_contrastive_divergence"] == 9
    assert sum(points.values()) > 50
