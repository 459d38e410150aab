"""Trainings as one process does them, and as several do: for test_distributed.py.

Each of several processes trains every case, given another start and other noise than the
others, and writes its parameters to a folder. In the mode `kill` one of them kills itself
in a training; in the mode `unlike` each is given other arguments. What a process is told
then goes to the folder too.
"""

import json
import os
import signal

import numpy as np
import torch
import torch.distributed as dist

from rbm_lib import CD, PCD, Exact, Monitor, RatingMatrix, fit
from rbm_lib.training import ItemMeanDecay
from rbm_lib.training.distributed import ProcessLost
from tests.support import random_dbm, random_mask, random_rbm, random_rows, seeded

N = 13  # rows, in batches of 6: of the last, of one row, one of two processes has none
QUIET = {"progress": False, "device": "cpu", "callbacks": [Monitor(every=10**9)]}
RANK = np.arange(8)  # of ratings, of which most people have none
IDS = {"user_ids": range(N), "item_ids": range(4)}
RATED = {"data": RatingMatrix(RANK**2 % N, RANK % 4, RANK % 3, n_levels=3, **IDS)}
MASKED = {"observed": random_mask(N, 4)}
ADAM = {"optimizer": torch.optim.Adam}
SLOW = {"lr": 0.01}
CASES = {  # a model, by a function and its type of units, a method, and what `fit` is given
    "cd": (random_rbm, "bernoulli", CD(2), {"weight_decay": 0.1}),
    "masks, Adam": (random_rbm, "categorical", CD(), MASKED | ADAM),
    "item mean": (random_rbm, "bernoulli", CD(), {"weight_decay": ItemMeanDecay(0.1)}),
    "pcd": (random_rbm, "gaussian", PCD(2, n_chains=7), SLOW),
    "pcd, masks": (random_rbm, "mixed", PCD(), SLOW | MASKED),
    "exact": (random_rbm, "bernoulli", Exact(), {}),
    "deep": (random_dbm, "bernoulli", PCD(2, posterior="gibbs"), SLOW),
    "deep gaussian": (random_dbm, "gaussian", PCD(n_chains=5), SLOW),
    "rated cells": (random_rbm, "categorical", CD(2, sample_visible=True), RATED),
}


def train(name, seed=0, **more):
    """The parameters after a training; a seed of its noise other than 0 moves its start."""
    make, visible, method, options = CASES[name]
    model = make(visible)
    for p in model.parameters():
        p.data.add_(float(seed > 0))
    each = {"data": random_rows(model, N), "epochs": 3, "batch_size": 6, "lr": 0.1}
    fit(model, method=method, generator=seeded(seed), **QUIET | each | options | more)
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def suicidal(done):  # a schedule
    return os.kill(os.getpid(), signal.SIGKILL) if done > 0.6 and dist.get_rank() else 1.0


UNLIKE = {  # what each process is given, by its rank
    "a shard of its own": lambda rank: {
        "data": random_rows(random_rbm("bernoulli"), 6, rank)
    },
    "more rows": lambda rank: {"data": torch.zeros(5 + rank, 4)},
    "another rate": lambda rank: {"lr": 0.1 + rank},
    "more epochs": lambda rank: {"epochs": 2 + rank},
    "another method": lambda rank: {"method": PCD() if rank else CD()},
    "a larger model": lambda rank: {"model": random_rbm("bernoulli", n_hidden=3 + rank)},
}


def refusal(options):
    model = options.pop("model", random_rbm("bernoulli"))
    try:
        fit(model, **{"data": torch.zeros(6, 4), "epochs": 2} | QUIET | options)
    except ValueError as error:
        return str(error)


def lost(path):
    try:
        train("cd", epochs=8, checkpoint=path, schedule=suicidal)
    except ProcessLost as error:
        return str(error)


def run(rank, size, folder, mode):
    """What the process number `rank` does. torchrun sets what it finds in a folder here."""
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=size)
    if mode == "train":
        trained = {name: train(name, seed=rank) for name in CASES}
        pairs = ((name, key, p) for name, own in trained.items() for key, p in own.items())
        np.savez(
            folder / f"rank{rank}.npz", **{f"{name}|{key}": p for name, key, p in pairs}
        )
    else:
        said = {name: refusal(make(rank)) for name, make in UNLIKE.items()}
        if mode == "kill":
            said = lost(folder / "run.pt")
        (folder / f"rank{rank}.json").write_text(json.dumps(said))
    dist.destroy_process_group()
