"""The README's buttons, which need the repository's address on the web."""

import re
from pathlib import Path

from rbm_lib.course.environment import course_address, repository_root
from rbm_lib.files import write_whole

BEGIN = "<!-- buttons: `make student` fills them in from pyproject.toml -->"
END = "<!-- end of the buttons -->"
FIRST_LESSON = "notebooks/student/00_start_here.ipynb"


def buttons(address: str) -> str:
    """Badges and one-click links in Markdown, or "" without an address on GitHub."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?", address)
    if not found:
        return ""
    owner, name = found.groups()
    home = f"https://github.com/{owner}/{name}"
    tests = f"{home}/actions/workflows/ci.yml"
    colab = "https://colab.research.google.com"
    binder = "https://mybinder.org"
    shields = "https://img.shields.io/badge"
    lines = [
        f"[![Tests]({tests}/badge.svg)]({tests})",
        f"[![Python 3.11 or newer]({shields}/Python-3.11%2B-blue)](docs/installation.md)",
        f"[![MIT and CC BY 4.0]({shields}/licence-MIT_and_CC_BY_4.0-blue)](LICENSE)",
        f"[![Open lesson 00 in Colab]({colab}/assets/colab-badge.svg)]"
        f"({colab}/github/{owner}/{name}/blob/main/{FIRST_LESSON})",
        f"[![Open lesson 00 in Binder]({binder}/badge_logo.svg)]"
        f"({binder}/v2/gh/{owner}/{name}/HEAD?urlpath=lab/tree/{FIRST_LESSON})",
        f"[Read the site](https://{owner.lower()}.github.io/{name}/)",
    ]
    return "\n".join(lines) + "\n"


def fill_buttons(page: Path | None = None) -> None:
    """Write the buttons between their markers in the README; nothing if it has none."""
    page = repository_root() / "README.md" if page is None else page
    if not page.exists():
        return
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    filled = f"{before}{BEGIN}\n{buttons(course_address())}{END}{after}"
    if begin and end and filled != text:
        write_whole(page, filled)
