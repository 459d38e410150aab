"""Lists, reasons and predictions of saved models."""

import gzip

import pandas as pd
import pytest

from rbm_lib import Recommender
from tests.cli.support import failure, printed, run, title


def test_a_users_list_has_titles_and_nothing_rated(lists, folder, capsys):
    rows = printed(capsys, "recommend", lists, "--user", 4, "-n", 99)["rows"]

    rated = pd.read_csv(folder / "ratings.csv").query("user == 4")["item"]
    assert {row["item"] for row in rows} == set(range(40)) - set(rated)
    assert [row["rank"] for row in rows] == list(range(1, 17))
    assert all(row["title"] == title(row["item"]) for row in rows)


def test_several_users_are_told_apart(lists, capsys):
    assert run("recommend", lists, "--user", 4, "--user", 7, "-n", 2) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["user", "rank", "item", "title", "score"]
    assert [line.split()[0] for line in lines[1:]] == ["4", "4", "7", "7"]


def test_a_new_person_by_titles(lists, capsys):
    likes = ["--like", "toy story", "--like", "alien", "--like", "amelie"]  # 0, 2 and 5
    dislikes = ["--dislike", "the english patient"]

    rows = printed(capsys, "recommend", lists, *likes, *dislikes, "-n", 40)["rows"]

    model = Recommender.load(lists)
    theirs = model.recommend({0: 5, 2: 5, 5: 5, 6: 1}, n=40)
    assert [row["item"] for row in rows] == theirs["item"].tolist()
    assert not {0, 2, 5, 6} & {row["item"] for row in rows}


FILES = {
    "item,rating\n0,5\n2,4\n6,1\n": {0: 5, 2: 4, 6: 1},
    "title;stars\nToy Story;5\nalien;4\n": {0: 5, 2: 4},
    "0,5\n2,4\n": {0: 5, 2: 4},
    "item,rating\n0,5\n6,\n2,4\n": {0: 5, 2: 4},
    "user,item,rating\nme,0,5\nme,2,4\n": {0: 5, 2: 4},
    "title\nToy Story\nEnglish Patient, The\n": {0: 5, 6: 5},
    "Toy Story\n2\n": {0: 5, 2: 5},
}


@pytest.mark.parametrize("content", FILES)
def test_a_new_person_by_a_file(content, lists, tmp_path, capsys):
    (tmp_path / "me.csv").write_text(content)

    rows = printed(capsys, "recommend", lists, "--ratings", tmp_path / "me.csv")["rows"]

    theirs = Recommender.load(lists).recommend(FILES[content])
    assert [row["item"] for row in rows] == theirs["item"].tolist()


@pytest.mark.parametrize("head", ["", "title;rating\n"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig"])
def test_a_new_persons_file_in_latin_1(head, encoding, lists, tmp_path, capsys):
    text = head + ("Amélie;4\nAlien;5\n" if head else "Amélie\nAlien\n")
    (tmp_path / "me.csv").write_bytes(text.encode(encoding))

    assert run("recommend", lists, "--ratings", tmp_path / "me.csv") == 0

    assert "does not know" not in capsys.readouterr().err


def test_unknown_items_of_a_file_are_counted(lists, tmp_path, capsys):
    (tmp_path / "me.csv").write_text("item,rating\n0,5\n77,4\nNew Film,3\n")

    assert run("recommend", lists, "--ratings", tmp_path / "me.csv") == 0

    assert "note: got 2 items that the model does not know, ignored" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["lists.csv", "lists.csv.gz"])
def test_lists_for_everybody(name, lists, tmp_path, capsys):
    path = tmp_path / name
    command = ["recommend", lists, "--all", "-n", 3, "-o", path]

    found = printed(capsys, *command)

    frame = pd.read_csv(path)
    assert (found["people"], found["rows"]) == (80, len(frame)) == (80, 240)
    assert list(frame) == ["user", "item", "rank", "score", "title"]
    assert frame["title"].tolist() == frame["item"].map(title).tolist()
    own = Recommender.load(lists).recommend(n=3)
    assert frame["item"].tolist() == own["item"].tolist()
    assert run(*command) == 0  # older lists are replaced


def test_lists_replace_nothing_else(lists, folder, tmp_path, capsys):
    ratings = tmp_path / "ratings.csv"
    ratings.write_bytes((folder / "ratings.csv").read_bytes())
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(ratings.read_bytes()))
    before = ratings.read_bytes()

    for name in ("ratings.csv", "r.csv.gz"):
        everybody = ["recommend", lists, "--all", "-o", tmp_path / name]
        assert "which has no lists" in failure(capsys, *everybody)
    everybody[-1] = tmp_path / "lists.xlsx"
    assert "expected a name that ends in" in failure(capsys, *everybody)
    assert ratings.read_bytes() == before


