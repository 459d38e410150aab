"""The lessons under conditions that their author does not have.

Each run has a folder for a computer: a copy of the checkout, a home, a folder for
temporary files and one to start in. No file may change but in data/ and build/. `make test`
has lesson 00 under most conditions at once, `make test-long` all lessons under each.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from rbm_lib.course.environment import notebooks_folder, repository_root
from rbm_lib.course.notebook import code_cells

LESSONS = sorted(path.stem[:2] for path in notebooks_folder().glob("[0-9]*.ipynb"))
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="walls are Linux's tools")

# What others write, wherever their users are: no more, and nothing by the library.
ALLOWED = re.compile(
    r"course 1/(data|build)(/.*)?|(.*/)?__pycache__(/.*)?|tmp/torchinductor_\w+|"
    r"home/\.config(/matplotlib)?|home/\.cache(/matplotlib(/fontlist-.*\.json)?)?"
)

# Programs that put a wall around a command. Permissions bind root without this capability.
HELD = ["setpriv", "--bounding-set=-dac_override"] if os.getuid() == 0 else []
NOBODY = "mount --bind /dev/null /etc/passwd && mount --bind /dev/null /etc/nsswitch.conf"
WALLS = {
    "offline": ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"],
    "nobody": ["unshare", "-m", "sh", "-c", f'{NOBODY} && exec "$@"', "sh"],
    "read-only data": HELD,
    "locked home": HELD,
}
CONDITIONS = ["elsewhere", "non-ASCII path", "no home", *WALLS]

# What may differ between runs: ids of tables, addresses, and why a stand-in is used.
PASSING = re.compile(r"\bT_[0-9a-f]{5}|\b0x[0-9a-f]{6,}|(?<= not here )\(.*?\)")


@functools.cache
def works(condition):
    """Whether this system lets us build the wall: `unshare` wants root, or a container."""
    command = ["sh", "-c", '"$@"', "sh", *WALLS.get(condition, ()), "true"]
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


class Computer:
    """A learner's computer in a folder, under some conditions."""

    def __init__(self, base, conditions=(), lessons=LESSONS):
        self.conditions = conditions
        self.base = base / ("Übung äß 日本" if "non-ASCII path" in conditions else "user")
        self.checkout = self.base / "course 1"
        hidden = shutil.ignore_patterns(".*", "__pycache__")
        for name in ("rbm_lib", "notebooks", "docs/playground"):
            shutil.copytree(repository_root() / name, self.checkout / name, ignore=hidden)
        shutil.copy(repository_root() / "pyproject.toml", self.checkout)
        for path in (self.checkout / "notebooks").glob("*.ipynb"):
            if path.stem[:2] not in lessons:
                path.unlink()
        for folder in ("elsewhere", "home", "tmp", "locked", "course 1/data"):
            (self.base / folder).mkdir(parents=True)
        (self.base / "locked").chmod(0o555)
        if "read-only data" in conditions:
            (self.checkout / "data").chmod(0o555)

    def environment(self):
        """No setting of the tester's, and nothing is downloaded."""
        own = "RBM_ XDG_ JUPYTER IPYTHON PYTHON MPL COV PYTEST LC_ LANG HOME USER LOGNAME"
        env = {k: v for k, v in os.environ.items() if not k.startswith(tuple(own.split()))}
        nowhere = "http://127.0.0.1:9"
        env |= {"OMP_NUM_THREADS": "1", "https_proxy": nowhere}
        env |= {"TMPDIR": str(self.base / "tmp"), "PYTHONPATH": str(self.checkout)}
        if "non-ASCII path" in self.conditions:
            env["LC_ALL"] = "C"
        if "locked home" in self.conditions:
            env["HOME"] = str(self.base / "locked" / "home")
        elif not {"no home", "nobody"} & set(self.conditions):
            env["HOME"] = str(self.base / "home")
        return env

    def files(self):
        """(name, what changes when it is written to) of every file."""
        found = ((x.relative_to(self.base).as_posix(), x) for x in self.base.rglob("*"))
        return {(name, x.is_dir() or x.stat().st_mtime_ns) for name, x in found}

    def start(self):
        """The course's runner, behind the walls."""
        wall = [word for name in self.conditions for word in WALLS.get(name, ())]
        command = [*wall, sys.executable, *"-m rbm_lib.course run --profile fast".split()]
        start = self.base / "elsewhere" if "elsewhere" in self.conditions else self.checkout
        pipe = subprocess.PIPE
        options = {"cwd": start, "env": self.environment(), "stdout": pipe, "stderr": pipe}
        return subprocess.Popen(command, encoding="utf-8", **options)

    def end(self, *runs):
        """Wait for runs that must end well and leave nothing. Returns what cells show."""
        for process in runs:
            printed, errors = process.communicate(timeout=3000)
            assert process.returncode == 0, printed + errors[-2000:]
        environments = (p.info["environ"] or {} for p in psutil.process_iter(["environ"]))
        assert not any(str(self.base) in x.get("TMPDIR", "") for x in environments)
        build = self.checkout / "build" / "notebooks"
        for path in build.glob("scores/*.json"):
            exercises = json.loads(path.read_text("utf-8"))["exercises"].values()
            assert all(x["points"] == x["max_points"] for x in exercises)
        copies = [
            nbformat.read(path, as_version=4) for path in sorted(build.glob("*.ipynb"))
        ]
        outputs = [
            x for copy in copies for _, cell in code_cells(copy) for x in cell.outputs
        ]
        texts = (x.get("text") or x.data.get("text/plain", "") for x in outputs)
        return [PASSING.sub("", text) for text in texts]


def run_course(base, conditions=(), lessons=LESSONS):
    for condition in conditions:
        if not works(condition):
            pytest.skip(f"{WALLS[condition][0]} is not allowed here")
    computer = Computer(base, conditions, lessons)
    before = computer.files()
    shown = computer.end(computer.start())
    changed = {name for name, _ in before ^ computer.files()}
    assert [name for name in sorted(changed) if not ALLOWED.fullmatch(name)] == []
    return shown


def test_lesson_00_runs_under_most_conditions_at_once(tmp_path):
    possible = [x for x in CONDITIONS if x != "locked home" and works(x)]
    assert run_course(tmp_path, possible, LESSONS[:1])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_course(tmp_path_factory.mktemp("plain"))


@pytest.mark.long
@pytest.mark.parametrize("condition", CONDITIONS)
def test_all_lessons_show_the_same_under_each_condition(tmp_path, condition, plain):
    assert run_course(tmp_path, [condition]) == plain


@pytest.mark.long
def test_cells_can_be_run_twice(tmp_path):
    computer = Computer(tmp_path)
    for path in (computer.checkout / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells for _ in range(2)]
        path.write_text(json.dumps(notebook), encoding="utf-8")
    computer.end(computer.start())


@pytest.mark.long
def test_two_runs_at_once_do_not_disturb_each_other(tmp_path, plain):
    computer = Computer(tmp_path)
    assert computer.end(computer.start(), computer.start()) == plain


@pytest.mark.long
def test_start_up_files_of_the_users_ipython_play_no_part(tmp_path):
    computer = Computer(tmp_path, lessons=LESSONS[:1])
    startup = Path(computer.base, "home/.ipython/profile_default/startup")
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import os; os._exit(1)", encoding="utf-8")
    assert computer.end(computer.start())
