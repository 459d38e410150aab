"""Rating films: the guest, the search, the answers, and the widget."""

import pandas as pd
import pytest

from rbm_lib.course.rating import FilmRater, natural_title

TITLES = {3: "The Godfather (1972)", 1: "Heat (1995)", 2: "The Heat of Day (1990)"}


@pytest.fixture
def rater():
    return FilmRater(TITLES, guest={3: True, 1: False})


@pytest.fixture
def widget(rater, monkeypatch):
    """The parts of the widget by name, and the ratings with which the list was made."""
    shown = []
    asked = []
    monkeypatch.setenv("RBM_HEADLESS", "0")
    monkeypatch.setattr("IPython.display.display", shown.append)

    def listing(ratings):
        asked.append(ratings)
        return pd.DataFrame({"film": [f"next to {len(ratings)}"]})

    rater.show(listing)
    top, table = shown[0].children
    left, rated = top.children
    progress, search, films, row = left.children
    buttons = {button.description: button for button in row.children}
    parts = {"table": table, "rated": rated, "progress": progress}
    return parts | buttons | {"search": search, "films": films, "asked": asked}


@pytest.mark.parametrize(
    ("title", "natural"),
    [
        ("Godfather, The (1972)", "The Godfather (1972)"),
        ("Postino, Il (1994)", "Il Postino (1994)"),
        ("Heat (1995)", "Heat (1995)"),
        ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly (1966)"),
        ("Paper Autumn 2 (1995, invented)", "Paper Autumn 2 (1995, invented)"),
    ],
)
def test_titles_are_shown_as_one_says_them(title, natural):
    assert natural_title(title) == natural


def test_a_guest_stands_in_until_a_film_is_rated(rater):
    rater.rate(2, None)
    assert rater.is_guest and rater.ratings == {3: True, 1: False}

    rater.rate(1, True)
    assert not rater.is_guest and rater.ratings == {1: True}

    rater.rate(1, False)
    assert rater.ratings == {1: False}, "the last answer counts"
    rater.undo()
    rater.undo()
    rater.undo()
    assert rater.is_guest


def test_a_search_finds_all_words_anywhere_in_films_not_answered(rater):
    assert rater.matches("") == [3, 1, 2]
    assert rater.matches("heat") == [1, 2]
    assert rater.matches("the HEAT") == [2]
    rater.rate(2, None)
    assert rater.matches("heat") == [1]
    assert rater.matches("alien") == []


def test_the_widget_rates_the_chosen_film_and_renews_the_list(widget, rater):
    assert widget["asked"].pop() == {3: True, 1: False}
    assert "a guest: ♥ The Godfather (1972), ✗ Heat (1995)" in widget["table"].value
    widget["search"].value = "heat"
    assert widget["films"].value == 1, "the first match is chosen"
    widget["♥ Like"].click()

    assert widget["search"].value == "" and widget["films"].value == 3
    assert "next to 1" in widget["table"].value and "guest" not in widget["table"].value
    assert widget["asked"] == [{1: True}]
    assert "♥ Heat (1995)" in widget["rated"].value
    assert "1 of 10" in widget["progress"].value

    widget["✗ Dislike"].click()
    widget["Not seen"].click()
    widget["Not seen"].click()  # no film is left
    assert rater.ratings == {1: True, 3: False} and widget["films"].value is None
    widget["Undo"].click()
    assert widget["films"].value == 2


def test_where_nobody_watches_the_guest_and_their_list_are_shown(
    rater, monkeypatch, capsys
):
    shown = []
    monkeypatch.setenv("RBM_HEADLESS", "1")
    monkeypatch.setattr("IPython.display.display", shown.append)

    rater.show(lambda ratings: pd.DataFrame({"film": [str(ratings)]}))

    assert "♥ The Godfather (1972)\n✗ Heat (1995)\n" in capsys.readouterr().out
    assert shown[0]["film"].tolist() == ["{3: True, 1: False}"]
