"""One case: rounds of updates by all contestants, and the rows of its table."""

import random
import statistics
import sys

from benchmarks.speed.contestants import CONTESTANTS, FLOOR, PEERS, SAMPLED
from benchmarks.speed.processes import Worker

# (batch, visible, hidden)
CASES = [(128, 784, 128), (512, 3706, 256), (1024, 10000, 512)]

# What a ratio may be at one thread: in the small case, and in the others.
BARS = {"rbm_lib, mean visible": (1.25, 1.15), SAMPLED: (1.60, 1.40)}


def measure_case(case, threads, device, repeats, peers_python, turn_seconds, names=None):
    """The record of a case, with a row per contestant, as `summary` makes it."""
    workers = []
    try:
        for name in names or CONTESTANTS:
            python = peers_python if name in PEERS else sys.executable
            workers.append(Worker(name, case, threads, device, python))
        for worker in workers:
            worker.ready()
        count = updates_per_turn(workers[0], turn_seconds)
        pairs = rounds(workers, count, repeats)
        about = {worker.name: worker.about() for worker in workers}
    finally:
        for worker in workers:
            worker.close()
    return {
        "case": list(case),
        "threads": threads,
        "device": device,
        "repeats": repeats,
        "updates": count,
        "rows": summary(case, threads, device, pairs, about),
    }


def updates_per_turn(floor, turn_seconds):
    """As many as take the floor so long."""
    require(floor)
    floor.turn(1)
    return min(200, max(1, round(turn_seconds / floor.turn(5)[0])))


def rounds(workers, count, repeats):
    """{name: for each round the times of (the floor, the contestant right after it)}."""
    floor, *others = workers
    for worker in workers:
        worker.turn(max(1, count // 4))
    pairs = {worker.name: [] for worker in others}
    order = random.Random(0)
    for _ in range(repeats):
        for worker in order.sample(others, len(others)):
            pair = floor.turn(count), worker.turn(count)
            if None not in pair:
                pairs[worker.name].append(pair)
    require(floor)
    return pairs


def require(worker):
    if worker.missing:
        raise RuntimeError(f"{worker.name}: {worker.missing}")


def summary(case, threads, device, pairs, about):
    """Rows of one case.

    pairs: name → per round (the floor's, its own), each (seconds, processor seconds) per
    update. about: name → memory and versions, or {"missing": why}.
    """
    floors = [floor[0] for found in pairs.values() for floor, _ in found]
    ratios = {name: over_floor(found) for name, found in pairs.items()}
    ours = ratios.get(SAMPLED)
    if "missing" in about.get(SAMPLED, {}):
        ours = None
    one_thread = threads == 1 and device == "cpu"
    first = {"name": FLOOR, "ms": 1e3 * statistics.median(floors), "ratio": 1.0}
    rows = [first | about[FLOOR]]
    for name, found in pairs.items():
        row = {"name": name} | about[name]
        rows.append(row)
        if "missing" in row:
            continue
        low, middle, high = statistics.quantiles(ratios[name], n=4, method="inclusive")
        row["ms"] = 1e3 * statistics.median(own[0] for _, own in found)
        row |= {"ratio": middle, "ratio_low": low, "ratio_high": high}
        if one_thread:
            row["cpu_ratio"] = statistics.median(over_floor(found, 1))
        if ours and not name.startswith("rbm_lib"):
            both = zip(ratios[name], ours, strict=True)
            row["times_ours"] = statistics.median(theirs / own for theirs, own in both)
        if name in BARS and one_thread:
            small, others = BARS[name]
            row["bar"] = small if tuple(case) == CASES[0] else others
    return rows


def over_floor(pairs, clock=0):
    """The ratios of each round, on the clock, or (1) in processor time."""
    return [own[clock] / floor[clock] for floor, own in pairs]
