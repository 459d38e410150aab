"""The palette holds for every common colour vision, and lessons and drawings keep to it."""

import ast
import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from rbm_lib.course.plotting import COLORS, GREY, use_style

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(ROOT / "notebooks/src").glob("*.py"),
    *(ROOT / "benchmarks").glob("*.py"),
    ROOT / "rbm_lib/plotting.py",
]
DRAWINGS = sorted((ROOT / "notebooks/figures").glob("*.svg"))

# What is seen of linear RGB where one kind of cone is missing: Machado, Oliveira & Fernandes (2009), A
# physiologically-based model for simulation of color vision deficiency, severity 1. doi:10.1109/TVCG.2009.113
VISION = {
    "common": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
every_vision = pytest.mark.parametrize("vision", VISION)
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)

# The smallest difference ΔE*ab between two colours of lines. One that half of all people notice is 7 in
# lightness, 10 in a* and 14 in b* for a mark of a third of a degree, an entry of a legend at arm's length:
# Stone, Szafir & Setlur (2014), An engineering model for color difference as a function of size.
DIFFERENT = 15
PALE = {"orange", "sky", "yellow"}  # below 3:1 on white: never for text


def linear(color):
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(color, vision="common"):
    """CIE L*a*b* of a colour, as a person with this vision sees it (white of D65)."""
    xyz = TO_XYZ @ np.clip(np.array(VISION[vision]) @ linear(color), 0, 1) / TO_XYZ.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(a, b, vision="common"):
    return float(np.linalg.norm(lab(a, vision) - lab(b, vision)))


def contrast(color, background="white"):
    """The ratio of WCAG 2, 1 to 21."""
    light, dark = sorted(
        (TO_XYZ[1] @ linear(c) + 0.05 for c in (color, background)), reverse=True
    )
    return light / dark


def colors_of(text):
    return set(re.findall(r"#[0-9A-Fa-f]{6}\b", text))


def calls(path):
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


def test_the_measures_are_right():
    assert contrast("black") == pytest.approx(21, abs=0.01) and contrast(
        "#767676"
    ) == pytest.approx(4.54, abs=0.01)
    np.testing.assert_allclose(lab("white"), [100, 0, 0], atol=0.05)
    np.testing.assert_allclose(lab("#FF0000"), [53.24, 80.09, 67.20], atol=0.05)
    for matrix in VISION.values():
        np.testing.assert_allclose(np.sum(matrix, 1), 1, atol=1e-5)  # greys stay grey
    assert (
        difference("#D00000", "#3A7D00") > 80
        and difference("#D00000", "#3A7D00", "deuteranopia") < DIFFERENT
    )


@every_vision
def test_lines_are_told_apart(vision):
    with matplotlib.rc_context():
        use_style()
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert len(cycle) == 7 and set(cycle) == set(COLORS.values()) - {COLORS["yellow"]}
    close = [
        (a, b)
        for a, b in itertools.combinations(cycle, 2)
        if difference(a, b, vision) < DIFFERENT
    ]
    assert close == []


def test_colors_stand_out_from_white():
    assert {name for name, color in COLORS.items() if contrast(color) < 3} == PALE
    assert contrast(GREY) > 4.5, "small text"


WRITING = {
    "text",
    "annotate",
    "suptitle",
    "set_title",
    "set_xlabel",
    "set_ylabel",
    "bar_label",
}


def test_lessons_write_in_colors_that_stand_out():
    found = []
    for path in SOURCES:
        for call in calls(path):
            if getattr(call.func, "attr", "") not in WRITING:
                continue
            for word in (k.value for k in call.keywords if k.arg == "color"):
                name = ast.unparse(word)
                named = re.fullmatch(
                    r"(?:plotting\.)?COLORS\['(\w+)'\]|GREY|'([#\w]+)'", name
                )
                assert named, f"{path.name}:{call.lineno}: is {name} dark enough for text?"
                if contrast(COLORS.get(named[1]) or named[2] or GREY) < 3:
                    found.append(f"{path.name}:{call.lineno}: {name}")
    assert found == []


def color_maps():
    """The names of all colour maps in lessons, benchmarks and library."""
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            words = node.keywords if isinstance(node, ast.Call) else []
            defaults = []
            if isinstance(node, ast.FunctionDef):
                names = node.args.args[len(node.args.args) - len(node.args.defaults) :]
                defaults = [
                    (n.arg, v) for n, v in zip(names, node.args.defaults, strict=True)
                ]
            for name, value in [(k.arg, k.value) for k in words] + defaults:
                if name == "cmap" and isinstance(value, ast.Constant):
                    yield value.value


def is_readable(name, vision):
    """Whether lightness tells the order of the values, or on each side of the middle, told apart by hue."""
    at = np.linspace(0, 1, 21)
    colors = [to_hex(c) for c in matplotlib.colormaps[name](at)]
    steps = np.diff([lab(c, vision)[0] for c in colors])
    if (steps > -0.5).all() or (steps < 0.5).all():
        return True
    halves = (steps[:10] > -0.5).all() and (steps[10:] < 0.5).all()
    return halves and all(
        difference(colors[i], colors[-1 - i], vision) > DIFFERENT for i in range(6)
    )


@every_vision
def test_color_maps_are_read_alike(vision):
    used = set(color_maps())
    assert {"Blues", "PuOr"} <= used, "the scan finds none"
    assert [name for name in used if not is_readable(name, vision)] == []
    assert is_readable("viridis", vision) and not is_readable("jet", vision)
    assert is_readable("RdYlGn", vision) == (vision in ("common", "tritanopia"))


def texts(element, fill=None):
    """The fill of every text below ``element``."""
    fill = element.get("fill", fill)
    if element.tag.endswith(("}text", "}tspan")) and (element.text or "").strip():
        yield fill
    for child in element:
        yield from texts(child, fill)


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_drawings_keep_to_the_palette_and_read_in_dark_mode(path):
    drawing = ElementTree.parse(path).getroot()
    tag = "{http://www.w3.org/2000/svg}"
    assert drawing.get("role") == "img" and all(
        drawing.findtext(f"{tag}{name}") for name in ("title", "desc")
    )
    ground = next(drawing.iter(f"{tag}rect"))
    size = [float(x) for x in drawing.get("viewBox").split()[2:]]
    assert all(
        float(ground.get(side)) > 0.99 * x
        for side, x in zip(("width", "height"), size, strict=True)
    )
    assert contrast(ground.get("fill")) < 1.1, "a light ground of its own"
    hues = [
        np.arctan2(*lab(color)[:0:-1]) for name, color in COLORS.items() if name != "black"
    ]
    for color in colors_of(path.read_text(encoding="utf-8")):
        _, a, b = lab(color)
        if np.hypot(a, b) > 12:  # else a grey, or the tint of an area
            off = [
                abs((np.arctan2(b, a) - hue + np.pi) % (2 * np.pi) - np.pi) for hue in hues
            ]
            assert np.degrees(min(off)) < 12, (
                f"{color} is no lighter or darker colour of the palette"
            )
    assert [c for c in texts(drawing) if c != "#FFFFFF" and contrast(c) < 4.5] == []