def test_explain_says_because_of_which_likes(lists, folder, capsys):
    rated = pd.read_csv(folder / "ratings.csv").query("user == 4")
    item = next(k for k in range(10, 40, 2) if k not in set(rated["item"]))

    rows = printed(capsys, "explain", lists, "--user", 4, "--item", item, "-n", 3)["rows"]

    assert len(rows) == 3
    assert {row["item"] for row in rows} <= set(rated.query("rating >= 4")["item"])
    new = printed(capsys, "explain", lists, "--like", "alien", "--item", "amelie")["rows"]
    assert [row["title"] for row in new] == ["Alien (1979)"]


def test_explain_says_if_likes_speak_against_an_item(lists, capsys):
    """Who likes even films does not like odd ones."""

    def said(*likes, option="--like"):
        given = [word for title in likes for word in (option, title)]
        capsys.readouterr()
        assert run("explain", lists, *given, "--item", 21) == 0
        return capsys.readouterr().err

    against = said("alien")
    assert "note: no like of this person speaks for item 21." in against
    assert "[21], in spite of:" in against
    assert "in spite of the others" in said("alien", "film number 23")
    assert "[21], because of:" in said("film number 23")
    nothing = said("alien", option="--dislike")
    assert "got no like of another item" in nothing and "because of" not in nothing


def test_predict_says_chance_and_stars(stars, capsys):
    wanted = ["--item", "toy story", "--item", "2"]

    rows = printed(capsys, "predict", stars, "--user", 4, "--user", 7, *wanted)["rows"]
    new = printed(capsys, "predict", stars, "--like", "alien", *wanted[:2])["rows"]

    theirs = Recommender.load(stars).predict([(4, 0), (4, 2), (7, 0), (7, 2)])
    assert [row["like"] for row in rows] == pytest.approx(theirs["like"].tolist())
    assert all(1 <= row["rating"] <= 5 for row in rows + new)
    assert rows[0]["like"] > rows[2]["like"], "4 is even, and so is Toy Story"


def test_what_a_model_cannot_answer(lists, stars, folder, tmp_path, capsys):
    torn = tmp_path / "torn.rbm"
    torn.write_bytes(lists.read_bytes()[:-200])

    def said(*arguments):
        return failure(capsys, *arguments)

    assert "--task rank" in said("recommend", stars, "--user", 4)
    assert "--task rate" in said("predict", lists, "--user", 4, "--item", 2)
    assert "damaged" in said("recommend", torn, "--user", 4)
    assert "no recommender" in said("recommend", folder / "films.csv", "--user", 4)
    assert "no such file" in said("recommend", tmp_path / "none", "--user", 4)
    assert "--user: got 'Ann', expected one of the 80" in said(
        "recommend", lists, "--user", "Ann"
    )
    assert "Hamlet (1990) [4]" in said("recommend", lists, "--like", "hamlet")
    assert "Alien (1979) [2]" in said("explain", lists, "--user", 4, "--item", "Aliem")
    assert "twice" in said("recommend", lists, "--like", "alien", "--dislike", 2)
    both = tmp_path / "both.csv"
    both.write_text("user,item,rating\na,0,5\nb,2,4\n")
    assert "got 2 people" in said("recommend", lists, "--ratings", both)
    both.write_text("item,rating\n0,9\n")
    assert "got 9" in said("recommend", lists, "--ratings", both)
