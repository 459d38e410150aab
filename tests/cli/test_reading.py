"""Files of every kind become ratings, with titles, and what was understood is said."""

import gzip

import pytest

from rbm_lib.cli.parser import make_parser
from rbm_lib.cli.reading import read_data, read_titles
from tests.cli.support import make_table, write_titles


def read(tmp_path, content, *options, name="ratings.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_data(make_parser().parse_args(["evaluate", str(path), *options]))


def triples(data):
    return data.ratings.to_frame().to_numpy().tolist()


STARS = "ada,Alien,4.5\nada,Jaws,2\nbob,Jaws,5\n"
EXPECTED = [["ada", "Alien", 4.5], ["ada", "Jaws", 2.0], ["bob", "Jaws", 5.0]]
SAME = {
    "no header": STARS,
    "header": "user,item,rating\n" + STARS,
    "semicolons": "who;film;stars\n" + STARS.replace(",", ";"),
    "decimal commas": "who;film;stars\n" + STARS.replace(",", ";").replace(".", ","),
    "tabs": STARS.replace(",", "\t"),
    "bars": STARS.replace(",", "|"),
    "blanks": STARS.replace(",", "  "),
    "::": STARS.replace(",", "::"),
    "byte-order mark": "\ufeffuser,item,rating\n" + STARS,
    "Windows": "user,item,rating\n".replace("\n", "\r\n") + STARS.replace("\n", "\r\n"),
    "another order": "time,stars,film,who\n1,4.5,Alien,ada\n2,2,Jaws,ada\n3,5,Jaws,bob\n",
}


@pytest.mark.parametrize("kind", SAME)
def test_any_delimited_file_is_read(kind, tmp_path):
    data = read(tmp_path, SAME[kind])

    assert triples(data) == EXPECTED
    assert data.facts()["scale"] == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert data.facts()["like_at_least"] == 4


def test_a_gzipped_file_and_one_of_recbole(tmp_path):
    zipped = gzip.compress(STARS.encode())
    typed = "user_id:token\titem_id:token\trating:float\n" + STARS.replace(",", "\t")

    assert triples(read(tmp_path, zipped, name="r.csv.gz")) == EXPECTED
    assert triples(read(tmp_path, typed, name="r.inter")) == EXPECTED


def test_latin_1_is_read(tmp_path):
    text = "Schüler;film\nRené;Amélie\nRené;Jaws\n".encode("latin-1")

    data = read(tmp_path, text, "--columns", "user=Schüler")

    assert data.ratings.user_ids.tolist() == ["René"]


def test_pairs_are_likes(tmp_path, capsys):
    log = "user_id:token\titem_id:token\ttimestamp:float\na\tx\t1\na\tx\t2\nb\tx\t3\n"

    data = read(tmp_path, log, name="log.inter")

    assert data.ratings.n_ratings == data.facts()["likes"] == 2
    err = capsys.readouterr().err
    assert "not used: timestamp" in err and "2 ratings, each a like" in err


PLAYS = "user,artist,plays\n1,x,3\n1,y,900\n2,x,1\n2,y,40\n"


@pytest.mark.parametrize(
    ("options", "likes"),
    [
        ([], 4),
        (["--like-at-least", "40"], 2),
        (["--like-quantile", "0.75"], 1),
    ],
)
def test_plays_are_cut(options, likes, tmp_path, capsys):
    data = read(tmp_path, PLAYS, *options)

    assert data.facts()["likes"] == likes
    assert data.ratings.n_levels == 2


def test_few_plays_are_not_taken_for_stars(tmp_path):
    data = read(tmp_path, "user,song,count\n1,x,3\n1,y,5\n2,x,1\n")

    assert data.facts()["likes"] == 3


def test_a_threshold_leaves_stars_on_their_scale(tmp_path):
    data = read(tmp_path, STARS, "--like-at-least", "5")
    given = ["--scale=0,25,50,75,100", "--columns=user,item,rating"]
    percent = read(tmp_path, "u,i,v\n1,2,25\n1,3,100\n", *given)

    assert data.facts()["likes"] == 1 and data.ratings.n_levels == 10
    assert percent.facts()["like_at_least"] == 75


def test_a_pair_that_is_there_twice(tmp_path):
    twice = "user,item,rating\n1,2,3\n1,2,5\n"

    with pytest.raises(ValueError, match="expected a pair once"):
        read(tmp_path, twice)
    assert triples(read(tmp_path, twice, "--on-duplicate", "last")) == [[1, 2, 5]]
    assert triples(read(tmp_path, twice, "--on-duplicate", "mean")) == [[1, 2, 4]]


@pytest.mark.parametrize("blank", ["", " ", "NA", "NaN", "null"])
def test_lines_without_a_rating_are_left_out(blank, tmp_path, capsys):
    content = "user,item,rating\n" + STARS + f"eve,Jaws,{blank}\neve,Alien,{blank}\n"

    for options in ([], ["--scale", "0.5-5"]):
        assert triples(read(tmp_path, content, *options)) == EXPECTED
        assert "\n2 lines without a rating are left out\n" in capsys.readouterr().err
    with pytest.raises(ValueError, match="rating: got no ratings"):
        read(tmp_path, f"user,item,rating\neve,Jaws,{blank}\n")


@pytest.mark.parametrize("form", ["{}", "{}.0"])
def test_ids_beside_blanks_are_whole_numbers(form, tmp_path, capsys):
    lines = ["customer,item", *(f"{form.format(n)},x" for n in (7, 1000)), ",x"]

    data = read(tmp_path, "\n".join(lines))

    assert data.ratings.user_ids.dtype.kind == "i"
    assert data.ratings.user_ids.tolist() == [7, 1000]
    assert "\n1 line without a user is left out\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "ratings.csv"),
        ("user,item,rating\n", "got no lines"),
        ('{"user": 1, "item": 2}\n', "ratings.csv: got JSON, expected a delimited table"),
        ("user,item,rating\n1,2,three\n", "got 'three' in row 0"),
        ("user,item,rating\n1,,3\n", "item: got no items"),
        ("user,item,rating\n1,2,3,4\n", "does not read as a table"),
        ("user,item,rating\n1,2,0.37\n1,3,99.5\n", "--scale|scale="),
    ],
)
def test_bad_files_are_one_clear_error(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no such file, expected a table, or one of 100k"):
        read_data(make_parser().parse_args(["evaluate", str(tmp_path / "none.csv")]))


def test_titles_stand_beside_the_ratings_or_in_a_file(tmp_path):
    beside = read(tmp_path, "user,artist_id,artist_name,plays\n1,7,Björk,3\n1,9,Can,5\n")
    ratings = read(tmp_path, make_table().to_csv(index=False)).ratings
    bars = "".join(f"{k}|Film {k} (1990)|01-Jan-1990||http://x|0|1\n" for k in range(40))
    (tmp_path / "u.item").write_bytes(bars.replace("Film 3 ", "Amélie ").encode("latin-1"))

    assert beside.titles == {7: "Björk", 9: "Can"}
    table = read_titles(write_titles(tmp_path / "films.csv"), ratings)
    assert table[0] == "Toy Story (1995)" and len(table) == 40
    assert read_titles(tmp_path / "u.item", ratings)[3] == "Amélie (1990)"
    (tmp_path / "other.csv").write_text("id,title\nq1,Alien\n")
    with pytest.raises(
        ValueError, match="--titles: got other.csv with the columns id, title"
    ):
        read_titles(tmp_path / "other.csv", ratings)
