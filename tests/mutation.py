"""Mutation testing of the numerical core: change one operator or number at a time; does a test fail?

`make mutants` runs a random sample in an environment of its own; cosmic-ray finds the places and makes the
changes. Of the alternatives at one place (+ has eleven) one is drawn, so that every place counts once. Left
out: error messages, default values, annotations. A mutant's tests are those that run its line, fastest first.
Prints the share killed, and every survivor beside what `tests/survivors.csv` says of it: equivalent (no input
tells the difference), harmless (a result that is as right as before), or new. The checkout is never touched.
"""

import argparse
import ast
import csv
import hashlib
import importlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "mutation"
CORE = [
    "units", "machine", "rbm", "dbm", "sampling", "exact", "annealing", "likelihood", "gradients",
    "batch_gradient", "optimization", "training", "recommend", "evaluate",
]  # fmt: skip
SLOW = 60.0  # seconds of quick tests: first those of the file that runs the line most, then the others
LONGEST = 5.0  # seconds; tests that take longer are left out
SEED = 0


def left_out(tree):
    """Places whose change is no change of the numbers: ((line, column), (line, column)) pairs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            a = node.args
            defaults = [d for d in (*a.defaults, *a.kw_defaults) if d is not None]
            notes = [x.annotation for x in (*a.posonlyargs, *a.args, *a.kwonlyargs) if x.annotation]
            yield from (*defaults, *notes, *([node.returns] if getattr(node, "returns", None) else []))
        elif isinstance(node, ast.Raise | ast.JoinedStr):
            yield node
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation


def places(module):
    """{lot: [mutations]}, one lot for each place in a module, without what is left out.

    A lot is random, but depends on nothing but the line: as the code grows, the lowest stay the same.
    """
    from cosmic_ray.commands.init import _all_work_items

    path = ROOT / "rbm_lib" / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    skip = [
        ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        for node in left_out(ast.parse(text))
    ]
    found = defaultdict(list)
    for item in _all_work_items([path], {}):
        m = item.mutations[0]
        if not any(a <= m.start_pos and m.end_pos <= b for a, b in skip):
            family = m.operator_name.split("/")[-1].split("_")[0]
            found[family, m.start_pos].append(m)
    lots, lines = {}, text.splitlines()
    for family, (line, column) in sorted(found):
        lot = hashlib.sha256(f"{SEED} {module} {family} {column} {lines[line - 1]}".encode()).hexdigest()
        lots[lot + str(line)] = found[family, (line, column)]
    return lots


class Recorder:
    """pytest plugin: which lines of the core each test runs, and how long the test takes."""

    def __init__(self):
        import coverage

        self.cover = coverage.Coverage(data_file=None, include=[f"*/rbm_lib/{m}.py" for m in CORE])
        self.seconds, self.failed = {}, []

    def pytest_runtest_setup(self, item):
        self.cover.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        self.failed += [report.nodeid] if report.failed else []


def pytest_in(folder, arguments, plugins=()):
    """pytest in a copy of the repository, in this process, quietly; its exit code."""
    import pytest

    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1), os.dup2(null, 2)
    return pytest.main(["-x", "-q", "--tb=no", "-p", "no:cacheprovider", *arguments], plugins=list(plugins))


def record(folder, ignored):
    """Run all tests once; {"seconds": {test: s}, "lines": {module: {line: [tests]}}}."""
    recorder = Recorder()
    recorder.cover.start()
    code = pytest_in(folder, ["tests", *(f"--ignore={i}" for i in ignored)], [recorder])
    recorder.cover.stop()
    if code:
        raise SystemExit(f"The tests fail without a mutant: {recorder.failed}")
    data, lines = recorder.cover.get_data(), {}
    for file in data.measured_files():
        contexts = data.contexts_by_lineno(file)
        lines[Path(file).stem] = {n: [t for t in tests if t] for n, tests in contexts.items()}
    return {"seconds": recorder.seconds, "lines": lines}


def copy_of_the_repository(folder):
    shutil.rmtree(folder, ignore_errors=True)
    names = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=names)
    return folder


def tests_of(mutation, baseline):
    """The tests that run the mutant's statement (or, for what runs at import, its function or module)."""
    module = mutation.module_path.stem
    lines = {int(n): tests for n, tests in baseline["lines"].get(module, {}).items()}
    tree = ast.parse(mutation.module_path.read_text(encoding="utf-8"))
    first = mutation.start_pos[0]
    around = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            starts = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
            around.append((node.end_lineno - min(starts), min(starts), node.end_lineno))
    for _, start, end in sorted(a for a in around if a[1] <= first <= a[2]):
        tests = {t for n in range(start, end + 1) for t in lines.get(n, [])}
        if tests:
            break
    else:
        tests = {t for found in lines.values() for t in found}
    seconds = {t: baseline["seconds"].get(t, 0.0) for t in tests}
    return sorted((t for t in tests if seconds[t] < LONGEST), key=seconds.get)


