"""Processes of their own for contestants and tasks, seen from the one that starts them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.machine import environment

ROOT = Path(__file__).resolve().parents[2]  # there `python -m benchmarks.…` works


def command(python, name, sizes, threads, device="cpu"):
    """The command of a `worker`."""
    options = ["--threads", str(threads), "--device", device]
    start = [str(Path(python).absolute()), "-m", "benchmarks.speed.worker"]
    return [*start, name, *map(str, sizes), *options]


def alone(task, sizes, threads):
    """What a task gives that runs in a process of its own."""
    printed = subprocess.check_output(
        command(sys.executable, task, sizes, threads),
        text=True,
        cwd=ROOT,
        env=environment(threads),
    )
    return json.loads(printed)


class Worker:
    """A process with one contestant. `missing` says why there is none."""

    def __init__(self, name, case, threads, device, python):
        self.name = name
        self.missing = None
        self.process = None
        self.last = {}
        if name.startswith("scikit") and device != "cpu":
            self.missing = "runs on the CPU only"
        elif not Path(python).exists():
            self.missing = "not installed: make bench-peers"
        if self.missing:
            return
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command(python, name, case, threads, device),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=ROOT,
            env=environment(threads),
        )

    def ready(self):
        """Wait until it is set up; what it says of itself then."""
        self.setup = {} if self.missing else self._heard()

    def _heard(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.errors.seek(0)
        errors = self.errors.read().strip().splitlines() or ["no message"]
        self.missing = f"failed: {errors[-1]}"
        self.close()
        return {}

    def turn(self, count):
        """(seconds, processor seconds) per update, or None where the process has ended."""
        if self.missing:
            return None
        try:
            print(count, file=self.process.stdin, flush=True)
        except BrokenPipeError:  # it ended after its last word; the reading below says why
            pass
        self.last = self._heard() or self.last
        return None if self.missing else (self.last["seconds"], self.last["cpu_seconds"])

    def about(self):
        """Its memory and versions, or why there are none."""
        if self.missing:
            return {"missing": self.missing}
        return {
            "peak_mb": self.last["peak_mb"],
            "setup_mb": self.setup["setup_mb"],
            "versions": self.setup["versions"],
        }

    def close(self):
        if self.process is None:
            return
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.process = None
