"""Which column is which, from a first line and from --columns."""

import pytest

from rbm_lib.cli.columns import find_columns
from rbm_lib.data.frames import TableFormat

FOUND = [
    # A header with usual names, in any case and order; what else there is, is not used.
    ("userId,movieId,rating,timestamp", {}, "userId movieId rating"),
    ("Stars,USER ID,Film", {}, "USER ID|Film|Stars"),
    ("user,artist_id,artist,plays", {}, "user artist_id plays"),
    ("user_id:token,item_id:token,rating:float", {}, None),
    # Pairs: two columns, or times beside them, or as --columns says.
    ("user,item", {}, "user item"),
    ("user_id:token,item_id:token,timestamp:float", {}, "user_id:token item_id:token"),
    ("u,i,x", {"said": "user=u,item=i"}, "u i"),
    # No header: the usual order, or as --columns says.
    ("196,242,3,881250949", {}, "column 1|column 2|column 3"),
    ("ada,Alien,4.5", {}, "column 1|column 2|column 3"),
    ("1,2,3", {"said": "item,rating,user"}, "column 3|column 1|column 2"),
    ("1,2,3", {"said": "user=2,item=3,rating=1"}, "column 2|column 3|column 1"),
    ("ada,Alien", {"header": False}, "column 1|column 2"),
    # Dates are no ratings, and a line with one is no header.
    ("ada,Alien,2020-09-13T16:16:54Z", {}, "column 1|column 2"),
    ("ada,Alien,2020-09-13", {"header": False}, "column 1|column 2"),
    ("ada,Alien,13.9.2020", {}, "column 1|column 2"),
    ("1,2,1600013814", {}, "column 1|column 2"),
    ("user,item,Datum", {"more": ["ada,Alien,13.09.2020"]}, "user item"),
    # --columns by name, small or large letters, or by number; the rest is guessed.
    ("who,film,x", {"said": "rating=X"}, "who film x"),
    ("a,b,c", {"said": "user=1,item=3,rating=b"}, "a c b"),
]


@pytest.mark.parametrize(("line", "options", "expected"), FOUND)
def test_columns_are_found(line, options, expected):
    found = find_columns(line, ",", **options).kinds

    columns = [found[kind] for kind in ("user", "item", "rating") if kind in found]
    expected = expected or line.replace(",", " ")
    assert columns == expected.split("|" if "|" in expected else " ")


def test_a_file_without_a_header_has_made_up_names():
    assert find_columns("1;2;3", ";").names == ["column 1", "column 2", "column 3"]
    assert find_columns("user;item", ";").names is None


def test_fields_are_split_as_pandas_splits_them():
    assert find_columns('"user, id",item,rating', ",", "user=1").kinds["user"] == "user, id"
    assert find_columns("1  2\t3", r"\s+").names == ["column 1", "column 2", "column 3"]
    assert find_columns("1::2::3", "::").names == ["column 1", "column 2", "column 3"]


WRONG = [
    ("Nutzer,Film,Sterne", {}, "--columns 'user=Nutzer,item=Film,rating=Sterne'"),
    ("Leser,ISBN,Titel,Datum,Note", {"more": ["a,x,A b,5.6.2022,8", "b,y,5,6.6.2022,"]},
     "'user=Leser,item=ISBN,rating=Note', without"),
    ("wer,wann,was", {"more": ["ada,2020-09-13,Alien"]},
     "'user=wer,item=was', and rating="),
    ("ada,Alien,2020-09-13,4", {}, "'user=column 1,item=column 2,rating=column 4'"),
    ("Titel,Note", {"needed": ("item",), "trained": TableFormat("Wer", "ISBN")},
     "training ratings: ISBN, rating."),
    ("user,item,what", {}, "without rating= if a line is a like"),
    ("ada,Xenon", {}, "--no-header"),
    ("user,item,rating", {"said": "user=nobody"}, "got user=nobody, expected one of user"),
    ("user,item,rating", {"said": "user=4"}, "a number from 1 to 3"),
    ("user,item,rating", {"said": "person=user"}, "got 'person=user'"),
    ("user,item,rating", {"said": "user=user,user=item"}, "each once"),
    ("user,item", {"said": "user,item,rating"}, "got 3 names, expected at most 2"),
    ("user,item", {"said": "user,x"}, "user,item,rating"),
    ("1,2,3", {"said": "user,user,item"}, "each name once"),
    ("user,movie,film,rating", {}, "expected names such as user, item and rating"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "options", "message"), WRONG)
def test_what_is_not_clear_is_asked(line, options, message):
    with pytest.raises(ValueError) as error:
        find_columns(line, ",", **options)

    assert message in str(error.value)


def test_a_persons_file_needs_no_user():
    assert find_columns("title,rating", ",", needed=("item",)).kinds["item"] == "title"
    assert find_columns("50,5", ",", needed=("item",)).kinds == {
        "item": "column 1",
        "rating": "column 2",
    }


def test_a_persons_file_may_have_the_names_of_the_training():
    trained = TableFormat("Leser", "ISBN", "Note")

    found = find_columns("Note;ISBN", ";", needed=("item",), trained=trained)

    assert found.kinds == {"item": "ISBN", "rating": "Note"}
