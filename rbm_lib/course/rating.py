"""Rate films in a notebook, by mouse or by keyboard, and watch a list change."""

import html
import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from rbm_lib.course.environment import headless

Listing = Callable[[dict[int, bool]], pd.DataFrame]

# MovieLens sorts by the word after the article: "Godfather, The (1972)".
ARTICLE_LAST = re.compile(r"(.+), (The|A|An|Il|La|Le|Les|Das|Der|Die|El) (\(\d{4}.*\))")
N_OFFERED = 8


def natural_title(title: str) -> str:
    """Return a title as one says it: "The Godfather (1972)"."""
    found = ARTICLE_LAST.fullmatch(title)
    return f"{found[2]} {found[1]} {found[3]}" if found else title


class FilmRater:
    """A person's likes and dislikes, and the widget in which they give them.

    Where nobody has rated a film yet, and where nobody watches, a guest stands in.

    Parameters
    ----------
    titles : mapping of film id to title
        In the order in which they are offered.
    guest : mapping of film id to bool
        What the guest likes (True) and dislikes (False).
    wanted : int
        How many ratings are asked for.

    Examples
    --------
    >>> rater = FilmRater({7: "Heat (1995)", 9: "Alien (1979)"}, guest={7: True})
    >>> rater.ratings
    {7: True}
    >>> rater.rate(9, False)
    >>> rater.ratings, rater.matches("hea")
    ({9: False}, [7])
    """

    def __init__(
        self, titles: Mapping[int, str], guest: Mapping[int, bool], wanted: int = 10
    ) -> None:
        self.titles = dict(titles)
        self.wanted = wanted
        self._guest = dict(guest)
        self._own: dict[int, bool | None] = {}  # None: not seen

    @property
    def is_guest(self) -> bool:
        """Whether the ratings are the guest's."""
        return not self._rated()

    @property
    def ratings(self) -> dict[int, bool]:
        """By film: whether it is liked. Films not seen are left out."""
        return self._rated() or dict(self._guest)

    def _rated(self) -> dict[int, bool]:
        return {film: liked for film, liked in self._own.items() if liked is not None}

    def rate(self, film: int, liked: bool | None) -> None:
        """Note a like (True), a dislike (False) or a film not seen (None)."""
        self._own.pop(film, None)
        self._own[film] = liked

    def undo(self) -> None:
        """Forget the last answer."""
        if self._own:
            self._own.popitem()

    def matches(self, words: str) -> list[int]:
        """The first films not answered yet whose titles have all these words."""
        wanted = words.lower().split()
        open_films = (film for film in self.titles if film not in self._own)
        found = [
            film
            for film in open_films
            if all(word in self.titles[film].lower() for word in wanted)
        ]
        return found[:N_OFFERED]

    def opinions(self, ratings: Mapping[int, bool]) -> list[str]:
        """A line for each rating."""
        return [f"{'♥' if ratings[x] else '✗'} {self.titles[x]}" for x in ratings]

    def show(self, listing: Listing) -> None:
        """Show the widget with a list that follows the ratings.

        Parameters
        ----------
        listing : function of {film id: liked}
            Returns the table to be shown below.
        """
        from IPython.display import display

        if headless():
            print("In JupyterLab you rate films here. In this copy a guest has rated:\n")
            print("\n".join(self.opinions(self._guest)))
            display(listing(self.ratings))
        else:
            display(_widget(self, listing))


def _widget(rater: FilmRater, listing: Listing) -> Any:
    """Search box, list of films, buttons; below, what was rated and the list."""
    import ipywidgets

    progress = ipywidgets.HTML()
    search = ipywidgets.Text(placeholder="Search a title, or take one from the list")
    films = ipywidgets.Select(rows=N_OFFERED)
    rated = ipywidgets.HTML()
    table = ipywidgets.HTML()
    search.layout.width = films.layout.width = "34em"

    def refresh(change: Any = None) -> None:
        found = rater.matches(search.value)
        films.options = [(rater.titles[film], film) for film in found]
        films.value = found[0] if found else None

    def answer(liked: bool | None) -> None:
        if films.value is not None:
            rater.rate(films.value, liked)
            after()

    def after() -> None:
        search.value = ""
        refresh()
        progress.value, rated.value = _progress(rater), _rated(rater)
        whose = _guest(rater) if rater.is_guest else ""
        table.value = whose + _table(listing(rater.ratings))

    def button(text: str, style: str, tip: str, action: Callable[[], None]) -> Any:
        made = ipywidgets.Button(description=text, button_style=style, tooltip=tip)
        made.on_click(lambda _: action())
        return made

    search.observe(refresh, names="value")
    buttons = [
        button("♥ Like", "success", "I like this film", lambda: answer(True)),
        button("✗ Dislike", "warning", "I do not like this film", lambda: answer(False)),
        button("Not seen", "", "I have not seen this film", lambda: answer(None)),
        button("Undo", "", "Take back the last answer", lambda: (rater.undo(), after())[1]),
    ]
    after()
    left = ipywidgets.VBox([progress, search, films, ipywidgets.HBox(buttons)])
    top = ipywidgets.HBox([left, rated], layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([top, table])


def _progress(rater: FilmRater) -> str:
    count = len(rater._rated())
    if count < rater.wanted:
        return f"<b>{count} of {rater.wanted}</b> films rated"
    return f"<b>{count} films rated.</b> Go on, or read on below."


def _guest(rater: FilmRater) -> str:
    """Whose list it is before the first rating."""
    opinions = html.escape(", ".join(rater.opinions(rater.ratings)))
    return f"<p>Until you rate, this is the list of a guest: {opinions}</p>"


def _table(films: pd.DataFrame) -> str:
    made = films.to_html(index=False, border=0, justify="left")
    return made.replace("<td>", '<td style="padding-right: 2em">')


def _rated(rater: FilmRater) -> str:
    lines = map(html.escape, rater.opinions(rater._rated()))
    return f'<div style="padding-left: 1.5em">{"<br>".join(lines)}</div>'
