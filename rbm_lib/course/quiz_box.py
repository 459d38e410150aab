"""``lesson.quiz()``: the questions of a lesson, answered in the notebook."""

import html
from collections.abc import Sequence
from typing import Any

from rbm_lib.course.quiz import Option, Question


class QuizBox:
    """Questions with their options. A click says whether it is right, and why.

    One may go on clicking until the right option is found, but the first click counts.

    Attributes
    ----------
    widget : ipywidgets.VBox
        The questions, and the count below them.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        import ipywidgets

        self._first: list[bool | None] = [None] * len(questions)
        self._count = ipywidgets.HTML(self._text())
        parts = [
            self._question(number, question) for number, question in enumerate(questions)
        ]
        self.widget = ipywidgets.VBox([*parts, self._count])

    def _question(self, number: int, question: Question) -> Any:
        import ipywidgets

        asked = ipywidgets.HTML(f"<b>{number + 1}. {html.escape(question.ask)}</b>")
        box = ipywidgets.RadioButtons(
            options=[(option.text, option) for option in question.options],
            value=None,
            layout={"width": "auto"},
        )
        verdict = ipywidgets.HTML()

        def answered(change: dict[str, Any]) -> None:
            option: Option = change["new"]
            mark = "✓ Right." if option.is_right else "✗ Not quite."
            verdict.value = f"<b>{mark}</b> {html.escape(option.why)}"
            if self._first[number] is None:
                self._first[number] = option.is_right
            self._count.value = self._text()

        box.observe(answered, names="value")
        return ipywidgets.VBox([asked, box, verdict])

    def _text(self) -> str:
        answered = [x for x in self._first if x is not None]
        if not answered:
            return f"{len(self._first)} questions, none answered yet."
        text = f"<b>{sum(answered)} of {len(answered)}</b> right at the first click"
        left = len(self._first) - len(answered)
        return f"{text}, {left} to go." if left else f"{text}."
