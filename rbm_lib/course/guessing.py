"""Guess in a notebook whether listeners kept their tracks, and count who was right."""

import html
from collections.abc import Callable, Sequence
from typing import Any

from rbm_lib.course.environment import headless
from rbm_lib.course.say import say


class KeepOrSkip:
    """A few listens, what a person thinks became of them, and the widget that asks.

    Where nobody has guessed all of them, and where nobody watches, a guest stands in.

    Parameters
    ----------
    cards : sequence of str
        What is known of each listen, in plain text.
    kept : sequence of bool
        What became of it.
    guest : sequence of bool
        The guest's guesses.

    Examples
    --------
    >>> game = KeepOrSkip(["8 h, phone", "20 h, tablet"], [True, False], [True, True])
    >>> game.guesses, game.n_right
    ([True, True], 1)
    >>> game.guess(True)
    >>> game.guess(False)
    >>> game.guesses, game.n_right
    ([True, False], 2)
    """

    def __init__(
        self, cards: Sequence[str], kept: Sequence[bool], guest: Sequence[bool]
    ) -> None:
        if not len(cards) == len(kept) == len(guest) > 0:
            sizes = f"{len(cards)}, {len(kept)} and {len(guest)}"
            raise ValueError(
                f"cards, kept, guest: got {sizes} entries, expected as many in each."
            )
        self.cards = [str(card) for card in cards]
        self.kept = [bool(x) for x in kept]
        self._guest = [bool(x) for x in guest]
        self._own: list[bool] = []

    @property
    def is_guest(self) -> bool:
        """Whether the guesses are the guest's, because some of your own are missing."""
        return len(self._own) < len(self.cards)

    @property
    def guesses(self) -> list[bool]:
        """For each card: whether the guess is that the track was kept."""
        return list(self._guest if self.is_guest else self._own)

    @property
    def n_right(self) -> int:
        """How many of the guesses are right."""
        return sum(a == b for a, b in zip(self.guesses, self.kept, strict=True))

    def guess(self, kept: bool) -> None:
        """Answer the next card. Answers beyond the last are ignored."""
        if self.is_guest:
            self._own.append(bool(kept))

    def undo(self) -> None:
        """Take back the last answer, until all cards are answered."""
        if self._own and self.is_guest:
            self._own.pop()

    def verdict(self) -> str:
        """The score as a sentence in Markdown, beside that of always saying *keep*."""
        who = "The guest is" if self.is_guest else "You are"
        n = len(self.cards)
        return (
            f"{who} right on **{self.n_right} of {n}**. "
            f"Always saying *keep* is right on **{sum(self.kept)} of {n}**."
        )

    def show(self) -> None:
        """Show the widget."""
        from IPython.display import display

        if headless():
            print("In JupyterLab you guess here. In this copy a guest has guessed:\n")
            print("\n".join(_lines(self)))
            say(self.verdict())
        else:
            display(_widget(self))


def _lines(game: KeepOrSkip) -> list[str]:
    """A line for each card: guess, mark, and what is known."""
    return [
        f"{'✓' if guess == kept else '✗'} {'keep' if guess else 'skip'} · {card}"
        for guess, kept, card in zip(game.guesses, game.kept, game.cards, strict=True)
    ]


def _widget(game: KeepOrSkip) -> Any:
    """The card, two buttons and one to undo; in the end all cards with their truth."""
    import ipywidgets

    card = ipywidgets.HTML()

    def button(text: str, style: str, tip: str, action: Callable[[], None]) -> Any:
        made = ipywidgets.Button(description=text, button_style=style, tooltip=tip)

        def press(_: Any) -> None:
            action()
            refresh()

        made.on_click(press)
        return made

    def refresh() -> None:
        card.value = _page(game)
        for made in buttons:
            made.disabled = not game.is_guest

    buttons = [
        button("♥ Keep", "success", "The track was kept", lambda: game.guess(True)),
        button("✗ Skip", "warning", "The track was skipped", lambda: game.guess(False)),
        button("Undo", "", "Take back the last answer", game.undo),
    ]
    refresh()
    return ipywidgets.VBox([card, ipywidgets.HBox(buttons)])


def _page(game: KeepOrSkip) -> str:
    """The open card, or the result, in HTML."""
    if game.is_guest:
        place = len(game._own)
        text = html.escape(game.cards[place])
        return f"<b>Listen {place + 1} of {len(game.cards)}</b><br>{text}"
    lines = "<br>".join(html.escape(line) for line in _lines(game))
    says = game.verdict().replace("*", "")
    return f"<b>{says}</b><br>{lines}"
