"""Titles as people type them."""

import pytest

from rbm_lib.cli.titles import Titles, plain_text
from tests.cli.support import TITLES

FILMS = dict(enumerate(TITLES, start=1)) | {300: "Jaws (1975)"}
KNOWN = Titles(list(FILMS), FILMS)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("toy story", 1),  # not Toy Story 2
        ("TOY STORY 2", 2),
        ("alien (1979)", 3),
        ("Amelie", 6),
        ("the english patient", 7),
        ("English Patient, The", 7),
        ("patient", 7),
        ("eng", 7),
        ("story 2", 2),  # and not one of 2001
        ("300", 8),  # the film of this name, and not the one with this id
        ("3", 3),
        ("jaws", 300),
    ],
)
def test_one_title_is_found(text, item):
    assert KNOWN.find("--like", text) == item


def test_an_ambiguous_title_lists_the_candidates():
    with pytest.raises(ValueError) as error:
        KNOWN.find("--like", "hamlet")

    assert "--like: got 'hamlet', expected one title or id. These 2 fit" in str(error.value)
    assert "Hamlet (1948) [4]\n  Hamlet (1990) [5]" in str(error.value)
    assert KNOWN.find("--like", "hamlet 1990") == 5


@pytest.mark.parametrize("text", ["Aliem", "toi story", "xqzw", "", "!"])
def test_an_unknown_title_lists_what_is_spelt_like_it(text):
    with pytest.raises(ValueError) as error:
        KNOWN.find("--item", text)

    assert f"--item: got {text!r}, expected one title or id of the 9 items." in str(
        error.value
    )
    assert ("Alien (1979) [3]" in str(error.value)) == (text == "Aliem")


def test_without_titles_items_go_by_their_ids():
    bare = Titles(["Alien", 7], {})

    assert (bare.find("--like", "alien"), bare.find("--like", "7")) == ("Alien", 7)
    with pytest.raises(ValueError, match="train with --titles FILE"):
        bare.find("--like", "Jaws")


def test_many_candidates_are_counted():
    many = Titles(range(20), {k: f"Star {k}" for k in range(20)})

    with pytest.raises(ValueError, match=r"These 20 fit(?s:.*)and 12 more"):
        many.find("--like", "star")


def test_signs_accents_and_articles_do_not_count():
    assert plain_text("Fabuleux destin d'Amélie Poulain, Le (2001)") == (
        "le fabuleux destin damelie poulain 2001"
    )
