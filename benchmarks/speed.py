"""What an update costs: against the bare matrix products it is made of, and against other libraries.

    make bench-peers                           once: learnergy and rbms, in an environment of their own
    make bench                                 table on standard output, figures to build/speed.json
    python benchmarks/speed.py --quick         the small case only, under a minute
    python benchmarks/speed.py --figure build/speed.json --output build/speed.png     bars of the ratios

Protocol. An update is one of CD-1 with Bernoulli units, float32, on the same random 0/1 rows for everybody.
Half of their values are on, so that machines that start at even odds stay there: in saturated ones numbers
get so small (denormal) that products take many times as long. Every contestant runs in a process of its own,
and is told when to run. A turn is one update that is not counted and then some that are; right before each
contestant's turn the floor takes one, and a ratio is of these two. The table shows the median over rounds of
the ratios, with their quartiles, and the same median for processor time (one thread): where other programs
take their share of the cores, time on the clock is partly theirs. Threads are set for torch and BLAS alike.
Peak memory is the process's largest resident size, with interpreter, libraries and data; beside it, what it
was before the first update.

    floor             five products into memory that is there already: v·W, h·Wᵀ, v'·W, vᵀ·h, v'ᵀ·h'
    rbm_lib           `fit` with its defaults (momentum .9), as it runs: rows picked, gradient, step
    plain loop        textbook code in PyTorch, without momentum; prints (so waits for) the error each time
    scikit-learn      BernoulliRBM.partial_fit (turns the rows into float64); and, in float32, what its `fit`
                      does per batch (`_fit`). Persistent chains, one sweep: the same five products
    learnergy         RBM.fit on one batch for one epoch; and, without its DataLoader and its
                      pseudo-likelihood, the update in there: gibbs_sampling, the difference of the mean
                      energies, backward, step of its SGD
    rbms              training_type "cd" of `training.pcd.train`, without its writing to disk: rows picked,
                      init_chains, fit_batch_pcd (centered=False, the cheaper one), step of its SGD

scikit-learn, learnergy and rbms sample the visible units; "× ours" compares them with rbm_lib doing so too.
Below the cases, each in a process of its own: an exact log Z, masked ratings of the shapes of MovieLens 1M
and 25M, and models of likes alone at that of 1M, from training to every score (not with --quick).
Figures from a busy machine are worth little: its load is noted before and after.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = (
    ROOT / "build/peers-venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
)
RATINGS = [
    (6040, 3706, 1_000_209),
    (162_541, 59_047, 25_000_095),
]  # users, items, ratings: MovieLens 1M, 25M
CASES = [(128, 784, 128), (512, 3706, 256), (1024, 10000, 512)]  # batch, visible, hidden
N_BATCHES = 4  # rows there are, in batches
TURN_SECONDS = (
    0.2,
    0.05,
)  # of the floor's turns, and with --quick; the others do as many updates
FLOOR, SAMPLED = "five bare products", "rbm_lib, sampled visible"
BARS = {
    "rbm_lib, mean visible": (1.25, 1.15),
    SAMPLED: (1.60, 1.40),
}  # at one thread: small case, others
IMPORT_BAR = 1.3


# ---- the contestants: each calls `turn` before every update, for ever -------------------------------------


def floor(case, data, device, turn):
    import torch

    batch, _, hidden = case
    v = torch.from_numpy(data[:batch]).to(device)
    w = torch.randn(v.shape[1], hidden, device=device) * 0.01
    h, v2, h2 = v @ w, v.clone(), v @ w
    positive, negative = torch.empty_like(w), torch.empty_like(w)
    while True:
        turn()
        torch.mm(v, w, out=h)
        torch.mm(h, w.T, out=v2)
        torch.mm(v2, w, out=h2)
        torch.mm(v.T, h, out=positive)
        torch.mm(v2.T, h2, out=negative)


def ours(sample_visible, case, data, device, turn):
    import torch

    from rbm_lib import CD, RBM, Monitor, fit

    batch, visible, hidden = case
    fit(
        RBM(visible, hidden, seed=0),
        torch.from_numpy(data),
        CD(sample_visible=sample_visible),
        epochs=10**9,
        batch_size=batch,
        schedule=lambda done: (turn(), 1.0)[1],
        callbacks=[Monitor(every=10**9)],
        generator=torch.Generator().manual_seed(0),
        device=device,
        progress=False,
    )


def plain_loop(case, data, device, turn):
    import torch

    batch, visible, hidden = case
    data = torch.from_numpy(data).to(device)
    w = torch.randn(visible, hidden, device=device) * 0.01
    b, c = torch.zeros(visible, device=device), torch.zeros(hidden, device=device)
    while True:
        for index in torch.randperm(len(data), device=device).split(batch):
            turn()
            v = data[index]
            p = torch.sigmoid(v @ w + c)
            v2 = torch.sigmoid(torch.bernoulli(p) @ w.T + b)
            p2 = torch.sigmoid(v2 @ w + c)
            w += 0.01 * (v.T @ p - v2.T @ p2) / batch
            b += 0.01 * (v - v2).mean(0)
            c += 0.01 * (p - p2).mean(0)
            print(((v - v2) ** 2).mean().item(), file=sys.stderr)


def scikit_learn(in_float32, case, data, device, turn):
    import numpy as np
    from sklearn.neural_network import BernoulliRBM

    batch, _, hidden = case
    model = BernoulliRBM(
        hidden, learning_rate=0.01, batch_size=batch, n_iter=1, random_state=0
    )
    if in_float32:
        model.fit(data[:batch])  # `fit` keeps float32, but starts afresh at each call
        generator = np.random.RandomState(0)
    while True:
        for start in range(0, len(data), batch):
            turn()
            rows = data[start : start + batch]
            if in_float32:
                model._fit(rows, generator)
            else:
                model.partial_fit(rows)


def learnergy(whole_fit, case, data, device, turn):
    import torch
    from learnergy.models.bernoulli import RBM

    batch, visible, hidden = case
    model = RBM(visible, hidden, steps=1, learning_rate=0.01, use_gpu=device == "cuda")
    data = torch.from_numpy(data)
    if whole_fit:
        parts = [
            torch.utils.data.TensorDataset(part, torch.zeros(batch))
            for part in data.split(batch)
        ]
        for part in itertools.cycle(parts):
            turn()
            model.fit(part, batch, 1)
    data = data.to(device)
    while True:
        for index in torch.randperm(len(data), device=device).split(batch):
            turn()
            samples = data[index]
            visible_states = model.gibbs_sampling(samples)[4].detach()
            cost = torch.mean(model.energy(samples)) - torch.mean(
                model.energy(visible_states)
            )
            model.optimizer.zero_grad()
            cost.backward()
            model.optimizer.step()


def rbms(case, data, device, turn):
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    batch, visible, hidden = case
    data, weights = (
        torch.from_numpy(data).to(device),
        torch.ones(len(data), 1, device=device),
    )
    start = torch.randn(visible, hidden) * 0.01, torch.zeros(visible), torch.zeros(hidden)
    params = BBRBM(*start, device=torch.device(device))
    params.init_grad()
    optimizer = torch.optim.SGD(params.parameters(), lr=0.01, maximize=True)
    with torch.no_grad():
        while True:
            turn()
            index = torch.randperm(len(data))[:batch]
            rows = data[index], weights[index]
            chains = params.init_chains(batch, weights=rows[1], start_v=rows[0])
            optimizer.zero_grad(set_to_none=False)
            fit_batch_pcd(rows, chains, params, gibbs_steps=1, beta=1.0, centered=False)
            optimizer.step()


CONTESTANTS = {
    FLOOR: floor,
    "rbm_lib, mean visible": partial(ours, False),
    SAMPLED: partial(ours, True),
    "plain loop, mean visible": plain_loop,
    "scikit-learn, float32": partial(scikit_learn, True),
    "scikit-learn, partial_fit": partial(scikit_learn, False),
    "learnergy, update": partial(learnergy, False),
    "learnergy, fit": partial(learnergy, True),
    "rbms": rbms,
}
PEERS = ("learnergy, update", "learnergy, fit", "rbms")  # in the environment of their own


# ---- the processes that run them --------------------------------------------------------------------------


def make_rows(case):
    """(N_BATCHES · batch, visible) float32 zeros and ones: the same ones in every process."""
    import numpy as np

    rows, generator = (
        np.empty((N_BATCHES * case[0], case[1]), np.float32),
        np.random.default_rng(0),
    )
    for row in rows:  # one by one: the peak memory shall not be that of making them
        row[:] = generator.random(len(row), np.float32) < 0.5
    return rows


def peak_memory():
    """Largest resident size of this process so far, MB; None where it is not known."""
    try:  # Linux: ru_maxrss would start from the size of the process that started this one
        return (
            int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1])
            / 1024
        )
    except (OSError, TypeError):
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 1024
    )


def versions():
    names = ("torch", "numpy", "scikit-learn", "learnergy", "rbms", "rbm-lib")
    loaded = [
        n
        for n in names
        if {"scikit-learn": "sklearn"}.get(n, n).replace("-", "_") in sys.modules
    ]
    return {name: importlib.metadata.version(name) for name in loaded}


def turns(hear, say, synchronize):
    """A generator to step before every update: waits for a number, lets one update pass, times that many."""
    say({"setup_mb": peak_memory(), "versions": versions()})
    while True:
        count = hear()
        yield
        synchronize()
        start = time.perf_counter(), time.process_time()
        for _ in range(count):
            yield
        synchronize()
        wall, own = time.perf_counter() - start[0], time.process_time() - start[1]
        say({"seconds": wall / count, "cpu_seconds": own / count, "peak_mb": peak_memory()})


def work(name, case, threads, device):
    """One contestant: numbers of updates come on standard input, JSON lines go to standard output."""
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
    CONTESTANTS[name](case, make_rows(case), device, turns(hear, say, synchronize).__next__)


def environment(threads):
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads))


class Worker:
    """A process with one contestant. `missing` says why there is none."""

    def __init__(self, name, case, threads, device, python):
        self.name, self.missing, self.process, self.last = name, None, None, {}
        if name.startswith("scikit") and device != "cpu":
            self.missing = "runs on the CPU only"
        elif not Path(python).exists():
            self.missing = "not installed: make bench-peers"
        if self.missing:
            return
        shape = "x".join(map(str, case))
        command = [
            str(python),
            __file__,
            "--worker",
            name,
            "--cases",
            shape,
            "--threads",
            str(threads),
        ]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*command, "--device", device], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, env=environment(threads),
        )  # fmt: skip

    def ready(self):
        """Wait until it is set up; what it says of itself then."""
        self.setup = {} if self.missing else self._heard()

    def _heard(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.errors.seek(0)
        self.missing = (
            "failed: " + (self.errors.read().strip().splitlines() or ["no message"])[-1]
        )
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

    def close(self):
        if self.process is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            self.process.wait()
            self.process.stdout.close()
            self.errors.close()
            self.process = None


# ---- sections: each returns what goes into the JSON, or None ----------------------------------------------


def measure_case(case, threads, device, repeats, peers_python, turn_seconds, names=None):
    """One case: the record with a row per contestant, as `summary` makes it."""
    names = names or list(CONTESTANTS)
    workers = []
    try:
        for name in names:
            python = peers_python if name in PEERS else sys.executable
            workers.append(Worker(name, case, threads, device, python))
        for worker in workers:
            worker.ready()
        first, others = workers[0], workers[1:]
        if first.missing:
            raise RuntimeError(f"{first.name}: {first.missing}")
        first.turn(1)
        count = min(200, max(1, round(turn_seconds / first.turn(5)[0])))
        for worker in workers:
            worker.turn(max(1, count // 4))
        pairs = {worker.name: [] for worker in others}
        order = random.Random(0)
        for _ in range(repeats):
            for worker in order.sample(others, len(others)):
                pair = first.turn(count), worker.turn(count)
                if None not in pair:
                    pairs[worker.name].append(pair)
        if first.missing:
            raise RuntimeError(f"{first.name}: {first.missing}")
        about = {}
        for worker in workers:
            if worker.missing:
                about[worker.name] = {"missing": worker.missing}
            else:
                memory = {
                    "peak_mb": worker.last["peak_mb"],
                    "setup_mb": worker.setup["setup_mb"],
                }
                about[worker.name] = memory | {"versions": worker.setup["versions"]}
    finally:
        for worker in workers:
            worker.close()
    settings = {
        "case": list(case),
        "threads": threads,
        "device": device,
        "repeats": repeats,
        "updates": count,
    }
    return settings | {"rows": summary(case, threads, device, pairs, about)}


def summary(case, threads, device, pairs, about):
    """Rows of one case.

    pairs: name → per round (the floor's, its own), each (seconds, processor seconds) per update.
    about: name → memory and versions, or {"missing": why}.
    """
    ratios = {
        name: [own[0] / floor[0] for floor, own in found] for name, found in pairs.items()
    }
    floors = [floor[0] for found in pairs.values() for floor, _ in found]
    rows = [
        {"name": FLOOR, "ms": 1e3 * statistics.median(floors), "ratio": 1.0} | about[FLOOR]
    ]
    for name, found in pairs.items():
        row = {"name": name} | about[name]
        rows.append(row)
        if "missing" in row:
            continue
        low, middle, high = statistics.quantiles(ratios[name], n=4, method="inclusive")
        row |= {"ms": 1e3 * statistics.median(own[0] for _, own in found)}
        row |= {"ratio": middle, "ratio_low": low, "ratio_high": high}
        if threads == 1 and device == "cpu":
            row["cpu_ratio"] = statistics.median(own[1] / floor[1] for floor, own in found)
        if (
            ratios.get(SAMPLED)
            and "missing" not in about[SAMPLED]
            and not name.startswith("rbm_lib")
        ):
            both = zip(ratios[name], ratios[SAMPLED], strict=True)
            row["times_ours"] = statistics.median(theirs / mine for theirs, mine in both)
        if name in BARS and threads == 1 and device == "cpu":
            row["bar"] = BARS[name][tuple(case) != CASES[0]]
    return rows


def import_time(repeats):
    """Seconds that importing torch and all of rbm_lib take in a fresh process, in turn; the median ratio."""
    code = "import time, sys; t = time.perf_counter(); import {}; t = time.perf_counter() - t; "
    code += "print(t, *sorted({{m.split('.')[0] for m in sys.modules}} - sys.stdlib_module_names))"

    def once(module):
        command = [sys.executable, "-c", code.format(module)]
        seconds, *modules = subprocess.check_output(
            command, text=True, env=environment(1)
        ).split()
        return float(seconds), set(modules)

    once("rbm_lib.recommend")  # the files are then in memory, and compiled
    found = [(once("torch"), once("rbm_lib.recommend")) for _ in range(repeats)]
    (_, without), (_, modules) = found[0]
    return {
        "repeats": repeats,
        "torch_seconds": statistics.median(torch for (torch, _), _ in found),
        "rbm_lib_seconds": statistics.median(own for _, (own, _) in found),
        "ratio": statistics.median(own / torch for (torch, _), (own, _) in found),
        "bar": IMPORT_BAR,
        "further_modules": sorted(
            name for name in modules - without if not name.startswith("_")
        ),
    }


def log_z(visible, hidden, threads=1):
    """Exact log Z of one machine, in a process of its own: seconds and peak memory."""
    command = [
        sys.executable,
        __file__,
        "--worker",
        "log_z",
        "--cases",
        f"1x{visible}x{hidden}",
    ]
    command += ["--threads", str(threads)]
    return json.loads(subprocess.check_output(command, text=True, env=environment(threads)))


def work_log_z(visible, hidden, threads):
    import torch

    from rbm_lib import RBM
    from rbm_lib.likelihood import exact_log_partition

    torch.set_num_threads(threads)
    model, before = RBM(visible, hidden, weight_std=0.1, seed=0), peak_memory()
    start = time.perf_counter()
    value = float(exact_log_partition(model))
    seconds = time.perf_counter() - start
    memory = {"seconds": seconds, "peak_mb": peak_memory(), "setup_mb": before}
    print(
        json.dumps(
            {"visible": visible, "hidden": hidden, "threads": threads, "log_z": value}
            | memory
        )
    )


def masked_ratings(shape, threads):
    """One epoch of masked CD-1 on invented ratings, and lists for everybody, in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--worker",
        "masked_ratings",
        "--cases",
        "x".join(map(str, shape)),
    ]
    return json.loads(
        subprocess.check_output(
            [*command, "--threads", str(threads)], text=True, env=environment(threads)
        )
    )


