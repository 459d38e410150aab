"""Items by their titles, as people type them."""

import difflib
import re
import unicodedata
from typing import Any

import numpy as np

SHOWN = 8  # candidates in a message
YEAR = re.compile(r"\s*\((\d{4})\)\s*$")


class Titles:
    """The items of a model; what has no title goes by its id."""

    def __init__(self, items: Any, titles: dict[Any, str]) -> None:
        self.items = np.asarray(items, dtype=object).tolist()
        self.titles = titles
        self.are_known = bool(titles)
        self._by_id = {str(item): item for item in self.items}
        self._plain = {item: plain_text(self.of(item)) for item in self.items}
        self._bare = {item: plain_text(YEAR.sub("", self.of(item))) for item in self.items}

    def of(self, item: Any) -> str:
        """The title of an item, or its id."""
        return self.titles.get(item, str(item))

    def shown(self, item: Any) -> str:
        """The title with the id, for messages."""
        return f"{self.of(item)} [{item}]" if item in self.titles else str(item)

    def exact(self, text: str) -> list[Any]:
        """The items of this very title, with its year or without, or else of this id."""
        wanted = plain_text(text)
        found = [item for item, title in self._plain.items() if title == wanted]
        if not found:
            found = [item for item, title in self._bare.items() if title == wanted]
        if not found and text.strip() in self._by_id:
            return [self._by_id[text.strip()]]
        return found

    def find(self, option: str, text: str) -> Any:
        """The one item that is meant; a ValueError lists the candidates."""
        found = self.exact(text)
        words = plain_text(text).split()
        for end in (" ", ""):  # whole words, or else beginnings of words
            if not found and words:
                wanted = [f" {word}{end}" for word in words]
                found = [
                    item
                    for item, title in self._plain.items()
                    if all(word in f" {title} " for word in wanted)
                ]
        if len(found) == 1:
            return found[0]
        what = "one title or id" if self.are_known else "one id"
        if found:
            shown = "\n".join(f"  {self.shown(item)}" for item in found[:SHOWN])
            more = f"\n  and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise ValueError(
                f"{option}: got {text!r}, expected {what}. These {len(found)} fit; give "
                f"the whole title, or the id in brackets:\n{shown}{more}"
            )
        by_text = {title: item for item, title in self._bare.items()}
        near = difflib.get_close_matches(plain_text(text), by_text, SHOWN, cutoff=0.55)
        hint = "\n".join(f"  {self.shown(by_text[title])}" for title in near)
        hint = f" Is it one of these?\n{hint}" if hint else " Nothing is spelt like it."
        if not self.are_known:
            hint += " The model has no titles: train with --titles FILE to have them."
        raise ValueError(
            f"{option}: got {text!r}, expected {what} of the {len(self.items):,} items."
            f"{hint}"
        )


def plain_text(text: str) -> str:
    """Small letters and digits, without accents and signs: "Amélie, Le" is "le amelie"."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in bare if not unicodedata.combining(c)).replace("'", "")
    moved = re.sub(
        r"^(.*), (the|a|an|le|la|les|el|il|der|die|das)\b(.*)$", r"\2 \1\3", bare
    )
    return " ".join(re.sub(r"[\W_]+", " ", moved).split())
