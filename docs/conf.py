"""The site: `make site` lets Sphinx read the repository as it lies, so that links hold on the forge and here.

Nothing is executed: the notebooks are committed with their outputs. Nothing is fetched by a page: MathJax and
all else that it loads are part of the site.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import reading  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]

project = "rbm_lib"
author = "The rbm_lib authors"
project_copyright = "2026 The rbm_lib authors. Code: MIT. Text and figures: CC BY 4.0"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "autoapi.extension",
    "sphinx_copybutton",
    "sphinx-mathjax-offline",
]

# Paths are relative to the repository.
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "data/README.md",
    "docs/**.md",
    "docs/**.rst",
    "notebooks/*.ipynb",
]
exclude_patterns = ["build", ".*", "docs/_*"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # as the forge makes them, for links like teaching.md#marking
nb_execution_mode = "off"
nb_custom_formats = {".ipynb": "reading.notebook"}

# The library is read, not imported: PyTorch is not needed to build the site.
autoapi_dirs = ["rbm_lib"]
autoapi_generate_api_docs = False  # docs/api says what is shown, and in which order
autoapi_member_order = autodoc_member_order = "bysource"
suppress_warnings = ["autoapi.python_import_resolution"]  # names that are loaded at first use
default_role = "literal"  # `name` in a docstring
add_module_names = False
toc_object_entries = False

html_theme = "sphinx_book_theme"
html_title = "RBMs for recommendation"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_domain_indices = False
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_extra_path = ["_extra"]  # index.html, which leads to docs/index.html
html_theme_options = {
    "use_download_button": False,  # lessons have buttons of their own, see add_buttons
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the search stands in the sidebar
    "show_toc_level": 2,
}

# `make links`: what asks for them waits 20 seconds, twice. Anchors may be made by scripts.
linkcheck_timeout, linkcheck_retries, linkcheck_report_timeouts_as_broken = 20, 2, True
linkcheck_anchors = False


def repository():
    """The repository's address on GitHub, or None: nothing is invented where none is known."""
    if "GITHUB_REPOSITORY" in os.environ:  # set by GitHub's workflows
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        address = f"{server}/{os.environ['GITHUB_REPOSITORY']}"
    else:
        command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
        try:
            address = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        except FileNotFoundError:
            return None
    found = re.fullmatch(
        r"(?:https://|(?:ssh://)?git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?", address
    )
    return f"https://github.com/{found[1]}" if found else None


REPOSITORY = repository()
if REPOSITORY:
    html_theme_options |= {"repository_url": REPOSITORY, "use_repository_button": True}


def add_buttons(app, page, template, context, doctree):
    """On a lesson: launch or download the copy without solutions, or download what is shown."""
    folder, _, name = page.rpartition("/")
    if folder != "notebooks":
        return

    def link(text, url, icon, tooltip):
        return {"type": "link", "text": text, "url": url, "icon": icon, "tooltip": tooltip}

    def group(label, icon, tooltip, buttons):
        return {"type": "group", "label": label, "icon": icon, "tooltip": tooltip, "buttons": buttons}

    copy = f"notebooks/student/{name}.ipynb"
    (app.outdir / copy).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / copy, app.outdir / copy)
    buttons = [
        link("Notebook to work in", context["pathto"](copy, 1), "fas fa-pencil", "Without solutions"),
        link(
            "Solved notebook", context["pathto"](f"_sources/{page}.ipynb", 1), "fas fa-check", "As shown here"
        ),
    ]
    context["header_buttons"].insert(0, group("download-buttons", "fas fa-download", "Download", buttons))
    if REPOSITORY:
        path = REPOSITORY.removeprefix("https://github.com/")
        binder = f"https://mybinder.org/v2/gh/{path}/main?urlpath=lab/tree/{copy}"
        colab = f"https://colab.research.google.com/github/{path}/blob/main/{copy}"
        buttons = [
            link(
                "Binder",
                binder,
                "_static/images/logo_binder.svg",
                "Open the copy without solutions in Binder",
            ),
            link("Colab", colab, "_static/images/logo_colab.png", "Open the copy without solutions in Colab"),
        ]
        context["header_buttons"].insert(0, group("launch-buttons", "fas fa-rocket", "Launch", buttons))


def skip(app, kind, name, thing, skipped, options):
    """What an API page leaves out: names that another module defines, constants, fields without a type."""
    return thing.imported or (thing.type in ("data", "attribute") and not thing.annotation) or None


def asked_for(app, uri):
    """A DOI is asked for at doi.org, which knows whether it exists: many publishers refuse programs."""
    return re.sub(r"^https://doi\.org/(?=10\.)", "https://doi.org/api/handles/", uri)


def setup(app):
    app.connect("linkcheck-process-uri", asked_for)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", reading.docstring)
    app.connect("html-page-context", add_buttons, priority=900)  # after the theme has made its buttons
