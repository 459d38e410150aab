"""The process of one contestant or one task, started by `processes`.

A task prints its record as JSON. A contestant gets numbers of updates on standard input, a
line each, and prints a line of JSON for each.
"""

import argparse
import json
import os
import sys
import time

from benchmarks.speed.contestants import CONTESTANTS
from benchmarks.speed.machine import peak_memory, versions
from benchmarks.speed.tasks import TASKS

N_BATCHES = 4  # rows there are, in batches


def make_rows(case):
    """(N_BATCHES · batch, visible) zeros and ones, the same in every process."""
    import numpy as np

    batch, visible, _ = case
    rows = np.empty((N_BATCHES * batch, visible), np.float32)
    generator = np.random.default_rng(0)
    for row in rows:  # one by one: the peak memory shall not be that of making them
        row[:] = generator.random(len(row), np.float32) < 0.5
    return rows


def turns(hear, say, synchronize):
    """A generator to step before every update.

    It waits for a number, lets one update pass, and times that many.
    """
    say({"setup_mb": peak_memory(), "versions": versions()})
    while True:
        count = hear()
        yield
        synchronize()
        start = time.perf_counter()
        start_cpu = time.process_time()
        for _ in range(count):
            yield
        synchronize()
        seconds = (time.perf_counter() - start) / count
        cpu_seconds = (time.process_time() - start_cpu) / count
        say({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_memory()})


def run_contestant(name, case, threads, device):
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes elsewhere

    def say(message):
        print(json.dumps(message), file=out, flush=True)

    def hear():
        line = sys.stdin.readline()
        if not line:
            sys.exit()
        return int(line)

    def synchronize():
        if device == "cuda":
            sys.modules["torch"].cuda.synchronize()

    if not name.startswith("scikit"):  # which should not pay memory for it
        import torch

        torch.set_num_threads(threads)
    turn = turns(hear, say, synchronize).__next__
    CONTESTANTS[name](case, make_rows(case), device, turn)


def run_task(name, sizes, threads):
    import torch

    torch.set_num_threads(threads)
    print(json.dumps(TASKS[name](*sizes, threads)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.name in TASKS:
        run_task(args.name, args.sizes, args.threads)
    else:
        run_contestant(args.name, tuple(args.sizes), args.threads, args.device)


if __name__ == "__main__":
    main()
