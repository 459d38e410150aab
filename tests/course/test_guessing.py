"""Keep or skip: guesses, the score, and the widget."""

import pytest

from rbm_lib.course.guessing import KeepOrSkip, _widget

CARDS = ["8 h, phone", "20 h, <tablet>", "9 h, web"]
KEPT = [True, False, True]
GUEST = [True, True, False]


@pytest.fixture
def game():
    return KeepOrSkip(CARDS, KEPT, GUEST)


def widgets(game):
    page = _widget(game)
    card, row = page.children
    return card, dict(zip(["keep", "skip", "undo"], row.children, strict=True))


def test_until_all_is_answered_the_guest_stands_in(game):
    game.guess(False)
    game.guess(False)
    assert game.is_guest
    assert (game.guesses, game.n_right) == (GUEST, 1)
    assert game.verdict().startswith("The guest is right on **1 of 3**.")

    game.guess(True)

    assert not game.is_guest
    assert (game.guesses, game.n_right) == ([False, False, True], 2)
    assert game.verdict() == (
        "You are right on **2 of 3**. Always saying *keep* is right on **2 of 3**."
    )


def test_an_answer_can_be_taken_back_until_the_truth_is_shown(game):
    game.undo()  # nothing yet
    for answer in (False, True):
        game.guess(answer)
    game.undo()
    for answer in (False, True):
        game.guess(answer)
    assert game.guesses == [False, False, True]

    game.undo()
    game.guess(False)

    assert game.guesses == [False, False, True]


def test_the_buttons_lead_from_card_to_card_and_show_the_truth_at_the_end(game):
    card, buttons = widgets(game)
    assert "Listen 1 of 3" in card.value and CARDS[0] in card.value

    buttons["keep"].click()
    assert "Listen 2 of 3" in card.value and "&lt;tablet&gt;" in card.value
    buttons["skip"].click()
    buttons["undo"].click()
    assert "Listen 2 of 3" in card.value
    buttons["skip"].click()
    assert "✗" not in card.value
    buttons["skip"].click()

    assert "You are right on 2 of 3" in card.value
    assert "✗ skip · 9 h, web" in card.value
    assert all(button.disabled for button in buttons.values())


def test_where_nobody_watches_the_guest_is_printed(game, monkeypatch, capsys):
    monkeypatch.setenv("RBM_HEADLESS", "1")

    game.show()

    assert "✗ keep · 20 h, <tablet>" in capsys.readouterr().out


def test_cards_and_answers_must_be_as_many():
    with pytest.raises(ValueError, match="cards, kept, guest: got 3, 2 and 3 entries"):
        KeepOrSkip(CARDS, KEPT[:2], GUEST)
