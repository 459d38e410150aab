"""Chains that move, in JupyterLab only."""

import html
import json
import re

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from rbm_lib.course.animation import animate

FRAMES = np.eye(3).reshape(1, 3, 3).repeat(4, axis=0)
LINE = np.array([2.0, 1.0, 0.5, 0.256])


@pytest.fixture(autouse=True)
def shell():
    """What `display` needs outside of a notebook."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_where_nobody_watches_a_line_says_what_there_is(monkeypatch, capsys):
    monkeypatch.setenv("RBM_HEADLESS", "1")

    animate({"weak": (FRAMES, LINE), "strong": (FRAMES, LINE)})

    assert (
        capsys.readouterr().out == "Run this cell in JupyterLab: weak and strong, moving.\n"
    )


def test_the_page_has_the_chains_and_a_title(monkeypatch):
    monkeypatch.delenv("RBM_HEADLESS", raising=False)

    with capture_output() as captured:
        animate({"a <chain>": (FRAMES, LINE)}, label="height")

    (output,) = captured.outputs
    frame = output.data["text/html"]
    assert 'title="a &lt;chain&gt;"' in frame
    page = html.unescape(re.search('srcdoc="([^"]*)"', frame)[1])
    (chain,) = json.loads(re.search(r"const chains = (.*), at =", page)[1])
    assert chain["name"] == "a <chain>" and chain["label"] == "height"
    assert np.array_equal(chain["frames"], FRAMES)
    assert chain["line"] == [2.0, 1.0, 0.5, 0.26]


def test_frames_may_have_shades(monkeypatch):
    monkeypatch.delenv("RBM_HEADLESS", raising=False)

    with capture_output() as captured:
        animate({"q": ([[[0.6, 0.354]]], [2.5])})

    assert "[[[0.6, 0.35]]]" in html.unescape(captured.outputs[0].data["text/html"])


@pytest.mark.parametrize(("frames", "line"), [(FRAMES, LINE[:3]), (FRAMES[0], LINE[:3])])
def test_frames_without_numbers_are_refused(monkeypatch, frames, line):
    monkeypatch.delenv("RBM_HEADLESS", raising=False)

    with pytest.raises(ValueError, match=r"chains\['a'\]: got .* expected frames"):
        animate({"a": (frames, line)})
