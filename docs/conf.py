"""Settings of the site, which `make site` builds from the repository as it is.

So links work the same on the site and in the repository. Notebooks are not executed,
because they are committed with their outputs. The pages load nothing from elsewhere,
MathJax included.
"""

import ast
import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import lessons  # noqa: E402
import reading  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]

project = "rbm_lib"
author = "The rbm_lib authors"
project_copyright = "2026 The rbm_lib authors. Code: MIT. Text and figures: CC BY 4.0"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "autoapi.extension",
    "sphinx_copybutton",
    "sphinx-mathjax-offline",
]

# Paths are relative to the repository.
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "data/README.md",
    "docs/**.md",
    "docs/**.rst",
    "notebooks/*.ipynb",
]
exclude_patterns = ["build", ".*", "docs/_*", "docs/package.md"]  # that is for the index

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # as the forge makes them, for links like marking.md#a-class
nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_custom_formats = {".ipynb": "lessons.notebook"}

# The library is read, not imported: PyTorch is not needed to build the site.
autoapi_dirs = ["rbm_lib"]
autoapi_generate_api_docs = False  # docs/api says what is shown, and in which order
autoapi_member_order = "bysource"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_ivar = True  # attributes in a list, not as members a second time
default_role = "literal"  # `name` in a docstring
suppress_warnings = ["autoapi.python_import_resolution"]  # pyright checks the imports
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
    "navbar_persistent": [],  # the search is in the sidebar
    "show_toc_level": 2,
}

# For `make links`.
linkcheck_timeout = 20  # seconds
linkcheck_retries = 2
linkcheck_report_timeouts_as_broken = True
linkcheck_anchors = False  # scripts may make them


def repository():
    """The address of the repository on GitHub, or None if it has none."""
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
        r"(?:https://|(?:ssh://)?git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?",
        address,
    )
    return f"https://github.com/{found[1]}" if found else None


REPOSITORY = repository()
if REPOSITORY:
    html_theme_options |= {"repository_url": REPOSITORY, "use_repository_button": True}


def link(text, url, icon, tooltip):
    """A button of the theme."""
    return {"type": "link", "text": text, "url": url, "icon": icon, "tooltip": tooltip}


def group(label, icon, tooltip, buttons):
    """A button of the theme that opens a menu."""
    return {
        "type": "group",
        "label": label,
        "icon": icon,
        "tooltip": tooltip,
        "buttons": buttons,
    }


def download_buttons(copy, solved):
    """Download the student copy or the solved lesson, given their addresses."""
    buttons = [
        link("Notebook to work in", copy, "fas fa-pencil", "Without solutions"),
        link("Solved notebook", solved, "fas fa-check", "As shown here"),
    ]
    return group("download-buttons", "fas fa-download", "Download", buttons)


def launch_buttons(copy):
    """Open the student copy at this path of the repository in Binder or Colab."""
    path = REPOSITORY.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{path}/main?urlpath=lab/tree/{copy}"
    colab = f"https://colab.research.google.com/github/{path}/blob/main/{copy}"
    images = "_static/images"
    tooltip = "Open the copy without solutions in"
    buttons = [
        link("Binder", binder, f"{images}/logo_binder.svg", f"{tooltip} Binder"),
        link("Colab", colab, f"{images}/logo_colab.png", f"{tooltip} Colab"),
    ]
    return group("launch-buttons", "fas fa-rocket", "Launch", buttons)


def add_buttons(app, page, template, context, doctree):
    """Give a lesson its buttons, and the site the student copy that they lead to."""
    folder, _, name = page.rpartition("/")
    if folder != "notebooks":
        return

    copy = f"notebooks/student/{name}.ipynb"
    (app.outdir / copy).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / copy, app.outdir / copy)

    solved = f"_sources/{page}.ipynb"
    downloads = download_buttons(context["pathto"](copy, 1), context["pathto"](solved, 1))
    context["header_buttons"].insert(0, downloads)
    if REPOSITORY:
        context["header_buttons"].insert(0, launch_buttons(copy))


def describe(app, page, template, context, doctree):
    """Say in the head of a page what the site is, for search engines and chats."""
    about = (
        "A course in notebooks on restricted Boltzmann machines that recommend films and "
        "songs, with exercises that check themselves, and the library under it."
    )
    tags = {"og:title": context.get("title") or html_title, "og:description": about}
    if REPOSITORY:  # the picture needs a whole address
        owner, name = REPOSITORY.removeprefix("https://github.com/").split("/")
        tags["og:image"] = f"https://{owner}.github.io/{name}/_static/card.png"
    lines = [f'<meta name="description" content="{about}">']
    for name, content in tags.items():
        text = html.escape(re.sub("<[^>]*>", "", content))
        lines.append(f'<meta property="{name}" content="{text}">')
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def copy_playground(app, error):
    """The playground is a page of its own, which Sphinx leaves as it is."""
    if error is None and app.builder.format == "html":
        source = ROOT / "docs" / "playground"
        shutil.copytree(source, app.outdir / "docs" / "playground", dirs_exist_ok=True)


# The pages load the first of these, and it loads the others when a formula, or a reader
# with a screen reader, needs them. Two thirds of the package are other bundles.
MATHJAX = {"tex-chtml.js", "input", "output", "a11y", "sre"}


def trim_mathjax(app, error):
    """Keep of MathJax what the pages load."""
    folder = app.outdir / "_static" / "mathjax"
    if error or not folder.is_dir():
        return
    for path in [*folder.iterdir(), folder / "output" / "svg", folder / "input" / "mml"]:
        if path.name not in MATHJAX and path.is_dir():
            shutil.rmtree(path)
        elif path.name not in MATHJAX:
            path.unlink()


def exported(package):
    """The names in the `__all__` of a package and of its modules."""
    names = set()
    for path in (ROOT / "rbm_lib" / package).glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names |= set(ast.literal_eval(node.value))
    return names


# The modules of these packages also have functions for each other, which are left out.
EXPORTED = {
    name: exported(name) for name in ("models", "likelihood", "training", "recommend")
}


def skip(app, kind, name, thing, skipped, options):
    """Leave out imports, helpers, constants and fields without a type."""
    if thing.imported or thing.type == "data":
        return True
    if thing.type == "attribute":
        return None if thing.annotation else True
    package = thing.id.split(".")[1]
    is_helper = package in EXPORTED and name not in EXPORTED[package]
    return True if is_helper and thing.type in ("class", "exception", "function") else None


def asked_for(app, uri):
    """Ask doi.org whether a DOI exists, because many publishers refuse programs."""
    return re.sub(r"^https://doi\.org/(?=10\.)", "https://doi.org/api/handles/", uri)


def setup(app):
    app.connect("linkcheck-process-uri", asked_for)
    app.connect("autodoc-skip-member", skip)
    app.connect("source-read", lessons.add_anchors)
    # Before napoleon reads the sections of a docstring.
    app.connect("autodoc-process-docstring", reading.docstring, priority=400)
    app.connect("autodoc-process-docstring", reading.types, priority=600)  # and after it
    app.connect("build-finished", copy_playground)
    app.connect("build-finished", trim_mathjax)
    app.connect("html-page-context", describe)
    # After the theme has made its buttons.
    app.connect("html-page-context", add_buttons, priority=900)
