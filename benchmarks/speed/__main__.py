"""What an update costs, beside bare matrix products and other libraries.

    make bench-peers      once: learnergy and rbms, in an environment of their own
    make bench            table on standard output, numbers to build/speed.json
    python -m benchmarks.speed --quick      the small case only, under a minute
    python -m benchmarks.speed --figure build/speed.json --output build/speed.png
                                            bars of the ratios

Protocol. An update is one of CD-1 with Bernoulli units, float32, on the same random 0/1
rows for everybody. Half of their values are on, so that machines that start at even odds
stay there: in saturated ones numbers get so small (denormal) that products take many
times as long. Every contestant runs in a process of its own, and is told when to run. A
turn is one update that is not counted and then some that are; right before each
contestant's turn the floor takes one, and a ratio is of these two. The table shows the
median over rounds of the ratios, with their quartiles, and the same median for processor
time (one thread): where other programs take their share of the cores, time on the clock
is partly theirs. Threads are set for torch and BLAS alike. Peak memory is the process's
largest resident size, with interpreter, libraries and data; beside it, what it was before
the first update.

    floor             five products into memory that is there already:
                      v·W, h·Wᵀ, v'·W, vᵀ·h, v'ᵀ·h'
    rbm_lib           `fit` with its defaults (momentum .9), as it runs: rows picked,
                      gradient, step
    plain loop        textbook code in PyTorch, without momentum; prints (so waits for) the
                      error each time
    scikit-learn      BernoulliRBM.partial_fit (turns the rows into float64); and, in
                      float32, what its `fit` does per batch (`_fit`). Persistent
                      chains, one sweep: the same five products
    learnergy         RBM.fit on one batch for one epoch; and, without its DataLoader and
                      its pseudo-likelihood, the update in there: gibbs_sampling, the
                      difference of the mean energies, backward, step of its SGD
    rbms              training_type "cd" of `training.pcd.train`, without its writing to
                      disk: rows picked, init_chains, fit_batch_pcd (centered=False, the
                      cheaper one), step of its SGD

scikit-learn, learnergy and rbms sample the visible units; "× ours" compares them with
rbm_lib doing so too.

Below the cases, each in a process of its own and with one thread: an exact log Z; an epoch
of masked ratings of the shapes of MovieLens 1M and 25M; updates from the rated cells alone
over those from dense rows, by the share of cells that is rated; models of likes alone at
the shape of 1M, from training to every score; and the part of a training with defaults
that early stopping takes (only the first of these with --quick). Likes are of users who
share tastes, so that a model can learn. Numbers from a busy machine are worth little: its
load is noted before and after.
"""

import argparse
import itertools
import json
import os
import sys
from pathlib import Path

from benchmarks.speed.checking import CHECKED, checking, rated_cells
from benchmarks.speed.figure import draw
from benchmarks.speed.machine import find_device, load, machine
from benchmarks.speed.processes import ROOT
from benchmarks.speed.report import report
from benchmarks.speed.tasks import (
    LIKES,
    LIKES_MODELS,
    RATINGS,
    import_time,
    likes_only,
    log_z,
    masked_ratings,
)
from benchmarks.speed.updates import CASES, measure_case

IN_VENV = "Scripts/python.exe" if os.name == "nt" else "bin/python"
PEERS_PYTHON = ROOT / "build/peers-venv" / IN_VENV

# Of the floor's turns; the others do as many updates.
TURN_SECONDS = 0.2
QUICK_TURN_SECONDS = 0.05


def main(arguments=None):
    args = parse(arguments)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    if args.figure:
        draw(json.loads(args.figure.read_text(encoding="utf-8")), args.output)
        return
    result = measure(args)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    args.output.write_text(f"{text}\n", encoding="utf-8")
    print(report(result))


def measure(args):
    """Everything: the dict that goes into the JSON."""
    device = find_device(args.device)
    result = {
        "format": 1,
        "machine": machine(device),
        "load_before": load(),
        "load_after": None,
        "dense": measure_cases(args, device),
    }
    log("import, log Z")
    result["import"] = import_time(3 if args.quick else 11)
    result["log_z"] = log_z(784, 16 if args.quick else 22)
    log("masked ratings")
    shapes = RATINGS[:1] if args.quick else RATINGS
    result["masked_ratings"] = [masked_ratings(shape, 1) for shape in shapes]
    result["rated_cells"] = None if args.quick else rated_cells(500, 3706, 100)
    log("likes only")
    models = () if args.quick else LIKES_MODELS
    result["likes_only"] = [likes_only(LIKES, name, 1) for name in models]
    log("early stopping")
    trainings = () if args.quick else CHECKED
    result["checking"] = [checking(*training, 1) for training in trainings]
    result["load_after"] = load()
    return result


def measure_cases(args, device):
    """The records of all cases: on the CPU at all numbers of threads, then on the card."""
    runs = [("cpu", *run) for run in itertools.product(args.cases, args.threads)]
    if device != "cpu":
        runs += [(device, case, 1) for case in args.cases]
    seconds = QUICK_TURN_SECONDS if args.quick else TURN_SECONDS
    records = []
    for where, case, threads in runs:
        log(f"{case}, {where}, threads: {threads}")
        records.append(
            measure_case(case, threads, where, args.repeats, args.peers, seconds)
        )
    return records


def log(text):
    print(text, file=sys.stderr, flush=True)


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    sizes = "batch x visible x hidden, as 128x784x128"
    add("--quick", action="store_true", help="small case, one thread, few rounds")
    add("--cases", type=parse_case, nargs="+", help=sizes)
    add("--repeats", type=int, help="rounds (default 9; quick 5); at least 2")
    add("--threads", type=int, nargs="+", help="default 1 and 2; quick 1")
    devices = ["auto", "cpu", "cuda"]
    add("--device", choices=devices, default="auto", help="CUDA comes after the CPU")
    peers = "the Python that has learnergy and rbms"
    add("--peers", type=Path, default=PEERS_PYTHON, help=peers)
    figure = "draw this result instead of measuring"
    add("--figure", type=Path, metavar="JSON", help=figure)
    output = "default build/speed.json; with --figure, build/speed.png"
    add("--output", type=Path, help=output)

    args = parser.parse_args(arguments)
    args.cases = args.cases or (CASES[:1] if args.quick else CASES)
    args.threads = args.threads or ([1] if args.quick else [1, 2])
    args.repeats = args.repeats or (5 if args.quick else 9)
    if args.repeats < 2:
        parser.error(f"--repeats: got {args.repeats}, expected at least 2.")
    name = "speed.png" if args.figure else "speed.json"
    args.output = args.output or ROOT / "build" / name
    return args


def parse_case(text):
    sizes = text.split("x")
    if len(sizes) != 3 or not all(size.isdecimal() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected batch x visible x hidden, as 128x784x128"
        )
    return tuple(int(size) for size in sizes)


if __name__ == "__main__":
    main()
