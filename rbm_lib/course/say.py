"""Sentences that quote this run's numbers, shown as text of the notebook."""


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
