"""The layout: who imports whom, how long files are, where the test of a module is."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "rbm_lib"
TESTS = ROOT / "tests"
LONGEST_FILE = 300

# A package may import from those on the lines above its own.
ORDER = [
    {"checks", "files", "version"},
    {"data"},
    {"models"},
    {"likelihood"},
    {"training"},
    {"recommend"},
    {"rbm_lib"},  # its __init__.py: what `from rbm_lib import …` offers
    {"course"},
    {"cli"},
]
RANK = {package: rank for rank, packages in enumerate(ORDER) for package in packages}

# For users alone: the command line and the short import paths.
ENTRANCES = {"__main__", "sampling", "evaluate", "baselines", "plotting"}

# Modules without behaviour of their own to test.
UNTESTED = {"__init__", "__main__", "version"}


def module_name(path):
    """`rbm_lib/data/ratings.py` → `data.ratings`, `rbm_lib/data/__init__.py` → `data`."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "rbm_lib"


MODULES = {module_name(path): path for path in sorted(LIBRARY.rglob("*.py"))}


def imported_names(path):
    """The dotted names that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: got a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_modules(path):
    """The modules of the library that a file imports."""
    found = set()
    for name in imported_names(path):
        library, _, inside = name.partition(".")
        if library != LIBRARY.name:
            continue
        # What is not a module is a name inside one, like data.ratings.RatingMatrix.
        while inside and inside not in MODULES:
            inside = inside.rpartition(".")[0]
        found.add(inside or "rbm_lib")
    return found


IMPORTS = {module: imported_modules(path) for module, path in MODULES.items()}


def package_of(module):
    return module.partition(".")[0]


def test_every_package_has_a_rank():
    assert {package_of(module) for module in MODULES} == RANK.keys() | ENTRANCES, (
        "see ORDER"
    )


@pytest.mark.parametrize("module", [m for m in MODULES if m not in ENTRANCES])
def test_a_module_imports_from_its_own_package_and_from_those_above(module):
    own = package_of(module)

    foreign = {m for m in IMPORTS[module] if package_of(m) != own}

    assert foreign & ENTRANCES == set(), "import from the module that defines the name"
    assert [m for m in foreign if RANK[package_of(m)] >= RANK[own]] == []


def test_no_imports_go_in_a_circle():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def library_and_exercises():
    return [*MODULES.values(), *sorted((ROOT / "notebooks/exercises").glob("*.py"))]


@pytest.mark.parametrize(
    "path", library_and_exercises(), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_a_file_can_be_read_in_one_sitting(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST_FILE


def test_every_module_has_a_test_file_of_its_name():
    tested = [m for m in MODULES if m not in ENTRANCES and MODULES[m].stem not in UNTESTED]

    expected = [MODULES[m].relative_to(LIBRARY) for m in tested]
    missing = [p for p in expected if not (TESTS / p.parent / f"test_{p.name}").exists()]

    assert [path.as_posix() for path in missing] == []


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix()
)
def test_tests_share_helpers_and_not_each_other(path):
    parts = {part for name in imported_names(path) for part in name.split(".")[:-1]}

    assert [part for part in parts if part.startswith("test_")] == []
