"""The course's figures: one style, colour-blind-safe, with alternative text."""

import html
import io

import matplotlib.pyplot as plt
import numpy as np

# Okabe & Ito (2008): told apart with every common colour vision.
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
GREY = "#767676"


def use_style() -> None:
    """Set matplotlib's defaults for the course.

    The background is white, so that figures also read in dark mode.
    """
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=[c for name, c in COLORS.items() if name != "yellow"]),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.figsize": (7.0, 3.4),
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "svg.hashsalt": "rbm_lib",
        }
    )


def show(fig, alt: str) -> None:
    """Display a figure in a notebook with its alternative text, and close it.

    `alt` says in a sentence what a reader would see; it stands in the output's metadata, where converters
    to HTML look for it, and folded below the figure: JupyterLab hands no alternative text to the image.
    Raises ValueError when it is empty.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt: got an empty text, expected a sentence that says what the figure shows.")
    image = io.BytesIO()
    fig.savefig(image, format="png", metadata={"Software": None})
    plt.close(fig)
    bundle = {"image/png": image.getvalue(), "text/plain": f"<Figure: {alt}>"}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)
    folded = f"<details><summary>Figure in words</summary>{html.escape(alt)}</details>"
    display({"text/html": folded, "text/plain": f"Figure in words: {alt}"}, raw=True)


def image_grid(axis, images, columns: int, shape=None, vmin=0.0, vmax=1.0, cmap="Blues"):
    """Draw `images` (n, pixels) or (n, height, width) as a grid of small framed pictures on one axis.

    `shape`: (height, width) of flattened images, default square. Raises ValueError when pixels do not fill
    it.
    """
    images = np.asarray(images, dtype=float)
    if images.ndim == 2:
        side = int(round(images.shape[1] ** 0.5))
        shape = (side, side) if shape is None else shape
        if shape[0] * shape[1] != images.shape[1]:
            raise ValueError(f"images: got {images.shape[1]} pixels, expected {shape[0]} × {shape[1]}.")
        images = images.reshape(-1, *shape)
    n, height, width = images.shape
    gap = 0.25 * max(height, width)
    for i, image in enumerate(images):
        left, top = (i % columns) * (width + gap), (i // columns) * (height + gap)
        extent = (left, left + width, top + height, top)
        axis.imshow(image, cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest", extent=extent)
        axis.add_patch(plt.Rectangle((left, top), width, height, fill=False, edgecolor=GREY, linewidth=0.8))
    rows = -(-n // columns)
    axis.set_xlim(-0.1, columns * (width + gap) - gap + 0.1)
    axis.set_ylim(rows * (height + gap) - gap + 0.1, -0.1)
    axis.axis("off")
