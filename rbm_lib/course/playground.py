"""The playground of the site in a notebook: a small model to train by hand."""

import re
from pathlib import Path

from rbm_lib.course.handout import course_folder
from rbm_lib.course.say import show_page

HEIGHT = 860  # in pixels; what is longer can be scrolled


def playground(preset: str = "healthy") -> None:
    """Show the playground below the cell. Where nobody watches, a line says so instead.

    It is one page without links to files, so it works wherever the notebook is opened.

    Parameters
    ----------
    preset : str
        What it starts with, such as "healthy" (six films) or "bars" (bars and stripes).
    """
    page = _whole_page(course_folder() / "docs" / "playground", preset)
    show_page(page, "The playground", HEIGHT, "the playground appears")


def _whole_page(folder: Path, preset: str) -> str:
    """The page with its styles and programs in it, which starts with a preset."""

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    known = re.findall(r"(?m)^    (\w+): \{$", read("state.js"))
    if preset not in known:
        raise ValueError(
            f"preset: got {preset!r}, expected one of {', '.join(known)}. Choose one."
        )
    page = re.sub(
        r'<link rel="stylesheet" href="(\w+\.css)" />',
        lambda found: f"<style>\n{read(found[1])}</style>",
        read("index.html"),
    )
    page = re.sub(
        r'<script src="(\w+\.js)"></script>',
        lambda found: f"<script>\n{read(found[1])}</script>",
        page,
    )
    # A page of its own has neither an icon nor a way home, and its address holds nothing.
    page = re.sub(r'\s*<link rel="icon"[^>]*>|\s*<a class="home".*?</a>', "", page)
    return page.replace("<body>", f'<body data-start="?preset={preset}">', 1)
