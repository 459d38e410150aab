"""Every lesson under conditions that its author does not have, and no file outside data/ and build/.

Each run has a machine of its own: a folder with a copy of the checkout, a home, a folder for temporary files
and one to start in. What is in it is listed before and after. `make test` has one lesson, under most
conditions at once; `make test-long` has them all, as many at a time as there are cores.
"""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_cells.py")
LESSONS = sorted(path.stem[:2] for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are made with Linux's tools")

# What others write, wherever their users are: no more than this, and nothing by the lessons or the library.
OTHERS = re.compile(
    r"(.*/)?__pycache__(/.*)?"  # Python: what it imported
    r"|home/\.ipython(/profile_default(/(log|pid|security|startup(/README)?))?)?"  # IPython: an empty profile
    r"|home/\.config(/matplotlib)?|home/\.cache(/matplotlib(/fontlist-.*\.json)?)?"  # matplotlib: its fonts
    r"|tmp/torchinductor_\w+"  # torch: an empty folder
    r"|jupyter/.*"  # where a condition sends Jupyter and IPython
)
MEANT = re.compile(r"course 1/(data|build)(/.*)?")

# Programs that put a wall around the command that follows. Permissions hold root without this capability.
HELD = ["setpriv", "--bounding-set=-dac_override"] if getattr(os, "getuid", lambda: 1)() == 0 else []
NOBODY = "mount --bind /dev/null /etc/passwd && mount --bind /dev/null /etc/nsswitch.conf"
WALLS = {
    "offline": ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"],
    "nobody": ["unshare", "-m", "sh", "-c", f'{NOBODY} && exec "$@"', "sh"],
    "read-only data": HELD,
    "locked home": HELD,
}
PLACES = ["elsewhere", "offline", "read-only data", "non-ASCII path", "no home", "nobody", "locked home"]


@functools.cache
def works(wall):
    """Whether this system lets us build that wall: `unshare` wants root, or containers that allow it."""
    try:
        return subprocess.run([*WALLS[wall], "true"], capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


class Machine:
    """A learner's computer in the folder `base`, with some of PLACES for conditions."""

    def __init__(self, base, conditions=(), lessons=LESSONS):
        self.base = Path(base) / ("Übung äß 日本" if "non-ASCII path" in conditions else "user")
        self.checkout, self.elsewhere = self.base / "course 1", self.base / "elsewhere"
        for name in ("rbm_lib", "notebooks"):
            hidden = shutil.ignore_patterns(".*", "__pycache__")
            shutil.copytree(ROOT / name, self.checkout / name, ignore=hidden)
        for path in (self.checkout / "notebooks").glob("*.ipynb"):
            if path.stem[:2] not in lessons:
                path.unlink()
        shutil.copy(ROOT / "pyproject.toml", self.checkout)
        for folder in ("elsewhere", "home", "tmp", "jupyter", "locked", "course 1/data"):
            (self.base / folder).mkdir(parents=True)
        self.conditions = conditions
        self.wall = [word for name in conditions for word in WALLS.get(name, ())]
        if "read-only data" in conditions:
            (self.checkout / "data").chmod(0o555)
        (self.base / "locked").chmod(0o555)

    def environment(self):
        """No setting of the tester's; nothing is ever downloaded."""
        names = "RBM_ XDG_ JUPYTER IPYTHON PYTHON MPL COV PYTEST LC_ LANG HOME USER LOGNAME TMPDIR".split()
        env = {k: v for k, v in os.environ.items() if not k.startswith(tuple(names))}
        env |= {"RBM_PROFILE": "fast", "RBM_HEADLESS": "1", "OMP_NUM_THREADS": "1"}
        env |= {"TMPDIR": str(self.base / "tmp"), "PYTHONPATH": str(self.checkout)}
        env |= {"HOME": str(self.base / "home"), "https_proxy": "http://127.0.0.1:9"}  # no server there
        if "offline" in self.conditions:  # a lesson must find out by itself
            del env["https_proxy"]
        elif "read-only data" not in self.conditions:  # there it must try to write
            env["RBM_OFFLINE"] = "1"
        if "non-ASCII path" in self.conditions:
            env["LC_ALL"] = "C"
        if {"no home", "nobody"} & set(self.conditions):
            del env["HOME"]
        if "locked home" in self.conditions:
            env["HOME"] = str(self.base / "locked" / "home")
        return env

    def start(self, *arguments, **more):
        """A Python program in this machine, behind its walls."""
        where = self.elsewhere if "elsewhere" in self.conditions else self.checkout / "notebooks"
        command = [*self.wall, sys.executable, *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = self.environment() | more
        return subprocess.Popen(command, cwd=where, env=env, encoding="utf-8", **pipes)

    def start_lesson(self, lesson, how="once"):
        """Its cells, through run_cells.py."""
        folder = self.elsewhere if "elsewhere" in self.conditions else self.checkout / "notebooks"
        notebook = next((self.checkout / "notebooks").glob(f"{lesson}_*.ipynb"))
        own = {}
        if {"no home", "nobody", "locked home"} & set(self.conditions):
            # Jupyter itself asks for a home, or for these; what is tested is the lesson.
            names = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
            own = dict.fromkeys(names, str(self.base / "jupyter"))
        return self.start(RUNNER, notebook, folder, how, **own)

    def files(self):
        """Path → what changes when it is written to, of everything in this machine."""
        below = ((path, path.lstat()) for path in self.base.rglob("*"))
        return {
            path.relative_to(self.base).as_posix(): path.is_dir() or (about.st_mtime_ns, about.st_size)
            for path, about in below
        }

    def points(self):
        """(points, most) of each exercise that was checked."""
        scores = [json.loads(path.read_text("utf-8")) for path in self.checkout.glob("build/**/*.json")]
        return [(e["points"], e["max_points"]) for score in scores for e in score["exercises"].values()]

    def processes(self):
        """Those that are still at work in here."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.base) in process.environ().get("TMPDIR", ""):
                    found.append(process)
        return psutil.wait_procs(found, timeout=10)[1]


@contextlib.contextmanager
def machine(*conditions, lessons=LESSONS):
    """A Machine; when it is done with, nothing must be left of it but what is meant to be."""
    with tempfile.TemporaryDirectory(prefix="rbm-conditions-") as folder:
        made = Machine(folder, conditions, lessons)
        before = made.files()
        yield made
        after = made.files()
        left = [p for p in before.keys() | after.keys() if before.get(p) != after.get(p)]
        assert sorted(p for p in left if not (OTHERS.fullmatch(p) or MEANT.fullmatch(p))) == []
        assert [process.cmdline() for process in made.processes()] == []
        points = made.points()
        assert points and all(got == most for got, most in points)


def result(process):
    """What a program printed; it ended well."""
    out, err = process.communicate(timeout=3000)
    assert process.returncode == 0, err[-2000:]
    return out


def executions(process):
    """What run_cells.py reports: all cells, and no error but in a cell that was interrupted."""
    done = json.loads(result(process))
    assert [e for e in done if e[1] and not e[3]] == []
    return done


def outputs(done):
    """What the cells showed, in order."""
    return [shown for _, _, shown, _ in done]


TOGETHER = [place for place in PLACES if place != "locked home" and (place not in WALLS or works(place))]


def run_lesson(lesson, condition):
    """The executions of a lesson's cells in one of these conditions."""
    places = {"all but locked home": TOGETHER, "locked home": ["locked home"]}.get(condition, [])
    how = condition if condition in ("twice", "interrupted") else "once"
    with machine(*places) as made:
        started = [made.start_lesson(lesson, how) for _ in range(2 if condition == "two at once" else 1)]
        done = [executions(process) for process in started]
        assert outputs(done[0]) == outputs(done[-1])
        return done[0]


@pytest.fixture(scope="session")
def runs(request):
    """(lesson, condition) → the Future of its run, of the tests that were chosen; "once" is always there."""
    chosen = [i.callspec.params for i in request.session.items if "runs" in getattr(i, "fixturenames", ())]
    wanted = [(x["lesson"], condition) for x in chosen for condition in ("once", x["condition"])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {run: pool.submit(run_lesson, *run) for run in dict.fromkeys(wanted)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.long
@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("condition", ["all but locked home", "locked home", "two at once"])
def test_a_lesson_shows_the_same_again(lesson, condition, runs):
    if condition in WALLS and not works(condition):
        pytest.skip(f"{WALLS[condition][0]} is not allowed here")
    assert outputs(runs[lesson, condition].result()) == outputs(runs[lesson, "once"].result())


@pytest.mark.long
@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("condition", ["twice", "interrupted"])
def test_a_lesson_goes_on(lesson, condition, runs):
    """What these cells show may differ: where they share a generator, it goes on."""
    once, done = runs[lesson, "once"].result(), runs[lesson, condition].result()
    assert [number for number, *_ in once] == sorted({number for number, *_ in done})
    assert len(done) == 2 * len(once) if condition == "twice" else any(stopped for *_, stopped in done)


@pytest.mark.long
def test_different_lessons_at_once():
    with machine() as made:
        for process in [made.start_lesson(lesson) for lesson in ("02", "03", "04")]:
            executions(process)


@pytest.mark.parametrize(
    "conditions",
    [pytest.param(TOGETHER, id="all but locked home")]
    + [pytest.param([place], id=place, marks=pytest.mark.long) for place in PLACES],
)
def test_the_course_runs_from_the_command_line(conditions):
    for wall in set(conditions) & set(WALLS):
        if not works(wall):
            pytest.skip(f"{WALLS[wall][0]} is not allowed here")
    with machine(*conditions, lessons=LESSONS[:1]) as made:
        assert result(made.start("-m", "rbm_lib.course", "run")).count(" ok\n") == 1


@pytest.mark.long
def test_two_runs_of_the_course_at_once():
    with machine(lessons=LESSONS[:1]) as made:
        for run in [made.start("-m", "rbm_lib.course", "run") for _ in range(2)]:
            assert result(run).count(" ok\n") == 1


@pytest.mark.long
def test_start_up_files_of_the_user_s_ipython_play_no_part(tmp_path):
    made = Machine(tmp_path, lessons=LESSONS[:1])
    startup = made.base / "home/.ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import os; os._exit(1)", encoding="utf-8")
    assert result(made.start("-m", "rbm_lib.course", "run")).count(" ok\n") == 1


PROBES = {
    "offline": ("import socket; socket.create_connection(('192.0.2.1', 9), timeout=20)", "OSError"),
    "nobody": ("import pathlib; pathlib.Path.home()", "RuntimeError"),
    "read-only data": ("open('../data/file', 'w')", "PermissionError"),
    "locked home": ("import os; os.makedirs(os.environ['HOME'])", "PermissionError"),
}


@pytest.mark.parametrize("wall", WALLS)
def test_the_walls_stand(wall, tmp_path):
    if not works(wall):
        pytest.skip(f"{WALLS[wall][0]} is not allowed here")
    code, error = PROBES[wall]
    process = Machine(tmp_path, [wall]).start("-c", code)
    assert error in process.communicate(timeout=60)[1].splitlines()[-1]
