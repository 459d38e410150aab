"""Faults at random moments of a training, for test_checkpoint.py.

    python -m tests.training.kill_cases FOLDER FAULT TIMES

Starts a child that trains with a checkpoint in FOLDER, looks at what a fault leaves, and
lets the next one go on. FAULT: "kill", "interrupt" (as by Ctrl-C) or "full disk" (from a
random epoch on no file may grow beyond a random size). Prints as JSON how often it struck,
how often while saving, and how often something was wrong.
"""

import json
import math
import multiprocessing
import random
import resource
import signal
import sys
from collections import Counter
from pathlib import Path

import torch

from rbm_lib import PCD, RBM, Checkpoint, fit
from rbm_lib.training.saving import read_checkpoint

EPOCHS = 60
DONE, WRONG, STOPPED, FULL, KILLED = 0, 1, 2, 3, -signal.SIGALRM  # how a child ends


def train(path, full_from=EPOCHS, room=0):
    """Go on with a training; from an epoch on a file has only so much room."""

    def schedule(done):
        if done * EPOCHS > full_from:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        return 1.0

    model, generator = RBM(12, 6, seed=0).double(), torch.Generator().manual_seed(1)
    v = (torch.rand(40, 12, generator=generator) < 0.3).double()
    options = {"epochs": EPOCHS, "batch_size": 16, "lr": 0.05, "generator": generator}
    options |= {"checkpoint": Checkpoint(path, resume=True), "progress": False}
    history = fit(model, v, PCD(n_chains=8), schedule=schedule, **options)
    return [p.tolist() for p in model.parameters()], history.records, history.interrupted


def child(expected, path, fault, moment, room):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing then fails as on a full disk
    if fault == "interrupt":
        signal.signal(signal.SIGALRM, signal.default_int_handler)
    if fault != "full disk":
        signal.setitimer(signal.ITIMER_REAL, 0.3 * moment)
    try:
        end = train(path, EPOCHS * moment if fault == "full disk" else EPOCHS, room)
    except KeyboardInterrupt:  # it had not begun
        sys.exit(STOPPED)
    except OSError as error:
        sys.exit(FULL if error.strerror == "File too large" else WRONG)
    sys.exit(STOPPED if end[-1] else not alike(end, expected))


def alike(end, expected):
    """Parameters and records of two processes, to the rounding of float64."""
    if not isinstance(end, list | tuple | dict):
        return math.isclose(end, expected, rel_tol=1e-9, abs_tol=1e-12)
    if len(end) != len(expected):
        return False
    keys = end if isinstance(end, dict) else range(len(end))
    return all(alike(end[key], expected[key]) for key in keys)


if __name__ == "__main__":
    path, fault, times = Path(sys.argv[1], "run.pt"), sys.argv[2], int(sys.argv[3])
    # A fork would share tqdm's lock, which a child that is killed may leave locked.
    multiprocessing.set_start_method("spawn")
    expected, rng, count, epoch = train(path), random.Random(0), Counter(), EPOCHS
    while count["struck"] < times:
        if epoch == EPOCHS:
            path.unlink()
            epoch = 0
        arguments = (expected, path, fault, rng.random(), rng.randrange(5000))
        process = multiprocessing.Process(target=child, args=arguments)
        process.start()
        process.join()  # the test has a time limit
        end, before = process.exitcode, epoch
        parts = [file for file in path.parent.iterdir() if file != path]
        epoch = read_checkpoint(path)[1]["training"]["epoch"] if path.exists() else 0
        count["struck"] += end != DONE
        count["saving"] += end == FULL or bool(parts)
        count["wrong end"] += end not in (DONE, STOPPED, FULL, KILLED)
        count["left over"] += bool(parts) and end != KILLED
        count["epochs lost"] += epoch < before
        for part in parts:
            part.unlink()
    count["wrong end"] += not alike(train(path), expected)
    print(json.dumps(count))
