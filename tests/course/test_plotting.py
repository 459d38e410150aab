"""Figures and drawings have alternative texts."""

import io
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from rbm_lib.course.environment import notebooks_folder
from rbm_lib.course.plotting import show

DRAWINGS = sorted(notebooks_folder().glob("figures/*.svg"))


def test_a_figure_is_shown_with_its_words_and_closed(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *x, **y: shown.append((x[0], y)))
    fig, _ = plt.subplots(figsize=(3, 2))

    show(fig, "A line < a curve.")

    image, words = shown
    assert image[1]["metadata"] == {"image/png": {"alt": "A line < a curve.", "width": 300}}
    assert image[0]["image/png"].startswith(b"\x89PNG")
    assert "A line &lt; a curve." in words[0]["text/html"]
    assert not plt.fignum_exists(fig.number)
    with pytest.raises(ValueError, match="alt: got an empty text, expected a sentence"):
        show(fig, " ")


def test_a_figure_with_few_colors_is_smaller_and_looks_the_same(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *x, **y: shown.append(x[0]))
    for n_colors in (None, 256):
        fig, axis = plt.subplots(figsize=(3, 2))
        axis.plot([0, 1, 0], color="#0072B2")
        show(fig, "A line.", n_colors)

    files = [x["image/png"] for x in shown if "image/png" in x]
    pictures = [np.asarray(Image.open(io.BytesIO(x)).convert("RGB"), int) for x in files]

    assert len(files[1]) < 0.6 * len(files[0])
    assert np.abs(pictures[0] - pictures[1]).max() <= 16


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_drawings_are_images_with_words(path):
    drawing = ElementTree.parse(path).getroot()

    assert drawing.get("role") == "img"
    for name in ("title", "desc"):
        assert drawing.findtext(f"{{http://www.w3.org/2000/svg}}{name}")
