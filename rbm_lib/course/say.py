"""Sentences that quote this run's numbers, and pages, as the output of a cell."""

import html

from rbm_lib.course.environment import watched


def say(text: str) -> None:
    """Show a text in Markdown as the output of a cell.

    A cell that computes a number says with it what it means, so that the sentence is true
    of the reader's own run.

    Parameters
    ----------
    text : str
        In Markdown: "The top tenth gets **59 %** of all ratings."
    """
    from IPython.display import display

    display({"text/markdown": text, "text/plain": text}, raw=True)


def show_page(page: str, title: str, height: int, what: str) -> None:
    """Show a page in HTML below the cell, apart from the notebook's names and styles.

    Where nobody watches, a line says ``what`` would be there. ``height`` is in pixels.
    """
    from IPython.display import display

    if watched(what):
        frame = (
            f'<iframe srcdoc="{html.escape(page)}" title="{html.escape(title)}" '
            f'style="border: 0; width: 100%; height: {height}px"></iframe>'
        )
        display({"text/html": frame, "text/plain": title}, raw=True)
