"""*Predict first*: a box that keeps a guess, and the comparison with the answer."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from rbm_lib.course.environment import headless
from rbm_lib.course.say import say

Answer = float | str

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass
class Prediction:
    """A question, the guess, and what became of it.

    ``right`` is None before the answer is known, without a guess, and for a written guess
    that only the reader can judge. ``widgets`` are the boxes in which it was asked.
    """

    question: str
    options: tuple[str, ...] = ()
    guess: str = ""
    revealed: bool = False
    right: bool | None = None
    widgets: list[Any] = field(default_factory=list)


class Predictions:
    """The predictions of a lesson, by name."""

    def __init__(self) -> None:
        self._asked: dict[str, Prediction] = {}

    def ask(self, name: str, prediction: Prediction) -> None:
        """Show the question with a box, which has the earlier guess if it is run again."""
        known = self._asked.get(name)
        if known and known.options == prediction.options:
            prediction = known
        self._asked[name] = prediction
        if headless():
            choices = "   ".join(f"○ {option}" for option in prediction.options)
            print(f"{prediction.question}:  {choices or '__________'}")
        else:
            _show_box(prediction)

    def reveal(self, name: str, answer: Answer, text: str, within: float) -> None:
        """Say the answer, after the guess if there is one, and close the box."""
        # A reader may skip the cell with the question.
        prediction = self._asked.get(name, Prediction(name))
        prediction.revealed = True
        for widget in prediction.widgets:
            widget.disabled = True
        verdict = _compare(prediction, answer, within)
        say(" ".join(filter(None, [verdict, text])) or f"The answer is {_text(answer)}.")

    def summary(self) -> str:
        """The count at the end of a lesson, as a sentence."""
        asked = list(self._asked.values())
        if not asked:
            return "There was nothing to predict."
        guessed = [p for p in asked if p.guess.strip()]
        judged = [p for p in guessed if p.right is not None]
        right = sum(p.right is True for p in judged)
        if not guessed:
            which = (
                f"none of the {len(asked)} predictions" if asked[1:] else "no prediction"
            )
            return f"You made {which}."
        text = f"You made **{len(guessed)} of {len(asked)}** predictions."
        if judged:
            text += f" Of the {len(judged)} that can be compared, **{right}** were right."
        if right < len(judged):
            text += " The others are where you learned most."
        return text


def _show_box(prediction: Prediction) -> None:
    import ipywidgets
    from IPython.display import display

    options = {"disabled": prediction.revealed, "layout": {"width": "max-content"}}
    if prediction.options:
        chosen = prediction.guess or None
        box = ipywidgets.RadioButtons(
            options=list(prediction.options), value=chosen, **options
        )
    else:
        options["layout"] = {"width": "22em"}
        box = ipywidgets.Text(prediction.guess, placeholder="my guess", **options)
    note = ipywidgets.HTML()

    def keep(change: dict[str, Any]) -> None:
        prediction.guess = change["new"] or ""
        note.value = "✓ kept" if prediction.guess.strip() else ""

    box.observe(keep, names="value")
    prediction.widgets.append(box)
    question = ipywidgets.HTML(f"<b>{html.escape(prediction.question)}</b>")
    display(ipywidgets.VBox([question, ipywidgets.HBox([box, note])]))


def _compare(prediction: Prediction, answer: Answer, within: float) -> str:
    """A sentence on the guess, "" if there is none. Notes whether it was right."""
    guess = prediction.guess.strip()
    if not guess:
        return ""
    quoted = f"You guessed **{html.escape(guess)}**"
    if isinstance(answer, str) and prediction.options:
        prediction.right = guess == answer
        return f"{quoted}. Right!" if prediction.right else f"{quoted}. Not quite."
    number = NUMBER.search(guess.replace("−", "-").replace(",", ""))
    if isinstance(answer, str) or not number:
        return f"{quoted}."
    value = float(number[0])
    prediction.right = abs(value - answer) <= within * abs(answer)
    if prediction.right:
        return f"{quoted}, which is close."
    return f"{quoted}, which is too {'low' if value < answer else 'high'}."


def _text(answer: Answer) -> str:
    return answer if isinstance(answer, str) else f"{answer:.3g}"
