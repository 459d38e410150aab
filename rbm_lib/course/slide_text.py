"""What of a lesson's prose stands on a slide: paragraphs, first sentences, HTML."""

import re

from nbconvert.filters import markdown2html

FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
SENTENCE_END = re.compile(r"(?<=[.?!])\s+|(?<=[.?!]\*\*)\s+")


def paragraphs(source: str) -> list[str]:
    """The paragraphs of a text, without what is folded."""
    found = re.split(r"\n\s*\n", FOLDED.sub("", source))
    # Whatever follows a formula without a blank line is a paragraph of its own.
    parts = [p for x in found for p in re.split(r"(?s)(\$\$.*?\$\$)\n?", x)]
    return [x.strip() for x in parts if x.strip()]


def sentences(text: str, words: int, formula: bool = False) -> str:
    """The first sentence, and those after it while there are no more words than that.

    A later sentence that ends in a colon is kept if a ``formula`` follows it.
    """
    kept: list[str] = []
    for sentence in SENTENCE_END.split(" ".join(text.split())):
        too_long = len(" ".join([*kept, sentence]).split()) > words
        if kept and (too_long or sentence.endswith(":") and not formula):
            break
        kept.append(sentence)
    return " ".join(kept)


def prose(parts: list[str]) -> str:
    """Notes for the speaker: the text without headings and pictures."""
    return block("\n\n".join(x for x in parts if not x.startswith(("#", "!["))))


def block(text: str) -> str:
    return markdown2html(text).strip()


def inline(text: str) -> str:
    """Markdown of one line, without the paragraph around it."""
    text = re.sub(r"^(\d+)\.", r"\1\\.", text)  # a heading, not a list
    return re.sub(r"^<p>|</p>$", "", block(text))