def in_child(folder, tests, limit):
    """What became of the tests: "" (all passed), "failed", or "timeout" after `limit` seconds."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30,) * 2)
        code = 1
        try:
            listed = Path(folder) / "tests-of-the-mutant.txt"
            listed.write_text("\n".join(tests))
            code = pytest_in(folder, [f"@{listed}"])
        finally:
            os._exit(int(code != 0))
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "failed" if status else ""
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def shown(before, after):
    """The first line that differs, before and after; of a decorator that is gone, the line below it."""
    before, after = ([line.strip() for line in text if line.strip()] for text in (before, after))
    return next((a, b) for a, b in zip(before, after, strict=False) if a != b)


def try_mutant(folder, mutation, baseline):
    """Apply one mutation in the copy, run its tests; {"killed": how, "before": line, "after": line, …}."""
    from cosmic_ray.mutating import use_mutation
    from cosmic_ray.plugins import get_operator

    path = folder / "rbm_lib" / mutation.module_path.name
    tests = tests_of(mutation, baseline)
    files = Counter(test.split("::")[0] for test in tests)
    nearest = max(files, key=files.get, default=None)
    stages, spent = [[], [], []], 0.0
    for test in tests:
        spent += baseline["seconds"].get(test, 0.0)
        stages[2 if spent > SLOW else int(test.split("::")[0] != nearest)].append(test)
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    began = time.monotonic()
    with use_mutation(path, operator, mutation.occurrence) as (before, after):
        changed = shown(before.splitlines(), after.splitlines())
        outcomes = (in_child(folder, stage, 10 * SLOW) for stage in stages if stage)
        killed = next(filter(None, outcomes), "")
    return {
        "module": mutation.module_path.stem, "line": mutation.start_pos[0], "before": changed[0],
        "after": changed[1], "operator": mutation.operator_name, "occurrence": mutation.occurrence,
        "killed": killed, "tests": len(tests), "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def work(folder, tasks, results, baseline):
    sys.dont_write_bytecode = True
    for name in ("matplotlib.pyplot", "pandas", "scipy.stats", "sklearn.linear_model"):
        importlib.import_module(name)  # once, before the forks
    import torch

    torch.set_num_threads(1)
    copy_of_the_repository(folder)
    quick = sorted(baseline["seconds"], key=baseline["seconds"].get)[:300]
    if in_child(folder, quick, 20 * SLOW):  # or else every mutant would count as killed
        results.put("the tests fail without a mutant")
    while (task := tasks.get()) is not None:
        results.put(try_mutant(folder, task, baseline))
    results.put(None)


def known():
    """What `survivors.csv` says: {(module, before, after): (class, why)}."""
    with open(ROOT / "tests" / "survivors.csv", encoding="utf-8", newline="") as file:
        return {(r["module"], r["before"], r["after"]): (r["class"], r["why"]) for r in csv.DictReader(file)}


def report(results):
    killed = sum(bool(r["killed"]) for r in results)
    late = sum(r["killed"] == "timeout" for r in results)
    by_module = defaultdict(Counter)
    for r in results:
        by_module[r["module"]][bool(r["killed"])] += 1
    print(f"{'module':16}{'mutants':>8}{'killed':>8}")
    for module in CORE:
        n = by_module[module]
        print(f"{module:16}{n.total():8}{n[True]:8}")
    share = killed / max(len(results), 1)
    print(f"{'all':16}{len(results):8}{killed:8}   {share:.1%}, {late} of them by running too long")
    said = known()
    classes = Counter()
    for r in sorted((r for r in results if not r["killed"]), key=lambda r: (r["module"], r["line"])):
        kind, why = said.get((r["module"], r["before"], r["after"]), ("new", "not classified"))
        classes[kind] += 1
        print(f"\n{r['module']}.py:{r['line']}  {kind}: {why}\n  - {r['before']}\n  + {r['after']}")
    print("\nsurvivors:", dict(classes))
    return classes["new"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=320, help="size of the random sample")
    parser.add_argument("--again", action="store_true", help="only those that survived last time")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    ignored = [
        *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "tests").glob("test_exercises*.py"))),
        *(f"tests/{n}" for n in (
            "notebooks", "test_course.py", "test_course_build.py", "test_score.py", "test_colab.py",
            "test_faults.py", "test_links.py", "test_packaging.py", "test_benchmarks.py", "test_download.py",
            "test_distributed.py", "test_nbgrader.py", "test_plotting.py", "test_damaged_files.py",
        )),
    ]  # fmt: skip
    if not (BUILD / "baseline.json").exists():
        folder = copy_of_the_repository(BUILD / "baseline")
        child = os.fork()
        if child == 0:
            (BUILD / "baseline.json").write_text(json.dumps(record(folder, ignored)))
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("The tests fail without a mutant.")
    baseline = json.loads((BUILD / "baseline.json").read_text())

    everywhere = {lot: alternatives for module in CORE for lot, alternatives in places(module).items()}
    drawn = sorted(everywhere)[: options.mutants]
    mutations = [random.Random(lot[:64]).choice(everywhere[lot]) for lot in drawn]
    print(f"{len(everywhere)} places, {len(mutations)} mutants", flush=True)
    done, log = [], BUILD / "results.jsonl"
    if log.exists():
        done = [json.loads(line) for line in log.read_text().splitlines()]
        if options.again:
            done = [r for r in done if r["killed"]]
    have = {(r["module"], r["operator"], r["occurrence"]) for r in done}
    todo = [m for m in mutations if (m.module_path.stem, m.operator_name, m.occurrence) not in have]
    tasks, results = multiprocessing.Queue(), multiprocessing.Queue()
    for task in [*todo, *[None] * options.workers]:
        tasks.put(task)
    workers = [
        multiprocessing.Process(target=work, args=(BUILD / f"copy{i}", tasks, results, baseline))
        for i in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    with open(log, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in done)
        for _ in workers:
            while (r := results.get()) is not None:
                if isinstance(r, str):
                    raise SystemExit(r)
                done.append(r)
                file.write(json.dumps(r) + "\n")
                file.flush()
                print(f"{len(done)}/{len(mutations)} {r['module']}:{r['line']} "
                      f"{r['killed'] or 'SURVIVED'} {r['seconds']} s", flush=True)  # fmt: skip
    return 1 if report(done) else 0


if __name__ == "__main__":
    sys.exit(main())
