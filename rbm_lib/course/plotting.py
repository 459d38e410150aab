"""The course's figures: one style, colour-blind-safe, with alternative text."""

import html
import io

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["COLORS", "GREY", "INK", "show", "use_style"]

# Okabe & Ito (2008): distinct for every common colour vision.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
}
GREY = "#6b7280"
INK = "#1f2933"
DPI = 200


def use_style() -> None:
    """Set matplotlib's defaults for the course.

    The background is opaque, so that figures read the same in a dark theme.
    """
    colors = [color for name, color in COLORS.items() if name != "yellow"]
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=colors),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11.5,
            "axes.titleweight": "bold",
            "axes.titlecolor": INK,
            "axes.edgecolor": GREY,
            "axes.labelcolor": INK,
            "axes.labelsize": 10,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.figsize": (7.0, 3.4),
            "figure.titlesize": 11.5,
            "figure.titleweight": "bold",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "text.color": INK,
            "xtick.color": GREY,
            "ytick.color": GREY,
        }
    )


def show(fig: Figure, alt: str, n_colors: int | None = None) -> None:
    """Display a figure at 200 dpi with its alternative text, and close it.

    It is shown at its size in inches times 100 pixels, so that it is sharp on any screen.
    JupyterLab shows vector graphics of trusted notebooks only, and a fresh copy is none.

    The text is in the output's metadata, for converters to HTML, and folded below the
    figure, because JupyterLab gives images no alternative text.

    Parameters
    ----------
    fig : Figure
    alt : str
        What a reader would see, in a sentence. An empty one raises ValueError.
    n_colors : int, optional
        Store at most so many colours, up to 256, which makes the file about three times
        smaller. By default all of them.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt: got an empty text, expected a sentence. Say what is shown.")
    image = io.BytesIO()
    fig.savefig(image, format="png", dpi=DPI, metadata={"Software": None})
    plt.close(fig)
    if n_colors is not None:
        image = _with_few_colors(image, n_colors)
    bundle = {"image/png": image.getvalue(), "text/plain": f"<Figure: {alt}>"}
    facts = {"alt": alt, "width": round(100 * fig.get_figwidth())}
    display(bundle, metadata={"image/png": facts}, raw=True)
    folded = f"<details><summary>Figure in words</summary>{html.escape(alt)}</details>"
    display({"text/html": folded, "text/plain": f"Figure in words: {alt}"}, raw=True)


def _with_few_colors(image: io.BytesIO, n_colors: int) -> io.BytesIO:
    """The picture with a palette of its most important colours."""
    picture = Image.open(image).convert("RGB")
    few = picture.quantize(n_colors, dither=Image.Dither.NONE)
    smaller = io.BytesIO()
    few.save(smaller, format="png", optimize=True)
    return smaller