def make_ratings(n_users, n_items, n_ratings):
    """A RatingMatrix of likes and dislikes with long tails of users and items."""
    import numpy as np

    from rbm_lib.data import RatingMatrix

    generator = np.random.default_rng(0)
    active = np.cumsum(generator.lognormal(0, 1.3, n_users))
    known = np.cumsum(1 / np.arange(1, n_items + 1) ** 0.9)
    cell = np.empty(0, np.int64)
    while len(cell) < n_ratings:
        more = (n_ratings - len(cell)) * 5 // 4 + 1000
        user, item = (
            np.searchsorted(t, generator.random(more) * t[-1]) for t in (active, known)
        )
        cell = np.sort(np.concatenate([cell, user.astype(np.int64) * n_items + item]))
        cell = cell[np.concatenate([[True], np.diff(cell) > 0])]
    cell = generator.permutation(cell)[:n_ratings]
    ids = {"user_ids": np.arange(n_users), "item_ids": np.arange(n_items)}
    return RatingMatrix(
        cell // n_items, cell % n_items, generator.integers(0, 2, n_ratings), **ids
    )


def work_masked_ratings(n_users, n_items, n_ratings, threads, n_hidden=100):
    import torch

    from rbm_lib import RBM, fit
    from rbm_lib.recommend import top_n_unseen

    torch.set_num_threads(threads)
    ratings = make_ratings(n_users, n_items, n_ratings)
    model = RBM(n_items, n_hidden, "categorical", 2, seed=0).initialize_from(ratings)
    batch_size = max(100, n_users // 160)
    options = {"epochs": 1, "batch_size": batch_size, "progress": False, "device": "cpu"}
    fit(model, ratings.rows(slice(0, batch_size)), **options)  # not counted
    before, seconds = peak_memory(), []
    for task in (
        lambda: fit(model, ratings, **options),
        lambda: top_n_unseen(model, ratings, 20),
    ):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    record = {
        "users": n_users,
        "items": n_items,
        "ratings": n_ratings,
        "hidden": n_hidden,
        "threads": threads,
    }
    record |= {
        "batch": batch_size,
        "epoch_seconds": seconds[0],
        "ns_per_rating": seconds[0] / n_ratings * 1e9,
    }
    record |= {"top_20_seconds": seconds[1], "peak_mb": peak_memory(), "setup_mb": before}
    print(json.dumps(record))


LIKES_MODELS = ("popularity", "ItemKNN", "EASE", "iALS", "RBM")


def likes_only(shape, name, threads):
    """Scores for everybody by one of LIKES_MODELS, from likes alone, in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--worker",
        "likes " + name,
        "--cases",
        "x".join(map(str, shape)),
    ]
    return json.loads(
        subprocess.check_output(
            [*command, "--threads", str(threads)], text=True, env=environment(threads)
        )
    )


def work_likes_only(name, n_users, n_items, n_ratings, threads):
    import torch

    from rbm_lib import Recommender, baselines

    torch.set_num_threads(threads)
    models = {
        "popularity": baselines.Popularity(),
        "ItemKNN": baselines.ItemKNN(),
        "EASE": baselines.EASE(),
        "iALS": baselines.IALS(),
        "RBM": Recommender("rank"),
    }
    ratings = make_ratings(n_users, n_items, n_ratings)
    likes = ratings.keep(ratings.triples()[2] == 1)
    before = peak_memory()
    start = time.perf_counter(), time.process_time()
    scores = models[name].fit(likes).scores()
    wall, own = time.perf_counter() - start[0], time.process_time() - start[1]
    record = {
        "model": name,
        "users": n_users,
        "items": n_items,
        "likes": likes.n_ratings,
        "threads": threads,
    }
    record |= {"seconds": wall, "cpu_seconds": own, "mean_score": float(scores.mean())}
    print(json.dumps(record | {"peak_mb": peak_memory(), "setup_mb": before}))


def machine(device):
    """What it was measured on."""
    try:
        cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())[1]
    except (OSError, TypeError):
        cpu = platform.processor() or platform.machine()
    found = {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    if device == "cuda":
        code = "import torch; print(torch.cuda.get_device_name())"
        found["gpu"] = subprocess.check_output(
            [sys.executable, "-c", code], text=True
        ).strip()
    return found


def load():
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


# ---- table and figure -------------------------------------------------------------------------------------


def verdict(value, bar):
    return f"≤ {bar:.2f} {'met' if value <= bar else 'missed'}"


def case_table(record):
    """The table of one case, as text."""
    heads = "ms/update", "× floor", "quartiles", "CPU time", "× ours", "peak MB", "before"
    lines = [
        "batch {}, {} visible, {} hidden".format(*record["case"])
        + "; {device}, threads: {threads}; {repeats} rounds of {updates} updates".format(
            **record
        ),
        f"{'':26}" + "".join(f" {head:>11}" for head in heads) + "  bar",
    ]
    for row in record["rows"]:
        if "missing" in row:
            lines.append(f"{row['name']:26}   {row['missing']}")
            continue
        quartiles = (
            f"{row['ratio_low']:.2f}–{row['ratio_high']:.2f}" if "ratio_low" in row else ""
        )
        cells = [f"{row['ms']:.2f}", f"{row['ratio']:.2f}", quartiles]
        cells += [
            f"{row[key]:.2f}" if key in row else "" for key in ("cpu_ratio", "times_ours")
        ]
        cells += [
            "?" if row[key] is None else f"{row[key]:.0f}"
            for key in ("peak_mb", "setup_mb")
        ]
        bar = verdict(row["ratio"], row["bar"]) if "bar" in row else ""
        lines.append(
            (
                f"{row['name']:26}" + "".join(f" {cell:>11}" for cell in cells) + f"  {bar}"
            ).rstrip()
        )
    return "\n".join(lines)


def peak(found):
    size = (
        "?"
        if found["peak_mb"] is None
        else f"{found['peak_mb']:.0f} ({found['setup_mb']:.0f} before)"
    )
    return f"peak MB {size}"


def report(result):
    """Everything measured, as text."""
    about = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    used = {}
    for record in result["dense"]:
        for row in record["rows"]:
            used |= row.get("versions", {})
    parts = [
        about,
        ", ".join(f"{name} {version}" for name, version in sorted(used.items())),
    ]
    parts += [
        f"load before {result['load_before']}, after {result['load_after']} (of others and of this)"
    ]
    parts += ["\n" + case_table(record) for record in result["dense"]]
    if found := result["import"]:
        parts.append(
            f"\nimport: torch {found['torch_seconds']:.2f} s, rbm_lib {found['rbm_lib_seconds']:.2f} s, "
            f"ratio {found['ratio']:.2f} (bar {verdict(found['ratio'], found['bar'])}; pairs: "
            f"{found['repeats']}); packages beyond torch's: {', '.join(found['further_modules'])}"
        )
    if found := result["log_z"]:
        parts.append(
            f"exact log Z, {found['visible']} visible, {found['hidden']} hidden: {found['log_z']:.4f}, "
            f"{found['seconds']:.1f} s, {peak(found)}, threads: {found['threads']}"
        )
    for found in result["masked_ratings"]:
        parts.append(
            f"{found['ratings']:,} ratings of {found['users']:,} users and {found['items']:,} items, "
            f"{found['hidden']} hidden units: an epoch of masked CD-1 {found['epoch_seconds']:.1f} s, "
            f"{found['ns_per_rating']:.0f} ns a rating; 20 items for everybody "
            f"{found['top_20_seconds']:.0f} s; {peak(found)}, threads: {found['threads']}"
        )
    for found in result["likes_only"]:
        parts.append(
            f"{found['likes']:,} likes of {found['users']:,} users and {found['items']:,} items, "
            f"{found['model']}: trained and everything scored in {found['seconds']:.1f} s "
            f"(processor time {found['cpu_seconds']:.1f} s), {peak(found)}, threads: {found['threads']}"
        )
    return "\n".join(parts)


def draw(result, path):
    """Bars of the ratios to the floor, one panel per case, at the fewest threads measured."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from rbm_lib import plotting

    plotting.use_style()
    fewest = min(record["threads"] for record in result["dense"])
    records = [record for record in result["dense"] if record["threads"] == fewest]
    rows = [
        [row for row in record["rows"][1:] if "missing" not in row] for record in records
    ]
    names = [
        name
        for name in CONTESTANTS
        if any(row["name"] == name for part in rows for row in part)
    ]
    size = (3.1 * len(records) + 2.0, 0.34 * len(names) + 1.3)
    figure, axes = plt.subplots(1, len(records), figsize=size, squeeze=False, sharey=True)
    for axis, record, part in zip(axes[0], records, rows, strict=True):
        colours = ["blue" if row["name"].startswith("rbm_lib") else "" for row in part]
        bars = axis.barh(
            [names.index(row["name"]) for row in part], [row["ratio"] for row in part], height=0.65,
            color=[plotting.COLORS.get(colour, "#B8B8B8") for colour in colours],
        )  # fmt: skip
        axis.bar_label(bars, [f"{row['ratio']:.2f}" for row in part], padding=3, fontsize=9)
        axis.axvline(1, color=plotting.COLORS["red"], linewidth=1.2)
        axis.set_title(
            "{}, {}, {}".format(*record["case"])
            + (" (GPU)" if record["device"] == "cuda" else "")
        )
        axis.set_xlim(0, 1.2 * max(row["ratio"] for row in part))
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    where = f"{result['machine']['cpu']}, {fewest} thread{'s' * (fewest > 1)}"
    where += f"; GPU: {result['machine']['gpu']}" if "gpu" in result["machine"] else ""
    figure.suptitle("Cases: batch, visible, hidden units", fontsize=11, x=0.01, ha="left")
    figure.supxlabel(
        f"time of an update / time of its five matrix products ({where})", fontsize=10
    )
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


# ---- the command ------------------------------------------------------------------------------------------


def parse_case(text):
    sizes = text.split("x")
    if len(sizes) != 3 or not all(size.isdecimal() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected batch x visible x hidden, as 128x784x128"
        )
    return tuple(int(size) for size in sizes)


def find_device(device):
    if device != "auto":
        return device
    code = "import torch; print('cuda' if torch.cuda.is_available() else 'cpu')"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def measure(args):
    """Everything: the dict that goes into the JSON."""
    device, seconds = find_device(args.device), TURN_SECONDS[args.quick]
    result = {
        "format": 1,
        "machine": machine(device),
        "load_before": load(),
        "load_after": None,
        "dense": [],
    }
    for where in dict.fromkeys(["cpu", device]):
        for case, threads in itertools.product(
            args.cases, args.threads if where == "cpu" else [1]
        ):
            print(f"{case}, {where}, threads: {threads}", file=sys.stderr, flush=True)
            result["dense"].append(
                measure_case(case, threads, where, args.repeats, args.peers, seconds)
            )
    print("import, log Z", file=sys.stderr, flush=True)
    result["import"] = import_time(3 if args.quick else 11)
    result["log_z"] = log_z(784, 16 if args.quick else 22)
    print("masked ratings", file=sys.stderr, flush=True)
    shapes = RATINGS[:1] if args.quick else RATINGS
    result["masked_ratings"] = [
        masked_ratings(shape, max(args.threads)) for shape in shapes
    ]
    print("likes only", file=sys.stderr, flush=True)
    models = () if args.quick else LIKES_MODELS
    result["likes_only"] = [
        likes_only(RATINGS[0], name, max(args.threads)) for name in models
    ]
    return result | {"load_after": load()}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="small case, one thread, few rounds"
    )
    parser.add_argument(
        "--cases",
        type=parse_case,
        nargs="+",
        help="batch x visible x hidden, as 128x784x128",
    )
    parser.add_argument(
        "--repeats", type=int, help="rounds (default 9; quick 5); at least 2"
    )
    parser.add_argument("--threads", type=int, nargs="+", help="default 1 and 2; quick 1")
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="CUDA comes after the CPU",
    )
    parser.add_argument(
        "--peers", default=PEERS_PYTHON, help="the Python that has learnergy and rbms"
    )
    parser.add_argument(
        "--figure", type=Path, metavar="JSON", help="draw this result instead of measuring"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="default build/speed.json; with --figure, build/speed.png",
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    args.cases = args.cases or (CASES[:1] if args.quick else CASES)
    args.threads = args.threads or ([1] if args.quick else [1, 2])
    args.repeats = args.repeats or (5 if args.quick else 9)
    if args.repeats < 2:
        parser.error(f"--repeats: got {args.repeats}, expected at least 2.")
    if args.worker == "log_z":
        return work_log_z(*args.cases[0][1:], args.threads[0])
    if args.worker == "masked_ratings":
        return work_masked_ratings(*args.cases[0], args.threads[0])
    if args.worker and args.worker.startswith("likes "):
        return work_likes_only(
            args.worker.removeprefix("likes "), *args.cases[0], args.threads[0]
        )
    if args.worker:
        return work(args.worker, args.cases[0], args.threads[0], args.device)
    output = args.output or ROOT / "build" / ("speed.png" if args.figure else "speed.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    if args.figure:
        return draw(json.loads(args.figure.read_text(encoding="utf-8")), output)
    result = measure(args)
    output.write_text(
        json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(report(result))


if __name__ == "__main__":
    main()
