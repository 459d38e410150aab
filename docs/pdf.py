"""``make pdf``: each lesson on paper, solved and as a student gets it, in build/pdf.

The notebooks become HTML by nbconvert, and a Chromium of the machine prints it. The code of
folded cells, most of it for figures, is left out.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbconvert import HTMLExporter
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
MATHJAX = "build/slides-packages/sphinx-mathjax-offline/static/mathjax/tex-svg.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
STYLE = """<style>
@page { size: A4; margin: 18mm 16mm; }
body { font-size: 10.5pt; }
.jp-InputPrompt, .jp-OutputPrompt { display: none; }
.jp-Notebook { padding: 0; }
h2, h3 { break-after: avoid; }
img, svg, table, pre { break-inside: avoid; }
img, svg { max-width: 100%; }
pre { white-space: pre-wrap !important; }
.jp-Cell pre, .jp-Cell .highlight pre { font-size: 8.2pt !important; } /* 92 columns fit */
mjx-container g { stroke: none !important; } /* or formulas look bold */
</style>
"""
FORMULAS = """<script>
MathJax = { tex: { inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]] } };
</script>
"""


def browser():
    """The path of a Chromium: the variable CHROMIUM, or one that is installed."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    if found is None:
        sys.exit(
            f"No browser is found, expected one of {', '.join(BROWSERS)}. Install "
            "Chromium, or name one: CHROMIUM=/path/to/chrome make pdf"
        )
    return found


def page(notebook):
    """The HTML of a notebook, to be printed from the notebook's folder."""
    config = Config()
    config.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
    config.TagRemovePreprocessor.remove_cell_tags = {"remove-cell"}
    config.HTMLExporter.mathjax_url = (ROOT / MATHJAX).as_uri()
    config.HTMLExporter.theme = "light"
    html, _ = HTMLExporter(config=config).from_filename(str(notebook))
    if notebook.parent.name != "student":  # hints and answers, which paper cannot unfold
        html = re.sub("<details>(?!<summary>Figure in words)", "<details open>", html)
    html = html.replace("<head>", "<head>" + FORMULAS, 1)  # before MathJax, which reads it
    return html.replace("</head>", STYLE + "</head>", 1)


def print_page(html, folder, target):
    """Print HTML, whose pictures lie where they do for ``folder``, to ``target``."""
    with tempfile.TemporaryDirectory(prefix="rbm-") as own:
        source = folder / f".{target.stem}.print.html"  # beside its pictures
        source.write_text(html, encoding="utf-8")
        command = [browser(), "--headless", "--no-sandbox", f"--user-data-dir={own}"]
        command += ["--no-pdf-header-footer", "--virtual-time-budget=20000"]
        command += [f"--print-to-pdf={target}", source.as_uri()]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        finally:
            source.unlink()


def main(names):
    """Print the lessons of these numbers or names, all by default."""
    if not (ROOT / MATHJAX).exists():
        sys.exit(f"{MATHJAX} is missing. Type make pdf.")
    target = ROOT / "build" / "pdf"
    target.mkdir(parents=True, exist_ok=True)
    for name in names or ["[0-9][0-9]"]:
        for notebook in sorted((ROOT / "notebooks").glob(f"{name}_*.ipynb")):
            copies = {
                "solved": notebook,
                "student": notebook.parent / "student" / notebook.name,
            }
            for kind, copy in copies.items():
                file = target / f"{notebook.stem}-{kind}.pdf"
                print_page(page(copy), copy.parent, file)
                print(file.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
