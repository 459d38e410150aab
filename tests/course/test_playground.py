"""The playground below a cell: one page without links to files."""

import html
import re

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from rbm_lib.course.playground import playground


@pytest.fixture(autouse=True)
def shell():
    """What `display` needs outside of a notebook."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_where_nobody_watches_a_line_says_what_there_is(monkeypatch, capsys):
    monkeypatch.setenv("RBM_HEADLESS", "1")

    playground("bars")

    assert capsys.readouterr().out == (
        "Run this cell in JupyterLab: the playground appears.\n"
    )


def test_the_page_has_all_that_it_needs_in_it(monkeypatch):
    monkeypatch.delenv("RBM_HEADLESS", raising=False)

    with capture_output() as captured:
        playground("bars")
    (frame,) = (output.data["text/html"] for output in captured.outputs)
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])

    assert re.findall(r'(?:src|href)="([^"#]*)"', page) == []
    assert '<body data-start="?preset=bars">' in page
    assert "const State =" in page and "const App =" in page


def test_an_unknown_start_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="expected one of healthy, stuck,"):
        playground("films")
