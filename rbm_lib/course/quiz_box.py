"""``lesson.quiz()``: the questions of a lesson, answered in the notebook."""

import html
from collections.abc import Sequence
from typing import Any

from rbm_lib.course.quiz import Option, Question


def quiz_box(questions: Sequence[Question]) -> Any:
    """Questions with their options, and a count below them, as an ipywidgets.VBox.

    A click says whether an option is right, and why. One may go on clicking until the right
    one is found, but the first click counts.
    """
    import ipywidgets

    first: dict[int, bool] = {}  # by question: whether the first click was right
    count = ipywidgets.HTML(f"{len(questions)} questions, none answered yet.")

    def part(number: int, question: Question) -> Any:
        asked = ipywidgets.HTML(f"<b>{number}. {html.escape(question.ask)}</b>")
        options = [(option.text, option) for option in question.options]
        layout = {"width": "auto"}
        box = ipywidgets.RadioButtons(options=options, value=None, layout=layout)
        verdict = ipywidgets.HTML()

        def answered(change: dict[str, Any]) -> None:
            option: Option = change["new"]
            mark = "✓ Right." if option.is_right else "✗ Not quite."
            verdict.value = f"<b>{mark}</b> {html.escape(option.why)}"
            first.setdefault(number, option.is_right)
            left = len(questions) - len(first)
            text = f"<b>{sum(first.values())} of {len(first)}</b> right at the first click"
            count.value = f"{text}, {left} to go." if left else f"{text}."

        box.observe(answered, names="value")
        return ipywidgets.VBox([asked, box, verdict])

    parts = [part(number, question) for number, question in enumerate(questions, start=1)]
    return ipywidgets.VBox([*parts, count])
