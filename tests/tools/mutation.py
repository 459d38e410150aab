"""Mutation testing of the numerical core: `make mutants`.

Would a test notice if a plus were a minus? Places are drawn at random among the operators,
comparisons and numbers of PACKAGES. At each the syntax tree is changed in one way, the
changed module is written into a copy of the repository, and the tests that mirror it run
there: tests/<package>/test_<module>.py first, then all of tests/<package>. A mutant is
killed if a test fails or the tests take far too long; otherwise it survived.

Left out, because a change there changes no number: messages (`raise`, f-strings), default
values, what has an annotation. Survivors are shown with what survivors.csv says of them:
why no test is missing (no input tells the difference, or the result is as right as before).
"""

import argparse
import ast
import csv
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "likelihood", "training", "recommend")
WORKERS = 2
TOO_LONG = 900  # seconds
MEMORY = 12 * 2**30  # bytes: a mutant may ask for more than there is
PAIRS = [  # each turns into the other
    (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.FloorDiv, ast.Mod), (ast.And, ast.Or),
    (ast.BitAnd, ast.BitOr), (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot), (ast.In, ast.NotIn),
]  # fmt: skip
OTHER = dict([*PAIRS, *((b, a) for a, b in PAIRS), (ast.Pow, ast.Mult)])
Mutant = namedtuple("Mutant", "module line before after text")  # text: of the whole module


def places(node):
    """The nodes from this one down that can be changed, in the order of the text."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.arguments | ast.AnnAssign):
        return
    operator = (getattr(node, "ops", None) or [getattr(node, "op", None)])[0]
    number = isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float)
    if number or isinstance(node, ast.UnaryOp) or type(operator) in OTHER:
        yield node
    for child in ast.iter_child_nodes(node):
        if child is not getattr(node, "returns", None):
            yield from places(child)


def mutant(path, place, rng):
    """The mutant with another operator or number at the place of that index in a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    before = ast.unparse(tree)
    node = list(places(tree))[place]
    if isinstance(node, ast.Constant):
        step = rng.choice([-1, 1])
        node.value = not node.value if isinstance(node.value, bool) else node.value + step
    elif isinstance(node, ast.UnaryOp):
        node.operand = ast.UnaryOp(node.op, node.operand)  # -x twice is x
    elif isinstance(node, ast.Compare):
        node.ops[0] = OTHER[type(node.ops[0])]()
    else:
        node.op = OTHER[type(node.op)]()
    after = ast.unparse(tree)
    lines = zip(before.splitlines(), after.splitlines(), strict=True)
    changed = next((a.strip(), b.strip()) for a, b in lines if a != b)
    return Mutant(f"{path.parent.name}/{path.name}", node.lineno, *changed, after)


def draw(n, seed):
    """n mutants of the core, at different places."""
    paths = [p for name in PACKAGES for p in sorted((ROOT / "rbm_lib" / name).glob("*.py"))]
    trees = [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
    everywhere = [(path, i) for path, tree in trees for i, _ in enumerate(places(tree))]
    print(f"{n} mutants at {len(everywhere)} places", flush=True)
    rng = random.Random(seed)
    return [mutant(*place, rng) for place in rng.sample(everywhere, n)]


def first_failure(folder, tests, *options, **environment):
    """The first of these tests that fails in the repository at `folder`; "" if all pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", *options, *tests]
    command += ["-p", "no:cacheprovider", "--hypothesis-profile=faults"]
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"OMP_NUM_THREADS": "1", "RBM_OFFLINE": "1", "RBM_HEADLESS": "1"}
    how = {"cwd": folder, "env": os.environ | environment, "timeout": TOO_LONG}
    try:
        done = subprocess.run(command, capture_output=True, text=True, **how)
    except subprocess.TimeoutExpired:
        return "the tests took too long"
    failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    return (failed or [f"pytest: {done.stdout[-200:]}"])[0] if done.returncode else ""


def tests_of(module):
    """The file that mirrors a module, if there is one, then the rest of its package."""
    package, name = module.split("/")
    mirror = f"tests/{package}/test_{name}"
    exists = (ROOT / mirror).exists()
    return [[mirror]] * exists + [[f"tests/{package}", f"--ignore={mirror}"]]


def survivors_of(mutants, packages):
    """Those of the mutants that no test kills; before, the packages' tests must pass."""
    survivors = []
    with tempfile.TemporaryDirectory(prefix="rbm_mutants_") as name:
        for part in ("rbm_lib", "tests"):
            shutil.copytree(ROOT / part, Path(name, part))
        shutil.copy(ROOT / "pyproject.toml", name)
        if failed := first_failure(name, [f"tests/{package}" for package in packages]):
            sys.exit(f"Without any mutant: {failed}")
        for m in mutants:
            path = Path(name, "rbm_lib", m.module)
            path.write_text(m.text, encoding="utf-8")
            killers = (first_failure(name, tests) for tests in tests_of(m.module))
            killer = next(filter(None, killers), "")
            shutil.copy(ROOT / "rbm_lib" / m.module, path)
            print(f"{m.module}:{m.line}  {killer or 'SURVIVED'}", flush=True)
            survivors += [] if killer else [m]
    return survivors


def main():
    parser = argparse.ArgumentParser(description="Mutation testing of the numerical core.")
    parser.add_argument("-n", "--mutants", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    mutants = draw(options.mutants, options.seed)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # the tests inherit it
    lots = [[lot[i::WORKERS] for i in range(WORKERS)] for lot in (mutants, PACKAGES)]
    with ThreadPoolExecutor(WORKERS) as pool:
        survivors = sum(pool.map(survivors_of, *lots), [])
    table = Path(__file__).with_name("survivors.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines())
    known = {(row["module"], row["before"], row["after"]): row["why"] for row in rows}
    reasons = [known.get((m.module, m.before, m.after), "NEW") for m in survivors]
    for m, why in zip(survivors, reasons, strict=True):
        print(f"\n{m.module}:{m.line}  {why}\n  - {m.before}\n  + {m.after}")
    print(f"\n{len(mutants) - len(survivors)} of {len(mutants)} killed")
    return 1 if "NEW" in reasons else 0


if __name__ == "__main__":
    sys.exit(main())
